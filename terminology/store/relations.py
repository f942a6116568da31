"""Which concepts are related to which, by what kind of relationship, and in which group?

Groups have numbers of their own, in the order of the concepts that they belong to. For each kind of
relationship there is one table, sorted by where it leads: the targets (numbers of concepts, or values as the
release writes them), and for each target the numbers of the groups that lead there. What stands in no group
at all leads there from the number of its concept. So whatever is asked of relationships becomes a set of
groups, and that a set of concepts.

The tables lie beside the header of the artifact; only those that a question needs are read.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import orjson
import zstandard
from pyroaring import BitMap

from terminology.store.compile.scratch import Kept
from terminology.store.release import RelationshipTuple

# The names of the parts of an artifact.
KINDS, OWNERS, ALONE = "relations", "relations of", "relations alone"
# The tables: to concepts and to values, in groups; and to concepts, in none.
GROUPED, VALUED, LINKED = "grouped", "valued", "linked"
_LENGTH = 4
_SHIFT = 32


def part_of(table: str, kind: str) -> str:
    """The name of the part that has the table of a kind of relationship."""
    return f"{table} {kind}"


# -- writing -------------------------------------------------------------------------------------


class Relations:
    """The relationships of a code system, gathered while its concepts go by in the order of their numbers."""

    def __init__(self, places: Mapping[str, int], ords: Sequence[int]) -> None:
        """``places`` of the codes in the release, ``ords`` by place."""
        self._places, self._ords = places, ords
        self._owners = array("I")
        self._alone: list[int] = []
        # Target and number in one, so that they sort quickly.
        self._concepts: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("Q"))
        self._values: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))

    def noted(self, rows: Iterable[tuple[int, Kept]]) -> Iterator[tuple[int, Kept]]:
        """The same rows; what they are related to is kept."""
        for ord_, kept in rows:
            if kept[10]:
                self._add(ord_, kept[10])
            yield ord_, kept

    def _add(self, ord_: int, relations: Sequence[RelationshipTuple]) -> None:
        last: int | None = None
        for group, kind, target, is_concept in relations:
            if group is not None and group != last:
                last = group
                if group == 0:
                    self._alone.append(len(self._owners))
                self._owners.append(ord_)
            number = ord_ if group is None else len(self._owners) - 1
            if not is_concept:
                self._values[kind][target].append(number)
            elif (place := self._places.get(target)) is not None:
                table = LINKED if group is None else GROUPED
                self._concepts[table, kind].append(self._ords[place] << _SHIFT | number)

    def parts(self) -> list[tuple[str, bytes]]:
        """Name and content of each part; none where nothing is related."""
        if not self._concepts and not self._values:
            return []
        kinds: dict[str, list[str]] = {GROUPED: [], VALUED: sorted(self._values), LINKED: []}
        parts = []
        for table, kind in sorted(self._concepts):
            kinds[table].append(kind)
            parts.append((part_of(table, kind), _packed_concepts(self._concepts.pop((table, kind)))))
        for kind in kinds[VALUED]:
            parts.append((part_of(VALUED, kind), _packed_values(self._values.pop(kind))))
        parts.append((KINDS, orjson.dumps(kinds)))
        parts.append((OWNERS, zstandard.compress(self._owners.tobytes())))
        parts.append((ALONE, BitMap(self._alone).serialize()))
        return parts


def _packed_concepts(pairs: array[int]) -> bytes:
    targets, counts, numbers = BitMap(), array("I"), array("I")
    last = -1
    for pair in sorted(pairs):
        target = pair >> _SHIFT
        if target != last:
            targets.add(target)
            counts.append(0)
            last = target
        counts[-1] += 1
        numbers.append(pair & 0xFFFFFFFF)
    targets.run_optimize()
    return _packed(targets.serialize(), counts, numbers)


def _packed_values(held: Mapping[str, Sequence[int]]) -> bytes:
    values = sorted(held)
    counts = array("I", [len(held[value]) for value in values])
    numbers = array("I", [number for value in values for number in held[value]])
    return _packed(orjson.dumps(values), counts, numbers)


def _packed(targets: bytes, counts: array[int], numbers: array[int]) -> bytes:
    lengths = b"".join(length.to_bytes(_LENGTH, "little") for length in (len(targets), len(counts)))
    return zstandard.compress(lengths + counts.tobytes() + numbers.tobytes() + targets)


# -- reading -------------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class Table:
    """The relationships of one kind, sorted by target: those to the n-th target come from
    ``numbers[starts[n]:starts[n + 1]]``. Targets are ``targets``, the numbers of concepts, or ``values``.
    """

    targets: BitMap
    values: list[str]
    starts: array[int]
    numbers: array[int]

    @property
    def bytes(self) -> int:
        """About how much room it takes."""
        return 4 * (len(self.starts) + len(self.numbers)) + 200

    def at(self, place: int) -> array[int]:
        return self.numbers[self.starts[place] : self.starts[place + 1]]


def kinds_of(part: bytes) -> dict[str, list[str]]:
    """The kinds of relationship that each table has."""
    kinds: dict[str, list[str]] = orjson.loads(part)
    return kinds


def owners_of(part: bytes) -> array[int]:
    """The concept of each group."""
    return _numbers(zstandard.decompress(part))


def table_of(part: bytes, is_valued: bool) -> Table:
    content = zstandard.decompress(part)
    length, count = (int.from_bytes(content[at : at + _LENGTH], "little") for at in (0, _LENGTH))
    begin, middle, end = 2 * _LENGTH, 2 * _LENGTH + 4 * count, len(content) - length
    starts = array("I", accumulate(_numbers(content[begin:middle]), initial=0))
    values = orjson.loads(content[end:]) if is_valued else []
    targets = BitMap() if is_valued else BitMap.deserialize(content[end:])
    return Table(targets, values, starts, _numbers(content[middle:end]))


def _numbers(content: bytes) -> array[int]:
    numbers = array("I")
    numbers.frombytes(content)
    return numbers
