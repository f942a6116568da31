"""A store in PostgreSQL: all artifacts share the tables, each row with the number of its artifact.

psycopg without a pool: each thread keeps one connection, in autocommit, for all artifacts. An artifact is
written in one transaction, so half of one is never visible.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Semaphore, Thread, current_thread, local
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from terminology.core.errors import OtherFormatError, StoreBusyError, UnavailableError
from terminology.store.backend import BUSY, UNSETTLED, OnRead, PublishedArtifact, TableRow, Verdict
from terminology.store.damage import Damage
from terminology.store.doubt import MOMENT, MOST_WAITING, Doubt
from terminology.store.header import DICTIONARY, HEADER, Header
from terminology.store.schema import COLUMNS, TABLES, TableSchema
from terminology.store.sql import STATEMENTS
from terminology.store.threads import ThreadConnections
from terminology.store.write_notices import WriteNotices

# How often, in seconds, a process looks for a new generation.
INTERVAL = 1.0
# How long, in seconds, a new connection waits for a replica that lags behind.
PATIENCE = 5.0
# How long, in seconds, a host may take to accept a connection (libpq takes no less), unless the URL says otherwise; to
# answer the watch, before it counts as away; and to answer any other statement.
CONNECT_PATIENCE = 2
LOOK_PATIENCE = 2.0
STATEMENT_PATIENCE = 30.0
# How long, in seconds, a request waits for the watch: only the first one waits until it has seen something.
WAIT = 0.05
FIRST_WAIT = 5.0
# How long, in seconds, the watch rests before it looks again at a database that is away.
REST = 0.1
_TYPES = {"int": "integer", "text": 'text COLLATE "C"', "bytes": "bytea"}
# The names of the types in COPY ... (FORMAT BINARY).
BINARY = {"int": "int4", "text": "text", "bytes": "bytea"}
# The number of the advisory lock: "term" in ASCII.
_LOCK = 0x7465726D
# The table that has the rows of an artifact, by its kind.
_ROWS_OF = {"CodeSystem": "concept", "ConceptMap": "mapping", "ValueSet": "member"}
_SILENT = "it does not answer"
_PUBLISHED = "SELECT generation, body FROM published ORDER BY generation DESC LIMIT 1"
RV = TypeVar("RV")

log = logging.getLogger("terminology")


class _Lag(psycopg.OperationalError):
    """A replica does not have the generation that was served already."""


class _Silence(psycopg.OperationalError):
    """The server does not answer."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is given up when the server is silent: one that hangs does not obey its own time-outs."""

    patience = STATEMENT_PATIENCE
    # Whether to wait no more, because of what other connections have found out.
    gives_up: Callable[[], bool] = staticmethod(lambda: False)

    def wait(self, gen: PQGen[RV], interval: float = MOMENT, timeout: float | None = None) -> RV:
        """Wait for a statement. Raises _Silence."""
        return super().wait(self._bounded(gen), interval)

    def _bounded(self, gen: PQGen[RV]) -> PQGen[RV]:
        deadline = time.monotonic() + self.patience
        try:
            direction = next(gen)
            while True:
                ready = yield direction
                if not ready and (self.gives_up() or time.monotonic() >= deadline):
                    raise _Silence(_SILENT)
                direction = gen.send(ready)
        except StopIteration as end:
            value: RV = end.value
            return value

    @classmethod
    def at(cls, url: str, patience: float = STATEMENT_PATIENCE) -> BoundedConnection:
        """A connection in autocommit. Raises OperationalError, at the latest after CONNECT_PATIENCE for each host."""
        connection = cls.connect(hasty(url), autocommit=True)
        connection.patience = patience
        return connection


def hasty(url: str) -> str:
    """The URL with a time-out for connecting, unless it has one."""
    if "connect_timeout" in conninfo_to_dict(url):
        return url
    return make_conninfo(url, connect_timeout=CONNECT_PATIENCE)


@dataclass(slots=True)
class _ThreadState:
    """The connection of one thread. Its host is known to have at least ``generation``."""

    connection: BoundedConnection
    cursor: psycopg.Cursor[Any]
    generation: int


class _ThreadData(local):
    """The data of each thread."""

    state: _ThreadState | None = None


