"""The bodies of requests that are still arriving. None keeps a thread that others need, or arrives for ever.

A thread that reads from granian waits until the bytes are there, for hours if the client wants. So the pool has threads
for bodies alone. After ``time_limit`` seconds a body is refused, and the connection is closed. Where too many are
awaited, the oldest gives way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import Any

from terminology.core import issues
from terminology.core.errors import RefusedError
from terminology.http.connections import Connections

# The most bodies that are awaited at a time, and the most of one caller.
MOST = 64
MOST_OF_CALLER = 32
# The threads that await bodies: also such as were refused, until their connections end.
THREADS = 2 * MOST
# Seconds after which a body may have to give way to another.
GRACE = 1.0

Work = Callable[[str, Any, dict[str, Any]], None]


@dataclass(slots=True, eq=False)
class _AwaitedBody:
    """``began``: the time of ``time.monotonic``. ``is_given_up``: the request has been refused meanwhile."""

    caller: str
    reply: Any
    scope: dict[str, Any]
    began: float
    is_given_up: bool = False


class AwaitedBodies:
    """``THREADS`` of the pool are for them. For use by several threads."""

    def __init__(
        self,
        refuse: Callable[[Any, dict[str, Any], Exception], None],
        connections: Connections,
        largest: int,
        time_limit: float,
    ) -> None:
        self._refuse, self._connections = refuse, connections
        self._largest, self._time_limit = largest, time_limit
        self._threads = 0
        self._bodies: dict[_AwaitedBody, None] = {}  # the oldest first
        self._lock = Lock()

    def receive(self, caller: str, reply: Any, scope: dict[str, Any], work: Work) -> None:
        """Call ``work`` with the request when its body is there."""
        length = _length(scope, self._largest)
        if not length:
            work(caller, reply, scope)  # without a body, or with one that is refused unread
            return
        body = _AwaitedBody(caller, reply, scope, time.monotonic())
        with self._lock:
            victim, is_refused = self._make_room(caller)
            if not is_refused:
                self._bodies[body] = None
                self._threads += 1
        if victim is not None:
            self._give_up(victim)
        if is_refused:
            self._refuse(reply, scope, RefusedError(429, issues.too_many_bodies(), {"Retry-After": "1"}))
        else:
            self._read(body, length, work)

    def are_here(self) -> bool:
        """Whether all bodies have arrived."""
        return not self._bodies

    def give_up_late_ones(self) -> None:
        """Refuse the requests whose bodies have not arrived in time."""
        limit = time.monotonic() - self._time_limit
        with self._lock:
            late = [body for body in self._bodies if body.began < limit]
            for body in late:
                self._forget(body)
        for body in late:
            self._give_up(body)

    def _make_room(self, caller: str) -> tuple[_AwaitedBody | None, bool]:
        """The body that has to give way to one of ``caller``, and whether that one is refused instead."""
        if self._threads >= THREADS:
            return None, True  # clients that were refused keep their connections, and thereby threads
        if len(self._bodies) < MOST_OF_CALLER:
            return None, False
        rivals = [body for body in self._bodies if body.caller == caller]
        if len(rivals) < MOST_OF_CALLER:
            if len(self._bodies) < MOST:
                return None, False
            rivals = list(self._bodies)
        if rivals[0].began > time.monotonic() - GRACE:
            return None, True
        self._forget(rivals[0])
        return rivals[0], False

    def _forget(self, body: _AwaitedBody) -> None:
        del self._bodies[body]
        body.is_given_up = True

    def _give_up(self, body: _AwaitedBody) -> None:
        error = RefusedError(408, issues.body_too_slow(self._time_limit), {"Connection": "close"})
        self._refuse(body.reply, body.scope, error)
        self._connections.close_soon(body.scope["REMOTE_ADDR"])

    def _read(self, body: _AwaitedBody, length: int, work: Work) -> None:
        try:
            content = body.scope["wsgi.input"].read(length)
        except (OSError, ValueError):
            content = b""  # a chunk that cannot be read: the application sees that the body is not whole
        with self._lock:
            self._threads -= 1
            self._bodies.pop(body, None)
        if not body.is_given_up:
            body.scope["wsgi.input"] = BytesIO(content)
            work(body.caller, body.reply, body.scope)


def _length(scope: dict[str, Any], largest: int) -> int:
    """How many bytes to read; 0 if the request has no body, or one that the application refuses without reading it."""
    text = scope.get("CONTENT_LENGTH") or ""
    if not text:
        return largest + 1 if "HTTP_TRANSFER_ENCODING" in scope else 0
    length = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    return length if length <= largest else 0
