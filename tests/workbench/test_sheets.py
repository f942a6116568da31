"""Sheets as people write them: nothing of a row is lost, and what is wrong with it has a name."""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from terminology import UnreadableFileError
from terminology.core import budget
from terminology.core.errors import OverBudgetError
from terminology.workbench.sheets import open_sheet, plain, spoiled


def read(path: Path, **look: Any) -> tuple[list[str], list[list[str]], list[str]]:
    with open_sheet(path, **look) as sheet:
        rows = [row.cells for row in sheet.rows]
        return sheet.header, rows, sheet.notes


def written(folder: Path, content: bytes, name: str = "codes.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_that_of_the_first_line(tmp_path: Path, mark: str) -> None:
    text = f'code{mark}"name; with, marks"\n57520{mark}Cone\n'
    assert read(written(tmp_path, text.encode()))[:2] == (["code", "name; with, marks"], [["57520", "Cone"]])


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("code,name\nA,Gebärmutterhals\n".encode(), None),
        (b"\xef\xbb\xbf" + "code,name\nA,Gebärmutterhals\n".encode(), None),
        ("code,name\nA,Gebärmutterhals\n".encode("cp1252"), "1 lines are in Windows-1252"),
        ("code\tname\nA\tGebärmutterhals\n".encode("utf-16"), "is UTF-16"),
        ("code,name\r\nA,Gebärmutterhals\r\n".encode(), None),
        ("code,name\rA,Gebärmutterhals\r".encode(), None),
    ],
)
def test_every_usual_encoding_is_read_and_an_unusual_one_named(
    tmp_path: Path, content: bytes, note: str | None
) -> None:
    header, rows, notes = read(written(tmp_path, content))
    assert (header, rows) == (["code", "name"], [["A", "Gebärmutterhals"]])
    assert ([] if note is None else [True]) == [text.startswith(note or "") for text in notes]


def test_one_sheet_may_have_lines_in_two_encodings(tmp_path: Path) -> None:
    content = "code\nGebärmutter\n".encode() + "Mutterkörper\n".encode("cp1252") + "Scheide ß\n".encode()
    _, rows, notes = read(written(tmp_path, content), header=True)
    assert [row[0] for row in rows] == ["Gebärmutter", "Mutterkörper", "Scheide ß"]
    assert notes == ["1 lines are in Windows-1252, the others in UTF-8; CSV is written in UTF-8"]


def test_an_encoding_that_is_given_must_fit(tmp_path: Path) -> None:
    path = written(tmp_path, "code\nGebärmutter\n".encode("cp437"))
    assert read(path, encoding="cp437", header=True)[1] == [["Gebärmutter"]]
    with pytest.raises(UnreadableFileError, match=r"line 2 is not ascii"):
        read(path, encoding="ascii", header=True)
    with pytest.raises(UnreadableFileError, match="no encoding 'klingon'"):
        read(path, encoding="klingon", header=True)


def test_rows_of_another_width_keep_all_their_text(tmp_path: Path) -> None:
    _, rows, notes = read(written(tmp_path, b"code,name,n\nA\nB,cone, biopsy,3\nC,x,1\n"))
    assert rows == [["A", "", ""], ["B", "cone", " biopsy,3"], ["C", "x", "1"]]
    assert notes == ["2 rows have more or fewer cells than the header"]


def test_a_bare_list_of_codes_needs_no_header(tmp_path: Path) -> None:
    path = written(tmp_path, b"57520\n57522\n")
    assert read(path)[:2] == (["code"], [["57520"], ["57522"]])
    assert read(path, header=True)[:2] == (["57520"], [["57522"]])
    assert read(written(tmp_path, b"a,1\nb,2\n"), header=False)[:2] == (["1", "2"], [["a", "1"], ["b", "2"]])


@pytest.mark.parametrize("name", ["CPT4", "ICD10", "icd-10-cm"])
def test_a_lone_column_called_after_a_code_system_has_a_header(tmp_path: Path, name: str) -> None:
    assert read(written(tmp_path, f"{name}\n57520\n".encode()))[:2] == ([name], [["57520"]])


