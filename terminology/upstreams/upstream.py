"""One upstream: its release of FHIR, its answers of before, and its circuit in front of the connection."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlencode

from terminology.core import issues
from terminology.core.errors import TerminologyError, UpstreamError
from terminology.core.model import Document
from terminology.core.software import NAME
from terminology.core.tracing import question_to
from terminology.upstreams.circuit import Circuit
from terminology.upstreams.configuration import UpstreamSettings, release_of
from terminology.upstreams.connection import RETRY_AFTER, Connection, UpstreamQuestion
from terminology.upstreams.kept_answers import KeptAnswers, Reply
from terminology.wire import json
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.json_types import require_types

_MEDIA = "application/fhir+json"
# The headers of a client that an upstream gets, and the one that loops are seen by.
Sent = Mapping[str, str]


@dataclass(slots=True, frozen=True)
class ReadReply:
    """An answer of an upstream: its status and resource. ``stale_seconds``: its age if it is out of date, or 0."""

    status: int
    document: Document
    stale_seconds: int = 0


# An answer that an upstream has given together with others, or why it gave none; by the key of the question.
Known = Mapping[Hashable, Reply | UpstreamError]

NOTHING: Known = {}
# So many questions are asked together at most.
MOST_TOGETHER = 100
# The statuses of an upstream that does not take a batch.
_NO_BATCHES = frozenset({400, 404, 405, 501})
# The statuses of an upstream that takes no parameters in the URL, and the most characters of those there.
_NO_URLS = frozenset({405, 501})
_LONGEST_QUERY = 1_500
# The statuses of an entry that is to be asked for again, alone.
_PASSING = frozenset({"401", "403", "407", "408", "429"})


class Upstream:
    """One upstream. For use by several threads.

    ``turns_words``: whether the words of its translations in reverse are said from the other end; None: not known yet.
    """

    def __init__(
        self, settings: UpstreamSettings, replies: KeptAnswers, slots: BoundedSemaphore, most: int
    ) -> None:
        self.settings = settings
        self._replies = replies
        self._connection = Connection(settings, slots, most)
        self._circuit = Circuit()
        self._release = settings.release
        self.turns_words: bool | None = None
        self._takes_batches = self._takes_urls = True
        self._takes_bodies = settings.takes_bodies_in_batches

    @property
    def is_usable(self) -> bool:
        """Is it asked at the moment? It is left alone after faults."""
        return not self._circuit.is_open

    def release(self, seconds: float, headers: Sent) -> FhirVersion:
        """The release that it speaks: that of the file, or of its CapabilityStatement. Raises UpstreamError."""
        if self._release is None:
            version = str(self._statement(headers, seconds).get("fhirVersion"))
            release = release_of(version)
            if release is None:
                raise self.unusable(f"its CapabilityStatement has the FHIR version {version}")
            self._release = release
        return self._release

    def _statement(self, headers: Sent, seconds: float) -> Document:
        query = [("_summary", "true")]
        return self.read("metadata", query, headers, seconds, "CapabilityStatement").document

    def _may_have_bodies(self, headers: Sent, seconds: float) -> bool:
        """Whether an entry of a batch may have parameters in a body. Raises UpstreamError.

        HAPI's server makes a resource of them: without a word of the file, only one of this software gets such.
        """
        if self._takes_bodies is None:
            software = self._statement(headers, seconds).get("software")
            self._takes_bodies = isinstance(software, dict) and software.get("name") == NAME
        return self._takes_bodies

    def read(
        self, path: str, query: list[tuple[str, str]], headers: Sent, seconds: float, expected: str | None
    ) -> ReadReply:
        """The answer to a read or a search, a resource of the type ``expected``; if that is None, any JSON object.

        Raises UpstreamError.
        """
        return self._reply(UpstreamQuestion("GET", path, tuple(query), None, expected), headers, seconds)

    def operate(
        self,
        path: str,
        parameters: Document,
        headers: Sent,
        seconds: float,
        expected: str,
        known: Known = NOTHING,
        in_url: bool = False,
    ) -> ReadReply:
        """The answer to an operation, a resource of the type ``expected``: one that is ``known``, or a new one.

        ``in_url``: its parameters may be written into the URL, as HTTP's caches need it. Raises UpstreamError.
        """
        question = self._operation(path, parameters, expected, in_url)
        reply = self._reply(question, headers, seconds, known)
        if question.method == "GET" and reply.status in _NO_URLS:
            self._takes_urls = False
            return self.operate(path, parameters, headers, seconds, expected, known)
        return reply

    def operate_together(
        self, operations: Sequence[tuple[str, Document, str, bool]], headers: Sent, seconds: float
    ) -> Iterator[tuple[Hashable, Reply | UpstreamError]]:
        """The answers to several operations, asked for as a batch; each is the arguments of ``operate``.

        None where the upstream takes no batch, or does not answer some of its entries: these are to be asked for alone.
        """
        questions = [self._operation(*each) for each in operations]
        waiting = [q for q in dict.fromkeys(questions) if self._replies.fresh(self._key(q, headers)) is None]
        if any("resource" in _entry(question) for question in waiting):
            if not self._may_have_bodies(headers, seconds):
                waiting = [question for question in waiting if "resource" not in _entry(question)]
        while len(waiting) > 1 and self._takes_batches:
            now, waiting = waiting[:MOST_TOGETHER], waiting[MOST_TOGETHER:]
            keys = [self._key(question, headers) for question in now]
            sent = UpstreamQuestion("POST", "", (), json.write(_batch(now)), "Bundle")
            try:
                reply, document = self._new(sent, headers, seconds)
            except UpstreamError as error:
                yield from ((key, error) for key in keys)
                continue
            entries = document.get("entry", ()) if reply.status == 200 else ()
            self._takes_batches = reply.status not in _NO_BATCHES
            for key, entry in zip(keys, entries, strict=False):
                own = _reply_of(entry)
                if own is not None:
                    self._replies.put(key, own)
                    yield key, own

    def unusable(self, reason: str) -> UpstreamError:
        """The fault of an answer that cannot be used. ``reason`` is a clause."""
        issue = issues.upstream_unusable(self.settings.name, reason, self.settings.base)
        return UpstreamError(503, issue, self.settings.name, RETRY_AFTER)

    def _operation(
        self, path: str, parameters: Document, expected: str, in_url: bool = False
    ) -> UpstreamQuestion:
        query = _query_of(parameters) if in_url and self._takes_urls else None
        if query is not None:
            return UpstreamQuestion("GET", path, query, None, expected)
        return UpstreamQuestion("POST", path, (), json.write(parameters), expected)

    def _key(self, sent: UpstreamQuestion, headers: Sent) -> Hashable:
        language = headers.get("Accept-Language", "")
        return self.settings.name, self.settings.base, sent.path, sent.query, language, sent.content

    def _reply(
        self, sent: UpstreamQuestion, headers: Sent, seconds: float, known: Known = NOTHING
    ) -> ReadReply:
        """A fresh answer of before, a new one, or, where the upstream has a fault, one that is out of date."""
        key = self._key(sent, headers)
        fresh = known.get(key) or self._replies.fresh(key)
        if isinstance(fresh, Reply):
            return ReadReply(fresh.status, self._resource(fresh, sent.expected))
        try:
            if fresh is not None:
                raise fresh
            known_reply = self._replies.known(key) if sent.method == "GET" else None
            reply, document = self._new(sent, headers, seconds, known_reply)
        except UpstreamError:
            stale = self._replies.stale(key)
            if stale is None:
                raise
            return ReadReply(stale.status, self._resource(stale, sent.expected), max(1, round(stale.age)))
        self._replies.put(key, reply)
        return ReadReply(reply.status, document)

    def _new(
        self, sent: UpstreamQuestion, headers: Sent, seconds: float, before: Reply | None = None
    ) -> tuple[Reply, Document]:
        """The answer to a question: a new one, or that of before, if it has not changed."""
        rest = self._circuit.seconds_to_wait()
        if rest > 0:
            wait = int(rest) + 1
            issue = issues.upstream_rests(self.settings.name, wait, self.settings.base)
            raise UpstreamError(503, issue, self.settings.name, wait)
        fields = {"Accept": _MEDIA, "Accept-Encoding": "gzip", **headers}
        if sent.content is not None:
            fields["Content-Type"] = _MEDIA
        if before is not None:
            fields |= before.directives.validators
        most = min(seconds, self.settings.deadline)
        self._connection.take_slot(most)
        try:
            with question_to(self.settings.name) as trace:
                reply = self._connection.fetch(sent, {**fields, **trace}, most)
                if reply.status == 304 and before is not None:
                    reply = before.renewed(reply)
                document = self._resource(reply, sent.expected)
        except UpstreamError as error:
            # The upstream is not at fault if the request has little time left.
            if error.status != 504 or most == self.settings.deadline:
                self._circuit.failed()
            raise
        self._circuit.succeeded()
        return reply, document

    def _resource(self, reply: Reply, expected: str | None) -> Document:
        """The resource of an answer: that of a failure is an OperationOutcome. Raises UpstreamError."""
        try:
            document = json.read_resource(reply.content)
        except TerminologyError as error:
            raise self.unusable(error.issues[0].text) from None
        if expected is None:
            if reply.status != 200:
                raise self.unusable(f"it has the status {reply.status}")
            return document
        kind, right = document.get("resourceType"), expected if reply.status == 200 else "OperationOutcome"
        if kind != right:
            raise self.unusable(f"with the status {reply.status} it is a {str(kind)[:64]}, and no {right}")
        # A statement of another release than R4 and R5 is to be read, too; the answers in a batch are read one by one.
        if kind != "CapabilityStatement" and document.get("type") != "batch-response":
            try:
                require_types(document, is_r4=self._release is not None and self._release.is_r4)
            except TerminologyError as error:
                raise self.unusable(error.issues[0].text) from None
        return document


def _query_of(parameters: Document) -> tuple[tuple[str, str], ...] | None:
    """The parameters as those of a URL; None if one of them has no simple value, or they are too long for that."""
    pairs = list[tuple[str, str]]()
    for node in parameters["parameter"]:
        values = [value for key, value in node.items() if key != "name"]
        if len(values) != 1 or not isinstance(values[0], str | bool | int):
            return None
        value = values[0]
        pairs.append((node["name"], str(value).lower() if isinstance(value, bool) else str(value)))
    return tuple(pairs) if sum(len(name) + len(value) for name, value in pairs) <= _LONGEST_QUERY else None


def _batch(questions: Sequence[UpstreamQuestion]) -> Document:
    """A Bundle of operations."""
    return {"resourceType": "Bundle", "type": "batch", "entry": list(map(_entry, questions))}


def _entry(question: UpstreamQuestion) -> Document:
    """An entry of a batch; its URL is in the body, and so may have the parameters of any question."""
    body = None if question.content is None else json.read(question.content)
    query = question.query if body is None else _query_of(body)
    if query is None:
        return {"resource": body, "request": {"method": "POST", "url": question.path}}
    return {"request": {"method": "GET", "url": f"{question.path}?{urlencode(query)}".rstrip("?")}}


def _reply_of(entry: Any) -> Reply | None:
    """The answer in an entry of a batch; None for one that is to be asked for again, alone."""
    response = entry.get("response") if isinstance(entry, dict) else None
    if not isinstance(response, dict):
        return None
    status = str(response.get("status", "")).partition(" ")[0]
    if not re.fullmatch("200|4[0-9][0-9]|501", status) or status in _PASSING:
        return None
    resource = entry.get("resource") or response.get("outcome")
    return Reply.now(int(status), json.write(resource)) if isinstance(resource, dict) else None
