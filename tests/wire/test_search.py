"""Searching: https://hl7.org/fhir/R5/search.html, on the published content."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue.content import Content

CPT = "http://www.ama-assn.org/go/cpt"


def found(client: FlaskClient, query: str, root: str = "r4") -> dict[str, Any]:
    response = client.get(f"/fhir/{root}/{query}")
    assert response.status_code == 200, response.text
    return dict(response.get_json())


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]


def links(bundle: dict[str, Any]) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in bundle["link"]}


@pytest.mark.parametrize("root", ["r4", "r4b", "r5"])
@pytest.mark.parametrize("kind", ["CodeSystem", "ValueSet", "ConceptMap", "NamingSystem"])
def test_every_resource_is_found_and_can_be_read_where_the_bundle_says(
    client: FlaskClient, root: str, kind: str
) -> None:
    bundle = found(client, f"{kind}?_count=1000", root)
    assert bundle["total"] == len(bundle["entry"]) > 0
    for entry in bundle["entry"]:
        read = client.get(entry["fullUrl"].removeprefix("http://localhost"))
        assert read.get_json() == entry["resource"]


@pytest.mark.parametrize(
    "query",
    [
        f"url={CPT}",
        f"system={CPT}",
        f"url={CPT}&content-mode=fragment",
        f"url={CPT},http://example.org/other",
        f"url:below={CPT[:30]}&url:above={CPT}/x&url={CPT}",
        f"code=57520&url={CPT}",
        f"url={CPT}&status=active,draft",
        f"url={CPT}&status:not=retired",
        f"url={CPT}&title:missing=false",
        f"url={CPT}&date=ge2000&date=lt2100-01-01",
    ],
)
def test_a_search_finds_what_it_says(client: FlaskClient, query: str) -> None:
    bundle = found(client, f"CodeSystem?{query}")
    assert [entry["resource"]["url"] for entry in bundle["entry"]] == [CPT]


def test_a_canonical_with_its_version_is_url_and_version(client: FlaskClient) -> None:
    version = found(client, f"CodeSystem?url={CPT}")["entry"][0]["resource"]["version"]
    assert found(client, f"CodeSystem?url={CPT}%5C|{version}")["total"] == 1, "the bar may come escaped"
    assert found(client, f"CodeSystem?url={CPT}|{version}")["total"] == 1
    assert found(client, f"CodeSystem?url={CPT}&version={version}")["total"] == 1
    assert found(client, f"CodeSystem?url={CPT}|none")["total"] == 0


def test_strings_begin_without_regard_to_case_and_accents(client: FlaskClient) -> None:
    resource = found(client, f"CodeSystem?url={CPT}")["entry"][0]["resource"]
    name, title = resource["name"], resource["title"]
    assert resource["id"] in ids(found(client, f"CodeSystem?name={name[:4].upper()}"))
    assert resource["id"] in ids(found(client, f"CodeSystem?title:contains={title[2:9].lower()}"))
    assert ids(found(client, f"CodeSystem?name:exact={name}")) == [resource["id"]]
    assert ids(found(client, f"CodeSystem?name:exact={name.lower()}")) == []


def test_an_identifier_is_a_token_with_or_without_its_system(client: FlaskClient) -> None:
    resource = found(client, f"CodeSystem?url={CPT}")["entry"][0]["resource"]
    (identifier,) = resource["identifier"]
    for token in (identifier["value"], f"{identifier['system']}|{identifier['value']}"):
        assert ids(found(client, f"CodeSystem?identifier={token}")) == [resource["id"]]
    assert found(client, f"CodeSystem?identifier=|{identifier['value']}")["total"] == 0


DATED = {"year": "2020", "month": "2020-05", "day": "2020-05-17", "instant": "2020-05-17T23:30:00+02:00"}
ALL = set(DATED)


@pytest.mark.parametrize(
    ("date", "wanted"),
    [
        ("2020", ALL),
        ("eq2020-05", {"month", "day", "instant"}),
        ("2020-05-17", {"day", "instant"}),
        ("2020-05-17T21:30:00Z", {"instant"}),
        ("2020-05-17T21:30Z", {"instant"}),
        ("2020-05-17T23:30:00Z", set()),
        ("ne2020-05", {"year"}),
        ("gt2020-05-17", {"year", "month"}),
        ("ge2020-05-17", ALL),
        ("lt2020-05-17", {"year", "month"}),
        ("le2020-05-17", ALL),
        ("gt2020-05-17T21:30:00Z", {"year", "month", "day"}),
        ("sa2020-05-16", {"day", "instant"}),
        ("eb2020-06", {"month", "day", "instant"}),
        ("sa2020-12-31", set()),
        ("gt2019&date=lt2021", ALL),
        ("2019,2020-05-17", {"day", "instant"}),
    ],
)
def test_a_date_is_compared_as_the_span_of_time_that_it_may_mean(date: str, wanted: set[str]) -> None:
    """https://hl7.org/fhir/R5/search.html#date"""
    systems = [
        {"resourceType": "CodeSystem", "id": id_, "status": "active", "content": "not-present", "date": when}
        for id_, when in DATED.items()
    ]
    undated = {"resourceType": "CodeSystem", "id": "undated", "status": "active", "content": "not-present"}
    settings = Settings(environment={}, data="", bundled=False)
    http = create_app(settings, catalogue=Content([*systems, undated])).test_client()
    assert set(ids(found(http, f"CodeSystem?date={date.replace('+', '%2B')}"))) == wanted


