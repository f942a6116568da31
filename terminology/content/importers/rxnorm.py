"""RxNorm: a full or prescribable release in RRF, as a zip archive or folder; ``RXNCONSO.RRF`` alone will do.

``|`` after every column, no header row::

    RXNCONSO.RRF  RXCUI|LAT|TS|LUI|STT|SUI|ISPREF|RXAUI|SAUI|SCUI|SDUI|SAB|TTY|CODE|STR|SRL|SUPPRESS|CVF|
    RXNREL.RRF    RXCUI1|RXAUI1|STYPE1|REL|RXCUI2|RXAUI2|STYPE2|RELA|RUI|SRUI|SAB|SL|DIR|RG|SUPPRESS|CVF|
    RXNSTY.RRF    RXCUI|TUI|STN|STY|ATUI|CVF|
    RXNSAT.RRF    RXCUI|LUI|SUI|RXAUI|STYPE|CODE|ATUI|SATUI|ATN|SAB|ATV|SUPPRESS|CVF|

Only what is from RxNorm itself (SAB=RXNORM) is read: the other sources have their own licences. A row of
RXNREL says "RXCUI2 is RELA of RXCUI1": the property RELA of RXCUI2 is RXCUI1.
https://terminology.hl7.org/RxNorm.html
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from terminology.content.importers import notices
from terminology.content.importers.buckets import Buckets
from terminology.content.importers.files import File, found, is_number, lines, refused, refusing, sources
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import (
    AnyRelease,
    CodeSystemRelease,
    ConceptRow,
    Importer,
    PropertyDeclaration,
    Report,
    Said,
    Stated,
)

URL = "http://www.nlm.nih.gov/research/umls/rxnorm"
EXPECTED = "an RxNorm release with RXNCONSO.RRF"
# The term types that are other names of a concept; every other type names it.
OTHER_NAMES = {"SY", "TMSY", "PSN", "ET", "DP"}
ATTRIBUTES = (
    "NDC",
    "RXN_STRENGTH",
    "RXN_HUMAN_DRUG",
    "RXN_VET_DRUG",
    "RXN_AVAILABLE_STRENGTH",
    "RXTERM_FORM",
)

_DATE = re.compile(r"(?<!\d)(\d{2})(\d{2})(20\d{2})(?!\d)")


class Table(NamedTuple):
    """``width`` columns; where the concept, the source, and whether the row is suppressed stand."""

    letter: str
    width: int
    concept: int
    source: int | None
    suppressed: int | None
    keep: tuple[int, ...]


TABLES = {
    "rxnconso.rrf": Table("C", 18, 0, 11, None, (12, 14, 16)),
    "rxnrel.rrf": Table("R", 16, 4, 10, 14, (7, 0)),
    "rxnsty.rrf": Table("S", 6, 0, None, None, (3,)),
    "rxnsat.rrf": Table("A", 13, 0, 9, 11, (8, 10)),
}


@refusing
def recognises(paths: Sequence[Path]) -> Sequence[AnyRelease] | Problem:
    """The release, or what was expected."""
    files = _files(paths)
    if "rxnconso.rrf" not in files:
        return refused(paths, EXPECTED)
    first = files["rxnconso.rrf"].head().partition(b"\n")[0]
    if first.count(b"|") != TABLES["rxnconso.rrf"].width:
        return refused(paths, EXPECTED)
    relations = sorted(_relations(files))
    return [
        CodeSystemRelease(
            kind="rxnorm",
            url=URL,
            version=_version(files["rxnconso.rrf"]),
            name="RxNorm",
            title="RxNorm",
            language="en",
            copyright=notices.RXNORM,
            licence="UMLS licence for content beyond RxNorm's own",
            properties=[
                PropertyDeclaration("TTY", "code", None, "Term type."),
                PropertyDeclaration("STY", "string", None, "Semantic type."),
                *(PropertyDeclaration(name, "string") for name in ATTRIBUTES),
                *(PropertyDeclaration(name, "code") for name in relations),
            ],
            files=sources(files.values()),
        )
    ]


def _files(paths: Sequence[Path]) -> dict[str, File]:
    """Of a full release only the folder rrf: the prescribable subset is a release of its own."""
    files: dict[str, File] = {}
    for file in found(paths):
        if file.name.lower() in TABLES:
            files.setdefault(file.name.lower(), file)
    return files


def _version(file: File) -> str | None:
    """``RxNorm_full_03042024.zip`` is 2024-03-04, which RxNorm writes as 03042024."""
    for part in (file.inside or "", *reversed(file.path.resolve().parts)):
        if named := _DATE.search(part):
            return "".join(named.groups())
    return None


def _unheard(problem: Problem) -> None:
    """What is wrong in a row is said when the rows are read."""


def _relations(files: dict[str, File]) -> set[str]:
    file = files.get("rxnrel.rrf")
    return (
        {row[1][0] for row in _records(file, TABLES["rxnrel.rrf"], _unheard) if row[1][0]} if file else set()
    )


def _records(file: File, table: Table, report: Report) -> Iterator[tuple[int, list[str]]]:
    """Concept and wanted columns of each row that is RxNorm's own and not suppressed."""
    for number, line in lines(file, report):
        row = line.split("|")
        if len(row) != table.width + 1 or row[-1]:
            report(Problem(file.label, number, f"expected {table.width} columns with | after each"))
            continue
        own = table.source is None or row[table.source] == "RXNORM"
        if own and row[table.concept] and (table.suppressed is None or row[table.suppressed] in ("", "N")):
            if is_number(row[table.concept].encode()):
                yield int(row[table.concept]), [row[place] for place in table.keep]
            else:
                report(Problem(file.label, number, f"{row[table.concept]!r} is no RXCUI"))


