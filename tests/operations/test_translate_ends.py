"""$translate: how a request may name scopes and maps, conditions, and ends of a map that are value sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from terminology import Settings, Terminology, TerminologyError, create_app
from terminology.core.model import Document
from terminology.wire import json, r4
from tests.support.asking import matches, value, values
from tests.support.builders import body_of, code_system, concept_map, tx_resource, value_set
from tests.support.engine import catalogue_of

LOAF, BIN = "http://example.org/loaf", "http://example.org/bin"
ATTRIBUTE = "http://example.org/attribute"
BOTH_RELEASES = pytest.mark.parametrize("release", ["r4", "r5"])


def to(code: str, **more: Any) -> Document:
    return {"code": code, "relationship": "equivalent", **more}


def served(*documents: Document) -> Terminology:
    return Terminology(catalogue=catalogue_of(documents))


def translate(library: Terminology, release: str, *parameters: Document, **more: Any) -> Document:
    given = [
        {"name": name, "valueBoolean" if isinstance(each, bool) else "valueString": each}
        for name, each in more.items()
    ]
    return library.ask("ConceptMap/$translate", body_of(*parameters, *given), release)


# -- locations -----------------------------------------------------------------------------------

BINS = value_set("bins", {"system": BIN}, id="bins")
LOAVES = value_set("loaves", {"system": LOAF}, id="loaves")
LOAF_TO_BIN = concept_map("loaf-to-bin", LOAF, BIN, [{"code": "Rye", "target": [to("b1")]}], id="l-b")
RESOURCES = [code_system(LOAF, "Rye"), code_system(BIN, "b1", "b2"), BINS, LOAVES, LOAF_TO_BIN]


@BOTH_RELEASES
@pytest.mark.parametrize("names", [("source", "target"), ("sourceScope", "targetScope")])
@pytest.mark.parametrize("root", ["/fhir", "/fhir/r4", "/fhir/r4b", "/fhir/r5"])
def test_scopes_and_map_may_be_locations_at_this_server(
    release: str, names: tuple[str, str], root: str
) -> None:
    client = create_app(Settings(environment={}, data=""), catalogue=catalogue_of(RESOURCES)).test_client()
    here = f"http://localhost{root}"
    source, target = names
    for query in (
        {source: f"{here}/ValueSet/loaves", target: f"{here}/ValueSet/bins"},
        {source: "ValueSet/loaves", target: "bins"},
        {"url": f"{here}/ConceptMap/l-b"},
        {"url": "ConceptMap/l-b"},
    ):
        asked = {"system": LOAF, "code": "Rye", **query}
        answer = client.get(f"/fhir/{release}/ConceptMap/$translate", query_string=asked).get_json()
        assert [code for code, _ in matches(answer)] == ["b1"], query
        body = body_of(*({"name": name, "valueUri": given} for name, given in asked.items()))
        answer = client.post(f"/fhir/{release}/ConceptMap/$translate", json=body).get_json()
        assert [code for code, _ in matches(answer)] == ["b1"], query


@BOTH_RELEASES
def test_a_location_at_this_server_depends_on_the_host_asked(release: str) -> None:
    """An answer of one host is not repeated for another."""
    client = create_app(Settings(environment={}, data=""), catalogue=catalogue_of(RESOURCES)).test_client()
    path = f"/fhir/{release}/ConceptMap/$translate"
    query = {"system": LOAF, "code": "Rye", "target": "http://one.example/fhir/ValueSet/bins"}
    for _ in range(2):
        own = client.get(path, query_string=query, headers={"Host": "one.example"})
        other = client.get(path, query_string=query, headers={"Host": "two.example"})
        assert (own.status_code, other.status_code) == (200, 404)
    text = other.get_json()["issue"][0]["details"]["text"]
    assert "'targetScope' was read as a canonical" in text
    assert "Name a resource of another server by its canonical" in text


@BOTH_RELEASES
def test_a_canonical_that_looks_like_a_location_is_a_canonical(release: str) -> None:
    elsewhere = "http://other.example/fhir/ValueSet/bins"
    library = served(*RESOURCES, value_set(elsewhere, {"system": BIN, "concept": [{"code": "b2"}]}, id="x"))
    answer = translate(library, release, system=LOAF, code="Rye", target=elsewhere)
    assert value(answer, "result") is False
    mapped = concept_map(
        "scoped", LOAF, BIN, [{"code": "Rye", "target": [to("b2")]}], targetScopeUri=elsewhere
    )
    library = served(code_system(LOAF, "Rye"), code_system(BIN, "b1", "b2"), mapped)
    answer = translate(library, release, system=LOAF, code="Rye", target=elsewhere)
    assert [code for code, _ in matches(answer)] == ["b2"]


@BOTH_RELEASES
def test_the_version_of_a_map_beside_its_location_is_compared(release: str) -> None:
    library = served(*RESOURCES[:4], LOAF_TO_BIN | {"version": "1"})
    same = translate(library, release, url="ConceptMap/l-b", conceptMapVersion="1", system=LOAF, code="Rye")
    assert value(same, "result") is True
    with pytest.raises(TerminologyError, match="The parameter 'conceptMapVersion' is '2'"):
        translate(library, release, url="ConceptMap/l-b", conceptMapVersion="2", system=LOAF, code="Rye")


# -- date ----------------------------------------------------------------------------------------


@BOTH_RELEASES
def test_translate_refuses_a_date_in_the_past(release: str) -> None:
    library = served(*RESOURCES)
    with pytest.raises(TerminologyError, match="'date' is 2020-01-01; this server cannot tell"):
        translate(library, release, system=LOAF, code="Rye", date="2020-01-01")
    later = translate(library, release, system=LOAF, code="Rye", date="2999-01-01")
    assert [code for code, _ in matches(later)] == ["b1"]


# -- conditions ----------------------------------------------------------------------------------


def dependency(code: str, system: str | None = BIN) -> Document:
    node = {"name": "value", "valueCoding": {"system": system, "code": code}}
    if system is None:
        node = {"name": "value", "valueString": code}
    return {"name": "dependency", "part": [{"name": "attribute", "valueUri": ATTRIBUTE}, node]}


def with_condition(case_sensitive: bool | None, **condition: Any) -> Terminology:
    element = {"code": "Rye", "target": [to("b1", dependsOn=[{"attribute": "at", **condition}])]}
    declared = [{"code": "at", "uri": ATTRIBUTE, "type": "Coding"}]
    more = {} if case_sensitive is None else {"caseSensitive": case_sensitive}
    return served(
        code_system(LOAF, "Rye"),
        code_system(BIN, "b1", "b2", **more),
        BINS,
        value_set("second", {"system": BIN, "concept": [{"code": "b2"}]}),
        concept_map("m", LOAF, BIN, [element], additionalAttribute=declared),
    )


@BOTH_RELEASES
@pytest.mark.parametrize("case_sensitive", [True, False, None])
@pytest.mark.parametrize("system", [BIN, None])
def test_case_of_a_condition_counts_where_it_counts_in_its_system(
    release: str, case_sensitive: bool | None, system: str | None
) -> None:
    library = with_condition(case_sensitive, valueCoding={"system": BIN, "code": "b2"})
    asked = {"system": LOAF, "code": "Rye"}
    assert value(translate(library, release, dependency("b2", system), **asked), "result") is True
    other_case = translate(library, release, dependency("B2", system), **asked)
    assert value(other_case, "result") is (case_sensitive is not True)
    assert value(translate(library, release, dependency("b1", system), **asked), "result") is False
    foreign = translate(library, release, dependency("B2", "http://example.org/other"), **asked)
    assert value(foreign, "result") is False


@BOTH_RELEASES
def test_a_condition_may_be_a_value_set(release: str) -> None:
    """``dependsOn.valueSet``: https://hl7.org/fhir/R5/conceptmap-definitions.html."""
    library = with_condition(None, valueSet="http://example.org/vs/second")
    asked = {"system": LOAF, "code": "Rye"}
    results = [
        value(translate(library, release, dependency(code), **asked), "result") for code in ("b2", "b1")
    ]
    assert results == [True, False]
    unknown = with_condition(None, valueSet="http://example.org/vs/nothing")
    answer = translate(unknown, release, dependency("b1"), **asked)
    assert value(answer, "result") is True  # nobody can tell, so the match comes with its condition
    assert values(values(answer, "match")[0], "dependsOn")


