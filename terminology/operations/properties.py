"""Properties that a request names, and that no code system has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from terminology.core import issues
from terminology.core.model import Issue
from terminology.operations.spelling import near_names
from terminology.operations.value_set.expansion_entries import EVERYTHING, property_uris
from terminology.systems.protocol import CodeSystem

# Warnings about a request, made when they are asked for.
Notes = Callable[[], list[Issue]]

# What $lookup can be asked for besides the properties that a code system declares.
_OF_EVERY_CONCEPT = ("name", "version", "display", "designation", "copyright", "code", "system", "abstract")
_LANGUAGE = "lang."


def mistyped_properties(
    systems: Iterable[CodeSystem], names: Sequence[str], also: Iterable[str] = ()
) -> list[Issue]:
    """A warning for each of the ``names`` that is not a property of a code system, but nearly one.

    ``also`` has names that are right, whether they are declared or not.
    """
    right = {EVERYTHING, *also, *_OF_EVERY_CONCEPT}
    if right.issuperset(names):
        return []
    uris: dict[str, str | None] = {}
    for system in systems:
        uris |= property_uris(system)
    known = {*uris, *uris.values(), *right}
    unknown = [name for name in names if name not in known and not name.startswith(_LANGUAGE)]
    near = {name: near_names(name, [*uris, *_OF_EVERY_CONCEPT]) for name in dict.fromkeys(unknown)}
    return [issues.unknown_property(name, choices) for name, choices in near.items() if choices]
