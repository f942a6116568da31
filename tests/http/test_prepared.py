"""A request that differs from an earlier one in nothing but a code is answered as the whole way would."""

from __future__ import annotations

from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.catalogue.protocol import Catalogue
from terminology.http import prepared
from terminology.wire import r4
from tests.support.conization import CPT, OURS, PCS

# Questions with places for codes, and a code that has an answer.
QUESTIONS = [
    (f"CodeSystem/$lookup?system={CPT}&code=%s", "57520"),
    (f"CodeSystem/$lookup?code=%s&system={OURS}&displayLanguage=de&property=*", "conization"),
    (f"CodeSystem/$validate-code?url={PCS}&code=%s", "0UBC7ZX"),
    (f"CodeSystem/$validate-code?url={CPT}&code=%s&display=x", "57520"),
    (f"CodeSystem/$subsumes?system={PCS}&codeA=0UBC7ZX&codeB=%s", "0UBC7ZX"),
    (f"ConceptMap/$translate?system={CPT}&code=%s", "57460"),
    (f"ConceptMap/$translate?sourceSystem={CPT}&sourceCode=%s", "57460"),
    ("ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/administrative-gender&code=%s"
     "&system=http://hl7.org/fhir/administrative-gender", "male"),
    ("ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender&filter=%s", "ma"),
]  # fmt: skip
CODES = [
    "57520",
    "57522",
    "57460",
    "0UBC7ZX",
    "0UBC",
    "conization",
    "female",
    "",
    "%20",
    "%2B",
    "a+b",
    "*",
    "é",
]
OF_THE_MOMENT = {"X-Request-Id", "Date"}


@pytest.fixture
def app(catalogue: Catalogue, settings: Settings) -> Flask:
    return create_app(catalogue, settings)


def said(response: TestResponse) -> tuple[int, dict[str, str], Any]:
    headers = {name: value for name, value in response.headers if name not in OF_THE_MOMENT}
    body = response.get_json()
    if isinstance(body, dict):
        body.pop("id", None)
        for name in ("identifier", "timestamp"):
            body.get("expansion", {}).pop(name, None)
    headers.pop("Content-Length", None)
    return response.status_code, headers, body


class Client:
    """HTTP to an application whose longer way can be closed."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()
        self._quick = cast(Any, app.wsgi_app)
        self._whole: Any = self._quick._flask

    def whole(self, path: str, **headers: str) -> TestResponse:
        self._quick._flask = self._whole
        return self._client.get(path, headers=headers)

    def short(self, path: str, **headers: str) -> TestResponse:
        self._quick._flask = closed
        return self._client.get(path, headers=headers)


def closed(environ: Any, start_response: Any) -> list[bytes]:
    start_response("599 The whole way", [])
    return []


@pytest.fixture
def quick_only(app: Flask) -> Client:
    return Client(app)


@pytest.mark.parametrize(("question", "first"), QUESTIONS)
@pytest.mark.parametrize("root", ["r4", "r5"])
def test_the_answer_is_the_same_byte_for_byte_but_for_what_is_of_the_moment(
    catalogue: Catalogue, settings: Settings, root: str, question: str, first: str
) -> None:
    asked_before = create_app(catalogue, settings).test_client()
    assert asked_before.get(f"/fhir/{root}/{question % first}").status_code == 200
    for code in CODES:
        path = f"/fhir/{root}/{question % code}"
        never_asked = create_app(catalogue, settings).test_client()
        assert said(asked_before.get(path)) == said(never_asked.get(path)), path


@pytest.mark.parametrize(("question", "first"), QUESTIONS)
def test_a_question_that_was_asked_goes_the_short_way(quick_only: Client, question: str, first: str) -> None:
    path = f"/fhir/r5/{question % first}"
    assert quick_only.short(path).status_code == 599
    whole = quick_only.whole(path)
    short = quick_only.short(path)
    assert whole.status_code == short.status_code == 200
    assert said(whole) == said(short)


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "application/fhir+xml"},
        {"Accept-Language": "de"},
        {"Prefer": "handling=strict"},
        {"X-Cache-Id": "another"},
        {"Accept": "code"},
        {"X-Too-Costly-Threshold": "1"},
    ],
)
def test_what_an_answer_depends_on_besides_the_url_makes_another_question(
    quick_only: Client, headers: dict[str, str]
) -> None:
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    quick_only.whole(path)
    assert quick_only.short(path).status_code == 200
    assert quick_only.short(path, **headers).status_code == 599


@pytest.mark.parametrize(
    "further",
    [
        "&code=57522",
        "&sourceCode=1",
        "&Code=57460",
        "&c%6Fde=57460",
        "&cache-id=a",
        "&_pretty=true",
        "&_format=xml",
    ],
)
def test_what_is_not_a_plain_question_is_not_kept(quick_only: Client, further: str) -> None:
    path = f"/fhir/r5/{QUESTIONS[5][0] % '57460'}{further}"
    quick_only.whole(path)
    assert quick_only.short(path).status_code == 599


def test_a_header_that_looks_like_a_parameter_is_none(quick_only: Client) -> None:
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    assert quick_only.whole(path, **{"Accept-Language": "code"}).status_code == 200
    assert quick_only.short(path, **{"Accept-Language": "code"}).status_code == 200


def test_who_adds_a_hook_is_asked_about_every_request(app: Flask) -> None:
    client, path = app.test_client(), f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    answers = iter([None, ("no", 401)])
    app.before_request(lambda: next(answers))
    assert client.get(path).status_code == 200
    assert client.get(path).status_code == 401


def test_a_question_is_asked_of_what_there_is_at_the_moment(catalogue: Catalogue, settings: Settings) -> None:
    held = [catalogue]
    client = create_app(lambda: held[0], settings).test_client()
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    assert client.get(path).status_code == client.get(path).status_code == 200
    held[0] = Content()
    assert client.get(path).status_code == 404


def test_a_request_keeps_its_own_id(quick_only: Client) -> None:
    path = f"/fhir/r5/{QUESTIONS[0][0] % '57520'}"
    quick_only.whole(path)
    assert quick_only.short(path, **{"X-Request-Id": "mine"}).headers["X-Request-Id"] == "mine"
    ids = {quick_only.short(path).headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3


@examples(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from([*prepared.DIFFERING, "system", "x"]), min_size=1, max_size=4), st.data())
def test_any_query_is_answered_as_by_an_application_that_was_never_asked(
    catalogue: Catalogue, settings: Settings, names: list[str], data: st.DataObject
) -> None:
    values = st.sampled_from(["57520", "57522", CPT, OURS, "conization", "%", "+", "a&b", "x=y", ""])
    client = create_app(catalogue, settings).test_client()
    for _ in range(2):
        query = "&".join(f"{name}={data.draw(values)}" for name in names)
        path = f"/fhir/r4/CodeSystem/$lookup?{query}"
        assert said(client.get(path)) == said(create_app(catalogue, settings).test_client().get(path)), path


def test_what_the_table_says_r4_writes_as_r5_does_is_so(client: FlaskClient) -> None:
    for question, code in QUESTIONS[:5]:
        for kind in (code, "unknown"):
            document = client.get(f"/fhir/r5/{question % kind}").get_json()
            assert r4.downgrade(document) == document
