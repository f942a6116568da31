"""What is advertised is what works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue.protocol import Catalogue
from terminology.wire.fhir_versions import RELEASES
from terminology.wire.operation import BASE, Operation
from terminology.wire.operation_table import OPERATIONS
from tests.support import fhir_checks

ROOTS = ["r4", "r4b", "r5", "r6"]


@pytest.fixture(scope="module")
def http(catalogue: Catalogue) -> FlaskClient:
    return create_app(Settings(environment={}, data="", r6=True), catalogue=catalogue).test_client()


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
def test_the_advertised_operations_are_those_that_answer(http: FlaskClient, root: str) -> None:
    """Every operation that is advertised answers, and every one that answers is advertised."""
    rest = statement(http, root)["rest"][0]
    advertised = {(r["type"], o["name"]) for r in rest["resource"] for o in r.get("operation", ())}
    assert advertised == {
        key for key, row in OPERATIONS.items() if key[0] != BASE and row.is_in(RELEASES[root])
    }
    for kind, name in advertised:
        response = http.post(f"/fhir/{root}/{kind}/${name}", json={"resourceType": "Parameters"})
        assert response.status_code in (400, 422)  # it is there, and says what it needs
        assert "is not supported on" not in response.text
    for operation in rest["operation"]:
        response = http.post(f"/fhir/{root}/${operation['name']}", json={"resourceType": "Parameters"})
        assert response.status_code in (200, 400, 404) and "is not supported on" not in response.text


@pytest.mark.parametrize("root", ROOTS)
def test_every_search_parameter_and_interaction_that_is_advertised_works(
    http: FlaskClient, root: str
) -> None:
    sample = {"date": "2026", "token": "x", "uri": "http://x", "string": "x", "reference": "x"}
    for resource in statement(http, root)["rest"][0]["resource"]:
        kind = resource["type"]
        assert [i["code"] for i in resource["interaction"]] == [
            *("read", "vread", "history-instance", "search-type")
        ]
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
        if d.get("content") != "supplement" and "version" in d
    }
    assert held <= listed
    for system in document["codeSystem"]:
        versions = system.get("version", [])
        assert sum(v["isDefault"] for v in versions) == (1 if versions else 0)
        code = next(iter(held))[0]
        assert code


@pytest.mark.parametrize("root", ROOTS)
def test_what_TerminologyCapabilities_lists_is_found_by_a_search(http: FlaskClient, root: str) -> None:
    """Grammars, too: each has a CodeSystem without codes, which can be read, and asked."""
    document = http.get(f"/fhir/{root}/metadata?mode=terminology").get_json()
    listed = {(s["uri"], v.get("code")) for s in document["codeSystem"] for v in s.get("version", [{}])}
    found = http.get(f"/fhir/{root}/CodeSystem?_count=1000&_elements=url,version,content").get_json()
    resources = [(entry["fullUrl"], entry["resource"]) for entry in found["entry"]]
    usable = {(r["url"], r.get("version")) for _, r in resources if r["content"] != "supplement"}
    assert listed == usable
    assert document["codeSearch"] == ("explicit" if RELEASES[root].is_r4 else "in-compose")
    builtin = {r["url"]: place for place, r in resources if r["content"] == "not-present"}
    assert {f"urn:iso:std:iso:{n}" for n in ("3166", "3166:-2", "4217")} < builtin.keys()
    assert {"http://unitsofmeasure.org", "urn:ietf:bcp:13", "urn:ietf:bcp:47"} < builtin.keys()
    for url, place in builtin.items():
        (entry,) = http.get(f"/fhir/{root}/CodeSystem?url={url}").get_json()["entry"]
        read = http.get(place.removeprefix("http://localhost"))
        stub = read.get_json()
        assert stub == entry["resource"]
        assert {"url", "name", "title", "status", "content"} < stub.keys() and "concept" not in stub
        if root in fhir_checks.RELEASES:
            for judge in (
                fhir_checks.against_models,
                fhir_checks.against_schema,
                fhir_checks.against_constraints,
            ):
                assert judge(root, stub) == []


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(
    ("url", "code"),
    [("http://unitsofmeasure.org", "mm[Hg]"), ("urn:ietf:bcp:47", "DE-ch"), ("urn:iso:std:iso:4217", "CHF")],
)
def test_a_code_of_a_grammar_is_found_and_can_be_asked_there(
    http: FlaskClient, root: str, url: str, code: str
) -> None:
    for token, total in ((code, 1), (f"{url}|{code}", 1), (f"{url}|no such", 0)):
        found = http.get(f"/fhir/{root}/CodeSystem", query_string={"url": url, "code": token}).get_json()
        assert found["total"] == total
    (entry,) = http.get(f"/fhir/{root}/CodeSystem", query_string={"url": url}).get_json()["entry"]
    place = entry["fullUrl"].removeprefix("http://localhost")
    validated = http.get(f"{place}/$validate-code", query_string={"code": code}).get_json()
    assert {"name": "result", "valueBoolean": True} in validated["parameter"]
    assert http.get(f"{place}/$lookup", query_string={"code": code}).status_code == 200


@pytest.mark.parametrize("root", ["r4", "r5"])
def test_a_version_of_a_grammar_that_is_not_here_is_unknown(http: FlaskClient, root: str) -> None:
    """The resource of a grammar has no codes, but that is not why."""
    include = {"system": "http://unitsofmeasure.org", "version": "99"}
    value_set = {"resourceType": "ValueSet", "status": "active", "compose": {"include": [include]}}
    answer = http.post(f"/fhir/{root}/ValueSet/$expand", json=value_set)
    assert answer.status_code >= 400 and "version '99'" in answer.text and "not-present" not in answer.text


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


# What HL7 publishes an OperationDefinition of: https://hl7.org/fhir/R5/terminology-service.html.
OF_HL7 = {
    *("CodeSystem-lookup", "CodeSystem-validate-code", "CodeSystem-subsumes", "CodeSystem-find-matches"),
    *("ValueSet-expand", "ValueSet-validate-code", "ConceptMap-translate"),
    *("ConceptMap-closure", "CapabilityStatement-versions"),
}


@pytest.mark.parametrize("root", ROOTS)
def test_no_definition_is_ascribed_to_HL7_that_it_does_not_publish(http: FlaskClient, root: str) -> None:
    rest = statement(http, root)["rest"][0]
    named = [o for r in rest["resource"] for o in r.get("operation", ())] + rest["operation"]
    core = "http://hl7.org/fhir/OperationDefinition/"
    ascribed = {o["definition"].removeprefix(core) for o in named if o["definition"].startswith(core)}
    assert ascribed <= OF_HL7
    elsewhere = {o["name"] for o in named if not o["definition"].startswith(core)}
    assert elsewhere == {"batch-validate-code", "batch-translate", "cache-control", "related", "compare"}


@dataclass(slots=True)
class CountRequest:
    system: str | None = None


def test_an_operation_without_an_instance_is_offered_on_the_type_alone(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation whose request has no instance is offered on the type alone."""
    http = create_app(Settings(environment={}, data="", r6=True), catalogue=catalogue).test_client()
    answer = {"resourceType": "Parameters"}
    row = Operation(CountRequest, lambda catalogue, request: 1, lambda found: dict(answer), ())
    monkeypatch.setitem(OPERATIONS, ("CodeSystem", "count"), row)
    assert http.get("/fhir/r5/CodeSystem/$count").get_json() == answer
    response = http.get("/fhir/r5/CodeSystem/cpt/$count")
    assert response.status_code == 404
    assert (
        "is not supported on one CodeSystem; use CodeSystem/$count"
        in response.get_json()["issue"][0]["details"]["text"]
    )
    resources = statement(http, "r5")["rest"][0]["resource"]
    operations = {o["name"]: o["definition"] for r in resources for o in r.get("operation", ())}
    assert operations["count"] == "http://localhost/fhir/r5/OperationDefinition/CodeSystem-count"


