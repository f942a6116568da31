"""CVX: the CDC's list of vaccines administered, ``cvx.txt``. One in UTF-16, as it comes at times, is refused as such.

``|`` between the columns, no header row::

    code|short description|full vaccine name|notes|vaccine status|non-vaccine|last updated
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import SILENT, encoding_of, lines, without_faults
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    DesignationTuple,
    OpenedCodeSystem,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter
from terminology.systems.cvx import STATUSES, URL

EXPECTED = "the CDC's list of vaccines with seven columns between bars (cvx.txt)"
FULL = {"system": URL, "code": "full", "display": "Full vaccine name"}
PROPERTIES = (
    PropertyDeclaration(
        "vaccine-status", "code", None, "Whether the vaccine is available in the United States."
    ),
    PropertyDeclaration("non-vaccine", "boolean"),
    PropertyDeclaration("notes"),
    PropertyDeclaration("last-updated", "dateTime"),
)
_WIDTH = 7
_CODE = re.compile(r"[0-9]{2,3}")
_DATE = re.compile(r"([0-9]{4})[/-]([0-9]{1,2})[/-]([0-9]{1,2})|([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})")


def _open(files: Sequence[File]) -> list[OpenedCodeSystem]:
    lists = [file for file in files if _is_list(file)]
    if len(lists) != 1:
        return []
    dates = [date for row in _rows(lists[0], SILENT) if (date := _date(row[6]))]
    release = CodeSystemRelease(
        kind="cvx",
        url=URL,
        version=max(dates).replace("-", "") if dates else None,
        name="CVX",
        title="Vaccine Administered (CVX)",
        language="en",
        case_sensitive=False,
        licence="public domain",
        properties=PROPERTIES,
        files=sources(lists),
    )
    return [OpenedCodeSystem(release, partial(_concepts, lists[0]))]


def _is_list(file: File) -> bool:
    """Whether the first line is that of a vaccine."""
    return _fault_of([cell.strip() for cell in file.first_line().split("|")]) is None


def _rows(file: File, reporter: Reporter) -> Iterator[list[str]]:
    split = (
        (number, [cell.strip() for cell in line.split("|")])
        for number, line in lines(file, reporter, encoding_of(file))
    )
    for _, row in without_faults(file, reporter, split, _fault_of):
        yield row


def _fault_of(row: list[str]) -> str | None:
    is_whole = len(row) in (_WIDTH, _WIDTH + 1) and _CODE.fullmatch(row[0])
    return None if is_whole else f"expected a code of two or three digits and {_WIDTH} columns"


def _date(text: str) -> str | None:
    """``2031/02/01`` or ``2/1/2031`` as a date."""
    date = _DATE.fullmatch(text)
    if date is None:
        return None
    year, month, day = date.group(1, 2, 3) if date[1] else date.group(6, 4, 5)
    return f"{year}-{month:0>2}-{day:0>2}"


def _concepts(file: File, reporter: Reporter) -> Iterator[ConceptRow]:
    for code, short, full, notes, status, non_vaccine, updated, *_ in _rows(file, reporter):
        names: list[DesignationTuple] = [(full, "en", FULL, None)] if full and full != short else []
        properties: list[PropertyTuple] = [
            ("vaccine-status", "code", STATUSES.get(status, status.lower())),
            ("non-vaccine", "boolean", non_vaccine.lower() == "true"),
        ]
        if notes:
            properties.append(("notes", "string", notes))
        if date := _date(updated):
            properties.append(("last-updated", "dateTime", date))
        yield ConceptRow(code, short or None, designations=names, properties=properties)


CVX = importer_of("cvx", "CVX, the CDC's list of vaccines", EXPECTED, _open)
