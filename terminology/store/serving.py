"""The artifacts that are served at the moment.

A process opens the published artifacts and keeps them open. When the generation changes, artifacts that are
still published stay open, new ones are opened, and the others are closed once nothing refers to them.
"""

from __future__ import annotations

import logging
import weakref
from dataclasses import dataclass
from threading import Lock

import orjson
from pyroaring import BitMap

from terminology.core.cache import Cache
from terminology.core.errors import OtherFormatError
from terminology.store.artifacts import BITMAP_ROOM, Artifact, bitmap_size
from terminology.store.backend import ReadableStore

log = logging.getLogger("terminology")


@dataclass(slots=True, frozen=True)
class PublishedArtifact:
    """An artifact as a generation lists it. ``kind`` is the type of the resource."""

    id: int
    kind: str
    url: str
    version: str | None


@dataclass(slots=True, frozen=True)
class ServedGeneration:
    """The open artifacts of one generation of a store."""

    generation: int
    artifacts: tuple[Artifact, ...] = ()


class StoreReader:
    """The reading side of a store, for all threads of a process."""

    def __init__(self, store: ReadableStore) -> None:
        self._store = store
        self._lock = Lock()
        self._open: weakref.WeakValueDictionary[int, Artifact] = weakref.WeakValueDictionary()
        self._cache: Cache[BitMap] = Cache(BITMAP_ROOM, bitmap_size)
        self._served = ServedGeneration(-1)

    def current(self) -> ServedGeneration:
        """The artifacts that are served at this moment: the same object until there is a new generation."""
        if self._store.generation() != self._served.generation:
            with self._lock:
                self._update()
        return self._served

    def _update(self) -> None:
        generation = self._store.generation()
        if generation == self._served.generation:
            return
        published = self._store.published()
        if published is None:
            self._served = ServedGeneration(generation)
            return
        artifacts = (self._artifact(PublishedArtifact(**item)) for item in orjson.loads(published[1]))
        # Noted under the generation that was announced: ``published`` may be ahead of it, and is then read again.
        self._served = ServedGeneration(generation, tuple(a for a in artifacts if a is not None))

    def _artifact(self, item: PublishedArtifact) -> Artifact | None:
        """The open artifact; None, and a line in the log, if it was compiled in another format."""
        try:
            return self._opened(item)
        except OtherFormatError as reason:
            log.error("not served: %s %s|%s %s", item.kind, item.url, item.version or "", reason)
            return None

    def _opened(self, item: PublishedArtifact) -> Artifact:
        artifact = self._open.get(item.id)
        if artifact is None:
            artifact = Artifact(self._store.open(item.id), item.id, self._cache)
            self._open[item.id] = artifact
        return artifact

    def close(self) -> None:
        """Let go of the artifacts and close the store."""
        self._served = ServedGeneration(-1)
        self._store.close()