def test_a_row_has_the_number_that_a_spreadsheet_program_shows(tmp_path: Path) -> None:
    with open_sheet(written(tmp_path, b'code,name\nA,"two\nlines"\n\nB,x\n')) as sheet:
        assert [row.number for row in sheet.rows] == [2, 4]


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "codes.csv", "is empty"),
        (b"%PDF-1.7", "codes.csv", "is a PDF"),
        (b"\xd0\xcf\x11\xe0xxxx", "codes.xls", "save it as .xlsx"),
        (b"PK\x03\x04 broken", "codes.xlsx", "not an XLSX file"),
        (b'{"code": 1}\nnonsense\n', "codes.jsonl", "codes.jsonl:2: is not JSON"),
        (b'{"code": 1}\n[2]\n', "codes.jsonl", "codes.jsonl:2: is not a JSON object"),
        (b'{"code": ' + b"[" * 9_000, "codes.jsonl", "codes.jsonl:1: JSON is nested too deeply"),
        (b'{"code": "\\ud800"}', "codes.jsonl", "codes.jsonl:1: has half a character"),
        (b'{"code": "\xed\xa0\x80"}', "codes.jsonl", "codes.jsonl:1: has half a character"),
        (b'"' + b"x" * 2_000_000 + b'"\n1\n', "codes.csv", "row 1 cannot be read as CSV: field larger"),
        (b'code\n"' + b"x" * 2_000_000 + b'"\n', "codes.csv", "row 2 cannot be read as CSV: field larger"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, name: str, reason: str
) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read(written(tmp_path, content, name))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"nothing\.csv: cannot be read: No such file"):
        read(tmp_path / "nothing.csv")


def test_a_workbook_tells_numbers_dates_and_formulas_apart(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["code", "name"],
        [57520, "number"],
        ["057520", "text"],
        [datetime.datetime(2026, 3, 1), "date"],
        ["=A2", "formula"],
        [None, None],
        [None, "no code"],
    ):
        sheet.append(row)
    book.create_sheet("Other").append(["code"])
    book.save(tmp_path / "codes.xlsx")
    with open_sheet(tmp_path / "codes.xlsx") as opened:
        rows = list(opened.rows)
    assert [(row.number, row.cells[0], dict(row.spoiled)) for row in rows] == [
        (2, "57520", {}),
        (3, "057520", {}),
        (4, "2026-03-01", {0: "spreadsheet-date"}),
        (5, "", {0: "spreadsheet-formula"}),
        (7, "", {}),
    ]
    assert read(tmp_path / "codes.xlsx", sheet="Other")[:2] == (["code"], [])
    with pytest.raises(UnreadableFileError, match="no sheet 'X'; known sheets: Sheet, Other"):
        read(tmp_path / "codes.xlsx", sheet="X")


def test_a_character_in_two_halves_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"code": "\\ud83d\\ude00"}', "codes.jsonl")
    assert read(path)[1] == [["\U0001f600"]]


def test_a_cell_of_csv_may_be_long(tmp_path: Path) -> None:
    text = "x" * 200_000
    assert read(written(tmp_path, f"code,{text}\nA,{text}\n".encode()))[:2] == (["code", text], [["A", text]])


def test_a_sheet_with_too_many_columns_is_refused(tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(2_001))
    lines = "".join(f'{{"c{number}": 1}}\n' for number in range(2_001))
    for name, content in (("codes.csv", header), ("codes.jsonl", lines)):
        with pytest.raises(UnreadableFileError, match=rf"{name}: has more than 2,000 columns"):
            read(written(tmp_path, content.encode(), name))
    assert len(read(written(tmp_path, header.rpartition(",")[0].encode()))[0]) == 2_000


def test_json_lines_have_the_keys_of_all_lines_as_columns(tmp_path: Path) -> None:
    lines = [{"code": "A"}, {"code": "B", "n": 3, "tags": ["x"]}]
    path = written(tmp_path, "\n".join(map(json.dumps, lines)).encode(), "codes.jsonl")
    assert read(path)[:2] == (["code", "n", "tags"], [["A", "", ""], ["B", "3", '["x"]']])


def test_a_column_is_named_in_any_case_or_by_its_number(tmp_path: Path) -> None:
    with open_sheet(written(tmp_path, b"Local Code,Name\nA,x\n")) as sheet:
        assert (sheet.column("local code"), sheet.column("2")) == (0, 1)
        with pytest.raises(UnreadableFileError, match="no column 'CPT'; columns: Local Code, Name"):
            sheet.column("CPT")


