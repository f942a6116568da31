"""The parts of an explanation: ``explain`` makes it, and the answer of a translation has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Reason(StrEnum):
    """Why a code has no translation, or why a person must still decide (``condition-open``)."""

    CONDITION_OPEN = (
        "condition-open"  # which match applies depends on something that the request does not say
    )
    CONDITION_FAILED = "condition-failed"  # the rows of the code need other dependencies than the request has
    OUTSIDE_SCOPE = "outside-scope"  # a scope of the request leaves out the code, or its translation
    NO_TARGET = "no-target"  # a map says that there is no target
    NOT_RELATED = "not-related"  # a map says of which codes this one is not a translation
    GAP = "gap"  # a map says that it does not know yet
    TYPING_SLIP = "typing-slip"  # the code is not known, but one with other dots, blanks, case or zeros is
    WRONG_SYSTEM = "wrong-system"  # the code is not known, but another code system has it
    UNKNOWN_CODE = "unknown-code"  # the code system does not have the code
    UNKNOWN_SYSTEM = "unknown-system"  # the code system is not here, and no map leads from it
    RETIRED = "retired"  # the code is no longer active, and the code system names its successor
    NO_ROW = "no-row"  # no map has the code, and nothing is wrong with it


class Outcome(StrEnum):
    """What a map that was considered had to do with a translation."""

    MATCHED = "matched"
    UNMAPPED_RULE = (
        "unmapped-rule"  # the map does not list the code, and its rule for such codes gave a match
    )
    NO_TARGET = "no-target"
    CONDITION_FAILED = "condition-failed"
    OUTSIDE_SCOPE = "outside-scope"
    NO_ROW = "no-row"
    ONE_WAY = "one-way"  # it holds in the other direction only
    OTHER_TARGET = "other-target"  # it has the code, and leads to another code system
    NOT_USED = "not-used"  # it has the code, and none of its rows is a match


@dataclass(slots=True, frozen=True)
class ConsideredMap:
    """A map and what came of it. ``group`` counts from 0; ``code`` is the subject as the map writes it.

    ``leads_to`` is the code system at the far end, ``unmapped`` the mode of the rule that was used.
    """

    canonical: str
    outcome: Outcome
    group: int | None = None
    code: str | None = None
    leads_to: str | None = None
    unmapped: str | None = None


@dataclass(slots=True, frozen=True)
class DisplaySource:
    """A code of the answer, and the canonical of the code system or map that its display is from."""

    code: str
    source: str


@dataclass(slots=True)
class Explanation:
    """``reason`` is None where there is a translation and nothing is left to decide."""

    reason: Reason | None
    maps: list[ConsideredMap] = field(default_factory=list)
    displays: list[DisplaySource] = field(default_factory=list)
