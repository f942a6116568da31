"""Prepared requests: a WSGI layer that answers a request like an earlier one without the application.

Most requests differ from an earlier one in a code alone. The application reads their common part (release,
media type, languages, all other parameters) once, and it is kept as a ``PreparedRequest``; of the following
requests only the values that vary are read. No answer is kept: the operation runs each time, on the current
content.

The key of a prepared request has all that an answer may depend on: the path, the address of the service
(``addresses.PARTS``: a location of a resource begins with it), the rights of the user, the headers in
``wire.request_headers.EFFECTIVE``,
and every parameter of the URL and the body, without the values of those that vary (``Parameter.varies`` in THE
TABLE). A request that cannot be read in this way goes to the application. So does one for which the operation
raises ``TerminologyError``: the application writes the OperationOutcome. Any other exception is for the layer outside.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus, unquote_to_bytes

import orjson

from terminology.catalogue.protocol import Catalogue
from terminology.core import budget
from terminology.core.cache import RecentValues, size_of
from terminology.core.errors import TerminologyError
from terminology.http.addresses import PARTS
from terminology.http.authentication import RIGHTS
from terminology.http.media import JSON
from terminology.http.targets import RELEASE
from terminology.operations.limits import LONGEST_CODE
from terminology.settings import Settings
from terminology.wire import json
from terminology.wire.operation import PreparedRequest
from terminology.wire.operation_table import OPERATIONS
from terminology.wire.parameters import READERS, Argument, Parameter, named
from terminology.wire.request_headers import EFFECTIVE

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
_TEXTS = ("code", "string")
# The JSON types of the values in a plain body that are not objects.
_SIMPLE = (str, bool, int)

# A value that varies: a text of the URL, still encoded, or a node of the body.
Value = str | Mapping[str, Any]
# A field of the request, and the function that reads its value. There is no field for an unknown parameter.
FieldReader = tuple[str | None, Callable[[Value], Any]]


@dataclass(slots=True)
class SharedRequest:
    """A request that may share a prepared one.

    ``key`` is the part that it has in common with others; ``values`` are those of its parameters ``names``.
    """

    key: tuple[Hashable, ...]
    names: list[str]
    values: list[Value]


def varying_names() -> frozenset[str]:
    """The names of the parameters whose values vary."""
    rows = (row for operation in OPERATIONS.values() for row in operation.parameters if row.varies)
    return frozenset(name for row in rows for name in row.names)


class PreparedRequests:
    """The layer. ``catalogue`` returns the current content. For use by several threads."""

    def __init__(
        self, application: WSGIApplication, catalogue: Callable[[], Catalogue], settings: Settings
    ) -> None:
        self.application = application
        self._catalogue = catalogue
        self._longest_body = min(LONGEST_BODY, settings.largest_body)
        self._max_work, self._deadline = settings.max_work, settings.deadline
        self._varying = varying_names()
        self._keys_of_names = {name: (name,) for name in self._varying}
        self._prepared: RecentValues[tuple[PreparedRequest, list[FieldReader]]] = RecentValues(
            ROOM, _bytes_of_texts
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = self.read(environ)
        if request is None:
            return self.application(environ, start_response)
        # The application, if it has to answer after all, shares the budget.
        token = budget.open_new(budget.Budget(self._max_work, self._deadline))
        try:
            prepared = self._prepared.find(request.key)
            content = None if prepared is None else self._answer(*prepared, request.values)
            if prepared is not None and content is not None:
                environ[RELEASE] = prepared[0].release.name
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
        names: list[str] = []
        values: list[Value] = []
        key: list[Hashable] = [method, environ["PATH_INFO"], *map(environ.get, _PARTS)]
        keys_of_names = self._keys_of_names
        for step in query.split("&"):
            name, _, value = step.partition("=")
            if name in keys_of_names:
                key.append(keys_of_names[name])
                names.append(name)
                values.append(value)
            else:
                key.append(step)
        if method == "POST":
            body = _body(environ, self._longest_body)
            if body is None or not self._read_body(body, key, names, values):
                return None
        return SharedRequest(tuple(key), names, values) if names else None

    def _read_body(self, content: bytes, key: list[Hashable], names: list[str], values: list[Value]) -> bool:
        """Add the parameters of a body to these lists; false for a body that is not plain.

        A plain body is a Parameters resource of texts, booleans, whole numbers and Codings without a duplicate
        key. ``orjson`` takes the last of two equal keys, but then the text has more strings than the
        document; and a text without escapes has two quotes for each string.
        """
        nodes = _nodes(content)
        strings = 3  # "resourceType", "Parameters", "parameter"
        for node in nodes or ():
            parameter = _plain(node)
            if parameter is None:
                return False
            name, value_key, value, strings_of_value = parameter
            strings += 3 + strings_of_value
            kind = type(value)
            if name in self._varying and (kind is str or kind is dict):
                key.append((name, value_key))
                names.append(name)
                values.append(node)
            elif kind is dict:
                return False
            else:
                key.append((name, value_key, kind, value))
        return nodes is not None and content.count(b'"') == 2 * strings

    # -- answers

    def _answer(
        self, prepared: PreparedRequest, readers: list[FieldReader], values: list[Value]
    ) -> bytes | None:
        """The answer as JSON, or None where the application has to give it."""
        fields = dict(prepared.fields)
        try:
            for (field, read), value in zip(readers, values, strict=True):
                content = read(value)
                if not content:
                    return None
                if field is not None:
                    fields[field] = content
            catalogue = self._catalogue().for_fhir(prepared.release.version)
            return json.write(prepared.answer(catalogue, fields))
        except TerminologyError:
            return None

    def _keep(self, request: SharedRequest, prepared: PreparedRequest) -> None:
        readers = _field_readers(request, prepared)
        if readers is None:
            return
        self._prepared.put(request.key, (prepared, readers))


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


def _plain(node: Any) -> tuple[str, str, Any, int] | None:
    """The name of a parameter, the key of its value, the value and the number of strings in it.

    None if it has anything else, or another value than a text, boolean, whole number or Coding.
    """
    if type(node) is not dict or len(node) != 2:
        return None
    (first, name), (value_key, value) = node.items()
    if first != "name":
        first, name, value_key, value = value_key, value, first, name
    if first != "name" or type(name) is not str or value_key[:5] != "value":
        return None
    kind = type(value)
    if kind is dict:
        is_plain = all(type(part) is str for part in value.values())
        return (name, value_key, value, 2 * len(value)) if is_plain else None
    return (name, value_key, value, 1 if kind is str else 0) if kind in _SIMPLE else None


def _text(value: Value) -> str | None:
    """The text of a value; None if it is not one, or may be too long."""
    if isinstance(value, str):
        if len(value) > LONGEST_CODE:
            return None
        if "%" in value or "+" in value:
            # As ``unquote_plus``, which takes the letters beyond ASCII out first: a query has none.
            value = unquote_to_bytes(value.replace("+", " ")).decode(errors="replace")
        return value.strip()
    text = next(value[key] for key in value if key != "name")
    return text.strip() if isinstance(text, str) and len(text) <= LONGEST_CODE else None


def _reader(row: Parameter) -> Callable[[Value], Any]:
    reader, name = READERS[row.type], row.names[0]

    def read(value: Value) -> Any:
        return reader(Argument(name, unquote_plus(value) if isinstance(value, str) else value, name))

    return read


def _field_readers(request: SharedRequest, prepared: PreparedRequest) -> list[FieldReader] | None:
    """The readers of the varying values, in their order.

    None where a parameter does not vary in this operation, or another value fills the same field.
    """
    known = named(tuple(prepared.operation.parameters))
    rows = [known.get(name) for name in request.names]
    others = [known.get(name.casefold()) for name in _other_names(request.key)]
    filled = [row.field for row in (*rows, *others) if row is not None]
    readers: list[FieldReader] = []
    for row in rows:
        if row is None:
            readers.append((None, _text))
        elif not row.varies or filled.count(row.field) > 1:
            return None
        else:
            readers.append((row.field, _text if row.type in _TEXTS else _reader(row)))
    return readers


def _other_names(key: tuple[Hashable, ...]) -> Iterable[str]:
    """The names of the parameters whose values are part of the key."""
    for part in key[2 + len(_PARTS) :]:
        if isinstance(part, str):
            yield unquote_plus(part.partition("=")[0])
        elif isinstance(part, tuple) and len(part) == 4:
            yield str(part[0])
