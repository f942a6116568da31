"""How does a node answer from files of its own what lies in PostgreSQL?

It copies what is published into a folder, one file for each artifact, in a process of its own that gives way
to others. Until a copy is whole the database is asked; from then on the file, also when the database is gone.
Artifacts never change, so a copy is right for ever: its name says which artifact it is of, and when that was
loaded, lest it be taken for another one of the same number.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import psycopg

from terminology.core.errors import IncompleteCopyError, StoreBusyError, UnavailableError
from terminology.store.compile.indexing import chunks
from terminology.store.postgres import BINARY, PostgresContent, table_columns
from terminology.store.schema import TABLES
from terminology.store.sqlite import SqliteContent, SqliteSink, SqliteTables, write_whole
from terminology.store.statements import Tables

# How long requests that began before a change may still read what is not published any more, in seconds.
GRACE = 60.0
# How often a process looks whether copies are whole, and how long it waits after an attempt that failed.
INTERVAL = 1.0
RETRY = 30.0
NICENESS = 10
PUBLISHED = "published.json"
_PROGRAM = "from terminology.store.copies import main; main()"

log = logging.getLogger("terminology")


class CopiedContent:
    """What a store in PostgreSQL serves, from copies as far as there are any. For reading only."""

    def __init__(self, base: PostgresContent, folder: Path) -> None:
        self._base, self._folder = base, folder
        self._pending: weakref.WeakValueDictionary[Path, Following] = weakref.WeakValueDictionary()
        self._copier = Copier(base.url, folder)
        self._looked = -INTERVAL
        self._copied = 0

    def generation(self) -> int:
        """Which state of the store is published; where the database was never reached, the one copied."""
        generation = self._base.generation()
        now = time.monotonic()
        if now - self._looked >= INTERVAL:
            self._looked = now
            self._follow(generation)
        return generation if self._base.is_reached else max(generation, self._copied)

    def _follow(self, generation: int) -> None:
        """Turn to the copies that are whole by now; if any are missing, see that somebody makes them."""
        kept = _kept(self._folder)
        self._copied = kept["generation"] if kept else 0
        for path, following in list(self._pending.items()):
            if path.exists():
                following.use(SqliteTables(path))
                del self._pending[path]
        if self._base.is_reached and (self._pending or self._copied < generation):
            self._copier.start()

    def published(self) -> tuple[int, bytes] | None:
        try:
            return self._base.published()
        except UnavailableError:
            kept = _kept(self._folder)
            if kept is None:
                raise
            return kept["generation"], orjson.dumps(kept["items"])

    def open(self, artifact: int) -> Tables:
        path = self._folder / self._name(artifact)
        if path.exists():
            return SqliteTables(path)
        following = Following(self._base.open(artifact))
        self._pending[path] = following
        return following

    def _name(self, artifact: int) -> str:
        try:
            return name_of(self._base, artifact)
        except UnavailableError:
            kept = _kept(self._folder)
            if kept is None or str(artifact) not in kept["names"]:
                raise
            name: str = kept["names"][str(artifact)]
            return name

    def close(self) -> None:
        self._copier.stop()
        self._base.close()


class Following:
    """The tables of an artifact: those in the database until there is a copy."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def use(self, tables: Tables) -> None:
        self._tables = tables

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._tables.ask(question, *values)

    def close(self) -> None:
        self._tables.close()


class Copier:
    """The process that copies, as far as this one has started it. Of several nodes' workers one copies."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._not_before = 0.0
        weakref.finalize(self, _end, self._running)

    def start(self) -> None:
        """Unless it is running, or has failed a moment ago."""
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
            # Who presses Ctrl-C means the server, which ends this one.
            process_group=0,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._running.append(process)
        # Not as an argument, which everybody on the machine may read: there may be a password in it.
        assert process.stdin is not None
        with suppress(BrokenPipeError), process.stdin as told:
            told.write(orjson.dumps([self._url, str(self._folder)]))

    def stop(self) -> None:
        _end(self._running)


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    while running:
        process = running.pop()
        process.kill()
        process.wait()


# -- the process that copies ---------------------------------------------------------------------


def main() -> None:
    url, folder = orjson.loads(sys.stdin.buffer.read())
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        while not _copied(url, Path(folder)):
            time.sleep(INTERVAL)
    except (psycopg.Error, UnavailableError, OSError, IncompleteCopyError) as problem:
        sys.exit(f"terminology: no copies of the store in {folder}: {problem}")


def _copied(url: str, folder: Path) -> bool:
    try:
        copy_published(url, folder)
    except StoreBusyError:
        # Somebody else is at it: what is left to do is seen when that is done.
        return False
    return True


def copy_published(url: str, folder: Path, grace: float = GRACE) -> None:
    """Copy what is published and not there yet, and clear away what has not been published for some time.

    Raises StoreBusyError, IncompleteCopyError, and what the database and the disk raise; then no copy is half there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    base = PostgresContent(url)
    try:
        with SqliteContent(folder).lock():
            for left in folder.glob("*.building*"):
                left.unlink(missing_ok=True)
            _copy_all(base, folder)
            _sweep(folder, grace)
    finally:
        base.close()


def _copy_all(base: PostgresContent, folder: Path) -> None:
    published = base.published()
    if published is None:
        return
    generation, items = published[0], orjson.loads(published[1])
    names = {}
    for item in items:
        name = names[str(item["id"])] = name_of(base, item["id"])
        if not (folder / name).exists():
            _copy(base.url, item["id"], folder / name)
    kept = {"generation": generation, "items": items, "names": names}
    write_whole(folder / PUBLISHED, orjson.dumps(kept))


def _copy(url: str, artifact: int, path: Path) -> None:
    sink = SqliteSink(path)
    try:
        with psycopg.connect(url) as connection:
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
    counted = cursor.execute(f"SELECT count(*) FROM {table} WHERE artifact = {artifact:d}".encode())
    [there] = counted.fetchone() or (0,)
    if sink.count(table) != there:
        raise IncompleteCopyError(f"{sink.count(table)} of {there} rows of '{table}' of artifact {artifact}")


def name_of(base: PostgresContent, artifact: int) -> str:
    """The file of a copy: the artifact's number, and a digest of what it says of itself and when it came."""
    query = (
        "SELECT encode(sha256(string_agg(value, ''::bytea ORDER BY name) || convert_to("
        "(SELECT loaded FROM artifact WHERE id = %s), 'UTF8')), 'hex') FROM header WHERE artifact = %s"
    )
    [[digest]] = base.rows(query, (artifact, artifact))
    if digest is None:
        raise IncompleteCopyError(f"there is no artifact {artifact} any more")
    return f"{artifact}-{digest[:16]}.sqlite"


def _kept(folder: Path) -> dict[str, Any] | None:
    """What was published when it was copied last: ``generation``, ``items``, ``names`` of the files."""
    try:
        kept: dict[str, Any] = orjson.loads((folder / PUBLISHED).read_bytes())
    except FileNotFoundError:
        return None
    return kept


def _sweep(folder: Path, grace: float) -> None:
    """A file that is wanted no more is marked, and is taken away when the mark is old enough."""
    kept = _kept(folder)
    wanted = set(kept["names"].values()) if kept else set()
    for path in folder.glob("*-*.sqlite"):
        mark = path.with_suffix(".unwanted")
        if path.name in wanted:
            mark.unlink(missing_ok=True)
        elif not mark.exists():
            mark.touch()
        if path.name not in wanted and time.time() - mark.stat().st_mtime >= grace:
            # Windows: somebody may have it open. The next sweep tries again.
            with suppress(PermissionError):
                path.unlink()
                mark.unlink()
