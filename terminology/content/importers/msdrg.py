"""MS-DRG: Table 5 of the inpatient prospective payment system's rule, and the Definitions Manual.

Table 5 has weights and lengths of stay by group: text with tabs, Windows-1252, two title lines first::

    "TABLE 5.—LIST OF MEDICARE SEVERITY DIAGNOSIS-RELATED GROUPS …—FY 2026 Final Rule"
    MS-DRG  FY 2026 Final Post-Acute DRG  FY 2026 Final Special Pay DRG  MDC  TYPE  MS-DRG Title  Weights - B…
    742     Yes                           No                             13   SURG  …

The manual (see ``msdrg_manual``) has the groups of a version, and the diagnoses and procedures that lead to them. Where
both are given, Table 5 says titles, MDCs and types, and the manual the groups that Table 5 lacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import NamedTuple

from terminology.content.importers import notices
from terminology.content.importers.cc_lists import fiscal_year
from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.msdrg_manual import (
    URL,
    DrgGroup,
    DrgVersion,
    groups_of,
    indexes_of,
    manual_among,
    version_of,
)
from terminology.content.importers.rows import SILENT, encoding_of, table_rows
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    Opened,
    OpenedCodeSystem,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter

EXPECTED = (
    "Table 5 of an inpatient rule as text with tabs (MS-DRG, MDC, TYPE, MS-DRG Title, weights) or appendix_A.txt of "
    "the MS-DRG Definitions Manual (and, for the groups that codes lead to, appendix_B.txt and appendix_D_E.txt)"
)


class DrgColumn(NamedTuple):
    """A property of a group, and words in the heading of its column, which changes with the year."""

    code: str
    type: str
    heading: str
    description: str


COLUMNS = (
    DrgColumn(
        "postAcute",
        "boolean",
        "post-acute",
        "Whether early transfer to post-acute care lowers the payment.",
    ),
    DrgColumn("specialPay", "boolean", "special pay", "Whether the special rule for such transfers applies."),
    DrgColumn("mdc", "string", "mdc", "The major diagnostic category."),
    DrgColumn("type", "code", "type", "SURG or MED."),
    DrgColumn("weight", "decimal", "weights", "Relative weight, before the cap."),
    DrgColumn(
        "weightCapped", "decimal", "cap applied", "Relative weight with the cap on reductions applied."
    ),
    DrgColumn("geometricMeanStay", "decimal", "geometric", "Geometric mean length of stay, in days."),
    DrgColumn("arithmeticMeanStay", "decimal", "arithmetic", "Arithmetic mean length of stay, in days."),
)
_YEAR = re.compile(r"FY\s*(20\d\d)")


def _open(files: Sequence[File]) -> list[Opened]:
    """The groups, and a map for each index of the manual."""
    tables = [file for file in files if b"MS-DRG Title" in file.head() and b"\t" in file.head()]
    manual = manual_among(files)
    if len(tables) > 1:
        return []
    table = tables[0] if tables else None
    if table is None and manual.groups is None:
        if manual.files:
            text = "leads to groups, and does not list them: give it with appendix_A.txt or Table 5"
            raise BrokenReleaseError(Problem(manual.files[0].label, 0, text))
        return []
    version = version_of(manual)
    year = _year_of(table, version)
    release = CodeSystemRelease(
        kind="msdrg",
        url=URL,
        version=f"FY{year}" if year else None,
        name="MSDRG",
        title="Medicare Severity Diagnosis Related Groups",
        language="en",
        copyright=notices.CMS,
        licence="public domain",
        properties=[PropertyDeclaration(c.code, c.type, None, c.description) for c in COLUMNS],
        files=sources(file for file in (table, manual.groups) if file is not None),
    )
    concepts = OpenedCodeSystem(release, partial(_concepts, table, manual.groups))
    codes = partial(_codes, table, manual.groups)
    return [concepts, *indexes_of(manual, str(version) if version else release.version, codes)]


def _year_of(table: File | None, version: DrgVersion | None) -> str | None:
    """The fiscal year. Raises BrokenReleaseError where Table 5 and the manual are of different ones."""
    words = _YEAR.search(table.head().decode("latin-1")) if table else None
    of_manual = fiscal_year(version.major) if version else None
    if table and words and of_manual and words[1] != of_manual:
        text = f"is of FY{words[1]}, but version {version} of the manual is of FY{of_manual}"
        raise BrokenReleaseError(Problem(table.label, 0, text))
    return words[1] if words else of_manual


def _codes(table: File | None, list_: File | None) -> set[str]:
    """The codes of all groups. Malformed rows are reported where the groups are read."""
    return {row.code for row in _concepts(table, list_, SILENT)}


def _concepts(table: File | None, list_: File | None, reporter: Reporter) -> Iterator[ConceptRow]:
    """The groups in the order of Table 5, and then those that only the manual has."""
    groups = groups_of(list_, reporter) if list_ else {}
    for row in _table_rows(table, reporter) if table else ():
        group = groups.pop(row.code, None)
        yield _with_title(row, group) if group else row
    for group in groups.values():
        yield ConceptRow(group.code, group.title, properties=_properties_of(group))


def _with_title(row: ConceptRow, group: DrgGroup) -> ConceptRow:
    """A row of Table 5 with what only the manual says: its title in other words, and an MDC or type."""
    if group.title.casefold() != (row.display or "").casefold():
        row.designations = [(group.title, "en", None, None)]
    names = {name for name, _, _ in row.properties}
    row.properties = [*row.properties, *(each for each in _properties_of(group) if each[0] not in names)]
    return row


def _properties_of(group: DrgGroup) -> list[PropertyTuple]:
    values: list[PropertyTuple] = [("mdc", "string", group.mdc), ("type", "code", group.type)]
    return [each for each in values if each[2] is not None]


def _table_rows(file: File, reporter: Reporter) -> Iterator[ConceptRow]:
    """The groups in the order of the table."""
    header: list[str] = []
    for number, row in table_rows(file, reporter, "\t", encoding_of(file)):
        cells = [" ".join(cell.split()) for cell in row]
        if not header:
            header = cells if cells[:1] == ["MS-DRG"] and "MS-DRG Title" in cells else []
        elif any(cells):
            yield from _concept(header, cells, file, number, reporter)
    if not header:
        raise BrokenReleaseError(
            Problem(file.label, 0, "expected a row of headings with MS-DRG and MS-DRG Title")
        )


def _concept(
    header: list[str], cells: list[str], file: File, number: int, reporter: Reporter
) -> Iterator[ConceptRow]:
    title = cells[header.index("MS-DRG Title")] if len(cells) == len(header) else ""
    if not re.fullmatch(r"\d{3}", cells[0]) or not title:
        if len(cells) > 1:  # notes below the table have one cell
            text = f"expected a group of three digits and a title, not {cells[:2]}"
            reporter.problem(Problem(file.label, number, text))
        return
    try:
        properties = [value for column in COLUMNS if (value := _property(column, header, cells))]
    except InvalidOperation:
        text = f"a weight or length of stay of {cells[0]} is not a number"
        reporter.problem(Problem(file.label, number, text))
        return
    yield ConceptRow(code=cells[0], display=title, properties=properties)


def _property(column: DrgColumn, header: list[str], cells: list[str]) -> PropertyTuple | None:
    place = next((place for place, name in enumerate(header) if column.heading in name.lower()), None)
    if place is None or cells[place] in ("", ".", "**"):
        return None
    if column.type == "boolean":
        return column.code, column.type, cells[place].lower() == "yes"
    return column.code, column.type, Decimal(cells[place]) if column.type == "decimal" else cells[place]


MSDRG = importer_of(
    "msdrg", "MS-DRG, Table 5 of an inpatient rule and the Definitions Manual", EXPECTED, _open
)
