"""Copies of what a store in PostgreSQL serves, in files on the node.

A process of its own, with low priority, copies the published artifacts into a folder, one file for each. Until a
copy is complete the database is asked; from then on the file, also while the database cannot be reached. Artifacts
never change, so a copy never has to be updated. Its name has the number of the artifact and a digest of its header
and the time of its import, so that it is not mistaken for another artifact with the same number.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import IO, Any

import orjson
import psycopg

from terminology.core.errors import (
    IncompleteCopyError,
    StoreBusyError,
    UnavailableError,
    UnreadableArtifactError,
)
from terminology.store.backend import PublishedArtifact
from terminology.store.compile.chunks import chunks
from terminology.store.damage import ArtifactFile, Damage
from terminology.store.postgres import BINARY, PostgresStore, hasty, table_columns
from terminology.store.schema import TABLES
from terminology.store.sql import ArtifactTables
from terminology.store.sqlite import SqliteSink, SqliteStore, SqliteTables, write_atomically

# How long, in seconds, requests that began before a change may still read artifacts that are no longer published.
GRACE = 60.0
# How often a process looks for new copies, and how long it waits after a failed attempt, in seconds.
INTERVAL = 1.0
RETRY = 30.0
NICENESS = 10
# The file that names the published artifacts at the time of the last copies.
PUBLISHED = "published.json"
_PROGRAM = "from terminology.store.copies import main; main()"

log = logging.getLogger("terminology")


class CopiedStore:
    """A store in PostgreSQL, read from copies where there are any. For reading only."""

    def __init__(self, base: PostgresStore, folder: Path) -> None:
        self._base, self._folder = base, folder
        self._pending: weakref.WeakValueDictionary[Path, SwitchingTables] = weakref.WeakValueDictionary()
        self._process = CopyProcess(base.url, folder)
        self._last_look = -INTERVAL
        self._copied = 0

    def away(self) -> UnavailableError | None:
        """The copies are never away, whatever the database is."""
        return None

    def uncopied(self) -> Sequence[str]:
        """The resources that are read from the database alone, because their copies are not made yet."""
        return sorted(tables.name for path, tables in list(self._pending.items()) if not path.exists())

    def generation(self) -> int:
        """The number of the published state; while the database cannot be reached, at least that of the copies."""
        generation = self._base.generation()
        now = time.monotonic()
        if now - self._last_look >= INTERVAL:
            self._last_look = now
            self._update(generation)
        return generation if self._base.is_reached else max(generation, self._copied)

    @property
    def writes(self) -> int:
        """The number of the last write: see ``PostgresStore``."""
        return self._base.writes

    def _update(self, generation: int) -> None:
        """Switch to the copies that are complete by now; if any are missing, start the process that makes them."""
        published = _last_published(self._folder)
        self._copied = published["generation"] if published else 0
        for path, tables in list(self._pending.items()):
            if path.exists():
                self._switch(path, tables)
        if self._base.is_reached and (self._pending or self._copied < generation):
            self._process.start()

    def published(self) -> tuple[int, bytes] | None:
        """The generation and the artifacts in it, from the database or, if that is away, from the copies."""
        published = None if self._base.is_reached else _last_published(self._folder)
        if published is None:
            return self._base.published()
        return published["generation"], orjson.dumps(published["items"])

    def open(self, artifact: PublishedArtifact, damage: Damage) -> ArtifactTables:
        """The tables of an artifact, from its copy as soon as there is one."""
        path = self._folder / self._name(artifact.id)
        tables = SwitchingTables(
            self._base.open(artifact, damage), damage, partial(self._drop, path), artifact.name
        )
        self._pending[path] = tables
        if path.exists():
            self._switch(path, tables)
        return tables

    def _drop(self, path: Path, tables: SwitchingTables) -> None:
        """Delete a copy that is damaged: it is made again."""
        path.unlink(missing_ok=True)
        self._pending[path] = tables

    def _switch(self, path: Path, tables: SwitchingTables) -> None:
        """Read from a copy. One that is damaged is deleted, and made again."""
        try:
            tables.switch_to(SqliteTables(ArtifactFile(path), tables.damage))
            del self._pending[path]
        except UnreadableArtifactError:
            self._drop(path, tables)

    def _name(self, artifact: int) -> str:
        try:
            return name_of(self._base, artifact)
        except UnavailableError:
            published = _last_published(self._folder)
            if published is None or str(artifact) not in published["names"]:
                raise
            name: str = published["names"][str(artifact)]
            return name

    def close(self) -> None:
        """End the process that copies, and close the connections."""
        self._process.stop()
        self._base.close()


class SwitchingTables:
    """The tables of an artifact: those in the database until there is a copy, and again when that is damaged."""

    def __init__(
        self, tables: ArtifactTables, damage: Damage, drop: Callable[[SwitchingTables], None], name: str
    ) -> None:
        """``drop`` is called when the copy is damaged; ``name`` is that of the resource."""
        self.name = name
        self._base = self._tables = tables
        self.damage, self._drop = damage, drop

    def switch_to(self, tables: ArtifactTables) -> None:
        """Read from these tables from now on."""
        self._tables = tables

    def select(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement: see ``sql.ArtifactTables``."""
        tables = self._tables
        try:
            return tables.select(statement, *values)
        except UnreadableArtifactError:
            if tables is self._base:
                raise
            self._tables = self._base
            self._drop(self)
            return self._base.select(statement, *values)

    def close(self) -> None:
        """Close the tables that are read at the moment."""
        self._tables.close()


