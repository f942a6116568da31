"""Users: who sends a request, and what they may do.

A right is written as a scope of SMART, version 2 (https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html):
``system/CodeSystem.rs``. The letters stand for create, read, update, delete and search; ``*`` for any type. An
operation needs the right to read its type, or to update it if it changes resources. ``r5:system/*.rs`` is a right
below the root of one release alone, which SMART has no words for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from terminology.core.cache import kept_results
from terminology.core.model import Issue

# The interactions that a right can be for, each by its first letter.
INTERACTIONS = ("create", "read", "update", "delete", "search")
# Those that change something.
WRITING = ("create", "update", "delete")
# The words of version 1, and the letters that they stand for.
_WORDS = {"read": "rs", "write": "cud", "*": "cruds"}
# Scopes of a patient are about patients, whom a terminology server does not know. Those with a query allow a part of
# the resources, and therefore nothing that can be told from the type.
_SCOPE = re.compile(
    r"(?:(?P<root>r\d\w?):)?(?:system|user)/(?P<kind>\*|[A-Z][A-Za-z]{1,40})"
    r"\.(?P<letters>read|write|\*|(?=[cruds])c?r?u?d?s?)"
)


@dataclass(slots=True, frozen=True)
class User:
    """A user, or a program, that sends requests. Without a ``name`` nobody knows who it is.

    ``rights`` are scopes as ``rights_of`` writes them. ``problem`` says why credentials that were sent do not count.
    """

    name: str
    rights: frozenset[str]
    problem: Issue | None = None

    def may(self, interaction: str, kind: str, root: str) -> bool:
        """Whether the user has the right to an interaction with resources of a type, below a root such as ``r4``.

        >>> user = User("ehr", rights_of(["system/CodeSystem.rs", "r5:system/*.cruds"]))
        >>> user.may("read", "CodeSystem", "r4"), user.may("read", "ValueSet", "r4")
        (True, False)
        >>> user.may("create", "ValueSet", "r4"), user.may("create", "ValueSet", "r5")
        (False, True)
        """
        return _may(self.rights, interaction, kind, root)


@kept_results(256, longest=40)
def _may(rights: frozenset[str], interaction: str, kind: str, root: str) -> bool:
    scopes = (match for right in rights if (match := _SCOPE.fullmatch(right)))
    return any(
        interaction[0] in scope["letters"] and scope["kind"] in ("*", kind) and scope["root"] in (None, root)
        for scope in scopes
    )


def rights_of(scopes: Iterable[str], roots: Iterable[str] = ()) -> frozenset[str]:
    """The rights that scopes stand for, below these roots or below all. Other scopes give none.

    >>> sorted(rights_of(["system/*.read", "user/ValueSet.cu", "openid", "patient/*.rs", "system/*.rs?url=x"]))
    ['system/*.rs', 'system/ValueSet.cu']
    >>> sorted(rights_of(["system/*.rs", "r5:system/*.c"], roots=["r4", "r5"]))
    ['r4:system/*.rs', 'r5:system/*.c', 'r5:system/*.rs']
    """
    allowed = tuple(roots)
    rights = set()
    for match in filter(None, map(_SCOPE.fullmatch, scopes)):
        right = f"system/{match['kind']}.{_WORDS.get(match['letters'], match['letters'])}"
        own = match["root"]
        if own is None:
            rights.update([f"{root}:{right}" for root in allowed] or [right])
        elif not allowed or own in allowed:
            rights.add(f"{own}:{right}")
    return frozenset(rights)


def licence_rights(systems: Iterable[str]) -> frozenset[str]:
    """The rights of a user who has the licences of some code systems: their texts are for them."""
    return frozenset(f"licence:{system}" for system in systems)


def is_scope(text: str) -> bool:
    """Whether a text is a scope that gives a right here."""
    return _SCOPE.fullmatch(text) is not None


# The user of a service that asks nobody who they are: everybody may read, and nobody may write.
ANYBODY = User("", rights_of(["system/*.rs"]))
