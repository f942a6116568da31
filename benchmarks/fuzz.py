"""Requests that are nearly right, by the hundred thousand: each must be answered, in FHIR, and soon.

    python benchmarks/fuzz.py --requests 100000 --seed 1
    python benchmarks/fuzz.py --seed 1 --only 4711
    python benchmarks/fuzz.py --http --requests 5000

The requests go to the application in this process; with ``--http`` to a server on this machine. Prints a table, and
for each kind of fault (an answer of 5xx, one that is not FHIR, one that repeats a long text, one that takes longer than
``--longest``) the first requests that made it, with the number that repeats it. Exits 1 if there was a fault.
"""

from __future__ import annotations

import argparse
import http.client
import logging
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from terminology import Settings, create_app  # noqa: E402
from tests.support.fuzzing import Sent, encoded, fault_of, nearly_right  # noqa: E402
from tests.support.server import running  # noqa: E402

Answer = tuple[int, dict[str, str], bytes]
Ask = Callable[[Sent], Answer]
_SHOWN = 3  # requests for each kind of fault


@dataclass
class Tally:
    """What the requests came to."""

    statuses: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[int]] = field(default_factory=dict)
    slowest: tuple[float, int] = (0.0, 0)
    memory: list[int] = field(default_factory=list)


def in_process() -> Ask:
    """Ask the application of the published content."""
    app = create_app(Settings(environment={}, data=""))

    def ask(sent: Sent) -> Answer:
        said: list[Any] = []
        chunks = app.wsgi_app(
            _environment(sent), lambda status, headers, info=None: said.extend((status, headers))
        )
        body = b"".join(chunks)
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
        return int(said[0].split()[0]), {name.lower(): value for name, value in said[1]}, body

    return ask


def _environment(sent: Sent) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": sent.method,
        "PATH_INFO": sent.path.encode("utf-8", "replace").decode("latin-1"),
        "QUERY_STRING": sent.query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(len(sent.body)),
        "wsgi.input": BytesIO(sent.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in sent.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    if "Transfer-Encoding" in sent.headers:
        del environ["CONTENT_LENGTH"]
    return environ


def over_http(base: str, patience: float) -> Ask:
    """Ask a server. Headers that say where a message ends are left as they must be."""
    place = urlsplit(base)

    def ask(sent: Sent) -> Answer:
        line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=patience)
        headers = {k: v for k, v in sent.headers.items() if k not in ("Content-Length", "Transfer-Encoding")}
        headers = {k: v.encode("latin-1", "replace").decode("latin-1") for k, v in headers.items()}
        target = encoded(sent.path) + (f"?{sent.query}" if sent.query else "")
        try:
            line.request(sent.method, target, sent.body or None, headers)
            answer = line.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            line.close()

    return ask


# What the web server itself refuses has no body (docs/errors.md).
_OF_THE_WEB_SERVER = (400, 414, 431)


def run(ask: Ask, seed: str, numbers: range, longest: float, over_network: bool) -> Tally:
    tally, tenth = Tally(), max(1, len(numbers) // 10)
    for count, number in enumerate(numbers, 1):
        sent = nearly_right(seed, number)
        # In this process other work of the machine does not count.
        clock = time.perf_counter if over_network else time.process_time
        began = clock()
        try:
            status, headers, body = ask(sent)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not over_network:
                raise
            status, headers, body = 0, {}, b""
            fault: str | None = (
                None if isinstance(error, ValueError) else f"no answer: {type(error).__name__}"
            )
        else:
            is_bare = over_network and status in _OF_THE_WEB_SERVER and not body
            fault = None if is_bare else fault_of(sent, status, headers, body)
        took = clock() - began
        if took > longest:
            fault = fault or "slow"
        tally.statuses[f"{status // 100}xx"] += 1
        tally.slowest = max(tally.slowest, (took, number))
        if fault is not None:
            numbers_of_fault = tally.faults.setdefault(fault, [])
            numbers_of_fault.append(number)
            if len(numbers_of_fault) <= _SHOWN:
                show(seed, number, sent, fault, body)
        if count % tenth == 0:
            tally.memory.append(_megabytes())
    return tally


def show(seed: str, number: int, sent: Sent, fault: str, body: bytes) -> None:
    """The request that made a fault, and how to repeat it."""
    print(f"\n{fault}: python benchmarks/fuzz.py --seed {seed} --only {number}")
    print(f"  {sent.method} {sent.path[:300]!r} ?{sent.query[:300]} {sent.headers}")
    if sent.body:
        print(f"  {sent.body[:300]!r}")
    print(f"  -> {body[:300]!r}", flush=True)


def _megabytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * resource.getpagesize() // 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _server(is_wanted: bool) -> AbstractContextManager[str]:
    log = Path(tempfile.mkdtemp(), "server.log")
    return running(log) if is_wanted else nullcontext("")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the number of the first request")
    parser.add_argument("--seed", default="1", help="the same seed makes the same requests")
    parser.add_argument("--only", type=int, help="the number of one request, which is printed whole")
    parser.add_argument("--longest", type=float, default=5.0, help="seconds that an answer may take")
    parser.add_argument("--http", action="store_true", help="ask a server on this machine")
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.requests)
    if options.only is not None:
        numbers = range(options.only, options.only + 1)
        sent = nearly_right(options.seed, options.only)
        print(
            sent.method, sent.path, sent.query, sent.headers, sent.body.decode("utf-8", "replace"), sep="\n"
        )
    else:
        logging.getLogger("terminology").addHandler(logging.NullHandler())
    with _server(options.http) as base:
        ask = over_http(base, options.longest * 2) if options.http else in_process()
        began = time.perf_counter()
        tally = run(ask, options.seed, numbers, options.longest, options.http)
        took = time.perf_counter() - began
    print(f"\n| requests | {len(numbers):,} in {took:,.0f} s |\n| --- | --- |")
    for status, count in sorted(tally.statuses.items()):
        print(f"| {status} | {count:,} |")
    for fault, of_fault in sorted(tally.faults.items()):
        print(f"| fault: {fault} | {len(of_fault):,} |")
    print(f"| slowest | {tally.slowest[0]:.2f} s, number {tally.slowest[1]} |")
    print(f"| memory after each tenth, MB | {', '.join(map(str, tally.memory))} |")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
