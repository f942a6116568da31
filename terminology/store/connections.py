"""Whose is a connection? That of the thread that opened it; when the thread ends, it is closed."""

from __future__ import annotations

import weakref
from threading import Lock
from typing import Protocol


class Closable(Protocol):
    def close(self) -> None: ...


class Owned:
    """Its connection is closed when nobody holds this any more, or when ``close`` is called."""

    def __init__(self, connection: Closable) -> None:
        # Holds the connection, but not this: a connection that is garbage itself would complain.
        self.close = weakref.finalize(self, connection.close)


class OfAllThreads:
    """The connections that are open, to be closed all at once. It does not hold them."""

    def __init__(self) -> None:
        self._open: weakref.WeakSet[Owned] = weakref.WeakSet()
        self._lock = Lock()

    def add(self, connection: Closable) -> Owned:
        """What its thread is to hold."""
        owned = Owned(connection)
        with self._lock:
            self._open.add(owned)
        return owned

    def close(self) -> None:
        with self._lock:
            for owned in list(self._open):
                owned.close()
            self._open.clear()
