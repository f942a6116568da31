"""A store in a folder: each artifact is a file of SQLite, opened read-only by any number of processes.

The folder holds:

* ``artifacts/``: a file for each artifact, named by its number;
* ``published``: the generation, and the artifacts that are served in it;
* ``generation``: eight bytes that every process maps into memory, so that it sees them change;
* ``registry.sqlite``: the registry, which only the commands need;
* ``lock.sqlite``: locked while a command writes.
"""

from __future__ import annotations

import mmap
import os
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from threading import local
from typing import Any
from urllib.parse import quote

import orjson

from terminology.core.budget import current
from terminology.core.errors import StoreBusyError
from terminology.store.backend import BUSY, TableRow
from terminology.store.schema import COLUMNS, TABLES, TableSchema
from terminology.store.sql import STATEMENTS
from terminology.store.threads import ThreadConnections

# The page cache of a connection in KiB: room for the inner pages of the trees. Each thread has a connection for
# each artifact, and the operating system caches the files anyway.
CACHE = 256
_TYPES = {"int": "INTEGER", "text": "TEXT", "bytes": "BLOB"}
# A list of at most this length is passed value by value, which SQLite takes faster than JSON.
SHORT = 50


# After so many instructions of its machine, some milliseconds, SQLite asks whether a query is to go on.
LOOK = 100_000


def _is_late() -> bool:
    """Whether the request that this thread answers is past its deadline."""
    budget = current()
    return budget is not None and budget.is_late


@lru_cache(maxsize=len(STATEMENTS) * SHORT)
def _sql(statement: str, length: int) -> str:
    """The SQL of a statement, for a list of this length."""
    among = ", ".join("?" * length) if length <= SHORT else "SELECT value FROM json_each(?)"
    return STATEMENTS[statement].format(here="", among=f"IN ({among})")


class SqliteTables:
    """The file of one artifact. Each thread has a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        # Per thread: ``execute``, a method of its connection.
        self._mine = local()
        self._open = ThreadConnections()
        self._connect()

    def select(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement: see ``sql.ArtifactTables``."""
        try:
            execute = self._mine.execute
        except AttributeError:
            execute = self._connect()
        length = 0
        if values and isinstance(values[-1], list):
            *first, listed = values
            length = min(len(listed), SHORT + 1)
            values = (*first, *(listed if length <= SHORT else (orjson.dumps(listed).decode(),)))
        try:
            rows: list[tuple[Any, ...]] = execute(_sql(statement, length), values).fetchall()
        except sqlite3.OperationalError:
            budget = current()
            if budget is not None and budget.is_late:
                raise budget.lateness() from None
            raise
        return rows

    def _connect(self) -> Any:
        connection = sqlite3.connect(self._uri, uri=True, check_same_thread=False, isolation_level=None)
        connection.execute(f"PRAGMA cache_size = -{CACHE}")
        connection.set_progress_handler(_is_late, LOOK)
        self._open.keep(connection, self._mine)
        self._mine.execute = connection.execute
        return connection.execute

    def close(self) -> None:
        """Close the connections of all threads."""
        self._open.close()


