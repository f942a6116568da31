"""The state of the service for its operator: readiness, the versions in the store, and the upstreams.

The state is that of the process that answers. ``http/operator.py`` says who may see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from terminology.core.errors import OtherFormatError, UnreadableArtifactError
from terminology.opening import StoreState
from terminology.pages.links import KIND_TITLES
from terminology.pages.road import Road
from terminology.pages.view import View
from terminology.store.schema import FORMAT


@dataclass(slots=True, frozen=True)
class ServiceState:
    """The store, and the resources that a copy of it on this node lacks yet."""

    store: StoreState
    uncopied: Sequence[str] = ()


@dataclass(slots=True, frozen=True)
class StoredVersion:
    """A version in the store; ``problem`` says why it is not served."""

    kind: str
    url: str
    version: str
    title: str
    status: str
    rows: int
    left_out: int
    megabytes: str
    loaded: str
    importer: str
    licence: str
    problem: str


def state(road: Road, service: ServiceState) -> View:
    """The page."""
    faults = road.context.catalogue.faults()
    versions = [_version(*each) for each in service.store.versions]
    elsewhere = road.context.elsewhere
    values: dict[str, Any] = {
        "store": service.store,
        "versions": versions,
        "rows_in_store": sum(version.rows for version in versions),
        "megabytes": _megabytes(sum(artifact.bytes for artifact, _ in service.store.versions)),
        "readiness": _readiness(
            all(isinstance(fault, UnreadableArtifactError) for fault in faults), bool(faults)
        ),
        "faults": list(dict.fromkeys(map(str, faults))),
        "uncopied": list(service.uncopied),
        "kinds": [
            (kind, title, road.get_once(kind, [("_summary", "count")]).total)
            for kind, title in KIND_TITLES.items()
        ],
        "upstreams": sorted(elsewhere.usable().items()) if elsewhere is not None else [],
        "takes_writes": road.context.takes_writes,
        "asks_who": road.context.login is not None,
    }
    return View("state.html", "The state of this service", values)


def _readiness(is_ready: bool, has_faults: bool) -> str:
    if not has_faults:
        return "ready"
    return "degraded" if is_ready else "not ready"


def _version(artifact: Any, problem: str | None) -> StoredVersion:
    unlike = str(OtherFormatError(artifact.format, FORMAT)) if artifact.format != FORMAT else ""
    return StoredVersion(
        artifact.kind,
        artifact.url,
        artifact.version or "",
        artifact.title or artifact.importer,
        artifact.status,
        artifact.rows,
        artifact.problems,
        _megabytes(artifact.bytes),
        artifact.loaded[:16].replace("T", " "),
        artifact.importer,
        artifact.licence or "",
        problem or unlike,
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
