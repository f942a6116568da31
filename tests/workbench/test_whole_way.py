"""A sheet of 5,000 local codes goes the whole way: map, suggest, decide, lint, serve, translate, cover, diff.

No file is edited by hand but the decisions, which this test makes as a person would: what maps say is accepted, of the
suggestions the best one if it is good.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from terminology import Settings, Terminology, create_app
from terminology.cli.commands import main
from tests.support.local_codes import OLD_CATALOGUE, OLD_MAP, OWN, LocalCode, local_codes, sheet_of

LOCAL = "http://example.org/fhir/CodeSystem/local"
MAP = "http://example.org/fhir/ConceptMap/local-to-conization"
ROWS = 5_000
GOOD = 0.8
TO = ("--to", "cervical-conization")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole-way")


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[LocalCode]:
    (folder / "house.json").write_text(json.dumps(OLD_CATALOGUE), "utf-8")
    (folder / "house-map.json").write_text(json.dumps(OLD_MAP), "utf-8")
    with Terminology() as terminology:
        rows = local_codes(terminology, ROWS)
    (folder / "codes.csv").write_bytes(sheet_of(rows))
    return rows


def run(folder: Path, *words: str) -> Result:
    content = ("--content", str(folder / "house.json"), "--content", str(folder / "house-map.json"))
    places = [str(folder / word) if "." in word and "/" not in word else word for word in words]
    result = CliRunner().invoke(main, [*places, *content], env={"TERMINOLOGY_DATA": ""})
    assert "Traceback" not in result.output and not isinstance(result.exception, (TypeError, KeyError))
    return result


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


@pytest.fixture(scope="module")
def mapped(folder: Path, rows: list[LocalCode]) -> list[dict[str, str]]:
    result = run(folder, "map", "codes.csv", *TO, "--output", "mapped.csv")
    assert result.exit_code == 1  # some rows have no translation
    assert "lines are in Windows-1252, the others in UTF-8" in result.stderr
    return table(folder / "mapped.csv", ";")


@pytest.fixture(scope="module")
def decisions(folder: Path, mapped: list[dict[str, str]]) -> list[dict[str, str]]:
    words = ("--source-url", LOCAL, "--output", "decisions.csv")
    assert run(folder, "suggest", "codes.csv", *TO, *words).exit_code == 0
    decided = table(folder / "decisions.csv", ";")
    best: set[str] = set()
    for row in decided:
        is_best = row["source code"] not in best
        best.add(row["source code"])
        is_right = bool(row["target code"]) and (
            not row["score"] or (is_best and float(row["score"]) >= GOOD)
        )
        row |= {"status": "accepted" if is_right else "rejected", "by": "Ada", "when": "2026-12-01"}
        if is_right and row["score"]:
            row["relationship"] = "equivalent"
    with (folder / "decided.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, decided[0])
        writer.writeheader()
        writer.writerows(decided)
    return decided


@pytest.fixture(scope="module")
def reviewed_map(folder: Path, decisions: list[dict[str, str]]) -> dict[str, Any]:
    words = ("--url", MAP, "--map-version", "2026", "--status", "active", "--output", "map.json")
    assert run(folder, "review", "decided.csv", *words).exit_code == 0
    document: dict[str, Any] = json.loads((folder / "map.json").read_text("utf-8"))
    return document


@pytest.fixture(scope="module")
def served(folder: Path, reviewed_map: dict[str, Any]) -> Iterator[Any]:
    with Terminology([reviewed_map]) as terminology:
        yield create_app(Settings(), catalogue=terminology.catalogue).test_client()


def targets(decisions: list[dict[str, str]]) -> dict[str, set[str]]:
    accepted: dict[str, set[str]] = {}
    for row in decisions:
        if row["status"] == "accepted":
            accepted.setdefault(row["source code"], set()).add(row["target code"])
    return accepted


# What may come of each kind of row: "" is a translation without a remark.
EXPECTED = {
    "plain": {"", "condition-open", "no-row", "no-map", "no-target"},
    "text": {"no-code"},
    "modifier": {"", "condition-open", "typing-slip"},  # in CPT a colon comes before it
    "letter O": {"typing-slip"},
    "zero lost": {"typing-slip"},
    "dotless": {"", "typing-slip", "no-map"},
    "case": {"", "no-map"},
    "retired": {"retired"},
    "old": {""},
    "wrong system": {"wrong-system"},
    "unknown": {"unknown-code"},
    "blanks": {"", "condition-open", "no-row"},
    "error": {"spreadsheet-error"},
    "date": {"spreadsheet-date"},
}


def test_every_row_comes_back_with_its_codes_or_the_right_reason(
    rows: list[LocalCode], mapped: list[dict[str, str]]
) -> None:
    assert len(mapped) == ROWS
    found: dict[str, Counter[str]] = {}
    for row, line in zip(rows, mapped, strict=True):
        assert [line[name] for name in ("Hauscode", "Bezeichnung", "Anzahl")] == [
            *row.cells[:2],
            row.cells[4],
        ]
        reason = line["cervical-conization reason"]
        found.setdefault(row.kind, Counter())[reason] += 1
        assert bool(line["cervical-conization code"]) is (reason in ("", "condition-open"))
    assert {kind: set(reasons) - EXPECTED[kind] for kind, reasons in found.items()} == dict.fromkeys(
        found, set()
    )
    assert set(found) == set(EXPECTED)


def test_most_texts_have_a_good_suggestion(rows: list[LocalCode], decisions: list[dict[str, str]]) -> None:
    texts = {row.cells[0] for row in rows if row.kind == "text"}
    accepted = targets(decisions)
    assert sum(code in accepted for code in texts) > 0.9 * len(texts)


def test_the_map_has_no_errors(folder: Path, reviewed_map: dict[str, Any]) -> None:
    result = run(folder, "lint", "map.json")
    assert result.exit_code == 0, result.stdout[:2_000]


def test_what_is_served_is_what_was_decided(served: Any, decisions: list[dict[str, str]]) -> None:
    accepted = targets(decisions)
    codes = sorted({row["source code"] for row in decisions})[::97]
    assert len(codes) > 40
    for code in codes:
        address = f"/fhir/r4/ConceptMap/$translate?url={MAP}&system={LOCAL}&code={code}"
        answer = served.get(address).get_json()
        matches = [p["part"] for p in answer["parameter"] if p["name"] == "match"]
        found = {
            part["valueCoding"]["code"] for parts in matches for part in parts if part["name"] == "concept"
        }
        assert found == accepted.get(code, set()), code


def test_coverage_is_that_of_the_decisions(
    folder: Path, reviewed_map: dict[str, Any], decisions: Any
) -> None:
    words = ("--code", "Hauscode", "--from", LOCAL, "--map", MAP, "--json", "--content", "map.json")
    result = run(folder, "coverage", "codes.csv", *TO, *words)
    (report,) = json.loads(result.stdout)
    assert (report["codes"], report["mapped"]) == (ROWS, len(targets(decisions)))
    assert report["unknownTargets"] == report["inactiveTargets"] == []
    assert 0 < report["weightedShare"] < 1


def test_the_next_code_year_shows_what_breaks(folder: Path, decisions: list[dict[str, str]]) -> None:
    with Terminology() as terminology:
        (old,) = (r for r in terminology.search("CodeSystem", url=OWN))
        document = old.in_release("r5")
    new = json.loads(json.dumps(document, default=str))
    new["version"] = "2027"

    def concepts(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for node in nodes:
            yield node
            yield from concepts(node.get("concept", []))

    by_code = {node["code"]: node for node in concepts(new["concept"])}
    by_code["conization-loop"].setdefault("property", []).append({"code": "inactive", "valueBoolean": True})
    new.setdefault("property", []).append(
        {"code": "inactive", "uri": "http://hl7.org/fhir/concept-properties#inactive", "type": "boolean"}
    )
    by_code["conization-laser"]["display"] = "Conization of cervix by laser"
    (folder / "old.json").write_text(json.dumps(document, default=str), "utf-8")
    (folder / "new.json").write_text(json.dumps(new), "utf-8")
    result = run(folder, "diff", "old.json", "new.json")
    assert result.stderr == "1 renamed, 1 retired\n"
    broken = run(folder, "diff", "old.json", "new.json", "--codes", "decided.csv", "--code", "target code")
    assert broken.exit_code == 1
    assert broken.stdout == "retired conization-loop: Conization of cervix, electrosurgical loop\n"
