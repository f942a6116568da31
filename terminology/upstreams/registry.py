"""A registry of terminology servers, such as that of HL7's ecosystem, as a source of upstreams.

It is asked which servers have a code system or a value set (``resolve``), and never told a code. It knows no concept
maps. What it names is asked only if the file allows the address.

https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/ecosystem.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from terminology.core.cache import Cache
from terminology.core.model import Document
from terminology.upstreams.configuration import RegistrySettings, UpstreamSettings, release_of
from terminology.upstreams.gaps import Canonical, Gap
from terminology.upstreams.upstream import Upstream
from terminology.wire.fhir_versions import RELEASES, FhirVersion

# So many servers of a registry are asked for one answer at most.
MOST_ASKED = 4
_HEADERS = {"Accept": "application/json"}
_PARAMETERS = {"CodeSystem": "url", "ValueSet": "valueSet"}
# The ways to log in that an entry names beside, or in place of, ``open``.
_LOGINS = frozenset({"password", "token", "oauth", "smart", "cert"})
# What a server has of a code system that it cannot answer for.
_USELESS = frozenset({"example", "not-present", "supplement"})
# An address without a user, a query, or characters that one reader takes for another's.
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%+-]*)*")
# The servers whose connections and faults are remembered: so many bytes, of which each takes some hundred.
_ROOM = 10_000


@dataclass(slots=True, frozen=True)
class RegisteredServer:
    """A server that a registry names. ``reason`` is the clause that says why it is not asked, or empty."""

    base: str
    release: FhirVersion | None
    is_authoritative: bool
    reason: str = ""


class ServerRegistry:
    """One registry. For use by several threads.

    ``upstream`` makes an Upstream of settings; ``own_bases`` are those of the file, which are asked as it says there.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        upstream: Callable[[UpstreamSettings], Upstream],
        own_bases: Set[str],
    ) -> None:
        self.settings = settings
        self._upstream, self._own_bases = upstream, own_bases
        self._registry = upstream(settings.server)
        self._servers: Cache[Upstream] = Cache(_ROOM, lambda _: 100)

    @property
    def is_usable(self) -> bool:
        """Is it asked at the moment? It is left alone after faults."""
        return self._registry.is_usable

    def upstreams_for(self, gap: Gap, seconds: float) -> list[Upstream]:
        """The servers that may be asked for a gap, the best first. Raises UpstreamError."""
        lists = [self._bases(canonical, seconds) for canonical in (*gap.all_of, *gap.any_of)]
        if not lists:
            return []
        if gap.any_of:
            servers = {base: release for each in lists for base, release in each.items()}
        else:
            first, *others = lists
            servers = {base: first[base] for base in first if all(base in other for other in others)}
        return [self.upstream_at(base, release) for base, release in list(servers.items())[:MOST_ASKED]]

    def resolve(self, canonical: Canonical, seconds: float) -> Sequence[RegisteredServer]:
        """What the registry says of a code system or value set, the best first. Raises UpstreamError."""
        settings = self.settings
        query = [("fhirVersion", settings.release.version), (_PARAMETERS[canonical.kind], str(canonical))]
        if settings.usage is not None:
            query.append(("usage", settings.usage))
        if settings.is_authoritative_only:
            query.append(("authoritativeOnly", "true"))
        answer = self._registry.read("resolve", query, _HEADERS, seconds, None).document
        try:
            return list(self._servers_in(answer))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._registry.unusable("it does not have the shape of the answer to 'resolve'") from None

    def _bases(self, canonical: Canonical, seconds: float) -> dict[str, FhirVersion | None]:
        if canonical.kind not in _PARAMETERS:
            return {}
        return {
            server.base: server.release for server in self.resolve(canonical, seconds) if not server.reason
        }

    def _servers_in(self, answer: Document) -> Iterator[RegisteredServer]:
        # An older text of the guide says ``candidate``.
        candidates = answer.get("candidates", answer.get("candidate")) or []
        authoritative = answer.get("authoritative") or []
        if "authoritative" not in answer and not candidates:
            raise KeyError("authoritative")
        for entries in (authoritative, [] if self.settings.is_authoritative_only else candidates):
            for entry in entries:
                base, version = entry["url"].rstrip("/"), str(entry.get("fhirVersion", ""))
                release = release_of(version) or RELEASES.get(version.lower())
                reason = self._reason_against(entry, base, release is None and bool(version))
                yield RegisteredServer(base, release, entries is authoritative, reason)

    def _reason_against(self, entry: dict[str, Any], base: str, is_other_release: bool) -> str:
        if base in self._own_bases:
            return "it is an upstream of the file, and asked as such"
        if not _ADDRESS.fullmatch(base) or _climbs(base) or not self.settings.allows_server(base):
            return "its address is not allowed"
        if entry.get("open") is not True and any(entry.get(login) for login in _LOGINS):
            return "it demands a login"
        if entry.get("content") in _USELESS:
            return f"it has the code system as '{entry['content']}' alone"
        return "its version of FHIR is not spoken here" if is_other_release else ""

    def upstream_at(self, base: str, release: FhirVersion | None) -> Upstream:
        """The server at an address. It gets no credentials."""

        def make() -> Upstream:
            own = replace(
                self.settings.server,
                name=urlsplit(base).hostname or base,
                base=base,
                release=release,
                credentials={},
                certificate=None,
                key=None,
            )
            return self._upstream(own)

        return self._servers.get(base, make)


def _climbs(base: str) -> bool:
    """Does the path of an address leave a folder that it names (``..``), so that it fits a mask and leads elsewhere?"""
    return not {".", ".."}.isdisjoint(unquote(urlsplit(base).path).split("/"))
