"""An error repeats at most 200 characters of what a client sent, whatever is long and wherever it is sent."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from terminology import Settings, create_app
from terminology.core.issues.phrases import LONGEST_VALUE
from terminology.wire.operation_table import OPERATIONS
from terminology.wire.parameters import Parameter
from tests.support.builders import body_of, code_system, concept_map, tx_resource, value_set
from tests.support.cats import CATS, URL
from tests.support.engine import catalogue_of

LENGTH = 10_000
LONG = "y" * LENGTH
URI = f"http://example.org/{LONG}"
Json = dict[str, Any]
RELEASES = ["r4", "r4b", "r5"]


@pytest.fixture(scope="module")
def http() -> FlaskClient:
    return create_app(Settings(environment={}, data=""), catalogue=catalogue_of([CATS])).test_client()


def repeats_little(response: TestResponse, where: str) -> None:
    """No header, and no issue, has more than the allowed part of the long text."""
    for name, value in response.headers:
        assert "y" * (LONGEST_VALUE + 1) not in value, f"{where}: {name}"
    assert response.status_code < 500, where
    if response.status_code >= 400:
        assert "y" * (LONGEST_VALUE + 1) not in response.text, where
        assert response.get_json()["issue"][0]["details"]["text"]
        return
    for outcome in outcomes(response.get_json()):
        assert "y" * (LONGEST_VALUE + 1) not in json.dumps(outcome), where


def outcomes(node: Any) -> list[Json]:
    if isinstance(node, list):
        return [found for each in node for found in outcomes(each)]
    if not isinstance(node, dict):
        return []
    if node.get("resourceType") == "OperationOutcome":
        return [node]
    return [found for each in node.values() for found in outcomes(each)]


def value_of(row: Parameter, text: str) -> Json | None:
    """A value of the type of a parameter, with a long text in it."""
    match row.type:
        case "Coding":
            return {"valueCoding": {"system": URL, "code": text, "version": text, "display": text}}
        case "CodeableConcept" | "whole CodeableConcept":
            return {
                "valueCodeableConcept": {"coding": [{"system": f"{URL}{text}", "code": text}], "text": text}
            }
        case "Resource":
            return None
        case "dependency" | "sought":
            return {"part": [{"name": name, "valueString": text} for name in ("attribute", "code", "value")]}
    return {"valueString": text}


ROWS = [
    (f"{kind}/${name}" if kind else f"${name}", row)
    for (kind, name), operation in OPERATIONS.items()
    for row in operation.parameters
]
COMMON = {
    "system": URL,
    "url": URL,
    "code": "cat",
    "codeA": "cat",
    "codeB": "cat",
    "name": "t",
    "mode": "start",
}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(("path", "row"), ROWS, ids=lambda value: getattr(value, "field", value))
def test_a_long_value_of_any_parameter(http: FlaskClient, path: str, row: Parameter, release: str) -> None:
    for name in row.names:
        known = {key: value for key, value in COMMON.items() if key != name}
        for text, others in ((LONG, known), (f"{URI}|1", known), (f"{URL}|{LONG}", {})):
            query = urlencode({**others, name: text})
            repeats_little(http.post(f"/fhir/{release}/{path}?{query}"), f"query {name}")
            value = value_of(row, text)
            if value is not None:
                nodes = [{"name": key, "valueString": each} for key, each in others.items()]
                body = body_of(*nodes, {"name": name, **value})
                repeats_little(http.post(f"/fhir/{release}/{path}", json=body), f"body {name}")


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("path", sorted({path for path, _ in ROWS}))
def test_a_long_name_or_type_or_place(http: FlaskClient, path: str, release: str) -> None:
    root = f"/fhir/{release}"
    bodies: list[Any] = [
        {"resourceType": LONG},
        {"resourceType": "Bundle", "type": LONG},
        body_of({"name": LONG, "valueString": "x"}),
        body_of({"name": "code", f"value{LONG}": "x"}),
        body_of({"name": "coding", "valueCoding": {"code": LONG, "system": {}}}),
        body_of({"name": "valueSet", "resource": {"resourceType": LONG}}),
        body_of(
            {"name": "tx-resource", "resource": {"resourceType": "ValueSet", "url": URI, "compose": LONG}}
        ),
    ]
    for body in bodies:
        for headers in ({}, {"Prefer": "handling=strict"}):
            repeats_little(http.post(f"{root}/{path}", json=body, headers=headers), str(body)[:60])
    strict = {"Prefer": "handling=strict"}
    repeats_little(http.get(f"{root}/{path}?{LONG}=x", headers=strict), "name")
    xml = f'<Parameters xmlns="http://hl7.org/fhir"><{LONG} value="x"/></Parameters>'
    for text in (xml, xml.replace("hl7.org/fhir", LONG), f"<{LONG}/>", "{" + LONG):
        headers = {"Content-Type": "application/fhir+xml", "Accept": "application/fhir+json"}
        repeats_little(http.post(f"{root}/{path}", data=text, headers=headers), text[:30])


@pytest.mark.parametrize("release", RELEASES)
def test_a_long_path_header_or_search(http: FlaskClient, release: str) -> None:
    root = f"/fhir/{release}"
    for path in (
        LONG,
        f"${LONG}",
        f"CodeSystem/{LONG}",
        f"CodeSystem/{LONG}/$lookup",
        f"CodeSystem/${LONG}",
        f"CodeSystem/cats/_history/{LONG}",
        f"X{LONG}",
        f"CodeSystem/a/b/{LONG}",
    ):
        for method in ("GET", "POST", "PUT"):
            repeats_little(http.open(f"{root}/{path}", method=method), f"{method} {path[:20]}")
    for query in (
        f"{LONG}=x",
        f"url:{LONG}=x",
        f"_count={LONG}",
        f"_sort={LONG}",
        f"date={LONG}",
        f"_format={LONG}",
        f"_include={LONG}",
        f"_summary={LONG}",
        f"name:missing={LONG}",
    ):
        repeats_little(http.get(f"{root}/CodeSystem?{query}"), query[:20])
        repeats_little(http.get(f"{root}/metadata?{query}&mode={LONG}"), query[:20])
    for header in (
        "Accept",
        "Accept-Language",
        "Content-Type",
        "Content-Encoding",
        "X-Cache-Id",
        "Prefer",
        "Origin",
        "Host",
    ):
        for path in ("CodeSystem/$lookup?code=x", "$closure"):
            answer = http.post(
                f"{root}/{path}", data="{}", headers={"Accept": "application/fhir+json", header: LONG}
            )
            repeats_little(answer, header)
    repeats_little(http.get("/" + LONG), "nowhere")
    long_read = http.get(f"{root}/CodeSystem/cats?_count=1&x={LONG}")
    repeats_little(long_read, "read")


@pytest.mark.parametrize("release", RELEASES)
def test_long_texts_in_a_resource(http: FlaskClient, release: str) -> None:
    system = code_system(URI, LONG, version=LONG, name=LONG, property=[{"code": LONG, "type": "code"}])
    coding = {"name": "coding", "valueCoding": {"system": URI, "code": "z", "version": "9", "display": LONG}}
    sets = [
        value_set(
            URI, {"system": URI, "version": LONG, "filter": [{"property": LONG, "op": "=", "value": LONG}]}
        ),
        value_set(URI, {"system": URI, "filter": [{"property": "code", "op": "regex", "value": f"({LONG}"}]}),
        value_set(URI, {"valueSet": [f"{URI}2|{LONG}"]}),
        value_set(URI, {"system": "http://example.org/other", "version": LONG}),
        value_set(URI, {"system": URI, "concept": [{"code": LONG}]}, status="retired", version=LONG),
        value_set(URI, {"system": URI}, language=LONG, compose={"lockedDate": LONG}),
    ]
    for each in sets:
        sent = [tx_resource(system), tx_resource(each), {"name": "url", "valueUri": URI}]
        for operation in (
            "ValueSet/$expand",
            "ValueSet/$validate-code",
            "CodeSystem/$validate-code",
            "CodeSystem/$lookup",
        ):
            repeats_little(http.post(f"/fhir/{release}/{operation}", json=body_of(*sent, coding)), operation)
    words = {"equivalence": LONG} if release != "r5" else {"relationship": LONG}
    for target in (words, {"code": LONG, **words}):
        maps = tx_resource(concept_map(URI, URI, URI, [{"code": LONG, "target": [target]}]))
        body = body_of(tx_resource(system), maps, {"name": "url", "valueUri": URI}, coding)
        repeats_little(http.post(f"/fhir/{release}/ConceptMap/$translate", json=body), "translate")


@pytest.mark.parametrize("kind", [[{"name": LONG}], {"name": LONG}, [LONG], 7, True])
@pytest.mark.parametrize("path", ["", "/CodeSystem/$lookup", "/ValueSet/$expand", "/ConceptMap/$translate"])
def test_a_type_name_that_is_not_a_string_is_named_and_not_repeated(
    http: FlaskClient, path: str, kind: object
) -> None:
    response = http.post(f"/fhir/r4{path}", json={"resourceType": kind})
    repeats_little(response, path)
    assert response.status_code == 400
    assert "resourceType must be a string" in response.text


def test_the_same_in_an_entry_of_a_batch(http: FlaskClient) -> None:
    request = {"method": "POST", "url": "CodeSystem/$lookup"}
    entry = {"request": request, "resource": {"resourceType": [{"name": LONG}]}}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    response = http.post("/fhir/r4", json=bundle)
    repeats_little(response, "batch")
    assert "Bundle.entry[0].resource.resourceType must be a string" in response.text
