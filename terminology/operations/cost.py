"""How many steps does a question take? Reckoned before it is answered, from what is asked and what is here.

Every include reads a code system, every filter looks at each code that is read, every exclude at each code
that is left. A code system that counts (``CodeSystem.index``) reads nothing for most filters: it has sets of
codes, and of these only what is walked through is read. What is reckoned is the most that it can be. The
bounds are in ``limits``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.operations.limits import (
    AT_ONCE,
    FEW,
    MOST_CODINGS,
    MOST_SOUGHT,
    MOST_STEPS,
    OF_CODING,
    OF_EXCLUDE,
    OF_FILTER,
    OF_HIERARCHY,
    OF_SET,
    OF_STORED,
    OF_TEXT,
)
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.expand_by_sets import can_use_sets
from terminology.systems.filters import HIERARCHY
from terminology.systems.protocol import CodeSystem, ConceptSet


def check_codings(codings: Sequence[object]) -> None:
    """Raises TerminologyError for a CodeableConcept that has too many."""
    if len(codings) > MOST_CODINGS:
        what = f"The number of codings of a CodeableConcept (this one has {len(codings):,})"
        raise TerminologyError(issues.too_much(what, MOST_CODINGS, "Ask for them in several requests"))


def check_sought(properties: Sequence[object], system: CodeSystem) -> None:
    """Raises TerminologyError when $find-matches is to compare too much."""
    if len(properties) > MOST_SOUGHT:
        what = f"The number of properties to compare (there are {len(properties):,})"
        raise TerminologyError(issues.too_much(what, MOST_SOUGHT, "Give those that matter most"))
    steps = len(properties) * OF_FILTER * _Sizes().of(system) if len(properties) > FEW else 0
    if steps > MOST_STEPS:
        what = f"What {len(properties)} properties cost in this code system (about {steps:,} steps)"
        raise TerminologyError(issues.too_much(what, MOST_STEPS, "Give fewer properties"))


def check_listing(definition: Definition, is_search: bool) -> None:
    """Raises TerminologyError for a value set that would take too many steps to list, or to search."""
    parts = _parts(definition)
    blocks = [block for part in parts for block in part.blocks()]
    if len(blocks) + sum(map(_filters, blocks)) > FEW:
        sizes = _Sizes(OF_TEXT if is_search else 0)
        steps = sum(map(sizes.combining, blocks))
        if steps <= MOST_STEPS and not can_use_sets(definition):
            steps += sum(map(sizes.steps, parts))
        _check("list", definition, blocks, sizes, steps)


def check_questions(definition: Definition, codings: int) -> None:
    """Raises TerminologyError for a value set in which it would take too many steps to find the codings.

    All of a hierarchy is walked through for a filter on it; what other filters say is asked of the codings.
    """
    blocks = [block for part in _parts(definition) for block in part.blocks()]
    if len(blocks) + sum(map(_filters, blocks)) > FEW:
        sizes = _Sizes()
        preparing = sum(map(sizes.combining, blocks)) + sum(map(sizes.walking, blocks))
        asking = codings * sum(OF_CODING + filtering(block) for block in blocks)
        _check("look into", definition, blocks, sizes, preparing + asking)


def _check(to_do: str, definition: Definition, blocks: Sequence[Block], sizes: _Sizes, steps: int) -> None:
    if steps > MOST_STEPS:
        largest = max(sizes.known.values(), default=0)
        filters = sum(map(_filters, blocks))
        name = definition.canonical
        raise TerminologyError(
            issues.too_many_steps(to_do, name, steps, MOST_STEPS, len(blocks), filters, largest)
        )


def _parts(definition: Definition) -> list[Definition]:
    return [definition, *definition.all_imports()]


def _filters(block: Block) -> int:
    return len(block.node.get("filter", ()))


def _hierarchical(block: Block) -> int:
    return sum(1 for filter_ in block.node.get("filter", ()) if filter_.get("op") in HIERARCHY)


def filtering(block: Block) -> int:
    """What it takes to see whether one code passes the filters."""
    hierarchical = _hierarchical(block)
    return OF_HIERARCHY * hierarchical + OF_FILTER * (_filters(block) - hierarchical)


class _Sizes:
    """How many codes are read at most; ``known`` has the size of each code system, counted once."""

    def __init__(self, searching: int = 0) -> None:
        self._searching = searching
        self.known: dict[int, int] = {}
        self._listed: dict[int, int] = {}
        self._asking: dict[int, int] = {}

    def steps(self, definition: Definition) -> int:
        """What it takes to list one value set, those that it imports being listed."""
        excluding = sum(map(self._of_question, definition.excludes))
        return sum(self._of_include(block) for block in definition.includes) + excluding * self._codes(
            definition
        )

    def combining(self, block: Block) -> int:
        """What it takes to have the set of what a block chooses, of a code system that counts."""
        if block.system is None or block.system.index is None:
            return 0
        filters = [f for f in block.filters if _is_read(f)]
        sets = (OF_SET + self.of(block.system) // AT_ONCE) * (1 + _filters(block) + self._searching)
        return sets + len(block.enumeration) * OF_STORED + len(filters) * OF_FILTER * self.of(block.system)

    def walking(self, block: Block) -> int:
        """What it takes to walk through the hierarchy for a block's filters, of one that does not."""
        hierarchical = _hierarchical(block)
        if not hierarchical or block.system is None or block.system.index is not None:
            return 0
        return hierarchical * self.of(block.system)

    def of(self, system: CodeSystem) -> int:
        if id(system) not in self.known:
            self.known[id(system)] = _counted(system)
        return self.known[id(system)]

    def _of_include(self, block: Block) -> int:
        others = block.imports if block.system is not None else block.imports[1:]
        asking = sum(map(self._of_questions, others))
        if block.system is not None and block.system.index is not None:
            return self._read(block) * (OF_STORED + asking)
        return self._read(block) * (1 + self._searching + filtering(block) + asking)

    def _read(self, block: Block) -> int:
        """How many codes an include has at most before its filters choose."""
        if block.is_enumerated:
            return len(block.enumeration)
        if block.system is not None:
            counts = block.system.index is not None and not any(map(_is_read, block.filters))
            return len(block.concept_set) if counts else self.of(block.system)
        return self._codes(block.imports[0]) if block.imports else 0

    def _codes(self, definition: Definition) -> int:
        """How many codes a value set can have: no code system gives more than it has."""
        if id(definition) not in self._listed:
            self._listed[id(definition)] = sum(self._read(block) for block in _distinct(definition.includes))
        return self._listed[id(definition)]

    def _of_questions(self, definition: Definition) -> int:
        """What it takes to ask whether a value set has a code: it and all it imports are asked once."""
        if id(definition) not in self._asking:
            blocks = (block for part in _parts(definition) for block in part.blocks())
            self._asking[id(definition)] = sum(map(_of_own_question, blocks))
        return self._asking[id(definition)]

    def _of_question(self, block: Block) -> int:
        return _of_own_question(block) + sum(map(self._of_questions, block.imports))


def _of_own_question(block: Block) -> int:
    return OF_EXCLUDE + filtering(block)


def _distinct(blocks: Iterable[Block]) -> list[Block]:
    """Of several includes that read all of the same code system, one; they have the same codes."""
    return list({_reads(block): block for block in blocks}.values())


def _reads(block: Block) -> int:
    if block.is_enumerated or (block.system is None and not block.imports):
        return id(block)
    return id(block.system) if block.system is not None else id(block.imports[0])


def _is_read(filter_: Filter) -> bool:
    """Must a code system that counts look at every value, or code, for a filter?"""
    return filter_.op in ("regex", "exists") or filter_.property in ("display", "definition")


def _counted(system: CodeSystem) -> int:
    """The number of codes that a code system lists; one that lists none says so when it is walked through."""
    if system.index is not None:
        return len(cast("ConceptSet", system.select()))
    try:
        return sum(1 for _ in system.select())
    except TerminologyError:
        return 0
