"""Who closes the connections that each thread has of its own?

A thread keeps its connection from one question to the next. It is closed when the thread ends, when nobody
asks any more, or when it is told to.
"""

from __future__ import annotations

import weakref
from threading import local
from typing import Protocol


class Closing(Protocol):
    def close(self) -> None: ...


class Opened:
    """The connections of all threads."""

    def __init__(self) -> None:
        self._open: set[Closing] = set()
        weakref.finalize(self, _close_all, self._open)

    def keep(self, connection: Closing, mine: local) -> None:
        """Keep a connection open as long as this thread has its ``mine``."""
        self._open.add(connection)
        mine.held = held = _Held()
        weakref.finalize(held, _close, self._open, connection)

    def drop(self, connection: Closing) -> None:
        _close(self._open, connection)

    def close(self) -> None:
        _close_all(self._open)


class _Held:
    """Goes when the thread does."""


def _close(open_: set[Closing], connection: Closing) -> None:
    if connection in open_:
        open_.discard(connection)
        connection.close()


def _close_all(open_: set[Closing]) -> None:
    for connection in list(open_):
        _close(open_, connection)
