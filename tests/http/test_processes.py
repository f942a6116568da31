"""The processes of the service: what happens when one dies, hangs, or is told to end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.support.service import (
    BODY,
    GET,
    LOOKUP,
    PATIENCE,
    POST,
    Service,
    begun,
    head,
    is_running,
    is_stopped,
    received,
    serving,
    status,
    until,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


def refuses(service: Service) -> bool:
    """Does nobody answer a new connection?"""
    try:
        return not service.ask()
    except OSError:
        return True


def test_the_service_answers_as_soon_as_it_says_that_it_listens(service: Service) -> None:
    assert status(service.ask()) == 200


def test_a_worker_that_is_killed_is_replaced_and_nobody_is_refused(service: Service) -> None:
    """Also when it is killed twice within seconds. A new connection waits for the next worker."""
    for _ in range(2):
        [worker] = service.workers
        os.kill(worker, signal.SIGKILL)
        assert status(service.ask()) == 200
        until(lambda: service.workers not in ([], [worker]))  # noqa: B023


def test_a_killed_worker_takes_only_the_requests_that_it_had_with_it() -> None:
    with serving("--workers", "2") as service:
        lost: list[int] = []
        done = Event()

        def ask() -> None:
            while not done.is_set():
                lost.append(status(service.ask()))

        clients = [Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        killed = service.workers
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
            until(lambda: len(set(service.workers) - {worker}) == 2)  # noqa: B023
        count = len(lost)
        until(lambda: len(lost) > count + 20)
        done.set()
        for client in clients:
            client.join()
        assert set(lost) <= {0, 200}
        assert lost.count(0) <= len(killed) * len(clients)


def test_only_the_worker_that_died_is_replaced() -> None:
    """Whoever tells of its death, and how often and how late."""
    with serving("--workers", "3") as service:
        until(lambda: len(service.workers) == 3)
        for _ in range(3):
            before = service.workers
            os.kill(before[1], signal.SIGKILL)
            until(lambda: len(set(service.workers) - {before[1]}) == 3)  # noqa: B023
            assert {before[0], before[2]} < set(service.workers)
            assert status(service.ask()) == 200


def test_a_worker_that_dies_before_it_has_started_is_replaced_once(service: Service) -> None:
    """One that had started says nothing against the next. Only two in a row that cannot start end the service."""
    for _ in range(3):
        killed: list[int] = []
        for _ in range(2):
            [worker] = until_others(service, killed)
            killed.append(worker)
            os.kill(worker, signal.SIGKILL)
        assert status(service.ask()) == 200


def until_others(service: Service, killed: Collection[int]) -> set[int]:
    """The workers, as soon as there are others than those that were killed."""
    until(lambda: set(service.workers).difference(killed))
    return set(service.workers).difference(killed)


def test_workers_that_die_together_are_all_replaced() -> None:
    with serving("--workers", "3") as service:
        killed = set(service.workers)
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        until(lambda: len(set(service.workers) - killed) == 3)
        assert {status(service.ask()) for _ in range(10)} == {200}


def test_a_worker_that_hangs_is_replaced() -> None:
    with serving("--stuck-timeout", "4") as service:
        [worker] = service.workers
        os.kill(worker, signal.SIGSTOP)
        until(lambda: is_stopped(worker))  # before, it may still take a connection, which is lost with it
        assert status(service.ask()) == 200
        assert worker not in service.workers


def test_a_service_whose_workers_cannot_start_ends_with_a_message() -> None:
    program = "import os, terminology.http.granian_server as s; s.create_app = lambda *_, **__: os._exit(3)"
    process = begun("--port", "0", program=program, stderr=subprocess.STDOUT)
    try:
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "crash loop" in printed and "Listening" not in printed


def test_no_worker_outlives_the_first_process_and_the_port_is_free_at_once() -> None:
    with serving("--workers", "2") as first:
        workers = first.workers
        assert len(workers) == 2
        first.process.kill()
        first.process.wait()
        with serving(port=first.port) as second:
            assert status(second.ask()) == 200
            until(lambda: not any(map(is_running, workers)))
            assert status(second.ask()) == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("to_all", [False, True])
def test_a_service_that_is_told_to_end_ends_well(number: signal.Signals, to_all: bool) -> None:
    """Also where all its processes are told, as a terminal and systemd do it, and with idle connections."""
    with serving("--stop-timeout", str(2 * PATIENCE)) as service:
        idle, half = service.connect(head("GET", LOOKUP) + b"\r\n"), service.connect(head("GET", LOOKUP))
        idle.recv(1)
        (os.killpg if to_all else os.kill)(service.process.pid, number)
        code, printed = service.ended()  # long before the time-out
        assert (code, printed[-9:]) == (0, "Stopped.\n")
        idle.close()
        half.close()


def test_a_request_that_has_begun_is_answered_before_the_service_ends() -> None:
    with serving("--stop-timeout", str(2 * PATIENCE)) as service:
        begun = service.connect(POST[:-2] + b"Expect: 100-continue\r\n\r\n")
        assert begun.recv(65_536).startswith(b"HTTP/1.1 100 ")
        service.process.terminate()
        until(lambda: refuses(service))
        begun.sendall(BODY)
        assert status(received(begun)) == 200
        assert service.ended()[0] == 0
        begun.close()


def test_a_hangup_does_no_harm(service: Service) -> None:
    os.killpg(service.process.pid, signal.SIGHUP)
    for _ in range(20):
        assert status(service.ask()) == 200
        time.sleep(0.05)


@pytest.mark.parametrize("server", ["granian", "werkzeug"])
def test_a_port_that_is_taken_is_refused_in_one_line(server: str) -> None:
    without = "import terminology.http.web_server as s; s.find_spec = lambda name: None"
    program = without if server == "werkzeug" else ""
    with serving(program=program) as first:
        second = begun("--port", str(first.port), program=program, stderr=subprocess.PIPE)
        try:
            printed, problem = second.communicate(timeout=60)
        finally:
            second.kill()
        assert second.returncode == 1
        assert problem.startswith(f"Error: cannot listen on 127.0.0.1 port {first.port}: ")
        assert problem.count("\n") == 1 and "Listening" not in printed
        assert status(first.ask()) == 200


def test_an_access_log_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    log = tmp_path / "none" / "access.log"
    process = begun("--port", "0", "--access-log", str(log), stderr=subprocess.PIPE)
    printed, problem = process.communicate(timeout=60)
    assert process.returncode == 1
    assert problem == f"Error: 'access_log': {log} cannot be written: No such file or directory\n"
    assert "Listening" not in printed


def test_the_proposed_request_has_a_place_for_the_key_where_one_is_needed(tmp_path: Path) -> None:
    users = tmp_path / "auth.json"
    users.write_text('{"keys": []}')
    for options, beginning in ([], "curl 'http"), (["--auth", str(users)], "curl -H 'X-API-Key: KEY' 'http"):
        with serving(*options) as service:
            output = service.process.stdout
            assert output is not None
            assert next(line for line in output if "curl" in line).strip().startswith(beginning)


def test_a_socket_that_nobody_listens_on_any_more_is_no_hindrance(service: Service) -> None:
    """A connection that has just ended keeps its port for a minute."""
    port = service.port
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(GET)
        with suppress(ConnectionError):
            connection.recv(1)
        service.process.terminate()
        service.ended()
    with serving(port=port) as again:
        assert status(again.ask()) == 200
