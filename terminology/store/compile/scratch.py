"""The scratch file of a compilation: the rows of a code system in the order in which they were read.

In memory stay a few numbers of each row, whatever is in it. Rows refer by number to what many of them have in common:
the use of a designation, and the code and type of a property. Behind each row stands its label, the code and the
display alone, because other rows ask for these.
"""

from __future__ import annotations

import marshal
import mmap
import os
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import count
from struct import Struct
from typing import IO, Any, Final

from terminology.core.code_keys import CodeKeys
from terminology.core.model import Document, Problem
from terminology.store.compile.blocks import MARSHAL, blocks, bytes_at, write_block
from terminology.store.compile.chunks import CHUNK, chunks
from terminology.store.compile.order import ConceptOrder, in_order
from terminology.store.compile.places import PlaceTable
from terminology.store.packing import without_decimals
from terminology.store.release import CodeSystemRelease, ConceptRow, RelationshipTuple
from terminology.store.reporting import Reporter
from terminology.store.schema import HAS_DEFINITION, HAS_EXTENSION, IS_ABSTRACT, IS_INACTIVE

# Code, display, flags, status, definition, designations, properties, extension, own, terms, relations, identifiers. A
# designation is [value, language, number of the use, further elements], a property (number of the kind, value).
ScratchRow = tuple[
    str,
    str | None,
    int,
    str | None,
    str | None,
    list[list[Any]],
    list[tuple[int, Any]],
    list[Document],
    Any,
    list[tuple[str, str]],
    list[RelationshipTuple],
    list[int],
]
# The indexes of the relations and identifiers in a row.
RELATIONS: Final = 10
IDENTIFIERS: Final = 11

# The numbers of the kinds of property that every code system may have.
PARENT, CHILD = 0, 1
# How many files of a release a problem names.
NAMED = 3
# After so many bytes a reader releases the pages that it has read. A row elsewhere than the one before comes with so
# many bytes around it.
FORGET = 4 * 1024 * 1024
AROUND = 64 * 1024
# The end of a label: the bytes of the code and, plus one, of the display; 0 where there is none.
_LENGTHS = Struct("<II")
# Labels of usual length are read at once; so many stay at hand.
_USUAL = 192
AT_HAND = 8_192


