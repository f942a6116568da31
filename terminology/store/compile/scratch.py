"""The scratch file of a compilation: the rows of a code system in the order in which they were read.

Only codes, displays and parents stay in memory. Rows refer by number to what many of them have in common: the use
of a designation, and the code and type of a property.
"""

from __future__ import annotations

import marshal
import mmap
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import IO, Any, Final

from terminology.core.code_keys import CodeKeys
from terminology.core.model import Document, Problem
from terminology.store.compile.order import ConceptOrder
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
# The last version of marshal that does not look for objects that occur twice.
MARSHAL = 2
# How many files of a release a problem names.
NAMED = 3
# After so many bytes a reader releases the pages that it has read.
FORGET = 4 * 1024 * 1024


class ScratchFile:
    """All rows of one code system.

    A concept is named by its place: the number of its row. ``places`` has the place of each key; ``codes`` and
    ``displays`` are by place; ``starts`` are the offsets in the file at which the rows begin, and its end.
    ``names`` are the names of the terms (``ConceptRow.terms``) by which concepts are found.
    """

    def __init__(self, release: CodeSystemRelease, file: IO[bytes], reporter: Reporter) -> None:
        self.language, self.case_sensitive = release.language, release.case_sensitive
        self._types = {p.code: p.type for p in release.properties}
        self.file, self._reporter = file, reporter
        self._file_names = [file.name for file in release.files]
        self._lines = array("I")
        self.starts = array("Q", (0,))
        # Pairs of child and parent, where all parents of the child were read before it.
        self._children, self._parents = array("I"), array("I")
        # Child and code of the parent, where a parent was still to come.
        self._unresolved: list[tuple[int, str]] = []
        self._uses: dict[bytes, int] = {}
        self._kinds = {("parent", "code"): PARENT, ("child", "code"): CHILD}
        self.names: dict[str, None] = {}
        self.places: dict[str, int] = {}
        self.keys = CodeKeys(release.case_sensitive, self.places, self._keys_in_order)
        self.codes: list[str] = []
        self.displays: list[str | None] = []
        # ``ConceptRow.place`` of each row.
        self._release_places = array("I")

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

    def _keys_in_order(self) -> Iterable[str]:
        """The keys in the order of the release."""
        if not self.has_release_places:
            return self.places
        return sorted(self.places, key=lambda key: self._release_places[self.places[key]])

    @property
    def has_release_places(self) -> bool:
        """Whether the release says the order of the concepts (``ConceptRow.place``)."""
        return len(self._release_places) == len(self.codes)

    def place_of(self, code: str) -> int | None:
        """The place of the concept that a code means, once all rows have been added."""
        return self.places.get(self.keys.of(code))

    def add(self, row: ConceptRow) -> None:
        """Write a row; a repeated code is reported and left out."""
        key = self.keys.own(row.code)
        if key in self.places:
            self._report(row.line, f"the code '{row.code}' comes again; the first one stays")
            return
        place = self.places[key] = len(self.codes)
        self.codes.append(row.code)
        self.displays.append(row.display)
        if row.line:
            self._lines.append(row.line)
        if row.place is not None:
            self._release_places.append(row.place)
        if row.parents:
            self._add_parents(place, row.parents)
        for name, _ in row.terms:
            self.names[name] = None
        try:
            content = marshal.dumps(self._scratch_row(row), MARSHAL)
        except ValueError:  # marshal writes no decimals
            content = marshal.dumps(self._scratch_row(_without_decimals(row)), MARSHAL)
        self.file.write(content)
        self.starts.append(self.starts[-1] + len(content))

    def _add_parents(self, place: int, parents: Sequence[str]) -> None:
        """The parents of a concept stay in their order: all of them wait until the last one has been read."""
        parent_places = dict.fromkeys(self.places.get(self.keys.own(parent)) for parent in parents)
        if None in parent_places:
            self._unresolved.extend((place, parent) for parent in parents)
        else:
            self._children.extend([place] * len(parent_places))
            self._parents.extend(parent for parent in parent_places if parent is not None)

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
            [
                (
                    kinds.setdefault((code, type_), len(kinds)),
                    # The text of a decimal is what filters compare.
                    str(value) if isinstance(value, Decimal) else value,
                )
                for code, type_, value in row.properties
            ],
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
            number = self._uses.setdefault(marshal.dumps(use, MARSHAL), len(self._uses))
        return [value, language, number, rest] if rest else [value, language, number]

    def order(self) -> ConceptOrder:
        """The order of the concepts. Parents that are not there and circles are reported."""
        children, parents = array("I"), array("I")
        for (place, key), parent in {
            (place, self.keys.of(parent)): parent for place, parent in self._unresolved
        }.items():
            parent_place = self.places.get(key)
            if parent_place is None:
                text = f"the parent '{parent}' of '{self.codes[place]}' is not there"
                self._report(self._line(place), text)
            else:
                children.append(place)
                parents.append(parent_place)
        order = ConceptOrder(
            len(self.codes),
            ((self._children, self._parents), (children, parents)),
            self._release_places if self.has_release_places else None,
        )
        for parent_place, child_place in order.circles:
            self._report(self._line(child_place), _circle(self.codes[parent_place], self.codes[child_place]))
        return order

    def _line(self, place: int) -> int:
        """The line that a concept was read from; 0 unless the importer gave a line for every concept."""
        return self._lines[place] if len(self._lines) == len(self.codes) else 0

    def _report(self, line: int, text: str) -> None:
        """Report a problem. A line is one of the first file; without a line it may be in any of the files."""
        names = self._file_names[:1] if line else self._file_names
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        self._reporter.problem(Problem(", ".join(names[:NAMED]) + more, line, text))

    def read(self, places: Iterable[int]) -> Iterator[ScratchRow]:
        """The rows at these places."""
        self.file.flush()
        return read(self.file.fileno(), self.starts, places)


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
            (code, type_, without_decimals(value) if isinstance(value, dict) else value)
            for code, type_, value in row.properties
        ],
        extension=without_decimals(list(row.extension)),
    )


def read(file: int, starts: array[int], places: Iterable[int]) -> Iterator[ScratchRow]:
    """The rows at these places, one after the other.

    ``file`` is the descriptor of a scratch file, ``starts`` are those of ``ScratchFile``.
    """
    if len(starts) < 2:
        return
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
        fresh = 0
        for place in places:
            start, end = starts[place], starts[place + 1]
            yield marshal.loads(content[start:end])
            fresh += end - start
            if fresh > FORGET and hasattr(content, "madvise"):
                # The pages stay in the cache of the operating system, but do not count as memory of this process.
                content.madvise(mmap.MADV_DONTNEED)
                fresh = 0
