"""Processes that write, import or read again until they are killed, and what has to be there afterwards.

Each begins a change only when the one before is done, and prints its number then. So after ``kill -9`` the content is
that of the last number, or of the next one: whole, and nothing else.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.support.builders import code_system, value_set
from tests.support.paths import ROOT
from tests.support.service import serving
from tests.support.writing import Client

SIZES = "http://example.org/sizes"
# The longest, in seconds, that a process goes on after its first change.
LONGEST = 0.4

WRITES = """
from tests.support.kills import written
from tests.support.writing import Client, bundle
ask = Client({place!r})
for number in range({first}, {first} + 1_000):
    entries = [("PUT", f"{{r['resourceType']}}/{{r['id']}}", r) for r in written(number)]
    assert ask("POST", "", bundle(*entries)).status_code == 200
    print(number, flush=True)
"""
IMPORTS = """
from tests.support.kills import rows
from tests.support.stores import load
for number in range({first}, {first} + 1_000):
    load({place!r}, rows(number))
    print(number, flush=True)
"""


def written(number: int) -> list[dict[str, Any]]:
    """Two resources of one number, which are written together."""
    codes = [f"{number}-{index}" for index in range(200)]
    return [
        code_system(SIZES, *codes, id="sizes"),
        value_set("sizes", {"system": SIZES, "concept": [{"code": codes[0]}]}, id="sizes"),
    ]


def rows(number: int) -> Any:
    """A release with a number, and its rows."""
    from terminology.store.release import CodeSystemRelease, ConceptRow

    release = CodeSystemRelease(kind="test", url=SIZES, version=None, files=[])
    return release, [ConceptRow(f"{number}-{index}") for index in range(2_000)]


@contextmanager
def killed(program: str, chance: random.Random) -> Iterator[int]:
    """The last number that a process printed before it was killed at some moment."""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first, "it did not begin"
        time.sleep(chance.uniform(0, LONGEST))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    rest = process.stdout.read().split("\n")[:-1]
    process.stdout.close()
    yield int(rest[-1] if rest else first)


def kill_writes(place: str, chance: random.Random, first: int = 1) -> int:
    """Kill a process that writes. Returns the number that is there."""
    with killed(WRITES.format(place=place, first=first), chance) as last:
        ask = Client(place)
        system, values = ask("GET", "CodeSystem/sizes").json, ask("GET", "ValueSet/sizes").json
        number = int(system["concept"][0]["code"].partition("-")[0])
        assert number in (last, last + 1), (number, last)
        assert [node["code"] for node in system["concept"]] == [f"{number}-{i}" for i in range(200)]
        assert values["compose"]["include"][0]["concept"][0]["code"] == f"{number}-0", "both, or none"
        history = ask("GET", "CodeSystem/sizes/_history?_count=0").json
        assert history["total"] == ask("GET", "ValueSet/sizes/_history?_count=0").json["total"]
        assert ask("PUT", "CodeSystem/sizes", written(number)[0]).status_code == 200, "writing goes on"
        assert ask("PUT", "ValueSet/sizes", written(number)[1]).status_code == 200
    return number


def kill_import(place: str, chance: random.Random, first: int = 1) -> int:
    """Kill a process that imports. Returns the number that is there."""
    from tests.support.stores import load
    from tests.support.stores import serving as content_of

    with killed(IMPORTS.format(place=place, first=first), chance) as last:
        served = content_of(place)
        system = served.catalogue().find_system(SIZES)
        assert system is not None
        known = [number for number in (last, last + 1) if system.locate(f"{number}-1999")]
        assert len(known) == 1, known
        served.close()
        load(place, rows(known[0]))
    return known[0]


def kill_reload(folder: Path, chance: random.Random, number: int) -> None:
    """Kill a whole service while it reads its content again; the next one has what the files have."""
    content = folder / "content"
    content.mkdir(exist_ok=True)

    def put(number: int) -> None:
        new = content / "sizes.new"
        new.write_text(json.dumps(written(number)[0]))
        new.replace(content / "sizes.json")

    put(number)
    options = ("--content", str(content), "--data", str(folder / "data"), "--workers", "2")
    with serving(*options) as service:
        for later in range(number + 1, number + 4):
            put(later)
            os.kill(service.process.pid, signal.SIGHUP)
            time.sleep(chance.uniform(0, LONGEST))
    with serving(*options) as service:
        url = f"http://127.0.0.1:{service.port}/fhir/r4/CodeSystem/sizes"
        document = requests.get(url, timeout=60).json()
        assert document["concept"][0]["code"] == f"{number + 3}-0"


KILLS: dict[str, Callable[..., Any]] = {"write": kill_writes, "import": kill_import}
