"""The compilers of code systems and maps: rows of a release in, rows of tables out.

A code system takes two passes: the first writes the rows to a scratch file as they come; the second, when the order of
the concepts is known, packs them one by one. Only a few numbers of each concept stay in memory between them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from hashlib import sha256
from itertools import chain, islice
from typing import Any

from pyroaring import BitMap

from terminology.core.model import Document
from terminology.core.texts import bare
from terminology.store.backend import Sink, TableRow
from terminology.store.compile.blocks import block_at, write_block
from terminology.store.compile.chunks import CHUNK, chunks
from terminology.store.compile.indexing import ConceptPostings, postings_of
from terminology.store.compile.scratch import CHILD, PARENT, ScratchFile, ScratchRow
from terminology.store.header import DICTIONARY, HEADER, Header, code_system_document, map_document
from terminology.store.identifiers import IdentifierCollector
from terminology.store.packing import SAMPLE, MappingBody, compressor, dictionary_of, packed, packed_lines
from terminology.store.posting_terms import field_in_any_case
from terminology.store.relations import RelationshipCollector
from terminology.store.release import CodeSystemRelease, ConceptRow, MapRelease, MapRow
from terminology.store.reporting import Reporter
from terminology.store.schema import BELOW, FIRST_PROPERTY, HAS_FOLDED, INNER, MARK
from terminology.store.temporary import temporary_file

# Properties that every code system has, declared or not.
COMMON_PROPERTIES = {"parent", "child", "notSelectable", "inactive", "status"}
# So many codes stay at hand with their displays: the same properties come again and again.
AT_HAND = 16_384


def compile_code_system(
    release: CodeSystemRelease, rows: Iterable[ConceptRow], sink: Sink, reporter: Reporter
) -> int:
    """Write the tables of a code system. Returns the number of its concepts."""
    with temporary_file() as file, temporary_file() as parents:
        scratch_file = ScratchFile(release, file, parents, reporter)
        for row in rows:
            scratch_file.add(row)
            if not scratch_file.count % CHUNK:
                reporter.rows(scratch_file.count)
        return _CodeSystemCompiler(release, scratch_file, sink).write()


class _CodeSystemCompiler:
    """The second pass: packs the rows of a scratch file, in the order of the concepts."""

    def __init__(self, release: CodeSystemRelease, scratch: ScratchFile, sink: Sink) -> None:
        self._release, self._scratch, self._sink = release, scratch, sink
        self._order = scratch.order()
        count = scratch.count
        self._header = Header("CodeSystem", code_system_document(release, count), count)
        declared = [declaration.code for declaration in release.properties]
        codes = [*declared, *(code for code, _ in scratch.kinds), *sorted(COMMON_PROPERTIES)]
        codes += [*map(field_in_any_case, release.in_any_case), *scratch.names]
        indexed = [code for code in dict.fromkeys(codes) if code not in release.unindexed]
        self._fields = {code: FIRST_PROPERTY + n for n, code in enumerate(indexed)}
        self._digest = sha256()
        # By number of the kind: whether its values are codes of concepts.
        self._is_code = [type_ == "code" for _, type_ in scratch.kinds]
        self._display_of = lru_cache(AT_HAND)(self._display_in_scratch)

    def write(self) -> int:
        """Write all tables. Returns the number of concepts."""
        scratch, order, sink = self._scratch, self._order, self._sink
        with postings_of(scratch, order.places, self._fields) as postings:
            dictionary = dictionary_of(self._sample())
            compress = compressor(dictionary)
            relations, identifiers = (
                RelationshipCollector(scratch.place_of, order.ords),
                IdentifierCollector(),
            )
            numbered = identifiers.collect(relations.collect(enumerate(scratch.read(order.places))))
            for concepts in chunks(self._concept(ord_, row, compress) for ord_, row in numbered):
                sink.write("concept", concepts)
            for rows in chunks(self._hierarchy()):
                sink.write("hierarchy", rows)
            for posting_rows in postings.chunks():
                sink.write("posting", posting_rows)
        for mark, relatives in ((INNER, order.children), (BELOW, order.parents)):
            having = (ord_ for ord_, place in enumerate(order.places) if relatives[place])
            sink.write("posting", [(MARK, mark, bitmap_of(having))])
        if scratch.case_sensitive is None:
            sink.write("posting", [(MARK, HAS_FOLDED, bitmap_of(()))])
        sink.write("header", [*relations.parts(), *identifiers.parts()])
        self._write_header(dictionary, postings)
        return self._header.count

    def _write_header(self, dictionary: bytes, postings: ConceptPostings) -> None:
        header = self._header
        header.digest = self._digest.hexdigest()
        header.uses, header.kinds = self._scratch.uses, self._scratch.kinds
        header.fields, header.long = self._fields, sorted(postings.long)
        header.languages = dict(postings.languages)
        declarations = header.document.get("property", ())
        declared = {declaration.get("code") for declaration in declarations} | COMMON_PROPERTIES
        undeclared = {code: type_ for code, type_ in self._scratch.kinds if code not in declared}
        if undeclared and not self._release.as_published:
            added = [{"code": code, "type": type_} for code, type_ in undeclared.items()]
            header.document["property"] = [*declarations, *added]
        self._sink.write("header", [(HEADER, header.as_bytes()), (DICTIONARY, dictionary)])

    def _sample(self) -> list[bytes]:
        """The bodies of some concepts, spread over the code system."""
        step = max(1, self._order.count // SAMPLE)
        places = self._order.places[::step]
        rows = zip(places, self._scratch.read(places), strict=True)
        return [packed_lines(self._body(place, row)) for place, row in rows]

    def _concept(self, ord_: int, row: ScratchRow, compress: Callable[[bytes], bytes]) -> TableRow:
        place = self._order.places[ord_]
        code, display, flags, status = row[:4]
        key = self._scratch.key_of(code)
        lines = packed_lines(self._body(place, row))
        self._digest.update(f"{code}\0{display}\0{flags}\0".encode("utf-8", "surrogatepass") + lines)
        body = compress(lines)
        return ord_, key, None if code == key else code, display, flags, status, body

    def _body(self, place: int, row: ScratchRow) -> list[Any]:
        """The lines of a concept's body: see ``store/packing.py``."""
        definition, designations, properties, extension, own = row[4:9]
        is_code, display_of = self._is_code, self._display_of
        lines = [
            *self._relatives(PARENT, self._order.parents[place]),
            *self._relatives(CHILD, self._order.children[place]),
        ]
        lines += [
            (*one, display) if is_code[one[0]] and (display := display_of(str(one[1]))) is not None else one
            for one in properties
        ]
        return [definition, designations, lines, extension, own]

    def _relatives(self, kind: int, places: Sequence[int] | None) -> list[tuple[Any, ...]]:
        label = self._scratch.label
        return [(kind, *label(place)) for place in places or ()]

    def _display_in_scratch(self, code: str) -> str | None:
        """The display of a concept that is the value of a property, if it is one of this code system."""
        place = self._scratch.place_of(code)
        return None if place is None else self._scratch.label(place)[1]

    def _hierarchy(self) -> Iterator[TableRow]:
        order = self._order
        if not order.has_edges:
            return
        with temporary_file() as file:
            # They come in another order than they are written in.
            offsets = array("Q", bytes(8 * order.count))
            for place, descendants in order.descendants():
                offsets[place] = file.tell()
                write_block(file, descendants)
            for ord_, place in enumerate(order.places):
                parents, children = order.parents[place], order.children[place]
                if parents is not None or children is not None:
                    yield (
                        ord_,
                        bitmap_of(order.numbers(parents)) if parents else None,
                        bitmap_of(order.numbers(children)) if children else None,
                        block_at(file, offsets[place]) if children else None,
                    )


