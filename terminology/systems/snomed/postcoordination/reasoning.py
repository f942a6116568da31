"""What expressions imply, without a classifier: normal forms and subsumption.

The definition of a sufficiently defined concept is the primitive concepts above it and its role groups; that of a
primitive concept is the concept itself. An expression subsumes another if each focus of its definition is, or is above,
a focus of the other, and each of its groups is matched by one group of the other's normal form. So a refined expression
is below its focus concepts, and what only the concept model or general axioms would tell is not found.

Groups are never merged with those of the focus concepts: that would be outside of description logic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from terminology.core.budget import counted, spend
from terminology.core.cache import RecentValues
from terminology.core.errors import TerminologyError
from terminology.store.packing import PROPERTIES, line_of
from terminology.systems.snomed.postcoordination.grammar import parse
from terminology.systems.snomed.postcoordination.meaning import (
    AttributeSet,
    Meaning,
    MeantAttribute,
    MeantValue,
    NumberedConcept,
    meaning_of,
)
from terminology.systems.snomed.postcoordination.parts import Literal
from terminology.systems.snomed.release_index import ReleaseIndex
from terminology.systems.snomed.rows import TERSE

X = TypeVar("X")

# How many definitions are kept, and the bytes that one takes, about.
RECENT, _BYTES = 2_000, 1_000
# The steps to compare two groups, and to read a definition.
_STEPS_OF_GROUP, _STEPS_OF_DEFINITION = 2, 20


@dataclass(slots=True, frozen=True)
class RoleGroup:
    """A group of attributes. ``is_stated_alone``: it has role group 0, outside of all groups."""

    attributes: AttributeSet
    is_stated_alone: bool = False


@dataclass(slots=True, frozen=True)
class ConceptDefinition:
    """The definition of a concept: the primitive concepts above it, and its groups.

    ``is_sufficient``: whatever has these is the concept or below it.
    """

    is_sufficient: bool
    primitives: tuple[NumberedConcept, ...] = ()
    groups: tuple[RoleGroup, ...] = ()


class Reasoning:
    """Subsumption of expressions in one release."""

    def __init__(self, release: ReleaseIndex) -> None:
        self._release = release
        self._definitions: RecentValues[ConceptDefinition] = RecentValues(
            RECENT, lambda code, definition: _BYTES
        )

    # -- concepts ----------------------------------------------------------------------------

    def is_above(self, one: NumberedConcept, other: NumberedConcept) -> bool:
        """Whether a concept is another, or above it."""
        return one.number == other.number or other.number in self._release.artifact.descendants(one.number)

    def definition(self, concept: NumberedConcept) -> ConceptDefinition:
        definition = self._definitions.find(concept.id)
        if definition is None:
            spend(_STEPS_OF_DEFINITION)
            definition = self._read(concept)
            self._definitions.put(concept.id, definition)
        return definition

    def _read(self, concept: NumberedConcept) -> ConceptDefinition:
        """The definition that the importer writes as the normal form of a concept."""
        artifact = self._release.artifact
        kinds = artifact.header.kinds
        row = artifact.concept(concept.id)
        nodes = line_of(artifact.unpack.lines(row.body), PROPERTIES) if row is not None else None
        text = next((str(node[1]) for node in nodes or () if kinds[node[0]][0] == TERSE), "")
        try:
            parts = parse(text)
        except TerminologyError:
            return ConceptDefinition(is_sufficient=False)
        numbers = artifact.ords({reference.id for reference in parts.references()})
        if any(reference.id not in numbers for reference in parts.references()):
            return ConceptDefinition(is_sufficient=False)
        meaning = meaning_of(parts, numbers)
        alone = len({(pair.name, pair.value) for pair in parts.alone})
        groups = tuple(RoleGroup(group, place < alone) for place, group in enumerate(meaning.groups))
        return ConceptDefinition(not parts.is_primitive, meaning.foci, groups)

    # -- normal forms ------------------------------------------------------------------------

    def groups(self, meaning: Meaning) -> list[RoleGroup]:
        """The groups of the normal form: its own, and those of its focus concepts."""
        own = [RoleGroup(group) for group in meaning.groups]
        inherited = (group for focus in meaning.foci for group in self.definition(focus).groups)
        return list(dict.fromkeys([*own, *inherited]))

    def reduced(self, meaning: Meaning) -> list[RoleGroup]:
        """The groups of the normal form without what another of them implies."""
        groups = [RoleGroup(self._reduced(g.attributes), g.is_stated_alone) for g in self.groups(meaning)]
        return _without_implied(groups, lambda one, other: self._matches(one.attributes, other.attributes))

    def _reduced(self, group: AttributeSet) -> AttributeSet:
        return tuple(_without_implied(group, self._attribute_subsumes))

    def primitives(self, meaning: Meaning) -> list[NumberedConcept]:
        """The nearest primitive concepts above an expression."""
        definitions = ((focus, self.definition(focus)) for focus in meaning.foci)
        above = [
            primitive
            for focus, definition in definitions
            for primitive in (definition.primitives if definition.is_sufficient else (focus,))
        ]
        return _without_implied(list(dict.fromkeys(above)), self.is_above)

    # -- subsumption -------------------------------------------------------------------------

    def subsumes(self, one: Meaning, other: Meaning) -> bool:
        """Whether an expression is above another, or equivalent to it."""
        if one.key == other.key:
            return True
        if one.is_primitive:
            return False
        if one.concept is not None and other.concept is not None:
            return self.is_above(one.concept, other.concept)
        groups = self.groups(other)
        return all(
            self._is_above_any(focus, other.foci) or self._is_defined_by(focus, other, groups)
            for focus in one.foci
        ) and self._all_match(one.groups, groups)

    def are_equivalent(self, one: Meaning, other: Meaning) -> bool:
        return self.subsumes(one, other) and self.subsumes(other, one)

    def concept_subsumes(self, concept: NumberedConcept, other: Meaning) -> bool:
        return self.subsumes(Meaning((concept,), (), False, concept.id), other)

    def _is_defined_by(self, concept: NumberedConcept, other: Meaning, groups: Sequence[RoleGroup]) -> bool:
        """Whether an expression has all that defines a concept."""
        definition = self.definition(concept)
        return (
            definition.is_sufficient
            and all(self._is_above_any(primitive, other.foci) for primitive in definition.primitives)
            and self._all_match((group.attributes for group in definition.groups), groups)
        )

    def _is_above_any(self, concept: NumberedConcept, others: Iterable[NumberedConcept]) -> bool:
        return any(self.is_above(concept, other) for other in others)

    def _all_match(self, ones: Iterable[AttributeSet], others: Sequence[RoleGroup]) -> bool:
        return all(
            any(self._matches(one, other.attributes) for other in counted(others, _STEPS_OF_GROUP))
            for one in ones
        )

    def _matches(self, one: AttributeSet, other: AttributeSet) -> bool:
        """Whether each attribute of a group subsumes one of the other group."""
        return all(any(self._attribute_subsumes(a, b) for b in other) for a in one)

    def _attribute_subsumes(self, one: MeantAttribute, other: MeantAttribute) -> bool:
        return self.is_above(one.name, other.name) and self._value_subsumes(one.value, other.value)

    def _value_subsumes(self, one: MeantValue, other: MeantValue) -> bool:
        if isinstance(one, NumberedConcept) and isinstance(other, NumberedConcept):
            return self.is_above(one, other)
        if isinstance(one, Literal) or isinstance(other, Literal):
            return one == other
        return self.subsumes(as_meaning(one), as_meaning(other))


def as_meaning(value: NumberedConcept | Meaning) -> Meaning:
    return Meaning((value,), (), False, value.id) if isinstance(value, NumberedConcept) else value


def _without_implied(items: Sequence[X], subsumes: Callable[[X, X], bool]) -> list[X]:
    """The items that subsume no other; of equivalent ones the first."""
    return [
        item
        for place, item in enumerate(items)
        if not any(
            subsumes(item, other) and (at < place or not subsumes(other, item))
            for at, other in enumerate(items)
            if at != place
        )
    ]
