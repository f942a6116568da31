"""Members of any value set, one concept after the other.

Includes come in the order of the definition; within one, the order is that of its enumeration or else of the
code system. It is the same every time. A code that comes twice is listed once. See ``members``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from terminology.core.budget import counted
from terminology.core.model import CodeSystemInfo, Concept
from terminology.core.texts import finder
from terminology.operations.limits import STEPS_OF_EXCLUDE
from terminology.operations.value_set.compose import Block, Definition, Node
from terminology.operations.value_set.members import (
    ALL_MEMBERS,
    Member,
    MemberPage,
    MemberQuery,
    in_order,
    own_text,
)
from terminology.systems.absent import listed_concept
from terminology.systems.protocol import CodeSystem

# The codes that were listed already, by code system and, if versions are told apart, version.
_ListedCodes = dict[tuple[str, str | None], set[str]]


def page_by_walking(definition: Definition, query: MemberQuery, first: int, last: int) -> MemberPage:
    """The members from ``first`` up to ``last``; only these are kept. Every code system must be known.

    Raises TerminologyError for filters that cannot be used, and for code systems that cannot be listed.
    """
    total = 0
    page: list[Member] = []
    for member in _ValueSetWalk(query).through(definition, query):
        if first <= total < last:
            page.append(member)
        total += 1
    return MemberPage(total, lambda: page)


class _ValueSetWalk:
    """One walk through a value set and its imports; a value set that is imported twice is walked through once."""

    def __init__(self, query: MemberQuery) -> None:
        # A text finds members of imports, too; the rest of the query applies to the outermost value set.
        self._search = query
        self._imports: dict[int, list[Member]] = {}

    def through(self, definition: Definition, query: MemberQuery) -> Iterator[Member]:
        listed: _ListedCodes = {}
        for block in in_order(definition.includes):
            if block.system is not None:
                yield from self._of_system(definition, query, block, listed)
            else:
                yield from self._of_imports(definition, query, block, listed)

    def _of_system(
        self, definition: Definition, query: MemberQuery, block: Block, listed: _ListedCodes
    ) -> Iterator[Member]:
        """The concepts of an include of a code system that are in all of its imports, too."""
        assert block.system is not None
        about = block.system.about
        if not query.allows_system(about):
            return
        tests = _tests(definition, query, block.system, block.imports)
        codes = _codes(listed, definition, about)
        steps = 1 + STEPS_OF_EXCLUDE * (len(definition.excludes) + len(block.imports))
        for concept in counted(_concepts(block, self._search), steps):
            key = block.key(concept.code)
            if key not in codes and all(test(concept) for test in tests):
                codes.add(key)
                yield Member(concept, block)

    def _of_imports(
        self, definition: Definition, query: MemberQuery, block: Block, listed: _ListedCodes
    ) -> Iterator[Member]:
        """The members that all imports of an include have, as the first import has them."""
        steps = 1 + STEPS_OF_EXCLUDE * (len(definition.excludes) + len(block.imports))
        for member in counted(self._of_import(block.imports[0]) if block.imports else (), steps):
            about = member.system.about
            code = member.concept.code
            codes = _codes(listed, definition, about)
            key = member.block.key(code)
            if key in codes or not query.allows_system(about):
                continue
            if not all(other.contains(about.url, code, about.version) for other in block.imports[1:]):
                continue
            if all(test(member.concept) for test in _tests(definition, query, member.system)):
                codes.add(key)
                yield member

    def _of_import(self, definition: Definition) -> list[Member]:
        if id(definition) not in self._imports:
            self._imports[id(definition)] = list(self.through(definition, ALL_MEMBERS))
        return self._imports[id(definition)]


def _codes(listed: _ListedCodes, definition: Definition, about: CodeSystemInfo) -> set[str]:
    version = about.version if about.url in definition.version_sensitive else None
    return listed.setdefault((about.url, version), set())


def _tests(
    definition: Definition, query: MemberQuery, system: CodeSystem, imports: Sequence[Definition] = ()
) -> list[Callable[[Concept], bool]]:
    """Each of them must be true of a member. Most value sets have none, so that nothing is called."""
    about = system.about
    tests: list[Callable[[Concept], bool]] = []
    if query.leaves_out_inactive(definition):
        tests.append(lambda concept: not concept.inactive)
    if query.only_concepts and about.has_expressions:
        is_expression = system.is_expression
        tests.append(lambda concept: not is_expression(concept.code))
    if query.selectable_only:
        tests.append(lambda concept: not concept.abstract)
    if imports:
        tests.append(lambda c: all(other.contains(about.url, c.code, about.version) for other in imports))
    if definition.excludes:
        tests.append(lambda c: not definition.is_excluded(about.url, c.code, about.version))
    return tests


def _concepts(block: Block, search: MemberQuery) -> Iterator[Concept]:
    """The concepts of an include that the text of the search finds, whatever its imports have.

    Of an enumerated concept, a text may be in the words of the value set as well as of the code system.
    """
    assert block.system is not None
    if not block.is_enumerated:
        yield from block.search(search.text, search.languages)
        return
    is_found = _text_test(block, search)
    for node, concept in _enumerated(block):
        if block.filters and concept.code not in block.selection:
            continue
        if is_found is None or is_found(node, concept):
            yield concept


def _text_test(block: Block, search: MemberQuery) -> Callable[[Node, Concept], bool] | None:
    """A test whether the text of the search finds an enumerated concept; None without a text."""
    assert block.system is not None
    if not search.text:
        return None
    is_in = finder(search.text)
    if block.is_absent and not block.system.supplements:
        return lambda node, concept: is_in(own_text(node)) or is_in(concept.code)
    matches = block.system.select((), search.text, search.languages)
    return lambda node, concept: is_in(own_text(node)) or concept.code in matches


def _enumerated(block: Block) -> Iterator[tuple[Node, Concept]]:
    """Each ``include.concept`` whose code the code system has; from the store, all are read at once.

    Codes that a fragment lacks are listed, too: the value set says that they exist.
    """
    assert block.system is not None
    if block.system.index is not None and not (block.lists_more_than_is_here or block.lists_expressions):
        yield from ((block.enumerated_concept(concept.code) or {}, concept) for concept in block.concept_set)
        return
    if block.is_absent:
        yield from ((node, listed_concept(node)) for node in block.enumeration.values())
        return
    for node in counted(block.enumeration.values()):
        concept = block.system.locate(node.get("code", ""))
        if concept is not None:
            yield node, concept
        elif block.may_list(node.get("code", "")):
            yield node, Concept(node.get("code", ""))