class CopyProcess:
    """The process that copies, if this process has started one. Of all workers on a node one copies at a time."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._not_before = 0.0
        weakref.finalize(self, _end, self._running)

    def start(self) -> None:
        """Start it, unless it is running or failed a moment ago."""
        if self._running and self._running[0].poll() is None:
            return
        if self._running:
            ended = self._running.pop()
            if ended.returncode:
                self._not_before = time.monotonic() + RETRY
        if time.monotonic() < self._not_before or not sys.executable:
            return
        path = os.pathsep.join(folder for folder in sys.path if folder)
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Ctrl-C is for the server, which ends this process.
            process_group=0,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._running.append(process)
        Thread(target=_log_errors, args=(process.stderr,), daemon=True, name="copier").start()
        # Not an argument, which everybody on the machine can read: the URL may have a password in it.
        assert process.stdin is not None
        with suppress(BrokenPipeError), process.stdin as stream:
            stream.write(orjson.dumps([self._url, str(self._folder)]))

    def stop(self) -> None:
        """End it."""
        _end(self._running)


def _log_errors(errors: IO[bytes]) -> None:
    """Log what the process says when it fails, in the form of this one's log."""
    with errors:
        for line in errors:
            log.error("%s", line.decode(errors="replace").rstrip())


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    while running:
        process = running.pop()
        process.kill()
        process.wait()


# -- the process that copies ---------------------------------------------------------------------


def main() -> None:
    """The program of the process: copy once, after waiting for another process that copies."""
    url, folder = orjson.loads(sys.stdin.buffer.read())
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        while not _try_to_copy(url, Path(folder)):
            time.sleep(INTERVAL)
    except (psycopg.Error, UnavailableError, OSError, IncompleteCopyError) as problem:
        sys.exit(f"the store could not be copied into {folder}: {problem}")


def _try_to_copy(url: str, folder: Path) -> bool:
    try:
        copy_published(url, folder)
    except StoreBusyError:
        # Another process copies into this folder: what it leaves to do is seen when it has ended.
        return False
    return True


