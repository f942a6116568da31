"""A WSGI layer that observes each request with its answer, for the access log and the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import SettingError
from terminology.http.access_log import AccessLog
from terminology.http.common_headers import STATUS
from terminology.http.targets import RELEASE, target_of
from terminology.opening import installation_of
from terminology.settings import Settings
from terminology.wire.elsewhere import Elsewhere

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from terminology.http.metrics import Metrics


def observed(
    application: WSGIApplication,
    settings: Settings,
    current: Callable[[], Catalogue],
    elsewhere: Elsewhere | None,
) -> WSGIApplication:
    """The application, inside the layer if the settings name an access log or a port for metrics.

    Raises SettingError.
    """
    access_log = AccessLog(settings) if settings.access_log else None
    metrics = _metrics(current, elsewhere) if settings.metrics_port else None
    if access_log is None and metrics is None:
        return application
    return Observed(application, access_log, metrics)


def _metrics(current: Callable[[], Catalogue], elsewhere: Elsewhere | None) -> Metrics:
    try:
        from terminology.http.metrics import Metrics
    except ImportError as problem:
        raise missing_metrics(problem) from None
    return Metrics(current, elsewhere)


def missing_metrics(problem: ImportError) -> SettingError:
    """The error for metrics without their package."""
    reason = f"needs the package {problem.name}: {installation_of('metrics')}"
    return SettingError(f"'metrics_port' {reason}")


class Observed:
    """The layer, around ``CommonHeaders``, which gives the request its id. An answer is whole when it is returned."""

    def __init__(
        self, application: WSGIApplication, access_log: AccessLog | None, metrics: Metrics | None
    ) -> None:
        self._application, self._access_log, self._metrics = application, access_log, metrics

    def around(self, application: WSGIApplication) -> Observed:
        """The same layer around another application: they have one log, and are counted together."""
        return Observed(application, self._access_log, self._metrics)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        metrics, number, began = self._metrics, id(environ), perf_counter()
        if metrics is not None:
            metrics.at_work.add(number)
        try:
            return self._application(environ, start_response)
        finally:
            seconds = perf_counter() - began
            target = target_of(environ)
            release, status = environ.get(RELEASE, target.release), environ.get(STATUS, "500")
            if self._access_log is not None:
                self._access_log.add(environ, target, release, status[:3], seconds)
            if metrics is not None:
                metrics.at_work.discard(number)
                metrics.add(target.interaction, release, status[0], seconds)
