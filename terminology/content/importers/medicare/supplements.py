"""Facts of CMS about codes of CPT and HCPCS, as supplements of these code systems.

A table of CMS has codes of both. What it says of the codes of one becomes a supplement of that one: properties alone.
The descriptors in the tables are not read: those of CPT codes are the AMA's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from terminology.content.canonical import published_names
from terminology.content.importers import hcpcs, notices
from terminology.content.importers.files import File, sources
from terminology.content.importers.medicare.tables import CmsTable
from terminology.content.importers.rows import SILENT
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Document, Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    OpenedCodeSystem,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter
from terminology.systems import cpt
from terminology.systems.supplement import APPLIES_ALWAYS

PUBLISHER = "Centers for Medicare & Medicaid Services"
_HCPCS_CODE = re.compile("[A-V][0-9]{4}")
_YEAR = re.compile("20[0-9]{2}")
_MONTHS = "January February March April May June July August September October November December".split()
_MONTH = "|".join(f"{month}|{month[:3]}" for month in _MONTHS)
_DATE = re.compile(
    rf"(?<![a-z])({_MONTH})[ _.-]*(20\d\d)(?!\d)|(?<!\d)(20\d\d)[ _.-]*({_MONTH})(?![a-z])", re.IGNORECASE
)


@dataclass(slots=True, frozen=True)
class FactRow:
    """What a row says of a code."""

    file: File
    line: int
    code: str
    properties: Sequence[PropertyTuple]


@dataclass(slots=True, frozen=True)
class Facts:
    """Tables as a supplement: ``id`` and ``title`` without the code system, and a function that reads them.

    ``always``: it applies in every request; otherwise where it is named.
    """

    kind: str
    id: str
    title: str
    description: str
    version: str | None
    properties: Sequence[PropertyDeclaration]
    tables: Sequence[CmsTable]
    rows: Callable[[Reporter], Iterator[FactRow]]
    always: bool = True


def month_in(text: str) -> str | None:
    """The month that a title or a name has first, as ``2026-07``.

    >>> month_in("2026 April Web Addendum B.csv"), month_in("PPRRVU2026_Jul_nonQPP.csv"), month_in("x")
    ('2026-04', '2026-07', None)
    """
    date = _DATE.search(text)
    if date is None:
        return None
    year, month = (date[2], date[1]) if date[1] else (date[3], date[4])
    number = next(n for n, name in enumerate(_MONTHS, 1) if name[:3].lower() == month[:3].lower())
    return f"{year}-{number:02}"


def in_words(month: str) -> str:
    """A month as CMS writes it.

    >>> in_words("2026-07"), in_words("2026")
    ('July 2026', '2026')
    """
    year, _, number = month.partition("-")
    return f"{_MONTHS[int(number) - 1]} {year}" if number else year


def code_of(cell: str) -> str:
    """The code in a cell. A spreadsheet may take ``00940`` for the number 940.

    >>> code_of("940"), code_of("g0463")
    ('00940', 'G0463')
    """
    return cell.zfill(5) if cell.isdecimal() else cell.upper()


def system_of(code: str) -> str | None:
    """The url of the code system of a code, which may have modifiers after colons; None for no code."""
    if _HCPCS_CODE.fullmatch(code):
        return hcpcs.URL
    return cpt.URL if cpt.CODE.fullmatch(code) or cpt.EXPRESSION.fullmatch(code) else None


def opened(facts: Facts) -> list[OpenedCodeSystem]:
    """The supplements of the code systems of which the table has codes."""
    there = set[str | None]()
    with suppress(BrokenReleaseError):  # the reading says so
        for table in facts.tables:
            there.update(system_of(code_of(row[0])) for _, row in table.rows(SILENT))
    urls = [url for url in (cpt.URL, hcpcs.URL) if url in there]
    return [
        OpenedCodeSystem(_release(facts, url), partial(_concepts, facts, url, url == urls[0])) for url in urls
    ]


def _release(facts: Facts, url: str) -> CodeSystemRelease:
    key, name = ("cpt", "CPT") if url == cpt.URL else ("hcpcs", "HCPCS Level II")
    names = published_names()
    year = _YEAR.search(facts.version or "")
    notice = cpt.NOTICE.format(year=year[0] if year else "")
    header: Document = {
        "publisher": PUBLISHER,
        "description": facts.description,
        "supplements": url,
    }
    if facts.always:
        header["extension"] = [{"url": f"{names.base}{APPLIES_ALWAYS}", "valueBoolean": True}]
    return CodeSystemRelease(
        kind=facts.kind,
        url=names.resource("CodeSystem", f"{key}-{facts.id}"),
        version=facts.version,
        name="".join(part.capitalize() for part in f"{key}-{facts.id}".split("-")),
        title=f"{facts.title}: {name}",
        case_sensitive=True,
        content="supplement",
        copyright=f"{notices.CMS} {notice}" if url == cpt.URL else notices.HCPCS,
        licence="public domain, without descriptors; using CPT needs the AMA's licence",
        properties=facts.properties,
        files=sources(table.file for table in facts.tables),
        header=header,
    )


def _concepts(facts: Facts, url: str, is_first: bool, reporter: Reporter) -> Iterator[ConceptRow]:
    """The codes of one code system. Faults of other rows are reported once, with the first one."""
    for row in facts.rows(reporter if is_first else _ProgressOnly(reporter)):
        system = system_of(row.code)
        if system == url:
            yield ConceptRow(row.code, properties=row.properties, line=row.line)
        elif system is None and is_first:
            text = f"expected a code of CPT or HCPCS, not {row.code!r}"
            reporter.problem(Problem(row.file.label, row.line, text))


class _ProgressOnly:
    """Passes progress on, and no problem."""

    def __init__(self, reporter: Reporter) -> None:
        self.progress, self.rows = reporter.progress, reporter.rows

    def problem(self, problem: Problem) -> None:
        """Ignore a problem: it has been reported."""
