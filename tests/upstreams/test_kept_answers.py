"""Answers of upstreams are used again as the file and the upstream allow, and are renewed without being sent anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.upstreams.kept_answers import Directives, KeptAnswers, Reply
from tests.support.builders import body_of, url_of
from tests.support.upstreams import Fault, answering, faulty, listening, upstreams_file

BIRDS = url_of("birds")
LOOKUP = f"/fhir/r4/CodeSystem/$lookup?system={BIRDS}&code=owl"
Later = Callable[[float], None]


def owl(display: str = "Owl") -> bytes:
    nodes = [{"name": "name", "valueString": "birds"}, {"name": "display", "valueString": display}]
    return json.dumps({"resourceType": "Parameters", "parameter": nodes}).encode()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Lets seconds pass for the answers that are kept."""
    now = [1000.0]
    monkeypatch.setattr("terminology.upstreams.kept_answers.monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def client_of(folder: Path, base: str, **whole: Any) -> FlaskClient:
    """A client of a server that has nothing, and asks this upstream."""
    entry = {"name": "aviary", "base": base, "canonicals": ["*"], "fhirVersion": "4.0.1"}
    file = upstreams_file(folder, entry, **{"cacheSeconds": 100, "staleSeconds": 1000, **whole})
    return create_app(Settings(upstreams=file, bundled=False), catalogue=Content()).test_client()


def fields_of(head: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)


def display_in(client: FlaskClient) -> str:
    answer = client.get(LOOKUP)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return str(answer.get_json()["parameter"][1]["valueString"])


MARKED = {"ETag": 'W/"7"', "Last-Modified": "Mon, 30 Nov 2026 10:00:00 GMT"}
UNCHANGED = answering("304 Not Modified", b"")


def test_an_answer_is_renewed_where_the_upstream_says_so(tmp_path: Path, later: Later) -> None:
    """And then counts as new: it is not asked for until its time is over again."""
    with faulty(answering("200 OK", owl(), MARKED), UNCHANGED) as server:
        client = client_of(tmp_path, server.base)
        for seconds, questions in ((0, 1), (99, 1), (2, 2), (99, 2), (2, 3)):
            later(seconds)
            assert display_in(client) == "Owl"
            assert len(server.heads) == questions
    conditions = [fields_of(head) for head in server.heads]
    assert "If-None-Match" not in conditions[0] and "If-Modified-Since" not in conditions[0]
    for fields in conditions[1:]:
        assert fields["If-None-Match"] == MARKED["ETag"]
        assert fields["If-Modified-Since"] == MARKED["Last-Modified"]


def test_an_answer_that_has_changed_takes_the_place_of_the_old_one(tmp_path: Path, later: Later) -> None:
    changed = answering("200 OK", owl("Night bird"), {"ETag": '"8"'})
    with faulty(answering("200 OK", owl(), MARKED), changed, UNCHANGED) as server:
        client = client_of(tmp_path, server.base)
        displays = []
        for _ in range(3):
            displays.append(display_in(client))
            later(101)
    assert displays == ["Owl", "Night bird", "Night bird"]
    fields = fields_of(server.heads[2])
    assert fields["If-None-Match"] == '"8"' and "If-Modified-Since" not in fields


def test_a_service_that_has_the_resource_is_asked_whether_it_has_changed(
    tmp_path: Path, later: Later
) -> None:
    """By a web framework's own conditional answers, for an operation and a search."""
    upstream, statuses = Flask("aviary"), list[int]()

    @upstream.get("/fhir/<path:path>")
    def answer(path: str) -> Response:
        search = {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{"resource": {
            "resourceType": "CodeSystem", "url": BIRDS, "status": "active", "content": "complete",
        }}]}  # fmt: skip
        body = owl() if "$" in path else json.dumps(search).encode()
        response = Response(body, content_type="application/fhir+json")
        response.add_etag()
        response.make_conditional(request)
        statuses.append(response.status_code)
        return response

    with listening(upstream) as base:
        client = client_of(tmp_path, base)
        for path in (LOOKUP, f"/fhir/r4/CodeSystem?url={BIRDS}"):
            first = client.get(path).get_json()
            later(101)
            assert client.get(path).get_json() == first
        assert statuses == [200, 304] * 2


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({}, 100),
        ({"Cache-Control": "public, max-age=30"}, 30),
        ({"Cache-Control": "Private, Max-Age = 30"}, 30),
        ({"Cache-Control": 'max-age="30"', "Age": "10"}, 20),
        ({"Cache-Control": "max-age=9000"}, 100),
        ({"Cache-Control": "max-age=soon"}, 0),
        ({"Cache-Control": "no-cache"}, 0),
        ({"Vary": "*"}, 0),
        ({"Vary": "Accept"}, 100),
    ],
)
def test_an_answer_is_fresh_as_long_as_file_and_upstream_both_say(
    tmp_path: Path, later: Later, headers: dict[str, str], seconds: int
) -> None:
    with faulty(answering("200 OK", owl(), headers)) as server:
        client = client_of(tmp_path, server.base)
        display_in(client)
        if seconds:
            later(seconds - 1)
            display_in(client)
            assert len(server.heads) == 1
        later(1)
        display_in(client)
        assert len(server.heads) == 2


