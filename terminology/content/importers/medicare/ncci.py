"""NCCI: which codes Medicare does not pay together, and how many units of a code on one day.

Procedure to procedure edits (PTP), text with tabs or XLSX, in several files (``ccipra-v322r0-f1.txt`` of practitioners,
``ccioph-…`` of hospitals)::

    CPT only copyright 2025 American Medical Association.  All rights reserved.
    Column1/Column2 Edits
    Column 1  Column 2  *=in existence  Effective  Deletion  Modifier          PTP Edit Rationale
                        prior to 1996   Date       Date      0=not allowed
                                                   *=no data 1=allowed
                                                             9=not applicable
    57520     58120                     20200101   *         0                 Misuse of column two code …

Where both codes are billed, the code of column 2 is not paid; with the indicator 1 it is, if a modifier says why it was
a service of its own. So the code of column 1 has those of column 2 as values of ``ncciNever`` or ``ncciWithModifier``.
Edits that were deleted before the release, and those with the indicator 9, say nothing any more.

Medically unlikely edits (MUE), CSV or XLSX, of practitioners, hospitals or suppliers::

    HCPCS/CPT Code,Practitioner Services MUE Values,MUE Adjudication Indicator,MUE Rationale
    57520,1,2 Date of Service Edit: Policy,Anatomic Consideration
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

import orjson

from terminology.content.importers.buckets import Buckets
from terminology.content.importers.files import File, year_in
from terminology.content.importers.importer import importer_of
from terminology.content.importers.medicare.supplements import (
    FactRow,
    Facts,
    code_of,
    month_in,
    opened,
    system_of,
)
from terminology.content.importers.medicare.tables import CmsTable, tables_in
from terminology.content.importers.rows import SILENT
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import OpenedCodeSystem, PropertyDeclaration, PropertyTuple
from terminology.store.reporting import Reporter

EXPECTED = (
    "NCCI edits of CMS: PTP as text or XLSX (ccipra-vNNNrN-fN, ccioph-vNNNrN-fN; Column 1, Column 2 …), "
    "or MUE as CSV or XLSX (HCPCS/CPT Code, … MUE Values …)"
)
PAIRS = (("COLUMN 2",), ("EFFECTIVE",), ("DELETION",), ("MODIFIER",))
UNITS = (("MUE ADJUDICATION INDICATOR",),)
# The property of each modifier indicator.
INDICATORS = {"0": "ncciNever", "1": "ncciWithModifier"}
_NOT_APPLICABLE = "9"
# Where the services are billed: by the name of a file of pairs, and by the name of the column of units.
_SETTINGS = {"ccipra": "practitioner", "ccioph": "hospital"}
_UNIT_COLUMNS = {"PRACTITIONER": "practitioner", "OUTPATIENT HOSPITAL": "hospital", "DME": "supplier"}
_NAME = re.compile(r"(ccipra|ccioph)[-_ ]?v?(\d\d)(\d)r(\d)", re.IGNORECASE)
# Version 32.2 is that of the third quarter of 2026.
_FIRST_YEAR = 1994
_DAY = re.compile(r"(?:19|20)\d{6}")
_EFFECTIVE = re.compile(r"(\d\d)-(\d\d)-(20\d\d)")
_NO_DATE = ("", "*")


def _open(files: Sequence[File]) -> list[OpenedCodeSystem]:
    pairs = tables_in(files, "COLUMN 1", PAIRS)
    units = tables_in(files, "HCPCS/CPT CODE", UNITS)
    by_setting: dict[str, list[CmsTable]] = {}
    for table in pairs:
        by_setting.setdefault(_setting_of(table), []).append(table)
    edits = [each for setting, tables in by_setting.items() for each in opened(_edits(setting, tables))]
    return [*edits, *(each for table in units for each in opened(_units(table)))]


# -- pairs ---------------------------------------------------------------------------------------


def _setting_of(table: CmsTable) -> str:
    name = _NAME.search(table.file.label)
    if name is None:
        text = "expected ccipra (practitioners) or ccioph (hospitals) and a version in the name of the file"
        raise BrokenReleaseError(Problem(table.file.label, 0, text))
    return _SETTINGS[name[1].lower()]


def _month_of(table: CmsTable) -> str:
    """The month from which the edits of a file are in force."""
    name = _NAME.search(table.file.label)
    year, quarter = (_FIRST_YEAR + int(name[2]), int(name[3])) if name else (0, 0)
    return f"{year}-{3 * quarter + 1:02}"


def _edits(setting: str, tables: Sequence[CmsTable]) -> Facts:
    months = {table.file.label: _month_of(table) for table in tables}
    if len(set(months.values())) > 1:
        differences = " and ".join(f"{label} is of {month}" for label, month in months.items())
        raise BrokenReleaseError(Problem("", 0, f"expected files of one quarter, but {differences}"))
    month = next(iter(months.values()))
    return Facts(
        kind="ncci",
        id=f"ncci-{setting}",
        title=f"NCCI procedure to procedure edits ({setting})",
        description="Which codes Medicare does not pay beside a code, on one day of one patient: CMS, National Correct "
        f"Coding Initiative, procedure to procedure edits, {setting}.",
        version=month,
        properties=[
            PropertyDeclaration(
                "ncciNever",
                "Coding",
                None,
                "A code that is not paid beside this one, with a modifier or without.",
            ),
            PropertyDeclaration(
                "ncciWithModifier",
                "Coding",
                None,
                "A code that is paid beside this one with a modifier alone.",
            ),
        ],
        tables=tables,
        rows=partial(_edit_rows, tables, month),
        always=False,
    )


def _edit_rows(tables: Sequence[CmsTable], month: str, reporter: Reporter) -> Iterator[FactRow]:
    """The codes of column 1, each with those of column 2."""
    keys = set[int]()
    broken: BrokenReleaseError | None = None
    with suppress(BrokenReleaseError):  # the second reading says so
        keys.update(_key(code_of(row[0])) for table in tables for _, row in table.rows(SILENT))
    with Buckets(sorted(keys)) as buckets:
        try:
            for number, table in enumerate(tables):
                for line, cells in _edits_in_force(table, month.replace("-", "") + "01", reporter):
                    buckets.put(_key(cells[0]), orjson.dumps([cells[0], number, line, *cells[1:]]))
        except BrokenReleaseError as error:
            broken = error
        for lines in buckets:
            yield from _edits_of(lines, tables)
    if broken is not None:
        raise broken


def _edits_of(lines: Sequence[bytes], tables: Sequence[CmsTable]) -> Iterator[FactRow]:
    first: dict[str, tuple[int, int]] = {}
    others: dict[str, dict[tuple[str, str], None]] = {}
    for each in lines:
        code, number, line, other, indicator = orjson.loads(each)
        first.setdefault(code, (number, line))
        others.setdefault(code, {})[INDICATORS[indicator], other] = None
    for code, (number, line) in sorted(first.items()):
        values: list[PropertyTuple] = [
            (property_, "Coding", {"system": system_of(other), "code": other})
            for property_, other in others[code]
        ]
        yield FactRow(tables[number].file, line, code, values)


def _edits_in_force(table: CmsTable, day: str, reporter: Reporter) -> Iterator[tuple[int, list[str]]]:
    """The line, the two codes and the indicator of each edit that is in force on a day."""
    other, effective, deletion, modifier = (table.place(*names) or 0 for names in PAIRS)
    for line, row in table.rows(reporter):
        codes = [code_of(row[0]), code_of(row[other])]
        begins, ends, indicator = row[effective], row[deletion], row[modifier][:1]
        if not row[0] and not _DAY.fullmatch(begins):
            continue  # names of columns that take several rows
        if (
            None in map(system_of, codes)
            or not _DAY.fullmatch(begins)
            or not (ends in _NO_DATE or _DAY.fullmatch(ends))
            or indicator not in (*INDICATORS, _NOT_APPLICABLE)
        ):
            text = f"expected two codes, dates (YYYYMMDD) and a modifier indicator, not {row[:6]}"
            reporter.problem(Problem(table.file.label, line, text))
            continue
        is_over = ends not in _NO_DATE and ends < day
        if indicator != _NOT_APPLICABLE and not is_over and begins <= day:
            yield line, [*codes, indicator]


def _key(code: str) -> int:
    """A number for a code, in the order of the codes."""
    return int.from_bytes(code.encode("latin-1", "replace")[:7].ljust(7), "big")


# -- units ---------------------------------------------------------------------------------------


def _units(table: CmsTable) -> Facts:
    values = next((name for name in table.header if name.endswith("MUE VALUES")), "")
    setting = next((own for words, own in _UNIT_COLUMNS.items() if values.startswith(words)), None)
    if setting is None:
        names = ", ".join(name for name in table.header if name)
        text = f"expected a column of MUE values of {', '.join(_UNIT_COLUMNS)}; found {names}"
        raise BrokenReleaseError(Problem(table.file.label, table.above, text))
    named = f"{table.file.label} {table.titles}"
    date = _EFFECTIVE.search(named)
    property_ = f"mue{setting.capitalize()}"
    return Facts(
        kind="ncci",
        id=f"mue-{setting}",
        title=f"NCCI medically unlikely edits ({setting})",
        description="How many units of a code Medicare pays on one day: CMS, National Correct Coding Initiative, "
        f"medically unlikely edits, {setting}.",
        version=f"{date[3]}-{date[1]}" if date else month_in(named) or year_in(named),
        properties=[
            PropertyDeclaration(property_, "integer", None, "The most units of one day."),
            PropertyDeclaration(
                f"{property_}Adjudication",
                "string",
                None,
                "1: of a line of a claim; 2 and 3: of a day of service.",
            ),
        ],
        tables=[table],
        rows=partial(_unit_rows, table, table.header.index(values), property_),
    )


def _unit_rows(table: CmsTable, values: int, property_: str, reporter: Reporter) -> Iterator[FactRow]:
    indicator = table.place(*UNITS[0]) or 0
    for line, row in table.rows(reporter):
        if not row[values].isdecimal() or row[indicator][:1] not in ("1", "2", "3"):
            text = f"expected a number of units and an indicator from 1 to 3, not {row[:3]}"
            reporter.problem(Problem(table.file.label, line, text))
            continue
        yield FactRow(
            table.file,
            line,
            code_of(row[0]),
            [
                (property_, "integer", int(row[values])),
                (f"{property_}Adjudication", "string", row[indicator][:1]),
            ],
        )


NCCI = importer_of("ncci", "NCCI edits of CMS (PTP and MUE), as properties of codes", EXPECTED, _open)
