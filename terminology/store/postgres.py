"""A store in PostgreSQL: all artifacts share the tables, each row with the number of its artifact.

psycopg without a pool: each thread keeps one connection, in autocommit, for all artifacts. An artifact is
written in one transaction, so half of one is never visible.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import Any

import psycopg

from terminology.core.errors import StoreBusyError, UnavailableError
from terminology.store.backend import BUSY, TableRow
from terminology.store.schema import COLUMNS, TABLES, TableSchema
from terminology.store.sql import STATEMENTS
from terminology.store.threads import ThreadConnections

# How often, in seconds, a process looks for a new generation.
INTERVAL = 1.0
# How long, in seconds, a new connection waits for a replica that lags behind.
PATIENCE = 5.0
_TYPES = {"int": "integer", "text": 'text COLLATE "C"', "bytes": "bytea"}
# The names of the types in COPY ... (FORMAT BINARY).
BINARY = {"int": "int4", "text": "text", "bytes": "bytea"}
# The number of the advisory lock: "term" in ASCII.
_LOCK = 0x7465726D

log = logging.getLogger("terminology")


@dataclass(slots=True)
class _ThreadState:
    """The connection of one thread. Its host is known to have at least ``generation``."""

    connection: psycopg.Connection[Any]
    cursor: psycopg.Cursor[Any]
    generation: int


class _ThreadData(local):
    """The data of each thread."""

    state: _ThreadState | None = None


class PostgresConnections:
    """A connection for each thread. A broken one is replaced, once for each statement.

    Raises UnavailableError while the database cannot be reached; the log says when that begins and ends.
    """

    def __init__(self, url: str, accept: Callable[[psycopg.Cursor[Any]], None]) -> None:
        """``accept`` is called with each new connection; it raises OperationalError to reject it."""
        self._url = url
        # The generation that every connection must have: threads may be connected to different hosts.
        self.required = 0
        self._accept = accept
        self._mine = _ThreadData()
        self._open = ThreadConnections()
        self._is_away = False

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        try:
            rows = self._rows(query, values)
        except psycopg.OperationalError as problem:
            raise self._unavailable(problem) from None
        if self._is_away:
            self._is_away = False
            log.warning("the database of the store is reached again")
        return rows

    def _unavailable(self, problem: psycopg.Error) -> UnavailableError:
        reason = database_problem(problem)
        if not self._is_away:
            self._is_away = True
            log.error("%s", reason)
        return UnavailableError(reason)

    def _rows(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        state = self._mine.state
        if state is not None:
            try:
                self._require_generation(state)
                return _fetched(state.cursor, query, values)
            except psycopg.OperationalError:
                self._drop(state)
        return _fetched(self._connect().cursor, query, values)

    def _require_generation(self, state: _ThreadState) -> None:
        """Raises OperationalError if another thread saw, on another host, a generation that this host lacks."""
        required = self.required
        if state.generation < required:
            if (newest := _newest(state.cursor)) < required:
                raise psycopg.OperationalError(f"{newest} is older than generation {required}")
            state.generation = newest

    def _connect(self) -> _ThreadState:
        required = self.required
        connection = psycopg.connect(self._url, autocommit=True)
        cursor = connection.cursor(binary=True)
        try:
            self._accept(cursor)
        except psycopg.Error:
            connection.close()
            raise
        # Meanwhile the requirement may have risen, or fallen where this host could not meet it.
        required = min(required, self.required)
        self._open.keep(connection, self._mine)
        state = self._mine.state = _ThreadState(connection, cursor, required)
        return state

    def _drop(self, state: _ThreadState) -> None:
        self._mine.state = None
        self._open.drop(state.connection)

    def close(self) -> None:
        """Close the connections of all threads."""
        self._open.close()
        self._mine = _ThreadData()


def database_problem(problem: BaseException) -> str:
    """A message of one line about a problem with the database, with the driver's own reason."""
    reason = "; ".join(line.strip() for line in str(problem).splitlines() if line.strip())
    if isinstance(problem, psycopg.errors.ReadOnlySqlTransaction):
        return f"the database of the store can only be read: name the primary in the URL ({reason})"
    if isinstance(problem, psycopg.OperationalError):
        return f"the database of the store cannot be reached: {reason}"
    return f"the database of the store refuses: {reason}"


