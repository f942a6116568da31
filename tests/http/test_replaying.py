"""A recording that is sent again: the same service has the same answers, and what differs is named with its place."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from terminology.core.errors import SettingError
from terminology.http.recording import RecordedExchange, read_recording
from terminology.http.replaying import replay
from tests.support.builders import body_of, code_system
from tests.support.paths import ROOT
from tests.support.service import Service, serving

COLOURS = "http://example.org/colours"
LOOKUP = f"/fhir/r4/CodeSystem/$lookup?system={COLOURS}&code="


def content(folder: Path, *codes: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "colours.json").write_text(json.dumps(code_system(COLOURS, *codes)))
    return str(folder)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a service was asked: reads, operations, errors, a batch, a cache, XML, links with its own address."""
    folder = tmp_path_factory.mktemp("recorded")
    file = folder / "traffic.jsonl"
    options = (
        "--harness",
        "--harness-recording",
        str(file),
        "--content",
        content(folder / "a", "red", "green"),
    )
    with serving(*options) as service:
        url = f"http://127.0.0.1:{service.port}"
        with requests.Session() as session:
            for path in (
                f"{LOOKUP}red",
                f"{LOOKUP}green",
                f"{LOOKUP}blue",
                "/fhir/r4/CodeSystem",
                "/fhir/nothing",
            ):
                session.get(f"{url}{path}", timeout=60)
            session.get(f"{url}{LOOKUP}red", headers={"Accept": "application/fhir+xml"}, timeout=60)
            compose = {"include": [{"system": COLOURS}]}
            own = {"resourceType": "ValueSet", "url": "x", "status": "active", "compose": compose}
            expanded = body_of({"name": "valueSet", "resource": own})
            session.post(f"{url}/fhir/r4/ValueSet/$expand", json=expanded, timeout=60)
            started = session.post(
                f"{url}/fhir/r4/$cache-control",
                json=body_of({"name": "mode", "valueCode": "start"}),
                timeout=60,
            )
            id_ = next(p["valueString"] for p in started.json()["parameter"] if p["name"] == "cache-id")
            session.get(f"{url}{LOOKUP}red", headers={"X-Cache-Id": id_}, timeout=60)
            entry = {"request": {"method": "GET", "url": f"{url}{LOOKUP}red"}}
            batch = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
            session.post(f"{url}/fhir/r4", json=batch, timeout=60)
    return file


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Another service in the same mode, with the same content."""
    folder = tmp_path_factory.mktemp("again")
    with serving("--harness", "--content", content(folder / "a", "red", "green")) as running:
        yield running


def command(file: Path, server: str, *options: str) -> subprocess.CompletedProcess[str]:
    made = [sys.executable, "-m", "terminology", "replay", str(file), "--server", server, *options]
    return subprocess.run(made, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)


def test_the_same_content_has_the_same_answers(recording: Path, service: Service) -> None:
    done = command(recording, f"http://127.0.0.1:{service.port}/fhir")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "10 of 10 answers are the same\n"
    others = [e for e in read_recording(recording) if "cache-control" not in e.path]
    again = [*replay(others, f"http://localhost:{service.port}")]
    assert [e.differences for e in again] == [[]] * 9, "also by another name, and without the path"


def test_other_content_is_named_at_its_place(recording: Path, tmp_path: Path) -> None:
    with serving("--harness", "--content", content(tmp_path / "a", "red")) as other:
        done = command(recording, f"http://127.0.0.1:{other.port}/fhir")
    assert done.returncode == 1
    assert "7 of 10 answers are the same, 3 differ" in done.stdout
    lines = done.stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if "code=green" in line)
    assert lines[at].startswith("2 ")
    assert "status" in lines[at + 1] and lines[at + 1].split()[1:] == ["200", "404"]
    assert any("ValueSet.expansion.contains[1]" in line for line in lines)


def test_elements_may_differ_where_they_are_named(recording: Path, tmp_path: Path) -> None:
    with serving("--content", content(tmp_path / "a", "red", "green")) as other:
        server = f"http://127.0.0.1:{other.port}/fhir"
        plain = command(recording, server)
        assert "ValueSet.expansion.timestamp" in plain.stdout and plain.returncode == 1
        ignored = [*replay(read_recording(recording), server, ["timestamp", "identifier", "lastUpdated"])]
    places = {difference.place for exchange in ignored for difference in exchange.differences}
    assert not any("timestamp" in place or "lastUpdated" in place for place in places)


def test_a_server_that_cannot_be_reached_and_a_wrong_file_are_status_2(
    recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("nonsense\n")
    for file, server in (
        (recording, "http://127.0.0.1:9/fhir"),
        (recording, "nonsense"),
        (tmp_path / "none", "http://127.0.0.1:9"),
    ):
        done = command(file, server)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr


def test_a_wrong_line_is_named_when_it_comes(recording: Path, service: Service, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text(recording.read_text().splitlines()[0] + "\nnonsense\n")
    done = command(tmp_path / "wrong", f"http://127.0.0.1:{service.port}")
    assert done.returncode == 2 and "line 2 is not a recorded exchange" in done.stderr


def test_a_connection_that_ends_is_a_difference(service: Service) -> None:
    base = f"http://127.0.0.1:{service.port}/fhir"
    closing = {"X-Terminology-Fault": "close"}
    exchanges = [
        RecordedExchange("GET", "/fhir/r4/metadata", "", closing, b"", 200),
        RecordedExchange("GET", "/fhir/nothing", "", {}, b"", 404),
    ]
    first, other = replay(exchanges, base, ["issue", "resourceType"])
    assert [difference.place for difference in first.differences] == ["connection"]
    assert "status" not in {difference.place for difference in other.differences}, "the next one is asked"


def test_the_server_that_recorded_can_be_asked_again_and_again(tmp_path: Path) -> None:
    """Its file stays as it is, and a fault of the first calls is one of the first calls of each replay."""
    file = tmp_path / "traffic.jsonl"
    refused = {"X-Terminology-Fault": "status=503; calls=1-2"}
    with serving("--harness", "--harness-recording", str(file)) as running:
        base = f"http://127.0.0.1:{running.port}/fhir"
        statuses = [
            requests.get(f"{base}/r4/metadata", headers=refused, timeout=60).status_code for _ in "abc"
        ]
        assert statuses == [503, 503, 200]
        recorded = file.read_bytes()
        for _ in range(2):
            done = command(file, base)
            assert (done.returncode, done.stdout) == (0, "3 of 3 answers are the same\n"), done.stderr
        assert file.read_bytes() == recorded
        requests.get(f"{base}/r4/metadata", timeout=60)
        assert file.read_bytes() != recorded, "other clients are recorded as before"


def test_a_server_has_a_URL() -> None:
    with pytest.raises(SettingError, match="is not the URL of a server"):
        list(replay([], "127.0.0.1:8080"))


def test_the_commands_of_the_page_run(tmp_path: Path) -> None:
    """The shell commands of docs/test-harness.md, at a port that is free."""
    page = (ROOT / "docs" / "test-harness.md").read_text("utf-8")
    blocks = [part.partition("```")[0] for part in page.split("```sh\n")[1:]]
    serve, clean, fault, replays = ([line for line in block.splitlines() if line] for block in blocks)
    assert serve == ["terminology serve --harness --harness-recording traffic.jsonl"]
    resources, ready = content(tmp_path / "resources", "red"), tmp_path / "ready"
    places = {"resources": resources, "ready": str(ready), "traffic.jsonl": str(tmp_path / "clean.jsonl")}
    with serving(*(places.get(word, word) for word in shlex.split(clean[0])[2:])) as running:
        url = f"http://127.0.0.1:{running.port}"
        assert url in ready.read_text("utf-8")
        assert requests.get(f"{url}{LOOKUP}red", timeout=60).status_code == 200
        assert requests.get(f"{url}/fhir/r4/CodeSystem/cpt", timeout=60).status_code == 404
    with serving(*shlex.split(serve[0])[2:-1], str(tmp_path / "traffic.jsonl")) as running:
        here = f"127.0.0.1:{running.port}"
        done = subprocess.run(
            ["sh", "-c", fault[0].replace("127.0.0.1:8080", here)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "503" in done.stdout.splitlines()[0] and "retry-after: 2" in done.stdout.lower()
        for line in replays:
            options: list[Any] = shlex.split(line.replace("127.0.0.1:8080", here))[3:]
            done = command(tmp_path / "traffic.jsonl", options[1], *options[2:])
            assert done.returncode == 0, done.stdout + done.stderr
