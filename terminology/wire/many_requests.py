"""``$batch-validate-code`` and ``$batch-translate``: many requests of an operation in one.

Every ``validation`` (as HL7's ecosystem has it) or ``translation`` (ours, after its model) is a Parameters resource.
The parameters beside it stand for all those that do not have their own. Each is answered by itself, in order; one
that fails has an OperationOutcome in its place. All share the budget of the request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from terminology.core import budget, issues
from terminology.core.errors import OverBudgetError, TerminologyError
from terminology.core.model import Document
from terminology.wire import json
from terminology.wire.bundle import BATCH_LIMIT, batch_entry
from terminology.wire.exchange import Context, Request, Response
from terminology.wire.failures import failure_of
from terminology.wire.json import Written
from terminology.wire.operation import PreparedRequest
from terminology.wire.parameters import Argument, Parameter, from_body, named
from terminology.wire.shared_requests import SharedInBatch, SharedRequest
from terminology.wire.write.parameters import parameters, resource

# An answer, and the request that it is the answer to, if others like it may share it.
Answer = Callable[[Sequence[Argument]], tuple[Document, PreparedRequest | None]]
Fail = Callable[[Exception], Document]
# Makes a list of a size: by a function that makes one answer of another function and an index.
Fill = Callable[[int, Callable[[Answer, int], Document | Written]], list[Document | Written]]

# So many bytes of the answers in a batch count as a step.
BYTES_PER_STEP = 4
_STEPS_OF_PART = 500

# Fields that are alternatives: a part that has one of a group inherits none of that group.
_ALTERNATIVES = (
    frozenset({"code", "coding", "concept", "target_code", "target_coding", "target_concept"}),
    frozenset(
        {"url", "value_set", "value_set_version", "code_system", "context", "concept_map", "map_version"}
    ),
)


def answer_each(
    name: str,
    rows: Sequence[Parameter],
    arguments: Sequence[Argument],
    fill: Fill,
    alike: SharedInBatch,
    fail: Fail,
    is_written: bool,
) -> Document:
    """The answers to all arguments of a name, as Parameters. ``fail`` makes an OperationOutcome of any error.

    ``fill`` makes the list of the answers, and gives the function that answers one. Those that differ in a code
    alone are read once, and then answered by ``alike``. ``is_written``: see ``part``.
    Raises TerminologyError when there is no such argument, or too many.
    """
    questions = [item for item in arguments if item.name == name]
    if not questions:
        raise TerminologyError(issues.missing_parameter(f"'{name}'"))
    if len(questions) > BATCH_LIMIT:
        raise TerminologyError(issues.too_many_entries(BATCH_LIMIT, len(questions)))
    shared = [item for item in arguments if item.name != name]

    def document_of(answer: Answer, question: Argument) -> Document:
        body = _body(question)
        request = _shared_request(body)
        document = None if request is None else alike.answer(request)
        if document is not None:
            return document
        own = _own(question, body)
        document, prepared = answer([*own, *_inherited(shared, own, rows)])
        if request is not None and prepared is not None:
            alike.keep(request, prepared)
        return document

    def result_of(answer: Answer, index: int) -> Document | Written:
        try:
            budget.begin_part(_STEPS_OF_PART)
            return part(document_of(answer, questions[index]), is_written)
        except Exception as error:
            return fail(error)

    return parameters(resource(name, result) for result in fill(len(questions), result_of))


def part(document: Document, is_written: bool) -> Document | Written:
    """The answer to one of many requests, whose bytes count as steps. Raises OverBudgetError.

    All answers are in the memory together. Where they are written as JSON in the end, each ``is_written`` at once:
    bytes take less room than objects.
    """
    content = json.write(document)
    budget.spend(len(content) // BYTES_PER_STEP)
    return Written(content) if is_written else document


def _body(question: Argument) -> Document:
    """The Parameters of one request. Raises TerminologyError for anything but a resource."""
    body = None if isinstance(question.value, str) else question.value.get("resource")
    if not isinstance(body, dict):
        issue = issues.bad_value(question.name, None, "a Parameters resource", question.at)
        raise TerminologyError(issue)
    return body


def _shared_request(body: Document) -> SharedRequest | None:
    """The request of one part, if others may be like it."""
    nodes = body.get("parameter")
    if len(body) != 2 or body.get("resourceType") != "Parameters" or not isinstance(nodes, list):
        return None
    request = SharedRequest(["part"])
    return request if request.add_nodes(nodes) is not None and request.names else None


def _own(question: Argument, body: Document) -> list[Argument]:
    """The arguments of one request, each with its place in the whole."""
    return [
        Argument(item.name, item.value, item.at.replace("Parameters", f"{question.at}.resource", 1))
        for item in from_body(body, question.name)
    ]


def _inherited(
    shared: Sequence[Argument], own: Sequence[Argument], rows: Sequence[Parameter]
) -> list[Argument]:
    """The shared arguments for which the request has none of its own."""
    if not shared:
        return []
    known = named(tuple(rows))

    def field_of(item: Argument) -> str | None:
        row = known.get(item.name.casefold())
        return None if row is None else row.field

    own_fields = {field_of(item) for item in own}
    for alternatives in _ALTERNATIVES:
        if own_fields & alternatives:
            own_fields |= alternatives
    own_fields.discard(None)
    return [item for item in shared if field_of(item) not in own_fields]


def whole_entry(context: Context, request: Request, response: Response) -> Document:
    """The entry of a response, if there is work left for its bytes.

    Else a write that was carried out has no resource there, and any other request has failed.
    """
    if response.resource is None:
        return batch_entry(response, None)
    try:
        return batch_entry(response, part(response.resource, context.writes_parts))
    except OverBudgetError as error:
        is_written = "Location" in response.headers
        return batch_entry(response, None) if is_written else failed_entry(error, request)


def failed_entry(error: Exception, request: Request) -> Document:
    """The entry of a request that failed."""
    response = failure_of(error, request)
    return batch_entry(response, response.resource)
