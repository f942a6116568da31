"""What was worked out a moment ago, as far as there is room for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class Cache(Generic[V]):
    """The values that were used last, up to ``room`` by what ``size`` says of each; for many threads."""

    def __init__(self, room: int, size: Callable[[V], int]) -> None:
        self._room, self._size = room, size
        self._held: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._used = 0
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of a key, made if it is not at hand."""
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
                return found[0]
        value = make()
        size = self._size(value)
        if size <= self._room:
            with self._lock:
                self._keep(key, value, size)
        return value

    def _keep(self, key: Hashable, value: V, size: int) -> None:
        if key in self._held:
            return
        self._held[key] = value, size
        self._used += size
        while self._used > self._room:
            _, (_, gone) = self._held.popitem(last=False)
            self._used -= gone
