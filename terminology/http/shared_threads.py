"""The threads of a worker, shared among callers: none takes all of them, with slow work or with a slow body.

granian gives each request to a thread of a small pool. Without this module, a few requests that take long, or bodies
that arrive byte by byte, keep all threads busy, and nobody else is answered. Two rules prevent that:

* A caller has at most ``share`` requests at work, fewer while there are other callers. Further ones wait without a
  thread, and the thread that has answered one takes the next. The pool has more threads than one caller may take.
* A body is awaited by one of the threads that the pool has for bodies alone. It has a time limit, and the oldest give
  way where too many are slow (``AwaitedBodies``).

The layer stands before WSGI, because a WSGI application cannot put a request aside. ``answer`` calls the application
and sends what it returns (``gateway``).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from threading import Lock

from terminology.core import issues
from terminology.core.errors import RefusedError
from terminology.http.awaited_bodies import AwaitedBodies
from terminology.http.gateway import Answer, Reply, Scope

Refuse = Callable[[Reply, Scope, Exception], None]

# Seconds after which a caller that was refused may try again.
RETRY_AFTER = 1

log = logging.getLogger("terminology")


class _Caller:
    """The requests of one caller: how many are at work, and those that wait, if any ever did."""

    __slots__ = ("at_work", "waiting")

    def __init__(self) -> None:
        self.at_work = 0
        self.waiting: deque[tuple[Reply, Scope]] | None = None


class SharedThreads:
    """The layer. For use by several threads.

    ``caller_of`` tells who sent a request; ``share`` is the most requests of a caller at work, ``most_waiting`` the
    most that wait.
    """

    def __init__(
        self,
        answer: Answer,
        refuse: Refuse,
        bodies: AwaitedBodies,
        caller_of: Callable[[Scope], str],
        share: int,
        most_waiting: int,
    ) -> None:
        self._answer, self._refuse, self._bodies, self._caller_of = answer, refuse, bodies, caller_of
        self._share, self._most_waiting = share, most_waiting
        self._callers: dict[str, _Caller] = {}
        self._lock = Lock()

    def __call__(self, reply: Reply, scope: Scope) -> None:
        caller = self._caller_of(scope)
        if scope["REQUEST_METHOD"] in ("POST", "PUT"):
            self._bodies.receive(caller, reply, scope, self._work)
        else:
            self._work(caller, reply, scope)

    def are_idle(self) -> bool:
        """Whether all requests have been answered."""
        return not self._callers

    def _work(self, name: str, reply: Reply, scope: Scope) -> None:
        """Answer a request, and then those of the same caller that wait; or let it wait."""
        with self._lock:
            caller = self._callers.get(name)
            if caller is None:
                caller = self._callers[name] = _Caller()
            if caller.at_work == self._share:
                if caller.waiting is None:
                    caller.waiting = deque()
                if len(caller.waiting) < self._most_waiting:
                    caller.waiting.append((reply, scope))
                    return
                caller = None
            else:
                caller.at_work += 1
                if caller.waiting:
                    caller.waiting.append((reply, scope))
                    reply, scope = caller.waiting.popleft()
        if caller is None:
            self._refuse(reply, scope, _too_many(self._most_waiting + self._share))
            return
        while True:
            try:
                self._answer(reply, scope)
            except BaseException as error:  # whatever it is, the requests that wait have to go on
                self._refuse(
                    reply, scope, error if isinstance(error, Exception) else RuntimeError(repr(error))
                )
            with self._lock:
                # With other callers, each has its part of the threads, and this one may go to another.
                if caller.waiting and caller.at_work <= max(1, self._share // len(self._callers)):
                    reply, scope = caller.waiting.popleft()
                    continue
                caller.at_work -= 1
                if not caller.at_work:
                    del self._callers[name]
                return


def _too_many(limit: int) -> RefusedError:
    return RefusedError(429, issues.too_many_requests_at_once(limit), {"Retry-After": str(RETRY_AFTER)})
