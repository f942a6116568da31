"""The interactions that change resources: create, update, delete, and transactions of them.

https://hl7.org/fhir/R5/http.html#create. Each of them is a transaction of the log of writes, in which it alone writes:
conditions are read, identities compared and the new content compiled before it is committed. The content that others
are answered from changes with the commit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from terminology.core import issues
from terminology.core.errors import RefusedError, TerminologyError
from terminology.core.model import Document, Issue
from terminology.core.new_ids import new_uuid
from terminology.wire import json
from terminology.wire.edge import require_id, valid_resource
from terminology.wire.exchange import Context, Request, Response, WritableContent
from terminology.wire.outcome import operation_outcome
from terminology.wire.request_headers import RequestHeader
from terminology.wire.search import RESULT, search

if TYPE_CHECKING:
    from terminology.catalogue.protocol import Catalogue
    from terminology.store.write_log import ResourceVersion, WriteTransaction

WRITABLE = ("CodeSystem", "ValueSet", "ConceptMap")
CREATE, UPDATE, DELETE = "POST", "PUT", "DELETE"
LONGEST_REASON = 1_000
_ETAG = re.compile(r'(?:W/)?"([^"]*)"')
# The right that a write by each method needs.
RIGHTS = {CREATE: "create", UPDATE: "update", DELETE: "delete"}


@dataclass(slots=True)
class Write:
    """One resource that a request writes.

    ``document`` is the resource in the shape of the request's release; None for a deletion. ``id`` is that of the
    address; for a create, and where ``criteria`` choose the resource, it is None at first. ``before`` and ``after`` are
    the versions before and after it, ``existing`` is the resource that was there instead of a new one. ``entry`` is
    the number of the entry in a transaction.
    """

    method: str
    kind: str
    document: Document | None = None
    id: str | None = None
    criteria: str | None = None
    headers: Mapping[RequestHeader, str] = field(default_factory=dict)
    before: ResourceVersion | None = None
    after: ResourceVersion | None = None
    existing: Document | None = None
    entry: int | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to write: the new resource exists, or the one to delete does not."""
        is_there = self.before is not None and not self.before.is_deletion
        return self.existing is not None or (self.method == DELETE and not is_there)


def write(context: Context, request: Request, kind: str, id_: str | None = None) -> Response:
    """The answer to a create, update or deletion. Raises TerminologyError, UnavailableError."""
    one = write_of(context, request, kind, id_)
    with Changes.begun(context, request, reason_of(request)) as changes:
        changes.carry_out([one])
    return response_of(context, request, one)


def write_of(context: Context, request: Request, kind: str, id_: str | None) -> Write:
    """The write that a request asks for. Raises TerminologyError for a resource that cannot be written."""
    query = [(name, value) for name, value in request.query if name not in RESULT]
    if request.method == DELETE:
        chosen = None if id_ is not None else _criteria(query)
        return Write(DELETE, kind, id=id_, criteria=chosen, headers=request.headers)
    document = request.body
    if document is None:
        raise TerminologyError(issues.no_resource_to_write(kind))
    if document.get("resourceType") != kind:
        raise TerminologyError(issues.other_type_to_write(kind, document.get("resourceType")))
    if id_ is not None:
        require_id(id_)
        if document.get("id") != id_:
            raise TerminologyError(issues.other_id_to_write(f"{kind}.id", document.get("id"), id_))
    valid_resource(document, context.release)
    criteria = request.headers.get(RequestHeader.IF_NONE_EXIST)
    if request.method == UPDATE:
        criteria = None
        if id_ is None:
            criteria = _criteria(query)
    return Write(request.method, kind, document, id_, criteria, request.headers)


def _criteria(query: Sequence[tuple[str, str]]) -> str:
    """The search that a condition is, as it is repeated in messages."""
    return urlencode(query, safe=":/|,$")


def response_of(context: Context, request: Request, write: Write) -> Response:
    """The response to a write that was carried out: https://hl7.org/fhir/R5/http.html#return."""
    if write.existing is not None:
        id_ = write.existing["id"]
        return Response(200, None, {"Location": f"{context.base}/{write.kind}/{id_}"})
    after = write.after
    if after is None or after.is_deletion:
        return Response(204, None, {} if after is None else {"ETag": f'W/"{after.version}"'})
    is_new = write.before is None or write.before.is_deletion
    headers = {
        "Location": f"{context.base}/{after.kind}/{after.id}/_history/{after.version}",
        "ETag": f'W/"{after.version}"',
        "Last-Modified": after.instant,
    }
    wish = re.search(r"return\s*=\s*(\w+)", request.headers.get(RequestHeader.PREFER, ""))
    resource: Document | None = json.read_own(after.body or b"{}")
    if wish is not None and wish[1] == "minimal":
        resource = None
    elif wish is not None and wish[1] == "OperationOutcome":
        resource = operation_outcome([deed(after)])
    return Response(201 if is_new else 200, resource, headers)


