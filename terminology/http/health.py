"""The pages for load balancers: ``/healthz`` says that a worker lives, ``/readyz`` whether it should get requests."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response

from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import UnreadableArtifactError
from terminology.core.model import Document
from terminology.http.targets import HEALTH, READINESS
from terminology.wire import json

_JSON = "application/json"


def add_health(app: Flask, current: Callable[[], Catalogue]) -> None:
    """Add the pages. They are asked for without authentication and under any name of the service."""

    def healthz() -> Response:
        return _page(200, {"status": "alive"})

    def readyz() -> Response:
        """503 while the store cannot be read; 200 where only single resources of it cannot, which are named."""
        faults = current().faults()
        if not faults:
            return _page(200, {"status": "ready"})
        is_ready = all(isinstance(fault, UnreadableArtifactError) for fault in faults)
        # Where the store is, and why it cannot be read, is for the log alone.
        names = [
            str(f) if isinstance(f, UnreadableArtifactError) else "the store cannot be read" for f in faults
        ]
        return _page(
            200 if is_ready else 503, {"status": "degraded" if is_ready else "not ready", "faults": names}
        )

    app.add_url_rule(HEALTH, "healthz", healthz)
    app.add_url_rule(READINESS, "readyz", readyz)


def _page(status: int, document: Document) -> Response:
    response = Response(json.write(document), status, content_type=_JSON)
    response.headers["Cache-Control"] = "no-store"
    return response
