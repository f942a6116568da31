"""Prepared requests: a WSGI layer that answers a request like an earlier one without the application.

Most requests differ from an earlier one in a code alone (``wire.shared_requests``). The application reads their
common part once. No answer is kept: the operation runs each time, on the current content.

The key of a prepared request has all that an answer may depend on: the path, the address of the service
(``addresses.PARTS``: a location of a resource begins with it), the rights of the user, the headers in
``wire.request_headers.EFFECTIVE``, and the parameters of the URL and the body. A request that cannot be read in this
way goes to the application. So does one for which the operation raises ``TerminologyError``: the application writes
the OperationOutcome. Any other exception is for the layer outside.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import orjson

from terminology.catalogue.protocol import Catalogue
from terminology.core import budget
from terminology.core.cache import RecentValues, size_of
from terminology.http.addresses import PARTS
from terminology.http.authentication import RIGHTS
from terminology.http.media import JSON
from terminology.http.targets import RELEASE
from terminology.settings import Settings
from terminology.wire import json
from terminology.wire.operation import PreparedRequest
from terminology.wire.request_headers import EFFECTIVE
from terminology.wire.shared_requests import SharedRequest, Value, VariedRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Where in the environment the application puts a request that was prepared.
PREPARED = "terminology.prepared"
# How many prepared requests are kept at least; at most twice as many.
ROOM = 1_000
# The longest body that is read here, in bytes.
LONGEST_BODY = 16_384
# The parts of the environment, besides the method and the path, that the answer may depend on.
_PARTS = tuple(dict.fromkeys((*PARTS, RIGHTS, *(header.wsgi_name for header in EFFECTIVE))))


class PreparedRequests:
    """The layer. ``catalogue`` returns the current content. For use by several threads."""

    def __init__(
        self, application: WSGIApplication, catalogue: Callable[[], Catalogue], settings: Settings
    ) -> None:
        self.application = application
        self._catalogue = catalogue
        self._longest_body = min(LONGEST_BODY, settings.largest_body)
        self._max_work, self._deadline = settings.max_work, settings.deadline
        self._prepared: RecentValues[VariedRequest] = RecentValues(ROOM, _bytes_of_texts)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = self.read(environ)
        if request is None:
            return self.application(environ, start_response)
        # The application, if it has to answer after all, shares the budget.
        token = budget.open_new(budget.Budget(self._max_work, self._deadline))
        try:
            varied = self._prepared.find(request.key)
            content = None if varied is None else self._answer(varied, request.values)
            if varied is not None and content is not None:
                environ[RELEASE] = varied.prepared.release.name
                length = str(len(content))
                headers = [("Content-Type", f"{JSON}; charset=utf-8"), ("Content-Length", length)]
                start_response("200 OK", headers)
                return [content]
            response = self.application(environ, start_response)
        finally:
            budget.close(token)
        if PREPARED in environ:
            self._keep(request, environ[PREPARED])
        return response

    # -- requests

    def read(self, environ: WSGIEnvironment) -> SharedRequest | None:
        """The request, if it may share a prepared one. A body that was read can be read again."""
        query, method = environ.get("QUERY_STRING", ""), environ["REQUEST_METHOD"]
        if method not in ("GET", "POST") or not query.isascii():
            return None
        request = SharedRequest([(method, environ["PATH_INFO"], *map(environ.get, _PARTS))])
        request.add_query(query)
        if method == "POST":
            body = _body(environ, self._longest_body)
            if body is None or not _read_body(body, request):
                return None
        return request if request.names else None

    # -- answers

    def _answer(self, varied: VariedRequest, values: Sequence[Value]) -> bytes | None:
        """The answer as JSON, or None where the application has to give it."""
        content, view = self._catalogue(), varied.prepared.view
        if view is not None:
            content = view.of(content)
        document = varied.answer(content.for_fhir(varied.prepared.release.version), values)
        return None if document is None else json.write(document)

    def _keep(self, request: SharedRequest, prepared: PreparedRequest) -> None:
        varied = VariedRequest.of(request, prepared)
        if varied is not None:
            self._prepared.put(request.key, varied)


def _read_body(content: bytes, request: SharedRequest) -> bool:
    """Add the parameters of a body to a request; false for a body that is not plain.

    A plain body is a Parameters resource of plain parameters without a duplicate key. ``orjson`` takes the last of
    two equal keys, but then the text has more strings than the document; and a text without escapes has two quotes
    for each string.
    """
    nodes = _nodes(content)
    strings = None if nodes is None else request.add_nodes(nodes)
    # The others: "resourceType", "Parameters", "parameter".
    return strings is not None and content.count(b'"') == 2 * (strings + 3)


def _bytes_of_texts(key: tuple[Hashable, ...], _: object) -> int:
    """About the bytes of a prepared request with its key: it has the texts of the key once more, as they were read."""
    return 2 * size_of(key)


def _body(environ: WSGIEnvironment, longest: int) -> bytes | None:
    """The body, unless it is too long or of unknown length."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        return None
    length = int(text)
    if not 0 < length <= longest:
        return None
    body = environ["wsgi.input"]
    content: bytes = body.read(length)
    if isinstance(body, BytesIO):
        body.seek(0)
    else:
        environ["wsgi.input"] = BytesIO(content)
    return content if len(content) == length else None


def _nodes(content: bytes) -> list[Any] | None:
    """The parameters of a Parameters resource that has nothing else; None for any other body."""
    if b"\\" in content:
        return None
    try:
        document = orjson.loads(content)
        nodes, type_ = document["parameter"], document["resourceType"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return nodes if type_ == "Parameters" and len(document) == 2 and type(nodes) is list else None