def deed(version: ResourceVersion) -> Issue:
    """Who has written a version, and why."""
    return issues.change_of_resource(
        version.method, version.kind, version.id, version.version, version.author, version.reason
    )


def require_current(write: Write) -> None:
    """Raises RefusedError (412) where the version before is not the one that the request's headers name."""
    before, kind, id_ = write.before, write.kind, write.id or ""
    current = None if before is None or before.is_deletion else str(before.version)
    if (wish := write.headers.get(RequestHeader.IF_MATCH)) is not None and wish.strip() != "*":
        tag = _ETAG.fullmatch(wish.strip())
        if tag is None:
            raise TerminologyError(issues.bad_precondition("If-Match", wish))
        if tag[1] != current:
            raise RefusedError(412, issues.version_changed(kind, id_, f"If-Match: {wish}", current))
    elif wish is not None and current is None:
        raise RefusedError(412, issues.version_changed(kind, id_, "If-Match: *", None))
    if write.headers.get(RequestHeader.IF_NONE_MATCH, "").strip() == "*" and current is not None:
        raise RefusedError(412, issues.version_changed(kind, id_, "If-None-Match: *", current))


class Changes:
    """The writes of one request, in a transaction of the log."""

    def __init__(
        self, context: Context, request: Request, change: WriteTransaction, reason: str | None
    ) -> None:
        self._context, self._change = context, change
        self._author, self._reason = request.user.name, reason
        # The content as it was committed last: nobody else writes meanwhile.
        self._content = self._after = writable_of(context).catalogue()
        self._catalogue = self._content.for_fhir(context.release.version)

    @classmethod
    @contextmanager
    def begun(cls, context: Context, request: Request, reason: str | None) -> Iterator[Changes]:
        """The changes of a request; they are committed at the end of the block. Raises as ``WriteLog.writing`` does."""
        with writable_of(context).log.writing() as change:
            yield cls(context, request, change, reason)

    def visible(self) -> Catalogue:
        """The content as the writes leave it, without the texts that a licence keeps back from the client."""
        content, view = self._after, self._context.view
        if view is not None:
            content = view.of(content) if content is self._content else view.of_request(content)
        return content.for_fhir(self._context.release.version)

    def present(self, kind: str, id_: str) -> ResourceVersion:
        """The version of a written resource that is to be changed. Raises TerminologyError where there is none."""
        version = self._change.latest(kind, id_)
        if version is None or version.is_deletion:
            if version is None and self._catalogue.has_id(kind, id_):
                raise TerminologyError(issues.content_not_writable(kind, id_))
            raise TerminologyError(issues.unknown_resource(kind, id_))
        return version

    def carry_out(
        self, writes: Sequence[Write], refer: Callable[[Document], Document] = lambda document: document
    ) -> None:
        """Write all of it. ``refer`` puts identities that are known now into a resource."""
        for write in writes:
            with at_entry(write):
                self._resolve(write)
        self._require_different(writes)
        for write in writes:
            with at_entry(write):
                if not write.is_done:
                    self._add(write, refer)
        for write in writes:
            with at_entry(write):
                self._require_own_canonical(write)
        done = [write.after for write in writes if write.after is not None]
        if done:
            self._after = writable_of(self._context).with_changes(done)
            preview = self._after.for_fhir(self._context.release.version)
            for write in writes:
                with at_entry(write):
                    _compile(preview, write)

    def _resolve(self, write: Write) -> None:
        """Find out which resource is written, and whether its present version is the one that is expected."""
        if write.criteria is not None:
            match = self._match(write.kind, write.criteria)
            if match is not None and write.method == CREATE:
                write.existing = match
                return
            own = (write.document or {}).get("id")
            if match is not None and write.method == DELETE:
                write.id = match["id"]
            elif match is not None and write.method == UPDATE:
                if own not in (None, match["id"]):
                    raise TerminologyError(issues.id_of_other_match(write.kind, own, match["id"]))
                write.id = match["id"]
            elif write.method == UPDATE:
                write.id = own
        if write.id is None:
            write.id = self._new_id(write.kind)
        require_id(write.id)
        write.before = self._change.latest(write.kind, write.id)
        is_content = self._catalogue.has_id(write.kind, write.id)
        if is_content and (write.before is None or write.before.is_deletion):
            raise TerminologyError(issues.content_not_writable(write.kind, write.id))
        require_current(write)

    def _new_id(self, kind: str) -> str:
        """An id that no resource has had."""
        while True:
            id_ = str(new_uuid())
            if self._change.latest(kind, id_) is None:
                return id_

    def _match(self, kind: str, criteria: str) -> Document | None:
        """The resource that a condition chooses. Raises RefusedError (412) for several."""
        query = parse_qsl(criteria.lstrip("?"), keep_blank_values=True)
        query = [(name, value) for name, value in query if name not in RESULT]
        if not any(value for _, value in query):
            raise RefusedError(412, issues.condition_without_criteria(kind))
        # Of the content that the client sees: a condition on a text that a licence keeps back would tell of it.
        bundle = search(self.visible(), kind, query, "", strict=True)
        if bundle["total"] > 1:
            raise TerminologyError(issues.several_matches(kind, criteria, bundle["total"]))
        match: Document | None = bundle["entry"][0]["resource"] if bundle["total"] else None
        return match

    def _require_different(self, writes: Sequence[Write]) -> None:
        known: set[tuple[str, str | None]] = set()
        for write in writes:
            with at_entry(write):
                if (name := (write.kind, write.id)) in known and write.existing is None:
                    raise TerminologyError(issues.entry_twice(write.kind, write.id or ""))
                known.add(name)

    def _add(self, write: Write, refer: Callable[[Document], Document]) -> None:
        from terminology.store.write_log import ResourceVersion

        number = 1 if write.before is None else write.before.version + 1
        document = None
        if write.document is not None:
            document = self._complete(refer(write.document), write.id or "", number)
        write.after = self._change.add(
            ResourceVersion(
                number=0,
                kind=write.kind,
                id=write.id or "",
                version=number,
                method=write.method,
                url=None if document is None else document["url"],
                business_version=None if document is None else document.get("version"),
                fhir_version=self._context.release.version,
                instant=self._change.instant,
                author=self._author,
                reason=self._reason,
                body=None if document is None else json.write(document),
            )
        )

    def _complete(self, document: Document, id_: str, number: int) -> Document:
        """The resource with its id and version, which the server gives."""
        meta = {
            **document.get("meta", {}),
            "versionId": str(number),
            "lastUpdated": self._change.instant,
        }
        rest = {name: value for name, value in document.items() if name not in ("resourceType", "id", "meta")}
        return {"resourceType": document["resourceType"], "id": id_, "meta": meta, **rest}

    def _require_own_canonical(self, write: Write) -> None:
        """Raises TerminologyError where another resource has the url and version."""
        after = write.after
        if after is None or after.url is None:
            return
        kind, url, version = write.kind, after.url, after.business_version
        at, canonical = f"{kind}.url", f"{url}|{version}" if version else url
        others = [id_ for id_ in self._change.same_canonical(kind, url, version) if id_ != write.id]
        if others:
            raise TerminologyError(issues.canonical_in_use(kind, canonical, others, at))
        for header in self._catalogue.headers(kind, url):
            if header.get("version") == version:
                latest = self._change.latest(kind, header.get("id", ""))
                if latest is None:
                    raise TerminologyError(issues.canonical_of_content(kind, canonical, at))


