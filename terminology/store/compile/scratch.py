"""The rows of a release as they came, put down in a scratch file.

Only codes, displays and parents are kept at hand. What many rows have in common has a number: the use of a
designation, and code and type of a property.
"""

from __future__ import annotations

import marshal
import mmap
from array import array
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import IO, Any

from terminology.core.model import Document, Problem
from terminology.store.compile.order import Order
from terminology.store.packing import plain
from terminology.store.release import CodeSystemRelease, ConceptRow, RelationshipTuple
from terminology.store.reporting import Reporter
from terminology.store.schema import HAS_DEFINITION, HAS_EXTENSION, IS_ABSTRACT, IS_INACTIVE

# Code, display, flags, status, definition, designations, properties, extension, own, terms, relations.
Kept = tuple[
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
]

# The numbers of the properties that every code system may have.
PARENT, CHILD = 0, 1
# The last version of marshal that does not look for what comes twice.
MARSHAL = 2
# How many of the files of a release are named beside a problem.
NAMED = 3
# After so many rows a reader lets go of the pages that it has read.
FORGET = 20_000


class Spool:
    """All rows of one release."""

    def __init__(self, release: CodeSystemRelease, file: IO[bytes], reporter: Reporter) -> None:
        self._folds = not release.case_sensitive
        self.language = release.language
        self._types = {p.code: p.type for p in release.properties}
        self.file, self._reporter = file, reporter
        self._names = [file.name for file in release.files]
        self._lines = array("I")
        self.starts = array("Q", (0,))
        self._below, self._above = array("I"), array("I")
        self._later: list[tuple[int, str]] = []
        self._uses: dict[bytes, int] = {}
        self._kinds = {("parent", "code"): PARENT, ("child", "code"): CHILD}
        # The names of the terms that are neither words nor properties.
        self.names: dict[str, None] = {}
        self.places: dict[str, int] = {}
        self.codes: list[str] = []
        self.displays: list[str | None] = []
        self._standing = array("I")

    @property
    def uses(self) -> list[Document]:
        """The Codings that designations name by number."""
        return [marshal.loads(use) for use in self._uses]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Code and type of the properties that are named by number."""
        return list(self._kinds)

    @property
    def declared(self) -> list[tuple[str, str]]:
        """The same, with the type that the property is declared with, if it is."""
        return [(code, self._types.get(code, type_)) for code, type_ in self._kinds]

    def key(self, code: str) -> str:
        return code.casefold() if self._folds else code

    def add(self, row: ConceptRow) -> None:
        key = self.key(row.code)
        if key in self.places:
            self._say(row.line, f"the code '{row.code}' comes again; the first one stays")
            return
        place = self.places[key] = len(self.codes)
        self.codes.append(row.code)
        self.displays.append(row.display)
        if row.line:
            self._lines.append(row.line)
        if row.place is not None:
            self._standing.append(row.place)
        if row.parents:
            self._relate(place, row.parents)
        for name, _ in row.terms:
            self.names[name] = None
        content = marshal.dumps(self._kept(row), MARSHAL)
        self.file.write(content)
        self.starts.append(self.starts[-1] + len(content))

    def _relate(self, place: int, parents: Sequence[str]) -> None:
        """The parents of a concept stay in their order, so they wait until all of them are here."""
        above = dict.fromkeys(self.places.get(self.key(parent)) for parent in parents)
        if None in above:
            self._later.extend((place, parent) for parent in parents)
        else:
            self._below.extend([place] * len(above))
            self._above.extend(found for found in above if found is not None)

    def _kept(self, row: ConceptRow) -> Kept:
        """What of a row is not needed before it is packed."""
        flags = IS_ABSTRACT * row.abstract | IS_INACTIVE * row.inactive
        flags |= HAS_DEFINITION * (row.definition is not None) | HAS_EXTENSION * bool(row.extension)
        kinds = self._kinds
        return (
            row.code,
            row.display,
            flags,
            row.status,
            row.definition,
            [self._said(*said) for said in row.designations],
            [(kinds.setdefault((code, type_), len(kinds)), _plain(v)) for code, type_, v in row.properties],
            plain(list(row.extension)) if row.extension else [],
            row.own,
            list(row.terms),
            list(row.relations),
        )

    def _said(
        self, value: str, language: str | None, use: Document | None, rest: Document | None
    ) -> list[Any]:
        if use is None and not rest:
            return [value, language]
        number = None
        if use is not None:
            number = self._uses.setdefault(marshal.dumps(plain(use), MARSHAL), len(self._uses))
        return [value, language, number, plain(rest)] if rest else [value, language, number]

    def order(self) -> Order:
        below, above = array("I"), array("I")
        for (place, key), parent in {
            (place, self.key(parent)): parent for place, parent in self._later
        }.items():
            found = self.places.get(key)
            if found is None:
                self._say(self._line(place), f"the parent '{parent}' of '{self.codes[place]}' is not there")
            else:
                below.append(place)
                above.append(found)
        said = self._standing if len(self._standing) == len(self.codes) else None
        order = Order(len(self.codes), ((self._below, self._above), (below, above)), said)
        for above_, below_ in order.circles:
            self._say(self._line(below_), self._circle(self.codes[above_], self.codes[below_]))
        return order

    def _circle(self, above: str, below: str) -> str:
        if above == below:
            return f"'{above}' is its own parent: the hierarchy goes in a circle"
        return f"'{below}' is below '{above}', and '{above}' below '{below}': the hierarchy goes in a circle"

    def _line(self, place: int) -> int:
        """The line that a concept was read from, where the importer says it of all."""
        return self._lines[place] if len(self._lines) == len(self.codes) else 0

    def _say(self, line: int, text: str) -> None:
        """Where a line is known, it is one of the first file; else all that were read may be meant."""
        named = self._names[:1] if line else self._names
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        self._reporter.problem(Problem(", ".join(named[:NAMED]) + more, line, text))

    def read(self, places: Iterable[int]) -> Iterator[Kept]:
        self.file.flush()
        return read(self.file.fileno(), self.starts, places)


def _plain(value: Any) -> Any:
    """A value for marshal; of a decimal its text, as filters compare it."""
    if isinstance(value, dict):
        return plain(value)
    return str(value) if isinstance(value, Decimal) else value


def read(file: int, starts: array[int], places: Iterable[int]) -> Iterator[Kept]:
    """The rows at some places, one after the other. ``starts`` says where in the file each begins."""
    if len(starts) < 2:
        return
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
        for count, place in enumerate(places):
            yield marshal.loads(content[starts[place] : starts[place + 1]])
            if not count % FORGET and hasattr(content, "madvise"):
                # What was read stays with the operating system, but is no memory of this process.
                content.madvise(mmap.MADV_DONTNEED)
