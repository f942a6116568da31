"""Whether an expression is a member of an expression constraint, or passes a filter of a value set.

Decided are ``<<``, ``<`` and a concept alone by subsumption, AND, OR and MINUS by their parts, and refinements by the
attributes of the normal form. Children, ancestors, reference sets, descriptions and reversed or dotted attributes have
no expressions, because these are in no release: docs/snomed.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from terminology.core.budget import counted, spend
from terminology.core.model import Filter
from terminology.systems.snomed.ecl.evaluation import Evaluation
from terminology.systems.snomed.ecl.expression import (
    AlternateIdentifier,
    AttributeGroup,
    ByActive,
    Compound,
    CompoundRefinement,
    Constraint,
    EclAttribute,
    Filtered,
    Focus,
    Refined,
    Refinement,
    Related,
    Truth,
    Value,
    Wildcard,
    WithHistory,
)
from terminology.systems.snomed.ecl.parser import parse
from terminology.systems.snomed.ecl.refinements import value_test
from terminology.systems.snomed.postcoordination.matching import DefinedConcepts
from terminology.systems.snomed.postcoordination.meaning import (
    Meaning,
    MeantAttribute,
    MeantValue,
    NumberedConcept,
)
from terminology.systems.snomed.postcoordination.parts import Literal
from terminology.systems.snomed.postcoordination.reasoning import Reasoning, as_meaning
from terminology.systems.snomed.release_index import ReleaseIndex

_STEPS = 5
# The operators that a member of the operand itself satisfies, too.
_WITH_ITSELF = frozenset({"<<!", ">>", ">>!"})


class ConstraintMembership:
    """The expressions among the members of one expression constraint."""

    def __init__(self, release: ReleaseIndex, reasoning: Reasoning, evaluation: Evaluation) -> None:
        self._release, self._reasoning, self._evaluation = release, reasoning, evaluation
        self._defined = DefinedConcepts(release, reasoning)

    def has(self, constraint: Constraint, meaning: Meaning) -> bool:
        """Raises TerminologyError for a concept that does not exist."""
        spend(_STEPS)
        if isinstance(constraint, Wildcard):
            return True
        decide: Callable[[ConstraintMembership, Any, Meaning], bool] | None = _DECIDE.get(type(constraint))
        return decide is not None and decide(self, constraint, meaning)

    # -- concepts ----------------------------------------------------------------------------

    def _is_focus(self, focus: Focus, meaning: Meaning) -> bool:
        return self._reasoning.are_equivalent(as_meaning(self._concept(focus)), meaning)

    def _is_alternate(self, identifier: AlternateIdentifier, meaning: Meaning) -> bool:
        return any(
            self._reasoning.are_equivalent(as_meaning(concept), meaning)
            for concept in self._defined.concepts(self._evaluation.of(identifier))
        )

    def _concept(self, focus: Focus) -> NumberedConcept:
        return NumberedConcept(next(iter(self._evaluation.of(focus))), focus.id)

    def _is_related(self, related: Related, meaning: Meaning) -> bool:
        if related.operator in _WITH_ITSELF:
            return self.has(related.of, meaning)
        if related.operator not in ("<", "<<"):
            return False
        if isinstance(related.of, Focus):
            concept = as_meaning(self._concept(related.of))
            if not self._reasoning.subsumes(concept, meaning):
                return False
            return related.operator == "<<" or not self._reasoning.subsumes(meaning, concept)
        if related.operator == "<<" and self.has(related.of, meaning):
            return True
        above = self._defined.above(meaning, self._evaluation.of(related.of))
        if related.operator == "<<":
            return next(iter(above), None) is not None
        return any(not self._reasoning.subsumes(meaning, as_meaning(concept)) for concept in above)

    def _in_compound(self, compound: Compound, meaning: Meaning) -> bool:
        if compound.operator == "MINUS":
            first, *others = compound.parts
            return self.has(first, meaning) and not any(self.has(other, meaning) for other in others)
        joined = all if compound.operator == "AND" else any
        return joined(self.has(part, meaning) for part in compound.parts)

    def _passes(self, filtered: Filtered, meaning: Meaning) -> bool:
        """An expression is active, and has no module, time or status of its own."""
        is_active = all(isinstance(f, ByActive) and f.active is not False for f in filtered.filters)
        return is_active and self.has(filtered.of, meaning)

    def _with_history(self, history: WithHistory, meaning: Meaning) -> bool:
        return self.has(history.of, meaning)

    # -- refinements -------------------------------------------------------------------------

    def _is_refined(self, refined: Refined, meaning: Meaning) -> bool:
        return self.has(refined.of, meaning) and self._holds(refined.refinement, meaning)

    def _holds(self, refinement: Refinement, meaning: Meaning) -> bool:
        groups = self._reasoning.reduced(meaning)
        everywhere = [attribute for group in groups for attribute in group.attributes]
        in_groups = [group.attributes for group in groups if not group.is_stated_alone]

        def holds(part: Refinement) -> bool:
            if isinstance(part, CompoundRefinement):
                return (all if part.operator == "AND" else any)(map(holds, part.parts))
            if isinstance(part, AttributeGroup):
                # No relationship leads to an expression.
                count = (
                    0 if part.reverse else sum(self._holds_in(part.refinement, group) for group in in_groups)
                )
                return _fits(count, part)
            return self._holds_in(part, everywhere)

        return holds(refinement)

    def _holds_in(self, part: Refinement, attributes: Sequence[MeantAttribute]) -> bool:
        """Whether a refinement without groups holds of some attributes."""
        if isinstance(part, CompoundRefinement):
            holds = (self._holds_in(each, attributes) for each in part.parts)
            return all(holds) if part.operator == "AND" else any(holds)
        assert isinstance(part, EclAttribute)
        if part.reverse:
            return _fits(0, part)
        named = attributes
        if not isinstance(part.name, Wildcard):
            names = self._evaluation.of(part.name)
            named = [attribute for attribute in attributes if attribute.name.number in names]
        accepts = self._value_test(part.value, part.comparison)
        return _fits(sum(accepts(attribute.value) for attribute in counted(named, _STEPS)), part)

    def _value_test(self, value: Value, comparison: str) -> Callable[[MeantValue], bool]:
        if isinstance(value, Decimal | Truth | tuple):
            test = value_test(value, comparison)
            return lambda other: isinstance(other, Literal) and test(other.text)
        concepts, is_equal = self._evaluation.of(value), comparison == "="

        def accepts(other: MeantValue) -> bool:
            if isinstance(other, Literal):
                return False
            if isinstance(other, NumberedConcept):
                return (other.number in concepts) is is_equal
            return self.has(value, other) is is_equal

        return accepts


def _fits(count: int, part: EclAttribute | AttributeGroup) -> bool:
    return part.least <= count and (part.most is None or count <= part.most)


_DECIDE: dict[type, Callable[[ConstraintMembership, Any, Meaning], bool]] = {
    Focus: ConstraintMembership._is_focus,
    AlternateIdentifier: ConstraintMembership._is_alternate,
    Related: ConstraintMembership._is_related,
    Compound: ConstraintMembership._in_compound,
    Filtered: ConstraintMembership._passes,
    WithHistory: ConstraintMembership._with_history,
    Refined: ConstraintMembership._is_refined,
}


# -- filters of value sets -----------------------------------------------------------------------


class FilterMembership:
    """The expressions that pass filters of value sets on one release."""

    def __init__(
        self, release: ReleaseIndex, reasoning: Reasoning, evaluation_of: Callable[[str], Evaluation]
    ) -> None:
        self._release, self._reasoning, self._evaluation_of = release, reasoning, evaluation_of

    def passes(self, filters: Iterable[Filter], meaning: Meaning) -> bool:
        """Whether an expression passes all filters, which are those that the release can answer."""
        return all(self._passes(filter_, meaning) for filter_ in filters)

    def _passes(self, filter_: Filter, meaning: Meaning) -> bool:
        name, value = filter_.property, filter_.value
        if name in ("concept", "code"):
            test = _OF_CONCEPT.get(filter_.op)
            return test is not None and test(self, meaning, value)
        if filter_.op not in ("=", "in"):
            return False
        if name in ("constraint", "expression"):
            membership = ConstraintMembership(self._release, self._reasoning, self._evaluation_of(value))
            return membership.has(parse(value), meaning)
        if name == "expressions":
            return value == "true"
        if name == "inactive":
            return value == "false"
        if name == "sufficientlyDefined":
            return value == str(not meaning.is_primitive).lower()
        return self._has_attribute(meaning, name, [item.strip() for item in value.split(",")])

    def _has_attribute(self, meaning: Meaning, name: str, values: Sequence[str]) -> bool:
        """Whether exactly such an attribute is one of the expression, or of its focus concepts."""
        return any(
            attribute.name.id == name
            and isinstance(attribute.value, NumberedConcept)
            and attribute.value.id in values
            for group in self._reasoning.groups(meaning)
            for attribute in group.attributes
        )

    def _concept(self, id_: str) -> Meaning | None:
        number = self._release.artifact.ord(id_)
        return None if number is None else as_meaning(NumberedConcept(number, id_))

    def is_below(self, meaning: Meaning, id_: str, or_equal: bool) -> bool:
        concept = self._concept(id_)
        if concept is None or not self._reasoning.subsumes(concept, meaning):
            return False
        return or_equal or not self._reasoning.subsumes(meaning, concept)

    def is_equivalent(self, meaning: Meaning, id_: str) -> bool:
        concept = self._concept(id_)
        return concept is not None and self._reasoning.are_equivalent(concept, meaning)


_OF_CONCEPT: dict[str, Callable[[FilterMembership, Meaning, str], bool]] = {
    "is-a": lambda self, meaning, id_: self.is_below(meaning, id_, or_equal=True),
    "is-not-a": lambda self, meaning, id_: not self.is_below(meaning, id_, or_equal=True),
    "descendent-of": lambda self, meaning, id_: self.is_below(meaning, id_, or_equal=False),
    "descendent-leaf": lambda self, meaning, id_: self.is_below(meaning, id_, or_equal=False),
    "generalizes": lambda self, meaning, id_: self.is_equivalent(meaning, id_),
    "=": lambda self, meaning, id_: self.is_equivalent(meaning, id_),
    # No reference set has an expression among its members.
    "not-in": lambda self, meaning, ids: True,
}
