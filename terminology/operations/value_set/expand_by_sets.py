"""How many codes are in a value set, and which of them are on a page? Reckoned, where nothing need be walked.

Where every code system can count (``systems.ConceptSet``) and comes in one version only, includes, excludes
and imports are sets whose algebra gives what ``members`` walks to, in the same order: runs of members, each of
one block. A text finds the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import cast

from terminology.core.texts import finder
from terminology.operations.value_set.definition import Block, Definition
from terminology.operations.value_set.expand_by_walking import (
    ALL,
    Member,
    Part,
    Wanted,
    newest_first,
    said_by,
)
from terminology.systems.protocol import ConceptSet


@dataclass(slots=True)
class Run:
    """Members in a row that one block brings in."""

    block: Block
    chosen: ConceptSet


def can_count(definition: Definition) -> bool:
    """Can every code system count, and is it used in one version?"""
    indexes: dict[str, object] = {}
    for part in (definition, *definition.imports()):
        for block in part.blocks():
            if block.url is None:
                continue
            index = block.system.index if block.system is not None else None
            if index is None or indexes.setdefault(block.url, index) is not index:
                return False
    return True


def counted_part(definition: Definition, wanted: Wanted, first: int, last: int) -> Part:
    """The members from ``first`` up to ``last`` of a definition that ``can_count``.

    Raises TerminologyError for filters that cannot be used.
    """
    runs = _Runs(wanted).of(definition, wanted)
    return Part(sum(len(run.chosen) for run in runs), lambda: _read(runs, first, last))


def _read(runs: Sequence[Run], first: int, last: int) -> list[Member]:
    found: list[Member] = []
    for run in runs:
        size = len(run.chosen)
        if first < size and last > 0:
            concepts = run.chosen[max(first, 0) : min(last, size)]
            found += [Member(concept, run.block) for concept in concepts]
        first, last = first - size, last - size
    return found


class _Runs:
    """One way through a value set and all that it imports."""

    def __init__(self, wanted: Wanted) -> None:
        self._sought = wanted
        self._sets: dict[str, _Sets] = {}
        self._imported: dict[str, list[Run]] = {}

    def of(self, definition: Definition, wanted: Wanted) -> list[Run]:
        """In the order of the definition; what comes twice is in the first run only."""
        seen: dict[str, ConceptSet] = {}
        runs = []
        for block in newest_first(definition.includes):
            for run in self._of_block(block):
                url, chosen = run.block.url or "", self._left(definition, wanted, run)
                if url in seen:
                    chosen = chosen - seen[url]
                if len(chosen):
                    runs.append(Run(run.block, chosen))
                    seen[url] = seen[url] | chosen if url in seen else chosen
        return runs

    def _of_block(self, block: Block) -> list[Run]:
        if block.url is not None:
            chosen, others = [Run(block, _chosen(block, self._sought))], block.imports
        else:
            chosen = self._of_import(block.imports[0]) if block.imports else []
            others = block.imports[1:]
        if not others:
            return chosen
        return [Run(run.block, reduce(and_, self._held(run, others), run.chosen)) for run in chosen]

    def _of_import(self, definition: Definition) -> list[Run]:
        if definition.canonical not in self._imported:
            self._imported[definition.canonical] = self.of(definition, ALL)
        return self._imported[definition.canonical]

    def _held(self, run: Run, others: Sequence[Definition]) -> list[ConceptSet]:
        return list(map(self._sets_of(run.block).held, others))

    def _left(self, definition: Definition, wanted: Wanted, run: Run) -> ConceptSet:
        """What of a run is wanted and not excluded."""
        assert run.block.system is not None
        chosen = run.chosen
        if not wanted.has_room_for(run.block.system.about):
            return chosen.among(())
        active = wanted.active_only or not definition.inactive
        if active or wanted.selectable_only:
            chosen = chosen.without(inactive=active, abstract=wanted.selectable_only)
        if definition.excludes:
            chosen = chosen - self._sets_of(run.block).excluded(definition)
        return chosen

    def _sets_of(self, block: Block) -> _Sets:
        url = block.url or ""
        if url not in self._sets:
            self._sets[url] = _Sets(block)
        return self._sets[url]


class _Sets:
    """The sets of one code system, whatever their order: what ``Definition.holds`` and ``Block.holds`` say of
    each of its codes.
    """

    def __init__(self, block: Block) -> None:
        """``block`` is any that speaks of the code system."""
        assert block.system is not None
        self._url = block.url
        self._nothing: ConceptSet = _counted(block.system.select()).among(())
        self._known: dict[int, ConceptSet] = {}
        self._excluded: dict[int, ConceptSet] = {}

    def held(self, definition: Definition) -> ConceptSet:
        if id(definition) not in self._known:
            found = self._any_of(definition.includes)
            if not definition.inactive:
                found = found.without(inactive=True)
            if definition.excludes:
                found = found - self.excluded(definition)
            self._known[id(definition)] = found
        return self._known[id(definition)]

    def excluded(self, definition: Definition) -> ConceptSet:
        if id(definition) not in self._excluded:
            self._excluded[id(definition)] = self._any_of(definition.excludes)
        return self._excluded[id(definition)]

    def _any_of(self, blocks: Sequence[Block]) -> ConceptSet:
        found = self._nothing
        for block in blocks:
            found = found | self._of(block)
        return found

    def _of(self, block: Block) -> ConceptSet:
        if block.url not in (None, self._url):
            return self._nothing
        sets = [] if block.url is None else [_chosen(block)]
        sets += map(self.held, block.imports)
        return reduce(and_, sets) if sets else self._nothing


def _chosen(block: Block, sought: Wanted = ALL) -> ConceptSet:
    """What a block chooses of its code system, and of that what a text finds."""
    assert block.system is not None
    text, languages = sought.text, sought.languages
    if not text:
        return block.chosen
    if not block.is_enumerated:
        return _counted(block.matching(text, languages))
    listed, finds = block.chosen, finder(text)
    named = [n.get("code", "") for n in block.listed.values() if finds(said_by(n))]
    return listed & (_counted(block.system.select((), text, languages)) | listed.among(named))


def _counted(selection: object) -> ConceptSet:
    """A selection of a code system that has an index."""
    return cast("ConceptSet", selection)
