"""Where do artifacts lie, and which of them are served? What SQLite and PostgreSQL have in common."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from terminology.store.compile.compiler import Sink
from terminology.store.statements import Tables

BUSY = "another import is running on this store"


class ArtifactSink(Sink, Protocol):
    """A new artifact: nobody sees it before ``finish``, and nothing is left of it after ``abandon``."""

    def finish(self) -> int:
        """Make it an artifact that outlasts a crash; its size in bytes."""

    def abandon(self) -> None: ...


class Served(Protocol):
    """The artifacts of one store, by their numbers, for those who read."""

    def generation(self) -> int:
        """Which state of the store is published; cheap enough to be asked at every request."""

    def published(self) -> tuple[int, bytes] | None:
        """The generation, and what ``shelf.Item`` has of each artifact in it, as JSON."""

    def open(self, artifact: int) -> Tables: ...

    def close(self) -> None: ...


class Content(Served, Protocol):
    """The same for those who write."""

    @property
    def registry_url(self) -> str:
        """Where the registry lies, as SQLAlchemy puts it."""

    @property
    def scratch(self) -> Path | None:
        """A folder for large files that are soon gone; None is that of the system."""

    def is_there(self) -> bool:
        """Has anything ever been kept here? Makes nothing."""

    def prepare(self) -> None:
        """Make whatever must be there before anything is written."""

    def lock(self) -> AbstractContextManager[None]:
        """One writer at a time. Raises StoreBusyError."""

    def create(self, artifact: int) -> ArtifactSink: ...

    def artifacts(self) -> set[int]:
        """Whatever is here, wanted or not."""

    def delete(self, artifact: int) -> None: ...

    def announce(self, generation: int, body: bytes) -> None:
        """Let every process see that there is a new generation, and what is in it."""
