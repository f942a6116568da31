"""Too costly requests over HTTP: refused in time, in every form, and the thread is free again."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.operations.limits import LONGEST_CODE
from tests.support.builders import body_of, code_system, concept, tx_resource, url_of, value_set

Json = dict[str, Any]

CODES = url_of("codes")
LOOKUP = f"/fhir/r4/CodeSystem/$lookup?system={CODES}&code="
EXPAND = f"ValueSet/$expand?url={url_of('all', 'vs/')}"


def client_of(**settings: Any) -> FlaskClient:
    system = code_system(CODES, *(concept(f"c{n}", f"Code {n}") for n in range(1_000)))
    content = Content([system, value_set("all", {"system": CODES})])
    return create_app(Settings(**settings), catalogue=content).test_client()


def chain(length: int) -> Json:
    """A code system whose codes are below one another in a row, by a property."""
    codes = [concept(f"c{n}", property=[{"code": "parent", "valueCode": f"c{n - 1}"}]) for n in range(length)]
    return code_system("chain", *codes, property=[{"code": "parent", "type": "code"}])


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
@pytest.mark.parametrize("media", ["application/fhir+json", "application/fhir+xml"])
def test_a_request_over_its_budget_is_refused_as_too_costly(release: str, media: str) -> None:
    client = client_of(max_work=10_000)
    for _ in range(2):  # the second time it may share what was prepared for the first
        answer = client.get(f"/fhir/{release}/{EXPAND}&filter=code", headers={"Accept": media})
        assert answer.status_code == 422
        assert "10,000 steps" in answer.text
        assert "too-costly" in answer.text
    assert client.get(LOOKUP + "c1").status_code == 200


def test_a_prepared_request_has_the_same_budget() -> None:
    client = client_of(max_work=50_000)
    assert client.get(f"/fhir/r4/{EXPAND}&filter=zzzzz").status_code == 200
    answer = client.get(f"/fhir/r4/{EXPAND}&filter=code")
    assert (answer.status_code, answer.json["issue"][0]["code"]) == (422, "too-costly")  # type: ignore[index]


def test_the_entries_of_a_batch_share_one_budget() -> None:
    client = client_of(max_work=500_000)
    entries = [{"request": {"method": "GET", "url": f"{EXPAND}&count=1000"}}] * 20
    batch = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answer = client.post("/fhir/r5", json=batch, content_type="application/fhir+json")
    statuses = [entry["response"]["status"][:3] for entry in answer.json["entry"]]  # type: ignore[index]
    answered = statuses.count("200")
    assert 0 < answered < 20
    assert statuses == ["200"] * answered + ["422"] * (20 - answered)


def test_a_request_ends_soon_after_its_deadline() -> None:
    client = client_of(deadline=1, max_work=10**12)
    assert client.post("/fhir/r5/$closure", json=body_of(name={"valueString": "t"})).status_code == 200
    codings = [
        {"name": "concept", "valueCoding": {"system": url_of("chain"), "code": f"c{n}"}} for n in range(600)
    ]
    body = body_of(*codings, tx_resource(chain(20_000)), name={"valueString": "t"})
    answer = client.post("/fhir/r5/$closure", json=body)
    assert answer.status_code == 422
    assert "1 seconds" in answer.text
    assert client.get(LOOKUP + "c1").status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_code_that_is_too_long_is_refused_after_a_prepared_one(method: str) -> None:
    client = client_of()
    for code, status in (("c1", 200), ("c2", 200), ("x" * (LONGEST_CODE + 1), 413)):
        body = body_of(system={"valueUri": CODES}, code={"valueCode": code})
        path = LOOKUP + code if method == "GET" else LOOKUP.partition("?")[0]
        answer = client.get(path) if method == "GET" else client.post(path, json=body)
        assert answer.status_code == status
    assert f"{LONGEST_CODE:,} characters" in answer.text


def test_a_search_has_a_bounded_number_of_values() -> None:
    client = client_of()
    for query in ("url=" + ",".join(map(str, range(501))), "&".join(["name:contains=a"] * 501)):
        answer = client.get(f"/fhir/r5/ValueSet?{query}")
        assert (answer.status_code, "at most 500 values" in answer.text) == (422, True)