def test_a_period_may_have_an_open_end() -> None:
    names = [
        {
            "resourceType": "NamingSystem",
            "id": id_,
            "status": "active",
            "kind": "codesystem",
            "uniqueId": [{"type": "uri", "value": "urn:x", "period": period}],
            "contact": [{"name": "Kim Baker", "telecom": [{"system": "email", "value": "kim@example.org"}]}],
            "meta": {"tag": [{"system": "urn:tags", "code": "bread"}], "profile": ["http://example.org/p|1"]},
        }
        for id_, period in (("old", {"end": "2001"}), ("new", {"start": "2001"}), ("odd", {"start": "soon"}))
    ]
    settings = Settings(environment={}, data="", bundled=False)
    http = create_app(settings, catalogue=Content(names)).test_client()
    for query, wanted in (
        ("period=gt2010", ["new"]),
        ("period=lt2000", ["old"]),
        ("period=ge2000&period=le2002", ["old", "new"]),
        ("contact=kim&telecom=kim@example.org&_tag=urn:tags|bread", ["old", "new", "odd"]),
        ("_profile=http://example.org/p&period:missing=false", ["old", "new", "odd"]),
        ("_tag=urn:tags|cake", []),
    ):
        assert sorted(ids(found(http, f"NamingSystem?{query}"))) == sorted(wanted), query


def test_pages_are_linked_and_together_they_are_the_whole(client: FlaskClient) -> None:
    whole = ids(found(client, "ConceptMap?_count=1000"))
    page = found(client, "ConceptMap?_count=3")
    gathered = ids(page)
    while "next" in links(page):
        page = dict(client.get(links(page)["next"].removeprefix("http://localhost")).get_json())
        assert page["total"] == len(whole)
        gathered += ids(page)
    assert gathered == whole
    assert {"self", "first", "previous"} <= links(page).keys()


@pytest.mark.parametrize("query", ["_count=0", "_summary=count", "_count=0&_totalMethod=count"])
def test_count_zero_is_the_total_alone(client: FlaskClient, query: str) -> None:
    bundle = found(client, f"ValueSet?{query}")
    assert bundle["total"] > 0 and "entry" not in bundle


def test_sort_orders_and_a_minus_turns_it_round(client: FlaskClient) -> None:
    names = [entry["resource"]["name"] for entry in found(client, "ValueSet?_sort=name&_count=1000")["entry"]]
    assert names == sorted(names)
    backwards = [
        entry["resource"]["name"] for entry in found(client, "ValueSet?_sort=-name&_count=1000")["entry"]
    ]
    assert backwards == names[::-1]


def test_a_search_may_be_posted_as_a_form(client: FlaskClient) -> None:
    response = client.post("/fhir/r5/CodeSystem/_search?status=active,draft", data={"url": CPT})
    assert response.get_json()["total"] == 1


def test_the_names_of_R4_and_R5_are_both_understood(client: FlaskClient) -> None:
    for name in ("target-system", "target-group-system"):
        for root in ("r4", "r5"):
            assert found(client, f"ConceptMap?{name}={CPT}", root)["total"] > 0


