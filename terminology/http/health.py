"""The pages for load balancers: ``/healthz`` says that a worker lives, ``/readyz`` whether it should get requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Flask, Response

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import UnavailableError, UnreadableArtifactError
from terminology.core.model import Document
from terminology.http.targets import HEALTH, READINESS
from terminology.wire import json

_JSON = "application/json"


def add_health(
    app: Flask, current: Callable[[], Catalogue], uncopied: Callable[[], Sequence[str]], names_resources: bool
) -> None:
    """Add the pages. They are asked for without authentication and under any name of the service.

    ``uncopied`` gives the resources that a copy is missing of. ``names_resources``: everybody may know which these are,
    and which cannot be read.
    """

    def healthz() -> Response:
        return _page(200, {"status": "alive"})

    def readyz() -> Response:
        """503 while the store cannot be read; 200 where only single resources of it cannot, which are named."""
        faults = current().faults()
        names = uncopied()
        more = {"uncopied": list(names) if names_resources else len(names)} if names else {}
        if not faults:
            return _page(200, {"status": "ready", **more})
        is_ready = all(isinstance(fault, UnreadableArtifactError) for fault in faults)
        reasons = [_reason(fault, names_resources) for fault in faults]
        state = "degraded" if is_ready else "not ready"
        return _page(
            200 if is_ready else 503, {"status": state, "faults": list(dict.fromkeys(reasons)), **more}
        )

    app.add_url_rule(HEALTH, "healthz", healthz)
    app.add_url_rule(READINESS, "readyz", readyz)


def _reason(fault: UnavailableError, names_resources: bool) -> str:
    """A fault in words for everybody: where the store is, and why it cannot be read, is for the log alone."""
    if not isinstance(fault, UnreadableArtifactError):
        return "the store cannot be read"
    return str(fault) if names_resources else "a resource of the store cannot be read"


def _page(status: int, document: Document) -> Response:
    response = Response(json.write(document), status, content_type=_JSON)
    response.headers["Cache-Control"] = "no-store"
    return response
