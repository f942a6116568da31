"""Caches: the values that were used last, while there is room for them.

``Cache`` weighs its values and keeps exactly the last ones; ``RecentValues`` counts them, and is cheap enough for
what every request asks several times; ``kept_results`` keeps the results of a function of short texts. Requests make
their keys, so all of them are bounded in bytes, and keep nothing with a key that is long.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import is_dataclass
from functools import lru_cache, wraps
from sys import getsizeof
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
V = TypeVar("V")

# The most bytes of a key and, in ``RecentValues``, of a key with its value.
LARGEST_KEY = 16_000
LARGEST_ENTRY = 8_000
# The most characters of a text whose result is remembered.
LONGEST_TEXT = 1_000


def size_of(key: object) -> int:
    """About the bytes of a key: a text, a number, or a tuple or frozen dataclass of such."""
    kind = type(key)
    if kind is str:
        return getsizeof(key)
    if kind is tuple:
        size = 60
        for item in key:  # type: ignore[attr-defined]
            kind = type(item)
            size += 40 if kind is int else getsizeof(item) if kind is str else size_of(item)
        return size
    if isinstance(key, tuple | frozenset):
        return getsizeof(key) + sum(map(size_of, key))
    if is_dataclass(key) and not isinstance(key, type):
        return 50 + sum(size_of(getattr(key, name)) for name in key.__dataclass_fields__)
    return getsizeof(key)


def size_of_texts(key: str, value: str) -> int:
    """About the bytes of a key and a value that are texts."""
    return getsizeof(key) + getsizeof(value)


def key_alone(key: object, value: object) -> int:
    """The weight of a value that is there anyway, such as a resource of the content: that of its key."""
    return size_of(key)


def kept_results(most: int, longest: int = LONGEST_TEXT) -> Callable[[Callable[P, V]], Callable[P, V]]:
    """Keep the last results of a function. A call with a text of more than ``longest`` characters is not kept.

    Texts are the arguments whose annotation is ``str``; the function has annotations.

    >>> @kept_results(most=10, longest=3)
    ... def upper(text: str):
    ...     print(text, end=" ")
    ...     return text.upper()
    >>> upper("abc"), upper("abc"), upper("long"), upper("long")
    abc long long ('ABC', 'ABC', 'LONG', 'LONG')
    """

    def decorated(function: Callable[P, V]) -> Callable[P, V]:
        keeping = lru_cache(most)(function)
        types = [type_ for name, type_ in function.__annotations__.items() if name != "return"]
        if not any(type_ is str or "str" in str(type_).split(" | ") for type_ in types):
            return keeping  # type: ignore[return-value]

        @wraps(function)
        def call(*arguments: P.args, **named: P.kwargs) -> V:
            for argument in arguments:
                if type(argument) is str and len(argument) > longest:
                    return function(*arguments, **named)
            return keeping(*arguments, **named)  # type: ignore[arg-type]

        return call

    return decorated


class Cache(Generic[V]):
    """Values by key, with a total of at most ``room`` bytes. The least recently used ones are dropped first.

    Several threads may use it. ``weigh`` returns about the bytes of a value; those of its key count as well. A value
    larger than ``room`` is not kept, unless ``keeps_one``: then the last value that was put stays, whatever its
    size. A value with a key of more than ``LARGEST_KEY`` bytes is never kept.

    >>> cache: Cache[str] = Cache(room=120, weigh=len)
    >>> for word in ("a", "b", "a", "c"):
    ...     _ = cache.get(word, word.upper)
    >>> cache.find("b"), cache.find("a"), len(cache)
    (None, 'A', 2)
    """

    def __init__(self, room: int, weigh: Callable[[V], int], keeps_one: bool = False) -> None:
        self._room, self._weigh, self._keeps_one = room, weigh, keeps_one
        self._entries: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def weight(self) -> int:
        """The bytes of all keys and values."""
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
        size = size_of(key)
        weight = size + self._weigh(value)
        if size <= LARGEST_KEY and (weight <= self._room or self._keeps_one):
            with self._lock:
                if key not in self._entries:
                    self._put(key, value, weight)
        return value

    def put(self, key: Hashable, value: V) -> None:
        """Set the value of a key."""
        size = size_of(key)
        weight = size + self._weigh(value)
        with self._lock:
            self._drop(key)
            if size <= LARGEST_KEY and (weight <= self._room or self._keeps_one):
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
        entries[key] = value, weight
        self._weight += weight
        while self._weight > self._room and len(entries) > self._keeps_one:
            _, (_, oldest) = entries.popitem(last=False)
            self._weight -= oldest

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._weight -= entry[1]


class RecentValues(dict[Any, V]):
    """The values that were used last, by key: at least ``room`` of them, and at most twice as many.

    Several threads may use it. It has no lock and no order. The values are in two halves, the newer and the
    older: a value that is used moves to the newer half. When that is full, it becomes the older half, and the
    values of the older half are dropped at once. ``weigh`` returns about the bytes of a key with its value: those
    of more than ``LARGEST_ENTRY`` bytes are not kept.

    It is itself the newer half, so that a value there is found without a call of Python.

    >>> recent: RecentValues[str] = RecentValues(room=2, weigh=key_alone)
    >>> for word in ("a", "b", "c", "d", "e"):
    ...     _ = recent.find("a") or recent.put(word, word.upper())
    >>> recent.find("a"), recent.find("b")
    ('A', None)
    """

    __slots__ = ("_older", "_room", "_weigh")

    def __init__(self, room: int, weigh: Callable[[Any, V], int]) -> None:
        super().__init__()
        self._room, self._weigh = room, weigh
        self._older: dict[Any, V] = {}

    if TYPE_CHECKING:

        def find(self, key: Hashable) -> V | None:
            """The value of a key, or None."""

    else:
        find = dict.__getitem__

    def __missing__(self, key: Hashable) -> V | None:
        value = self._older.get(key)
        if value is not None:
            self.put(key, value)
        return value

    def put(self, key: Hashable, value: V) -> None:
        """Set the value of a key, unless they are large."""
        if self._weigh(key, value) <= LARGEST_ENTRY:
            if len(self) >= self._room:
                self._begin_half()
            self[key] = value

    def put_all(self, values: Mapping[Any, V]) -> None:
        """Set the values of some keys, of at most ``room``, unless they are large."""
        weigh = self._weigh
        small = {key: value for key, value in values.items() if weigh(key, value) <= LARGEST_ENTRY}
        if len(self) + len(small) > self._room:
            self._begin_half()
        self.update(small)

    def _begin_half(self) -> None:
        self._older = dict(self)
        self.clear()
