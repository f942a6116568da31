"""Clients that are slow, silent or many: a second client is answered all the time, with the settings as they are."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread

import pytest

from tests.support.service import BODY, GET, LOOKUP, POST, Service, head, received, serving, status, until

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="it uses the addresses 127.0.0.2 and following"
)

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.9"
# A program to run before the service: each $lookup takes so many seconds.
SLOW = """
import time
from dataclasses import replace
from terminology.wire.operation_table import OPERATIONS
row = OPERATIONS["CodeSystem", "lookup"]
def slow(catalogue, request):
    time.sleep({seconds})
    return row.run(catalogue, request)
OPERATIONS["CodeSystem", "lookup"] = replace(row, run=slow)
"""
METADATA = head("GET", "/fhir/r4/metadata?_summary=true", "Connection: close") + b"\r\n"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


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
                assert time.monotonic() - began < 5  # 1 s on a machine that has nothing else to do


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
            until(lambda: all(map(is_closed, connections[1:])), 20)
        assert_answers(service, 0.5)


def test_headers_that_are_late_end_the_connection() -> None:
    with serving("--header-timeout", "1") as service:
        for sent in (b"", head("GET", LOOKUP)):
            with service.connect(sent) as connection:
                assert status(received(connection)) in (0, 408)


@pytest.mark.parametrize("number", [4, 20])
def test_slow_requests_of_one_caller_leave_a_thread_to_others(number: int) -> None:
    with serving(program=SLOW.format(seconds=3)) as service:
        with held(service, number, GET) as connections:
            time.sleep(0.3)
            began = time.monotonic()
            assert status(service.ask(METADATA, ELSEWHERE)) == 200
            assert time.monotonic() - began < 2.5
            if number == 4:
                assert [status(received(connection)) for connection in connections] == [200] * number


def test_requests_that_wait_are_all_answered() -> None:
    with serving(program=SLOW.format(seconds=0.05)) as service:
        statuses: list[int] = []
        sources = (HERE, ELSEWHERE, "127.0.0.10")
        clients = [
            Thread(target=lambda source=source: statuses.append(status(service.ask(POST + BODY, source))))
            for source in sources
            for _ in range(30)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert statuses == [200] * len(clients)


def test_a_caller_with_too_many_requests_is_told_to_come_again() -> None:
    with serving("--requests-per-caller", "6", program=SLOW.format(seconds=2)) as service:
        with held(service, 6, GET) as connections:
            time.sleep(0.5)
            response = service.ask()
            assert status(response) == 429
            assert b"\r\nretry-after: 1\r\n" in response.lower() and b"\r\nx-request-id: " in response.lower()
            outcome = json.loads(response.partition(b"\r\n\r\n")[2])
            assert outcome["issue"][0]["code"] == "throttled"
            assert "at most 6 requests" in outcome["issue"][0]["details"]["text"]
            assert status(service.ask(METADATA, ELSEWHERE)) == 200
            assert [status(received(connection)) for connection in connections] == [200] * 6


def test_a_rate_of_the_settings_holds_for_each_caller() -> None:
    with serving("--request-rate", "3") as service:
        statuses = [status(service.ask()) for _ in range(12)]
        assert statuses[:3] == [200] * 3 and 429 in statuses
        assert status(service.ask(source=ELSEWHERE)) == 200
        time.sleep(1.1)
        assert status(service.ask()) == 200


def test_the_callers_behind_a_proxy_are_told_apart() -> None:
    with serving("--requests-per-caller", "4", "--proxies", "1", program=SLOW.format(seconds=2)) as service:
        client = head("GET", LOOKUP, "Connection: close", "X-Forwarded-For: 192.0.2.1") + b"\r\n"
        other = head("GET", LOOKUP, "Connection: close", "X-Forwarded-For: 192.0.2.2") + b"\r\n"
        with held(service, 4, client):
            time.sleep(0.5)
            assert status(service.ask(client)) == 429
            assert status(service.ask(other)) == 200


def test_of_a_caller_with_too_many_connections_the_silent_ones_are_closed() -> None:
    with serving("--connections-per-caller", "40") as service:
        with held(service, 100, head("GET", LOOKUP)) as connections:
            until(lambda: sum(map(is_closed, connections)) >= 60, 20)
            assert status(service.ask()) == 200
            assert status(service.ask(source=ELSEWHERE)) == 200


def test_when_all_connections_are_taken_those_with_many_give_way() -> None:
    with serving("--connections", "64", "--connections-per-caller", "40") as service:
        with ExitStack() as stack:
            for number in range(3):
                stack.enter_context(held(service, 30, head("GET", LOOKUP), f"127.0.0.{20 + number}"))
            assert_answers(service, 1.0)
