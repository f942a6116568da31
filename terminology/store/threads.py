"""Database connections of which each thread has its own.

A thread keeps its connection from one statement to the next. The connection is closed when the thread ends,
when nothing refers to the ``ThreadConnections`` any more, or on request.
"""

from __future__ import annotations

import weakref
from threading import local
from typing import Protocol


class Closeable(Protocol):
    """A connection."""

    def close(self) -> None:
        """Close it; closing it again does nothing."""


class ThreadConnections:
    """The open connections of all threads."""

    def __init__(self) -> None:
        self._open: set[Closeable] = set()
        weakref.finalize(self, _close_all, self._open)

    def keep(self, connection: Closeable, mine: local) -> None:
        """Keep a connection open until the current thread ends, and with it the contents of ``mine``."""
        self._open.add(connection)
        mine.lifetime = lifetime = _ThreadLifetime()
        weakref.finalize(lifetime, _close, self._open, connection)

    def drop(self, connection: Closeable) -> None:
        """Close a connection now."""
        _close(self._open, connection)

    def close(self) -> None:
        """Close all connections."""
        _close_all(self._open)


class _ThreadLifetime:
    """Stands in the thread-local data of a thread, and is freed when the thread ends."""


def _close(open_: set[Closeable], connection: Closeable) -> None:
    if connection in open_:
        open_.discard(connection)
        connection.close()


def _close_all(open_: set[Closeable]) -> None:
    for connection in list(open_):
        _close(open_, connection)
