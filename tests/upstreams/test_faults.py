"""What goes wrong at an upstream is said in time, as what it is, and never as "no"."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.core.model import Document
from terminology.wire.elsewhere import ANSWERED_BY
from terminology.wire.outcome import ISSUE_SERVER
from tests.support.builders import code_system, concept, url_of
from tests.support.service import serving, until
from tests.support.upstreams import Fault, answering, dripping, faulty, listening, upstreams_file

BIRDS = url_of("birds")
LOOKUP = f"/fhir/r4/CodeSystem/$lookup?system={BIRDS}&code=owl"
VALIDATE = f"/fhir/r4/CodeSystem/$validate-code?url={BIRDS}&code=owl"
HOLDING = Content([code_system("birds", concept("owl", "Owl"))])
SECONDS = 2
# The time that a machine may be busy with other work, in seconds. The faults below last longer.
BUSY = 100
GOOD = json.dumps(
    {
        "resourceType": "Parameters",
        "parameter": [{"name": "name", "valueString": "birds"}, {"name": "display", "valueString": "Owl"}],
    }
).encode()
NOT_FOUND = json.dumps(
    {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "not-found", "details": {"text": "no birds"}}],
    }
).encode()


def entry(base: str, **elements: Any) -> Document:
    return {
        "name": "aviary",
        "base": base,
        "canonicals": [BIRDS],
        "fhirVersion": "4.0",
        "readTimeout": BUSY,
        "deadline": BUSY,
        **elements,
    }


@contextmanager
def asking(folder: Path, *entries: Document, **whole: Any) -> Iterator[FlaskClient]:
    """A client of a server that has nothing, and asks these upstreams."""
    path = upstreams_file(folder, *entries, **{"cacheSeconds": 0, **whole})
    settings = Settings(upstreams=path, bundled=False, deadline=2 * BUSY)
    yield create_app(settings, catalogue=Content()).test_client()


def without_end(connection: Any) -> None:
    """A body without an end, as fast as it is read."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nConnection: close\r\n\r\n")
    while True:
        connection.sendall(b'{"resourceType": "Parameters", "x": "' + b"x" * 60_000)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: 500000\r\n\r\n{"
FAULTS: dict[str, tuple[Fault, int, str]] = {
    "silent": (dripping(b"", 0.1), 504, "did not answer within 2 seconds"),
    "dripping head": (dripping(b"X", 0.1, b"HTTP/1.1 200 OK\r\nX-Slow: "), 504, "did not answer"),
    "dripping body": (dripping(b" ", 0.1, HEAD), 504, "did not answer"),
    "without end": (without_end, 503, "larger than 1,000,000 bytes"),
    "too long": (answering("200 OK", b"x", {"Content-Length": "99999999"}), 503, "larger than 1,000,000"),
    "unpacked too long": (
        answering("200 OK", gzip.compress(b"x" * 5_000_000), {"Content-Encoding": "gzip"}),
        503,
        "larger than 1,000,000 bytes",
    ),
    "500": (answering("500 Internal Server Error", NOT_FOUND), 503, "the status 500"),
    "503": (answering("503 Service Unavailable", NOT_FOUND), 503, "the status 503"),
    "503 for long": (
        answering("503 Service Unavailable", NOT_FOUND, {"Retry-After": "1000"}),
        503,
        "left alone for a while",
    ),
    "401": (answering("401 Unauthorized", NOT_FOUND), 503, "the status 401"),
    "truncated": (answering("200 OK", GOOD[:50], {"Content-Length": "500"}), 503, "it broke off"),
    "half": (answering("200 OK", GOOD[:50]), 503, "not JSON"),
    "deep": (answering("200 OK", b'{"a":' * 300 + b"1" + b"}" * 300), 503, "nested"),
    "HTML": (answering("200 OK", b"<html>", media="text/html"), 503, "text/html, and not FHIR's JSON"),
    "HTML 404": (answering("404 Not Found", b"<html>", media="text/html"), 503, "and not FHIR's JSON"),
    "wrong version": (
        answering("200 OK", GOOD, media="application/fhir+json; fhirVersion=5.0"),
        503,
        "the FHIR version 5.0, and not 4.0",
    ),
    "wrong resource": (answering("200 OK", b'{"resourceType": "Patient"}'), 503, "is a Patient, and no Par"),
    "redirect": (
        answering("302 Found", b"", {"Location": "http://127.0.0.2:9/fhir"}),
        503,
        "redirects to another address",
    ),
    "not HTTP": (lambda connection: connection.sendall(b"SSH-2.0-x\r\n\r\n"), 503, "Try again later"),
    "closed": (lambda connection: connection.close(), 503, "cannot be reached"),
}


@pytest.fixture(scope="module")
def bases() -> Iterator[dict[str, str]]:
    """The base of an upstream with each fault."""
    with ExitStack() as servers:
        yield {name: servers.enter_context(faulty(fault)).base for name, (fault, _, _) in FAULTS.items()}


@pytest.fixture(scope="module")
def service(bases: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that asks each of them for the code system of its name."""
    entries = []
    for number, (name, base) in enumerate(bases.items()):
        deadline = SECONDS if FAULTS[name][1] == 504 else BUSY
        own = {"name": f"u{number}", "canonicals": [url_of(name.replace(" ", "-"))], "deadline": deadline}
        entries.append(entry(base, largestAnswer=1_000_000, **own))
    file = upstreams_file(tmp_path_factory.mktemp("faults"), *entries, cacheSeconds=0)
    with serving("--upstreams", str(file), "--deadline", str(2 * BUSY)) as running:
        yield f"http://127.0.0.1:{running.port}"


@pytest.mark.parametrize("path", [LOOKUP, VALIDATE, LOOKUP.replace("r4", "r5")])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_transient_and_said_within_the_deadline(
    bases: dict[str, str], service: str, name: str, path: str
) -> None:
    _, status, text = FAULTS[name]
    begin = monotonic()
    answer = requests.get(
        service + path.replace(BIRDS, url_of(name.replace(" ", "-"))), timeout=SECONDS + BUSY
    )
    assert monotonic() - begin < SECONDS + BUSY
    (issue,) = answer.json()["issue"]
    assert (answer.status_code, issue["code"], issue["severity"]) == (status, "transient", "error")
    assert text in issue["details"]["text"]
    assert {"url": ISSUE_SERVER, "valueUrl": bases[name]} in issue["extension"]
    assert int(answer.headers["Retry-After"]) == (1000 if name == "503 for long" else 5)


@pytest.mark.parametrize(
    "status, resource",
    [
        ("200 OK", {"resourceType": "Parameters", "parameter": ["x"]}),
        ("200 OK", {"resourceType": "Parameters", "parameter": {"name": "result"}}),
        (
            "200 OK",
            {"resourceType": "Parameters", "parameter": [{"name": "issues", "resource": {"issue": [1]}}]},
        ),
        ("200 OK", {"resourceType": "Parameters", "parameter": 5}),
        ("404 Not Found", {"resourceType": "OperationOutcome", "issue": 5}),
        ("404 Not Found", {"resourceType": "OperationOutcome", "issue": [{"details": "x"}]}),
        ("422 Bad", {"resourceType": "OperationOutcome", "issue": [{"extension": [7]}]}),
    ],
)
def test_a_resource_of_wrong_JSON_types_is_transient(tmp_path: Path, status: str, resource: Document) -> None:
    with faulty(answering(status, json.dumps(resource).encode())) as server:
        with asking(tmp_path, entry(server.base)) as client:
            for path in (LOOKUP, VALIDATE):
                answer = client.get(path)
                assert (answer.status_code, answer.get_json()["issue"][0]["code"]) == (503, "transient")


def test_nobody_at_the_address_is_transient(tmp_path: Path) -> None:
    with faulty(answering("200 OK", GOOD)) as server:
        base = server.base
    with asking(tmp_path, entry(base)) as client:
        answer = client.get(VALIDATE)
        assert (answer.status_code, answer.get_json()["issue"][0]["code"]) == (503, "transient")


@pytest.mark.parametrize("status", ["429 Too Many Requests", "502 Bad", "503 Away", "504 Late"])
def test_a_passing_fault_is_tried_again_at_most_twice(tmp_path: Path, status: str) -> None:
    bad = answering(status, NOT_FOUND, {"Retry-After": "0"})
    with (
        faulty(bad, bad, answering("200 OK", GOOD)) as server,
        asking(tmp_path, entry(server.base)) as client,
    ):
        assert client.get(LOOKUP).status_code == 200
        assert len(server.heads) == 3
    with faulty(bad, bad, bad, answering("200 OK", GOOD)) as server:
        with asking(tmp_path, entry(server.base)) as client:
            assert client.get(LOOKUP).status_code == 503
            assert len(server.heads) == 3


def test_other_faults_are_not_tried_again(tmp_path: Path) -> None:
    for fault in (answering("500 Broken", NOT_FOUND), answering("400 Bad", NOT_FOUND), dripping(b"", 0.1)):
        with faulty(fault) as server, asking(tmp_path, entry(server.base, readTimeout=5)) as client:
            client.get(LOOKUP)
            until(lambda: server.heads)
            assert len(server.heads) == 1


def test_what_the_first_does_not_have_the_next_one_answers(tmp_path: Path) -> None:
    with faulty(answering("404 Not Found", NOT_FOUND)) as first, faulty(answering("200 OK", GOOD)) as second:
        entries = entry(first.base), entry(second.base, name="zoo")
        with asking(tmp_path, *entries) as client:
            answer = client.get(LOOKUP)
            assert (answer.status_code, answer.headers[ANSWERED_BY]) == (200, "zoo")


def test_what_no_upstream_has_is_not_found_as_the_upstream_says(tmp_path: Path) -> None:
    with faulty(answering("404 Not Found", NOT_FOUND)) as server:
        with asking(tmp_path, entry(server.base)) as client:
            answer = client.get(LOOKUP)
            (issue,) = answer.get_json()["issue"]
            assert (answer.status_code, issue["details"]["text"]) == (404, "no birds")
            assert issue["extension"] == [{"url": ISSUE_SERVER, "valueUrl": server.base}]


def test_after_a_fault_another_upstream_may_say_yes_and_not_no(tmp_path: Path) -> None:
    def result(value: bool) -> bytes:
        parameter = [{"name": "result", "valueBoolean": value}]
        return json.dumps({"resourceType": "Parameters", "parameter": parameter}).encode()

    for value, status in ((True, 200), (False, 503)):
        with (
            faulty(answering("500 Broken", NOT_FOUND)) as first,
            faulty(answering("200 OK", result(value))) as second,
            asking(tmp_path, entry(first.base), entry(second.base, name="zoo")) as client,
        ):
            assert client.get(VALIDATE).status_code == status


def test_an_upstream_that_fails_again_and_again_is_left_alone(tmp_path: Path) -> None:
    with faulty(answering("500 Broken", NOT_FOUND)) as server:
        with asking(tmp_path, entry(server.base)) as client:
            answers = [client.get(LOOKUP) for _ in range(7)]
            assert {answer.status_code for answer in answers} == {503}
            assert len(server.heads) == 5
            assert "asked again in" in answers[-1].get_json()["issue"][0]["details"]["text"]
            assert 20 < int(answers[-1].headers["Retry-After"]) <= 31


def test_only_languages_and_hops_of_a_client_go_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With them go the credentials of the upstream itself."""
    monkeypatch.setenv("AVIARY_TOKEN", "of the operator")
    secret = {"bearer": {"environment": "AVIARY_TOKEN"}}
    headers = {
        "Accept-Language": "de",
        "Authorization": "Bearer of the client",
        "Cookie": "a=b",
        "X-Forwarded-For": "10.0.0.1",
        "X-Request-Id": "r1",
        "Prefer": "handling=lenient",
    }
    with faulty(answering("200 OK", GOOD, {"Set-Cookie": "c=d; Path=/"})) as server:
        with asking(tmp_path, entry(server.base, credentials=secret), id="here") as client:
            for _ in range(2):
                assert client.get(LOOKUP, headers=headers).status_code == 200
        for head in server.heads:
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            assert fields.pop("Host") in server.base
            assert fields.pop("User-Agent").startswith("fhir-terminology-adapter/")
            assert fields == {
                "Accept": "application/fhir+json",
                "Accept-Encoding": "gzip",
                "Accept-Language": "de",
                "Authorization": "Bearer of the operator",
                "X-Terminology-Hops": "here",
            }


def test_only_the_bases_of_the_file_are_ever_asked(tmp_path: Path) -> None:
    """Also where a request names other servers as canonicals, scopes or ids."""
    with faulty(answering("200 OK", GOOD)) as server, asking(tmp_path, entry(server.base)) as client:
        for path in (
            "ValueSet/$expand?url=http://127.0.0.1:1/ValueSet/x",
            "CodeSystem/$lookup?system=http://127.0.0.1:1/../x&code=a",
            f"ConceptMap/$translate?url={server.base}/ConceptMap/x&code=a&system=b",
            "ValueSet?url=http://127.0.0.1:1/x",
        ):
            assert client.get(f"/fhir/r4/{path}").status_code in (200, 404)
        assert server.heads == []


def test_two_adapters_that_ask_each_other_end_with_not_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "terminology")
    # The first address is known before the first adapter is: it is that of a server that then asks the second.
    first = create_app(Settings(bundled=False), catalogue=Content())
    with listening(first) as one:
        to_one = upstreams_file(tmp_path, entry(f"{one}/r4"), id="two")
        with listening(create_app(Settings(upstreams=to_one, bundled=False), catalogue=Content())) as two:
            to_two = upstreams_file(tmp_path, entry(f"{two}/r4", name="two"), id="one")
            again = create_app(Settings(upstreams=to_two, bundled=False), catalogue=Content())
            first.wsgi_app = again.wsgi_app  # type: ignore[method-assign]
            begin = monotonic()
            answer = again.test_client().get(LOOKUP)
            assert monotonic() - begin < BUSY
            assert answer.status_code == 404
            assert answer.get_json()["issue"][0]["code"] == "not-found"
            validation = again.test_client().get(VALIDATE).get_json()
            assert validation["parameter"][0] == {"name": "result", "valueBoolean": False}
    assert "a question has come back through 2 other servers" in caplog.text


def test_the_hops_of_a_batch_are_those_of_its_entries(tmp_path: Path) -> None:
    path = LOOKUP.removeprefix("/fhir/r4/")
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": path}}],
    }
    with faulty(answering("200 OK", GOOD)) as server, asking(tmp_path, entry(server.base), id="me") as client:
        for hops, status, sent in (("a, b", "200", "a, b, me"), ("a, me", "404", None)):
            answer = client.post("/fhir/r4", json=batch, headers={"X-Terminology-Hops": hops})
            assert answer.get_json()["entry"][0]["response"]["status"] == status
            assert sent is None or f"X-Terminology-Hops: {sent}\r\n" in server.heads[-1] + "\r\n"
        assert len(server.heads) == 1


