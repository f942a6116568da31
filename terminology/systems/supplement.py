"""A code system seen through its supplements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from terminology.model import About, Concept, Designation, Detail, Document, Filter, split_canonical
from terminology.systems import CodeSystem, Selection
from terminology.systems.document import DocumentSystem
from terminology.versions import fits

SUPPLEMENT_TYPE = "http://hl7.org/fhir/StructureDefinition/codesystem-supplement-type"
LANGUAGE_PACK = "lang-pack"


def applies_to(supplement: Document, about: About) -> bool:
    """Is it this code system, in this version, that the supplement adds to?"""
    url, version = split_canonical(supplement.get("supplements", ""))
    return url == about.url and fits(about.version, version)


def is_language_pack(document: Document) -> bool:
    """Does the supplement but say the code system in other languages, so that it applies without being asked
    for?
    """
    extensions = document.get("extension")
    if document.get("content") != "supplement" or not isinstance(document.get("supplements"), str):
        return False
    # Asked of every resource that comes with a request, whatever it is like.
    known = [e for e in extensions if isinstance(e, dict)] if isinstance(extensions, list) else []
    return any((e.get("url"), e.get("valueCode")) == (SUPPLEMENT_TYPE, LANGUAGE_PACK) for e in known)


class Supplemented:
    """A CodeSystem whose concepts have the designations and properties of supplements, too.

    A supplement adds; it never brings new concepts and never changes what is there
    (https://hl7.org/fhir/R5/codesystem.html#supplements).
    """

    def __init__(self, system: CodeSystem, supplements: Sequence[Document | CodeSystem]) -> None:
        self._system = system
        self._supplements = [(s.about.canonical, s) for s in map(_compiled, supplements)]

    @property
    def about(self) -> About:
        return self._system.about

    @property
    def bare(self) -> CodeSystem:
        """The code system as it is without them."""
        return self._system

    @property
    def supplements(self) -> list[str]:
        """The canonicals (url|version) of the supplements applied."""
        return [canonical for canonical, _ in self._supplements]

    def locate(self, code: str) -> Concept | None:
        return self._system.locate(code)

    @property
    def documents(self) -> list[Document]:
        """The CodeSystem resources of the supplements applied."""
        return [s.about.document for _, s in self._supplements if s.about.document is not None]

    def select(self, filters: Sequence[Filter] = (), text: str | None = None) -> Selection:
        """A text also finds what the supplements say. Filters are those of the code system itself."""
        if not text:
            return self._system.select(filters)
        said = [supplement.select(text=text) for _, supplement in self._supplements]
        return _Found(self._system.select(filters), [self._system.select(text=text), *said])

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        return self._system.subsumes(ancestor, descendant)

    def implied(self, canonical: str) -> Document | None:
        return self._system.implied(canonical)

    def describe(self, codes: Sequence[str]) -> Mapping[str, Detail]:
        # What the code system gives away may be its own.
        known = self._system.describe(codes)
        found = {code: Detail([*d.designations], [*d.properties], d.extension) for code, d in known.items()}
        for canonical, supplement in self._supplements:
            for code, extra in supplement.describe(list(found)).items():
                _add(found[code], extra, canonical)
                _add_display(found[code], supplement, code, canonical)
        return found


class _Found:
    """The concepts of a selection that are in one of some others, too."""

    def __init__(self, whole: Selection, found: Sequence[Selection]) -> None:
        self._whole, self._found = whole, found

    def __iter__(self) -> Iterator[Concept]:
        return (concept for concept in self._whole if any(concept.code in found for found in self._found))

    def __contains__(self, code: object) -> bool:
        return code in self._whole and any(code in found for found in self._found)


def _add(detail: Detail, extra: Detail, canonical: str) -> None:
    detail.designations += [replace(designation, source=canonical) for designation in extra.designations]
    own = (p for p in extra.properties if p.code not in ("parent", "child"))
    detail.properties += [replace(property_, source=canonical) for property_ in own]
    detail.extension = [*detail.extension, *extra.extension]


def _add_display(detail: Detail, supplement: CodeSystem, code: str, canonical: str) -> None:
    """What a supplement calls a concept is one more way to say it; its display stays that of the system."""
    concept = supplement.locate(code)
    if concept is not None and concept.display:
        said = Designation(concept.display, supplement.about.language, source=canonical)
        detail.designations = [*detail.designations, said]


def _compiled(supplement: Document | CodeSystem) -> CodeSystem:
    return DocumentSystem(supplement) if isinstance(supplement, dict) else supplement
