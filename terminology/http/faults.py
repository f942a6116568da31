"""Faults that a test harness asks for: by the header ``X-Terminology-Fault``, or in Python beforehand.

The layer stands inside ``CommonHeaders``, so that a fault has the headers of any answer. Without the test-harness mode
there is no layer, and the header has no effect.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

from terminology.core import issues
from terminology.core.cache import RecentValues
from terminology.core.errors import RefusedError
from terminology.http.common_headers import write_failure
from terminology.wire.request_headers import RequestHeader

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The longest delay in seconds. A request that waits keeps a thread.
LONGEST_DELAY = 60.0
# Of so many different headers at least it is remembered how often they came.
ROOM = 1_000
# Headers that contradict each other: granian closes the connection before it sends them.
CONTRADICTION = (("Content-Length", "1"), ("Transfer-Encoding", "chunked"))
# Where the server that comes with Flask has the connection, which it would keep.
_SOCKET = "werkzeug.socket"
_HEADER = RequestHeader.FAULT.wsgi_name
_REPLAY = RequestHeader.REPLAY.wsgi_name
_STATUSES = {int(status) for status in HTTPStatus if status >= 400}
_CALLS = re.compile(r"(\d{1,9})(?:(-)(\d{1,9})?)?")
_MEDIA = re.compile(r"[\w.+-]+/[\w.+-]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, or several together.

    ``delay`` in seconds comes first. Then ``closes`` ends the connection without an answer; else ``status`` is
    answered in place of the request, with ``retry_after`` in seconds. ``media_type`` is said whatever the body is, and
    ``cut`` ends the connection after so many bytes of the body. ``first`` and ``last`` (None: all) are the calls that
    have the fault, counted from 1; any other call is answered.
    """

    status: int | None = None
    retry_after: int | None = None
    delay: float = 0.0
    cut: int | None = None
    media_type: str | None = None
    closes: bool = False
    first: int = 1
    last: int | None = None

    @classmethod
    def read(cls, text: str) -> Fault:
        """The fault that a header asks for. Raises ValueError with the part that cannot be read.

        >>> Fault.read("status=503; retry-after=2; calls=1-2").last
        2
        """
        values: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in text.split(";"))):
            name, _, value = (word.strip() for word in part.partition("="))
            try:
                values |= _READERS[name](value)
            except (KeyError, ValueError, IndexError):
                raise ValueError(part) from None
        if not values.keys() - {"first", "last", "retry_after"}:
            raise ValueError(text.strip())
        return cls(**values)

    def is_at(self, call: int) -> bool:
        """Whether the call with this number has the fault."""
        return self.first <= call and (self.last is None or call <= self.last)


def _one_of(number: int, allowed: Iterable[int]) -> int:
    if number not in allowed:
        raise ValueError(number)
    return number


def _calls(text: str) -> dict[str, int | None]:
    """``2`` is the second call, ``1-3`` the first three, ``2-`` all from the second."""
    match = _CALLS.fullmatch(text)
    if match is None:
        raise ValueError(text)
    first, is_range, last = int(match[1]), match[2], match[3]
    end = int(last) if last else None if is_range else first
    if first < 1 or (end is not None and end < first):
        raise ValueError(text)
    return {"first": first, "last": end}


def _delay(text: str) -> dict[str, float]:
    seconds = float(text)
    if not 0 <= seconds <= LONGEST_DELAY:
        raise ValueError(text)
    return {"delay": seconds}


def _media_type(text: str) -> dict[str, str]:
    return {"media_type": _MEDIA.findall(text)[0]}


def _closes(text: str) -> dict[str, bool]:
    if text:
        raise ValueError(text)
    return {"closes": True}


_READERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "status": lambda text: {"status": _one_of(int(text), _STATUSES)},
    "retry-after": lambda text: {"retry_after": _one_of(int(text), range(86_401))},
    "delay": _delay,
    "cut": lambda text: {"cut": _one_of(int(text), range(2**40))},
    "type": _media_type,
    "close": _closes,
    "calls": _calls,
    "name": lambda text: {},
}


def _no_calls() -> RecentValues[int]:
    return RecentValues(ROOM, lambda key, _: len(key))


@dataclass(slots=True)
class _PlannedFault:
    """A fault of requests whose path contains ``path``; ``calls`` are those that have come."""

    path: str
    fault: Fault
    calls: int = 0


@dataclass(slots=True)
class FaultPlan:
    """The faults of one application. For use by several threads.

    A request has the fault that its header asks for, else the first that was planned for it. Requests with the same
    header count as calls of one fault: a further word in it (``name=...``) tells them apart. Each replay of a recording
    (``X-Terminology-Replay``) has its own count of them.
    """

    _planned: list[_PlannedFault] = field(default_factory=list)
    _calls: RecentValues[int] = field(default_factory=_no_calls)
    _lock: Lock = field(default_factory=Lock)

    def add(self, fault: Fault, path: str = "") -> None:
        """Plan a fault for requests whose path contains a text, such as ``CodeSystem/$lookup``."""
        with self._lock:
            self._planned.append(_PlannedFault(path, fault))

    def clear(self) -> None:
        """Forget all faults that were planned, and how often any has been asked for."""
        with self._lock:
            self._planned.clear()
            self._calls = _no_calls()

    def fault_of(self, environ: WSGIEnvironment) -> Fault | None:
        """The fault of this call. Raises RefusedError (400) for a header that cannot be read."""
        text = environ.get(_HEADER)
        if text is not None:
            try:
                fault = Fault.read(text)
            except ValueError as problem:
                raise RefusedError(400, issues.bad_fault(str(problem), LONGEST_DELAY)) from None
            key = f"{environ.get(_REPLAY, '')} {text}"
            with self._lock:
                call = (self._calls.find(key) or 0) + 1
                self._calls.put(key, call)
            return fault if fault.is_at(call) else None
        with self._lock:
            for planned in self._planned:
                if planned.path in environ["PATH_INFO"]:
                    planned.calls += 1
                    if planned.fault.is_at(planned.calls):
                        return planned.fault
        return None


class BrokenAnswer:
    """The pieces of an answer that never comes: the web server then closes the connection."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raise ConnectionResetError("a fault that the test harness asked for")


class Faults:
    """The layer."""

    def __init__(self, application: WSGIApplication, plan: FaultPlan) -> None:
        self._application, self._plan = application, plan

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        fault = self._plan.fault_of(environ)
        if fault is None:
            return self._application(environ, start_response)
        time.sleep(fault.delay)
        if fault.closes:
            if _SOCKET in environ:
                environ[_SOCKET].shutdown(socket.SHUT_RDWR)
            start_response("200 OK", list(CONTRADICTION))
            return BrokenAnswer()
        status, headers = "", Headers()

        def start(line: str, fields: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status, headers
            status, headers = line, Headers(fields)

        content = b"".join(self._answer(fault, environ, start))
        if fault.media_type is not None:
            headers["Content-Type"] = fault.media_type
        if fault.cut is not None and fault.cut < len(content):
            content = content[: fault.cut]
            headers["Connection"] = "close"
        start_response(status, list(headers))
        return [content]

    def _answer(self, fault: Fault, environ: WSGIEnvironment, start: Any) -> Iterable[bytes]:
        if fault.status is None:
            return self._application(environ, start)
        retry = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        refused = RefusedError(fault.status, issues.fault_asked_for(fault.status), retry)
        return write_failure(refused, environ, start)
