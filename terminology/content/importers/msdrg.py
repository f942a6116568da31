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
from pathlib import Path

from terminology.content.importers import notices
from terminology.content.importers.files import (
    File,
    encoding_of,
    found,
    refused,
    refusing,
    sources,
    table_rows,
)
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import (
    AnyRelease,
    CodeSystemRelease,
    ConceptRow,
    Importer,
    PropertyDeclaration,
    Report,
    Stated,
)

URL = (
    "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/"
    "MS-DRG-Classifications-and-Software"
)
EXPECTED = "Table 5 of an inpatient rule as text with tabs (MS-DRG, MDC, TYPE, MS-DRG Title, weights)"

# Property, its type, and words in the head of its column, which changes with the year.
COLUMNS = (
    ("postAcute", "boolean", "post-acute", "Whether early transfer to post-acute care lowers the payment."),
    ("specialPay", "boolean", "special pay", "Whether the special rule for such transfers applies."),
    ("mdc", "string", "mdc", "The major diagnostic category."),
    ("type", "code", "type", "SURG or MED."),
    ("weight", "decimal", "weights", "Relative weight, before the cap."),
    ("weightCapped", "decimal", "cap applied", "Relative weight with the cap on reductions applied."),
    ("geometricMeanStay", "decimal", "geometric", "Geometric mean length of stay, in days."),
    ("arithmeticMeanStay", "decimal", "arithmetic", "Arithmetic mean length of stay, in days."),
)
_YEAR = re.compile(r"FY\s*(20\d\d)")


@refusing
def recognises(paths: Sequence[Path]) -> Sequence[AnyRelease] | Problem:
    """The release, or what was expected."""
    file = _file(paths)
    if file is None:
        return refused(paths, EXPECTED)
    year = _YEAR.search(file.head().decode("latin-1"))
    return [
        CodeSystemRelease(
            kind="msdrg",
            url=URL,
            version=f"FY{year[1]}" if year else None,
            name="MSDRG",
            title="Medicare Severity Diagnosis Related Groups",
            language="en",
            copyright=notices.CMS,
            licence="public domain",
            properties=[PropertyDeclaration(name, type_, None, text) for name, type_, _, text in COLUMNS],
            files=sources([file]),
        )
    ]


def _file(paths: Sequence[Path]) -> File | None:
    tables = [f for f in found(paths) if b"MS-DRG Title" in f.head() and b"\t" in f.head()]
    return tables[0] if len(tables) == 1 else None


def read(release: AnyRelease, paths: Sequence[Path], report: Report) -> Iterator[ConceptRow]:
    """The groups in the order of the table."""
    file = _file(paths)
    if file is None:
        raise BrokenReleaseError(refused(paths, EXPECTED))
    header: list[str] = []
    for number, row in table_rows(file, report, "\t", encoding_of(file)):
        cells = [" ".join(cell.split()) for cell in row]
        if not header:
            header = cells if cells[:1] == ["MS-DRG"] and "MS-DRG Title" in cells else []
        elif any(cells):
            yield from _row(header, cells, file, number, report)
    if not header:
        raise BrokenReleaseError(
            Problem(file.label, 0, "expected a row of heads with MS-DRG and MS-DRG Title")
        )


def _row(
    header: list[str], cells: list[str], file: File, number: int, report: Report
) -> Iterator[ConceptRow]:
    title = cells[header.index("MS-DRG Title")] if len(cells) == len(header) else ""
    if not re.fullmatch(r"\d{3}", cells[0]) or not title:
        if len(cells) > 1:  # notes below the table have one cell
            report(
                Problem(file.label, number, f"expected a group of three digits and a title, not {cells[:2]}")
            )
        return
    try:
        properties = [stated for column in COLUMNS if (stated := _stated(column, header, cells))]
    except InvalidOperation:
        report(Problem(file.label, number, f"a weight or length of stay of {cells[0]} is no number"))
        return
    yield ConceptRow(code=cells[0], display=title, properties=properties)


def _stated(column: tuple[str, str, str, str], header: list[str], cells: list[str]) -> Stated | None:
    name, type_, words, _ = column
    place = next((place for place, head in enumerate(header) if words in head.lower()), None)
    if place is None or cells[place] in ("", ".", "**"):
        return None
    if type_ == "boolean":
        return name, type_, cells[place].lower() == "yes"
    return name, type_, Decimal(cells[place]) if type_ == "decimal" else cells[place]


MSDRG = Importer("msdrg", "MS-DRG, Table 5 of an inpatient rule", recognises, read)
