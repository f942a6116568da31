"""One compiled code system, map or value set: concepts, sets of concepts, mappings and members.

Everything here is in terms of the store: numbers of concepts and bitmaps of them, nothing of FHIR. A concept is
found by its ``key`` (its code, in small letters where case does not count) or by its ``ord``, its number in the
artifact.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from pyroaring import BitMap

from terminology.core.cache import Cache
from terminology.core.errors import OtherFormatError, UnavailableError, UnreadableArtifactError
from terminology.core.texts import LAST_CHARACTER
from terminology.store.damage import DAMAGED, Damage
from terminology.store.header import DICTIONARY, HEADER, Header
from terminology.store.packing import Unpacker
from terminology.store.schema import PREFIX, WORD
from terminology.store.sql import ArtifactTables

# How many rows are fetched at once.
PAGE = 500
# The size of a bitmap with at most so many members is not looked up: that takes longer than to make the bitmap.
_FEW = 64
# How many bytes of bitmaps are cached.
BITMAP_ROOM = 8 * 1024 * 1024


class StoredConcept(NamedTuple):
    """A row of the table ``concept``. ``code`` is None where it equals ``key``."""

    ord: int
    key: str
    code: str | None
    display: str | None
    flags: int
    status: str | None
    body: bytes


class StoredMapping(NamedTuple):
    """A row of the table ``mapping``. ``part`` is the number of its group in the header."""

    part: int
    source: str
    target: str | None
    body: bytes


class StoredMember(NamedTuple):
    """A row of the table ``member``. ``part`` is the number of its list in the header."""

    place: int
    part: int
    code: str
    folded: str
    depth: int
    body: bytes


def bitmap_size(bitmap: BitMap) -> int:
    """The approximate size of a bitmap in bytes."""
    if len(bitmap) <= _FEW:
        return 128 + 16 * len(bitmap)  # at most, each in a container of its own
    statistics = bitmap.get_statistics()
    containers = statistics["n_bytes_array_containers"] + statistics["n_bytes_run_containers"]
    return 128 + containers + statistics["n_bytes_bitset_containers"]


class Artifact:
    """A compiled code system, map or value set, open for reading by any thread."""

    def __init__(
        self,
        tables: ArtifactTables,
        number: int = 0,
        cache: Cache[BitMap] | None = None,
        damage: Damage | None = None,
    ) -> None:
        """``cache`` may be shared by artifacts with different numbers.

        Raises OtherFormatError if the artifact was compiled in another format, and UnreadableArtifactError.
        """
        self._select = tables.select
        self.number = number
        self._tables = tables
        self._damage = damage or Damage(f"artifact {number}")
        with self._understood():
            self.header = Header.read(tables.select("header", HEADER)[0][0])
            self.unpack = Unpacker(tables.select("header", DICTIONARY)[0][0], self._damage)
        self._cache = cache if cache is not None else Cache(BITMAP_ROOM, bitmap_size)
        if self.header.is_all:
            # A store may have thousands of these: an open file for each would be too many.
            tables.close()

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """A value that cannot be read is a damage of the artifact."""
        try:
            yield
        except OtherFormatError:
            raise
        except (ValueError, LookupError, TypeError) as error:
            raise self._damage.error(DAMAGED, error) from None

    @property
    def fault(self) -> UnreadableArtifactError | None:
        """The reason why it cannot be read; None if it can, which it is asked for."""
        with suppress(UnavailableError):  # the damage notes why
            self.part("")
        return self._damage.fault

    def close(self) -> None:
        """Close the tables."""
        self._tables.close()

    def cached(self, key: tuple[Hashable, ...], make: Callable[[], BitMap]) -> BitMap:
        """The set that ``make`` returns, from the cache if it is there. It must not be changed."""
        return self._cache.get((self.number, *key), make)

    def part(self, name: str) -> bytes | None:
        """A part of the artifact beside the header, such as a table of relationships."""
        rows = self._select("header", name)
        return rows[0][0] if rows else None

    # -- concepts ----------------------------------------------------------------------------

    def concept(self, key: str) -> StoredConcept | None:
        """The concept with a key."""
        if not is_text(key):
            return None
        rows = self._select("concept", key)
        return StoredConcept(*rows[0]) if rows else None

    def ord(self, key: str) -> int | None:
        """The number of the concept with a key."""
        rows = self._select("ord", key) if is_text(key) else ()
        return rows[0][0] if rows else None

    def ords(self, keys: Iterable[str]) -> dict[str, int]:
        """The numbers of concepts by key; keys without a concept are left out."""
        return dict(self._select("ords", [key for key in keys if is_text(key)]))

    def concepts(self, ords: BitMap | Sequence[int]) -> Iterator[StoredConcept]:
        """The concepts with these numbers, which must ascend; read page by page."""
        for start in range(0, len(ords), PAGE):
            yield from map(StoredConcept._make, self._page(ords[start : start + PAGE]))

    def _page(self, ords: BitMap | Sequence[int]) -> list[tuple[Any, ...]]:
        first, last = ords[0], ords[-1]
        if last - first + 1 == len(ords):
            return self._select("range", first, last + 1)
        return self._select("concepts", list(ords))

    def concepts_by_key(self, keys: Iterable[str]) -> list[StoredConcept]:
        """The concepts with these keys, in any order."""
        rows = self._select("concepts by key", [key for key in keys if is_text(key)])
        return [StoredConcept(*row) for row in rows]

    def displays(self, keys: Iterable[str]) -> list[tuple[str, str | None]]:
        """The displays of the concepts with these keys, each with its key; in any order."""
        return self._select("displays", [key for key in keys if is_text(key)])

    def keys(self, beginning: str = "") -> Iterator[tuple[str, int, str]]:
        """Key, number and code of the concepts whose key has this beginning, in the order of the keys."""
        for key, ord_, code in self._select("keys", beginning, beginning + LAST_CHARACTER):
            yield key, ord_, code or key

    def all(self) -> BitMap:
        """The set of all concepts."""
        return BitMap(range(self.header.count))

    @staticmethod
    def set_of(ords: Iterable[int] = ()) -> BitMap:
        """The set of the concepts with these numbers."""
        return BitMap(list(ords))

    @staticmethod
    def union(sets: Iterable[BitMap]) -> BitMap:
        """A new set with the concepts that are in any of these."""
        return BitMap.union(BitMap(), *sets)

    @staticmethod
    def intersection(sets: Sequence[BitMap]) -> BitMap:
        """The concepts that are in all of these sets, of which there is at least one.

        It must not be changed: the intersection of a single set is that set itself.
        """
        common, *others = sorted(sets, key=len)
        for other in others:
            common = common & other
        return common

    # -- hierarchy ---------------------------------------------------------------------------

    def parents(self, ords: Sequence[int]) -> BitMap:
        """The parents of all these concepts."""
        return self.union(self._bitmap(row[0]) for row in self._select("parents", list(ords)))

    def children(self, ord_: int) -> BitMap:
        """The children of a concept."""
        return self._relatives("children", ord_)

    def children_of(self, ords: Sequence[int]) -> BitMap:
        """The children of all these concepts."""
        return self.union(self._bitmap(row[0]) for row in self._select("children of", list(ords)))

    def descendants(self, ord_: int) -> BitMap:
        """All concepts below a concept."""
        return self._relatives("descendants", ord_)

    def _relatives(self, statement: str, ord_: int) -> BitMap:
        return self.cached((statement, ord_), lambda: self._only_bitmap(statement, ord_))

    def ancestors(self, ord_: int) -> BitMap:
        """All concepts above a concept; in a circle these include the concept itself."""
        above, new = BitMap(), self.parents([ord_])
        while new:
            above |= new
            new = self.parents(new.to_array().tolist()) - above
        return above

    # -- postings ----------------------------------------------------------------------------

    def posting(self, field: int, term: str) -> BitMap:
        """The concepts that have a term in a field."""
        if not is_text(term):
            return BitMap()
        return self.cached((field, term), lambda: self._only_bitmap("posting", field, term))

    def postings(self, field: int, terms: Iterable[str]) -> BitMap:
        """The concepts that have any of these terms in a field."""
        rows = self._select("postings", field, [term for term in terms if is_text(term)])
        return self.union(self._bitmap(row[0]) for row in rows)

    def terms(self, field: int, beginning: str = "") -> Iterator[tuple[str, BitMap]]:
        """The terms of a field that have this beginning, in order, each with its concepts."""
        for term, ords in self._select("terms", field, beginning, beginning + LAST_CHARACTER):
            yield term, self._bitmap(ords)

    def words(self, beginning: str, languages: tuple[str, ...] | None = None) -> BitMap:
        """The concepts that have a word with this beginning, in one of these languages or in none in particular.

        ``languages`` are tags of ``header.languages``; None means any language.
        """
        return self.cached((PREFIX, beginning, languages), lambda: self._words(beginning, languages))

    def all_words(self, beginning: str) -> Iterator[str]:
        """The words with this beginning, in all languages; one that occurs in several comes several times."""
        if is_text(beginning):
            for field in (WORD, *self.header.languages.values()):
                yield from (
                    row[0] for row in self._select("words", field, beginning, beginning + LAST_CHARACTER)
                )

    def _words(self, beginning: str, languages: tuple[str, ...] | None) -> BitMap:
        by_tag = self.header.languages
        fields = (WORD, *(by_tag.values() if languages is None else (by_tag[tag] for tag in languages)))
        matches = [ords for field in fields for ords in self._beginning(field, beginning)]
        return matches[0] if len(matches) == 1 else self.union(matches)

    def _beginning(self, field: int, beginning: str) -> list[BitMap]:
        """The concepts of the words with this beginning: one set for each word, or one for all."""
        # The field of the prefixes of a language follows the field of its words.
        prefix = self._select("posting", field + PREFIX - WORD, beginning)
        return [self._bitmap(prefix[0][0])] if prefix else [ords for _, ords in self.terms(field, beginning)]

    def _only_bitmap(self, statement: str, *values: Any) -> BitMap:
        """The bitmap in the first column of the only row; empty without one."""
        rows = self._select(statement, *values)
        return self._bitmap(rows[0][0]) if rows else BitMap()

    def _bitmap(self, content: bytes | None) -> BitMap:
        if content is None:
            return BitMap()
        try:
            return BitMap.deserialize(content)
        except (ValueError, TypeError) as error:
            raise self._damage.error(DAMAGED, error) from None

    # -- mappings ----------------------------------------------------------------------------

    def mappings(self, statement: str, code: str) -> list[StoredMapping]:
        """The mappings of a code, "by source" or "by target", in the order of the map."""
        return [StoredMapping(*row) for row in self._select(statement, code)] if is_text(code) else []

    def spelled_like(self, statement: str, bare: str, part: int) -> list[str]:
        """The codes of a group whose spelling without dots, blanks and zeros is ``bare``.

        ``statement`` is "like source" or "like target".
        """
        return [row[0] for row in self._select(statement, bare, part)] if is_text(bare) else []

    def mappings_at(self, first: int, end: int) -> Iterator[StoredMapping]:
        """The mappings from place ``first`` up to, and not including, ``end``; read page by page."""
        for start in range(first, end, PAGE):
            yield from map(StoredMapping._make, self._select("mappings", start, min(start + PAGE, end)))

    # -- value sets --------------------------------------------------------------------------

    def listed(self, part: int, folded: str) -> list[StoredMember]:
        """The members of a list that have a code, in any spelling of its letters; in the order of the list."""
        rows = self._select("listed", part, folded) if is_text(folded) else ()
        return [StoredMember(*row) for row in rows]

    def all_listed(self, part: int, folded: Iterable[str]) -> list[StoredMember]:
        """The members of a list that have any of these codes; in the order of the list."""
        rows = self._select("all listed", part, [code for code in folded if is_text(code)])
        return [StoredMember(*row) for row in rows]

    def members(self, first: int, end: int) -> Iterator[StoredMember]:
        """The members of all lists from place ``first`` up to, and not including, ``end``; read page by page."""
        for start in range(first, end, PAGE):
            yield from map(StoredMember._make, self._select("members", start, min(start + PAGE, end)))

    def members_at(self, places: BitMap | Sequence[int]) -> list[StoredMember]:
        """The members at these places, in their order."""
        return [StoredMember(*row) for row in self._select("members at", list(places))]


def is_text(key: str) -> bool:
    """Whether a database can compare with this text: it takes neither NUL nor half of a surrogate pair."""
    return "\0" not in key and (key.isascii() or not any("\ud800" <= c <= "\udfff" for c in key))
