"""The content that a request is answered from: with the cache that it names and the resources it brings."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import Catalogue
from terminology.state.sessions import Session
from terminology.wire.cache_control import CACHE_ID, RESOURCES
from terminology.wire.exchange import Context, Request
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.parameters import Argument, read
from terminology.wire.request_headers import RequestHeader

_NAMES = frozenset((*CACHE_ID.names, *RESOURCES.names))


def content_of(
    context: Context, request: Request, arguments: Sequence[Argument]
) -> tuple[Catalogue, Sequence[Argument], bool]:
    """The catalogue, the other arguments, and whether the catalogue is the one that all requests share.

    Raises TerminologyError for a cache that is not known: an answer without it would be wrong.
    """
    if RequestHeader.CACHE_ID not in request.headers and not any(
        is_about_content(item) for item in arguments
    ):
        return context.catalogue, arguments, True
    catalogue, arguments = _with_cache(context, request, arguments)
    arguments = [item for item in arguments if item.name.casefold() not in CACHE_ID.names]
    return *with_resources(catalogue, context.release, arguments), False


def is_about_content(argument: Argument) -> bool:
    """Does this argument change the content that the request is answered from?"""
    return argument.name.casefold() in _NAMES


def with_resources(
    catalogue: Catalogue, release: FhirVersion, arguments: Sequence[Argument]
) -> tuple[Catalogue, Sequence[Argument]]:
    """The catalogue with the resources that come with the request before it, and the other arguments."""
    others = [item for item in arguments if item.name.casefold() not in RESOURCES.names]
    if len(others) == len(arguments):
        return catalogue, arguments
    resources = read([RESOURCES], arguments).get("resources", ())
    overlay = [release.upgrade(resource) for resource in resources]
    return Overlay.of(catalogue, overlay) if overlay else catalogue, others


def _with_cache(
    context: Context, request: Request, arguments: Sequence[Argument]
) -> tuple[Catalogue, Sequence[Argument]]:
    """The catalogue seen through the cache, and the arguments that are not in it yet."""
    session = _session(context, request, arguments)
    if session is None:
        return context.catalogue, arguments
    if session.sealed:
        return context.sessions.catalogue(context.catalogue, session), arguments
    resources = read([RESOURCES], arguments).get("resources", ())
    documents = [context.release.upgrade(resource) for resource in resources]
    others = [item for item in arguments if item.name.casefold() not in RESOURCES.names]
    return context.sessions.catalogue(context.catalogue, session, documents), others


def _session(context: Context, request: Request, arguments: Sequence[Argument]) -> Session | None:
    """The cache that the header names, or the parameter. A client's own id may begin one."""
    id_ = request.headers.get(RequestHeader.CACHE_ID)
    if id_:
        return context.sessions.find(id_, request.caller)
    own_id = read([CACHE_ID], arguments).get("id")
    if not own_id:
        return None
    if not context.sessions.takes_ids_of_clients:
        return context.sessions.issued(own_id, request.caller)
    return context.sessions.adopt(own_id, request.caller)
