"""What goes in and out of FHIR's RESTful interface, whatever carries it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import Document
from terminology.operations.value_set.expand_request import LARGEST_EXPANSION
from terminology.state import State
from terminology.wire.fhir_releases import FhirVersion
from terminology.wire.parameters import Given, from_body, from_query
from terminology.wire.sessions import Caller, Sessions

if TYPE_CHECKING:
    from terminology.wire.operations import PreparedRequest

# The media type of a form, which a search is posted as.
FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True, frozen=True)
class Context:
    """What a request is answered from: the content, what is kept from request to request, and what is fixed
    for a root. ``releases`` are all that the root speaks, the one that it speaks unasked first.
    """

    catalogue: Catalogue
    release: FhirVersion
    base: str
    state: State
    sessions: Sessions
    releases: Sequence[FhirVersion] = ()
    largest_expansion: int = LARGEST_EXPANSION


@dataclass(slots=True)
class Request:
    """``path`` is relative to the base and without slashes at its ends; ``body`` is parsed JSON; ``address``
    is the network address that it came from.
    """

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    body: Document | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str = ""

    @property
    def caller(self) -> Caller:
        """Who asks. Credentials are kept as a digest only."""
        owner = _digest(self.headers.get("Authorization", ""))
        return Caller(owner, _digest(owner + self.address))

    def given(self, operation: str, subject: str | None = None) -> list[Given]:
        """The parameters of an operation: from the URL, and from a body that is a Parameters resource or the
        one resource that the operation is about. Raises TerminologyError when the body is neither.
        """
        given = from_query(self.query)
        if self.body is None:
            return given
        kind = str(self.body.get("resourceType"))
        if subject is not None and kind.casefold() == subject.casefold():
            return [*given, Given(subject, {"name": subject, "resource": self.body}, kind)]
        return [*given, *from_body(self.body, operation)]

    @property
    def languages(self) -> Languages | None:
        """``Accept-Language``. A header that is no list of languages is as good as none."""
        try:
            return Languages.parse(self.headers.get("Accept-Language", ""))
        except TerminologyError:
            return None

    @property
    def largest_expansion(self) -> int | None:
        """How many codes the caller can bear in one expansion: a header of HL7's ecosystem."""
        stated = self.headers.get("X-Too-Costly-Threshold", "").strip()
        return int(stated) if stated.isdecimal() and len(stated) < 10 else None

    def knows(self, tag: str, changed: str | None) -> bool:
        """Has the client this version already? ``If-None-Match`` says so, or else ``If-Modified-Since``.

        ``If-Match`` is for those who change something, which is not possible here.
        """
        known = self.headers.get("If-None-Match")
        if known is not None:
            return known.strip() == "*" or tag in re.findall(r'"([^"]*)"', known)
        since = instant(self.headers.get("If-Modified-Since"))
        at = instant(changed)
        return since is not None and at is not None and at.replace(microsecond=0) <= since

    @property
    def is_strict(self) -> bool:
        return "handling=strict" in self.headers.get("Prefer", "").replace(" ", "")


def instant(text: str | None) -> datetime | None:
    """A date of HTTP's or an instant of FHIR's; None for anything else."""
    if text is None:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
        except ValueError:
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32] if text else ""


@dataclass(slots=True)
class Response:
    """A status, a resource in the release's own shape, and what the HTTP headers are made of; ``question`` is
    what was asked, where it may be asked again with another code.
    """

    status: int
    resource: Document | None
    headers: dict[str, str] = field(default_factory=dict)
    question: PreparedRequest | None = None
