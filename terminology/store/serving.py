"""Which artifacts are served now?

A process opens what is published and keeps it open. When the generation changes, what stays is kept, what is
new is opened, and what is gone is closed as soon as nobody holds it any more.
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
from terminology.store.artifacts import ROOM, Artifact, weight
from terminology.store.backend import Served

log = logging.getLogger("terminology")


@dataclass(slots=True, frozen=True)
class Item:
    """An artifact as it is published."""

    id: int
    kind: str
    url: str
    version: str | None


@dataclass(slots=True, frozen=True)
class Shelf:
    """One generation."""

    generation: int
    artifacts: tuple[Artifact, ...] = ()


class Reader:
    """The reading side of a store, for all threads of a process."""

    def __init__(self, content: Served) -> None:
        self._content = content
        self._lock = Lock()
        self._held: weakref.WeakValueDictionary[int, Artifact] = weakref.WeakValueDictionary()
        self._cache: Cache[BitMap] = Cache(ROOM, weight)
        self._shelf = Shelf(-1)

    def shelf(self) -> Shelf:
        """What is served at this moment. The same object until there is a new generation."""
        if self._content.generation() != self._shelf.generation:
            with self._lock:
                self._look()
        return self._shelf

    def _look(self) -> None:
        generation = self._content.generation()
        if generation == self._shelf.generation:
            return
        published = self._content.published()
        if published is None:
            self._shelf = Shelf(generation)
            return
        items = [Item(**item) for item in orjson.loads(published[1])]
        artifacts = map(self._artifact, items)
        # The generation that was announced: what is published may be ahead of it.
        self._shelf = Shelf(generation, tuple(a for a in artifacts if a is not None))

    def _artifact(self, item: Item) -> Artifact | None:
        """None for what this version of the software cannot read."""
        try:
            return self._opened(item)
        except OtherFormatError as reason:
            log.error("not served: %s %s|%s %s", item.kind, item.url, item.version or "", reason)
            return None

    def _opened(self, item: Item) -> Artifact:
        held = self._held.get(item.id)
        if held is None:
            held = Artifact(self._content.open(item.id), item.id, self._cache)
            self._held[item.id] = held
        return held

    def close(self) -> None:
        self._shelf = Shelf(-1)
        self._content.close()
