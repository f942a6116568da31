"""A registry of terminology servers says who may be asked, and the file of the operator whether they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask, request
from flask.testing import FlaskClient

from terminology import SettingError, Settings, create_app
from terminology.catalogue.content import Content
from terminology.cli.commands import main
from terminology.core.model import Document
from terminology.upstreams.configuration import read_upstreams
from terminology.wire.elsewhere import ANSWERED_BY
from tests.support.builders import code_system, concept, concept_map, url_of, value_set
from tests.support.upstreams import Fault, answering, dripping, faulty, listening, upstreams_file

BIRDS, CATS, OF_BIRDS = url_of("birds"), url_of("cats"), url_of("birds", "vs/")
MAP = url_of("birds-to-cats", "ConceptMap/")
LOOKUP = f"/fhir/r4/CodeSystem/$lookup?system={BIRDS}&code=owl"
# The time that a machine may be busy with other work, in seconds.
BUSY = 100
Known = Mapping[str, list[Document]]


def server_of(base: str, **elements: Any) -> Document:
    return {"server-name": "<A>", "url": base, "fhirVersion": "4.0.1", "open": True, **elements}


@contextmanager
def registry_of(authoritative: Known, candidates: Known) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The root of a registry that knows servers by canonicals, and the parameters that it was asked with."""
    app, asked = Flask("registry"), list[dict[str, str]]()

    @app.get("/fhir/resolve")
    def resolve() -> Document:
        asked.append({**request.args.to_dict(), "accept": request.headers["Accept"]})
        canonical = request.args.get("url") or request.args["valueSet"]
        return {
            "formatVersion": "1",
            "registry-url": "http://example.org/registry",
            "authoritative": authoritative.get(canonical, []),
            "candidates": candidates.get(canonical, []),
        }

    with listening(app) as root:
        yield root, asked


@contextmanager
def serving(*resources: Document) -> Iterator[str]:
    """The base of a server of R4 with some content."""
    with listening(create_app(Settings(bundled=False), catalogue=Content(resources))) as address:
        yield f"{address}/r4"


def file_of(folder: Path, root: str, allowed: list[str], *upstreams: Document, **elements: Any) -> Path:
    """A file with a registry that may name these servers."""
    servers = [f"{base.rpartition('/')[0]}/*" for base in allowed] or ["http://example.org/"]
    registry = {"name": "guide", "base": root, "canonicals": ["http://example.org/*"], "servers": servers}
    times = {"readTimeout": BUSY, "deadline": BUSY}
    return upstreams_file(folder, *upstreams, registries=[{**registry, **times, **elements}])


def client_of(file: Path, *resources: Document) -> FlaskClient:
    settings = Settings(upstreams=file, bundled=False, deadline=2 * BUSY)
    return create_app(settings, catalogue=Content(resources)).test_client()


OWL, CAT = code_system("birds", concept("owl", "Owl")), code_system("cats", concept("cat", "Cat"))


def test_a_code_system_is_answered_by_the_server_that_the_registry_names(tmp_path: Path) -> None:
    """The registry is asked once for all codes, learns none, and gets no credentials of a server."""
    with serving(OWL) as base, registry_of({BIRDS: [server_of(base + "/")]}, {}) as (root, asked):
        client = client_of(file_of(tmp_path, root, [base], usage="validation", authoritativeOnly=True))
        for path, status in (
            (LOOKUP, 200),
            (LOOKUP.replace("owl", "wren"), 404),
            (f"/fhir/r5/CodeSystem?url={BIRDS}", 200),
        ):
            answer = client.get(path)
            assert answer.status_code == status
        assert answer.get_json()["total"] == 1 and answer.headers[ANSWERED_BY] == "127.0.0.1"
    parameters = {"fhirVersion": "4.0.1", "url": BIRDS, "usage": "validation", "authoritativeOnly": "true"}
    assert asked == [{**parameters, "accept": "application/json"}]