def read(release: AnyRelease, paths: Sequence[Path], report: Report) -> Iterator[ConceptRow]:
    """The concepts in the order of their numbers."""
    files = _files(paths)
    if "rxnconso.rrf" not in files:
        raise BrokenReleaseError(refused(paths, EXPECTED))
    names = _records(files["rxnconso.rrf"], TABLES["rxnconso.rrf"], _unheard)
    with Buckets(array("Q", (concept for concept, _ in names))) as buckets:
        for name, file in files.items():
            table = TABLES[name]
            for concept, cells in _records(file, table, report):
                buckets.put(concept, "|".join((str(concept), table.letter, *cells)).encode())
        for dealt in buckets:
            yield from _rows(dealt)


def _rows(dealt: list[bytes]) -> Iterator[ConceptRow]:
    gathered: dict[int, list[list[str]]] = defaultdict(list)
    for line in dealt:
        concept, *cells = line.decode().split("|")
        gathered[int(concept)].append(cells)
    for number, rows in sorted(gathered.items()):
        # A concept of other sources alone is not RxNorm's.
        if any(cells[0] == "C" for cells in rows):
            yield _row(str(number), rows)


def _row(code: str, rows: list[list[str]]) -> ConceptRow:
    names = [cells[1:] for cells in rows if cells[0] == "C"]
    names.sort(key=lambda name: (name[2] not in ("", "N"), name[0] in OTHER_NAMES))
    type_, display, suppressed = names[0]
    said: list[Said] = [
        (text, "en", {"system": URL, "code": other}, None) for other, text, _ in names[1:] if text != display
    ]
    properties: list[Stated] = [("TTY", "code", other) for other in dict.fromkeys(name[0] for name in names)]
    for letter, *cells in rows:
        if letter == "S":
            properties.append(("STY", "string", cells[0]))
        elif letter == "R" and cells[0]:
            properties.append((cells[0], "code", cells[1]))
        elif letter == "A" and cells[0] in ATTRIBUTES:
            properties.append((cells[0], "string", cells[1]))
    return ConceptRow(
        code=code,
        display=display,
        inactive=suppressed == "O",
        designations=said,
        properties=list(dict.fromkeys(properties)),
    )


RXNORM = Importer("rxnorm", "RxNorm, a release in RRF as zip or folder", recognises, read)
