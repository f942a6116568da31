"""Chains of two maps through a third code system, for codes that no map leads from to the target system.

The relationship of a chain follows from its two maps: if one is ``equivalent``, it is that of the other map; if both
are the same, it is that one; else it is ``related-to``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from terminology.catalogue.concept_map import ConceptMap
from terminology.core import issues
from terminology.core.model import Coding
from terminology.operations.limits import MOST_CHAINS
from terminology.operations.translate.model import Match, TranslateQuery

# The matches for a subject of a query in a map.
Matches = Callable[[TranslateQuery, Coding, ConceptMap], Iterator[Match]]


def middle_systems(
    query: TranslateQuery, maps: Sequence[ConceptMap], far_systems: Collection[str]
) -> list[str]:
    """The code systems that maps lead to from a subject, and from which maps lead to a far system; sorted.

    None if a map leads from a subject to a far system.
    """
    subjects = {subject.system for subject in query.subjects}
    groups = [g for map_ in maps if not (query.reverse and map_.is_one_way) for g in map_.groups]
    first = {query.far(group).system for group in groups if query.near(group).system in subjects}
    if not first.isdisjoint(far_systems) and query.far_system is None:
        return []
    second = {query.near(group).system for group in groups if query.far(group).system in far_systems}
    return sorted(system for system in first & second if system is not None and system not in subjects)


def chained(
    query: TranslateQuery, maps: Sequence[ConceptMap], far_systems: Collection[str], matches: Matches
) -> Iterator[Match]:
    """The matches of chains through each middle system, at most MOST_CHAINS of them."""
    count = 0
    for middle in middle_systems(query, maps, far_systems):
        first_query = replace(query, far_system=middle, far_version=None, far_scope=None)
        second_query = replace(query, near_system=middle, near_scope=None)
        for subject in query.subjects:
            for first in _positive(
                first_query, subject, _leading(query, maps, subject.system, [middle]), matches
            ):
                between = _answer_of(first, query)
                onward = _leading(query, maps, middle, far_systems)
                for second in _positive(second_query, between, onward, matches):
                    yield _chain(query, subject, between, first, second)
                    count += 1
                    if count == MOST_CHAINS:
                        return


def _leading(
    query: TranslateQuery, maps: Sequence[ConceptMap], near: str | None, far: Collection[str]
) -> list[ConceptMap]:
    return [
        m for m in maps if any(query.near(g).system == near and query.far(g).system in far for g in m.groups)
    ]


def _positive(
    query: TranslateQuery, subject: Coding, maps: Sequence[ConceptMap], matches: Matches
) -> Iterator[Match]:
    return (match for map_ in maps for match in matches(query, subject, map_) if match.is_positive)


def _answer_of(match: Match, query: TranslateQuery) -> Coding:
    answer = match.source if query.finds_sources else match.concept
    assert answer is not None, "a positive match has an answer"
    return replace(answer, display=None)


def _chain(query: TranslateQuery, subject: Coding, between: Coding, first: Match, second: Match) -> Match:
    """One match of two; its comment names each hop."""
    hops = [
        (subject, first.relationship, between, first.origin.canonical),
        (between, second.relationship, _answer_of(second, query), second.origin.canonical),
    ]
    return replace(
        second,
        subject=subject,
        concept=first.concept if query.finds_sources else second.concept,
        relationship=_composed(first.relationship, second.relationship),
        word=None,
        comment=issues.chain_of_maps([(str(a), word or "", str(b), map_) for a, word, b, map_ in hops]),
        depends_on=[*first.depends_on, *second.depends_on],
        via=[*first.via, first.origin, *second.via],
    )


def _composed(first: str | None, second: str | None) -> str | None:
    """The relationship that follows from two: the weaker one."""
    if first == "equivalent" or first == second:
        return second
    return first if second == "equivalent" else "related-to"
