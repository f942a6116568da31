"""The relation of two value sets by what their definitions say, without the codes.

Definitions decide it, of one code system, where

* both say the same, in whatever order, themselves or in value sets that they import;
* only one of them says anything of the code system;
* both choose a concept with all below it (``is-a``), and one of the two concepts is above the other.
"""

from __future__ import annotations

from collections.abc import Hashable

from terminology.catalogue.protocol import Catalogue
from terminology.core.budget import counted
from terminology.core.documents import Listing
from terminology.core.errors import OverBudgetError
from terminology.operations.limits import STEPS_OF_BLOCK
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.relation import NOTHING, Relation
from terminology.operations.value_set.relation_by_codes import PartCodes
from terminology.operations.value_set.system_part import SystemPart, plain_includes


class Meanings:
    """What definitions say, so that it can be compared: equal for definitions that say the same."""

    def __init__(self) -> None:
        self._of_imports: dict[int, Hashable] = {}

    def of(self, block: Block) -> Hashable:
        """The meaning of an include or exclude."""
        codes: Hashable = None
        if block.is_enumerated:
            in_store = isinstance(block.enumeration, Listing)
            codes = id(block.node) if in_store else frozenset(block.enumeration)
        imports = frozenset(map(self._of_import, block.imports))
        return block.url, _version(block), codes, frozenset(block.filters), imports

    def _of_import(self, definition: Definition) -> Hashable:
        # A value set that is imported over and over is read once.
        if id(definition) not in self._of_imports:
            includes = frozenset(map(self.of, counted(plain_includes(definition), STEPS_OF_BLOCK)))
            excludes = frozenset(map(self.of, definition.excludes))
            unclosed = tuple(definition.unclosed)
            self._of_imports[id(definition)] = includes, excludes, definition.includes_inactive, unclosed
        return self._of_imports[id(definition)]


def _version(block: Block) -> Hashable:
    """The code system of a block in the version in use; if it is unknown, in the version that is looked for."""
    if block.system is None:
        return "unknown", block.choice.version
    about = block.system.about
    return about.version, tuple(block.system.supplements), about.is_absent, id(about.document)


def by_definitions(
    this: SystemPart, other: SystemPart, meanings: Meanings, catalogue: Catalogue
) -> Relation | None:
    """The relation, or None if only the codes can tell.

    Raises TerminologyError for a code system or filter that cannot be used.
    """
    if not this.plain_includes and not other.plain_includes:
        return NOTHING
    if not other.plain_includes:
        return Relation(False, _has_code(this, catalogue), False)
    if not this.plain_includes:
        return Relation(False, False, _has_code(other, catalogue))
    if _says(this, meanings) == _says(other, meanings):
        # Where it is not known whether there is a code at all, the value sets are still the same.
        return NOTHING if _has_code(this, catalogue) is False else Relation(True, False, False)
    return _by_subsumption(this, other)


def _says(part: SystemPart, meanings: Meanings) -> Hashable:
    includes, excludes = (frozenset(map(meanings.of, each)) for each in (part.plain_includes, part.excludes))
    definition = part.definition
    return (
        includes,
        excludes,
        definition.includes_inactive,
        tuple(definition.unclosed),
        definition.parameter("versionsMatch"),
    )


def is_enumerated(part: SystemPart) -> bool:
    """Whether a value set only enumerates codes of the code system, so that nothing else decides about them."""
    is_plain = not part.excludes and part.definition.includes_inactive and not part.definition.unclosed
    return is_plain and all(map(_only_lists, part.plain_includes))


def _only_lists(block: Block) -> bool:
    return block.is_enumerated and not block.node.get("filter") and not block.imports


def _by_subsumption(this: SystemPart, other: SystemPart) -> Relation | None:
    one, two = _top_concept(this), _top_concept(other)
    if one is None or two is None or _version(one[0]) != _version(two[0]):
        return None
    (block, code), (_, other_code) = one, two
    system = block.system
    assert system is not None
    is_above, is_below = system.subsumes(code, other_code), system.subsumes(other_code, code)
    if is_above == is_below:
        return None  # not related, or above each other in a circle
    return Relation(True, is_above, is_below)


def _top_concept(part: SystemPart) -> tuple[Block, str] | None:
    """The only include and a concept, if the part is this concept and all below it, and nothing else."""
    if part.excludes or not part.definition.includes_inactive or len(part.plain_includes) != 1:
        return None
    block = part.plain_includes[0]
    if block.is_enumerated or block.imports or block.system is None or len(block.filters) != 1:
        return None
    filter_ = block.filters[0]
    if filter_.op != "is-a" or filter_.property not in ("concept", "code"):
        return None
    _ = block.selection  # refused where the hierarchy is not one of is-a
    concept = block.system.locate(filter_.value)
    return None if concept is None else (block, concept.code)


def _has_code(part: SystemPart, catalogue: Catalogue) -> bool | None:
    """Whether a value set has a code of the code system; None where that is unknown, or would take too long.

    An unknown code system has codes, but perhaps none that passes a filter.
    """
    unknown = [block for block in part.includes if block.system is None]
    if unknown:
        is_whole = not part.excludes and any(not b.filters and not b.imports for b in unknown)
        return True if is_whole and part.definition.includes_inactive else None
    try:
        is_empty = PartCodes(part, catalogue).is_empty()
    except OverBudgetError:
        return None
    return None if is_empty is None else not is_empty
