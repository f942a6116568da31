"""The operators of ``ValueSet.compose.include.filter``, written once for every kind of code system.

https://hl7.org/fhir/R5/valueset.html, filters. A filter is a set of concepts, made of a few other sets: those
below a concept, those with a value. How these sets are represented is up to the kind of code system: tests
of a key for a resource (``document_filters``), bitmaps of numbers for the store (``indexed_filters``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import CodeSystemInfo, Document, Filter, Issue
from terminology.core.numbers import NUMBERS
from terminology.core.patterns import full_match
from terminology.systems.description import FilterRule, SystemDescription
from terminology.systems.metadata import MARKS, roles_of

# What CodeSystem.hierarchyMeaning may be for "below" to mean "is a kind of". Most code systems say nothing.
SUBSUMING = frozenset({"is-a", "classified-with", None})


class Combinable(Protocol):
    """A set of concepts."""

    def __or__(self, other: Any, /) -> Any: ...
    def __sub__(self, other: Any, /) -> Any: ...


S = TypeVar("S", bound=Combinable)
S_co = TypeVar("S_co", bound=Combinable, covariant=True)
# The most values of one filter that are looked at for a warning.
MOST_DOUBTS = 20

K = TypeVar("K")
X = TypeVar("X")
Accepts = Callable[[str], bool]


class Values(Protocol[S_co]):
    """The values that concepts have for one property."""

    def having(self, values: Collection[str]) -> S_co:
        """The concepts that have one of these values."""

    def matching(self, accepts: Accepts, beginning: str) -> S_co:
        """The concepts that have an accepted value. Every accepted value begins with ``beginning``."""

    def present(self) -> S_co:
        """The concepts that have any value."""


# -- comparisons ---------------------------------------------------------------------------------


def compared(filter_: Filter, values: Values[S], everything: Callable[[], S]) -> S | None:
    """The concepts whose values pass a filter; None for an operator that does not compare values.

    Raises TerminologyError for a value of the filter that its operator does not take.
    """
    compare: Callable[[Filter, Values[S], Callable[[], S]], S] | None = COMPARISONS.get(filter_.op)
    return compare(filter_, values, everything) if compare else None


def _equals(filter_: Filter, values: Values[S], everything: Callable[[], S]) -> S:
    return values.having((filter_.value,))


def _one_of(filter_: Filter, values: Values[S], everything: Callable[[], S]) -> S:
    return values.having([item.strip() for item in filter_.value.split(",")])


def _none_of(filter_: Filter, values: Values[S], everything: Callable[[], S]) -> S:
    return _without(everything(), _one_of(filter_, values, everything))


def _regex(filter_: Filter, values: Values[S], everything: Callable[[], S]) -> S:
    return values.matching(full_match(filter_.value), beginning_of(filter_.value))


def _exists(filter_: Filter, values: Values[S], everything: Callable[[], S]) -> S:
    if filter_.value not in ("true", "false"):
        raise TerminologyError(issues.bad_filter_value(filter_, "true or false"))
    present = values.present()
    return present if filter_.value == "true" else _without(everything(), present)


COMPARISONS: dict[str, Callable[[Filter, Values[Any], Callable[[], Any]], Any]] = {
    "=": _equals,
    "in": _one_of,
    "not-in": _none_of,
    "regex": _regex,
    "exists": _exists,
}


def beginning_of(expression: str) -> str:
    """The letters with which every text begins that the expression matches.

    >>> beginning_of("0UBC.*"), beginning_of("A1?"), beginning_of("(a|b)"), beginning_of("ab|cd")
    ('0UBC', 'A', '', '')
    """
    if "|" in expression:
        return ""
    length = next((i for i, c in enumerate(expression) if not (c.isalnum() or c in " -_")), len(expression))
    if length < len(expression) and expression[length] in "?*{":
        length -= 1
    return expression[: max(length, 0)]


def ignoring_case(expression: str) -> str:
    """A regular expression that matches the same texts, in any case.

    >>> ignoring_case("S.D|IN")
    '(?is)(?:S.D|IN)'
    """
    return f"(?is)(?:{expression})"


def _without(concepts: S, others: S) -> S:
    left: S = concepts - others
    return left


def _either(concepts: S, others: S) -> S:
    both: S = concepts | others
    return both


def values_in_doubt(filter_: Filter) -> list[Filter]:
    """The filter once for each of its values, where nothing passes it if no concept has the value."""
    if filter_.op == "in":
        items = [item.strip() for item in filter_.value.split(",", MOST_DOUBTS)[:MOST_DOUBTS]]
        return [Filter(filter_.property, "=", item) for item in dict.fromkeys(items) if item]
    return [filter_] if filter_.op in ("=", "regex") else []


# -- the filters of a code system ----------------------------------------------------------------


class ConceptFilters(ABC, Generic[S, K]):
    """The filters of one code system. ``S`` is a set of its concepts, ``K`` what one concept is known by."""

    def __init__(
        self, about: CodeSystemInfo, document: Document, description: SystemDescription | None = None
    ) -> None:
        """``document`` is the CodeSystem resource, with or without its concepts; ``description`` that of its owner."""
        self.about = about
        self.description = description
        self._properties: Sequence[Document] = document.get("property", ())
        self._meaning = document.get("hierarchyMeaning")
        self._role = roles_of(document)

    # -- the sets that filters are made of -------------------------------------------------------

    @abstractmethod
    def find(self, code: str) -> K | None:
        """The concept of a code."""

    @abstractmethod
    def everything(self) -> S: ...

    @abstractmethod
    def below(self, concept: K, itself: bool) -> S:
        """The descendants of a concept, with or without the concept itself, also where it is in a circle."""

    @abstractmethod
    def above(self, concept: K) -> S:
        """A concept and its ancestors."""

    @abstractmethod
    def children(self, concept: K) -> S: ...

    @abstractmethod
    def inner(self) -> S:
        """The concepts that have children."""

    @abstractmethod
    def marked(self, mark: str) -> S:
        """The concepts that are ``inactive``, or ``notSelectable``."""

    @abstractmethod
    def with_status(self, accepts: Accepts) -> S:
        """The concepts whose status is accepted."""

    @abstractmethod
    def codes(self) -> Values[S]:
        """The code of each concept as a value."""

    @abstractmethod
    def texts(self, name: str) -> Values[S]:
        """The ``display`` or ``definition`` of each concept as a value."""

    @abstractmethod
    def relatives(self, role: str) -> Values[S]:
        """The codes of the parents, or children, of each concept."""

    @abstractmethod
    def property_values(self, code: str, is_number: bool, is_code: bool) -> Values[S]:
        """The values of a property as texts; numbers are compared by value, codes as the code system does."""

    @abstractmethod
    def values_in_any_case(self, code: str) -> Values[S]:
        """The values of a property, compared without their case."""

    @abstractmethod
    def property_of(self, concept: K, code: str) -> list[str]:
        """The values that one concept has for a property."""

    # -- choosing --------------------------------------------------------------------------------

    def choose(self, filter_: Filter) -> S:
        """The concepts that pass a filter. Raises TerminologyError for a filter that cannot be answered."""
        if not filter_.value:
            raise TerminologyError(issues.filter_without_value(filter_.property, filter_.op, self.about.url))
        return self._choose(filter_)

    def rule_of(self, filter_: Filter) -> FilterRule | None:
        """The rule of the owner for a filter; None where there is none, or the release lacks the property."""
        if self.description is None:
            return None
        return self.description.rule_of(self.name_of(filter_.property), self.declared)

    def name_of(self, property_: str) -> str:
        """The code of a declared property that a filter names, by its uri or in another case; or else its own name."""
        code = self._code_of(property_)
        if code is None and self.description is not None:
            code = self.description.declared_name(property_, self.declared)
        return property_ if code is None else code

    @cached_property
    def declared(self) -> tuple[str, ...]:
        """The codes of the properties that the code system declares."""
        return tuple(declared.get("code", "") for declared in self._properties)

    def compared(self, filter_: Filter, values: Values[S]) -> S:
        """The concepts whose values pass a filter. Raises TerminologyError for an operator that compares none."""
        chosen = compared(filter_, values, self.everything)
        if chosen is None:
            raise TerminologyError(self._not_understood(filter_))
        return chosen

    def own_values(self, code: str) -> Values[S]:
        """The values of a declared property."""
        return self._values_of(code)

    def nothing(self) -> S:
        return _without(self.everything(), self.everything())

    def _not_understood(self, filter_: Filter) -> Issue:
        issue = issues.unknown_filter(filter_, self.about)
        if self.description is None:
            return issue
        if (reason := self.description.why_not(filter_.property)) is not None:
            return issues.with_hint(issue, reason)
        rule = self.rule_of(filter_)
        return issues.with_hint(issue, issues.filter_operators(rule.operators)) if rule else issue

    def _choose(self, filter_: Filter) -> S:
        rule = self.rule_of(filter_)
        if rule is not None and rule.choose is not None:
            if filter_.op not in rule.operators:
                raise TerminologyError(self._not_understood(filter_))
            by_rule: S = rule.choose(self, filter_)
            return by_rule
        if filter_.property in ("concept", "code", *self.hierarchy) and filter_.op in HIERARCHY:
            return self._by_hierarchy(filter_)
        values = self._values(filter_.property)
        if values is None:
            raise TerminologyError(self._not_understood(filter_))
        return self.compared(filter_, values)

    def _by_hierarchy(self, filter_: Filter) -> S:
        """``child-of`` is answered for every meaning of the hierarchy, the others where it subsumes."""
        concept = self.find(filter_.value)
        if concept is None:
            raise TerminologyError(issues.filter_on_unknown_code(filter_, self.about))
        if self._meaning not in SUBSUMING and filter_.op != "child-of":
            raise TerminologyError(issues.filter_without_subsumption(filter_, self.about, str(self._meaning)))
        chosen: S = HIERARCHY[filter_.op](self, concept)
        return chosen

    @cached_property
    def hierarchy(self) -> frozenset[str]:
        """The codes of the properties that this code system uses as ``parent`` and ``child``."""
        return frozenset(self._role[role] for role in ("parent", "child") if role in self._role)

    def _values(self, property_: str) -> Values[S] | None:
        if property_ in ("code", "concept"):
            return self.codes()
        if property_ in ("display", "definition"):
            return self.texts(property_)
        if property_ in ("parent", "child") or property_ in self.hierarchy:
            return self.relatives("child" if property_ in ("child", self._role.get("child")) else "parent")
        code = self._code_of(property_)
        return None if code is None else self._values_of(code)

    def _code_of(self, property_: str) -> str | None:
        """The code of a declared property, which a filter names by its uri, its code or its role."""
        return self._codes_by_name.get(property_)

    @cached_property
    def _codes_by_name(self) -> Mapping[str, str | None]:
        codes: dict[str, str | None] = dict(self._role)
        for name in ("code", "uri"):
            for declared in reversed(self._properties):
                if name in declared:
                    codes[declared[name]] = declared.get("code")
        return codes

    def _values_of(self, code: str) -> Values[S]:
        types = [declared.get("type") for declared in self._properties if declared.get("code") == code]
        is_code = "code" in types and self.about.case_sensitive is not True
        values = self.property_values(code, not NUMBERS.isdisjoint(types), is_code)
        role = next((role for role in MARKS if self._role.get(role) == code), None)
        return values if role is None else ROLES[role](values, self)


# -- the hierarchy -------------------------------------------------------------------------------

_Filters = ConceptFilters[Any, Any]

HIERARCHY: dict[str, Callable[[_Filters, Any], Any]] = {
    "is-a": lambda filters, concept: filters.below(concept, itself=True),
    "is-not-a": lambda filters, concept: filters.everything() - filters.below(concept, itself=True),
    "descendent-of": lambda filters, concept: filters.below(concept, itself=False),
    "child-of": lambda filters, concept: filters.children(concept),
    "descendent-leaf": lambda filters, concept: filters.below(concept, itself=False) - filters.inner(),
    "generalizes": lambda filters, concept: filters.above(concept),
}


# -- properties with a role ----------------------------------------------------------------------


class InactiveValues(Generic[S]):
    """``inactive``: every concept is in use or is not, whether a property says so or its status does."""

    def __init__(self, values: Values[S], filters: ConceptFilters[S, Any]) -> None:
        self._filters = filters

    def having(self, values: Collection[str]) -> S:
        return self.matching(lambda value: value in values, "")

    def matching(self, accepts: Accepts, beginning: str) -> S:
        everything = self._filters.everything()
        chosen = self._filters.marked("inactive") if accepts("true") else _without(everything, everything)
        if accepts("false"):
            chosen = _either(chosen, _without(everything, self._filters.marked("inactive")))
        return chosen

    def present(self) -> S:
        return self._filters.everything()


class NotSelectableValues(Generic[S]):
    """``notSelectable``: ``true`` and nothing else for a concept that may not be selected.

    Other concepts have it only where a property says so (tx-ecosystem, suite "notSelectable").
    """

    def __init__(self, values: Values[S], filters: ConceptFilters[S, Any]) -> None:
        self._values, self._filters = values, filters

    def having(self, values: Collection[str]) -> S:
        return self._with_true(self._values.having(values), "true" in values)

    def matching(self, accepts: Accepts, beginning: str) -> S:
        return self._with_true(self._values.matching(accepts, beginning), accepts("true"))

    def present(self) -> S:
        return self._with_true(self._values.present(), True)

    def _with_true(self, chosen: S, is_true_accepted: bool) -> S:
        abstract = self._filters.marked("notSelectable")
        return _either(chosen, abstract) if is_true_accepted else _without(chosen, abstract)


class StatusValues(Generic[S]):
    """``status``: what a property says, or else an extension (structuredefinition-standards-status)."""

    def __init__(self, values: Values[S], filters: ConceptFilters[S, Any]) -> None:
        self._values, self._filters = values, filters

    def having(self, values: Collection[str]) -> S:
        return _either(self._values.having(values), self._by_extension(lambda value: value in values))

    def matching(self, accepts: Accepts, beginning: str) -> S:
        return _either(self._values.matching(accepts, beginning), self._by_extension(accepts))

    def present(self) -> S:
        return _either(self._values.present(), self._by_extension(lambda value: True))

    def _by_extension(self, accepts: Accepts) -> S:
        return _without(self._filters.with_status(accepts), self._values.present())


ROLES: dict[str, Callable[[Values[Any], ConceptFilters[Any, Any]], Values[Any]]] = {
    "inactive": InactiveValues,
    "notSelectable": NotSelectableValues,
    "status": StatusValues,
}


# -- sets that are tests -------------------------------------------------------------------------


class Passing(Generic[X]):
    """A set as a test of its elements, for sets that cannot be listed: an element is read when it is tested."""

    __slots__ = ("test",)

    def __init__(self, test: Callable[[X], bool]) -> None:
        self.test = test

    def __or__(self, other: Passing[X]) -> Passing[X]:
        one, another = self.test, other.test
        return Passing(lambda item: one(item) or another(item))

    def __sub__(self, other: Passing[X]) -> Passing[X]:
        one, another = self.test, other.test
        return Passing(lambda item: one(item) and not another(item))


def anything() -> Passing[Any]:
    """The set of everything."""
    return Passing(lambda item: True)


class ReadValues(Generic[X]):
    """Values that ``read`` reads; ``normal`` makes two ways to write a value the same."""

    def __init__(
        self, read: Callable[[X], Sequence[str]], normal: Callable[[str], str] | None = None
    ) -> None:
        self._read, self._normal = read, normal

    def having(self, values: Collection[str]) -> Passing[X]:
        read, normal = self._read, self._normal
        if normal is None:
            known = frozenset(values)
            return Passing(lambda item: any(value in known for value in read(item)))
        normals = frozenset(map(normal, values))
        return Passing(lambda item: any(normal(value) in normals for value in read(item)))

    def matching(self, accepts: Accepts, beginning: str) -> Passing[X]:
        read = self._read
        return Passing(lambda item: any(map(accepts, read(item))))

    def present(self) -> Passing[X]:
        read = self._read
        return Passing(lambda item: bool(read(item)))
