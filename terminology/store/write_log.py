"""The log of writes: every version of every resource that clients wrote, with who wrote it, when and why.

A row is added for each create, update and deletion, and nothing but ``is_latest`` ever changes in it. One transaction
writes at a time, so that the numbers of the rows are in the order in which they become visible: a process that has read
the rows up to a number needs only those after it. SQLAlchemy Core over SQLite (``writes.sqlite`` in the folder of the
store) or PostgreSQL.
"""

from __future__ import annotations

import logging
import weakref
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from threading import Lock
from typing import Any

import sqlalchemy as sql

from terminology.core import issues
from terminology.core.dates import instant_of, now
from terminology.core.errors import RefusedError, TerminologyError, UnavailableError
from terminology.store.backend import CHANNEL, UNSETTLED, Store

# How long, in seconds, a write waits for another one, and a connection for its database.
PATIENCE = 10
# The number of PostgreSQL's advisory lock that one transaction has at a time: "writ" in ASCII.
_LOCK = 0x77726974
# The methods of a write.
CREATE, UPDATE, DELETE = "POST", "PUT", "DELETE"

_tables = sql.MetaData()
resource_version = sql.Table(
    "resource_version",
    _tables,
    sql.Column("number", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("kind", sql.Text, nullable=False, comment="CodeSystem, ConceptMap or ValueSet"),
    sql.Column("id", sql.Text, nullable=False),
    sql.Column("version", sql.Integer, nullable=False, comment="meta.versionId"),
    sql.Column("is_latest", sql.Boolean, nullable=False),
    sql.Column("method", sql.Text, nullable=False),
    sql.Column("url", sql.Text),
    sql.Column("business_version", sql.Text, comment="CodeSystem.version and so on"),
    sql.Column("fhir_version", sql.Text, nullable=False, comment="that of the body"),
    sql.Column("instant", sql.Text, nullable=False, comment="when, in UTC"),
    sql.Column("author", sql.Text, nullable=False, comment="who"),
    sql.Column("reason", sql.Text, comment="why"),
    sql.Column("body", sql.LargeBinary, comment="the resource as JSON, packed; null for a deletion"),
    sql.UniqueConstraint("kind", "id", "version"),
    sql.Index("resource_version_url", "kind", "url"),
    sql.Index("resource_version_latest", "is_latest", "number"),
)
_row = resource_version.c

log = logging.getLogger("terminology")


@dataclass(slots=True, frozen=True)
class ResourceVersion:
    """One write to one resource.

    ``number`` is its place in the log, ``version`` counts the versions of the resource from 1. ``fhir_version``
    (4.0.1) is that of ``body``: the resource as JSON, complete with id and meta; None for a deletion. ``instant`` is in
    UTC, in ISO 8601.
    """

    number: int
    kind: str
    id: str
    version: int
    method: str
    url: str | None
    business_version: str | None
    fhir_version: str
    instant: str
    author: str
    reason: str | None
    body: bytes | None

    @property
    def is_deletion(self) -> bool:
        """Whether the resource is deleted by this."""
        return self.method == DELETE

    @property
    def name(self) -> str:
        """The resource, as problems name it."""
        return f"{self.kind}/{self.id}"


class WriteLog:
    """The log of one store. For use by several threads; nothing is made before something is written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._engine_or_none: sql.Engine | None = None
        self._is_made = False

    # -- reading -----------------------------------------------------------------------------

    def changes_after(self, number: int) -> list[ResourceVersion]:
        """The latest version of each resource that was written after a number, deletions too, in their order."""
        return self._read(
            sql.select(*_COLUMNS).where(_row.is_latest, _row.number > number).order_by(_row.number)
        )

    def version(self, kind: str, id_: str, version: int) -> ResourceVersion | None:
        """One version of a resource; None if there was none."""
        query = sql.select(*_COLUMNS).where(_row.kind == kind, _row.id == id_, _row.version == version)
        return next(iter(self._read(query)), None)

    def latest(self, kind: str, id_: str) -> ResourceVersion | None:
        """The latest version of a resource, which may be a deletion; None if it was never written."""
        return next(iter(self._read(_latest_of(kind, id_))), None)

    def history(
        self,
        kind: str | None,
        id_: str | None = None,
        since: str = "",
        before: int | None = None,
        count: int = 50,
    ) -> tuple[int, list[ResourceVersion]]:
        """How many writes there were to a resource, to all of its type, or to all, and the latest of them.

        ``since`` is an instant; ``before`` a number: only earlier rows are given, though all are counted.
        """
        among = [
            _row.instant >= since,
            *([] if kind is None else [_row.kind == kind]),
            *([] if id_ is None else [_row.id == id_]),
        ]
        page = [*among, *([] if before is None else [_row.number < before])]
        query = sql.select(*_COLUMNS).where(*page).order_by(-_row.number).limit(count)
        return self._count(among), self._read(query)

    def _read(self, query: sql.Select[Any]) -> list[ResourceVersion]:
        if not self._is_there():
            return []
        with self._reporting(), self._engine.connect() as connection:
            return _versions(connection, query)

    def _count(self, conditions: Sequence[sql.ColumnElement[bool]]) -> int:
        if not self._is_there():
            return 0
        with self._reporting(), self._engine.connect() as connection:
            return connection.scalar(sql.select(sql.func.count()).where(*conditions)) or 0

    def _is_there(self) -> bool:
        """Whether anything was ever written. Raises UnavailableError."""
        if not self._is_made and self._store.has_writes():
            with self._reporting(), self._engine.connect() as connection:
                self._is_made = sql.inspect(connection).has_table(resource_version.name)
        return self._is_made

    # -- writing -----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the tables. Raises UnavailableError and TerminologyError as ``writing`` does."""
        if not self._is_made:
            with self._reporting():
                self._store.prepare_writes()
                _tables.create_all(self._engine)
            self._is_made = True

    @contextmanager
    def writing(self) -> Iterator[WriteTransaction]:
        """A transaction that writes alone. It is committed at the end of the block, unless that raises.

        Raises UnavailableError while the database cannot be written, TerminologyError for a full disk, and
        RefusedError (503) where other writes take too long; then nothing is changed.
        """
        self.prepare()
        # Threads of this process wait here, and not in their connections.
        if not self._lock.acquire(timeout=PATIENCE):
            raise _waited()
        try:
            with self._reporting(), self._engine.connect() as connection:
                is_sqlite = self._engine.dialect.name == "sqlite"
                connection.exec_driver_sql("BEGIN IMMEDIATE" if is_sqlite else "BEGIN")
                try:
                    if not is_sqlite:
                        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
                        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
                    change = WriteTransaction(connection)
                    yield change
                    if change.number is not None:
                        if not is_sqlite:
                            connection.execute(sql.select(sql.func.pg_notify(CHANNEL, str(change.number))))
                        self._store.announce_write(UNSETTLED)
                    connection.exec_driver_sql("COMMIT")
                except BaseException:
                    # SQLite has done so already where the disk is full.
                    with suppress(sql.exc.DBAPIError):
                        connection.exec_driver_sql("ROLLBACK")
                    raise
                finally:
                    # Also if nothing was written: the write before may have died between its end and this line.
                    self._store.announce_write(_newest(connection))
        finally:
            self._lock.release()

    def settle(self) -> None:
        """Say how far the log goes: a write may have died before it could."""
        try:
            with self.writing():
                pass
        except (UnavailableError, TerminologyError):
            pass  # the log has said why; until it works, requests look into the database

    @property
    def _engine(self) -> sql.Engine:
        if self._engine_or_none is None:
            url = self._store.writes_url
            name = "connect_timeout" if url.startswith("postgresql") else "timeout"
            arguments = {} if f"{name}=" in url else {name: PATIENCE}
            engine = sql.create_engine(
                url, connect_args=arguments, isolation_level="AUTOCOMMIT", pool_pre_ping=True
            )
            if engine.dialect.name == "sqlite":
                sql.event.listen(engine, "connect", _prepare_sqlite)
            weakref.finalize(self, engine.dispose)
            self._engine_or_none = engine
        return self._engine_or_none

    def close(self) -> None:
        """Close the connections."""
        if self._engine_or_none is not None:
            self._engine_or_none.dispose()

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (sql.exc.DBAPIError, OSError) as problem:
            cause = problem.orig if isinstance(problem, sql.exc.DBAPIError) else problem
            if cause is not None and self._store.is_locked(cause):
                raise _waited() from None
            reason = " ".join(str(cause).split())
            log.error("the log of writes cannot be used: %s", reason)
            if self._store.is_full(problem if cause is None else cause):
                raise TerminologyError(issues.store_full()) from None
            raise UnavailableError(f"the log of writes cannot be used: {reason}") from None


def _waited() -> RefusedError:
    return RefusedError(503, issues.other_writes(PATIENCE), {"Retry-After": str(PATIENCE)})


class WriteTransaction:
    """The writes of one transaction. ``number`` is that of the last one; None before the first."""

    def __init__(self, connection: sql.Connection) -> None:
        self._connection = connection
        self._next = _newest(connection) + 1
        self.instant = instant_of(now(), "milliseconds")
        self.number: int | None = None

    def latest(self, kind: str, id_: str) -> ResourceVersion | None:
        """The latest version of a resource, which may be a deletion; None if it was never written."""
        return next(iter(_versions(self._connection, _latest_of(kind, id_))), None)

    def same_canonical(self, kind: str, url: str, version: str | None) -> list[str]:
        """The ids of the resources that have this url and version at the moment."""
        is_same = _row.business_version.is_not_distinct_from(version)
        query = sql.select(_row.id).where(_row.kind == kind, _row.url == url, is_same, _row.is_latest)
        return list(self._connection.scalars(query.where(_row.method != DELETE)))

    def add(self, write: ResourceVersion) -> ResourceVersion:
        """Add a version as the latest of its resource. Returns it with its number."""
        numbered = replace(write, number=self._next)
        same = (_row.kind == write.kind, _row.id == write.id, _row.is_latest)
        self._connection.execute(resource_version.update().where(*same).values(is_latest=False))
        self._connection.execute(
            resource_version.insert().values(
                **{name: getattr(numbered, name) for name in _FIELDS if name != "body"},
                is_latest=True,
                body=None if write.body is None else zlib.compress(write.body),
            )
        )
        self.number = self._next
        self._next += 1
        return numbered


_FIELDS = tuple(field.name for field in fields(ResourceVersion))
_COLUMNS = [resource_version.c[name] for name in _FIELDS]


def _versions(connection: sql.Connection, query: sql.Select[Any]) -> list[ResourceVersion]:
    return [
        ResourceVersion(**{**row, "body": None if row["body"] is None else zlib.decompress(row["body"])})
        for row in connection.execute(query).mappings()
    ]


def _latest_of(kind: str, id_: str) -> sql.Select[Any]:
    return sql.select(*_COLUMNS).where(_row.kind == kind, _row.id == id_, _row.is_latest)


def _newest(connection: sql.Connection) -> int:
    return connection.scalar(sql.select(sql.func.max(_row.number))) or 0


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
