"""The verification of a store: whether its artifacts are as they were imported."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from terminology.core.errors import UnavailableError
from terminology.store.backend import OnRead, Store, Verdict
from terminology.store.registry import RegisteredArtifact, Registry


def glances(store: Store, registry: Registry) -> Iterator[tuple[RegisteredArtifact, str | None]]:
    """The active and retired artifacts, each with what a quick look finds wrong."""
    for artifact in registry.present():
        yield artifact, store.glance(artifact.published)


def verdicts(
    store: Store, registry: Registry, on_read: OnRead
) -> Iterator[tuple[RegisteredArtifact | None, Verdict]]:
    """A verdict on each active and retired artifact, and, without one, on the list of those that are served."""
    for artifact in registry.present():
        yield artifact, store.verify(artifact.published, on_read)
    yield None, Verdict(_list_problem(store, registry), "as the registry has it")


def _list_problem(store: Store, registry: Registry) -> str | None:
    try:
        published = store.published()
    except UnavailableError as problem:
        return str(problem)
    expected = registry.published()
    if published is None:
        return None if not expected[0] else "is missing: the next command that changes the store writes it"
    same = published[0] == expected[0] and orjson.loads(published[1]) == orjson.loads(expected[1])
    return None if same else "is not that of the registry: the next command that changes the store writes it"
