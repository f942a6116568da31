"""A circuit breaker: an upstream that fails again and again is left alone for a while.

A library would do it, too; this one counts what no library can know (an answer that cannot be used is a fault), and
is shorter than the code that would tell it so.
"""

from __future__ import annotations

from threading import Lock
from time import monotonic

# After so many faults in a row the circuit is open for so many seconds; then one question is tried.
FAULTS = 5
SECONDS = 30


class Circuit:
    """The state of one upstream. For use by several threads."""

    def __init__(self, faults: int = FAULTS, seconds: float = SECONDS) -> None:
        self._most, self._seconds = faults, seconds
        self._faults = 0
        self._open_until = 0.0
        self._lock = Lock()

    def seconds_to_wait(self) -> float:
        """How long the upstream is to be left alone; 0 if it may be asked.

        When the time is over, one caller is told to ask; for the others it begins again.
        """
        with self._lock:
            if self._faults < self._most:
                return 0
            left = self._open_until - monotonic()
            if left <= 0:
                self._open_until = monotonic() + self._seconds
                return 0
            return left

    @property
    def is_open(self) -> bool:
        """Is the upstream left alone at the moment?"""
        return self._faults >= self._most and monotonic() < self._open_until

    def succeeded(self) -> None:
        self._faults = 0

    def failed(self) -> None:
        with self._lock:
            self._faults += 1
            if self._faults >= self._most:
                self._open_until = monotonic() + self._seconds
