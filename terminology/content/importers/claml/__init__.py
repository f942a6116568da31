"""ClaML 2, the Classification Markup Language of ISO 13120, in which ICD-10, ICD-10-GM, OPS and ICF are published.

One XML file, as in ``icd10gm2025syst_claml_20240913.xml``, first the modifiers and then the classes::

    <ClaML version="2.0.0">
      <Meta name="lang" value="de"/> <Identifier authority="BfArM" uid="1.2.276.0.76.5.548"/>
      <Title date="2024-09-13" name="ICD-10" version="2025">Internationale …</Title>
      <UsageKinds><UsageKind mark="†" name="dagger"/> …
      <ModifierClass code=".2" modifier="S04E10_4" usage="dagger"> …
      <Class code="A06.6" kind="category" usage="dagger">
        <Meta name="Para301" value="P"/> <SuperClass code="A06"/>
        <Rubric kind="preferred"><Label xml:lang="de">Hirnabszess …<Reference usage="aster">G07</Reference></Label> …

* The display is the rubric ``preferredLong``, or else ``preferred``. The other one, labels in other languages and the
  inclusions of a category are designations, ``definition`` is the definition, and any other rubric is a property under
  the name of its kind. References to the other code of dual coding are properties under the name of their usage.
* ``kind``, ``usage`` and each ``Meta`` of a class are properties. Chapters and blocks are abstract.
* ``ModifiedBy`` is written out: see ``modifiers``.

The file is read twice: the first time for what it declares, and for the codes that have others below them.

https://www.iso.org/standard/69318.html. The DTD comes with the files of the BfArM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from terminology.content.importers import notices
from terminology.content.importers.claml.classes import (
    HEADINGS,
    ClamlConcept,
    ClamlOutline,
    concept_of,
    local_name,
)
from terminology.content.importers.claml.modifiers import Modification
from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import SILENT, xml_events
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Document, Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    Importer,
    OpenedCodeSystem,
    PropertyDeclaration,
)
from terminology.store.reporting import Reporter
from terminology.systems import icd10gm, ops

EXPECTED = (
    "an XML file in ClaML 2 (icd10gmYYYYsyst_claml_….xml, opsYYYYsyst_claml_….xml, icd10YYYYen.xml), "
    "or the zip archive that it comes in"
)
DESCRIPTION = "ClaML: ICD-10, ICD-10-GM, OPS, ICF and others, as XML or zip"

_ROOT = b"<ClaML"
_OID = re.compile(r"[012](?:\.[0-9]+)+")
_DATE = re.compile(r"[0-9]{4}(?:-[0-9]{2}){0,2}")
_BFARM = "free use that names the owner and leaves the texts as they are (BfArM)"
_GERMAN = f"{_BFARM}; a licence of the World Health Organization for ICD-10"
_WHO = "licence of the World Health Organization"


class ClamlSystem(NamedTuple):
    """A code system that a file in ClaML is known to be of, by the name in its title and by its usage kinds.

    ``has_optional``: whether there must be (True) or must not be (False) a usage kind ``optional``.
    """

    url: str
    name: str
    title: re.Pattern[str]
    licence: str
    has_optional: bool | None = None


# ICD-10-GM calls itself ICD-10; of the two, it alone has codes with an exclamation mark.
SYSTEMS = (
    ClamlSystem(
        icd10gm.URL,
        "ICD10GM",
        re.compile(r"ICD-?10(-?GM)?([-_ ]?\d{4})?", re.IGNORECASE),
        _GERMAN,
        has_optional=True,
    ),
    ClamlSystem(
        "http://hl7.org/fhir/sid/icd-10",
        "ICD10",
        re.compile(r"ICD-?10(-?WHO)?(-EN)?([-_ ]?\d{4})?", re.IGNORECASE),
        _WHO,
        has_optional=False,
    ),
    ClamlSystem(
        ops.URL,
        "OPS",
        re.compile(r"OPS([-_ ]?\d{4})?", re.IGNORECASE),
        _BFARM,
    ),
    ClamlSystem(
        "http://hl7.org/fhir/sid/icf",
        "ICF",
        re.compile(r"ICF([-_ ]?\d{4})?", re.IGNORECASE),
        _WHO,
    ),
)
PROPERTIES = (
    PropertyDeclaration("kind", "code", None, "The kind of class, as chapter, block or category."),
    PropertyDeclaration("usage", "code", None, "The role in dual coding, as dagger, aster or optional."),
)


# -- which files ---------------------------------------------------------------------------------


def _importer(url: str | None) -> Importer:
    def open_files(files: Sequence[File]) -> list[OpenedCodeSystem]:
        return [_opened(file, url) for file in files if _ROOT in file.head()]

    return importer_of("claml", DESCRIPTION, EXPECTED, open_files)


def _opened(file: File, url: str | None) -> OpenedCodeSystem:
    outline = _outline(file)
    if not outline.version.startswith("2"):
        text = f"expected ClaML in version 2; found version {outline.version or 'unknown'}"
        raise BrokenReleaseError(Problem(file.label, 0, text))
    known = _system_of(outline)
    if url is not None and known is not None and known.url != url:
        known = None
    if known is None and url is None:
        names = ", ".join(system.name for system in SYSTEMS)
        text = f"expected a title of {names}; found {outline.title.get('name')!r}. --url says the code system"
        raise BrokenReleaseError(Problem(file.label, 0, text))
    release = CodeSystemRelease(
        kind="claml",
        url=known.url if known else str(url),
        version=outline.title.get("version"),
        name=known.name if known else None,
        title=outline.title["text"] or None,
        language=outline.language,
        copyright=_notice(outline),
        licence=known.licence if known else None,
        hierarchy_meaning="classified-with",
        properties=_declarations(outline),
        files=sources([file]),
        header=_header(outline),
    )
    return OpenedCodeSystem(release, partial(_concepts, file, outline, release.url))


def _system_of(outline: ClamlOutline) -> ClamlSystem | None:
    name = outline.title.get("name", "").strip()
    has_optional = "optional" in outline.marks
    fitting = (
        system
        for system in SYSTEMS
        if system.title.fullmatch(name) and system.has_optional in (None, has_optional)
    )
    return next(fitting, None)


def _notice(outline: ClamlOutline) -> str | None:
    """What the file says, and the sentence that its owner prescribes."""
    known = {"WHO": notices.WHO, **notices.MACHINE_READABLE}.get(outline.authority)
    own = outline.metas.get("copyright")
    return " - ".join(text for text in (own, known) if text) or None


def _header(outline: ClamlOutline) -> Document:
    date = outline.title.get("date", "")
    header: Document = {"date": date} if _DATE.fullmatch(date) else {}
    if _OID.fullmatch(outline.uid):
        header["identifier"] = [{"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{outline.uid}"}]
    return header


def _declarations(outline: ClamlOutline) -> list[PropertyDeclaration]:
    texts = {kind: f"The rubric {kind}." for kind in sorted(outline.texts)}
    metas = {name: f"What the owner says as {name}." for name in outline.meta_names}
    strings = texts | {name: text for name, text in metas.items() if name not in outline.marks}
    return [
        *PROPERTIES,
        *(PropertyDeclaration(name, "string", None, text) for name, text in strings.items()),
        *(
            PropertyDeclaration(usage, "code", None, f"A code with the mark {mark} that belongs to this one.")
            for usage, mark in outline.marks.items()
        ),
    ]


# -- reading -------------------------------------------------------------------------------------


def _children(file: File, reporter: Reporter, outline: ClamlOutline) -> Iterator[Any]:
    """The elements directly below the root, each whole; what has been read is forgotten."""
    root: Any = None
    depth = 0
    for event, element in xml_events(file, reporter):
        if event == "start":
            depth += 1
            if depth == 1:
                root = element
                outline.version = element.get("version", "")
        else:
            depth -= 1
            if depth == 1:
                yield element
                root.clear()


def _outline(file: File) -> ClamlOutline:
    """What the file declares. Of a file that breaks off, what stands before: the second reading says so.

    Raises BrokenReleaseError where it breaks off before its title.
    """
    outline = ClamlOutline()
    try:
        for element in _children(file, SILENT, outline):
            outline.add(element)
    except BrokenReleaseError:
        if not outline.title:
            raise
    return outline


def _concepts(file: File, outline: ClamlOutline, url: str, reporter: Reporter) -> Iterator[ConceptRow]:
    """The classes in the order of the file, each before the codes that its modifiers make."""
    modification, done = Modification(outline), set[str]()
    for text in modification.faults():
        reporter.problem(Problem(file.label, 0, text))
    for element in _children(file, reporter, outline):
        if local_name(element) != "Class":
            continue
        concept = concept_of(outline, element)
        if not concept.code or not concept.titles or concept.code in done:
            why = "is there twice" if concept.code in done else "expected a code and the rubric preferred"
            reporter.problem(Problem(file.label, 0, f"Class {concept.code}: {why}"))
            continue
        for one in (concept, *modification.codes_of(concept)):
            if one.code not in done:
                done.add(one.code)
                yield _row(one, outline.language, url)


def _row(concept: ClamlConcept, language: str | None, url: str) -> ConceptRow:
    display = concept.display(language)
    titles = [(text, tag, "preferred") for tag, text in concept.titles.items() if text != display]
    own = [
        (code, "code", value) for code, value in (("kind", concept.kind), ("usage", concept.usage)) if value
    ]
    return ConceptRow(
        code=concept.code,
        display=display,
        definition=concept.definition,
        abstract=concept.kind in HEADINGS,
        parents=concept.parents,
        designations=[
            (text, tag or None, {"system": url, "code": use, "display": use}, None)
            for text, tag, use in (*titles, *concept.names)
        ],
        properties=[
            *own,
            *concept.properties,
            *((name, "string", value) for name, value in concept.metas.items()),
        ],
    )


CLAML = replace(_importer(None), stating_url=_importer)
