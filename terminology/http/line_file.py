"""Lines for a file or the standard output, which a thread of its own writes: no request waits for a disk or a reader.

Several processes write to the same place. Each writes whole lines, and so many at a time that the system does not mix
them with those of others.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

# The place that stands for the standard output.
STANDARD_OUTPUT = "-"
# Seconds between two writings: so old may the lines be that are lost when a process is killed.
INTERVAL = 0.2
# The most lines that wait. Of a place that takes none, further lines are dropped and counted.
MOST_WAITING = 50_000
# Bytes that a pipe takes at once, without those of other processes among them (PIPE_BUF of Linux). A file takes all.
_AT_ONCE = 4_096


log = logging.getLogger("terminology")


class LineFile:
    """Lines that are appended to a place. For use by several threads, and by processes that are forked from this one.

    A file that was renamed or removed is made again, so a program that rotates logs has to tell nobody.
    """

    def __init__(self, place: str) -> None:
        """Raises OSError for a file that cannot be written."""
        self._place = place
        self._file = self._open()
        self._begin_process()
        if sys.platform != "win32":
            os.register_at_fork(after_in_child=self._begin_process)

    def _begin_process(self) -> None:
        """No thread of this process writes yet, and the lines that wait are for another one to write."""
        self._waiting: deque[str] = deque()
        self._lost = 0
        self._lock = Lock()
        self._is_written = False
        self._problem = ""

    def add(self, line: str) -> None:
        """Add a line, which ends with a line break."""
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(line)
        if not self._is_written:
            self._begin_writing()

    def write(self) -> None:
        """Write the lines that wait. Those that cannot be written are lost, and the error log tells how many."""
        with self._lock:
            lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not lines:
                return
            try:
                self._reopen()
                self._write_all(lines)
            except OSError as problem:
                self._lost += len(lines)
                if str(problem) != self._problem:
                    self._problem = str(problem)
                    log.error("the log %s cannot be written: %s", self._place, problem)
                return
            lost, self._lost, self._problem = self._lost, 0, ""
        if lost:
            log.error("%d lines of the log %s were lost", lost, self._place)

    def _begin_writing(self) -> None:
        """Write from now on in a thread of this process."""
        with self._lock:
            if self._is_written:
                return
            self._is_written = True
        Thread(target=self._run, daemon=True, name="log").start()

    def _run(self) -> None:
        while True:
            time.sleep(INTERVAL)
            self.write()

    def _write_all(self, lines: list[str]) -> None:
        if stat.S_ISREG(os.fstat(self._file).st_mode):
            self._write_whole("".join(lines).encode("utf-8", "backslashreplace"))
            return
        portion = b""
        for line in lines:
            data = line.encode("utf-8", "backslashreplace")
            if len(portion) + len(data) > _AT_ONCE:
                self._write_whole(portion)
                portion = b""
            portion += data
        self._write_whole(portion)

    def _write_whole(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._file, data) :]

    def _open(self) -> int:
        if self._place == STANDARD_OUTPUT:
            return 1
        return os.open(self._place, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _reopen(self) -> None:
        """Open the file anew if it is not the one at its place any more."""
        if self._place == STANDARD_OUTPUT:
            return
        with suppress(FileNotFoundError):
            at_its_place, ours = Path(self._place).stat(), os.fstat(self._file)
            if (at_its_place.st_dev, at_its_place.st_ino) == (ours.st_dev, ours.st_ino):
                return
        new = self._open()
        os.close(self._file)
        self._file = new
