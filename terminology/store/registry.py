"""Which releases were loaded, from what, when, and which of them are served?

The system of record, asked by the commands and never by a request: SQLAlchemy Core over SQLite or
PostgreSQL. What requests need stands ready in ``published``, one row for each generation, written in the
same transaction as the change that it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sql

from terminology.store.release import SourceFile
from terminology.store.schema import FORMAT

ACTIVE, RETIRED, REPLACED, REMOVED = "active", "retired", "replaced", "removed"

_tables = sql.MetaData()

artifact = sql.Table(
    "artifact",
    _tables,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("importer", sql.Text, nullable=False),
    sql.Column("kind", sql.Text, nullable=False, comment="CodeSystem, ConceptMap or ValueSet"),
    sql.Column("url", sql.Text, nullable=False),
    sql.Column("version", sql.Text),
    sql.Column("title", sql.Text),
    sql.Column("licence", sql.Text),
    sql.Column("status", sql.Text, nullable=False),
    sql.Column("rows", sql.Integer, nullable=False),
    sql.Column("problems", sql.Integer, nullable=False, comment="malformed rows that were left out"),
    sql.Column("bytes", sql.BigInteger, nullable=False),
    sql.Column("format", sql.Integer, nullable=False),
    sql.Column("loaded", sql.Text, nullable=False, comment="when, in UTC"),
    sql.Column("ended", sql.Text, comment="since when it is not active any more"),
    sql.Index("artifact_url", "kind", "url"),
)
source_file = sql.Table(
    "source_file",
    _tables,
    sql.Column("artifact", sql.ForeignKey("artifact.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("place", sql.Integer, primary_key=True),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("sha256", sql.Text, nullable=False),
    sql.Column("size", sql.BigInteger, nullable=False),
)
published = sql.Table(
    "published",
    _tables,
    sql.Column("generation", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
)


@dataclass(slots=True)
class Loaded:
    """One artifact, as the registry knows it."""

    importer: str
    kind: str
    url: str
    version: str | None
    title: str | None = None
    licence: str | None = None
    status: str = ACTIVE
    rows: int = 0
    problems: int = 0
    bytes: int = 0
    format: int = FORMAT
    loaded: str = ""
    ended: str | None = None
    id: int = 0
    files: Sequence[SourceFile] = field(default_factory=list)

    @property
    def canonical(self) -> str:
        return f"{self.url}|{self.version}" if self.version else self.url


class Registry:
    """The registry of one store."""

    def __init__(self, url: str, is_there: bool = False) -> None:
        """Unless it ``is_there``, and is but asked, its tables are made."""
        self._engine = sql.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            sql.event.listen(self._engine, "connect", _prepare_sqlite)
        if not is_there:
            _tables.create_all(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def changing(self) -> Iterator[Change]:
        """A transaction; when it ends well there is a new generation."""
        with self._engine.begin() as connection:
            change = Change(connection)
            yield change
            change._publish()

    def all(self) -> list[Loaded]:
        """Everything that was ever loaded, in that order. Numbers are never used again."""
        with self._engine.connect() as connection:
            return _read(connection)

    def kept(self) -> list[Loaded]:
        """What is here, but for what was removed or replaced."""
        return [loaded for loaded in self.all() if loaded.status in (ACTIVE, RETIRED)]

    def published(self) -> tuple[int, bytes]:
        """The generation, and what is served in it."""
        with self._engine.connect() as connection:
            row = connection.execute(sql.select(published).order_by(-published.c.generation)).first()
        return (row.generation, row.body) if row else (0, b"[]")

    def next_number(self) -> int:
        """A number that no artifact had before."""
        with self._engine.connect() as connection:
            return (connection.scalar(sql.select(sql.func.max(artifact.c.id))) or 0) + 1


class Change:
    """What can be changed in one go."""

    def __init__(self, connection: sql.Connection) -> None:
        self._connection = connection

    def add(self, loaded: Loaded) -> None:
        """A new artifact takes the place of the same version that was active or retired before."""
        same = sql.and_(
            artifact.c.kind == loaded.kind,
            artifact.c.url == loaded.url,
            artifact.c.version.is_not_distinct_from(loaded.version),
            artifact.c.status.in_((ACTIVE, RETIRED)),
        )
        self._connection.execute(artifact.update().where(same).values(status=REPLACED, ended=now()))
        values = {c.name: getattr(loaded, c.name) for c in artifact.columns}
        self._connection.execute(artifact.insert().values(values | {"loaded": now()}))
        files = [
            {"artifact": loaded.id, "place": place, "name": f.name, "sha256": f.sha256, "size": f.size}
            for place, f in enumerate(loaded.files)
        ]
        if files:
            self._connection.execute(source_file.insert(), files)

    def set_status(self, ids: Sequence[int], status: str) -> None:
        ended = None if status == ACTIVE else now()
        changed = artifact.update().where(artifact.c.id.in_(ids)).values(status=status, ended=ended)
        self._connection.execute(changed)

    def _publish(self) -> None:
        generation = _generation(self._connection) + 1
        active = [
            {"id": item.id, "kind": item.kind, "url": item.url, "version": item.version}
            for item in _read(self._connection)
            if item.status == ACTIVE
        ]
        self._connection.execute(published.delete().where(published.c.generation < generation - 1))
        self._connection.execute(published.insert().values(generation=generation, body=orjson.dumps(active)))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _generation(connection: sql.Connection) -> int:
    return connection.scalar(sql.select(sql.func.max(published.c.generation))) or 0


def _read(connection: sql.Connection) -> list[Loaded]:
    files: dict[int, list[SourceFile]] = {}
    in_order = sql.select(source_file).order_by(source_file.c.artifact, source_file.c.place)
    for row in connection.execute(in_order):
        files.setdefault(row.artifact, []).append(SourceFile(row.name, row.sha256, row.size))
    rows = connection.execute(sql.select(artifact).order_by(artifact.c.id)).mappings()
    return [Loaded(**row, files=files.get(row["id"], [])) for row in rows]


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