def test_a_value_set_is_asked_for_as_one(tmp_path: Path) -> None:
    content = OWL, value_set("birds", {"system": BIRDS})
    with serving(*content) as base, registry_of({}, {OF_BIRDS: [server_of(base)]}) as (root, asked):
        client = client_of(file_of(tmp_path, root, [base]))
        expansion = client.get(f"/fhir/r4/ValueSet/$expand?url={OF_BIRDS}").get_json()["expansion"]
        assert [entry["code"] for entry in expansion["contains"]] == ["owl"]
        assert client.get(f"/fhir/r4/ValueSet?url={OF_BIRDS}").get_json()["total"] == 1
    assert [(each.get("valueSet"), each.get("url")) for each in asked] == [(OF_BIRDS, None)]


def test_the_authoritative_server_is_asked_first_and_then_the_candidates(tmp_path: Path) -> None:
    with serving() as empty, serving(OWL) as second, serving(OWL) as third:
        named = {BIRDS: [server_of(empty)]}, {BIRDS: [server_of(second), server_of(third)]}
        with registry_of(*named) as (root, _):
            bases = [empty, second, third]
            answer = client_of(file_of(tmp_path, root, bases)).get(LOOKUP)
            assert answer.status_code == 200
            alone = client_of(file_of(tmp_path, root, bases, authoritativeOnly=True)).get(LOOKUP)
            assert alone.status_code == 404
    (note,) = [issue for issue in alone.get_json()["issue"] if issue["severity"] == "error"]
    assert {"valueUrl": empty} in [{"valueUrl": e.get("valueUrl")} for e in note["extension"]]


def test_a_server_that_may_not_be_asked_is_not(tmp_path: Path) -> None:
    """Because of its address, a login, its release, or what it has."""
    with faulty(answering("200 OK", b"{}")) as server:
        base, host = server.base, server.base.split("/")[2]
        for entry in (
            server_of(base.replace("127.0.0.1", "127.0.0.2")),
            server_of(f"http://user@{host}/fhir/r4"),
            server_of(f"http://example.org@{host}/fhir/r4"),
            server_of(f"{base}/r4?x=y"),
            server_of("file:///etc/passwd"),
            server_of(f"{base}/r4", open=False, token=True),
            server_of(f"{base}/r4", fhirVersion="3.0.2"),
            server_of(f"{base}/r4", content="not-present"),
        ):
            with registry_of({}, {BIRDS: [entry]}) as (root, asked):
                answer = client_of(file_of(tmp_path, root, [f"{base}/r4"])).get(LOOKUP)
                assert (answer.status_code, len(asked)) == (404, 1), entry
                (issue,) = answer.get_json()["issue"]
                assert issue["code"] == "not-found"
        assert server.heads == []


def test_an_upstream_of_the_file_is_asked_as_the_file_says(tmp_path: Path) -> None:
    """With its credentials, and for its canonicals alone."""
    with faulty(answering("200 OK", b"{}")) as server:
        with registry_of({BIRDS: [server_of(server.base)]}, {}) as (root, _):
            own = {"base": server.base, "canonicals": [CATS]}
            file = file_of(
                tmp_path, root, [server.base + "/x"], own, servers=[server.base.removesuffix("fhir") + "*"]
            )
            assert client_of(file).get(LOOKUP).status_code == 404
        assert server.heads == []


def test_a_value_set_of_two_code_systems_goes_to_a_server_that_has_both(tmp_path: Path) -> None:
    both = value_set("pets", {"system": BIRDS}, {"system": CATS})
    with serving(OWL) as first, serving(OWL, CAT) as second, serving(CAT) as third:
        named = {BIRDS: [server_of(first), server_of(second)], CATS: [server_of(third), server_of(second)]}
        with registry_of(named, {}) as (root, _):
            client = client_of(file_of(tmp_path, root, [first, second, third]), both)
            answer = client.get(f"/fhir/r4/ValueSet/$expand?url={both['url']}")
        assert [entry["code"] for entry in answer.get_json()["expansion"]["contains"]] == ["owl", "cat"]


def test_the_parts_of_a_value_set_come_from_the_servers_that_have_them(tmp_path: Path) -> None:
    mixed = value_set("pets", {"system": BIRDS}, {"system": CATS})
    with serving(OWL) as base, registry_of({BIRDS: [server_of(base)]}, {}) as (root, _):
        client = client_of(file_of(tmp_path, root, [base]), mixed, CAT)
        answer = client.get(f"/fhir/r4/ValueSet/$expand?url={mixed['url']}")
        assert [entry["code"] for entry in answer.get_json()["expansion"]["contains"]] == ["owl", "cat"]


