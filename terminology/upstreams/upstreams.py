"""All upstreams: who is asked, in which order, and whose answer counts.

The first one in the file that may be asked for the missing content, and has it, answers the whole operation. One that
does not have it either passes the question on to the next. One with a fault does so, too, but then only an answer that
is not negative counts: "no" would perhaps have been "yes". After those of the file come the servers that its registries
name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from threading import BoundedSemaphore
from typing import Any

from terminology.catalogue.protocol import Catalogue
from terminology.core import budget, issues
from terminology.core.errors import RefusedError, TerminologyError, UndecidedError, UpstreamError
from terminology.core.model import Document, Issue, split_canonical
from terminology.operations.validate.validation import Validation
from terminology.operations.value_set.related import ValueSetRelation
from terminology.operations.value_set.relation import RelationCode
from terminology.upstreams import reverse_translation
from terminology.upstreams.configuration import RegistrySettings, UpstreamSettings, UpstreamsFile
from terminology.upstreams.gaps import GAPS, Canonical, Gap, gap_in
from terminology.upstreams.kept_answers import KeptAnswers, Reply
from terminology.upstreams.mixed_translation import with_maps
from terminology.upstreams.mixing import with_parts
from terminology.upstreams.registry import ServerRegistry
from terminology.upstreams.translated import (
    Node,
    answer_from,
    is_in_reverse,
    is_negative,
    issues_of,
    lacks_content,
    parameters_of,
    question_for,
    r5_answer,
)
from terminology.upstreams.upstream import NOTHING, Known, ReadReply, Sent, Upstream
from terminology.wire.elsewhere import ANSWERED_BY, ForeignAnswer, ForeignQuestion
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.operation import Operation
from terminology.wire.request_headers import Headers, RequestHeader
from terminology.wire.slips import WARNING

# A question that has passed so many servers goes no further, whatever their names.
MOST_HOPS = 4
# Without a budget, as outside of requests, a question may take so long, in seconds.
_LONGEST = 60.0
# The time that is left to write the answer, in seconds.
_RESERVE = 0.25
# The codes of a refusal by an upstream that lacks the content.
_MISSING = frozenset({"code-invalid", "not-found", "not-supported"})
_STATUSES = frozenset({404, 405, 410, 501})
# The parameters of a search by canonical that are passed on, and those that are only about the form of the answer.
_SEARCHED = frozenset({"url", "version", "_summary", "_elements", "_count"})
_FORM = frozenset({"_format", "_pretty", "_total"})

log = logging.getLogger("terminology")


class Upstreams:
    """The upstreams of a file. For use by several threads; ``most`` questions are open at a time."""

    def __init__(self, file: UpstreamsFile, most: int) -> None:
        self._id = file.id
        replies = KeptAnswers(file.cache_seconds, file.stale_seconds, file.cache_bytes)
        slots = BoundedSemaphore(most)

        def upstream(settings: UpstreamSettings) -> Upstream:
            return Upstream(settings, replies, slots, most)

        self._upstreams = list(map(upstream, file.upstreams))
        bases = frozenset(settings.base for settings in file.upstreams)
        self._registries = [ServerRegistry(settings, upstream, bases) for settings in file.registries]
        self._settings: list[UpstreamSettings | RegistrySettings] = [*file.upstreams, *file.registries]
        self._operations: dict[Operation, Operation] = {}

    def usable(self) -> dict[str, bool]:
        """By the name of each upstream and registry: whether it is asked at the moment, or left alone after faults."""
        registries = {each.settings.server.name: each.is_usable for each in self._registries}
        return {each.settings.name: each.is_usable for each in self._upstreams} | registries

    def guarded(self, operation: Operation) -> Operation:
        """The operation, which also raises UndecidedError where an upstream may be asked."""
        guarded = self._operations.get(operation)
        if guarded is None:
            guarded = operation
            if operation.run in GAPS:
                guarded = replace(operation, run=self._guarded_run(operation.run))
            self._operations[operation] = guarded
        return guarded

    def _guarded_run(self, run: Callable[[Catalogue, Any], Any]) -> Callable[[Catalogue, Any], Any]:
        def guarded(catalogue: Catalogue, request: Any) -> Any:
            local: Any
            try:
                local = run(catalogue, request)
            except TerminologyError as error:
                local = error
            gap = gap_in(run, catalogue, request, local)
            is_error = isinstance(local, TerminologyError)
            if gap is not None and self._may_answer(gap):
                says_something = not is_error and not _is_no(local)
                raise UndecidedError(issues.undecided(gap.names), gap, has_answer=says_something)
            if is_error:
                raise local
            return local

        return guarded

    def _may_answer(self, gap: Gap) -> bool:
        """Whether one upstream may answer, or several may answer in parts."""
        if not gap.is_mixed and self._one_may_answer(gap):
            return True
        if gap.value_set is None and not gap.other_maps:
            return False
        return all(self._one_may_answer(Gap([canonical])) for canonical in gap.all_of)

    def _one_may_answer(self, gap: Gap) -> bool:
        return any(_may_answer(settings, gap) for settings in self._settings)

    def _asked_for(self, gap: Gap) -> Iterator[Upstream | UpstreamError]:
        """The upstreams that may answer, one after the other, and the faults of registries."""
        yield from (upstream for upstream in self._upstreams if _may_answer(upstream.settings, gap))
        bases = set[str]()
        for registry in self._registries:
            if not _may_answer(registry.settings, gap):
                continue
            try:
                servers = registry.upstreams_for(gap, _seconds_left())
            except UpstreamError as error:
                yield error
                continue
            yield from (server for server in servers if server.settings.base not in bases)
            bases |= {server.settings.base for server in servers}

    def together(self) -> TogetherUpstreams:
        return TogetherUpstreams(self)

    def errand_of(self, question: ForeignQuestion, undecided: UndecidedError) -> tuple[_Errand, Sent] | None:
        """What one upstream is asked for first; None where no upstream is asked for the whole operation."""
        gap = undecided.gap
        assert isinstance(gap, Gap)
        headers = self._headers(question.headers)
        if headers is None or gap.is_mixed or not self._one_may_answer(gap):
            return None
        return self._errand(question, gap, headers), headers

    def answer(
        self, question: ForeignQuestion, undecided: UndecidedError, known: Known = NOTHING
    ) -> ForeignAnswer | None:
        """The answer of the first upstream that has the missing content, or of several; None if none has.

        Raises UpstreamError, and TerminologyError for the refusal of an upstream.
        """
        gap = undecided.gap
        assert isinstance(gap, Gap)
        headers = self._headers(question.headers)
        if headers is None:
            return None
        if gap.is_mixed or not self._one_may_answer(gap):
            return self._mixed_answer(question, gap, headers)
        answer = self._ask(self._errand(question, gap, headers), headers, known)
        if gap.composes and (answer.foreign is None or is_negative(answer.foreign.document)):
            with _without_refusals():
                mixed = self._mixed_answer(question, gap, headers)
                if not is_negative(mixed.document):
                    return mixed
        if answer.is_missing and (undecided.has_answer or answer.is_empty):
            return None
        return answer.require()

    def _errand(self, question: ForeignQuestion, gap: Gap, headers: Sent) -> _Errand:
        """The whole operation of a question."""

        def read(upstream: Upstream, release: FhirVersion, document: Document) -> Document:
            if is_in_reverse(release, question):
                document = _with_words_turned(upstream, question, document, headers)
            return answer_from(release, question, document, upstream.settings.base)

        return _Errand(
            path=question.path,
            expected="ValueSet" if question.path.endswith("$expand") else "Parameters",
            parameters=lambda release: question_for(release, question, gap),
            read=read,
            gap=gap,
            in_url=question.is_in_url,
        )

    def ask_together(self, errands: Sequence[tuple[_Errand, Sent]]) -> dict[Hashable, Reply | UpstreamError]:
        """The answers of the first upstream of each, where it takes batches."""
        known: dict[Hashable, Reply | UpstreamError] = {}
        for upstream in self._upstreams:
            own = [each for each in errands if self._first(each[0]) is upstream]
            for headers in [dict(pairs) for pairs in {tuple(sent.items()) for _, sent in own}]:
                with suppress(UpstreamError):
                    release = upstream.release(_seconds_left(), headers)
                    operations = [
                        (errand.path, errand.parameters(release), errand.expected, errand.in_url)
                        for errand, sent in own
                        if sent == headers
                    ]
                    known |= upstream.operate_together(operations, headers, _seconds_left())
        return known

    def _first(self, errand: _Errand) -> Upstream | None:
        """The upstream of the file that is asked first; None where only servers of a registry may be."""
        return next((each for each in self._upstreams if _may_answer(each.settings, errand.gap)), None)

    def _mixed_answer(self, question: ForeignQuestion, gap: Gap, headers: Sent) -> ForeignAnswer:
        """The answer of the content here and the parts that upstreams have."""
        sources: dict[str, ForeignAnswer] = {}

        def ask(part: Gap, path: str, parameters: Sequence[Node], expected: str) -> Document:
            if not self._one_may_answer(part):
                raise TerminologyError(issues.undecided(part.names))
            errand = _Errand(
                path=path,
                expected=expected,
                parameters=lambda release: parameters_of(path, parameters, release),
                read=lambda upstream, release, document: r5_answer(path, document, release),
                gap=part,
            )
            answer = self._ask(errand, headers)
            if answer.is_empty:
                raise TerminologyError(issues.undecided(part.names))
            foreign = answer.require()
            if answer.is_missing:
                raise TerminologyError(issues.undecided(part.names))
            sources[foreign.headers[ANSWERED_BY]] = foreign
            return foreign.document

        add = with_maps if question.path.endswith("$translate") else with_parts
        catalogue, notes = add(question, gap, ask), list[Issue]()
        document = question.prepared.answer(catalogue, notes=notes)
        return _of_several(document, list(sources.values()), notes)

    def _ask(self, errand: _Errand, headers: Sent, known: Known = NOTHING) -> _Answer:
        """The answer of the first upstream that may answer, and has the content.

        Raises UpstreamError, and TerminologyError for a refusal that has another reason than missing content.
        """
        fault: UpstreamError | None = None
        refusal: TerminologyError | None = None
        denial: ForeignAnswer | None = None
        for upstream in self._asked_for(errand.gap):
            if isinstance(upstream, UpstreamError):
                fault = fault or upstream
                continue
            try:
                release = upstream.release(_seconds_left(), headers)
                sent = errand.parameters(release)
                expected, in_url = errand.expected, errand.in_url
                reply = upstream.operate(errand.path, sent, headers, _seconds_left(), expected, known, in_url)
                with _reading(upstream, release):
                    if reply.status == 200:
                        document = errand.read(upstream, release, reply.document)
                        foreign = _foreign(upstream, document, reply)
                        if not is_negative(document):
                            return _Answer(foreign, is_missing=False)
                        if fault is None and not lacks_content(document, errand.gap):
                            return _Answer(foreign, is_missing=False)
                        denial = denial or foreign
                        continue
                    own = refusal_of(upstream.settings, reply)
            except UpstreamError as error:
                fault = fault or error
                continue
            if not _says_missing(own, reply.status):
                raise fault or own
            if refusal is None or not _knows_system(refusal):
                refusal = own
        if fault is not None:
            raise fault
        return _Answer(denial, refusal)

    def search(
        self, kind: str, query: Sequence[tuple[str, str]], release: FhirVersion, headers: Headers
    ) -> ForeignAnswer | None:
        """The matches of a search by canonical: those of the first upstream that has any. Raises UpstreamError."""
        canonical = _canonical_of(kind, query)
        sent = self._headers(headers)
        if canonical is None or sent is None:
            return None
        fault: UpstreamError | None = None
        for upstream in self._asked_for(Gap([canonical])):
            if isinstance(upstream, UpstreamError):
                fault = fault or upstream
                continue
            try:
                own = upstream.release(_seconds_left(), sent)
                passed = [(name, value) for name, value in query if name in _SEARCHED]
                reply = upstream.read(kind, passed, sent, _seconds_left(), "Bundle")
                if reply.status == 200:
                    with _reading(upstream, own):
                        bundle = bundle_of(own, release, reply.document)
                    if bundle["total"]:
                        return _foreign(upstream, bundle, reply)
            except UpstreamError as error:
                fault = fault or error
        if fault is not None:
            raise fault
        return None

    def _headers(self, headers: Headers) -> Sent | None:
        """What an upstream gets of a client's headers; None for a question that has been here before."""
        hops = [hop.strip() for hop in headers.get(RequestHeader.HOPS, "").split(",") if hop.strip()]
        if self._id in hops or len(hops) >= MOST_HOPS:
            log.warning("a question has come back through %d other servers: no upstream is asked", len(hops))
            return None
        sent = {RequestHeader.HOPS.value: ", ".join([*hops, self._id])}
        language = headers.get(RequestHeader.ACCEPT_LANGUAGE)
        if language is not None and language.isascii() and language.isprintable():
            sent[RequestHeader.ACCEPT_LANGUAGE.value] = language
        return sent


