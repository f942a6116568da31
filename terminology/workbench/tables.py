"""Tables that the workbench writes, a row at a time: CSV, XLSX and JSON lines.

A file is written beside its place and put there when it is whole, so that an interruption leaves no half of one.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from terminology.core.budget import spend
from terminology.core.errors import UnreadableFileError
from terminology.core.software import installation_of

FORMATS = ("csv", "xlsx", "jsonl")
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
# With these a formula begins: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_MARKS = tuple("=+-@\t\r")
_NUMBER = re.compile(r"[+-][0-9]+(?:[.,][0-9]+)*")
# Excel has room for no more rows.
MOST_XLSX_ROWS = 1_048_576
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# openpyxl takes some microseconds to write a cell.
_STEPS_OF_CELL = 40


class TableWriter(Protocol):
    """Writes rows of texts. A value that is not a text is one in JSON lines, and JSON in a cell elsewhere."""

    def row(self, cells: Sequence[Any]) -> None:
        """Write a row below the header."""


class CsvTable:
    """A CSV file. Texts are written as they are, so that what reads the file gets the same.

    ``formulas`` counts the cells that a spreadsheet program would run as formulas, if it opened the file.
    """

    def __init__(self, stream: IO[str], header: Sequence[str], delimiter: str = ",") -> None:
        self._writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        self._writer.writerow(header)
        self.formulas = 0

    def row(self, cells: Sequence[Any]) -> None:
        """Write a row below the header."""
        texts = [_text(cell) for cell in cells]
        self.formulas += sum(is_formula(text) for text in texts)
        self._writer.writerow(texts)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet program takes a cell of CSV for a formula: a number and a lone mark are none.

    >>> [text for text in ('=HYPERLINK("x")', "@SUM(A1)", "-1+1", "-5.2", "+", "57520") if is_formula(text)]
    ['=HYPERLINK("x")', '@SUM(A1)', '-1+1']
    """
    return text[:1] in _FORMULA_MARKS and len(text) > 1 and _NUMBER.fullmatch(text) is None


class XlsxTable:
    """The only sheet of a workbook. All cells are texts, so that codes keep their zeros."""

    def __init__(self, header: Sequence[str]) -> None:
        """Raises UnreadableFileError where openpyxl is missing."""
        try:
            import openpyxl
            from openpyxl.cell import WriteOnlyCell
        except ImportError:
            raise UnreadableFileError(f"XLSX needs openpyxl: {installation_of('xlsx')}") from None
        self._text_cell: Any = WriteOnlyCell
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet()
        self._rows = 0
        self.row(header)

    def row(self, cells: Sequence[Any]) -> None:
        """Write a row, as the header is one.

        Raises UnreadableFileError when there is no more room, and OverBudgetError where a request has a budget.
        """
        self._rows += 1
        if self._rows > MOST_XLSX_ROWS:
            raise UnreadableFileError(f"an XLSX sheet has at most {MOST_XLSX_ROWS:,} rows: write CSV")
        spend(_STEPS_OF_CELL * len(cells))
        self._sheet.append([self._cell(_without_controls(_text(cell))) for cell in cells])

    def _cell(self, text: str) -> Any:
        """A text as a cell: one that begins with an equals sign is a text, too, and no formula."""
        if not text.startswith("="):
            return text
        cell = self._text_cell(self._sheet, text)
        cell.data_type = "s"
        return cell

    def save(self, path: Path) -> None:
        self._book.save(path)


class JsonLinesTable:
    """An object for each row, one a line, with the names of the columns as keys; empty cells are left out."""

    def __init__(self, stream: IO[str], header: Sequence[str]) -> None:
        self._stream, self._header = stream, header

    def row(self, cells: Sequence[Any]) -> None:
        """Write an object."""
        node = {name: cell for name, cell in zip(self._header, cells, strict=True) if cell not in ("", None)}
        self._stream.write(json.dumps(node, ensure_ascii=False) + "\n")


def format_of(path: Path | None, named: str | None) -> str:
    """The format that is named, or else that of the suffix; CSV for standard output."""
    return named or (_SUFFIXES.get(path.suffix.lower(), "csv") if path is not None else "csv")


@contextmanager
def open_table(
    path: Path | None,
    format_: str,
    header: Sequence[str],
    delimiter: str = ",",
    has_mark: bool = False,
    beginning: Sequence[str] = (),
    warn: Callable[[int], object] = bool,
) -> Iterator[TableWriter]:
    """A table in a file, or on standard output where ``path`` is None. ``beginning`` are lines before the header.

    ``warn`` is called at the end of a CSV file with the number of cells that look like formulas, if there are any.

    Raises UnreadableFileError: XLSX on standard output, no openpyxl, or a place that cannot be written to.
    """
    if format_ == "xlsx":
        if path is None:
            raise UnreadableFileError("XLSX is written to a file: name one with --output")
        table = XlsxTable(header)
        with beside(path) as place:
            try:
                yield table
            finally:
                table.save(place)  # also after an exception: so openpyxl closes its own temporary file
        return
    with open_text(path, "utf-8-sig" if has_mark else "utf-8") as stream:
        stream.writelines(f"{line}\n" for line in beginning)
        if format_ != "csv":
            yield JsonLinesTable(stream, header)
            return
        csv_table = CsvTable(stream, header, delimiter)
        yield csv_table
        if csv_table.formulas:
            warn(csv_table.formulas)


@contextmanager
def open_text(path: Path | None, encoding: str = "utf-8") -> Iterator[IO[str]]:
    """A text to write, in a file that is there when it is whole, or on standard output."""
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    with beside(path) as place, place.open("w", encoding=encoding, newline="") as stream:
        yield stream


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A place beside a path, which takes its name at the end; on an exception it is removed."""
    place = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield place
        place.replace(path)
    except OSError as error:
        raise UnreadableFileError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        place.unlink(missing_ok=True)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    return json.dumps(cell, ensure_ascii=False) if isinstance(cell, Mapping | list) else str(cell)


def _without_controls(text: str) -> str:
    """The text without what XML, in which a workbook is written, cannot have."""
    return _NOT_IN_XML.sub("", text)
