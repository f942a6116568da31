"""A sheet that is mapped: the same rows, with codes of other systems or the reason why there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terminology import Terminology
from terminology.core.model import Coding
from terminology.library.result_parts import ResultAttribute, ResultMatch
from terminology.wire.fhir_versions import RELEASES
from terminology.workbench import mapped_tables, mapping
from terminology.workbench.columns import columns_of
from terminology.workbench.draft_map import DraftHeader, DraftMap
from terminology.workbench.mapping import MappedRow, MapSummary, SheetMapper, targets_of
from terminology.workbench.sheets import open_sheet
from tests.support.builders import code_system, concept

CPT = "http://www.ama-assn.org/go/cpt"
PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
LOCAL = "http://example.org/local"

ROWS = """Local code;Bezeichnung;System;Code
L1;Konisation mit dem Messer;CPT;57520
L2;LEEP;cpt;57522-51
L3;Konus;CPT;5752O
L4;Dysplasie;CPT;N87.1
L5;nur Text;;
L6;Fehler;CPT;#N/A
L7;unbekannt;CPT;99999
L8;anderer Katalog;Hauskatalog;57520
L9;ohne Katalog;;57520
L10;Datum;CPT;1-Mar
L11;Diagnose;icd10cm;N87.1
L12;Konisation noch einmal;CPT;57520
"""
REASONS = {
    "L1": "condition-open",
    "L2": "condition-open",
    "L3": "typing-slip",
    "L4": "wrong-system",
    "L5": "no-code",
    "L6": "spreadsheet-error",
    "L7": "unknown-code",
    "L8": "no-system",
    "L9": "no-system",
    "L10": "spreadsheet-date",
    "L11": "no-map",
    "L12": "condition-open",
}


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology() as terminology:
        yield terminology


def mapped(terminology: Terminology, folder: Path, text: str = ROWS, **parameters: Any) -> list[MappedRow]:
    path = folder / "codes.csv"
    path.write_text(text, "utf-8")
    mapper = SheetMapper(terminology, targets_of(terminology, ["icd10pcs"]), **parameters)
    with open_sheet(path) as sheet:
        return list(mapper.rows(sheet, columns_of(terminology, sheet, {})))


def test_each_row_has_codes_or_the_reason_why_not(terminology: Terminology, tmp_path: Path) -> None:
    rows = mapped(terminology, tmp_path)
    assert {row.key: row.by_target["icd10pcs"].reason for row in rows} == REASONS
    assert all(row.by_target["icd10pcs"].text for row in rows)
    first = rows[0].by_target["icd10pcs"]
    assert [match.concept and match.concept.code for match in first.matches] == ["0UBC7ZZ", "0UBC7ZX"]
    assert mapped_tables.condition_of(first.matches[0]) == "setting=inpatient-facility & intent=therapeutic"
    assert mapped_tables.place_of(first.matches[0], first).endswith("/cpt-to-icd-10-pcs|0.1.0#57520")


def test_the_answers_are_those_of_translate(terminology: Terminology, tmp_path: Path) -> None:
    for row in mapped(terminology, tmp_path):
        if row.coding.system != CPT or REASONS[row.key].startswith("spreadsheet"):
            continue
        alone = terminology.translate(CPT, row.coding.code, target_system=PCS)
        assert [m.concept for m in row.by_target["icd10pcs"].matches] == [m.concept for m in alone.matches]


def test_a_code_of_the_target_itself_is_taken_over_as_it_is(tmp_path: Path) -> None:
    url = "http://example.org/own"
    old = concept(
        "old",
        property=[{"code": "inactive", "valueBoolean": True}, {"code": "replacedBy", "valueCode": "A01"}],
    )
    document = code_system(url, concept("A01", "One"), old, property=[{"code": "replacedBy", "type": "code"}])
    path = tmp_path / "own.csv"
    path.write_text("code\nA01\nA-01\nold\nnix\nN87.1\n", "utf-8")
    with Terminology([document]) as terminology, open_sheet(path) as sheet:
        columns = columns_of(terminology, sheet, {}, url)
        mapper = SheetMapper(terminology, targets_of(terminology, [url]))
        codes = [row.by_target[url] for row in mapper.rows(sheet, columns)]
    (match,) = codes[0].matches
    assert (match.concept, match.relationship) == (Coding(url, "A01", None, "One"), "equivalent")
    assert (codes[0].reason, codes[0].text) == (None, "'A01' is already a code of this code system.")
    reasons = ["typing-slip", "retired", "unknown-code", "wrong-system"]
    assert [code.reason for code in codes[1:]] == reasons
    assert "'A01'" in (codes[1].text or "") and "replaced by 'A01'" in (codes[2].text or "")
    assert not any(code.matches for code in codes[1:])


def test_values_of_one_condition_are_written_as_alternatives() -> None:
    uri, other = "http://example.org/s#technique", "http://example.org/s#setting"
    conditions = [
        ResultAttribute(uri, "knife"),
        ResultAttribute(other, "ward"),
        ResultAttribute(uri, "laser"),
    ]
    match = ResultMatch("related-to", Coding(PCS, "X"), None, None, (), None, conditions, (), ())
    assert mapped_tables.condition_of(match) == "technique=knife|laser & setting=ward"
    whole = f"{uri}=knife & {other}=ward & {uri}=laser"
    assert mapped_tables.condition_of(match, whole=True) == whole


def test_a_condition_that_is_known_decides(terminology: Terminology, tmp_path: Path) -> None:
    known = [
        {"attribute": "setting", "value": "inpatient-facility"},
        {"attribute": "intent", "value": "diagnostic"},
    ]
    code = mapped(terminology, tmp_path, dependency=known)[0].by_target["icd10pcs"]
    assert (code.reason, [m.concept and m.concept.code for m in code.matches]) == (None, ["0UBC7ZX"])


def test_rows_beyond_one_request_and_repeated_codes_are_answered_alike(
    terminology: Terminology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "CODES_PER_REQUEST", 2)
    assert {r.key: r.by_target["icd10pcs"].reason for r in mapped(terminology, tmp_path)} == REASONS


def test_the_code_system_of_bare_codes_is_the_one_that_has_most_of_them(
    terminology: Terminology, tmp_path: Path
) -> None:
    rows = mapped(terminology, tmp_path, "57520\n57522\n57461\n99999\n")
    assert {row.coding.system for row in rows} == {CPT}
    unknown = mapped(terminology, tmp_path, "57520\nA1\nA2\n")
    assert {row.by_target["icd10pcs"].reason for row in unknown} == {"no-system"}


def test_the_summary_counts_what_is_mapped_and_each_reason(terminology: Terminology, tmp_path: Path) -> None:
    summary = MapSummary()
    for row in mapped(terminology, tmp_path):
        summary.add(row)
    assert (summary.rows, summary.mapped["icd10pcs"], summary.is_complete) == (12, 3, False)
    assert summary.reasons["icd10pcs"]["no-system"] == 2
    line = summary.line("icd10pcs")
    assert line.startswith("icd10pcs: 3 of 12 rows mapped, of these 3 with an open condition; 1 no-code, ")
    assert "condition-open" not in line and summary.reasons["icd10pcs"]["condition-open"] == 3


def test_the_sheet_comes_back_with_columns_for_each_target(terminology: Terminology, tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text(ROWS, "utf-8")
    targets = targets_of(terminology, ["icd10pcs", "snomed"])
    with open_sheet(path) as sheet:
        header = mapped_tables.header_of(sheet, targets)
        rows = list(SheetMapper(terminology, targets).rows(sheet, columns_of(terminology, sheet, {})))
        cells = [mapped_tables.cells_of(sheet, row, targets) for row in rows]
    assert header[:4] == ["Local code", "Bezeichnung", "System", "Code"]
    assert header[4:] == [f"{name} {part}" for name in ("icd10pcs", "snomed") for part in mapped_tables.PARTS]
    assert [";".join(row[:4]) for row in cells] == ROWS.splitlines()[1:]
    assert cells[0][4] == "0UBC7ZZ | 0UBC7ZX" and cells[0][11] == "54535009"
    assert {len(row) for row in cells} == {len(header)}


def test_a_sheet_that_was_mapped_before_gets_no_second_columns(
    terminology: Terminology, tmp_path: Path
) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("CPT,icd10pcs code,note\n57520,old,kept\n", "utf-8")
    targets = targets_of(terminology, ["icd10pcs"])
    with open_sheet(path) as sheet:
        (row,) = SheetMapper(terminology, targets).rows(sheet, columns_of(terminology, sheet, {}))
        assert mapped_tables.header_of(sheet, targets)[:3] == ["CPT", "note", "icd10pcs code"]
        assert mapped_tables.cells_of(sheet, row, targets)[:3] == ["57520", "kept", "0UBC7ZZ | 0UBC7ZX"]


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_draft_map_translates_local_codes_as_the_sheet_says(
    terminology: Terminology, tmp_path: Path, release: str
) -> None:
    rows = mapped(terminology, tmp_path)
    place = tmp_path / "map.json"
    with (
        DraftMap(DraftHeader("http://example.org/m", "1"), RELEASES[release]) as draft,
        place.open("w") as file,
    ):
        added = [
            draft.add(Coding(LOCAL, row.key), PCS, row.by_target["icd10pcs"].matches)
            for row in (*rows, rows[0])
            if row.by_target["icd10pcs"].is_mapped
        ]
        draft.write(file)
    assert added == [True, True, True, False]
    document = json.loads(place.read_text())
    assert (document["status"], document["version"], len(document["group"])) == ("draft", "1", 1)
    with Terminology([place]) as served:
        answer = served.translate(LOCAL, "L1", url="http://example.org/m")
        assert [m.concept and m.concept.code for m in answer.matches] == ["0UBC7ZZ", "0UBC7ZX"]
        narrowed = served.translate(
            LOCAL, "L1", url="http://example.org/m", dependency={"attribute": "intent", "value": "diagnostic"}
        )
        assert [m.concept and m.concept.code for m in narrowed.matches] == ["0UBC7ZX"]
        assert narrowed.matches[0].relationship == "source-is-narrower-than-target"
