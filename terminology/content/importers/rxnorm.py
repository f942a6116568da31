"""RxNorm: a full or prescribable release in RRF, as a zip archive or folder; ``RXNCONSO.RRF`` alone is enough.

``|`` after every column, no header row::

    RXNCONSO.RRF        RXCUI|LAT|TS|LUI|STT|SUI|ISPREF|RXAUI|SAUI|SCUI|SDUI|SAB|TTY|CODE|STR|SRL|SUPPRESS|CVF|
    RXNREL.RRF          RXCUI1|RXAUI1|STYPE1|REL|RXCUI2|RXAUI2|STYPE2|RELA|RUI|SRUI|SAB|SL|DIR|RG|SUPPRESS|CVF|
    RXNSTY.RRF          RXCUI|TUI|STN|STY|ATUI|CVF|
    RXNSAT.RRF          RXCUI|LUI|SUI|RXAUI|STYPE|CODE|ATUI|SATUI|ATN|SAB|ATV|SUPPRESS|CVF|
    RXNATOMARCHIVE.RRF  RXAUI|AUI|STR|ARCHIVE_TIMESTAMP|CREATED_TIMESTAMP|UPDATED_TIMESTAMP|CODE|IS_BRAND|LAT|…
                        LAST_RELEASED|SAUI|VSAB|RXCUI|SAB|TTY|MERGED_TO_RXCUI|
    RXNCUI.RRF          CUI1|VER_START|VER_END|CARDINALITY|CUI2|
    RXNCUICHANGES.RRF   RXAUI|CODE|SAB|TTY|STR|OLD_RXCUI|NEW_RXCUI|

Of the names, attributes and relationships only those of RxNorm itself (SAB=RXNORM) are read: the other sources have
their own licences. Of theirs only the name of the source is kept. A row of RXNREL says "RXCUI2 is RELA of RXCUI1": the
property RELA of RXCUI2 is RXCUI1. A concept of the archive, of RXNCUI or RXNCUICHANGES that RXNCONSO lacks was merged
or retired.
https://terminology.hl7.org/RxNorm.html; the filters that ask for all this are in ``systems.rxnorm``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import NamedTuple

from terminology.content.importers.buckets import Buckets
from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import SILENT, first_numbers, is_number, raw_rows, unchecked_lines
from terminology.core.model import Problem
from terminology.store.posting_terms import field_in_any_case
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    DesignationTuple,
    OpenedCodeSystem,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter
from terminology.systems.rxnorm import ATTRIBUTES, COPYRIGHT, MERGED, RELATIONSHIPS, URL, VALUE_SET

EXPECTED = "an RxNorm release with RXNCONSO.RRF"
# The term types that are other names of a concept; every other type names it.
OTHER_NAMES = {"SY", "TMSY", "PSN", "ET", "DP"}
# Of several names that are not others, those of these types come first.
FIRST_NAMES = ("SCD", "SBD")
OWN = "RXNORM"
_OWN = OWN.encode()
_OWN_CELL = b"|%b|" % _OWN
# SUPPRESS: of a name that is in use, also one without quantity (E), and of one that its source no longer has.
_CURRENT, _OBSOLETE = ("", "N", "E"), "O"
_ATTRIBUTES = frozenset(name.encode() for name in ATTRIBUTES)
_SEMANTIC_TYPES = (
    PropertyDeclaration("STY", "string", None, "Semantic type."),
    PropertyDeclaration("TUI", "string", None, "Identifier of the semantic type."),
    PropertyDeclaration("STN", "string", None, "Place of the semantic type in the tree."),
)
_OF_SEMANTIC_TYPES = tuple(declaration.code for declaration in _SEMANTIC_TYPES)
_DATE = re.compile(r"(?<!\d)(\d{2})(\d{2})(20\d{2})(?!\d)")


class RrfTable(NamedTuple):
    """The layout of a file.

    ``width`` is the number of columns; ``concept``, ``source`` and ``suppressed`` are the places of the
    concept, of the source and of the flag that suppresses a row; ``keep`` are the places of the columns read.
    """

    letter: str
    width: int
    concept: int
    source: int | None
    suppressed: int | None
    keep: tuple[int, ...]


TABLES = {
    "rxnconso.rrf": RrfTable("C", 18, 0, 11, None, (12, 14, 16)),
    "rxnrel.rrf": RrfTable("R", 16, 4, 10, 14, (7, 0, 3)),
    "rxnsty.rrf": RrfTable("S", 6, 0, None, None, (3, 1, 2)),
    "rxnsat.rrf": RrfTable("A", 13, 0, 9, 11, (8, 10)),
    "rxnatomarchive.rrf": RrfTable("H", 16, 12, 13, None, (14, 2, 15)),
    "rxncui.rrf": RrfTable("N", 5, 0, None, None, (4,)),
    # As the archive: the type and the text of the name, and the concept that it went to.
    "rxncuichanges.rrf": RrfTable("H", 7, 5, 2, None, (3, 4, 6)),
}
# The columns of RXNREL with the names of a relationship.
_RELATIONS = (3, 7)
# The names of other sources: of these only the source.
OTHER_SOURCES = RrfTable("B", 18, 0, None, None, (11,))


def _open(all_files: Sequence[File]) -> list[OpenedCodeSystem]:
    files = _rrf_files(all_files)
    if "rxnconso.rrf" not in files:
        return []
    if files["rxnconso.rrf"].first_line().count("|") != TABLES["rxnconso.rrf"].width:
        return []
    relations = _relations(files)
    properties = [
        PropertyDeclaration("TTY", "code", None, "Term type."),
        *(_SEMANTIC_TYPES if "rxnsty.rrf" in files else ()),
        PropertyDeclaration("SAB", "code", None, "Source that has a name of the concept."),
        PropertyDeclaration(MERGED, "code", None, "The concept that took the place of this one."),
        *(PropertyDeclaration(name, "string") for name in ATTRIBUTES if "rxnsat.rrf" in files),
        *(PropertyDeclaration(name, "code") for name in relations),
    ]
    release = CodeSystemRelease(
        kind="rxnorm",
        url=URL,
        version=_version(files["rxnconso.rrf"]),
        name="RxNorm",
        title="RxNorm",
        language="en",
        copyright=COPYRIGHT,
        licence="UMLS licence for content beyond RxNorm's own",
        value_set=VALUE_SET,
        properties=properties,
        unindexed=[declaration.code for declaration in properties],
        in_any_case=[declaration.code for declaration in properties],
        files=sources(files.values()),
    )
    return [OpenedCodeSystem(release, partial(_concepts, files))]


def _rrf_files(all_files: Sequence[File]) -> dict[str, File]:
    """The files by name, all of one folder. Of a full release not its part ``prescribe``, which is one itself."""
    tables = [file for file in all_files if file.name.lower() in TABLES]
    names = sorted((file for file in tables if file.name.lower() == "rxnconso.rrf"), key=_is_prescribable)
    return {file.name.lower(): file for file in tables if file.folder == names[0].folder} if names else {}


def _is_prescribable(file: File) -> bool:
    return "prescribe" in file.folder.parts


def _version(file: File) -> str | None:
    """``RxNorm_full_03042024.zip`` is 2024-03-04, which RxNorm writes as 03042024."""
    for part in (file.inside or "", *reversed(file.path.resolve().parts)):
        if date := _DATE.search(part):
            return "".join(date.groups())
    return None


def _relations(files: dict[str, File]) -> list[str]:
    """The names of the relationships: every REL, and each RELA that the release has."""
    file = files.get("rxnrel.rrf")
    if file is None:
        return []
    table = TABLES["rxnrel.rrf"]
    whole = (line for line in unchecked_lines(file) if line.count(b"|") == table.width)
    names = {row[place] for _, row in _own_rows(table, enumerate(whole)) for place in _RELATIONS}
    return sorted({*RELATIONSHIPS, *(name.decode(errors="replace") for name in names if name)})


def _own_rows(table: RrfTable, lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, list[bytes]]]:
    """The rows of a concept that are RxNorm's own and not suppressed, with the numbers of their lines."""
    concept, source, suppressed = table.concept, table.source, table.suppressed
    for number, line in lines:
        # Most rows are those of other sources: they need not be split.
        if source is not None and _OWN_CELL not in line:
            continue
        row = line.split(b"|")
        own = source is None or row[source] == _OWN
        if own and row[concept] and (suppressed is None or row[suppressed] in (b"", b"N")):
            yield number, row


