"""The server as a process of its own, as an operator starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.paths import ROOT

# How long a server may take to start, in seconds.
PATIENCE = 300


@contextmanager
def running(log: Path, *options: str) -> Iterator[str]:
    """The address of a server (``http://127.0.0.1:port/fhir``), started with these options.

    It ends with the block. Its output goes to ``log``.
    """
    command = [sys.executable, "server.py", "--host", "127.0.0.1", "--port", "0", "--data", "", *options]
    with log.open("wb") as printed:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _address(log, process)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:[1-9]\d*/fhir", _text(log))
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"server.py did not start: {_text(log)[-3000:]}")


def _text(log: Path) -> str:
    return log.read_text("utf-8", errors="replace")