def test_summary_holds_for_every_entry(client: FlaskClient) -> None:
    for entry in found(client, "ValueSet?_summary=true")["entry"]:
        assert "compose" not in entry["resource"]


def test_an_unknown_parameter_is_ignored_unless_the_client_is_strict(
    client: FlaskClient,
) -> None:
    """An unknown parameter is ignored and left out of self, unless the client is strict."""
    bundle = found(client, f"CodeSystem?url={CPT}&colour=red&publisher.name=x")
    assert bundle["total"] == 1 and "colour" not in links(bundle)["self"]
    match, outcome = bundle["entry"]
    assert (match["search"]["mode"], outcome["search"]["mode"]) == ("match", "outcome")
    assert (
        "fullUrl" not in outcome and [i["severity"] for i in outcome["resource"]["issue"]] == ["warning"] * 2
    )
    assert "CodeSystem has no search parameter 'colour': it was ignored" in str(outcome)
    assert "entry" not in found(client, f"CodeSystem?url={CPT}&colour=red&_count=0")
    assert len(found(client, f"CodeSystem?url={CPT}&_=1795975200")["entry"]) == 1
    strict = client.get(f"/fhir/r4/CodeSystem?url={CPT}&colour=red", headers={"Prefer": "handling=strict"})
    assert strict.status_code == 400
    assert "CodeSystem has no search parameter 'colour'" in strict.get_json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize(
    "query",
    [
        "_count=-1",
        "_count=many",
        "_offset=x",
        "_sort=colour",
        "name:above=x",
        "date=soon",
        "date=2026-13-01",
        "date=ap2026",
        "date=20260101",
        "url:missing=maybe",
        "_sort=code",
        "_include=x",
        "_summary=x",
        "name:foo=x",
    ],
)
def test_what_cannot_be_searched_is_refused_with_the_reason(client: FlaskClient, query: str) -> None:
    response = client.get(f"/fhir/r4/CodeSystem?{query}")
    assert response.status_code in (400, 422)
    assert response.get_json()["resourceType"] == "OperationOutcome"


OF_CODES = [
    ("CodeSystem", "status", "http://hl7.org/fhir/publication-status", "active"),
    ("ValueSet", "status", "http://hl7.org/fhir/publication-status", "active"),
    ("ConceptMap", "status", "http://hl7.org/fhir/publication-status", "active"),
    ("NamingSystem", "status", "http://hl7.org/fhir/publication-status", "active"),
    ("CodeSystem", "content-mode", "http://hl7.org/fhir/codesystem-content-mode", "complete"),
    ("CodeSystem", "language", "urn:ietf:bcp:47", "de"),
    ("NamingSystem", "kind", "http://hl7.org/fhir/namingsystem-type", "codesystem"),
    ("NamingSystem", "id-type", "http://hl7.org/fhir/namingsystem-identifier-type", "uri"),
]


@pytest.mark.parametrize("root", ["r4", "r5"])
@pytest.mark.parametrize(("kind", "name", "system", "code"), OF_CODES)
def test_a_code_is_found_with_the_system_of_its_element_or_none(
    client: FlaskClient, root: str, kind: str, name: str, system: str, code: str
) -> None:
    def total(value: str, modifier: str = "") -> int:
        return int(found(client, f"{kind}?{name}{modifier}={value}&_count=0", root)["total"])

    everything = int(found(client, f"{kind}?_count=0", root)["total"])
    right = total(code)
    assert right > 0
    assert total(f"|{code}") == total(f"{system}|{code}") == right
    assert total(f"http://nonsense.example|{code}") == total("http://nonsense.example|") == 0
    assert total(f"http://nonsense.example|{code}", ":not") == everything
    assert total(f"{system}|") == everything - int(
        found(client, f"{kind}?{name}:missing=true&_count=0", root)["total"]
    )


@pytest.mark.parametrize("root", ["r4", "r5"])
def test_an_id_and_a_version_have_no_system(client: FlaskClient, root: str) -> None:
    version = found(client, "CodeSystem/cpt", root)["version"]
    for name, value in (("_id", "cpt"), ("version", version)):
        query = f"CodeSystem?url={CPT}&{name}="
        for found_by in (value, f"|{value}", f"http://nonsense.example|{value},{value}"):
            assert ids(found(client, query + found_by, root)) == ["cpt"]
        assert ids(found(client, f"{query}http://nonsense.example|{value}", root)) == []


