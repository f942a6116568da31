"""The outermost WSGI layer: the id of a request, the headers of every answer, and a response to any other error.

Further layers (limits, authentication, metrics, an access log) belong outside this one or between this one and
``PreparedRequests``: there they see every request, and each answer is as fast as without them. A header of one kind
of answer (ETag, Location) comes with its ``Response``, in ``wire/rest.py`` and ``wire/changes.py``. Requests that are
refused before the application (``granian_server``) pass through this layer, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from terminology.core.new_ids import new_name
from terminology.http.addresses import is_page_of_this_machine
from terminology.http.media import JSON
from terminology.settings import Settings
from terminology.wire import json
from terminology.wire.failures import failure
from terminology.wire.request_headers import RequestHeader

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The keys of the request id, and of the status line of the answer, in the WSGI environment.
REQUEST_ID, STATUS = "terminology.request_id", "terminology.status"
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_ID_HEADER = RequestHeader.REQUEST_ID.wsgi_name
_ALLOWED_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
# Headers of browser libraries, which are not read here.
_OTHER_HEADERS = ("Cache-Control", "X-Medplum", "X-Requested-With")
_ALLOWED_HEADERS = ", ".join(sorted({*(header.value for header in RequestHeader), *_OTHER_HEADERS}))
_EXPOSED_HEADERS = (
    "Allow, Content-Location, ETag, Last-Modified, Link, Location, Retry-After, Warning, X-Request-Id, "
    "X-Terminology-Harness, X-Terminology-Upstream"
)
_VARY = "Accept, Accept-Language, Origin"
_VARY_COMPRESSED = "Accept, Accept-Encoding, Accept-Language, Origin"
_DAY = "86400"
_PREFLIGHT = (
    ("Access-Control-Allow-Methods", _ALLOWED_METHODS),
    ("Access-Control-Allow-Headers", _ALLOWED_HEADERS),
    ("Access-Control-Max-Age", _DAY),
)


class CommonHeaders:
    """The layer."""

    def __init__(
        self, application: WSGIApplication, settings: Settings, further: Sequence[tuple[str, str]] = ()
    ) -> None:
        """``further`` are headers of every answer of this service."""
        self.application = application
        origin = settings.cors_origin
        vary = _VARY_COMPRESSED if settings.compression else _VARY
        self._is_private = settings.auth is not None
        self._vary = "Vary", f"{vary}, Authorization, X-API-Key" if self._is_private else vary
        self._own = [self._vary, *further]
        self._headers = [*self._own, *(_cors(origin) if origin else ())]
        self._allows_any = origin == "*"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request_id = environ[REQUEST_ID] = _request_id(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            environ[STATUS] = status
            headers.append(("X-Request-Id", request_id))  # PEP 3333: the list is the server's to change
            if self._is_private and all(name != "Cache-Control" for name, _ in headers):
                headers.append(
                    ("Cache-Control", "private")
                )  # it depends on the user: caches that users share keep none
            origin = environ.get("HTTP_ORIGIN")
            if origin is None or self._allows_any or not is_page_of_this_machine(origin):
                headers += self._headers
            else:
                headers += [*self._own, *_cors(origin)]
            if environ["REQUEST_METHOD"] == "OPTIONS":
                headers += _PREFLIGHT
            if exc_info is None:
                return start_response(status, headers)
            return start_response(status, headers, exc_info)

        try:
            return self.application(environ, start)
        except Exception as error:
            return write_failure(error, environ, start)


def _cors(origin: str) -> list[tuple[str, str]]:
    """The headers that let pages of an origin read the answer."""
    return [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", _EXPOSED_HEADERS),
    ]


def _request_id(environ: WSGIEnvironment) -> str:
    """The id that the client sent, if it is safe in a header and a log, or else a new one."""
    sent = environ.get(_ID_HEADER, "")
    return sent if sent and _REQUEST_ID.fullmatch(sent) else new_name()


def write_failure(error: Exception, environ: WSGIEnvironment, start: Any) -> list[bytes]:
    """An error that the application did not see, as an OperationOutcome in JSON."""
    place = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    response = failure(error, environ[REQUEST_ID], place)
    content = json.write(response.resource)
    headers = [("Content-Type", f"{JSON}; charset=utf-8"), ("Content-Length", str(len(content)))]
    start(_status_line(response.status), [*headers, *response.headers.items()])
    return [content]


def _status_line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
