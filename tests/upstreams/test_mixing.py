"""Value sets and translations with parts here and at upstreams mean what they would mean if all of them were here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.core.model import Document
from terminology.wire.elsewhere import ANSWERED_BY
from terminology.wire.outcome import ISSUE_SERVER
from tests.support.asking import matches, value
from tests.support.builders import body_of, code_system, concept, concept_map, url_of, value_set
from tests.support.upstreams import answering, faulty, listening, upstreams_file

BIRDS, CATS, FISH = url_of("birds"), url_of("cats"), url_of("fish")
# The time that a machine may be busy with other work, in seconds.
BUSY = 100
TIMES = {"readTimeout": BUSY, "deadline": BUSY}


def is_a(code: str) -> list[Document]:
    return [{"property": "concept", "op": "is-a", "value": code}]


def inactive(code: str, display: str) -> Document:
    return concept(code, display, property=[{"code": "inactive", "valueBoolean": True}])


OF_BIRDS: list[Document] = [
    code_system(
        "birds",
        concept(
            "bird",
            "Bird",
            concept("owl", "Owl", designation=[{"language": "de", "value": "Eule"}]),
            concept("duck", "Duck"),
            inactive("dodo", "Dodo"),
        ),
        concept("group", "Group", property=[{"code": "notSelectable", "valueBoolean": True}]),
        version="2",
        hierarchyMeaning="is-a",
    ),
    value_set("ducks", {"system": BIRDS, "concept": [{"code": "duck"}]}),
]
OF_FISH: list[Document] = [code_system("fish", concept("cod", "Cod"), concept("eel", "Eel"), version="1")]
HERE: list[Document] = [
    code_system("cats", concept("cat", "Cat"), concept("lion", "Lion"), version="3"),
    value_set("listed", {"system": CATS}, {"system": BIRDS, "concept": [{"code": "owl"}, {"code": "wren"}]}),
    value_set("filtered", {"system": BIRDS, "filter": is_a("bird")}, {"system": CATS}),
    value_set("all", {"system": CATS}, {"system": BIRDS}, {"system": FISH}),
    value_set("two", {"system": BIRDS, "filter": is_a("bird")}, {"system": FISH}),
    value_set(
        "without",
        {"system": CATS},
        {"system": BIRDS},
        exclude=[{"system": BIRDS, "filter": is_a("bird")}, {"system": CATS, "concept": [{"code": "lion"}]}],
    ),
    value_set("imports", {"system": CATS}, {"valueSet": [url_of("ducks", "vs/")]}),
    value_set("nested", {"valueSet": [url_of("filtered", "vs/")]}, {"system": FISH}),
    value_set("both", {"system": BIRDS, "filter": is_a("bird"), "valueSet": [url_of("imports", "vs/")]}),
    value_set("active", {"system": CATS}, {"system": BIRDS}, compose={"inactive": False}),
    value_set("old", {"system": CATS}, {"system": BIRDS, "version": "2"}),
]
NAMES = [resource["url"] for resource in HERE[1:]]


@pytest.fixture(scope="module")
def whole() -> FlaskClient:
    """A client of a server that has everything."""
    return create_app(Settings(bundled=False), catalogue=Content([*OF_BIRDS, *OF_FISH, *HERE])).test_client()


@pytest.fixture(scope="module", params=["r4", "r5"])
def mixed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A client of a server that has a part, and asks two others for the rest."""
    with (
        listening(create_app(Settings(bundled=False), catalogue=Content(OF_BIRDS))) as birds,
        listening(create_app(Settings(bundled=False), catalogue=Content(OF_FISH))) as fish,
    ):
        masks = [f"{BIRDS}*", url_of("ducks", "vs/")]
        path = upstreams_file(
            tmp_path_factory.mktemp("mixed"),
            {"name": "aviary", "base": f"{birds}/{request.param}", "canonicals": masks, **TIMES},
            {"name": "pond", "base": f"{fish}/{request.param}", "canonicals": [FISH], **TIMES},
        )
        settings = Settings(upstreams=path, bundled=False, deadline=BUSY)
        yield create_app(settings, catalogue=Content(HERE)).test_client()


def expanded(client: FlaskClient, release: str, **parameters: str) -> TestResponse:
    return client.get(f"/fhir/{release}/ValueSet/$expand?{urlencode(parameters)}")


