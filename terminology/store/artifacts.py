"""What does one artifact know? Concepts by code and by number, sets of them, and rows of a map.

The questions here are those of the store: numbers and bitmaps, nothing of FHIR.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pyroaring import BitMap

from terminology.core.cache import Cache
from terminology.store.header import DICTIONARY, HEADER, Header
from terminology.store.packing import Unpacker
from terminology.store.schema import PREFIX, WORD
from terminology.store.statements import LAST, Tables

# How many rows are fetched at once, and how many bytes of bitmaps are kept at hand.
PAGE = 500
ROOM = 8 * 1024 * 1024


class StoredRow(NamedTuple):
    """A row of ``concept``."""

    ord: int
    key: str
    code: str | None
    display: str | None
    flags: int
    status: str | None
    body: bytes


class MappingRow(NamedTuple):
    """A row of ``mapping``."""

    part: int
    source: str
    target: str | None
    body: bytes


class ListedRow(NamedTuple):
    """A row of ``member``."""

    place: int
    part: int
    code: str
    folded: str
    depth: int
    body: bytes


def weight(found: BitMap) -> int:
    """About how many bytes a bitmap takes."""
    held = found.get_statistics()
    containers = held["n_bytes_array_containers"] + held["n_bytes_run_containers"]
    return 128 + containers + held["n_bytes_bitset_containers"]


class Artifact:
    """A compiled code system, map or value set, open for reading by any thread."""

    def __init__(self, tables: Tables, number: int = 0, cache: Cache[BitMap] | None = None) -> None:
        """``cache`` may be shared by several artifacts of different numbers."""
        self._ask = tables.ask
        self.number = number
        self._tables = tables
        self.header = Header.read(tables.ask("header", HEADER)[0][0])
        self.unpack = Unpacker(tables.ask("header", DICTIONARY)[0][0])
        self._cache = cache if cache is not None else Cache(ROOM, weight)
        if self.header.is_all:
            # There may be thousands of these.
            tables.close()

    def close(self) -> None:
        self._tables.close()

    def cached(self, key: Hashable, make: Callable[[], BitMap]) -> BitMap:
        """A set that is kept at hand for a while. Not to be changed."""
        return self._cache.get((self.number, key), make)

    def part(self, name: str) -> bytes | None:
        """Something that is kept beside the header."""
        rows = self._ask("header", name)
        return rows[0][0] if rows else None

    # -- concepts ----------------------------------------------------------------------------

    def concept(self, key: str) -> StoredRow | None:
        if not is_text(key):
            return None
        rows = self._ask("concept", key)
        return StoredRow(*rows[0]) if rows else None

    def ord(self, key: str) -> int | None:
        """The number of a concept."""
        rows = self._ask("ord", key) if is_text(key) else ()
        return rows[0][0] if rows else None

    def ords(self, keys: Iterable[str]) -> dict[str, int]:
        """The numbers of many concepts; those that are not there are left out."""
        return dict(self._ask("ords", [key for key in keys if is_text(key)]))

    def concepts(self, ords: BitMap | Sequence[int]) -> Iterator[StoredRow]:
        """Many concepts in the order of their numbers, read as they are wanted."""
        for start in range(0, len(ords), PAGE):
            yield from map(StoredRow._make, self._page(ords[start : start + PAGE]))

    def _page(self, ords: BitMap | Sequence[int]) -> list[tuple[Any, ...]]:
        first, last = ords[0], ords[-1]
        if last - first + 1 == len(ords):
            return self._ask("range", first, last + 1)
        return self._ask("concepts", list(ords))

    def concepts_by_key(self, keys: Iterable[str]) -> list[StoredRow]:
        rows = self._ask("concepts by key", [key for key in keys if is_text(key)])
        return [StoredRow(*row) for row in rows]

    def keys(self, beginning: str = "") -> Iterator[tuple[str, int, str]]:
        """Key, number and code of the concepts whose key begins so."""
        for key, ord_, code in self._ask("keys", beginning, beginning + LAST):
            yield key, ord_, code or key

    def all(self) -> BitMap:
        return BitMap(range(self.header.count))

    @staticmethod
    def set_of(ords: Iterable[int] = ()) -> BitMap:
        return BitMap(list(ords))

    @staticmethod
    def union(sets: Iterable[BitMap]) -> BitMap:
        return BitMap.union(BitMap(), *sets)

    @staticmethod
    def intersection(sets: Sequence[BitMap]) -> BitMap:
        """Of one set that set itself: not to be changed."""
        found, *others = sorted(sets, key=len)
        for other in others:
            found = found & other
        return found

    # -- hierarchy ---------------------------------------------------------------------------

    def parents(self, ords: Sequence[int]) -> BitMap:
        """The parents of all these."""
        return self.union(BitMap.deserialize(row[0]) for row in self._ask("parents", list(ords)))

    def children(self, ord_: int) -> BitMap:
        return self._one("children", ord_)

    def children_of(self, ords: Sequence[int]) -> BitMap:
        """The children of all these."""
        return self.union(BitMap.deserialize(row[0]) for row in self._ask("children of", list(ords)))

    def descendants(self, ord_: int) -> BitMap:
        return self._one("descendants", ord_)

    def _one(self, question: str, ord_: int) -> BitMap:
        return self.cached((question, ord_), lambda: _read(self._ask(question, ord_)))

    def ancestors(self, ord_: int) -> BitMap:
        """Everything above. A circle ends where it began."""
        above, new = BitMap(), self.parents([ord_])
        while new:
            above |= new
            new = self.parents(new.to_array().tolist()) - above
        return above

    # -- postings ----------------------------------------------------------------------------

    def posting(self, field: int, term: str) -> BitMap:
        """The concepts that have a term."""
        if not is_text(term):
            return BitMap()
        return self.cached((field, term), lambda: _read(self._ask("posting", field, term)))

    def postings(self, field: int, terms: Iterable[str]) -> BitMap:
        """The concepts that have any of these terms."""
        rows = self._ask("postings", field, [term for term in terms if is_text(term)])
        return self.union(BitMap.deserialize(row[0]) for row in rows)

    def terms(self, field: int, beginning: str = "") -> Iterator[tuple[str, BitMap]]:
        """The terms of a field that begin so, each with its concepts."""
        for term, ords in self._ask("terms", field, beginning, beginning + LAST):
            yield term, BitMap.deserialize(ords)

    def words(self, beginning: str, languages: tuple[str, ...] | None = None) -> BitMap:
        """The concepts that have a word that begins so: in these languages (None: in any), or in no language
        in particular.
        """
        return self.cached((PREFIX, beginning, languages), lambda: self._words(beginning, languages))

    def _words(self, beginning: str, languages: tuple[str, ...] | None) -> BitMap:
        known = self.header.languages
        fields = (WORD, *(known.values() if languages is None else (known[tag] for tag in languages)))
        found = [ords for field in fields for ords in self._beginning(field, beginning)]
        return found[0] if len(found) == 1 else self.union(found)

    def _beginning(self, field: int, beginning: str) -> list[BitMap]:
        """The concepts of each word that begins so, or of all together."""
        # The prefixes of a language come after its words.
        stored = self._ask("posting", field + PREFIX - WORD, beginning)
        return [_read(stored)] if stored else [ords for _, ords in self.terms(field, beginning)]

    # -- mappings ----------------------------------------------------------------------------

    def mappings(self, question: str, code: str) -> list[MappingRow]:
        """The rows ``by source`` or ``by target``."""
        return [MappingRow(*row) for row in self._ask(question, code)] if is_text(code) else []

    def spelled_like(self, question: str, bare: str, part: int) -> list[str]:
        """Codes (``like source``, ``like target``) that are the same but for dots, blanks and zeros."""
        return [row[0] for row in self._ask(question, bare, part)] if is_text(bare) else []

    def all_mappings(self) -> Iterator[MappingRow]:
        for start in range(0, self.header.count, PAGE):
            yield from map(MappingRow._make, self._ask("mappings", start, start + PAGE))

    # -- value sets --------------------------------------------------------------------------

    def listed(self, part: int, folded: str) -> list[ListedRow]:
        """The entries of a list that have a code, whatever its case; in their order."""
        found = self._ask("listed", part, folded) if is_text(folded) else ()
        return [ListedRow(*row) for row in found]

    def all_listed(self, part: int, folded: Iterable[str]) -> list[ListedRow]:
        """The same of many codes at once."""
        found = self._ask("all listed", part, [code for code in folded if is_text(code)])
        return [ListedRow(*row) for row in found]

    def members(self, first: int, end: int) -> Iterator[ListedRow]:
        """The entries of all lists between two places, read as they are wanted."""
        for start in range(first, end, PAGE):
            yield from map(ListedRow._make, self._ask("members", start, min(start + PAGE, end)))

    def members_at(self, places: BitMap | Sequence[int]) -> list[ListedRow]:
        return [ListedRow(*row) for row in self._ask("members at", list(places))]


def is_text(key: str) -> bool:
    """Can a database be asked for this at all? Not for NUL, nor for half a character."""
    return "\0" not in key and (key.isascii() or not any("\ud800" <= c <= "\udfff" for c in key))


def _read(rows: Sequence[tuple[Any, ...]]) -> BitMap:
    return BitMap.deserialize(rows[0][0]) if rows and rows[0][0] is not None else BitMap()
