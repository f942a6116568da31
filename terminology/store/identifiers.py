"""Identifiers of the parts of concepts, such as the descriptions of SNOMED CT: each leads to its concept.

They are in slices by their remainder, each sorted, so that a question reads a small part of the artifact. A slice has
the identifiers, the numbers of their concepts, and the places that they have among those of their concept.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import zstandard

from terminology.store.compile.scratch import IDENTIFIERS, ScratchRow

SLICES = 64
# The types of the columns of a slice: see ``array``.
_IDENTIFIERS, _ORDS, _PLACES = "Q", "I", "H"
_BYTES = sum(array(type_).itemsize for type_ in (_IDENTIFIERS, _ORDS, _PLACES))


class PartOfConcept(NamedTuple):
    """The number of a concept, and the place of an identifier among those of the concept (from 0)."""

    ord: int
    place: int


def slice_of(identifier: int) -> str:
    """The name of the part of an artifact that has an identifier, if any has."""
    return f"identifiers {identifier % SLICES}"


class IdentifierCollector:
    """Collects the identifiers of a code system while its concepts pass in the order of their numbers."""

    def __init__(self) -> None:
        self._slices: dict[str, tuple[array[int], array[int], array[int]]] = {}

    def collect(self, rows: Iterable[tuple[int, ScratchRow]]) -> Iterator[tuple[int, ScratchRow]]:
        """Yield the rows, (number, row), unchanged, and collect their identifiers."""
        for ord_, row in rows:
            for place, identifier in enumerate(row[IDENTIFIERS]):
                self._add(identifier, ord_, place)
            yield ord_, row

    def _add(self, identifier: int, ord_: int, place: int) -> None:
        if not self._slices:
            names = map(slice_of, range(SLICES))
            self._slices = {name: (array(_IDENTIFIERS), array(_ORDS), array(_PLACES)) for name in names}
        for column, value in zip(self._slices[slice_of(identifier)], (identifier, ord_, place), strict=True):
            column.append(value)

    def parts(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of each slice; none if there are no identifiers."""
        for name, columns in self._slices.items():
            order = sorted(range(len(columns[0])), key=columns[0].__getitem__)
            content = (array(c.typecode, map(c.__getitem__, order)).tobytes() for c in columns)
            yield name, zstandard.compress(b"".join(content))


def find(identifiers: Iterable[int], read: Callable[[str], bytes | None]) -> dict[int, PartOfConcept] | None:
    """The parts of concepts that have these identifiers; one that nothing has is left out.

    ``read`` reads a part of the artifact. None: this artifact has no identifiers.
    """
    parts: dict[int, PartOfConcept] = {}
    for name, some in groupby(sorted(identifiers, key=slice_of), key=slice_of):
        content = read(name)
        if content is None:
            return None
        known, ords, places = _columns(zstandard.decompress(content))
        for identifier in some:
            at = bisect_left(known, identifier)
            if at < len(known) and known[at] == identifier:
                parts[identifier] = PartOfConcept(ords[at], places[at])
    return parts


def _columns(content: bytes) -> tuple[array[int], array[int], array[int]]:
    count = len(content) // _BYTES
    known, ords, places = array(_IDENTIFIERS), array(_ORDS), array(_PLACES)
    end = known.itemsize * count
    known.frombytes(content[:end])
    ords.frombytes(content[end : end + ords.itemsize * count])
    places.frombytes(content[end + ords.itemsize * count :])
    return known, ords, places
