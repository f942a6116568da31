"""What does an expression constraint say? The parts that the Expression Constraint Language is made of.

https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language (2.2). ``at`` is
where in the text a part begins; it is not part of what is said, so that what is said alike is equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any


@dataclass(frozen=True, slots=True)
class Focus:
    """A concept."""

    id: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``*``"""


@dataclass(frozen=True, slots=True)
class Related:
    """An operator of the hierarchy (``<<``, ``>!`` …) before something."""

    operator: str
    of: Constraint


@dataclass(frozen=True, slots=True)
class MemberOf:
    """``^``: the members of reference sets; ``column``: what stands in that column of them."""

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
    """``{{ + HISTORY-… }}``: and what it replaced.

    ``profile`` is MIN, MOD or MAX, or "" with reference sets.
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
    of: Constraint
    refinement: Refinement


@dataclass(frozen=True, slots=True)
class Dotted:
    """``of . attribute``: the values."""

    of: Constraint
    attribute: Constraint
    at: int = field(default=0, compare=False)


Constraint = (
    Focus | Wildcard | Related | MemberOf | Filtered | Described | WithHistory | Compound | Refined | Dotted
)


# -- refinements ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """Something that a text is compared with: ``kind`` is match, wild or exact."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Truth:
    """True or false. Not a ``bool``: that would be equal to the numbers 1 and 0."""

    said: str


Value = Constraint | Decimal | Truth | tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class EclAttribute:
    """How often (``most`` is None for many) there is an attribute with such a value."""

    name: Constraint
    comparison: str
    value: Value
    least: int = 1
    most: int | None = None
    reverse: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class AttributeGroup:
    """``{ … }``: in how many groups the refinement holds."""

    refinement: Refinement
    least: int = 1
    most: int | None = None


@dataclass(frozen=True, slots=True)
class CompoundRefinement:
    """Refinements with AND or OR between them."""

    operator: str
    parts: tuple[Refinement, ...]


Refinement = EclAttribute | AttributeGroup | CompoundRefinement


# -- filters -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByActive:
    active: bool


@dataclass(frozen=True, slots=True)
class ByTime:
    comparison: str
    times: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ByModule:
    is_equal: bool
    modules: Constraint


@dataclass(frozen=True, slots=True)
class ByDefinitionStatus:
    is_equal: bool
    statuses: Constraint


@dataclass(frozen=True, slots=True)
class ByTerm:
    is_equal: bool
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class ByLanguage:
    is_equal: bool
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ByType:
    is_equal: bool
    types: Constraint


@dataclass(frozen=True, slots=True)
class Dialect:
    """A language reference set, and how it must accept a description (nothing: in any way)."""

    refset: Constraint
    acceptability: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ByDialect:
    is_equal: bool
    dialects: tuple[Dialect, ...]


@dataclass(frozen=True, slots=True)
class ByColumn:
    """A column of a reference set that names concepts."""

    name: str
    is_equal: bool
    values: Constraint
    at: int = field(default=0, compare=False)


ConceptFilter = ByActive | ByTime | ByModule | ByDefinitionStatus
DescriptionFilter = ByActive | ByTime | ByModule | ByTerm | ByLanguage | ByType | ByDialect
MemberFilter = ByActive | ByColumn


_HOLDS = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def holds(comparison: str, one: Any, other: Any) -> bool:
    """Does a comparison hold of two values?"""
    return bool(_HOLDS[comparison](one, other))


def any_of(ids: list[Focus]) -> Constraint:
    """Some concepts, one by one."""
    return ids[0] if len(ids) == 1 else Compound("OR", tuple(ids))