@pytest.mark.parametrize(
    "said, seconds",
    [
        ("max-age=30", 1030),
        ("max-age=30, stale-if-error=60", 90),
        ("must-revalidate, max-age=30", 30),
        ("no-cache", 1000),
        ("no-store", 0),
        ("no-store, max-age=50", 0),
    ],
)
def test_an_answer_is_used_while_its_upstream_is_away_as_long_as_both_say(
    tmp_path: Path, later: Later, said: str, seconds: int
) -> None:
    broken = answering("500 Broken", b"")
    with faulty(answering("200 OK", owl(), {"Cache-Control": said}), broken) as server:
        client = client_of(tmp_path, server.base)
        display_in(client)
        later(max(0, seconds - 1))
        stale = client.get(LOOKUP)
        assert stale.status_code == (200 if seconds else 503)
        later(1)
        assert client.get(LOOKUP).status_code == 503


def test_an_upstream_that_forbids_to_keep_an_answer_ends_the_one_of_before(
    tmp_path: Path, later: Later
) -> None:
    forbidden = answering("200 OK", owl("Secret"), {"Cache-Control": "no-store"})
    with faulty(answering("200 OK", owl()), forbidden, answering("500 Broken", b"")) as server:
        client = client_of(tmp_path, server.base)
        assert display_in(client) == "Owl"
        later(101)
        assert display_in(client) == "Secret"
        assert client.get(LOOKUP).status_code == 503


def test_nothing_has_changed_answers_a_condition_alone(tmp_path: Path) -> None:
    with faulty(UNCHANGED) as server:
        answer = client_of(tmp_path, server.base).get(LOOKUP)
    assert (answer.status_code, answer.get_json()["issue"][0]["code"]) == (503, "transient")


def test_validators_that_are_none_are_not_sent_back(tmp_path: Path, later: Later) -> None:
    for headers in ({"ETag": "7"}, {"ETag": '"' + "7" * 600 + '"'}, {"Last-Modified": "\xe9"}):
        with faulty(answering("200 OK", owl(), headers)) as server:
            client = client_of(tmp_path, server.base)
            display_in(client)
            later(101)
            display_in(client)
            assert {"If-None-Match", "If-Modified-Since"}.isdisjoint(fields_of(server.heads[1]))


@contextmanager
def asked(folder: Path, *faults: Fault) -> Iterator[tuple[FlaskClient, list[str]]]:
    """A client, and the lines that the requests to the upstream begin with."""

    class Lines(list[str]):
        def __iter__(self) -> Iterator[str]:
            return (head.split("\r\n")[0] for head in server.heads)

    with faulty(*faults) as server:
        yield client_of(folder, server.base, cacheSeconds=0), Lines()


def test_an_operation_goes_out_by_the_method_of_the_client(tmp_path: Path) -> None:
    code, system = {"name": "code", "valueCode": "owl"}, {"name": "system", "valueUri": BIRDS}
    with asked(tmp_path, answering("200 OK", owl())) as (client, lines):
        client.get(LOOKUP)
        client.post("/fhir/r4/CodeSystem/$lookup", json=body_of(code, system))
        client.get(LOOKUP + "&property=" + "x" * 2000)
        client.get(f"/fhir/r4/CodeSystem/$lookup?coding={BIRDS}|owl")
        first, *others = lines
    assert unquote(first) == f"GET /fhir/CodeSystem/$lookup?system={BIRDS}&code=owl HTTP/1.1"
    assert others == ["POST /fhir/CodeSystem/$lookup HTTP/1.1"] * 3


@pytest.mark.parametrize("status", ["405 Method Not Allowed", "501 Not Implemented"])
def test_an_upstream_that_takes_no_operations_by_GET_gets_them_by_POST(tmp_path: Path, status: str) -> None:
    """It is asked in vain once."""
    refusal = (
        b'{"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-supported"}]}'
    )
    with asked(tmp_path, answering(status, refusal), answering("200 OK", owl())) as (client, lines):
        for _ in range(2):
            assert display_in(client) == "Owl"
        assert [line.split()[0] for line in lines] == ["GET", "POST", "POST"]


def test_an_answer_that_is_renewed_takes_over_what_is_said_anew() -> None:
    """The condition for the next time too, if the upstream names one."""
    old = Reply.now(200, b"x", Directives.of({"ETag": '"1"', "Cache-Control": "max-age=5"}))
    same = old.renewed(Reply.now(304, b"", Directives.of({"Cache-Control": "max-age=9"})))
    other = old.renewed(Reply.now(304, b"", Directives.of({"ETag": '"2"'})))
    assert (same.content, same.directives.fresh_seconds) == (b"x", 9)
    assert same.directives.validators == (("If-None-Match", '"1"'),)
    assert other.directives.validators == (("If-None-Match", '"2"'),)


def test_kept_answers_take_no_more_than_their_room() -> None:
    answers = KeptAnswers(100, 100, room=10_000)
    for number in range(100):
        answers.put(number, Reply.now(200, b"x" * 500, Directives.of({"ETag": '"1"'})))
    assert 5 < sum(answers.fresh(number) is not None for number in range(100)) < 15
    assert answers.known(99) is not None and answers.known(0) is None