def _records(file: File, table: RrfTable, reporter: Reporter) -> Iterator[tuple[int, Sequence[bytes]]]:
    """The concept and the kept columns of each row that is RxNorm's own and not suppressed."""
    picked = itemgetter(*table.keep) if len(table.keep) > 1 else lambda row: (row[table.keep[0]],)
    for number, row in _own_rows(table, raw_rows(file, reporter, table.width)):
        concept = row[table.concept]
        if is_number(concept):
            yield int(concept), picked(row)
        else:
            reporter.problem(Problem(file.label, number, f"{concept.decode()!r} is not an RXCUI"))


def _concepts(files: dict[str, File], reporter: Reporter) -> Iterator[ConceptRow]:
    """The concepts in the order of their numbers."""
    with Buckets(first_numbers(files["rxnconso.rrf"], b"|")) as buckets:
        for name, file in files.items():
            table = TABLES[name]
            letter = table.letter.encode()
            for concept, cells in _records(file, table, reporter):
                if letter != b"A" or cells[0] in _ATTRIBUTES:
                    buckets.put(concept, b"%d|%b|%b" % (concept, letter, b"|".join(cells)))
        for concept, (source,) in _records(files["rxnconso.rrf"], OTHER_SOURCES, SILENT):
            if source != _OWN:
                buckets.put(concept, b"%d|%b|%b" % (concept, OTHER_SOURCES.letter.encode(), source))
        for bucket in buckets:
            yield from _rows(bucket)


