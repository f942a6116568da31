"""Value sets in the store: the document, and beside it the lists of one that lists many codes.

In the document in the header each list is empty. ``Header.parts`` describes the lists::

    {"list": "include" | "exclude" | "expansion", "number": 0,      # which include or exclude
     "system": ..., "version": ...,                                 # in an expansion: of these codes
     "first": 0, "end": 12000, "count": 12000,                      # the places of its entries
     "repeated": [...]}                                             # folded codes that occur more than once

An expansion has one part for each code system and version in it, since a definition reads it so, and a part
without a code system for entries without a code. ``with_entries`` puts the entries back into the document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain, islice
from typing import Any, NamedTuple

import orjson

from terminology.core.model import Document
from terminology.store.backend import Sink, TableRow
from terminology.store.compile.chunks import chunks
from terminology.store.header import DICTIONARY, HEADER, Header, value_set_document
from terminology.store.packing import SAMPLE, compressor, dictionary_of
from terminology.store.release import MemberRow, ValueSetRelease
from terminology.store.reporting import Reporter

# A value set with at most this many list entries is kept as its document.
SMALL = 1_000
EXPANSION = "expansion"

# The key of a part: the list, its number and, in an expansion, code system and version.
_Key = tuple[str, int, str | None, str | None]


class ListEntry(NamedTuple):
    """An entry of a list, ready to be put back.

    ``list_`` and ``number`` say in which list it is, ``depth`` how deep it is nested in an expansion. In ``node``
    an inner ``contains`` is empty.
    """

    list_: str
    number: int
    depth: int
    node: Document


def compile_value_set(
    release: ValueSetRelease, rows: Iterable[MemberRow], sink: Sink, reporter: Reporter
) -> int:
    """Write the tables of a value set. Returns the number of entries in its lists."""
    rows = iter(rows)
    header = Header("ValueSet", value_set_document(release))
    sample = list(islice(rows, max(SAMPLE, SMALL + 1)))
    if len(sample) <= SMALL:
        in_order = sorted(sample, key=lambda row: row.place)
        header.document = with_entries(
            header.document, (ListEntry(r.list_, r.number, r.depth, r.node) for r in in_order)
        )
        header.count = len(sample)
        dictionary = b""
    else:
        dictionary = dictionary_of([entry_json(row.node) for row in sample[:SAMPLE]])
        _ListCompiler(header, compressor(dictionary), sink, reporter).write(chain(sample, rows))
    sink.write("header", [(HEADER, header.as_bytes()), (DICTIONARY, dictionary)])
    return header.count


class _ListCompiler:
    """Writes the entries of all lists, and describes the lists in the header."""

    def __init__(
        self, header: Header, compress: Callable[[bytes], bytes], sink: Sink, reporter: Reporter
    ) -> None:
        self._header, self._compress, self._sink, self._reporter = header, compress, sink, reporter
        self._parts: dict[_Key, Document] = {}
        self._numbers: dict[_Key, int] = {}
        # By number of the part: the folded codes in it, and those that occur more than once.
        self._codes: list[set[str]] = []
        self._repeated: list[set[str]] = []

    def write(self, rows: Iterable[MemberRow]) -> None:
        """Write the rows, which may come in any order."""
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
        return row.place, part, code, folded, row.depth, self._compress(entry_json(row.node))

    def _part(self, row: MemberRow, folded: str) -> int:
        """The number of the part that a row belongs to, after the row has been counted there."""
        system, version = row.node.get("system"), row.node.get("version")
        if row.list_ != EXPANSION or system is None or "code" not in row.node:
            system = version = None
        key = row.list_, row.number, system, version
        if key not in self._parts:
            self._numbers[key] = len(self._parts)
            self._parts[key] = _new_part(key, row.place)
            self._codes.append(set())
            self._repeated.append(set())
        number, part = self._numbers[key], self._parts[key]
        part["first"], part["end"] = min(part["first"], row.place), max(part["end"], row.place + 1)
        part["count"] += 1
        if folded in self._codes[number]:
            self._repeated[number].add(folded)
        self._codes[number].add(folded)
        return number


def _new_part(key: _Key, place: int) -> Document:
    list_, number, system, version = key
    source = {"system": system, "version": version} if list_ == EXPANSION else {}
    return {"list": list_, "number": number, **source, "first": place, "end": place, "count": 0}


def entry_json(node: Document) -> bytes:
    """The JSON of an entry; a decimal keeps its digits."""
    return orjson.dumps(node, default=_decimal_json)


def _decimal_json(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"a {type(value).__name__} cannot be stored")


def read_entry(content: bytes) -> Document:
    """The entry that ``entry_json`` was given."""
    node: Document = json.loads(content, parse_float=Decimal)
    return node


# -- putting the entries back --------------------------------------------------------------------


def with_entries(document: Document, entries: Iterable[ListEntry]) -> Document:
    """A copy of the document with entries, which come in their order, in its lists."""
    copy, lists = with_open_lists(document)
    levels: list[list[Any]] = []
    for list_, number, depth, node in entries:
        if list_ != EXPANSION:
            lists[list_, number].append(node)
            continue
        inner: list[Any] = []
        level = levels[depth - 1] if depth else lists[EXPANSION, 0]
        level.append({**node, "contains": inner} if "contains" in node else node)
        levels[depth:] = [inner]
    return copy


def with_open_lists(document: Document) -> tuple[Document, dict[tuple[str, int], list[Any]]]:
    """A copy of the document, and its lists by name and number; entries may be added to these."""
    lists: dict[tuple[str, int], list[Any]] = {}
    copy = dict(document)
    if EXPANSION in copy:
        copy[EXPANSION] = _with_open_list(copy[EXPANSION], "contains", lists, (EXPANSION, 0))
    if "compose" in copy:
        compose = copy["compose"] = dict(copy["compose"])
        for name in ("include", "exclude"):
            if name in compose:
                nodes: Sequence[Document] = compose[name]
                compose[name] = [
                    _with_open_list(node, "concept", lists, (name, number))
                    for number, node in enumerate(nodes)
                ]
    return copy, lists


def _with_open_list(
    node: Document, name: str, lists: dict[tuple[str, int], list[Any]], key: tuple[str, int]
) -> Document:
    if name not in node:
        return node
    lists[key] = list(node[name])
    return {**node, name: lists[key]}


def entries_of(parts: Sequence[Document], rows: Iterable[tuple[int, int, Document]]) -> Iterator[ListEntry]:
    """The entries of rows ``(part, depth, node)``; ``parts`` are those of the header."""
    for part, depth, node in rows:
        yield ListEntry(parts[part]["list"], parts[part]["number"], depth, node)
