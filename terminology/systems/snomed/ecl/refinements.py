"""Which concepts have such attributes, in such groups, so many times?

Each attribute is evaluated to the numbers of the groups that have it; what stands in braces is decided among
these numbers, and only what comes out becomes concepts. What stands alone (role group 0) is in no group, and
``Is a`` is an attribute only where it is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from terminology.store.relations import GROUPED, VALUED, Table
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
from terminology.systems.snomed.ecl.term_search import test_of
from terminology.systems.snomed.identifiers import IS_A
from terminology.systems.snomed.release_index import ReleaseIndex

if TYPE_CHECKING:
    from pyroaring import BitMap

Evaluate = Callable[[Constraint], "BitMap"]


class Refinements:
    def __init__(self, release: ReleaseIndex, evaluate: Evaluate) -> None:
        self._release, self._evaluate = release, evaluate

    # -- concepts ----------------------------------------------------------------------------

    def concepts(self, refinement: Refinement) -> BitMap:
        """The concepts for which a refinement holds."""
        if isinstance(refinement, CompoundRefinement):
            return _joined(refinement.operator, map(self.concepts, refinement.parts))
        if isinstance(refinement, AttributeGroup):
            groups = self._groups(refinement.refinement)
            return self._often(refinement, self._release.all, ConceptOccurrences(self._release, [groups]))
        return self._often(refinement, self._release.all, self._found(refinement))

    def _found(self, attribute: EclAttribute) -> Occurrences:
        if attribute.name == Focus(IS_A):
            return IsAOccurrences(self._release, attribute, self._evaluate(_constraint(attribute.value)))
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
        found = GroupOccurrences(self._release, () if is_hierarchy else self._numbers(refinement))
        return self._often(refinement, self._release.groups, found) & self._release.groups

    def _numbers(self, attribute: EclAttribute) -> Iterator[Sequence[int]]:
        """The numbers of the groups that have the attribute, once for each time."""
        value, is_equal = attribute.value, attribute.comparison == "="
        if not isinstance(value, Decimal | Truth | tuple):
            wanted = self._evaluate(value)
            for table in self._tables(attribute, GROUPED):
                yield from _leading_to(table, wanted, is_equal)
            return
        accepts = _value_test(value, attribute.comparison)
        for table in self._tables(attribute, VALUED):
            yield from (table.at(place) for place, said in enumerate(table.values) if accepts(said))

    def _tables(self, attribute: EclAttribute, table: str) -> list[Table]:
        is_any = isinstance(attribute.name, Wildcard)
        kinds = self._release.kinds(table, None if is_any else self._evaluate(attribute.name))
        return self._release.tables(table, kinds)

    # -- how often ---------------------------------------------------------------------------

    def _often(self, asked: EclAttribute | AttributeGroup, everything: BitMap, found: Occurrences) -> BitMap:
        """Those of everything that were found at least and at most so many times."""
        least, most = asked.least, asked.most
        if least == 0 and most is None:
            return everything
        if most == 0:
            return everything - found.present()
        if least <= 1 and most is None:
            return found.present()
        counts = found.counts()
        fit = self._release.set_of(n for n, c in counts.items() if least <= c and (most is None or c <= most))
        return fit if least else fit | (everything - self._release.set_of(counts))


def _joined(operator: str, parts: Iterable[BitMap]) -> BitMap:
    first, *others = parts
    found = first.copy()
    for other in others:
        if operator == "AND":
            found &= other
        else:
            found |= other
    return found


def _constraint(value: Value) -> Constraint:
    assert not isinstance(value, Decimal | Truth | tuple)
    return value


def _leading_to(table: Table, wanted: BitMap, is_equal: bool) -> Iterator[Sequence[int]]:
    targets = table.targets
    inside = targets & wanted if is_equal else targets - wanted
    if len(inside) == len(targets):
        yield table.numbers
    else:
        yield from (table.at(targets.rank(target) - 1) for target in inside)


def _value_test(value: Value, comparison: str) -> Callable[[str], bool]:
    """A test for values as the release writes them: ``#5.5``, ``"text"``, ``true``."""
    if isinstance(value, Truth):
        return lambda said: said in ("true", "false") and holds(comparison, said, value.said)
    if isinstance(value, tuple):
        test, is_equal = test_of(value), comparison == "="
        return lambda said: said.startswith('"') and test(said[1:-1]) == is_equal
    return lambda said: said.startswith("#") and _number_holds(comparison, said[1:], value)


def _number_holds(comparison: str, said: str, wanted: Value) -> bool:
    try:
        return holds(comparison, Decimal(said), wanted)
    except InvalidOperation:
        return False


# -- what was found ------------------------------------------------------------------------------


class Occurrences:
    """What something was found for, and how often."""

    def present(self) -> BitMap:
        raise NotImplementedError

    def counts(self) -> Counter[int]:
        raise NotImplementedError


class GroupOccurrences(Occurrences):
    """Groups, by their numbers."""

    def __init__(self, release: ReleaseIndex, numbers: Iterable[Sequence[int]]) -> None:
        self._release, self._found = release, numbers

    def present(self) -> BitMap:
        return self._release.set_of(number for numbers in self._found for number in numbers)

    def counts(self) -> Counter[int]:
        counts: Counter[int] = Counter()
        for numbers in self._found:
            counts.update(numbers)
        return counts


class ConceptOccurrences(Occurrences):
    """Concepts, by the numbers of their groups."""

    def __init__(self, release: ReleaseIndex, numbers: Iterable[Iterable[int]]) -> None:
        self._release, self._numbers = release, numbers

    def present(self) -> BitMap:
        numbers = (number for numbers in self._numbers for number in numbers)
        return self._release.owning(self._release.set_of(numbers))

    def counts(self) -> Counter[int]:
        counts: Counter[int] = Counter()
        for numbers in self._numbers:
            counts.update(map(self._release.owners.__getitem__, numbers))
        return counts


class ReversedOccurrences(Occurrences):
    """Where relationships lead, from some concepts."""

    def __init__(
        self, release: ReleaseIndex, attribute: EclAttribute, tables: Sequence[Table], evaluate: Evaluate
    ) -> None:
        self._release, self._tables = release, tables
        sources = evaluate(_constraint(attribute.value))
        self._sources = sources if attribute.comparison == "=" else release.all - sources

    def present(self) -> BitMap:
        return self._release.set_of(self.counts())

    def counts(self) -> Counter[int]:
        owner, inside = self._release.owners.__getitem__, self._sources.__contains__
        counts: Counter[int] = Counter()
        for table in self._tables:
            for place, target in enumerate(table.targets):
                times = sum(map(inside, map(owner, table.at(place))))
                if times:
                    counts[target] += times
        return counts


class IsAOccurrences(Occurrences):
    """``Is a``: concepts by their parents, or reversed by their children."""

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
            for parent in artifact.parents(list(self._values)):
                counts[parent] = len(artifact.children(parent) & self._values)
        else:
            for parent in self._values & inner:
                counts.update(artifact.children(parent))
        return counts
