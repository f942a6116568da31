"""Content that is read again while the service runs: on SIGHUP, or by ``terminology reload``.

The first process reads it, so that a broken file is named once, and then each worker reads it beside its requests:
no connection ends and no request waits. A worker that begins later has it from the first process.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import TypeVar

from terminology.core.errors import UnreadableFileError
from terminology.opening import ServedContent, state_problem
from terminology.settings import Settings
from terminology.state.services import RunningService, ServiceReport

T = TypeVar("T")

# Seconds after which a worker tries again to read what it could not read.
RETRY = 1.0

log = logging.getLogger("terminology")

# Seconds between two looks at the answers of the workers.
_INTERVAL = 0.05


@dataclass(slots=True)
class ReloadCounts:
    """How often the content was read again by all workers, and how often that failed."""

    done: int = 0
    failed: int = 0


class Reloading:
    """The reloads of one service, and its report in the data folder, if there is one; ``counts`` are for metrics."""

    def __init__(self, settings: Settings, address: str, counts: ReloadCounts) -> None:
        self._counts = counts
        self._report = ServiceReport(os.getpid(), address, loaded=_now())
        self._service: RunningService | None = None
        if settings.data is not None and state_problem(settings) is None:
            try:
                self._service = RunningService(settings.data, self._report)
            except OSError as problem:
                log.warning("'terminology reload' will not find this service: %s", problem)

    def attempt(self, read: Callable[[], T]) -> T | None:
        """The content, as ``read`` gives it; None where that fails: the log and the report have the reason.

        After a success ``finish`` must be called, when the content is served.
        """
        try:
            return read()
        except (UnreadableFileError, OSError) as problem:
            log.error("the content was not read again, and the old content is served on: %s", problem)
            self._write(str(problem))
            return None

    def finish(self, problem: str | None = None) -> None:
        """The content that was read is served; ``problem`` says by whom it is not."""
        self._report.loaded = _now()
        if problem is None:
            log.info("the content was read again")
        else:
            log.error("the content was read again, but %s", problem)
        self._write(problem)

    def _write(self, problem: str | None) -> None:
        if problem is None:
            self._counts.done += 1
        else:
            self._counts.failed += 1
        self._report.problem = problem
        self._report.reloads += 1
        if self._service is not None:
            self._service.write()

    def end(self) -> None:
        """The service ends."""
        if self._service is not None:
            self._service.end()


class WorkerContent:
    """The content of a worker, which follows the reloads of the first process; ``last`` is the one that it has.

    ``answer`` is called with the number of each reload, negative where the worker serves the old content on. A file
    that is broken when the worker comes to it, though it was not before, is read again every second.
    """

    def __init__(
        self, served: ServedContent, reloads: Callable[[], int], last: int, answer: Callable[[int], None]
    ) -> None:
        self._served, self._reloads, self._last, self._answer = served, reloads, last, answer
        answer(last)
        self._thread: Thread | None = None
        self._problem = ""
        self._next_try = 0.0

    def look(self) -> None:
        """Begin to read the content again, if the counter has moved or that failed before; one thread at a time."""
        if self._thread is not None and self._thread.is_alive():
            return
        if self._reloads() != self._last or (self._problem and time.monotonic() >= self._next_try):
            self._last = self._reloads()
            self._thread = Thread(target=self._read, args=(self._last,), name="reload", daemon=True)
            self._thread.start()

    def _read(self, reload: int) -> None:
        try:
            self._served.reload()
        except (UnreadableFileError, OSError) as problem:
            if str(problem) != self._problem:
                log.error("a worker serves the old content until this can be read: %s", problem)
            self._problem, self._next_try = str(problem), time.monotonic() + RETRY
            self._answer(-reload)
        else:
            self._problem = ""
            self._answer(reload)


def await_workers(answers: Sequence[int], reload: int, seconds: float) -> str | None:
    """Wait until all workers have answered to a reload; the problem of those that serve the old content, or None.

    ``answers`` are the last answers of the workers, as ``WorkerContent`` gives them.
    """
    end = time.monotonic() + seconds
    while any(abs(answer) < reload for answer in answers) and time.monotonic() < end:
        time.sleep(_INTERVAL)
    old = [number for number, answer in enumerate(answers, 1) if answer < reload]
    if not old:
        return None
    return (
        f"{len(old)} of {len(answers)} workers serve the old content still: number {', '.join(map(str, old))}"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
