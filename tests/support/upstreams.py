"""Servers over real HTTP on this machine: of this application, and ones that answer wrongly."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from ssl import SSLContext
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

# What a faulty server does with a connection over which a request has come.
Fault = Callable[[socket.socket], None]


@contextmanager
def listening(application: Flask, tls: SSLContext | None = None) -> Iterator[str]:
    """The address (``http://127.0.0.1:port/fhir``) of an application, which listens until the block ends.

    With ``tls`` it begins with ``https``.
    """
    server = make_server("127.0.0.1", 0, application, threaded=True, ssl_context=tls)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}/fhir"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class FaultyServer:
    """A server that answers each request as a list says, one entry after the other, the last one again and again."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = list(faults)
        self.heads: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}/fhir"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                fault = self._faults.pop(0) if len(self._faults) > 1 else self._faults[0]
                threading.Thread(target=self._answer, args=(connection, fault), daemon=True).start()

    def _answer(self, connection: socket.socket, fault: Fault) -> None:
        with connection, suppress(OSError):
            self.heads.append(_request(connection))
            fault(connection)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a connection
        self._listener.close()


@contextmanager
def faulty(*faults: Fault) -> Iterator[FaultyServer]:
    server = FaultyServer(faults)
    try:
        yield server
    finally:
        server.close()


def _request(connection: socket.socket) -> str:
    """The head of a request, whose body is read, too."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65_536)
        if not piece:
            break
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    text = head.decode("latin-1")
    lengths = [
        line.partition(":")[2] for line in text.split("\r\n") if line.lower().startswith("content-length")
    ]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65_536)
    return text


def answering(
    status: str, body: bytes, headers: Mapping[str, str] | None = None, media: str = "application/fhir+json"
) -> Fault:
    """A whole answer."""
    fields = {
        "Content-Type": media,
        "Content-Length": str(len(body)),
        "Connection": "close",
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    content = f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body
    return lambda connection: connection.sendall(content)


def dripping(piece: bytes, seconds: float, before: bytes = b"") -> Fault:
    """An answer without an end: a piece every so many seconds."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(before)
        pause = threading.Event()
        while True:
            connection.sendall(piece)
            pause.wait(seconds)

    return drip


def tunnel_to(port: int) -> Fault:
    """What a proxy does for ``CONNECT``: it passes bytes on to a port of this machine, both ways."""

    def pass_on(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    def tunnel(connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as other:
            connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=pass_on, args=(other, connection), daemon=True)
            back.start()
            pass_on(connection, other)
            back.join()

    return tunnel


def upstreams_file(folder: Path, *upstreams: Mapping[str, Any], **whole: Any) -> Path:
    """A file for the setting ``upstreams``."""
    path = folder / f"upstreams{len(list(folder.iterdir()))}.json"
    path.write_text(json.dumps({"upstreams": upstreams, **whole}), "utf-8")
    return path