def _is_no(local: object) -> bool:
    """Whether the answer of the content here says only that it does not know."""
    if isinstance(local, ValueSetRelation):
        return local.result == RelationCode.INDETERMINATE
    return isinstance(local, Validation) and not local.result


class TogetherUpstreams:
    """The upstreams for the requests in a batch: questions are collected first, and asked as a batch."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams
        self._errands: list[tuple[_Errand, Sent]] = []
        self._known: dict[Hashable, Reply | UpstreamError] | None = None
        self.is_waiting = False

    def ask(self) -> None:
        errands, self._errands = self._errands, []
        self._known = {**(self._known or {}), **self._upstreams.ask_together(errands)}

    def guarded(self, operation: Operation) -> Operation:
        return self._upstreams.guarded(operation)

    def answer(self, question: ForeignQuestion, undecided: UndecidedError) -> ForeignAnswer | None:
        if self._known is not None:
            return self._upstreams.answer(question, undecided, self._known)
        errand = self._upstreams.errand_of(question, undecided)
        if errand is None:
            return self._upstreams.answer(question, undecided)
        self._errands.append(errand)
        self.is_waiting = True
        raise undecided

    def search(
        self, kind: str, query: Sequence[tuple[str, str]], release: FhirVersion, headers: Headers
    ) -> ForeignAnswer | None:
        return self._upstreams.search(kind, query, release, headers)

    def usable(self) -> Mapping[str, bool]:
        return self._upstreams.usable()

    def together(self) -> TogetherUpstreams:
        return self


@dataclass(slots=True, frozen=True)
class _Errand:
    """An operation that an upstream is asked for: what goes out, what comes back, and for which content.

    ``read`` makes an answer one of the client's release. ``in_url``: the client has asked in the URL, and so may we.
    """

    path: str
    expected: str
    parameters: Callable[[FhirVersion], Document]
    read: Callable[[Upstream, FhirVersion, Document], Document]
    gap: Gap
    in_url: bool = False


@dataclass(slots=True, frozen=True)
class _Answer:
    """The answer of an upstream or, where it ``is_missing`` in all, what one of them says about that."""

    foreign: ForeignAnswer | None
    refusal: TerminologyError | None = None
    is_missing: bool = True

    @property
    def is_empty(self) -> bool:
        """Has nobody been asked? A registry may name no server."""
        return self.foreign is None and self.refusal is None

    def require(self) -> ForeignAnswer:
        """Raises TerminologyError for a refusal."""
        if self.refusal is not None:
            raise self.refusal
        assert self.foreign is not None, "an upstream may answer"
        return self.foreign


def _with_words_turned(
    upstream: Upstream, question: ForeignQuestion, document: Document, headers: Sent
) -> Document:
    """An answer of R4 in reverse whose words are said of the code in the question. Raises UpstreamError.

    The first such answer of an upstream shows whether it turns them, by what it translates forward.
    """
    forward = reverse_translation.forward_question(question.request, document)
    if forward is None:
        return document
    if upstream.turns_words is None:
        path = "ConceptMap/$translate"
        reply = upstream.operate(path, forward, headers, _seconds_left(), "Parameters")
        if reply.status == 200:
            request = question.request
            upstream.turns_words = reverse_translation.is_turned_in(request, document, reply.document)
    if upstream.turns_words:
        return document
    return reverse_translation.with_words_turned(document, is_known=upstream.turns_words is False)


def _may_answer(settings: UpstreamSettings | RegistrySettings, gap: Gap) -> bool:
    if gap.any_of:
        return any(settings.allows(canonical.url, canonical.version) for canonical in gap.any_of)
    return all(settings.allows(canonical.url, canonical.version) for canonical in gap.all_of)


def _seconds_left() -> float:
    current = budget.current()
    return _LONGEST if current is None else current.seconds_left - _RESERVE


@contextmanager
def _without_refusals() -> Iterator[None]:
    """Ends the block where a part is not to be had. An upstream that cannot answer at the moment is an error."""
    try:
        yield
    except UpstreamError:
        raise
    except TerminologyError:
        pass


@contextmanager
def _reading(upstream: Upstream, release: FhirVersion) -> Iterator[None]:
    """Raises UpstreamError in place of what a document raises that is not of FHIR, or not of this release."""
    try:
        yield
    except UpstreamError:
        raise
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, TerminologyError):
        raise upstream.unusable(f"it is not a resource of FHIR {release.short}") from None


def _foreign(upstream: Upstream, document: Document, reply: ReadReply) -> ForeignAnswer:
    name, base = upstream.settings.name, upstream.settings.base
    headers, origin = {ANSWERED_BY: name}, [issues.answered_by_upstream(name, base)]
    if reply.stale_seconds:
        stale = issues.answer_is_stale(name, reply.stale_seconds, base)
        headers[WARNING] = f'110 terminology-adapter "{stale.text}"'
        origin.append(stale)
    return ForeignAnswer(document, headers, origin)


def _of_several(
    document: Document, sources: Sequence[ForeignAnswer], notes: Sequence[Issue]
) -> ForeignAnswer:
    """An answer of the content here with parts of upstreams; ``notes`` are warnings about the request."""
    headers = {ANSWERED_BY: ", ".join(source.headers[ANSWERED_BY] for source in sources)}
    stale = [source.headers[WARNING] for source in sources if WARNING in source.headers]
    if stale:
        headers[WARNING] = ", ".join(stale)
    origin = [issue for source in sources for issue in source.origin]
    return ForeignAnswer(document, headers, [*origin, *notes])


def refusal_of(upstream: UpstreamSettings, reply: ReadReply) -> RefusedError:
    """The refusal of an upstream as an exception, with its status and its issues."""
    all_issues = issues_of(reply.document, upstream.name, reply.status, upstream.base)
    refusal = RefusedError(reply.status, all_issues[0])
    refusal.issues = all_issues
    return refusal


def _says_missing(refusal: TerminologyError, status: int) -> bool:
    """Whether an upstream refuses because it lacks the content."""
    return status in _STATUSES or any(_is_missing(issue) for issue in refusal.issues)


def _is_missing(issue: Issue) -> bool:
    return issue.severity in ("error", "fatal") and (issue.code in _MISSING or issue.tx == "not-found")


def _knows_system(refusal: TerminologyError) -> bool:
    """Whether an upstream has the code system, and not the code."""
    return any(issue.code == "code-invalid" or issue.tx == "invalid-code" for issue in refusal.issues)


# -- searches ------------------------------------------------------------------------------------


def _canonical_of(kind: str, query: Sequence[tuple[str, str]]) -> Canonical | None:
    """The one canonical that a search is about; None for any other search."""
    names = {name for name, _ in query}
    urls = [value for name, value in query if name == "url"]
    versions = [value for name, value in query if name == "version"]
    if len(urls) != 1 or len(versions) > 1 or "," in urls[0] or not names <= _SEARCHED | _FORM:
        return None
    url, version = split_canonical(urls[0])
    return Canonical(url, versions[0] if versions else version, kind)


def bundle_of(own: FhirVersion, release: FhirVersion, document: Document) -> Document:
    """A page of matches in the client's release. It has no links: they would lead the client past this server."""
    matches = list(_matches(document.get("entry", ()), own, release))
    total = int(document.get("total", len(matches)))
    return {"resourceType": "Bundle", "type": "searchset", "total": total} | (
        {"entry": matches} if matches else {}
    )


def _matches(entries: Sequence[Document], own: FhirVersion, release: FhirVersion) -> Iterator[Document]:
    for entry in entries:
        search = entry.get("search", {"mode": "match"})
        if search.get("mode", "match") != "match":
            continue
        resource = entry["resource"]
        if own.is_r4 != release.is_r4:
            resource = release.downgrade(own.upgrade(resource))
        place = {"fullUrl": entry["fullUrl"]} if "fullUrl" in entry else {}
        yield {**place, "resource": resource, "search": search}
