"""What a value set lists, whether the code system is here or not: $expand and $validate-code agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from terminology.catalogue.content import Content
from tests.support.asking import value
from tests.support.builders import (
    BASE,
    body_of,
    code_system,
    coding,
    concept,
    concept_map,
    tx_resource,
    value_set,
)
from tests.support.engine import catalogue_of, served

Json = dict[str, Any]
Ask = Callable[..., Json]
NOWHERE = f"{BASE}/nowhere"
BREAD = f"{BASE}/bread"
BREADS = code_system(BREAD, concept("rye", "Rye bread"), concept("oat", "Oat bread"), version="1")
LISTING = value_set(
    "listing", {"system": NOWHERE, "concept": [{"code": "a", "display": "Alpha"}, {"code": "b"}]}
)


def given(*resources: Json, by: str = "tx-resource", release: str = "r5") -> Ask:
    """Asks an operation about resources that come with the request, are loaded, or lie in a store."""
    if by == "tx-resource":
        terminology, sent = Terminology(catalogue=catalogue_of([])), list(map(tx_resource, resources))
    else:
        held = served(resources, Content([])) if by == "stored" else catalogue_of(resources)
        terminology, sent = Terminology(catalogue=held), []

    def ask(operation: str, *parameters: Json, url: str = "") -> Json:
        named = [{"name": "url", "valueUri": url}] if url else []
        return terminology.ask(operation, body_of(*named, *parameters, *sent), release=release)

    return ask


def string(name: str, text: str) -> Json:
    return {"name": name, "valueString": text}


def flag(name: str, is_set: bool = True) -> Json:
    return {"name": name, "valueBoolean": is_set}


def listed(answer: Json) -> list[tuple[str, str | None]]:
    """Code and display of each entry at the top."""
    return [(node["code"], node.get("display")) for node in answer["expansion"].get("contains", [])]


def told(answer: Json, name: str) -> list[Any]:
    """The values of a parameter of the expansion."""
    found = [p for p in answer["expansion"].get("parameter", []) if p["name"] == name]
    return [next(v for k, v in p.items() if k.startswith("value")) for p in found]


def reasons(answer: Json) -> list[str]:
    """Why the expansion is not closed."""
    extensions = answer["expansion"].get("extension", [])
    return [e["valueString"] for e in extensions if e["url"].endswith("/valueset-unclosed-reason")]


def issues_of(answer: Json) -> list[tuple[str, str]]:
    outcome = value(answer, "issues")
    issues = outcome["resource"]["issue"] if outcome else []
    return [(issue["severity"], issue["details"]["coding"][0]["code"]) for issue in issues]


RELEASES = pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
WAYS = pytest.mark.parametrize("by", ["tx-resource", "loaded", "stored"])

# -- code systems that are not here --------------------------------------------------------------


@RELEASES
@WAYS
def test_listed_codes_of_a_system_that_is_not_here_are_listed(release: str, by: str) -> None:
    ask = given(LISTING, by=by, release=release)
    answer = ask("ValueSet/$expand", url=LISTING["url"])
    assert listed(answer) == [("a", "Alpha"), ("b", None)]
    assert (told(answer, "warning-unknown-system"), told(answer, "used-codesystem")) == ([NOWHERE], [])
    assert listed(ask("ValueSet/$expand", string("filter", "alp"), url=LISTING["url"])) == [("a", "Alpha")]


@RELEASES
@WAYS
def test_they_are_valid_with_a_warning_and_their_display(release: str, by: str) -> None:
    ask = given(LISTING, by=by, release=release)
    answer = ask("ValueSet/$validate-code", coding("a", NOWHERE, display="Alpha"), url=LISTING["url"])
    assert (value(answer, "result"), value(answer, "display")) == (True, "Alpha")
    assert issues_of(answer) == [("warning", "not-found")]
    assert value(answer, "x-caused-by-unknown-system") is None


def test_a_display_of_theirs_that_nobody_knows_cannot_be_wrong() -> None:
    ask = given(LISTING)
    for code in ("a", "b"):
        answer = ask("ValueSet/$validate-code", coding(code, NOWHERE, display="Omega"), url=LISTING["url"])
        assert value(answer, "result") is True
        assert [severity for severity, _ in issues_of(answer)] == ["warning", "warning"]
        assert "licence" not in value(answer, "message")
    text = f"The display 'Omega' for {NOWHERE}#a cannot be checked by this server: it does not have the code system"
    assert text in value(
        ask("ValueSet/$validate-code", coding("a", NOWHERE, display="Omega"), url=LISTING["url"]), "message"
    )


@RELEASES
def test_a_code_that_is_not_listed_has_the_unknown_system_as_cause(release: str) -> None:
    ask = given(LISTING, release=release)
    answer = ask("ValueSet/$validate-code", coding("z", NOWHERE), url=LISTING["url"])
    assert (value(answer, "result"), value(answer, "x-caused-by-unknown-system")) == (False, NOWHERE)


@pytest.mark.parametrize("content", ["example", "not-present"])
def test_codes_listed_of_an_example_or_empty_system_are_right(content: str) -> None:
    ask = given(LISTING, code_system(NOWHERE, concept("b", "Bee"), content=content, version="1"))
    assert listed(ask("ValueSet/$expand", url=LISTING["url"])) == [("a", "Alpha"), ("b", None)]
    answer = ask("ValueSet/$validate-code", coding("b", NOWHERE), url=LISTING["url"])
    assert (value(answer, "result"), issues_of(answer)) == (True, [("warning", "not-found")])


@WAYS
def test_a_supplement_adds_to_codes_whose_system_is_not_here(by: str) -> None:
    names = code_system("names", concept("b", "Bee"), content="supplement", supplements=NOWHERE, version="1")
    ask, used = given(LISTING, names, by=by), {"name": "useSupplement", "valueCanonical": names["url"]}
    assert listed(ask("ValueSet/$expand", used, url=LISTING["url"])) == [("a", "Alpha"), ("b", "Bee")]
    answer = ask("ValueSet/$validate-code", coding("b", NOWHERE, display="Bee"), used, url=LISTING["url"])
    assert (value(answer, "result"), issues_of(answer)) == (True, [("warning", "not-found")])


def test_a_version_that_is_not_here_leaves_its_list_alone() -> None:
    old = value_set(
        "old",
        {"system": BREAD, "version": "0", "concept": [{"code": "spelt", "display": "Spelt"}]},
        {"system": BREAD, "version": "1"},
    )
    ask = given(BREADS, old)
    nodes = ask("ValueSet/$expand", url=old["url"])["expansion"]["contains"]
    assert [(n["version"], n["code"]) for n in nodes] == [("1", "rye"), ("1", "oat"), ("0", "spelt")]
    for version, code, result in (("0", "spelt", True), ("1", "spelt", False), ("1", "rye", True)):
        answer = ask("ValueSet/$validate-code", coding(code, BREAD, version=version), url=old["url"])
        assert (value(answer, "result"), value(answer, "version")) == (result, version)
    assert value(ask("ValueSet/$validate-code", coding("rye", BREAD), url=old["url"]), "version") == "1"


def test_a_list_that_is_excluded_or_imported_is_read_alike() -> None:
    less = value_set(
        "less",
        {"valueSet": [LISTING["url"]]},
        exclude=[{"system": NOWHERE, "concept": [{"code": "b"}]}],
    )
    ask = given(LISTING, less)
    assert listed(ask("ValueSet/$expand", url=less["url"])) == [("a", "Alpha")]
    for code, result in (("a", True), ("b", False)):
        answer = ask("ValueSet/$validate-code", coding(code, NOWHERE), url=less["url"])
        assert value(answer, "result") is result


@pytest.mark.parametrize("filters", [{}, {"filter": [{"property": "x", "op": "=", "value": "y"}]}])
def test_what_is_not_listed_of_it_cannot_be_expanded(filters: Json) -> None:
    with pytest.raises(TerminologyError, match="could not be found"):
        given(value_set("all", {"system": NOWHERE, **filters}))("ValueSet/$expand", url=f"{BASE}/vs/all")


# -- fragments -----------------------------------------------------------------------------------


@RELEASES
def test_a_listed_code_that_a_fragment_lacks_has_its_display(release: str) -> None:
    part = code_system(NOWHERE, concept("b", "Bee"), content="fragment", version="1")
    ask = given(LISTING, part, release=release)
    assert listed(ask("ValueSet/$expand", url=LISTING["url"])) == [("a", "Alpha"), ("b", "Bee")]
    for display in ("Alpha", "Omega"):
        answer = ask("ValueSet/$validate-code", coding("a", NOWHERE, display=display), url=LISTING["url"])
        assert (value(answer, "result"), value(answer, "display")) == (True, "Alpha")
        assert [severity for severity, _ in issues_of(answer)] == ["warning"] * (1 + (display == "Omega"))


@RELEASES
@WAYS
def test_a_list_that_is_excluded_counts_in_every_version(release: str, by: str) -> None:
    """An exclude takes the codes that it lists out of the versions that it is for, wherever they are known."""
    whole = code_system(NOWHERE, concept("a"), version="3")
    part = code_system(NOWHERE, concept("a"), version="2", content="fragment")
    both = {"system": NOWHERE, "version": "2", "concept": [{"code": "a"}, {"code": "c"}]}
    three = {"system": NOWHERE, "version": "3"}
    rows: list[tuple[list[Json], str | None, set[str]]] = [
        ([both], None, {"a"}),
        ([both], "2", {"a"}),
        ([both], "3", {"a"}),
        ([both, three], None, {"a"}),
        ([both, three], "2", {"a"}),
        ([both, three], "3", {"a", "c"}),
    ]
    for includes, version, left in rows:
        exclude = {"system": NOWHERE, "concept": [{"code": "c"}]} | ({"version": version} if version else {})
        some = value_set("some", *includes, compose={"exclude": [exclude]})
        ask = given(whole, part, some, by=by, release=release)
        assert {code for code, _ in listed(ask("ValueSet/$expand", url=some["url"]))} == left
        answer = ask("ValueSet/$validate-code", coding("c", NOWHERE, version="2"), url=some["url"])
        assert value(answer, "result") is ("c" in left), (includes, version)


# -- stored expansions ---------------------------------------------------------------------------

EXPANDED: Json = {
    "resourceType": "ValueSet",
    "url": f"{BASE}/vs/expanded",
    "status": "active",
    "expansion": {
        "timestamp": "2026-01-01T00:00:00Z",
        "total": 3,
        "contains": [
            {"system": NOWHERE, "version": "2", "code": "x", "display": "Ex", "inactive": True},
            {
                "abstract": True,
                "display": "a group without a code",
                "contains": [
                    {"system": NOWHERE, "version": "2", "code": "y", "display": "Why", "abstract": True}
                ],
            },
            {"system": BREAD, "code": "rye", "display": "Rye"},
        ],
    },
}


@RELEASES
@WAYS
def test_a_stored_expansion_is_listed_as_it_stands(release: str, by: str) -> None:
    ask = given(BREADS, EXPANDED, by=by, release=release)
    answer = ask("ValueSet/$expand", url=EXPANDED["url"])
    assert listed(answer) == [("x", "Ex"), ("y", "Why"), ("rye", "Rye")]
    assert (told(answer, "warning-unknown-system"), reasons(answer)) == ([f"{NOWHERE}|2"], [])
    for node in answer["expansion"]["contains"]:
        own = {k: v for k, v in node.items() if k in ("version", "display")}
        asked = coding(node["code"], node["system"], **own)
        assert value(ask("ValueSet/$validate-code", asked, url=EXPANDED["url"]), "result") is True
    answer = ask("ValueSet/$validate-code", coding("oat", BREAD), url=EXPANDED["url"])
    assert value(answer, "result") is False


@WAYS
def test_its_marks_count_where_the_code_system_is_not_here(by: str) -> None:
    ask = given(BREADS, EXPANDED, by=by)
    for mark, gone in ((flag("activeOnly"), "x"), (flag("excludeNotForUI"), "y")):
        answer = ask("ValueSet/$expand", mark, url=EXPANDED["url"])
        assert gone not in dict(listed(answer))
    for mark, code in ((flag("activeOnly"), "x"), (flag("abstract", False), "y")):
        asked = coding(code, NOWHERE, version="2")
        assert value(ask("ValueSet/$validate-code", asked, mark, url=EXPANDED["url"]), "result") is False


@RELEASES
@pytest.mark.parametrize("rest", [{"total": 10}, {"offset": 100}])
def test_a_page_of_an_expansion_says_that_it_is_not_all(release: str, rest: Json) -> None:
    page = {**EXPANDED, "expansion": {**EXPANDED["expansion"], **rest}}
    [reason] = reasons(given(BREADS, page, release=release)("ValueSet/$expand", url=page["url"]))
    assert "with only 3" in reason


def test_a_large_stored_expansion_says_so_from_the_store() -> None:
    many = [{"system": NOWHERE, "code": str(number), "display": f"No. {number}"} for number in range(1_500)]
    large = {**EXPANDED, "expansion": {"timestamp": "2026-01-01", "total": 2_000, "contains": many}}
    ask = given(large, by="stored")
    answer = ask("ValueSet/$expand", {"name": "count", "valueInteger": 2}, url=large["url"])
    assert listed(answer) == [("0", "No. 0"), ("1", "No. 1")]
    assert (answer["expansion"]["total"], len(reasons(answer))) == (1_500, 1)
    answer = ask("ValueSet/$validate-code", coding("77", NOWHERE, display="No. 77"), url=large["url"])
    assert (value(answer, "result"), issues_of(answer)) == (True, [("warning", "not-found")])
    found = ask("ValueSet/$expand", string("filter", "1499"), url=large["url"])
    assert listed(found) == [("1499", "No. 1499")]
    last = [{"name": "offset", "valueInteger": 1_498}, {"name": "count", "valueInteger": 10}]
    assert [code for code, _ in listed(ask("ValueSet/$expand", *last, url=large["url"]))] == ["1498", "1499"]


def test_a_reference_to_a_contained_code_system_is_its_url() -> None:
    """FHIR's own example-hierarchical has ``"system": "#hacked"``."""
    inside = code_system(BREAD, concept("rye", "Rye bread"), id="in", version="1")
    own = value_set("own", {"system": "#in"}, contained=[inside])
    nodes = given(own)("ValueSet/$expand", url=own["url"])["expansion"]["contains"]
    assert [(node["system"], node["code"]) for node in nodes] == [(BREAD, "rye")]


