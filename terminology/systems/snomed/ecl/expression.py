"""The parts of an expression constraint, as the Expression Constraint Language (ECL) has them.

https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language (2.2). ``at`` is
the place in the text where a part begins. It is ignored when parts are compared: equal parts may be in
different places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any


@dataclass(frozen=True, slots=True)
class Focus:
    """A concept, or in ``ByIdentifier`` a description, by its identifier."""

    id: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class AlternateIdentifier:
    """``LOINC#54486-6``: the concept that has this identifier in a scheme."""

    alias: str
    code: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class HavingMembers:
    """``^R``: the reference sets that have a member among some concepts (ECL 2.3)."""

    of: Constraint


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``*``: any concept."""


@dataclass(frozen=True, slots=True)
class Related:
    """An operator of the hierarchy (``<<``, ``>!`` …) with its operand."""

    operator: str
    of: Constraint


@dataclass(frozen=True, slots=True)
class MemberOf:
    """``^`` (memberOf): the members of reference sets, or the values of one ``column`` of these."""

    of: Constraint
    column: str | None = None
    filters: tuple[MemberFilter, ...] = ()
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Filtered:
    """``{{ C … }}``: the concepts that pass all of the filters."""

    of: Constraint
    filters: tuple[ConceptFilter, ...]


@dataclass(frozen=True, slots=True)
class Described:
    """``{{ D … }}``: the concepts that have one description which passes all of the filters."""

    of: Constraint
    filters: tuple[DescriptionFilter, ...]


@dataclass(frozen=True, slots=True)
class WithHistory:
    """``{{ + HISTORY-… }}``: the concepts and those that they replace.

    ``profile`` is MIN, MOD or MAX, or "" where reference sets are given.
    """

    of: Constraint
    profile: str
    refsets: Constraint | None = None


@dataclass(frozen=True, slots=True)
class Compound:
    """Parts with AND, OR or MINUS between them."""

    operator: str
    parts: tuple[Constraint, ...]


@dataclass(frozen=True, slots=True)
class Refined:
    """``of : refinement``: the concepts for which the refinement holds."""

    of: Constraint
    refinement: Refinement


@dataclass(frozen=True, slots=True)
class Dotted:
    """``of . attribute``: the values of an attribute of some concepts."""

    of: Constraint
    attribute: Constraint
    at: int = field(default=0, compare=False)


Constraint = (
    Focus
    | AlternateIdentifier
    | Wildcard
    | Related
    | MemberOf
    | HavingMembers
    | Filtered
    | Described
    | WithHistory
    | Compound
    | Refined
    | Dotted
)


# -- refinements ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A search text: ``kind`` is match, wild or exact."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Truth:
    """True or false. Not a ``bool``: that would be equal to the numbers 1 and 0."""

    value: str


Value = Constraint | Decimal | Truth | tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class EclAttribute:
    """An attribute with such a value, at least and at most so many times (``most`` is None for many)."""

    name: Constraint
    comparison: str
    value: Value
    least: int = 1
    most: int | None = None
    reverse: bool = False
    at: int = field(default=0, compare=False)

    @property
    def concepts(self) -> Constraint:
        """The value of an attribute whose values are concepts, as those of reversed ones are."""
        assert not isinstance(self.value, Decimal | Truth | tuple)
        return self.value


@dataclass(frozen=True, slots=True)
class AttributeGroup:
    """``{ … }``: a refinement that holds in at least and at most so many groups.

    ``reverse``: its attributes are reversed. The groups are those of the concepts that the relationships come from.
    """

    refinement: Refinement
    least: int = 1
    most: int | None = None
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class CompoundRefinement:
    """Refinements with AND or OR between them."""

    operator: str
    parts: tuple[Refinement, ...]


Refinement = EclAttribute | AttributeGroup | CompoundRefinement


def attributes_of(refinement: Refinement) -> Iterator[EclAttribute]:
    """The attributes in a refinement, from left to right."""
    if isinstance(refinement, EclAttribute):
        yield refinement
    elif isinstance(refinement, AttributeGroup):
        yield from attributes_of(refinement.refinement)
    else:
        for part in refinement.parts:
            yield from attributes_of(part)


# -- filters -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByActive:
    """``active = …``: only active or only inactive concepts, members or descriptions; None for both."""

    active: bool | None


@dataclass(frozen=True, slots=True)
class ByTime:
    """``effectiveTime``: compared with times."""

    comparison: str
    times: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ByModule:
    """``moduleId``: in one of the modules, or in none."""

    is_equal: bool
    modules: Constraint


@dataclass(frozen=True, slots=True)
class ByDefinitionStatus:
    """``definitionStatus``: primitive or defined."""

    is_equal: bool
    statuses: Constraint


@dataclass(frozen=True, slots=True)
class ByTerm:
    """``term``: the text of a description."""

    is_equal: bool
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class ByLanguage:
    """``language``: of a description."""

    is_equal: bool
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ByType:
    """``type``: the kind of a description."""

    is_equal: bool
    types: Constraint


@dataclass(frozen=True, slots=True)
class Dialect:
    """A language reference set, and the acceptability that a description must have there (empty: any)."""

    refset: Constraint
    acceptability: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ByDialect:
    """``dialect``: the language reference sets that a description is in."""

    is_equal: bool
    dialects: tuple[Dialect, ...]


@dataclass(frozen=True, slots=True)
class ByIdentifier:
    """``id``: of a description."""

    is_equal: bool
    descriptions: tuple[Focus, ...]


@dataclass(frozen=True, slots=True)
class ByColumn:
    """A column of a reference set, by its name without case: the cells that compare so with a value."""

    name: str
    comparison: str
    value: Value
    at: int = field(default=0, compare=False)


ConceptFilter = ByActive | ByTime | ByModule | ByDefinitionStatus
DescriptionFilter = ByActive | ByTime | ByModule | ByTerm | ByLanguage | ByType | ByDialect | ByIdentifier
MemberFilter = ByActive | ByTime | ByModule | ByColumn


_HOLDS = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def holds(comparison: str, one: Any, other: Any) -> bool:
    """Does a comparison hold for two values?"""
    return bool(_HOLDS[comparison](one, other))


# The columns of reference sets whose texts are not words.
CODED_COLUMNS = frozenset({"maptarget", "sourceeffectivetime", "targeteffectivetime"})


def needs_words(part: object) -> bool:
    """Whether an expression, or a part of it, compares the descriptions of concepts, or texts in their rows."""
    if isinstance(part, ByColumn) and part.name in CODED_COLUMNS:
        return False
    if isinstance(part, Described | Text):
        return True
    if isinstance(part, tuple):
        return any(map(needs_words, part))
    return is_dataclass(part) and any(needs_words(getattr(part, each.name)) for each in fields(part))


def any_of(ids: list[Focus]) -> Constraint:
    """The constraint that is satisfied by each of some concepts."""
    return ids[0] if len(ids) == 1 else Compound("OR", tuple(ids))
