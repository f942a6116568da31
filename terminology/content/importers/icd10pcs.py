"""ICD-10-PCS: the list of codes, and the tables that say what their characters mean.

Code file (``icd10pcs_codes_2024.txt``), code in columns 1-7, title from column 9::

    0UBC7ZZ Excision of Cervix, Via Natural or Artificial Opening

Order file (``icd10pcs_order_2024.txt``), fixed width: number 1-5, code 7-13, flag 15 (0 the head of a
table, 1 a code), short title 17-76, long title from 78::

    00001 001     0 Central Nervous System and Cranial Nerves, Bypass             Central Nervous System …
    00002 0016070 1 Bypass Cereb Vent to Nasophar with Autol Sub, Open Approach   Bypass Cerebral Ventr…

PcsTables (``icd10pcs_tables_2024.xml``): ``pcsTable`` with three ``axis`` and ``pcsRow``s with four, each
``axis`` with ``title`` and ``label code="…"``. A code is valid when one row has all of its characters:
shape alone is not enough (0UDC7ZZ is well formed, and there is no table for it).

Terms of the index (``icd10pcs_index_2024.xml``, see ``alphabetic_index``) are designations of the codes that they
lead to.

The hierarchy is the one that a coder walks: section (0), body system (0U), table (0UB), body part (0UBC),
code. The first four are not codes for a claim, so they are abstract.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from terminology.content.importers import notices
from terminology.content.importers.alphabetic_index import CodePattern, IndexTerms
from terminology.content.importers.files import File, sources
from terminology.content.importers.icd10_files import by_content, year_of
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import lines, text_of, xml_events
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    DesignationTuple,
    OpenedCodeSystem,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter

URL = "http://www.cms.gov/Medicare/Coding/ICD10"
EXPECTED = (
    "icd10pcs_codes_YYYY.txt or icd10pcs_order_YYYY.txt (and, for the meaning of the characters, "
    "icd10pcs_tables_YYYY.xml, and, for the terms of the index, icd10pcs_index_YYYY.xml)"
)
AXES = ("section", "bodySystem", "rootOperation", "bodyPart", "approach", "device", "qualifier")
SHORT = {"system": URL, "code": "short", "display": "Short title"}

# No I and no O: they look like 1 and 0.
_LIST_LINE = re.compile(r"[0-9A-HJ-NP-Z]{7} \S")
_ORDER_LINE = re.compile(r"\d{5} [0-9A-HJ-NP-Z]{3}(?:[0-9A-HJ-NP-Z]{4}| {4}) [01] \S")
_LEVELS = (1, 2, 3, 4)
# A table (three characters) has hundreds of codes.
_INDEX = CodePattern(URL, re.compile(r"([0-9A-HJ-NP-Z]{1,7})"), 4)


class PcsLine(NamedTuple):
    """A line of the list. ``code`` has three characters where the line is the head of a table."""

    line: int
    code: str
    short: str | None
    title: str


@dataclass(slots=True)
class PcsTables:
    """The meanings of characters, from the tables XML.

    ``labels`` and ``definitions`` are by the first three characters. ``rows`` are by the first four; a row has
    for each of the last four characters its values with their labels.
    """

    labels: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[list[dict[str, str]]]] = field(default_factory=dict)

    def of(self, code: str) -> tuple[str, ...] | None:
        """The labels of the seven characters, or None where no table has the code."""
        for row in self.rows.get(code[:4], ()):
            if all(value in axis for value, axis in zip(code[3:], row, strict=True)):
                labels = (axis[value] for value, axis in zip(code[3:], row, strict=True))
                return (*self.labels[code[:3]], *labels)
        return None


class PcsFiles(NamedTuple):
    """The list of codes (an order file or a code file), and the tables and the index where they are given."""

    list_: File
    is_order: bool
    tables: File | None
    indexes: list[File]


# -- which files ---------------------------------------------------------------------------------


def _open(all_files: Sequence[File]) -> list[OpenedCodeSystem]:
    """The release. The content of a file tells what it is; its name gives the year."""
    files = _pcs_files(all_files)
    if files is None:
        return []
    list_, tables = files.list_, files.tables
    version = year_of(list_)
    others = [file for file in (tables, *files.indexes) if file is not None]
    for other in others:
        year = year_of(other)
        if version and year and version != year:
            text = f"is of {year}, but {list_.label} is of {version}"
            raise BrokenReleaseError(Problem(other.label, 0, text))
        version = version or year
    release = CodeSystemRelease(
        kind="icd10pcs",
        url=URL,
        version=version,
        name="ICD10PCS",
        title="ICD-10 Procedure Coding System",
        language="en",
        copyright=notices.CMS,
        licence="public domain",
        hierarchy_meaning="classified-with",
        properties=_declarations(tables is not None),
        files=sources([list_, *others]),
    )
    return [OpenedCodeSystem(release, partial(_concepts, files))]


def _pcs_files(all_files: Sequence[File]) -> PcsFiles | None:
    files = by_content(all_files, _ORDER_LINE, _LIST_LINE, b"<pcsTable", b"<ICD10PCS.index")
    if len(files.lists) != 1 or len(files.xml) > 1:
        return None
    tables = files.xml[0] if files.xml else None
    return PcsFiles(files.lists[0], bool(files.orders), tables, files.indexes)


def _declarations(has_tables: bool) -> list[PropertyDeclaration]:
    properties = [PropertyDeclaration("billable", "boolean", None, "Whether this is a code for a claim.")]
    if has_tables:
        properties += [
            PropertyDeclaration(name, "string", None, f"Label of character {place} of the code.")
            for place, name in enumerate(AXES, 1)
        ]
    return properties


# -- rows ----------------------------------------------------------------------------------------


def _concepts(files: PcsFiles, reporter: Reporter) -> Iterator[ConceptRow]:
    """The codes, each after its section, body system, table and body part where these are new."""
    tables = _tables(files.tables, reporter) if files.tables else None
    index = IndexTerms.of(files.indexes, _INDEX, reporter)
    titles: dict[str, str] = {}
    known: set[str] = set()
    for entry in _list_lines(files, reporter):
        if len(entry.code) == 3:
            titles[entry.code] = entry.title
            continue
        labels = tables.of(entry.code) if tables else None
        if tables and labels is None:
            reporter.problem(Problem(files.list_.label, entry.line, f"{entry.code} is in none of the tables"))
        for row in (*_above(entry.code, labels, titles, tables, known), _row(entry, labels)):
            row.designations = [*row.designations, *index.designations(row.code)]
            yield row
    index.finish(reporter)


def _list_lines(files: PcsFiles, reporter: Reporter) -> Iterator[PcsLine]:
    for number, line in lines(files.list_, reporter, "cp1252", ends=True):
        entry = _parsed_order_line(number, line) if files.is_order else _parsed_code_line(number, line)
        if entry is None or not entry.title:
            expected = "number, code, flag and titles" if files.is_order else "a code of seven and a title"
            reporter.problem(Problem(files.list_.label, number, f"expected {expected}, not {line[:60]!r}"))
            continue
        yield entry


def _parsed_code_line(number: int, line: str) -> PcsLine | None:
    return PcsLine(number, line[:7], None, line[8:].strip()) if _LIST_LINE.match(line) else None


def _parsed_order_line(number: int, line: str) -> PcsLine | None:
    if not _ORDER_LINE.match(line):
        return None
    code = line[6:13].strip()
    if (len(code) == 7) != (line[14] == "1"):
        return None
    return PcsLine(number, code, line[16:76].strip(), line[77:].strip())


def _above(
    code: str,
    labels: tuple[str, ...] | None,
    titles: dict[str, str],
    tables: PcsTables | None,
    known: set[str],
) -> Iterator[ConceptRow]:
    for level in _LEVELS:
        above = code[:level]
        if above in known:
            continue
        known.add(above)
        yield ConceptRow(
            code=above,
            display=_title(above, labels, titles),
            definition=tables.definitions.get(above) if tables else None,
            abstract=True,
            parents=(above[:-1],) if level > 1 else (),
            properties=[("billable", "boolean", False), *_axis_properties(labels, level)],
        )


def _title(above: str, labels: tuple[str, ...] | None, titles: dict[str, str]) -> str | None:
    """As the heads of the order file have it: "Female Reproductive System, Excision"."""
    if above in titles:
        return titles[above]
    if labels is None:
        return None
    return labels[0] if len(above) == 1 else ", ".join(labels[1 : len(above)])


def _row(entry: PcsLine, labels: tuple[str, ...] | None) -> ConceptRow:
    short: list[DesignationTuple] = [(entry.short, "en", SHORT, None)] if entry.short else []
    return ConceptRow(
        code=entry.code,
        display=entry.title,
        parents=(entry.code[:4],),
        designations=short,
        properties=[("billable", "boolean", True), *_axis_properties(labels, 7)],
    )


def _axis_properties(labels: tuple[str, ...] | None, level: int) -> list[PropertyTuple]:
    return [(name, "string", label) for name, label in zip(AXES, (labels or ())[:level], strict=False)]


# -- tables --------------------------------------------------------------------------------------


def _tables(file: File, reporter: Reporter) -> PcsTables:
    tables = PcsTables()
    for event, element in xml_events(file, reporter):
        if event == "end" and element.tag == "pcsTable":
            _add_table(tables, element, file, reporter)
            element.clear()
    return tables


def _add_table(tables: PcsTables, element: Any, file: File, reporter: Reporter) -> None:
    heads = [_axis(axis) for axis in element.findall("axis")]
    rows = [[_axis(axis) for axis in row.findall("axis")] for row in element.findall("pcsRow")]
    if [len(head) for head in heads] != [1, 1, 1] or any(len(row) != 4 for row in rows):
        codes = "".join("".join(head) for head in heads)
        text = f"table {codes or '?'}: expected three axes of one value and rows of four"
        reporter.problem(Problem(file.label, 0, text))
        return
    table = "".join(next(iter(head)) for head in heads)
    section, system, operation = (next(iter(head.values())) for head in heads)
    tables.labels[table] = (section, system, operation)
    for row in rows:
        for body_part in row[0]:
            tables.rows.setdefault(table + body_part, []).append(row)
    definition = element.find("axis/definition")
    if definition is not None:
        tables.definitions[table] = text_of(definition)


def _axis(axis: Any) -> dict[str, str]:
    return {label.get("code", ""): text_of(label) for label in axis.findall("label")}


ICD10PCS = importer_of("icd10pcs", "ICD-10-PCS codes or order file, tables and index XML", EXPECTED, _open)
