"""A node whose database is away: it says so with status 503, and answers again when the database is back."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from terminology import Settings
from terminology.http.app import create_app
from terminology.opening import ServedContent
from terminology.store.release import ConceptRow
from tests.support import postgres
from tests.support.birds import URL, release
from tests.support.stores import load

PATH = f"/fhir/r5/CodeSystem/$lookup?system={URL}&code="


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """A server of its own, since the test stops it."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres.server() as made:
        yield made


def test_while_the_database_is_away_answers_are_503_and_the_log_one_line(
    server: postgres.Server, caplog: pytest.LogCaptureFixture
) -> None:
    """While the database is away, the answer is 503 transient, and the log has one line for it."""
    load(server.url(), (release("1"), [ConceptRow(f"C{number}", "there") for number in range(100)]))
    settings = Settings(environment={}, bundled=False, store=server.url(), data="")
    serving = ServedContent(settings)
    client = create_app(settings, catalogue=serving.catalogue).test_client()
    assert client.get(PATH + "C0").status_code == 200
    serving.reload()  # what is read again is the content of files alone
    server.stop()
    answers: list[Any] = [client.get(f"{PATH}C{number}") for number in range(1, 60)]
    for answer in answers:
        assert answer.status_code == 503 and answer.headers["Retry-After"]
        (issue,) = answer.json["issue"]
        assert issue["code"] == "transient" and "cannot be reached" in issue["details"]["text"]
        assert str(server.folder) not in answer.text, "where the database is concerns nobody else"
    (line,) = caplog.records
    assert line.levelno == logging.ERROR and line.exc_info is None and "\n" not in line.getMessage()
    assert client.get("/readyz").json == {"status": "not ready", "faults": ["the store cannot be read"]}
    server.start()
    deadline = time.monotonic() + 60
    while client.get(PATH + "C1").status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.get(PATH + "C2").status_code == 200
    assert client.get("/readyz").json == {"status": "ready"}
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    serving.close()
