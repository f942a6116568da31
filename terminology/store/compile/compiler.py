"""How does a release become an artifact? Rows in, tables out.

Twice through the rows: first they are put down in a scratch file as they come, and only codes, displays and
parents are kept at hand; then, when the order is known, they are packed one by one and given to the sink.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from pyroaring import BitMap

from terminology.core.model import Document
from terminology.core.texts import bare
from terminology.store.compile.indexing import CHUNK, Found, chunks, postings_of
from terminology.store.compile.scratch import CHILD, PARENT, Kept, Spool
from terminology.store.header import DICTIONARY, HEADER, Header, map_document, system_document
from terminology.store.packing import MAPPING_FIELDS, SAMPLE, compressor, dictionary_of, packed, packed_lines
from terminology.store.relations import Relations
from terminology.store.release import CodeSystemRelease, ConceptRow, MapRelease, MapRow
from terminology.store.reporting import Reporter
from terminology.store.schema import FIRST_PROPERTY, INNER, MARK

ROLES = {"parent", "child", "notSelectable", "inactive", "status"}

TableRow = tuple[Any, ...]


class Sink(Protocol):
    """Where the tables of one artifact are written to."""

    def write(self, table: str, rows: Sequence[TableRow]) -> None: ...


def compile_system(
    release: CodeSystemRelease,
    rows: Iterable[ConceptRow],
    sink: Sink,
    reporter: Reporter,
    scratch: Path | None = None,
) -> int:
    """Write a code system; the number of its concepts."""
    with tempfile.TemporaryFile(dir=scratch) as file:
        spool = Spool(release, file, reporter)
        for row in rows:
            spool.add(row)
            if not len(spool.codes) % CHUNK:
                reporter.rows(len(spool.codes))
        return _System(release, spool, sink).write()


class _System:
    """The second half: packs what was put down, in order."""

    def __init__(self, release: CodeSystemRelease, spool: Spool, sink: Sink) -> None:
        self._release, self._spool, self._sink = release, spool, sink
        self._order = spool.order()
        self._header = Header("CodeSystem", system_document(release, len(spool.codes)), len(spool.codes))
        codes = [*(p.code for p in release.properties), *(code for code, _ in spool.kinds), *sorted(ROLES)]
        indexed = [code for code in dict.fromkeys([*codes, *spool.names]) if code not in release.unindexed]
        self._fields = {code: FIRST_PROPERTY + n for n, code in enumerate(indexed)}
        self._names = [type_ == "code" for _, type_ in spool.kinds]

    def write(self) -> int:
        spool, order, sink = self._spool, self._order, self._sink
        with postings_of(spool, order.places, self._fields) as postings:
            dictionary = dictionary_of(self._sample())
            compress = compressor(dictionary)
            relations = Relations(spool.places, order.ords)
            for chunk in chunks(relations.noted(enumerate(spool.read(order.places)))):
                sink.write("concept", [self._concept(ord_, kept, compress) for ord_, kept in chunk])
            for rows in chunks(self._hierarchy()):
                sink.write("hierarchy", rows)
            for found in postings.chunks():
                sink.write("posting", found)
        inner = (ord_ for ord_, place in enumerate(order.places) if order.children[place] is not None)
        sink.write("posting", [(MARK, INNER, bitmap_of(inner))])
        sink.write("header", relations.parts())
        self._finish(dictionary, postings)
        return self._header.count

    def _finish(self, dictionary: bytes, postings: Found) -> None:
        header = self._header
        header.uses, header.kinds = self._spool.uses, self._spool.kinds
        header.fields, header.long = self._fields, sorted(postings.long)
        header.languages = dict(postings.languages)
        declared = {p.get("code") for p in header.document.get("property", ())} | ROLES
        undeclared = {code: type_ for code, type_ in self._spool.kinds if code not in declared}
        if undeclared and not self._release.as_published:
            more = [{"code": code, "type": type_} for code, type_ in undeclared.items()]
            header.document["property"] = [*header.document.get("property", ()), *more]
        self._sink.write("header", [(HEADER, header.as_bytes()), (DICTIONARY, dictionary)])

    def _sample(self) -> list[bytes]:
        step = max(1, self._order.count // SAMPLE)
        places = self._order.places[::step]
        read = zip(places, self._spool.read(places), strict=True)
        return [packed_lines(self._body(place, kept)) for place, kept in read]

    def _concept(self, ord_: int, kept: Kept, compress: Callable[[bytes], bytes]) -> TableRow:
        place = self._order.places[ord_]
        code, display, flags, status = kept[:4]
        key = self._spool.key(code)
        body = compress(packed_lines(self._body(place, kept)))
        return ord_, key, None if code == key else code, display, flags, status, body

    def _body(self, place: int, kept: Kept) -> list[Any]:
        definition, designations, properties, extension, own = kept[4:9]
        stated = [
            *self._related(PARENT, self._order.parents[place]),
            *self._related(CHILD, self._order.children[place]),
        ]
        names = self._names
        stated += [self._named(*one) if names[one[0]] else one for one in properties]
        return [definition, designations, stated, extension, own]

    def _related(self, role: int, places: Sequence[int] | None) -> list[tuple[Any, ...]]:
        codes, displays = self._spool.codes, self._spool.displays
        return [(role, codes[place], displays[place]) for place in places or ()]

    def _named(self, kind: int, value: Any) -> tuple[Any, ...]:
        """A code, with the display of the concept that it names here."""
        place = self._spool.places.get(self._spool.key(str(value)))
        display = None if place is None else self._spool.displays[place]
        return (kind, value) if display is None else (kind, value, display)

    def _hierarchy(self) -> Iterator[TableRow]:
        order = self._order
        descendants = order.descendants()
        for ord_, place in enumerate(order.places):
            parents, children = order.parents[place], order.children[place]
            if parents is not None or children is not None:
                yield (
                    ord_,
                    bitmap_of(order.numbers(parents)) if parents else None,
                    bitmap_of(order.numbers(children)) if children else None,
                    descendants[place] if children else None,
                )


def bitmap_of(ords: Iterable[int]) -> bytes:
    made = BitMap(array("I", ords))
    made.run_optimize()
    return made.serialize()


# -- maps ----------------------------------------------------------------------------------------


def compile_map(
    release: MapRelease,
    rows: Iterable[MapRow],
    sink: Sink,
    reporter: Reporter,
) -> int:
    """Write a map; the number of its rows."""
    rows = iter(rows)
    sample = list(islice(rows, SAMPLE))
    dictionary = dictionary_of([packed(_fields_of(row)) for row in sample])
    compress = compressor(dictionary)
    count = 0
    attributes: dict[str, None] = {}
    for chunk in chunks(enumerate(_all_rows(sample, rows))):
        sink.write("mapping", [_mapping(place, row, compress) for place, row in chunk])
        attributes.update(dict.fromkeys(code for _, row in chunk for code, _, _ in row.depends_on))
        count = chunk[-1][0] + 1
        reporter.rows(count)
    header = Header("ConceptMap", map_document(release), count)
    header.groups = [_group(asdict(group)) for group in release.groups]
    header.attributes = list(attributes)
    sink.write("header", [(HEADER, header.as_bytes()), (DICTIONARY, dictionary)])
    return count


def _all_rows(first: Sequence[MapRow], rest: Iterator[MapRow]) -> Iterator[MapRow]:
    yield from first
    yield from rest


def _mapping(place: int, row: MapRow, compress: Callable[[bytes], bytes]) -> TableRow:
    body = compress(packed(_fields_of(row)))
    target = row.target
    return place, row.group, row.source, target, bare(row.source), bare(target) if target else None, body


def _fields_of(row: MapRow) -> list[Any]:
    return [getattr(row, name) for name in MAPPING_FIELDS]


def _group(group: Document) -> Document:
    return {name: value for name, value in group.items() if value is not None}
