"""The sheets of XLSX files. They need the package openpyxl, an extra."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from xml.etree import ElementTree

from terminology.content.archives import check_workbook
from terminology.content.importers.files import ARCHIVE_ERRORS, File
from terminology.core.errors import BrokenReleaseError, UnreadableFileError
from terminology.core.model import Problem
from terminology.core.software import installation_of

# Excel has room for no more rows and columns.
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
# How many cells are read, with the empty ones before the last of each row: a hundred columns of as many rows as fit.
MOST_CELLS = 100 * MOST_ROWS
_PIECE, _LONGEST_TAG = 1 << 20, 4_096
_ROW_NUMBER = re.compile(rb"<(?:\w+:)?row\b[^>]*?\sr=[\"']([0-9]{1,9})[\"']")
# What openpyxl raises where a workbook is not as it should be.
_FAULTS = (
    *ARCHIVE_ERRORS,
    ElementTree.ParseError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


@contextmanager
def workbook(file: File, values: bool) -> Iterator[Any]:
    """The workbook, with the values of formulas or the formulas themselves.

    Raises BrokenReleaseError where openpyxl is missing, or the file is not XLSX.
    """
    try:
        import openpyxl
    except ImportError:
        need = f"XLSX needs openpyxl: {installation_of('xlsx')}"
        raise BrokenReleaseError(Problem(file.label, 0, need)) from None
    with file.binary() as stream:
        try:
            check_workbook(stream)
            book = openpyxl.load_workbook(stream, read_only=True, data_only=values)
        except UnreadableFileError as reason:
            raise BrokenReleaseError(Problem(file.label, 0, f"is refused: {reason}")) from None
        except (*_FAULTS, OSError) as error:
            raise BrokenReleaseError(
                Problem(file.label, 0, f"is not an XLSX file: {_reason(error)}")
            ) from error
        try:
            yield book
        finally:
            book.close()


def sheet_of(file: File, book: Any, name: str | None) -> Any:
    """The sheet of a workbook with this name, or else the first one; ``max_row`` is what it says of its size, or None.

    Raises BrokenReleaseError: there is none.
    """
    known = {sheet.title: sheet for sheet in book.worksheets}
    if not known:
        raise BrokenReleaseError(Problem(file.label, 0, "the workbook has no sheet of cells"))
    if name is not None and name not in known:
        text = f"there is no sheet '{name}'; known sheets: {', '.join(known)}"
        raise BrokenReleaseError(Problem(file.label, 0, text))
    return known[name] if name is not None else book.worksheets[0]


def sheet_rows(file: File, sheet: Any) -> Iterator[Sequence[Any]]:
    """The values of the cells of each row from the first one, up to its last cell; of a row without any, none.

    Raises BrokenReleaseError for a row that cannot be read, or is beyond the bounds.
    """
    # What a sheet says of its own size may be wrong: rows beyond it would be lost, and empty cells up to it made.
    sheet.reset_dimensions()
    _check_row_numbers(file, sheet)
    rows = sheet.iter_rows(values_only=True)
    number = cells = 0
    while True:
        number += 1
        try:
            row: Sequence[Any] | None = next(rows, None)
        except _FAULTS as error:
            text = f"the row cannot be read as XLSX: {_reason(error)}"
            raise BrokenReleaseError(Problem(file.label, number, text)) from error
        if row is None:
            return
        cells += len(row)
        if number > MOST_ROWS:
            raise BrokenReleaseError(Problem(file.label, number, f"a sheet has at most {MOST_ROWS:,} rows"))
        if len(row) > MOST_COLUMNS:
            text = f"a sheet has at most {MOST_COLUMNS:,} columns"
            raise BrokenReleaseError(Problem(file.label, number, text))
        if cells > MOST_CELLS:
            text = f"at most {MOST_CELLS:,} cells are read, with the empty ones before others in their rows"
            raise BrokenReleaseError(Problem(file.label, number, text))
        yield row


def _check_row_numbers(file: File, sheet: Any) -> None:
    """Raises BrokenReleaseError for a row whose number is not above the one before: openpyxl would leave it out."""
    last, rest = 0, b""
    try:
        with sheet._get_source() as source:
            while piece := source.read(_PIECE):
                block = rest + piece
                end = block.rfind(b">") + 1
                for match in _ROW_NUMBER.finditer(block, 0, end):
                    number = int(match[1])
                    if number <= last:
                        text = f"row {number} comes after row {last}: rows are numbered in their order, none twice"
                        raise BrokenReleaseError(Problem(file.label, number, text))
                    last = number
                rest = block[end:][-_LONGEST_TAG:]
    except BrokenReleaseError:
        raise
    except _FAULTS:
        return  # the reading of the rows names the fault


def _reason(error: BaseException) -> str:
    """What an exception says, in one line: openpyxl adds paragraphs of advice."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def cell_text(value: Any) -> str | None:
    """A cell as text: whole numbers without a decimal point, dates as FHIR has them."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)
