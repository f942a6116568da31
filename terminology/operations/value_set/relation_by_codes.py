"""The relation of two value sets by the codes of one code system that they have.

In a code system with an index (``CodeSystem.index``) these are sets that are combined and counted without being read.
All others are listed, and a code that one value set lists and the other does not is looked for in the other: that may
have more than it can list, because of a grammar or a fragment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import TerminologyError
from terminology.operations.limits import STEPS_OF_BLOCK
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.expand_by_sets import concepts_in
from terminology.operations.value_set.open_blocks import open_blocks
from terminology.operations.value_set.relation import Relation
from terminology.operations.value_set.system_part import SystemPart
from terminology.operations.value_set.usable import require_usable
from terminology.systems.code_shapes import may_be_elsewhere
from terminology.systems.protocol import CodeSystem, ConceptSet


class PartCodes:
    """The codes of a part of a value set.

    ``concepts`` are those of a code system with an index, or None; ``codes`` all others that can be listed, by key.
    """

    def __init__(self, part: SystemPart, catalogue: Catalogue) -> None:
        """Raises TerminologyError for a code system or filter that cannot be used."""
        self._part = part
        for block in counted(part.blocks, STEPS_OF_BLOCK):
            require_usable(catalogue, block)
        # Why codes cannot be listed at all.
        self._unlisted: list[str] = []
        self.concepts = concepts_in(part.definition, part.blocks) if part.has_one_version else None
        candidates = self._candidates if self.concepts is None else self._beyond_index
        self.codes = {
            _key(block, code): code
            for block in part.includes
            for code in counted(candidates(block))
            if part.contains(code)
        }

    @property
    def all_codes(self) -> dict[str, str]:
        """The concepts and the codes by their keys. Every concept is read."""
        if self.concepts is None:
            return self.codes
        key = self._part.includes[0].key
        return {**{key(concept.code): concept.code for concept in self.concepts}, **self.codes}

    @cached_property
    def gaps(self) -> list[str]:
        """Why there may be more codes than are listed; expressions, which no list has, are none of them."""
        reasons = (_why_open(block) for block in self._open if not _lacks_expressions_only(block))
        return list(dict.fromkeys([*self._part.gaps, *reasons, *self._unlisted]))

    @property
    def leaves_out_expressions(self) -> bool:
        """Whether expressions may be members that are not listed."""
        return any(map(_lacks_expressions_only, self._open))

    @property
    def knows_its_codes(self) -> bool:
        """Whether it can say of each code whether it has it; a stored expansion with a part of the codes cannot."""
        return not self._part.gaps

    @property
    def is_infinite(self) -> bool:
        """Whether there are certainly infinitely many."""
        part = self._part
        includes = (block for block in part.plain_includes if block.url is not None and not block.imports)
        return all(block.is_enumerated for block in part.excludes) and any(b.is_infinite for b in includes)

    def has_unlisted(self, code: str) -> bool | None:
        """Whether it has a code that it does not list; None where nobody knows, because it has a part of the codes."""
        if not self.gaps and not any(_system(block).is_expression(code) for block in self._open):
            return False
        if self._part.contains(code):
            return True
        return (
            False
            if self.knows_its_codes and not any(_may_lack(block, code) for block in self._open)
            else None
        )

    def is_empty(self) -> bool | None:
        """Whether it has no code; None where that is not known."""
        if self.concepts or self.codes or self.is_infinite:
            return False
        return None if self.gaps else True

    # -- how codes are listed ----------------------------------------------------------------

    def _candidates(self, block: Block) -> Iterable[str]:
        """Codes that an include may bring in: all of its own that can be listed, or else those of an import."""
        if block.is_enumerated:
            return map(self._as_located(block), _written(block))
        selection = block.selection
        if block.imports and _system(block).about.is_infinite:
            bounds = next((i for i in block.imports if not self._open_in(i)), block.imports[0])
            inner = (other for other in bounds.system_includes() if other.url == block.url)
            return (code for other in inner for code in self._candidates(other))
        try:
            return [concept.code for concept in counted(selection)]
        except TerminologyError as error:
            self._unlisted.append(str(error))
            return ()

    def _beyond_index(self, block: Block) -> Iterator[str]:
        """The codes that an include lists, and that the index of its code system lacks."""
        if block.lists_more_than_is_here:
            beyond = block.concept_set - _system(block).select()
            yield from (concept.code for concept in beyond)
        if block.lists_expressions:
            locate, is_expression = self._as_located(block), _system(block).is_expression
            yield from (locate(code) for code in _written(block) if is_expression(code))

    @staticmethod
    def _as_located(block: Block) -> Callable[[str], str]:
        """A function that gives a code as the code system writes it; one that it lacks, as it stands."""

        def located(code: str) -> str:
            concept = _system(block).locate(code)
            return code if concept is None else concept.code

        return located

    @cached_property
    def _open(self) -> list[Block]:
        """The includes that list only some of their codes."""
        return self._open_in(self._part.definition)

    def _open_in(self, definition: Definition) -> list[Block]:
        return open_blocks(definition, lambda block: self._part.has(block) and _is_open(block))


def _key(block: Block, code: str) -> str:
    """A code as codes are compared: expressions by their meaning, others perhaps without their case."""
    system = _system(block)
    return system.expression_key(code) if system.is_expression(code) else block.key(code)


def _written(block: Block) -> Iterator[str]:
    """The codes that an include enumerates, as it writes them."""
    return (node.get("code", "") for node in block.enumeration.values())


def _system(block: Block) -> CodeSystem:
    assert block.system is not None
    return block.system


def _is_open(block: Block) -> bool:
    return _system(block).about.is_fragment or block.selection.unclosed is not None


def _lacks_expressions_only(block: Block) -> bool:
    about = _system(block).about
    return about.has_expressions and not about.is_fragment and not about.is_infinite


def _may_lack(block: Block, code: str) -> bool:
    """Whether a fragment may lack a code that the code system has."""
    system = _system(block)
    return may_be_elsewhere(system.about, code) and system.locate(code) is None


def _why_open(block: Block) -> str:
    about = _system(block).about
    return issues.fragment_is_unclosed(about) if about.is_fragment else block.selection.unclosed or ""


# -- the comparison ------------------------------------------------------------------------------


@dataclass(slots=True)
class CodeList:
    """Some codes of one code system: a set of concepts, and further codes."""

    concepts: ConceptSet | None = None
    codes: Sequence[str] = ()
    is_sorted: bool = False

    def __len__(self) -> int:
        return (0 if self.concepts is None else len(self.concepts)) + len(self.codes)

    def first(self, most: int) -> list[str]:
        """The first codes; only these are read."""
        concepts = [] if self.concepts is None else self.concepts[:most]
        codes = [*(concept.code for concept in concepts), *self.codes][:most]
        return sorted(codes) if self.is_sorted else codes


@dataclass(slots=True)
class Comparison:
    """The codes of one code system in both value sets, only in this one (missing), and only in the other (extra).

    ``gaps`` say why there may be more, of this value set and of the other. ``leaves_out_expressions``: there may be
    members that are expressions, which are not compared.
    """

    relation: Relation
    common: CodeList
    missing: CodeList
    extra: CodeList
    gaps: tuple[Sequence[str], Sequence[str]]
    leaves_out_expressions: bool


def compare(this: PartCodes, other: PartCodes) -> Comparison:
    """The codes of two value sets in one code system, compared."""
    common, missing, extra = CodeList(), CodeList(), CodeList()
    one, two = this.concepts, other.concepts
    know = this.knows_its_codes and other.knows_its_codes
    if know and one is not None and two is not None and one.index is two.index:
        common.concepts, missing.concepts, extra.concepts = one & two, one - two, two - one
        codes, others = this.codes, other.codes
    else:
        codes, others = this.all_codes, other.all_codes
    own, theirs = _search_in(codes, others, other), _search_in(others, codes, this)
    common.codes = list((own.present | theirs.present).values())
    missing.codes, extra.codes = own.absent, theirs.absent
    is_doubtful = own.is_doubtful or theirs.is_doubtful or bool(this.gaps and other.gaps)
    relation = Relation(
        common=_known(bool(common), is_doubtful),
        missing=_known(
            bool(missing) or (this.is_infinite and not other.gaps), own.is_doubtful or bool(this.gaps)
        ),
        extra=_known(
            bool(extra) or (other.is_infinite and not this.gaps), theirs.is_doubtful or bool(other.gaps)
        ),
    )
    leaves_out_expressions = this.leaves_out_expressions or other.leaves_out_expressions
    return Comparison(relation, common, missing, extra, (this.gaps, other.gaps), leaves_out_expressions)


@dataclass(slots=True)
class _Search:
    """The codes of one value set that another one has, by key, and those that it has not; some may be in doubt."""

    present: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    is_doubtful: bool = False


def _search_in(codes: Mapping[str, str], others: Mapping[str, str], other: PartCodes) -> _Search:
    search = _Search()
    for key, code in codes.items():
        is_there = True if key in others else other.has_unlisted(code)
        if is_there:
            search.present[key] = code
        elif is_there is None:
            search.is_doubtful = True
        else:
            search.absent.append(code)
    return search


def _known(is_there: bool, is_doubtful: bool) -> bool | None:
    return True if is_there else None if is_doubtful else False
