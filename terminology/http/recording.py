"""The recorder of a test harness: requests with their answers, a line of JSON for each, without credentials.

A line has the codes and texts that somebody asked about. ``replaying`` sends recorded requests to a server again.
"""

from __future__ import annotations

import base64
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import orjson

from terminology.core.errors import RefusedError, SettingError, UnreadableFileError, reason_of
from terminology.http.addresses import address_of
from terminology.http.bodies import peeked
from terminology.http.faults import BrokenAnswer
from terminology.http.targets import ROOT, without_credentials
from terminology.wire.request_headers import RequestHeader, from_wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Headers that are never recorded: credentials, and the name that the service was asked under.
UNRECORDED = frozenset({RequestHeader.AUTHORIZATION, RequestHeader.API_KEY, RequestHeader.HOST})

log = logging.getLogger("terminology")


@dataclass(slots=True)
class RecordedExchange:
    """A request with its answer. ``path`` begins with ``/fhir``; ``base`` is the URL of that in texts of both."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""
    base: str = ""

    def line(self) -> bytes:
        """The line of a file, with its end."""
        request = {"method": self.method, "path": self.path, "query": self.query, "headers": self.headers}
        response = {"status": self.status, "headers": self.answer_headers, **_written(self.answer)}
        document = {"base": self.base, "request": request | _written(self.body), "response": response}
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def read(cls, line: bytes) -> RecordedExchange:
        """The exchange of a line. Raises ValueError for any other text."""
        try:
            document = orjson.loads(line)
            request, response = document["request"], document["response"]
            return cls(
                str(request["method"]),
                str(request["path"]),
                str(request["query"]),
                _texts(request["headers"]),
                _read(request),
                int(response["status"]),
                _texts(response["headers"]),
                _read(response),
                str(document["base"]),
            )
        except (KeyError, TypeError, AttributeError) as problem:
            raise ValueError(problem) from None


def _texts(node: dict[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in node.items()}


def _written(content: bytes) -> dict[str, str]:
    """A body as a text, or in base64 where it is none."""
    try:
        return {"body": content.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _read(node: dict[str, Any]) -> bytes:
    return base64.b64decode(node["base64"]) if "base64" in node else str(node["body"]).encode()


def read_recording(path: Path) -> Iterator[RecordedExchange]:
    """The exchanges that a file has when it is opened, in its order. Raises UnreadableFileError.

    The file may grow meanwhile: the server that the exchanges are sent to again may be the one that records.
    """
    try:
        with path.open("rb") as lines:
            rest = os.fstat(lines.fileno()).st_size
            for number, line in enumerate(lines, 1):
                if rest <= 0:
                    return
                rest -= len(line)
                if line.strip():
                    try:
                        yield RecordedExchange.read(line)
                    except ValueError:
                        raise UnreadableFileError(
                            f"{path}: line {number} is not a recorded exchange"
                        ) from None
    except OSError as error:
        raise UnreadableFileError(f"{path}: cannot be read: {reason_of(error)}") from None


class Recording:
    """The file, of at most ``most`` bytes. For use by several threads.

    What does not fit in is left out, and what cannot be written is lost: the log says so once, and the client gets its
    answer.
    """

    def __init__(self, path: Path, most: int) -> None:
        """Raises SettingError for a file that cannot be written. One that is there is continued."""
        self._path, self._most = path, most
        self._lock = Lock()
        self._has_warned = False
        try:
            os.close(self._open())
        except OSError as problem:
            reason = f"{path} cannot be written: {problem.strerror}"
            raise SettingError(f"'harness_recording': {reason}") from None

    def add(self, exchange: RecordedExchange) -> None:
        """Add an exchange."""
        line = exchange.line()
        with self._lock:
            try:
                file = self._open()
                try:
                    if os.fstat(file).st_size + len(line) > self._most:
                        self._warn(f"has no room in {self._most:,} bytes (harness_recording_size)")
                        return
                    while line:
                        line = line[os.write(file, line) :]
                finally:
                    os.close(file)
            except OSError as problem:
                self._warn(f"cannot be written: {problem.strerror}")

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _warn(self, reason: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            log.error("the recording %s lacks an exchange, which %s", self._path, reason)


class Recorder:
    """The layer, around all that answers. ``base`` is the URL of ``/fhir``, empty for that of each request.

    Requests of a replay are not recorded: the file may be the one that is replayed.
    """

    def __init__(
        self, application: WSGIApplication, recording: Recording, largest_body: int, base: str = ""
    ) -> None:
        self._application, self._recording = application, recording
        self._largest_body, self._base = largest_body, base

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if RequestHeader.REPLAY.wsgi_name in environ:
            return self._application(environ, start_response)
        method, path, query = environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        body, headers = received(environ, self._largest_body), from_wsgi(environ)
        status, answer_headers = "", list[tuple[str, str]]()

        def start(line: str, fields: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status, answer_headers
            status, answer_headers = line, fields
            return start_response(line, fields)

        pieces = self._application(environ, start)
        if isinstance(pieces, BrokenAnswer):
            return pieces
        content = b"".join(pieces)
        self._recording.add(
            RecordedExchange(
                method,
                path,
                without_credentials(query),
                {header.value: value for header, value in headers.items() if header not in UNRECORDED},
                body,
                int(status[:3]),
                dict(answer_headers),
                content,
                self._base or _base_of(environ),
            )
        )
        return [content]


def received(environ: WSGIEnvironment, longest: int) -> bytes:
    """The body as it came, which can be read again; empty for one that is refused, or whose end nobody knows."""
    body = environ.get("wsgi.input")
    if isinstance(body, BytesIO) and not environ.get("CONTENT_LENGTH"):
        return body.getvalue()  # it came in chunks
    return peeked(environ, longest) or b""


def _base_of(environ: WSGIEnvironment) -> str:
    try:
        return address_of(environ) + ROOT
    except RefusedError:
        return ""
