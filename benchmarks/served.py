"""The product and the ceiling as servers, and wrk to load them.

Server and wrk have a core each, where there are two.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, WRK_CORE = {CORES[0]}, {CORES[-1]}
CONNECTIONS = 16
JSON, XML = "application/fhir+json", "application/fhir+xml"
_HZ = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Asked:
    """One request. ``path`` begins with a slash and has the query string.

    ``media`` is the type of the body and of the answer, ``status`` that of the right answer.
    """

    path: str
    body: bytes = b""
    media: str = JSON
    status: int = 200

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"

    @property
    def headers(self) -> dict[str, str]:
        return {"Accept": self.media} | ({"Content-Type": self.media} if self.body else {})

    def raw(self, host: str, path: str | None = None) -> bytes:
        head = f"{self.method} {path or self.path} HTTP/1.1\r\nHost: {host}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        if self.body:
            head += f"Content-Length: {len(self.body)}\r\n"
        return head.encode() + b"\r\n" + self.body


# -- servers -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Server:
    process: subprocess.Popen[bytes]
    port: int

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def workers(self) -> list[int]:
        """The processes that answer: granian's children."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def ask(self, request: Asked) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with closing(connection):
            connection.request(request.method, request.path, request.body or None, request.headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ask_all(self, requests: Sequence[Asked]) -> list[int]:
        """The statuses of answers, all over one connection; 0 for none."""
        statuses = []
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            for request in requests:
                try:
                    connection.request(request.method, request.path, request.body or None, request.headers)
                    answer = connection.getresponse()
                    answer.read()
                    statuses.append(answer.status)
                except (OSError, http.client.HTTPException):
                    connection.close()
                    statuses.append(0)
        return statuses

    def memory(self) -> dict[str, float]:
        """MB of the workers: PSS, and USS, which is what would be free without them."""
        results = {"pss": 0.0, "uss": 0.0}
        for pid in self.workers:
            usage = smaps(pid)
            results["pss"] += usage["Pss"] / 1024
            results["uss"] += (usage["Private_Clean"] + usage["Private_Dirty"]) / 1024
        return results

    def seconds_of_cpu(self) -> float:
        spent = 0
        for pid in self.workers:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            spent += int(stat[11]) + int(stat[12])
        return spent / _HZ


def smaps(pid: int) -> dict[str, int]:
    """KiB by name, of /proc/PID/smaps_rollup."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@contextmanager
def running(command: Sequence[str], port: int, first: str) -> Iterator[Server]:
    """A server that answers the path ``first``; ended with its children."""
    # With the bytecode of its modules, as an installed package has it.
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "PYTHONDONTWRITEBYTECODE": ""}
    process = subprocess.Popen(
        [sys.executable, *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: os.sched_setaffinity(0, SERVER_CORE),
    )
    server = Server(process, port)
    try:
        _wait(server, first)
        yield server
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(server: Server, first: str, limit: float = 60) -> None:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if server.process.poll() is not None:
            raise RuntimeError(f"the server ended with {server.process.returncode}")
        try:
            status, body = server.ask(Asked(first))
        except (OSError, http.client.HTTPException):
            time.sleep(0.002)
            continue
        if status != 200:
            raise RuntimeError(f"{first}: {status} {body[:500]!r}")
        return
    raise RuntimeError("the server did not answer")


def product(store: str, content: Sequence[Path], first: str = "/fhir/r4/metadata"):
    """The product as 'terminology serve' starts it: one worker, nothing kept from request to request."""
    port = free_port()
    code = "from terminology.cli.commands import main; main()"
    command = ["-c", code, "serve", "--port", str(port), "--workers", "1", "--data", ""]
    command += ["--store", store] if store else []
    for path in content:
        command += ["--content", str(path)]
    return running(command, port, first)


def ceiling(sizes: dict[str, int]):
    """Empty views under the same server with the same options."""
    port = free_port()
    options = {**granian_options(), "address": "127.0.0.1", "port": port, "workers": 1}
    server_options = json.dumps({"options": options, "sizes": sizes})
    return running([str(HERE / "ceiling.py"), server_options], port, f"/{next(iter(sizes))}")


def granian_options() -> dict[str, Any]:
    """What ``terminology.http.granian_server`` gives granian, as JSON can have it."""
    from terminology import Settings
    from terminology.http import granian_server

    options = granian_server.options(Settings(environment={}))
    options["http1_settings"] = asdict(options["http1_settings"])
    return {name: getattr(value, "value", value) for name, value in options.items()}


# -- load ----------------------------------------------------------------------------------------

_SCRIPT = """
local requests, at = {}, 0
function init(args)
  local file = io.open(args[1], "rb")
  for request in file:read("*a"):gmatch("%Z+") do requests[#requests + 1] = request end
  file:close()
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency)
  local e = summary.errors
  print(string.format(
    '\\n{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p99": %f}',
    summary.requests, summary.duration / 1e6, e.status + e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


@dataclass(slots=True)
class Slice:
    """The figures of one slice of load.

    ``p50`` and ``p99`` in milliseconds, ``cpu`` in microseconds of the server's processor for each request.
    """

    rate: float
    p50: float
    p99: float
    cpu: float
    failed: int


def has_wrk() -> bool:
    return shutil.which("wrk") is not None


class Load:
    """wrk with a file of requests, from a folder for such files."""

    def __init__(self, folder: Path, connections: int = CONNECTIONS) -> None:
        self._folder = folder
        self._connections = connections
        self._script = folder / "wrk.lua"
        self._script.write_text(_SCRIPT)

    def on(self, server: Server, requests: Sequence[bytes], seconds: float) -> Slice:
        file = self._folder / "requests"
        file.write_bytes(b"\0".join(requests))
        before = server.seconds_of_cpu()
        command = [
            "wrk",
            "-t1",
            f"-c{self._connections}",
            f"-d{max(1, round(seconds))}s",
            "-s",
            str(self._script),
        ]
        command += [f"http://{server.host}/", "--", str(file)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, WRK_CORE),
        )
        spent = server.seconds_of_cpu() - before
        results = json.loads(done.stdout.rstrip().rpartition("\n")[2])
        count = max(results["requests"], 1)
        rate = count / results["seconds"]
        return Slice(rate, results["p50"], results["p99"], spent / count * 1e6, results["failed"])


def timed_start(serve: Callable[[], Any]) -> float:
    """Seconds from the start of a server's process to its first answer."""
    began = time.perf_counter()
    with serve():
        return time.perf_counter() - began
