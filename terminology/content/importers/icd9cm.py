"""ICD-9-CM: titles of diagnoses (volumes 1 and 2) and of procedures (volume 3), which share one URI.

``CMS32_DESC_LONG_DX.txt``, ``…_LONG_SG.txt``, ``…_SHORT_DX.txt``, ``…_SHORT_SG.txt``: fixed width, latin-1,
no dot. Diagnoses have the code in columns 1-5 and the title from 7, procedures 1-4 and 6::

    6221  Dysplasia of cervix (uteri)
    672  Conization of cervix

Codes get their dot: after the third character, in E codes after the fourth, in procedures after the second
(``67.2``); the property ``volume`` tells the two apart. The files hold only the codes that a claim may have.
Their categories (``250``, ``250.0``) become abstract concepts without a title.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from terminology.content.importers import notices
from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import lines
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    OpenedCodeSystem,
    PropertyDeclaration,
)
from terminology.store.reporting import Reporter

URL = "http://hl7.org/fhir/sid/icd-9-cm"
EXPECTED = "CMS32_DESC_LONG_DX.txt and CMS32_DESC_LONG_SG.txt (and the SHORT ones, if available)"
SHORT = {"system": URL, "code": "short", "display": "Short title"}

# Lines of an order file of ICD-10, and of a GEM.
_OTHER = re.compile(r"\d{5} \w{3,7} +[01] |\w+\s+\w{2,7}\s+[01]{3}\d\d\s*$")
_RELEASE = re.compile(r"CMS(\d+)", re.IGNORECASE)


class Icd9Volume(NamedTuple):
    """A volume: the width of its code field, and the shape of its codes."""

    name: str
    width: int
    code: re.Pattern[str]


VOLUMES = (
    Icd9Volume("diagnosis", 5, re.compile(r"(?:\d{3}|V\d\d)\d{0,2}|E\d{3}\d?")),
    Icd9Volume("procedure", 4, re.compile(r"\d{2}\d{0,2}")),
)


class Icd9Files(NamedTuple):
    """The files of long and of short titles, by volume."""

    long: dict[str, File]
    short: dict[str, File]


def dotted(code: str, volume: str) -> str:
    """The code as FHIR has it.

    >>> dotted("672", "procedure"), dotted("6221", "diagnosis"), dotted("E8500", "diagnosis")
    ('67.2', '622.1', 'E850.0')
    """
    dot = 2 if volume == "procedure" else 4 if code.startswith("E") else 3
    return f"{code[:dot]}.{code[dot:]}" if len(code) > dot else code


# -- which files ---------------------------------------------------------------------------------


def _open(all_files: Sequence[File]) -> list[OpenedCodeSystem]:
    """The release. One volume alone is a fragment: the URI stands for both."""
    files = _title_files(all_files)
    if files is None:
        return []
    used = [*files.long.values(), *files.short.values()]
    versions = {name[1] for file in used if (name := _RELEASE.search(file.name))}
    if len(versions) > 1:
        text = f"expected one release, but found {sorted(versions)}"
        raise BrokenReleaseError(Problem(", ".join(file.name for file in used), 0, text))
    release = CodeSystemRelease(
        kind="icd9cm",
        url=URL,
        version=next(iter(versions), None),
        name="ICD9CM",
        title="International Classification of Diseases, 9th Revision, Clinical Modification",
        language="en",
        content="complete" if len(files.long) == len(VOLUMES) else "fragment",
        copyright=notices.CMS,
        licence="public domain",
        hierarchy_meaning="classified-with",
        properties=[
            PropertyDeclaration(
                "volume", "code", None, "diagnosis (volumes 1 and 2) or procedure (volume 3)."
            ),
            PropertyDeclaration("billable", "boolean", None, "Whether a claim could have the code."),
        ],
        files=sources(used),
    )
    return [OpenedCodeSystem(release, partial(_concepts, files))]


def _title_files(all_files: Sequence[File]) -> Icd9Files | None:
    """The files of titles; None where there are none, or two for one volume."""
    files = Icd9Files({}, {})
    for file in all_files:
        volume = _volume(file)
        if volume is None:
            continue
        kind = files.short if "SHORT" in file.name.upper() else files.long
        if volume in kind:
            return None
        kind[volume] = file
    return files if files.long else None


def _volume(file: File) -> str | None:
    head = file.first_lines()[:20]
    if any(_OTHER.match(line) for line in head):
        return None
    for volume in VOLUMES:
        if sum(_parsed(line, volume) is not None for line in head) * 2 > len(head):
            return volume.name
    return None


def _parsed(line: str, volume: Icd9Volume) -> tuple[str, str] | None:
    """Code and title. A title never begins with a blank, which tells the volumes apart."""
    code, blank, title = (
        line[: volume.width].rstrip(),
        line[volume.width : volume.width + 1],
        line[volume.width + 1 :],
    )
    if blank != " " or not title or title[0] == " " or not volume.code.fullmatch(code):
        return None
    return code, title.strip()


# -- rows ----------------------------------------------------------------------------------------


def _concepts(files: Icd9Files, reporter: Reporter) -> Iterator[ConceptRow]:
    """Diagnoses, then procedures, each after its categories."""
    for volume in VOLUMES:
        if volume.name in files.long:
            short = files.short.get(volume.name)
            shorts = {code: title for code, title in _titles(short, volume, reporter)} if short else {}
            yield from _rows(_titles(files.long[volume.name], volume, reporter), volume, shorts)


def _titles(file: File, volume: Icd9Volume, reporter: Reporter) -> Iterator[tuple[str, str]]:
    for number, line in lines(file, reporter, "latin-1", ends=True):
        parsed = _parsed(line, volume)
        if parsed is None:
            expected = f"the code of a {volume.name} in columns 1-{volume.width} and a title"
            reporter.problem(Problem(file.label, number, f"expected {expected}, not {line[:60]!r}"))
        else:
            yield parsed


def _rows(
    titles: Iterator[tuple[str, str]], volume: Icd9Volume, shorts: dict[str, str]
) -> Iterator[ConceptRow]:
    known: set[str] = set()
    shortest = len(dotted("000000", volume.name).partition(".")[0])
    for code, title in titles:
        least = shortest + code.startswith("E")
        above = [code[:length] for length in range(least, len(code))]
        for level, category in enumerate(above):
            if category not in known:
                known.add(category)
                yield _row(category, None, volume, above[:level], {})
        known.add(code)
        yield _row(code, title, volume, above, shorts)


def _row(
    code: str, title: str | None, volume: Icd9Volume, above: list[str], shorts: dict[str, str]
) -> ConceptRow:
    short = shorts.get(code)
    return ConceptRow(
        code=dotted(code, volume.name),
        display=title,
        abstract=title is None,
        parents=[dotted(above[-1], volume.name)] if above else (),
        designations=[(short, "en", SHORT, None)] if short else (),
        properties=[("volume", "code", volume.name), ("billable", "boolean", title is not None)],
    )


ICD9CM = importer_of("icd9cm", "ICD-9-CM titles of diagnoses and procedures", EXPECTED, _open)
