"""The recorder: what it writes, what it never writes, and what happens when there is no room."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from terminology import Settings, create_app
from terminology.core.errors import UnreadableFileError
from terminology.http.recording import RecordedExchange, read_recording
from tests.support.authentication import api_key, auth_file

LOOKUP = "/fhir/r4/CodeSystem/$lookup?system=urn:ietf:bcp:47&code=de"


def recording(path: Path, **settings: Any) -> Any:
    return create_app(Settings(harness=True, harness_recording=path, **settings)).test_client()


def test_a_request_is_a_line_with_its_answer(tmp_path: Path) -> None:
    file = tmp_path / "traffic.jsonl"
    client = recording(file)
    answer = client.get(LOOKUP, headers={"Accept-Language": "de"})
    body = {"resourceType": "Parameters", "parameter": [{"name": "code", "valueCode": "ä"}]}
    refused = client.post("/fhir/r5/CodeSystem/$lookup", json=body)
    one, other = map(json.loads, file.read_text("utf-8").splitlines())
    assert one["request"]["path"] == "/fhir/r4/CodeSystem/$lookup"
    assert one["request"]["query"] == "system=urn:ietf:bcp:47&code=de"
    assert one["request"]["headers"] == {"Accept-Language": "de"}
    assert one["response"]["status"] == 200 and one["response"]["body"] == answer.text
    assert one["response"]["headers"]["X-Request-Id"] == answer.headers["X-Request-Id"]
    assert json.loads(other["request"]["body"]) == body
    assert (other["response"]["status"], other["response"]["body"]) == (refused.status_code, refused.text)


def test_faults_are_recorded_as_clients_see_them(tmp_path: Path) -> None:
    client = recording(tmp_path / "x")
    client.get(LOOKUP, headers={"X-Terminology-Fault": "status=503"})
    with pytest.raises(ConnectionResetError):
        client.get(LOOKUP, headers={"X-Terminology-Fault": "close"})
    (exchange,) = read_recording(tmp_path / "x")
    assert exchange.status == 503
    assert exchange.headers["X-Terminology-Fault"] == "status=503"


def test_a_body_that_is_no_text_is_kept_byte_for_byte(tmp_path: Path) -> None:
    client = recording(tmp_path / "x")
    client.post("/fhir/r4", data=b"\xff\x00{", content_type="application/fhir+json")
    (exchange,) = read_recording(tmp_path / "x")
    assert exchange.body == b"\xff\x00{"
    assert RecordedExchange.read(exchange.line()) == exchange


def test_what_does_not_fit_is_left_out_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "x"
    client = recording(file, harness_recording_size=3_000)
    with caplog.at_level(logging.ERROR, "terminology"):
        statuses = {client.get(LOOKUP).status_code for _ in range(20)}
    assert statuses == {200}
    assert 0 < file.stat().st_size <= 3_000
    assert [*read_recording(file)], "each line is whole"
    assert [record.getMessage().count("harness_recording_size") for record in caplog.records] == [1]


def test_a_file_that_is_there_is_continued(tmp_path: Path) -> None:
    for _ in range(2):
        recording(tmp_path / "x").get(LOOKUP)
    assert len([*read_recording(tmp_path / "x")]) == 2


def test_credentials_are_never_recorded(tmp_path: Path) -> None:
    key, entry = api_key("anna", "system/*.rs")
    client = recording(tmp_path / "x", auth=auth_file(tmp_path, keys=[entry]))
    for headers in (
        {"X-API-Key": key},
        {"Authorization": f"Bearer {key}"},
        {"Cookie": key},
        {"X-Other": key},
    ):
        client.get(LOOKUP, headers=headers)
    client.get(f"{LOOKUP}&access_token={key}")
    assert [exchange.status for exchange in read_recording(tmp_path / "x")] == [200, 200, 401, 401, 401]
    assert key not in (tmp_path / "x").read_text()


@pytest.mark.parametrize("line", ["nonsense", "{}", '{"request": 1, "response": 2}', "[]"])
def test_a_line_that_is_no_exchange_is_named(tmp_path: Path, line: str) -> None:
    recording(tmp_path / "x").get(LOOKUP)
    with (tmp_path / "x").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(UnreadableFileError, match="line 2 is not a recorded exchange"):
        list(read_recording(tmp_path / "x"))
