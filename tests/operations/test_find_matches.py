"""Does CodeSystem $find-matches find the codes that have the properties asked for?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology import Settings, create_app
from terminology.core.model import Typed
from terminology.operations.find_matches import FindMatchesRequest, SoughtProperty, find_matches
from tests.support.builders import body_of, concept
from tests.support.engine import catalogue_of

URL = "http://example.org/knives"

Json = dict[str, Any]


def knife(code: str, display: str, **properties: Json) -> Json:
    return concept(code, display, property=[{"code": name, **value} for name, value in properties.items()])


COLD, HOT = {"valueCode": "cold"}, {"valueCode": "hot"}
ONE, TWO = {"valueInteger": 1}, {"valueInteger": 2}
YES, NO = {"valueBoolean": True}, {"valueBoolean": False}
SITE = {"valueCoding": {"system": "http://example.org/sites", "code": "cervix"}}

KNIVES = {
    "resourceType": "CodeSystem",
    "id": "knives",
    "url": URL,
    "version": "1",
    "status": "active",
    "content": "complete",
    "property": [
        {"code": "energy", "type": "code"},
        {"code": "edges", "type": "integer"},
        {"code": "sharp", "type": "boolean"},
        {"code": "site", "type": "Coding"},
    ],
    "concept": [
        knife("knife", "Cold knife", energy=COLD, edges=ONE, sharp=YES, site=SITE),
        knife("loop", "Hot wire loop", energy=HOT, edges=ONE, sharp=NO, site=SITE),
        knife("laser", "Laser knife", energy=HOT, edges=TWO, sharp=NO),
    ],
}


@pytest.fixture(scope="module")
def client() -> Any:
    return create_app(
        Settings(environment={}, data="", r6=True), catalogue=catalogue_of([KNIVES])
    ).test_client()


def sought(code: str, value: Json) -> Json:
    return {"name": "property", "part": [{"name": "code", "valueCode": code}, {"name": "value", **value}]}


def search_body(*properties: Json, exact: bool | None = True, system: str | None = URL) -> Json:
    nodes = list(properties)
    nodes += [{"name": "exact", "valueBoolean": exact}] if exact is not None else []
    nodes += [{"name": "system", "valueUri": system}] if system else []
    return body_of(*nodes)


def post(client: Any, sent: Json, path: str = "r5/CodeSystem") -> Any:
    return client.post(f"/fhir/{path}/$find-matches", json=sent)


def matches(client: Any, *properties: Json, exact: bool = True) -> dict[str, list[str]]:
    """The codes found, each with the properties that it does not have."""
    answer = post(client, search_body(*properties, exact=exact))
    assert answer.status_code == 200, answer.json
    found = {}
    for match in answer.json.get("parameter", ()):
        code = next(part["valueCoding"]["code"] for part in match["part"] if part["name"] == "code")
        unmatched = (part["part"] for part in match["part"] if part["name"] == "unmatched")
        found[code] = [parts[0]["valueCode"] for parts in unmatched]
    return found


FOUND = [
    ("by a code", [sought("energy", HOT)], {"loop": [], "laser": []}),
    ("by an integer", [sought("edges", TWO)], {"laser": []}),
    ("by a boolean", [sought("sharp", YES)], {"knife": []}),
    ("by a Coding", [sought("site", SITE)], {"knife": [], "loop": []}),
    ("by a display", [sought("display", {"valueString": "Laser knife"})], {"laser": []}),
    ("all properties must match", [sought("energy", HOT), sought("edges", ONE)], {"loop": []}),
    ("nothing matches", [sought("energy", {"valueCode": "warm"})], {}),
    (
        "no code has all: those with most, and what they have not",
        [sought("energy", COLD), sought("edges", TWO), sought("sharp", NO)],
        {"laser": ["energy"]},
    ),
    (
        "several codes may be as near",
        [sought("energy", COLD), sought("edges", TWO)],
        {"knife": ["edges"], "laser": ["energy"]},
    ),
]


@pytest.mark.parametrize("title,properties,expected", FOUND, ids=[row[0] for row in FOUND])
def test_found(client: Any, title: Any, properties: Any, expected: Any) -> None:
    assert matches(client, *properties) == expected


def test_a_search_that_is_not_exact_finds_displays_and_partial_matches(client: Any) -> None:
    """For a human (exact is false) displays are searched, and a partial match gets a comment."""
    word = sought("display", {"valueString": "knife"})
    assert matches(client, word, exact=True) == {}
    assert matches(client, word, exact=False) == {"knife": [], "laser": []}
    answer = post(client, search_body(sought("energy", COLD), sought("edges", TWO), exact=False)).json
    comments = [
        part["valueString"] for m in answer["parameter"] for part in m["part"] if part["name"] == "comment"
    ]
    assert comments == ["1 of 2 properties match"] * 2


def test_a_match_is_a_coding_with_its_display_and_version(client: Any) -> None:
    answer = post(client, search_body(sought("sharp", YES))).json
    coding = {"system": URL, "version": "1", "code": "knife", "display": "Cold knife"}
    assert answer["parameter"] == [{"name": "match", "part": [{"name": "code", "valueCoding": coding}]}]


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_an_instance_needs_no_system(client: Any, release: Any) -> None:
    answer = post(client, search_body(sought("sharp", YES), system=None), f"{release}/CodeSystem/knives")
    assert answer.json["parameter"][0]["part"][0]["valueCoding"]["code"] == "knife"


REFUSALS = [
    ("'exact' is 1..1", search_body(sought("sharp", YES), exact=None), 400),
    ("there is nothing to find", search_body(), 400),
    ("no system", search_body(sought("sharp", YES), system=None), 400),
    ("an unknown system", search_body(sought("sharp", YES), system="urn:x"), 404),
    ("a property that the system does not have", search_body(sought("colour", COLD)), 422),
    (
        "a property without a value",
        search_body({"name": "property", "part": [{"name": "code", "valueCode": "sharp"}]}),
        400,
    ),
    (
        "sub-properties",
        search_body(
            {"name": "property", "part": [{"name": "code", "valueCode": "site"}, {"name": "subproperty"}]}
        ),
        422,
    ),
]


@pytest.mark.parametrize("title,sent,status", REFUSALS, ids=[row[0] for row in REFUSALS])
def test_refused(client: Any, title: Any, sent: Any, status: Any) -> None:
    answer = post(client, sent)
    assert (answer.status_code, answer.json["resourceType"]) == (status, "OperationOutcome")


def test_a_property_has_parts_and_cannot_stand_in_a_url(client: Any) -> None:
    answer = client.get(f"/fhir/r4/CodeSystem/$find-matches?system={URL}&exact=true&property=sharp")
    assert answer.status_code == 400
    assert "POST" in answer.json["issue"][0]["details"]["text"]


def test_r6_has_no_find_matches(client: Any) -> None:
    assert post(client, search_body(sought("sharp", YES)), "r6/CodeSystem").status_code == 404
    resources = client.get("/fhir/r6/metadata").json["rest"][0]["resource"]
    operations = next(r["operation"] for r in resources if r["type"] == "CodeSystem")
    assert "find-matches" not in [operation["name"] for operation in operations]


# -- law -----------------------------------------------------------------------------------------

VALUES = ["a", "b", "c"]


@given(
    st.lists(
        st.fixed_dictionaries({name: st.sampled_from(VALUES) for name in "pqr"}), min_size=1, max_size=6
    ),
    st.dictionaries(st.sampled_from("pqr"), st.sampled_from(VALUES), min_size=1),
)
def test_no_code_matches_better_than_those_found(concepts: Any, wanted: Any) -> None:
    document = {
        **KNIVES,
        "property": [{"code": name, "type": "string"} for name in "pqr"],
        "concept": [
            knife(str(n), "", **{name: {"valueString": value} for name, value in properties.items()})
            for n, properties in enumerate(concepts)
        ],
    }
    properties = [SoughtProperty(name, Typed("string", value)) for name, value in wanted.items()]
    found = find_matches(catalogue_of([document]), FindMatchesRequest(URL, None, properties, True))
    score = {str(n): sum(c[name] == value for name, value in wanted.items()) for n, c in enumerate(concepts)}
    best = max(score.values())
    expected = {code for code, count in score.items() if count == best and best}
    assert {match.coding.code for match in found} == expected
    assert all(len(match.unmatched) == len(wanted) - best for match in found)
