"""The services that run with a data folder, so that a command can find them and hear of them.

Each has a file ``services/[process].json`` in the folder. It keeps a lock on the file, which ends with it: a file that
is not locked is left over, and its number may be that of another process now.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FOLDER = "services"


@dataclass(slots=True)
class ServiceReport:
    """What a service says of itself.

    ``process`` is the number of its first process, ``reloads`` how often it has read its content again, ``loaded`` when
    the content was read that it serves, and ``problem`` why it could not be read again the last time; None if it could.
    """

    process: int
    address: str
    reloads: int = 0
    loaded: str = ""
    problem: str | None = None


class RunningService:
    """The file of this process, which must be the first one of a service."""

    def __init__(self, data: Path, report: ServiceReport) -> None:
        """Raises OSError for a folder that cannot be written."""
        self.report = report
        folder = data / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{report.process}.json"
        self._lock: int | None = None
        if fcntl is not None:
            self._lock = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.write()

    def write(self) -> None:
        """Write the report into the file. What cannot be written is not said."""
        if self._lock is None:
            return
        content = json.dumps(asdict(self.report)).encode()
        with suppress(OSError):
            os.pwrite(self._lock, content.ljust(os.fstat(self._lock).st_size), 0)

    def end(self) -> None:
        """Delete the file."""
        if self._lock is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None


def running_services(data: Path) -> Iterator[ServiceReport]:
    """The reports of the services that run with a data folder. Files that are left over are deleted."""
    if fcntl is None:
        return
    for path in sorted((data / FOLDER).glob("*.json")):
        with suppress(OSError):
            handle = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
            except BlockingIOError:
                report = _read(os.pread(handle, 100_000, 0))
                if report is not None:
                    yield report
            finally:
                os.close(handle)


def _read(content: bytes) -> ServiceReport | None:
    """A report; None while it is being written."""
    try:
        document: dict[str, Any] = json.loads(content)
        return ServiceReport(**document)
    except (ValueError, TypeError):
        return None