# -- value sets as ends --------------------------------------------------------------------------


@BOTH_RELEASES
def test_a_row_from_a_value_set_leads_back_to_its_codes(release: str) -> None:
    more = code_system(LOAF, "Rye", "Bun", "Bagel")
    chosen = value_set("some", {"system": LOAF, "concept": [{"code": "Rye"}, {"code": "Bun"}]})
    by_set = concept_map("m", LOAF, BIN, [{"valueSet": chosen["url"], "target": [to("b1")]}])
    library = served(more, code_system(BIN, "b1", "b2"), chosen, by_set)
    for code, expected in (("b1", ["Rye", "Bun"]), ("b2", [])):
        back = translate(library, release, system=BIN, code=code, reverse=True)
        assert [found for found, _ in matches(back)] == expected
        back = translate(library, release, targetSystem=BIN, targetCode=code)
        assert [value(match, "source")["code"] for match in values(back, "match")] == expected
    forward = [translate(library, release, system=LOAF, code=code) for code in ("Rye", "Bagel")]
    assert [value(answer, "result") for answer in forward] == [True, False]


@BOTH_RELEASES
def test_a_value_set_that_leads_nowhere_back_says_so(release: str) -> None:
    by_set = concept_map(
        "m", LOAF, BIN, [{"valueSet": "http://example.org/vs/nothing", "target": [to("b1")]}]
    )
    answer = translate(
        served(code_system(LOAF, "Rye"), code_system(BIN, "b1"), by_set),
        release,
        system=BIN,
        code="b1",
        reverse=True,
    )
    assert value(answer, "result") is False
    assert "translates the codes of http://example.org/vs/nothing, which are not listed: " in value(
        answer, "message"
    )


