"""State that outlives a request: closure tables and the caches of clients.

It is in one SQLite file that several threads and processes share, or in the memory of one process. The content
is elsewhere, and requests never change it.
"""

from __future__ import annotations

from pathlib import Path

from terminology.state.closures import Closures
from terminology.state.database import Database
from terminology.state.sessions import SessionRows

FILE = "state.sqlite"


class State:
    """The state in a folder; in memory without one. The file is opened when it is first needed."""

    def __init__(self, folder: Path | None = None) -> None:
        self.database = Database(folder / FILE if folder is not None else None)
        self.closures = Closures(self.database)
        self.sessions = SessionRows(self.database)

    @property
    def outlasts_process(self) -> bool:
        """Whether other processes share the state, and it survives a restart."""
        return self.database.path is not None

    def close(self) -> None:
        self.database.close()
