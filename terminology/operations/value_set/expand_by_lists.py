"""Members of a value set that is nothing but long enumerations in the store.

They are counted without being read, and only the codes of a page are located. See ``members``.
"""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.documents import Listing
from terminology.core.model import Concept
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.members import Member, MemberPage, MemberQuery


def page_by_lists(definition: Definition, query: MemberQuery, first: int, last: int) -> MemberPage | None:
    """The members from ``first`` up to ``last``, or None if the definition is more than such enumerations."""
    lists = _long_lists(definition, query)
    if lists is None:
        return None
    return MemberPage(sum(len(codes) for _, codes in lists), lambda: _read(lists, first, last))


def _long_lists(definition: Definition, query: MemberQuery) -> list[tuple[Block, Sequence[str]]] | None:
    """Each include with the codes that it brings in.

    None unless each enumerates codes of another code system, the enumeration is one that lies in the store
    (``Listing``), and nothing else decides about a code: then no code can come twice or be left out.
    """
    if query.text or query.selectable_only or query.leaves_out_inactive(definition):
        return None
    blocks = definition.includes
    if definition.excludes or len({block.url for block in blocks}) < len(blocks):
        return None
    lists: list[tuple[Block, Sequence[str]]] = []
    for block in blocks:
        if block.system is None or block.imports or block.filters:
            return None
        enumeration = block.enumeration
        if not isinstance(enumeration, Listing):
            return None
        if query.allows_system(block.system.about):
            codes = enumeration.known_to(block.system)
            if codes is None:
                return None
            lists.append((block, codes))
    return lists


def _read(lists: Sequence[tuple[Block, Sequence[str]]], first: int, last: int) -> list[Member]:
    total = 0
    page: list[Member] = []
    for block, codes in lists:
        assert block.system is not None
        for code in codes[max(first - total, 0) : max(last - total, 0)]:
            # ``codes`` has only those that the code system has or, as a fragment, may have.
            page.append(Member(block.system.locate(code) or Concept(code), block))
        total += len(codes)
    return page