def _rows(bucket: list[bytes]) -> Iterator[ConceptRow]:
    by_concept: dict[int, list[list[str]]] = defaultdict(list)
    for line in bucket:
        concept, _, cells = line.decode().partition("|")
        by_concept[int(concept)].append(cells.split("|"))
    for number, rows in sorted(by_concept.items()):
        if any(cells[0] == "C" for cells in rows):
            yield _concept(str(number), rows)
        elif any(cells[0] in "HN" for cells in rows):
            yield _former_concept(str(number), rows)
        # Any other concept belongs to other sources.


def _concept(code: str, rows: list[list[str]]) -> ConceptRow:
    names = [cells[1:] for cells in rows if cells[0] == "C"]
    names.sort(key=lambda name: (name[2] not in _CURRENT, name[0] in OTHER_NAMES, name[0] not in FIRST_NAMES))
    display = names[0][1]
    other_names: list[DesignationTuple] = [
        (text, "en", {"system": URL, "code": other}, None) for other, text, _ in names[1:] if text != display
    ]
    properties: list[PropertyTuple] = [
        ("TTY", "code", other) for other in dict.fromkeys(name[0] for name in names)
    ]
    properties += [("SAB", "code", source) for source in _sources(rows)]
    for letter, *cells in rows:
        if letter == "A":
            properties.append((cells[0], "string", cells[1]))
        elif letter == "R" and cells[0]:
            properties.append((cells[0], "code", cells[1]))
        elif letter == "S":
            properties += zip(_OF_SEMANTIC_TYPES, ("string",) * 3, cells, strict=True)
    general = ((cells[3], cells[2]) for cells in rows if cells[0] == "R" and cells[3])
    return ConceptRow(
        code=code,
        display=display,
        inactive=all(name[2] == _OBSOLETE for name in names),
        designations=other_names,
        properties=list(dict.fromkeys(properties)),
        terms=[(field_in_any_case(rel), other) for rel, other in dict.fromkeys(general)],
    )


def _sources(rows: list[list[str]]) -> list[str]:
    return [OWN, *dict.fromkeys(cells[1] for cells in rows if cells[0] == "B")]


def _former_concept(code: str, rows: list[list[str]]) -> ConceptRow:
    """A concept that RXNCONSO has no longer, with its last name, and the one that took its place."""
    names = sorted((cells[1:] for cells in rows if cells[0] == "H"), key=lambda name: name[0] in OTHER_NAMES)
    successors = [name[2] for name in names] + [cells[1] for cells in rows if cells[0] == "N"]
    merged: list[PropertyTuple] = [
        (MERGED, "code", other) for other in dict.fromkeys(successors) if other not in ("", code)
    ]
    return ConceptRow(
        code=code,
        display=names[0][1] if names else None,
        inactive=True,
        status="archived",
        properties=merged,
    )


RXNORM = importer_of("rxnorm", "RxNorm, a release in RRF as zip or folder", EXPECTED, _open)
