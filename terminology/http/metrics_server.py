"""The port of the metrics. The first process serves it, which answers no requests: neither waits for the other."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import CounterMetricFamily, InfoMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from terminology.core.errors import SettingError
from terminology.core.software import VERSION
from terminology.http.metrics import FOLDER, is_locked, lock
from terminology.http.reloading import ReloadCounts

# The folder of a service has such a name, and a file that its processes have locked.
_PREFIX, _IN_USE = "terminology-metrics-", "in-use"
# Seconds for which a client may be silent.
_PATIENCE = 10


class _LivingWorkers(MultiProcessCollector):
    """The values of all workers; of a worker that has died no state, such as its requests in flight."""

    def __init__(self, registry: CollectorRegistry, folder: Path) -> None:
        super().__init__(registry, str(folder))  # type: ignore[no-untyped-call]
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        for path in self._folder.glob("*.lock"):
            if not is_locked(path):
                mark_process_dead(path.stem, str(self._folder))  # type: ignore[no-untyped-call]
        metrics: Iterable[Metric] = super().collect()  # type: ignore[no-untyped-call]
        return metrics


class _Version(Collector):
    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily("terminology", "The version of the service.", {"version": VERSION})


class _Reloads(Collector):
    """The reloads, which the first process counts, too."""

    def __init__(self, counts: ReloadCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(
            "terminology_reloads", "How often the content was read again, or could not be.", labels=["result"]
        )
        family.add_metric(["done"], self._counts.done)
        family.add_metric(["failed"], self._counts.failed)
        yield family


@contextmanager
def serving_metrics(host: str, port: int, reloads: ReloadCounts) -> Iterator[None]:
    """Serve the metrics of this process and of those that it starts, while the block runs. Raises SettingError."""
    _remove_abandoned_folders()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    if sys.platform != "win32":
        lock(folder / _IN_USE)
    os.environ[FOLDER] = str(folder)
    registry = CollectorRegistry()
    _LivingWorkers(registry, folder)
    registry.register(_Version())
    registry.register(_Reloads(reloads))
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as problem:
        shutil.rmtree(folder, ignore_errors=True)
        reason = f"cannot listen on {host} port {port}: {problem.strerror}"
        raise SettingError(f"'metrics_port': {reason}") from None
    handler: Any = server.RequestHandlerClass
    server.RequestHandlerClass = type("_TimedMetricsHandler", (handler,), {"timeout": _PATIENCE})
    if sys.platform != "win32":
        os.register_at_fork(after_in_child=server.socket.close)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned_folders() -> None:
    """Remove what services of the same user have left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if sys.platform != "win32" else ():
        with suppress(OSError):
            if folder.lstat().st_uid == os.getuid() and not is_locked(folder / _IN_USE):
                shutil.rmtree(folder)
