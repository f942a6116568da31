"""The parts of a batch that differ in a code alone are read once: each is answered as if it came alone."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue.protocol import Catalogue
from terminology.wire.shared_requests import SharedInBatch
from tests.support.conization import CPT, OURS, PCS

GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender"
CODES = ["57520", "57522", " 57520 ", "nothing", "", "57520", "a+b", "%20", "é", "x" * 3_000, "57460"]
# Requests with a place for a code.
QUESTIONS = [
    ("CodeSystem/$lookup", {"system": CPT, "code": "%s"}),
    ("CodeSystem/$lookup", {"code": "%s", "system": OURS, "displayLanguage": "de"}),
    ("CodeSystem/$validate-code", {"url": CPT, "code": "%s", "display": "x"}),
    ("CodeSystem/$validate-code", {"url": CPT, "code": "%s", "displey": "x"}),
    ("CodeSystem/$subsumes", {"system": PCS, "codeA": "0UBC7ZX", "codeB": "%s"}),
    ("ConceptMap/$translate", {"system": CPT, "code": "%s"}),
    ("ConceptMap/$translate", {"system": CPT, "code": "%s", "sourceCode": "57460"}),
    ("ValueSet/$validate-code", {"url": GENDER, "code": "%s", "system": "http://hl7.org/fhir/administrative-gender"}),
    ("ValueSet/$expand", {"url": GENDER, "filter": "%s"}),
]  # fmt: skip
# The parameters of validations beside the code, and those that stand for all validations.
VALIDATIONS: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = [
    ([], [{"name": "url", "valueUri": CPT}]),
    ([{"name": "url", "valueUri": CPT}], [{"name": "displayLanguage", "valueCode": "de"}]),
    ([{"name": "display", "valueString": "x"}], [{"name": "url", "valueUri": CPT}]),
    ([{"name": "displey", "valueString": "x"}], [{"name": "url", "valueUri": CPT}]),
    ([{"name": "coding", "valueCoding": {"system": CPT, "code": "57520"}}], [{"name": "url", "valueUri": CPT}]),
    ([{"name": "url", "valueUri": CPT}, {"name": "abstract", "valueBoolean": True}], []),
    ([{"name": "url", "valueDecimal": 1.5}], []),
]  # fmt: skip


@pytest.fixture
def app(catalogue: Catalogue, settings: Settings) -> Flask:
    return create_app(settings, catalogue=catalogue)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def without_moment(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource without what differs from answer to answer."""
    resource.pop("id", None)
    for name in ("identifier", "timestamp"):
        resource.get("expansion", {}).pop(name, None)
    return resource


@pytest.mark.parametrize(("path", "query"), QUESTIONS)
@pytest.mark.parametrize("root", ["r4", "r5"])
def test_an_entry_is_answered_as_the_request_alone(
    client: FlaskClient, root: str, path: str, query: dict[str, str]
) -> None:
    urls = [
        f"{path}?{urlencode({name: value.replace('%s', c) for name, value in query.items()})}" for c in CODES
    ]
    urls += [urls[0].replace("=", "=%20", 1), f"{urls[0]}#fragment", urls[0].replace("57520", "é")]
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    batch = client.post(f"/fhir/{root}", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    for url, entry in zip(urls, batch.get_json()["entry"], strict=True):
        alone = client.get(f"/fhir/{root}/{url.partition('#')[0]}")
        assert entry["response"]["status"] == str(alone.status_code), url
        body = entry["response"]["outcome"] if alone.status_code >= 400 else entry["resource"]
        assert without_moment(body) == without_moment(alone.get_json()), url


@pytest.mark.parametrize(("own", "shared"), VALIDATIONS)
@pytest.mark.parametrize("root", ["r4", "r5"])
def test_a_validation_is_answered_as_alone_in_its_batch(
    client: FlaskClient, root: str, own: list[dict[str, Any]], shared: list[dict[str, Any]]
) -> None:
    validations = [
        {
            "name": "validation",
            "resource": {
                "resourceType": "Parameters",
                "parameter": [{"name": "code", "valueCode": c}, *own],
            },
        }
        for c in CODES
    ]

    def results(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        body = {"resourceType": "Parameters", "parameter": [*shared, *parts]}
        answer = client.post(f"/fhir/{root}/CodeSystem/$batch-validate-code", json=body).get_json()
        return [without_places(part["resource"]) for part in answer["parameter"]]

    assert results(validations) == [result for part in validations for result in results([part])]


def without_places(node: Any) -> Any:
    """The content without the places in a batch that issues name."""
    if isinstance(node, list):
        return [without_places(part) for part in node]
    if isinstance(node, dict):
        return {
            name: without_places(part)
            for name, part in node.items()
            if name not in ("expression", "location", "id")
        }
    return node


def test_alike_parts_are_read_once(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    hits: list[bool] = []
    answer = SharedInBatch.answer

    def noting(batch: SharedInBatch, request: Any) -> Any:
        document = answer(batch, request)
        hits.append(document is not None)
        return document

    monkeypatch.setattr(SharedInBatch, "answer", noting)
    codes = ["57520", "57522", "57460"]
    urls = [f"CodeSystem/$lookup?system={CPT}&code={code}" for code in codes]
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    client.post("/fhir/r4", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert hits == [True, True]
