"""A table of the places of keys, such as the rows of the codes of a code system, in a few bytes each."""

from __future__ import annotations

from array import array
from collections.abc import Callable

# The slots of an empty table; more than these shares of them are never taken: 2 of 3.
_SMALLEST = 1024
_TAKEN, _OF = 2, 3
# An entry is the lower bits of the hash of a key, then its place plus one; 0 is an empty slot.
_BITS = 32
_LOWER = (1 << _BITS) - 1


class PlaceTable:
    """The places of keys. The keys themselves are elsewhere: a dict with them would take several times the memory.

    >>> keys = ["rye", "oat"]
    >>> table = PlaceTable(keys.__getitem__)
    >>> [table.add(key, place) for place, key in enumerate(keys)], table.add("oat", 2)
    ([None, None], 1)
    >>> table.find("oat"), table.find("wheat")
    (1, None)
    """

    def __init__(self, key_at: Callable[[int], str]) -> None:
        """``key_at`` reads the key at a place, to which the table has been told to point."""
        self._key_at = key_at
        self._slots = array("Q", bytes(8 * _SMALLEST))
        self._mask, self._count = _SMALLEST - 1, 0

    def find(self, key: str) -> int | None:
        """The place of a key; None where it is not there."""
        entry = self._slots[self._slot(key)]
        return (entry & _LOWER) - 1 if entry else None

    def add(self, key: str, place: int) -> int | None:
        """Note the place of a key, unless it has one: then that is returned."""
        slot = self._slot(key)
        entry = self._slots[slot]
        if entry:
            return (entry & _LOWER) - 1
        self._slots[slot] = (hash(key) & _LOWER) << _BITS | place + 1
        self._count += 1
        if _OF * self._count > _TAKEN * len(self._slots):
            self._grow()
        return None

    def _slot(self, key: str) -> int:
        """The slot of a key: it has the entry of the key, or is empty."""
        slots, mask = self._slots, self._mask
        hash_ = hash(key) & _LOWER
        slot = hash_ & mask
        while entry := slots[slot]:
            if entry >> _BITS == hash_ and self._key_at((entry & _LOWER) - 1) == key:
                break
            slot = slot + 1 & mask
        return slot

    def _grow(self) -> None:
        """Twice as many slots. The bits of the hash in an entry are enough to find its new one."""
        before = self._slots
        self._slots = slots = array("Q", bytes(16 * len(before)))
        self._mask = mask = len(slots) - 1
        for entry in before:
            if entry:
                slot = entry >> _BITS & mask
                while slots[slot]:
                    slot = slot + 1 & mask
                slots[slot] = entry
