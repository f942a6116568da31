"""The tables of relationships between concepts, by kind and group; how they are written and read.

For each kind of relationship there is one table, sorted by target. The targets are numbers of concepts, or values
as the release writes them; each target has the numbers of its sources. A source is a group: groups are numbered
in the order of the concepts that they belong to. The source of a relationship outside all groups is the number of
the concept itself. A search among relationships therefore yields a set of groups, and that a set of concepts.
Rows about concepts, such as the members of reference sets, have numbers and tables of their own: a table for each
column.

The tables are parts of the artifact beside its header; only those that a request needs are read.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import orjson
import zstandard
from pyroaring import BitMap

from terminology.store.compile.scratch import RELATIONS, ScratchRow
from terminology.store.release import RelationshipTuple

# The names of the parts: the kinds that each table has; the concept of each group; the groups that stand for a
# single relationship which is in a group by itself.
KINDS, OWNERS, ALONE = "relations", "relations of", "relations alone"
# The same for rows: the concept of each.
ROW_OWNERS = "rows of"
# The names of tables: relationships in groups, to concepts and to values; relationships to concepts in no group.
GROUPED, VALUED, LINKED = "grouped", "valued", "linked"
# The names of the tables of columns: the concepts, and the values, in the cells.
ROW_CONCEPTS, ROW_VALUES = "row concepts", "row values"
# The bytes of a length, and of a number.
_LENGTH = 4
# The bits of the source in a pair of target and source.
_SHIFT = 32


def part_of(table: str, kind: str) -> str:
    """The name of the part with the table of a kind of relationship, or of a column; ``table`` is a name above."""
    return f"{table} {kind}"


# -- writing -------------------------------------------------------------------------------------


class RelationshipCollector:
    """Collects the relationships of a code system while its concepts pass in the order of their numbers."""

    def __init__(self, place_of: Callable[[str], int | None], ords: Sequence[int]) -> None:
        """``place_of`` gives the place of a code in the release, ``ords`` are the numbers of the concepts by place."""
        self._place_of, self._ords = place_of, ords
        self._owners = array("I")
        self._alone: list[int] = []
        # Target and source in one number, so that they sort quickly.
        self._concepts: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("Q"))
        self._values: dict[tuple[str, str], dict[str, array[int]]] = defaultdict(
            lambda: defaultdict(lambda: array("I"))
        )
        self._row_owners = array("I")

    def collect(self, rows: Iterable[tuple[int, ScratchRow]]) -> Iterator[tuple[int, ScratchRow]]:
        """Yield the rows, (number, row), unchanged, and collect their relationships."""
        for ord_, row in rows:
            relations = row[RELATIONS]
            if relations:
                self._add(ord_, relations)
            yield ord_, row

    def _add(self, ord_: int, relations: Sequence[RelationshipTuple]) -> None:
        last: int | None = None
        for group, kind, target, is_concept in relations:
            if group is not None and group < 0:
                if group != last:
                    last = group
                    self._row_owners.append(ord_)
                self._add_cell(kind, target, is_concept)
                continue
            if group is not None and group != last:
                last = group
                if group == 0:
                    self._alone.append(len(self._owners))
                self._owners.append(ord_)
            source = ord_ if group is None else len(self._owners) - 1
            if not is_concept:
                self._values[VALUED, kind][target].append(source)
            elif (place := self._place_of(target)) is not None:
                table = LINKED if group is None else GROUPED
                self._concepts[table, kind].append(self._ords[place] << _SHIFT | source)

    def _add_cell(self, column: str, value: str, is_concept: bool) -> None:
        """A cell of the last row. An identifier that is not that of a concept is a value."""
        row = len(self._row_owners) - 1
        place = self._place_of(value) if is_concept else None
        if place is None:
            self._values[ROW_VALUES, column][value].append(row)
        else:
            self._concepts[ROW_CONCEPTS, column].append(self._ords[place] << _SHIFT | row)

    def parts(self) -> list[tuple[str, bytes]]:
        """Name and content of each part; no parts if there are no relationships."""
        if not self._concepts and not self._values:
            return []
        kinds: dict[str, list[str]] = {
            table: [] for table in (GROUPED, VALUED, LINKED, ROW_CONCEPTS, ROW_VALUES)
        }
        parts = []
        for table, kind in sorted(self._concepts):
            kinds[table].append(kind)
            parts.append((part_of(table, kind), _packed_concepts(self._concepts.pop((table, kind)))))
        for table, kind in sorted(self._values):
            kinds[table].append(kind)
            parts.append((part_of(table, kind), _packed_values(self._values.pop((table, kind)))))
        parts.append((KINDS, orjson.dumps(kinds)))
        parts.append((OWNERS, zstandard.compress(self._owners.tobytes())))
        parts.append((ROW_OWNERS, zstandard.compress(self._row_owners.tobytes())))
        parts.append((ALONE, BitMap(self._alone).serialize()))
        return parts


def _packed_concepts(pairs: array[int]) -> bytes:
    targets, counts, sources = BitMap(), array("I"), array("I")
    last = -1
    for pair in sorted(pairs):
        target = pair >> _SHIFT
        if target != last:
            targets.add(target)
            counts.append(0)
            last = target
        counts[-1] += 1
        sources.append(pair & 0xFFFFFFFF)
    targets.run_optimize()
    return _packed(targets.serialize(), counts, sources)


def _packed_values(sources_of: Mapping[str, Sequence[int]]) -> bytes:
    values = sorted(sources_of)
    counts = array("I", [len(sources_of[value]) for value in values])
    sources = array("I", [source for value in values for source in sources_of[value]])
    return _packed(orjson.dumps(values), counts, sources)


def _packed(targets: bytes, counts: array[int], sources: array[int]) -> bytes:
    lengths = b"".join(length.to_bytes(_LENGTH, "little") for length in (len(targets), len(counts)))
    return zstandard.compress(lengths + counts.tobytes() + sources.tobytes() + targets)


# -- reading -------------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class RelationshipTable:
    """The relationships of one kind, sorted by target.

    Targets are ``targets``, numbers of concepts, or ``values``. The sources of the n-th target are
    ``numbers[starts[n]:starts[n + 1]]``.
    """

    targets: BitMap
    values: list[str]
    starts: array[int]
    numbers: array[int]

    @property
    def bytes(self) -> int:
        """The approximate size in memory."""
        return 4 * (len(self.starts) + len(self.numbers)) + 200

    def at(self, place: int) -> array[int]:
        """The sources of the target at a place among the targets."""
        return self.numbers[self.starts[place] : self.starts[place + 1]]


def kinds_of(part: bytes) -> dict[str, list[str]]:
    """The kinds of relationship by table, read from the part KINDS."""
    kinds: dict[str, list[str]] = orjson.loads(part)
    return kinds


def owners_of(part: bytes) -> array[int]:
    """The concept of each group, read from the part OWNERS."""
    return _numbers(zstandard.decompress(part))


def table_of(part: bytes, is_valued: bool) -> RelationshipTable:
    """The table in a part; ``is_valued`` says that its targets are values."""
    content = zstandard.decompress(part)
    length, count = (int.from_bytes(content[at : at + _LENGTH], "little") for at in (0, _LENGTH))
    begin, middle, end = 2 * _LENGTH, 2 * _LENGTH + 4 * count, len(content) - length
    starts = array("I", accumulate(_numbers(content[begin:middle]), initial=0))
    values = orjson.loads(content[end:]) if is_valued else []
    targets = BitMap() if is_valued else BitMap.deserialize(content[end:])
    return RelationshipTable(targets, values, starts, _numbers(content[middle:end]))


def _numbers(content: bytes) -> array[int]:
    numbers = array("I")
    numbers.frombytes(content)
    return numbers
