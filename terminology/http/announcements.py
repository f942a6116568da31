"""How others learn that the service answers, and that it ends: a file, and the service manager of the system.

systemd is told by datagrams to the socket that it names, as sd_notify(3) describes them: ``READY=1``, ``STOPPING=1``
and, where the unit has ``WatchdogSec=``, ``WATCHDOG=1``.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from terminology.core.errors import SettingError

log = logging.getLogger("terminology")


class Announcements:
    """Those of one service; ``ready_file`` is the file, if the settings name one. For use by the first process."""

    def __init__(self, ready_file: Path | None) -> None:
        """Remove a file that an earlier service has left. Raises SettingError where the file cannot be written."""
        self._file = ready_file
        self._interval = _watchdog_interval()
        self._alive_at = 0.0
        if ready_file is None:
            return
        try:
            ready_file.unlink(missing_ok=True)
            _write(ready_file, "")
            ready_file.unlink()
        except OSError as problem:
            reason = f"{ready_file} cannot be written: {problem.strerror}"
            raise SettingError(f"'ready_file': {reason}") from None

    def ready(self, base: str) -> None:
        """Say that requests to this URL are answered."""
        if self._file is not None:
            try:
                _write(self._file, f"{base}\n")
            except OSError as problem:
                log.error("the ready file %s cannot be written: %s", self._file, problem.strerror)
        _notify(f"READY=1\nSTATUS=Listening on {base}")

    def alive(self) -> None:
        """Say that the service is supervised, as often as the manager wants to know it."""
        if self._interval and time.monotonic() - self._alive_at >= self._interval:
            self._alive_at = time.monotonic()
            _notify("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that no new requests are answered."""
        if self._file is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
        _notify("STOPPING=1")


def _write(file: Path, text: str) -> None:
    """Write a file whole, so that nobody reads a part of it."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(text, "utf-8")
    unfinished.replace(file)


def _watchdog_interval() -> float:
    """Seconds between two signs of life: half of what the manager waits for; 0 if it does not watch this process."""
    microseconds, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or process not in ("", str(os.getpid())):
        return 0
    return int(microseconds) / 2 / 1e6


def _notify(state: str) -> None:
    """Send a state to the manager, if it has named a socket. It can do without, so a failure is for the log alone."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if place[:1] not in ("/", "@"):
        return
    address = "\0" + place[1:] if place[0] == "@" else place
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.connect(address)
            sending.send(state.encode())
    except OSError as problem:
        log.warning("the service manager at %s cannot be told: %s", place, problem)
