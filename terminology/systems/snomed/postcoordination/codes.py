"""Post-coordinated expressions as codes of a release: located, described, compared, and chosen by filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

from terminology.core import issues
from terminology.core.model import Concept, ConceptDetail, Filter, Issue, Property, Typed
from terminology.systems.snomed.ecl.evaluation import Evaluation
from terminology.systems.snomed.postcoordination.meaning import (
    ExpressionMeanings,
    ExpressionReading,
    Meaning,
    MeantValue,
    NumberedConcept,
)
from terminology.systems.snomed.postcoordination.membership import FilterMembership
from terminology.systems.snomed.postcoordination.parts import PRIMITIVE_MARK, Literal
from terminology.systems.snomed.postcoordination.reasoning import Reasoning
from terminology.systems.snomed.release_index import ReleaseIndex
from terminology.systems.snomed.rows import TERSE, WITH_TERMS

# The properties of the focus concept that an expression has, too, if there is one.
_OF_FOCUS = frozenset({"parent", "child", "moduleId", "effectiveTime"})
Describe = Callable[[Sequence[str]], Mapping[str, ConceptDetail]]


class ExpressionCodes:
    """The post-coordinated expressions of one release."""

    def __init__(
        self,
        release: ReleaseIndex,
        evaluation_of: Callable[[str], Evaluation],
        describe: Describe,
        with_terms: Callable[[str], str],
    ) -> None:
        """``describe`` describes concepts, ``with_terms`` writes an expression with the terms of its concepts."""
        self._meanings, self._reasoning = ExpressionMeanings(release), Reasoning(release)
        self._filters = FilterMembership(release, self._reasoning, evaluation_of)
        self._describe, self._with_terms = describe, with_terms

    def locate(self, code: str) -> Concept | None:
        reading = self._meanings.read(code)
        return Concept(code, reading.display) if reading.meaning is not None else None

    def remarks(self, code: str) -> list[Issue]:
        """Why a text is not a code; of a code the doubts about it and the missing check."""
        reading = self._meanings.read(code)
        if reading.meaning is None:
            return [issues.reason_for_unknown_code(fault) for fault in reading.faults]
        is_concept = reading.meaning.concept is not None
        return [*reading.doubts, *([] if is_concept else [issues.concept_model_not_checked()])]

    def meaning(self, code: str) -> Meaning | None:
        return self._meanings.read(code).meaning

    def key(self, code: str) -> str | None:
        """The same text for expressions that are written differently; None for a text that is not one."""
        meaning = self.meaning(code)
        return meaning.key if meaning is not None else None

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        upper, lower = self.meaning(ancestor), self.meaning(descendant)
        if upper is None or lower is None:
            return ancestor == descendant
        return self._reasoning.subsumes(upper, lower)

    def passes(self, code: str, filters: Sequence[Filter]) -> bool:
        """Whether a text is an expression that passes all filters."""
        meaning = self.meaning(code)
        return meaning is not None and self._filters.passes(filters, meaning)

    # -- properties --------------------------------------------------------------------------

    def detail(self, code: str) -> ConceptDetail | None:
        reading = self._meanings.read(code)
        if reading.meaning is None:
            return None
        return ConceptDetail(properties=list(self._properties(reading, reading.meaning)))

    def _properties(self, reading: ExpressionReading, meaning: Meaning) -> Iterator[Property]:
        """Those of the one focus concept, the attributes of all and its own, and the normal form."""
        if len(meaning.foci) == 1:
            detail = self._describe([meaning.foci[0].id]).get(meaning.foci[0].id, ConceptDetail())
            yield from (p for p in detail.properties if p.code in _OF_FOCUS)
        yield Property("inactive", "boolean", False)
        yield Property("sufficientlyDefined", "boolean", not meaning.is_primitive)
        groups = self._reasoning.groups(meaning)
        pairs = dict.fromkeys(attribute for group in groups for attribute in group.attributes)
        yield from (self._property(name.id, value) for name, value in pairs)
        terse = self._normal_form(meaning)
        yield Property(WITH_TERMS, "string", self._with_terms(terse))
        yield Property(TERSE, "string", terse)

    def _property(self, name: str, value: MeantValue) -> Property:
        if isinstance(value, NumberedConcept):
            term = self._with_terms(value.id).partition("|")[2].removesuffix("|")
            return Property(name, "code", value.id, term or None)
        if isinstance(value, Meaning):
            return Property(name, "code", value.key, self._with_terms(value.key))
        typed = _typed(value)
        return Property(name, typed.type, typed.value)

    def _normal_form(self, meaning: Meaning) -> str:
        """The primitive concepts above the expression, and its groups, without what others of them imply."""
        primitives = self._reasoning.primitives(meaning)
        groups = [
            ",".join(f"{name.id}={_text(value)}" for name, value in group.attributes)
            for group in self._reasoning.reduced(meaning)
        ]
        mark = PRIMITIVE_MARK if meaning.is_primitive else "==="
        refinement = ",".join("{" + group + "}" for group in sorted(groups))
        focus = "+".join(sorted(concept.id for concept in primitives))
        return f"{mark} {focus}:{refinement}" if refinement else f"{mark} {focus}"


def _text(value: MeantValue) -> str:
    if isinstance(value, Literal):
        return value.text
    return value.id if isinstance(value, NumberedConcept) else f"({value.key})"


def _typed(value: Literal) -> Typed:
    if value.kind == "number":
        return Typed("decimal", Decimal(value.value))
    return (
        Typed("boolean", value.value == "true") if value.kind == "boolean" else Typed("string", value.value)
    )
