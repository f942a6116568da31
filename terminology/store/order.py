"""In which order do concepts stand, and what is below each?

Where a release says it (``ConceptRow.place``), as the release has them. Else concepts are numbered in
preorder of the hierarchy: a concept, then all that is below it, so that the set of its descendants is nearly
one range and packs into a few bytes. Where a concept has several parents it stands below the first that is
met. Siblings, and concepts without a hierarchy, stay in the order of the release.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from pyroaring import BitMap

Edges = list[list[int] | None]


class Order:
    """The hierarchy of concepts that are named by their place in the release.

    ``places[ord]`` is the place of a concept, ``ords[place]`` its number.
    """

    def __init__(
        self,
        count: int,
        pairs: Sequence[tuple[array[int], array[int]]],
        standing: Sequence[int] | None = None,
    ) -> None:
        """``pairs`` are arrays of children and, at the same index, of their parents. ``standing`` has numbers
        that the concepts are put in order by.
        """
        self.count = count
        self.parents: Edges = [None] * count
        self.children: Edges = [None] * count
        for below, above in pairs:
            for child, parent in zip(below, above, strict=True):
                self._relate(child, parent)
        for children in self.children:
            if children is not None:
                children.sort(key=None if standing is None else standing.__getitem__)
        self.places = array("I")
        self.ords = array("I", bytes(4 * count))
        self._finished = array("I")
        self._has_circle = False
        self._number()
        if standing is not None:
            self._renumber(standing)

    def _relate(self, child: int, parent: int) -> None:
        parents = self.parents[child]
        if parents is None:
            self.parents[child] = [parent]
        elif parent in parents:
            return
        else:
            parents.append(parent)
        children = self.children[parent]
        if children is None:
            self.children[parent] = [child]
        else:
            children.append(child)

    def _number(self) -> None:
        state = bytearray(self.count)
        for place in range(self.count):
            if self.parents[place] is None:
                self._walk(place, state)
        for place in range(self.count):
            # What no root leads to stands in a circle.
            if not state[place]:
                self._walk(place, state)

    def _renumber(self, standing: Sequence[int]) -> None:
        self.places = array("I", sorted(range(self.count), key=standing.__getitem__))
        for ord_, place in enumerate(self.places):
            self.ords[place] = ord_

    def _walk(self, root: int, state: bytearray) -> None:
        """Depth first without recursion. ``state`` is 0 for new, 1 for begun, 2 for finished."""
        state[root] = 1
        self._meet(root)
        path = [(root, iter(self.children[root] or ()))]
        while path:
            place, children = path[-1]
            child = next((c for c in children if self._is_new(c, state)), None)
            if child is None:
                path.pop()
                state[place] = 2
                self._finished.append(place)
                continue
            state[child] = 1
            self._meet(child)
            path.append((child, iter(self.children[child] or ())))

    def _is_new(self, place: int, state: bytearray) -> bool:
        if state[place] == 1:
            self._has_circle = True
        return not state[place]

    def _meet(self, place: int) -> None:
        self.ords[place] = len(self.places)
        self.places.append(place)

    def numbers(self, places: Sequence[int] | None) -> list[int]:
        """The numbers of concepts, in the order in which they are given."""
        return [self.ords[place] for place in places or ()]

    def descendants(self) -> dict[int, BitMap]:
        """By place, the numbers of everything below each concept that has children."""
        below: dict[int, BitMap] = {}
        changed = self._gather(below)
        while changed and self._has_circle:
            changed = self._gather(below)
        for found in below.values():
            found.run_optimize()
        return below

    def _gather(self, below: dict[int, BitMap]) -> bool:
        """From the leaves upwards. Is there anything new? In a circle it takes several rounds."""
        changed = False
        for place in self._finished:
            children = self.children[place]
            if children is None:
                continue
            found = BitMap(array("I", self.numbers(children)))
            deeper = [below[child] for child in children if child in below]
            if deeper:
                found = BitMap.union(found, *deeper)
            changed = changed or found != below.get(place)
            below[place] = found
        return changed
