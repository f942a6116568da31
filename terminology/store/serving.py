"""The artifacts that are served at the moment.

A process opens the published artifacts and keeps them open. When the generation changes, artifacts that are
still published stay open, new ones are opened, and the others are closed once nothing refers to them. An artifact
that cannot be read is tried again every second; until then the others are served without it.
"""

from __future__ import annotations

import logging
import time
import weakref
from dataclasses import dataclass, replace
from threading import Lock

import orjson
from pyroaring import BitMap

from terminology.core.cache import Cache
from terminology.core.errors import OtherFormatError, UnavailableError, UnreadableArtifactError
from terminology.store.artifacts import BITMAP_ROOM, Artifact, bitmap_size
from terminology.store.backend import PublishedArtifact, ReadableStore
from terminology.store.damage import DAMAGED, Damage

# How often, in seconds, that is tried again which could not be read.
INTERVAL = 1.0
# How long, in seconds, a request waits for another one that reads a new generation, before it uses the old one.
PATIENCE = 0.05

log = logging.getLogger("terminology")

# An artifact that cannot be read, and why.
Unreadable = tuple[PublishedArtifact, UnreadableArtifactError]


@dataclass(slots=True, frozen=True)
class ServedGeneration:
    """The open artifacts of one generation of a store.

    ``unreadable`` are those that cannot be read. ``problem``: the store itself cannot be read, and the artifacts are
    those of an earlier generation; there may be others.
    """

    generation: int
    artifacts: tuple[Artifact, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    problem: UnavailableError | None = None

    @property
    def state(self) -> tuple[object, ...]:
        """All that tells it from another one."""
        unreadable = tuple((item.id, error.reason) for item, error in self.unreadable)
        return self.generation, self.artifacts, unreadable, self.problem

    @property
    def is_whole(self) -> bool:
        """Whether everything that is published can be read."""
        return not self.unreadable and self.problem is None


class StoreReader:
    """The reading side of a store, for all threads of a process."""

    def __init__(self, store: ReadableStore) -> None:
        self.store = store
        self._lock = Lock()
        self._open: weakref.WeakValueDictionary[int, Artifact] = weakref.WeakValueDictionary()
        self._damage: dict[int, Damage] = {}
        # The artifacts of another format, which the log has named.
        self._refused: set[int] = set()
        self._cache: Cache[BitMap] = Cache(BITMAP_ROOM, bitmap_size)
        self._served = ServedGeneration(-1)
        self._retry = 0.0

    def current(self) -> ServedGeneration:
        """The artifacts that are served at this moment: the same object until there is a new generation.

        Never waits long for a store that cannot be read, and raises nothing.
        """
        served = self._served
        if self.store.generation() == served.generation and served.is_whole:
            return served
        if served.is_whole or time.monotonic() >= self._retry:
            # Only the first generation is worth waiting for.
            if self._lock.acquire(timeout=-1 if served.generation == -1 and served.is_whole else PATIENCE):
                try:
                    self._update()
                finally:
                    self._lock.release()
        return self._served

    def _update(self) -> None:
        generation, served = self.store.generation(), self._served
        if served.is_whole and generation == served.generation:
            return
        if not served.is_whole and time.monotonic() < self._retry:
            return
        self._retry = time.monotonic() + INTERVAL
        try:
            new = self._read(generation)
        except UnavailableError as problem:
            # The store has logged it.
            if served.problem is None:
                self._served = replace(served, problem=problem)
            return
        if new.state != served.state:
            self._served = new

    def _read(self, generation: int) -> ServedGeneration:
        """Open the published artifacts. Raises UnavailableError while the store cannot be read."""
        published = self.store.published()
        items = [PublishedArtifact(**item) for item in orjson.loads(published[1])] if published else []
        artifacts: list[Artifact] = []
        unreadable: list[Unreadable] = []
        for item in items:
            try:
                artifacts.append(self._opened(item))
            except OtherFormatError as reason:
                if item.id not in self._refused:
                    self._refused.add(item.id)
                    log.error("not served: %s %s", item.name, reason)
            except UnreadableArtifactError as error:
                unreadable.append((item, error))
        self._damage = {item.id: self._damage[item.id] for item in items if item.id in self._damage}
        # Noted under the generation that was announced: ``published`` may be ahead of it, and is then read again.
        return ServedGeneration(generation, tuple(artifacts), tuple(unreadable))

    def _opened(self, item: PublishedArtifact) -> Artifact:
        artifact = self._open.get(item.id)
        if artifact is None:
            damage = self._damage.setdefault(item.id, Damage(item.name))
            artifact = Artifact(self.store.open(item, damage), item.id, self._cache, damage)
            if artifact.header.canonical != (item.kind, item.url, item.version):
                raise damage.error(DAMAGED, "its file is that of another resource")
            damage.end()
            self._open[item.id] = artifact
        return artifact

    def away(self) -> UnavailableError | None:
        """The reason why no artifact can be read at the moment, as was last seen; None if they can."""
        return self.store.away()

    def close(self) -> None:
        """Let go of the artifacts and close the store."""
        self._served = ServedGeneration(-1)
        self.store.close()
