"""Artifacts as files: SQLite, opened read-only and immutable, shared by any number of processes.

A folder holds ``artifacts/`` (a file for each number), ``published`` (which of them are served),
``generation`` (eight bytes that every process maps, and sees changing), and ``registry.sqlite``, which only
the commands need.
"""

from __future__ import annotations

import mmap
import os
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import local
from typing import Any
from urllib.parse import quote

import orjson

from terminology.core.errors import StoreBusyError
from terminology.store.backend import BUSY
from terminology.store.compile.compiler import TableRow
from terminology.store.schema import COLUMNS, TABLES, Table
from terminology.store.statements import STATEMENTS
from terminology.store.threads import Opened

# Pages of a connection's cache, in KiB: the inner pages of the trees. Each thread has one for each artifact,
# and the files are in the page cache of the operating system anyway.
CACHE = 256
_TYPES = {"int": "INTEGER", "text": "TEXT", "bytes": "BLOB"}
# A list so short is given value by value, which SQLite takes sooner than JSON.
SHORT = 50


@lru_cache(maxsize=len(STATEMENTS) * SHORT)
def _select(question: str, length: int) -> str:
    """The statement, for a list of so many values."""
    given = ", ".join("?" * length) if length <= SHORT else "SELECT value FROM json_each(?)"
    return STATEMENTS[question].format(here="", among=f"IN ({given})")


class SqliteTables:
    """One artifact's file. Each thread has a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        self._mine = local()
        self._open = Opened()
        self._connect()

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            execute = self._mine.execute
        except AttributeError:
            execute = self._connect()
        length = 0
        if values and isinstance(values[-1], list):
            *first, listed = values
            length = min(len(listed), SHORT + 1)
            values = (*first, *(listed if length <= SHORT else (orjson.dumps(listed).decode(),)))
        rows: list[tuple[Any, ...]] = execute(_select(question, length), values).fetchall()
        return rows

    def _connect(self) -> Any:
        connection = sqlite3.connect(self._uri, uri=True, check_same_thread=False, isolation_level=None)
        connection.execute(f"PRAGMA cache_size = -{CACHE}")
        self._open.keep(connection, self._mine)
        self._mine.execute = connection.execute
        return connection.execute

    def close(self) -> None:
        self._open.close()


class SqliteSink:
    """A new artifact's file. It has its name only when it is whole and on the disk."""

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
        marks = ", ".join("?" * len(COLUMNS[table]))
        self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def count(self, table: str) -> int:
        """How many rows are in a table."""
        counted: int = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return counted

    def finish(self) -> int:
        """Make it an artifact; its size in bytes."""
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
        self._connection.close()
        self._building.unlink(missing_ok=True)


def _create(table: Table) -> str:
    columns = [f"{name} {_TYPES[type_]}" for name, type_ in table.columns]
    if table.key == ("ord",) or table.key == ("place",):
        columns[0] += " PRIMARY KEY"
    else:
        columns.append(f"PRIMARY KEY ({', '.join(table.key)})")
    # Never WITHOUT ROWID: the value would stand beside the key, and be read whole to compare the key.
    return f"CREATE TABLE {table.name} ({', '.join(columns)})"


def _indexes(table: Table) -> Iterator[str]:
    if table.unique:
        yield f"CREATE UNIQUE INDEX {table.name}_unique ON {table.name} ({', '.join(table.unique)})"
    for number, columns in enumerate(table.indexes):
        yield f"CREATE INDEX {table.name}_{number} ON {table.name} ({', '.join(columns)})"


def _sync(path: Path) -> None:
    """To the disk, before anything refers to it. Folders cannot be opened everywhere."""
    try:
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except (PermissionError, IsADirectoryError):
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that there is the old one or the new one, also after a crash."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    _sync(new)
    new.replace(path)
    _sync(path.parent)


class SqliteContent:
    """A store in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._counter: mmap.mmap | None = None

    @property
    def registry_url(self) -> str:
        return f"sqlite:///{self.folder / 'registry.sqlite'}"

    def _path(self, artifact: int) -> Path:
        return self.folder / "artifacts" / f"{artifact}.sqlite"

    # -- reading -----------------------------------------------------------------------------

    def generation(self) -> int:
        """Which state of the store is published; cheap enough to be asked at every request."""
        counter = self._counter
        if counter is None:
            try:
                with (self.folder / "generation").open("rb") as file:
                    counter = self._counter = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
            except (FileNotFoundError, ValueError):
                return 0
        generation: int = struct.unpack_from("<Q", counter)[0]
        return generation

    def published(self) -> tuple[int, bytes] | None:
        """The generation and what is in it."""
        try:
            content = (self.folder / "published").read_bytes()
        except FileNotFoundError:
            return None
        generation, _, body = content.partition(b"\n")
        return int(generation), body

    def open(self, artifact: int) -> SqliteTables:
        return SqliteTables(self._path(artifact))

    def close(self) -> None:
        if self._counter is not None:
            self._counter.close()
            self._counter = None

    # -- writing -----------------------------------------------------------------------------

    def is_there(self) -> bool:
        return (self.folder / "registry.sqlite").exists()

    def prepare(self) -> None:
        (self.folder / "artifacts").mkdir(parents=True, exist_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One writer at a time; a writer that dies lets go."""
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
        return self.folder

    def create(self, artifact: int) -> SqliteSink:
        return SqliteSink(self._path(artifact))

    def artifacts(self) -> set[int]:
        """Whatever is here, wanted or not. What an ended import left half done is cleared away."""
        for left in (self.folder / "artifacts").glob("*.building*"):
            left.unlink(missing_ok=True)
        return {int(path.stem) for path in (self.folder / "artifacts").glob("*.sqlite")}

    def delete(self, artifact: int) -> None:
        try:
            self._path(artifact).unlink(missing_ok=True)
        except PermissionError:
            # Windows: a server has it open. The next command tries again.
            pass

    def announce(self, generation: int, body: bytes) -> None:
        """Let every process see that there is a new generation, and what is in it."""
        write_whole(self.folder / "published", b"%d\n%s" % (generation, body))
        counter = self.folder / "generation"
        if not counter.exists():
            counter.write_bytes(bytes(8))
        with counter.open("r+b") as file:
            file.write(struct.pack("<Q", generation))
