"""The guide in docs/mapping.md, run as it stands."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "mapping.md").read_text("utf-8")
GUIDE = PAGE.partition("## In ten minutes")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
# Commands whose exit status says that some rows have no translation.
MAY_BE_1 = ("terminology map ",)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The command ``terminology`` on the path, and no content of this user."""
    script = tmp_path / "bin" / "terminology"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m terminology "$@"\n')
    script.chmod(0o755)
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    places = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PATH": path, "TERMINOLOGY_DATA": "", "PYTHONPATH": os.pathsep.join(places)}


def commands() -> Iterator[str]:
    """The commands of the guide; one with a document in it takes several lines."""
    for block in BLOCKS:
        if "<<" in block:
            yield block
        else:
            yield from block.splitlines()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def answer(url: str) -> str:
    """The answer of a server that has been started just now."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                text: str = response.read().decode()
                return text
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_every_command_of_the_guide_runs_and_does_what_it_says(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    port, outputs = str(free_port()), dict[str, str]()
    servers: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands():
            own = command.replace("8080", port)
            if own.endswith(" &"):
                words = own.removesuffix(" &").split()
                servers.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "terminology", *words[1:]],
                        cwd=folder,
                        env=environment,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )  # fmt: skip
                )
            elif own.startswith("curl "):
                outputs["curl"] = answer(own.split("'")[1])
            else:
                done = subprocess.run(
                    ["sh", "-c", own], cwd=folder, env=environment, capture_output=True, text=True
                )
                allowed = (0, 1) if own.startswith(MAY_BE_1) else (0,)
                assert done.returncode in allowed, f"{command}\n{done.stderr}"
                outputs[" ".join(command.split()[:2])] = done.stdout + done.stderr
    finally:
        for server in servers:
            server.terminate()
            server.wait(30)
    said = re.search(r"It says `([^`]+)`", GUIDE)
    assert said is not None and said[1] in outputs["terminology map"]
    shown = dict(line.split(", ", 1) for line in outputs["python3 -c"].splitlines())
    assert shown["Local code"] == "cervical-conization code, cervical-conization reason"
    assert shown["GYN-001"].endswith(", condition-open") and shown["GYN-003"] == ", typing-slip"
    assert (shown["GYN-004"], shown["GYN-005"]) == (", no-code", ", wrong-system")
    assert "conization-loop" in outputs["terminology translate"]
    assert "2 of 5 codes mapped (40.0%); weighted by use 72.4%" in outputs["terminology coverage"]
    assert outputs["terminology lint"].endswith("1 file: 0 errors, 0 warnings\n")
    assert outputs["terminology diff"] == "no changes\n"
    assert '"conization-loop"' in outputs["curl"]
