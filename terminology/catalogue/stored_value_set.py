"""What does a value set in the store list?

``asked`` is the document that questions are asked of: its lists are read as far as they are wanted.
``restored`` is the resource as it was imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, ValuesView
from typing import Any, overload

from pyroaring import BitMap

from terminology.core.documents import Enumeration, Listing
from terminology.core.model import Document
from terminology.store.artifacts import PAGE, Artifact, StoredMember
from terminology.store.value_sets import EXPANSION, entries_of, read_entry, with_entries, with_open_lists
from terminology.systems.indexed import StoredSystem
from terminology.systems.supplement import Supplemented

# How many entries are kept between one question and the next.
RECENT = 2 * PAGE
# What a stored expansion says of a code that a definition says of it, too.
_OF_DEFINITION = ("code", "display", "designation")


def asked(artifact: Artifact) -> Document:
    """The resource with lists that are read when they are asked for; what a stored expansion lists is the
    definition where there is no other.
    """
    made, _ = with_open_lists(artifact.header.document)
    expansion = made.pop(EXPANSION, None)
    if made.get("compose"):
        for number, part in enumerate(artifact.header.parts):
            if part["list"] != EXPANSION:
                made["compose"][part["list"]][part["number"]]["concept"] = StoredList(artifact, number)
    elif expansion is not None:
        made["compose"] = {"include": list(_includes(artifact))}
    return made


def _includes(artifact: Artifact) -> Iterator[Document]:
    in_order = sorted(enumerate(artifact.header.parts), key=lambda one: one[1]["first"])
    for number, part in in_order:
        if part["system"] is None:
            continue
        version = {"version": part["version"]} if part["version"] else {}
        yield {"system": part["system"], "concept": StoredList(artifact, number)} | version


def restored(artifact: Artifact) -> Document:
    """The resource with all that it lists."""
    header = artifact.header
    rows = artifact.members(0, header.count)
    return with_entries(
        header.document, entries_of(header.parts, ((r.part, r.depth, _node(artifact, r)) for r in rows))
    )


def _node(artifact: Artifact, row: StoredMember) -> Document:
    return read_entry(artifact.unpack.decompress(row.body))


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

    def rows(self) -> Iterator[StoredMember]:
        within = self.artifact.members(self.part["first"], self.part["end"])
        return (row for row in within if row.part == self.number)

    def node(self, row: StoredMember) -> Document:
        node = _node(self.artifact, row)
        if self.part["list"] != EXPANSION:
            return node
        return {name: node[name] for name in _OF_DEFINITION if name in node}


class StoredListing(Listing):
    """The entries by their codes. Of several with the same one, the last says what is said of it, as it does
    in a document, at the place of the first.
    """

    def __init__(self, of: StoredList, folds: bool) -> None:
        self._list, self._folds = of, folds
        self._repeated = frozenset(of.part["repeated"])
        self._recent: dict[str, Document | None] = {}

    def __getitem__(self, key: str) -> Document:
        try:
            node = self._recent[key]
        except KeyError:
            node = self._last(key)
            self._keep({key: node})
        if node is None:
            raise KeyError(key)
        return node

    def _last(self, key: str) -> Document | None:
        rows = self._list.artifact.listed(self._list.number, key.casefold())
        found = [row for row in rows if self._key(row) == key]
        return self._list.node(found[-1]) if found else None

    def _key(self, row: StoredMember) -> str:
        return row.folded if self._folds else row.code

    def _keep(self, nodes: dict[str, Document | None]) -> None:
        # Another thread may be about to read what is at hand: it is never emptied.
        if len(self._recent) + len(nodes) > RECENT:
            self._recent = nodes
        else:
            self._recent.update(nodes)

    def among(self, codes: Sequence[str]) -> None:
        keys = {code.casefold() if self._folds else code for code in codes}
        rows = self._list.artifact.all_listed(self._list.number, {key.casefold() for key in keys})
        found: dict[str, Document | None] = dict.fromkeys(keys)
        found |= {key: self._list.node(row) for row in rows if (key := self._key(row)) in keys}
        self._keep(found)

    def __len__(self) -> int:
        listed = self._list
        repeats = listed.artifact.all_listed(listed.number, self._repeated) if self._repeated else []
        return len(listed) - len(repeats) + len({self._key(row) for row in repeats})

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._distinct())

    def _distinct(self) -> Iterator[tuple[str, StoredMember]]:
        """The first entry of each code."""
        had: set[str] = set()
        for row in self._list.rows():
            key = self._key(row)
            if key in had:
                continue
            if row.folded in self._repeated:
                had.add(key)
            yield key, row

    def values(self) -> ValuesView[Document]:
        return _Values(self)

    def nodes(self) -> Iterator[Document]:
        for key, row in self._distinct():
            yield self[key] if row.folded in self._repeated else self._list.node(row)

    def known_to(self, system: object) -> Sequence[str] | None:
        while isinstance(system, Supplemented):
            system = system.bare
        if not isinstance(system, StoredSystem):
            return None
        of = system
        artifact = self._list.artifact
        key = ("known to", self._list.number, of.artifact.number, self._folds)
        return _Codes(artifact, artifact.cached(key, lambda: BitMap(self._places(of))))

    def _places(self, system: StoredSystem) -> Iterator[int]:
        for rows in _pages(row for _, row in self._distinct()):
            keys = {system.key(row.code): row.place for row in reversed(rows)}
            yield from (keys[key] for key in system.artifact.ords(keys))


class _Values(ValuesView[Document]):
    """Page by page, rather than one by one."""

    _mapping: StoredListing

    def __iter__(self) -> Iterator[Document]:
        return self._mapping.nodes()


class _Codes(Sequence[str]):
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
