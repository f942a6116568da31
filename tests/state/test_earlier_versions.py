"""The state of an earlier version of the service is read on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from terminology import TerminologyError
from terminology.core.model import Coding
from terminology.state import FILE, State
from terminology.state.callers import caller_of
from terminology.wire.sessions import Sessions

# The schema of version 1, in which closure tables had no owner and each pair was a row.
VERSION_1 = """
CREATE TABLE closure (
    name TEXT PRIMARY KEY, first INTEGER NOT NULL, version INTEGER NOT NULL, entries INTEGER NOT NULL,
    used REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE closure_concept (
    name TEXT NOT NULL, place INTEGER NOT NULL, system TEXT NOT NULL, code TEXT NOT NULL, version TEXT,
    PRIMARY KEY (name, place)
) WITHOUT ROWID;
CREATE TABLE closure_entry (
    name TEXT NOT NULL, version INTEGER NOT NULL, place INTEGER NOT NULL, source_system TEXT NOT NULL,
    source TEXT NOT NULL, target_system TEXT NOT NULL, target TEXT NOT NULL, relationship TEXT NOT NULL,
    PRIMARY KEY (name, version, place)
) WITHOUT ROWID;
CREATE TABLE session (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, caller TEXT NOT NULL, sealed INTEGER NOT NULL, used REAL NOT NULL,
    idle REAL NOT NULL, batches INTEGER NOT NULL, bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE session_ended (id TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE session_batch (
    session TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (session, number)
);
PRAGMA user_version = 1;
INSERT INTO closure VALUES ('mine', 2, 5, 3, 1e9);
INSERT INTO closure_concept VALUES ('mine', 0, 'urn:x', 'cat', NULL), ('mine', 1, 'urn:x', 'stone', '1'),
    ('mine', 2, 'urn:x', 'animal', NULL), ('mine', 3, 'urn:x', 'mammal', NULL);
INSERT INTO closure_entry VALUES
    ('mine', 4, 0, 'urn:x', 'cat', 'urn:x', 'animal', 'source-is-narrower-than-target'),
    ('mine', 5, 0, 'urn:x', 'cat', 'urn:x', 'mammal', 'source-is-narrower-than-target'),
    ('mine', 5, 1, 'urn:x', 'mammal', 'urn:x', 'animal', 'source-is-narrower-than-target');
INSERT INTO session VALUES ('an-issued-id', '', 'someone', 1, 1e10, 1800, 1, 2);
INSERT INTO session_batch VALUES ('an-issued-id', 1, '[]');
INSERT INTO session_ended VALUES ('client::0b4f7f8e-6c57-4d4e-9b6c-1f0c6f0e7a11', 1e10);
"""
ONE, TWO = caller_of("", "192.0.2.1"), caller_of("", "192.0.2.2")


@pytest.fixture
def state(tmp_path: Path) -> State:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.executescript(VERSION_1)
    connection.close()
    return State(tmp_path)


def pairs(state: State, version: int) -> list[tuple[str | None, str | None]]:
    return [(entry.source.code, entry.target.code) for entry in state.closures.of(ONE).since("mine", version)]


def test_a_table_has_its_concepts_versions_and_pairs(state: State) -> None:
    table = state.closures.of(ONE).table("mine")
    assert table is not None
    assert (table.first, table.version) == (2, 5)
    assert table.concepts[1] == Coding("urn:x", "stone", "1")
    assert [concept.code for concept in table.concepts] == ["cat", "stone", "animal", "mammal"]
    assert pairs(state, 2) == [("cat", "animal"), ("cat", "mammal"), ("mammal", "animal")]
    assert pairs(state, 4) == [("cat", "mammal"), ("mammal", "animal")]
    assert pairs(state, 5) == []


def test_a_table_of_nobody_is_that_of_who_first_changes_it(state: State) -> None:
    one, two = state.closures.of(ONE), state.closures.of(TWO)
    table = one.table("mine")
    assert table is not None and two.table("mine") == table
    assert one.extend(table, [Coding("urn:x", "dog")], []) is not None
    changed = one.table("mine")
    assert changed is not None and changed.version == 6
    assert two.table("mine") is None


def test_a_table_of_nobody_that_is_restarted_counts_on(state: State) -> None:
    assert state.closures.of(ONE).begin("mine").first == 6


def test_caches_are_as_they_were(state: State) -> None:
    sessions = Sessions(state)
    assert sessions.find("an-issued-id", ONE).batches == 1
    with pytest.raises(TerminologyError, match="unknown or has expired"):
        sessions.adopt("0b4f7f8e-6c57-4d4e-9b6c-1f0c6f0e7a11", ONE)


def test_nothing_of_the_earlier_version_stays(state: State) -> None:
    with state.database.reading() as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE sql IS NOT NULL")}
    fresh = State()
    with fresh.database.reading() as connection:
        assert names == {
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE sql IS NOT NULL")
        }


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.executescript("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(TerminologyError, match="cannot be used"):
        State(tmp_path).closures.table("mine")
