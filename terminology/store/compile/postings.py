"""Postings: for each term of a field, the numbers of the concepts that have it.

Concepts are added in the order of their numbers, so each list of numbers is sorted.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator

from pyroaring import BitMap

from terminology.store.schema import MANY_TERMS, PREFIX, WORD

# Field, term, serialized bitmap of concepts.
Posting = tuple[int, str, bytes]
# The concepts of each term: one number or, for several, an array.
_Terms = dict[str, "int | array[int]"]
# Up to this many numbers are not packed as ranges: it would not make them smaller.
SMALL = 4


class PostingsBuilder:
    """Collects the postings of a code system.

    Most terms belong to one concept, such as the term of its code: such a term has a number instead of an array.
    """

    def __init__(self) -> None:
        self._words: defaultdict[int, _Terms] = defaultdict(dict)
        self._fields: dict[int, _Terms] = {}

    def add_words(self, field: int, words: set[str], ord_: int) -> None:
        """Add all words of a concept for a field of words; to be called once per concept and field."""
        terms = self._words[field]
        for word in words:
            ords = terms.setdefault(word, ord_)
            if not isinstance(ords, int):
                ords.append(ord_)
            elif ords != ord_:
                terms[word] = array("I", (ords, ord_))

    def adder(self, field: int) -> Callable[[str, int], None]:
        """A function that adds a term of a concept to a field; adding it again does nothing."""
        terms = self._fields.setdefault(field, {})

        def add(term: str, ord_: int) -> None:
            ords = terms.setdefault(term, ord_)
            if isinstance(ords, int):
                if ords != ord_:
                    terms[term] = array("I", (ords, ord_))
            elif ords[-1] != ord_:
                ords.append(ord_)

        return add

    def rows(self) -> Iterator[Posting]:
        """All postings in the order of their key. They are removed from the builder as they are yielded."""
        for field in sorted({*self._words, *self._fields}):
            for term, ords in _bitmaps(self._fields.pop(field, {})):
                yield field, term, ords.serialize()
            yield from self._word_rows(field)

    def _word_rows(self, field: int) -> Iterator[Posting]:
        prefixes = PrefixBuilder()
        for word, ords in _bitmaps(self._words.pop(field, {})):
            prefixes.add(word, ords)
            yield field, word, ords.serialize()
        yield from ((field + PREFIX - WORD, *row) for row in prefixes.rows())


def _bitmaps(terms: _Terms) -> Iterator[tuple[str, BitMap]]:
    """The terms in alphabetical order with their concepts, removed one by one."""
    for term in sorted(terms):
        ords = terms.pop(term)
        bitmap = BitMap((ords,)) if isinstance(ords, int) else BitMap(ords)
        if len(bitmap) > SMALL:
            bitmap.run_optimize()
        yield term, bitmap


class _Prefix:
    """The beginning of some words: the number of the words, and the sets of their concepts."""

    __slots__ = ("count", "sets")

    def __init__(self) -> None:
        self.count = 0
        self.sets: list[BitMap] = []

    def add(self, count: int, sets: list[BitMap]) -> None:
        self.count += count
        self.sets += sets


class PrefixBuilder:
    """Makes the postings of the beginnings of words, while the words are added in alphabetical order."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, bytes]] = []
        self._last = ""
        # For each letter of the last word: the words with the same letters up to there, except those that a longer
        # open prefix has.
        self._open: list[_Prefix] = []

    def add(self, word: str, ords: BitMap) -> None:
        """Add a word with its concepts."""
        self._close(_common_length(self._last, word))
        self._open.extend(_Prefix() for _ in range(len(word) - len(self._open)))
        self._open[-1].add(1, [ords])
        self._last = word

    def _close(self, length: int) -> None:
        """Finish the open prefixes that are longer than this."""
        while len(self._open) > length:
            prefix = self._open.pop()
            if prefix.count > MANY_TERMS:
                union = BitMap.union(*prefix.sets)
                union.run_optimize()
                self._rows.append((self._last[: len(self._open) + 1], union.serialize()))
                prefix.sets = [union]
            if self._open:
                self._open[-1].add(prefix.count, prefix.sets)

    def rows(self) -> list[tuple[str, bytes]]:
        """The prefixes of more than MANY_TERMS words, in alphabetical order, with serialized bitmaps."""
        self._close(0)
        return sorted(self._rows)


def _common_length(one: str, other: str) -> int:
    """The number of letters with which both words begin."""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length
