"""How is a value set kept? As its document; and of one that lists many codes the lists beside it.

The document in the header has each list empty in its place. ``Header.parts`` says which lists there are::

    {"list": "include" | "exclude" | "expansion", "number": 0,      # which include or exclude
     "system": ..., "version": ...,                                 # of an expansion: of the codes
     "first": 0, "end": 12000, "count": 12000,                      # its entries, and where they lie
     "repeated": [...]}                                             # folded codes that come more than once

What an expansion contains is one part for each code system and version, as it is read for a definition; and
one without a code system for what has no code.
``filled`` puts the entries back into the document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain, islice
from typing import Any, NamedTuple

import orjson

from terminology.core.model import Document
from terminology.store.compile.compiler import Sink, TableRow
from terminology.store.compile.indexing import chunks
from terminology.store.header import DICTIONARY, HEADER, Header, value_set_document
from terminology.store.packing import SAMPLE, compressor, dictionary_of
from terminology.store.release import MemberRow, ValueSetRelease
from terminology.store.reporting import Reporter

# A value set that lists no more than this is kept as its document.
SMALL = 1_000
EXPANSION = "expansion"

# Which list: its name, number, and of an expansion code system and version.
_Key = tuple[str, int, str | None, str | None]


class Entry(NamedTuple):
    """An entry of a list as it is put back: ``node`` has what it contains empty in its place."""

    list_: str
    number: int
    depth: int
    node: Document


def compile_value_set(
    release: ValueSetRelease,
    rows: Iterable[MemberRow],
    sink: Sink,
    reporter: Reporter,
) -> int:
    """Write a value set; the number of entries of its lists."""
    rows = iter(rows)
    header = Header("ValueSet", value_set_document(release))
    sample = list(islice(rows, max(SAMPLE, SMALL + 1)))
    if len(sample) <= SMALL:
        in_order = sorted(sample, key=lambda row: row.place)
        header.document = filled(
            header.document, (Entry(r.list_, r.number, r.depth, r.node) for r in in_order)
        )
        header.count = len(sample)
        dictionary = b""
    else:
        dictionary = dictionary_of([written(row.node) for row in sample[:SAMPLE]])
        _Lists(header, compressor(dictionary), sink, reporter).write(chain(sample, rows))
    sink.write("header", [(HEADER, header.as_bytes()), (DICTIONARY, dictionary)])
    return header.count


class _Lists:
    """Writes the entries of all lists, and notes what the header must say of these."""

    def __init__(
        self, header: Header, compress: Callable[[bytes], bytes], sink: Sink, reporter: Reporter
    ) -> None:
        self._header, self._compress, self._sink, self._reporter = header, compress, sink, reporter
        self._parts: dict[_Key, Document] = {}
        self._numbers: dict[_Key, int] = {}
        self._seen: list[set[str]] = []
        self._repeated: list[set[str]] = []

    def write(self, rows: Iterable[MemberRow]) -> None:
        for chunk in chunks(rows):
            self._sink.write("member", [self._row(row) for row in chunk])
            self._header.count += len(chunk)
            self._reporter.rows(self._header.count)
        for part, repeated in zip(self._parts.values(), self._repeated, strict=True):
            self._header.parts.append({**part, "repeated": sorted(repeated)})

    def _row(self, row: MemberRow) -> TableRow:
        code = row.node.get("code", "")
        folded = code.casefold()
        part = self._part(row, folded)
        return row.place, part, code, folded, row.depth, self._compress(written(row.node))

    def _part(self, row: MemberRow, folded: str) -> int:
        system, version = row.node.get("system"), row.node.get("version")
        if row.list_ != EXPANSION or system is None or "code" not in row.node:
            system = version = None
        key = row.list_, row.number, system, version
        if key not in self._parts:
            self._numbers[key] = len(self._parts)
            self._parts[key] = _part(key, row.place)
            self._seen.append(set())
            self._repeated.append(set())
        number, part = self._numbers[key], self._parts[key]
        part["first"], part["end"] = min(part["first"], row.place), max(part["end"], row.place + 1)
        part["count"] += 1
        if folded in self._seen[number]:
            self._repeated[number].add(folded)
        self._seen[number].add(folded)
        return number


def _part(key: _Key, place: int) -> Document:
    list_, number, system, version = key
    of = {"system": system, "version": version} if list_ == EXPANSION else {}
    return {"list": list_, "number": number, **of, "first": place, "end": place, "count": 0}


def written(node: Document) -> bytes:
    """An entry as JSON."""
    return orjson.dumps(node, default=_exactly)


def read(content: bytes) -> Document:
    """The entry that was written."""
    node: Document = json.loads(content, parse_float=Decimal)
    return node


# -- putting the lists back ----------------------------------------------------------------------


def filled(document: Document, entries: Iterable[Entry]) -> Document:
    """A copy of the document with the entries, which come in their order, in its lists."""
    made, lists = opened(document)
    open_: list[list[Any]] = []
    for list_, number, depth, node in entries:
        if list_ != EXPANSION:
            lists[list_, number].append(node)
            continue
        inner: list[Any] = []
        level = open_[depth - 1] if depth else lists[EXPANSION, 0]
        level.append({**node, "contains": inner} if "contains" in node else node)
        open_[depth:] = [inner]
    return made


def opened(document: Document) -> tuple[Document, dict[tuple[str, int], list[Any]]]:
    """A copy of the document, and its lists by name and number, which may be written to."""
    lists: dict[tuple[str, int], list[Any]] = {}
    made = dict(document)
    if EXPANSION in made:
        made[EXPANSION] = _with_list(made[EXPANSION], "contains", lists, (EXPANSION, 0))
    if "compose" in made:
        compose = made["compose"] = dict(made["compose"])
        for name in ("include", "exclude"):
            if name in compose:
                nodes: Sequence[Document] = compose[name]
                compose[name] = [
                    _with_list(node, "concept", lists, (name, number)) for number, node in enumerate(nodes)
                ]
    return made, lists


def _with_list(
    node: Document, name: str, lists: dict[tuple[str, int], list[Any]], key: tuple[str, int]
) -> Document:
    if name not in node:
        return node
    lists[key] = list(node[name])
    return {**node, name: lists[key]}


def entries(parts: Sequence[Document], rows: Iterable[tuple[int, int, Document]]) -> Iterator[Entry]:
    """The entries that (part, depth, node) are of."""
    for part, depth, node in rows:
        yield Entry(parts[part]["list"], parts[part]["number"], depth, node)


def _exactly(value: object) -> orjson.Fragment:
    """A decimal with the digits that it has."""
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"a {type(value).__name__} cannot be kept")
