"""Which column is which: by its name, by the name of a code system, or as the caller says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terminology import Terminology, TerminologyError, UnreadableFileError
from terminology.workbench.columns import SheetColumns, columns_of
from terminology.workbench.sheets import open_sheet

CPT = "http://www.ama-assn.org/go/cpt"
ICD10 = "http://hl7.org/fhir/sid/icd-10"


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology() as terminology:
        yield terminology


def columns(
    terminology: Terminology, folder: Path, header: str, default: str | None = None, **given: str
) -> SheetColumns:
    path = folder / "codes.csv"
    path.write_text(f"{header}\n", "utf-8")
    with open_sheet(path) as sheet:
        return columns_of(terminology, sheet, given, default)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("code,name", {"code": 0, "text": 1}),
        ("Name,Code", {"code": 1, "text": 0}),
        ("Local code,Name,Code,System", {"key": 0, "text": 1, "code": 2, "system": 3}),
        ("Hauscode,Bezeichnung,Anzahl,Sprache", {"key": 0, "text": 1, "count": 2}),
        ("sourceCode,sourceName,sourceFrequency", {"code": 0, "text": 1, "count": 2}),
        ("Local code,Name,CPT", {"key": 0, "text": 1, "code": 2, "default_system": CPT}),
        ("Local code,Gender,Status,ICD10_CODE", {"key": 0, "code": 3, "default_system": ICD10}),
        ("Item,CPT code,Description", {"key": 0, "code": 1, "text": 2, "default_system": CPT}),
    ],
)
def test_columns_are_known_by_usual_names(
    terminology: Terminology, tmp_path: Path, header: str, expected: dict[str, Any]
) -> None:
    assert columns(terminology, tmp_path, header) == SheetColumns(**expected)


def test_a_column_that_is_named_counts_before_a_usual_one(terminology: Terminology, tmp_path: Path) -> None:
    got = columns(terminology, tmp_path, "code,name,x", default="cpt", code="x", text="1")
    assert (got.code, got.text, got.default_system) == (2, 0, CPT)


def test_a_code_system_that_is_given_is_that_of_all_codes(terminology: Terminology, tmp_path: Path) -> None:
    assert columns(terminology, tmp_path, "code,system", default="cpt").system is None
    assert columns(terminology, tmp_path, "code,system", default="cpt", system="system").system == 1


def test_a_sheet_without_codes_and_texts_is_refused(terminology: Terminology, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"--code or --text. Columns: apples, pears"):
        columns(terminology, tmp_path, "apples,pears")


def test_an_unknown_code_system_is_refused_with_names_that_are_known(
    terminology: Terminology, tmp_path: Path
) -> None:
    with pytest.raises(TerminologyError, match=r"No code system is called 'nix'.*cpt, icd10cm"):
        columns(terminology, tmp_path, "code", default="nix")


@pytest.mark.parametrize(
    ("header", "note"),
    [
        ("Name,CPT,ICD-10-PCS,ICD", f"column 'CPT', of {CPT}; not read: 'ICD-10-PCS', 'ICD'"),
        ("code,CPT,LOINC", f"column 'CPT', of {CPT}; not read: 'LOINC'"),
        ("Local code,Name,CPT", None),
    ],
)
def test_columns_of_codes_that_are_not_read_are_named(
    terminology: Terminology, tmp_path: Path, header: str, note: str | None
) -> None:
    path = tmp_path / "codes.csv"
    path.write_text(f"{header}\n", "utf-8")
    with open_sheet(path) as sheet:
        columns_of(terminology, sheet, {})
    notes = [f"its codes are those of the {note} (--code chooses another column)"] if note else []
    assert sheet.notes == notes
