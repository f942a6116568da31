"""Which codes are in a value set, one after the other?

The order is that of the definition, and within a block that of the enumeration or of the code system; it is
the same every time. A code that comes twice is listed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from terminology.core.documents import Listing
from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Concept, split_canonical
from terminology.core.texts import finder
from terminology.core.versions import fits, natural
from terminology.operations.value_set.definition import Block, Definition, Node
from terminology.systems.protocol import CodeSystem


@dataclass(slots=True)
class Member:
    """A concept with the block that brings it in."""

    concept: Concept
    block: Block

    @property
    def system(self) -> CodeSystem:
        assert self.block.system is not None
        return self.block.system


@dataclass(slots=True, frozen=True)
class Wanted:
    """Which members are asked for: ``text`` finds some of them, in ``languages`` (``CodeSystem.select``); the
    rest leaves some out.
    """

    text: str | None = None
    languages: Languages | None = None
    active_only: bool = False
    selectable_only: bool = False
    excluded_systems: Sequence[str] = ()

    def has_room_for(self, about: CodeSystemInfo) -> bool:
        """No: a whole code system is to be left out."""
        return not any(
            url == about.url and fits(about.version, version)
            for url, version in map(split_canonical, self.excluded_systems)
        )


ALL = Wanted()
Test = Callable[[Concept], bool]


def members(definition: Definition, wanted: Wanted = ALL) -> Iterator[Member]:
    """Walk through a value set. All its code systems must be here.

    Raises TerminologyError for filters that cannot be used, and code systems that cannot be listed.
    """
    return _Walk(wanted).through(definition, wanted)


@dataclass(slots=True)
class Part:
    """The number of all members, and some of them, to be read when they are wanted."""

    total: int
    read: Callable[[], list[Member]]


def walked_part(definition: Definition, wanted: Wanted, first: int, last: int) -> Part:
    """The members from ``first`` up to ``last``; only these are kept."""
    total = 0
    kept: list[Member] = []
    for member in members(definition, wanted):
        if first <= total < last:
            kept.append(member)
        total += 1
    return Part(total, lambda: kept)


def listed_part(definition: Definition, wanted: Wanted, first: int, last: int) -> Part | None:
    """The same of a definition that is nothing but long lists, which need not be read to be counted; None of
    another.
    """
    lists = _long_lists(definition, wanted)
    if lists is None:
        return None
    return Part(sum(len(codes) for _, codes in lists), lambda: _read(lists, first, last))


def _long_lists(definition: Definition, wanted: Wanted) -> list[tuple[Block, Sequence[str]]] | None:
    """The includes with the codes that they bring in, where all of them list the codes of a code system each,
    and so many that they lie elsewhere and need not be read to be counted.
    """
    if wanted.text or wanted.active_only or wanted.selectable_only or not definition.inactive:
        return None
    blocks = definition.includes
    if definition.excludes or len({block.url for block in blocks}) < len(blocks):
        return None
    lists: list[tuple[Block, Sequence[str]]] = []
    for block in blocks:
        if block.system is None or block.imports or block.filters or not isinstance(block.listed, Listing):
            return None
        if wanted.has_room_for(block.system.about):
            known = block.listed.known_to(block.system)
            if known is None:
                return None
            lists.append((block, known))
    return lists


def _read(lists: Sequence[tuple[Block, Sequence[str]]], first: int, last: int) -> list[Member]:
    total = 0
    page: list[Member] = []
    for block, codes in lists:
        wanted = codes[max(first - total, 0) : max(last - total, 0)]
        assert block.system is not None
        located = (block.system.locate(code) for code in wanted)
        page += [Member(concept, block) for concept in located if concept is not None]
        total += len(codes)
    return page


class _Walk:
    """One way through a value set and all that it imports; what is imported twice is walked once."""

    def __init__(self, sought: Wanted) -> None:
        self._sought = sought
        self._imported: dict[str, list[Member]] = {}

    def through(self, definition: Definition, wanted: Wanted) -> Iterator[Member]:
        seen: dict[tuple[str, str | None], set[str]] = {}
        for block in newest_first(definition.includes):
            if block.system is not None:
                yield from self._of_system(definition, wanted, block, seen)
            else:
                yield from self._of_imports(definition, wanted, block, seen)

    def _of_system(
        self, definition: Definition, wanted: Wanted, block: Block, seen: _Seen
    ) -> Iterator[Member]:
        """What the block chooses of its code system, as far as all that it imports has it, too."""
        assert block.system is not None
        about = block.system.about
        if not wanted.has_room_for(about):
            return
        tests = _tests(definition, wanted, block, about)
        codes = _codes(seen, definition, about)
        for concept in _concepts(block, self._sought):
            if concept.code not in codes and all(test(concept) for test in tests):
                codes.add(concept.code)
                yield Member(concept, block)

    def _of_imports(
        self, definition: Definition, wanted: Wanted, block: Block, seen: _Seen
    ) -> Iterator[Member]:
        """What is in all the value sets that the block imports."""
        for member in self._of_import(block.imports[0]) if block.imports else ():
            about = member.system.about
            code = member.concept.code
            codes = _codes(seen, definition, about)
            if code in codes or not wanted.has_room_for(about):
                continue
            if not all(other.holds(about.url, code, about.version) for other in block.imports[1:]):
                continue
            if all(test(member.concept) for test in _tests(definition, wanted, None, about)):
                codes.add(code)
                yield member

    def _of_import(self, definition: Definition) -> list[Member]:
        if definition.canonical not in self._imported:
            self._imported[definition.canonical] = list(self.through(definition, ALL))
        return self._imported[definition.canonical]


_Seen = dict[tuple[str, str | None], set[str]]


def _codes(seen: _Seen, definition: Definition, about: CodeSystemInfo) -> set[str]:
    """The codes that we had, of this version if versions are told apart."""
    return seen.setdefault((about.url, about.version if about.url in definition.split else None), set())


def _tests(definition: Definition, wanted: Wanted, block: Block | None, about: CodeSystemInfo) -> list[Test]:
    """What a concept must pass to be in the expansion; most value sets have no such tests."""
    tests: list[Test] = []
    if wanted.active_only or not definition.inactive:
        tests.append(lambda concept: not concept.inactive)
    if wanted.selectable_only:
        tests.append(lambda concept: not concept.abstract)
    if block is not None and block.imports:
        others = block.imports
        tests.append(lambda c: all(other.holds(about.url, c.code, about.version) for other in others))
    if definition.excludes:
        tests.append(lambda c: not definition.is_excluded(about.url, c.code, about.version))
    return tests


def newest_first(blocks: Sequence[Block]) -> list[Block]:
    """The blocks as they stand, but of several stated versions of a code system the newest first.

    So the newest says what a code is called where versions are not told apart.
    """
    places: dict[str | None, list[int]] = {}
    for place, block in enumerate(blocks):
        places.setdefault(block.url, []).append(place)
    ordered = list(blocks)
    for url, taken in places.items():
        if url is not None and len(taken) > 1:
            sorted_blocks = sorted((blocks[place] for place in taken), key=_age, reverse=True)
            for place, block in zip(taken, sorted_blocks, strict=True):
                ordered[place] = block
    return ordered


def _age(block: Block) -> tuple[object, ...]:
    return natural(block.stated) if block.stated else ()


def _concepts(block: Block, sought: Wanted) -> Iterator[Concept]:
    assert block.system is not None
    if not block.is_enumerated:
        yield from block.matching(sought.text, sought.languages)
        return
    found = block.system.select((), sought.text, sought.languages) if sought.text else None
    finds = finder(sought.text or "")
    for listed, concept in _located(block):
        if block.filters and concept.code not in block.selection:
            continue
        if found is None or concept.code in found or finds(said_by(listed)):
            yield concept


def _located(block: Block) -> Iterator[tuple[Node, Concept]]:
    """What a block lists, as far as the code system has it; from the store all at once."""
    assert block.system is not None
    codes = [listed.get("code", "") for listed in block.listed.values()]
    if block.system.index is not None:
        yield from ((block.listing(concept.code) or {}, concept) for concept in block.chosen)
        return
    for listed, code in zip(block.listed.values(), codes, strict=True):
        concept = block.system.locate(code)
        if concept is not None:
            yield listed, concept


def said_by(listed: Node) -> str:
    """What a value set says itself of a concept that it lists, in whatever language."""
    said = [listed.get("display", ""), *(d.get("value", "") for d in listed.get("designation", ()))]
    return "\n".join(said)
