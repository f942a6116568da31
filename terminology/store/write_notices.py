"""Notices of writes in PostgreSQL: a thread that is told of each by the database itself."""

from __future__ import annotations

import logging
from threading import Event, Lock, Thread

import psycopg
from psycopg.conninfo import make_conninfo

from terminology.store.backend import CHANNEL

# How often, in seconds, the number is read without a notice: one may be lost while a connection is made.
INTERVAL = 1.0
# The same on a replica, which tells of nothing.
INTERVAL_OF_REPLICA = 0.2
# How long, in seconds, a host may take to accept a connection, unless the URL says otherwise.
PATIENCE = 2
_NEWEST = "SELECT coalesce(max(number), 0) FROM resource_version"

log = logging.getLogger("terminology")


class WriteNotices:
    """``number`` is that of the last write that is known here. The thread begins with ``listen``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.number = 0
        self._lock = Lock()
        self._has_ended = Event()
        self._first_look = Event()
        self._thread: Thread | None = None

    def listen(self) -> None:
        """Begin, unless that is done. The first call waits until the database has been asked once."""
        if self._thread is not None and self._thread.is_alive():
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                ended, looked = self._has_ended, self._first_look
                self._thread = Thread(
                    target=self._listen, args=(ended, looked), name="write-notices", daemon=True
                )
                self._thread.start()
        self._first_look.wait(PATIENCE)

    def note(self, number: int) -> None:
        """Take note of a write."""
        with self._lock:
            self.number = max(self.number, number)

    def end(self) -> None:
        """Let the thread end. A later ``listen`` begins another one."""
        self._has_ended.set()
        with self._lock:
            self._thread, self._has_ended, self._first_look = None, Event(), Event()

    def _listen(self, has_ended: Event, first_look: Event) -> None:
        while not has_ended.is_set():
            try:
                with psycopg.connect(_hasty(self._url), autocommit=True) as connection:
                    is_told = _is_told(connection)
                    while not has_ended.is_set():
                        self._look(connection)
                        first_look.set()
                        if is_told:
                            for notice in connection.notifies(timeout=INTERVAL):
                                self.note(int(notice.payload))
                        else:
                            has_ended.wait(INTERVAL_OF_REPLICA)
            except psycopg.Error:
                # The watch of the store has said that the database is away.
                first_look.set()
                has_ended.wait(INTERVAL)

    def _look(self, connection: psycopg.Connection[tuple[int]]) -> None:
        try:
            row = connection.execute(_NEWEST).fetchone()
        except psycopg.errors.UndefinedTable:
            return
        if row is not None:
            self.note(row[0])


def _hasty(url: str) -> str:
    return url if "connect_timeout" in url else make_conninfo(url, connect_timeout=PATIENCE)


def _is_told(connection: psycopg.Connection[tuple[int]]) -> bool:
    """Whether the host tells of writes: a replica refuses."""
    try:
        connection.execute(f"LISTEN {CHANNEL}".encode())
    except psycopg.errors.ObjectNotInPrerequisiteState:
        return False
    return True
