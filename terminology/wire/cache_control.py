"""How does a client send its resources once, and not with every request?

``$cache-control`` is the protocol of HL7's tools since mid-2026: ``mode=start`` gives out an id, which
further requests carry in the header ``X-Cache-Id``; ``mode=end`` forgets it; ``mode=check`` says whether it
is known. A cache is sealed unless ``sealed=false``: then the ``tx-resource``s of further requests are added
to it. Before that, clients made an id of their own and sent it as the parameter ``cache-id``, which an id
that was given out may stand in too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.state.sessions import Session
from terminology.wire.messages import Context, Request
from terminology.wire.parameters import Given, p, read
from terminology.wire.write.parameters import parameters

HEADER = "X-Cache-Id"
RESOURCE = "tx-resource"
CACHE_ID = p("id", "string", "cache-id")
_RESOURCES = p("resources", "Resource", RESOURCE, many=True)
PARAMETERS = (p("mode", "code"), p("sealed", "boolean"), _RESOURCES, CACHE_ID)

Fields = dict[str, Any]


def cache_control(context: Context, request: Request, fields: Fields) -> Document:
    """Start, end or check a cache of resources, as its mode says.

    Raises TerminologyError: another mode, an id not known, or no room."""
    mode = fields.get("mode")
    if mode is None:
        raise TerminologyError(issues.missing_parameter(f"'mode': {', '.join(_MODES)}"))
    if mode not in _MODES:
        raise TerminologyError(issues.bad_value("mode", mode, f"one of {', '.join(_MODES)}"))
    session = _MODES[mode](context, request, fields)
    return parameters(
        [
            {"name": "cache-id", "valueString": session.id},
            {"name": "sealed", "valueBoolean": session.sealed},
            {"name": "idle-timeout", "valueInteger": int(session.idle)},
        ]
    )


def _start(context: Context, request: Request, fields: Fields) -> Session:
    documents = [context.release.upgrade(resource) for resource in fields.get("resources", ())]
    return context.sessions.start(request.caller, documents, fields.get("sealed", True))


def _check(context: Context, request: Request, fields: Fields) -> Session:
    id_ = request.headers.get(HEADER) or fields.get("id")
    if not id_:
        raise TerminologyError(issues.missing_parameter(f"the id of the cache, in the header {HEADER}"))
    return context.sessions.find(id_, request.caller)


def _end(context: Context, request: Request, fields: Fields) -> Session:
    session = _check(context, request, fields)
    context.sessions.end(session.id, request.caller)
    return session


_MODES: dict[str, Callable[[Context, Request, Fields], Session]] = {
    "start": _start,
    "end": _end,
    "check": _check,
}


def names_cache(request: Request, given: Sequence[Given]) -> bool:
    """Does a request mean to be answered with what was sent before?"""
    return HEADER in request.headers or any(item.name.casefold() in CACHE_ID.names for item in given)


def with_cache(context: Context, request: Request, given: Sequence[Given]) -> tuple[Catalogue, list[Given]]:
    """The catalogue that a request is answered from, and those of its parameters that are not in it yet.

    Raises TerminologyError for a cache that is not known: to answer without it would be to answer wrongly.
    """
    session = _session(context, request, given)
    if session is None:
        return context.catalogue, list(given)
    if session.sealed:
        return context.sessions.catalogue(context.catalogue, session), list(given)
    resources = read([_RESOURCES], given).get("resources", ())
    documents = [context.release.upgrade(resource) for resource in resources]
    rest = [item for item in given if item.name != RESOURCE]
    return context.sessions.catalogue(context.catalogue, session, documents), rest


def _session(context: Context, request: Request, given: Sequence[Given]) -> Session | None:
    id_ = request.headers.get(HEADER)
    if id_:
        return context.sessions.find(id_, request.caller)
    stated = read([CACHE_ID], given).get("id")
    if not stated:
        return None
    if not context.sessions.takes_ids_of_clients:
        return context.sessions.issued(stated, request.caller)
    return context.sessions.adopt(stated, request.caller)