def test_a_registry_is_not_asked_for_maps_and_what_the_file_does_not_allow(tmp_path: Path) -> None:
    with registry_of({}, {}) as (root, asked):
        client = client_of(file_of(tmp_path, root, []), concept_map("cats-to-birds", "cats", "birds", []))
        for path in (
            f"ConceptMap/$translate?url={MAP}&system={CATS}&code=cat",
            "CodeSystem/$lookup?system=urn:x&code=y",
        ):
            assert client.get(f"/fhir/r4/{path}").status_code == 404
        assert client.get(f"/fhir/r4/ConceptMap?url={MAP}").get_json()["total"] == 0
        assert asked == []
        assert client.get(LOOKUP).status_code == 404
        assert len(asked) == 1


def test_the_questions_of_a_batch_find_their_servers(tmp_path: Path) -> None:
    urls = [f"CodeSystem/$lookup?system={BIRDS}&code={code}" for code in ("owl", "wren", "owl")]
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    batch = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    with serving(OWL) as base, registry_of({BIRDS: [server_of(base)]}, {}) as (root, asked):
        answer = client_of(file_of(tmp_path, root, [base])).post("/fhir/r4", json=batch)
    assert [entry["response"]["status"] for entry in answer.get_json()["entry"]] == ["200", "404", "200"]
    assert len(asked) == 1


@pytest.mark.parametrize("climb", ["..", "%2e%2E", "."])
def test_an_address_that_leaves_its_folder_is_not_allowed(tmp_path: Path, climb: str) -> None:
    """It would fit ``servers``, and lead to another service at the same host."""
    with serving(OWL) as base:
        with registry_of({BIRDS: [server_of(f"{base}/{climb}/r4")]}, {}) as (root, _):
            client = client_of(file_of(tmp_path, root, [f"{base}/x"]))
            assert client.get(LOOKUP).status_code == 404


BROKEN: dict[str, tuple[Fault, int, str]] = {
    "500": (answering("500 Broken", b""), 503, "the status 500"),
    "no JSON": (answering("200 OK", b"<html>", media="text/html"), 503, "text/html"),
    "not found": (answering("404 Not Found", b"{}", media="application/json"), 503, "the status 404"),
    "another shape": (answering("200 OK", b'{"results": []}', media="application/json"), 503, "the shape of"),
    "no list": (answering("200 OK", b'{"authoritative": 7}', media="application/json"), 503, "the shape of"),
    "no object": (answering("200 OK", b"[]", media="application/json"), 503, "cannot be used"),
    "entries": (answering("200 OK", b'{"authoritative": ["x"]}', media="application/json"), 503, "the shape of"),
    "redirect": (answering("302 Found", b"", {"Location": "http://127.0.0.2/"}), 503, "redirects"),
    "silent": (dripping(b"", 0.1), 504, "did not answer"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_registry_is_transient_and_never_no(tmp_path: Path, name: str) -> None:
    fault, status, text = BROKEN[name]
    with faulty(fault) as registry:
        client = client_of(file_of(tmp_path, registry.base, [], deadline=2 if status == 504 else BUSY))
        answer = client.get(LOOKUP)
        validation = client.get(f"/fhir/r4/CodeSystem/$validate-code?url={BIRDS}&code=owl")
    for each in (answer, validation):
        (issue,) = each.get_json()["issue"]
        assert (each.status_code, issue["code"]) == (status, "transient")
        assert text in issue["details"]["text"] and "guide" in issue["details"]["text"]


def test_a_broken_registry_does_not_hide_what_an_upstream_has(tmp_path: Path) -> None:
    """But what an upstream has not may be elsewhere."""
    with faulty(answering("500 Broken", b"")) as registry, serving(OWL) as base:
        own = {"name": "aviary", "base": base, "canonicals": ["*"], "readTimeout": BUSY, "deadline": BUSY}
        client = client_of(file_of(tmp_path, registry.base, [], own))
        assert client.get(LOOKUP).headers[ANSWERED_BY] == "aviary"
        assert client.get(LOOKUP.replace(BIRDS, CATS)).status_code == 503


def test_what_the_registry_said_is_used_while_it_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("terminology.upstreams.kept_answers.monotonic", lambda: now[0])
    with serving(OWL) as base:
        said = json.dumps({"authoritative": [server_of(base)]}).encode()
        with faulty(
            answering("200 OK", said, media="application/json"), answering("500 Broken", b"")
        ) as registry:
            client = client_of(file_of(tmp_path, registry.base, [base]))
            assert client.get(LOOKUP).status_code == 200
            now[0] += 400
            assert client.get(LOOKUP).status_code == 200
            now[0] += 4000
            assert client.get(LOOKUP).status_code == 503


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"servers": ...}, "registries[0].servers is missing"),
        (
            {"servers": ["https://*"]},
            "registries[0].servers is ['https://*'], but should be a list of addresses",
        ),
        ({"servers": ["https://*.example.org/"]}, "with '*' in the path"),
        ({"servers": [7]}, "registries[0].servers is [7]"),
        ({"usage": 7}, "registries[0].usage is 7, but should be a word"),
        (
            {"authoritativeOnly": "yes"},
            "registries[0].authoritativeOnly is 'yes', but should be true or false",
        ),
        ({"canonicals": ...}, "registries[0].canonicals is missing"),
        ({"colour": 1}, "registries[0].colour is not known; known: name, base"),
        ({"name": "aviary"}, "two upstreams have the name 'aviary'"),
    ],
)
def test_what_is_wrong_about_a_registry_is_named(tmp_path: Path, elements: Document, said: str) -> None:
    good = {"base": "https://r.example.org/reg", "canonicals": ["*"], "servers": ["https://tx.example.org/*"]}
    registry = {key: value for key, value in {**good, **elements}.items() if value is not ...}
    own = {"name": "aviary", "base": "https://a.example.org", "canonicals": ["*"]}
    with pytest.raises(SettingError) as caught:
        read_upstreams(upstreams_file(tmp_path, own, registries=[registry]))
    assert said in str(caught.value)