def test_blanks_at_the_end_of_a_display_do_not_count() -> None:
    loose = code_system(BREAD, concept("rye", "Rye bread "), version="1")
    whole = value_set("whole", {"system": BREAD})
    for display in ("Rye bread", "Rye bread "):
        answer = given(loose, whole)(
            "ValueSet/$validate-code", coding("rye", BREAD, display=display), url=whole["url"]
        )
        assert value(answer, "result") is True


# -- scopes --------------------------------------------------------------------------------------


@RELEASES
@pytest.mark.parametrize("by", ["tx-resource", "stored"])
def test_a_scope_of_listed_codes_has_these_and_no_others(release: str, by: str) -> None:
    elements = [{"code": code, "target": [{"code": "rye", **EQUIVALENT[release]}]} for code in ("a", "z")]
    ask = given(LISTING, concept_map("m", NOWHERE, BREAD, elements), by=by, release=release)
    scope = {"name": SCOPE[release], "valueUri": LISTING["url"]}
    for code, result in (("a", True), ("z", False)):
        asked = {"name": CODE[release], "valueCode": code}
        found = ask("ConceptMap/$translate", asked, {"name": "system", "valueUri": NOWHERE}, scope)
        assert value(found, "result") is result


EQUIVALENT = dict.fromkeys(("r4", "r4b"), {"equivalence": "equivalent"}) | {
    "r5": {"relationship": "equivalent"}
}
SCOPE = dict.fromkeys(("r4", "r4b"), "source") | {"r5": "sourceScope"}
CODE = dict.fromkeys(("r4", "r4b"), "code") | {"r5": "sourceCode"}


