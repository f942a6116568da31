"""A store in a folder: each artifact is a file of SQLite, opened read-only by any number of processes.

The folder holds:

* ``artifacts/``: a file for each artifact, named by its number;
* ``published``: the generation, and the artifacts that are served in it;
* ``generation``: the numbers of the generation and of the last write, of eight bytes each, which every process reads
  at each request, so that it sees them change;
* ``registry.sqlite``: the registry, which only the commands need;
* ``writes.sqlite``: what clients have written, if any have;
* ``lock.sqlite``: locked while a command writes.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import struct
import sys
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from terminology.core.budget import current
from terminology.core.errors import StoreBusyError, UnavailableError
from terminology.store.backend import BUSY, OnRead, PublishedArtifact, TableRow, Verdict
from terminology.store.damage import DAMAGED, ArtifactFile, Damage, sha256_of, uri_of, wrong_content
from terminology.store.schema import COLUMNS, TABLES, TableSchema
from terminology.store.sql import STATEMENTS

# The page cache of a connection in KiB: room for the inner pages of the trees. An artifact has a connection for each
# thread that reads it at the same time, and the operating system caches the files anyway.
CACHE = 256
# The most connections of an artifact that stay open while nobody uses them.
MOST_FREE = 16
# How often, in seconds, a file that is read is looked at, and how often ``generation`` is opened again.
INTERVAL = 1.0
# The errors of SQLite that say that a file is damaged: all others may pass.
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TYPES = {"int": "INTEGER", "text": "TEXT", "bytes": "BLOB"}
# A list of at most this length is passed value by value, which SQLite takes faster than JSON.
SHORT = 50

log = logging.getLogger("terminology")


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
    """The file of one artifact. A statement takes a connection that no other thread uses, the last one first."""

    def __init__(self, file: ArtifactFile, damage: Damage) -> None:
        self._file, self._damage = file, damage
        # The connections that nobody uses. Few threads are here at a time, and what one has read is in the cache.
        self._free: list[sqlite3.Connection] = []
        # How often the connections were closed, because the file had changed or was damaged.
        self._closings = 0
        self._next_look = time.monotonic() + INTERVAL
        with self._reporting():
            self._free.append(self._connect())
        weakref.finalize(self, _close, self._free)

    def select(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement: see ``sql.ArtifactTables``."""
        if time.monotonic() >= self._next_look:
            self._look()
        length, bound = 0, values
        if values and isinstance(values[-1], list):
            *first, listed = values
            length = min(len(listed), SHORT + 1)
            bound = (*first, *(listed if length <= SHORT else (orjson.dumps(listed).decode(),)))
        closings = self._closings
        try:
            connection = self._free.pop()
        except IndexError:
            with self._reporting():
                connection = self._connect()
        try:
            rows: list[tuple[Any, ...]] = connection.execute(_sql(statement, length), bound).fetchall()
        except sqlite3.DatabaseError as error:
            connection.close()
            if self._is_put_back(error):
                return self.select(statement, *values)
            budget = current()
            if budget is not None and budget.is_late:
                raise budget.lateness() from None
            raise
        except BaseException:
            connection.close()
            raise
        if closings == self._closings and len(self._free) < MOST_FREE:
            self._free.append(connection)
        else:
            connection.close()
        return rows

    def _connect(self) -> sqlite3.Connection:
        if self._file.problem is not None:
            raise self._damage.error(self._file.problem)
        connection = sqlite3.connect(
            uri_of(self._file.path), uri=True, check_same_thread=False, isolation_level=None
        )
        # Never mapped into memory: reading a page that was cut off would end the process.
        connection.execute("PRAGMA mmap_size = 0")
        connection.execute(f"PRAGMA cache_size = -{CACHE}")
        connection.set_progress_handler(_is_late, LOOK)
        self._damage.end()
        return connection

    # -- damage ------------------------------------------------------------------------------

    def _look(self) -> None:
        self._next_look = time.monotonic() + INTERVAL
        if self._file.has_changed():
            self._forget()

    def _forget(self) -> None:
        """Connect again from here on: what a connection has cached may be of a damaged file."""
        self._closings += 1
        _close(self._free)

    def _is_put_back(self, error: sqlite3.DatabaseError) -> bool:
        """Whether a statement that failed may be repeated, because the file is a good one now.

        Raises UnreadableArtifactError if it is not, or if the file has not changed. False: the error is not one of
        the file.
        """
        code = error_code(error)
        if code == sqlite3.SQLITE_INTERRUPT or isinstance(error, sqlite3.ProgrammingError):
            return False
        self._forget()
        if self._file.has_changed() and self._file.problem is None:
            return True
        if code is None or code & 0xFF in _CORRUPT:
            self._file.fail()
        raise self._damage.error(self._file.problem or DAMAGED, error) from None

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """An error of SQLite is one of the artifact."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if error_code(error) == sqlite3.SQLITE_INTERRUPT:
                raise
            self._forget()
            raise self._damage.error(self._file.problem or DAMAGED, error) from None

    def close(self) -> None:
        """Close the connections. One that a thread uses at this moment is closed by that thread."""
        self._forget()


def _close(connections: list[sqlite3.Connection]) -> None:
    with suppress(IndexError):  # another thread may take the last one
        while True:
            connections.pop().close()


def error_code(error: BaseException) -> int | None:
    """SQLite's code of an error; None for one that the module of Python has found itself."""
    code: int | None = vars(error).get("sqlite_errorcode")
    return code


