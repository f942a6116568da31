"""The protocols of a store: what SQLite and PostgreSQL must both be able to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from terminology.core.errors import UnavailableError
from terminology.store.damage import Damage
from terminology.store.sql import ArtifactTables

BUSY = "another import is running on this store"
# Instead of the number of the last write: one is ending at this moment, or has died meanwhile.
UNSETTLED = 2**64 - 1
# The channel on which PostgreSQL tells of a write.
CHANNEL = "terminology_writes"

# The values of one row, in the order of the table's columns.
TableRow = tuple[Any, ...]


@dataclass(slots=True, frozen=True)
class PublishedArtifact:
    """An artifact as a generation lists it. ``kind`` is the type of the resource.

    ``size`` and ``sha256`` are those of its file; None in a database, and for an artifact of an early version.
    """

    id: int
    kind: str
    url: str
    version: str | None
    size: int | None = None
    sha256: str | None = None

    @property
    def name(self) -> str:
        """The resource, as problems name it."""
        return f"{self.kind} {self.url}|{self.version}" if self.version else f"{self.kind} {self.url}"


@dataclass(slots=True, frozen=True)
class Verdict:
    """The result of a look at an artifact: ``problem``, or None, and the things that were looked at."""

    problem: str | None
    looked_at: str


# Called with the bytes that are read of a file, and all that it has.
OnRead = Callable[[int, int], None]


class Sink(Protocol):
    """Takes the rows of the tables of one artifact."""

    def write(self, table: str, rows: Sequence[TableRow]) -> None:
        """Add rows to a table of ``schema.TABLES``."""


class ArtifactSink(Sink, Protocol):
    """A new artifact: invisible before ``finish``, and gone without a trace after ``abandon``."""

    def finish(self) -> tuple[int, str]:
        """Make it an artifact that survives a crash.

        Returns its size in bytes, and the SHA-256 of its file; in a database that is empty.
        """

    def abandon(self) -> None:
        """Discard everything that was written."""


class ReadableStore(Protocol):
    """A store for reading: its artifacts, by their numbers."""

    def generation(self) -> int:
        """The number of the published state of the store; 0 before anything is published.

        It is cheap enough to be called at every request.
        """

    @property
    def writes(self) -> int:
        """The number of the last write of a client as ``generation`` has seen it, or UNSETTLED; 0 before any."""

    def published(self) -> tuple[int, bytes] | None:
        """The generation, and its artifacts: a JSON array with the fields of ``PublishedArtifact``."""

    def away(self) -> UnavailableError | None:
        """The reason why no artifact can be read at the moment, as was last seen; None if they can."""

    def uncopied(self) -> Sequence[str]:
        """The resources that should have a copy on this node and have none yet, as problems name them."""

    def open(self, artifact: PublishedArtifact, damage: Damage) -> ArtifactTables:
        """The tables of an artifact; ``damage`` is told of errors that come later.

        Raises UnreadableArtifactError.
        """

    def close(self) -> None:
        """Close all connections and files."""


class Store(ReadableStore, Protocol):
    """A store for writing, too."""

    @property
    def registry_url(self) -> str:
        """The URL of the registry's database, as SQLAlchemy expects it."""

    @property
    def scratch(self) -> Path | None:
        """A folder for large temporary files; None means the folder of the system."""

    def is_there(self) -> bool:
        """Whether the store has ever been written to. Makes nothing."""

    def glance(self, artifact: PublishedArtifact) -> str | None:
        """The problem that a quick look finds with an artifact: it is missing, or cut off."""

    def verify(self, artifact: PublishedArtifact, on_read: OnRead) -> Verdict:
        """Look at all of an artifact."""

    def prepare(self) -> None:
        """Make the folders and tables that writing needs."""

    def lock(self) -> AbstractContextManager[None]:
        """Keep out other writers. Raises StoreBusyError if there is one."""

    def create(self, artifact: int) -> ArtifactSink:
        """Begin the artifact with a number."""

    def artifacts(self) -> set[int]:
        """The numbers of all artifacts, including those that nothing refers to any more."""

    def delete(self, artifact: int) -> None:
        """Delete the artifact with a number, if it exists."""

    def announce(self, generation: int, body: bytes) -> None:
        """Tell every process that there is a new generation. ``body`` is what ``published`` then returns."""

    # -- writes of clients: see ``write_log.py`` -----------------------------------------------

    @property
    def writes_url(self) -> str:
        """The URL of the database of the log of writes, as SQLAlchemy expects it."""

    def has_writes(self) -> bool:
        """Whether there may be a log of writes. Makes nothing."""

    def prepare_writes(self) -> None:
        """Make what the log of writes needs besides its tables."""

    def announce_write(self, number: int) -> None:
        """Tell the processes that share this folder, or this store, how far the log goes; or UNSETTLED."""

    def is_full(self, problem: BaseException) -> bool:
        """Whether a problem with the database is that its disk is full."""

    def is_locked(self, problem: BaseException) -> bool:
        """Whether a problem with the database is that another transaction has what this one has waited for."""
