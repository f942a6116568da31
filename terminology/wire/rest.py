"""FHIR's RESTful interface without a web framework: what does a request to [base] mean?
 ``respond`` takes a request to one release root and gives a response; a batch goes round the same way,
entry by entry. Bytes, media types and headers of HTTP are the business of ``web.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from terminology import issues
from terminology.catalogue import KINDS
from terminology.model import Document, Issue, TerminologyError
from terminology.wire import capability, outcome
from terminology.wire.bundle import BATCH_LIMIT, batch_response, entry_request
from terminology.wire.cache_control import CACHE_ID, HEADER, with_cache
from terminology.wire.exchange import Context, Refusal, Request, Response
from terminology.wire.operations import answer, operation_of
from terminology.wire.parameters import read
from terminology.wire.search import looks_inside, search
from terminology.wire.system import system_operations
from terminology.wire.views import shown, version_id

READ = ("GET", "HEAD")
POST = ("POST",)


def respond(context: Context, request: Request) -> Response:
    """Answer one request. Every failure is a response with an OperationOutcome."""
    try:
        return _dispatch(context, request)
    except Refusal as refusal:
        return Response(refusal.status, outcome.operation_outcome([refusal.issue]), refusal.headers)
    except TerminologyError as error:
        return Response(outcome.status(error.issues), outcome.operation_outcome(error.issues))


# -- routes --------------------------------------------------------------------------------------


def _dispatch(context: Context, request: Request) -> Response:
    steps = request.path.split("/") if request.path else []
    match steps:
        case []:
            _require_method(request, POST)
            return _batch(context, request)
        case ["metadata"]:
            _require_method(request, READ)
            return _metadata(context, request)
        case [name] if name.startswith("$"):
            return _system_operation(context, request, name[1:])
        case [kind, *rest] if kind in KINDS:
            return _of_kind(context, request, kind, rest)
        case [kind, *_] if kind[:1].isupper() and kind.isalnum():
            raise TerminologyError(issues.unknown_type(kind, KINDS))
    raise Refusal(404, issues.no_such_page(request.path))


def _of_kind(context: Context, request: Request, kind: str, rest: Sequence[str]) -> Response:
    match rest:
        case []:
            _require_method(request, READ)
            return _search(context, request, kind)
        case ["_search"]:
            _require_method(request, (*READ, *POST))
            return _search(context, request, kind)
        case [name] if name.startswith("$"):
            return _operation(context, request, kind, name[1:])
        case [id_]:
            _require_method(request, READ)
            return _read(context, request, kind, id_)
        case [id_, name] if name.startswith("$"):
            return _operation(context, request, kind, name[1:], context.catalogue.resource(kind, id_))
        case [id_, "_history", version]:
            _require_method(request, READ)
            return _read(context, request, kind, id_, version)
    raise Refusal(404, issues.no_such_page(request.path))


def _require_method(request: Request, methods: Sequence[str], issue: Issue | None = None) -> None:
    if request.method not in methods:
        issue = issue or issues.method_not_allowed(request.method, f"/{request.path}", methods)
        raise Refusal(405, issue, {"Allow": ", ".join((*methods, "OPTIONS"))})


# -- reads and searches --------------------------------------------------------------------------


def _read(context: Context, request: Request, kind: str, id_: str, version: str | None = None) -> Response:
    document = context.catalogue.resource(kind, id_)
    tag = version_id(document)
    if version is not None and version != tag:
        raise TerminologyError(issues.unknown_resource_version(kind, id_, version))
    headers = {"ETag": f'W/"{tag}"'}
    if "lastUpdated" in document.get("meta", {}):
        headers["Last-Modified"] = document["meta"]["lastUpdated"]
    return Response(200, shown(context.release.downgrade(document), tag, request.query), headers)


def _search(context: Context, request: Request, kind: str) -> Response:
    held = context.catalogue
    documents = held.documents(kind) if looks_inside(kind, request.query) else held.headers(kind)
    bundle = search(documents, kind, request.query, f"{context.base}/{kind}", request.is_strict)
    for entry in bundle.get("entry", ()):
        document = held.whole(entry["resource"])
        entry["fullUrl"] = f"{context.base}/{kind}/{document.get('id', '')}"
        entry["resource"] = shown(context.release.downgrade(document), version_id(document), request.query)
    return Response(200, bundle)


# -- metadata ------------------------------------------------------------------------------------


def _metadata(context: Context, request: Request) -> Response:
    asked = dict(request.query)
    if asked.get("mode") == "terminology":
        also = [CACHE_ID.names[0]] if context.sessions.takes_ids_of_clients else []
        document = capability.terminology(context.catalogue, context.release, context.base, also)
    else:
        document = capability.statement(context.catalogue, context.release, context.base)
    return Response(200, shown(document, None, request.query))


# -- operations ----------------------------------------------------------------------------------


def _system_operation(context: Context, request: Request, name: str) -> Response:
    offered = system_operations(context.release)
    if name not in offered:
        raise Refusal(404, issues.unknown_operation(name, "the base", [f"${other}" for other in offered]))
    operation = offered[name]
    if operation.affects_state:
        _require_method(request, POST, issues.operation_needs_post(name))
    else:
        _require_method(request, (*READ, *POST))
    fields = read(operation.parameters, request.given(f"${name}"))
    return Response(200, operation.run(context, request, fields))


def _operation(
    context: Context, request: Request, kind: str, name: str, instance: Document | None = None
) -> Response:
    try:
        operation = operation_of(kind, name, context.release)
    except TerminologyError as unknown:
        raise Refusal(404, unknown.issues[0]) from None
    _require_method(request, (*READ, *POST))
    given = request.given(f"{kind}/${name}", operation.subject)
    catalogue, given = with_cache(context, request, given)
    largest = min(context.largest_expansion, request.largest_expansion or context.largest_expansion)
    document = answer(catalogue, context.release, kind, name, given, instance, request.languages, largest)
    return Response(200, document)


# -- batch ---------------------------------------------------------------------------------------


def _batch(context: Context, request: Request) -> Response:
    """https://hl7.org/fhir/R5/http.html#transaction, as far as it reads: each entry is answered by itself."""
    body = request.body or {}
    if body.get("resourceType") != "Bundle":
        raise TerminologyError(issues.not_parameters(str(body.get("resourceType", "empty")), "a batch"))
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
