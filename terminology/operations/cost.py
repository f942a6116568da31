"""Estimates of the steps that a request takes, checked before it is answered.

Every include reads a code system, every filter tests each code that is read, every exclude each code that is
left. An indexed code system (``CodeSystem.index``) reads nothing for most filters: it has sets of codes, and only
the codes that are listed are read. An estimate is the largest number of steps possible; the bound is what the request
may still spend (``core.budget``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from terminology.core import issues
from terminology.core.budget import most_steps, steps_left
from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.operations.limits import (
    CODES_OF_SET_PER_STEP,
    MOST_CODINGS,
    MOST_PROPERTIES,
    STEPS_OF_CODING,
    STEPS_OF_EXCLUDE,
    STEPS_OF_FILTER,
    STEPS_OF_HIERARCHY,
    STEPS_OF_SET,
    STEPS_OF_STORED_CODE,
    STEPS_OF_TEXT,
    UNCOUNTED_PARTS,
)
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.expand_by_sets import can_use_sets
from terminology.systems.filters import HIERARCHY
from terminology.systems.protocol import CodeSystem, ConceptSet


def check_codings(codings: Sequence[object]) -> None:
    """Raises TerminologyError when a CodeableConcept has too many codings."""
    if len(codings) > MOST_CODINGS:
        raise TerminologyError(issues.too_many_codings(len(codings), MOST_CODINGS))


def check_properties(properties: Sequence[object], system: CodeSystem) -> None:
    """Raises TerminologyError when $find-matches would compare too many properties, or take too many steps."""
    if len(properties) > MOST_PROPERTIES:
        raise TerminologyError(issues.too_many_properties(len(properties), MOST_PROPERTIES))
    if len(properties) <= UNCOUNTED_PARTS:
        return
    steps = len(properties) * STEPS_OF_FILTER * _Estimate().size(system)
    if steps > steps_left():
        raise TerminologyError(issues.properties_too_costly(len(properties), steps, _limit(steps)))


def check_listing(definition: Definition, is_search: bool) -> None:
    """Raises TerminologyError when it would take too many steps to list a value set, or to search it."""
    parts = _parts(definition)
    blocks = [block for part in parts for block in part.blocks()]
    if _count_parts(blocks) <= UNCOUNTED_PARTS:
        return
    estimate = _Estimate(STEPS_OF_TEXT if is_search else 0)
    steps = sum(map(estimate.to_combine, blocks))
    if steps <= steps_left() and not can_use_sets(definition):
        steps += sum(map(estimate.to_list, parts))
    _require_few_steps("expand", definition, blocks, estimate, steps)


def can_search_again(definition: Definition, times: int) -> bool:
    """Whether a value set can be searched so many times more within the steps of one request."""
    parts = _parts(definition)
    estimate = _Estimate(STEPS_OF_TEXT)
    steps = sum(estimate.to_combine(block) for part in parts for block in part.blocks())
    if not can_use_sets(definition):
        steps += sum(map(estimate.to_list, parts))
    return steps * times <= steps_left()


def check_membership(definition: Definition, codings: int) -> None:
    """Raises TerminologyError when it would take too many steps to look for the codings in a value set.

    A filter on a hierarchy visits all of it once; the other filters test only the codings.
    """
    blocks = [block for part in _parts(definition) for block in part.blocks()]
    if _count_parts(blocks) <= UNCOUNTED_PARTS:
        return
    estimate = _Estimate()
    once = sum(map(estimate.to_combine, blocks)) + sum(map(estimate.to_walk, blocks))
    steps = once + codings * sum(STEPS_OF_CODING + _steps_to_filter(block) for block in blocks)
    _require_few_steps("validate codes against", definition, blocks, estimate, steps)


def _require_few_steps(
    task: str, definition: Definition, blocks: Sequence[Block], estimate: _Estimate, steps: int
) -> None:
    """Raises TerminologyError when the steps are too many. ``task`` is the verb of the message."""
    if steps > steps_left():
        filters, largest = sum(map(_count_filters, blocks)), max(estimate.sizes.values(), default=0)
        raise TerminologyError(
            issues.too_many_steps(
                task, definition.canonical, steps, _limit(steps), len(blocks), filters, largest
            )
        )


def _limit(steps: int) -> int:
    """The limit that so many steps are over: that of a request, or the steps that its other parts have left."""
    return most_steps() if steps > most_steps() else steps_left()


def _parts(definition: Definition) -> list[Definition]:
    """The value set and all that it imports."""
    return [definition, *definition.all_imports()]


def _count_parts(blocks: Sequence[Block]) -> int:
    return len(blocks) + sum(map(_count_filters, blocks))


def _count_filters(block: Block) -> int:
    return len(block.node.get("filter", ()))


def _count_hierarchical_filters(block: Block) -> int:
    return sum(1 for filter_ in block.node.get("filter", ()) if filter_.get("op") in HIERARCHY)


def _steps_to_filter(block: Block) -> int:
    """The steps to test one code by all filters of a block."""
    hierarchical = _count_hierarchical_filters(block)
    return STEPS_OF_HIERARCHY * hierarchical + STEPS_OF_FILTER * (_count_filters(block) - hierarchical)


def _steps_to_exclude(block: Block) -> int:
    """The steps to test whether one code is in a block, without the value sets that it imports."""
    return STEPS_OF_EXCLUDE + _steps_to_filter(block)


class _Estimate:
    """The steps of one request, at most.

    ``search_steps``: the steps to search one code for a text, 0 if there is none. ``sizes``: the number of codes
    of each code system by its ``id``, counted once.
    """

    def __init__(self, search_steps: int = 0) -> None:
        self._search_steps = search_steps
        self.sizes: dict[int, int] = {}
        self._definition_sizes: dict[int, int] = {}
        self._membership_steps: dict[int, int] = {}

    def to_list(self, definition: Definition) -> int:
        """The steps to list one value set, after those that it imports."""
        to_exclude = sum(map(self._to_exclude, definition.excludes))
        to_include = sum(map(self._to_include, definition.includes))
        return to_include + to_exclude * self._definition_size(definition)

    def to_combine(self, block: Block) -> int:
        """The steps to make the set of codes of a block; 0 unless its code system is indexed."""
        if block.system is None or block.system.index is None:
            return 0
        size = self.size(block.system)
        scans = sum(map(_scans_codes, block.filters))
        sets = 1 + _count_filters(block) + self._search_steps
        return (
            (STEPS_OF_SET + size // CODES_OF_SET_PER_STEP) * sets
            + len(block.enumeration) * STEPS_OF_STORED_CODE
            + scans * STEPS_OF_FILTER * size
        )

    def to_walk(self, block: Block) -> int:
        """The steps to walk the hierarchy for the filters of a block; 0 if its code system is indexed."""
        hierarchical = _count_hierarchical_filters(block)
        if not hierarchical or block.system is None or block.system.index is not None:
            return 0
        return hierarchical * self.size(block.system)

    def size(self, system: CodeSystem) -> int:
        """The number of codes of a code system."""
        if id(system) not in self.sizes:
            self.sizes[id(system)] = _count_codes(system)
        return self.sizes[id(system)]

    def _to_include(self, block: Block) -> int:
        others = block.imports if block.system is not None else block.imports[1:]
        to_import = sum(map(self._to_test_membership, others))
        if block.system is not None and block.system.index is not None:
            return self._block_size(block) * (STEPS_OF_STORED_CODE + to_import)
        return self._block_size(block) * (1 + self._search_steps + _steps_to_filter(block) + to_import)

    def _to_exclude(self, block: Block) -> int:
        return _steps_to_exclude(block) + sum(map(self._to_test_membership, block.imports))

    def _to_test_membership(self, definition: Definition) -> int:
        """The steps to test whether one code is in a value set: it and all its imports are tested once."""
        if id(definition) not in self._membership_steps:
            blocks = (block for part in _parts(definition) for block in part.blocks())
            self._membership_steps[id(definition)] = sum(map(_steps_to_exclude, blocks))
        return self._membership_steps[id(definition)]

    def _block_size(self, block: Block) -> int:
        """The number of codes of an include before filters that scan them."""
        if block.is_enumerated:
            return len(block.enumeration)
        if block.system is not None:
            is_set = block.system.index is not None and not any(map(_scans_codes, block.filters))
            return len(block.concept_set) if is_set else self.size(block.system)
        return self._definition_size(block.imports[0]) if block.imports else 0

    def _definition_size(self, definition: Definition) -> int:
        """The number of codes of a value set: no code system contributes more codes than it has."""
        if id(definition) not in self._definition_sizes:
            blocks = _of_different_codes(definition.includes)
            self._definition_sizes[id(definition)] = sum(map(self._block_size, blocks))
        return self._definition_sizes[id(definition)]


def _of_different_codes(blocks: Iterable[Block]) -> list[Block]:
    """The blocks without those that read all codes of a code system, or import, that another one reads."""
    return list({_source(block): block for block in blocks}.values())


def _source(block: Block) -> int:
    if block.is_enumerated or (block.system is None and not block.imports):
        return id(block)
    return id(block.system) if block.system is not None else id(block.imports[0])


def _scans_codes(filter_: Filter) -> bool:
    """True if an indexed code system, too, must test every code or value for this filter."""
    return filter_.op in ("regex", "exists") or filter_.property in ("display", "definition")


def _count_codes(system: CodeSystem) -> int:
    """The number of codes that a code system lists; 0 if it can list none."""
    if system.index is not None:
        return len(cast("ConceptSet", system.select()))
    try:
        return sum(1 for _ in system.select())
    except TerminologyError:
        # It says why when its codes are listed for the answer.
        return 0
