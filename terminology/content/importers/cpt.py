"""CPT, from the files that the American Medical Association gives to its licensees.

The operator supplies the folder; its texts go into the operator's store and nowhere else: no message quotes
them, and nothing of them is part of this software. ``LONGULT.txt`` (the displays), ``LONGUT.txt``,
``MEDU.txt``, ``SHORTU.txt`` have a code of five characters, a separator and a text, of which only what
follows the first tab counts; ``ConsumerDescriptor.txt`` and ``ClinicianDescriptor.txt`` have a concept id
of seven characters before that::

    99999 <text>

``modifiers.csv`` has the columns Code, General, PhysicalStatus, LevelOne, LevelTwo, HCPCS, Definition.

Properties and kinds of designation are those of HL7's own loader: https://terminology.hl7.org/CPT.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from terminology.content.importers import notices
from terminology.content.importers.files import (
    File,
    encoding_of,
    found,
    lines,
    records,
    refused,
    refusing,
    sources,
)
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
)

URL = "http://www.ama-assn.org/go/cpt"
EXPECTED = (
    "the folder of an AMA release: LONGULT.txt, and as far as at hand LONGUT.txt, MEDU.txt, SHORTU.txt, "
    "ConsumerDescriptor.txt, ClinicianDescriptor.txt and modifiers.csv"
)


class Descriptor(NamedTuple):
    """A file of texts: the kind of designation it holds, and how many characters stand before the code."""

    use: str
    display: str
    skip: int = 0


DISPLAY_FILE, MODIFIER_FILE = "longult.txt", "modifiers.csv"
DESCRIPTORS = {
    "longut.txt": Descriptor("upper", "Long descriptor in upper case"),
    "medu.txt": Descriptor("med", "Medium descriptor"),
    "shortu.txt": Descriptor("short", "Short descriptor"),
    "consumerdescriptor.txt": Descriptor("consumer", "Consumer descriptor", 7),
    "cliniciandescriptor.txt": Descriptor("clinician", "Clinician descriptor", 7),
}
_KINDS = {
    "General": "general",
    "PhysicalStatus": "physical-status",
    "LevelOne": "cat-1",
    "LevelTwo": "cat-2",
    "HCPCS": "hcpcs",
}
_CODE = re.compile(r"\d{5}|\d{4}[A-Z]")
_MODIFIER = re.compile(r"[A-Z0-9]{2}")
_STATED_YEAR = re.compile(r"(?:©|\(c\)|copyright)\D{0,40}?(20\d\d)\D{0,20}American Medical", re.IGNORECASE)
_NAMED_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")


# -- which files ---------------------------------------------------------------------------------


@refusing
def recognises(paths: Sequence[Path]) -> Sequence[AnyRelease] | Problem:
    """The release. Its year, which the copyright line needs, stands in a file or in a name."""
    files = _files(paths)
    if DISPLAY_FILE not in files:
        return refused(paths, EXPECTED)
    year = _year(files)
    if year is None:
        where = files[DISPLAY_FILE].label
        return Problem(
            where, 0, "expected the year of the release in the name of the folder or archive (cpt-2026)"
        )
    return [
        CodeSystemRelease(
            kind="cpt",
            url=URL,
            version=year,
            name="CPT",
            title="Current Procedural Terminology",
            language="en",
            copyright=notices.CPT.format(year=year),
            licence="AMA licence of the operator",
            properties=[
                PropertyDeclaration("modifier", "boolean", None, "Whether the concept is a modifier."),
                PropertyDeclaration("kind", "code", None, "The kind of code or modifier."),
            ],
            files=sources(files.values()),
        )
    ]


def _files(paths: Sequence[Path]) -> dict[str, File]:
    known = {DISPLAY_FILE, MODIFIER_FILE, *DESCRIPTORS}
    return {file.name.lower(): file for file in found(paths) if file.name.lower() in known}


def _year(files: dict[str, File]) -> str | None:
    for file in files.values():
        if stated := _STATED_YEAR.search(file.head().decode("latin-1")):
            return stated[1]
    for file in files.values():
        for part in (file.inside or "", *reversed(file.path.resolve().parts)):
            if named := _NAMED_YEAR.search(part):
                return named[1]
    return None


# -- rows ----------------------------------------------------------------------------------------


def read(release: AnyRelease, paths: Sequence[Path], report: Report) -> Iterator[ConceptRow]:
    """The codes in the order of the long descriptors, then the modifiers."""
    files = _files(paths)
    if DISPLAY_FILE not in files:
        raise BrokenReleaseError(refused(paths, EXPECTED))
    said = _designations(files, report)
    for code, text in _texts(files[DISPLAY_FILE], 0, report):
        yield ConceptRow(
            code=code,
            display=text,
            designations=said.pop(code, ()),
            properties=[("modifier", "boolean", False), ("kind", "code", "code")],
        )
    for code in said:
        report(Problem(files[DISPLAY_FILE].label, 0, f"{code} has descriptors in other files, but not here"))
    if MODIFIER_FILE in files:
        yield from _modifiers(files[MODIFIER_FILE], report)


def _designations(files: dict[str, File], report: Report) -> dict[str, list[Said]]:
    said: dict[str, list[Said]] = {}
    for name, descriptor in DESCRIPTORS.items():
        if name in files:
            use = {"system": URL, "code": descriptor.use, "display": descriptor.display}
            for code, text in _texts(files[name], descriptor.skip, report):
                said.setdefault(code, []).append((text, "en", use, None))
    return said


def _texts(file: File, skip: int, report: Report) -> Iterator[tuple[str, str]]:
    for number, line in lines(file, report, encoding_of(file)):
        if number <= 40 and "American Medical" in line:
            continue  # the notice at the head of some files
        row = line[skip:].strip() if skip else line
        code, text = row[:5], row[6:]
        text = text.partition("\t")[2] if "\t" in text else text
        if _CODE.fullmatch(code) and text.strip():
            yield code, text.strip()
        else:
            report(Problem(file.label, number, "expected a code of five characters, a separator and a text"))


def _modifiers(file: File, report: Report) -> Iterator[ConceptRow]:
    rows = records(file, report, ("Code", *_KINDS, "Definition"), ",", True, encoding_of(file))
    for number, (code, *marks, definition) in rows:
        kinds = [kind for kind, mark in zip(_KINDS.values(), marks, strict=True) if _is_marked(mark)]
        if not _MODIFIER.fullmatch(code.strip()) or not definition.strip():
            report(Problem(file.label, number, "expected a modifier of two characters and a definition"))
            continue
        yield ConceptRow(
            code=code.strip(),
            display=definition.strip(),
            properties=[("modifier", "boolean", True), *(("kind", "code", kind) for kind in kinds)],
        )


def _is_marked(mark: str) -> bool:
    return mark.strip().lower() not in ("", "0", "n", "no", "false")


CPT = Importer("cpt", "CPT, from the AMA's files under your own licence", recognises, read)
