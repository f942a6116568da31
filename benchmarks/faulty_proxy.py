"""A proxy that spoils some of the answers that pass through it, as a bad network and a tired server do.

It gives an answer late, answers 503 itself, breaks an answer off in the middle, or resets the connection. While it is
away, it does the last with every request.
"""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = ("late", "503", "half an answer", "reset")
LATE = (0.05, 1.5)  # seconds


class FaultyProxy(ThreadingHTTPServer):
    """Passes requests on to a port of this machine. ``share`` of them are spoilt; ``faults`` counts them."""

    daemon_threads = True

    def __init__(self, port: int, share: float, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.share = port, share
        self.chance = random.Random(seed)
        self.is_away = threading.Event()
        self.faults: Counter[str] = Counter()

    def fault(self) -> str:
        """What happens to the next request; empty for nothing."""
        name = "reset" if self.is_away.is_set() else ""
        if self.chance.random() < self.share:
            name = name or self.chance.choice(FAULTS)
        self.faults[name] += 1
        return name

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break are what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.fault()
        if fault == "reset":
            self._reset()
        elif fault == "503":
            self._answer(503, {"Retry-After": "1"}, b"")
        else:
            if fault == "late":
                time.sleep(self.server.chance.uniform(*LATE))
            self._answer(*self._asked(body), is_half=fault == "half an answer")

    do_POST = do_GET

    def _asked(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except (OSError, http.client.HTTPException):
            return 502, {}, b""
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes, is_half: bool = False) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_half else body)
        self.close_connection = self.close_connection or is_half

    def _reset(self) -> None:
        """End the connection without an answer, and without the good-bye of TCP."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@contextmanager
def proxying(port: int, share: float, seed: int) -> Iterator[FaultyProxy]:
    """A proxy before a port, which ends with the block."""
    proxy = FaultyProxy(port, share, seed)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
