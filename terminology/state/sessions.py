"""The caches of clients in a database. Their batches are bytes, which ``wire.sessions`` reads."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.state.database import Database
from terminology.state.quota import OVERHEAD, Quota, StateBounds

MADE_BY_CLIENT = "client:"  # the prefix of ids that clients made
_MEGABYTE = 1_000_000
# The oldest tenth of the caller that has most: one client cannot push out what others have ended.
_FORGET_SOME = """
DELETE FROM session_ended WHERE id IN (
    WITH most AS (SELECT caller, count(*) AS number FROM session_ended GROUP BY caller ORDER BY 2 DESC LIMIT 1)
    SELECT id FROM session_ended, most WHERE session_ended.caller = most.caller
    ORDER BY at LIMIT (SELECT number / 10 + 1 FROM most))
"""


@dataclass(slots=True, frozen=True)
class SessionBounds:
    """The most bytes of one cache, and seconds.

    An unused cache ends after ``idle`` seconds, as on HL7's server; a cache whose id the client made lives
    longer (``idle_of_clients``), because the client cannot begin another. Such an id counts as ended for
    ``kept_results`` seconds, and as new after that.
    """

    idle: float = 30 * 60
    idle_of_clients: float = 86_400
    remembered: float = 7 * 86_400
    megabytes: int = 64
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
    """Caches in a database: limited in size, and ended when idle."""

    def __init__(
        self,
        database: Database,
        quota: Quota | None = None,
        bounds: SessionBounds | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._quota = quota or Quota(StateBounds())
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
            try:
                with self._database.writing() as connection:
                    connection.execute("UPDATE session SET used = ? WHERE id = ?", (now, id_))
            except TerminologyError:
                pass  # the log has said that nothing can be written; the cache can be read
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
            if _session(connection, id_) is not None:
                return
            now = self._clock()
            self._quota.make_room(connection, caller, OVERHEAD, now)
            connection.execute(
                "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
                (id_, owner, caller, sealed, now, idle, OVERHEAD),
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
            more, now = len(body) + OVERHEAD, self._clock()
            if size + more > self.bounds.megabytes * _MEGABYTE:
                raise TerminologyError(issues.cache_too_large(self.bounds.megabytes * _MEGABYTE))
            self._quota.make_room(connection, caller, more, now, ("session", id_))
            connection.execute("INSERT INTO session_batch VALUES (?, ?, ?)", (id_, batches + 1, body))
            connection.execute(
                "UPDATE session SET batches = batches + 1, bytes = bytes + ?, used = ? WHERE id = ?",
                (more, now, id_),
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
            connection.execute("DELETE FROM session WHERE id = ?", (id_,))

    def _end_idle(self, connection: sqlite3.Connection) -> None:
        now = self._clock()
        connection.execute("DELETE FROM session WHERE used + idle < ?", (now,))
        connection.execute("DELETE FROM session_ended WHERE at < ?", (now - self.bounds.remembered,))
        while connection.execute("SELECT count(*) FROM session_ended").fetchone()[0] > self.bounds.endings:
            connection.execute(_FORGET_SOME)


def _session(connection: sqlite3.Connection, id_: str) -> Session | None:
    row = connection.execute(
        "SELECT id, owner, sealed, used, idle, batches, bytes FROM session WHERE id = ?", (id_,)
    ).fetchone()
    return None if row is None else Session(row[0], row[1], bool(row[2]), *row[3:])
