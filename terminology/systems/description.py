"""What the owner of a code system and HL7 define for it, and what of that is offered.

A system has one ``SystemDescription``, in one module of this folder, and ``described`` lists them all. Filters,
implicit value sets, the shape of codes, copyright and docs/systems.md come from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Document, Filter

# The operators that compare the values of a property.
COMPARING = ("=", "in", "not-in", "regex", "exists")


# The longest text that is compared with a shape; a longer one cannot be a code.
_LONGEST = 1_000


@dataclass(slots=True, frozen=True)
class CodeShape:
    """How the codes of a code system are written.

    ``pattern`` is a regular expression of a whole code, compiled when the first code is compared. ``rule``
    completes the sentence "A code has …" of a message. ``is_right`` checks more than the pattern can.
    """

    pattern: str
    rule: str
    is_right: Callable[[str], bool] | None = None

    def accepts(self, code: str) -> bool:
        """Whether a text may be a code."""
        if len(code) > _LONGEST or re.fullmatch(self.pattern, code) is None:
            return False
        return self.is_right is None or self.is_right(code)


class Describing(Protocol):
    """The part of a code system that its implicit value sets need."""

    @property
    def about(self) -> CodeSystemInfo: ...

    def locate(self, code: str) -> Concept | None: ...

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]: ...

    def select(self, filters: Sequence[Filter] = ()) -> Iterable[Concept]: ...


# The concepts that pass a filter. The first argument is a ``filters.ConceptFilters``, the result a set of it. Raises
# TerminologyError for a value that the filter does not take.
Choose = Callable[[Any, Filter], Any]


@dataclass(slots=True, frozen=True)
class FilterRule:
    """A filter that is offered.

    ``properties`` are its names, the usual one first. ``value`` and ``selects`` say on the page what values it takes,
    and which concepts pass; ``label`` is there in place of the names. ``choose`` is None where the values of the
    property are compared as those of any other are. ``order`` gives the codes of the concepts in the order in which
    they are listed, if that is not the order of the code system. ``needs_words`` says whether a filter compares words
    of the owner, although its property has codes; it raises TerminologyError for a value that the filter does not take.
    """

    properties: tuple[str, ...]
    operators: tuple[str, ...]
    value: str
    selects: str
    choose: Choose | None = None
    label: str = ""
    order: Callable[[Any, Filter], Sequence[str]] | None = None
    needs_words: Callable[[Filter], bool] | None = None


@dataclass(slots=True, frozen=True)
class DescribedProperty:
    """A property of concepts: its code (or a phrase for several), its type, and what it says."""

    code: str
    type: str
    meaning: str


@dataclass(slots=True, frozen=True)
class ImplicitValueSet:
    """A value set that the code system implies.

    ``canonical`` is its url, or the form of it: ``http://loinc.org/vs/[part]``. ``make`` returns the
    ValueSet of such a url, or None if the url names a code that is not there.
    """

    canonical: str
    content: str
    make: Callable[[Describing, str], Document | None]

    def may_be(self, url: str) -> bool:
        """Whether a url has this form."""
        fixed, mark, _ = self.canonical.partition("[")
        return url.startswith(fixed) and len(url) > len(fixed) if mark else url == fixed


@dataclass(slots=True, frozen=True)
class ImplicitMap:
    """A concept map that the code system implies, for the page; ``catalogue/implied.py`` makes it."""

    canonical: str
    content: str


@dataclass(slots=True, frozen=True)
class NotOffered:
    """A rule of the owner that is not offered, with the reason; ``properties`` are the filters that it is about."""

    what: str
    reason: str
    properties: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class SystemDescription:
    """A code system as its owner and HL7 define it.

    ``codes``, ``displays``, ``versions``, ``inactive`` and ``subsumption`` are sentences for the page. ``others`` is
    the rule for the properties that ``filters`` do not name, None if there is none. ``ignores_case_of_names``: the
    names of filters are compared without case. ``copyright`` is the notice that goes with every value set that the
    server makes itself. ``source`` says where the rules stand. ``is_flat`` and ``has_hierarchy`` are as in
    ``CodeSystemInfo``.
    """

    url: str
    name: str
    codes: str
    displays: str
    versions: str
    inactive: str
    subsumption: str
    source: str
    shape: CodeShape | None = None
    properties: Sequence[DescribedProperty] = ()
    filters: Sequence[FilterRule] = ()
    others: FilterRule | None = None
    value_sets: Sequence[ImplicitValueSet] = ()
    maps: Sequence[ImplicitMap] = ()
    not_offered: Sequence[NotOffered] = ()
    copyright: str | None = None
    ignores_case_of_names: bool = False
    is_flat: bool = False
    has_hierarchy: bool = True
    _rules: dict[str, FilterRule] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._rules.update({self._name(name): rule for rule in self.filters for name in rule.properties})

    def rule_of(self, property_: str, declared: Collection[str] = ()) -> FilterRule | None:
        """The rule of a filter on a property; ``declared`` are the properties that the code system declares."""
        rule = self._rules.get(self._name(property_))
        if rule is None and self.others is not None and self.declared_name(property_, declared) is not None:
            return self.others
        return rule

    def declared_name(self, property_: str, declared: Collection[str]) -> str | None:
        """The name under which a property is declared; None if it is not."""
        if property_ in declared or not self.ignores_case_of_names:
            return property_ if property_ in declared else None
        return next((name for name in declared if self._name(name) == self._name(property_)), None)

    def why_not(self, property_: str) -> str | None:
        """The reason why a filter that the owner defines is not offered; None if it is, or is not defined."""
        refused = (each for each in self.not_offered if property_ in each.properties)
        return next((each.reason for each in refused), None)

    def implied_value_set(self, system: Describing, url: str) -> Document | None:
        """The ValueSet of a url that ``value_sets`` define; None if it is none of them."""
        value_sets = (each.make(system, url) for each in self.value_sets if each.may_be(url))
        return next((value_set for value_set in value_sets if value_set is not None), None)

    def _name(self, property_: str) -> str:
        return property_.casefold() if self.ignores_case_of_names else property_
