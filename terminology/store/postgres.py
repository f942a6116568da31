"""Artifacts in PostgreSQL: the same tables for all of them, each row with the number of its artifact.

psycopg without a pool: each thread keeps one connection, in autocommit, for all artifacts. An artifact is
written in one transaction, so there is never half of one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import local
from typing import Any

import psycopg

from terminology.core.errors import StoreBusyError, UnavailableError
from terminology.store.backend import BUSY
from terminology.store.compile.compiler import TableRow
from terminology.store.schema import COLUMNS, TABLES, Table
from terminology.store.statements import STATEMENTS
from terminology.store.threads import Opened

# How often, in seconds, a process looks for a new generation.
INTERVAL = 1.0
# How long a new connection waits for a replica that is behind.
PATIENCE = 5.0
_TYPES = {"int": "integer", "text": 'text COLLATE "C"', "bytes": "bytea"}
BINARY = {"int": "int4", "text": "text", "bytes": "bytea"}
# "terminology", as a number.
_LOCK = 0x7465726D

log = logging.getLogger("terminology")


class Connections:
    """A connection for each thread. One that broke is made anew, once for each question.

    Raises UnavailableError while there is none to be had. The log says when that begins, and when it is over.
    """

    def __init__(self, url: str, accept: Callable[[psycopg.Cursor[Any]], None]) -> None:
        """``accept`` looks at each new connection, and raises OperationalError if it will not do."""
        self._url = url
        # The generation that every connection must have: threads may be with different hosts.
        self.known = 0
        self._accept = accept
        self._mine = local()
        self._open = Opened()
        self._is_away = False

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            rows = self._rows(query, values)
        except psycopg.OperationalError as problem:
            raise self._away(problem) from None
        if self._is_away:
            self._is_away = False
            log.warning("the database of the store is reached again")
        return rows

    def _away(self, problem: psycopg.Error) -> UnavailableError:
        reason = said_of(problem)
        if not self._is_away:
            self._is_away = True
            log.error("%s", reason)
        return UnavailableError(reason)

    def _rows(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        cursor = getattr(self._mine, "cursor", None)
        if cursor is not None:
            try:
                self._require_known(cursor)
                return _fetched(cursor, query, values)
            except psycopg.OperationalError:
                self._drop()
        return _fetched(self._connect(), query, values)

    def _require_known(self, cursor: psycopg.Cursor[Any]) -> None:
        """Another thread, with another host, may have seen what the host of this one has not got yet."""
        known = self.known
        if self._mine.known < known:
            if (there := _newest(cursor)) < known:
                raise psycopg.OperationalError(f"{there} is older than generation {known}")
            self._mine.known = there

    def _connect(self) -> psycopg.Cursor[Any]:
        known = self.known
        connection = psycopg.connect(self._url, autocommit=True)
        cursor = connection.cursor(binary=True)
        try:
            self._accept(cursor)
        except psycopg.Error:
            connection.close()
            raise
        # What is known may have become more since, or less where this host has not got it.
        known = min(known, self.known)
        self._open.keep(connection, self._mine)
        self._mine.connection, self._mine.cursor, self._mine.known = connection, cursor, known
        return cursor

    def _drop(self) -> None:
        self._mine.cursor = None
        self._open.drop(self._mine.connection)

    def close(self) -> None:
        self._open.close()
        self._mine = local()


def said_of(problem: BaseException) -> str:
    """In one line what is wrong with a database, as its driver put it."""
    reason = "; ".join(line.strip() for line in str(problem).splitlines() if line.strip())
    if isinstance(problem, psycopg.errors.ReadOnlySqlTransaction):
        return f"the database of the store can only be read: name the primary in the URL ({reason})"
    if isinstance(problem, psycopg.OperationalError):
        return f"the database of the store cannot be reached: {reason}"
    return f"the database of the store refuses: {reason}"


def _fetched(cursor: psycopg.Cursor[Any], query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return cursor.execute(query, values).fetchall()


def _newest(cursor: psycopg.Cursor[Any]) -> int:
    """The last generation there is; 0 in a database that no store was made in."""
    if _fetched(cursor, "SELECT to_regclass('published') IS NULL", ())[0][0]:
        return 0
    return _fetched(cursor, "SELECT coalesce(max(generation), 0) FROM published", ())[0][0]  # type: ignore[no-any-return]


class PostgresTables:
    """The rows of one artifact."""

    def __init__(self, connections: Connections, artifact: int) -> None:
        self._connections = connections
        here = f"artifact = {artifact:d} AND"
        self._select = {
            name: text.format(here=here, among="= ANY(?)").replace("?", "%s")
            for name, text in STATEMENTS.items()
        }

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._connections.rows(self._select[question], values)

    def close(self) -> None:
        """The connections are those of the store."""


class PostgresSink:
    """A new artifact, in a transaction of its own."""

    def __init__(self, url: str, artifact: int) -> None:
        self._artifact = artifact
        self._connection = psycopg.connect(url)
        self._size = 0

    def write(self, table: str, rows: Sequence[TableRow]) -> None:
        columns = ", ".join(["artifact", *COLUMNS[table]])
        types = ["int4", *(BINARY[type_] for _, type_ in table_columns(table))]
        copy = f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)"
        with self._connection.cursor().copy(copy) as stream:
            stream.set_types(types)
            for row in rows:
                stream.write_row((self._artifact, *row))
                self._size += sum(len(value) for value in row if isinstance(value, str | bytes))

    def finish(self) -> int:
        """Make it an artifact; about how many bytes it has."""
        self._connection.commit()
        self._connection.close()
        return self._size

    def abandon(self) -> None:
        self._connection.close()


def table_columns(name: str) -> tuple[tuple[str, str], ...]:
    """The columns of a table and their types."""
    return next(table.columns for table in TABLES if table.name == name)


def _create(table: Table) -> Iterator[str]:
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
        columns_ = ", ".join(("artifact", *index))
        yield f"CREATE INDEX IF NOT EXISTS {table.name}_{number} ON {table.name} ({columns_})"


class PostgresContent:
    """A store in a database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connections = Connections(url, self._catch_up)
        self._looked = -INTERVAL
        # Whether the database answered when it was asked last.
        self.is_reached = False

    @property
    def registry_url(self) -> str:
        return "postgresql+psycopg://" + self.url.partition("://")[2]

    # -- reading -----------------------------------------------------------------------------

    def generation(self) -> int:
        """Which state of the store is published, as it was a moment ago.

        A database that cannot be reached has no news.
        """
        now = time.monotonic()
        if now - self._looked >= INTERVAL:
            self._looked = now
            try:
                published = self.published()
            except UnavailableError:
                self.is_reached = False
                return self._connections.known
            self.is_reached = True
            self._connections.known = published[0] if published else 0
        return self._connections.known

    def _catch_up(self, cursor: psycopg.Cursor[Any]) -> None:
        """A replica that is behind what was served already would not find it: wait until it has it.

        If it does not get there, this request fails, and the next ones are served what the replica has.
        """
        deadline = time.monotonic() + PATIENCE
        while (there := _newest(cursor)) < self._connections.known:
            if time.monotonic() > deadline:
                missing, self._connections.known = self._connections.known, there
                raise psycopg.OperationalError(f"the replica has not got generation {missing}, but {there}")
            time.sleep(PATIENCE / 100)

    def published(self) -> tuple[int, bytes] | None:
        """The generation and what is in it."""
        query = "SELECT generation, body FROM published ORDER BY generation DESC LIMIT 1"
        try:
            rows = self._connections.rows(query)
        except psycopg.errors.UndefinedTable:
            return None
        return (rows[0][0], rows[0][1]) if rows else None

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connections.rows(query, values)

    def open(self, artifact: int) -> PostgresTables:
        return PostgresTables(self._connections, artifact)

    def close(self) -> None:
        self._connections.close()

    # -- writing -----------------------------------------------------------------------------

    def is_there(self) -> bool:
        """Raises psycopg.Error."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT to_regclass('artifact') IS NOT NULL").fetchone()
        return row == (True,)

    def prepare(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for table in TABLES:
                for statement in _create(table):
                    connection.execute(statement)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One writer at a time; a writer that dies lets go."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
            if row is None or not row[0]:
                raise StoreBusyError(BUSY)
            yield

    @property
    def scratch(self) -> Path | None:
        return None

    def create(self, artifact: int) -> PostgresSink:
        return PostgresSink(self.url, artifact)

    def artifacts(self) -> set[int]:
        return {row[0] for row in self._connections.rows("SELECT DISTINCT artifact FROM header")}

    def delete(self, artifact: int) -> None:
        with psycopg.connect(self.url) as connection:
            for table in TABLES:
                statement = f"DELETE FROM {table.name} WHERE artifact = %s"
                connection.execute(statement, (artifact,))

    def announce(self, generation: int, body: bytes) -> None:
        """The registry is in the same database, and tells it itself: see ``published``."""
