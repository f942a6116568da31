"""Prepared requests: a WSGI layer that answers a request like an earlier one without the application.

Most requests differ from an earlier one in a code alone. What they have in common (release, media type,
languages, all other parameters) is read once, by the application, and kept as a ``PreparedRequest``; of those
that follow only the values that vary are read. No answer is kept: the operation is run each time, on the
content of the moment.

The key of a prepared request has all that an answer may depend on: the path, the headers in
``wire.headers.EFFECTIVE``, and every parameter of the URL and the body, but for the values of the parameters
that THE TABLE says vary. A request that cannot be read so goes to the application, and so does one for which
the operation raises ``TerminologyError``: the application writes the OperationOutcome. Any other exception is
for the layer outside.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import orjson

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import TerminologyError
from terminology.http.media import JSON
from terminology.wire import json
from terminology.wire.headers import EFFECTIVE
from terminology.wire.operation import PreparedRequest
from terminology.wire.operations import OPERATIONS
from terminology.wire.parameters import READERS, Argument, Parameter, named

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Where in the environment the application puts a request that was prepared.
PREPARED = "terminology.prepared"
# How many prepared requests are kept.
ROOM = 1_000
# The longest body that is looked at here, in bytes.
LONGEST_BODY = 16_384
_HEADERS = tuple(header.wsgi_name for header in EFFECTIVE)
_TEXTS = ("code", "string")
# The JSON types of the values in a plain body.
_PLAIN = (str, bool, int, dict)

# A value that varies: a text of the URL, still encoded, or a node of the body.
Value = str | Mapping[str, Any]


@dataclass(slots=True)
class SharedRequest:
    """A request: what it has in common with others (``key``), and its own values with the names of their
    parameters.
    """

    key: tuple[Hashable, ...]
    names: list[str]
    values: list[Value]


def varying_names() -> frozenset[str]:
    """The names of the parameters whose values vary."""
    rows = (row for operation in OPERATIONS.values() for row in operation.parameters if row.varies)
    return frozenset(name for row in rows for name in row.names)


class PreparedRequests:
    """The layer. ``catalogue`` gives the content of the moment. For use by several threads."""

    def __init__(
        self, application: WSGIApplication, catalogue: Callable[[], Catalogue], largest_body: int
    ) -> None:
        self.application = application
        self._catalogue = catalogue
        self._longest_body = min(LONGEST_BODY, largest_body)
        self._varying = varying_names()
        self._prepared: dict[Hashable, tuple[PreparedRequest, list[Parameter | None]]] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = self.read(environ)
        if request is None:
            return self.application(environ, start_response)
        prepared = self._prepared.get(request.key)
        content = None if prepared is None else self._answer(*prepared, request.values)
        if content is not None:
            length = str(len(content))
            start_response("200 OK", [("Content-Type", f"{JSON}; charset=utf-8"), ("Content-Length", length)])
            return [content]
        response = self.application(environ, start_response)
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
        key: list[Hashable] = [method, environ["PATH_INFO"], *map(environ.get, _HEADERS)]
        for step in query.split("&"):
            name, _, value = step.partition("=")
            if name in self._varying:
                key.append((name,))
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

        A plain body is a Parameters resource of texts, booleans, whole numbers and Codings in which no key
        stands twice. ``orjson`` takes the last of two equal keys, but then the text has more strings than the
        document; and a text without escapes has two quotes for each string.
        """
        if b"\\" in content:
            return False
        try:
            document = orjson.loads(content)
            nodes, type_ = document["parameter"], document["resourceType"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return False
        if type_ != "Parameters" or len(document) != 2 or type(nodes) is not list:
            return False
        strings = 3  # "resourceType", "Parameters", "parameter"
        for node in nodes:
            if type(node) is not dict or len(node) != 2:
                return False
            (first, name), (value_key, value) = node.items()
            if first != "name":
                first, name, value_key, value = value_key, value, first, name
            kind = type(value)
            if first != "name" or type(name) is not str or value_key[:5] != "value" or kind not in _PLAIN:
                return False
            strings += 3
            if kind is dict:
                if not all(type(part) is str for part in value.values()):
                    return False
                strings += 2 * len(value)
            elif kind is str:
                strings += 1
            if name in self._varying and (kind is str or kind is dict):
                key.append((name, value_key))
                names.append(name)
                values.append(node)
            elif kind is dict:
                return False
            else:
                key.append((name, value_key, kind, value))
        return content.count(b'"') == 2 * strings

    # -- answers

    def _answer(
        self, prepared: PreparedRequest, rows: list[Parameter | None], values: list[Value]
    ) -> bytes | None:
        """The answer as JSON, or None where the application has to give it."""
        fields = dict(prepared.fields)
        try:
            for row, value in zip(rows, values, strict=True):
                read = _text(value) if row is None or row.type in _TEXTS else _read(row, value)
                if not read:
                    return None
                if row is not None:
                    fields[row.field] = read
            catalogue = self._catalogue().for_fhir(prepared.release.version)
            return json.write(prepared.answer(catalogue, fields))
        except TerminologyError:
            return None

    def _keep(self, request: SharedRequest, prepared: PreparedRequest) -> None:
        rows = _rows(request, prepared)
        if rows is None:
            return
        if len(self._prepared) >= ROOM:
            self._prepared.clear()
        self._prepared[request.key] = prepared, rows


def _body(environ: WSGIEnvironment, longest: int) -> bytes | None:
    """The body, unless it is too long or of unknown length."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        return None
    length = int(text)
    if not 0 < length <= longest:
        return None
    content: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = BytesIO(content)
    return content if len(content) == length else None


def _text(value: Value) -> str | None:
    """The text of a value; None if it is not one."""
    if isinstance(value, str):
        return (unquote_plus(value) if "%" in value or "+" in value else value).strip()
    text = next(value[key] for key in value if key != "name")
    return text.strip() if isinstance(text, str) else None


def _read(row: Parameter, value: Value) -> Any:
    argument = unquote_plus(value) if isinstance(value, str) else value
    return READERS[row.type](Argument(row.names[0], argument, row.names[0]))


def _rows(request: SharedRequest, prepared: PreparedRequest) -> list[Parameter | None] | None:
    """The parameters that the varying values belong to, in their order; None for a name that has none.

    None for all where a parameter does not vary in this operation, or another value fills the same field.
    """
    known = named(tuple(prepared.operation.parameters))
    rows = [known.get(name) for name in request.names]
    if any(row is not None and not row.varies for row in rows):
        return None
    others = (known.get(name.casefold()) for name in _other_names(request.key))
    filled = [row.field for row in (*rows, *others) if row is not None]
    if any(row is not None and filled.count(row.field) > 1 for row in rows):
        return None
    return rows


def _other_names(key: tuple[Hashable, ...]) -> Iterable[str]:
    """The names of the parameters whose values are part of the key."""
    for part in key[2 + len(_HEADERS) :]:
        if isinstance(part, str):
            yield unquote_plus(part.partition("=")[0])
        elif isinstance(part, tuple) and len(part) == 4:
            yield str(part[0])
