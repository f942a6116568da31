"""One SQLite file, for several threads and processes."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.state.schema import VERSION, upgrade

_PATIENCE = 30.0  # seconds to wait for another writer
_LARGEST_LOG = 16_000_000  # bytes of the write-ahead log that stay when it has been written back
# What SQLite and the operating system say when there is no room for a file to grow.
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

# SQLite forbids a forked process to use, and even to close, connections of its parent.
_inherited: list[sqlite3.Connection] = []

log = logging.getLogger("terminology")


class Database:
    """Transactions on a file, or in memory without a path.

    Each transaction has a connection of its own while it runs; a forked process opens its own. The file never
    has more than ``most_bytes``.
    """

    def __init__(self, path: Path | None = None, most_bytes: int = 2**40) -> None:
        self.path, self._most_bytes = path, most_bytes
        self._free: list[sqlite3.Connection] = []
        self._process = os.getpid()
        self._alone = threading.Lock()
        weakref.finalize(self, _close_all, self._free)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A consistent view. Raises TerminologyError when the file cannot be used."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes, one at a time. Raises TerminologyError when the file cannot be used."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            with self._lent() as connection:
                connection.execute(begin)
                try:
                    yield connection
                except BaseException:
                    if connection.in_transaction:  # SQLite itself ends one for which there is no room
                        connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as problem:
            if _is_full(problem):
                log.error("%s cannot grow, nothing was stored: %s", self.path or "memory", problem)
                raise TerminologyError(issues.state_full()) from problem
            log.error("%s: %s", self.path or "memory", problem)
            reason = problem.strerror if isinstance(problem, OSError) else None
            raise TerminologyError(issues.state_unavailable(reason)) from problem

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        """Memory has one connection, which is lent to one thread at a time."""
        if self.path is None:
            with self._alone:
                if not self._free:
                    self._free.append(self._open())
                yield self._free[0]
            return
        connection = self._unused() or self._open()
        try:
            yield connection
        except sqlite3.Error:
            connection.close()
            raise
        except BaseException:
            self._free.append(connection)
            raise
        self._free.append(connection)

    def _unused(self) -> sqlite3.Connection | None:
        if self._process != os.getpid():
            _inherited.extend(self._free)
            self._free.clear()
            self._process = os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return None

    def _open(self) -> sqlite3.Connection:
        if self.path is None:
            return self._prepared(_connected(":memory:"))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = _connected(str(self.path))
        try:
            _write_ahead(connection)
            return self._prepared(connection)
        except BaseException:
            connection.close()
            raise

    def _prepared(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """The connection, with the schema. Raises sqlite3.DatabaseError for a file of a later schema version."""
        page = int(connection.execute("PRAGMA page_size").fetchone()[0])
        connection.execute(f"PRAGMA max_page_count = {max(1, self._most_bytes // page)}")
        if _version(connection) != VERSION:
            connection.execute("BEGIN IMMEDIATE")
            if (version := _version(connection)) != VERSION:
                upgrade(connection, version)
            connection.execute("COMMIT")
        return connection

    def close(self) -> None:
        """Close the connections that are not in use. A database in memory is lost."""
        _close_all(self._free)
        self._free.clear()


def _is_full(problem: Exception) -> bool:
    if isinstance(problem, OSError):
        return problem.errno in _NO_ROOM
    return isinstance(problem, sqlite3.Error) and _code(problem) in _FULL


def _code(problem: sqlite3.Error) -> int | None:
    """SQLite's extended code; an error of the module itself, such as a closed connection, has none."""
    try:
        return problem.sqlite_errorcode
    except AttributeError:
        return None


def _close_all(connections: list[sqlite3.Connection]) -> None:
    for connection in connections:
        connection.close()


def _connected(name: str) -> sqlite3.Connection:
    return sqlite3.connect(name, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work at once. SQLite itself does not wait when two processes switch this on."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_LOG}")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
