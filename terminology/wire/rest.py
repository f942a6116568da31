"""FHIR's RESTful interface without a web framework: what does a request to [base] mean?

``respond`` takes a request to one release root and gives a response; a batch goes round the same way,
entry by entry. Bytes, media types and headers of HTTP are the business of ``web.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from terminology.catalogue.protocol import KINDS
from terminology.core import issues
from terminology.core.errors import RefusedError, TerminologyError
from terminology.core.model import Document, Issue
from terminology.wire import capability, outcome
from terminology.wire.bundle import BATCH_LIMIT, batch_response, entry_request, history
from terminology.wire.cache_control import CACHE_ID, HEADER, names_cache, with_cache
from terminology.wire.messages import FORM, Context, Request, Response, instant
from terminology.wire.operations import RESOURCES, answer, operation_of, question
from terminology.wire.parameters import Given, Parameter, p, read, unknown
from terminology.wire.search import RESULT, looks_inside, search
from terminology.wire.summary import shown, version_id
from terminology.wire.system_operations import system_operations

READ = ("GET", "HEAD")
POST = ("POST",)
MODES = ("full", "normative", "terminology")
# What any operation may be asked with: how the answer is to look, and which cache to use.
_EVERYWHERE = (p("form", "string", *sorted(RESULT)), RESOURCES, CACHE_ID)


@dataclass(slots=True, frozen=True)
class Route:
    """What a path stands for. ``refused`` says more to those who come with another method."""

    methods: Sequence[str]
    answer: Callable[[], Response]
    refused: Issue | None = None

    @property
    def allow(self) -> dict[str, str]:
        return {"Allow": ", ".join((*self.methods, "OPTIONS"))}


def respond(context: Context, request: Request) -> Response:
    """Answer one request. Every TerminologyError becomes a response with an OperationOutcome."""
    try:
        return answered(context, request)
    except RefusedError as refusal:
        return Response(refusal.status, outcome.operation_outcome(refusal.issues), refusal.headers)
    except TerminologyError as error:
        return Response(outcome.status(error.issues), outcome.operation_outcome(error.issues))


def answered(context: Context, request: Request) -> Response:
    """The answer to one request: the road of HTTP, batch, library and command line alike.

    Raises TerminologyError, and UnavailableError while a database is away.
    """
    route = _route(context, request)
    if request.method == "OPTIONS":
        return Response(204, None, route.allow)
    if request.method not in route.methods:
        place = _place(context, request)
        issue = route.refused or issues.method_not_allowed(request.method, place, route.methods)
        raise RefusedError(405, issue, route.allow)
    return route.answer()


# -- routes --------------------------------------------------------------------------------------


def _route(context: Context, request: Request) -> Route:
    match [step for step in request.path.split("/") if step]:
        case []:
            example = f"{context.base}/CodeSystem?_summary=true"
            refused = issues.nothing_at_the_base(f"{context.base}/metadata", example)
            is_read = request.method in READ
            return Route(POST, lambda: _batch(context, request), refused if is_read else None)
        case ["metadata"]:
            return Route(READ, lambda: _metadata(context, request))
        case [name] if name.startswith("$"):
            return _system_operation(context, request, name[1:])
        case [kind, *rest] if kind in KINDS:
            return _of_kind(context, request, kind, rest)
        case [kind, *_] if kind[:1].isupper() and kind.isalnum():
            raise TerminologyError(issues.unknown_type(kind, KINDS))
    raise RefusedError(404, issues.no_such_page(_place(context, request)))


def _of_kind(context: Context, request: Request, kind: str, rest: Sequence[str]) -> Route:
    match rest:
        case []:
            return Route(READ, lambda: _search(context, request, kind))
        case ["_search"]:
            return Route((*READ, *POST), lambda: _search(context, request, kind))
        case [name] if name.startswith("$"):
            return _operation(context, request, kind, name[1:])
        case ["_history"]:
            raise RefusedError(404, issues.history_of_many(kind))
        case [id_]:
            return Route(READ, lambda: _read(context, request, kind, id_))
        case [id_, name] if name.startswith("$"):
            return _operation(context, request, kind, name[1:], id_)
        case [id_, "_history"]:
            return Route(READ, lambda: _history(context, request, kind, id_))
        case [id_, "_history", version]:
            return Route(READ, lambda: _read(context, request, kind, id_, version))
    raise RefusedError(404, issues.no_such_page(_place(context, request)))


def _place(context: Context, request: Request) -> str:
    """The path as the client sees it."""
    return f"{urlsplit(context.base).path}/{request.path}".rstrip("/")


# -- reads and searches --------------------------------------------------------------------------


def _read(context: Context, request: Request, kind: str, id_: str, version: str | None = None) -> Response:
    document = context.catalogue.whole(context.catalogue.resource(kind, id_))
    tag = version_id(document)
    if version is not None and version != tag:
        raise TerminologyError(issues.unknown_resource_version(kind, id_, version))
    headers = _version_headers(document, tag)
    if request.knows(tag, headers.get("Last-Modified")):
        return Response(304, None, headers)
    return Response(200, shown(context.release.downgrade(document), tag, request.query), headers)


def _version_headers(document: Document, tag: str) -> dict[str, str]:
    changed = document.get("meta", {}).get("lastUpdated")
    return {"ETag": f'W/"{tag}"'} | ({"Last-Modified": changed} if instant(changed) else {})


def _history(context: Context, request: Request, kind: str, id_: str) -> Response:
    """One version of each resource is served: the one that is loaded."""
    document = context.catalogue.whole(context.catalogue.resource(kind, id_))
    headers = _version_headers(document, version_id(document))
    present = _shown(context, request, document)
    return Response(200, history(f"{context.base}/{kind}/{id_}", f"{kind}/{id_}", present, headers))


def _search(context: Context, request: Request, kind: str) -> Response:
    if request.body is not None:
        raise RefusedError(415, issues.search_with_body(FORM))
    held = context.catalogue
    documents = held.documents(kind) if looks_inside(kind, request.query) else held.headers(kind)
    bundle = search(documents, kind, request.query, f"{context.base}/{kind}", request.is_strict)
    for entry in bundle.get("entry", ()):
        document = held.whole(entry["resource"])
        entry["fullUrl"] = f"{context.base}/{kind}/{document.get('id', '')}"
        entry["resource"] = _shown(context, request, document)
    return Response(200, bundle)


def _shown(context: Context, request: Request, document: Document) -> Document:
    return shown(context.release.downgrade(document), version_id(document), request.query)


# -- metadata ------------------------------------------------------------------------------------


def _metadata(context: Context, request: Request) -> Response:
    mode = dict(request.query).get("mode") or "full"
    if mode not in MODES:
        raise TerminologyError(issues.bad_value("mode", mode, f"one of {', '.join(MODES)}"))
    if mode == "terminology":
        also = [CACHE_ID.names[0]] if context.sessions.takes_ids_of_clients else []
        document = capability.terminology(context.catalogue, context.release, context.base, also)
    else:
        document = capability.statement(context.catalogue, context.release, context.base)
    return Response(200, shown(document, None, request.query))


# -- operations ----------------------------------------------------------------------------------


def _system_operation(context: Context, request: Request, name: str) -> Route:
    offered = system_operations(context.release)
    if name not in offered:
        raise RefusedError(
            404, issues.unknown_operation(name, "the base", [f"${other}" for other in offered])
        )
    operation = offered[name]

    def run() -> Response:
        given = request.given(f"${name}")
        _require_known(request, name, operation.parameters, given)
        return Response(200, operation.run(context, request, read(operation.parameters, given)))

    if operation.affects_state:
        return Route(POST, run, issues.operation_needs_post(name))
    return Route((*READ, *POST), run)


def _operation(context: Context, request: Request, kind: str, name: str, id_: str | None = None) -> Route:
    try:
        operation = operation_of(kind, name, context.release, at_instance=id_ is not None)
    except TerminologyError as unoffered:
        raise RefusedError(404, unoffered.issues[0]) from None

    def run() -> Response:
        instance = None if id_ is None else context.catalogue.resource(kind, id_)
        given = request.given(f"{kind}/${name}", operation.subject)
        _require_known(request, name, operation.all_parameters, given)
        catalogue, own = with_cache(context, request, given)
        most = context.largest_expansion
        largest = min(most, request.largest_expansion or most)
        is_alone = id_ is None and operation.each is None and request.body is None
        if is_alone and not names_cache(request, given):
            asked = question(operation, context.release, own, None, request.languages, largest)
            return Response(200, asked.answer(catalogue), question=asked)
        document = answer(catalogue, context.release, kind, name, own, instance, request.languages, largest)
        return Response(200, document)

    return Route((*READ, *POST), run)


def _require_known(
    request: Request, name: str, parameters: Sequence[Parameter], given: Sequence[Given]
) -> None:
    """``Prefer: handling=strict``: what would be ignored is refused."""
    ignored = unknown([*parameters, *_EVERYWHERE], given) if request.is_strict else None
    if ignored is not None:
        known = [name for parameter in parameters for name in parameter.names]
        raise RefusedError(400, issues.unknown_parameter(ignored.name, name, known, ignored.at))


# -- batch ---------------------------------------------------------------------------------------


def _batch(context: Context, request: Request) -> Response:
    """https://hl7.org/fhir/R5/http.html#transaction, as far as it reads: each entry is answered by itself."""
    body = request.body or {}
    if body.get("resourceType") != "Bundle":
        raise TerminologyError(issues.not_a_bundle(body.get("resourceType")))
    if body.get("type") != "batch":
        raise TerminologyError(issues.not_a_batch(body.get("type")))
    entries = body.get("entry", [])
    if not isinstance(entries, list):
        raise TerminologyError(issues.malformed("Bundle.entry must be a list", "Bundle.entry"))
    if len(entries) > BATCH_LIMIT:
        raise TerminologyError(issues.too_many_entries(BATCH_LIMIT, len(entries)))
    return Response(200, batch_response([_entry(context, request, e, n) for n, e in enumerate(entries)]))


def _entry(context: Context, request: Request, entry: Document, index: int) -> Response:
    """The answer to an entry, which is asked by whoever sent the batch, with the same resources."""
    try:
        inner = entry_request(entry, index, context.base)
    except TerminologyError as error:
        return Response(outcome.status(error.issues), outcome.operation_outcome(error.issues))
    carried = {name: request.headers[name] for name in (HEADER, "Authorization") if name in request.headers}
    inner.headers, inner.address = {**inner.headers, **carried}, request.address
    return respond(context, inner)
