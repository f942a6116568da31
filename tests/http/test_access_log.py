"""The access log and the error log: one line for each request, whole, and without its codes."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from terminology import Settings, create_app
from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import SettingError
from terminology.http.line_file import LineFile
from terminology.http.outer_layers import finish_observation
from tests.support.service import LOOKUP, PATIENCE, begun, head, serving, status, until

Line = dict[str, Any]
Answered = Callable[..., list[Line]]
POST_UNKNOWN = {"resourceType": "Parameters", "parameter": [{"name": "code", "valueCode": "secret-code"}]}
SERVED = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


def lines_of(file: Path) -> list[Line]:
    finish_observation()
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def answered(catalogue: Catalogue, tmp_path: Path) -> Answered:
    """A function that sends one request and gives the lines of the log."""

    def answered(path: str, settings: dict[str, str] | None = None, **request: Any) -> list[Line]:
        file = tmp_path / "access.log"
        made = Settings(environment={}, data="", access_log=str(file), log_format="json", **(settings or {}))
        create_app(made, catalogue=catalogue).test_client().open(path, **request)
        return lines_of(file)

    return answered


def test_a_line_tells_what_was_asked_and_how_it_went(answered: Answered) -> None:
    [line] = answered(LOOKUP, headers={"X-Request-Id": "mine"})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert float(line.pop("duration_ms")) > 0
    assert line == {
        "level": "info",
        "status": 200,
        "method": "GET",
        "path": "/fhir/r4/CodeSystem/$lookup",
        "operation": "CodeSystem/$lookup",
        "release": "R4",
        "client": "127.0.0.1",
        "id": "mine",
    }


@pytest.mark.parametrize(
    ("path", "request_", "expected"),
    [
        ("/fhir/r5/CodeSystem/$lookup", {"method": "POST", "json": POST_UNKNOWN}, ("warning", 400, "R5")),
        ("/fhir/metadata", {"headers": {"Accept": "application/json;fhirVersion=5.0"}}, ("info", 200, "R5")),
        ("/fhir/r4b/ValueSet/none", {}, ("warning", 404, "R4B")),
        ("/other", {}, ("warning", 404, "")),
        ("/fhir/r4/metadata", {"headers": {"Accept": "image/png"}}, ("warning", 406, "R4")),
    ],
)
def test_refused_requests_are_seen_with_their_release(
    answered: Answered, path: str, request_: dict[str, Any], expected: tuple[str, int, str]
) -> None:
    [line] = answered(path, **request_)
    assert (line["level"], line["status"], line["release"]) == expected
    assert "secret" not in json.dumps(line)


def test_the_release_of_requests_like_earlier_ones_is_told(answered: Answered) -> None:
    """Also where the path does not tell it."""
    path = "/fhir/CodeSystem/$lookup?system=urn:ietf:bcp:47&code="
    answered(f"{path}de", headers={"Accept": "application/fhir+json; fhirVersion=5.0"})
    lines = answered(f"{path}fr", headers={"Accept": "application/fhir+json; fhirVersion=5.0"})
    assert [line["release"] for line in lines] == ["R5", "R5"]


def test_queries_are_in_the_log_only_where_they_are_asked_for(answered: Answered) -> None:
    assert "de" not in json.dumps(answered(LOOKUP)[0]).replace("CodeSystem", "")
    [_, line] = answered(LOOKUP, {"log_queries": "yes"})
    assert line["query"] == "system=urn:ietf:bcp:47&code=de"


@pytest.mark.parametrize("name", ["access_token", "Access%5Ftoken", "api_key", "client_secret"])
def test_credentials_in_a_query_are_never_in_the_log(answered: Answered, name: str) -> None:
    [line] = answered(f"{LOOKUP}&{name}=eyJhbGciOi", {"log_queries": "yes"})
    assert line["query"] == "system=urn:ietf:bcp:47&code=de"


@pytest.mark.parametrize(("level", "statuses"), [("info", [200, 404]), ("warning", [404]), ("error", [])])
def test_a_level_leaves_out_what_is_below_it(answered: Answered, level: str, statuses: list[int]) -> None:
    answered(LOOKUP, {"log_level": level})
    assert [line["status"] for line in answered("/none", {"log_level": level})] == statuses


def test_probes_are_in_the_log_only_at_level_debug_or_when_they_fail(answered: Answered) -> None:
    assert answered("/healthz") == []
    assert [line["operation"] for line in answered("/readyz", {"log_level": "debug"})] == ["probe"]


@pytest.mark.parametrize("form", ["json", "text"])
def test_nothing_that_a_client_sends_ends_a_line_or_a_field(
    catalogue: Catalogue, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "access.log"
    settings = Settings(
        environment={}, data="", access_log=str(file), log_format=form, log_queries=True, proxies=1
    )
    sent = {"HTTP_X_FORWARDED_FOR": 'a" b\n"c', "HTTP_X_REQUEST_ID": '"\\'}
    client = create_app(settings, catalogue=catalogue).test_client()
    for _ in range(2):
        client.open('/fhir/r4/x%0A%22 y="z?q="\u2028', environ_overrides=sent)
    finish_observation()
    lines = file.read_text("utf-8").splitlines()
    assert len(lines) == 2
    if form == "json":
        assert json.loads(lines[0])["path"] == "/fhir/r4/x%0A%22%20y=%22z"
    else:
        assert " client=a" in lines[0] and len(lines[0].split(" client=")[1].split()) == 3


def test_a_file_that_was_moved_away_is_made_again(tmp_path: Path) -> None:
    file = LineFile(str(tmp_path / "log"))
    file.add("one\n")
    file.write()
    (tmp_path / "log").rename(tmp_path / "log.1")
    file.add("two\n")
    file.write()
    assert ((tmp_path / "log.1").read_text(), (tmp_path / "log").read_text()) == ("one\n", "two\n")


def test_lines_that_nobody_takes_are_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A reader that stands still keeps no request waiting."""
    monkeypatch.setattr("terminology.http.line_file.MOST_WAITING", 3)
    monkeypatch.setattr("terminology.http.line_file.INTERVAL", PATIENCE)
    file = LineFile(str(tmp_path / "log"))
    for number in range(5):
        file.add(f"{number}\n")
    file.write()
    assert (tmp_path / "log").read_text() == "0\n1\n2\n"
    assert [record.getMessage() for record in caplog.records] == [
        f"2 lines of the log {tmp_path}/log were lost"
    ]


