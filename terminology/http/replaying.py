"""A recording sent to a server again: which answers differ, and where."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import islice
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from terminology.core.errors import SettingError, reason_of
from terminology.http.recording import RecordedExchange
from terminology.http.targets import ROOT
from terminology.wire.request_headers import RequestHeader

# Seconds for which an answer may be awaited.
PATIENCE = 120
# So many differences of one answer are told.
MOST = 10
_JSON = "json"


@dataclass(slots=True)
class AnswerDifference:
    """Two answers differ at a ``place``: the status, the body, or an element of it. None: there is no such element."""

    place: str
    recorded: Any
    replayed: Any


@dataclass(slots=True)
class ReplayedExchange:
    """A request that was sent again, with its number in the recording and the differences of its answers."""

    number: int
    recorded: RecordedExchange
    differences: list[AnswerDifference] = field(default_factory=list)


def replay(
    exchanges: Iterable[RecordedExchange],
    server: str,
    ignored: Iterable[str] = (),
    authorization: str = "",
) -> Iterator[ReplayedExchange]:
    """Send each request to a server, whose URL is that of ``/fhir``, one after the other.

    ``ignored`` are names of elements whose values may differ, at any depth. The URL of the recorded server stands for
    that of this one, in requests and answers. A header tells a test harness of this package that it is a replay, which
    it does not record, and for which it counts the calls of faults anew.

    Raises SettingError for a server that cannot be reached.
    """
    parts = urlsplit(server.rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(f"{server!r} is not the URL of a server, such as http://127.0.0.1:8080/fhir")
    root = parts.path or ROOT
    base = f"{parts.scheme}://{parts.netloc}{root}"
    names = frozenset(ignored)
    connection = _connection(parts.scheme, parts.hostname, parts.port)
    try:
        connection.connect()
    except OSError as problem:
        raise SettingError(f"{server} cannot be reached: {reason_of(problem)}") from None
    further = {RequestHeader.REPLAY.value: secrets.token_hex(8)}
    if authorization:
        further[RequestHeader.AUTHORIZATION.value] = authorization
    for number, exchange in enumerate(exchanges, 1):
        replayed = ReplayedExchange(number, exchange)
        try:
            status, media, content = _sent(connection, exchange, root, base, further)
        except (OSError, HTTPException) as problem:
            connection.close()
            replayed.differences.append(
                AnswerDifference("connection", exchange.status, str(problem) or "it ended")
            )
        else:
            if status != exchange.status:
                replayed.differences.append(AnswerDifference("status", exchange.status, status))
            before = _moved(exchange.answer, exchange.base, base)
            replayed.differences += islice(_differences(before, content, media, names), MOST)
        yield replayed
    connection.close()


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, port, timeout=PATIENCE, context=ssl.create_default_context())
    return HTTPConnection(host, port, timeout=PATIENCE)


def _sent(
    connection: HTTPConnection, exchange: RecordedExchange, root: str, base: str, further: dict[str, str]
) -> tuple[int, str, bytes]:
    """The status, media type and body of the answer to a request."""
    path = exchange.path
    if path == ROOT or path.startswith(f"{ROOT}/"):
        path = root + path[len(ROOT) :]
    target = f"{_quoted(path)}?{exchange.query}" if exchange.query else _quoted(path)
    body = _moved(exchange.body, exchange.base, base)
    headers = exchange.headers | further | {"Accept-Encoding": "identity"}
    connection.request(exchange.method, target, body or None, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers.get("Content-Type", ""), answer.read()


def _quoted(path: str) -> str:
    """A path of WSGI, each character of which stands for a byte, as it stands in a request."""
    return quote(path.encode("latin-1"), safe="!$&'()*+,/:;=@~")


def _moved(content: bytes, before: str, now: str) -> bytes:
    return content.replace(before.encode(), now.encode()) if before else content


def _differences(
    before: bytes, now: bytes, media: str, ignored: frozenset[str]
) -> Iterator[AnswerDifference]:
    if before == now:
        return
    if _JSON in media:
        try:
            yield from _between(orjson.loads(before), orjson.loads(now), "", ignored)
            return
        except orjson.JSONDecodeError:
            pass
    yield AnswerDifference("body", before.decode(errors="replace"), now.decode(errors="replace"))


def _between(before: Any, now: Any, place: str, ignored: frozenset[str]) -> Iterator[AnswerDifference]:
    """The places at which two documents differ, in the order of the first."""
    if isinstance(before, dict) and isinstance(now, dict):
        start = place or str(before.get("resourceType", ""))
        for name in dict.fromkeys([*before, *now]):
            if name not in ignored:
                inner = f"{start}.{name}" if start else name
                yield from _between(before.get(name), now.get(name), inner, ignored)
    elif isinstance(before, list) and isinstance(now, list):
        for index in range(max(len(before), len(now))):
            old, new = (items[index] if index < len(items) else None for items in (before, now))
            yield from _between(old, new, f"{place}[{index}]", ignored)
    elif before != now or type(before) is not type(now):
        yield AnswerDifference(place, before, now)
