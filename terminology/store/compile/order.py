"""In which order do concepts stand, and what is below each?

Where a release says it (``ConceptRow.place``), as the release has them. Else concepts are numbered in
preorder of the hierarchy: a concept, then all that is below it, so that the set of its descendants is nearly
one range and packs into a few bytes. Where a concept has several parents it stands below the first that is
met. Siblings, and concepts without a hierarchy, stay in the order of the release.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from pyroaring import BitMap


class Edges:
    """What each place leads to, in the order in which it was said. Two arrays: lists would take ten times
    the memory.
    """

    def __init__(self, count: int, ends: Sequence[tuple[array[int], array[int]]]) -> None:
        """``ends`` are arrays of places and, at the same index, of what each leads to."""
        starts = array("I", bytes(4 * (count + 2)))
        for places, _ in ends:
            for place in places:
                starts[place + 2] += 1
        self._starts = starts = array("I", accumulate(starts))
        self._led = led = array("I", bytes(4 * starts[-1]))
        for places, others in ends:
            for place, other in zip(places, others, strict=True):
                led[starts[place + 1]] = other
                starts[place + 1] += 1

    def __getitem__(self, place: int) -> array[int] | None:
        start, end = self._starts[place], self._starts[place + 1]
        return self._led[start:end] if start < end else None

    def turned(self, in_order: Iterable[int]) -> Edges:
        """The same, seen from the other side: what leads to a place, in the order given of all places."""
        led, places = array("I"), array("I")
        for place in in_order:
            found = self[place] or array("I")
            led.extend(found)
            places.extend((place,) * len(found))
        return Edges(len(self._starts) - 2, [(led, places)])


class Order:
    """The hierarchy of concepts that are named by their place in the release.

    ``places[ord]`` is the place of a concept, ``ords[place]`` its number. ``circles`` are the places of a
    parent and a child where what is below the child comes back to the parent.
    """

    def __init__(
        self,
        count: int,
        pairs: Sequence[tuple[array[int], array[int]]],
        standing: Sequence[int] | None = None,
    ) -> None:
        """``pairs`` are arrays of children and, at the same index, of their parents: each pair once.
        ``standing`` has numbers that the concepts are put in order by.
        """
        self.count = count
        in_order = range(count) if standing is None else sorted(range(count), key=standing.__getitem__)
        self.parents = Edges(count, pairs)
        self.children = self.parents.turned(in_order)
        self.places = array("I")
        self.ords = array("I", bytes(4 * count))
        self._finished = array("I")
        self.circles: list[tuple[int, int]] = []
        self._number()
        if standing is not None:
            self._renumber(in_order)

    def _number(self) -> None:
        state = bytearray(self.count)
        for place in range(self.count):
            if self.parents[place] is None:
                self._walk(place, state)
        for place in range(self.count):
            # What no root leads to stands in a circle.
            if not state[place]:
                self._walk(place, state)

    def _renumber(self, in_order: Iterable[int]) -> None:
        self.places = array("I", in_order)
        for ord_, place in enumerate(self.places):
            self.ords[place] = ord_

    def _walk(self, root: int, state: bytearray) -> None:
        """Depth first without recursion. ``state`` is 0 for new, 1 for begun, 2 for finished."""
        state[root] = 1
        self._meet(root)
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
            self._meet(child)
            path.append((child, iter(self.children[child] or ())))

    def _is_new(self, place: int, parent: int, state: bytearray) -> bool:
        if state[place] == 1:
            self.circles.append((parent, place))
        return not state[place]

    def _meet(self, place: int) -> None:
        self.ords[place] = len(self.places)
        self.places.append(place)

    def numbers(self, places: Sequence[int] | None) -> list[int]:
        """The numbers of concepts, in the order in which they are given."""
        return [self.ords[place] for place in places or ()]

    def descendants(self) -> dict[int, bytes]:
        """By place, everything below each concept that has children: a bitmap of numbers, serialized."""
        below: dict[int, BitMap] = {}
        if not self.circles:
            return dict(self._gathered(below))
        finished: dict[int, bytes] = {}
        while (again := dict(self._gathered(below, keep=True))) != finished:
            finished = again
        return finished

    def _gathered(self, below: dict[int, BitMap], keep: bool = False) -> Iterator[tuple[int, bytes]]:
        """From the leaves upwards. In a circle it takes several rounds, and all has to be kept for the next;
        else what all parents have taken is let go.
        """
        waiting = array("I", (len(self.parents[place] or ()) for place in range(self.count)))
        for place in self._finished:
            children = self.children[place]
            if children is None:
                continue
            found = BitMap(array("I", self.numbers(children)))
            found = BitMap.union(found, *(below[child] for child in children if child in below))
            found.run_optimize()
            below[place] = found
            yield place, found.serialize()
            for child in () if keep else children:
                waiting[child] -= 1
                if not waiting[child]:
                    below.pop(child, None)
