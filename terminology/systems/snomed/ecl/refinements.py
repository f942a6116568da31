"""The refinements of an expression, evaluated: attributes, groups and cardinalities.

Each attribute is evaluated to the numbers of the groups that have it; a group (``{ … }``) is decided among
these numbers, and only the result becomes concepts. An attribute of role group 0 is in no group, and ``Is a``
is an attribute only where it is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from terminology.core.budget import counted
from terminology.store.relations import GROUPED, VALUED, RelationshipTable
from terminology.systems.snomed.ecl.expression import (
    AttributeGroup,
    CompoundRefinement,
    Constraint,
    EclAttribute,
    Focus,
    Refinement,
    Truth,
    Value,
    Wildcard,
    holds,
)
from terminology.systems.snomed.ecl.reversed_groups import ReversedGroups
from terminology.systems.snomed.ecl.term_search import test_of
from terminology.systems.snomed.identifiers import IS_A
from terminology.systems.snomed.release_index import ReleaseIndex

if TYPE_CHECKING:
    from pyroaring import BitMap

Evaluate = Callable[[Constraint], "BitMap"]

# The steps to read one list of relationships, and to ask the store about one concept.
_STEPS_OF_LIST = 3
_STEPS_OF_QUERY = 50


class Refinements:
    """Evaluates refinements on one release; ``evaluate`` evaluates the constraints in them."""

    def __init__(self, release: ReleaseIndex, evaluate: Evaluate) -> None:
        self._release, self._evaluate = release, evaluate
        self._reversed_groups = ReversedGroups(
            release, evaluate, lambda attribute: self._tables(attribute, GROUPED)
        )

    # -- concepts ----------------------------------------------------------------------------

    def concepts(self, refinement: Refinement) -> BitMap:
        """The concepts for which a refinement holds."""
        if isinstance(refinement, CompoundRefinement):
            return _joined(refinement.operator, map(self.concepts, refinement.parts))
        if isinstance(refinement, AttributeGroup) and refinement.reverse:
            occurrences = CountedOccurrences(self._release, self._reversed_groups.counts(refinement))
            return self._with_cardinality(refinement, self._release.all, occurrences)
        if isinstance(refinement, AttributeGroup):
            groups = self._groups(refinement.refinement)
            return self._with_cardinality(
                refinement, self._release.all, ConceptOccurrences(self._release, [groups])
            )
        return self._with_cardinality(refinement, self._release.all, self._occurrences(refinement))

    def _occurrences(self, attribute: EclAttribute) -> Occurrences:
        if attribute.name == Focus(IS_A):
            return IsAOccurrences(self._release, attribute, self._evaluate(attribute.concepts))
        if attribute.reverse:
            return ReversedOccurrences(
                self._release, attribute, self._tables(attribute, GROUPED), self._evaluate
            )
        return ConceptOccurrences(self._release, self._numbers(attribute))

    # -- groups ------------------------------------------------------------------------------

    def _groups(self, refinement: Refinement) -> BitMap:
        """The groups in which a refinement holds."""
        if isinstance(refinement, CompoundRefinement):
            return _joined(refinement.operator, map(self._groups, refinement.parts))
        assert isinstance(refinement, EclAttribute)
        is_hierarchy = refinement.name == Focus(IS_A)
        occurrences = GroupOccurrences(self._release, () if is_hierarchy else self._numbers(refinement))
        groups = self._release.groups
        return self._with_cardinality(refinement, groups, occurrences) & groups

    def _numbers(self, attribute: EclAttribute) -> Iterator[Sequence[int]]:
        """The numbers of the groups that have the attribute, once for each time."""
        value, is_equal = attribute.value, attribute.comparison == "="
        if not isinstance(value, Decimal | Truth | tuple):
            targets = self._evaluate(value)
            for table in self._tables(attribute, GROUPED):
                yield from _leading_to(table, targets, is_equal)
            return
        accepts = value_test(value, attribute.comparison)
        for table in self._tables(attribute, VALUED):
            yield from (table.at(place) for place, text in counted(enumerate(table.values)) if accepts(text))

    def _tables(self, attribute: EclAttribute, table: str) -> list[RelationshipTable]:
        is_any = isinstance(attribute.name, Wildcard)
        kinds = self._release.kinds(table, None if is_any else self._evaluate(attribute.name))
        return self._release.tables(table, kinds)

    # -- cardinality ------------------------------------------------------------------------

    def _with_cardinality(
        self, part: EclAttribute | AttributeGroup, everything: BitMap, occurrences: Occurrences
    ) -> BitMap:
        """The members of ``everything`` that occur at least and at most so many times."""
        least, most = part.least, part.most
        if least == 0 and most is None:
            return everything
        if most == 0:
            return everything - occurrences.present()
        if least <= 1 and most is None:
            return occurrences.present()
        counts = occurrences.counts()
        fit = self._release.set_of(n for n, c in counts.items() if least <= c and (most is None or c <= most))
        return fit if least else fit | (everything - self._release.set_of(counts))


def _joined(operator: str, parts: Iterable[BitMap]) -> BitMap:
    first, *others = parts
    joined = first.copy()
    for other in others:
        if operator == "AND":
            joined &= other
        else:
            joined |= other
    return joined


def _leading_to(table: RelationshipTable, values: BitMap, is_equal: bool) -> Iterator[Sequence[int]]:
    """The numbers of the groups whose relationships lead to one of some concepts, or to any other."""
    targets = table.targets
    inside = targets & values if is_equal else targets - values
    if len(inside) == len(targets):
        yield table.numbers
    else:
        yield from (table.at(targets.rank(target) - 1) for target in inside)


def value_test(value: Value, comparison: str) -> Callable[[str], bool]:
    """A test for values as the release writes them: ``#5.5``, ``"text"``, ``true``."""
    if isinstance(value, Truth):
        return lambda text: text in ("true", "false") and holds(comparison, text, value.value)
    if isinstance(value, tuple):
        test, is_equal = test_of(value), comparison == "="
        return lambda text: text.startswith('"') and test(text[1:-1]) == is_equal
    return lambda text: text.startswith("#") and _number_holds(comparison, text[1:], value)


