"""A code system seen through its supplements: what they add to its concepts.

Which supplements apply is decided in ``catalogue/derived_answers.py`` (``supplemented``), for those that always apply
in ``catalogue/resource_index.py``, and for a value set in ``operations/value_set/resolution.py``
(``find_supplements``) and, where its imports require some, in ``operations/value_set/definition_supplements.py``.
$lookup and the other operations on a code system get theirs by ``Catalogue.system``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import and_, or_
from typing import cast

from terminology.core.cache import Cache
from terminology.core.languages import Languages
from terminology.core.model import (
    CodeSystemInfo,
    Concept,
    ConceptDetail,
    Designation,
    Document,
    Filter,
    Issue,
    Property,
    split_canonical,
)
from terminology.core.texts import words
from terminology.core.versions import fits
from terminology.systems.protocol import (
    CodeSystem,
    ConceptSet,
    Selection,
    SimpleSelection,
    WrappedCodeSystem,
)

SUPPLEMENT_TYPE = "http://hl7.org/fhir/StructureDefinition/codesystem-supplement-type"
LANGUAGE_PACK = "lang-pack"
# The end of the url of an extension of our own (valueBoolean): the supplement applies in every request.
APPLIES_ALWAYS = "/StructureDefinition/code-system-supplement-applies-always"
# The bytes of the details that are kept with what supplements add to them.
_ROOM = 5_000_000


def is_supplement(document: Document) -> bool:
    """Is a CodeSystem resource a supplement of another code system?"""
    return document.get("content") == "supplement"


def applies_to(supplement: Document, about: CodeSystemInfo) -> bool:
    """Does the supplement add to this code system, in this version?"""
    url, version = split_canonical(supplement.get("supplements", ""))
    return url == about.url and fits(about.version, version)


def is_language_pack(document: Document) -> bool:
    """Is the resource a supplement that only adds other languages? Such a supplement applies in every request."""
    known = _extensions_of_supplement(document)
    return any((e.get("url"), e.get("valueCode")) == (SUPPLEMENT_TYPE, LANGUAGE_PACK) for e in known)


def applies_always(document: Document) -> bool:
    """Is the resource a supplement that says that it applies in every request?"""
    known = _extensions_of_supplement(document)
    return any(str(e.get("url")).endswith(APPLIES_ALWAYS) and e.get("valueBoolean") is True for e in known)


def _extensions_of_supplement(document: Document) -> list[Document]:
    """The extensions of a supplement, which may be malformed; none of any other resource."""
    extensions = document.get("extension")
    if not is_supplement(document) or not isinstance(document.get("supplements"), str):
        return []
    return [e for e in extensions if isinstance(e, dict)] if isinstance(extensions, list) else []


class SupplementedCodeSystem(WrappedCodeSystem):
    """A CodeSystem whose concepts also have the designations and properties of supplements.

    A supplement adds; it never brings new concepts and never changes existing ones
    (https://hl7.org/fhir/R5/codesystem.html#supplements). Only the display of an expression is that of a supplement, if
    one has the expression: nobody has given it another.
    """

    def __init__(self, system: CodeSystem, supplements: Sequence[CodeSystem]) -> None:
        super().__init__(system)
        self._supplements = [(supplement.about.canonical, supplement) for supplement in supplements]
        self.supplements = [*system.supplements, *(canonical for canonical, _ in self._supplements)]
        self._has_expressions = system.about.has_expressions

    def locate(self, code: str) -> Concept | None:
        concept = self._system.locate(code)
        if concept is None or not self._has_expressions or not self._system.is_expression(code):
            return concept
        return self._displayed(concept)

    def _displayed(self, expression: Concept) -> Concept:
        key = self._system.expression_key(expression.code)
        own = (by_key[key].display for by_key in self._expressions if key in by_key)
        display = next(filter(None, own), None)
        return expression if display is None else replace(expression, display=display)

    @cached_property
    def _expressions(self) -> list[dict[str, Concept]]:
        """The expressions that each supplement has, by their keys."""
        return [
            {
                self._system.expression_key(concept.code): concept
                for concept in supplement.select()
                if self._system.is_expression(concept.code)
            }
            for _, supplement in self._supplements
        ]

    def _as_written(self, code: str, place: int) -> str:
        """The code as the supplement at a place writes it, which may write an expression in another way."""
        if not self._has_expressions or not self._system.is_expression(code):
            return code
        concept = self._expressions[place].get(self._system.expression_key(code))
        return code if concept is None else concept.code

    @property
    def supplement_documents(self) -> Sequence[Document]:
        own = [s.about.document for _, s in self._supplements if s.about.document is not None]
        return [*self._system.supplement_documents, *own]

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
        codes = frozenset(self._codes_that_pass(filter_))
        if self.index is None:
            # A supplement may write a code in another case.
            located = map(self._system.locate, codes)
            own_codes = frozenset(concept.code for concept in located if concept is not None)
            return _SelectionOfCodes(self._system, selection, own_codes, is_negative)
        numbered = cast("ConceptSet", selection)
        own = cast("ConceptSet", self._system.select()).among(codes)
        return numbered - own if is_negative else numbered & own

    def _codes_that_pass(self, filter_: Filter) -> Iterator[str]:
        """The codes that a supplement has with a value that passes a filter."""
        for supplement in self._declaring(filter_.property):
            yield from (concept.code for concept in supplement.select([filter_]))

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

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        # The details of the code system may be kept there: they are copied before something is added.
        details = {
            code: ConceptDetail([*d.designations], [*d.properties], d.extension, d.former)
            for code, d in self._system.describe(codes).items()
        }
        for place, (canonical, supplement) in enumerate(self._supplements):
            own = {self._as_written(code, place): code for code in details}
            for code, extra in supplement.describe(list(own)).items():
                concept = supplement.locate(code)
                if concept is None or (concept.code != code and self.about.case_sensitive):
                    continue
                _add(details[own[code]], extra, canonical)
                _add_display(details[own[code]], concept, supplement.about.language, canonical)
        return details


class CuratedCodeSystem(SupplementedCodeSystem):
    """A code system with supplements that apply in every request (``applies_always``).

    They may have definitions, for concepts that have none. A property that the code system itself declares is its own:
    what the supplements say of it is left out. So is what a later supplement says of a property that an earlier one
    declares, for the concepts that the earlier one has. The source of an addition is told where it is not the publisher
    of the code system.
    """

    def __init__(self, system: CodeSystem, supplements: Sequence[CodeSystem]) -> None:
        super().__init__(system, supplements)
        self._own_codes = _declared(system.about)
        self._publisher = (system.about.document or {}).get("publisher")
        # The codes that the supplements have, each with its definition: for any other code a request looks into this.
        self._added: dict[str, str | None] = {}
        for supplement in supplements:
            for concept in supplement.select():
                if self._added.get(concept.code) is None:
                    self._added[concept.code] = concept.definition
        self._defined: dict[str, Concept] = {}
        self._details: Cache[ConceptDetail] = Cache(_ROOM, _bytes_of_detail)

    def locate(self, code: str) -> Concept | None:
        if (known := self._defined.get(code)) is not None:
            return known
        concept = super().locate(code)
        if concept is not None and concept.definition is None and self._added.get(concept.code):
            concept = replace(concept, definition=self._added[concept.code])
            self._defined[concept.code] = concept
        return concept

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        added = self._added
        if len(codes) == 1:
            if codes[0] not in added:
                return self._system.describe(codes)
            known = self._details.find(codes[0])
            if known is not None:
                return {codes[0]: known}
        details = self._system.describe(codes)
        if not any(code in added for code in details):
            return details
        return {code: self._described(code, d) if code in added else d for code, d in details.items()}

    def _described(self, code: str, detail: ConceptDetail) -> ConceptDetail:
        """The detail with the additions, which are kept: neither the code system nor the supplements change."""
        return self._details.get(code, lambda: self._united(code, detail))

    def _united(self, code: str, detail: ConceptDetail) -> ConceptDetail:
        united = ConceptDetail([*detail.designations], [*detail.properties], detail.extension, detail.former)
        known = set(self._own_codes)
        for canonical, supplement in self._supplements:
            extra = supplement.describe([code]).get(code)
            if extra is None:
                continue
            others = [self._with_display(p) for p in extra.properties if p.code not in known]
            known |= _declared(supplement.about)
            other = ConceptDetail(extra.designations, others, extra.extension)
            is_same = (supplement.about.document or {}).get("publisher") == self._publisher
            _add(united, other, None if is_same else canonical)
        return united

    def _codes_that_pass(self, filter_: Filter) -> Iterator[str]:
        earlier: list[CodeSystem] = []
        for supplement in self._declaring(filter_.property):
            for concept in supplement.select([filter_]):
                if not any(other.locate(concept.code) for other in earlier):
                    yield concept.code
            earlier.append(supplement)

    def _with_display(self, property_: Property) -> Property:
        """A property whose value is another code of the code system, with the display of that."""
        if property_.type != "code" or property_.description is not None:
            return property_
        concept = self._system.locate(str(property_.value))
        return property_ if concept is None else replace(property_, description=concept.display)


def _bytes_of_detail(detail: ConceptDetail) -> int:
    return 200 + 200 * (len(detail.designations) + len(detail.properties))


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


def _declared(about: CodeSystemInfo) -> set[str | None]:
    """The codes of the properties that a code system declares."""
    return {node.get("code") for node in (about.document or {}).get("property", ())}


def _add(detail: ConceptDetail, extra: ConceptDetail, canonical: str | None) -> None:
    detail.designations += [replace(designation, source=canonical) for designation in extra.designations]
    own = (p for p in extra.properties if p.code not in ("parent", "child"))
    detail.properties += [replace(property_, source=canonical) for property_ in own]
    detail.extension = [*detail.extension, *extra.extension]


def _add_display(detail: ConceptDetail, concept: Concept, language: str | None, canonical: str) -> None:
    """The display of a supplement is one more designation; the display stays that of the code system."""
    if concept.display:
        designation = Designation(concept.display, language, source=canonical)
        detail.designations = [*detail.designations, designation]