def _compile(content: Catalogue, write: Write) -> None:
    """Compile the resource as the first question about it would. Raises TerminologyError."""
    if write.after is None or write.after.is_deletion:
        return
    document = content.resource(write.kind, write.after.id)
    if write.kind == "CodeSystem":
        system = content.compiled_system(document)
        if system is not None:
            system.locate("")
    elif write.kind == "ConceptMap":
        content.compile_map(document)


def reason_of(request: Request) -> str | None:
    """Why something is written, as the client says. Raises TerminologyError for more than a short text."""
    text = request.headers.get(RequestHeader.CHANGE_REASON)
    if text is None:
        return None
    try:
        # WSGI has the bytes of a header as Latin-1.
        return checked_reason(text.encode("latin-1").decode("utf-8"))
    except UnicodeError:
        raise TerminologyError(issues.bad_change_reason(LONGEST_REASON)) from None


def checked_reason(text: str) -> str | None:
    """A reason; None for an empty one. Raises TerminologyError for more than a short text."""
    reason = text.strip()
    if len(reason) > LONGEST_REASON or any(not character.isprintable() for character in reason):
        raise TerminologyError(issues.bad_change_reason(LONGEST_REASON))
    return reason or None


def writable_of(context: Context) -> WritableContent:
    """The content that can be written. To ask for it where there is none is a fault of this package."""
    assert context.writable is not None
    return context.writable


@contextmanager
def at_entry(write: Write) -> Iterator[None]:
    """Say in an error of a transaction which entry it is about."""
    try:
        yield
    except TerminologyError as error:
        if write.entry is not None:
            place = f"Bundle.entry[{write.entry}]"
            error.issues = [
                replace(issue, at=[_inside(place, at) for at in issue.at] or [place])
                for issue in error.issues
            ]
        raise


def _inside(place: str, at: str) -> str:
    """The FHIRPath of an element of the resource in an entry.

    >>> _inside("Bundle.entry[1]", "CodeSystem.concept[0].code")
    'Bundle.entry[1].resource.concept[0].code'
    """
    _, dot, rest = at.partition(".")
    return f"{place}.resource{dot}{rest}"
