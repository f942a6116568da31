"""HCPCS Level II: the alpha-numeric file, records of 320 characters (``HCPC2026_JAN_ANWEB.txt``).

By the record layout that comes with the file: code 1-5, sequence 6-10, record 11, long text 12-91, short
text 92-119, added 269-276, effective 277-284, terminated 285-292, action 293. Record 3 begins a code and 4
continues its long text; 7 and 8 are the same for modifiers, whose codes are in columns 4-5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from terminology.content.importers import notices
from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import encoding_of, lines
from terminology.core.model import Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    OpenedCodeSystem,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter

URL = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
EXPECTED = "the alpha-numeric HCPCS file of CMS, records of 320 characters (HCPCYYYY_MON_ANWEB.txt)"
SHORT = {"system": URL, "code": "short", "display": "Short text"}
MONTHS = {"JAN": "01", "APR": "04", "JUL": "07", "OCT": "10"}

_NAME = re.compile(r"HCPC(20\d\d)[_-]?([A-Z]{3})?", re.IGNORECASE)
_RECORD = re.compile(r"(?:[A-Z]\d{4}|   [A-Z0-9]{2})\d{5}[3478]\S")
# Each date property, and the place of its first character.
_DATES = (("added", 268), ("effective", 276), ("terminated", 284))


@dataclass(slots=True)
class HcpcsRecord:
    """A code whose long text the next records may continue; ``text`` has its lines by their sequence."""

    code: str
    text: dict[str, str]
    first: str
    is_modifier: bool


def _open(files: Sequence[File]) -> list[OpenedCodeSystem]:
    lists = [f for f in files if _RECORD.match(f.first_line())]
    if len(lists) != 1:
        return []
    file, version = lists[0], _version(lists[0])
    release = CodeSystemRelease(
        kind="hcpcs",
        url=URL,
        version=version,
        name="HCPCS",
        title="Healthcare Common Procedure Coding System, Level II",
        language="en",
        copyright=notices.HCPCS,
        licence="public domain, except D codes (ADA)",
        properties=[
            PropertyDeclaration("modifier", "boolean", None, "Whether the concept is a modifier."),
            PropertyDeclaration("added", "dateTime", None, "When the code was added."),
            PropertyDeclaration("effective", "dateTime", None, "The date of its present state."),
            PropertyDeclaration("terminated", "dateTime", None, "When its use ended."),
            PropertyDeclaration("action", "code", None, "The action of the last update on it."),
        ],
        files=sources([file]),
    )
    return [OpenedCodeSystem(release, partial(_concepts, file, version))]


def _version(file: File) -> str | None:
    name = _NAME.search(file.name)
    if name is None:
        return None
    month = MONTHS.get((name[2] or "").upper())
    return f"{name[1]}-{month}" if month else name[1]


def _concepts(file: File, version: str | None, reporter: Reporter) -> Iterator[ConceptRow]:
    """Codes and modifiers, the lines of their long texts joined."""
    current: HcpcsRecord | None = None
    for number, line in lines(file, reporter, encoding_of(file), ends=True):
        record, code = line[10:11], line[:5].strip()
        if not _RECORD.match(line):
            text = f"expected code, sequence and record, not {line[:20]!r}"
            reporter.problem(Problem(file.label, number, text))
        elif record in "37":
            if current is not None:
                yield _concept(current, version)
            current = HcpcsRecord(code, {line[5:10]: line[11:91].strip()}, line, record == "7")
        elif current is not None and current.code == code:
            current.text[line[5:10]] = line[11:91].strip()
        else:
            text = f"this continues the text of {code}, which has no first line"
            reporter.problem(Problem(file.label, number, text))
    if current is not None:
        yield _concept(current, version)


def _concept(record: HcpcsRecord, version: str | None) -> ConceptRow:
    line = record.first
    short = line[91:119].strip()
    properties: list[PropertyTuple] = [("modifier", "boolean", record.is_modifier)]
    dates = {name: date for name, start in _DATES if (date := _date(line[start : start + 8]))}
    properties += [(name, "dateTime", date) for name, date in dates.items()]
    if action := line[292:293].strip():
        properties.append(("action", "code", action))
    return ConceptRow(
        code=record.code,
        display=" ".join(" ".join(record.text[place] for place in sorted(record.text)).split()),
        # In a release of January 2026, a code whose use ended on the first of January or before is inactive.
        inactive=version is not None and dates.get("terminated", "9999") <= f"{version}-01-01"[:10],
        designations=[(short, "en", SHORT, None)] if short else (),
        properties=properties,
    )


def _date(text: str) -> str | None:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if re.fullmatch(r"(19|20)\d{6}", text) else None


HCPCS = importer_of("hcpcs", "HCPCS Level II, the alpha-numeric file of CMS", EXPECTED, _open)