class ScratchFile:
    """All rows of one code system.

    A concept is named by its place: the number of its row. ``starts`` are the offsets in the file at which the rows
    begin, and its end. ``names`` are the names of the terms (``ConceptRow.terms``) by which concepts are found.
    """

    def __init__(
        self, release: CodeSystemRelease, file: IO[bytes], parents: IO[bytes], reporter: Reporter
    ) -> None:
        """``file`` and ``parents`` are temporary files: for the rows, and for the codes of their parents."""
        self.language, self.case_sensitive = release.language, release.case_sensitive
        self._types = {p.code: p.type for p in release.properties}
        self.file, self._parents, self._reporter = file, parents, reporter
        self._file_names = [file.name for file in release.files]
        self._lines = array("I")
        self.starts = array("Q", (0,))
        # A new use or kind gets the next number.
        self._uses: defaultdict[bytes, int] = defaultdict(count().__next__)
        self._kinds: defaultdict[tuple[str, str], int] = defaultdict(
            count(CHILD + 1).__next__, {("parent", "code"): PARENT, ("child", "code"): CHILD}
        )
        self.names: dict[str, None] = {}
        self._keys = CodeKeys(release.case_sensitive, ())
        self._places = PlaceTable(lambda place: self.key_of(self.label(place)[0]))
        # ``ConceptRow.place`` of each row.
        self._release_places = array("I")
        # Places with the codes of their parents, which are put down a chunk at a time.
        self._last_parents: list[tuple[int, list[str]]] = []
        # The end of the rows that can be read again.
        self._flushed = 0
        self.label = lru_cache(AT_HAND)(self._label)

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.starts) - 1

    @property
    def uses(self) -> list[Document]:
        """The Codings to which designations refer by number."""
        return [marshal.loads(use) for use in self._uses]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Code and type of the properties to which concepts refer by number."""
        return list(self._kinds)

    @property
    def declared_kinds(self) -> list[tuple[str, str]]:
        """The kinds with the type with which the code system declares the property, if it does."""
        return [(code, self._types.get(code, type_)) for code, type_ in self._kinds]

    @property
    def has_release_places(self) -> bool:
        """Whether the release says the order of the concepts (``ConceptRow.place``)."""
        return len(self._release_places) == self.count

    # -- codes -------------------------------------------------------------------------------

    def key_of(self, code: str) -> str:
        """The key of a concept that has this code."""
        return self._keys.own(code)

    def place_of(self, code: str) -> int | None:
        """The place of the concept that a code means, once all rows have been added."""
        place = self._places.find(self.key_of(code))
        if place is None and self.case_sensitive is None:
            return self._firsts.find(code.casefold())
        return place

    @cached_property
    def _firsts(self) -> PlaceTable:
        """The first concept in the order of the release of those whose codes differ in case only."""
        firsts = PlaceTable(lambda place: self.label(place)[0].casefold())
        for place in self._in_release_order():
            firsts.add(self.label(place)[0].casefold(), place)
        return firsts

    def _in_release_order(self) -> Sequence[int]:
        """The places in the order of the release."""
        if not self.has_release_places:
            return range(self.count)
        return in_order(self._release_places)

    def _label(self, place: int) -> tuple[str, str | None]:
        """The code and the display of the concept at a place; ``label`` has some at hand."""
        end = self.starts[place + 1]
        if end > self._flushed:
            self.file.flush()
            self._flushed = self.starts[-1]
        content = _read_before(self.file, end, _USUAL)
        of_code, of_display = _LENGTHS.unpack_from(content, len(content) - _LENGTHS.size)
        length = of_code + max(0, of_display - 1) + _LENGTHS.size
        if length > len(content):
            content = _read_before(self.file, end, length)
        begin = len(content) - length
        middle = begin + of_code
        code = content[begin:middle].decode("utf-8", "surrogatepass")
        if not of_display:
            return code, None
        return code, content[middle : -_LENGTHS.size].decode("utf-8", "surrogatepass")

    # -- writing -----------------------------------------------------------------------------

    def add(self, row: ConceptRow) -> None:
        """Write a row; a repeated code is reported and left out."""
        place = self.count
        if self._places.add(self.key_of(row.code), place) is not None:
            self._report(row.line, f"the code '{row.code}' comes again; the first one stays")
            return
        if row.line:
            self._lines.append(row.line)
        if row.place is not None:
            self._release_places.append(row.place)
        if row.parents:
            self._last_parents.append((place, list(row.parents)))
            if len(self._last_parents) == CHUNK:
                write_block(self._parents, self._last_parents)
                self._last_parents = []
        for name, _ in row.terms:
            self.names[name] = None
        try:
            content = marshal.dumps(self._scratch_row(row), MARSHAL)
        except ValueError:  # marshal writes no decimals
            content = marshal.dumps(self._scratch_row(_without_decimals(row)), MARSHAL)
        content += _label_of(row)
        self.file.write(content)
        self.starts.append(self.starts[-1] + len(content))

    def _scratch_row(self, row: ConceptRow) -> ScratchRow:
        flags = IS_ABSTRACT * row.abstract | IS_INACTIVE * row.inactive
        flags |= HAS_DEFINITION * (row.definition is not None) | HAS_EXTENSION * bool(row.extension)
        kinds = self._kinds
        return (
            row.code,
            row.display,
            flags,
            row.status,
            row.definition,
            [self._designation(*designation) for designation in row.designations],
            [(kinds[code, type_], value) for code, type_, value in row.properties],
            list(row.extension),
            row.own,
            list(row.terms),
            list(row.relations),
            list(row.identifiers),
        )

    def _designation(
        self, value: str, language: str | None, use: Document | None, rest: Document | None
    ) -> list[Any]:
        if use is None and not rest:
            return [value, language]
        number = None
        if use is not None:
            number = self._uses[marshal.dumps(use, MARSHAL)]
        return [value, language, number, rest] if rest else [value, language, number]

    # -- reading -----------------------------------------------------------------------------

    def order(self) -> ConceptOrder:
        """The order of the concepts. Parents that are not there and circles are reported."""
        children, parents = array("I"), array("I")
        for place, codes in self._codes_of_parents():
            # Each parent once, as it was first named.
            of_child: dict[int | str, str] = {}
            for code in codes:
                parent_place = self.place_of(code)
                of_child[self.key_of(code) if parent_place is None else parent_place] = code
            for parent, code in of_child.items():
                if isinstance(parent, int):
                    children.append(place)
                    parents.append(parent)
                else:
                    text = f"the parent '{code}' of '{self.label(place)[0]}' is not there"
                    self._report(self._line(place), text)
        order = ConceptOrder(
            self.count, children, parents, self._release_places if self.has_release_places else None
        )
        for parent_place, child_place in order.circles:
            text = _circle(self.label(parent_place)[0], self.label(child_place)[0])
            self._report(self._line(child_place), text)
        return order

    def _codes_of_parents(self) -> Iterator[tuple[int, list[str]]]:
        """The places that have parents, with the codes of these."""
        self._parents.seek(0)
        for block in blocks(self._parents):
            yield from block
        yield from self._last_parents

    def _line(self, place: int) -> int:
        """The line that a concept was read from; 0 unless the importer gave a line for every concept."""
        return self._lines[place] if len(self._lines) == self.count else 0

    def _report(self, line: int, text: str) -> None:
        """Report a problem. A line is one of the first file; without a line it may be in any of the files."""
        names = self._file_names[:1] if line else self._file_names
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        self._reporter.problem(Problem(", ".join(names[:NAMED]) + more, line, text))

    def read(self, places: Iterable[int]) -> Iterator[ScratchRow]:
        """The rows at these places."""
        self.file.flush()
        starts = self.starts
        return read(self.file.fileno(), ((starts[place], starts[place + 1]) for place in places))

    def write_spans(self, places: Sequence[int]) -> int:
        """Write where the rows at these places begin and end, for ``spans``. Returns the place in the file."""
        begin, starts = self.file.tell(), self.starts
        for some in chunks(places):
            ends = array("Q", (offset for place in some for offset in (starts[place], starts[place + 1])))
            self.file.write(ends.tobytes())
        return begin


def _label_of(row: ConceptRow) -> bytes:
    code = row.code.encode("utf-8", "surrogatepass")
    if row.display is None:
        return code + _LENGTHS.pack(len(code), 0)
    display = row.display.encode("utf-8", "surrogatepass")
    return code + display + _LENGTHS.pack(len(code), len(display) + 1)


def _read_before(file: IO[bytes], end: int, length: int) -> bytes:
    """So many bytes before a place in a file, or all that there are."""
    start = max(0, end - length)
    return bytes_at(file.fileno(), start, end - start)


def _circle(parent: str, child: str) -> str:
    if parent == child:
        return f"'{parent}' is its own parent: the hierarchy goes in a circle"
    return f"'{child}' is below '{parent}', and '{parent}' below '{child}': the hierarchy goes in a circle"


def _without_decimals(row: ConceptRow) -> ConceptRow:
    """The row with other values in place of the decimals in its elements."""
    return replace(
        row,
        designations=[
            (value, language, without_decimals(use), without_decimals(rest))
            for value, language, use, rest in row.designations
        ],
        properties=[
            # The text of a decimal is what filters compare.
            (code, type_, str(value) if isinstance(value, Decimal) else without_decimals(value))
            for code, type_, value in row.properties
        ],
        extension=without_decimals(list(row.extension)),
    )


def read(file: int, spans: Iterable[tuple[int, int]]) -> Iterator[ScratchRow]:
    """The rows that begin and end at these places in a scratch file, one after the other.

    ``file`` is the descriptor of the scratch file.
    """
    if not os.fstat(file).st_size:
        return
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
        fresh = last = 0
        for start, end in spans:
            yield marshal.loads(content[start:end])
            fresh += end - start if start == last else AROUND
            last = end
            if fresh > FORGET and hasattr(content, "madvise"):
                # The pages stay in the cache of the operating system, but do not count as memory of this process.
                content.madvise(mmap.MADV_DONTNEED)
                fresh = 0


def spans(file: int, begin: int, count: int) -> Iterator[tuple[int, int]]:
    """Where so many rows begin and end: what ``ScratchFile.write_spans`` wrote at a place in a file."""
    for first in range(0, count, CHUNK):
        length = 2 * array("Q").itemsize
        some = array("Q", bytes_at(file, begin + length * first, length * min(CHUNK, count - first)))
        yield from zip(some[::2], some[1::2], strict=True)