class PostgresConnections:
    """A connection for each thread. A broken one is replaced, once for each statement.

    A thread of its own, the watch, reads the published generation, and finds out whether the database is away: stopped,
    or silent. While it is, statements are refused at once, without an attempt, and the watch alone tries to reach
    it. The log says when that begins and ends.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._has_replicas = "," in str(conninfo_to_dict(url).get("host", ""))
        # The generation that every connection must have: threads may be connected to different hosts.
        self.required = 0
        self._mine = _ThreadData()
        self._open = ThreadConnections()
        self._doubt = Doubt()
        self._places_to_connect = Semaphore(MOST_WAITING)
        # Why the database is away; None while it is thought to be there.
        self.away: UnavailableError | None = None
        # The published generation and its body, once the watch has read them.
        self.latest: tuple[tuple[int, bytes] | None] | None = None
        self._changed = Condition()
        self._requests = self._looks = 0
        self._has_ended = False
        self._watch: Thread | None = None

    @property
    def is_current(self) -> bool:
        """Whether the watch has read the generation that every connection must have: it may have fallen since."""
        if self.latest is None:
            return False
        published = self.latest[0]
        return self.required == (published[0] if published else 0)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query. Raises UnavailableError while the database is away."""
        if self.away is not None:
            raise self.away
        try:
            if not self._doubt.may_wait():
                raise _Silence(_SILENT)
            return self._rows(query, values)
        except psycopg.errors.UndefinedTable:
            raise
        except psycopg.OperationalError as problem:
            if self._watch is not None and not isinstance(problem, _Lag | _Silence):
                self.look(WAIT)
            raise self.away or UnavailableError(database_problem(problem)) from None
        except psycopg.Error as problem:
            log.error("%s", database_problem(problem))
            raise UnavailableError(database_problem(problem)) from None
        finally:
            self._doubt.end_wait()

    def _gives_up(self) -> bool:
        """Whether a thread is to wait no more: the database is away, or doubted while others wait already."""
        if self.away is not None:
            return True
        self.look(0)
        return not self._doubt.may_wait()

    def _rows(
        self, query: str, values: Sequence[Any], patience: float = STATEMENT_PATIENCE
    ) -> list[tuple[Any, ...]]:
        state = self._mine.state
        if state is not None:
            try:
                self._require_generation(state)
                return _fetched(state.cursor, query, values)
            except psycopg.OperationalError as problem:
                self._drop(state)
                if isinstance(problem, _Silence | psycopg.errors.QueryCanceled):
                    raise
        return _fetched(self._connect(patience).cursor, query, values)

    def _require_generation(self, state: _ThreadState) -> None:
        """Raises OperationalError if another thread saw, on another host, a generation that this host lacks."""
        required = self.required
        if state.generation < required:
            if (newest := _newest(state.cursor)) < required:
                raise psycopg.OperationalError(f"{newest} is older than generation {required}")
            state.generation = newest

    def _connect(self, patience: float) -> _ThreadState:
        required = self.required
        if current_thread() is self._watch:
            connection = BoundedConnection.at(self._url, patience)
        else:
            # That a connection cannot be made is known after seconds: few threads try it at once.
            while not self._places_to_connect.acquire(timeout=MOMENT):
                if self._gives_up():
                    raise _Silence(_SILENT)
            try:
                connection = BoundedConnection.at(self._url, patience)
            finally:
                self._places_to_connect.release()
            # A weak reference: what closes the connections at the end refers to them, and would keep their owner.
            own = weakref.ref(self)
            connection.gives_up = lambda: (owner := own()) is not None and owner._gives_up()
        cursor = connection.cursor(binary=True)
        try:
            # So that the server ends a statement for which nobody waits any more.
            cursor.execute(f"SET statement_timeout = {int(patience * 1000)}")
            self._await_generation(cursor)
        except psycopg.Error:
            connection.close()
            raise
        # Meanwhile the requirement may have risen, or fallen where this host could not meet it.
        required = min(required, self.required)
        self._open.keep(connection, self._mine)
        state = self._mine.state = _ThreadState(connection, cursor, required)
        return state

    def _await_generation(self, cursor: psycopg.Cursor[Any]) -> None:
        """Wait until a new connection's host has the generation that was served already: a replica may lag.

        Raises _Lag if it does not get there in PATIENCE seconds: this request fails, and the next ones are served
        the generation that the replica has.
        """
        deadline = time.monotonic() + PATIENCE
        while (newest := _newest(cursor)) < self.required:
            if time.monotonic() > deadline:
                missing, self.required = self.required, newest
                raise _Lag(f"the replica has generation {newest}, not yet {missing}")
            time.sleep(PATIENCE / 100)

    def _drop(self, state: _ThreadState) -> None:
        self._mine.state = None
        self._open.drop(state.connection)

    def close(self) -> None:
        """End the watch, and close the connections of all threads."""
        self.end_watch()
        self._open.close()
        self._mine = _ThreadData()

    # -- the watch ---------------------------------------------------------------------------

    def look(self, patience: float) -> None:
        """Let the watch look at the database now, and wait for it so many seconds at most.

        Does not wait for a database that is away: the watch tries again by itself.
        """
        with self._changed:
            if self._has_ended:
                return
            if self._watch is None or not self._watch.is_alive():
                self._watch = Thread(target=self._look_on, name="store-watch", daemon=True)
                self._watch.start()
            self._requests += 1
            number = self._requests
            self._changed.notify_all()
            if self.away is None:
                self._changed.wait_for(lambda: self._looks >= number or self._has_ended, patience)

    def end_watch(self) -> None:
        """Let the watch end."""
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def _look_on(self) -> None:
        while True:
            with self._changed:
                # One that is away is tried again without being asked.
                self._changed.wait_for(
                    lambda: self._requests > self._looks or self._has_ended,
                    None if self.away is None else INTERVAL,
                )
                if self._has_ended:
                    break
                number = self._requests
            with self._doubt.asking():
                away = self._look()
            if self._has_replicas:
                self._forget()  # the next look is at the first host that answers, and not at a replica that lags
            with self._changed:
                self._note(away)
                self._looks = number
                self._changed.notify_all()
            if away is not None:
                time.sleep(REST)  # threads may ask again and again
        self._forget()

    def _forget(self) -> None:
        state = self._mine.state
        if state is not None:
            self._drop(state)

    def _look(self) -> UnavailableError | None:
        """Read the published generation. Returns the reason if that is not possible."""
        try:
            try:
                rows = self._rows(_PUBLISHED, (), LOOK_PATIENCE)
            except _Lag:
                rows = self._rows(_PUBLISHED, (), LOOK_PATIENCE)  # now what the replica has is enough
        except psycopg.errors.UndefinedTable:
            rows = []
        except psycopg.Error as problem:
            return UnavailableError(database_problem(problem))
        self.latest = ((rows[0][0], rows[0][1]) if rows else None,)
        self.required = rows[0][0] if rows else 0
        return None

    def _note(self, away: UnavailableError | None) -> None:
        if away is not None and self.away is None:
            log.error("%s", away)
        elif away is None and self.away is not None:
            log.warning("the database of the store is reached again")
        self.away = away


