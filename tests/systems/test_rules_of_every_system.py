"""Rules that hold for every code system: selecting and refusing, expansions, displays and statuses, versions.

A row is a rule, a request and facts of its answer, on a made-up code system of bread in R4, R4B and R5. Most rules
of this kind have a test in ``tests/operations``; here are those that are best seen side by side.
"""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology, create_app
from tests.support.builders import BASE, code_system, concept, value_set
from tests.support.engine import catalogue_of
from tests.support.rule_rows import RELEASES, Asking, Facts, Rule, holds

BREADS, URL = "breads", f"{BASE}/breads"


def colour(code: str) -> list[dict[str, Any]]:
    return [{"code": "colour", "valueCode": code}]


RESOURCES = [
    code_system(
        BREADS,
        concept(
            "rye",
            "Rye bread",
            concept("dark", "Dark rye", concept("pumpernickel", "Pumpernickel"), property=colour("black")),
            concept("light", "Light rye"),
            property=colour("brown"),
        ),
        concept("wheat", "Wheat bread", property=colour("white")),
        version="1",
        hierarchyMeaning="is-a",
        property=[{"code": "colour", "type": "code"}],
    ),
    code_system(
        "breads-taste",
        {"code": "rye", "property": [{"code": "taste", "valueCode": "sour"}]},
        content="supplement",
        supplements=URL,
        property=[{"code": "taste", "type": "code"}],
    ),
    *(
        code_system(content, concept("a", "A"), content=content, version="1")
        for content in ("example", "not-present")
    ),
    code_system("part", concept("a", "A"), content="fragment", version="1"),
    value_set("rolls", {"system": URL, "concept": [{"code": "wheat"}]}, version="7"),
    value_set("imported", {"valueSet": [f"{BASE}/vs/rolls"]}),
]
ROLLS, IMPORTED = f"{BASE}/vs/rolls", f"{BASE}/vs/imported"


@pytest.fixture(scope="module")
def terminology() -> Terminology:
    return Terminology(catalogue=catalogue_of(RESOURCES))


def codes(*listed: str) -> Facts:
    return {"codes": list(listed), "total": len(listed), "unclosed": False}


FLAT = {"excludeNested": True}
RULES: dict[str, Rule] = {
    # -- selecting and refusing
    "a filter that is not understood is named with its value": (
        ("filter", "weight = 500"),
        {
            "error": "FILTER_NOT_UNDERSTOOD",
            "text~": f"The filter 'weight = 500' was not understood in the context of {URL}",
        },
    ),
    "an operator that is not understood, too": (
        ("filter", "colour around red"),
        {"error": "FILTER_NOT_UNDERSTOOD", "text~": "'colour around red'"},
    ),
    "a filter without a value is refused": (
        ("filter", "colour = "),
        {"error": "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE", "text~": "property = colour, op = ="},
    ),
    "in: blanks around an item do not count": (
        ("filter", "colour in  black , white"),
        codes("dark", "wheat"),
    ),
    "not-in: all others": (
        ("filter", "colour not-in black, white", FLAT),
        codes("rye", "pumpernickel", "light"),
    ),
    "exists true": (("filter", "colour exists true", FLAT), codes("rye", "dark", "wheat")),
    "exists false": (("filter", "colour exists false"), codes("pumpernickel", "light")),
    "regex matches the whole code": (("filter", "code regex r"), codes()),
    "regex with a class and a number": (("filter", r"code regex [^\t\r\n\f]{5}"), codes("light", "wheat")),
    "filters of one include are all true": (
        ("filter", "colour exists true", "concept is-a dark"),
        codes("dark"),
    ),
    "two is-a of one include intersect": (
        ("filter", "concept is-a rye", "concept is-a dark", FLAT),
        codes("dark", "pumpernickel"),
    ),
    "a property of a supplement is none without it": (
        ("filter", "taste = sour"),
        {"error": "FILTER_NOT_UNDERSTOOD"},
    ),
    "a property of a supplement that is used is one": (
        ("filter", "taste = sour", {"useSupplement": f"{BASE}/breads-taste"}),
        {"codes": ["rye"], "used-supplement": f"{BASE}/breads-taste"},
    ),
    # -- expansions
    "a list of codes is closed": (("listed", "rye", "wheat"), codes("rye", "wheat")),
    "count=0 has the total alone": (("filter", {"count": 0}), {"codes": [], "total": 5}),
    "limit: more codes are too costly": (
        ("filter", {"limit": 4}),
        {"error": "VALUESET_TOO_COSTLY", "text~": "has too many codes to produce (>4)"},
    ),
    "limit: as many codes are not": (("filter", {"limit": 5, "excludeNested": True}), {"total": 5}),
    "limit: a page is not": (("filter", {"limit": 1, "count": 3}), {"total": 5, "count": 3}),
    "limit: a negative one is refused": (("filter", {"limit": -1}), {"error": "value", "text~": "limit"}),
    "a version of an imported value set is told": (
        ("expand", IMPORTED, {"default-valueset-version": f"{ROLLS}|7"}),
        {"default-valueset-version": f"{ROLLS}|7", "used-valueset": f"{ROLLS}|7"},
    ),
    "a version that is checked is told": (
        ("expand", IMPORTED, {"check-valueset-version": f"{ROLLS}|7"}),
        {"check-valueset-version": f"{ROLLS}|7"},
    ),
    "a version that is forced is told": (
        ("expand", IMPORTED, {"force-valueset-version": f"{ROLLS}|7"}),
        {"force-valueset-version": f"{ROLLS}|7"},
    ),
    "a pinned code system is told": (
        ("filter", {"system-version": f"{URL}|1", "excludeNested": True}),
        {"system-version": f"{URL}|1", "total": 5},
    ),
    "a context alone is refused": (
        ("context", {"context": "http://x.org/p#P.c"}),
        {"text~": "The context 'http://x.org/p#P.c'"},
    ),
    "a direction alone is refused": (
        ("context", {"contextDirection": "incoming"}),
        {"error": "not-supported", "text~": "The contextDirection 'incoming'"},
    ),
    "a date in the past is refused": (
        ("filter", {"date": "2020-01-01"}),
        {"error": "not-supported", "text~": "'date'"},
    ),
}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("title", RULES)
def test_rule(terminology: Terminology, title: str, release: str) -> None:
    holds(RULES[title], Asking(terminology, URL, release))


