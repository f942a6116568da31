"""A code system seen through its supplements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_, or_
from typing import cast

from terminology.core.languages import Languages
from terminology.core.model import (
    CodeSystemInfo,
    Concept,
    ConceptDetail,
    Designation,
    Document,
    Filter,
    split_canonical,
)
from terminology.core.texts import words
from terminology.core.versions import fits
from terminology.systems import CodeSystem, ConceptSet, Selection, index_of, speaking
from terminology.systems.document import DocumentSystem

SUPPLEMENT_TYPE = "http://hl7.org/fhir/StructureDefinition/codesystem-supplement-type"
LANGUAGE_PACK = "lang-pack"


def applies_to(supplement: Document, about: CodeSystemInfo) -> bool:
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
    def about(self) -> CodeSystemInfo:
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
    def index(self) -> object | None:
        """Its selections are those of the code system itself, and are counted as these."""
        return index_of(self._system)

    @property
    def documents(self) -> list[Document]:
        """The CodeSystem resources of the supplements applied."""
        return [s.about.document for _, s in self._supplements if s.about.document is not None]

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        """A text also finds what the supplements say. Filters are those of the code system itself."""
        whole = self._system.select(filters)
        if not text:
            return whole
        found = [self._having(word, languages) for word in words(text)]
        if self.index is None:
            return _Found(whole, found)
        return reduce(and_, map(self._counted, found), cast("ConceptSet", whole))

    def _having(self, word: str, languages: Languages | None) -> _Having:
        """What has a word, in the code system or in a supplement."""
        systems = [self._system, *(s for _, s in self._supplements)]
        if languages is None:
            return _Having([s.select(text=word) for s in systems])
        insisting = replace(languages, insist=True)
        said = [s.select(text=word, languages=insisting) for s in systems]
        if languages.insist:
            return _Having(said)
        spoken = [found for s in systems if (found := speaking(s, languages)) is not None]
        return _Having(said, [s.select(text=word) for s in systems], spoken)

    def _counted(self, having: _Having) -> ConceptSet:
        everything = cast("ConceptSet", self._system.select())
        nothing = everything.among(())

        def all_of(selections: Sequence[Selection]) -> ConceptSet:
            return reduce(or_, (self._own(found, everything) for found in selections), nothing)

        return all_of(having.said) | (all_of(having.otherwise) - all_of(having.unless))

    def _own(self, found: Selection, everything: ConceptSet) -> ConceptSet:
        """What a supplement finds, as concepts of the code system itself."""
        is_own = getattr(found, "index", None) is self.index
        return cast("ConceptSet", found) if is_own else everything.among(c.code for c in found)

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        return self._system.subsumes(ancestor, descendant)

    def implied(self, canonical: str) -> Document | None:
        return self._system.implied(canonical)

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        # What the code system gives away may be its own.
        known = self._system.describe(codes)
        found = {
            code: ConceptDetail([*d.designations], [*d.properties], d.extension) for code, d in known.items()
        }
        for canonical, supplement in self._supplements:
            for code, extra in supplement.describe(list(found)).items():
                _add(found[code], extra, canonical)
                _add_display(found[code], supplement, code, canonical)
        return found


@dataclass(slots=True)
class _Having:
    """The concepts that are in one of ``said``; or of ``otherwise``, and in none of ``unless``."""

    said: Sequence[Selection]
    otherwise: Sequence[Selection] = ()
    unless: Sequence[Selection] = ()

    def __contains__(self, code: object) -> bool:
        if any(code in found for found in self.said):
            return True
        return any(code in f for f in self.otherwise) and not any(code in f for f in self.unless)


class _Found:
    """The concepts of a selection that have every word."""

    def __init__(self, whole: Selection, having: Sequence[_Having]) -> None:
        self._whole, self._having = whole, having

    def __iter__(self) -> Iterator[Concept]:
        return (concept for concept in self._whole if self._has_all(concept.code))

    def __contains__(self, code: object) -> bool:
        return code in self._whole and self._has_all(code)

    def _has_all(self, code: object) -> bool:
        return all(code in having for having in self._having)


def _add(detail: ConceptDetail, extra: ConceptDetail, canonical: str) -> None:
    detail.designations += [replace(designation, source=canonical) for designation in extra.designations]
    own = (p for p in extra.properties if p.code not in ("parent", "child"))
    detail.properties += [replace(property_, source=canonical) for property_ in own]
    detail.extension = [*detail.extension, *extra.extension]


def _add_display(detail: ConceptDetail, supplement: CodeSystem, code: str, canonical: str) -> None:
    """What a supplement calls a concept is one more way to say it; its display stays that of the system."""
    concept = supplement.locate(code)
    if concept is not None and concept.display:
        said = Designation(concept.display, supplement.about.language, source=canonical)
        detail.designations = [*detail.designations, said]


def _compiled(supplement: Document | CodeSystem) -> CodeSystem:
    return DocumentSystem(supplement) if isinstance(supplement, dict) else supplement