# -- contained code systems ----------------------------------------------------------------------

INSIDE = code_system("inside", concept("i1", "One"), concept("i2"), id="in", version="1")
HOLDER = value_set("holder", {"system": INSIDE["url"]}, contained=[INSIDE], id="holder")
IMPORTER = value_set("importer", {"valueSet": [HOLDER["url"]]})


@RELEASES
@WAYS
@pytest.mark.parametrize("definition", [HOLDER, IMPORTER], ids=["itself", "imported"])
def test_a_contained_code_system_is_read_wherever_it_is_held(release: str, by: str, definition: Json) -> None:
    ask, url = given(HOLDER, IMPORTER, by=by, release=release), definition["url"]
    assert listed(ask("ValueSet/$expand", url=url)) == [("i1", "One"), ("i2", None)]
    for own in ({}, {"display": "One"}, {"version": "1"}):
        answer = ask("ValueSet/$validate-code", coding("i1", INSIDE["url"], **own), url=url)
        assert (value(answer, "result"), issues_of(answer)) == (True, [])
    for wrong in (coding("i3", INSIDE["url"]), coding("i1", INSIDE["url"], version="2")):
        assert value(ask("ValueSet/$validate-code", wrong, url=url), "result") is False


@RELEASES
def test_a_contained_code_system_comes_with_a_value_set_that_is_sent(release: str) -> None:
    ask, sent = given(release=release), {"name": "valueSet", "resource": HOLDER}
    assert listed(ask("ValueSet/$expand", sent)) == [("i1", "One"), ("i2", None)]
    assert value(ask("ValueSet/$validate-code", sent, coding("i2", INSIDE["url"])), "result") is True


