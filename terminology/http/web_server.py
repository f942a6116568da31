"""The web server: granian where there is a wheel of it, and otherwise the server that comes with Flask.

Both refuse a request that is not HTTP, or too long, before the application sees it: never in HTML.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from importlib.util import find_spec

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from terminology.catalogue.content import Content
from terminology.core import issues
from terminology.core.errors import RefusedError, SettingError
from terminology.http.addresses import hosts_of
from terminology.http.app import ROOT, create_app
from terminology.http.media import JSON
from terminology.opening import ServedContent
from terminology.settings import Settings
from terminology.wire import json
from terminology.wire.failures import failure

# Seconds for which open connections may keep a service from ending. A client that sends no request, or half of
# one, would keep it for half a minute.
PATIENCE = 5


def serve(settings: Settings, catalogue: Content, ready: Callable[[str], None]) -> None:
    """Serve the content, and that of the store, until a signal ends it.

    ``ready`` is called with the base URL, which has the real port.
    Raises SettingError when the address cannot be listened on.
    """
    address, port = _free_address(settings)
    settings = settings.updated(hosts=hosts_of(settings))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    ready(f"http://{host}:{port}{ROOT}")
    if find_spec("granian") is not None:
        _with_granian(settings, catalogue, address, port)
    else:
        _with_werkzeug(settings, catalogue, address, port)


def _free_address(settings: Settings) -> tuple[str, int]:
    """The address and port to listen on; the port is free."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.create_server((settings.host, settings.port), family=family) as listening:
            address, port = listening.getsockname()[:2]
            return str(address), int(port)
    except OSError as problem:
        where = f"{settings.host} port {settings.port}"
        reason = f"cannot listen on {where}: {problem.strerror}. Try another --port; 0 takes a free one"
        raise SettingError(reason) from None


# -- granian -------------------------------------------------------------------------------------


class _AppLoader:
    """Makes the application of a worker process.

    A forked worker has the content already, any other reads it. Each opens the store itself, and looks for a
    new state of it at each request.
    """

    def __init__(self, settings: Settings, catalogue: Content) -> None:
        self._settings = settings
        self._catalogue: Content | None = catalogue

    def __getstate__(self) -> dict[str, object]:
        return {"_settings": self._settings, "_catalogue": None}

    def __call__(self) -> Flask:
        return create_app(self._settings, catalogue=ServedContent(self._settings, self._catalogue).catalogue)


def _with_granian(settings: Settings, catalogue: Content, address: str, port: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    server = Granian(
        "terminology",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        log_level=LogLevels.error,
        workers_kill_timeout=PATIENCE,
    )
    # The content is never freed. A worker whose garbage collector visited it would have to copy its memory.
    gc.collect()
    gc.freeze()
    server.serve(target_loader=_AppLoader(settings, catalogue), wrap_loader=False)


# -- werkzeug ------------------------------------------------------------------------------------


class _Handler(WSGIRequestHandler):
    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse text that is not an HTTP request."""
        self.request_version = self.protocol_version  # HTTP/0.9 would have no status line
        text = message or HTTPStatus(code).phrase
        refusal = failure(RefusedError(code, issues.malformed(text)), "", "")
        assert refusal.resource is not None
        content = json.write(refusal.resource)
        self.send_response(refusal.status, HTTPStatus(code).phrase)
        self.send_header("Content-Type", f"{JSON}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


def _with_werkzeug(settings: Settings, catalogue: Content, address: str, port: int) -> None:
    app = create_app(settings, catalogue=ServedContent(settings, catalogue).catalogue)
    server = make_server(address, port, app, threaded=True, request_handler=_Handler)
    with suppress(KeyboardInterrupt):
        server.serve_forever()
