"""The tables of ``$closure`` in a database, each of one caller.

Their columns are in ``state/schema.py``, the meaning of the operation is in ``operations/closure.py``. A table
has its concepts, each with a packed list of its relations to those before it, and not a row for each pair: it takes
little more room than the requests that made it.
"""

from __future__ import annotations

import re
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding
from terminology.operations.closure import ClosureEntry, ClosureTable
from terminology.state.callers import Caller
from terminology.state.database import Database
from terminology.state.quota import OVERHEAD, Quota, StateBounds
from terminology.state.schema import NARROWER, NOBODY, WIDER, packed

_RELATED = re.compile(b"[%c%c]" % (NARROWER, WIDER))


@dataclass(slots=True, frozen=True)
class ClosureBounds:
    """The most concepts and entries of one table, and bytes of one concept with its system and version."""

    concepts: int = 10_000
    entries: int = 500_000
    concept_bytes: int = 2_000


@dataclass(slots=True, frozen=True)
class Closures:
    """``ClosureTables`` of one caller in a database. ``of`` gives those of another."""

    database: Database
    quota: Quota = field(default_factory=lambda: Quota(StateBounds()))
    bounds: ClosureBounds = field(default_factory=ClosureBounds)
    clock: Callable[[], float] = time.time
    caller: Caller = field(default_factory=Caller)

    def of(self, caller: Caller) -> Closures:
        return replace(self, caller=caller)

    def begin(self, name: str) -> ClosureTable:
        """Make an empty table of this name. Raises TerminologyError when the caller has no room."""
        with self.database.writing() as connection:
            row = self._row(connection, name)
            first = 0 if row is None else row.version + 1
            if row is not None:
                connection.execute("DELETE FROM closure WHERE id = ?", (row.id,))
            size, now = OVERHEAD + len(name.encode()), self.clock()
            self.quota.make_room(connection, self.caller.quota, size, now)
            connection.execute(
                "INSERT INTO closure VALUES (NULL, ?, ?, ?, ?, ?, 0, ?, ?)",
                (self.caller.of_names, self.caller.quota, name, first, first, size, now),
            )
        return ClosureTable(name, first, first)

    def table(self, name: str) -> ClosureTable | None:
        """The table of this name, with its concepts."""
        with self.database.reading() as connection:
            row = self._row(connection, name)
            if row is None:
                return None
            concepts = connection.execute(
                "SELECT system, code, version FROM closure_concept WHERE closure = ? ORDER BY place",
                (row.id,),
            ).fetchall()
        return ClosureTable(name, row.first, row.version, [Coding(*concept) for concept in concepts])

    def since(self, name: str, version: int) -> list[ClosureEntry]:
        """The entries that were added after a version, in that order."""
        with self.database.reading() as connection:
            row = self._row(connection, name)
            rows = connection.execute(
                "SELECT added, system, code, relations FROM closure_concept WHERE closure = ? ORDER BY place",
                (row.id if row is not None else None,),
            ).fetchall()
        concepts = [Coding(system, code) for _, system, code, _ in rows]
        return [
            entry
            for concept, (added, _, _, relations) in zip(concepts, rows, strict=True)
            if added > version
            for entry in _entries(concept, relations, concepts)
        ]

    def extend(
        self, table: ClosureTable, concepts: Sequence[Coding], entries: Sequence[ClosureEntry]
    ) -> ClosureTable | None:
        """The table with more concepts and entries; None if it has changed since it was read.

        Raises TerminologyError when the table would become too large, or the caller has no room.
        """
        with self.database.writing() as connection:
            row = self._row(connection, table.name)
            if row is None or row.version != table.version:
                return None
            self._require_room(table, row, concepts, len(entries))
            version, now = table.version + 1, self.clock()
            new = list(_rows(table, concepts, entries))
            size = sum(
                OVERHEAD + _bytes(c) + len(packed_) for c, (_, packed_) in zip(concepts, new, strict=True)
            )
            caller = self.caller.quota if row.caller == NOBODY else row.caller
            self.quota.make_room(connection, caller, size, now, ("closure", row.id))
            connection.execute(
                "UPDATE closure SET owner = ?, caller = ?, version = ?, entries = entries + ?, bytes = bytes + ?,"
                " used = ? WHERE id = ?",
                (self.caller.of_names, caller, version, len(entries), size, now, row.id),
            )
            connection.executemany(
                "INSERT INTO closure_concept VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (row.id, place, version, concept.system, concept.code, concept.version, relations)
                    for concept, (place, relations) in zip(concepts, new, strict=True)
                ),
            )
        return ClosureTable(table.name, table.first, version, [*table.concepts, *concepts])

    def _row(self, connection: sqlite3.Connection, name: str) -> _Row | None:
        """The caller's table of this name; if it has none, that of an earlier version of the service."""
        row = connection.execute(
            "SELECT id, caller, first, version, entries FROM closure WHERE name = ? AND owner IN (?, ?)"
            " ORDER BY owner = ? LIMIT 1",
            (name, self.caller.of_names, NOBODY, NOBODY),
        ).fetchone()
        return None if row is None else _Row(*row)

    def _require_room(self, table: ClosureTable, row: _Row, concepts: Sequence[Coding], entries: int) -> None:
        bounds = self.bounds
        if len(table.concepts) + len(concepts) > bounds.concepts:
            raise TerminologyError(issues.closure_table_full("concepts", bounds.concepts))
        if row.entries + entries > bounds.entries:
            raise TerminologyError(issues.closure_table_full("entries", bounds.entries))
        for concept in concepts:
            if _bytes(concept) > bounds.concept_bytes:
                raise TerminologyError(issues.closure_concept_too_long(_bytes(concept), bounds.concept_bytes))


@dataclass(slots=True, frozen=True)
class _Row:
    """A row of the table ``closure``."""

    id: int
    caller: str
    first: int
    version: int
    entries: int


def _bytes(concept: Coding) -> int:
    return len(f"{concept.system}{concept.code}{concept.version or ''}".encode())


def _rows(
    table: ClosureTable, concepts: Sequence[Coding], entries: Sequence[ClosureEntry]
) -> Iterator[tuple[int, bytes]]:
    """The place and the packed relations of each new concept. The entries are in the order of these concepts."""
    places = {(c.system, c.code): place for place, c in enumerate([*table.concepts, *concepts])}

    def relation(entry: ClosureEntry) -> tuple[int, int, int]:
        narrow = places[entry.source.system, entry.source.code]
        wide = places[entry.target.system, entry.target.code]
        return (narrow, wide, NARROWER) if narrow > wide else (wide, narrow, WIDER)

    by_place = groupby(map(relation, entries), key=lambda row: row[0])
    related = {place: packed(place, [row[1:] for row in rows]) for place, rows in by_place}
    for place in range(len(table.concepts), len(places)):
        yield place, related.get(place, b"")


def _entries(concept: Coding, relations: bytes, concepts: Sequence[Coding]) -> Iterator[ClosureEntry]:
    """The entries that a concept has with those before it."""
    marks = zlib.decompress(relations) if relations else b""
    for match in _RELATED.finditer(marks):
        other = concepts[match.start()]
        if marks[match.start()] == NARROWER:
            yield ClosureEntry(concept, other)
        else:
            yield ClosureEntry(other, concept)
