"""A WSGI layer that observes each request with its answer, for the access log and the metrics.

A request leaves a few values behind. A thread makes lines and sums of them a moment later, many at a time: that takes
less than it would between the steps of an answer, whose code and data are others.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from multiprocessing.util import Finalize
from threading import Lock, Thread
from time import perf_counter
from typing import TYPE_CHECKING

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import SettingError
from terminology.core.software import installation_of
from terminology.http.access_log import AccessLog
from terminology.http.authentication import USER
from terminology.http.common_headers import REQUEST_ID, STATUS
from terminology.http.outer_layers import OuterLayer, Writer
from terminology.http.targets import RELEASE, target_of
from terminology.settings import Settings
from terminology.wire.elsewhere import Elsewhere

log = logging.getLogger("terminology")

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from terminology.http.metrics import Metrics

# Seconds between two looks at the requests that were answered, and between two publications of the metrics.
INTERVAL, PUBLICATION = 0.1, 0.5
# So many requests are remembered until they are looked at; of more the oldest are forgotten.
_MOST = 100_000
# The end of a request (``perf_counter``), the seconds that it took, its method and path, the status line of the answer,
# the name of the release if it is known, the id, the address of the client, the name of the user and the query.
ObservedRequest = tuple[float, float, str, str, str, str | None, str, str, str, str]


def observed(
    application: WSGIApplication,
    settings: Settings,
    current: Callable[[], Catalogue],
    elsewhere: Elsewhere | None,
) -> WSGIApplication:
    """The application, inside the layers for what the settings name: an access log, metrics, spans.

    Raises SettingError.
    """
    access_log = AccessLog(settings) if settings.access_log else None
    metrics = _metrics(current, elsewhere) if settings.metrics_port else None
    if access_log is not None or metrics is not None:
        application = Observed(application, Observer(access_log, metrics))
    return _traced(application, settings) if settings.tracing else application


def _metrics(current: Callable[[], Catalogue], elsewhere: Elsewhere | None) -> Metrics:
    try:
        from terminology.http.metrics import Metrics
    except ImportError as problem:
        raise missing_package("metrics_port", problem, "metrics") from None
    return Metrics(current, elsewhere)


def require_usable(settings: Settings) -> None:
    """Raises SettingError for an access log or for spans that cannot be. Each worker has its own later."""
    if settings.access_log:
        AccessLog(settings)
    if settings.tracing:
        try:
            from terminology.http import tracing
        except ImportError as problem:
            raise missing_package("tracing", problem, "otel") from None
        tracing.require_usable()


def _traced(application: WSGIApplication, settings: Settings) -> WSGIApplication:
    try:
        from terminology.http.tracing import Traced, Tracing
    except ImportError as problem:
        raise missing_package("tracing", problem, "otel") from None
    return Traced(application, Tracing(settings))


def missing_package(setting: str, problem: ImportError, extra: str) -> SettingError:
    """The error for a setting without the package of its extra."""
    return SettingError(f"'{setting}' needs the package {problem.name}: {installation_of(extra)}")


class Observer(Writer):
    """Makes lines and sums of the requests that are added to ``answered``. For use by several threads."""

    def __init__(self, access_log: AccessLog | None, metrics: Metrics | None) -> None:
        self._access_log, self._metrics = access_log, metrics
        self.has_queries = access_log is not None and access_log.has_queries
        self._begin_process()
        if sys.platform != "win32":
            os.register_at_fork(after_in_child=self._begin_process)
        super().__init__()

    def _begin_process(self) -> None:
        self.answered: deque[ObservedRequest] = deque(maxlen=_MOST)
        # A number for each request that is being answered.
        self.at_work: set[int] = set()
        self._lock = Lock()
        Thread(target=self._run, daemon=True, name="observer").start()
        Finalize(None, self.finish, exitpriority=0)

    def finish(self) -> None:
        """Write all that was answered until now."""
        self._look(publishes=True)
        if self._access_log is not None:
            self._access_log.write()

    def _run(self) -> None:
        next_publication = 0.0
        while True:
            time.sleep(INTERVAL)
            publishes = perf_counter() >= next_publication
            if publishes:
                next_publication = perf_counter() + PUBLICATION
            self._look(publishes)

    def _look(self, publishes: bool) -> None:
        """Take the requests that were answered. A fault is logged, and does not keep others from being taken later."""
        try:
            with self._lock:
                self._take()
                if self._metrics is not None and publishes:
                    self._metrics.publish(len(self.at_work))
        except Exception:
            log.exception("the access log or the metrics miss something")

    def _take(self) -> None:
        answered, access_log, metrics = self.answered, self._access_log, self._metrics
        if answered:
            at_zero = time.time() - perf_counter()  # the time when perf_counter was 0
            for _ in range(len(answered)):
                end, seconds, method, path, status, release, *rest = answered.popleft()
                target = target_of(method, path)
                name = target.release if release is None else release
                if access_log is not None:
                    access_log.add(at_zero + end, seconds, target, status[:3], name, *rest)
                if metrics is not None:
                    metrics.add(target.interaction, name, status[0], seconds)


class Observed(OuterLayer):
    """The layer, around ``CommonHeaders``, which gives the request its id."""

    def __init__(self, application: WSGIApplication, observer: Observer) -> None:
        super().__init__(application)
        self._observer = observer

    def around(self, application: WSGIApplication) -> Observed:
        return Observed(application, self._observer)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        observer, number, began = self._observer, id(environ), perf_counter()
        observer.at_work.add(number)
        try:
            return self.application(environ, start_response)
        finally:
            end, get = perf_counter(), environ.get
            user = get(USER)
            observer.answered.append(
                (
                    end,
                    end - began,
                    environ["REQUEST_METHOD"],
                    environ["PATH_INFO"],
                    get(STATUS, "500"),
                    get(RELEASE),
                    get(REQUEST_ID, ""),
                    get("REMOTE_ADDR") or "-",
                    "" if user is None else user.name,
                    get("QUERY_STRING", "") if observer.has_queries else "",
                )
            )
            observer.at_work.discard(number)
