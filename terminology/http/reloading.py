"""Content that is read again while the service runs: on SIGHUP, or by ``terminology reload``.

The first process reads it, so that a broken file is named once, and then each worker reads it beside its requests:
no connection ends and no request waits. A worker that begins later has it from the first process.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread
from typing import TypeVar

from terminology.core.errors import UnreadableFileError
from terminology.opening import ServedContent, state_problem
from terminology.settings import Settings
from terminology.state.services import RunningService, ServiceReport

T = TypeVar("T")

log = logging.getLogger("terminology")


class Reloading:
    """The reloads of one service, and its report in the data folder, if there is one."""

    def __init__(self, settings: Settings, address: str) -> None:
        self._report = ServiceReport(os.getpid(), address, loaded=_now())
        self._service: RunningService | None = None
        if settings.data is not None and state_problem(settings) is None:
            try:
                self._service = RunningService(settings.data, self._report)
            except OSError as problem:
                log.warning("'terminology reload' will not find this service: %s", problem)

    def attempt(self, read: Callable[[], T]) -> T | None:
        """The content, as ``read`` gives it; None where that fails: the log and the report have the reason."""
        report = self._report
        try:
            content = read()
        except (UnreadableFileError, OSError) as problem:
            report.problem = str(problem)
            log.error("the content was not read again, and the old content is served on: %s", problem)
            return None
        else:
            report.problem, report.loaded = None, _now()
            log.warning("the content was read again")
            return content
        finally:
            report.reloads += 1
            if self._service is not None:
                self._service.write()

    def end(self) -> None:
        """The service ends."""
        if self._service is not None:
            self._service.end()


class WorkerContent:
    """The content of a worker, which follows the reloads of the first process; ``last`` is the one that it has."""

    def __init__(self, served: ServedContent, reloads: Callable[[], int], last: int) -> None:
        self._served, self._reloads, self._last = served, reloads, last
        self._thread: Thread | None = None

    def look(self) -> None:
        """Begin to read the content again, if the counter has moved and no thread is reading."""
        if self._reloads() != self._last and (self._thread is None or not self._thread.is_alive()):
            self._last = self._reloads()
            self._thread = Thread(target=self._read, name="reload", daemon=True)
            self._thread.start()

    def _read(self) -> None:
        try:
            self._served.reload()
        except (UnreadableFileError, OSError) as problem:
            log.error("a worker serves the old content on: %s", problem)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
