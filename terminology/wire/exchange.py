"""What goes in and out of FHIR's RESTful interface, whatever carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from terminology.catalogue import Catalogue
from terminology.languages import Languages
from terminology.model import Document, Issue, TerminologyError
from terminology.wire.releases import Release


@dataclass(slots=True, frozen=True)
class Context:
    """What a request is answered from: the content, and what is fixed for a root."""

    catalogue: Catalogue
    release: Release
    base: str
    releases: Sequence[Release] = ()


@dataclass(slots=True)
class Request:
    """``path`` is relative to the base and without slashes at its ends; ``body`` is parsed JSON."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    body: Document | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def languages(self) -> Languages | None:
        """``Accept-Language``. A header that is no list of languages is as good as none."""
        try:
            return Languages.parse(self.headers.get("Accept-Language", ""))
        except TerminologyError:
            return None

    @property
    def is_strict(self) -> bool:
        return "handling=strict" in self.headers.get("Prefer", "").replace(" ", "")


@dataclass(slots=True)
class Response:
    """A status, a resource in the release's own shape, and what the HTTP headers are made of."""

    status: int
    resource: Document | None
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A request that cannot be answered for a reason of HTTP's: carries its own status and headers."""

    def __init__(self, status: int, issue: Issue, headers: dict[str, str] | None = None) -> None:
        self.status, self.issue, self.headers = status, issue, headers or {}
        super().__init__(issue.text)
