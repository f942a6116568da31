"""The registry of a store: every artifact ever imported, its files, and which artifacts are served.

Commands read and write it, requests never do: SQLAlchemy Core over SQLite or PostgreSQL. The table ``published``
holds what requests need, one row for each generation, written in the same transaction as the change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sql

from terminology.store.backend import PublishedArtifact
from terminology.store.release import SourceFile
from terminology.store.schema import FORMAT

# The status of an artifact. Active ones are served; replaced and removed ones wait for their deletion.
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
# The checksum of the file of an artifact. A table of its own, since the stores of earlier versions have none.
checksum = sql.Table(
    "checksum",
    _tables,
    sql.Column("artifact", sql.ForeignKey("artifact.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("sha256", sql.Text, nullable=False),
)
published = sql.Table(
    "published",
    _tables,
    sql.Column("generation", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
)


@dataclass(slots=True)
class RegisteredArtifact:
    """An artifact as the registry describes it.

    ``kind`` is the type of the resource, ``importer`` the kind of the importer. ``rows`` and ``problems`` count the
    rows that were imported and the problems that were reported, ``bytes`` is the size. ``sha256`` is the checksum of
    its own file; empty in a database, and where an earlier version has imported it. ``loaded`` and ``ended`` are
    instants in UTC, in ISO 8601: when it was imported, and since when it is not active any more.
    """

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
    sha256: str = ""
    files: Sequence[SourceFile] = field(default_factory=list)

    @property
    def published(self) -> PublishedArtifact:
        """What servers are told of it."""
        file = (self.bytes, self.sha256) if self.sha256 else ()
        return PublishedArtifact(self.id, self.kind, self.url, self.version, *file)

    @property
    def canonical(self) -> str:
        """``url|version``, or the URL alone without a version."""
        return f"{self.url}|{self.version}" if self.version else self.url


class Registry:
    """The registry of one store."""

    def __init__(self, url: str, is_there: bool = False) -> None:
        """``is_there`` says that the tables exist; otherwise they are made."""
        is_hasty = url.startswith("postgresql") and "connect_timeout" not in url
        self._engine = sql.create_engine(url, connect_args={"connect_timeout": 5} if is_hasty else {})
        if self._engine.dialect.name == "sqlite":
            sql.event.listen(self._engine, "connect", _prepare_sqlite)
        if not is_there:
            _tables.create_all(self._engine)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def changing(self) -> Iterator[RegistryChange]:
        """A transaction; if it succeeds there is a new generation."""
        with self._engine.begin() as connection:
            change = RegistryChange(connection)
            yield change
            change.publish()

    def all(self) -> list[RegisteredArtifact]:
        """Every artifact that was ever imported, in that order."""
        with self._engine.connect() as connection:
            return _read(connection)

    def present(self) -> list[RegisteredArtifact]:
        """The active and retired artifacts, in the order in which they were imported."""
        return [artifact for artifact in self.all() if artifact.status in (ACTIVE, RETIRED)]

    def published(self) -> tuple[int, bytes]:
        """The generation, and the artifacts in it as JSON; 0 and an empty array before the first."""
        with self._engine.connect() as connection:
            row = connection.execute(sql.select(published).order_by(-published.c.generation)).first()
        return (row.generation, row.body) if row else (0, b"[]")

    def next_number(self) -> int:
        """A number for a new artifact. Numbers are never used again."""
        with self._engine.connect() as connection:
            return (connection.scalar(sql.select(sql.func.max(artifact.c.id))) or 0) + 1


class RegistryChange:
    """The changes of one transaction of the registry."""

    def __init__(self, connection: sql.Connection) -> None:
        self._connection = connection

    def add(self, new: RegisteredArtifact) -> None:
        """Register a new artifact as active. It replaces the same version, if that was active or retired."""
        same = sql.and_(
            artifact.c.kind == new.kind,
            artifact.c.url == new.url,
            artifact.c.version.is_not_distinct_from(new.version),
            artifact.c.status.in_((ACTIVE, RETIRED)),
        )
        self._connection.execute(artifact.update().where(same).values(status=REPLACED, ended=now()))
        values = {c.name: getattr(new, c.name) for c in artifact.columns}
        self._connection.execute(artifact.insert().values(values | {"loaded": now()}))
        files = [
            {"artifact": new.id, "place": place, "name": f.name, "sha256": f.sha256, "size": f.size}
            for place, f in enumerate(new.files)
        ]
        if new.sha256:
            self._connection.execute(checksum.insert().values(artifact=new.id, sha256=new.sha256))
        if files:
            self._connection.execute(source_file.insert(), files)

    def set_status(self, ids: Sequence[int], status: str) -> None:
        """Give a status to the artifacts with these numbers."""
        ended = None if status == ACTIVE else now()
        update = artifact.update().where(artifact.c.id.in_(ids)).values(status=status, ended=ended)
        self._connection.execute(update)

    def publish(self) -> None:
        """Write a new generation with the artifacts that are active now, and forget all but the one before."""
        generation = _generation(self._connection) + 1
        active = [item.published for item in _read(self._connection) if item.status == ACTIVE]
        self._connection.execute(published.delete().where(published.c.generation < generation - 1))
        self._connection.execute(published.insert().values(generation=generation, body=orjson.dumps(active)))


def now() -> str:
    """The current instant in UTC, in ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _generation(connection: sql.Connection) -> int:
    return connection.scalar(sql.select(sql.func.max(published.c.generation))) or 0


def _read(connection: sql.Connection) -> list[RegisteredArtifact]:
    files: dict[int, list[SourceFile]] = {}
    in_order = sql.select(source_file).order_by(source_file.c.artifact, source_file.c.place)
    for row in connection.execute(in_order):
        files.setdefault(row.artifact, []).append(SourceFile(row.name, row.sha256, row.size))
    has_checksums = sql.inspect(connection).has_table(checksum.name)
    checksums = (
        {row.artifact: row.sha256 for row in connection.execute(sql.select(checksum))}
        if has_checksums
        else {}
    )
    rows = connection.execute(sql.select(artifact).order_by(artifact.c.id)).mappings()
    return [
        RegisteredArtifact(**row, sha256=checksums.get(row["id"], ""), files=files.get(row["id"], []))
        for row in rows
    ]


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
