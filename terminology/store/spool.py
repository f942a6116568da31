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

from terminology.model import Document
from terminology.release import ConceptRow, Problem, Related, Release, Report
from terminology.store.order import Order
from terminology.store.schema import HAS_DEFINITION, IS_ABSTRACT, IS_INACTIVE

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
    list[Related],
]

# The numbers of the properties that every code system may have.
PARENT, CHILD = 0, 1
# The last version of marshal that does not look for what comes twice.
MARSHAL = 2
# After so many rows the pages of the file are given back, where the system can be told so.
FORGOTTEN = 10_000
_FORGET: int | None = getattr(mmap, "MADV_DONTNEED", None)


class Spool:
    """All rows of one release."""

    def __init__(self, release: Release, file: IO[bytes], report: Report) -> None:
        self._folds = not release.case_sensitive
        self.file, self._report = file, report
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

    @property
    def uses(self) -> list[Document]:
        """The Codings that designations name by number."""
        return [marshal.loads(use) for use in self._uses]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Code and type of the properties that are named by number."""
        return list(self._kinds)

    def key(self, code: str) -> str:
        return code.casefold() if self._folds else code

    def add(self, row: ConceptRow) -> None:
        key = self.key(row.code)
        if key in self.places:
            self._report(Problem("", 0, f"the code '{row.code}' comes again; the first one stays"))
            return
        place = self.places[key] = len(self.codes)
        self.codes.append(row.code)
        self.displays.append(row.display)
        if row.parents:
            self._relate(place, row.parents)
        for name, _ in row.terms:
            self.names[name] = None
        content = marshal.dumps(self._kept(row), MARSHAL)
        self.file.write(content)
        self.starts.append(self.starts[-1] + len(content))

    def _relate(self, place: int, parents: Sequence[str]) -> None:
        """The parents of a concept stay in their order, so they wait until all of them are here."""
        above = [self.places.get(self.key(parent)) for parent in parents]
        if None in above:
            self._later.extend((place, parent) for parent in parents)
        else:
            self._below.extend([place] * len(above))
            self._above.extend(found for found in above if found is not None)

    def _kept(self, row: ConceptRow) -> Kept:
        """What of a row is not needed before it is packed."""
        flags = IS_ABSTRACT * row.abstract | IS_INACTIVE * row.inactive
        kinds = self._kinds
        return (
            row.code,
            row.display,
            flags | HAS_DEFINITION * (row.definition is not None),
            row.status,
            row.definition,
            [self._said(*said) for said in row.designations],
            [
                (kinds.setdefault((code, type_), len(kinds)), str(v) if isinstance(v, Decimal) else v)
                for code, type_, v in row.properties
            ],
            list(row.extension),
            row.own,
            list(row.terms),
            list(row.relations),
        )

    def _said(
        self, value: str, language: str | None, use: Document | None, rest: Document | None
    ) -> list[Any]:
        if use is None and not rest:
            return [value, language]
        number = None if use is None else self._uses.setdefault(marshal.dumps(use, MARSHAL), len(self._uses))
        return [value, language, number, rest] if rest else [value, language, number]

    def order(self) -> Order:
        below, above = array("I"), array("I")
        for place, parent in self._later:
            found = self.places.get(self.key(parent))
            if found is None:
                text = f"the parent '{parent}' of '{self.codes[place]}' is not there"
                self._report(Problem("", 0, text))
            else:
                below.append(place)
                above.append(found)
        return Order(len(self.codes), ((self._below, self._above), (below, above)))

    def read(self, places: Iterable[int]) -> Iterator[Kept]:
        self.file.flush()
        return read(self.file.fileno(), self.starts, places)


def read(file: int, starts: array[int], places: Iterable[int]) -> Iterator[Kept]:
    """The rows at some places, one after the other. ``starts`` says where in the file each begins."""
    if len(starts) < 2:
        return
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
        for number, place in enumerate(places):
            if not number % FORGOTTEN and _FORGET is not None:
                # What was read is not needed again soon, and counts as this process's memory.
                content.madvise(_FORGET)
            yield marshal.loads(content[starts[place] : starts[place + 1]])