@pytest.mark.parametrize("mode", ["full", "normative", "terminology", ""])
def test_metadata_has_the_modes_of_FHIR_and_no_others(http: FlaskClient, mode: str) -> None:
    wanted = "TerminologyCapabilities" if mode == "terminology" else "CapabilityStatement"
    assert http.get(f"/fhir/r5/metadata?mode={mode}").get_json()["resourceType"] == wanted
    junk = http.get("/fhir/r5/metadata?mode=junk")
    assert junk.status_code == 400 and junk.get_json()["issue"][0]["code"] == "value"


def test_the_metadata_summary_omits_search_parameters_and_is_tagged(
    http: FlaskClient,
) -> None:
    """The summary of metadata is without search parameters, and says that it is a part."""
    short = http.get("/fhir/r4/metadata?_summary=true").get_json()
    assert short["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert not any("searchParam" in resource for resource in short["rest"][0]["resource"])
    assert short["rest"][0]["operation"] and short["instantiates"] and short["fhirVersion"] == "4.0.1"
    assert "searchParam" in statement(http, "r4")["rest"][0]["resource"][0]


@pytest.mark.parametrize("root", ROOTS)
def test_what_date_does_is_documented_wherever_it_is_taken(http: FlaskClient, root: str) -> None:
    documented = {
        (resource["type"], operation["name"])
        for resource in statement(http, root)["rest"][0]["resource"]
        for operation in resource.get("operation", ())
        if "A date in the past is refused" in operation.get("documentation", "")
    }
    rows = {key: row for key, row in OPERATIONS.items() if row.is_in(RELEASES[root])}
    assert documented == {key for key, row in rows.items() if "date" in names(row)}
    assert ("ConceptMap", "translate") in documented
    terminology = http.get(f"/fhir/{root}/metadata?mode=terminology").get_json()
    (date,) = [p for p in terminology["expansion"]["parameter"] if p["name"] == "date"]
    assert "A date in the past is refused" in date["documentation"]


def names(row: Operation) -> set[str]:
    return {name for parameter in row.parameters for name in parameter.names}
