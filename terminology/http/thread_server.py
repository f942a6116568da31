"""A server in a thread of this process, for tests: real connections on a port that is free."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

from terminology.http.targets import ROOT

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_HOST = "127.0.0.1"


class _QuietHandler(WSGIRequestHandler):
    """The recording of a test harness has the requests; the output of a test need not."""

    def log_request(self, *arguments: Any) -> None:
        pass


@contextmanager
def serving(application: WSGIApplication) -> Iterator[str]:
    """Serve an application to this machine until the block ends; the URL of ``/fhir`` on its port."""
    server = make_server(_HOST, 0, application, threaded=True, request_handler=_QuietHandler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://{_HOST}:{server.server_port}{ROOT}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
