"""Postings: for each term of a field, the numbers of the concepts that have it.

Concepts are added in the order of their numbers, so each list of numbers is sorted. Of a large code system only some
terms are in memory at a time, whatever its size.
"""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import IO, Any

from pyroaring import BitMap

from terminology.store.compile.runs import Runs
from terminology.store.schema import MANY_TERMS, PREFIX, WORD

# Field, term, serialized bitmap of concepts.
Posting = tuple[int, str, bytes]
# The concepts of each term: one number or, for several, an array.
_Terms = dict[str, "int | array[int]"]
# Up to this many numbers are not packed as ranges: it would not make them smaller.
SMALL = 4
# What terms may take in memory, in bytes; what a term and each number of a concept take there, about.
LIMIT = 40_000_000
_TERM, _NUMBER = 160, 6


class PostingsBuilder:
    """Collects the postings of a code system.

    Most terms belong to one concept, such as the term of its code: such a term has a number instead of an array.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """``file`` is a temporary file for the terms that take more than LIMIT."""
        self._terms: defaultdict[int, _Terms] = defaultdict(dict)
        self._with_words: set[int] = set()
        # By field, the terms that were put down.
        self._runs: defaultdict[int, Runs] = defaultdict(lambda: Runs(file))

    def add_words(self, field: int, words: set[str], ord_: int) -> None:
        """Add all words of a concept for a field of words; to be called once per concept and field."""
        self._with_words.add(field)
        terms = self._terms[field]
        for word in words:
            ords = terms.setdefault(word, ord_)
            if not isinstance(ords, int):
                ords.append(ord_)
            elif ords != ord_:
                terms[word] = array("I", (ords, ord_))

    def adder(self, field: int) -> Callable[[str, int], None]:
        """A function that adds a term of a concept to a field; adding it again does nothing."""
        terms = self._terms[field]

        def add(term: str, ord_: int) -> None:
            ords = terms.setdefault(term, ord_)
            if isinstance(ords, int):
                if ords != ord_:
                    terms[term] = array("I", (ords, ord_))
            elif ords[-1] != ord_:
                ords.append(ord_)

        return add

    def size(self, numbers: int) -> int:
        """About how many bytes the terms in memory take, if they have so many numbers of concepts."""
        return _TERM * sum(map(len, self._terms.values())) + _NUMBER * numbers

    def relieve(self, numbers: int) -> bool:
        """Put the terms down if they take more than the limit; whether they did. To be called between concepts."""
        if self.size(numbers) <= LIMIT:
            return False
        for field, terms in self._terms.items():
            if terms:
                self._runs[field].add(terms)
                terms.clear()
        return True

    def rows(self) -> Iterator[Posting]:
        """All postings in the order of their key. They are removed from the builder as they are yielded."""
        for field in sorted(self._terms):
            bitmaps = _bitmaps(self._runs[field].merged(self._terms.pop(field)))
            if field not in self._with_words:
                yield from ((field, term, ords.serialize()) for term, ords in bitmaps)
                continue
            prefixes = PrefixBuilder(self._runs[field + PREFIX - WORD])
            for word, ords in bitmaps:
                prefixes.add(word, ords)
                yield field, word, ords.serialize()
            yield from ((field + PREFIX - WORD, *row) for row in prefixes.rows())


def _bitmaps(lists: Iterable[list[tuple[str, Any]]]) -> Iterator[tuple[str, BitMap]]:
    """The terms with their concepts. Of a term that comes several times the concepts are put together."""
    for pairs in lists:
        terms: dict[str, Any] = {}
        for term, more in pairs:
            ords = terms.setdefault(term, more)
            if ords is not more:
                terms[term] = _in_bytes(ords) + _in_bytes(more)
        for term, ords in terms.items():
            bitmap = BitMap((ords,)) if isinstance(ords, int) else BitMap(array("I", ords))
            if len(bitmap) > SMALL:
                bitmap.run_optimize()
            yield term, bitmap


def _in_bytes(ords: Any) -> bytes:
    return ords.to_bytes(array("I").itemsize, sys.byteorder) if isinstance(ords, int) else bytes(ords)


class _Prefix:
    """The letters that some words have in common, by their number: how many words, and the sets of their concepts."""

    __slots__ = ("length", "count", "sets")

    def __init__(self, length: int, count: int, sets: list[BitMap]) -> None:
        self.length, self.count, self.sets = length, count, sets

    def add(self, other: _Prefix) -> None:
        self.count += other.count
        self.sets += other.sets


class PrefixBuilder:
    """Makes the postings of the beginnings of words, while the words are added in alphabetical order."""

    def __init__(self, runs: Runs) -> None:
        """``runs`` is for the postings that take more than LIMIT."""
        self._runs, self._size = runs, 0
        self._rows: dict[str, bytes] = {}
        self._last = ""
        # The prefixes of the last word that it has in common with earlier ones, and at last the word itself. Each has
        # the words that came since it was opened, except those that a longer one has.
        self._open: list[_Prefix] = []

    def add(self, word: str, ords: BitMap) -> None:
        """Add a word with its concepts."""
        self._close(_common_length(self._last, word))
        self._open.append(_Prefix(len(word), 1, [ords]))
        self._last = word

    def _close(self, length: int) -> None:
        """Finish the open prefixes that are longer than this; what they have belongs to one that is no longer."""
        opened = self._open
        while opened and opened[-1].length > length:
            prefix = opened.pop()
            shorter = max(length, opened[-1].length if opened else 0)
            if prefix.count > MANY_TERMS:
                union = BitMap.union(*prefix.sets)
                union.run_optimize()
                prefix.sets, content = [union], union.serialize()
                for end in range(shorter + 1, prefix.length + 1):
                    self._put(self._last[:end], content)
            if opened and opened[-1].length == shorter:
                opened[-1].add(prefix)
            elif shorter:
                prefix.length = shorter
                opened.append(prefix)

    def _put(self, prefix: str, ords: bytes) -> None:
        self._rows[prefix] = ords
        self._size += _TERM + len(ords)
        if self._size > LIMIT:
            self._runs.add(self._rows)
            self._rows, self._size = {}, 0

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """The prefixes of more than MANY_TERMS words, in alphabetical order, with serialized bitmaps."""
        self._close(0)
        return chain.from_iterable(self._runs.merged(self._rows))


def _common_length(one: str, other: str) -> int:
    """The number of letters with which both words begin."""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length
