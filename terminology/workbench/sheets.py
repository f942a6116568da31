"""Sheets of codes as people keep them: CSV in any encoding, XLSX, JSON lines; read a row at a time.

Nothing is lost: a row that is too short or too long, a line in another encoding and a cell that a spreadsheet
program has spoiled come back with the sheet, and a note names the fault.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from terminology.content.importers.files import BYTE_ORDER_MARK, File
from terminology.content.importers.rows import SILENT, unchecked_lines
from terminology.content.importers.sheets import cell_text, sheet_of, sheet_rows, workbook
from terminology.content.importers.table import SPREADSHEET_ERRORS
from terminology.core.budget import spend
from terminology.core.errors import BrokenReleaseError, UnreadableFileError
from terminology.core.model import Problem
from terminology.core.texts import bare
from terminology.operations.spelling import SHORT_NAMES
from terminology.store.reporting import Reporter

# The name of standard input.
STDIN = "-"
DELIMITERS = ",;\t|"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_XLSX, _JSON_LINES = (".xlsx", ".xlsm"), (".jsonl", ".ndjson")
# The progress is reported once in this many rows.
_ROWS_PER_REPORT = 1_000
_ZIP = b"PK\x03\x04"
# A sheet of codes has tens of columns. Each row is as long as the header, also where it has one cell.
MOST_COLUMNS = 2_000
# How many characters a cell of CSV may have; Excel keeps 32,767 at most. Python's own bound is for the whole process.
MOST_OF_CELL = 1 << 20
csv.field_size_limit(MOST_OF_CELL)
# A half of a character (a surrogate), as an escape or in bytes: no file can be written with it.
_HALF = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")

# What a cell of a code looks like when a spreadsheet program has taken it for a number, a date or a formula.
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E[+-]\d+")
_MONTH = "Jan|Feb|Mar|Mär|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez"
_DATE = re.compile(
    rf"\d{{4}}-\d{{2}}-\d{{2}}(?:[T ].*)?|\d{{1,2}}[-. ](?:{_MONTH})\.?|(?:{_MONTH})\.?[-. ]\d{{2,4}}"
    r"|\d{1,2}/\d{1,2}/\d{2,4}",
    re.IGNORECASE,
)
# A line of metadata above the header, as SSSOM has them.
_METADATA = re.compile(r"#\s*[\w.]+:")
_QUOTED_FORMULA = re.compile(r'="([^"]*)"')

ERROR = "spreadsheet-error"
DATE = "spreadsheet-date"
NUMBER = "spreadsheet-number"
FORMULA = "spreadsheet-formula"


@dataclass(slots=True)
class SheetRow:
    """A row: its number (the first row of the sheet is 1), and as many cells as the header has.

    ``spoiled`` has the columns whose cells a spreadsheet program has spoiled where that does not show in the text: the
    number of each, and ``DATE``, ``NUMBER`` or ``FORMULA``.
    """

    number: int
    cells: list[str]
    spoiled: Mapping[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Sheet:
    """A sheet that is open. ``rows`` may be iterated once; ``notes`` grows meanwhile: it says how the file is written.

    ``delimiter`` and ``has_mark`` (a byte order mark) are those of a CSV file, so that it can be written likewise.
    """

    name: str
    header: list[str]
    rows: Iterator[SheetRow]
    notes: list[str] = field(default_factory=list)
    delimiter: str = ","
    has_mark: bool = False

    def column(self, name: str) -> int:
        """The number of a column, from 0, by its name, in any case, or by its number from 1.

        Raises UnreadableFileError when there is none.
        """
        folded = [known.strip().casefold() for known in self.header]
        if name.strip().casefold() in folded:
            return folded.index(name.strip().casefold())
        if name.isascii() and name.isdigit() and len(name) < 6 and 0 < int(name) <= len(self.header):
            return int(name) - 1
        raise UnreadableFileError(f"{self.name}: no column '{name}'; columns: {', '.join(self.header)}")


def spoiled(cell: str) -> str | None:
    """What a spreadsheet program has made of the code in a cell, or None: an error, a date, a number, a formula.

    >>> spoiled("#N/A"), spoiled("1-Mar"), spoiled("5.75E+04"), spoiled("=A1+1"), spoiled("57520")
    ('spreadsheet-error', 'spreadsheet-date', 'spreadsheet-number', 'spreadsheet-formula', None)
    """
    if cell in SPREADSHEET_ERRORS:
        return ERROR
    if cell.startswith("="):
        return FORMULA
    if _SCIENTIFIC.fullmatch(cell):
        return NUMBER
    return DATE if _DATE.fullmatch(cell) else None


def plain(cell: str) -> str:
    """A cell without blanks around it, and without the formula by which people keep zeros in Excel.

    >>> plain(' ="0057"')
    '0057'
    """
    stripped = cell.strip().strip("\u00a0\u200b\ufeff")
    formula = _QUOTED_FORMULA.fullmatch(stripped)
    return formula[1].strip() if formula else stripped


@contextmanager
def open_sheet(
    place: str | Path,
    reporter: Reporter = SILENT,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    header: bool | None = None,
    name: str | None = None,
) -> Iterator[Sheet]:
    """The sheet in a file; ``-`` is standard input, which is kept in a temporary file.

    ``sheet`` is the name of one in a workbook, else it is the first. ``header``: whether the first row has the names of
    the columns; where that is None, a lone column whose first cell has a digit is taken for one of codes. ``name`` is
    what messages call the sheet, else its place.

    Raises UnreadableFileError for a file, or a row, that cannot be read; OverBudgetError where a request has a budget.
    """
    with ExitStack() as stack:
        name = name or ("standard input" if str(place) == STDIN else str(place))
        try:
            file = File(stack.enter_context(_stdin()) if str(place) == STDIN else Path(place))
            if file.name.lower().endswith(_XLSX) or file.head()[:4] == _ZIP:
                opened = stack.enter_context(_workbook_sheet(file, name, sheet, reporter))
            elif file.name.lower().endswith(_JSON_LINES) or file.head().lstrip()[:1] == b"{":
                opened = _json_sheet(file, name, reporter)
            else:
                opened = _csv_sheet(file, name, delimiter, encoding, reporter)
        except OSError as error:
            raise UnreadableFileError(f"{name}: cannot be read: {error.strerror}") from None
        except BrokenReleaseError as error:
            raise UnreadableFileError(str(error)) from None
        if len(opened.header) > MOST_COLUMNS:
            raise _too_wide(name)
        if header is False or (header is None and _is_bare_list(opened.header)):
            first = SheetRow(1, opened.header)
            names = ["code"] if len(opened.header) == 1 else list(map(str, range(1, len(opened.header) + 1)))
            opened.header, opened.rows = names, _with_first(first, opened.rows)
        opened.rows = _readable(opened.rows)
        yield opened


def _readable(rows: Iterator[SheetRow]) -> Iterator[SheetRow]:
    """The rows. Raises UnreadableFileError for one that cannot be read."""
    try:
        yield from rows
    except BrokenReleaseError as error:
        raise UnreadableFileError(str(error)) from None


def _too_wide(name: str) -> UnreadableFileError:
    return UnreadableFileError(f"{name}: has more than {MOST_COLUMNS:,} columns, the most that are read")


def _is_bare_list(first: Sequence[str]) -> bool:
    """Is the first row no header, but the first code of a lone column? CPT4 and ICD10 are names of columns."""
    return len(first) == 1 and any(c.isdigit() for c in first[0]) and bare(first[0]) not in SHORT_NAMES


def _with_first(first: SheetRow, rows: Iterator[SheetRow]) -> Iterator[SheetRow]:
    yield first
    yield from rows


@contextmanager
def _stdin() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard-input"
        with path.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        yield path


# -- CSV -----------------------------------------------------------------------------------------


def _csv_sheet(
    file: File, name: str, delimiter: str | None, encoding: str | None, reporter: Reporter
) -> Sheet:
    head = file.head()
    is_utf_16 = head.startswith(_UTF_16)
    trouble = None if is_utf_16 else file.trouble()
    if trouble:
        raise UnreadableFileError(f"{name}: {trouble}")
    notes: list[str] = []
    lines = _utf_16_lines(file, notes) if is_utf_16 else _decoded_lines(file, name, encoding, notes)
    lines = _watched(lines, file, reporter)
    first = next(lines, "")
    while _METADATA.match(first):
        first = next(lines, "")
    if not first.strip():
        raise UnreadableFileError(f"{name}: is empty, or its first line is")
    used = delimiter or _delimiter(first)
    rows = csv.reader(_with_line(first, lines), delimiter=used)
    try:
        header = next(rows)
    except csv.Error as error:
        raise UnreadableFileError(f"{name}: row 1 cannot be read as CSV: {error}") from None
    return Sheet(
        name,
        [column.strip() for column in header],
        _csv_rows(rows, len(header), used, notes, name),
        notes,
        used,
        head.startswith(BYTE_ORDER_MARK),
    )


def _with_line(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _delimiter(line: str) -> str:
    """The mark that the first line has most often, outside quotes."""
    unquoted = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS, key=unquoted.count)


def _utf_16_lines(file: File, notes: list[str]) -> Iterator[str]:
    notes.append("is UTF-16")
    with file.binary() as stream, io.TextIOWrapper(stream, "utf-16", "replace", newline="") as text:
        yield from text


def _decoded_lines(file: File, name: str, encoding: str | None, notes: list[str]) -> Iterator[str]:
    """The lines in UTF-8; those that are not, in Windows-1252: one sheet may have been put together of both."""
    other = 0
    for number, line in enumerate(unchecked_lines(file)):
        if number == 0:
            line = line.removeprefix(BYTE_ORDER_MARK)
        try:
            yield line.decode(encoding or "utf-8")
        except LookupError:
            raise UnreadableFileError(f"{name}: there is no encoding '{encoding}'") from None
        except UnicodeDecodeError as error:
            if encoding is not None:
                raise UnreadableFileError(
                    f"{name}: line {number + 1} is not {encoding}: {error.reason}"
                ) from None
            other += 1
            yield line.decode("cp1252", "replace")
    if other:
        notes.append(f"{other:,} lines are in Windows-1252, the others in UTF-8; CSV is written in UTF-8")


def _watched(lines: Iterable[str], file: File, reporter: Reporter) -> Iterator[str]:
    size, done = file.size(), 0
    for number, line in enumerate(lines, 1):
        done += len(line)
        if number % _ROWS_PER_REPORT == 0:
            reporter.progress(file.label, min(done, size), size)
        yield line
    reporter.progress(file.label, size, size)


def _csv_rows(rows: Any, width: int, delimiter: str, notes: list[str], name: str) -> Iterator[SheetRow]:
    wrong = 0
    number = 1
    try:
        for row in rows:
            number += 1
            if not any(row):
                continue
            if len(row) != width:
                wrong += 1
                row = [*row[: width - 1], delimiter.join(row[width - 1 :])] if len(row) > width else row
            yield SheetRow(number, [*row, *[""] * (width - len(row))])
    except csv.Error as error:
        raise UnreadableFileError(f"{name}: row {number + 1} cannot be read as CSV: {error}") from None
    if wrong:
        notes.append(f"{wrong:,} rows have more or fewer cells than the header")


# -- workbooks and JSON lines --------------------------------------------------------------------


@contextmanager
def _workbook_sheet(file: File, name: str, sheet: str | None, reporter: Reporter) -> Iterator[Sheet]:
    with workbook(file, values=True) as book, workbook(file, values=False) as written:
        values = sheet_of(file, book, sheet)
        last = values.max_row or 0
        rows, formulas = sheet_rows(file, values), sheet_rows(file, sheet_of(file, written, sheet))
        next(formulas, ())
        header = [(cell_text(cell) or "").strip() for cell in next(rows, ())]
        while header and not header[-1]:
            header.pop()
        if not header:
            raise UnreadableFileError(f"{name}: the sheet is empty, or its first row is")
        pairs = zip(rows, formulas, strict=False)
        yield Sheet(name, header, _workbook_rows(pairs, header, file, last, reporter))


def _workbook_rows(
    pairs: Iterable[tuple[Sequence[Any], Sequence[Any]]],
    header: Sequence[str],
    file: File,
    last: int,
    reporter: Reporter,
) -> Iterator[SheetRow]:
    size = file.size()
    for number, (row, formulas) in enumerate(pairs, 2):
        if number % _ROWS_PER_REPORT == 0 and number < last:
            reporter.progress(file.label, size * number // last, size)
        spend(1 + len(row))  # also an empty row, and the empty cells before the last one
        if all(cell is None for cell in row):
            continue
        texts = [cell_text(cell) or "" for cell in row[: len(header)]]
        marks: dict[int, str] = {}
        for column, cell in enumerate(row[: len(header)]):
            if isinstance(cell, (date, datetime)):
                marks[column] = DATE
            elif cell is None and column < len(formulas) and formulas[column] is not None:
                marks[column] = FORMULA
        yield SheetRow(number, [*texts, *[""] * (len(header) - len(texts))], marks)
    reporter.progress(file.label, size, size)


def _json_sheet(file: File, name: str, reporter: Reporter) -> Sheet:
    """Objects, one a line. The file is read twice: the header has the keys of all."""
    header: dict[str, None] = {}
    with file.binary() as stream:
        for _, node in _objects(stream, name):
            header.update(dict.fromkeys(node))
            if len(header) > MOST_COLUMNS:
                raise _too_wide(name)
    if not header:
        raise UnreadableFileError(f"{name}: is empty")

    def rows() -> Iterator[SheetRow]:
        with file.binary() as stream:
            for number, node in _objects(stream, name):
                if number % _ROWS_PER_REPORT == 0:
                    reporter.rows(number)
                yield SheetRow(number, [_json_text(node.get(key)) for key in header])

    return Sheet(name, list(header), rows())


def _objects(stream: IO[bytes], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            node = json.loads(line)
        except ValueError as error:
            raise UnreadableFileError(str(Problem(name, number, f"is not JSON: {error}"))) from None
        except RecursionError:
            raise UnreadableFileError(str(Problem(name, number, "JSON is nested too deeply"))) from None
        if not isinstance(node, dict):
            raise UnreadableFileError(str(Problem(name, number, "is not a JSON object")))
        if _HALF.search(line) and not _is_whole(node):
            text = "has half a character (a surrogate that is alone)"
            raise UnreadableFileError(str(Problem(name, number, text)))
        yield number, node


def _is_whole(node: dict[str, Any]) -> bool:
    try:
        json.dumps(node, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
