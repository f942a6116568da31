"""Transactions: a Bundle of which either all entries are carried out or none.

https://hl7.org/fhir/R5/http.html#transaction. Deletions come first, then creates, then updates, and last the
questions, which are answered from the content as the transaction leaves it. A question without an answer is a fault
like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.wire.bundle import entry_request
from terminology.wire.changes import (
    CREATE,
    DELETE,
    RIGHTS,
    UPDATE,
    WRITABLE,
    Changes,
    Write,
    at_entry,
    reason_of,
    response_of,
    write_of,
)
from terminology.wire.exchange import Context, Request, Response
from terminology.wire.many_requests import whole_entry
from terminology.wire.operation import BASE
from terminology.wire.operation_table import operation_of
from terminology.wire.permission import require_right

_ORDER = (DELETE, CREATE, UPDATE)
Answer = Callable[[Context, Request], Response]
Permit = Callable[[Context, Request], object]


def transaction(
    context: Context, request: Request, entries: Sequence[Any], permit: Permit, answer: Answer
) -> Response:
    """The answer to a transaction. ``answer`` answers a question that is an entry; ``permit`` says whether it would.

    Raises TerminologyError, whose issues name the entry at fault; then nothing is changed.
    """
    requests = [entry_request(entry, index, context.base, request) for index, entry in enumerate(entries)]
    writes: dict[int, Write] = {}
    for index, inner in enumerate(requests):
        with at_entry(Write("", "", entry=index)):
            if (write := _write(context, inner)) is not None:
                write.entry = index
                writes[index] = write
    refer = _Identities(entries, writes).refer
    questions = {index: inner for index, inner in enumerate(requests) if index not in writes}
    preview = replace(context, writable=None, takes_writes=False)
    for index, question in questions.items():  # nobody waits for a transaction that is refused
        with at_entry(Write("", "", entry=index)):
            permit(preview, question)
    if writes:
        with Changes.begun(context, request, reason_of(request)) as changes:
            changes.carry_out(sorted(writes.values(), key=lambda each: _ORDER.index(each.method)), refer)
            if questions:
                preview = replace(preview, catalogue=changes.visible())
            responses = _answers(preview, questions, answer)
    else:
        # Questions alone need no lock: a user who may only read cannot make writers wait.
        responses = _answers(preview, questions, answer)
    for index, write in writes.items():
        responses[index] = response_of(context, requests[index], write)
    answers = [whole_entry(context, inner, responses[index]) for index, inner in enumerate(requests)]
    bundle: Document = {"resourceType": "Bundle", "type": "transaction-response"}
    return Response(200, bundle | ({"entry": answers} if answers else {}))


def _answers(preview: Context, questions: Mapping[int, Request], answer: Answer) -> dict[int, Response]:
    """The answers to the entries that are questions. Raises TerminologyError."""
    responses: dict[int, Response] = {}
    for index, question in questions.items():
        with at_entry(Write("", "", entry=index)):
            responses[index] = answer(preview, question)
    return responses


def _write(context: Context, request: Request) -> Write | None:
    """The write of an entry; None for a question. Raises TerminologyError for what can be neither."""
    match (request.method, *request.path.split("/")):
        case ("GET" | "HEAD", *_):
            return None
        case ("POST" | "PUT" | "DELETE", kind) if kind in WRITABLE:
            require_right(context, request, RIGHTS[request.method], kind)
            return write_of(context, request, kind, None)
        case ("PUT" | "DELETE", kind, id_) if kind in WRITABLE and not id_.startswith("$"):
            require_right(context, request, RIGHTS[request.method], kind)
            return write_of(context, request, kind, id_)
        case ("POST", *place, name) if name.startswith("$"):
            kind = place[0] if place else BASE
            if not operation_of(kind, name[1:], context.release, at_instance=len(place) > 1).affects_state:
                return None
    raise TerminologyError(issues.entry_not_for_transaction(request.method, request.path))


class _Identities:
    """The resources of a transaction by the ``fullUrl`` (a URN) that its other entries may name them by."""

    def __init__(self, entries: Sequence[Any], writes: Mapping[int, Write]) -> None:
        urls = {index: entries[index].get("fullUrl") for index in writes}
        self._writes = {
            url: writes[index]
            for index, url in urls.items()
            if isinstance(url, str) and url.startswith("urn:")
        }

    def refer(self, document: Document) -> Document:
        """The resource with the identities of others: their canonicals, and in references their type and id."""
        return document if not self._writes else self._referring(document, "")

    def _referring(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {key: self._referring(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._referring(inner, name) for inner in value]
        if not isinstance(value, str) or (write := self._writes.get(value)) is None:
            return value
        if name == "reference" or write.document is None:
            return f"{write.kind}/{write.existing['id'] if write.existing else write.id}"
        return write.document["url"]
