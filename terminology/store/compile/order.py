"""The order of the concepts of a code system, and the descendants of each.

If a release says the order (``ConceptRow.place``), concepts have it. Otherwise they are numbered in preorder of the
hierarchy: a concept, then its descendants, so that these are nearly one range, which packs into a few bytes. A
concept with several parents is numbered below the first that is reached. Siblings, and concepts without a hierarchy,
stay in the order of the release.

A concept is named by its *place*, the number of its row in the release, until it has its *number* (``ord``).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from pyroaring import BitMap


class Edges:
    """Directed edges between places, by the place that they start from, in the order in which they were given.

    Two arrays: lists would take ten times the memory.
    """

    def __init__(self, count: int, starts: array[int], ends: array[int]) -> None:
        """``count`` is the number of places; ``starts`` and ``ends`` are those of each edge."""
        self._count = count
        # Without edges no arrays: many code systems are lists.
        self._offsets, self._ends = array("I"), array("I")
        if starts:
            self._add(starts, ends)

    def _add(self, starts: array[int], ends: array[int]) -> None:
        offsets = array("I", bytes(4 * (self._count + 2)))
        for start in starts:
            offsets[start + 2] += 1
        self._offsets = offsets = array("I", accumulate(offsets))
        self._ends = all_ends = array("I", bytes(4 * len(ends)))
        for start, end in zip(starts, ends, strict=True):
            all_ends[offsets[start + 1]] = end
            offsets[start + 1] += 1

    def __getitem__(self, place: int) -> array[int] | None:
        """The ends of the edges from a place; None if there are none."""
        if not self._offsets:
            return None
        first, last = self._offsets[place], self._offsets[place + 1]
        return self._ends[first:last] if first < last else None

    def reversed(self, places: Iterable[int]) -> Edges:
        """The same edges in the other direction, sorted by ``places``, which are all places in some order."""
        starts, ends = array("I"), array("I")
        for place in places if self._offsets else ():
            others = self[place] or array("I")
            starts.extend(others)
            ends.extend((place,) * len(others))
        return Edges(self._count, starts, ends)


def in_order(release_places: Sequence[int]) -> array[int]:
    """The places of the rows of a release, sorted by where the release has them: all of these differ."""
    row_at = array("I", bytes(4 * (max(release_places, default=0) + 1)))
    for place, release_place in enumerate(release_places, 1):
        row_at[release_place] = place
    return array("I", (place - 1 for place in row_at if place))


class ConceptOrder:
    """The hierarchy and the order of concepts that are named by their places.

    ``places[ord]`` is the place of a concept, ``ords[place]`` its number. ``parents`` and ``children`` are by place.
    ``circles`` are pairs of parent and child, by place, where a descendant of the child is the parent.
    """

    def __init__(
        self,
        count: int,
        children: array[int],
        parents: array[int],
        release_places: Sequence[int] | None = None,
    ) -> None:
        """``children`` and ``parents`` are the ends of each edge; each pair of concepts occurs once.

        ``release_places`` are ``ConceptRow.place`` of all rows, if the release says the order.
        """
        self.count = count
        release_order = range(count) if release_places is None else in_order(release_places)
        self.parents = Edges(count, children, parents)
        self.children = self.parents.reversed(release_order)
        self.places = array("I")
        self.ords = array("I", bytes(4 * count))
        # The places in the order in which their walk ended: descendants before ancestors.
        self._finished = array("I")
        self.circles: list[tuple[int, int]] = []
        if children:
            self._number()
        if release_places is not None or not children:
            self._renumber(release_order)

    def _number(self) -> None:
        state = bytearray(self.count)
        for place in range(self.count):
            if self.parents[place] is None:
                self._walk(place, state)
        for place in range(self.count):
            # No root leads to a concept in a circle.
            if not state[place]:
                self._walk(place, state)

    def _renumber(self, places: Iterable[int]) -> None:
        self.places = array("I", places)
        for ord_, place in enumerate(self.places):
            self.ords[place] = ord_

    def _walk(self, root: int, state: bytearray) -> None:
        """Walk depth first, without recursion. ``state`` is 0 for new places, 1 for begun, 2 for finished ones."""
        state[root] = 1
        self._append(root)
        path = [(root, iter(self.children[root] or ()))]
        while path:
            place, children = path[-1]
            child = next((c for c in children if self._is_new(c, place, state)), None)
            if child is None:
                path.pop()
                state[place] = 2
                self._finished.append(place)
                continue
            state[child] = 1
            self._append(child)
            path.append((child, iter(self.children[child] or ())))

    def _is_new(self, place: int, parent: int, state: bytearray) -> bool:
        """Whether a child is not yet begun. Notes the circle if the parent is below it."""
        if state[place] == 1:
            self.circles.append((parent, place))
        return not state[place]

    def _append(self, place: int) -> None:
        self.ords[place] = len(self.places)
        self.places.append(place)

    @property
    def has_edges(self) -> bool:
        """Whether any concept has a parent."""
        return bool(self._finished)

    def numbers(self, places: Sequence[int] | None) -> list[int]:
        """The numbers of the concepts at these places, in the same order."""
        return [self.ords[place] for place in places or ()]

    def descendants(self) -> Iterator[tuple[int, bytes]]:
        """Each concept that has children with its descendants: its place, and a serialized bitmap of numbers."""
        below: dict[int, BitMap] = {}
        if not self.circles:
            yield from self._descendants(below)
            return
        complete: dict[int, bytes] = {}
        while (again := dict(self._descendants(below, keep=True))) != complete:
            complete = again
        yield from complete.items()

    def _descendants(self, below: dict[int, BitMap], keep: bool = False) -> Iterator[tuple[int, bytes]]:
        """The descendants of each concept, from the leaves upwards.

        A hierarchy with circles takes several rounds, which share what they ``keep`` in ``below``. Otherwise a set
        is dropped when all parents have used it.
        """
        if not self._finished:
            return
        waiting = array("I", (len(self.parents[place] or ()) for place in range(self.count)))
        for place in self._finished:
            children = self.children[place]
            if children is None:
                continue
            union = BitMap(array("I", self.numbers(children)))
            union = BitMap.union(union, *(below[child] for child in children if child in below))
            union.run_optimize()
            below[place] = union
            yield place, union.serialize()
            for child in () if keep else children:
                waiting[child] -= 1
                if not waiting[child]:
                    below.pop(child, None)
