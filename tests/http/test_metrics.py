"""The metrics for Prometheus: of all workers together, and with few labels."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.builders import code_system
from tests.support.service import GET, LOOKUP, PATIENCE, Gate, begun, head, serving, status, until
from tests.support.upstreams import upstreams_file

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
Samples = Mapping[tuple[str, ...], float]


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])


def metrics(port: str) -> Samples:
    """The values by name and labels; of a histogram the counts alone."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    samples = (sample for family in families for sample in family.samples)
    return {(s.name.removeprefix("terminology_"), *s.labels.values()): s.value for s in samples}


def test_requests_are_counted_over_workers_that_die_too() -> None:
    port = free_port()
    with serving("--workers", "2", "--metrics-port", port) as service:
        lookups = ("request_duration_seconds_count", "CodeSystem/$lookup", "R4", "2xx")
        for _ in range(5):
            service.ask()
        until(lambda: metrics(port).get(lookups) == 5)
        killed = service.workers
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        until(lambda: len(set(service.workers) - set(killed)) == 2)
        for _ in range(3):
            assert status(service.ask()) == 200
        until(lambda: metrics(port).get(lookups) == 8)
        assert metrics(port)["request_duration_seconds_bucket", "10.0", *lookups[1:]] == 8
        service.process.terminate()
        assert service.ended()[0] == 0


def test_paths_methods_and_headers_that_clients_invent_make_no_labels() -> None:
    port = free_port()
    with serving("--metrics-port", port) as service:
        for number in range(20):
            for path in (f"/x{number}", f"/fhir/r4/x{number}", f"/fhir/r{number}/ValueSet/${number}"):
                service.ask(head("GET", path, "Connection: close", f"Accept: x/{number}") + b"\r\n")
            service.ask(head(f"BREW{number}", "/fhir/r4/metadata", "Connection: close") + b"\r\n")
        counts = "request_duration_seconds_count"
        until(lambda: sum(v for k, v in metrics(port).items() if k[0] == counts) == 80)
        assert {key[1] for key in metrics(port) if key[0] == counts} <= {"other", "capabilities"}
        assert {key[2] for key in metrics(port) if key[0] == counts} <= {"", "R4", "R4B", "R5"}


def test_what_is_being_answered_is_told_while_it_is(tmp_path: Path) -> None:
    """The port of the metrics answers however busy the workers are."""
    port, gate = free_port(), Gate(tmp_path)
    with serving("--metrics-port", port, program=gate.program) as service:
        held_up = [service.connect(GET) for _ in range(3)]
        until(lambda: gate.waiting == 3)
        until(lambda: metrics(port)["requests_in_flight",] == 3)
        gate.open()
        assert all(connection.recv(1) for connection in held_up)
        until(lambda: metrics(port)["requests_in_flight",] == 0)
        for connection in held_up:
            connection.close()


def test_an_upstream_that_is_left_alone_is_told(tmp_path: Path) -> None:
    base = f"http://127.0.0.1:{free_port()}/fhir/r4"
    upstream = {
        "name": "elsewhere",
        "base": base,
        "fhirVersion": "4.0",
        "canonicals": ["http://example.org/*"],
    }
    file, port = upstreams_file(tmp_path, upstream), free_port()
    with serving("--metrics-port", port, "--upstreams", str(file)) as service:
        until(lambda: metrics(port).get(("upstream_usable", "elsewhere")) == 1)
        asked = LOOKUP.replace("urn:ietf:bcp:47", "http://example.org/x")

        def is_left_alone() -> bool:
            assert status(service.ask(head("GET", asked, "Connection: close") + b"\r\n")) >= 500
            return metrics(port)["upstream_usable", "elsewhere"] == 0

        until(is_left_alone)


def test_what_a_service_that_was_killed_has_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serving("--metrics-port", free_port()) as running:
        with serving("--metrics-port", free_port()):
            assert len(list(tmp_path.glob("terminology-metrics-*"))) == 2
        with serving("--metrics-port", free_port()) as last:
            until(lambda: len(list(tmp_path.glob("terminology-metrics-*"))) == 2)
            last.process.terminate()
            assert last.ended()[0] == 0
        assert len(list(tmp_path.glob("terminology-metrics-*"))) == 1
        assert status(running.ask()) == 200


def test_a_port_of_metrics_that_is_taken_ends_the_service_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = begun("--port", "0", "--metrics-port", port, stderr=subprocess.PIPE)
        _, problem = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert (
        problem == f"Error: 'metrics_port': cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    )


def test_metrics_without_their_package_are_refused_with_the_way_out() -> None:
    program = "import sys; sys.modules['prometheus_client'] = None"
    process = begun("--port", "0", "--metrics-port", "1", program=program, stderr=subprocess.PIPE)
    _, problem = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert problem.startswith(
        "Error: 'metrics_port' needs the package prometheus_client: in the checkout, pip install "
    )
    assert "[metrics]" in problem and problem.count("\n") == 1


def test_reloads_are_counted_with_those_that_failed(tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "sizes.json"
    file.write_text(json.dumps(code_system("http://example.org/sizes", "s")))
    with serving("--metrics-port", port, "--content", str(tmp_path)) as service:
        assert metrics(port)["reloads_total", "failed"] == 0

        def has_reloaded(result: str) -> bool:
            service.process.send_signal(signal.SIGHUP)
            time.sleep(1)
            return metrics(port)["reloads_total", result] > 0

        until(lambda: has_reloaded("done"))
        assert metrics(port)["reloads_total", "failed"] == 0
        file.write_text("{")
        until(lambda: has_reloaded("failed"))
