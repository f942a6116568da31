"""The caches of clients in a database. Their batches are bytes, which ``wire.sessions`` reads."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Issue
from terminology.state.database import Database

MADE_BY_CLIENT = "client:"  # the prefix of ids that clients made
_MEGABYTE = 1_000_000


@dataclass(slots=True, frozen=True)
class SessionBounds:
    """The most caches, bytes and seconds.

    An unused cache ends after ``idle`` seconds, as on HL7's server; a cache whose id the client made lives
    longer (``idle_of_clients``), because the client cannot begin another. Such an id counts as ended for
    ``remembered`` seconds, and as new after that.
    """

    idle: float = 30 * 60
    idle_of_clients: float = 86_400
    remembered: float = 7 * 86_400
    sessions: int = 5_000
    sessions_of_caller: int = 1_000
    megabytes: int = 64
    megabytes_of_caller: int = 256
    megabytes_in_all: int = 1_024
    endings: int = 100_000


@dataclass(slots=True, frozen=True)
class Session:
    """A cache of a client. ``batches`` is the number of times that resources were added."""

    id: str
    owner: str
    sealed: bool
    used: float
    idle: float
    batches: int
    bytes: int


class SessionRows:
    """Caches in a database: limited in number and size, for each client and in all, and ended when idle."""

    def __init__(
        self, database: Database, bounds: SessionBounds | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self.bounds = bounds or SessionBounds()
        self._clock = clock

    def find(self, id_: str) -> Session | None:
        """The cache of an id, or None if there is none or it has ended. This counts as a use."""
        with self._database.reading() as connection:
            session = _session(connection, id_)
        now = self._clock()
        if session is None or now - session.used > session.idle:
            return None
        # Most requests do not write the time of use; an idle cache may therefore end a minute early.
        if now - session.used > min(60.0, session.idle / 10):
            with self._database.writing() as connection:
                connection.execute("UPDATE session SET used = ? WHERE id = ?", (now, id_))
        return session

    def was_ended(self, id_: str) -> bool:
        """Is this the id of a cache that has ended and is still remembered?"""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT 1 FROM session_ended WHERE id = ?"
                " UNION SELECT 1 FROM session WHERE id = ? AND used + idle < ?",
                (id_, id_, self._clock()),
            ).fetchone()
        return row is not None

    def start(self, id_: str, owner: str, caller: str, sealed: bool) -> None:
        """Make a cache, unless there is one of this id. Raises TerminologyError when there are too many."""
        idle = self.bounds.idle_of_clients if id_.startswith(MADE_BY_CLIENT) else self.bounds.idle
        with self._database.writing() as connection:
            self._end_idle(connection)
            self._require_room(connection, caller, 0)
            connection.execute(
                "INSERT OR IGNORE INTO session VALUES (?, ?, ?, ?, ?, ?, 0, 0)",
                (id_, owner, caller, sealed, self._clock(), idle),
            )

    def put(self, id_: str, body: bytes) -> int:
        """Add a batch; its number. Raises TerminologyError when the cache has ended or is full."""
        with self._database.writing() as connection:
            row = connection.execute(
                "SELECT caller, batches, bytes FROM session WHERE id = ?", (id_,)
            ).fetchone()
            if row is None:
                raise TerminologyError(issues.unknown_cache_id(id_))
            caller, batches, size = row
            _require(size + len(body), self.bounds.megabytes * _MEGABYTE, issues.cache_too_large)
            self._require_room(connection, caller, len(body))
            connection.execute("INSERT INTO session_batch VALUES (?, ?, ?)", (id_, batches + 1, body))
            connection.execute(
                "UPDATE session SET batches = batches + 1, bytes = bytes + ?, used = ? WHERE id = ?",
                (len(body), self._clock(), id_),
            )
        return int(batches) + 1

    def batches(self, id_: str, after: int) -> list[tuple[int, bytes]]:
        """The batches after a number, with their numbers."""
        with self._database.reading() as connection:
            return connection.execute(
                "SELECT number, body FROM session_batch WHERE session = ? AND number > ? ORDER BY number",
                (id_, after),
            ).fetchall()

    def end(self, id_: str) -> None:
        """Delete a cache."""
        with self._database.writing() as connection:
            self._end(connection, id_)

    def _end(self, connection: sqlite3.Connection, id_: str) -> None:
        connection.execute("DELETE FROM session_batch WHERE session = ?", (id_,))
        connection.execute("DELETE FROM session WHERE id = ?", (id_,))
        if id_.startswith(MADE_BY_CLIENT):
            connection.execute("INSERT OR REPLACE INTO session_ended VALUES (?, ?)", (id_, self._clock()))

    def _end_idle(self, connection: sqlite3.Connection) -> None:
        now = self._clock()
        idle = connection.execute("SELECT id FROM session WHERE used + idle < ?", (now,)).fetchall()
        for (id_,) in idle:
            self._end(connection, id_)
        connection.execute("DELETE FROM session_ended WHERE at < ?", (now - self.bounds.remembered,))
        connection.execute(
            "DELETE FROM session_ended WHERE id IN"
            " (SELECT id FROM session_ended ORDER BY at DESC LIMIT -1 OFFSET ?)",
            (self.bounds.endings,),
        )

    def _require_room(self, connection: sqlite3.Connection, caller: str, more: int) -> None:
        """Check that there is room for one more cache, or for ``more`` bytes in an existing one."""
        every = "SELECT count(*), coalesce(sum(bytes), 0) FROM session"
        own, own_bytes = connection.execute(f"{every} WHERE caller = ?", (caller,)).fetchone()
        count, size = connection.execute(every).fetchone()
        if not more:
            _require(own + 1, self.bounds.sessions_of_caller, issues.too_many_caches_of_caller)
            _require(count + 1, self.bounds.sessions, issues.too_many_caches)
            return
        own_most, most = self.bounds.megabytes_of_caller, self.bounds.megabytes_in_all
        _require(own_bytes + more, own_most * _MEGABYTE, issues.caches_of_caller_too_large)
        _require(size + more, most * _MEGABYTE, issues.caches_too_large)


def _require(count: int, limit: int, message: Callable[[int], Issue]) -> None:
    if count > limit:
        raise TerminologyError(message(limit))


def _session(connection: sqlite3.Connection, id_: str) -> Session | None:
    row = connection.execute(
        "SELECT id, owner, sealed, used, idle, batches, bytes FROM session WHERE id = ?", (id_,)
    ).fetchone()
    return None if row is None else Session(row[0], row[1], bool(row[2]), *row[3:])
