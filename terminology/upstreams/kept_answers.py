"""Answers of upstreams that are used again for a while.

An answer is fresh for some seconds, or for fewer if its upstream says so (``Cache-Control``). After that it is asked
for anew, if possible with the question whether it has changed (``If-None-Match``, ``If-Modified-Since``). Only where
its upstream is away it is used once more, and marked as stale. That nothing was found is remembered for a shorter time.

https://www.rfc-editor.org/rfc/rfc9111.html and https://www.rfc-editor.org/rfc/rfc5861.html. To an upstream this service
is one user, with credentials of its own, so that it may keep ``private`` answers.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from time import monotonic

from terminology.core.cache import Cache
from terminology.upstreams.configuration import ROOM as _ROOM

# Seconds for which a refusal (404, …) is fresh at most.
REFUSAL_SECONDS = 10
_FOREVER = float("inf")
# Longer validators than this, in characters, are not kept.
_LONGEST_VALIDATOR = 500
_DIRECTIVE = re.compile(r'([a-z-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,"]*)))?')
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')


@dataclass(slots=True, frozen=True)
class Directives:
    """What an upstream says about how its answer may be used again.

    The answer is fresh for ``fresh_seconds`` and usable for ``stale_seconds`` after that, at most; ``validators`` are
    the headers that ask whether it has changed. One that ``is_kept`` not is used once.
    """

    is_kept: bool = True
    fresh_seconds: float = _FOREVER
    stale_seconds: float = _FOREVER
    validators: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Directives:
        """Those of the headers of an answer. Unknown words are left out; a number that is none is 0.

        >>> Directives.of({"Cache-Control": "max-age=60", "Age": "20"}).fresh_seconds
        40.0
        >>> Directives.of({"Cache-Control": "no-store"}).is_kept
        False
        """
        pairs = _DIRECTIVE.findall(headers.get("Cache-Control", "").lower())
        directives = {name: quoted or plain for name, quoted, plain in pairs}
        fresh = (
            _seconds(directives["max-age"]) - _seconds(headers.get("Age", "0"))
            if "max-age" in directives
            else _FOREVER
        )
        varies = headers.get("Vary", "").strip() == "*"
        stale = _seconds(directives["stale-if-error"]) if "stale-if-error" in directives else _FOREVER
        return cls(
            is_kept="no-store" not in directives,
            fresh_seconds=0 if varies or "no-cache" in directives else max(0.0, fresh),
            stale_seconds=0 if "must-revalidate" in directives else stale,
            validators=() if varies else tuple(_validators(headers)),
        )


@dataclass(slots=True, frozen=True)
class Reply:
    """An answer of an upstream as it came: its status, its bytes, and when that was (``monotonic``)."""

    status: int
    content: bytes
    at: float
    directives: Directives = Directives()

    @classmethod
    def now(cls, status: int, content: bytes, directives: Directives = Directives()) -> Reply:
        return cls(status, content, monotonic(), directives)

    @property
    def age(self) -> float:
        """In seconds."""
        return monotonic() - self.at

    def renewed(self, by: Reply) -> Reply:
        """This answer, which another one (304) says is still right."""
        validators = by.directives.validators or self.directives.validators
        return replace(self, at=by.at, directives=replace(by.directives, validators=validators))


class KeptAnswers:
    """The answers, bounded in bytes. For use by several threads."""

    def __init__(self, fresh_seconds: float, stale_seconds: float, room: int = _ROOM) -> None:
        self._replies: Cache[Reply] = Cache(room, _bytes_of_reply)
        self._fresh, self._stale = fresh_seconds, stale_seconds

    def fresh(self, key: Hashable) -> Reply | None:
        """The answer that need not be asked for."""
        reply = self._replies.find(key)
        return reply if reply is not None and reply.age < self._fresh_seconds(reply) else None

    def known(self, key: Hashable) -> Reply | None:
        """The answer of which its upstream can say whether it has changed, whatever its age."""
        reply = self._replies.find(key)
        return reply if reply is not None and reply.directives.validators else None

    def stale(self, key: Hashable) -> Reply | None:
        """The answer that may be given while its upstream is away; only one that was no refusal."""
        reply = self._replies.find(key)
        if reply is None or reply.status != 200:
            return None
        most = self._fresh_seconds(reply) + min(self._stale, reply.directives.stale_seconds)
        return reply if reply.age < most else None

    def put(self, key: Hashable, reply: Reply) -> None:
        """Remember an answer, unless its upstream forbids that: then one of before is forgotten, too."""
        if self._fresh and reply.directives.is_kept:
            self._replies.put(key, reply)
        else:
            self._replies.drop(key)

    def _fresh_seconds(self, reply: Reply) -> float:
        most = self._fresh if reply.status == 200 else min(self._fresh, REFUSAL_SECONDS)
        return min(most, reply.directives.fresh_seconds)


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() and len(text) < 12 else 0.0


def _validators(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers of a question that has the ``ETag`` and ``Last-Modified`` of an answer."""
    tag, modified = headers.get("ETag", "").strip(), headers.get("Last-Modified", "").strip()
    pairs = [("If-None-Match", tag)] if _ETAG.fullmatch(tag) else []
    if modified.isascii() and modified.isprintable() and modified:
        pairs.append(("If-Modified-Since", modified))
    return [pair for pair in pairs if len(pair[1]) <= _LONGEST_VALIDATOR]


def _bytes_of_reply(reply: Reply) -> int:
    return len(reply.content) + sum(len(value) + 150 for _, value in reply.directives.validators) + 300
