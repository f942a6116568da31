"""One upstream: its release of FHIR, its answers of before, and its circuit in front of the connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import NamedTuple

from terminology.core import issues
from terminology.core.errors import TerminologyError, UpstreamError
from terminology.core.model import Document
from terminology.upstreams.circuit import Circuit
from terminology.upstreams.configuration import UpstreamSettings, release_of
from terminology.upstreams.connection import RETRY_AFTER, Connection
from terminology.upstreams.kept_answers import KeptAnswers, Reply
from terminology.wire import json
from terminology.wire.fhir_versions import FhirVersion

_MEDIA = "application/fhir+json"
# The headers of a client that an upstream gets, and the one that loops are seen by.
Sent = Mapping[str, str]


@dataclass(slots=True, frozen=True)
class ReadReply:
    """An answer of an upstream: its status and resource. ``stale_seconds``: its age if it is out of date, or 0."""

    status: int
    document: Document
    stale_seconds: int = 0


class _Question(NamedTuple):
    """A request to an upstream; an answer with the status 200 is a resource of the type ``expected``."""

    method: str
    path: str
    query: list[tuple[str, str]]
    content: bytes | None
    expected: str


class Upstream:
    """One upstream. For use by several threads."""

    def __init__(
        self, settings: UpstreamSettings, replies: KeptAnswers, slots: BoundedSemaphore, most: int
    ) -> None:
        self.settings = settings
        self._replies = replies
        self._connection = Connection(settings, slots, most)
        self._circuit = Circuit()
        self._release = settings.release

    @property
    def is_usable(self) -> bool:
        """Is it asked at the moment? It is left alone after faults."""
        return not self._circuit.is_open

    def release(self, seconds: float, headers: Sent) -> FhirVersion:
        """The release that it speaks: that of the file, or of its CapabilityStatement. Raises UpstreamError."""
        if self._release is None:
            query = [("_summary", "true")]
            statement = self.read("metadata", query, headers, seconds, "CapabilityStatement").document
            version = str(statement.get("fhirVersion"))
            release = release_of(version)
            if release is None:
                raise self.unusable(f"its CapabilityStatement has the FHIR version {version}")
            self._release = release
        return self._release

    def read(
        self, path: str, query: list[tuple[str, str]], headers: Sent, seconds: float, expected: str
    ) -> ReadReply:
        """The answer to a read or a search, a resource of the type ``expected``. Raises UpstreamError."""
        return self._reply(_Question("GET", path, query, None, expected), headers, seconds)

    def operate(
        self, path: str, parameters: Document, headers: Sent, seconds: float, expected: str
    ) -> ReadReply:
        """The answer to an operation, a resource of the type ``expected``. Raises UpstreamError."""
        return self._reply(_Question("POST", path, [], json.write(parameters), expected), headers, seconds)

    def unusable(self, reason: str) -> UpstreamError:
        """The fault of an answer that cannot be used. ``reason`` is a clause."""
        issue = issues.upstream_unusable(self.settings.name, reason, self.settings.base)
        return UpstreamError(503, issue, self.settings.name, RETRY_AFTER)

    def _reply(self, sent: _Question, headers: Sent, seconds: float) -> ReadReply:
        """A fresh answer of before, a new one, or, where the upstream has a fault, one that is out of date."""
        language = headers.get("Accept-Language", "")
        key = (self.settings.name, sent.path, tuple(sent.query), language, sent.content or b"")
        fresh = self._replies.fresh(key)
        if fresh is not None:
            return ReadReply(fresh.status, self._resource(fresh, sent.expected))
        try:
            reply, document = self._new(sent, headers, seconds)
        except UpstreamError:
            stale = self._replies.stale(key)
            if stale is None:
                raise
            return ReadReply(stale.status, self._resource(stale, sent.expected), max(1, round(stale.age)))
        self._replies.put(key, reply)
        return ReadReply(reply.status, document)

    def _new(self, sent: _Question, headers: Sent, seconds: float) -> tuple[Reply, Document]:
        rest = self._circuit.seconds_to_wait()
        if rest > 0:
            wait = int(rest) + 1
            issue = issues.upstream_rests(self.settings.name, wait, self.settings.base)
            raise UpstreamError(503, issue, self.settings.name, wait)
        fields = {"Accept": _MEDIA, "Accept-Encoding": "gzip", **headers}
        if sent.content is not None:
            fields["Content-Type"] = _MEDIA
        most = min(seconds, self.settings.deadline)
        self._connection.take_slot(most)
        try:
            reply = self._connection.fetch(sent.method, sent.path, sent.query, sent.content, fields, most)
            document = self._resource(reply, sent.expected)
        except UpstreamError as error:
            # The upstream is not at fault if the request has little time left.
            if error.status != 504 or most == self.settings.deadline:
                self._circuit.failed()
            raise
        self._circuit.succeeded()
        return reply, document

    def _resource(self, reply: Reply, expected: str) -> Document:
        """The resource of an answer: that of a failure is an OperationOutcome. Raises UpstreamError."""
        try:
            document = json.read_resource(reply.content)
        except TerminologyError as error:
            raise self.unusable(error.issues[0].text) from None
        kind, right = document.get("resourceType"), expected if reply.status == 200 else "OperationOutcome"
        if kind != right:
            raise self.unusable(f"with the status {reply.status} it is a {str(kind)[:64]}, and no {right}")
        return document
