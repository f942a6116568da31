"""The tree of an expansion: entries beneath the entries of their parents."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from functools import cache

from terminology.core.model import ConceptDetail
from terminology.operations.limits import DEEPEST_TREE
from terminology.operations.value_set.compose import Definition
from terminology.operations.value_set.expand_request import ExpandRequest
from terminology.operations.value_set.expansion import ExpansionEntry
from terminology.operations.value_set.members import Member, MemberQuery


def is_tree(definition: Definition, request: ExpandRequest) -> bool:
    """Whether an expansion is a tree.

    A page and the matches of a text are lists, and so is an expansion of a value set that enumerates its
    codes or that combines several blocks. Where neither the request nor the value set says ``excludeNested``, a
    setting decides (``ExpandRequest.nested``); a code system whose concepts have several parents is then a list.
    """
    if request.exclude_nested or (request.exclude_nested is None and not request.nested):
        return False
    if request.count is not None or request.offset is not None:
        return False
    if definition.excludes or len(definition.includes) != 1:
        return False
    block = definition.includes[0]
    if request.exclude_nested is None and block.system is not None and block.system.about.is_flat:
        return False
    is_search = bool(request.filter) and not block.filters
    return block.url is not None and not block.is_enumerated and not block.imports and not is_search


def is_polyhierarchy(details: Sequence[ConceptDetail]) -> bool:
    """Whether a concept has several parents, so that a tree would show only one way to it."""
    return any(sum(p.code == "parent" for p in detail.properties) > 1 for detail in details)


def tree_of(
    members: Sequence[Member],
    details: Sequence[ConceptDetail],
    entries: list[ExpansionEntry],
    parents_of_hidden: Callable[[str], Sequence[str]],
) -> list[ExpansionEntry]:
    """The entries at the top, each with the entries beneath it: an entry is beneath its first listed parent.

    ``details`` and ``entries`` are those of the members, in the same order. ``parents_of_hidden`` has the parents of
    a code that only the request leaves out: its children are beneath the nearest ancestor that is listed. A tree
    deeper than ``DEEPEST_TREE`` stays a list, because readers of JSON and XML refuse too deep nesting.
    """
    by_code = {member.concept.code: entry for member, entry in zip(members, entries, strict=True)}
    roots: list[ExpansionEntry] = []
    children: dict[str, list[ExpansionEntry]] = {}
    tops = {code: code for code in by_code}
    for detail, entry in zip(details, entries, strict=True):
        parents = _listed_ancestors(_parents(detail), by_code, parents_of_hidden)
        # Where the hierarchy has a circle, a code can be the top of its own parent: it must not get beneath.
        parent = next((p for p in parents if _top(p, tops) != entry.code), None)
        tops[entry.code] = entry.code if parent is None else parent
        (roots if parent is None else children.setdefault(parent, [])).append(entry)
    if _is_deeper(roots, children, DEEPEST_TREE):
        return entries
    for code, inner in children.items():
        by_code[code].contains = inner
    return roots


def hidden_parents(definition: Definition, query: MemberQuery) -> Callable[[str], Sequence[str]]:
    """A function for ``tree_of``, where the query leaves inactive or abstract codes of the only include out."""
    [block] = definition.includes
    hides_inactive = query.leaves_out_inactive(definition)
    system = block.system
    if system is None or not (hides_inactive or query.selectable_only):
        return lambda code: ()

    @cache
    def parents(code: str) -> Sequence[str]:
        concept = system.locate(code)
        if concept is None or not block.contains(code):
            return ()
        is_hidden = (hides_inactive and concept.inactive) or (query.selectable_only and concept.abstract)
        return _parents(system.describe([code])[code]) if is_hidden else ()

    return parents


def _parents(detail: ConceptDetail) -> list[str]:
    return [p.value for p in detail.properties if p.code == "parent"]


def _listed_ancestors(
    parents: Sequence[str], listed: Container[str], parents_of_hidden: Callable[[str], Sequence[str]]
) -> list[str]:
    """The parents that are listed; if none is, the nearest listed ancestors above those that are hidden."""
    visited: set[str] = set()
    level = list(parents)
    while level:
        ancestors = [code for code in level if code in listed]
        if ancestors:
            return ancestors
        visited.update(level)
        above = dict.fromkeys(parent for code in level for parent in parents_of_hidden(code))
        level = [code for code in above if code not in visited]
    return []


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