# A parameter of each type and modifier with matches, and a value that it matches.
WITH_MATCHES = [
    ("CodeSystem", "name", "CPT"),
    ("CodeSystem", "name:contains", "C"),
    ("CodeSystem", "url", CPT),
    ("CodeSystem", "url:below", CPT),
    ("CodeSystem", "url:above", CPT),
    ("CodeSystem", "url:contains", "cpt"),
    ("CodeSystem", "status", "active"),
    ("CodeSystem", "code", f"{CPT}|57520"),
    ("CodeSystem", "code", "57520"),
    ("CodeSystem", "date", "ge2000"),
    ("ValueSet", "reference", CPT),
    ("ConceptMap", "source-code", "57520"),
    ("ConceptMap", "target-group-system", CPT),
]


@pytest.mark.parametrize("root", ["r4", "r5"])
@pytest.mark.parametrize(("kind", "name", "value"), WITH_MATCHES)
def test_an_empty_alternative_matches_nothing(
    client: FlaskClient, root: str, kind: str, name: str, value: str
) -> None:
    wanted = found(client, f"{kind}?{name}={value}&_count=1000", root)["total"]
    for empty in (f"{value},", f",{value}", f"{value},,", f"{value},%20", f"{value},|"):
        assert found(client, f"{kind}?{name}={empty}&_count=1000", root)["total"] == wanted, empty
    for nothing in (",", ",,", "%20,", "|"):
        assert found(client, f"{kind}?{name}={nothing}&_count=1000", root)["total"] == 0, nothing


def test_a_text_of_accents_alone_matches_nothing(client: FlaskClient) -> None:
    for name in ("name", "name:contains"):
        assert found(client, f"CodeSystem?{name}=%CC%81")["total"] == 0


@pytest.mark.parametrize("digits", ["9" * 5_000, "2147483648", "0" * 5_000])
@pytest.mark.parametrize("name", ["_count", "_offset"])
@pytest.mark.parametrize("place", ["CodeSystem", "CodeSystem/cpt", "ConceptMap", "ValueSet"])
@pytest.mark.parametrize("root", ["r4", "r5"])
def test_a_number_longer_than_an_integer_is_refused(
    client: FlaskClient, root: str, place: str, name: str, digits: str
) -> None:
    response = client.get(f"/fhir/{root}/{place}?{name}={digits}")
    assert response.status_code == 400
    text = response.get_json()["issue"][0]["details"]["text"]
    assert "at most 2147483647" in text
    assert len(text) < 300


def test_an_unknown_modifier_is_named_with_the_known_ones(
    client: FlaskClient,
) -> None:
    """The message about an unknown modifier names it and the modifiers that the parameter takes."""
    response = client.get("/fhir/r4/CodeSystem?name:foo=x")
    text = response.get_json()["issue"][0]["details"]["text"]
    assert (
        text
        == "The search parameter 'name' has no modifier ':foo'. Known modifiers: :contains, :exact, :missing"
    )


def test_a_search_with_a_resource_as_body_is_415(client: FlaskClient) -> None:
    response = client.post("/fhir/r5/CodeSystem/_search", json={"resourceType": "Parameters"})
    assert response.status_code == 415
    assert "takes its parameters as a form" in response.get_json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize("kind", ["CodeSystem", "ValueSet", "ConceptMap"])
def test_a_search_by_url_has_the_matches_of_all(client: FlaskClient, kind: str) -> None:
    """One value is looked up, several are compared with each resource: the matches are the same."""
    everything = client.get(f"/fhir/r4/{kind}?_count=1000&_elements=url,version").get_json()["entry"]
    urls = [entry["resource"]["url"] for entry in everything]
    for url in sorted(set(urls))[::7]:
        one = client.get(f"/fhir/r4/{kind}", query_string={"url": url}).get_json()
        compared = client.get(f"/fhir/r4/{kind}", query_string={"url": f"{url},urn:none"}).get_json()
        assert one["total"] == urls.count(url)
        assert [entry["resource"] for entry in one["entry"]] == [e["resource"] for e in compared["entry"]]
    assert client.get(f"/fhir/r4/{kind}?url=urn:none").get_json()["total"] == 0
