"""A code system without its texts: for clients who may have its codes, and not the words of its owner.

Codes, hierarchy, and properties that are codes, numbers, booleans or dates stay. Nothing else of a concept can be
learned: not by an answer, nor by a search or a filter that finds it by its words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from terminology.core.budget import counted
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import Concept, ConceptDetail, Document, Filter, Issue, Property
from terminology.core.texts import finder
from terminology.systems.described import description_of
from terminology.systems.protocol import (
    CodesBeyond,
    CodeSystem,
    ConceptSet,
    Selection,
    WrappedCodeSystem,
)

# The types of properties that have words, and the names of the texts of every concept.
TEXT_TYPES = frozenset({"string", "markdown"})
_TEXTS = frozenset({"display", "definition", "designation"})
_SENTENCES = frozenset({"name", "title", "description", "text"})


class CodesOnly(WrappedCodeSystem):
    """The code system. ``refused`` is the issue for a filter on its texts."""

    def __init__(self, system: CodeSystem, refused: Callable[[Filter], Issue]) -> None:
        super().__init__(system)
        self._refused = refused
        declared = (system.about.document or {}).get("property", ())
        texts = [node for node in declared if node.get("type") in TEXT_TYPES]
        names = (node[key] for node in texts for key in ("code", "uri") if key in node)
        self._texts = _TEXTS.union(names)
        self._declared = [node.get("code", "") for node in declared]
        self._description = description_of(system.about.url)

    def locate(self, code: str) -> Concept | None:
        concept = self._system.locate(code)
        return concept and _bare(concept)

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        """A text is searched in the codes alone. Raises TerminologyError also for a filter on texts."""
        for filter_ in filters:
            if self._needs_words(filter_):
                raise TerminologyError(self._refused(filter_))
        selection = self._system.select(filters)
        if text:
            finds = finder(text)
            everything = self._system.select()
            codes = [c.code for c in counted(selection) if finds(c.code)]
            if self.index is None:
                return _BareSelection(_ListedCodes(self._system, codes))
            return _BareSet(cast("ConceptSet", everything).among(codes))
        return _BareSelection(selection) if self.index is None else _BareSet(cast("ConceptSet", selection))

    def doubts(self, filters: Sequence[Filter]) -> list[Issue]:
        return self._system.doubts([each for each in filters if not self._needs_words(each)])

    def _needs_words(self, filter_: Filter) -> bool:
        """Whether a filter compares texts: those of its property, or others that its value asks for."""
        if filter_.property in self._texts:
            return True
        if self._description is None:
            return False
        name = self._description.declared_name(filter_.property, self._declared)
        rule = self._description.rule_of(filter_.property, self._declared)
        return name in self._texts or bool(rule and rule.needs_words and rule.needs_words(filter_))

    def select_by_language(self, languages: Languages) -> Selection | None:
        return None

    def words(self, beginning: str) -> Iterable[str]:
        return ()

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        return {code: _bare_detail(detail) for code, detail in self._system.describe(codes).items()}

    def displays(self, codes: Collection[str]) -> Mapping[str, str]:
        return {}

    def implied_value_set(self, canonical: str) -> Document | None:
        """Without its name and description, in which displays may stand."""
        implied = self._system.implied_value_set(canonical)
        if implied is None:
            return None
        value_set = {name: part for name, part in implied.items() if name not in _SENTENCES}
        includes = [_bare_include(include) for include in implied["compose"]["include"]]
        return {**value_set, "compose": {**implied["compose"], "include": includes}}

    def remarks(self, code: str) -> Sequence[Issue]:
        """None: they may repeat the words of concepts."""
        return ()


class NamesCodesOnly(WrappedCodeSystem):
    """A code system whose properties name codes of others: without the displays of those that ``is_limited`` names."""

    def __init__(self, system: CodeSystem, is_limited: Callable[[str], bool]) -> None:
        super().__init__(system)
        self._is_limited = is_limited

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        described = self._system.describe(codes)
        return {code: self._detail(detail) for code, detail in described.items()}

    def _detail(self, detail: ConceptDetail) -> ConceptDetail:
        if not any(map(self._is_foreign, detail.properties)):
            return detail
        properties = [_bare_property(p) if self._is_foreign(p) else p for p in detail.properties]
        return ConceptDetail(detail.designations, properties, detail.extension, detail.former)

    def _is_foreign(self, property_: Property) -> bool:
        return property_.type == "Coding" and self._is_limited(property_.value.get("system", ""))


def _bare_include(include: Document) -> Document:
    if "concept" not in include:
        return include
    return {**include, "concept": [{"code": concept["code"]} for concept in include["concept"]]}


def _bare(concept: Concept) -> Concept:
    return replace(concept, display=None, definition=None)


def _bare_detail(detail: ConceptDetail) -> ConceptDetail:
    return ConceptDetail(
        properties=[_bare_property(p) for p in detail.properties if p.type not in TEXT_TYPES]
    )


def _bare_property(property_: Property) -> Property:
    value = property_.value
    if property_.type == "Coding":
        value = {name: part for name, part in value.items() if name != "display"}
    return replace(property_, value=value, description=None)


class _ListedCodes:
    """Some codes of a code system whose selections cannot be combined."""

    index: object | None = None
    unclosed: str | None = None

    def __init__(self, system: CodeSystem, codes: Sequence[str]) -> None:
        self._system, self._codes = system, codes

    def __iter__(self) -> Iterator[Concept]:
        located = map(self._system.locate, self._codes)
        return (concept for concept in located if concept is not None)

    def __contains__(self, code: object) -> bool:
        return code in self._codes


class _BareSelection:
    """A selection whose concepts have no texts."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    @property
    def index(self) -> object | None:
        return self._selection.index

    @property
    def unclosed(self) -> str | None:
        return self._selection.unclosed

    def __iter__(self) -> Iterator[Concept]:
        return map(_bare, self._selection)

    def __contains__(self, code: object) -> bool:
        return code in self._selection


class _BareSet(_BareSelection):
    """A set whose concepts have no texts."""

    _selection: ConceptSet

    def __init__(self, selection: ConceptSet) -> None:
        super().__init__(selection)

    def __len__(self) -> int:
        return len(self._selection)

    def __getitem__(self, page: slice) -> list[Concept]:
        return [*map(_bare, self._selection[page])]

    def __and__(self, other: Any) -> ConceptSet:
        return _BareSet(self._selection & _inner(other))

    def __or__(self, other: Any) -> ConceptSet:
        return _BareSet(self._selection | _inner(other))

    def __sub__(self, other: Any) -> ConceptSet:
        return _BareSet(self._selection - _inner(other))

    def without(self, inactive: bool = False, abstract: bool = False) -> ConceptSet:
        return _BareSet(self._selection.without(inactive, abstract))

    def among(self, codes: Iterable[str], beyond: CodesBeyond | None = None) -> ConceptSet:
        return _BareSet(self._selection.among(codes, beyond))

    def open_because(self, reason: str, accepts: Callable[[str], bool] | None = None) -> ConceptSet:
        return _BareSet(self._selection.open_because(reason, accepts))


def _inner(other: Any) -> Any:
    return other._selection if isinstance(other, _BareSet) else other
