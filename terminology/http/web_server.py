"""The web server: granian where there is a wheel of it, and otherwise the server that comes with Flask.

Both refuse a request that is not HTTP, or too long, before the application sees it: never in HTML.
"""

from __future__ import annotations

import gc
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from errno import EADDRINUSE
from http import HTTPStatus
from importlib.util import find_spec
from threading import Thread

from werkzeug.serving import WSGIRequestHandler, make_server

from terminology.catalogue.content import Content
from terminology.core import issues
from terminology.core.errors import RefusedError, SettingError
from terminology.http.addresses import hosts_of
from terminology.http.announcements import Announcements
from terminology.http.app import create_app
from terminology.http.given_back import give_memory_back
from terminology.http.media import JSON
from terminology.http.observation import missing_package
from terminology.http.reloading import ReloadCounts, Reloading
from terminology.http.targets import ROOT
from terminology.opening import ServedContent
from terminology.settings import Settings
from terminology.wire import json
from terminology.wire.failures import failure

# How many connections the system may keep until they are accepted.
BACKLOG = 1_024
# So many more objects have to be there before the garbage collector looks at them: a large answer has a few thousands,
# which are all needed.
OBJECTS = 2_000
# Seconds to wait for a port that the processes of a service which was killed have not given up yet.
PATIENCE = 2


def serve(settings: Settings, catalogue: Content, ready: Callable[[str], None]) -> None:
    """Serve the content, and that of the store, until a signal ends it.

    ``ready`` is called with the base URL, which has the real port, when requests are answered.
    Raises SettingError when the address cannot be listened on.
    """
    reloads = ReloadCounts()
    with ExitStack() as running:
        if settings.metrics_port:
            running.enter_context(_metrics(settings, reloads))
        _serve(settings, catalogue, ready, reloads)


def _metrics(settings: Settings, reloads: ReloadCounts) -> AbstractContextManager[None]:
    """The port of the metrics, while the service runs. Raises SettingError."""
    try:
        from terminology.http.metrics_server import serving_metrics
    except ImportError as problem:
        raise missing_package("metrics_port", problem, "metrics") from None
    return serving_metrics(settings.metrics_host, settings.metrics_port, reloads)


def _serve(
    settings: Settings, catalogue: Content, ready: Callable[[str], None], reloads: ReloadCounts
) -> None:
    context = tls_context(settings)
    announcements = Announcements(settings.ready_file)
    listening = _listening(settings)
    port = listening.getsockname()[1]
    settings = settings.updated(hosts=hosts_of(settings))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "http" if context is None else "https"
    base = f"{scheme}://{host}:{port}{ROOT}"

    def is_ready() -> None:
        announcements.ready(base)
        ready(base)

    # The content is never freed. A worker whose garbage collector visited it would have to copy its memory.
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
    give_memory_back()
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until somebody can do what it asks for
    reloading = Reloading(settings, base, reloads)
    try:
        if find_spec("granian") is not None:
            from terminology.http import granian_server

            granian_server.serve(settings, catalogue, listening, is_ready, announcements, reloading)
        else:
            _with_werkzeug(settings, catalogue, listening, context, is_ready, reloading)
            announcements.stopping()
    finally:
        reloading.end()


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """What TLS needs; None for plain HTTP. Raises SettingError for files that do not fit together."""
    if settings.tls_certificate is None:
        for name in ("tls_key", "tls_authorities"):
            if getattr(settings, name) is not None:
                raise SettingError(
                    f"'{name}' is there without 'tls_certificate', the certificate of the service"
                )
        return None
    if settings.tls_key is None:
        raise SettingError("'tls_certificate' is there without 'tls_key', its private key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, _no_password)
        if settings.tls_authorities is not None:
            context.load_verify_locations(settings.tls_authorities)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as problem:  # SSLError is an OSError
        files = filter(None, (settings.tls_certificate, settings.tls_key, settings.tls_authorities))
        reason: object = problem.strerror if isinstance(problem, OSError) else problem
        if isinstance(problem, ssl.SSLError):
            reason = problem.reason
        raise SettingError(f"TLS cannot begin with {', '.join(map(str, files))}: {reason}") from None
    return context


def _no_password() -> str:
    """Instead of the question for a password, which a service cannot answer."""
    raise ValueError("the private key has a password; write it without one (openssl pkey -in KEY -out NEW)")


def _listening(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    patience = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
        except OSError as problem:
            if problem.errno == EADDRINUSE and time.monotonic() < patience:
                time.sleep(0.1)
                continue
            where = f"{settings.host} port {settings.port}"
            reason = f"cannot listen on {where}: {problem.strerror}. Try another --port; 0 takes a free one"
            raise SettingError(reason) from None


# -- werkzeug ------------------------------------------------------------------------------------


class _Handler(WSGIRequestHandler):
    """``timeout``: the seconds for which a client may be silent."""

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


def _with_werkzeug(
    settings: Settings,
    catalogue: Content,
    listening: socket.socket,
    context: ssl.SSLContext | None,
    ready: Callable[[], None],
    reloading: Reloading,
) -> None:
    served = ServedContent(settings, catalogue)
    app = create_app(settings, catalogue=served)
    handler = type("_TimedHandler", (_Handler,), {"timeout": settings.header_timeout})
    address, port = listening.getsockname()[:2]
    server = make_server(
        address,
        port,
        app,
        threaded=True,
        request_handler=handler,
        ssl_context=context,
        fd=listening.fileno(),
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if sys.platform != "win32":

        def read() -> bool:
            served.reload()
            return True

        def reload() -> None:
            if reloading.attempt(read):
                reloading.finish()

        signal.signal(signal.SIGHUP, lambda *_: Thread(target=reload, daemon=True).start())
    ready()
    with suppress(KeyboardInterrupt):
        server.serve_forever()