def _fetched(cursor: psycopg.Cursor[Any], query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return cursor.execute(query, values).fetchall()


def _newest(cursor: psycopg.Cursor[Any]) -> int:
    """The newest generation that this host has; 0 in a database without a store."""
    if _fetched(cursor, "SELECT to_regclass('published') IS NULL", ())[0][0]:
        return 0
    newest: int = _fetched(cursor, "SELECT coalesce(max(generation), 0) FROM published", ())[0][0]
    return newest


class PostgresTables:
    """The rows of one artifact."""

    def __init__(self, connections: PostgresConnections, artifact: int) -> None:
        self._connections = connections
        here = f"artifact = {artifact:d} AND"
        self._sql = {
            name: text.format(here=here, among="= ANY(?)").replace("?", "%s")
            for name, text in STATEMENTS.items()
        }

    def select(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement: see ``sql.ArtifactTables``."""
        return self._connections.rows(self._sql[statement], values)

    def close(self) -> None:
        """Does nothing: the connections belong to the store."""


class PostgresSink:
    """A new artifact, written in one transaction."""

    def __init__(self, url: str, artifact: int) -> None:
        self._artifact = artifact
        self._connection = psycopg.connect(url)
        self._size = 0

    def write(self, table: str, rows: Sequence[TableRow]) -> None:
        """Add rows to a table."""
        columns = ", ".join(["artifact", *COLUMNS[table]])
        types = ["int4", *(BINARY[type_] for _, type_ in table_columns(table))]
        copy = f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)"
        with self._connection.cursor().copy(copy) as stream:
            stream.set_types(types)
            for row in rows:
                stream.write_row((self._artifact, *row))
                self._size += sum(len(value) for value in row if isinstance(value, str | bytes))

    def finish(self) -> int:
        """Make it an artifact. Returns its approximate size in bytes."""
        self._connection.commit()
        self._connection.close()
        return self._size

    def abandon(self) -> None:
        """Roll back the transaction."""
        self._connection.close()


def table_columns(name: str) -> tuple[tuple[str, str], ...]:
    """The columns of a table with their types."""
    return next(table.columns for table in TABLES if table.name == name)


def _create(table: TableSchema) -> Iterator[str]:
    columns = ["artifact integer", *(f"{name} {_TYPES[type_]}" for name, type_ in table.columns)]
    key = ", ".join(("artifact", *table.key))
    yield f"CREATE TABLE IF NOT EXISTS {table.name} ({', '.join(columns)}, PRIMARY KEY ({key}))"
    for name, type_ in table.columns:
        if type_ == "bytes":
            yield f"ALTER TABLE {table.name} ALTER {name} SET STORAGE EXTERNAL"
    if table.unique:
        key = ", ".join(("artifact", *table.unique))
        yield f"CREATE UNIQUE INDEX IF NOT EXISTS {table.name}_unique ON {table.name} ({key})"
    for number, index in enumerate(table.indexes):
        key = ", ".join(("artifact", *index))
        yield f"CREATE INDEX IF NOT EXISTS {table.name}_{number} ON {table.name} ({key})"


class PostgresStore:
    """A store in a database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connections = PostgresConnections(url, self._await_generation)
        self._last_look = -INTERVAL
        # Whether the database answered when it was last asked for the generation.
        self.is_reached = False

    @property
    def registry_url(self) -> str:
        """The URL of the registry's database, as SQLAlchemy expects it."""
        return "postgresql+psycopg://" + self.url.partition("://")[2]

    # -- reading -----------------------------------------------------------------------------

    def generation(self) -> int:
        """The number of the published state, at most INTERVAL seconds old.

        While the database cannot be reached, it is the last number that was seen.
        """
        now = time.monotonic()
        if now - self._last_look >= INTERVAL:
            self._last_look = now
            try:
                published = self.published()
            except UnavailableError:
                self.is_reached = False
                return self._connections.required
            self.is_reached = True
            self._connections.required = published[0] if published else 0
        return self._connections.required

    def _await_generation(self, cursor: psycopg.Cursor[Any]) -> None:
        """Wait until a new connection's host has the generation that was served already: a replica may lag.

        Raises OperationalError if it does not get there in PATIENCE seconds: this request fails, and the next
        ones are served the generation that the replica has.
        """
        deadline = time.monotonic() + PATIENCE
        while (newest := _newest(cursor)) < self._connections.required:
            if time.monotonic() > deadline:
                missing, self._connections.required = self._connections.required, newest
                raise psycopg.OperationalError(f"the replica has generation {newest}, not yet {missing}")
            time.sleep(PATIENCE / 100)

    def published(self) -> tuple[int, bytes] | None:
        """The generation and the artifacts in it, as JSON."""
        query = "SELECT generation, body FROM published ORDER BY generation DESC LIMIT 1"
        try:
            rows = self._connections.rows(query)
        except psycopg.errors.UndefinedTable:
            return None
        return (rows[0][0], rows[0][1]) if rows else None

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of any query."""
        return self._connections.rows(query, values)

    def open(self, artifact: int) -> PostgresTables:
        """The tables of the artifact with a number."""
        return PostgresTables(self._connections, artifact)

    def close(self) -> None:
        """Close the connections of all threads."""
        self._connections.close()

    # -- writing -----------------------------------------------------------------------------

    def is_there(self) -> bool:
        """Whether the database has a registry. Raises psycopg.Error."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT to_regclass('artifact') IS NOT NULL").fetchone()
        return row == (True,)

    def prepare(self) -> None:
        """Make the tables."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for table in TABLES:
                for statement in _create(table):
                    connection.execute(statement)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep out other writers. A process that dies releases the lock. Raises StoreBusyError."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
            if row is None or not row[0]:
                raise StoreBusyError(BUSY)
            yield

    @property
    def scratch(self) -> Path | None:
        """None: the temporary folder of the system."""
        return None

    def create(self, artifact: int) -> PostgresSink:
        """Begin the artifact with a number."""
        return PostgresSink(self.url, artifact)

    def artifacts(self) -> set[int]:
        """The numbers of all artifacts."""
        return {row[0] for row in self._connections.rows("SELECT DISTINCT artifact FROM header")}

    def delete(self, artifact: int) -> None:
        """Delete the rows of an artifact."""
        with psycopg.connect(self.url) as connection:
            for table in TABLES:
                statement = f"DELETE FROM {table.name} WHERE artifact = %s"
                connection.execute(statement, (artifact,))

    def announce(self, generation: int, body: bytes) -> None:
        """Does nothing: the registry is in the same database, and ``published`` reads it there."""