# -- what supplements and extensions add ---------------------------------------------------------

PRICES = code_system(
    "prices",
    concept("oat", property=[{"code": "price", "valueCode": "dear"}]),
    content="supplement",
    supplements=BREAD,
    version="1",
    property=[{"code": "price", "type": "code"}],
)
DEAR = value_set(
    "dear",
    {"system": BREAD, "filter": [{"property": "price", "op": "=", "value": "dear"}]},
    extension=[
        {
            "url": "http://hl7.org/fhir/StructureDefinition/valueset-supplement",
            "valueCanonical": PRICES["url"],
        }
    ],
)


@RELEASES
@WAYS
def test_a_filter_sees_a_supplement_wherever_it_is_held(release: str, by: str) -> None:
    ask = given(BREADS, PRICES, DEAR, by=by, release=release)
    assert listed(ask("ValueSet/$expand", url=DEAR["url"])) == [("oat", "Oat bread")]
    for code, result in (("oat", True), ("rye", False)):
        answer = ask("ValueSet/$validate-code", coding(code, BREAD), url=DEAR["url"])
        assert value(answer, "result") is result


ORDINAL = {"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 2.5}
SCORES = code_system(BREAD, concept("rye", "Rye bread", extension=[ORDINAL]), concept("oat"), version="1")
SCORED = value_set("scored", {"system": BREAD, "concept": [{"code": "oat", "extension": [ORDINAL]}]})


@RELEASES
@WAYS
def test_an_ordinal_value_is_the_weight_wherever_it_stands(release: str, by: str) -> None:
    ask = given(SCORES, SCORED, value_set("all", {"system": BREAD}), by=by, release=release)
    for url, code in ((SCORED["url"], "oat"), (f"{BASE}/vs/all", "rye")):
        expansion = ask("ValueSet/$expand", url=url)["expansion"]
        [node] = [node for node in expansion["contains"] if node["code"] == code]
        assert "2.5" in str(node)
        assert "itemWeight" in str(expansion)


@RELEASES
@WAYS
def test_lookup_in_a_language_names_the_default_display(release: str, by: str) -> None:
    named = code_system(
        BREAD,
        concept("rye", "Rye bread", designation=[{"language": "de", "value": "Roggenbrot"}]),
        version="1",
    )
    asked = [{"name": "system", "valueUri": BREAD}, {"name": "code", "valueCode": "rye"}]
    language = {"name": "displayLanguage", "valueCode": "de"}
    answer = given(named, by=by, release=release)("CodeSystem/$lookup", *asked, language)
    assert value(answer, "display") == "Roggenbrot"
    names = [value(node, "value") for node in answer["parameter"] if node["name"] == "designation"]
    assert "Rye bread" in names


# -- a language that is insisted on --------------------------------------------------------------


@RELEASES
def test_without_the_only_language_allowed_there_is_no_display(release: str) -> None:
    """A default display is then told as what it is, and never as one in that language."""
    spoken = BREADS | {"language": "en"}
    whole, only = value_set("whole", {"system": BREAD}), {"name": "displayLanguage", "valueCode": "de, *;q=0"}
    ask = given(spoken, whole, release=release)
    assert listed(ask("ValueSet/$expand", only, url=whole["url"])) == [("rye", None), ("oat", None)]
    asked = [{"name": "system", "valueUri": BREAD}, {"name": "code", "valueCode": "rye"}]
    answer = ask("CodeSystem/$lookup", *asked, only)
    assert value(answer, "display") == "rye"  # it is 1..1
    assert "Rye bread" in str(answer["parameter"])
    answer = ask("ValueSet/$validate-code", only, coding("rye", BREAD, display="Rye bread"), url=whole["url"])
    assert (value(answer, "result"), value(answer, "display")) == (True, "Rye bread")
    assert issues_of(answer) == [("information", "invalid-display")]