class SqliteSink:
    """The file of a new artifact. It gets its name when it is complete and on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._building = path.with_suffix(".building")
        self._building.unlink(missing_ok=True)
        self._connection = sqlite3.connect(self._building, isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        self._connection.execute("BEGIN")
        for table in TABLES:
            self._connection.execute(_create(table))

    def write(self, table: str, rows: Sequence[TableRow]) -> None:
        """Add rows to a table."""
        marks = ", ".join("?" * len(COLUMNS[table]))
        self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def count(self, table: str) -> int:
        """The number of rows in a table."""
        count: int = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return count

    def finish(self) -> int:
        """Make it an artifact. Returns the size of the file in bytes."""
        for table in TABLES:
            for statement in _indexes(table):
                self._connection.execute(statement)
        self._connection.execute("COMMIT")
        self._connection.close()
        _sync(self._building)
        self._building.replace(self.path)
        _sync(self.path.parent)
        return self.path.stat().st_size

    def abandon(self) -> None:
        """Delete the unfinished file."""
        self._connection.close()
        self._building.unlink(missing_ok=True)


def _create(table: TableSchema) -> str:
    columns = [f"{name} {_TYPES[type_]}" for name, type_ in table.columns]
    if table.key == ("ord",) or table.key == ("place",):
        columns[0] += " PRIMARY KEY"
    else:
        columns.append(f"PRIMARY KEY ({', '.join(table.key)})")
    # Not WITHOUT ROWID: that stores the value beside the key, and comparing keys would read it whole.
    return f"CREATE TABLE {table.name} ({', '.join(columns)})"


def _indexes(table: TableSchema) -> Iterator[str]:
    if table.unique:
        yield f"CREATE UNIQUE INDEX {table.name}_unique ON {table.name} ({', '.join(table.unique)})"
    for number, columns in enumerate(table.indexes):
        yield f"CREATE INDEX {table.name}_{number} ON {table.name} ({', '.join(columns)})"


def _sync(path: Path) -> None:
    """Write a file or folder to the disk. Does nothing for a folder where folders cannot be opened (Windows)."""
    try:
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except (PermissionError, IsADirectoryError):
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a small file so that, also after a crash, either the old or the new content is there."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    _sync(new)
    new.replace(path)
    _sync(path.parent)


class SqliteStore:
    """A store in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._generation: mmap.mmap | None = None

    @property
    def registry_url(self) -> str:
        """The URL of the registry's database, as SQLAlchemy expects it."""
        return f"sqlite:///{self.folder / 'registry.sqlite'}"

    def _path(self, artifact: int) -> Path:
        return self.folder / "artifacts" / f"{artifact}.sqlite"

    # -- reading -----------------------------------------------------------------------------

    def generation(self) -> int:
        """The number of the published state, read from the mapped file ``generation``."""
        counter = self._generation
        if counter is None:
            try:
                with (self.folder / "generation").open("rb") as file:
                    counter = self._generation = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
            except (FileNotFoundError, ValueError):
                return 0
        generation: int = struct.unpack_from("<Q", counter)[0]
        return generation

    def published(self) -> tuple[int, bytes] | None:
        """The generation and the artifacts in it, as JSON."""
        try:
            content = (self.folder / "published").read_bytes()
        except FileNotFoundError:
            return None
        generation, _, body = content.partition(b"\n")
        return int(generation), body

    def open(self, artifact: int) -> SqliteTables:
        """The tables of the artifact with a number."""
        return SqliteTables(self._path(artifact))

    def close(self) -> None:
        """Unmap the file ``generation``."""
        if self._generation is not None:
            self._generation.close()
            self._generation = None

    # -- writing -----------------------------------------------------------------------------

    def is_there(self) -> bool:
        """Whether the folder has a registry."""
        return (self.folder / "registry.sqlite").exists()

    def prepare(self) -> None:
        """Make the folder."""
        (self.folder / "artifacts").mkdir(parents=True, exist_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep out other writers. A process that dies releases the lock. Raises StoreBusyError."""
        connection = sqlite3.connect(self.folder / "lock.sqlite", timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            connection.close()
            raise StoreBusyError(BUSY) from None
        try:
            yield
        finally:
            connection.close()

    @property
    def scratch(self) -> Path | None:
        """The folder for large temporary files: that of the store, whose disk has room for such sizes."""
        return self.folder

    def create(self, artifact: int) -> SqliteSink:
        """Begin the artifact with a number."""
        return SqliteSink(self._path(artifact))

    def artifacts(self) -> set[int]:
        """The numbers of all artifacts. Deletes the unfinished files of imports that died."""
        for unfinished in (self.folder / "artifacts").glob("*.building*"):
            unfinished.unlink(missing_ok=True)
        return {int(path.stem) for path in (self.folder / "artifacts").glob("*.sqlite")}

    def delete(self, artifact: int) -> None:
        """Delete the file of an artifact, if it is there."""
        # Windows refuses while a server has the file open: the next command that writes tries again.
        with suppress(PermissionError):
            self._path(artifact).unlink(missing_ok=True)

    def announce(self, generation: int, body: bytes) -> None:
        """Publish a generation, then change the bytes that every process watches."""
        write_atomically(self.folder / "published", b"%d\n%s" % (generation, body))
        counter = self.folder / "generation"
        if not counter.exists():
            counter.write_bytes(bytes(8))
        with counter.open("r+b") as file:
            file.write(struct.pack("<Q", generation))
