"""A service whose processes and connections a test plays with."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.support.paths import ROOT

PATIENCE = 60
LOOKUP = "/fhir/r4/CodeSystem/$lookup?system=urn:ietf:bcp:47&code=de"
BODY = (
    b'{"resourceType": "Parameters", "parameter": [{"name": "system", "valueUri": "urn:ietf:bcp:47"}, '
    b'{"name": "code", "valueCode": "de"}]}'
)


def head(method: str, path: str, *headers: str) -> bytes:
    """The head of a request, without the empty line at its end."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, ""]).encode()


GET = head("GET", LOOKUP, "Connection: close") + b"\r\n"
POST = head(
    "POST",
    LOOKUP.partition("?")[0],
    "Connection: close",
    "Content-Type: application/fhir+json",
    f"Content-Length: {len(BODY)}",
) + b"\r\n"  # fmt: skip


@dataclass
class Service:
    """A running service."""

    process: subprocess.Popen[str]
    port: int

    @property
    def workers(self) -> list[int]:
        """The processes that answer."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children if "resource_tracker" not in _command(child)]

    def connect(self, sent: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
        """A connection from an address of this machine, over which this was sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE, (source, 0))
        connection.sendall(sent)
        return connection

    def ask(self, sent: bytes = GET, source: str = "127.0.0.1") -> bytes:
        """The response to one request, up to the end of the connection."""
        with self.connect(sent, source) as connection:
            return received(connection)

    def ended(self) -> tuple[int, str]:
        """The exit status and the rest of the output of a service that ends."""
        status = self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        return status, self.process.stdout.read()


@dataclass
class Gate:
    """A gate at which each $lookup of a service waits until it is opened. ``folder`` is an empty one, for the gate."""

    folder: Path

    @property
    def program(self) -> str:
        """The program to run before the service."""
        return _GATE.format(folder=str(self.folder))

    @property
    def waiting(self) -> int:
        """How many requests have come to the gate."""
        return sum(1 for _ in self.folder.glob("request-*"))

    def open(self) -> None:
        (self.folder / "open").touch()


_GATE = """
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from terminology.wire.operation_table import OPERATIONS
row, numbers, folder = OPERATIONS["CodeSystem", "lookup"], count(), Path({folder!r})
def run(catalogue, request):
    (folder / f"request-{{next(numbers)}}").touch()
    while not (folder / "open").exists():
        time.sleep(0.01)
    return row.run(catalogue, request)
OPERATIONS["CodeSystem", "lookup"] = replace(row, run=run)
"""


def received(connection: socket.socket) -> bytes:
    """All that is received until the connection ends."""
    with suppress(ConnectionError):
        return b"".join(iter(lambda: connection.recv(65_536), b""))
    return b""


def status(response: bytes) -> int:
    """The status of a response; 0 without one."""
    found = re.match(rb"HTTP/1\.[01] (\d+)", response)
    return int(found[1]) if found else 0


def until(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never held"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Does a process exist, and not as a zombie?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_stopped(pid: int) -> bool:
    """Do all threads of a process stand still, after SIGSTOP?"""
    states = [
        path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return set(states) == {"T"}


def _command(pid: str) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def begun(
    *options: str, program: str = "", stderr: IO[str] | int = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    """The process of a service, in a group of its own. ``program`` is run before it."""
    code = f"{program}\nfrom terminology.cli.commands import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "serve", *options],
        cwd=ROOT,
        env={**os.environ, "TERMINOLOGY_DATA": "", "TERMINOLOGY_BUNDLED": "no"},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )


@contextmanager
def serving(
    *options: str, port: int = 0, program: str = "", stderr: IO[str] | int = subprocess.DEVNULL
) -> Iterator[Service]:
    """A service that says that it listens; all its processes end with the block."""
    process = begun("--port", str(port), *options, program=program, stderr=stderr)
    assert process.stdout is not None
    try:
        said = next((line for line in process.stdout if line.startswith("Listening on ")), None)
        assert said is not None, "the service did not start"
        yield Service(process, int(said.split("/")[2].split(":")[1]))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
