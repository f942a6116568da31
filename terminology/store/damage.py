"""Damage to an artifact: how it is noticed and reported, and how its end is.

The file of an artifact never changes. When it is missing, or is not as it was, the artifact is not read until the
file is as it was again; everything else is served on.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from terminology.core.errors import UnreadableArtifactError
from terminology.core.file_versions import FileVersion, version_of_file

# The reasons that a client is told.
DAMAGED = "its content in the store is damaged"
MISSING = "its file in the store is missing"
CHANGED = "its file in the store has changed, and is being checked"

_PIECE = 1 << 20

log = logging.getLogger("terminology")


class Damage:
    """The trouble with a resource in the store. The log has one line when it begins, and one when it ends."""

    def __init__(self, resource: str) -> None:
        self._resource = resource
        self._reason: str | None = None

    def error(self, reason: str, detail: object = "") -> UnreadableArtifactError:
        """The exception for a reason; ``detail`` is for the log alone."""
        error = UnreadableArtifactError(self._resource, reason)
        if reason != self._reason:
            self._reason = reason
            log.error("%s%s", error, f" ({detail})" if detail else "")
        return error

    @property
    def fault(self) -> UnreadableArtifactError | None:
        """The trouble that was last met, unless it has ended."""
        return None if self._reason is None else UnreadableArtifactError(self._resource, self._reason)

    def end(self) -> None:
        """It can be read."""
        if self._reason is not None:
            self._reason = None
            log.warning("%s can be read again", self._resource)


class ArtifactFile:
    """The file of an artifact: as it was when it was opened, or else with a ``problem``."""

    def __init__(self, path: Path, size: int | None = None, sha256: str | None = None) -> None:
        """``size`` and ``sha256`` are those that the registry has noted; an early one did not."""
        self.path, self._size, self._sha256 = path, size, sha256
        self._lock = Lock()
        # A file of the right size is trusted at first: to read all of it would keep a server from starting.
        self._good = self._identity()
        self._bad: FileVersion | None = None
        self.problem = self._wrong_size(self._good)
        if self.problem is not None:
            self._good, self._bad = None, self._good
        elif self._size is None and self._good is not None:
            self._size = self._good[1]

    def has_changed(self) -> bool:
        """Look at the file again, and say whether it must be opened again."""
        now = self._identity()
        if now == self._good and now is not None:
            changed, self.problem = self.problem is not None, None
            return changed
        if now is not None and now == self._bad:
            return False
        if not self._lock.acquire(blocking=False):
            self.problem = self.problem or CHANGED  # another thread reads all of it
            return True
        try:
            self.problem = self._wrong_size(now) or self._wrong_content()
            self._good, self._bad = (now, None) if self.problem is None else (self._good, now)
        finally:
            self._lock.release()
        return True

    def fail(self) -> None:
        """A statement says that the file is damaged: if the file has not changed, it was damaged when it was opened."""
        now = self._identity()
        if now is not None and now == self._good:
            self._good, self._bad, self.problem = None, now, DAMAGED

    def _identity(self) -> FileVersion | None:
        return version_of_file(self.path)

    def _wrong_size(self, now: FileVersion | None) -> str | None:
        if now is None:
            return MISSING
        if self._size is not None and now[1] != self._size:
            return f"its file in the store has {now[1]:,} bytes instead of {self._size:,}"
        return None

    def _wrong_content(self) -> str | None:
        return None if wrong_content(self.path, self._sha256) is None else DAMAGED


def _quiet(done: int, size: int) -> None:
    """Report no progress."""


def wrong_content(path: Path, sha256: str | None, on_read: Callable[[int, int], None] = _quiet) -> str | None:
    """The trouble with the file of an artifact, or None: all of it is read.

    Without a checksum the database says whether its pages fit together.
    """
    try:
        if sha256:
            actual = sha256_of(path, on_read)
            return None if actual == sha256 else f"its SHA-256 is {actual}, not {sha256}"
        with closing(sqlite3.connect(uri_of(path), uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            return None if verdict == "ok" else str(verdict)
    except (OSError, sqlite3.Error) as problem:
        return str(problem)


def sha256_of(path: Path, on_read: Callable[[int, int], None] = _quiet) -> str:
    """The checksum of a file. ``on_read`` is called with the bytes that are read, and all that it has."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as stream:
        size = path.stat().st_size
        while piece := stream.read(_PIECE):
            digest.update(piece)
            done += len(piece)
            on_read(done, size)
    return digest.hexdigest()


def uri_of(path: Path) -> str:
    """The URI with which SQLite opens a file that never changes."""
    return f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
