"""The second client: it asks ``$lookup`` ten times a second while a server is attacked, and says how it fares.

It is a process of its own, so that the attacker's work does not count as waiting. It asks from two addresses: one
of its own, and the attacker's. A request counts from the moment when it was due, not from that when it could be sent.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue

PATH = "/fhir/r4/CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code="
CODES = ("male", "female", "other", "unknown")
OWN = "own"
ADDRESSES = {OWN: "127.0.0.2", "same": "127.0.0.1"}
PERIOD = 0.1
TIMEOUT = 5.0


@dataclass(slots=True)
class Fared:
    """What one address met: the number of answers, the slowest in seconds, and why others failed."""

    answers: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)

    def add(self, seconds: float, failure: str) -> None:
        self.slowest = max(self.slowest, seconds)
        if failure:
            self.failures.append(failure)
        else:
            self.answers += 1


class _Client:
    """Asks from one address, in turns over a connection that is kept and over a new one."""

    def __init__(self, port: int, address: str) -> None:
        self._port, self._address = port, address
        self._kept: SimpleQueue[http.client.HTTPConnection] = SimpleQueue()

    def ask(self, number: int, due: float) -> tuple[float, str]:
        """The seconds since the request was due, and what went wrong (empty: nothing)."""
        is_kept = number % 2 == 0
        connection, is_used = self._kept_one() if is_kept else (self._new(), False)
        failure = self._ask(connection, CODES[number // 2 % len(CODES)])
        if failure and is_used:
            # A server may close a connection that was idle; a client then asks again over a new one.
            connection.close()
            connection = self._new()
            failure = self._ask(connection, CODES[0])
        if is_kept and not failure:
            self._kept.put(connection)
        else:
            connection.close()
        return time.monotonic() - due, failure

    def _new(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            "127.0.0.1", self._port, timeout=TIMEOUT, source_address=(self._address, 0)
        )

    def _kept_one(self) -> tuple[http.client.HTTPConnection, bool]:
        try:
            return self._kept.get_nowait(), True
        except Empty:
            return self._new(), False

    def _ask(self, connection: http.client.HTTPConnection, code: str) -> str:
        try:
            connection.request("GET", PATH + code)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            return f"{type(problem).__name__} {problem}".strip()
        return "" if answer.status == 200 and b'"display"' in body else f"status {answer.status}"


def ask_until_told(port: int, told: Connection) -> None:
    """Ask from both addresses until something arrives; then send what each of them met.

    It ends by itself when the process that started it does.
    """
    clients = {name: _Client(port, address) for name, address in ADDRESSES.items()}
    fared = {name: Fared() for name in clients}
    with ThreadPoolExecutor(128) as pool:
        asked = []
        for number, due in enumerate(_beats()):
            if told.poll(max(due - time.monotonic(), 0)):
                break
            asked += [(name, pool.submit(client.ask, number, due)) for name, client in clients.items()]
        for name, answer in asked:
            fared[name].add(*answer.result())
    told.send(fared)


def _beats() -> Iterator[float]:
    due = time.monotonic()
    while True:
        yield due
        due += PERIOD
