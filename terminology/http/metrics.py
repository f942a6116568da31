"""What Prometheus is told of this process: requests by interaction and release, content, and upstreams.

Requests are added up here. The instruments of ``prometheus_client`` would take longer; they get the sums from time to
time. In its multi-process mode they keep them in files, some for each worker, which ``metrics_server`` reads.
"""

from __future__ import annotations

import os
import sys
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

from prometheus_client import Gauge, Histogram, values

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import UnreadableArtifactError
from terminology.wire.elsewhere import Elsewhere

if sys.platform != "win32":
    import fcntl

# The environment variable by which prometheus_client knows the folder of its files.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# Seconds up to which a request is counted, bucket by bucket.
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Durations(Histogram):
    """A histogram that takes many observations at once. For that it uses two attributes of its class."""

    def add(self, counts: list[int], seconds: float) -> None:
        """Add so many observations to each bucket, ``seconds`` long together."""
        self._sum.inc(seconds)
        for bucket, number in zip(self._buckets, counts, strict=True):
            if number:
                bucket.inc(number)


@dataclass(slots=True)
class _Instruments:
    """The instruments of this process, which are registered once."""

    durations: _Durations
    in_flight: Gauge
    store: Gauge
    unreadable: Gauge
    upstreams: Gauge


@cache
def _instruments() -> _Instruments:
    folder = os.environ.get(FOLDER)
    if folder:
        values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
            lambda: _slot(Path(folder), os.getpid())
        )
    return _Instruments(
        _Durations(
            "terminology_request_duration_seconds",
            "Requests that were answered, and the seconds that this took.",
            ["operation", "release", "status"],
            buckets=BOUNDS,
        ),
        Gauge(
            "terminology_requests_in_flight",
            "Requests that are being answered.",
            multiprocess_mode="livesum",
        ),
        Gauge(
            "terminology_store_readable",
            "1 if the store can be read, or if there is none; 0 if not.",
            multiprocess_mode="livemin",
        ),
        Gauge(
            "terminology_resources_unreadable",
            "Resources of the store that cannot be read.",
            multiprocess_mode="livemax",
        ),
        Gauge(
            "terminology_upstream_usable",
            "0 while an upstream is left alone after faults (its circuit is open), else 1.",
            ["upstream"],
            multiprocess_mode="livemin",
        ),
    )


@cache
def _slot(folder: Path, process: int) -> str:
    """A name for the files of this process, which no other running process has; that of a dead one is taken again."""
    if sys.platform == "win32":
        return str(process)
    return str(next(number for number in count() if lock(folder / f"{number}.lock")))


def lock(path: Path) -> bool:
    """Lock a file until this process, and all that it forks, have ended; false if it is locked already."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    return True


def is_locked(path: Path) -> bool:
    """Has a process that runs locked this file? Raises FileNotFoundError."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@dataclass(slots=True)
class _Sums:
    """The requests of one set of labels since they were last published, by bucket, and their seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0


class Metrics:
    """The metrics of one application. For use by one thread at a time."""

    def __init__(self, current: Callable[[], Catalogue], elsewhere: Elsewhere | None) -> None:
        self._current, self._elsewhere = current, elsewhere
        self._instruments = _instruments()
        self._sums: dict[tuple[str, str, str], _Sums] = {}

    def add(self, interaction: str, release: str, status: str, seconds: float) -> None:
        """Count a request. ``status`` is the first digit of its status."""
        sums = self._sums.get((interaction, release, status))
        if sums is None:
            sums = self._sums[interaction, release, status] = _Sums()
        sums.counts[bisect_left(BOUNDS, seconds)] += 1
        sums.seconds += seconds

    def publish(self, at_work: int) -> None:
        """Give the sums to the instruments; ``at_work`` requests are being answered."""
        sums, self._sums = self._sums, {}
        instruments = self._instruments
        for (interaction, release, status), each in sums.items():
            labels = {"operation": interaction, "release": release, "status": f"{status}xx"}
            instruments.durations.labels(**labels).add(each.counts, each.seconds)
        instruments.in_flight.set(at_work)
        faults = self._current().faults()
        of_resources = sum(isinstance(fault, UnreadableArtifactError) for fault in faults)
        instruments.store.set(of_resources == len(faults))
        instruments.unreadable.set(of_resources)
        if self._elsewhere is not None:
            for name, is_usable in self._elsewhere.usable().items():
                instruments.upstreams.labels(name).set(is_usable)
