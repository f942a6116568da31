"""The relation of the codes of two value sets, as sets: all that is known of it, and the word for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RelationCode(StrEnum):
    """The results of $related, of this value set towards the other."""

    SAME = "same"
    SUBSET = "subset"
    SUPERSET = "superset"
    OVERLAPPING = "overlapping"
    DISJOINT = "disjoint"
    EMPTY = "empty"
    INDETERMINATE = "indeterminate"


@dataclass(slots=True, frozen=True)
class Relation:
    """Whether there are codes in both value sets, only in this one, and only in the other; None: unknown."""

    common: bool | None
    missing: bool | None
    extra: bool | None

    def __or__(self, more: Relation) -> Relation:
        """The relation of the unions, if no code is in both parts."""
        return Relation(
            _either(self.common, more.common),
            _either(self.missing, more.missing),
            _either(self.extra, more.extra),
        )

    @property
    def code(self) -> RelationCode:
        """The word that is right whatever the unknown parts are; two value sets share no code if one is empty."""
        match self.common, self.missing, self.extra:
            case False, False, False:
                return RelationCode.EMPTY
            case (False, True, _) | (False, _, True):
                return RelationCode.DISJOINT
            case True, False, False:
                return RelationCode.SAME
            case True, False, True:
                return RelationCode.SUBSET
            case True, True, False:
                return RelationCode.SUPERSET
            case True, True, True:
                return RelationCode.OVERLAPPING
        return RelationCode.INDETERMINATE


UNKNOWN = Relation(None, None, None)
NOTHING = Relation(False, False, False)


def _either(one: bool | None, other: bool | None) -> bool | None:
    if one or other:
        return True
    return None if one is None or other is None else False
