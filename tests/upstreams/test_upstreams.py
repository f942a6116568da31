"""Which questions go to an upstream, and how: through HTTP, in a batch, in Python and on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import request
from flask.testing import FlaskClient

from terminology import Settings, Terminology, TerminologyError, UpstreamError, create_app
from terminology.catalogue.content import Content
from terminology.cli.commands import main
from terminology.core.model import Document
from terminology.upstreams.configuration import read_upstreams
from terminology.upstreams.upstreams import Upstreams
from terminology.wire.elsewhere import ANSWERED_BY
from terminology.wire.operation_table import OPERATIONS
from terminology.wire.outcome import ISSUE_SERVER
from tests.support.asking import value
from tests.support.builders import (
    body_of,
    code_system,
    coding,
    concept,
    concept_map,
    tx_resource,
    url_of,
    value_set,
)
from tests.support.paths import ROOT
from tests.support.upstreams import answering, faulty, listening, upstreams_file

BIRDS, CATS, PART = url_of("birds"), url_of("cats"), url_of("part")

# The time that a machine may be busy with other work, in seconds.
BUSY = 100
TIMES = {"readTimeout": BUSY, "deadline": BUSY}


def target(code: str) -> Document:
    return {"code": code, "relationship": "equivalent"}


ELSEWHERE: list[Document] = [
    code_system("birds", concept("owl", "Owl"), id="birds", version="1", hierarchyMeaning="is-a"),
    code_system("cats", concept("lion", "Lion"), version="2"),
    code_system("part", "a", "b"),
    value_set("birds", {"system": BIRDS}, id="birds", title="All birds"),
    concept_map("birds", "birds", "cats", [{"code": "owl", "target": [target("lion")]}]),
]
HERE: list[Document] = [
    code_system("cats", concept("cat", "Cat"), version="1", id="cats", hierarchyMeaning="is-a"),
    code_system("part", "a", content="fragment", id="part", hierarchyMeaning="is-a"),
    value_set("cats", {"system": CATS}),
    concept_map("cats", "cats", "part", [{"code": "cat", "target": [target("a")]}]),
]


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with listening(create_app(Settings(bundled=False), catalogue=Content(ELSEWHERE))) as address:
        yield address


@pytest.fixture
def file(upstream: str, tmp_path: Path) -> Path:
    entry = {"name": "aviary", "base": f"{upstream}/r5", "canonicals": ["http://example.org/*"], **TIMES}
    return upstreams_file(tmp_path, entry, cacheSeconds=0)


@pytest.fixture
def client(file: Path) -> FlaskClient:
    return create_app(
        Settings(upstreams=file, bundled=False, deadline=BUSY), catalogue=Content(HERE)
    ).test_client()


@pytest.mark.parametrize(
    "path",
    [
        f"CodeSystem/$lookup?system={CATS}&code=cat",
        f"CodeSystem/$lookup?system={CATS}&code=lion",
        f"CodeSystem/$lookup?system={PART}&code=a",
        f"CodeSystem/$lookup?system={CATS}",
        f"CodeSystem/$lookup?system={BIRDS}",
        f"CodeSystem/$validate-code?url={CATS}&code=lion",
        f"CodeSystem/$validate-code?url={PART}&code=a",
        f"CodeSystem/$subsumes?system={CATS}&codeA=cat&codeB=lion",
        f"ValueSet/$expand?url={url_of('cats', 'vs/')}",
        f"ValueSet/$validate-code?url={url_of('cats', 'vs/')}&system={CATS}&code=lion",
        f"ValueSet/$validate-code?url={url_of('cats', 'vs/')}&system={BIRDS}&code=owl",
        f"ConceptMap/$translate?url={url_of('cats', 'ConceptMap/')}&system={CATS}&code=lion",
        f"ConceptMap/$translate?system={CATS}&code=lion&targetsystem={PART}",
        f"ValueSet?url={url_of('cats', 'vs/')}",
        "ValueSet?name=birds",
        f"CodeSystem?url={BIRDS}&status=active",
        "CodeSystem/birds",
        "metadata?mode=terminology",
    ],
)
def test_an_answer_of_complete_content_is_final(client: FlaskClient, path: str) -> None:
    """So is a negative one, a positive one of a part, and a request that is wrong wherever it is answered."""
    answer = client.get(f"/fhir/r4/{path}")
    assert answer.status_code in (200, 400, 404)
    assert ANSWERED_BY not in answer.headers
    assert ISSUE_SERVER not in answer.text


def test_another_version_than_the_one_here_is_asked_for(client: FlaskClient) -> None:
    answer = client.get(f"/fhir/r4/CodeSystem/$lookup?system={CATS}&version=2&code=lion")
    assert (answer.status_code, answer.headers[ANSWERED_BY]) == (200, "aviary")
    assert value(answer.get_json(), "display") == "Lion"


def test_a_prepared_request_does_not_hide_the_upstream(client: FlaskClient) -> None:
    """Requests that differ in a coding alone share a prepared one: here, and for what is not here."""
    for _ in range(2):
        for system, code, by in ((CATS, "cat", None), (BIRDS, "owl", "aviary"), (CATS, "lion", None)):
            path = "/fhir/r4/CodeSystem/$validate-code"
            answer = client.post(path, json=body_of(coding(code, system)), content_type="application/json")
            assert answer.headers.get(ANSWERED_BY) == by
            assert value(answer.get_json(), "result") is (code != "lion")


def test_a_code_that_a_part_lacks_is_asked_for_at_the_url_of_the_part(client: FlaskClient) -> None:
    answer = client.get("/fhir/r4/CodeSystem/part/$lookup?code=b")
    assert (answer.status_code, answer.headers[ANSWERED_BY]) == (200, "aviary")


def test_an_upstream_without_it_leaves_the_answer_of_a_part(tmp_path: Path, upstream: str) -> None:
    """Where the content here has no answer of its own, the refusal is that of the upstream."""
    part = code_system("rare", "a", content="fragment")
    entry = {"name": "aviary", "base": f"{upstream}/r5", "canonicals": ["http://example.org/*"], **TIMES}
    settings = Settings(upstreams=upstreams_file(tmp_path, entry), bundled=False, deadline=BUSY)
    client = create_app(settings, catalogue=Content([part])).test_client()
    for system, result, by in (("rare", True, None), ("nowhere", False, "aviary")):
        answer = client.get(f"/fhir/r4/CodeSystem/$validate-code?url={url_of(system)}&code=b")
        assert answer.headers.get(ANSWERED_BY) == by
        assert value(answer.get_json(), "result") is result


def test_a_mask_decides_what_an_upstream_is_asked_for(upstream: str, tmp_path: Path) -> None:
    for masks, status in (
        ([f"{BIRDS}"], 200),
        ([f"{BIRDS}|1"], 404),
        ([f"{BIRDS}|*"], 200),
        (["http://example.org/b*"], 200),
        (["http://example.org/c*", "http://example.org/birds2"], 404),
        ([f"{BIRDS}?*"], 404),
    ):
        path = upstreams_file(tmp_path, {"base": f"{upstream}/r4", "canonicals": masks, **TIMES})
        app = create_app(Settings(upstreams=path, bundled=False, deadline=BUSY), catalogue=Content(HERE))
        asked = app.test_client().get(f"/fhir/r4/CodeSystem/$lookup?system={BIRDS}&code=owl")
        assert asked.status_code == status, masks


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_search_by_canonical_shows_what_is_elsewhere(client: FlaskClient, release: str) -> None:
    url = url_of("birds", "vs/")
    answer = client.get(f"/fhir/{release}/ValueSet?url={url}")
    bundle = answer.get_json()
    (entry,) = bundle["entry"]
    assert (bundle["total"], entry["resource"]["title"], answer.headers[ANSWERED_BY]) == (
        1,
        "All birds",
        "aviary",
    )
    assert "/r5/ValueSet/birds" in entry["fullUrl"]
    assert [link["relation"] for link in bundle["link"]] == ["self"]
    assert f"/fhir/{release}/ValueSet?url=" in bundle["link"][0]["url"]


def test_a_map_is_found_in_the_shape_of_the_release(client: FlaskClient) -> None:
    for release, word in (("r4", "equivalence"), ("r5", "relationship")):
        answer = client.get(f"/fhir/{release}/ConceptMap?url={url_of('birds', 'ConceptMap/')}")
        (entry,) = answer.get_json()["entry"]
        (target,) = entry["resource"]["group"][0]["element"][0]["target"]
        assert word in target


def test_the_entries_of_a_batch_are_answered_as_single_requests_are(client: FlaskClient) -> None:
    lookup = "CodeSystem/$lookup?system={}&code={}"
    urls = [lookup.format(BIRDS, "owl"), lookup.format(CATS, "cat"), lookup.format(BIRDS, "wren")]
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    batch = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answer = client.post("/fhir/r4", json=batch, content_type="application/fhir+json").get_json()
    responses = [entry["response"] for entry in answer["entry"]]
    assert [response["status"] for response in responses] == ["200", "200", "404"]
    assert "outcome" in responses[0] and "outcome" not in responses[1]
    assert ISSUE_SERVER in json.dumps(responses[0]["outcome"])
    assert ISSUE_SERVER in json.dumps(responses[2]["outcome"])


def test_each_of_many_validations_is_asked_for(client: FlaskClient) -> None:
    codings = [coding("owl", BIRDS), coding("cat", CATS), coding("wren", BIRDS)]
    parameters = [{"name": "validation", "resource": body_of(each)} for each in codings]
    path = "/fhir/r5/CodeSystem/$batch-validate-code"
    answer = client.post(path, json=body_of(*parameters), content_type="application/json").get_json()
    results = [value(node["resource"], "result") for node in answer["parameter"]]
    assert results == [True, True, False]


def batch_of(*urls: str) -> Document:
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    return {"resourceType": "Bundle", "type": "batch", "entry": entries}


@pytest.mark.parametrize("seconds", [0, 300])
def test_the_questions_of_a_batch_go_to_an_upstream_as_one(tmp_path: Path, seconds: int) -> None:
    """Entries that the content here answers do not go, and equal ones go once."""
    lookup = "CodeSystem/$lookup?system={}&code={}"
    urls = [lookup.format(BIRDS, "owl"), lookup.format(CATS, "cat"), lookup.format(BIRDS, "wren")]
    validation = f"ValueSet/$validate-code?url={url_of('birds', 'vs/')}&system={BIRDS}&code=owl"
    validations = [
        {"name": "validation", "resource": body_of(coding(c, BIRDS))} for c in ("owl", "wren", "owl")
    ]
    received: list[tuple[str, str]] = []
    app = create_app(Settings(bundled=False), catalogue=Content(ELSEWHERE))
    app.before_request(lambda: received.append((request.method, request.path)))
    with listening(app) as base:
        entry = {"base": f"{base}/r5", "canonicals": ["http://example.org/*"], "fhirVersion": "5.0", **TIMES}
        path = upstreams_file(tmp_path, entry, cacheSeconds=seconds)
        client = create_app(
            Settings(upstreams=path, bundled=False, deadline=BUSY), catalogue=Content(HERE)
        ).test_client()
        batch = batch_of(*urls, validation)
        answer = client.post("/fhir/r4", json=batch, content_type="application/json").get_json()
        assert [entry["response"]["status"] for entry in answer["entry"]] == ["200", "200", "404", "200"]
        assert received == [("POST", "/fhir/r5")]
        received.clear()
        many = client.post(
            "/fhir/r4/CodeSystem/$batch-validate-code",
            json=body_of(*validations),
            content_type="application/json",
        ).get_json()
        assert [value(node["resource"], "result") for node in many["parameter"]] == [True, False, True]
        assert received == [("GET", "/fhir/r5/metadata"), ("POST", "/fhir/r5")]


def test_an_upstream_without_batches_is_asked_one_by_one(tmp_path: Path) -> None:
    refusal = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "not-supported", "details": {"text": "no batches"}}],
    }
    with faulty(answering("405 No", json.dumps(refusal).encode()), answering("200 OK", OWL)) as server:
        client = cached(tmp_path, server.base, cacheSeconds=0)
        batch = batch_of(*(f"CodeSystem/$lookup?system={BIRDS}&code={code}" for code in "abc"))
        for requests_so_far in (4, 7):
            answer = client.post("/fhir/r4", json=batch, content_type="application/json").get_json()
            assert [entry["response"]["status"] for entry in answer["entry"]] == ["200"] * 3
            assert len(server.heads) == requests_so_far


def test_a_fault_of_a_batch_is_that_of_each_question_in_it(tmp_path: Path) -> None:
    with faulty(answering("500 Broken", b"")) as server:
        client = cached(tmp_path, server.base, cacheSeconds=0)
        batch = batch_of(*(f"CodeSystem/$lookup?system={BIRDS}&code={code}" for code in "abc"))
        answer = client.post("/fhir/r4", json=batch, content_type="application/json").get_json()
        assert [entry["response"]["status"] for entry in answer["entry"]] == ["503"] * 3
        assert len(server.heads) == 1


def test_an_entry_that_an_upstream_leaves_open_is_asked_for_alone(tmp_path: Path) -> None:
    entries = [
        {"response": {"status": "429"}},
        {"resource": json.loads(OWL), "response": {"status": "200 OK"}},
        "x",
    ]
    bundle = {"resourceType": "Bundle", "type": "batch-response", "entry": entries}
    with faulty(answering("200 OK", json.dumps(bundle).encode()), answering("200 OK", OWL)) as server:
        client = cached(tmp_path, server.base, cacheSeconds=0)
        batch = batch_of(*(f"CodeSystem/$lookup?system={BIRDS}&code={code}" for code in "abcd"))
        answer = client.post("/fhir/r4", json=batch, content_type="application/json").get_json()
        assert [entry["response"]["status"] for entry in answer["entry"]] == ["200"] * 4
        assert len(server.heads) == 4


def test_resources_of_the_client_go_along(client: FlaskClient) -> None:
    """Sent with the request, or once for several (``$cache-control``)."""
    own = value_set("own", {"system": BIRDS})
    url = {"name": "url", "valueUri": own["url"]}
    started = body_of(tx_resource(own), mode={"valueCode": "start"})
    begin = client.post("/fhir/r4/$cache-control", json=started, content_type="application/json").get_json()
    for parameters, headers in (
        (body_of(url, tx_resource(own)), {}),
        (body_of(url), {"X-Cache-Id": value(begin, "cache-id")}),
    ):
        path = "/fhir/r4/ValueSet/$expand"
        answer = client.post(path, json=parameters, headers=headers, content_type="application/json")
        codes = [entry["code"] for entry in answer.get_json()["expansion"]["contains"]]
        assert (codes, answer.headers[ANSWERED_BY]) == (["owl"], "aviary")


def test_the_library_asks_the_same_upstreams(file: Path) -> None:
    with Terminology(HERE, bundled=False, upstreams=file) as terminology:
        assert terminology.lookup(BIRDS, "owl").display == "Owl"
        assert terminology.lookup(BIRDS, "owl").in_release("r4") == terminology.lookup(BIRDS, "owl").json
        assert terminology.validate_code(BIRDS, "owl", value_set=url_of("birds", "vs/"))
        assert [c.code for c in terminology.expand(url_of("birds", "vs/"))] == ["owl"]
        (match,) = terminology.translate(BIRDS, "owl", target_system=CATS).matches
        assert match.concept is not None and match.concept.code == "lion"
        (resource,) = terminology.search("ConceptMap", url=url_of("birds", "ConceptMap/")).resources
        assert "relationship" in str(resource.json) and "equivalence" in str(resource.in_release("r4"))
        with pytest.raises(TerminologyError) as caught:
            terminology.lookup(BIRDS, "wren")
        assert caught.value.issues[0].server is not None
        with pytest.raises(TerminologyError):
            terminology.lookup(CATS, "lion")


def test_the_library_raises_a_fault(tmp_path: Path) -> None:
    with faulty(answering("500 Broken", b"")) as server:
        path = upstreams_file(
            tmp_path, {"name": "zoo", "base": server.base, "canonicals": ["*"], "fhirVersion": "r4"}
        )
        with Terminology(bundled=False, upstreams=path) as terminology:
            with pytest.raises(UpstreamError) as caught:
                terminology.validate_code(BIRDS, "owl")
    assert (caught.value.upstream, caught.value.status, caught.value.retry_after) == ("zoo", 503, 5)
    assert caught.value.issues[0].code == "transient"


def test_the_command_line_asks_the_same_upstreams(file: Path) -> None:
    options = ["--no-bundled", "--upstreams", str(file)]
    answer = CliRunner().invoke(main, ["lookup", BIRDS, "owl", *options], env={"TERMINOLOGY_DATA": ""})
    assert answer.exit_code == 0 and "Owl" in answer.output
    answer = CliRunner().invoke(
        main, ["translate", BIRDS, "owl", "--to", CATS, *options], env={"TERMINOLOGY_DATA": ""}
    )
    assert answer.exit_code == 0 and "lion" in answer.output


def test_without_upstreams_nothing_is_imported_or_replaced(file: Path) -> None:
    program = (
        "import sys, terminology\n"
        "assert 'requests' not in sys.modules\n"
        "app = terminology.create_app(terminology.Settings(bundled=False))\n"
        "app.test_client().get('/fhir/r4/CodeSystem/$lookup?system=urn:ietf:bcp:47&code=de')\n"
        "terminology.Terminology(bundled=False).lookup('urn:ietf:bcp:47', 'de')\n"
        "assert not {'requests', 'urllib3', 'terminology.upstreams'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=60)
    upstreams = Upstreams(read_upstreams(file), 1)
    guarded = {key: upstreams.guarded(row) is not row for key, row in OPERATIONS.items()}
    never = {("", "versions"), ("", "closure"), ("", "cache-control")}
    assert {key for key, is_guarded in guarded.items() if not is_guarded} == never


# -- answers that are used again -----------------------------------------------------------------


def cached(folder: Path, base: str, **whole: Any) -> FlaskClient:
    entry = {"base": base, "name": "zoo", "canonicals": ["*"], "fhirVersion": "r4", **TIMES}
    path = upstreams_file(folder, entry, **whole)
    return create_app(
        Settings(upstreams=path, bundled=False, deadline=BUSY), catalogue=Content()
    ).test_client()


OWL = json.dumps(
    {"resourceType": "Parameters", "parameter": [{"name": "display", "valueString": "Owl"}]}
).encode()
LOOKUP = f"/fhir/r4/CodeSystem/$lookup?system={BIRDS}&code="


def test_an_answer_is_used_again_for_the_same_question_and_languages(tmp_path: Path) -> None:
    with faulty(answering("200 OK", OWL)) as server:
        client = cached(tmp_path, server.base)
        for code, languages in (("owl", "de"), ("owl", "de"), ("owl", "en"), ("wren", "de"), ("owl", "de")):
            assert client.get(LOOKUP + code, headers={"Accept-Language": languages}).status_code == 200
        assert len(server.heads) == 3


def test_an_answer_is_used_again_as_long_as_the_file_says(tmp_path: Path) -> None:
    for seconds, questions in ((0, 2), (300, 1)):
        with faulty(answering("200 OK", OWL)) as server:
            client = cached(tmp_path, server.base, cacheSeconds=seconds)
            assert [client.get(LOOKUP + "owl").status_code for _ in range(2)] == [200, 200]
            assert len(server.heads) == questions


def test_a_larger_answer_than_the_room_is_not_used_again(tmp_path: Path) -> None:
    with faulty(answering("200 OK", OWL)) as server:
        client = cached(tmp_path, server.base, cacheBytes=100)
        assert [client.get(LOOKUP + "owl").status_code for _ in range(2)] == [200, 200]
        assert len(server.heads) == 2


def test_an_old_answer_is_marked_where_the_upstream_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("terminology.upstreams.kept_answers.monotonic", lambda: now[0])
    with faulty(answering("200 OK", OWL), answering("500 Broken", OWL)) as server:
        client = cached(tmp_path, server.base, cacheSeconds=10, staleSeconds=60)
        fresh = client.get(LOOKUP + "owl")
        now[0] += 30
        stale = client.get(LOOKUP + "owl")
        now[0] += 60
        too_old = client.get(LOOKUP + "owl")
    assert (fresh.status_code, fresh.headers.get("Warning")) == (200, None)
    assert stale.get_json() == fresh.get_json()
    assert stale.headers["Warning"].startswith("110 ") and "30 seconds ago" in stale.headers["Warning"]
    assert too_old.status_code == 503
