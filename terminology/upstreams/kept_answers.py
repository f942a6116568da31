"""Answers of upstreams that are used again for a while.

An answer is fresh for some seconds. After that it is asked for anew; only where its upstream is away it is used once
more, and marked as stale. That nothing was found is remembered for a shorter time.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from time import monotonic

from terminology.core.cache import Cache
from terminology.upstreams.configuration import ROOM as _ROOM

# Seconds for which a refusal (404, …) is fresh at most.
REFUSAL_SECONDS = 10


@dataclass(slots=True, frozen=True)
class Reply:
    """An answer of an upstream as it came: its status, its bytes, and when that was (``monotonic``)."""

    status: int
    content: bytes
    at: float

    @classmethod
    def now(cls, status: int, content: bytes) -> Reply:
        return cls(status, content, monotonic())

    @property
    def age(self) -> float:
        """In seconds."""
        return monotonic() - self.at


class KeptAnswers:
    """The answers, bounded in bytes. For use by several threads."""

    def __init__(self, fresh_seconds: float, stale_seconds: float, room: int = _ROOM) -> None:
        self._replies: Cache[Reply] = Cache(room, _bytes_of_reply)
        self._fresh, self._stale = fresh_seconds, stale_seconds

    def fresh(self, key: Hashable) -> Reply | None:
        """The answer that need not be asked for."""
        reply = self._replies.find(key)
        if reply is None:
            return None
        most = self._fresh if reply.status == 200 else min(self._fresh, REFUSAL_SECONDS)
        return reply if reply.age < most else None

    def stale(self, key: Hashable) -> Reply | None:
        """The answer that may be given while its upstream is away; only one that was no refusal."""
        reply = self._replies.find(key)
        if reply is None or reply.status != 200 or reply.age >= self._fresh + self._stale:
            return None
        return reply

    def put(self, key: Hashable, reply: Reply) -> None:
        """Remember an answer."""
        if self._fresh:
            self._replies.put(key, reply)


def _bytes_of_reply(reply: Reply) -> int:
    return len(reply.content) + 200