@pytest.mark.parametrize(
    ("cell", "how"),
    [
        ("#N/A", "error"),
        ("#REF!", "error"),
        ("2026-03-01", "date"),
        ("01-Mar", "date"),
        ("Mrz-26", None),
        ("Mar-26", "date"),
        ("5/7/52", "date"),
        ("5.752E+04", "number"),
        ("=VLOOKUP(A1,B:B,1)", "formula"),
        ("57520", None),
        ("57.520", None),
        ("12E4567", None),
        ("0UBC7ZZ", None),
        ("N87.1", None),
    ],
)
def test_what_a_spreadsheet_program_makes_of_codes_is_recognised(cell: str, how: str | None) -> None:
    assert spoiled(cell) == (how and f"spreadsheet-{how}")


def test_the_formula_that_keeps_zeros_is_read_as_its_text() -> None:
    assert [plain(cell) for cell in ('="00575"', "\u00a057520\u200b", " x ")] == ["00575", "57520", "x"]


@pytest.mark.parametrize("repeated", ["2", "3"])
def test_a_workbook_with_a_row_number_twice_is_refused(tmp_path: Path, repeated: str) -> None:
    book = openpyxl.Workbook()
    for cells in (["code"], ["57520"], ["57522"], ["57461"]):
        book.active.append(cells)
    book.save(tmp_path / "right.xlsx")
    place = tmp_path / "wrong.xlsx"
    with zipfile.ZipFile(tmp_path / "right.xlsx") as right, zipfile.ZipFile(place, "w") as wrong:
        for name in right.namelist():
            content = right.read(name)
            if name.endswith("sheet1.xml"):
                assert b'<row r="4"' in content
                content = content.replace(b'<row r="4"', f'<row r="{repeated}"'.encode())
            wrong.writestr(name, content)
    with (
        pytest.raises(UnreadableFileError, match=f"row {repeated} comes after row 3"),
        open_sheet(place) as sheet,
    ):
        list(sheet.rows)


def spoiled_workbook(place: Path, right: bytes, wrong: bytes) -> Path:
    """A workbook with a text in the XML of its sheet in place of another one."""
    book, whole = openpyxl.Workbook(), io.BytesIO()
    for cells in (["code"], ["57520"], ["57522"]):
        book.active.append(cells)
    book.save(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(place, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("sheet1.xml"):
                assert right in content
                content = content.replace(right, wrong)
            target.writestr(name, content)
    return place


BROKEN = [
    (b'<c r="A2" t="inlineStr"><is><t>57520</t></is></c>', b'<c r="A2" t="d"><v>9999-99-99</v></c>'),
    (b'<c r="A2" t="inlineStr"><is><t>57520</t></is></c>', b'<c r="A2" t="s"><v>99</v></c>'),
    (b'<c r="A2" t="inlineStr"><is><t>57520</t></is></c>', b'<c r="A2" t="b"><v>zz</v></c>'),
    (b'<c r="A2" ', b'<c r="ZZZZZZZ2" '),
    (b'<row r="2"', b'<row r="x"'),
    (b'<row r="3"', b'<row r="200000000"'),
]


@pytest.mark.parametrize(("right", "wrong"), BROKEN)
def test_a_row_that_cannot_be_read_is_refused_as_the_file_is(
    tmp_path: Path, right: bytes, wrong: bytes
) -> None:
    place = spoiled_workbook(tmp_path / "sheet.xlsx", right, wrong)
    with pytest.raises(UnreadableFileError, match=r"sheet\.xlsx:\d+: "), open_sheet(place) as sheet:
        list(sheet.rows)


def test_rows_without_cells_count_as_work(tmp_path: Path) -> None:
    place = spoiled_workbook(tmp_path / "sheet.xlsx", b'<row r="3"', b'<row r="900000"')
    with budget.opened(steps=50_000), open_sheet(place) as sheet, pytest.raises(OverBudgetError):
        list(sheet.rows)


@pytest.mark.parametrize("name", ["\u00b2", "9" * 5000, "0", "2"])
def test_a_number_that_is_no_column_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "codes.csv").write_text("code\n57520\n")
    with open_sheet(tmp_path / "codes.csv") as sheet, pytest.raises(UnreadableFileError, match="no column"):
        sheet.column(name)
