"""The seam to other servers: what ``rest`` asks of them, without knowing how they are asked (``upstreams``).

The content here answers first. An operation that is ``guarded`` raises UndecidedError where this content does not
decide the answer and another server may be asked; ``rest`` then asks ``answer``, and where that knows nothing more, the
answer of the content here stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import UndecidedError
from terminology.core.model import Document, Issue
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.operation import Operation, PreparedRequest
from terminology.wire.parameters import Argument
from terminology.wire.request_headers import Headers

# The header of an answer that has the name of the upstream that gave it.
ANSWERED_BY = "X-Terminology-Upstream"


@dataclass(slots=True)
class ForeignQuestion:
    """An operation that another server is to answer as a whole.

    ``path`` is that of the type, such as ``CodeSystem/$lookup``. ``arguments`` are in the shape of the client's
    release, and ``prepared`` is what the operation has read from them. ``catalogue`` has the resources that came with
    the request. ``is_in_url``: all that the client asks is in the URL.
    """

    path: str
    prepared: PreparedRequest
    arguments: Sequence[Argument]
    catalogue: Catalogue
    headers: Headers
    is_in_url: bool = False

    @property
    def operation(self) -> Operation:
        return self.prepared.operation

    @property
    def release(self) -> FhirVersion:
        """The release of the client."""
        return self.prepared.release

    @property
    def request(self) -> Any:
        """The request as the operation reads it."""
        return self.operation.request(**self.prepared.fields)


@dataclass(slots=True)
class ForeignAnswer:
    """An answer of another server in the shape of the client's release.

    ``headers`` say where it is from, and whether it is out of date; ``origin`` says so where there are no headers.
    """

    document: Document
    headers: dict[str, str]
    origin: Sequence[Issue]


class Elsewhere(Protocol):
    """Other servers. For use by several threads."""

    def usable(self) -> Mapping[str, bool]:
        """By the name of each server: whether it is asked at the moment, or left alone after faults."""

    def together(self) -> ElsewhereTogether:
        """The same servers, for the requests in a batch."""

    def guarded(self, operation: Operation) -> Operation:
        """The operation, which also raises UndecidedError."""

    def answer(self, question: ForeignQuestion, undecided: UndecidedError) -> ForeignAnswer | None:
        """The answer of another server; None if none of them knows more than the content here.

        Raises UpstreamError for one that cannot answer at the moment, and TerminologyError for one that refuses.
        """

    def search(
        self, kind: str, query: Sequence[tuple[str, str]], release: FhirVersion, headers: Headers
    ) -> ForeignAnswer | None:
        """The matches of a search by canonical, as a Bundle; None if no other server may be asked for it, or has any.

        Raises UpstreamError.
        """


class ElsewhereTogether(Elsewhere, Protocol):
    """Other servers for many requests of one client, in one thread, whose questions they are asked together.

    A question is postponed at first: ``answer`` raises what it got, and ``is_waiting`` is set. After ``ask`` the same
    request is answered.
    """

    is_waiting: bool

    def ask(self) -> None:
        """Ask all questions that wait."""
