"""Tables that the workbench writes: whole, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from terminology import UnreadableFileError
from terminology.core import budget
from terminology.core.errors import OverBudgetError
from terminology.workbench.sheets import open_sheet
from terminology.workbench.tables import format_of, open_table

HEADER = ["code", "name", "more"]
ROWS: list[list[Any]] = [["0057", 'Cone; "cold"\nknife', {"a": [1]}], ["2", "ä", ""]]


@pytest.mark.parametrize("format_", ["csv", "xlsx", "jsonl"])
def test_a_table_reads_back_as_it_was_written(tmp_path: Path, format_: str) -> None:
    path = tmp_path / f"t.{format_}"
    with open_table(path, format_of(path, None), HEADER) as table:
        for row in ROWS:
            table.row(row)
    with open_sheet(path) as sheet:
        assert sheet.header == HEADER
        cells = [row.cells for row in sheet.rows]
    assert cells == [["0057", 'Cone; "cold"\nknife', json.dumps({"a": [1]})], ["2", "ä", ""]]
    assert [place.name for place in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("format_", ["csv", "xlsx", "jsonl"])
def test_an_interruption_leaves_the_file_as_it_was(tmp_path: Path, format_: str) -> None:
    path = tmp_path / f"t.{format_}"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), open_table(path, format_, HEADER) as table:
        table.row(ROWS[0])
        raise KeyboardInterrupt
    assert [place.name for place in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "before"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "t.csv"
    with (
        pytest.raises(UnreadableFileError, match="cannot be written: No such file"),
        open_table(path, "csv", HEADER),
    ):
        pass


def test_a_workbook_is_not_written_to_standard_output() -> None:
    with pytest.raises(UnreadableFileError, match="--output"), open_table(None, "xlsx", HEADER):
        pass


def test_control_characters_do_not_break_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    cells = ["a\x0bb\ufffe\uffff", "=1+1", "x"]
    with open_table(path, "xlsx", cells) as table:
        table.row(cells)
    (sheet,) = openpyxl.load_workbook(path).worksheets
    for row in ("1", "2"):
        assert sheet[f"A{row}"].value == "ab"
        assert (sheet[f"B{row}"].value, sheet[f"B{row}"].data_type) == ("=1+1", "s")


def test_the_cells_of_a_workbook_count_as_work(tmp_path: Path) -> None:
    with budget.opened(steps=100_000), pytest.raises(OverBudgetError):
        with open_table(tmp_path / "t.xlsx", "xlsx", ["x"] * 1_000) as table:
            for _ in range(10):
                table.row(["x"] * 1_000)