def copy_published(url: str, folder: Path, grace: float = GRACE) -> None:
    """Copy the published artifacts that are not copied yet, and delete copies that were dropped ``grace`` seconds ago.

    Raises StoreBusyError, IncompleteCopyError, and the errors of database and disk; then no copy is left incomplete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    base = PostgresStore(url)
    try:
        with SqliteStore(folder).lock():
            for unfinished in folder.glob("*.building*"):
                unfinished.unlink(missing_ok=True)
            _copy_all(base, folder)
            _sweep(folder, grace)
    finally:
        base.close()


def _copy_all(base: PostgresStore, folder: Path) -> None:
    published = base.published()
    if published is None:
        return
    generation, items = published[0], orjson.loads(published[1])
    names = {}
    for item in items:
        name = names[str(item["id"])] = name_of(base, item["id"])
        if not (folder / name).exists():
            _copy(base.url, item["id"], folder / name)
    copied = {"generation": generation, "items": items, "names": names}
    write_atomically(folder / PUBLISHED, orjson.dumps(copied))


def _copy(url: str, artifact: int, path: Path) -> None:
    sink = SqliteSink(path)
    try:
        with psycopg.connect(hasty(url)) as connection:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with connection.cursor() as cursor:
                for table in TABLES:
                    _copy_table(cursor, artifact, table.name, table.key, sink)
        sink.finish()
    except BaseException:
        sink.abandon()
        raise


def _copy_table(
    cursor: psycopg.Cursor[Any], artifact: int, table: str, key: Sequence[str], sink: SqliteSink
) -> None:
    columns = table_columns(table)
    rows = f"SELECT {', '.join(name for name, _ in columns)} FROM {table} WHERE artifact = {artifact:d}"
    copy = f"COPY ({rows} ORDER BY {', '.join(key)}) TO STDOUT (FORMAT BINARY)"
    with cursor.copy(copy.encode()) as stream:
        stream.set_types([BINARY[type_] for _, type_ in columns])
        for chunk in chunks(stream.rows()):
            sink.write(table, chunk)
    query = f"SELECT count(*) FROM {table} WHERE artifact = {artifact:d}"
    [count] = cursor.execute(query.encode()).fetchone() or (0,)
    if sink.count(table) != count:
        raise IncompleteCopyError(f"{sink.count(table)} of {count} rows of '{table}' of artifact {artifact}")


def name_of(base: PostgresStore, artifact: int) -> str:
    """The file name of a copy: the artifact's number, and a digest of its header and the time of its import.

    Raises IncompleteCopyError if the database does not have the artifact any more.
    """
    query = (
        "SELECT encode(sha256(string_agg(value, ''::bytea ORDER BY name) || convert_to("
        "(SELECT loaded FROM artifact WHERE id = %s), 'UTF8')), 'hex') FROM header WHERE artifact = %s"
    )
    [[digest]] = base.rows(query, (artifact, artifact))
    if digest is None:
        raise IncompleteCopyError(f"the database does not have artifact {artifact} any more")
    return f"{artifact}-{digest[:16]}.sqlite"


def uncopied_in(folder: Path, base: PostgresStore) -> Iterator[str]:
    """The published resources that a folder has no copy of. Raises UnavailableError."""
    published = base.published()
    for item in orjson.loads(published[1]) if published is not None else ():
        artifact = PublishedArtifact(**item)
        if not (folder / name_of(base, artifact.id)).exists():
            yield artifact.name


def _last_published(folder: Path) -> dict[str, Any] | None:
    """The published artifacts at the time of the last copies: ``generation``, ``items``, and ``names`` of the files."""
    try:
        published: dict[str, Any] = orjson.loads((folder / PUBLISHED).read_bytes())
    except (
        FileNotFoundError,
        NotADirectoryError,
    ):  # the process that copies names the fault of the folder
        return None
    return published


def _sweep(folder: Path, grace: float) -> None:
    """Mark the files that are no longer published, and delete those whose mark is old enough."""
    published = _last_published(folder)
    names = set(published["names"].values()) if published else set()
    for path in folder.glob("*-*.sqlite"):
        mark = path.with_suffix(".unwanted")
        if path.name in names:
            mark.unlink(missing_ok=True)
        elif not mark.exists():
            mark.touch()
        if path.name not in names and time.time() - mark.stat().st_mtime >= grace:
            # Windows refuses while a server has the file open: the next sweep tries again.
            with suppress(PermissionError):
                path.unlink()
                mark.unlink()