WITHOUT_CODES: dict[str, Rule] = {
    "$validate-code": (("validate", "a"), {"result": False}),
    "$lookup": (("lookup", "a"), {"error": "UNKNOWN_CODESYSTEM"}),
    "$subsumes": (("subsumes", "a", "a"), {"error": "UNKNOWN_CODESYSTEM"}),
    "$expand": (("filter",), {"error": "UNKNOWN_CODESYSTEM_EXP"}),
    "$expand of a filter": (("filter", "code = a"), {"error": "UNKNOWN_CODESYSTEM_EXP"}),
}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("content", ["example", "not-present"])
@pytest.mark.parametrize("operation", WITHOUT_CODES)
def test_a_system_without_codes_to_rely_on_is_refused_alike(
    terminology: Terminology, operation: str, content: str, release: str
) -> None:
    """CodeSystem.content: every operation tells the same story."""
    request, facts = WITHOUT_CODES[operation]
    expected = {**facts, "text~": f"this server has it with the content '{content}' only"}
    holds((request, expected), Asking(terminology, f"{BASE}/{content}", release))


@pytest.mark.parametrize("release", RELEASES)
def test_a_code_that_a_fragment_lacks_has_one_story(terminology: Terminology, release: str) -> None:
    asking = Asking(terminology, f"{BASE}/part", release)
    holds(
        (("validate", "b"), {"result": True, "issues": ["warning"], "text~": "labeled as a fragment"}), asking
    )
    holds(
        (("listed", "a", "b"), {"codes": ["a", "b"], "unclosed": True, "used-fragment": f"{BASE}/part|1"}),
        asking,
    )
    holds((("filter",), {"codes": ["a"], "unclosed": True, "reason~": "based on a fragment"}), asking)


@pytest.mark.parametrize("release", RELEASES)
def test_a_batch_entry_at_another_server_is_refused(release: str) -> None:
    client = create_app(catalogue=catalogue_of(RESOURCES)).test_client()
    paths = [f"{base}CodeSystem/$lookup?system={URL}&code=rye" for base in ("http://elsewhere.org/fhir/", "")]
    entries = [{"request": {"method": "GET", "url": path}} for path in paths]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answer = client.post(f"/fhir/{release}", json=bundle).get_json()
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["400", "200"]


@pytest.mark.parametrize("release", RELEASES)
def test_a_search_by_code_finds_the_sets_that_list_it(release: str) -> None:
    client = create_app(catalogue=catalogue_of(RESOURCES)).test_client()
    for code, urls in (("wheat", [ROLLS]), ("rye", [])):
        bundle = client.get(f"/fhir/{release}/ValueSet?code={URL}%7C{code}&_elements=url").get_json()
        found = [
            e["resource"]["url"]
            for e in bundle.get("entry", ())
            if e["resource"]["resourceType"] == "ValueSet"
        ]
        assert [url for url in found if url.startswith(BASE)] == urls
