"""FHIR's RESTful interface without HTTP: every request is answered here.

``answered`` is the one road to an answer, for HTTP, the entries of a batch, the library and the command line;
``respond`` makes a response of every exception. Bytes, media types and the headers of HTTP belong to ``http``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from terminology.catalogue.protocol import KINDS, Catalogue
from terminology.core import budget, issues
from terminology.core.documents import FIRST_ROWS, MOST_ROWS
from terminology.core.errors import (
    OverBudgetError,
    RefusedError,
    TerminologyError,
    UndecidedError,
    UpstreamError,
)
from terminology.core.model import Document, Issue
from terminology.core.structure import require
from terminology.core.users import WRITING
from terminology.operations.spelling import find_resource, near_names
from terminology.wire import capability, map_import
from terminology.wire.bundle import (
    BATCH_LIMIT,
    batch_response,
    entry_request,
    history,
    shared_entry,
)
from terminology.wire.cache_control import CACHE_ID, RESOURCES
from terminology.wire.changes import RIGHTS, WRITABLE, write
from terminology.wire.elsewhere import ForeignAnswer, ForeignQuestion
from terminology.wire.exchange import FORM, Context, Request, Response, instant
from terminology.wire.failures import failure_of
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.json import Written
from terminology.wire.many_requests import Answer, answer_each, failed_entry, whole_entry
from terminology.wire.operation import BASE, Operation, PreparedRequest
from terminology.wire.operation_table import OPERATIONS, operation_of
from terminology.wire.parameters import Argument, Parameter, p, read, unknown
from terminology.wire.permission import require_any_right, require_right
from terminology.wire.request_content import content_of, with_resources
from terminology.wire.request_headers import RequestHeader
from terminology.wire.search import PARAMETERS, RESULT, number, search
from terminology.wire.shared_requests import SharedInBatch
from terminology.wire.slips import explain, slips, slips_of_search, with_warnings
from terminology.wire.summary import CONTENT_OF, shows, summarised, version_id
from terminology.wire.transaction import transaction
from terminology.wire.write_history import past, past_version

# The answer to one of the requests in a batch.
Part = TypeVar("Part")

READ = ("GET", "HEAD")
POST = ("POST",)
MODES = ("full", "normative", "terminology")
# To read one request, or one entry of a batch, takes as long as so many steps.
_STEPS_OF_REQUEST = 500
_R6_NAMES = frozenset({"sourceSystem", "sourceVersion"})
# The type whose rights are those to an operation of the base: $closure and $cache-control are about codes.
_KIND_OF_BASE = "CodeSystem"
# The parameters of every operation: the format of the answer, and the content it is answered from.
_EVERYWHERE = (p("form", "string", *sorted(RESULT)), RESOURCES, CACHE_ID)


@dataclass(slots=True, frozen=True)
class Route:
    """The answer that a path leads to, by its methods.

    ``needs`` is an interaction and a resource type, to which the user must have the right; None for an answer that is
    open to everybody. ``refused`` is the issue for any other method.
    """

    methods: Sequence[str]
    answer: Callable[[], Response]
    needs: tuple[str, str] | None
    refused: Issue | None = None

    @property
    def allow(self) -> dict[str, str]:
        return {"Allow": ", ".join((*self.methods, "OPTIONS"))}


def respond(context: Context, request: Request) -> Response:
    """The response to one request. Every exception becomes a response with an OperationOutcome."""
    try:
        return answered(context, request)
    except Exception as error:
        return failure_of(error, request)


def answered(context: Context, request: Request) -> Response:
    """The answer to one request: the road of HTTP, batch, library and command line alike.

    The entries of a batch share the budget of the request. Raises TerminologyError, also for a request that is too
    costly, and UnavailableError while a database is away.
    """
    with budget.opened(context.max_work, context.deadline):
        try:
            budget.begin_part(_STEPS_OF_REQUEST)
            return _answered(context, request)
        except OverBudgetError as error:
            raise TerminologyError(error.issue) from None


def _answered(context: Context, request: Request) -> Response:
    if request.method == "OPTIONS":
        return Response(204, None, _route(context, request).allow)
    route = _permitted(context, request)
    response = route.answer()
    is_write = request.method not in READ and (route.needs is None or route.needs[0] in WRITING)
    if context.view is not None and is_write and request.path and response.resource:
        response.resource = context.view.document(response.resource)  # perhaps that of somebody else
    return response


def _permitted(context: Context, request: Request) -> Route:
    """The route of a request that its user may send. Nothing is read of the content. Raises TerminologyError."""
    route = _route(context, request)
    if request.method not in route.methods:
        place = _place(context, request)
        issue = route.refused or issues.method_not_allowed(request.method, place, route.methods)
        raise RefusedError(405, issue, route.allow)
    if route.needs is not None:
        require_right(context, request, *route.needs)
    return route


# -- routes --------------------------------------------------------------------------------------


def _route(context: Context, request: Request) -> Route:
    match [step for step in request.path.split("/") if step]:
        case []:
            example = f"{context.base}/CodeSystem?_summary=true"
            refused = issues.nothing_at_the_base(f"{context.base}/metadata", example)
            is_read = request.method in READ
            return Route(POST, lambda: _batch(context, request), None, refused if is_read else None)
        case ["metadata"]:
            return Route(READ, lambda: _metadata(context, request), None)
        case [name] if name.startswith("$"):
            return _operation(context, request, BASE, name[1:])
        case ["_history"] if context.writable is not None:
            return Route(READ, lambda: _history_of_all(context, request), ("read", WRITABLE[0]))
        case [kind, *rest] if kind in KINDS:
            return _of_kind(context, request, kind, rest)
        case [kind, *_] if kind[:1].isupper() and kind.isalnum():
            raise TerminologyError(issues.unknown_type(kind, KINDS))
    raise RefusedError(404, issues.no_such_page(_place(context, request)))


def _of_kind(context: Context, request: Request, kind: str, rest: Sequence[str]) -> Route:
    match rest:
        case [] if request.method in RIGHTS and _is_writable(context, kind):
            methods = _methods(context, kind, *POST, "PUT", "DELETE")
            return Route(methods, lambda: write(context, request, kind), (RIGHTS[request.method], kind))
        case []:
            methods = _methods(context, kind, *POST, "PUT", "DELETE")
            refused = _refused_patch(context, request, kind)
            return Route(methods, lambda: _search(context, request, kind), ("search", kind), refused)
        case ["_search"]:
            return Route((*READ, *POST), lambda: _search(context, request, kind), ("search", kind))
        case [*place, "$import"] if (
            kind == map_import.KIND and _is_writable(context, kind) and len(place) < 2
        ):
            edited = place[0] if place else None
            refused = issues.operation_needs_post(map_import.IMPORT)
            return Route(
                POST, lambda: map_import.import_rows(context, request, edited), ("update", kind), refused
            )
        case [id_, "$row-history"] if kind == map_import.KIND and context.writable is not None:
            return Route(READ, lambda: map_import.row_history(context, request, id_), ("read", kind))
        case [name] if name.startswith("$"):
            return _operation(context, request, kind, name[1:])
        case ["_history"]:
            if context.writable is None or kind not in WRITABLE:
                raise RefusedError(404, issues.history_of_many(kind))
            return Route(READ, lambda: _history(context, request, kind), ("read", kind))
        case [id_] if request.method in ("PUT", "DELETE") and _is_writable(context, kind):
            methods = _methods(context, kind, "PUT", "DELETE")
            return Route(methods, lambda: write(context, request, kind, id_), (RIGHTS[request.method], kind))
        case [id_]:
            methods = _methods(context, kind, "PUT", "DELETE")
            refused = _refused_patch(context, request, kind)
            return Route(methods, lambda: _read(context, request, kind, id_), ("read", kind), refused)
        case [id_, name] if name.startswith("$"):
            return _operation(context, request, kind, name[1:], id_)
        case [id_, "_history"]:
            return Route(READ, lambda: _history(context, request, kind, id_), ("read", kind))
        case [id_, "_history", version]:
            return Route(READ, lambda: _read(context, request, kind, id_, version), ("read", kind))
    raise RefusedError(404, issues.no_such_page(_place(context, request)))


def _refused_patch(context: Context, request: Request, kind: str) -> Issue | None:
    """The refusal of a PATCH, which names the other ways to write such a resource."""
    if request.method != "PATCH" or not _is_writable(context, kind):
        return None
    return issues.no_patch(kind, map_import.IMPORT if kind == map_import.KIND else None)


def _is_writable(context: Context, kind: str) -> bool:
    return context.takes_writes and kind in WRITABLE


def _methods(context: Context, kind: str, *writing: str) -> Sequence[str]:
    return (*READ, *writing) if _is_writable(context, kind) else READ


def _place(context: Context, request: Request) -> str:
    """The path as the client sees it."""
    return f"{urlsplit(context.base).path}/{request.path}".rstrip("/")


# -- reads and searches --------------------------------------------------------------------------


def _read(context: Context, request: Request, kind: str, id_: str, version: str | None = None) -> Response:
    document = past_version(context, kind, id_, version)
    if document is not None:
        visible = context.release.downgrade(_licensed(context, document))
        headers = _version_headers(document, version_id(document))
        return Response(200, summarised(visible, version, request.query), headers)
    header = find_resource(context.catalogue, kind, id_)
    rows = _rows_asked_for(request, kind)
    document = context.catalogue.whole(header, rows=rows)
    tag = version_id(document)
    if version is not None and version != tag:
        raise TerminologyError(issues.unknown_resource_version(kind, id_, version))
    headers = _version_headers(document, tag)
    if request.knows(tag, headers.get("Last-Modified")):
        return Response(304, None, headers)
    if rows and rows.stop < context.catalogue.rows(header):
        headers["Link"] = f'<{_next_rows(context, request, rows)}>; rel="next"'
    visible = context.release.downgrade(_licensed(context, document))
    return Response(200, summarised(visible, tag, request.query), headers)


def _rows_asked_for(request: Request, kind: str) -> range:
    """The concepts or mappings of a large resource that a read is about: ``_count`` of them from ``_offset``.

    None are read for a part of the resource that has none. Raises TerminologyError.
    """
    if not shows(CONTENT_OF[kind], request.query):
        return range(0)
    first = number("_offset", request.query, 0)
    return range(first, first + min(number("_count", request.query, MOST_ROWS), MOST_ROWS))


def _next_rows(context: Context, request: Request, rows: range) -> str:
    form = RESULT - {"_count", "_offset"}
    others = [(name, value) for name, value in request.query if name in form]
    page = [("_count", str(len(rows))), ("_offset", str(rows.stop))]
    return f"{context.base}/{request.path}?{urlencode([*others, *page])}"


def _version_headers(document: Document, tag: str) -> dict[str, str]:
    updated = document.get("meta", {}).get("lastUpdated")
    return {"ETag": f'W/"{tag}"'} | ({"Last-Modified": updated} if instant(updated) else {})


def _history(context: Context, request: Request, kind: str, id_: str | None = None) -> Response:
    """The history of a type or resource: what clients have written, or the one version of a resource that is loaded."""
    bundle = past(context, request, kind, id_)
    if bundle is not None or id_ is None:
        return Response(200, bundle if bundle is None else _licensed(context, bundle))
    document = context.catalogue.whole(find_resource(context.catalogue, kind, id_))
    headers = _version_headers(document, version_id(document))
    present = _presented(context, request, document)
    return Response(200, history(f"{context.base}/{kind}/{id_}", f"{kind}/{id_}", present, headers))


def _history_of_all(context: Context, request: Request) -> Response:
    """What clients have written of every type, which needs the right to read each of them."""
    for kind in WRITABLE:
        require_right(context, request, "read", kind)
    return Response(200, _licensed(context, past(context, request, None, None) or {}))


def _search(context: Context, request: Request, kind: str) -> Response:
    if request.body is not None:
        raise RefusedError(415, issues.search_with_body(FORM))
    catalogue, query, url = context.catalogue, request.query, f"{context.base}/{kind}"
    bundle = search(catalogue, kind, query, url, request.is_strict)
    if not bundle["total"] and context.elsewhere is not None:
        foreign = context.elsewhere.search(kind, query, context.release, request.headers)
        if foreign is not None:
            links = [link for link in bundle["link"] if link["relation"] == "self"]
            document = {**_passed_on(context, foreign), "link": links}
            return Response(200, document, foreign.headers, origin=foreign.origin)
    rows = FIRST_ROWS if shows(CONTENT_OF[kind], query) else range(0)
    for entry in budget.counted(bundle.get("entry", ()), _STEPS_OF_REQUEST):
        if entry["search"]["mode"] != "match":
            continue
        document = catalogue.whole(entry["resource"], rows=rows)
        entry["fullUrl"] = f"{context.base}/{kind}/{document.get('id', '')}"
        entry["resource"] = _presented(context, request, document)
    return Response(200, bundle, warnings=slips_of_search([*PARAMETERS[kind], *RESULT], query))


def _presented(context: Context, request: Request, document: Document) -> Document:
    visible = context.release.downgrade(_licensed(context, document))
    return summarised(visible, version_id(document), request.query)


def _licensed(context: Context, document: Document) -> Document:
    """The document without texts that a licence keeps back, and with the notices of licences."""
    return document if context.view is None else context.view.noticed(context.view.document(document))


def _passed_on(context: Context, foreign: ForeignAnswer) -> Document:
    """The answer of another server. Raises TerminologyError for one that a licence keeps back."""
    if context.view is None:
        return foreign.document
    servers = (issue.server for issue in foreign.origin if issue.server)
    return context.view.passed_on(foreign.document, next(servers, ""))


# -- metadata ------------------------------------------------------------------------------------


def _metadata(context: Context, request: Request) -> Response:
    mode = dict(request.query).get("mode") or "full"
    if mode not in MODES:
        raise TerminologyError(issues.bad_value("mode", mode, f"one of {', '.join(MODES)}"))
    if mode == "terminology":
        also = [CACHE_ID.names[0]] if context.sessions.takes_ids_of_clients else []
        document = capability.terminology(context, also)
        lasts = False  # a store may be out of reach for a while
    else:
        document = capability.statement(context)
        lasts = context.login is None  # the file of users may change
    return Response(200, summarised(document, None, request.query), lasts=lasts)


# -- operations ----------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class _Call:
    """A call of an operation: what ``SURROUNDINGS`` are taken from.

    ``is_repeatable``: other requests with the same parameters would have the same answer, without warnings.
    """

    context: Context
    request: Request
    instance: Document | None
    arguments: Sequence[Argument]
    is_repeatable: bool

    @property
    def largest(self) -> int:
        most = self.context.largest_expansion
        return min(most, self.request.largest_expansion or most)

    @property
    def has_r6_names(self) -> bool:
        return any(argument.name in _R6_NAMES for argument in self.arguments)


# The fields of a request that are not filled by parameters, and where their values come from. A field
# ``languages`` is that of the parameter if there is a field ``accepted``.
SURROUNDINGS: dict[str, Callable[[_Call], Any]] = {
    "accepted": lambda call: call.request.languages,
    "languages": lambda call: call.request.languages,
    "largest": lambda call: call.largest,
    "nested": lambda call: call.context.nested_expansions,
    "as_mapped": lambda call: call.has_r6_names,
    "instance": lambda call: call.instance,
    "roots": lambda call: call.context.roots,
    "tables": lambda call: call.context.state.closures.of(call.request.caller),
    "sessions": lambda call: call.context.sessions,
    "caller": lambda call: call.request.caller,
    "cache_id": lambda call: call.request.headers.get(RequestHeader.CACHE_ID),
    "fhir_versions": lambda call: call.context.releases or (call.context.release,),
}


def _operation(context: Context, request: Request, kind: str, name: str, id_: str | None = None) -> Route:
    operation = operation_of(kind, name, context.release, at_instance=id_ is not None)

    def run() -> Response:
        instance = None if id_ is None else find_resource(context.catalogue, kind, id_)
        place = f"{kind}/${name}" if kind else f"${name}"
        arguments = request.arguments(place, operation.body_parameter)
        warnings = _checked(request, name, operation, arguments)
        is_repeatable = not warnings and instance is None and not operation.affects_state
        call = _Call(context, request, instance, arguments, is_repeatable)
        try:
            response = _run(call, place, operation)
        except TerminologyError as error:
            explain(error, warnings, operation.warns_in)
            raise
        return _warned(response, operation, warnings) if warnings or response.warnings else response

    needs = (operation.right, kind or _KIND_OF_BASE) if operation.right else None
    if operation.affects_state:
        return Route(POST, run, needs, issues.operation_needs_post(name))
    return Route((*READ, *POST), run, needs)


def _run(call: _Call, place: str, operation: Operation) -> Response:
    """The answer to one operation, or to each of the many that one request holds. ``place``: ``Type/$operation``."""
    context, request = call.context, call.request
    catalogue = context.catalogue
    if operation.reads_content:
        catalogue, arguments, is_shared = content_of(context, request, call.arguments)
        call = replace(call, arguments=arguments, is_repeatable=call.is_repeatable and is_shared)
    if operation.each is None:
        return _decided(call, place, operation, catalogue)

    def answer(context: Context, own: Sequence[Argument]) -> tuple[Document, PreparedRequest | None]:
        extended, rest = with_resources(catalogue, context.release, own)
        warnings = _slips(operation, unknown(_known(operation), rest))
        is_repeatable = not warnings and extended is catalogue
        single = replace(
            call, context=context, request=replace(request), arguments=rest, is_repeatable=is_repeatable
        )
        try:
            response = _decided(single, place.replace("batch-", ""), operation, extended)
        except TerminologyError as error:
            explain(error, warnings, operation.warns_in)
            raise
        document = with_warnings(response.resource or {}, operation.warns_in, warnings)
        return document, single.request.prepared

    def fail(error: Exception) -> Document:
        return failure_of(error, request).resource or {}

    def fill(size: int, one: Callable[[Answer, int], Document | Written]) -> list[Document | Written]:
        return _each(context, size, lambda own, index: one(partial(answer, own), index))

    return Response(
        200,
        answer_each(
            operation.each,
            operation.parameters,
            call.arguments,
            fill,
            SharedInBatch(catalogue),
            fail,
            context.writes_parts,
        ),
    )


def _each(context: Context, size: int, answer: Callable[[Context, int], Part]) -> list[Part]:
    """The answers to the requests in a batch, by their indexes. Other servers are asked for all of them together."""
    if context.elsewhere is None or size < 2:
        return [answer(context, index) for index in range(size)]
    elsewhere = context.elsewhere.together()
    own = replace(context, elsewhere=elsewhere)
    answers, waiting = list[Part](), list[int]()
    for index in range(size):
        answers.append(answer(own, index))
        if elsewhere.is_waiting:
            waiting.append(index)
            elsewhere.is_waiting = False
    if waiting:
        elsewhere.ask()
    for index in waiting:
        answers[index] = answer(own, index)
    return answers


def _decided(call: _Call, place: str, operation: Operation, catalogue: Catalogue) -> Response:
    """The answer of the content here or, where that does not decide it, of another server (``wire.elsewhere``)."""
    elsewhere = call.context.elsewhere
    if elsewhere is None:
        return _answer_here(call, _prepared(operation, call), catalogue)
    prepared = _prepared(elsewhere.guarded(operation), call)
    try:
        return _answer_here(call, prepared, catalogue)
    except UndecidedError as error:
        undecided = error
    call = replace(call, is_repeatable=False)
    call.request.prepared = None
    own = PreparedRequest(operation, prepared.release, prepared.fields, prepared.view)
    is_in_url = call.request.method in ("GET", "HEAD")
    question = ForeignQuestion(place, own, call.arguments, catalogue, call.request.headers, is_in_url)
    try:
        foreign = elsewhere.answer(question, undecided)
    except UpstreamError:
        raise
    except TerminologyError as error:
        if call.context.view is not None:
            call.context.view.require_silent([argument.value for argument in call.arguments], error)
        raise
    if foreign is not None:
        return Response(200, _passed_on(call.context, foreign), foreign.headers, origin=foreign.origin)
    return _answer_here(call, own, catalogue)


def _answer_here(call: _Call, prepared: PreparedRequest, catalogue: Catalogue) -> Response:
    """The answer of the content here. Others may be like it, or have no answer for the same reason."""
    notes: list[Issue] = []
    call.request.prepared = prepared if call.is_repeatable else None
    document = prepared.answer(catalogue, notes=notes)
    if notes:
        call.request.prepared = None
    return Response(200, document, warnings=notes)


def _prepared(operation: Operation, call: _Call) -> PreparedRequest:
    """The request of an operation, read from its arguments. Raises TerminologyError."""
    release = call.context.release
    fields = read(operation.parameters, call.arguments)
    for field in operation.resources & fields.keys():
        fields[field] = _upgraded(release, fields[field])
    for field, value_for in _surroundings_of(operation):
        if field not in fields and (value := value_for(call)) is not None:
            fields[field] = value
    return PreparedRequest(operation, release, fields, call.context.view)


@cache
def _surroundings_of(operation: Operation) -> Sequence[tuple[str, Callable[[_Call], Any]]]:
    """The ``SURROUNDINGS`` for which the request of an operation has a field."""
    fields = set(operation.request.__dataclass_fields__)
    if "accepted" in fields:
        fields.discard("languages")
    return [(field, value_for) for field, value_for in SURROUNDINGS.items() if field in fields]


def _upgraded(release: FhirVersion, value: Any) -> Any:
    """A resource, checked, or several, which are checked when they are used."""
    if isinstance(value, list):
        return [release.upgrade(resource) for resource in value]
    return require(release.upgrade(value))


def _checked(request: Request, name: str, operation: Operation, arguments: Sequence[Argument]) -> list[Issue]:
    """Warnings about typing errors. ``Prefer: handling=strict``: an argument that would be ignored is refused."""
    ignored = unknown(_known(operation), arguments)
    if ignored and request.is_strict:
        first = ignored[0]
        known = [name for parameter in operation.all_parameters for name in parameter.names]
        near = near_names(first.name, known)
        raise RefusedError(400, issues.unknown_parameter(first.name, name, known, first.at, near))
    return _slips(operation, ignored)


def _slips(operation: Operation, ignored: Sequence[Argument]) -> list[Issue]:
    """Warnings about typing errors. The name of a parameter that another operation has is none."""
    if not ignored:
        return []
    return slips(operation.all_parameters, [item for item in ignored if item.name.casefold() not in _names()])


@cache
def _names() -> frozenset[str]:
    """The names of all parameters of all operations, without case."""
    rows = (row for operation in OPERATIONS.values() for row in operation.all_parameters)
    return frozenset(name.casefold() for row in rows for name in row.names)


@cache
def _known(operation: Operation) -> tuple[Parameter, ...]:
    return (*operation.all_parameters, *_EVERYWHERE)


def _warned(response: Response, operation: Operation, warnings: Sequence[Issue]) -> Response:
    """The response with warnings in its header, and in its body where the operation has a place for them.

    A request that is like this one is read again: a prepared request has no warnings.
    """
    document = with_warnings(response.resource or {}, operation.warns_in, warnings)
    all_warnings = [*warnings, *response.warnings]
    return Response(200, document, response.headers, warnings=all_warnings, origin=response.origin)


# -- batch ---------------------------------------------------------------------------------------


def _batch(context: Context, request: Request) -> Response:
    """https://hl7.org/fhir/R5/http.html#transaction, for reading: each entry is answered by itself.

    So each entry needs a right of its own, and the batch any right.
    """
    require_any_right(request)
    body = request.body or {}
    if body.get("resourceType") != "Bundle":
        raise TerminologyError(issues.not_a_bundle(body.get("resourceType")))
    if body.get("type") == "transaction" and not context.takes_writes:
        raise TerminologyError(issues.transactions_off())
    if body.get("type") not in ("batch", "transaction"):
        raise TerminologyError(issues.not_a_batch(body.get("type")))
    entries = body.get("entry", [])
    if not isinstance(entries, list):
        raise TerminologyError(issues.not_a_list("Bundle.entry"))
    if len(entries) > BATCH_LIMIT:
        raise TerminologyError(issues.too_many_entries(BATCH_LIMIT, len(entries)))
    if body["type"] == "transaction":
        return transaction(context, request, entries, _permitted, _answered)
    alike = SharedInBatch(context.catalogue)
    answers = _each(
        context, len(entries), lambda own, index: _entry(own, request, alike, entries[index], index)
    )
    return Response(200, batch_response(answers))


def _entry(context: Context, request: Request, alike: SharedInBatch, entry: Document, index: int) -> Document:
    """The answer to an entry: a request of the same client, with the same cache of resources.

    Entries that differ in a code alone are read once, and then answered by ``alike``.
    """
    shared = shared_entry(entry)
    if shared is not None and alike.has(shared):
        try:
            budget.begin_part(_STEPS_OF_REQUEST)
            document = alike.answer(shared)
        except Exception as error:  # as ``respond``
            return failed_entry(error, request)
        if document is not None:
            return whole_entry(context, request, Response(200, document))
    try:
        inner = entry_request(entry, index, context.base, request)
    except TerminologyError as error:
        return failed_entry(error, request)
    response = respond(context, inner)
    if shared is not None and inner.prepared is not None:
        alike.keep(shared, inner.prepared)
    return whole_entry(context, request, response)