def checked(file: Path) -> tuple[int, list[str]]:
    answer = CliRunner().invoke(main, ["upstreams", "check", "--upstreams", str(file)])
    return answer.exit_code, answer.output.splitlines()


def test_the_check_shows_the_servers_of_a_registry_and_what_works_of_them(tmp_path: Path) -> None:
    with serving(OWL) as base, faulty(answering("503 Away", b"")) as away:
        other = server_of("http://127.0.0.9/fhir")
        named = {BIRDS: [server_of(base)]}, {BIRDS: [other], OF_BIRDS: [server_of(away.base + "/r4")]}
        with registry_of(*named) as (root, _):
            status, lines = checked(file_of(tmp_path, root, [base], canonicals=[BIRDS, "http://x/*"]))
            assert status == 0
            assert lines[0].startswith("guide: registry works (")
            assert lines[0].endswith(
                f"{BIRDS}: {base} (authoritative), http://127.0.0.9/fhir (its address is not allowed)"
            )
            assert [line.partition(" (")[0] for line in lines[1:]] == [
                f"127.0.0.1: {step} works" for step in ("metadata", "FHIR version", "search")
            ]
            status, lines = checked(file_of(tmp_path, root, [away.base + "/r4"], canonicals=[OF_BIRDS]))
            assert status == 1 and f"{OF_BIRDS}: {away.base}/r4 (candidate)" in lines[0]
            assert lines[1].startswith("127.0.0.1: metadata FAILS") and len(lines) == 2
            status, lines = checked(file_of(tmp_path, root, [base], canonicals=["*"]))
            assert (status, len(lines)) == (0, 1) and lines[0].endswith("http://loinc.org: no server has it")
            status, lines = checked(file_of(tmp_path, root, [base], canonicals=[CATS]))
            assert status == 0 and lines[0].endswith(f"{CATS}: no server has it")


def test_the_check_of_a_broken_registry_fails(tmp_path: Path) -> None:
    with faulty(answering("500 Broken", b"")) as registry:
        status, lines = checked(file_of(tmp_path, registry.base, []))
    assert status == 1 and lines[0].startswith("guide: registry FAILS") and "the status 500" in lines[0]
