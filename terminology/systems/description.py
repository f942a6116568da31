"""The description of a code system as its owner and HL7 define it, with the parts that are not offered here.

Each described code system has one description in its own module, and ``known.py`` lists them. The code reads the
filters and value sets from it, and ``terminology reference`` writes docs/systems.md from it. A test tries the examples
of every row, so that the page says what the code does: ``tests/systems``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from terminology.core.model import CodeSystemInfo, Filter


class ValuesOfFilter(Protocol):
    """The values of one property, by which concepts are chosen; see ``filters.Values``."""

    def having(self, values: Collection[str]) -> Any: ...
    def matching(self, accepts: Callable[[str], bool], beginning: str) -> Any: ...


class SetsOfFilter(Protocol):
    """The sets of concepts that a rule of a filter can combine; see ``filters.ConceptFilters``."""

    about: CodeSystemInfo

    def everything(self) -> Any: ...
    def codes(self) -> ValuesOfFilter: ...

    def declared_values(self, property_: str) -> ValuesOfFilter | None:
        """The values of a property that the code system declares, named by its code or uri; None for any other."""


# The concepts that pass a filter; None where the general rule of the operator gives them.
Choose = Callable[[SetsOfFilter, Filter], Any]


@dataclass(slots=True, frozen=True)
class CodeForm:
    """A way in which codes are written. ``examples`` may be codes; ``others`` are none, although they look like it."""

    form: str
    meaning: str
    examples: Sequence[str] = ()
    others: Sequence[str] = ()


@dataclass(slots=True, frozen=True)
class PropertyRule:
    """A property of the concepts, with its type in FHIR."""

    code: str
    type: str
    meaning: str


@dataclass(slots=True, frozen=True)
class FilterRule:
    """A filter, with the form of its value and the concepts that it selects.

    ``examples`` are values that it takes, ``refused`` values that it refuses. ``choose`` gives the concepts where the
    general rules of ``filters.py`` do not.
    """

    property: str
    operators: Sequence[str]
    value: str
    selects: str
    examples: Sequence[str]
    refused: Sequence[str] = ()
    choose: Choose | None = None


@dataclass(slots=True, frozen=True)
class ValueSetRule:
    """A value set that the owner or HL7 defines without a formula. ``filters``: one list for each include."""

    url: str
    name: str
    codes: str
    filters: Sequence[Sequence[Filter]] = ((),)


@dataclass(slots=True, frozen=True)
class OtherRule:
    """Any other rule, such as that for displays."""

    subject: str
    rule: str


@dataclass(slots=True, frozen=True)
class NotOffered:
    """A part of the definition that is not offered, and why.

    ``filter`` is the filter that is meant, if it is one: it is refused with this reason.
    """

    part: str
    reason: str
    filter: Filter | None = None


@dataclass(slots=True, frozen=True)
class SystemDescription:
    """A code system as its owner and HL7 define it. ``source`` is the page of the definition."""

    url: str
    title: str
    source: str
    codes: Sequence[CodeForm] = ()
    properties: Sequence[PropertyRule] = ()
    filters: Sequence[FilterRule] = ()
    value_sets: Sequence[ValueSetRule] = ()
    others: Sequence[OtherRule] = ()
    not_offered: Sequence[NotOffered] = ()

    def choosing(self, filter_: Filter) -> Choose | None:
        """The rule of its own that a filter has."""
        rules = (rule for rule in self.filters if rule.property == filter_.property)
        return next((rule.choose for rule in rules if filter_.op in rule.operators), None)

    def why_not(self, filter_: Filter) -> str | None:
        """The reason why a filter of the definition is not offered; None for any other filter."""
        parts = ((part.filter, part.reason) for part in self.not_offered if part.filter is not None)
        key = (filter_.property, filter_.op)
        return next((reason for other, reason in parts if (other.property, other.op) == key), None)

    def value_set(self, url: str) -> ValueSetRule | None:
        """The value set of a url, if it is one of these."""
        return next((rule for rule in self.value_sets if rule.url == url), None)
