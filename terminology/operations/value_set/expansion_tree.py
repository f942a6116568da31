"""The tree of an expansion: entries beneath the entries of their parents."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.model import ConceptDetail
from terminology.operations.limits import DEEPEST_TREE
from terminology.operations.value_set.compose import Definition
from terminology.operations.value_set.expand_request import ExpandRequest
from terminology.operations.value_set.expansion import ExpansionEntry
from terminology.operations.value_set.members import Member


def is_tree(definition: Definition, request: ExpandRequest) -> bool:
    """Whether an expansion is a tree.

    A page and the matches of a text are lists, and so is an expansion of a value set that enumerates its
    codes or that combines several blocks.
    """
    if request.exclude_nested or request.count is not None or request.offset is not None:
        return False
    if definition.excludes or len(definition.includes) != 1:
        return False
    block = definition.includes[0]
    is_search = bool(request.filter) and not block.filters
    return block.url is not None and not block.is_enumerated and not block.imports and not is_search


def tree_of(
    members: Sequence[Member], details: Sequence[ConceptDetail], entries: list[ExpansionEntry]
) -> list[ExpansionEntry]:
    """The entries at the top, each with the entries beneath it: an entry is beneath its first listed parent.

    ``details`` and ``entries`` are those of the members, in the same order. A tree deeper than
    ``DEEPEST_TREE`` stays a list, because readers of JSON and XML refuse too deep nesting.
    """
    by_code = {member.concept.code: entry for member, entry in zip(members, entries, strict=True)}
    roots: list[ExpansionEntry] = []
    children: dict[str, list[ExpansionEntry]] = {}
    tops = {code: code for code in by_code}
    for detail, entry in zip(details, entries, strict=True):
        parents = (p.value.value for p in detail.properties if p.code == "parent")
        # Where the hierarchy has a circle, a code can be the top of its own parent: it must not get beneath.
        parent = next((p for p in parents if p in by_code and _top(p, tops) != entry.code), None)
        tops[entry.code] = entry.code if parent is None else parent
        (roots if parent is None else children.setdefault(parent, [])).append(entry)
    if _is_deeper(roots, children, DEEPEST_TREE):
        return entries
    for code, inner in children.items():
        by_code[code].contains = inner
    return roots


def _top(code: str, tops: dict[str, str]) -> str:
    """The code at the top of the tree so far. Shortens the path in ``tops`` for later calls."""
    while tops[code] != code:
        tops[code] = tops[tops[code]]
        code = tops[code]
    return code


def _is_deeper(roots: list[ExpansionEntry], children: dict[str, list[ExpansionEntry]], limit: int) -> bool:
    level = roots
    for _ in range(limit):
        level = [inner for outer in level for inner in children.get(outer.code, ())]
    return bool(level)
