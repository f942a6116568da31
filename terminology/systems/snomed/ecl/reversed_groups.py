"""Groups of reversed attributes, evaluated: ``{ R … }``.

A role group belongs to the concept that its relationships come from. So reversed attributes in braces hold of a concept
if one role group leads to it by all of them; the group is one of the concepts that the values of the attributes select.
The sets here are of the role groups that lead to a concept, by the number of the concept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from terminology.core.budget import counted
from terminology.store.relations import GROUPED, RelationshipTable
from terminology.systems.snomed.ecl.expression import (
    AttributeGroup,
    CompoundRefinement,
    Constraint,
    EclAttribute,
    Refinement,
)
from terminology.systems.snomed.release_index import ReleaseIndex

if TYPE_CHECKING:
    from pyroaring import BitMap

# The steps to read the groups that lead to one concept.
_STEPS = 5
LeadingGroups = dict[int, "BitMap"]


class ReversedGroups:
    """Evaluates groups of reversed attributes on one release."""

    def __init__(
        self,
        release: ReleaseIndex,
        evaluate: Callable[[Constraint], BitMap],
        tables: Callable[[EclAttribute], Sequence[RelationshipTable]],
    ) -> None:
        """``evaluate`` gives the concepts of a constraint, ``tables`` the relationships of an attribute."""
        self._release, self._evaluate, self._tables = release, evaluate, tables

    def counts(self, group: AttributeGroup) -> Counter[int]:
        """How many role groups lead to each concept as the braces say; concepts without one are left out."""
        leading = self._leading(group.refinement)
        return Counter({target: len(groups) for target, groups in leading.items() if groups})

    def _leading(self, refinement: Refinement) -> LeadingGroups:
        if isinstance(refinement, CompoundRefinement):
            first, *others = map(self._leading, refinement.parts)
            for other in others:
                first = _both(first, other) if refinement.operator == "AND" else _either(first, other)
            return first
        assert isinstance(refinement, EclAttribute)
        return self._by_attribute(refinement)

    def _by_attribute(self, attribute: EclAttribute) -> LeadingGroups:
        least, most = attribute.least, attribute.most
        if least == 0 and most is None:
            return self._all()
        tables = self._tables(attribute)
        sources = self._evaluate(attribute.concepts)
        matching = self._groups_of(sources, attribute.comparison == "=")
        if least <= 1 and most is None:
            return self._through(tables, matching)
        times: dict[int, Counter[int]] = {}
        for table in tables:
            for place, target in counted(enumerate(table.targets), _STEPS):
                groups = [group for group in table.at(place) if group in matching]
                if groups:
                    times.setdefault(target, Counter()).update(groups)
        fit = {
            target: self._release.set_of(g for g, n in counts.items() if _fits(n, least, most))
            for target, counts in times.items()
        }
        if least:
            return fit
        return {
            target: (groups - self._release.set_of(times.get(target, ()))) | fit.get(target, groups - groups)
            for target, groups in self._all().items()
        }

    def _groups_of(self, sources: BitMap, is_equal: bool) -> BitMap:
        """The role groups of some concepts, or of all others; those in role group 0 are in none."""
        owner = self._release.owners.__getitem__
        return self._release.set_of(
            group for group in self._release.groups if (owner(group) in sources) is is_equal
        )

    def _all(self) -> LeadingGroups:
        """All role groups that lead to each concept."""
        tables = self._release.tables(GROUPED, self._release.kinds(GROUPED))
        return self._through(tables, self._release.groups)

    def _through(self, tables: Iterable[RelationshipTable], groups: BitMap) -> LeadingGroups:
        """Those of some groups that lead to each concept by one of the tables."""
        leading: LeadingGroups = {}
        for table in tables:
            for place, target in counted(enumerate(table.targets), _STEPS):
                inside = self._release.set_of(table.at(place)) & groups
                if inside:
                    leading[target] = leading[target] | inside if target in leading else inside
        return leading


def _both(one: LeadingGroups, other: LeadingGroups) -> LeadingGroups:
    return {target: groups & other[target] for target, groups in one.items() if target in other}


def _either(one: LeadingGroups, other: LeadingGroups) -> LeadingGroups:
    joined = {target: groups | other[target] if target in other else groups for target, groups in one.items()}
    return {**other, **joined}


def _fits(times: int, least: int, most: int | None) -> bool:
    return least <= times and (most is None or times <= most)
