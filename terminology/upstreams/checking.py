"""What works of each upstream: its metadata, its release, and a search for something that it may be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import BoundedSemaphore
from time import monotonic

from terminology.core.errors import UpstreamError
from terminology.upstreams.configuration import UpstreamSettings, UpstreamsFile, release_of
from terminology.upstreams.kept_answers import KeptAnswers
from terminology.upstreams.upstream import Upstream
from terminology.wire.request_headers import RequestHeader


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
    for settings in file.upstreams:
        yield from _steps(settings, {RequestHeader.HOPS.value: file.id})


def _steps(settings: UpstreamSettings, headers: dict[str, str]) -> Iterator[CheckedStep]:
    upstream = Upstream(settings, KeptAnswers(0, 0), BoundedSemaphore(1), 1)
    begin = monotonic()

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
    plain = [mask.text.partition("|")[0] for mask in settings.canonicals]
    urls = [text for text in plain if "*" not in text]
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
