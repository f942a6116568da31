"""Content that is read again: without a restart, in every worker, and without a request that fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests

from terminology import Settings
from terminology.core.errors import UnreadableFileError
from terminology.http.reloading import WorkerContent, await_workers
from terminology.opening import ServedContent
from tests.support.builders import code_system, value_set
from tests.support.paths import ROOT
from tests.support.service import PATIENCE, Service, serving, until

SIZES = "http://example.org/sizes"


def put(folder: Path, *codes: str) -> None:
    """A file that is there as a whole or not at all."""
    folder.mkdir(exist_ok=True)
    new = folder / "sizes.new"
    new.write_text(json.dumps(code_system(SIZES, *codes)))
    new.replace(folder / "sizes.json")


def codes_of(service: Service) -> list[str]:
    with requests.get(
        f"http://127.0.0.1:{service.port}/fhir/r4/CodeSystem?url={SIZES}", timeout=60
    ) as answer:
        return [c["code"] for e in answer.json()["entry"] for c in e["resource"]["concept"]]


def command(name: str, data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "terminology", name, *options],
        cwd=ROOT,
        env={**os.environ, "TERMINOLOGY_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(params=["granian", "werkzeug"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    put(tmp_path / "content", "a")
    program = "import terminology.http.web_server as s; s.find_spec = lambda name: None"
    options = ("--content", str(tmp_path / "content"), "--data", str(tmp_path / "data"), "--workers", "2")
    with serving(*options, program=program if request.param == "werkzeug" else "") as running:
        yield running


def test_a_reload_is_seen_by_every_worker_and_no_request_fails(service: Service, tmp_path: Path) -> None:
    workers = service.workers
    ended = Event()

    def asking() -> set[tuple[int, int]]:
        seen = set()
        with requests.Session() as session:
            while not ended.is_set():
                url = f"http://127.0.0.1:{service.port}/fhir/r4/CodeSystem/$lookup?system={SIZES}&code="
                seen |= {(n, session.get(f"{url}{'abc'[n]}", timeout=60).status_code) for n in (0, 1)}
        return seen

    with ThreadPoolExecutor(4) as threads:
        tasks = [threads.submit(asking) for _ in range(4)]
        put(tmp_path / "content", "a", "b")
        done = command("reload", tmp_path / "data")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith(": read again\n")
        assert all(codes_of(service) == ["a", "b"] for _ in range(40)), (
            "the command has waited for all workers"
        )
        ended.set()
        seen = set().union(*(task.result() for task in tasks))
    assert seen <= {(0, 200), (1, 404), (1, 200)}
    assert service.workers == workers, "no worker was replaced"


def test_a_broken_file_leaves_the_old_content_and_is_named(service: Service, tmp_path: Path) -> None:
    broken = tmp_path / "content" / "broken.json"
    broken.write_text('{"resourceType": "CodeSystem", ')
    put(tmp_path / "content", "a", "b")
    done = command("reload", tmp_path / "data")
    assert done.returncode == 1
    assert str(broken) in done.stderr
    assert codes_of(service) == ["a"]
    store = tmp_path / "store"
    loaded = tmp_path / "v.json"
    loaded.write_text(json.dumps(value_set("v", {"system": SIZES})))
    assert command("import", tmp_path / "data", "--store", str(store), "fhir", str(loaded)).returncode == 0
    status = command("status", tmp_path / "data", "--store", str(store))
    assert status.returncode == 1
    assert str(broken) in status.stderr
    without_store = command("status", tmp_path / "data")
    assert str(broken) in without_store.stderr and "no store is given" in without_store.stderr
    broken.unlink()
    assert command("reload", tmp_path / "data").returncode == 0
    until(lambda: codes_of(service) == ["a", "b"])
    assert command("status", tmp_path / "data", "--store", str(store)).returncode == 0


def test_a_worker_that_begins_later_has_the_new_content(tmp_path: Path) -> None:
    put(tmp_path / "content", "a")
    options = ("--content", str(tmp_path / "content"), "--data", str(tmp_path / "data"))
    with serving(*options) as service:
        put(tmp_path / "content", "b")
        assert command("reload", tmp_path / "data").returncode == 0
        (worker,) = service.workers
        (tmp_path / "content" / "sizes.json").unlink()
        os.kill(worker, signal.SIGKILL)
        until(lambda: service.workers not in ([], [worker]))
        assert codes_of(service) == ["b"]


def test_a_reload_names_the_workers_that_serve_the_old_content() -> None:
    assert await_workers([2, 3], 2, PATIENCE) is None
    said = "1 of 3 workers serve the old content still: number 2"
    assert await_workers([2, -2, 2], 2, PATIENCE) == said, "it could not read it"
    assert await_workers([2, 1, 2], 2, 0) == said, "it is late"


def test_a_worker_that_comes_to_a_broken_file_reads_it_again(tmp_path: Path, caplog: Any) -> None:
    """It was whole when the first process read it: so the worker catches up without another reload."""
    put(tmp_path, "a")
    served = ServedContent(Settings(environment={}, bundled=False, data="", content=[tmp_path]))
    reloads, answers = [0], list[int]()
    content = WorkerContent(served, lambda: reloads[0], 0, answers.append)
    put(tmp_path, "b")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    reloads[0] += 1

    def is_told() -> bool:
        content.look()
        return "until this can be read" in caplog.text

    def is_new() -> bool:
        content.look()
        system = served.catalogue().find_system(SIZES)
        return system is not None and system.locate("b") is not None

    until(is_told)
    broken.unlink()
    until(is_new)
    assert caplog.text.count("until this can be read") == 1
    until(lambda: answers[-1] == 1)
    assert answers[:2] == [0, -1]


def test_a_service_that_does_not_run_is_not_told(tmp_path: Path) -> None:
    said = command("reload", tmp_path).stderr
    assert f"no service of this user runs with the data folder {tmp_path}" in said
    assert all(word in said for word in ("--config", "--data", "TERMINOLOGY_DATA"))
    left_over = tmp_path / "services" / f"{os.getpid()}.json"
    left_over.parent.mkdir()
    left_over.write_text(json.dumps({"process": os.getpid(), "address": "x"}))
    assert "no service of this" in command("reload", tmp_path).stderr, "its number is that of another process"
    assert not left_over.exists()


def test_old_content_is_served_until_all_of_the_new_is_read(tmp_path: Path) -> None:
    put(tmp_path, "a")
    served = ServedContent(Settings(environment={}, bundled=False, data="", content=[tmp_path]))

    def codes() -> list[str]:
        document: Any = served.catalogue().find("CodeSystem", SIZES)
        return [node["code"] for node in document["concept"]]

    first = served.catalogue()
    put(tmp_path, "b")
    assert codes() == ["a"]
    served.reload()
    assert codes() == ["b"]
    assert first.find_system(SIZES).locate("a"), "a request that has begun keeps its content"  # type: ignore[union-attr]
    (tmp_path / "sizes.json").write_text("{")
    with pytest.raises(UnreadableFileError):
        served.reload()
    assert codes() == ["b"]
    (tmp_path / "sizes.json").unlink()
    served.reload()
    assert served.catalogue().find("CodeSystem", SIZES) is None
