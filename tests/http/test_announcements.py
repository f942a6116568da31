"""What others learn of a service: that it answers, that it is alive, and that it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.service import PATIENCE, begun, serving, status, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
WITHOUT_GRANIAN = "import terminology.http.web_server as s; s.find_spec = lambda name: None"


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket on which systemd would listen, for services that a test starts."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


@pytest.mark.parametrize("program", ["", WITHOUT_GRANIAN], ids=["granian", "werkzeug"])
def test_the_ready_file_is_there_while_the_service_answers(tmp_path: Path, program: str) -> None:
    file = tmp_path / "ready"
    file.write_text("of an earlier service that was killed")
    with serving("--ready-file", str(file), program=program) as service:
        assert file.read_text() == f"http://127.0.0.1:{service.port}/fhir\n"
        assert status(service.ask()) == 200
        service.process.terminate()
        assert service.ended()[0] == 0
    assert list(tmp_path.iterdir()) == []


def test_a_ready_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    process = begun("--ready-file", str(tmp_path / "none" / "ready"), "--port", "0", stderr=subprocess.PIPE)
    _, problem = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert (
        problem
        == f"Error: 'ready_file': {tmp_path}/none/ready cannot be written: No such file or directory\n"
    )


def test_systemd_is_told_that_the_service_is_ready_alive_and_stopping(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    with serving() as service:
        told = [manager.recv(1_000).decode()]
        while told.count("WATCHDOG=1") < 2:
            told.append(manager.recv(1_000).decode())
        assert f"READY=1\nSTATUS=Listening on http://127.0.0.1:{service.port}/fhir" in told
        service.process.send_signal(signal.SIGTERM)
        until(lambda: manager.recv(1_000) == b"STOPPING=1")
        assert service.ended()[0] == 0


def test_a_manager_that_is_away_keeps_no_service_from_answering(
    manager: socket.socket, tmp_path: Path
) -> None:
    (tmp_path / "notify").unlink()
    with serving() as service:
        assert status(service.ask()) == 200
