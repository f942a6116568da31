"""The connections of a worker process: how many there may be, in all and of one caller.

granian accepts connections up to a number, from anyone, and closes those that send no request in time. It does not
say which connection a request came over. So this module looks at the open sockets of the process a few times a
second. While they are few it only counts them.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from struct import unpack_from
from threading import Thread

# Seconds between two looks.
INTERVAL = 0.2
# Of all connections, how many may be open before each caller has to do with fewer.
CROWDED = 0.9
# Seconds after the answer to a request that was given up, until its connection is looked for and closed.
DELAY = 0.4
TOLERANCE = 0.15
# The numbers of the files that this process has open. Without such a folder there are no limits.
_OPEN_FILES = next(filter(os.path.isdir, ("/proc/self/fd", "/dev/fd")), None)
_HAS_TIMES = sys.platform == "linux"
_TCP_INFO_SIZE = 104
_LAST_SENT, _LAST_RECEIVED = 44, 52  # where milliseconds stand in Linux' struct tcp_info


@dataclass(slots=True)
class _Connection:
    """A copy of a socket; ``sent`` and ``received`` are seconds since the last data."""

    socket: socket.socket
    caller: str
    sent: float
    received: float


class Connections:
    """The connections to ``port``; at most ``most``, and ``most_of_caller`` of one caller (0: any number)."""

    def __init__(self, port: int, most: int, most_of_caller: int, caller_at: Callable[[str], str]) -> None:
        self._port, self._most, self._most_of_caller = port, most, most_of_caller
        self._caller_at = caller_at
        self._to_close: list[tuple[str, float]] = []

    def watch(self, also: Callable[[], None]) -> None:
        """Look again and again, in a thread; ``also`` is called each time."""

        def run() -> None:
            while True:
                time.sleep(INTERVAL)
                also()
                self.limit()

        Thread(target=run, daemon=True, name="connections").start()

    def close_soon(self, address: str) -> None:
        """Close the connection over which this address has just been answered, if it can be told and is silent."""
        if self._most_of_caller and _HAS_TIMES:
            self._to_close.append((self._caller_at(address), time.monotonic()))

    def close_silent_ones(self) -> int:
        """Close the connections over which nothing has come or gone for a while, and tell how many were open."""
        connections = self._open()
        for connection in connections:
            if min(connection.sent, connection.received) > DELAY:
                _close(connection)
            connection.socket.close()
        return len(connections)

    def limit(self) -> None:
        """Close the connections that are over the limits."""
        if not self._most_of_caller or _OPEN_FILES is None:
            return
        due = [item for item in self._to_close if item[1] + DELAY < time.monotonic()]
        if not due and len(os.listdir(_OPEN_FILES)) <= self._most_of_caller:
            return
        connections = list(self._open())
        try:
            for item in due:
                self._to_close.remove(item)
                self._close_answered(connections, *item)
            self._close_excess(connections)
        finally:
            for connection in connections:
                connection.socket.close()

    def _close_answered(self, connections: list[_Connection], caller: str, since: float) -> None:
        """Other connections of the caller have sent something since, or are idle: those may be closed, too."""
        age = time.monotonic() - since
        for connection in connections:
            if connection.caller == caller and abs(connection.sent - age) < TOLERANCE:
                _close(connection)

    def _close_excess(self, connections: list[_Connection]) -> None:
        """Of a caller that has too many, those go first that have been silent for the longest time."""
        by_caller: dict[str, list[_Connection]] = defaultdict(list)
        for connection in connections:
            by_caller[connection.caller].append(connection)
        allowed, open_ = self._most_of_caller, len(connections)
        while True:
            for of_caller in by_caller.values():
                if len(of_caller) > allowed:
                    of_caller.sort(key=lambda connection: connection.received)
                    for connection in of_caller[allowed:]:
                        _close(connection)
                    open_ -= len(of_caller) - allowed
                    del of_caller[allowed:]
            if open_ <= CROWDED * self._most or allowed == 1:
                return
            allowed //= 2

    def _open(self) -> list[_Connection]:
        connections = []
        for name in os.listdir(_OPEN_FILES) if _OPEN_FILES is not None else ():
            copy = _copy_of(int(name))
            if copy is None:
                continue
            with suppress(
                OSError, IndexError, TypeError
            ):  # another kind of socket, or not connected any more
                if copy.getsockname()[1] == self._port:
                    caller = self._caller_at(copy.getpeername()[0])
                    connections.append(_Connection(copy, caller, *_silent_for(copy)))
                    continue
            copy.close()
        return connections


def _copy_of(number: int) -> socket.socket | None:
    """The socket that is open under this number; None if it is closed meanwhile, or not a socket."""
    with suppress(OSError):
        copy = os.dup(number)
        try:
            return socket.socket(fileno=copy)
        except OSError:
            os.close(copy)
    return None


def _silent_for(connected: socket.socket) -> tuple[float, float]:
    """Seconds since data was sent, and since it was received; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0.0, 0.0
    info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
    return unpack_from("I", info, _LAST_SENT)[0] / 1000, unpack_from("I", info, _LAST_RECEIVED)[0] / 1000


def _close(connection: _Connection) -> None:
    with suppress(OSError):
        connection.socket.shutdown(socket.SHUT_RDWR)
