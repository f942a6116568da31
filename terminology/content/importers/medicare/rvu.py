"""RVU: the relative value file of the Physician Fee Schedule, ``PPRRVU2026_Jul_nonQPP.csv`` or XLSX.

Rows of titles, names of columns in two rows or more, and a row for each code, or for a code with a modifier::

    ,,2026 National Physician Fee Schedule Relative Value File July Release, …
    ,,,STATUS,MEDICARE,WORK,NON-FAC,NA,FACILITY,NA,MP,…,PCTC,GLOB,PRE,INTRA,POST,MULT,BILAT,ASST,CO-,TEAM,…
    HCPCS,MOD,DESCRIPTION,CODE,PAYMENT,RVU,PE RVU,INDICATOR,PE RVU,INDICATOR,RVU,…,IND,DAYS,OP,OP,OP,PROC,SURG,…
    57520,,…,A,,4.11,…,0,090,…

A code of CPT with a modifier is a code, ``71046:26``. HCPCS has no such codes: those rows are left out. The geographic
indices (GPCI) are not read. Of the files for participants in advanced payment models (QPP) and all others (nonQPP),
which differ in the conversion factor, the latter is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import InvalidOperation
from functools import partial
from typing import NamedTuple

from terminology.content.importers import hcpcs
from terminology.content.importers.files import File, year_in
from terminology.content.importers.importer import importer_of
from terminology.content.importers.medicare.supplements import (
    FactRow,
    Facts,
    code_of,
    in_words,
    month_in,
    opened,
    system_of,
)
from terminology.content.importers.medicare.tables import CmsTable, number_of, tables_in
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import OpenedCodeSystem, PropertyDeclaration, PropertyTuple
from terminology.store.reporting import Reporter
from terminology.systems import cpt

EXPECTED = "the relative value file of the Physician Fee Schedule as CSV or XLSX (PPRRVU…: HCPCS, MOD, STATUS CODE …)"


class RvuColumn(NamedTuple):
    """A property, the beginnings that the name of its column may have, and what it is."""

    code: str
    type: str
    names: tuple[str, ...]
    description: str


COLUMNS = (
    RvuColumn(
        "feeScheduleStatus", "string", ("STATUS CODE",), "The status code: A is paid for by the schedule."
    ),
    RvuColumn("workRvu", "decimal", ("WORK RVU",), "Relative value units of the physician's work."),
    RvuColumn("nonFacilityPeRvu", "decimal", ("NON-FAC PE RVU",), "… of the practice expense, in an office."),
    RvuColumn("facilityPeRvu", "decimal", ("FACILITY PE RVU",), "… of the practice expense, in a facility."),
    RvuColumn("malpracticeRvu", "decimal", ("MP RVU",), "… of the malpractice expense."),
    RvuColumn(
        "nonFacilityTotalRvu", "decimal", ("NON-FACILITY TOTAL",), "All relative value units, in an office."
    ),
    RvuColumn("facilityTotalRvu", "decimal", ("FACILITY TOTAL",), "All relative value units, in a facility."),
    RvuColumn(
        "pctcIndicator", "string", ("PCTC IND",), "Whether it has a professional and a technical part."
    ),
    RvuColumn(
        "globalDays",
        "code",
        ("GLOB DAYS", "GLOBAL DAYS"),
        "The global period: 000, 010, 090, XXX …",
    ),
    RvuColumn(
        "preoperativeShare", "decimal", ("PRE OP",), "The share of the payment for the time before surgery."
    ),
    RvuColumn("intraoperativeShare", "decimal", ("INTRA OP",), "… for the surgery."),
    RvuColumn("postoperativeShare", "decimal", ("POST OP",), "… for the time after surgery."),
    RvuColumn("multipleProcedures", "string", ("MULT PROC",), "The rule for several procedures."),
    RvuColumn("bilateralSurgery", "string", ("BILAT SURG",), "The rule for both sides."),
    RvuColumn("assistantAtSurgery", "string", ("ASST SURG",), "Whether an assistant is paid."),
    RvuColumn("coSurgeons", "string", ("CO- SURG", "CO-SURG", "CO SURG"), "Whether two surgeons are paid."),
    RvuColumn("teamSurgery", "string", ("TEAM SURG",), "Whether a team is paid."),
    RvuColumn("endoscopicBase", "string", ("ENDO BASE",), "The base code of an endoscopy."),
    RvuColumn("conversionFactor", "decimal", ("CONV FACTOR",), "US dollars for a relative value unit."),
)
_OPTIONAL = {
    "endoscopicBase",
    "preoperativeShare",
    "intraoperativeShare",
    "postoperativeShare",
    "teamSurgery",
}
REQUIRED = (("MOD",), *(column.names for column in COLUMNS if column.code not in _OPTIONAL))
_RELEASE = "feeScheduleRelease"
_TITLE = re.compile(
    r"(20\d\d) NATIONAL PHYSICIAN FEE SCHEDULE RELATIVE VALUE FILE ([A-Z]+) RELEASE", re.IGNORECASE
)


def _open(files: Sequence[File]) -> list[OpenedCodeSystem]:
    tables = tables_in(files, "HCPCS", REQUIRED)
    if len(tables) > 1:
        tables = [table for table in tables if "nonqpp" in table.file.name.lower()] or tables
    if not tables:
        return []
    if len(tables) > 1:
        names = ", ".join(table.file.label for table in tables)
        raise BrokenReleaseError(Problem("", 0, f"expected one relative value file; found {names}"))
    table = tables[0]
    title = _TITLE.search(table.titles)
    named = f"{title[2]} {title[1]}" if title else f"{table.file.label} {table.titles}"
    version = month_in(named) or year_in(named)
    facts = Facts(
        kind="rvu",
        id="fee-schedule",
        title="Physician Fee Schedule",
        description="What Medicare pays a physician for a code: CMS, Physician Fee Schedule, relative value file. "
        "No descriptors.",
        version=version,
        properties=[
            *(PropertyDeclaration(column.code, column.type, None, column.description) for column in COLUMNS),
            PropertyDeclaration(_RELEASE, "string", None, "The release of the fee schedule."),
        ],
        tables=[table],
        rows=partial(_rows, table, in_words(version) if version else None),
    )
    return opened(facts)


def _rows(table: CmsTable, release: str | None, reporter: Reporter) -> Iterator[FactRow]:
    modifier = table.place("MOD") or 1
    places = [(c.code, c.type, place) for c in COLUMNS if (place := table.place(*c.names)) is not None]
    for line, row in table.rows(reporter):
        code = code_of(row[0])
        if row[modifier]:
            if system_of(code) == hcpcs.URL:
                continue
            code += cpt.MARK + row[modifier]
        try:
            values = [
                (name, type_, number_of(row[place]) if type_ == "decimal" else row[place])
                for name, type_, place in places
            ]
        except InvalidOperation:
            text = f"a number of {code} is not one"
            reporter.problem(Problem(table.file.label, line, text))
            continue
        properties: list[PropertyTuple] = [value for value in values if value[2] not in ("", None)]
        if release:
            properties.append((_RELEASE, "string", release))
        yield FactRow(table.file, line, code, properties)


RVU = importer_of(
    "rvu", "Relative value file of Medicare's Physician Fee Schedule, as properties of codes", EXPECTED, _open
)
