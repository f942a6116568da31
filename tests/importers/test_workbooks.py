"""Workbooks as no spreadsheet program writes them: each is refused with the file, the row and the reason, and soon."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner
from openpyxl.chart import BarChart

from terminology import UnreadableFileError
from terminology.cli.commands import main
from terminology.content.importers.files import File
from terminology.content.importers.medicare.tables import find_table
from terminology.content.importers.rows import SILENT
from terminology.content.importers.sheets import sheet_of, sheet_rows, workbook
from terminology.core.errors import BrokenReleaseError
from terminology.workbench.sheets import open_sheet

_SHEET = "xl/worksheets/sheet1.xml"
_NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEADER = '<row r="1"><c r="A1" t="str"><v>code</v></c><c r="B1" t="str"><v>display</v></c></row>'
# The rows below the header, and what is said of them.
FAULTS = [
    (
        '<row r="1000000000"><c r="A1000000000"><v>1</v></c></row>',
        "1048577: a sheet has at most 1,048,576 rows",
    ),
    ('<row r="2"><c r="XFE2"><v>1</v></c></row>', "2: a sheet has at most 16,384 columns"),
    ('<row r="2"><c r="ZZZZZZ2"><v>1</v></c></row>', "2: the row cannot be read as XLSX: 'ZZZZZZ'"),
    ('<row r="2"><c r="A2" t="s"><v>99</v></c></row>', "2: the row cannot be read as XLSX: list index"),
    ('<row r="2"><c r="A2"><v>abc</v></c></row>', "2: the row cannot be read as XLSX: invalid literal"),
    ('<row r="2"><c r="A2"><v>nan</v></c></row>', "2: the row cannot be read as XLSX: invalid literal"),
    (
        '<row r="2"><c r="A2" t="d"><v>abc</v></c></row>',
        "2: the row cannot be read as XLSX: Invalid datetime",
    ),
    ('<row r="x"><c r="A2"><v>1</v></c></row>', "2: the row cannot be read as XLSX: could not convert"),
]


def written(path: Path, rows: str, before: str = "") -> Path:
    """A workbook whose only sheet has these rows of XML."""
    openpyxl.Workbook().save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    xml = f'<worksheet xmlns="{_NAMESPACE}">{before}<sheetData>{rows}</sheetData></worksheet>'
    parts[_SHEET] = xml.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def read(path: Path) -> list[list[object]]:
    file = File(path)
    with workbook(file, values=True) as book:
        return [list(row) for row in sheet_rows(file, sheet_of(file, book, None))]


@pytest.mark.parametrize(("rows", "reason"), FAULTS)
def test_a_row_that_cannot_be_read_is_named_in_a_sheet(tmp_path: Path, rows: str, reason: str) -> None:
    path = written(tmp_path / "a.xlsx", HEADER + rows)
    with pytest.raises(UnreadableFileError, match=f"^a.xlsx:{reason}"), open_sheet(path) as sheet:
        list(sheet.rows)


@pytest.mark.parametrize(("rows", "reason"), FAULTS)
def test_a_row_that_cannot_be_read_ends_an_import_with_one_line(
    tmp_path: Path, rows: str, reason: str
) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    written(folder / "a.xlsx", HEADER + rows)
    toml = '[file]\nsheet = "Sheet"\n[CodeSystem]\nurl = "http://example.org/a"\n'
    (folder / "a.toml").write_text(toml + '[columns]\ncode = "code"\ndisplay = "display"\n')
    result = CliRunner().invoke(main, ["import", "--store", str(tmp_path / "store"), "xlsx", str(folder)])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert f"Error: a.xlsx:{reason}" in result.stderr


@pytest.mark.parametrize(("rows", "reason"), FAULTS)
def test_a_row_that_cannot_be_read_is_named_in_a_table_of_cms(tmp_path: Path, rows: str, reason: str) -> None:
    file = File(written(tmp_path / "a.xlsx", HEADER + rows))
    with pytest.raises(BrokenReleaseError, match=f"^a.xlsx:{reason}"):
        table = find_table(file, "CODE", [("DISPLAY",)])
        list(table.rows(SILENT) if table else ())


def test_the_cells_that_are_read_have_a_bound(tmp_path: Path) -> None:
    """One cell a row, in the last column: so a little file would become many cells."""
    rows = "".join(f'<row r="{number}"><c r="XFD{number}"/></row>' for number in range(1, 6_500))
    path = written(tmp_path / "a.xlsx", rows)
    with pytest.raises(BrokenReleaseError, match=r"^a.xlsx:6401: at most 104,857,600 cells are read"):
        read(path)


def test_what_a_sheet_says_of_its_size_neither_makes_nor_hides_cells(tmp_path: Path) -> None:
    rows = HEADER + '<row r="1048576"><c r="A1048576"><v>1</v></c></row>'
    for size in ("A1", "A1:XFD1048576"):
        path = written(tmp_path / "a.xlsx", rows, f'<dimension ref="{size}"/>')
        began = time.monotonic()
        cells = read(path)
        assert len(cells) == 1_048_576 and [row for row in cells if row] == [["code", "display"], [1]]
        assert time.monotonic() - began < 60


def test_a_workbook_without_a_sheet_of_cells_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_chartsheet().add_chart(BarChart())
    book.remove(book.worksheets[0])
    book.save(tmp_path / "a.xlsx")
    with (
        pytest.raises(UnreadableFileError, match="no sheet of cells"),
        open_sheet(tmp_path / "a.xlsx"),
    ):
        pass


def test_a_reason_is_one_line(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xlsx", HEADER, '<dimension ref="nonsense"/>')
    with pytest.raises(UnreadableFileError, match=r"^a.xlsx: is not an XLSX file: [^\n]+$"), open_sheet(path):
        pass
