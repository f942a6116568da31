"""Requests that differ in some values alone, so that they share a prepared one.

Most requests differ from an earlier one in a code alone. Their common part (release, media type, languages, all
other parameters) is read once, and is kept as a ``PreparedRequest``; of the following requests only the values that
vary are read (``Parameter.varies`` in ``operation_table``).

What two requests have in common is their key: it has all that an answer may depend on, but the values that vary. A
request that cannot be read in this way takes the long way. The first part of the key, of method, path and headers, is
made by ``http/prepared_requests.py``, and for the parts of a batch by ``bundle.py`` and ``many_requests.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import unquote_plus, unquote_to_bytes

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import TerminologyError, UndecidedError
from terminology.core.model import Document, Issue
from terminology.operations.limits import LONGEST_CODE
from terminology.wire.operation import PreparedRequest
from terminology.wire.operation_table import OPERATIONS
from terminology.wire.parameters import READERS, Argument, Parameter, named

_TEXTS = ("code", "string")
# The JSON types of the values in a plain body.
_PLAIN = (str, bool, int, dict)

# A value that varies: a text of the URL, still encoded, or a node of the body.
Value = str | Mapping[str, Any]
# A field of the request, and the function that reads its value. There is no field for an unknown parameter.
FieldReader = tuple[str | None, Callable[[Value], Any]]


@cache
def varying_names() -> Mapping[str, tuple[str]]:
    """The names of the parameters whose values vary, each with its part of the key of a URL."""
    rows = (row for operation in OPERATIONS.values() for row in operation.parameters if row.varies)
    return {name: (name,) for row in rows for name in row.names}


@dataclass(slots=True)
class SharedRequest:
    """A request that may share a prepared one.

    ``parts`` is what it has in common with others: the first one is all but the parameters. ``values`` are those of
    its parameters ``names``.
    """

    parts: list[Hashable]
    names: list[str] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)

    @property
    def key(self) -> tuple[Hashable, ...]:
        return tuple(self.parts)

    def add_query(self, query: str) -> None:
        """Add the parameters of a URL, as they are encoded."""
        varying, parts = varying_names(), self.parts
        for step in query.split("&"):
            name, _, value = step.partition("=")
            if name in varying:
                parts.append(varying[name])
                self.names.append(name)
                self.values.append(value)
            else:
                parts.append(step)

    def add_nodes(self, nodes: Iterable[Any]) -> int | None:
        """Add the parameters of a body, and return how many strings they have with their names.

        None if one is not plain: it has another value than a text, a boolean, a whole number or a Coding of texts.
        """
        varying, strings = varying_names(), 0
        for node in nodes:
            if type(node) is not dict or len(node) != 2 or "name" not in node:
                return None
            first, second = node
            value_key = second if first == "name" else first
            name, value = node["name"], node[value_key]
            kind = type(value)
            if type(name) is not str or value_key[:5] != "value" or kind not in _PLAIN:
                return None
            strings += 4 if kind is str else 3
            if kind is dict:
                strings += 2 * len(value)
                if name not in varying or not all(type(part) is str for part in value.values()):
                    return None
            if name in varying and kind is not bool:
                self.parts.append((name, value_key))
                self.names.append(name)
                self.values.append(node)
            else:
                self.parts.append((name, value_key, kind, value))
        return strings

    def other_names(self) -> Iterable[str]:
        """The names of the parameters whose values belong to the key."""
        for part in self.parts[1:]:
            if isinstance(part, str):
                yield unquote_plus(part.partition("=")[0])
            elif isinstance(part, tuple) and len(part) == 4:
                yield str(part[0])


@dataclass(slots=True)
class VariedRequest:
    """A prepared request, and the readers of the values that vary in the requests that share it."""

    prepared: PreparedRequest
    readers: Sequence[FieldReader]

    @classmethod
    def of(cls, request: SharedRequest, prepared: PreparedRequest) -> VariedRequest | None:
        """That of a request which was read as ``prepared``.

        None where a parameter does not vary in this operation, or another value fills the same field.
        """
        known = named(tuple(prepared.operation.parameters))
        rows = [known.get(name) for name in request.names]
        others = [known.get(name.casefold()) for name in request.other_names()]
        filled = [row.field for row in (*rows, *others) if row is not None]
        readers: list[FieldReader] = []
        for row in rows:
            if row is None:
                readers.append((None, _text))
            elif not row.varies or filled.count(row.field) > 1:
                return None
            else:
                readers.append((row.field, _text if row.type in _TEXTS else _reader(row)))
        varied = {field_ for field_, _ in readers}  # values of this one request, which may be long
        fields = {name: value for name, value in prepared.fields.items() if name not in varied}
        return cls(replace(prepared, fields=fields), readers)

    def answer(self, catalogue: Catalogue, values: Sequence[Value]) -> Document | None:
        """The answer with these values, or None where it takes the long way.

        Raises TerminologyError where the operation has no answer.
        """
        fields, notes = dict(self.prepared.fields), list[Issue]()
        try:
            for (field_, read), value in zip(self.readers, values, strict=True):
                content = read(value)
                if content is None or content == "":
                    return None
                if field_ is not None:
                    fields[field_] = content
        except TerminologyError:
            return None  # the long way says where the value stands
        try:
            document = self.prepared.answer(catalogue, fields, notes)
        except UndecidedError:
            return None
        return None if notes else document


class SharedInBatch:
    """The prepared requests of one batch, whose parts all ask the same content."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._varied: dict[tuple[Hashable, ...], VariedRequest] = {}

    def has(self, request: SharedRequest) -> bool:
        """Was there a part like this one?"""
        return request.key in self._varied

    def answer(self, request: SharedRequest) -> Document | None:
        """The answer to a part like an earlier one; None where it takes the long way. Raises TerminologyError."""
        varied = self._varied.get(request.key)
        return None if varied is None else varied.answer(self._catalogue, request.values)

    def keep(self, request: SharedRequest, prepared: PreparedRequest) -> None:
        """Keep what a part was read as. All parts of a batch have room: their number is bounded."""
        varied = VariedRequest.of(request, prepared)
        if varied is not None:
            self._varied[request.key] = varied


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