RULE = {"mode": "fixed", "valueSet": BINS["url"], "relationship": "source-is-narrower-than-target"}


@BOTH_RELEASES
@pytest.mark.parametrize("is_sent", [False, True])
def test_unmapped_codes_may_lead_to_the_codes_of_a_value_set(release: str, is_sent: bool) -> None:
    rest = concept_map("rest", LOAF, BIN, [{"code": "Rye", "target": [to("b1")]}], group={"unmapped": RULE})
    basis = [code_system(LOAF, "Rye", "Bun"), code_system(BIN, "b1", "b2"), BINS]
    library = served(*basis, *([] if is_sent else [rest]))
    sent = [tx_resource(r4.downgrade(rest) if release == "r4" else rest)] if is_sent else []
    word = "wider" if release == "r4" else "source-is-narrower-than-target"
    answer = translate(library, release, *sent, system=LOAF, code="Bun")
    assert matches(answer) == [("b1", word), ("b2", word)]
    assert [code for code, _ in matches(translate(library, release, *sent, system=LOAF, code="Rye"))] == [
        "b1"
    ]
    back = translate(library, release, *sent, system=BIN, code="b2", reverse=True)
    assert value(back, "result") is False, "the rule is for the direction of the map"


@BOTH_RELEASES
@pytest.mark.parametrize("is_sent", [False, True])
def test_unmapped_codes_of_an_unknown_value_set_are_not_listed(release: str, is_sent: bool) -> None:
    rule = RULE | {"valueSet": "http://example.org/vs/nothing"}
    rest = concept_map("rest", LOAF, BIN, [{"code": "Rye", "target": [to("b1")]}], group={"unmapped": rule})
    library = served(code_system(LOAF, "Rye"), *([] if is_sent else [rest]))
    sent = [tx_resource(r4.downgrade(rest) if release == "r4" else rest)] if is_sent else []
    answer = translate(library, release, *sent, system=LOAF, code="Bun")
    assert value(answer, "result") is False
    assert "translates to the codes of http://example.org/vs/nothing, which are not listed: " in value(
        answer, "message"
    )


# -- maps that lack a code -----------------------------------------------------------------------

INCOMPLETE = {
    "resourceType": "ConceptMap",
    "url": "http://example.org/ConceptMap/incomplete",
    "status": "active",
    "group": [
        {
            "source": LOAF,
            "target": BIN,
            "element": [
                {"code": "Rye", "target": [{"code": "b1", "equivalence": "equal"}]},
                {"target": [{"code": "b2", "equivalence": "equal"}]},
            ],
        }
    ],
}


@BOTH_RELEASES
def test_a_map_that_lacks_a_code_is_loaded_and_refused_where_it_is_used(release: str, tmp_path: Path) -> None:
    """FHIR R4 has such an example (ConceptMap/103), and its other resources are to be served."""
    (tmp_path / "incomplete.json").write_bytes(json.write(INCOMPLETE))
    for number, document in enumerate([code_system(LOAF, "Rye"), LOAF_TO_BIN, BINS]):
        (tmp_path / f"{number}.json").write_bytes(json.write(document | {"id": f"r{number}"}))
    library = Terminology(settings=Settings(environment={}, content=[tmp_path], bundled=False, data=""))
    text = "element[1] must have code or valueSet"
    with pytest.raises(TerminologyError) as caught:
        translate(library, release, url=INCOMPLETE["url"], system=LOAF, code="Rye")
    assert text in str(caught.value)
    answer = translate(library, release, system=LOAF, code="Rye")
    assert [code for code, _ in matches(answer)] == ["b1"]
    assert f"The map {INCOMPLETE['url']} cannot be used: ConceptMap.group[0].{text}." in value(
        answer, "message"
    )
    for asked in ({"system": BIN, "code": "b1"}, {"system": "http://example.org/other", "code": "x"}):
        with pytest.raises(TerminologyError) as caught:
            translate(library, release, **asked)
        assert "incomplete" not in str(caught.value), "it is not about these code systems"
