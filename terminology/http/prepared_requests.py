"""Prepared requests: a WSGI layer that answers a request like an earlier one without the application.

Most requests differ from an earlier one in a code alone (``wire.shared_requests``). The application reads their
common part once. No answer is kept: the operation runs each time, on the current content. The CapabilityStatement is
kept as bytes, until there is other content.

The key of a prepared request has all that an answer may depend on: the path, the address of the service
(``addresses.PARTS``: a location of a resource begins with it), the rights of the user, the headers in
``wire.request_headers.EFFECTIVE``, and the parameters of the URL and the body. A request that cannot be read in this
way goes to the application. One that has no answer, such as one for an unknown code, gets the OperationOutcome that
the application would write.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import ref

import orjson
from werkzeug.http import HTTP_STATUS_CODES

from terminology.catalogue.protocol import Catalogue
from terminology.core import budget
from terminology.core.cache import Cache, RecentValues, size_of
from terminology.http.addresses import PARTS
from terminology.http.authentication import RIGHTS
from terminology.http.bodies import peeked
from terminology.http.common_headers import REQUEST_ID
from terminology.http.media import content_type_of, written
from terminology.http.targets import RELEASE
from terminology.settings import Settings
from terminology.wire import plain_xml
from terminology.wire.exchange import Response
from terminology.wire.failures import failure
from terminology.wire.operation import PreparedRequest
from terminology.wire.request_headers import EFFECTIVE
from terminology.wire.shared_requests import SharedRequest, VariedRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Where in the environment the application puts a request that was prepared, with the media type of the answer.
PREPARED = "terminology.prepared"
# Where it puts the body of an answer that is the same as long as the content is.
LASTING = "terminology.lasting"
_METADATA = "/metadata"
# The path of an operation has it.
_OPERATION = "/$"
# The bytes of such bodies, with the keys of their requests.
_ROOM_OF_BODIES = 500_000
# How many prepared requests are kept at least; at most twice as many.
ROOM = 1_000
# The longest body that is read here, in bytes.
LONGEST_BODY = 16_384
# The parts of the environment, besides the method and the path, that the answer may depend on.
_PARTS = tuple(dict.fromkeys((*PARTS, RIGHTS, *(header.wsgi_name for header in EFFECTIVE))))


@dataclass(slots=True)
class _CommonPart:
    """What requests with the same key have in common, and the media type of their answers."""

    varied: VariedRequest
    media: str
    content_type: str


@dataclass(slots=True)
class _LastingAnswer:
    """An answer, and the content from which it was made. It does not hold that content in the memory."""

    content: ref[Catalogue]
    release: str
    headers: list[tuple[str, str]]
    body: bytes


class PreparedRequests:
    """The layer. ``catalogue`` returns the current content. For use by several threads."""

    def __init__(
        self, application: WSGIApplication, catalogue: Callable[[], Catalogue], settings: Settings
    ) -> None:
        self.application = application
        self._catalogue = catalogue
        self._longest_body = min(LONGEST_BODY, settings.largest_body)
        self._max_work, self._deadline = settings.max_work, settings.deadline
        self._prepared: RecentValues[_CommonPart] = RecentValues(ROOM, _bytes_of_texts)
        self._lasting: Cache[_LastingAnswer] = Cache(_ROOM_OF_BODIES, lambda answer: len(answer.body) + 500)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = self.read(environ)
        if request is None:
            return self.application(environ, start_response)
        if environ["PATH_INFO"].endswith(_METADATA):
            return self._lasting_answer(environ, start_response, request.key)
        # The application, if it has to answer after all, shares the budget.
        token = budget.open_new(budget.Budget(self._max_work, self._deadline))
        try:
            common = self._prepared.find(request.key)
            answer = None if common is None else self._answer(environ, common, request)
            if common is not None and answer is not None:
                return _send(environ, start_response, common, answer)
            response = self.application(environ, start_response)
        finally:
            budget.close(token)
        if PREPARED in environ:
            self._keep(request, *environ[PREPARED])
        return response

    # -- requests

    def read(self, environ: WSGIEnvironment) -> SharedRequest | None:
        """The request, if it may share a prepared one. A body that was read can be read again."""
        query, method = environ.get("QUERY_STRING", ""), environ["REQUEST_METHOD"]
        if method not in ("GET", "POST") or not query.isascii():
            return None
        body = peeked(environ, self._longest_body) if method == "POST" else b""
        if body is None:
            return None
        is_xml = body[:1] == b"<"
        request = SharedRequest([(method, environ["PATH_INFO"], is_xml, *map(environ.get, _PARTS))])
        if query:
            request.add_query(query)
        if body:
            read = _read_xml if is_xml else _read_json
            if not read(body, request):
                return None
        path = environ["PATH_INFO"]
        is_metadata = method == "GET" and path.endswith(_METADATA)
        is_asked_again = not request.names if is_metadata else _OPERATION in path
        return request if is_asked_again else None

    # -- answers

    def _answer(
        self, environ: WSGIEnvironment, common: _CommonPart, request: SharedRequest
    ) -> Response | None:
        """The answer, or None where the application has to give it. An exception is one, as ``rest.respond`` has it."""
        varied = common.varied
        try:
            content, view = self._catalogue(), varied.prepared.view
            if view is not None:
                content = view.of(content)
            document = varied.answer(content.for_fhir(varied.prepared.release.version), request.values)
        except Exception as error:
            return failure(error, environ[REQUEST_ID], f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        return None if document is None else Response(200, document)

    def _lasting_answer(
        self, environ: WSGIEnvironment, start_response: StartResponse, key: Hashable
    ) -> Iterable[bytes]:
        """The answer to a request without parameters that vary: as it was, if the content is still the same."""
        content = self._catalogue()
        answer = self._lasting.find(key)
        if answer is not None and answer.content() is content:
            environ[RELEASE] = answer.release
            start_response("200 OK", list(answer.headers))
            return [answer.body]

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if LASTING in environ:
                body = environ[LASTING]
                self._lasting.put(key, _LastingAnswer(ref(content), environ[RELEASE], list(headers), body))
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        return self.application(environ, start)

    def _keep(self, request: SharedRequest, prepared: PreparedRequest, media: str) -> None:
        varied = VariedRequest.of(request, prepared)
        if varied is not None:
            self._prepared.put(request.key, _CommonPart(varied, media, content_type_of(media)))


def _send(
    environ: WSGIEnvironment, start_response: StartResponse, common: _CommonPart, answer: Response
) -> list[bytes]:
    release, status = common.varied.prepared.release, answer.status
    environ[RELEASE] = release.name
    content = written(answer.resource or {}, common.media, release)
    headers = [
        *answer.headers.items(),
        ("Content-Type", common.content_type),
        ("Content-Length", str(len(content))),
    ]
    start_response("200 OK" if status == 200 else f"{status} {HTTP_STATUS_CODES[status].upper()}", headers)
    return [content]


def _read_xml(content: bytes, request: SharedRequest) -> bool:
    """Add the parameters of a body in XML to a request; false for a body that is not plain."""
    nodes = plain_xml.parameters_of(content)
    return nodes is not None and request.add_nodes(nodes) is not None


def _read_json(content: bytes, request: SharedRequest) -> bool:
    """The same for one in JSON.

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
