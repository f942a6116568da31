"""Which concepts have this word, or this value of a property? Collected while a release is compiled.

Concepts come in the order of their numbers, so each list of numbers is sorted already.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from pyroaring import BitMap

from terminology.store.schema import DIGEST_MARK, LONGEST_TERM, MANY_TERMS, PREFIX, WORD

Posting = tuple[int, str, bytes]
# So few numbers do not pack any better as ranges.
SMALL = 4


class Postings:
    """Numbers by field and term. Most terms are of one concept, such as its code: they are no arrays."""

    def __init__(self) -> None:
        self._words: defaultdict[int, dict[str, int | array[int]]] = defaultdict(dict)
        self._fields: dict[int, dict[str, int | array[int]]] = {}

    def add_words(self, field: int, words: set[str], ord_: int) -> None:
        """All words of a concept, in one language."""
        known = self._words[field]
        for word in words:
            held = known.setdefault(word, ord_)
            if not isinstance(held, int):
                held.append(ord_)
            elif held != ord_:
                known[word] = array("I", (held, ord_))

    def add(self, field: int, term: str, ord_: int) -> None:
        """A concept has a term; it may be said again."""
        known = self._fields.get(field)
        if known is None:
            known = self._fields[field] = {}
        held = known.get(term)
        if held is None:
            known[term] = ord_
        elif not isinstance(held, int):
            if held[-1] != ord_:
                held.append(ord_)
        elif held != ord_:
            known[term] = array("I", (held, ord_))

    def rows(self) -> Iterator[Posting]:
        """Everything, in the order of the key. What has been yielded is forgotten."""
        for field in sorted({*self._words, *self._fields}):
            for term, ords in _sorted(self._fields.pop(field, {})):
                yield field, term, ords.serialize()
            yield from self._word_rows(field)

    def _word_rows(self, field: int) -> Iterator[Posting]:
        prefixes = Prefixes()
        for word, ords in _sorted(self._words.pop(field, {})):
            prefixes.add(word, ords)
            yield field, word, ords.serialize()
        yield from ((field + PREFIX - WORD, *row) for row in prefixes.rows())


def _sorted(terms: dict[str, Any]) -> Iterator[tuple[str, BitMap]]:
    for term in sorted(terms):
        held = terms.pop(term)
        ords = BitMap((held,)) if isinstance(held, int) else BitMap(held)
        if len(ords) > SMALL:
            ords.run_optimize()
        yield term, ords


class _Beginning:
    """The letters that a word begins with: how many words so far, and their concepts."""

    __slots__ = ("count", "held")

    def __init__(self) -> None:
        self.count = 0
        self.held: list[BitMap] = []

    def add(self, count: int, held: list[BitMap]) -> None:
        self.count += count
        self.held += held


class Prefixes:
    """The beginnings of many words, made while the words come in alphabetical order."""

    def __init__(self) -> None:
        self._found: list[tuple[str, bytes]] = []
        self._last = ""
        # For each letter of the last word: what begins as the word does up to here, but for what is open.
        self._open: list[_Beginning] = []

    def add(self, term: str, ords: BitMap) -> None:
        self._close(_common(self._last, term))
        self._open.extend(_Beginning() for _ in range(len(term) - len(self._open)))
        self._open[-1].add(1, [ords])
        self._last = term

    def _close(self, length: int) -> None:
        while len(self._open) > length:
            done = self._open.pop()
            if done.count > MANY_TERMS:
                union = BitMap.union(*done.held)
                union.run_optimize()
                self._found.append((self._last[: len(self._open) + 1], union.serialize()))
                done.held = [union]
            if self._open:
                self._open[-1].add(done.count, done.held)

    def rows(self) -> list[tuple[str, bytes]]:
        """The prefixes of many words, in alphabetical order."""
        self._close(0)
        return sorted(self._found)


def _common(one: str, other: str) -> int:
    """How many letters do two words begin with alike?"""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length


def term_of(value: str) -> str:
    """How a value of a property stands in the postings.

    >>> term_of("short"), len(term_of("long " * 100))
    ('short', 265)
    """
    if len(value) <= LONGEST_TERM:
        return value
    return value[:LONGEST_TERM] + DIGEST_MARK + sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
