"""The description filters of an expression (``{{ D … }}``), evaluated.

Each combination of type, language, module, day and dialects that descriptions have is a signature with a
number. The importer of RF2 keeps, as terms of the store, the concepts that have a description of each number,
and the signatures themselves::

    12|900000000000013009|en|900000000000207008|20020131|900000000000509007+|900000000000508004-

(number, type, language, module, day, ``!`` if it is inactive, and the language reference sets that prefer ``+`` or
accept ``-`` it).
So everything except the text and the identifier is answered from sets. For a text, the words give the concepts that may
have it; these are read, and ``OWN`` of each has the number of each of its texts. An identifier gives the concept, and
the place of the description in ``OWN``.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import TerminologyError
from terminology.core.model import Issue
from terminology.core.texts import words
from terminology.store.identifiers import PartOfConcept, find
from terminology.store.packing import DEFINITION, DESIGNATIONS, OWN, line_of
from terminology.systems.snomed.ecl.expression import (
    ByActive,
    ByDialect,
    ByIdentifier,
    ByLanguage,
    ByModule,
    ByTerm,
    ByTime,
    ByType,
    Constraint,
    DescriptionFilter,
    Dialect,
    Focus,
    holds,
)
from terminology.systems.snomed.ecl.term_search import beginning_with, may_have, test_of
from terminology.systems.snomed.identifiers import ACCEPTABLE, DESCRIPTION, NO_LONGER, PREFERRED, SIGNATURE
from terminology.systems.snomed.release_index import ReleaseIndex

if TYPE_CHECKING:
    from pyroaring import BitMap

# The number of concepts whose descriptions may be read for one filter.
MOST_READ = 100_000
# The steps to compare the descriptions of a concept with one text.
_STEPS_OF_TEXT = 10
# Up to this many concepts are read directly: searching for words takes longer.
FEW = 500
IMPORTED_EARLIER = "a description by its identifier, in a release that an earlier version has imported,"
_ACCEPTABILITY = {"+": PREFERRED, "-": ACCEPTABLE}

# Gives the codes of the concepts that satisfy a constraint.
CodesOf = Callable[[Constraint], frozenset[str]]


@dataclass(slots=True, frozen=True)
class Signature:
    """Everything about a description except its text.

    ``dialects`` has the acceptability by language reference set.
    """

    number: int
    type: str
    language: str
    module: str
    time: str
    dialects: dict[str, str]
    active: bool = True

    @staticmethod
    def read(term: str) -> Signature:
        number, type_, language, module, time, *dialects = term.split("|")
        active = NO_LONGER not in dialects
        dialects = dialects if active else dialects[1:]
        accepted = {dialect[:-1]: _ACCEPTABILITY[dialect[-1]] for dialect in dialects}
        return Signature(int(number), type_, language, module, time, accepted, active)


class Descriptions:
    """The descriptions of one version of SNOMED CT."""

    def __init__(self, release: ReleaseIndex) -> None:
        self._release = release

    @cached_property
    def signatures(self) -> list[Signature]:
        return [Signature.read(term) for term, _ in self._release.terms(SIGNATURE)]

    @cached_property
    def former(self) -> dict[int, Signature]:
        """The signatures of inactive descriptions, by their numbers."""
        return {signature.number: signature for signature in self.signatures if not signature.active}

    def having(
        self, of: BitMap, filters: Sequence[DescriptionFilter], codes: CodesOf, expression: str
    ) -> BitMap:
        """The concepts among ``of`` that have a description which passes all the filters.

        Raises TerminologyError when too many would have to be read; ``expression`` is for the message.
        """
        identifiers = [f for f in filters if isinstance(f, ByIdentifier)]
        if identifiers:
            others = [f for f in filters if not isinstance(f, ByIdentifier)]
            return self._identified(of, identifiers, others, codes, expression)
        numbers, only_active = self._numbers(filters, codes)
        by_text_alone = all(isinstance(f, ByTerm | ByActive) for f in filters)
        candidates = of & self._release.having(DESCRIPTION, map(str, numbers))
        terms = [filter_ for filter_ in filters if isinstance(filter_, ByTerm)]
        if not terms:
            return candidates
        if by_text_alone and only_active and (exact := self._of_one_word(terms)) is not None:
            return candidates & exact
        return self._reading(candidates, terms, numbers, expression, only_active)

    def _numbers(self, filters: Sequence[DescriptionFilter], codes: CodesOf) -> tuple[set[int], bool]:
        """The signatures that pass all filters but those on texts, and whether only active ones can."""
        tests = [_TESTS[type(f)](f, codes) for f in filters if not isinstance(f, ByTerm)]
        only_active = not any(isinstance(f, ByActive) and f.active is not True for f in filters)
        tests += [lambda signature: signature.active] if only_active and self.former else []
        return {s.number for s in self.signatures if all(test(s) for test in tests)}, only_active

    def _identified(
        self,
        of: BitMap,
        identifiers: Sequence[ByIdentifier],
        others: Sequence[DescriptionFilter],
        codes: CodesOf,
        expression: str,
    ) -> BitMap:
        """The concepts among ``of`` with a description that the filters on identifiers and all others accept."""
        chosen = [self._parts(filter_, expression) for filter_ in identifiers if filter_.is_equal]
        excludes = [self._parts(filter_, expression) for filter_ in identifiers if not filter_.is_equal]
        excluded = set().union(*excludes)
        numbers, _ = self._numbers(others, codes)
        tests = [_term_test(filter_) for filter_ in others if isinstance(filter_, ByTerm)]
        if chosen:
            parts = set.intersection(*chosen) - excluded
            return self._with_parts(of, parts, lambda part: part in parts, numbers, tests)
        some = self.having(of, others, codes, expression)
        concepts = self._release.set_of(part.ord for part in excluded)
        return (some - concepts) | self._with_parts(
            some, excluded, lambda part: part not in excluded, numbers, tests
        )

    def _parts(self, filter_: ByIdentifier, expression: str) -> set[PartOfConcept]:
        """The descriptions with these identifiers. Raises TerminologyError for one that the release does not have."""
        artifact = self._release.artifact
        parts = find((int(description.id) for description in filter_.descriptions), artifact.part)
        if parts is None:
            at = filter_.descriptions[0].at
            raise TerminologyError(issues.expression_not_supported(expression, at, IMPORTED_EARLIER))
        for description in filter_.descriptions:
            if int(description.id) not in parts:
                raise TerminologyError(self._no_such(description, expression))
        return set(parts.values())

    def _no_such(self, description: Focus, expression: str) -> Issue:
        return issues.no_such_description(expression, description.at, description.id, self._release.about)

    def _with_parts(
        self,
        of: BitMap,
        parts: Iterable[PartOfConcept],
        accepts: Callable[[PartOfConcept], bool],
        numbers: set[int],
        tests: Sequence[Callable[[str], bool]],
    ) -> BitMap:
        """The concepts of some parts, among ``of``, that have an accepted description which passes the tests."""
        artifact = self._release.artifact
        concepts = of & self._release.set_of(part.ord for part in parts)
        having = []
        for row in counted(artifact.concepts(concepts) if concepts else (), _STEPS_OF_TEXT):
            lines = artifact.unpack.lines(row.body)
            accepted = {
                place
                for place, (number, _) in enumerate(line_of(lines, OWN) or ())
                if number in numbers and accepts(PartOfConcept(row.ord, place))
            }
            if any(_passes(text, tests) for text in _texts(lines, numbers, accepted)):
                having.append(row.ord)
        return self._release.set_of(having)

    def _of_one_word(self, terms: Sequence[ByTerm]) -> BitMap | None:
        """The answer from the index of words alone; None where it is not enough.

        It is enough for single words that cannot begin a code.
        """
        if len(terms) > 1 or not terms[0].is_equal:
            return None
        searches = [words(text.text) for text in terms[0].texts]
        kinds = {text.kind for text in terms[0].texts}
        if kinds != {"match"} or any(len(w) > 1 or w[0][0].isdigit() for w in searches):
            return None
        return self._release.artifact.union(beginning_with(self._release, w[0]) for w in searches)

    def _reading(
        self, of: BitMap, terms: Sequence[ByTerm], numbers: set[int], expression: str, only_active: bool
    ) -> BitMap:
        """The words of inactive descriptions are not in the index, so that all of these are read."""
        for term in terms if only_active else ():
            if term.is_equal and len(of) > FEW:
                candidates = may_have(self._release, term.texts)
                of = of if candidates is None else of & candidates
        if len(of) > MOST_READ:
            raise TerminologyError(issues.expression_reads_too_much(expression, len(of), MOST_READ))
        tests = [_term_test(term) for term in terms]
        artifact = self._release.artifact
        steps = _STEPS_OF_TEXT * (1 + sum(len(term.texts) for term in terms))
        read = ((row.ord, artifact.unpack.lines(row.body)) for row in counted(artifact.concepts(of), steps))
        return artifact.set_of(
            ord_ for ord_, lines in read if any(_passes(text, tests) for text in _texts(lines, numbers))
        )


def _passes(text: str, tests: Sequence[Callable[[str], bool]]) -> bool:
    return all(test(text) for test in tests)


def _texts(lines: Sequence[bytes], numbers: set[int], places: Container[int] | None = None) -> Iterable[str]:
    """The texts of the descriptions that have one of these numbers, and one of these places, if there are any."""
    texts = [
        text
        for place, (number, text) in enumerate(line_of(lines, OWN) or ())
        if number in numbers and (places is None or place in places)
    ]
    designations = line_of(lines, DESIGNATIONS) if any(not isinstance(text, str) for text in texts) else ()
    for text in texts:
        if isinstance(text, str):
            yield text
        else:
            yield line_of(lines, DEFINITION) if text < 0 else designations[text][0]


def _term_test(term: ByTerm) -> Callable[[str], bool]:
    test = test_of(term.texts)
    return test if term.is_equal else lambda text: not test(text)


# -- tests of a signature -----------------------------------------------------------------------

Test = Callable[[Signature], bool]


def _among(is_equal: bool, values: frozenset[str], of: Callable[[Signature], str]) -> Test:
    return lambda signature: (of(signature) in values) == is_equal


def _dialect_test(filter_: ByDialect, codes: CodesOf) -> Test:
    dialects = [(codes(dialect.refset), _accepted(dialect)) for dialect in filter_.dialects]

    def test(signature: Signature) -> bool:
        return filter_.is_equal == any(
            refset in refsets and acceptability in accepted
            for refsets, accepted in dialects
            for refset, acceptability in signature.dialects.items()
        )

    return test


def _accepted(dialect: Dialect) -> tuple[str, ...]:
    return dialect.acceptability or (PREFERRED, ACCEPTABLE)


def _time_test(filter_: ByTime, codes: CodesOf) -> Test:
    return lambda signature: time_holds(filter_, signature.time)


def time_holds(filter_: ByTime, time: str) -> bool:
    """Does the comparison hold for one of the days? ``!=`` holds where it is none of them.

    "" is the time of an unpublished component, which is neither before nor after any day.
    """
    if filter_.comparison == "!=":
        return time not in filter_.times
    if "=" in filter_.comparison and time in filter_.times:
        return True
    return bool(time) and any(holds(filter_.comparison, time, other) for other in filter_.times if other)


_TESTS: dict[type, Callable[[Any, CodesOf], Test]] = {
    ByType: lambda f, codes: _among(f.is_equal, codes(f.types), lambda s: s.type),
    ByLanguage: lambda f, codes: _among(f.is_equal, frozenset(f.languages), lambda s: s.language),
    ByModule: lambda f, codes: _among(f.is_equal, codes(f.modules), lambda s: s.module),
    ByTime: _time_test,
    ByDialect: _dialect_test,
    ByActive: lambda f, codes: lambda s: f.active is None or s.active == f.active,
}
