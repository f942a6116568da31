"""The tables of the state, and how those of an earlier version become them.

Version 1 had the closure tables of all callers under one name, and stored each pair of concepts. Such a table belongs
to ``NOBODY`` until a caller uses its name to change it.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator

VERSION = 2
NOBODY = "*"

_CLOSURES = """
CREATE TABLE closure (                  -- one closure table of $closure
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,                -- the caller whose name it is: see state/callers.py
    caller TEXT NOT NULL,               -- the caller whose quota it counts against
    name TEXT NOT NULL,
    first INTEGER NOT NULL,             -- its first version
    version INTEGER NOT NULL,
    entries INTEGER NOT NULL,           -- the number of its pairs
    bytes INTEGER NOT NULL,
    used REAL NOT NULL,                 -- seconds since 1970
    UNIQUE (owner, name)
);
CREATE TABLE closure_concept (
    closure INTEGER NOT NULL,
    place INTEGER NOT NULL,             -- from 0, in the order in which they came
    added INTEGER NOT NULL,             -- the version of the closure table that first had the concept
    system TEXT NOT NULL,
    code TEXT NOT NULL,
    version TEXT,                       -- of the code system, if the client sent one
    relations BLOB NOT NULL,            -- to the concepts before it: see ``packed``
    PRIMARY KEY (closure, place)
) WITHOUT ROWID;
CREATE TRIGGER closure_removed AFTER DELETE ON closure BEGIN
    DELETE FROM closure_concept WHERE closure = OLD.id;
END
"""
_SESSIONS = """
CREATE TABLE session (                  -- one cache of a client
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,                -- digest of the credentials that it was started with
    caller TEXT NOT NULL,               -- the caller whose quota it counts against
    sealed INTEGER NOT NULL,
    used REAL NOT NULL,                 -- seconds since 1970
    idle REAL NOT NULL,                 -- seconds that it may be unused
    batches INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE session_batch (            -- the resources that came with one request, as a JSON list
    session TEXT NOT NULL,
    number INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (session, number)
)
"""
_ENDINGS_AND_QUOTA = """
CREATE TABLE session_ended (            -- ids that clients made and that have ended: they are not new
    id TEXT PRIMARY KEY,
    caller TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER session_removed AFTER DELETE ON session BEGIN
    DELETE FROM session_batch WHERE session = OLD.id;
    INSERT OR REPLACE INTO session_ended
        SELECT OLD.id, OLD.caller, OLD.used + OLD.idle WHERE OLD.id LIKE 'client:%';
END;
CREATE VIEW held AS                     -- all that callers keep here: see state/quota.py
    SELECT 'closure' AS kind, id, caller, bytes, used FROM closure
    UNION ALL SELECT 'session', id, caller, bytes, used FROM session
"""

# The relation of a concept to one that came before it.
NARROWER, WIDER = 1, 2


def packed(place: int, relations: Iterable[tuple[int, int]]) -> bytes:
    """The relations of the concept at a place: (an earlier place, NARROWER or WIDER)."""
    marks = bytearray(place)
    for other, relation in relations:
        marks[other] = relation
    return zlib.compress(bytes(marks)) if any(marks) else b""


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Make the tables, or bring those of an earlier version to this one.

    Raises sqlite3.DatabaseError for a later version.
    """
    if version == 0:
        _execute(connection, _CLOSURES, _SESSIONS, _ENDINGS_AND_QUOTA)
    elif version == 1:
        _from_1(connection)
    else:
        raise sqlite3.DatabaseError(f"the file has schema version {version}, not {VERSION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _execute(connection: sqlite3.Connection, *scripts: str) -> None:
    """Not ``executescript``, which would commit the transaction first."""
    statement = ""
    for line in ";\n".join(scripts).splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    connection.execute(statement)


def _from_1(connection: sqlite3.Connection) -> None:
    for name in ("closure", "closure_concept", "closure_entry", "session_ended"):
        connection.execute(f"ALTER TABLE {name} RENAME TO old_{name}")
    _execute(connection, _CLOSURES, _ENDINGS_AND_QUOTA)
    connection.execute("INSERT INTO session_ended SELECT id, '', at FROM old_session_ended")
    tables = connection.execute("SELECT name, first, version, entries, used FROM old_closure").fetchall()
    for number, (name, first, version, entries, used) in enumerate(tables, 1):
        rows = list(_concepts_of_1(connection, name, first))
        size = sum(len(row[2]) + len(row[3]) + len(row[5]) for row in rows) + len(name)
        connection.execute(
            "INSERT INTO closure VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, NOBODY, NOBODY, name, first, version, entries, size, used),
        )
        places = ((number, *row) for row in rows)
        connection.executemany("INSERT INTO closure_concept VALUES (?, ?, ?, ?, ?, ?, ?)", places)
    for name in ("closure", "closure_concept", "closure_entry", "session_ended"):
        connection.execute(f"DROP TABLE old_{name}")


def _concepts_of_1(
    connection: sqlite3.Connection, name: str, first: int
) -> Iterator[tuple[int, int, str, str, str | None, bytes]]:
    """The rows of one closure table, without its number. A concept without a pair counts as there from the start."""
    concepts = connection.execute(
        "SELECT system, code, version FROM old_closure_concept WHERE name = ? ORDER BY place", (name,)
    ).fetchall()
    places = {(system, code): place for place, (system, code, _) in enumerate(concepts)}
    added = [first] * len(concepts)
    relations: list[list[tuple[int, int]]] = [[] for _ in concepts]
    entries = connection.execute(
        "SELECT version, source_system, source, target_system, target FROM old_closure_entry WHERE name = ?",
        (name,),
    )
    for version, source_system, source, target_system, target in entries:
        narrow, wide = places[source_system, source], places[target_system, target]
        later, relation = (narrow, NARROWER) if narrow > wide else (wide, WIDER)
        added[later] = version
        relations[later].append((min(narrow, wide), relation))
    for place, (system, code, version) in enumerate(concepts):
        yield place, added[place], system, code, version, packed(place, relations[place])
