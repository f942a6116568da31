"""A database that hangs: what needs none is answered, the rest is refused at once, and it comes back by itself."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from terminology import Settings
from terminology.cli import commands as cli
from terminology.http.app import create_app
from terminology.opening import ServedContent
from terminology.store.release import ConceptRow
from tests.support import postgres
from tests.support.birds import URL, release
from tests.support.stores import load

STORED = f"/fhir/r5/CodeSystem/$lookup?system={URL}&code=C"
# Grammars, bundled content, metadata, and a code system that the store does not have.
WITHOUT_STORE = {
    "/fhir/r4/CodeSystem/$lookup?system=urn:ietf:bcp:47&code=de-CH": 200,
    "/fhir/r5/CodeSystem/$lookup?system=http://www.ama-assn.org/go/cpt&code=57520": 200,
    "/fhir/r4/metadata": 200,
    "/fhir/r4b/CodeSystem/$lookup?system=http://example.org/nowhere&code=a": 404,
}
# Far more than such a request takes, and less than any time-out.
QUICK = 1.5
PATIENCE = 60.0

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """A server of its own, since the test stops it."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres.server() as made:
        yield made


@contextmanager
def node(url: str) -> Iterator[FlaskClient]:
    settings = Settings(environment={}, store=url, data="")
    serving = ServedContent(settings)
    try:
        yield create_app(settings, catalogue=serving.catalogue).test_client()
    finally:
        serving.close()


def fill(server: postgres.Server) -> None:
    load(server.url(), (release("1"), [ConceptRow(f"C{number}", "there") for number in range(2_000)]))


def assert_rest_is_quick(client: FlaskClient) -> None:
    for path, status in WITHOUT_STORE.items():
        began = time.monotonic()
        assert client.get(path).status_code == status, path
        assert time.monotonic() - began < QUICK, path


def eventually(client: FlaskClient, path: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while client.get(path).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert client.get(path).status_code == 200


def test_while_the_database_hangs_the_rest_is_answered_at_once(
    server: postgres.Server, caplog: pytest.LogCaptureFixture
) -> None:
    fill(server)
    with node(server.url()) as client:
        assert client.get(STORED + "0").status_code == 200
        for path in WITHOUT_STORE:
            client.get(path)  # what is read once has been read
        with server.hung():
            assert_rest_is_quick(client)
            # All threads of a worker ask for what hangs; none of them waits for long.
            answers: list[int] = []
            waiting = [
                threading.Thread(
                    target=lambda n=n: answers.append(
                        client.application.test_client().get(f"{STORED}{n}").status_code
                    )
                )
                for n in range(1, 5)
            ]
            for thread in waiting:
                thread.start()
            assert_rest_is_quick(client)
            for thread in waiting:
                thread.join(PATIENCE)
            assert answers == [503] * 4
            deadline = time.monotonic() + PATIENCE
            while not caplog.records and time.monotonic() < deadline:
                time.sleep(0.1)
            # It is known to hang from here on.
            for number in range(10, 30):
                began = time.monotonic()
                answer = client.get(f"{STORED}{number}")
                assert answer.status_code == 503 and answer.headers["Retry-After"]
                assert time.monotonic() - began < QUICK
                assert_rest_is_quick(client)
            found = CliRunner().invoke(cli.main, ["status", "--store", server.url()])
            assert found.exit_code == 1 and "cannot be reached" in found.output
        eventually(client, STORED + "40")
    levels = [record.levelno for record in caplog.records if record.name == "terminology"]
    assert levels == [logging.ERROR, logging.WARNING]


def test_a_server_starts_while_the_database_hangs(server: postgres.Server) -> None:
    fill(server)
    with server.hung(), node(server.url()) as client:
        client.get("/fhir/r4/metadata")  # the first request gives the database a little time
        for path, status in WITHOUT_STORE.items():
            began = time.monotonic()
            # It cannot be told of any code system that it is unknown.
            assert client.get(path).status_code == (503 if status == 404 else status)
            assert time.monotonic() - began < QUICK
        assert client.get(STORED + "1").status_code == 503
    with node(server.url()) as client:
        eventually(client, STORED + "1")


def test_after_a_crash_of_the_database_it_is_asked_again(server: postgres.Server) -> None:
    fill(server)
    with node(server.url()) as client:
        assert client.get(STORED + "0").status_code == 200
        for process in server.processes():
            os.kill(process, signal.SIGKILL)
        assert_rest_is_quick(client)
        assert client.get(STORED + "1").status_code == 503
        # The killed process may still have an entry, which says nothing any more.
        for lock in (server.folder / "data" / "postmaster.pid", server.folder / ".s.PGSQL.5432.lock"):
            lock.unlink(missing_ok=True)
        server.start()
        eventually(client, STORED + "2")
