"""The tables of ``$closure`` in a database.

Their columns are in ``state/database.py``, the meaning of the operation is in ``operations/closure.py``.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding
from terminology.operations.closure import ClosureEntry, ClosureTable
from terminology.state.database import Database


@dataclass(slots=True, frozen=True)
class ClosureBounds:
    """The most tables, concepts and entries. A table unused for ``idle`` seconds makes room for a new one."""

    tables: int = 1_000
    concepts: int = 10_000
    entries: int = 500_000
    entries_in_all: int = 5_000_000
    idle: float = 90 * 86_400


class Closures:
    """``ClosureTables`` in a database."""

    def __init__(
        self, database: Database, bounds: ClosureBounds | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._bounds = bounds or ClosureBounds()
        self._clock = clock

    def begin(self, name: str) -> ClosureTable:
        """Make an empty table of this name. Raises TerminologyError when there are too many tables."""
        with self._database.writing() as connection:
            row = connection.execute("SELECT version FROM closure WHERE name = ?", (name,)).fetchone()
            if row is None:
                self._make_room(connection)
            first = 0 if row is None else row[0] + 1
            _remove(connection, name)
            connection.execute(
                "INSERT INTO closure VALUES (?, ?, ?, 0, ?)", (name, first, first, self._clock())
            )
        return ClosureTable(name, first, first)

    def _make_room(self, connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT count(*) FROM closure").fetchone()[0] < self._bounds.tables:
            return
        oldest = "SELECT name FROM closure WHERE used < ? ORDER BY used LIMIT 1"
        unused = connection.execute(oldest, (self._clock() - self._bounds.idle,)).fetchone()
        if unused is None:
            raise TerminologyError(issues.too_many_closure_tables(self._bounds.tables))
        _remove(connection, unused[0])

    def table(self, name: str) -> ClosureTable | None:
        """The table of this name, with its concepts."""
        with self._database.reading() as connection:
            return _table(connection, name)

    def since(self, name: str, version: int) -> list[ClosureEntry]:
        """The entries that were added after a version, in that order."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT source_system, source, target_system, target, relationship FROM closure_entry"
                " WHERE name = ? AND version > ? ORDER BY version, place",
                (name, version),
            ).fetchall()
        return [ClosureEntry(Coding(a, b), Coding(c, d), relationship) for a, b, c, d, relationship in rows]

    def extend(
        self, table: ClosureTable, concepts: Sequence[Coding], entries: Sequence[ClosureEntry]
    ) -> ClosureTable | None:
        """The table with more concepts and entries; None if it has changed since it was read.

        Raises TerminologyError when this table, or all tables together, would become too large.
        """
        with self._database.writing() as connection:
            now = connection.execute(
                "SELECT version, entries FROM closure WHERE name = ?", (table.name,)
            ).fetchone()
            if now is None or now[0] != table.version:
                return None
            self._require_room(connection, len(table.concepts) + len(concepts), now[1], len(entries))
            version = table.version + 1
            connection.execute(
                "UPDATE closure SET version = ?, entries = entries + ?, used = ? WHERE name = ?",
                (version, len(entries), self._clock(), table.name),
            )
            _insert_concepts(connection, table, concepts)
            _insert_entries(connection, table.name, version, entries)
        return ClosureTable(table.name, table.first, version, [*table.concepts, *concepts])

    def _require_room(self, connection: sqlite3.Connection, concepts: int, entries: int, more: int) -> None:
        bounds = self._bounds
        in_all = connection.execute("SELECT sum(entries) FROM closure").fetchone()[0]
        if concepts > bounds.concepts:
            raise TerminologyError(issues.closure_table_full("concepts", bounds.concepts))
        if entries + more > bounds.entries:
            raise TerminologyError(issues.closure_table_full("entries", bounds.entries))
        if in_all + more > bounds.entries_in_all:
            raise TerminologyError(issues.closure_tables_full(bounds.entries_in_all))


def _table(connection: sqlite3.Connection, name: str) -> ClosureTable | None:
    row = connection.execute("SELECT first, version FROM closure WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    concepts = connection.execute(
        "SELECT system, code, version FROM closure_concept WHERE name = ? ORDER BY place", (name,)
    ).fetchall()
    return ClosureTable(name, row[0], row[1], [Coding(*concept) for concept in concepts])


def _remove(connection: sqlite3.Connection, name: str) -> None:
    for kind in ("closure", "closure_concept", "closure_entry"):
        connection.execute(f"DELETE FROM {kind} WHERE name = ?", (name,))


def _insert_concepts(connection: sqlite3.Connection, table: ClosureTable, concepts: Sequence[Coding]) -> None:
    first = len(table.concepts)
    connection.executemany(
        "INSERT INTO closure_concept VALUES (?, ?, ?, ?, ?)",
        ((table.name, first + n, c.system, c.code, c.version) for n, c in enumerate(concepts)),
    )


def _insert_entries(
    connection: sqlite3.Connection, name: str, version: int, entries: Sequence[ClosureEntry]
) -> None:
    connection.executemany(
        "INSERT INTO closure_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (name, version, n, e.source.system, e.source.code, e.target.system, e.target.code, e.relationship)
            for n, e in enumerate(entries)
        ),
    )
