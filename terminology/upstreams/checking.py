"""What works of each upstream: its metadata, its release, and a search for something that it may be asked for.

Of a registry: whether it answers, and of the servers that it names for a code system or value set the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import BoundedSemaphore
from time import monotonic

from terminology.core.errors import UpstreamError
from terminology.core.model import split_canonical
from terminology.upstreams.configuration import UpstreamSettings, UpstreamsFile, release_of
from terminology.upstreams.gaps import Canonical
from terminology.upstreams.kept_answers import KeptAnswers
from terminology.upstreams.registry import RegisteredServer, ServerRegistry
from terminology.upstreams.upstream import Upstream
from terminology.wire.request_headers import RequestHeader

# What a registry is asked for where the file names nothing without a wildcard.
_WELL_KNOWN = "http://loinc.org"


@dataclass(slots=True, frozen=True)
class CheckedStep:
    """One step of the check of an upstream: its name, whether it works, and the seconds that it took."""

    upstream: str
    step: str
    works: bool
    text: str
    seconds: float


def check(file: UpstreamsFile) -> Iterator[CheckedStep]:
    """The steps of all upstreams, each as soon as it is done. An upstream without metadata has no further step."""
    headers = {RequestHeader.HOPS.value: file.id}
    for settings in file.upstreams:
        yield from _steps(_upstream(settings), headers)
    bases = frozenset(settings.base for settings in file.upstreams)
    for registry in file.registries:
        yield from _steps_of_registry(ServerRegistry(registry, _upstream, bases), headers)


def _upstream(settings: UpstreamSettings) -> Upstream:
    return Upstream(settings, KeptAnswers(0, 0), BoundedSemaphore(1), 1)


def _steps_of_registry(registry: ServerRegistry, headers: dict[str, str]) -> Iterator[CheckedStep]:
    """What it says of the first canonical that has no wildcard, or else of LOINC; then the steps of these servers."""
    server, begin = registry.settings.server, monotonic()
    canonical = Canonical(*next(iter(_plain(server)), (_WELL_KNOWN, None)))
    try:
        servers = registry.resolve(canonical, server.deadline)
        servers = servers or registry.resolve(canonical._replace(kind="ValueSet"), server.deadline)
    except UpstreamError as error:
        yield CheckedStep(server.name, "registry", False, str(error), monotonic() - begin)
        return
    names = [f"{each.base} ({each.reason or _rank(each)})" for each in servers]
    text = f"{canonical}: {', '.join(names) or 'no server has it'}"
    yield CheckedStep(server.name, "registry", True, text, monotonic() - begin)
    for each in servers:
        if not each.reason:
            yield from _steps(registry.upstream_at(each.base, each.release), headers)


def _rank(server: RegisteredServer) -> str:
    return "authoritative" if server.is_authoritative else "candidate"


def _plain(settings: UpstreamSettings) -> list[tuple[str, str | None]]:
    """The canonicals of an upstream that have no wildcard, in the version that they name."""
    split = [split_canonical(mask.text) for mask in settings.canonicals]
    return [
        (url, version if version and "*" not in version else None) for url, version in split if "*" not in url
    ]


def _steps(upstream: Upstream, headers: dict[str, str]) -> Iterator[CheckedStep]:
    settings, begin = upstream.settings, monotonic()

    def step(name: str, works: bool, text: str) -> CheckedStep:
        return CheckedStep(settings.name, name, works, text, monotonic() - begin)

    try:
        reply = upstream.read(
            "metadata", [("_summary", "true")], headers, settings.deadline, "CapabilityStatement"
        )
    except UpstreamError as error:
        yield step("metadata", False, str(error))
        return
    if reply.status != 200:
        yield step("metadata", False, f"the answer has the status {reply.status}")
        return
    version, software = str(reply.document.get("fhirVersion")), reply.document.get("software", {})
    yield step("metadata", True, " ".join(str(software.get(n, "")) for n in ("name", "version")).strip())
    release = release_of(version)
    is_right = release is not None and settings.release in (None, release)
    contradiction = (
        f", but the file says {settings.release.version}" if settings.release and not is_right else ""
    )
    yield step("FHIR version", is_right, f"{version}{contradiction}")
    begin = monotonic()
    yield _search(upstream, headers, begin)


def _search(upstream: Upstream, headers: dict[str, str], begin: float) -> CheckedStep:
    """A search for the first canonical that has no wildcard, or else for any code system."""
    settings = upstream.settings
    urls = [url for url, _ in _plain(settings)]
    query = [("url", urls[0])] if urls else []
    try:
        reply = upstream.read(
            "CodeSystem", [*query, ("_summary", "true")], headers, settings.deadline, "Bundle"
        )
    except UpstreamError as error:
        return CheckedStep(settings.name, "search", False, str(error), monotonic() - begin)
    works, total = reply.status == 200, reply.document.get("total")
    what = f"CodeSystem {urls[0]}" if urls else "CodeSystem"
    text = f"{what}: {total} found" if works else f"the answer has the status {reply.status}"
    return CheckedStep(settings.name, "search", works, text, monotonic() - begin)