def test_a_log_that_cannot_be_written_is_one_line_until_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    file = LineFile(str(folder / "log"))
    folder.rename(tmp_path / "away")
    for number in range(3):
        file.add(f"{number}\n")
        file.write()
    (tmp_path / "away").rename(folder)
    file.add("3\n")
    file.write()
    assert (folder / "log").read_text() == "3\n"
    problem, lost = [record.getMessage() for record in caplog.records]
    assert problem.startswith(f"the log {folder}/log cannot be written: ") and lost.startswith(
        "3 lines of the log"
    )


def test_a_log_that_cannot_be_written_is_named_at_the_start(catalogue: Catalogue, tmp_path: Path) -> None:
    settings = Settings(environment={}, data="", access_log=str(tmp_path / "none" / "log"))
    with pytest.raises(SettingError, match="'access_log': .*/none/log cannot be written: No such file"):
        create_app(settings, catalogue=catalogue)


def pieces(reading: int) -> Iterator[bytes]:
    while piece := os.read(reading, 100):  # less than a line
        yield piece


@SERVED
@pytest.mark.parametrize("place", ["file", "pipe"])
def test_several_workers_write_whole_lines(tmp_path: Path, place: str) -> None:
    """Into a file as into a pipe, which takes little at once; and none is lost when the service ends."""
    file, received = tmp_path / "log", list[bytes]()
    if place == "pipe":
        os.mkfifo(file)
        reading = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(reading, True)
        writing = os.open(file, os.O_WRONLY)  # so that the reader does not end before the service
    options = ("--workers", "2", "--access-log", str(file), "--log-format", "json")
    with serving(*options) as service:
        if place == "pipe":
            reader = Thread(target=lambda: received.extend(pieces(reading)))
            reader.start()

        def ask() -> None:
            for number in range(100):
                sent = head("GET", LOOKUP, "Connection: close", f"X-Request-Id: {number:099}") + b"\r\n"
                assert status(service.ask(sent)) == 200

        clients = [Thread(target=ask) for _ in range(3)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        service.process.terminate()
        assert service.ended()[0] == 0
    if place == "pipe":
        os.close(writing)
        reader.join()
        os.close(reading)
    content = file.read_bytes() if place == "file" else b"".join(received)
    lines = [json.loads(line) for line in content.splitlines()]
    assert sorted(int(line["id"]) for line in lines) == sorted([*range(100)] * 3)


@SERVED
def test_what_is_refused_before_the_application_is_seen(tmp_path: Path) -> None:
    """A body that does not arrive is refused by a layer before WSGI."""
    file = tmp_path / "log"
    with serving("--access-log", str(file), "--body-timeout", "1") as service:
        begun_body = (
            head("POST", LOOKUP.partition("?")[0], "Content-Length: 9", "X-Request-Id: late") + b"\r\n{"
        )
        assert status(service.ask(begun_body)) == 408
        until(lambda: " warning 408 POST /fhir/r4/CodeSystem/$lookup " in file.read_text())
        assert "id=late" in file.read_text()


@SERVED
@pytest.mark.parametrize("form", ["text", "json"])
def test_an_incident_has_its_time_and_the_id_of_the_request(form: str) -> None:
    fault = (
        "from dataclasses import replace\nfrom terminology.wire.operation_table import OPERATIONS as rows\n"
        "def fail(*_): raise RuntimeError('broken\\nbadly')\n"
        "rows['CodeSystem', 'lookup'] = replace(rows['CodeSystem', 'lookup'], run=fail)"
    )
    process = begun("--port", "0", "--log-format", form, program=fault, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    try:
        url = next(line for line in process.stdout if line.startswith("Listening")).split()[2]
        connection = http.client.HTTPConnection(url.split("/")[2], timeout=PATIENCE)
        connection.request("GET", LOOKUP, headers={"X-Request-Id": "mine"})
        answer = connection.getresponse()
        assert (answer.status, b"mine" in answer.read()) == (500, True)
        connection.close()
        line = process.stderr.readline()
    finally:
        process.kill()
        process.communicate()
    message = "incident mine at GET CodeSystem/$lookup"
    if form == "json":
        read = json.loads(line)
        assert (read["level"], read["message"]) == ("error", message)
        assert "RuntimeError" in read["traceback"]
        line = f"{read['time']} error {message}"
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT[\d:.]+Z error {re.escape(message)}\n?", line)
