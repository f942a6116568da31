"""What is advertised is what works."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue import Catalogue
from terminology.wire.operations import OPERATIONS
from terminology.wire.releases import RELEASES

ROOTS = ["r4", "r4b", "r5", "r6"]


@pytest.fixture(scope="module")
def http(catalogue: Catalogue) -> FlaskClient:
    return create_app(catalogue, Settings(environment={}, data="", r6=True)).test_client()


def statement(http: FlaskClient, root: str) -> dict[str, Any]:
    return dict(http.get(f"/fhir/{root}/metadata").get_json())


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_says_which_release_it_speaks(http: FlaskClient, root: str) -> None:
    assert statement(http, root)["fhirVersion"] == RELEASES[root].version
    answer = http.get(f"/fhir/{root}/$versions").get_json()
    assert {p["name"]: p["valueCode"] for p in answer["parameter"]} == {
        "version": RELEASES[root].short,
        "default": RELEASES[root].short,
    }


@pytest.mark.parametrize("root", ROOTS)
def test_every_operation_that_is_advertised_answers_and_every_one_that_answers_is_advertised(
    http: FlaskClient, root: str
) -> None:
    rest = statement(http, root)["rest"][0]
    advertised = {(r["type"], o["name"]) for r in rest["resource"] for o in r.get("operation", ())}
    assert advertised == {key for key, row in OPERATIONS.items() if row.is_in(RELEASES[root])}
    for kind, name in advertised:
        response = http.post(f"/fhir/{root}/{kind}/${name}", json={"resourceType": "Parameters"})
        assert response.status_code in (400, 422)  # it is there, and says what it needs
        assert "not offered" not in response.text
    for operation in rest["operation"]:
        response = http.post(f"/fhir/{root}/${operation['name']}", json={"resourceType": "Parameters"})
        assert response.status_code in (200, 400, 404) and "not offered" not in response.text


@pytest.mark.parametrize("root", ROOTS)
def test_every_search_parameter_and_interaction_that_is_advertised_works(
    http: FlaskClient, root: str
) -> None:
    sample = {"date": "2026", "token": "x", "uri": "http://x", "string": "x"}
    for resource in statement(http, root)["rest"][0]["resource"]:
        kind = resource["type"]
        assert [i["code"] for i in resource["interaction"]] == ["read", "vread", "search-type"]
        for parameter in resource["searchParam"]:
            path = f"/fhir/{root}/{kind}?{parameter['name']}={sample[parameter['type']]}"
            assert http.get(path, headers={"Prefer": "handling=strict"}).status_code == 200, path


@pytest.mark.parametrize("root", ROOTS)
def test_TerminologyCapabilities_lists_every_code_system_with_its_versions(
    http: FlaskClient, root: str, catalogue: Catalogue
) -> None:
    document = http.get(f"/fhir/{root}/metadata?mode=terminology").get_json()
    listed = {(s["uri"], v["code"]) for s in document["codeSystem"] for v in s.get("version", ())}
    held = {
        (d["url"], d["version"])
        for d in catalogue.documents("CodeSystem")
        if d.get("content") != "supplement"
    }
    assert held <= listed
    for system in document["codeSystem"]:
        versions = system.get("version", [])
        assert sum(v["isDefault"] for v in versions) == (1 if versions else 0)
        code = next(iter(held))[0]
        assert code


@pytest.mark.parametrize("root", ROOTS)
def test_the_ecosystem_finds_what_it_demands_of_metadata(http: FlaskClient, root: str) -> None:
    document = statement(http, root)
    assert document["instantiates"] == ["http://hl7.org/fhir/CapabilityStatement/terminology-server"]
    assert document["rest"][0]["security"]["service"]
    assert document["software"].keys() == {"name", "version", "releaseDate"}
    features = {
        e["extension"][0]["valueCanonical"]: e["extension"][1]
        for e in document["extension"]
        if e["url"] == "http://hl7.org/fhir/uv/application-feature/StructureDefinition/feature"
    }
    by_name = {url.rpartition("/")[2]: part for url, part in features.items()}
    assert by_name["test-version"] == {"url": "value", "valueCode": "1.9.3"}
    assert by_name["CodeSystemAsParameter"] == {"url": "value", "valueBoolean": True}
