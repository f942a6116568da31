"""One SQLite file, for several threads and processes."""

from __future__ import annotations

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

VERSION = 1
SCHEMA = """
CREATE TABLE closure (                  -- one closure table of $closure
    name TEXT PRIMARY KEY,
    first INTEGER NOT NULL,             -- its first version
    version INTEGER NOT NULL,
    entries INTEGER NOT NULL,           -- the number of its entries
    used REAL NOT NULL                  -- seconds since 1970
) WITHOUT ROWID;
CREATE TABLE closure_concept (
    name TEXT NOT NULL,
    place INTEGER NOT NULL,
    system TEXT NOT NULL,
    code TEXT NOT NULL,
    version TEXT,                       -- of the code system, if the client sent one
    PRIMARY KEY (name, place)
) WITHOUT ROWID;
CREATE TABLE closure_entry (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,           -- of the closure table that first had the entry
    place INTEGER NOT NULL,
    source_system TEXT NOT NULL,
    source TEXT NOT NULL,
    target_system TEXT NOT NULL,
    target TEXT NOT NULL,
    relationship TEXT NOT NULL,
    PRIMARY KEY (name, version, place)
) WITHOUT ROWID;
CREATE TABLE session (                  -- one cache of a client
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,                -- digest of the credentials that it was started with
    caller TEXT NOT NULL,               -- digest of the client whose quota it counts against
    sealed INTEGER NOT NULL,
    used REAL NOT NULL,                 -- seconds since 1970
    idle REAL NOT NULL,                 -- seconds that it may be unused
    batches INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE session_ended (            -- ids that clients made and that have ended: they are not new
    id TEXT PRIMARY KEY,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE session_batch (            -- the resources that came with one request, as a JSON list
    session TEXT NOT NULL,
    number INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (session, number)
);
"""
_PATIENCE = 30.0  # seconds to wait for another writer

# SQLite forbids a forked process to use, and even to close, connections of its parent.
_inherited: list[sqlite3.Connection] = []

log = logging.getLogger("terminology")


class Database:
    """Transactions on a file, or in memory without a path.

    Each transaction has a connection of its own while it runs; a forked process opens its own.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
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
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as problem:
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
            return _prepared(_connected(":memory:"))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = _connected(str(self.path))
        try:
            _write_ahead(connection)
            return _prepared(connection)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the connections that are not in use. A database in memory is lost."""
        _close_all(self._free)
        self._free.clear()


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
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The connection, with the schema. Raises sqlite3.DatabaseError for a file of another schema version."""
    if _version(connection) == 0:
        connection.execute("BEGIN IMMEDIATE")
        if _version(connection) == 0:
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    if _version(connection) != VERSION:
        raise sqlite3.DatabaseError(f"the file has schema version {_version(connection)}, not {VERSION}")
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
