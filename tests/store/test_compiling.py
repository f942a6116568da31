"""The parts of a compilation, compared with the same results computed in the simplest way."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from terminology.store.compile.order import ConceptOrder
from terminology.store.compile.postings import PostingsBuilder, PrefixBuilder
from terminology.store.compile.runs import Runs
from terminology.store.schema import MANY_TERMS, PREFIX, WORD
from terminology.store.temporary import temporary_file

COUNT = 12
PAIRS = st.sets(st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1)), max_size=30)
WORDS = st.dictionaries(
    st.text("ab1", min_size=1, max_size=7), st.sets(st.integers(0, 50), min_size=1), max_size=80
)
# Bytes of terms in memory: none, some, all.
LIMITS = st.sampled_from((0, 2_000, 1_000_000))


@contextmanager
def _at_most(limit: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("terminology.store.compile.postings.LIMIT", limit)
        yield


def _order(pairs: set[tuple[int, int]]) -> ConceptOrder:
    below, above = zip(*sorted(pairs), strict=True) if pairs else ((), ())
    return ConceptOrder(COUNT, array("I", below), array("I", above))


@given(PAIRS)
def test_below_a_concept_is_all_that_its_children_lead_to_also_in_a_circle(
    pairs: set[tuple[int, int]],
) -> None:
    order = _order(pairs)
    found = dict(order.descendants())
    for place in range(COUNT):
        reached: set[int] = set()
        new = {child for child, parent in pairs if parent == place}
        while new:
            reached |= new
            new = {child for child, parent in pairs if parent in new} - reached
        numbers = {order.ords[child] for child in reached}
        assert set(BitMap.deserialize(found[place]) if place in found else ()) == numbers


@given(PAIRS)
def test_parents_and_children_are_those_that_were_said(pairs: set[tuple[int, int]]) -> None:
    order = _order(pairs)
    assert sorted(order.places) == list(range(COUNT))
    for place in range(COUNT):
        assert {p for c, p in pairs if c == place} == set(order.parents[place] or ())
        assert sorted(c for c, p in pairs if p == place) == list(order.children[place] or ())


@given(WORDS, LIMITS)
def test_a_beginning_of_many_words_has_the_concepts_of_all_of_them(
    words: dict[str, set[int]], limit: int
) -> None:
    with _at_most(limit), temporary_file() as file:
        made = PrefixBuilder(Runs(file))
        for word in sorted(words):
            made.add(word, BitMap(words[word]))
        rows = list(made.rows())
    found = {term: set(BitMap.deserialize(ords)) for term, ords in rows}
    assert list(found) == sorted(found)
    beginnings = {word[:end] for word in words for end in range(1, len(word) + 1)}
    several = {b: [words[word] for word in words if word.startswith(b)] for b in beginnings}
    assert found == {b: set().union(*sets) for b, sets in several.items() if len(sets) > MANY_TERMS}


@given(st.lists(st.sets(st.text("ab", min_size=1, max_size=2)), max_size=30), LIMITS)
def test_a_word_has_the_concepts_that_it_was_said_of(concepts: list[set[str]], limit: int) -> None:
    with _at_most(limit), temporary_file() as file:
        made = PostingsBuilder(file)
        for ord_, words in enumerate(concepts):
            made.add_words(WORD, words, ord_)
            made.relieve(0)
            assert made.size(0) <= limit
        rows = [(field, term, set(BitMap.deserialize(ords))) for field, term, ords in made.rows()]
    found = {term: ords for field, term, ords in rows if field == WORD}
    every = set().union(*concepts)
    assert found == {word: {n for n, words in enumerate(concepts) if word in words} for word in every}
    assert [row[:2] for row in rows] == sorted(row[:2] for row in rows)
    assert {field for field, _, _ in rows} <= {WORD, PREFIX}
