"""The long lists of a value set in the store.

``with_lists`` is the document that operations use: its lists are read in part. ``whole`` is the resource as it
was imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, ValuesView
from typing import Any, overload

from pyroaring import BitMap

from terminology.core.cache import Cache
from terminology.core.documents import Enumeration, Listing
from terminology.core.expansions import OF_EXPANSION_ENTRY, compose_of
from terminology.core.model import Document
from terminology.store.artifacts import PAGE, Artifact, StoredMember
from terminology.store.value_sets import EXPANSION, entries_of, read_entry, with_entries, with_open_lists
from terminology.systems.absent import AbsentCodeSystem
from terminology.systems.code_shapes import may_be_elsewhere
from terminology.systems.indexed import IndexedCodeSystem
from terminology.systems.protocol import WrappedCodeSystem

# The room for the entries that are kept from one question to the next, in bytes: about two pages of them.
ROOM_OF_ENTRIES = 2 * PAGE * 1_000


def with_lists(artifact: Artifact) -> Document:
    """The resource with lists that are read in part.

    Where it has no definition, the codes of its stored expansion are the definition.
    """
    document, _ = with_open_lists(artifact.header.document)
    expansion = document.pop(EXPANSION, None)
    if document.get("compose"):
        for number, part in enumerate(artifact.header.parts):
            if part["list"] != EXPANSION:
                document["compose"][part["list"]][part["number"]]["concept"] = StoredList(artifact, number)
    elif expansion is not None:
        includes = list(_includes(artifact))
        document["compose"] = compose_of(expansion, includes, sum(len(i["concept"]) for i in includes))
    return document


def _includes(artifact: Artifact) -> Iterator[Document]:
    parts = sorted(enumerate(artifact.header.parts), key=lambda numbered: numbered[1]["first"])
    for number, part in parts:
        if part["system"] is None:
            continue
        version = {"version": part["version"]} if part["version"] else {}
        yield {"system": part["system"], "concept": StoredList(artifact, number)} | version


def whole(artifact: Artifact) -> Document:
    """The resource with all its lists."""
    header = artifact.header
    rows = artifact.members(0, header.count)
    return with_entries(
        header.document, entries_of(header.parts, ((r.part, r.depth, _node(artifact, r)) for r in rows))
    )


def _node(artifact: Artifact, row: StoredMember) -> Document:
    return read_entry(artifact.unpack.decompress(row.body))


def searched(artifact: Artifact, codes: Iterable[str]) -> Document:
    """The resource with the first entry of each list and those with one of these codes, at no depth: for a search."""
    header = artifact.header
    folded = {code.casefold() for code in codes}
    rows = [
        row
        for number, part in enumerate(header.parts)
        for row in (*artifact.members(part["first"], part["first"] + 1), *artifact.all_listed(number, folded))
    ]
    return with_entries(
        header.document, entries_of(header.parts, ((r.part, 0, _node(artifact, r)) for r in rows))
    )


class StoredList(Enumeration):
    """One part of a compiled value set."""

    def __init__(self, artifact: Artifact, number: int) -> None:
        self.artifact, self.number = artifact, number
        self.part: Document = artifact.header.parts[number]

    def __len__(self) -> int:
        count: int = self.part["count"]
        return count

    def __iter__(self) -> Iterator[Document]:
        return (self.node(row) for row in self.rows())

    @overload
    def __getitem__(self, index: int) -> Document: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Document]: ...

    def __getitem__(self, index: int | slice) -> Document | Sequence[Document]:
        return list(self)[index]

    def by_code(self, folds: bool) -> StoredListing:
        return StoredListing(self, folds)

    def in_any_case(self, code: str) -> Sequence[Document]:
        rows = self.artifact.listed(self.number, code.casefold())
        return [self.node(row) for row in {row.code: row for row in rows}.values()]

    def rows(self) -> Iterator[StoredMember]:
        rows = self.artifact.members(self.part["first"], self.part["end"])
        return (row for row in rows if row.part == self.number)

    def node(self, row: StoredMember) -> Document:
        node = _node(self.artifact, row)
        if self.part["list"] != EXPANSION:
            return node
        return {name: node[name] for name in OF_EXPANSION_ENTRY if name in node}


def _bytes_of_entries(nodes: Sequence[Document]) -> int:
    return 200 + sum(600 + 400 * len(node.get("designation", ())) for node in nodes)


class StoredListing(Listing):
    """The entries by their codes.

    Of several entries with the same code, the last one counts, at the place of the first: as in a document.
    """

    def __init__(self, list_: StoredList, folds: bool) -> None:
        self._list, self._folds = list_, folds
        self._repeated = frozenset(list_.part["repeated"])
        # An entry that does not exist is kept as an empty sequence.
        self._recent: Cache[Sequence[Document]] = Cache(ROOM_OF_ENTRIES, _bytes_of_entries)
        # The entries of the last call of ``among``. The mapping is replaced, not changed: other threads may read it.
        self._batch: Mapping[str, Sequence[Document]] = {}

    def __getitem__(self, key: str) -> Document:
        nodes = self._batch.get(key)
        if nodes is None:
            nodes = self._recent.get(key, lambda: self._read(key))
        if not nodes:
            raise KeyError(key)
        return nodes[0]

    def _read(self, key: str) -> Sequence[Document]:
        rows = self._list.artifact.listed(self._list.number, key.casefold())
        own = [row for row in rows if self._key(row) == key]
        return (self._list.node(own[-1]),) if own else ()

    def _key(self, row: StoredMember) -> str:
        return row.folded if self._folds else row.code

    def among(self, codes: Sequence[str]) -> None:
        keys = {code.casefold() if self._folds else code for code in codes}
        rows = self._list.artifact.all_listed(self._list.number, {key.casefold() for key in keys})
        nodes: dict[str, Sequence[Document]] = dict.fromkeys(keys, ())
        nodes |= {key: (self._list.node(row),) for row in rows if (key := self._key(row)) in keys}
        self._batch = nodes

    def __len__(self) -> int:
        listed = self._list
        repeats = listed.artifact.all_listed(listed.number, self._repeated) if self._repeated else []
        return len(listed) - len(repeats) + len({self._key(row) for row in repeats})

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._distinct())

    def _distinct(self) -> Iterator[tuple[str, StoredMember]]:
        """The first entry of each code."""
        listed_keys: set[str] = set()
        for row in self._list.rows():
            key = self._key(row)
            if key in listed_keys:
                continue
            if row.folded in self._repeated:
                listed_keys.add(key)
            yield key, row

    def values(self) -> ValuesView[Document]:
        return EntriesByPage(self)

    def nodes(self) -> Iterator[Document]:
        for key, row in self._distinct():
            yield self[key] if row.folded in self._repeated else self._list.node(row)

    def known_to(self, system: object) -> Sequence[str] | None:
        if self.expressions(system):
            return None
        while isinstance(system, WrappedCodeSystem):
            system = system.wrapped
        if isinstance(system, AbsentCodeSystem):
            artifact = self._list.artifact
            places = artifact.cached(
                ("all", self._list.number, self._folds), lambda: BitMap(self._all_places())
            )
            return CodesAtPlaces(artifact, places)
        if not isinstance(system, IndexedCodeSystem):
            return None
        indexed = system
        artifact = self._list.artifact
        key = ("known to", self._list.number, indexed.artifact.number, self._folds)
        return CodesAtPlaces(artifact, artifact.cached(key, lambda: BitMap(self._places(indexed))))

    def expressions(self, system: object) -> Sequence[str]:
        if not isinstance(system, WrappedCodeSystem | IndexedCodeSystem) or not system.about.has_expressions:
            return ()
        artifact, is_expression = self._list.artifact, system.is_expression
        key = ("expressions", self._list.number, system.about.canonical, self._folds)
        rows = (row for _, row in self._distinct())
        places = artifact.cached(key, lambda: BitMap(row.place for row in rows if is_expression(row.code)))
        return CodesAtPlaces(artifact, places)

    def _all_places(self) -> Iterator[int]:
        return (row.place for _, row in self._distinct())

    def _places(self, system: IndexedCodeSystem) -> Iterator[int]:
        listed = BitMap()
        for rows in _pages(row for _, row in self._distinct()):
            keys = system.filters.keys(row.code for row in rows)
            places = {keys[row.code]: row.place for row in reversed(rows)}
            ords = system.artifact.ords(places)
            # Two codes may mean one concept, where the code system does not say whether case matters.
            yield from (places[key] for key, ord_ in ords.items() if ord_ not in listed)
            listed |= BitMap(ords.values())
            if system.about.is_fragment:
                missing = [row for row in rows if keys[row.code] not in ords]
                yield from (row.place for row in missing if may_be_elsewhere(system.about, row.code))


class EntriesByPage(ValuesView[Document]):
    """The entries, read page by page rather than one by one."""

    _mapping: StoredListing

    def __iter__(self) -> Iterator[Document]:
        return self._mapping.nodes()


class CodesAtPlaces(Sequence[str]):
    """The codes at some places."""

    def __init__(self, artifact: Artifact, places: BitMap) -> None:
        self._artifact, self._places = artifact, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, int):
            return self[index : index + 1 or None][0]
        places = self._places[index]
        pages = (places[start : start + PAGE] for start in range(0, len(places), PAGE))
        return [row.code for page in pages for row in self._artifact.members_at(page)]


def _pages(rows: Iterable[StoredMember]) -> Iterator[list[StoredMember]]:
    page: list[Any] = []
    for row in rows:
        page.append(row)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