def test_a_long_chain_of_servers_ends(tmp_path: Path) -> None:
    with faulty(answering("200 OK", GOOD)) as server, asking(tmp_path, entry(server.base)) as client:
        assert client.get(LOOKUP, headers={"X-Terminology-Hops": "a, b, c"}).status_code == 200
        assert client.get(LOOKUP, headers={"X-Terminology-Hops": "a, b, c, d"}).status_code == 404
        assert len(server.heads) == 1


def test_an_upstream_that_never_ends_does_not_keep_others_from_answering(tmp_path: Path) -> None:
    """Its thread goes on after the deadline, and is its own."""
    drip = dripping(b"X", 0.1, b"HTTP/1.1 200 OK\r\nX-Slow: ")
    with faulty(drip) as slow, faulty(answering("200 OK", GOOD)) as good:
        entries = entry(slow.base, canonicals=["urn:slow"], deadline=SECONDS), entry(good.base, name="zoo")
        path = upstreams_file(tmp_path, *entries)
        settings = Settings(upstreams=path, bundled=False, threads=2, deadline=BUSY)
        client = create_app(settings, catalogue=Content()).test_client()
        assert client.get(LOOKUP.replace(BIRDS, "urn:slow")).status_code == 504
        assert client.get(LOOKUP).status_code == 200


def test_slow_upstreams_take_a_part_of_the_threads_alone(tmp_path: Path) -> None:
    """A question that finds all slots taken waits for a second at most."""
    with faulty(dripping(b"", 0.1)) as server:
        path = upstreams_file(tmp_path, entry(server.base))
        settings = Settings(upstreams=path, bundled=False, threads=2, deadline=BUSY)
        with listening(create_app(settings, catalogue=Content())) as address:
            url = address.removesuffix("/fhir") + LOOKUP

            def wait() -> None:
                with suppress(requests.RequestException):
                    requests.get(url, timeout=BUSY)

            Thread(target=wait, daemon=True).start()
            until(lambda: server.heads)
            begin = monotonic()
            answer = requests.get(url, timeout=BUSY)
            assert 0.5 < monotonic() - begin < BUSY
            assert answer.status_code == 503
            assert "All 1 questions" in answer.json()["issue"][0]["details"]["text"]
