"""A code system seen through its supplements: what they add to its concepts.

Which supplements apply is decided in ``catalogue/derived_answers.py`` (``supplemented``) and, for a value set, in
``operations/value_set/resolution.py`` (``find_supplements``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
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
    Issue,
    split_canonical,
)
from terminology.core.texts import words
from terminology.core.versions import fits
from terminology.systems.protocol import CodeSystem, ConceptSet, Selection, SimpleSelection

SUPPLEMENT_TYPE = "http://hl7.org/fhir/StructureDefinition/codesystem-supplement-type"
LANGUAGE_PACK = "lang-pack"


def is_supplement(document: Document) -> bool:
    """Is a CodeSystem resource a supplement of another code system?"""
    return document.get("content") == "supplement"


def applies_to(supplement: Document, about: CodeSystemInfo) -> bool:
    """Does the supplement add to this code system, in this version?"""
    url, version = split_canonical(supplement.get("supplements", ""))
    return url == about.url and fits(about.version, version)


def is_language_pack(document: Document) -> bool:
    """Is the resource a supplement that only adds other languages? Such a supplement applies in every request."""
    extensions = document.get("extension")
    if not is_supplement(document) or not isinstance(document.get("supplements"), str):
        return False
    # This is asked of every resource that comes with a request, which may be malformed.
    known = [e for e in extensions if isinstance(e, dict)] if isinstance(extensions, list) else []
    return any((e.get("url"), e.get("valueCode")) == (SUPPLEMENT_TYPE, LANGUAGE_PACK) for e in known)


class SupplementedCodeSystem:
    """A CodeSystem whose concepts also have the designations and properties of supplements.

    A supplement adds; it never brings new concepts and never changes existing ones
    (https://hl7.org/fhir/R5/codesystem.html#supplements).
    """

    def __init__(self, system: CodeSystem, supplements: Sequence[CodeSystem]) -> None:
        self._system = system
        self._supplements = [(supplement.about.canonical, supplement) for supplement in supplements]

    @property
    def about(self) -> CodeSystemInfo:
        return self._system.about

    @property
    def unsupplemented(self) -> CodeSystem:
        """The code system without the supplements."""
        return self._system

    @property
    def index(self) -> object | None:
        """The index of the code system itself: selections have its concepts, by its numbers."""
        return self._system.index

    @property
    def supplements(self) -> Sequence[str]:
        return [canonical for canonical, _ in self._supplements]

    @property
    def supplement_documents(self) -> Sequence[Document]:
        return [s.about.document for _, s in self._supplements if s.about.document is not None]

    def locate(self, code: str) -> Concept | None:
        return self._system.locate(code)

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        """A text is also searched in the supplements, and a filter may name a property that one declares."""
        added = [filter_ for filter_ in filters if self._declaring(filter_.property)]
        selection = self._system.select([filter_ for filter_ in filters if filter_ not in added])
        for filter_ in added:
            selection = self._filtered(selection, filter_)
        if not text:
            return selection
        matches = [self._with_word(word, languages) for word in words(text)] or [_WordMatches(())]
        if self.index is None:
            return _FoundSelection(selection, matches)
        return reduce(and_, map(self._as_set, matches), cast("ConceptSet", selection))

    def _declaring(self, property_: str) -> list[CodeSystem]:
        """The supplements that declare a property, by its code or uri, unless the code system itself does."""
        if _declares(self._system.about, property_):
            return []
        return [supplement for _, supplement in self._supplements if _declares(supplement.about, property_)]

    def _filtered(self, selection: Selection, filter_: Filter) -> Selection:
        """The concepts of a selection that pass a filter on a property of supplements."""
        is_negative = filter_.op == "not-in" or (filter_.op, filter_.value) == ("exists", "false")
        if is_negative:
            op, value = ("in", filter_.value) if filter_.op == "not-in" else ("exists", "true")
            filter_ = Filter(filter_.property, op, value)
        chosen = [supplement.select([filter_]) for supplement in self._declaring(filter_.property)]
        codes = frozenset(concept.code for part in chosen for concept in part)
        if self.index is None:
            # A supplement may write a code in another case.
            located = map(self._system.locate, codes)
            own_codes = frozenset(concept.code for concept in located if concept is not None)
            return _SelectionOfCodes(self._system, selection, own_codes, is_negative)
        numbered = cast("ConceptSet", selection)
        own = cast("ConceptSet", self._system.select()).among(codes)
        return numbered - own if is_negative else numbered & own

    def doubts(self, filters: Sequence[Filter]) -> list[Issue]:
        """Of the filters on its own properties."""
        return self._system.doubts([each for each in filters if not self._declaring(each.property)])

    def select_by_language(self, languages: Languages) -> Selection | None:
        """Not known: that would take the united answers of all supplements."""
        return None

    def _with_word(self, word: str, languages: Languages | None) -> _WordMatches:
        """The concepts that have a word, in the code system or in a supplement."""
        systems = [self._system, *(supplement for _, supplement in self._supplements)]
        if languages is None:
            return _WordMatches([system.select(text=word) for system in systems])
        insisting = replace(languages, insist=True)
        matches = [system.select(text=word, languages=insisting) for system in systems]
        if languages.insist:
            return _WordMatches(matches)
        in_languages = [system.select_by_language(languages) for system in systems]
        return _WordMatches(
            matches,
            in_any_language=[system.select(text=word) for system in systems],
            with_text=[selection for selection in in_languages if selection is not None],
        )

    def _as_set(self, matches: _WordMatches) -> ConceptSet:
        everything = cast("ConceptSet", self._system.select())
        nothing = everything.among(())

        def united(selections: Sequence[Selection]) -> ConceptSet:
            return reduce(or_, (self._own(selection, everything) for selection in selections), nothing)

        return united(matches.in_languages) | (united(matches.in_any_language) - united(matches.with_text))

    def _own(self, selection: Selection, everything: ConceptSet) -> ConceptSet:
        """A selection of a supplement, as concepts of the code system itself."""
        if selection.index is self.index:
            return cast("ConceptSet", selection)
        return everything.among(concept.code for concept in selection)

    def words(self, beginning: str) -> Iterator[str]:
        for system in (self._system, *(supplement for _, supplement in self._supplements)):
            yield from system.words(beginning)

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        return self._system.subsumes(ancestor, descendant)

    def implied_value_set(self, canonical: str) -> Document | None:
        return self._system.implied_value_set(canonical)

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        # The details of the code system may be kept there: they are copied before something is added.
        details = {
            code: ConceptDetail([*d.designations], [*d.properties], d.extension, d.former)
            for code, d in self._system.describe(codes).items()
        }
        for canonical, supplement in self._supplements:
            for code, extra in supplement.describe(list(details)).items():
                concept = supplement.locate(code)
                if concept is None or (concept.code != code and self.about.case_sensitive):
                    continue
                _add(details[code], extra, canonical)
                _add_display(details[code], concept, supplement.about.language, canonical)
        return details


@dataclass(slots=True)
class _WordMatches:
    """The concepts that match in the languages asked for; or in any, where they have no text in these."""

    in_languages: Sequence[Selection]
    in_any_language: Sequence[Selection] = ()
    with_text: Sequence[Selection] = ()

    def __contains__(self, code: object) -> bool:
        if any(code in selection for selection in self.in_languages):
            return True
        if not any(code in selection for selection in self.in_any_language):
            return False
        return not any(code in selection for selection in self.with_text)


class _FoundSelection(SimpleSelection):
    """The concepts of a selection that have every word."""

    def __init__(self, selection: Selection, matches: Sequence[_WordMatches]) -> None:
        self._selection, self._matches = selection, matches

    def __iter__(self) -> Iterator[Concept]:
        return (concept for concept in self._selection if self._has_all(concept.code))

    def __contains__(self, code: object) -> bool:
        return code in self._selection and self._has_all(code)

    def _has_all(self, code: object) -> bool:
        return all(code in matches for matches in self._matches)


class _SelectionOfCodes(SimpleSelection):
    """The concepts of a selection that have one of some codes, or none of them."""

    def __init__(
        self, system: CodeSystem, selection: Selection, codes: Collection[str], is_negative: bool
    ) -> None:
        self._system, self._selection = system, selection
        self._codes, self._is_negative = codes, is_negative

    def __iter__(self) -> Iterator[Concept]:
        return (c for c in self._selection if (c.code in self._codes) is not self._is_negative)

    def __contains__(self, code: object) -> bool:
        concept = self._system.locate(str(code)) if code in self._selection else None
        return concept is not None and (concept.code in self._codes) is not self._is_negative


def _declares(about: CodeSystemInfo, property_: str) -> bool:
    declared = (about.document or {}).get("property", ())
    return any(property_ in (node.get("code"), node.get("uri")) for node in declared)


def _add(detail: ConceptDetail, extra: ConceptDetail, canonical: str) -> None:
    detail.designations += [replace(designation, source=canonical) for designation in extra.designations]
    own = (p for p in extra.properties if p.code not in ("parent", "child"))
    detail.properties += [replace(property_, source=canonical) for property_ in own]
    detail.extension = [*detail.extension, *extra.extension]


def _add_display(detail: ConceptDetail, concept: Concept, language: str | None, canonical: str) -> None:
    """The display of a supplement is one more designation; the display stays that of the code system."""
    if concept.display:
        designation = Designation(concept.display, language, source=canonical)
        detail.designations = [*detail.designations, designation]
