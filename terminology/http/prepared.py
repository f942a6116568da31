"""Which requests differ from an earlier one in nothing but a code?

Most requests ask the same of another code. What they have in common (release, media type, languages, all
other parameters) is read from the first of them and kept as a ``PreparedRequest``; of those that follow
only the code is read. Nothing of an answer is kept: the operation is asked each time, of what there is at
the moment.

A request that is not understood so, or whose question has no answer, goes the whole way through ``rest``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from terminology.catalogue.protocol import Catalogue
from terminology.wire import json
from terminology.wire.operations import PreparedRequest
from terminology.wire.parameters import named

# The parameters whose values may differ. They are texts, and come once.
DIFFERING = frozenset({"code", "codeA", "codeB", "sourceCode", "targetCode", "display", "filter"})
# What else an answer depends on, as WSGI has it.
_HEADERS = (
    "HTTP_ACCEPT",
    "HTTP_ACCEPT_LANGUAGE",
    "HTTP_PREFER",
    "HTTP_X_TOO_COSTLY_THRESHOLD",
    "CONTENT_TYPE",
)
_CACHE_ID = "HTTP_X_CACHE_ID"
_TEXTS = ("code", "string")
# How many questions are kept.
ROOM = 1_000

Key = tuple[str | None, ...]


@dataclass(slots=True)
class Asked:
    """A request: what it has in common with others (``key``), and what it has for itself: ``values`` by the
    names of parameters.
    """

    key: Key
    names: list[str]
    values: list[str]


def asked(environ: Mapping[str, Any]) -> Asked | None:
    """What a request asks, if it is one that may be asked again."""
    query = environ.get("QUERY_STRING", "")
    if environ["REQUEST_METHOD"] != "GET" or _CACHE_ID in environ or not query.isascii():
        return None
    steps = query.split("&")
    names, values = [], []
    for place, step in enumerate(steps):
        name, _, value = step.partition("=")
        if name in DIFFERING:
            steps[place] = name
            names.append(name)
            values.append(value)
    if not names:
        return None
    return Asked((environ["PATH_INFO"], *steps, *map(environ.get, _HEADERS)), names, values)


class Questions:
    """The questions that were asked lately, for all threads of a process."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[PreparedRequest, list[str | None]]] = {}

    def keep(self, asked: Asked, question: PreparedRequest) -> None:
        fields = _fields(asked, question)
        if fields is None:
            return
        if len(self._kept) >= ROOM:
            self._kept.clear()
        self._kept[asked.key] = question, fields

    def answer(self, asked: Asked, held: Callable[[], Catalogue]) -> bytes | None:
        """The answer as JSON from what is held, or None where the request has to go the whole way."""
        kept = self._kept.get(asked.key)
        if kept is None:
            return None
        question, fields = kept
        own = dict(question.fields)
        for field, value in zip(fields, asked.values, strict=True):
            text = unquote_plus(value) if "%" in value or "+" in value else value
            text = text.strip()
            if not text:
                return None
            if field is not None:
                own[field] = text
        try:
            return json.write(question.answer(held().for_fhir(question.release.version), own))
        except Exception:
            return None  # whatever it is: on the whole way it is said as it should be


def _fields(asked: Asked, question: PreparedRequest) -> list[str | None] | None:
    """The fields that the differing values fill, in their order; None for a parameter that nothing reads.

    None for all where a value is no plain text, or something else in the request fills the same field.
    """
    known = named(tuple(question.operation.parameters))
    rows = [known.get(name) for name in asked.names]
    others = [step.partition("=")[0] for step in asked.key if isinstance(step, str)]
    rest = [unquote_plus(name).casefold() for name in others if name not in DIFFERING]
    filled = [row.field for row in [*rows, *map(known.get, rest)] if row is not None]
    if any(row is not None and (row.type not in _TEXTS or filled.count(row.field) > 1) for row in rows):
        return None
    return [None if row is None else row.field for row in rows]
