"""Members of a value set whose code systems all have an index, by an algebra of sets.

Where every code system has an index (``systems.protocol.ConceptSet``) and is used in one version only, includes,
excludes and imports are sets, and union, intersection and difference give what a walk would give, in the same
order: lists of ``BlockMembers``, each brought in by one include. See ``members``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import cast

from terminology.core.budget import counted
from terminology.core.texts import finder
from terminology.operations.limits import STEPS_OF_SET
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.members import (
    ALL_MEMBERS,
    Member,
    MemberPage,
    MemberQuery,
    in_order,
    own_text,
)
from terminology.systems.protocol import ConceptSet, Selection


@dataclass(slots=True)
class BlockMembers:
    """The members that one include brings in."""

    block: Block
    concepts: ConceptSet


def can_use_sets(definition: Definition) -> bool:
    """Whether every code system has an index, and is used in one version only, and no block lists expressions."""
    indexes: dict[str, object] = {}
    for part in (definition, *definition.all_imports()):
        for block in part.blocks():
            if block.url is None:
                continue
            index = block.system.index if block.system is not None else None
            if index is None or block.lists_expressions:
                return False
            if indexes.setdefault(block.url, index) is not index:
                return False
    return True


def concepts_in(definition: Definition, blocks: Sequence[Block]) -> ConceptSet | None:
    """The concepts of one code system that a definition contains, as a set without order.

    ``blocks`` are all includes and excludes of the code system, also those of imports. None unless it has an index,
    and is used in one version only. Codes that a fragment lacks are not in the set, nor expressions. Raises
    TerminologyError for filters that cannot be used.
    """
    systems = [block.system for block in blocks if block.system is not None]
    if not systems or len(systems) < len(blocks):
        return None
    index = systems[0].index
    if index is None or any(system.index is not index for system in systems):
        return None
    return _Membership(blocks[0]).members(definition) & _as_concept_set(systems[0].select())


def page_by_sets(definition: Definition, query: MemberQuery, first: int, last: int) -> MemberPage:
    """The members from ``first`` up to ``last`` of a definition that ``can_use_sets``.

    Raises TerminologyError for filters that cannot be used.
    """
    parts = _SetExpansion(query).of(definition, query)
    return MemberPage(sum(len(part.concepts) for part in parts), lambda: _read(parts, first, last))


def _read(parts: Sequence[BlockMembers], first: int, last: int) -> list[Member]:
    page: list[Member] = []
    for part in parts:
        size = len(part.concepts)
        if first < size and last > 0:
            concepts = part.concepts[max(first, 0) : min(last, size)]
            if part.block.lists_more_than_is_here:
                concepts = [part.block.as_listed(concept) for concept in concepts]
            page += [Member(concept, part.block) for concept in concepts]
        first, last = first - size, last - size
    return page


class _SetExpansion:
    """One expansion of a value set and its imports; a value set that is imported twice is expanded once."""

    def __init__(self, query: MemberQuery) -> None:
        # A text finds members of imports, too; the rest of the query applies to the outermost value set.
        self._search = query
        self._membership: dict[str, _Membership] = {}
        self._imports: dict[int, list[BlockMembers]] = {}

    def of(self, definition: Definition, query: MemberQuery) -> list[BlockMembers]:
        """In the order of the definition; a code that comes twice is in the first part only."""
        listed: dict[str, ConceptSet] = {}
        parts = []
        for block in in_order(definition.includes):
            for part in counted(self._of_block(block), STEPS_OF_SET):
                url, concepts = part.block.url or "", self._remaining(definition, query, part)
                if url in listed:
                    concepts = concepts - listed[url]
                if len(concepts):
                    parts.append(BlockMembers(part.block, concepts))
                    listed[url] = listed[url] | concepts if url in listed else concepts
        return parts

    def _of_block(self, block: Block) -> list[BlockMembers]:
        """The members of an include, as it has them itself or as its first import has them."""
        if block.url is not None:
            parts, imports = [BlockMembers(block, _concepts(block, self._search))], block.imports
        else:
            parts = self._of_import(block.imports[0]) if block.imports else []
            imports = block.imports[1:]
        if not imports:
            return parts
        return [
            BlockMembers(part.block, reduce(and_, self._members(part, imports), part.concepts))
            for part in parts
        ]

    def _of_import(self, definition: Definition) -> list[BlockMembers]:
        if id(definition) not in self._imports:
            self._imports[id(definition)] = self.of(definition, ALL_MEMBERS)
        return self._imports[id(definition)]

    def _members(self, part: BlockMembers, imports: Sequence[Definition]) -> list[ConceptSet]:
        return list(map(self._membership_of(part.block).members, imports))

    def _remaining(self, definition: Definition, query: MemberQuery, part: BlockMembers) -> ConceptSet:
        """The concepts of a part that the query does not leave out and the definition does not exclude."""
        assert part.block.system is not None
        concepts = part.concepts
        if not query.allows_system(part.block.system.about):
            return concepts.among(())
        inactive = query.leaves_out_inactive(definition)
        if inactive or query.selectable_only:
            concepts = concepts.without(inactive=inactive, abstract=query.selectable_only)
        if definition.excludes:
            concepts = concepts - self._membership_of(part.block).excluded(definition)
        return concepts

    def _membership_of(self, block: Block) -> _Membership:
        url = block.url or ""
        if url not in self._membership:
            self._membership[url] = _Membership(block)
        return self._membership[url]


class _Membership:
    """The concepts of one code system that value sets contain or exclude, as sets without order.

    They are what ``Definition.contains`` and ``Definition.is_excluded`` answer for each code.
    """

    def __init__(self, block: Block) -> None:
        """``block`` is any block of the code system."""
        assert block.system is not None
        self._url = block.url
        self._empty: ConceptSet = _as_concept_set(block.system.select()).among(())
        self._members: dict[int, ConceptSet] = {}
        self._excluded: dict[int, ConceptSet] = {}

    def members(self, definition: Definition) -> ConceptSet:
        if id(definition) not in self._members:
            concepts = self._union(definition.includes)
            if not definition.includes_inactive:
                concepts = concepts.without(inactive=True)
            if definition.excludes:
                concepts = concepts - self.excluded(definition)
            self._members[id(definition)] = concepts
        return self._members[id(definition)]

    def excluded(self, definition: Definition) -> ConceptSet:
        if id(definition) not in self._excluded:
            self._excluded[id(definition)] = self._union(definition.excludes)
        return self._excluded[id(definition)]

    def _union(self, blocks: Sequence[Block]) -> ConceptSet:
        concepts = self._empty
        for block in counted(blocks, STEPS_OF_SET):
            concepts = concepts | self._of(block)
        return concepts

    def _of(self, block: Block) -> ConceptSet:
        if block.url not in (None, self._url):
            return self._empty
        sets = [] if block.url is None else [block.concept_set]
        sets += map(self.members, block.imports)
        return reduce(and_, sets) if sets else self._empty


def _concepts(block: Block, search: MemberQuery) -> ConceptSet:
    """The concepts of a block that the text of the search finds, whatever its imports have.

    Of an enumerated concept, a text may be in the words of the value set as well as of the code system.
    """
    assert block.system is not None
    if not search.text:
        return block.concept_set
    if not block.is_enumerated:
        return _as_concept_set(block.search(search.text, search.languages))
    concepts, is_in = block.concept_set, finder(search.text)
    own_matches = [node.get("code", "") for node in block.enumeration.values() if is_in(own_text(node))]
    matches = _as_concept_set(block.system.select((), search.text, search.languages))
    return concepts & (matches | concepts.among(own_matches))


def _as_concept_set(selection: Selection) -> ConceptSet:
    """A selection of a code system that has an index."""
    return cast("ConceptSet", selection)