def without_marks(node: Any) -> Any:
    if isinstance(node, list):
        return [without_marks(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: without_marks(item) for key, item in node.items() if key not in ("timestamp", "identifier")}
    if "extension" in kept:
        kept["extension"] = [each for each in kept["extension"] if each["url"] != ISSUE_SERVER]
    return kept


FORMS: list[dict[str, str]] = [
    {},
    {"count": "2", "offset": "1"},
    {"count": "0"},
    {"filter": "d"},
    {"activeOnly": "true"},
    {"displayLanguage": "de", "includeDesignations": "true"},
    {"excludeNested": "true", "includeDefinition": "true"},
]


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize("url", NAMES)
def test_an_expansion_is_that_of_a_server_with_everything(
    whole: FlaskClient, mixed: FlaskClient, release: str, url: str
) -> None:
    for form in FORMS:
        parameters = {"excludeNested": "true", **form}
        through, direct = (expanded(client, release, url=url, **parameters) for client in (mixed, whole))
        assert without_marks(through.get_json()) == without_marks(direct.get_json()), form
        assert through.status_code == direct.status_code == 200
        assert through.headers[ANSWERED_BY]


@pytest.mark.parametrize("url", NAMES)
def test_a_validation_is_that_of_a_server_with_everything(
    whole: FlaskClient, mixed: FlaskClient, url: str
) -> None:
    for system, code in (
        (BIRDS, "owl"),
        (BIRDS, "dodo"),
        (BIRDS, "wren"),
        (BIRDS, "group"),
        (BIRDS, "duck"),
        (CATS, "cat"),
        (CATS, "lion"),
        (CATS, "tiger"),
        *([(FISH, "eel"), (FISH, "owl")] if url.endswith(("/all", "/two", "/nested")) else []),
    ):
        query = urlencode({"url": url, "system": system, "code": code})
        through, direct = (
            client.get(f"/fhir/r5/ValueSet/$validate-code?{query}") for client in (mixed, whole)
        )
        assert without_marks(through.get_json()) == without_marks(direct.get_json()), (system, code)


def test_codings_of_several_servers_are_validated_together(whole: FlaskClient, mixed: FlaskClient) -> None:
    for codes in (((CATS, "cat"), (BIRDS, "owl"), (FISH, "cod")), ((CATS, "tiger"), (BIRDS, "wren"))):
        codings = [{"system": system, "code": code} for system, code in codes]
        concept = {"valueCodeableConcept": {"coding": codings}}
        body = body_of(codeableConcept=concept, url={"valueUri": url_of("all", "vs/")})
        path = "/fhir/r4/ValueSet/$validate-code"
        through, direct = (client.post(path, json=body).get_json() for client in (mixed, whole))
        assert without_marks(through) == without_marks(direct)


def test_who_has_a_part_is_said(mixed: FlaskClient) -> None:
    answer = expanded(mixed, "r4", url=url_of("all", "vs/"))
    assert answer.headers[ANSWERED_BY] == "aviary, pond"


def test_a_code_without_a_code_system_is_not_looked_for_in_parts(mixed: FlaskClient) -> None:
    query = urlencode({"url": url_of("all", "vs/"), "code": "owl", "inferSystem": "true"})
    answer = mixed.get(f"/fhir/r4/ValueSet/$validate-code?{query}")
    (issue,) = answer.get_json()["issue"]
    assert issue["code"] == "not-supported" and "Name its code system" in issue["details"]["text"]
    query = query.replace("owl", "cat")
    assert value(mixed.get(f"/fhir/r4/ValueSet/$validate-code?{query}").get_json(), "result") is True


def test_a_part_with_more_codes_than_an_answer_may_have_is_too_costly(mixed: FlaskClient) -> None:
    headers = {"X-Too-Costly-Threshold": "2"}
    answer = mixed.get(f"/fhir/r4/ValueSet/$expand?url={url_of('all', 'vs/')}&count=1", headers=headers)
    (issue,) = answer.get_json()["issue"]
    assert (answer.status_code, issue["code"]) == (422, "too-costly")


def test_a_part_that_cannot_be_had_is_transient_and_never_left_out(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with faulty(answering("500 Broken", b"")) as server:
        entry = {"base": server.base, "canonicals": ["*"], "fhirVersion": "r4", **TIMES}
        path = upstreams_file(tmp_path_factory.mktemp("away"), entry)
        app = create_app(
            Settings(upstreams=path, bundled=False, deadline=BUSY), catalogue=Content(HERE)
        ).test_client()
        all_ = url_of("all", "vs/")
        for query in (
            f"$expand?url={all_}",
            f"$validate-code?url={all_}&system={BIRDS}&code=owl",
            f"$validate-code?url={url_of('imports', 'vs/')}&system={BIRDS}&code=owl",
        ):
            answer = app.get(f"/fhir/r4/ValueSet/{query}")
            assert (answer.status_code, answer.get_json()["issue"][0]["code"]) == (503, "transient"), query


def test_a_part_that_nobody_has_is_not_found(mixed: FlaskClient) -> None:
    own = value_set("own", {"system": CATS}, {"system": f"{BIRDS}-of-prey"})
    body = body_of({"name": "valueSet", "resource": own})
    answer = mixed.post("/fhir/r4/ValueSet/$expand", json=body)
    assert (answer.status_code, answer.get_json()["issue"][0]["code"]) == (404, "not-found")


# -- translations --------------------------------------------------------------------------------

TREES, STARS = url_of("trees"), url_of("stars")


def leads(name: str, source: str, target: str, code: str, other: str, **elements: Any) -> Document:
    row = {"code": code, "target": [{"code": other, "relationship": "equivalent"}]}
    return concept_map(name, source, target, [row], **elements)


BIRDS_TO_CATS = leads("birds-to-cats", "birds", "cats", "owl", "lion")
CATS_TO_TREES = leads("cats-to-trees", "cats", "trees", "lion", "oak")
ONWARD = concept_map(
    "birds-to-stars",
    "birds",
    "stars",
    [{"code": "duck", "target": [{"code": "sirius", "relationship": "equivalent"}]}],
    group={"unmapped": {"mode": "other-map", "otherMap": url_of("rest", "ConceptMap/")}},
)
REST = leads("rest", "birds", "stars", "owl", "vega")


@contextmanager
def asking(folder: Path, release: str, here: list[Document], there: list[Document]) -> Iterator[FlaskClient]:
    """A client of a server with some resources that asks one with others."""
    with listening(create_app(Settings(bundled=False), catalogue=Content(there))) as base:
        entry = {
            "name": "aviary",
            "base": f"{base}/{release}",
            "canonicals": ["http://example.org/*"],
            **TIMES,
        }
        path = upstreams_file(folder, entry)
        settings = Settings(upstreams=path, bundled=False, deadline=BUSY)
        yield create_app(settings, catalogue=Content(here)).test_client()


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize("here, there", [(BIRDS_TO_CATS, CATS_TO_TREES), (CATS_TO_TREES, BIRDS_TO_CATS)])
def test_a_chain_may_have_one_map_here_and_one_there(
    tmp_path: Path, release: str, here: Document, there: Document
) -> None:
    whole = create_app(Settings(bundled=False), catalogue=Content([here, there])).test_client()
    query = f"system={BIRDS}&targetsystem={TREES}&_compose=true"
    with asking(tmp_path, release, [here], [there]) as client:
        for root in ("r4", "r5"):
            path = f"/fhir/{root}/ConceptMap/$translate?code=owl&{query}"
            answer, direct = client.get(path), whole.get(path)
            assert answer.get_json() == direct.get_json()
            assert matches(direct.get_json()) == [("oak", "equivalent")]
            assert answer.headers[ANSWERED_BY] == "aviary"
        assert client.get(f"/fhir/r4/ConceptMap/$translate?code=wren&{query}").status_code in (200, 404)
        without = client.get(f"/fhir/r4/ConceptMap/$translate?code=owl&system={BIRDS}&targetsystem={TREES}")
        assert matches(without.get_json()) == []


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_map_here_leads_on_to_one_that_is_there(tmp_path: Path, release: str) -> None:
    whole = create_app(Settings(bundled=False), catalogue=Content([ONWARD, REST])).test_client()
    with asking(tmp_path, release, [ONWARD], [REST]) as client:
        for code, by in (("owl", "aviary"), ("duck", None)):
            for named in (f"url={ONWARD['url']}", f"targetsystem={STARS}"):
                path = f"/fhir/r5/ConceptMap/$translate?{named}&system={BIRDS}&code={code}"
                answer, direct = client.get(path), whole.get(path)
                assert answer.get_json() == direct.get_json()
                assert answer.headers.get(ANSWERED_BY) == by
        path = f"/fhir/r5/ConceptMap/$translate?url={ONWARD['url']}&system={BIRDS}&code=wren"
        assert client.get(path).get_json() == whole.get(path).get_json()


def test_a_hop_that_cannot_be_asked_for_is_transient(tmp_path: Path) -> None:
    with faulty(answering("500 Broken", b"")) as server:
        entry = {"base": server.base, "canonicals": ["*"], "fhirVersion": "r4", **TIMES}
        settings = Settings(upstreams=upstreams_file(tmp_path, entry), bundled=False, deadline=BUSY)
        client = create_app(settings, catalogue=Content([ONWARD, BIRDS_TO_CATS])).test_client()
        for named in (f"url={ONWARD['url']}", f"targetsystem={TREES}&_compose=true"):
            answer = client.get(f"/fhir/r4/ConceptMap/$translate?{named}&system={BIRDS}&code=owl")
            assert (answer.status_code, answer.get_json()["issue"][0]["code"]) == (503, "transient")