def database_problem(problem: BaseException) -> str:
    """A message of one line about a problem with the database, with the driver's own reason."""
    reason = "; ".join(line.strip() for line in str(problem).splitlines() if line.strip())
    if isinstance(problem, psycopg.errors.ReadOnlySqlTransaction):
        return f"the database of the store can only be read: name the primary in the URL ({reason})"
    if isinstance(problem, psycopg.OperationalError) and not isinstance(problem, psycopg.errors.DiskFull):
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
        self._connection = psycopg.connect(hasty(url))
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

    def finish(self) -> tuple[int, str]:
        """Make it an artifact. Returns its approximate size in bytes, and no checksum."""
        self._connection.commit()
        self._connection.close()
        return self._size, ""

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
        self._connections = PostgresConnections(url)
        self._last_look = -INTERVAL
        self._notices = WriteNotices(url)
        # What has been opened may be read for longer.
        weakref.finalize(self, self._connections.end_watch)
        weakref.finalize(self, self._notices.end)

    @property
    def is_reached(self) -> bool:
        """Whether the database answered when it was last asked for the generation."""
        return self._connections.latest is not None and self._connections.away is None

    @property
    def registry_url(self) -> str:
        """The URL of the registry's database, as SQLAlchemy expects it."""
        return "postgresql+psycopg://" + self.url.partition("://")[2]

    # -- reading -----------------------------------------------------------------------------

    def uncopied(self) -> Sequence[str]:
        """None: this store is read where it is."""
        return ()

    def away(self) -> UnavailableError | None:
        """The reason why the database could not be reached when it was last tried; None if it could."""
        return self._connections.away

    def generation(self) -> int:
        """The number of the published state, at most INTERVAL seconds old.

        While the database cannot be reached, it is the last number that was seen.
        """
        now = time.monotonic()
        if now - self._last_look >= INTERVAL:
            self._last_look = now
            self._notices.listen()
            self._connections.look(FIRST_WAIT if self._connections.latest is None else WAIT)
        return self._connections.required

    @property
    def writes(self) -> int:
        """The number of the last write that the database has told of; that of a write of this process at once."""
        return self._notices.number

    def published(self) -> tuple[int, bytes] | None:
        """The generation and the artifacts in it, as JSON, as they were last seen. Raises UnavailableError."""
        connections = self._connections
        if not connections.is_current:
            connections.look(FIRST_WAIT)
        if connections.latest is None or not connections.is_current:
            raise connections.away or UnavailableError("the database of the store has not answered yet")
        return connections.latest[0]

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of any query."""
        return self._connections.rows(query, values)

    def open(self, artifact: PublishedArtifact, damage: Damage) -> PostgresTables:
        """The tables of an artifact."""
        return PostgresTables(self._connections, artifact.id)

    def close(self) -> None:
        """Close the connections of all threads."""
        self._notices.end()
        self._connections.close()

    # -- writing -----------------------------------------------------------------------------

    def is_there(self) -> bool:
        """Whether the database has a registry. Raises psycopg.Error."""
        with psycopg.connect(hasty(self.url)) as connection:
            row = connection.execute("SELECT to_regclass('artifact') IS NOT NULL").fetchone()
        return row == (True,)

    def glance(self, artifact: PublishedArtifact) -> str | None:
        """Whether the artifact has a header."""
        rows = self._connections.rows("SELECT name FROM header WHERE artifact = %s", (artifact.id,))
        return None if {HEADER, DICTIONARY} <= {row[0] for row in rows} else "its header is missing"

    def verify(self, artifact: PublishedArtifact, on_read: OnRead) -> Verdict:
        """Read the header and count the rows: there is no file to compare."""
        try:
            problem, count = self.glance(artifact), 0
            if problem is None:
                query = "SELECT value FROM header WHERE artifact = %s AND name = %s"
                header = Header.read(self._connections.rows(query, (artifact.id, HEADER))[0][0])
                table = _ROWS_OF[header.kind]
                query = f"SELECT count(*) FROM {table} WHERE artifact = %s"
                [[count]] = self._connections.rows(query, (artifact.id,))
                if not header.is_all and count != header.count:
                    problem = f"it has {count:,} of {header.count:,} rows"
        except (OtherFormatError, ValueError, TypeError) as error:
            problem = str(error)
        return Verdict(
            problem, f"its header and {count:,} rows are there; a database has no file with a checksum"
        )

    def prepare(self) -> None:
        """Make the tables."""
        with psycopg.connect(hasty(self.url), autocommit=True) as connection:
            for table in TABLES:
                for statement in _create(table):
                    connection.execute(statement)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep out other writers. A process that dies releases the lock. Raises StoreBusyError."""
        with psycopg.connect(hasty(self.url), autocommit=True) as connection:
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
            if row is None or not row[0]:
                raise StoreBusyError(BUSY)
            try:
                yield
            finally:
                # PostgreSQL ends the process of a connection, and with it the lock, some time after it is closed.
                with suppress(psycopg.OperationalError):
                    connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))

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
        with psycopg.connect(hasty(self.url)) as connection:
            for table in TABLES:
                statement = f"DELETE FROM {table.name} WHERE artifact = %s"
                connection.execute(statement, (artifact,))

    def announce(self, generation: int, body: bytes) -> None:
        """Does nothing: the registry is in the same database, and ``published`` reads it there."""

    # -- writes of clients -------------------------------------------------------------------

    @property
    def writes_url(self) -> str:
        """The URL of the registry's database, which has the log of writes, too."""
        return self.registry_url

    def has_writes(self) -> bool:
        """Whether the database has told of a write."""
        return self._notices.number > 0

    def prepare_writes(self) -> None:
        """Does nothing: all that a log needs are its tables."""

    def announce_write(self, number: int) -> None:
        """Note a write of this process. The database tells all others."""
        if number != UNSETTLED:
            self._notices.note(number)

    def is_full(self, problem: BaseException) -> bool:
        """Whether the disk of the database is full."""
        return isinstance(problem, psycopg.errors.DiskFull)

    def is_locked(self, problem: BaseException) -> bool:
        """Whether another transaction has had the lock for too long."""
        return isinstance(problem, psycopg.errors.LockNotAvailable)
