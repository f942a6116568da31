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

from terminology.store.relations import GROUPED, VALUED, RelationshipTable
from terminology.systems.snomed.ecl.expression import (
    Anything,
    Attribute,
    Constraint,
    Focus,
    Group,
    Refinement,
    Several,
    Truth,
    Value,
    holds,
)
from terminology.systems.snomed.ecl.term_search import test_of
from terminology.systems.snomed.identifiers import IS_A
from terminology.systems.snomed.release_index import Substrate

if TYPE_CHECKING:
    from pyroaring import BitMap

Evaluate = Callable[[Constraint], "BitMap"]


class Refinements:
    def __init__(self, substrate: Substrate, evaluate: Evaluate) -> None:
        self._substrate, self._evaluate = substrate, evaluate

    # -- concepts ----------------------------------------------------------------------------

    def concepts(self, refinement: Refinement) -> BitMap:
        """The concepts for which a refinement holds."""
        if isinstance(refinement, Several):
            return _joined(refinement.operator, map(self.concepts, refinement.parts))
        if isinstance(refinement, Group):
            groups = self._groups(refinement.refinement)
            return self._often(refinement, self._substrate.all, _Held(self._substrate, [groups]))
        return self._often(refinement, self._substrate.all, self._found(refinement))

    def _found(self, attribute: Attribute) -> _Found:
        if attribute.name == Focus(IS_A):
            return _Hierarchy(self._substrate, attribute, self._evaluate(_constraint(attribute.value)))
        if attribute.reverse:
            return _Reversed(self._substrate, attribute, self._tables(attribute, GROUPED), self._evaluate)
        return _Held(self._substrate, self._numbers(attribute))

    # -- groups ------------------------------------------------------------------------------

    def _groups(self, refinement: Refinement) -> BitMap:
        """The groups in which a refinement holds."""
        if isinstance(refinement, Several):
            return _joined(refinement.operator, map(self._groups, refinement.parts))
        assert isinstance(refinement, Attribute)
        is_hierarchy = refinement.name == Focus(IS_A)
        found = _Numbered(self._substrate, () if is_hierarchy else self._numbers(refinement))
        return self._often(refinement, self._substrate.groups, found) & self._substrate.groups

    def _numbers(self, attribute: Attribute) -> Iterator[Sequence[int]]:
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

    def _tables(self, attribute: Attribute, table: str) -> list[RelationshipTable]:
        is_any = isinstance(attribute.name, Anything)
        kinds = self._substrate.kinds(table, None if is_any else self._evaluate(attribute.name))
        return self._substrate.tables(table, kinds)

    # -- how often ---------------------------------------------------------------------------

    def _often(self, asked: Attribute | Group, everything: BitMap, found: _Found) -> BitMap:
        """Those of everything that were found at least and at most so many times."""
        least, most = asked.least, asked.most
        if least == 0 and most is None:
            return everything
        if most == 0:
            return everything - found.present()
        if least <= 1 and most is None:
            return found.present()
        counts = found.counts()
        fit = self._substrate.set_of(
            n for n, c in counts.items() if least <= c and (most is None or c <= most)
        )
        return fit if least else fit | (everything - self._substrate.set_of(counts))


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


def _leading_to(table: RelationshipTable, wanted: BitMap, is_equal: bool) -> Iterator[Sequence[int]]:
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


class _Found:
    """What something was found for, and how often."""

    def present(self) -> BitMap:
        raise NotImplementedError

    def counts(self) -> Counter[int]:
        raise NotImplementedError


class _Numbered(_Found):
    """Groups, by their numbers."""

    def __init__(self, substrate: Substrate, numbers: Iterable[Sequence[int]]) -> None:
        self._substrate, self._found = substrate, numbers

    def present(self) -> BitMap:
        return self._substrate.set_of(number for numbers in self._found for number in numbers)

    def counts(self) -> Counter[int]:
        counts: Counter[int] = Counter()
        for numbers in self._found:
            counts.update(numbers)
        return counts


class _Held(_Found):
    """Concepts, by the numbers of their groups."""

    def __init__(self, substrate: Substrate, numbers: Iterable[Iterable[int]]) -> None:
        self._substrate, self._numbers = substrate, numbers

    def present(self) -> BitMap:
        numbers = (number for numbers in self._numbers for number in numbers)
        return self._substrate.owning(self._substrate.set_of(numbers))

    def counts(self) -> Counter[int]:
        counts: Counter[int] = Counter()
        for numbers in self._numbers:
            counts.update(map(self._substrate.owners.__getitem__, numbers))
        return counts


class _Reversed(_Found):
    """Where relationships lead, from some concepts."""

    def __init__(
        self,
        substrate: Substrate,
        attribute: Attribute,
        tables: Sequence[RelationshipTable],
        evaluate: Evaluate,
    ) -> None:
        self._substrate, self._tables = substrate, tables
        sources = evaluate(_constraint(attribute.value))
        self._sources = sources if attribute.comparison == "=" else substrate.all - sources

    def present(self) -> BitMap:
        return self._substrate.set_of(self.counts())

    def counts(self) -> Counter[int]:
        owner, inside = self._substrate.owners.__getitem__, self._sources.__contains__
        counts: Counter[int] = Counter()
        for table in self._tables:
            for place, target in enumerate(table.targets):
                times = sum(map(inside, map(owner, table.at(place))))
                if times:
                    counts[target] += times
        return counts


class _Hierarchy(_Found):
    """``Is a``: concepts by their parents, or reversed by their children."""

    def __init__(self, substrate: Substrate, attribute: Attribute, values: BitMap) -> None:
        self._substrate, self._is_reverse = substrate, attribute.reverse
        whole = substrate.all if attribute.reverse else substrate.inner
        self._values = values if attribute.comparison == "=" else whole - values

    def present(self) -> BitMap:
        artifact, inner = self._substrate.artifact, self._substrate.inner
        if self._is_reverse:
            return artifact.parents(list(self._values))
        return artifact.children_of(list(self._values & inner))

    def counts(self) -> Counter[int]:
        artifact, inner = self._substrate.artifact, self._substrate.inner
        counts: Counter[int] = Counter()
        if self._is_reverse:
            for parent in artifact.parents(list(self._values)):
                counts[parent] = len(artifact.children(parent) & self._values)
        else:
            for parent in self._values & inner:
                counts.update(artifact.children(parent))
        return counts
