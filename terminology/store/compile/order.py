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

    def __init__(self, count: int, pairs: Sequence[tuple[array[int], array[int]]]) -> None:
        """``count`` is the number of places. ``pairs`` are arrays: of the starts of edges, and of their ends."""
        offsets = array("I", bytes(4 * (count + 2)))
        for starts, _ in pairs:
            for start in starts:
                offsets[start + 2] += 1
        self._offsets = offsets = array("I", accumulate(offsets))
        self._ends = all_ends = array("I", bytes(4 * offsets[-1]))
        for starts, ends in pairs:
            for start, end in zip(starts, ends, strict=True):
                all_ends[offsets[start + 1]] = end
                offsets[start + 1] += 1

    def __getitem__(self, place: int) -> array[int] | None:
        """The ends of the edges from a place; None if there are none."""
        first, last = self._offsets[place], self._offsets[place + 1]
        return self._ends[first:last] if first < last else None

    def reversed(self, places: Iterable[int]) -> Edges:
        """The same edges in the other direction, sorted by ``places``, which are all places in some order."""
        starts, ends = array("I"), array("I")
        for place in places:
            others = self[place] or array("I")
            starts.extend(others)
            ends.extend((place,) * len(others))
        return Edges(len(self._offsets) - 2, [(starts, ends)])


class ConceptOrder:
    """The hierarchy and the order of concepts that are named by their places.

    ``places[ord]`` is the place of a concept, ``ords[place]`` its number. ``parents`` and ``children`` are by place.
    ``circles`` are pairs of parent and child, by place, where a descendant of the child is the parent.
    """

    def __init__(
        self,
        count: int,
        pairs: Sequence[tuple[array[int], array[int]]],
        release_places: Sequence[int] | None = None,
    ) -> None:
        """``pairs`` are arrays: of children, and of their parents; each pair of concepts occurs once.

        ``release_places`` are ``ConceptRow.place`` of all rows, if the release says the order.
        """
        self.count = count
        release_order = (
            range(count) if release_places is None else sorted(range(count), key=release_places.__getitem__)
        )
        self.parents = Edges(count, pairs)
        self.children = self.parents.reversed(release_order)
        self.places = array("I")
        self.ords = array("I", bytes(4 * count))
        # The places in the order in which their walk ended: descendants before ancestors.
        self._finished = array("I")
        self.circles: list[tuple[int, int]] = []
        self._number()
        if release_places is not None:
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

    def numbers(self, places: Sequence[int] | None) -> list[int]:
        """The numbers of the concepts at these places, in the same order."""
        return [self.ords[place] for place in places or ()]

    def descendants(self) -> dict[int, bytes]:
        """The descendants of each concept that has children, by place: a serialized bitmap of numbers."""
        below: dict[int, BitMap] = {}
        if not self.circles:
            return dict(self._descendants(below))
        complete: dict[int, bytes] = {}
        while (again := dict(self._descendants(below, keep=True))) != complete:
            complete = again
        return complete

    def _descendants(self, below: dict[int, BitMap], keep: bool = False) -> Iterator[tuple[int, bytes]]:
        """The descendants of each concept, from the leaves upwards.

        A hierarchy with circles takes several rounds, which share what they ``keep`` in ``below``. Otherwise a set
        is dropped when all parents have used it.
        """
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