def registry_problem(problem: BaseException) -> str:
    """A message of one line about a problem with a database of the folder, for a command."""
    code = (error_code(problem) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return "the disk of the store is full; nothing was changed, and the unfinished files are deleted"
    if code in _CORRUPT:
        return f"registry.sqlite of the store is damaged ({problem}): put a copy of it back. Servers do not read it"
    return f"registry.sqlite of the store cannot be used: {problem}"


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

    def finish(self) -> tuple[int, str]:
        """Make it an artifact. Returns the size of the file in bytes, and its SHA-256."""
        for table in TABLES:
            for statement in _indexes(table):
                self._connection.execute(statement)
        self._connection.execute("COMMIT")
        self._connection.close()
        _sync(self._building)
        finished = self._building.stat().st_size, sha256_of(self._building)
        self._building.replace(self.path)
        _sync(self.path.parent)
        return finished

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
    try:
        new.write_bytes(content)
        _sync(new)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    _sync(path.parent)


if sys.platform != "win32":
    _pread = os.pread
else:

    def _pread(descriptor: int, count: int, offset: int) -> bytes:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, count)


class SqliteStore:
    """A store in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # The descriptor of the file ``generation``, and its content as of the last look.
        self._counter: int | None = None
        self._last = self.writes = 0
        self._counters = b""
        self._next_look = 0.0
        self._problem: str | None = None

    @property
    def registry_url(self) -> str:
        """The URL of the registry's database, as SQLAlchemy expects it."""
        return f"sqlite:///{self.folder / 'registry.sqlite'}"

    def _path(self, artifact: int) -> Path:
        return self.folder / "artifacts" / f"{artifact}.sqlite"

    # -- reading -----------------------------------------------------------------------------

    def generation(self) -> int:
        """The number of the published state, read from the file ``generation``.

        Once a second the file is opened again, since another may have taken its place.
        """
        now = time.monotonic()
        if self._counter is None or now >= self._next_look:
            self._next_look = now + INTERVAL
            self._open_generation()
        if self._counter is None:
            return self._last
        try:
            # Reading does not end a process, as a mapped file may that is cut off.
            counters = _pread(self._counter, 16, 0)
        except OSError:
            return self._last
        if counters != self._counters:
            self._counters = counters
            if len(counters) >= 8:
                self._last = int.from_bytes(counters[:8], "little")
            if len(counters) == 16:
                self.writes = int.from_bytes(counters[8:], "little")
        return self._last

    def _open_generation(self) -> None:
        """A file that is missing, or cannot be opened, changes nothing: the last number is kept."""
        path, opened = self.folder / "generation", self._counter
        with suppress(OSError):
            if opened is not None and os.path.samestat(os.fstat(opened), path.stat()):
                return
            if path.is_file():
                self._counter = os.open(path, os.O_RDONLY)
                if opened is not None:
                    os.close(opened)

    def uncopied(self) -> Sequence[str]:
        """None: this store is read where it is."""
        return ()

    def away(self) -> UnavailableError | None:
        """Files are never away all together."""
        return None

    def published(self) -> tuple[int, bytes] | None:
        """The generation and the artifacts in it, as JSON. Raises UnavailableError for a damaged store."""
        path = self.folder / "published"
        try:
            generation, _, body = path.read_bytes().partition(b"\n")
            published = int(generation), orjson.dumps(orjson.loads(body))
        except FileNotFoundError:
            if not (self.folder / "generation").exists():
                return None  # nothing has been imported yet
            raise self._unreadable("it is missing") from None
        except OSError as error:
            raise self._unreadable(error.strerror or "it cannot be read") from None
        except ValueError:
            raise self._unreadable("it is damaged") from None
        if self._problem is not None:
            self._problem = None
            log.warning("the store in %s can be read again", self.folder)
        return published

    def _unreadable(self, reason: str) -> UnavailableError:
        problem = f"the store in {self.folder} cannot be read: its file 'published': {reason}"
        if problem != self._problem:
            self._problem = problem
            log.error("%s; the next command that changes the store writes it again", problem)
        return UnavailableError(problem)

    def open(self, artifact: PublishedArtifact, damage: Damage) -> SqliteTables:
        """The tables of an artifact."""
        return SqliteTables(ArtifactFile(self._path(artifact.id), artifact.size, artifact.sha256), damage)

    def close(self) -> None:
        """Close the file ``generation``."""
        if self._counter is not None:
            os.close(self._counter)
            self._counter = None

    # -- writing -----------------------------------------------------------------------------

    def is_there(self) -> bool:
        """Whether the folder has a registry."""
        return (self.folder / "registry.sqlite").exists()

    def glance(self, artifact: PublishedArtifact) -> str | None:
        """The trouble with the size of the file."""
        return ArtifactFile(self._path(artifact.id), artifact.size).problem

    def verify(self, artifact: PublishedArtifact, on_read: OnRead) -> Verdict:
        """Read all of the file."""
        problem = self.glance(artifact)
        if problem is None:
            problem = wrong_content(self._path(artifact.id), artifact.sha256, on_read)
        if artifact.sha256:
            return Verdict(problem, f"SHA-256 {artifact.sha256}")
        return Verdict(
            problem, "imported by an earlier version, without a checksum; SQLite finds its pages in order"
        )

    def prepare(self) -> None:
        """Make the folder. Raises UnavailableError if a file stands in its place."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UnavailableError(f"{self.folder} is not a folder: a store is one")
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

    # -- writes of clients -------------------------------------------------------------------

    @property
    def writes_url(self) -> str:
        """The URL of the database of the log of writes, as SQLAlchemy expects it."""
        return f"sqlite:///{self.folder / 'writes.sqlite'}"

    def has_writes(self) -> bool:
        """Whether there is a file of the log."""
        return (self.folder / "writes.sqlite").exists()

    def prepare_writes(self) -> None:
        """Make the folder, and the file that processes read at each request. Raises UnavailableError."""
        self.prepare()
        try:
            while not (self.folder / "generation").exists():
                with self.lock():
                    if not (self.folder / "generation").exists():
                        self.announce(0, b"[]")
        except StoreBusyError:
            raise UnavailableError("the first import into this store is not finished yet") from None
        # It has names and texts: for the owner, and for the group as the umask says. SQLite's other files get its mode.
        os.close(os.open(self.folder / "writes.sqlite", os.O_RDWR | os.O_CREAT, 0o660))

    def announce_write(self, number: int) -> None:
        """Change the bytes that every process watches."""
        with (self.folder / "generation").open("r+b") as file:
            file.seek(8)
            file.write(struct.pack("<Q", number))

    def is_full(self, problem: BaseException) -> bool:
        """Whether the disk of the folder is full."""
        if isinstance(problem, OSError):
            return problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        return error_code(problem) in (
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR_WRITE,
            sqlite3.SQLITE_IOERR_SHMSIZE,
        )

    def is_locked(self, problem: BaseException) -> bool:
        """Whether another process writes."""
        return error_code(problem) == sqlite3.SQLITE_BUSY
