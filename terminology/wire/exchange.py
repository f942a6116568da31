"""Requests to FHIR's RESTful interface and responses from it, without HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from terminology.catalogue.licensed import LicensedView
from terminology.catalogue.protocol import Catalogue
from terminology.core.budget import LARGEST_EXPANSION, MOST_SECONDS, MOST_STEPS
from terminology.core.cache import kept_results
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import Document, Issue
from terminology.core.users import ANYBODY, User
from terminology.state import State
from terminology.state.callers import Caller, caller_of, caller_of_user
from terminology.wire.elsewhere import Elsewhere
from terminology.wire.fhir_versions import RELEASES, FhirVersion
from terminology.wire.operation import PreparedRequest
from terminology.wire.parameters import Argument, from_body, from_query
from terminology.wire.request_headers import Headers, RequestHeader
from terminology.wire.sessions import Sessions

if TYPE_CHECKING:
    from terminology.store.write_log import ResourceVersion, WriteLog

# The media type of a form, which a search is posted as.
FORM = "application/x-www-form-urlencoded"


class WritableContent(Protocol):
    """The content of a server that has a store, and the log of what clients write into it."""

    @property
    def log(self) -> WriteLog:
        """The log."""

    @property
    def log_of_past(self) -> WriteLog | None:
        """The log, if anything was ever written."""

    def catalogue(self) -> Catalogue:
        """The catalogue of this moment."""

    def with_changes(self, changes: Iterable[ResourceVersion]) -> Catalogue:
        """The catalogue of this moment as these writes would leave it."""


@dataclass(slots=True, frozen=True)
class Login:
    """The ways in which clients can say who they are: by API keys, and by tokens of a token endpoint (SMART)."""

    takes_keys: bool
    token_endpoint: str | None


@dataclass(slots=True, frozen=True)
class Context:
    """The surroundings of a request: the content, the state that outlives it, and the settings of a root.

    ``catalogue`` is the content as the release sees it (``for_fhir``). ``releases`` are all that the root
    speaks, the default first. ``max_work`` and ``deadline`` are the budget of a request (``core.budget``).
    ``writes_parts``: the answers in a batch are written as JSON one by one (``json.Written``). ``elsewhere``: the other
    servers that may be asked, if there are any. ``login`` is None where nobody is asked who they are.
    ``view``: texts that licences keep back are not in the catalogue, and answers carry notices. ``writable``: the
    content with the log of what clients write, where there is a store; ``takes_writes`` says whether they may.
    ``is_test_harness``: nothing here is for real use, and the capabilities say so.
    """

    catalogue: Catalogue
    release: FhirVersion
    base: str
    state: State
    sessions: Sessions
    releases: Sequence[FhirVersion] = ()
    largest_expansion: int = LARGEST_EXPANSION
    nested_expansions: bool = True
    max_work: int = MOST_STEPS
    deadline: float = MOST_SECONDS
    writes_parts: bool = False
    elsewhere: Elsewhere | None = None
    login: Login | None = None
    view: LicensedView | None = None
    writable: WritableContent | None = None
    takes_writes: bool = False
    is_test_harness: bool = False

    @property
    def roots(self) -> Sequence[str]:
        """The bases of this server: the same resources have a location below each."""
        root = self.base.removesuffix(f"/{self.release.name.lower()}")
        return (root, *(f"{root}/{name}" for name in RELEASES))


@dataclass(slots=True)
class Request:
    """One request.

    ``path`` is relative to the base and without slashes at its ends; ``body`` is the parsed resource;
    ``address`` is the network address of the client; ``id`` is the name of the request in logs and for clients;
    ``user`` is who sends it, and may do what ``wire.permission`` says.
    ``prepared`` is set when an operation answers or fails: the request in a form that answers others like it, which
    differ in values that vary alone; None where there are no others like it.
    """

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    body: Document | None = None
    headers: Headers = field(default_factory=dict)
    address: str = ""
    id: str = ""
    user: User = ANYBODY
    prepared: PreparedRequest | None = None

    @property
    def caller(self) -> Caller:
        """The client that sent the request. It has a digest of the credentials, not the credentials."""
        if self.user.name:
            return caller_of_user(self.user.name)
        return caller_of(self.headers.get(RequestHeader.AUTHORIZATION, ""), self.address)

    def arguments(self, operation: str, body_parameter: str | None = None) -> list[Argument]:
        """The arguments of an operation, from the URL and the body.

        The body is a Parameters resource, or the one resource that the operation is about (``body_parameter``).
        Raises TerminologyError when the body is neither.
        """
        arguments = from_query(self.query)
        if self.body is None:
            return arguments
        kind = str(self.body.get("resourceType"))
        if body_parameter is not None and kind.casefold() == body_parameter.casefold():
            return [
                *arguments,
                Argument(body_parameter, {"name": body_parameter, "resource": self.body}, kind),
            ]
        return [*arguments, *from_body(self.body, operation)]

    @property
    def languages(self) -> Languages | None:
        """``Accept-Language``. A header that is not a list of languages is ignored."""
        return _languages(self.headers.get(RequestHeader.ACCEPT_LANGUAGE, ""))

    @property
    def largest_expansion(self) -> int | None:
        """The most codes that the client takes in one expansion: a header of HL7's ecosystem."""
        text = self.headers.get(RequestHeader.TOO_COSTLY_THRESHOLD, "").strip()
        return int(text) if text.isdecimal() and len(text) < 10 else None

    def knows(self, tag: str, changed: str | None) -> bool:
        """Does the client have this version already? ``If-None-Match`` says so, or else ``If-Modified-Since``.

        ``If-Match`` is for requests that change something, which is not possible here.
        """
        known = self.headers.get(RequestHeader.IF_NONE_MATCH)
        if known is not None:
            return known.strip() == "*" or tag in re.findall(r'"([^"]*)"', known)
        since = instant(self.headers.get(RequestHeader.IF_MODIFIED_SINCE))
        at = instant(changed)
        return since is not None and at is not None and at.replace(microsecond=0) <= since

    @property
    def is_strict(self) -> bool:
        return "handling=strict" in self.headers.get(RequestHeader.PREFER, "").replace(" ", "")


@kept_results(256)
def _languages(header: str) -> Languages | None:
    try:
        return Languages.parse(header)
    except TerminologyError:
        return None


def instant(text: str | None) -> datetime | None:
    """The moment that a date of HTTP or an instant of FHIR means, in UTC; None for any other text.

    Another text is also one that means no moment of the years 1 to 9999 in UTC.
    """
    if text is None:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            continue
    return None


@dataclass(slots=True)
class Response:
    """A status, a resource in the release's own shape, and values for HTTP headers.

    ``warnings`` are about the request: HTTP has them in a header, a batch in the outcome of the entry. ``origin`` says
    there, where headers are missing, which server has answered. ``lasts``: the answer to
    a request with the same URL and headers is the same as long as the content is.
    """

    status: int
    resource: Document | None
    headers: dict[str, str] = field(default_factory=dict)
    warnings: Sequence[Issue] = ()
    origin: Sequence[Issue] = ()
    lasts: bool = False
