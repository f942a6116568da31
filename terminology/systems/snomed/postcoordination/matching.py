"""The concepts of a set that subsume an expression, found without reading each of them.

A concept is above an expression if it is above one of its focus concepts, or if it is sufficiently defined by what the
expression has. For the latter, the role groups of the release are counted: a group matches if as many of its attributes
are matched by one group of the expression as it has, and a concept is a candidate if all of its groups match.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from terminology.core.budget import counted
from terminology.store.relations import GROUPED, VALUED
from terminology.systems.snomed.postcoordination.meaning import (
    AttributeSet,
    Meaning,
    MeantAttribute,
    MeantValue,
    NumberedConcept,
)
from terminology.systems.snomed.postcoordination.parts import Literal
from terminology.systems.snomed.postcoordination.reasoning import Reasoning
from terminology.systems.snomed.release_index import ReleaseIndex

if TYPE_CHECKING:
    from pyroaring import BitMap

_STEPS = 10


class DefinedConcepts:
    """The concepts of one release that subsume expressions."""

    def __init__(self, release: ReleaseIndex, reasoning: Reasoning) -> None:
        self._release, self._reasoning = release, reasoning

    def above(self, meaning: Meaning, among: BitMap) -> Iterator[NumberedConcept]:
        """The concepts of a set that subsume an expression, those above its focus concepts first."""
        artifact = self._release.artifact
        foci = artifact.set_of(focus.number for focus in meaning.foci)
        over = artifact.union([foci, *(artifact.ancestors(number) for number in foci)])
        yield from self.concepts(over & among)
        for concept in self.concepts(self._candidates(meaning, among) - over):
            if self._reasoning.concept_subsumes(concept, meaning):
                yield concept

    def concepts(self, numbers: BitMap) -> Iterator[NumberedConcept]:
        rows = self._release.artifact.concepts(numbers) if numbers else ()
        return (NumberedConcept(row.ord, row.key) for row in counted(rows, _STEPS))

    def _candidates(self, meaning: Meaning, among: BitMap) -> BitMap:
        """The sufficiently defined concepts of a set of which every group may match."""
        defined = among & self._release.having("sufficientlyDefined", ["true"])
        if not defined:
            return defined
        matching = self._matching_groups([g.attributes for g in self._reasoning.groups(meaning)])
        counts = Counter(map(self._release.owners.__getitem__, matching))
        totals = self._release.group_counts
        matched = self._release.set_of(n for n, count in counts.items() if count == totals[n])
        return defined & (matched | (self._release.all - self._release.grouped))

    def _matching_groups(self, groups: Sequence[AttributeSet]) -> BitMap:
        """The numbers of the groups of the release of which each attribute is matched by one group.

        Attributes in no group have one number together, and each may be matched by another group.
        """
        sizes, alone = self._release.group_sizes, self._release.alone
        matching = self._release.set_of()
        together: Counter[int] = Counter()
        places: dict[tuple[str, str], set[int]] = {}
        for group in groups:
            counts: Counter[int] = Counter()
            for table, kind, matched in self._matched(group):
                numbers = self._numbers(table, kind, matched)
                counts.update(numbers)
                new = matched - places.setdefault((table, kind), set())
                places[table, kind] |= new
                together.update(n for n in self._numbers(table, kind, new) if n in alone)
            matching |= self._release.set_of(n for n, count in counts.items() if count == sizes[n])
        return matching | self._release.set_of(n for n, count in together.items() if count == sizes[n])

    def _numbers(self, table: str, kind: str, places: Iterable[int]) -> list[int]:
        relationships = self._release.table(table, kind)
        return [number for place in places for number in relationships.at(place)]

    def _matched(self, group: AttributeSet) -> Iterator[tuple[str, str, set[int]]]:
        """The places, in each table of relationships, of the attributes that subsume one of a group."""
        matched: dict[tuple[str, str], set[int]] = {}
        for attribute in group:
            table = VALUED if isinstance(attribute.value, Literal) else GROUPED
            for kind in self._kinds_above(table, attribute):
                places = self._places(table, kind, attribute.value)
                matched.setdefault((table, kind), set()).update(places)
        return ((table, kind, places) for (table, kind), places in matched.items() if places)

    def _kinds_above(self, table: str, attribute: MeantAttribute) -> list[str]:
        artifact = self._release.artifact
        names = artifact.ancestors(attribute.name.number) | artifact.set_of([attribute.name.number])
        return self._release.kinds(table, names)

    def _places(self, table: str, kind: str, value: MeantValue) -> Iterator[int]:
        relationships = self._release.table(table, kind)
        if isinstance(value, Literal):
            for place, text in counted(enumerate(relationships.values)):
                if Literal.read(text) == value:
                    yield place
        elif isinstance(value, NumberedConcept):
            artifact = self._release.artifact
            over = artifact.ancestors(value.number) | artifact.set_of([value.number])
            for target in over & relationships.targets:
                yield relationships.targets.rank(target) - 1
        else:
            for concept in self.above(value, relationships.targets):
                yield relationships.targets.rank(concept.number) - 1
