"""Faults that a test harness asks for, in the process and over real connections."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from terminology import Settings, create_app
from terminology.http.faults import LONGEST_DELAY, Fault
from terminology.http.harness import Harness
from tests.support.service import Service, head, serving, status

LOOKUP = "/fhir/r4/CodeSystem/$lookup?system=urn:ietf:bcp:47&code=de"


def asked(client: Any, fault: str) -> Any:
    return client.get(LOOKUP, headers={"X-Terminology-Fault": fault})


@pytest.fixture
def client() -> Any:
    return create_app(Settings(harness=True)).test_client()


def test_a_status_comes_with_an_outcome_and_the_time_to_wait(client: Any) -> None:
    answer = asked(client, "status=503; retry-after=7")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert answer.json["issue"][0]["code"] == "transient"
    assert "test harness" in answer.json["issue"][0]["details"]["text"]
    assert asked(client, "status=404").json["resourceType"] == "OperationOutcome"
    assert client.get(LOOKUP).status_code == 200


def test_a_content_type_and_a_delay_go_with_the_right_answer(client: Any) -> None:
    began = time.monotonic()
    answer = asked(client, "type=text/html; delay=0.3")
    assert (answer.status_code, answer.headers.getlist("Content-Type")) == (200, ["text/html"])
    assert b"Parameters" in answer.data and time.monotonic() - began >= 0.3
    both = asked(client, "type=text/html; status=502")
    assert (both.status_code, both.content_type) == (502, "text/html")


@pytest.mark.parametrize("calls,statuses", [("2", "0100"), ("1-2", "1100"), ("3-", "0011"), ("1", "1000")])
def test_only_the_calls_that_are_named_have_the_fault(client: Any, calls: str, statuses: str) -> None:
    fault = f"status=503; calls={calls}"
    assert "".join(str(int(asked(client, fault).status_code == 503)) for _ in range(4)) == statuses


def test_headers_with_other_names_are_counted_apart(client: Any) -> None:
    first, other = (f"status=500; calls=2; name={name}" for name in "ab")
    seen = [asked(client, fault).status_code for fault in (first, other, first, other)]
    assert seen == [200, 200, 500, 500]


@pytest.mark.parametrize(
    "fault",
    ["", "nonsense", "status=200", "status=x", "status=599", "delay=-1", "delay=nan", f"delay={LONGEST_DELAY + 1}",
     "cut=-1", "type=html", "close=yes", "calls=0", "calls=3-2", "calls=2", "retry-after=1", "status=503; x=1"],
)  # fmt: skip
def test_a_header_that_cannot_be_read_is_refused(client: Any, fault: str) -> None:
    answer = asked(client, fault)
    assert answer.status_code == 400
    assert "X-Terminology-Fault cannot be read at" in answer.json["issue"][0]["details"]["text"]


def test_in_Python_a_fault_is_planned_for_a_path() -> None:
    harness = Harness()
    client = create_app(Settings(), harness=harness).test_client()
    harness.faults.add(Fault(status=500, first=2, last=2), path="$lookup")
    harness.faults.add(Fault(closes=True), path="metadata")
    assert [client.get(LOOKUP).status_code for _ in range(3)] == [200, 500, 200]
    with pytest.raises(ConnectionResetError):
        client.get("/fhir/r4/metadata")
    harness.faults.clear()
    assert client.get("/fhir/r4/metadata").status_code == 200


@pytest.fixture(scope="module", params=["granian", "werkzeug"])
def service(request: pytest.FixtureRequest) -> Any:
    program = "import terminology.http.web_server as s; s.find_spec = lambda name: None"
    with serving("--harness", program=program if request.param == "werkzeug" else "") as running:
        yield running


def raw(service: Service, fault: str) -> bytes:
    """All that comes over a connection which the client would keep open."""
    return service.ask(head("GET", LOOKUP, f"X-Terminology-Fault: {fault}") + b"\r\n")


def test_a_connection_ends_without_an_answer(service: Service) -> None:
    assert raw(service, "close") == b""
    with pytest.raises(requests.ConnectionError):
        requests.get(
            f"http://127.0.0.1:{service.port}{LOOKUP}", headers={"X-Terminology-Fault": "close"}, timeout=60
        )


def test_a_body_is_cut_below_its_length(service: Service) -> None:
    answer = raw(service, "cut=20")
    fields, _, body = answer.partition(b"\r\n\r\n")
    assert (status(answer), len(body)) == (200, 20)
    length = next(line for line in fields.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    assert int(length.split(b":")[1]) > 20


def test_a_body_that_is_shorter_than_the_cut_is_whole(service: Service) -> None:
    answer = requests.get(
        f"http://127.0.0.1:{service.port}{LOOKUP}", headers={"X-Terminology-Fault": "cut=100000"}, timeout=60
    )
    assert answer.json()["resourceType"] == "Parameters"


def test_a_client_that_repeats_is_answered_at_last(service: Service) -> None:
    """As one with a fixed header would see it, over kept connections."""
    fault = {"X-Terminology-Fault": "status=503; retry-after=0; calls=1-2; name=repeat"}
    with requests.Session() as session:
        seen = [
            session.get(f"http://127.0.0.1:{service.port}{LOOKUP}", headers=fault, timeout=60).status_code
            for _ in range(3)
        ]
    assert seen == [503, 503, 200]
