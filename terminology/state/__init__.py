"""State that outlives a request: closure tables and the caches of clients.

It is in one SQLite file that several threads and processes share, or in the memory of one process. The content
is elsewhere, and requests never change it. All of it belongs to the callers, who have a quota (``quota``).
"""

from __future__ import annotations

from pathlib import Path

from terminology.state.closures import Closures
from terminology.state.database import Database
from terminology.state.quota import Quota, StateBounds
from terminology.state.sessions import SessionRows

FILE = "state.sqlite"
# The file itself: pages that are half empty, and the ids of caches that have ended.
_MARGIN = 64_000_000


class State:
    """The state in a folder; in memory without one. The file is opened when it is first needed."""

    def __init__(self, folder: Path | None = None, bounds: StateBounds | None = None) -> None:
        bounds = bounds or StateBounds()
        if folder is None:
            bounds = bounds.in_memory
        self.database = Database(folder / FILE if folder is not None else None, 2 * bounds.bytes + _MARGIN)
        quota = Quota(bounds)
        self.closures = Closures(self.database, quota)
        self.sessions = SessionRows(self.database, quota)

    @property
    def outlasts_process(self) -> bool:
        """Whether other processes share the state, and it survives a restart."""
        return self.database.path is not None

    def close(self) -> None:
        self.database.close()