def _number_holds(comparison: str, text: str, value: Value) -> bool:
    try:
        return holds(comparison, Decimal(text), value)
    except InvalidOperation:
        return False


# -- occurrences --------------------------------------------------------------------------------


class Occurrences:
    """The numbers of groups, or of concepts, in which an attribute or group occurs."""

    def present(self) -> BitMap:
        """The numbers in which it occurs."""
        raise NotImplementedError

    def counts(self) -> Counter[int]:
        """How many times it occurs in each."""
        raise NotImplementedError


class GroupOccurrences(Occurrences):
    """Occurrences in groups."""

    def __init__(self, release: ReleaseIndex, numbers: Iterable[Sequence[int]]) -> None:
        self._release, self._numbers = release, numbers

    def present(self) -> BitMap:
        return self._release.set_of(
            number for numbers in counted(self._numbers, _STEPS_OF_LIST) for number in numbers
        )

    def counts(self) -> Counter[int]:
        counts: Counter[int] = Counter()
        for numbers in counted(self._numbers, _STEPS_OF_LIST):
            counts.update(numbers)
        return counts


class ConceptOccurrences(Occurrences):
    """Occurrences in concepts, from the numbers of their groups."""

    def __init__(self, release: ReleaseIndex, numbers: Iterable[Iterable[int]]) -> None:
        self._release, self._numbers = release, numbers

    def present(self) -> BitMap:
        numbers = (number for numbers in counted(self._numbers, _STEPS_OF_LIST) for number in numbers)
        return self._release.owning(self._release.set_of(numbers))

    def counts(self) -> Counter[int]:
        counts: Counter[int] = Counter()
        for numbers in counted(self._numbers, _STEPS_OF_LIST):
            counts.update(map(self._release.owners.__getitem__, numbers))
        return counts


class CountedOccurrences(Occurrences):
    """Occurrences in concepts that have been counted."""

    def __init__(self, release: ReleaseIndex, counts: Counter[int]) -> None:
        self._release, self._counts = release, counts

    def present(self) -> BitMap:
        return self._release.set_of(self._counts)

    def counts(self) -> Counter[int]:
        return self._counts


class ReversedOccurrences(Occurrences):
    """Occurrences in the concepts that relationships lead to, from some concepts (reverse attributes)."""

    def __init__(
        self,
        release: ReleaseIndex,
        attribute: EclAttribute,
        tables: Sequence[RelationshipTable],
        evaluate: Evaluate,
    ) -> None:
        self._release, self._tables = release, tables
        sources = evaluate(attribute.concepts)
        self._sources = sources if attribute.comparison == "=" else release.all - sources

    def present(self) -> BitMap:
        return self._release.set_of(self.counts())

    def counts(self) -> Counter[int]:
        owner, inside = self._release.owners.__getitem__, self._sources.__contains__
        counts: Counter[int] = Counter()
        for table in self._tables:
            for place, target in counted(enumerate(table.targets), _STEPS_OF_LIST):
                times = sum(map(inside, map(owner, table.at(place))))
                if times:
                    counts[target] += times
        return counts


class IsAOccurrences(Occurrences):
    """Occurrences of ``Is a``: concepts by their parents, or, reversed, by their children."""

    def __init__(self, release: ReleaseIndex, attribute: EclAttribute, values: BitMap) -> None:
        self._release, self._is_reverse = release, attribute.reverse
        whole = release.all if attribute.reverse else release.inner
        self._values = values if attribute.comparison == "=" else whole - values

    def present(self) -> BitMap:
        artifact, inner = self._release.artifact, self._release.inner
        if self._is_reverse:
            return artifact.parents(list(self._values))
        return artifact.children_of(list(self._values & inner))

    def counts(self) -> Counter[int]:
        artifact, inner = self._release.artifact, self._release.inner
        counts: Counter[int] = Counter()
        if self._is_reverse:
            for parent in counted(artifact.parents(list(self._values)), _STEPS_OF_QUERY):
                counts[parent] = len(artifact.children(parent) & self._values)
        else:
            for parent in counted(self._values & inner, _STEPS_OF_QUERY):
                counts.update(artifact.children(parent))
        return counts
