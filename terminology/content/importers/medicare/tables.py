"""The tables of CMS: CSV, text with tabs or XLSX, with rows of titles above the names of their columns.

The names may take several rows, as in the fee schedule, where WORK stands above RVU. They are compared in capitals,
with single blanks. Below a table there may be notes, in one cell.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import islice
from typing import NamedTuple

from terminology.content.importers.files import BYTE_ORDER_MARK, File
from terminology.content.importers.rows import SILENT, encoding_of, table_rows, without_faults
from terminology.content.importers.sheets import cell_text, sheet_of, sheet_rows, workbook
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.reporting import Reporter

# The names of columns stand in one of the first rows, and take up to so many.
_TITLE_ROWS, _NAME_ROWS = 40, 2
_SHEET, _PROGRESS_ROWS = ".xlsx", 1_000
_NAMED = 12


class CmsTable(NamedTuple):
    """A table: the names of its columns, the number of rows above the first one below them, and the titles there."""

    file: File
    header: tuple[str, ...]
    above: int
    titles: str

    def place(self, *beginnings: str) -> int | None:
        """The column whose name begins with one of these; None if there is none."""
        for beginning in beginnings:
            for place, name in enumerate(self.header):
                if name.startswith(beginning):
                    return place
        return None

    def rows(self, reporter: Reporter) -> Iterator[tuple[int, list[str]]]:
        """The rows with their line numbers, without notes. A row of another width is reported and left out.

        Raises BrokenReleaseError where the file breaks off.
        """
        width = len(self.header)
        body = islice(_all_rows(self.file, reporter), self.above, None)
        filled = ((number, _cut(row, width)) for number, row in body if not _is_note(row))
        if self.file.name.lower().endswith(_SHEET):
            padded = ((number, [*row, *[""] * (width - len(row))]) for number, row in filled)
            yield from padded
        else:
            yield from without_faults(self.file, reporter, filled, partial(_fault_of, width))


def find_table(file: File, first: str, required: Sequence[tuple[str, ...]]) -> CmsTable | None:
    """The table in a file whose first column is ``first``, and that has the required ones.

    None if no row begins so. Each required column is given by the beginnings of the names that it may have. Raises
    BrokenReleaseError if a row begins so and one of them is missing.
    """
    top = list(islice(_top_rows(file), _TITLE_ROWS))
    lacking: list[tuple[list[str], CmsTable]] = []
    for number, row in enumerate(top):
        if not row or _name(row[0]) != first:
            continue
        titles = " ".join(cell for above in top[:number] for cell in above if cell)
        for count in range(1, _NAME_ROWS + 1):
            names = _joined(top[max(0, number + 1 - count) : number + 1])
            table = CmsTable(file, tuple(map(_name, names)), number + 1, titles)
            missing = [each[0] for each in required if table.place(*each) is None]
            if not missing:
                return table
            lacking.append((missing, table))
    if not lacking:
        return None
    missing, table = min(lacking, key=lambda each: len(each[0]))
    columns = ", ".join(name for name in table.header[:_NAMED] if name)
    text = f"expected the columns {', '.join(missing)}; found {columns}"
    raise BrokenReleaseError(Problem(file.label, table.above, text))


def tables_in(files: Sequence[File], first: str, required: Sequence[tuple[str, ...]]) -> list[CmsTable]:
    """The tables in some files; of one that is there as text and as XLSX, the text.

    Raises BrokenReleaseError where there is none, but a file that lacks columns.
    """
    texts = [file for file in files if not file.name.lower().endswith(_SHEET)]
    lacking: list[BrokenReleaseError] = []
    for some in (texts, [file for file in files if file not in texts]):
        tables = []
        for file in some:
            try:
                tables.append(find_table(file, first, required))
            except BrokenReleaseError as error:
                lacking.append(error)
        if whole := [table for table in tables if table is not None]:
            return whole
    if lacking:
        raise lacking[0]
    return []


def number_of(cell: str) -> Decimal | None:
    """A number or an amount: ``$3,307.24``, ``20%``. None if the cell has none.

    Raises InvalidOperation where it has something else.

    >>> number_of("$3,307.24"), number_of("."), number_of("NA")
    (Decimal('3307.24'), None, None)
    """
    text = cell.replace("$", "").replace(",", "").rstrip("%").strip()
    if text in ("", ".", "NA", "N/A"):
        return None
    number = Decimal(text)
    if not number.is_finite():
        raise InvalidOperation
    return number


# -- rows ----------------------------------------------------------------------------------------


def _all_rows(file: File, reporter: Reporter) -> Iterator[tuple[int, list[str]]]:
    if file.name.lower().endswith(_SHEET):
        yield from _sheet_rows(file, reporter)
        return
    for number, row in table_rows(file, reporter, _delimiter(file), encoding_of(file)):
        yield number, [_bare(cell) for cell in row]


def _top_rows(file: File) -> Iterator[list[str]]:
    if file.name.lower().endswith(_SHEET):
        yield from (row for _, row in _sheet_rows(file, SILENT))
        return
    if file.trouble():
        return
    head = file.head().removeprefix(BYTE_ORDER_MARK).decode("latin-1")
    try:
        for row in csv.reader(io.StringIO(head, newline=None), delimiter=_delimiter(file)):
            yield [_bare(cell) for cell in row]
    except csv.Error:
        return


def _sheet_rows(file: File, reporter: Reporter) -> Iterator[tuple[int, list[str]]]:
    size = file.size()
    with workbook(file, values=True) as book:
        sheet = sheet_of(file, book, None)
        last = sheet.max_row or 0
        for number, row in enumerate(sheet_rows(file, sheet), 1):
            if number % _PROGRESS_ROWS == 0 and number < last:
                reporter.progress(file.label, size * number // last, size)
            yield number, [_bare(cell_text(cell) or "") for cell in row]
        reporter.progress(file.label, size, size)


def _delimiter(file: File) -> str:
    return "\t" if any("\t" in line for line in file.first_lines()[:_TITLE_ROWS]) else ","


def _bare(cell: str) -> str:
    """A cell with single blanks and without what cannot be printed: two codes of Addendum B ended in 0xFF."""
    return re.sub(r"[^\x20-\x7e\xa0-\xfe\u0100-\uffff]+", " ", cell.replace("\xa0", " ")).strip()


def _name(cell: str) -> str:
    return re.sub(r"\s*/\s*", "/", " ".join(cell.split())).upper()


def _joined(rows: Sequence[Sequence[str]]) -> list[str]:
    """The cells of some rows below one another."""
    width = max(map(len, rows))
    return [" ".join(row[place] for row in rows if place < len(row) and row[place]) for place in range(width)]


def _is_note(row: Sequence[str]) -> bool:
    """Whether a row is empty, or has words in one cell alone; a code alone may be the rest of a row."""
    filled = [cell for cell in row if cell]
    return not filled or (len(filled) == 1 and " " in filled[0])


def _cut(row: list[str], width: int) -> list[str]:
    """The row without empty cells beyond the last column."""
    return row[:width] if not any(row[width:]) else row


def _fault_of(width: int, row: Sequence[str]) -> str | None:
    return None if len(row) == width else f"{len(row)} columns where the header has {width}"
