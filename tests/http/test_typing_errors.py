"""A parameter or property whose name is nearly right is pointed out; docs/design.md says where."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from tests.support.asking import value
from tests.support.builders import BASE, body_of, code_system, concept, concept_map, value_set
from tests.support.engine import catalogue_of
from tests.support.pets import Json

SYSTEM, SET = f"{BASE}/loaf", f"{BASE}/vs/loaves"
BOTH_RELEASES = pytest.mark.parametrize("release", ["r4", "r5"])
DOCUMENTS = [
    code_system(
        SYSTEM,
        concept("a", "Loaf", property=[{"code": "technique", "valueString": "baking"}]),
        property=[{"code": "technique", "type": "string"}],
        version="1",
    ),
    value_set(SET, {"system": SYSTEM}, version="1"),
    concept_map("m", SYSTEM, "far", [{"code": "a", "target": [{"code": "f", "relationship": "equivalent"}]}]),
]


@pytest.fixture(scope="module")
def http() -> FlaskClient:
    return create_app(Settings(environment={}, data=""), catalogue=catalogue_of(DOCUMENTS)).test_client()


def asked(http: FlaskClient, release: str, path: str, as_body: bool, **values: str) -> tuple[int, str, Json]:
    """Status, header ``Warning`` and answer."""
    place = f"/fhir/{release}/{path}"
    if as_body:
        nodes = [{"name": name, "valueString": text} for name, text in values.items()]
        response = http.post(place, json=body_of(*nodes))
    else:
        response = http.get(place, query_string=values)
    return response.status_code, response.headers.get("Warning", ""), response.get_json()


def texts(outcome: Json) -> list[str]:
    return [issue["details"]["text"] for issue in outcome["issue"]]


FAILING = [
    ("CodeSystem/$lookup", {"sytem": SYSTEM, "code": "a"}, "sytem", "system"),
    ("CodeSystem/$lookup", {"system": SYSTEM, "cod": "a"}, "cod", "code"),
    ("CodeSystem/$validate-code", {"ulr": SYSTEM, "codee": "a"}, "codee", "code"),
    ("CodeSystem/$subsumes", {"system": SYSTEM, "codeA": "a", "codB": "a"}, "codB", "codeB"),
    ("ValueSet/$expand", {"value-set-version": "1"}, "value-set-version", "valueSetVersion"),
    ("ValueSet/$validate-code", {"url": SET, "sytem": SYSTEM, "code": "a"}, "sytem", "system"),
    ("ConceptMap/$translate", {"sytem": SYSTEM, "code": "a"}, "sytem", "system"),
    ("ConceptMap/$translate", {"soureSystem": SYSTEM, "sourceCode": "a"}, "soureSystem", "sourceSystem"),
]  # fmt: skip


@BOTH_RELEASES
@pytest.mark.parametrize("as_body", [False, True])
@pytest.mark.parametrize(("path", "values", "wrong", "right"), FAILING)
def test_an_error_names_the_parameter_that_was_meant(
    http: FlaskClient, release: str, as_body: bool, path: str, values: dict[str, str], wrong: str, right: str
) -> None:
    status, _, answer = asked(http, release, path, as_body, **values)
    assert status >= 400
    (issue,) = answer["issue"]
    # The texts of $validate-code are HL7's.
    place = issue["diagnostics"] if "validate-code" in path else issue["details"]["text"]
    assert f"The parameter '{wrong}' is unknown, and was ignored. Did you mean '{right}'?" in place


ANSWERED = [
    ("CodeSystem/$lookup", {"system": SYSTEM, "code": "a", "propery": "x"}, "propery", "property"),
    ("CodeSystem/$subsumes", {"system": SYSTEM, "codeA": "a", "codeB": "a", "versoin": "1"}, "versoin", "version"),
    ("CodeSystem/$validate-code", {"url": SYSTEM, "code": "a", "dispaly": "x"}, "dispaly", "display"),
    ("ValueSet/$expand", {"url": SET, "includeDesignation": "true"}, "includeDesignation", "includeDesignations"),
    ("ValueSet/$expand", {"url": SET, "active_only": "true"}, "active_only", "activeOnly"),
    (
        "ValueSet/$validate-code",
        {"url": SET, "system": SYSTEM, "code": "a", "displayLanguages": "de"},
        "displayLanguages",
        "displayLanguage",
    ),
    ("ConceptMap/$translate", {"system": SYSTEM, "code": "a", "targetsytem": "x"}, "targetsytem", "targetSystem"),
    ("CodeSystem", {"urll": SYSTEM}, "urll", "url"),
]  # fmt: skip


@BOTH_RELEASES
@pytest.mark.parametrize("as_body", [False, True])
@pytest.mark.parametrize(("path", "values", "wrong", "right"), ANSWERED)
def test_an_answer_warns_of_the_parameter_that_was_ignored(
    http: FlaskClient, release: str, as_body: bool, path: str, values: dict[str, str], wrong: str, right: str
) -> None:
    if as_body and "$" not in path:
        pytest.skip("a search has no Parameters")
    text = f"The parameter '{wrong}' is unknown, and was ignored. Did you mean '{right}'?"
    for _ in range(3):  # also where the request comes again
        status, warning, answer = asked(http, release, path, as_body, **values)
        assert (status, warning) == (200, f'199 terminology-adapter "{text}"')
        if path.endswith("$validate-code"):
            assert texts(value(answer, "issues")["resource"]) == [text]
            assert value(answer, "result") is True
        if path.endswith("$translate"):
            assert value(answer, "message") == text


@BOTH_RELEASES
def test_each_validation_of_a_batch_has_its_own_warnings(http: FlaskClient, release: str) -> None:
    def one(*names: str) -> Json:
        """A validation with the value "a" for each name."""
        nodes = [{"name": "url", "valueUri": SYSTEM}, *({"name": n, "valueString": "a"} for n in names)]
        return {"name": "validation", "resource": body_of(*nodes)}

    path = f"/fhir/{release}/CodeSystem/$batch-validate-code"
    answer = http.post(path, json=body_of(one("code", "dispaly"), one("code"), one("codee"))).get_json()
    first, second, third = (node["resource"] for node in answer["parameter"])
    assert "Did you mean 'code'?" in third["issue"][0]["diagnostics"]
    assert "Did you mean 'display'?" in texts(value(first, "issues")["resource"])[0]
    assert value(second, "issues") is None


@BOTH_RELEASES
def test_an_entry_of_a_batch_has_warnings_in_its_outcome(http: FlaskClient, release: str) -> None:
    url = f"CodeSystem/$lookup?system={quote(SYSTEM)}&code=a"
    entries = [{"request": {"method": "GET", "url": each}} for each in (f"{url}&propery=x", url)]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    first, second = http.post(f"/fhir/{release}", json=bundle).get_json()["entry"]
    assert "Did you mean 'property'?" in texts(first["response"]["outcome"])[0]
    assert first["response"]["outcome"]["issue"][0]["severity"] == "warning"
    assert "outcome" not in second["response"]


PROPERTIES: list[tuple[str, dict[str, Any]]] = [
    ("CodeSystem/$lookup", {"system": SYSTEM, "code": "a"}),
    ("ValueSet/$expand", {"url": SET}),
]


@BOTH_RELEASES
@pytest.mark.parametrize("as_body", [False, True])
@pytest.mark.parametrize(("path", "values"), PROPERTIES)
def test_a_property_that_is_nearly_one_is_pointed_out(
    http: FlaskClient, release: str, as_body: bool, path: str, values: dict[str, str]
) -> None:
    for _ in range(3):
        status, warning, _ = asked(http, release, path, as_body, **values, property="techniqe")
        text = "There is no property 'techniqe'. Did you mean 'technique'?"
        assert (status, warning) == (200, f'199 terminology-adapter "{text}"')
    for right in ("technique", "status", "definition", "parent", "*", "display", "other"):
        assert asked(http, release, path, as_body, **values, property=right)[:2] == (200, "")


@BOTH_RELEASES
@pytest.mark.parametrize(
    "name",
    [
        "profile",
        "x-system",
        "no-cache",
        "manifest",
        "_format",
        "sys\ntem",
        "systém",
        "ur",
        "mode",
        "codeA",
        "name",
    ],
)
def test_a_parameter_of_other_servers_is_ignored_in_silence(
    http: FlaskClient, release: str, name: str
) -> None:
    more = {name: "json" if name == "_format" else "x"}
    for path, values in [
        *PROPERTIES,
        ("ValueSet/$validate-code", {"url": SET, "system": SYSTEM, "code": "a"}),
    ]:
        status, warning, answer = asked(http, release, path, False, **values, **more)
        assert (status, warning) == (200, "")
        assert "issues" not in str(answer)


@BOTH_RELEASES
def test_a_strict_client_is_told_what_was_meant(http: FlaskClient, release: str) -> None:
    path = f"/fhir/{release}/CodeSystem/$lookup?sytem=x&code=a"
    refused = http.get(path, headers={"Prefer": "handling=strict"})
    assert refused.status_code == 400
    assert "$lookup has no parameter 'sytem'. Did you mean 'system'?" in texts(refused.get_json())[0]


@BOTH_RELEASES
@pytest.mark.parametrize("name", ["valueset", "valueSet"])
def test_a_value_set_that_is_only_named_is_asked_for_by_url(
    http: FlaskClient, release: str, name: str
) -> None:
    for as_body in (False, True):
        status, _, answer = asked(http, release, "ValueSet/$expand", as_body, **{name: SET})
        assert status == 400 and "one of this server" in texts(answer)[0] and "'url'" in texts(answer)[0]
