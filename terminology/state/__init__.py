"""What has to be kept from one request to the next, and who keeps it?

Closure tables and the caches of clients, in one SQLite file that several threads and processes share; or in
memory, for one process and as long as it runs. The content that is served is not here: that is never written.
"""

from __future__ import annotations

from pathlib import Path

from terminology.state.closures import Closures
from terminology.state.database import Database
from terminology.state.sessions import SessionRows

FILE = "state.sqlite"


class State:
    """What is kept in a folder; in memory if there is none. Nothing is opened before it is needed."""

    def __init__(self, folder: Path | None = None) -> None:
        self.database = Database(folder / FILE if folder is not None else None)
        self.closures = Closures(self.database)
        self.sessions = SessionRows(self.database)

    @property
    def outlasts_process(self) -> bool:
        """Whether other processes see it, and this one after it was started again."""
        return self.database.path is not None

    def close(self) -> None:
        self.database.close()
