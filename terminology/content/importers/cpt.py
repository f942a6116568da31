"""CPT, from the files that the American Medical Association gives to its licensees.

The operator supplies the folder; its texts go into the operator's store and nowhere else: no message quotes
them, and nothing of them is part of this software. ``LONGULT.txt`` (the displays), ``LONGUT.txt``,
``MEDU.txt``, ``SHORTU.txt`` have a code of five characters, a separator and a text (where there is a tab, the
part after the first one); ``ConsumerDescriptor.txt`` and ``ClinicianDescriptor.txt`` have a concept id of
seven characters before the code::

    99999 <text>

``modifiers.csv`` has the columns Code, General, PhysicalStatus, LevelOne, LevelTwo, HCPCS, Definition.

Properties and kinds of designation are those of HL7's own loader: https://terminology.hl7.org/CPT.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

from terminology.content.importers.files import File, sources, year_in
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import encoding_of, lines, records
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    DesignationTuple,
    OpenedCodeSystem,
    PropertyDeclaration,
)
from terminology.store.reporting import Reporter
from terminology.systems.cpt import CODE, DESCRIPTION, MODIFIER, URL, kinds_by_shape, notice_of

EXPECTED = (
    "the folder of an AMA release: LONGULT.txt and, where available, LONGUT.txt, MEDU.txt, SHORTU.txt, "
    "ConsumerDescriptor.txt, ClinicianDescriptor.txt and modifiers.csv"
)


class CptDescriptor(NamedTuple):
    """A file of texts: the kind of designation that it has, and the number of characters before the code."""

    use: str
    display: str
    skip: int = 0


DISPLAY_FILE, MODIFIER_FILE = "longult.txt", "modifiers.csv"
DESCRIPTORS = {
    "longut.txt": CptDescriptor("upper", "Long descriptor in upper case"),
    "medu.txt": CptDescriptor("med", "Medium descriptor"),
    "shortu.txt": CptDescriptor("short", "Short descriptor"),
    "consumerdescriptor.txt": CptDescriptor("consumer", "Consumer descriptor", 7),
    "cliniciandescriptor.txt": CptDescriptor("clinician", "Clinician descriptor", 7),
}
# The name within an archive, that of the file or archive, and those of the two folders around it.
_NEAR = 4
# The properties that a row has; the others are those of codes with modifiers.
_STORED = ("modifier", "modified", "kind")
_KINDS = {
    "General": "general",
    "PhysicalStatus": "physical-status",
    "LevelOne": "cat-1",
    "LevelTwo": "cat-2",
    "HCPCS": "hcpcs",
}
_NOTICE_YEAR = re.compile(r"(?:©|\(c\)|copyright)\D{0,40}?(20\d\d)\D{0,20}American Medical", re.IGNORECASE)


# -- which files ---------------------------------------------------------------------------------


def _open(all_files: Sequence[File]) -> list[OpenedCodeSystem]:
    """The release. The copyright line needs its year, which is in a file or in a name."""
    names = {DISPLAY_FILE, MODIFIER_FILE, *DESCRIPTORS}
    files = {file.name.lower(): file for file in all_files if file.name.lower() in names}
    if DISPLAY_FILE not in files:
        return []
    year = _year(files)
    if year is None:
        text = "expected the year of the release in the name of the folder or archive (cpt-2026)"
        raise BrokenReleaseError(Problem(files[DISPLAY_FILE].label, 0, text))
    release = CodeSystemRelease(
        kind="cpt",
        url=URL,
        version=year,
        name="CPT",
        title="Current Procedural Terminology",
        language="en",
        copyright=notice_of(year),
        licence="AMA licence of the operator",
        properties=[
            PropertyDeclaration(rule.code, rule.type, None, rule.meaning)
            for rule in DESCRIPTION.properties
            if rule.code in _STORED
        ],
        files=sources(files.values()),
    )
    return [OpenedCodeSystem(release, partial(_concepts, files))]


def _year(files: dict[str, File]) -> str | None:
    """The year of use, from the nearest names; a notice may have the year before, in which the release was made."""
    near = [name for file in files.values() for name in _names(file)[:_NEAR]]
    notices = (_NOTICE_YEAR.search(file.head().decode("latin-1")) for file in files.values())
    far = [name for file in files.values() for name in _names(file)[_NEAR:]]
    in_notices = (notice[1] for notice in notices if notice)
    return next(chain(filter(None, map(year_in, near)), in_notices, filter(None, map(year_in, far))), None)


def _names(file: File) -> list[str]:
    """The names of a file and of the folders that it is in, the nearest first."""
    return [file.inside or "", *reversed(file.path.resolve().parts)]


# -- rows ----------------------------------------------------------------------------------------


def _concepts(files: dict[str, File], reporter: Reporter) -> Iterator[ConceptRow]:
    """The codes in the order of the long descriptors, then the modifiers."""
    designations = _designations(files, reporter)
    for code, text in _texts(files[DISPLAY_FILE], 0, reporter):
        yield ConceptRow(
            code=code,
            display=text,
            designations=designations.pop(code, ()),
            properties=[
                ("modifier", "boolean", False),
                ("modified", "boolean", False),
                *(("kind", "code", kind) for kind in kinds_by_shape(code)),
            ],
        )
    for code in designations:
        text = f"{code} has descriptors in other files, but not here"
        reporter.problem(Problem(files[DISPLAY_FILE].label, 0, text))
    if MODIFIER_FILE in files:
        yield from _modifiers(files[MODIFIER_FILE], reporter)


def _designations(files: dict[str, File], reporter: Reporter) -> dict[str, list[DesignationTuple]]:
    designations: dict[str, list[DesignationTuple]] = {}
    for name, descriptor in DESCRIPTORS.items():
        if name in files:
            use = {"system": URL, "code": descriptor.use, "display": descriptor.display}
            for code, text in _texts(files[name], descriptor.skip, reporter):
                designations.setdefault(code, []).append((text, "en", use, None))
    return designations


def _texts(file: File, skip: int, reporter: Reporter) -> Iterator[tuple[str, str]]:
    for number, line in lines(file, reporter, encoding_of(file)):
        if number <= 40 and "American Medical" in line:
            continue  # the notice at the head of some files
        row = line[skip:].strip() if skip else line
        code, text = row[:5], row[6:]
        text = text.partition("\t")[2] if "\t" in text else text
        if CODE.fullmatch(code) and text.strip():
            yield code, text.strip()
        else:
            expected = "expected a code of five characters, a separator and a text"
            reporter.problem(Problem(file.label, number, expected))


def _modifiers(file: File, reporter: Reporter) -> Iterator[ConceptRow]:
    rows = records(file, reporter, ("Code", *_KINDS, "Definition"), ",", True, encoding_of(file))
    for number, (code, *marks, definition) in rows:
        kinds = [kind for kind, mark in zip(_KINDS.values(), marks, strict=True) if _is_marked(mark)]
        if not MODIFIER.fullmatch(code.strip()) or not definition.strip():
            expected = "expected a modifier of two characters and a definition"
            reporter.problem(Problem(file.label, number, expected))
            continue
        yield ConceptRow(
            code=code.strip(),
            display=definition.strip(),
            properties=[
                ("modifier", "boolean", True),
                ("modified", "boolean", False),
                *(("kind", "code", kind) for kind in kinds),
            ],
        )


def _is_marked(mark: str) -> bool:
    return mark.strip().lower() not in ("", "0", "n", "no", "false")


CPT = importer_of("cpt", "CPT, from the AMA's files under your own licence", EXPECTED, _open)
