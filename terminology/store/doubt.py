"""Doubts about a database: it has not answered for a moment, and nobody knows yet whether it ever will.

A database that hangs is known to be away after seconds. Until then a few threads may wait for it; if all did, none
would be left for what needs no database.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

# How long, in seconds, an answer may take before the database is doubted; at least, for one that is near.
MOMENT = 0.03
# An answer that takes so many times as long as usual is late: a database may be far away.
_TIMES_USUAL = 4
# How many threads may wait for a database that is doubted.
MOST_WAITING = 2


class Doubt:
    """Whether a database is doubted, by the time that it takes to answer one thread: the watch."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._usual = 0.0
        # The threads that wait on, though it is doubted.
        self._waiting: set[int] = set()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While the watch asks the database something small, and waits for the answer."""
        began = self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None
        self._usual = (self._usual + time.monotonic() - began) / 2

    @property
    def is_doubted(self) -> bool:
        since = self._since
        return since is not None and time.monotonic() - since > max(MOMENT, _TIMES_USUAL * self._usual)

    def may_wait(self) -> bool:
        """Whether this thread may wait on: always, unless the database is doubted and others wait already."""
        if not self.is_doubted:
            return True
        waiting, thread = self._waiting, get_ident()
        if thread not in waiting and len(waiting) >= MOST_WAITING:
            return False
        waiting.add(thread)
        return True

    def end_wait(self) -> None:
        """This thread has its answer, or waits no more."""
        if self._waiting:
            self._waiting.discard(get_ident())
