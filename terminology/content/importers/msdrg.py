"""MS-DRG: Table 5 of the inpatient prospective payment system's rule, weights and lengths of stay by group.

Text with tabs, Windows-1252, two title lines first::

    "TABLE 5.—LIST OF MEDICARE SEVERITY DIAGNOSIS-RELATED GROUPS …—FY 2026 Final Rule"
    MS-DRG  FY 2026 Final Post-Acute DRG  FY 2026 Final Special Pay DRG  MDC  TYPE  MS-DRG Title  Weights - B…
    742     Yes                           No                             13   SURG  …
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import NamedTuple

from terminology.content.importers import notices
from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import encoding_of, table_rows
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    OpenedCodeSystem,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter

URL = (
    "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/"
    "MS-DRG-Classifications-and-Software"
)
EXPECTED = "Table 5 of an inpatient rule as text with tabs (MS-DRG, MDC, TYPE, MS-DRG Title, weights)"


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


def _open(files: Sequence[File]) -> list[OpenedCodeSystem]:
    tables = [f for f in files if b"MS-DRG Title" in f.head() and b"\t" in f.head()]
    if len(tables) != 1:
        return []
    file = tables[0]
    year = _YEAR.search(file.head().decode("latin-1"))
    release = CodeSystemRelease(
        kind="msdrg",
        url=URL,
        version=f"FY{year[1]}" if year else None,
        name="MSDRG",
        title="Medicare Severity Diagnosis Related Groups",
        language="en",
        copyright=notices.CMS,
        licence="public domain",
        properties=[PropertyDeclaration(c.code, c.type, None, c.description) for c in COLUMNS],
        files=sources([file]),
    )
    return [OpenedCodeSystem(release, partial(_concepts, file))]


def _concepts(file: File, reporter: Reporter) -> Iterator[ConceptRow]:
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


MSDRG = importer_of("msdrg", "MS-DRG, Table 5 of an inpatient rule", EXPECTED, _open)
