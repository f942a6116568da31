"""The commands ``suggest`` and ``review``: from a sheet to a map that is served."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from terminology.cli.commands import main

LOCAL = "http://example.org/local"
SHEET = "Local code;Name;CPT;Anzahl\nL1;Konisation;57520;10\nL2;Schlingenkonisation;;4\nL3;zzz;;1\n"


def run(*words: str) -> Result:
    result = CliRunner().invoke(main, list(words), env={"TERMINOLOGY_DATA": ""})
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def decisions(tmp_path: Path) -> Path:
    sheet, place = tmp_path / "codes.csv", tmp_path / "decisions.csv"
    sheet.write_text(SHEET, "cp1252")
    words = ("suggest", str(sheet), "--to", "cervical-conization", "--source-url", LOCAL, "-o", str(place))
    result = run(*words)
    assert result.exit_code == 0
    assert result.stderr.endswith("rows to decide: 3 of maps, 5 by text, 1 without a candidate\n")
    return place


def decide(place: Path, **statuses: str) -> None:
    """Set the status of the first row of each code."""
    with place.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    for row in rows:
        row["status"] = statuses.pop(row["source code"], row["status"])
    with place.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


def test_what_is_accepted_is_translated_by_the_map(decisions: Path, tmp_path: Path) -> None:
    decide(decisions, L1="accepted", L2="accepted", L3="rejected")
    place = str(tmp_path / "map.json")
    result = run("review", str(decisions), "--url", "http://example.org/m", "-o", place)
    assert result.exit_code == 0
    assert result.stderr == (
        "2 accepted, 6 proposed, 1 rejected; 1 code without an accepted row\n"
        + f"2 rows written to {place}\n"
    )
    answer = run("translate", LOCAL, "L2", "--map", "http://example.org/m", "--content", place)
    assert answer.exit_code == 0 and "conization-loop" in answer.output


def test_a_row_that_cannot_be_used_makes_the_status_1(decisions: Path) -> None:
    decide(decisions, L1="perhaps")
    result = run("review", str(decisions), "--check")
    assert result.exit_code == 1
    assert "row 2, L1: the status 'perhaps' is not one of proposed, accepted, rejected" in result.stderr


def test_refused_rows_are_counted_apart_and_the_others_are_written(decisions: Path, tmp_path: Path) -> None:
    decide(decisions, L1="perhaps", L2="accepted")
    place = str(tmp_path / "map.json")
    result = run("review", str(decisions), "--url", "http://example.org/m", "-o", place)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1:] == [
        "1 accepted, 7 proposed, 1 refused; 2 codes without an accepted row",
        f"1 row written to {place}",
    ]
    answer = run("translate", LOCAL, "L2", "--map", "http://example.org/m", "--content", place)
    assert "conization-loop" in answer.output
    checked = run("review", str(decisions), "--check")
    assert checked.stderr.endswith("\nnothing is written (--check)\n")


@pytest.mark.parametrize("name", ["usagi", "stcm", "sssom", "snap2snomed", "decisions"])
def test_other_formats_are_written_and_read_back(decisions: Path, tmp_path: Path, name: str) -> None:
    decide(decisions, L1="accepted")
    place = str(tmp_path / "other.csv")
    result = run("review", str(decisions), "--format", name, "-o", place)
    assert result.exit_code == 0
    assert (f"{name} cannot hold: " in result.stderr) is (name != "decisions")
    assert run("review", place, "--check").exit_code == 0


def test_a_workbook_of_decisions_goes_round(decisions: Path, tmp_path: Path) -> None:
    decide(decisions, L1="accepted")
    book = str(tmp_path / "decisions.xlsx")
    assert run("review", str(decisions), "--format", "decisions", "-o", book).exit_code == 0
    assert run("review", book, "--check").stderr.startswith("1 accepted, 8 proposed")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("review", "DECISIONS"), "needs --url"),
        (("review", "SHEET", "--check"), "has no columns of decisions"),
        (("review", "nothing.csv", "--check"), "nothing.csv: cannot be read"),
        (("suggest", "SHEET", "--to", "nix"), "No code system is called 'nix'"),
        (("suggest", "SHEET", "--to", "http://example.org/nowhere"), "could not be found"),
    ],
)
def test_a_mistake_is_one_line(decisions: Path, tmp_path: Path, words: tuple[str, ...], text: str) -> None:
    places = {"DECISIONS": str(decisions), "SHEET": str(tmp_path / "codes.csv")}
    result = run(*(places.get(word, word) for word in words))
    assert result.exit_code in (1, 2) and text in result.output
