"""The tables of fhir_bundles/source: CSV with a header row. An error names file and line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from terminology.core.errors import PublicationError

MANY = "|"


@dataclass(slots=True, frozen=True)
class SourceRow:
    """One line of a table of fhir_bundles/source. A column that the table lacks is empty."""

    file: str
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def many(self, column: str) -> list[str]:
        """The values of a cell that may hold several: ``a|b``."""
        return [value.strip() for value in self[column].split(MANY) if value.strip()]

    def other_than(self, columns: Iterable[str]) -> Iterator[str]:
        """The other columns that are not empty in this row."""
        return (name for name, value in self.cells.items() if value and name not in columns)

    def error(self, problem: str) -> PublicationError:
        """An error that names this line."""
        return PublicationError(self.file, self.line, problem)


def read_table(root: Path, name: str, required: Iterable[str], optional: bool = False) -> list[SourceRow]:
    """The rows of ``root/name``; none where an optional table is absent.

    Raises PublicationError: no such file, not UTF-8, a required column is missing, a row of another width.
    """
    path = root / name
    if optional and not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(_rows(name, csv.reader(file, strict=True), required))
    except FileNotFoundError:
        raise PublicationError(name, None, "there is no such table") from None
    except (UnicodeDecodeError, csv.Error) as problem:
        raise PublicationError(name, None, f"should be CSV in UTF-8: {problem}") from None


def _rows(name: str, lines: Iterator[list[str]], required: Iterable[str]) -> Iterator[SourceRow]:
    header = next(lines, [])
    if missing := [column for column in required if column not in header]:
        raise PublicationError(name, 1, f"the header row should name the column {missing[0]}")
    if len(set(header)) != len(header):
        raise PublicationError(name, 1, "the header row should name each column once")
    line = 1
    for cells in lines:
        line += 1 + sum(cell.count("\n") for cell in cells)
        if not cells:
            continue
        if len(cells) != len(header):
            raise PublicationError(
                name, line, f"should have {len(header)} cells, as the header row, not {len(cells)}"
            )
        if spaced := [cell for cell in cells if cell != cell.strip()]:
            raise PublicationError(name, line, f"should have no blanks around {spaced[0]!r}")
        yield SourceRow(name, line, dict(zip(header, cells, strict=True)))
