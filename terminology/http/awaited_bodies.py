"""The bodies of requests that are still arriving. None keeps a thread that others need, or arrives for ever.

A thread that reads from granian waits until the bytes are there, for hours if the client wants. So the pool has threads
for bodies alone. After ``time_limit`` seconds a body is refused, and the connection is closed. Where too many are
slow, the oldest give way.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from threading import Lock
from time import monotonic

from terminology.core import issues
from terminology.core.errors import RefusedError
from terminology.http.connections import Connections
from terminology.http.gateway import Reply, Scope

# How many bodies may be awaited for long, and how many of one caller.
MOST = 40
MOST_OF_CALLER = 20
# The threads that await bodies: also such as were refused, until their connections end. Some are left to other callers.
THREADS = 72
RESERVE = 8
# A body that has arrived is read within so many seconds, however many others are: of these there may be more.
MOMENT = 0.3
# Seconds after which a body may have to give way to another.
GRACE = 1.0

Work = Callable[[str, Reply, Scope], None]


# A body: its caller, its request, and when it began (``monotonic``). A tuple, since each request with a body makes one.
_AwaitedBody = tuple[str, Scope, float]


def _age(body: _AwaitedBody) -> float:
    """Seconds for which it has been awaited."""
    return monotonic() - body[2]


class AwaitedBodies:
    """``THREADS`` of the pool are for them. For use by several threads."""

    def __init__(
        self,
        refuse: Callable[[Reply, Scope, Exception], None],
        connections: Connections,
        largest: int,
        time_limit: float,
    ) -> None:
        self._refuse, self._connections = refuse, connections
        self._largest, self._time_limit = largest, time_limit
        # By reply, the oldest first; and those that were given up, whose threads still wait. A thread adds and removes
        # its own without the lock: each such step is one for Python, and so is a copy of all.
        self._bodies: dict[Reply, _AwaitedBody] = {}
        self._given_up: set[Reply] = set()
        self._lock = Lock()

    def receive(self, caller: str, reply: Reply, scope: Scope, work: Work) -> None:
        """Call ``work`` with the request when its body is there."""
        length = _length(scope, self._largest)
        if not length:
            work(caller, reply, scope)  # without a body, or with one that is refused unread
            return
        bodies = self._bodies
        bodies[reply] = caller, scope, monotonic()
        has_room = len(bodies) + len(self._given_up) <= MOST_OF_CALLER or self._make_room(caller)
        content = _read(scope, length) if has_room else b""
        if bodies.pop(reply, None) is None:
            self._given_up.discard(reply)  # refused meanwhile
        elif has_room:
            scope["wsgi.input"] = BytesIO(content)
            work(caller, reply, scope)
        else:
            self._refuse(reply, scope, RefusedError(429, issues.too_many_bodies(), {"Retry-After": "1"}))

    def are_here(self) -> bool:
        """Whether all bodies have arrived."""
        return not self._bodies

    def give_up_late_ones(self) -> None:
        """Refuse the requests whose bodies have not arrived in time."""
        with self._lock:
            for reply, body in self._bodies.copy().items():
                if _age(body) > self._time_limit:
                    self._give_up(reply)

    def _make_room(self, caller: str) -> bool:
        """Whether there is room for a body of the caller, which counts already; others may have to give way."""
        with self._lock:
            bodies = self._bodies.copy()
            own = {reply: body for reply, body in bodies.items() if body[0] == caller}
            rivals, most = (own, MOST_OF_CALLER) if len(own) > MOST_OF_CALLER else (bodies, MOST)
            too_many = list(rivals.items())[: max(0, len(rivals) - most)]
            slow = [reply for reply, body in too_many if _age(body) > GRACE]
            for reply in slow:
                self._give_up(reply)
            if len(self._bodies) + len(self._given_up) > THREADS:
                return False  # clients that were refused keep their connections, and thereby threads
            if rivals is bodies or slow:
                return True
            return len(own) <= THREADS - RESERVE and _age(too_many[0][1]) < MOMENT

    def _give_up(self, reply: Reply) -> None:
        """Refuse a request whose body is awaited, unless it has just arrived. Call it with the lock."""
        self._given_up.add(reply)
        body = self._bodies.pop(reply, None)
        if body is None:
            self._given_up.discard(reply)
        else:
            error = RefusedError(408, issues.body_too_slow(self._time_limit), {"Connection": "close"})
            _, scope, _ = body
            self._refuse(reply, scope, error)
            self._connections.close_soon(scope["REMOTE_ADDR"])


def _read(scope: Scope, length: int) -> bytes:
    try:
        content: bytes = scope["wsgi.input"].read(length)
    except (OSError, ValueError):
        return b""  # a chunk that cannot be read: the application sees that the body is not whole
    return content


def _length(scope: Scope, largest: int) -> int:
    """How many bytes to read; 0 if the request has no body, or one that the application refuses without reading it."""
    text = scope.get("CONTENT_LENGTH") or ""
    if not text:
        return largest + 1 if "HTTP_TRANSFER_ENCODING" in scope else 0
    length = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    return length if length <= largest else 0
