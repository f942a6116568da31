"""``$cache-control``: a client sends its resources once, and not with every request.

``mode=start`` answers with an id, which further requests carry in the header ``X-Cache-Id``; ``mode=end``
deletes the cache; ``mode=check`` tests whether the id is known. A cache is sealed unless ``sealed=false``: then
the ``tx-resource``s of further requests are added to it. This is the protocol of HL7's tools since mid-2026.
Before that, clients made an id of their own and sent it as the parameter ``cache-id``; that parameter may
also have an id of this server. ``request_content`` finds the cache of a request by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.state.callers import Caller
from terminology.state.sessions import Session
from terminology.wire.parameters import p
from terminology.wire.request_headers import RequestHeader
from terminology.wire.sessions import Sessions

RESOURCES = p("resources", "Resource", "tx-resource", many=True)
CACHE_ID = p("id", "string", "cache-id")
PARAMETERS = (p("mode", "code"), p("sealed", "boolean"), RESOURCES, CACHE_ID)


@dataclass(slots=True, kw_only=True)
class CacheControlRequest:
    """``resources`` are R5-shaped; ``cache_id`` is the header's, which ``id`` repeats."""

    sessions: Sessions
    caller: Caller
    mode: str | None = None
    sealed: bool = True
    resources: Sequence[Document] = ()
    id: str | None = None
    cache_id: str | None = None


def cache_control(catalogue: Catalogue, request: CacheControlRequest) -> Session:
    """Start, end or check a cache of resources, as its mode says.

    Raises TerminologyError: another mode, an unknown id, or no room.
    """
    if request.mode is None:
        raise TerminologyError(issues.missing_cache_mode(list(_MODES)))
    if request.mode not in _MODES:
        raise TerminologyError(issues.bad_value("mode", request.mode, f"one of {', '.join(_MODES)}"))
    return _MODES[request.mode](request)


def _start(request: CacheControlRequest) -> Session:
    return request.sessions.start(request.caller, request.resources, request.sealed)


def _check(request: CacheControlRequest) -> Session:
    id_ = request.cache_id or request.id
    if not id_:
        raise TerminologyError(issues.missing_cache_id(RequestHeader.CACHE_ID.value))
    return request.sessions.find(id_, request.caller)


def _end(request: CacheControlRequest) -> Session:
    session = _check(request)
    request.sessions.end(session.id, request.caller)
    return session


_MODES: dict[str, Callable[[CacheControlRequest], Session]] = {"start": _start, "end": _end, "check": _check}