def bitmap_of(ords: Iterable[int]) -> bytes:
    """A serialized bitmap of these numbers."""
    bitmap = BitMap(array("I", ords))
    bitmap.run_optimize()
    return bitmap.serialize()


# -- maps ----------------------------------------------------------------------------------------


def compile_map(release: MapRelease, rows: Iterable[MapRow], sink: Sink, reporter: Reporter) -> int:
    """Write the tables of a map. Returns the number of its rows."""
    rows = iter(rows)
    sample = list(islice(rows, SAMPLE))
    dictionary = dictionary_of([packed(_body_of(row)) for row in sample])
    compress = compressor(dictionary)
    count = 0
    attributes: dict[str, None] = {}
    digest = sha256()
    for chunk in chunks(enumerate(chain(sample, rows))):
        sink.write("mapping", [_mapping(place, row, compress, digest.update) for place, row in chunk])
        attributes.update(dict.fromkeys(code for _, row in chunk for code, _, _ in row.depends_on))
        count = chunk[-1][0] + 1
        reporter.rows(count)
    header = Header("ConceptMap", map_document(release), count)
    header.groups = [_group(asdict(group)) for group in release.groups]
    header.attributes = list(attributes)
    header.digest = digest.hexdigest()
    sink.write("header", [(HEADER, header.as_bytes()), (DICTIONARY, dictionary)])
    return count


def _mapping(
    place: int, row: MapRow, compress: Callable[[bytes], bytes], digest: Callable[[bytes], None]
) -> TableRow:
    content, target = packed(_body_of(row)), row.target
    digest(f"{row.group}\0{row.source}\0{target}\0".encode("utf-8", "surrogatepass") + content)
    body = compress(content)
    return place, row.group, row.source, target, bare(row.source), bare(target) if target else None, body


def _body_of(row: MapRow) -> list[Any]:
    return [getattr(row, name) for name in MappingBody._fields]


def _group(group: Document) -> Document:
    return {name: value for name, value in group.items() if value is not None}
