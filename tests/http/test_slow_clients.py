"""Clients that are slow, silent or many: a second client is answered all the time, with the settings as they are."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from select import select

import pytest

from tests.support.service import (
    BODY,
    GET,
    LOOKUP,
    PATIENCE,
    POST,
    Gate,
    Service,
    head,
    received,
    serving,
    status,
    until,
)

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="it uses the addresses 127.0.0.2 and following"
)

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.9"
METADATA = head("GET", "/fhir/r4/metadata?_summary=true", "Connection: close") + b"\r\n"
# Half of what slow clients are given, in seconds; a machine that has nothing else to do answers within one.
AT_ONCE = 15
# A request may stay at a gate for longer than the settings let it.
PATIENT = ("--deadline", "300")


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


@contextmanager
def held(service: Service, number: int, sent: bytes, source: str = HERE) -> Iterator[list[socket.socket]]:
    """Connections over which this was sent and nothing is read."""
    with ExitStack() as stack:
        yield [stack.enter_context(service.connect(sent, source)) for _ in range(number)]


def assert_answers(service: Service, seconds: float = 2.0) -> None:
    """Clients here and elsewhere are answered at once, for so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for source in (HERE, ELSEWHERE):
            for request in (GET, POST + BODY):
                began = time.monotonic()
                assert status(service.ask(request, source)) == 200
                assert time.monotonic() - began < AT_ONCE


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(65_536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize("number", [4, 16, 60])
def test_slow_bodies_keep_nobody_waiting(service: Service, number: int) -> None:
    with held(service, number, POST + BODY[:5]) as connections:
        for connection in connections:
            connection.sendall(BODY[5:6])
        time.sleep(1.2)  # where there are too many, those that are older give way
        assert_answers(service)


def test_slow_chunks_keep_nobody_waiting(service: Service) -> None:
    sent = head("POST", LOOKUP, "Transfer-Encoding: chunked") + b"\r\n1\r\n{\r\n"
    with held(service, 16, sent):
        assert_answers(service)


@pytest.mark.parametrize("sent", [b"", head("GET", LOOKUP) + b"X-Half: ", head("GET", LOOKUP) + b"\r\n"])
def test_a_thousand_connections_keep_nobody_waiting(service: Service, sent: bytes) -> None:
    with held(service, 1_024, sent):
        assert status(service.ask(source=ELSEWHERE)) == 200
        until(lambda: status(service.ask()) == 200)  # its own requests may be too many at once before (429)
        assert_answers(service)


def test_a_body_that_is_late_is_refused_and_its_connection_closed() -> None:
    """Also where its client sends a byte now and then."""
    with serving("--body-timeout", "1") as service:
        with held(service, 6, POST + BODY[:-1]) as connections:
            response = connections[0].recv(65_536)
            assert status(response) == 408
            outcome = json.loads(response.partition(b"\r\n\r\n")[2])
            assert outcome["issue"][0]["code"] == "timeout"
            assert "1 seconds" in outcome["issue"][0]["details"]["text"]
            until(lambda: all(map(is_closed, connections[1:])))
        assert_answers(service, 0.5)


def test_headers_that_are_late_end_the_connection() -> None:
    with serving("--header-timeout", "1") as service:
        for sent in (b"", head("GET", LOOKUP)):
            with service.connect(sent) as connection:
                assert status(received(connection)) in (0, 408)


@pytest.mark.parametrize("number", [4, 20])
def test_slow_requests_of_one_caller_leave_a_thread_to_others(gate: Gate, number: int) -> None:
    with serving(*PATIENT, program=gate.program) as service:
        with held(service, number, GET) as connections:
            until(lambda: gate.waiting == 4)
            assert status(service.ask(METADATA, ELSEWHERE)) == 200
            assert gate.waiting == 4
            gate.open()
            assert [status(received(connection)) for connection in connections] == [200] * number


def test_requests_that_wait_are_all_answered(gate: Gate) -> None:
    with serving(*PATIENT, program=gate.program) as service, ExitStack() as stack:
        clients = [
            client
            for source in (HERE, ELSEWHERE, "127.0.0.10")
            for client in stack.enter_context(held(service, 30, POST + BODY, source))
        ]
        until(lambda: gate.waiting >= 4)
        gate.open()
        assert [status(received(client)) for client in clients] == [200] * len(clients)


def test_a_caller_with_too_many_requests_is_told_to_come_again(gate: Gate) -> None:
    with serving(*PATIENT, "--requests-per-caller", "6", program=gate.program) as service:
        with held(service, 7, GET) as connections:
            refused = select(connections, [], [], PATIENCE)[0]
            assert len(refused) == 1, "six requests are at work, or wait"
            response = received(refused[0])
            assert status(response) == 429
            assert b"\r\nretry-after: 1\r\n" in response.lower() and b"\r\nx-request-id: " in response.lower()
            outcome = json.loads(response.partition(b"\r\n\r\n")[2])
            assert outcome["issue"][0]["code"] == "throttled"
            assert "at most 6 requests" in outcome["issue"][0]["details"]["text"]
            assert status(service.ask(METADATA, ELSEWHERE)) == 200
            gate.open()
            assert [status(received(client)) for client in connections if client not in refused] == [200] * 6


def test_a_rate_of_the_settings_holds_for_each_caller() -> None:
    with serving("--request-rate", "3") as service:
        # Many more than a machine that is slow to take them could pay off meanwhile.
        with held(service, 100, GET) as connections:
            statuses = [status(received(connection)) for connection in connections]
        assert statuses.count(200) >= 3 and set(statuses) == {200, 429}
        assert status(service.ask(source=ELSEWHERE)) == 200
        time.sleep(1.1)
        assert status(service.ask()) == 200


def test_the_callers_behind_a_proxy_are_told_apart(gate: Gate) -> None:
    by_proxy = ("--requests-per-caller", "4", "--proxies", "1")
    with serving(*PATIENT, *by_proxy, program=gate.program) as service:
        client = head("GET", LOOKUP, "Connection: close", "X-Forwarded-For: 192.0.2.1") + b"\r\n"
        other = METADATA[:-2] + b"X-Forwarded-For: 192.0.2.2\r\n\r\n"
        with held(service, 4, client):
            until(lambda: gate.waiting == 4)
            assert status(service.ask(client)) == 429
            assert status(service.ask(other)) == 200


def test_of_a_caller_with_too_many_connections_the_silent_ones_are_closed() -> None:
    with serving("--connections-per-caller", "40") as service:
        with held(service, 100, head("GET", LOOKUP)) as connections:
            until(lambda: sum(map(is_closed, connections)) >= 60)
            assert status(service.ask()) == 200
            assert status(service.ask(source=ELSEWHERE)) == 200


def test_when_all_connections_are_taken_those_with_many_give_way() -> None:
    with serving("--connections", "64", "--connections-per-caller", "40") as service:
        with ExitStack() as stack:
            for number in range(3):
                stack.enter_context(held(service, 30, head("GET", LOOKUP), f"127.0.0.{20 + number}"))
            assert_answers(service, 1.0)


def test_threads_that_nobody_needs_any_more_end() -> None:
    with serving("--workers", "1") as service:
        threads = Path(f"/proc/{service.workers[0]}/task")
        at_rest = len(list(threads.iterdir()))
        slow = [service.connect(POST + BODY[:-1]) for _ in range(20)]
        until(lambda: len(list(threads.iterdir())) >= at_rest + 10)
        for connection in slow:
            with connection:
                connection.sendall(BODY[-1:])
                assert status(received(connection)) == 200
        until(lambda: len(list(threads.iterdir())) <= at_rest + 5)
