"""FHIR's RESTful interface without a web framework: what does a request to [base] mean?
 ``respond`` takes a request to one release root and gives a response; a batch goes round the same way,
entry by entry. Bytes, media types and headers of HTTP are the business of ``web.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from terminology import issues
from terminology.catalogue import KINDS
from terminology.model import Document, TerminologyError
from terminology.wire import capability, outcome
from terminology.wire.bundle import BATCH_LIMIT, batch_response, entry_request
from terminology.wire.exchange import Context, Refusal, Request, Response
from terminology.wire.operations import OPERATIONS, Operation, answer
from terminology.wire.parameters import Given, from_body, from_query
from terminology.wire.search import search
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
            _require(request, POST)
            return _batch(context, request)
        case ["metadata"]:
            _require(request, READ)
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
            _require(request, READ)
            return _search(context, request, kind)
        case ["_search"]:
            _require(request, (*READ, *POST))
            return _search(context, request, kind)
        case [name] if name.startswith("$"):
            return _operation(context, request, kind, name[1:])
        case [id_]:
            _require(request, READ)
            return _read(context, request, kind, id_)
        case [id_, name] if name.startswith("$"):
            return _operation(context, request, kind, name[1:], context.catalogue.resource(kind, id_))
        case [id_, "_history", version]:
            _require(request, READ)
            return _read(context, request, kind, id_, version)
    raise Refusal(404, issues.no_such_page(request.path))


def _require(request: Request, methods: Sequence[str]) -> None:
    if request.method not in methods:
        issue = issues.method_not_allowed(request.method, f"/{request.path}", methods)
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
    bundle = search(
        context.catalogue.documents(kind), kind, request.query, f"{context.base}/{kind}", request.is_strict
    )
    for entry in bundle.get("entry", ()):
        document = entry["resource"]
        entry["fullUrl"] = f"{context.base}/{kind}/{document.get('id', '')}"
        entry["resource"] = shown(context.release.downgrade(document), version_id(document), request.query)
    return Response(200, bundle)


# -- metadata ------------------------------------------------------------------------------------


def _metadata(context: Context, request: Request) -> Response:
    asked = dict(request.query)
    write = capability.terminology if asked.get("mode") == "terminology" else capability.statement
    document = write(context.catalogue, context.release, context.base)
    return Response(200, shown(document, None, request.query))


def _versions(context: Context, request: Request) -> Response:
    return Response(200, capability.versions(context.release))


_SYSTEM: dict[str, Callable[[Context, Request], Response]] = {"versions": _versions}


def _system_operation(context: Context, request: Request, name: str) -> Response:
    handler = _SYSTEM.get(name)
    if handler is None:
        offered = [f"${known}" for known in _SYSTEM]
        raise Refusal(404, issues.unknown_operation(name, "the base", offered))
    _require(request, (*READ, *POST))
    return handler(context, request)


# -- operations ----------------------------------------------------------------------------------


def _operation(
    context: Context, request: Request, kind: str, name: str, instance: Document | None = None
) -> Response:
    operation = OPERATIONS.get((kind, name))
    if operation is None:
        offered = [f"${n}" for k, n in OPERATIONS if k == kind]
        raise Refusal(404, issues.unknown_operation(name, kind, offered))
    _require(request, POST if operation.affects_state else (*READ, *POST))
    given = _given(request, operation, f"{kind}/${name}")
    found = answer(context.catalogue, context.release, kind, name, given, instance, request.languages)
    return Response(200, found)


def _given(request: Request, operation: Operation, name: str) -> list[Given]:
    """Parameters from the URL, and from a body that is a Parameters resource or the operation's one
    resource.
    """
    given = from_query(request.query)
    body = request.body
    if body is None:
        return given
    kind = str(body.get("resourceType"))
    if operation.subject is not None and kind.casefold() == operation.subject.casefold():
        return [*given, Given(operation.subject, {"name": operation.subject, "resource": body}, kind)]
    return [*given, *from_body(body, name)]


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
    return Response(200, batch_response([_entry(context, e, n) for n, e in enumerate(entries)]))


def _entry(context: Context, entry: Document, index: int) -> Response:
    try:
        inner = entry_request(entry, index, context.base)
    except TerminologyError as error:
        return Response(outcome.status(error.issues), outcome.operation_outcome(error.issues))
    return respond(context, inner)
