"""HCPCS Level II: the alpha-numeric file, records of 320 characters (``HCPC2026_JAN_ANWEB.txt``).

By the record layout that comes with the file: code 1-5, sequence 6-10, record 11, long text 12-91, short
text 92-119, added 269-276, effective 277-284, terminated 285-292, action 293. Record 3 begins a code and 4
goes on with its long text; 7 and 8 are the same for modifiers, which stand in columns 4-5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from terminology.content.importers import notices
from terminology.content.importers.files import File, encoding_of, found, lines, refused, refusing, sources
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

URL = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
EXPECTED = "the alpha-numeric HCPCS file of CMS, records of 320 characters (HCPCYYYY_MON_ANWEB.txt)"
SHORT = {"system": URL, "code": "short", "display": "Short text"}
MONTHS = {"JAN": "01", "APR": "04", "JUL": "07", "OCT": "10"}

_NAME = re.compile(r"HCPC(20\d\d)[_-]?([A-Z]{3})?", re.IGNORECASE)
_RECORD = re.compile(r"(?:[A-Z]\d{4}|   [A-Z0-9]{2})\d{5}[3478]\S")
_DATES = (("added", 268), ("effective", 276), ("terminated", 284))


@dataclass(slots=True)
class _Open:
    """The code that the next continuations belong to."""

    code: str
    text: list[str]
    first: str
    is_modifier: bool


@refusing
def recognises(paths: Sequence[Path]) -> Sequence[AnyRelease] | Problem:
    """The release, or what was expected."""
    file = _file(paths)
    if file is None:
        return refused(paths, EXPECTED)
    return [
        CodeSystemRelease(
            kind="hcpcs",
            url=URL,
            version=_version(file),
            name="HCPCS",
            title="Healthcare Common Procedure Coding System, Level II",
            language="en",
            copyright=notices.HCPCS,
            licence="public domain, but for D codes (ADA)",
            properties=[
                PropertyDeclaration("modifier", "boolean", None, "Whether the concept is a modifier."),
                PropertyDeclaration("added", "date", None, "When the code was added."),
                PropertyDeclaration("effective", "date", None, "Since when it has its present state."),
                PropertyDeclaration("terminated", "date", None, "Until when it could be used."),
                PropertyDeclaration("action", "code", None, "What the last update did to it."),
            ],
            files=sources([file]),
        )
    ]


def _file(paths: Sequence[Path]) -> File | None:
    files = [f for f in found(paths) if _RECORD.match(f.head().decode("latin-1").partition("\n")[0])]
    return files[0] if len(files) == 1 else None


def _version(file: File) -> str | None:
    named = _NAME.search(file.name)
    if named is None:
        return None
    month = MONTHS.get((named[2] or "").upper())
    return f"{named[1]}-{month}" if month else named[1]


def read(release: AnyRelease, paths: Sequence[Path], report: Report) -> Iterator[ConceptRow]:
    """Codes and modifiers, the lines of their long texts joined."""
    file = _file(paths)
    if file is None:
        raise BrokenReleaseError(refused(paths, EXPECTED))
    open_: _Open | None = None
    for number, line in lines(file, report, encoding_of(file)):
        record, code = line[10:11], line[:5].strip()
        if not _RECORD.match(line):
            report(Problem(file.label, number, f"expected code, sequence and record, not {line[:20]!r}"))
        elif record in "37":
            if open_ is not None:
                yield _row(open_, release.version)
            open_ = _Open(code, [line[11:91].strip()], line, record == "7")
        elif open_ is not None and open_.code == code:
            open_.text.append(line[11:91].strip())
        else:
            report(Problem(file.label, number, f"the text of {code} goes on, but did not begin"))
    if open_ is not None:
        yield _row(open_, release.version)


def _row(open_: _Open, version: str | None) -> ConceptRow:
    line = open_.first
    short = line[91:119].strip()
    properties: list[Stated] = [("modifier", "boolean", open_.is_modifier)]
    dates = {name: date for name, start in _DATES if (date := _date(line[start : start + 8]))}
    properties += [(name, "date", date) for name, date in dates.items()]
    if action := line[292:293].strip():
        properties.append(("action", "code", action))
    return ConceptRow(
        code=open_.code,
        display=" ".join(" ".join(open_.text).split()),
        # Of a release of January 2026, what ended before has ended.
        inactive="terminated" in dates
        and version is not None
        and dates["terminated"][: len(version)] < version,
        designations=[(short, "en", SHORT, None)] if short else (),
        properties=properties,
    )


def _date(text: str) -> str | None:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if re.fullmatch(r"(19|20)\d{6}", text) else None


HCPCS = Importer("hcpcs", "HCPCS Level II, the alpha-numeric file of CMS", recognises, read)
