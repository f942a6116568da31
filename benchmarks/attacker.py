"""The means of the attacks that ``attack.py`` plays, and the table of them.

An attack is a function of an ``Attacker``, which knows the port of a server on the loopback address and when the
attack ends. The first line of its docstring says what it does. They are in ``hostile_connections.py`` and
``hostile_requests.py``.
"""

from __future__ import annotations

import http.client
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

ADDRESS = "127.0.0.1"
JSON, XML, FORM = "application/fhir+json", "application/fhir+xml", "application/x-www-form-urlencoded"
SYSTEM = "http://example.org/system"
MEGABYTE = 1_000_000
LARGEST_BODY = 9_500_000
MANY_CONNECTIONS = 1_024

Resource = dict[str, Any]
Attack = Callable[["Attacker"], None]
ATTACKS: dict[str, Attack] = {}
# The attacks that only hold something back: too short a wait of theirs would hide a server that waits with them.
HOLDING: set[str] = set()


def attack(function: Attack) -> Attack:
    """Put a function into the table of attacks."""
    ATTACKS[function.__name__] = function
    return function


def holding(function: Attack) -> Attack:
    """The same for an attack that holds something back."""
    HOLDING.add(function.__name__)
    return attack(function)


class Attacker:
    """The means of an attack. Every wait ends when the attack does.

    The attack begins when it first asks how long it lasts: what it sends is prepared before.
    """

    def __init__(self, port: int, seconds: float) -> None:
        self._port = port
        self._seconds, self._end = seconds, 0.0
        self._connections: list[socket.socket] = []
        self.statuses: dict[int, int] = {}

    @property
    def seconds_left(self) -> float:
        self._end = self._end or time.monotonic() + self._seconds
        return max(self._end - time.monotonic(), 0)

    def pause(self, seconds: float) -> None:
        time.sleep(min(seconds, self.seconds_left))

    def repeat(self, times: int, action: Callable[[], object]) -> None:
        """Do the same with so many threads, again and again until the end."""

        def play() -> None:
            while self.seconds_left:
                # A server that closes the connection has defended itself.
                with suppress(OSError, http.client.HTTPException):
                    action()

        threads = [threading.Thread(target=play, daemon=True) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(self.seconds_left + 1)

    def connect(self) -> socket.socket:
        connection = socket.create_connection((ADDRESS, self._port), timeout=self.seconds_left + 0.1)
        self._connections.append(connection)
        return connection

    def send(self, *pieces: bytes, read: bool = True) -> None:
        """Send bytes over a connection of their own, and read what the server says to them."""
        with closing(
            socket.create_connection((ADDRESS, self._port), timeout=self.seconds_left + 0.1)
        ) as sent:
            for piece in pieces:
                sent.sendall(piece)
            if read:
                self._read(sent)

    def _read(self, connection: socket.socket) -> None:
        first = connection.recv(65_536)
        with suppress(ValueError, IndexError):
            self._note(int(first.split(b" ", 2)[1]))

    def _note(self, status: int) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def post(self, path: str, body: bytes, media: str = JSON, **headers: str) -> None:
        self._ask("POST", path, body, {"Content-Type": media, **headers})

    def get(self, path: str, **headers: str) -> None:
        self._ask("GET", path, None, headers)

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        timeout = self.seconds_left + 0.1
        with closing(http.client.HTTPConnection(ADDRESS, self._port, timeout=timeout)) as connection:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            answer.read()
            self._note(answer.status)

    def ask_on(self, connection: http.client.HTTPConnection, method: str, path: str, **more: Any) -> None:
        """One of many requests over one connection."""
        connection.request(method, path, **more)
        answer = connection.getresponse()
        answer.read()
        self._note(answer.status)

    def kept(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(ADDRESS, self._port, timeout=self.seconds_left + 0.1)

    def hold(self, number: int, first: bytes) -> list[socket.socket]:
        """Open so many connections, send the same first bytes over each, and keep them."""
        for _ in range(number):
            if not self.seconds_left:
                break
            with suppress(OSError):
                self.connect().sendall(first)
        return self._connections

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


def run(name: str, port: int, seconds: float) -> dict[int, int]:
    """Play one attack. Returns how often the server answered with which status."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8_192)), hard))
    attacker = Attacker(port, seconds)
    with suppress(OSError, http.client.HTTPException):
        ATTACKS[name](attacker)
    attacker.pause(seconds)
    attacker.close()
    return attacker.statuses


# -- bodies -------------------------------------------------------------------------------------


def dumps(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def parameters(resources: Iterable[Resource] = (), **values: object) -> bytes:
    """A Parameters resource. ``values`` are texts, by name and type: ``url__Uri="..."``."""
    nodes: list[Resource] = [{"name": "tx-resource", "resource": each} for each in resources]
    for key, value in values.items():
        parameter, _, kind = key.partition("__")
        nodes.append({"name": parameter, f"value{kind or 'String'}": value})
    return dumps({"resourceType": "Parameters", "parameter": nodes})


def code_system(concepts: Sequence[Resource], **more: object) -> Resource:
    return {
        "resourceType": "CodeSystem",
        "url": SYSTEM,
        "status": "active",
        "content": "complete",
        "concept": list(concepts),
        **more,
    }


def codes(number: int, length: int = 1) -> list[Resource]:
    return [{"code": f"c{n:0{length}}"} for n in range(number)]


def value_set(*include: Resource, url: str = "http://example.org/set") -> Resource:
    return {"resourceType": "ValueSet", "url": url, "status": "active", "compose": {"include": list(include)}}


def xml(content: str) -> str:
    return f'<Parameters xmlns="http://hl7.org/fhir">{content}</Parameters>'


def head(method: str, path: str, *lines: str) -> bytes:
    """The head of a request, without the empty line at its end."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, ""]).encode()


LOOKUP = "/fhir/r4/CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code="
TRANSLATE, EXPAND = "/fhir/r5/ConceptMap/$translate", "/fhir/r5/ValueSet/$expand"
VALIDATE = "/fhir/r5/ValueSet/$validate-code"
POST_START = head("POST", EXPAND, f"Content-Type: {JSON}", "Content-Length: 100000") + b"\r\n{"
