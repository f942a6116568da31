"""A WSGI layer that refuses requests of a caller that sends too many in a second."""

from __future__ import annotations

import time
from collections.abc import Iterable
from math import ceil
from typing import TYPE_CHECKING

from terminology.core import issues
from terminology.core.errors import RefusedError
from terminology.http.addresses import caller_at
from terminology.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# How many callers are remembered before those that have been quiet are forgotten.
ROOM = 10_000


def limited_rate(application: WSGIApplication, settings: Settings) -> WSGIApplication:
    """The application, inside the layer if the settings have a limit."""
    return RequestRate(application, settings.request_rate) if settings.request_rate else application


class RequestRate:
    """The layer. A caller may send ``limit`` requests at once; each is paid off after a part of a second.

    It stands inside ``addresses.behind_proxies``, which tells the address of the client. For use by several threads:
    what two of them do at the same moment may count as one request.
    """

    def __init__(self, application: WSGIApplication, limit: int) -> None:
        self.application = application
        self._limit = limit
        self._paid: dict[str, float] = {}  # for each caller, when all its requests are paid off

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        caller, now = caller_at(environ.get("REMOTE_ADDR", "")), time.monotonic()
        paid = max(self._paid.get(caller, now), now) + 1 / self._limit
        if paid > now + 1 + 0.5 / self._limit:
            issue = issues.too_many_requests_a_second(self._limit)
            raise RefusedError(429, issue, {"Retry-After": str(ceil(paid - now - 1))})
        if len(self._paid) >= ROOM and caller not in self._paid:
            self._paid = {other: when for other, when in list(self._paid.items()) if when > now}
        self._paid[caller] = paid
        return self.application(environ, start_response)
