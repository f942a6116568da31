"""Caches: the values that were used last, while there is room for them.

``Cache`` weighs its values and keeps exactly the last ones; ``RecentValues`` counts them, and is cheap enough for
what every request asks several times.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class Cache(Generic[V]):
    """Values by key, with a total weight of at most ``room``. The least recently used ones are dropped first.

    Several threads may use it. ``weigh`` returns the weight of a value, in the unit of ``room`` (such as bytes);
    without it each value weighs 1. A value heavier than ``room`` is not kept, unless ``keeps_one``: then the
    last value that was put stays, whatever its weight.

    >>> cache: Cache[str] = Cache(room=2)
    >>> for word in ("a", "b", "a", "c"):
    ...     _ = cache.get(word, word.upper)
    >>> cache.find("b"), cache.find("a"), len(cache)
    (None, 'A', 2)
    """

    def __init__(self, room: int, weigh: Callable[[V], int] | None = None, keeps_one: bool = False) -> None:
        self._room, self._weigh, self._keeps_one = room, weigh, keeps_one
        self._entries: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def weight(self) -> int:
        """The weight of all values."""
        return self._weight

    def find(self, key: Hashable) -> V | None:
        """The value of a key, or None."""
        # No lock: looking up and moving are each one step for the interpreter.
        entry = self._entries.get(key)
        if entry is None:
            return None
        try:
            self._entries.move_to_end(key)
        except KeyError:
            pass  # another thread has just dropped it; its value is as good as before
        return entry[0]

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of a key, made if it is missing. If two threads make it at once, the first value stays."""
        entry = self._entries.get(key)
        if entry is not None:
            try:
                self._entries.move_to_end(key)
            except KeyError:
                pass  # as in ``find``
            return entry[0]
        value = make()
        weight = 1 if self._weigh is None else self._weigh(value)
        with self._lock:
            if key not in self._entries:
                self._put(key, value, weight)
        return value

    def put(self, key: Hashable, value: V) -> None:
        """Set the value of a key."""
        weight = 1 if self._weigh is None else self._weigh(value)
        with self._lock:
            self._put(key, value, weight)

    def drop(self, key: Hashable) -> None:
        """Forget the value of a key, if there is one."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._weight = 0

    def _put(self, key: Hashable, value: V, weight: int) -> None:
        entries = self._entries
        if key in entries:
            self._drop(key)
        if weight > self._room and not self._keeps_one:
            return
        entries[key] = value, weight
        self._weight += weight
        while self._weight > self._room and len(entries) > self._keeps_one:
            _, (_, oldest) = entries.popitem(last=False)
            self._weight -= oldest

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._weight -= entry[1]


class RecentValues(Generic[V]):
    """The values that were used last, by key: at least ``room`` of them, and at most twice as many.

    Several threads may use it. It has no lock and no order. The values are in two halves, the newer and the
    older: a value that is used moves to the newer half. When that is full, it becomes the older half, and the
    values of the older half are dropped at once.

    >>> recent: RecentValues[str] = RecentValues(room=2)
    >>> for word in ("a", "b", "c", "d", "e"):
    ...     _ = recent.find("a") or recent.put(word, word.upper())
    >>> recent.find("a"), recent.find("b")
    ('A', None)
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._new: dict[Hashable, V] = {}
        self._old: dict[Hashable, V] = {}

    def __len__(self) -> int:
        return len(self._new.keys() | self._old.keys())

    def find(self, key: Hashable) -> V | None:
        """The value of a key, or None."""
        value = self._new.get(key)
        if value is None and (value := self._old.get(key)) is not None:
            self.put(key, value)
        return value

    def put(self, key: Hashable, value: V) -> None:
        """Set the value of a key."""
        if len(self._new) >= self._room:
            self._old, self._new = self._new, {}
        self._new[key] = value
