"""ValueSet $expand as a client sees it: requests and answers titled by the rule, and the laws that hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminology.core.budget import LARGEST_EXPANSION
from terminology.core.errors import TerminologyError
from terminology.operations.value_set.compose import definition_of
from terminology.operations.value_set.resolution import find_value_set
from terminology.state import State
from terminology.wire.exchange import Context, Request
from terminology.wire.fhir_versions import RELEASES
from terminology.wire.request_headers import RequestHeader
from terminology.wire.rest import answered
from terminology.wire.sessions import Sessions
from tests.support.builders import body_of, code_system, value_set
from tests.support.engine import catalogue_of
from tests.support.trees import LAST, TREE_CODES, contents

Json = dict[str, Any]

WORDS = "http://example.org/words"
CORE = "http://hl7.org/fhir/StructureDefinition/"
MEANING = "http://hl7.org/fhir/concept-properties#"
PREFERRED = "preferredForLanguage"


def extension(name: str, **value: Any) -> Json:
    return {"url": CORE + name, **value}


WORD_SYSTEM: Json = {
    "resourceType": "CodeSystem",
    "url": WORDS,
    "version": "1.2",
    "status": "active",
    "language": "en",
    "content": "complete",
    "caseSensitive": True,
    "property": [
        {"code": "state", "uri": MEANING + "status", "type": "code"},
        {"code": "rank", "uri": "http://example.org/rank", "type": "integer"},
    ],
    "concept": [
        {
            "code": "animal",
            "display": "Animal",
            "definition": "A living thing",
            "property": [
                {"code": "notSelectable", "valueBoolean": True},
                {"code": "rank", "valueInteger": 1},
            ],
            "concept": [
                {
                    "code": "dog",
                    "display": "Dog",
                    "designation": [
                        {"language": "de", "value": "Hund"},
                        {"language": "de-AT", "value": "Hunderl"},
                        {"language": "en", "use": {"system": "http://u", "code": "fancy"}, "value": "Canine"},
                    ],
                    "property": [{"code": "rank", "valueInteger": 2}],
                    "extension": [extension("codesystem-label", valueString="1."), {"url": "http://x"}],
                },
                {
                    "code": "dodo",
                    "display": "Dodo",
                    "designation": [{"language": "fr", "value": "Animal éteint"}],
                    "property": [{"code": "state", "valueCode": "retired"}],
                },
            ],
        },
        {"code": "plant", "display": "Plant", "designation": [{"language": "de", "value": "Pflanze"}]},
    ],
}


def filtered(property_: str, op: str, value: str, **more: Any) -> Json:
    return {"system": WORDS, "filter": [{"property": property_, "op": op, "value": value}], **more}


def listed(*codes: str, system: str = WORDS, **more: Any) -> Json:
    return {"system": system, "concept": [{"code": code} for code in codes], **more}


def parameter(name: str, value: str) -> Json:
    parts = [{"url": "name", "valueCode": name}, {"url": "value", "valueString": value}]
    return {"url": CORE + "valueset-expansion-parameter", "extension": parts}


EVERYTHING = {"system": WORDS}
BY_ONE = "http://example.org/by-one"
SUPPLEMENT = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/words-nl",
    "version": "3",
    "content": "supplement",
    "supplements": WORDS,
    "property": [{"code": "gender", "uri": "http://example.org/gender", "type": "code"}],
    "concept": [
        {
            "code": "dog",
            "designation": [{"language": "nl", "value": "hond"}],
            "property": [{"code": "gender", "valueCode": "common"}],
        }
    ],
}
CATALOGUE = catalogue_of(
    [
        WORD_SYSTEM,
        SUPPLEMENT,
        code_system("by-one", "a", "b", version="1"),
        code_system("by-one", "b", "c", version="2"),
        code_system("many", *[f"m{n:04}" for n in range(300)]),
        code_system("part", "p", content="fragment", version="1"),
        code_system("draft", "d", status="draft", version="7"),
        code_system("withdrawn", "w", extension=[extension("structuredefinition-standards-status",
                                                          valueCode="withdrawn")]),
        value_set("words", EVERYTHING, version="5", name="words", title="Words", publisher="P", copyright="C",
                  description="D"),
        value_set("many", {"system": "http://example.org/many"}),
        value_set("animals", filtered("concept", "is-a", "animal"), version="1"),
        value_set("animals", listed("dog"), version="2"),
    ]
)  # fmt: skip


def ask(given_: Json | str, release: str = "r5", resources: tuple[Json, ...] = (), **parameters: Any) -> Json:
    """The answer for a value set (or its url) and parameters by name, ``_`` for ``-``."""
    by_url = isinstance(given_, str)
    nodes: list[Json] = [
        {"name": "url", "valueUri": given_} if by_url else {"name": "valueSet", "resource": given_}
    ]
    for name, values in parameters.items():
        for value in values if isinstance(values, list) else [values]:
            nodes.append({"name": name.replace("_", "-"), _key(value): value})
    nodes += [{"name": "tx-resource", "resource": resource} for resource in resources]
    body = body_of(*nodes)
    return answer_to("ValueSet/$expand", body, release, language=parameters.get("header", ""))


def answer_to(
    operation: str, body: Json, release: str = "r5", largest: int = LARGEST_EXPANSION, language: str = ""
) -> Json:
    """The answer that any caller gets to a posted body."""
    fhir, state = RELEASES[release], State()
    catalogue = CATALOGUE.for_fhir(fhir.version)
    context = Context(catalogue, fhir, "", state, Sessions(state), largest_expansion=largest)
    headers = {RequestHeader.ACCEPT_LANGUAGE: language} if language else {}
    return answered(context, Request("POST", operation, body=body, headers=headers)).resource or {}


def _key(value: Any) -> str:
    if isinstance(value, bool):
        return "valueBoolean"
    return "valueInteger" if isinstance(value, int) else "valueString"


def contains(document: Json) -> Iterator[Json]:
    def walk(nodes: list[Json]) -> Iterator[Json]:
        for node in nodes:
            yield node
            yield from walk(node.get("contains", []))

    return walk(document["expansion"].get("contains", []))


def codes(document: Json) -> list[str]:
    return [node["code"] for node in contains(document)]


def entry(document: Json, code: str) -> Json:
    return next(node for node in contains(document) if node["code"] == code)


def said(document: Json, name: str) -> list[Any]:
    parameters = document["expansion"].get("parameter", [])
    return [value for p in parameters if p["name"] == name for key, value in p.items() if key != "name"]


# -- which codes ---------------------------------------------------------------------------------

ALL = ["animal", "dog", "dodo", "plant"]
MEMBERS: list[tuple[str, Json | str, dict[str, Any], list[str]]] = [
    ("all of a code system, inactive and abstract codes too", "http://example.org/vs/words", {}, ALL),
    ("the code system's own value set", f"{WORDS}?fhir_vs", {}, ALL),
    ("an enumeration, in its own order", value_set("x", listed("plant", "dog")), {}, ["plant", "dog"]),
    ("what the code system does not have is passed over", value_set("x", listed("dog", "cat")), {}, ["dog"]),
    ("several filters must all hold",
     value_set("x", {"system": WORDS, "filter": [
         {"property": "concept", "op": "is-a", "value": "animal"},
         {"property": "rank", "op": "exists", "value": "true"}]}), {}, ["animal", "dog"]),
    ("what several includes have comes once", value_set("x", listed("dog"), EVERYTHING), {},
     ["dog", "animal", "dodo", "plant"]),
    ("exclude", value_set("x", EVERYTHING, exclude=[listed("dog")]), {}, ["animal", "dodo", "plant"]),
    ("an import restricts its include",
     value_set("x", EVERYTHING | {"valueSet": ["http://example.org/vs/animals|1"]}), {}, ALL[:3]),
    ("an import alone", value_set("x", {"valueSet": ["http://example.org/vs/animals"]}), {}, ["dog"]),
    ("valueSetVersion", "http://example.org/vs/animals", {"valueSetVersion": "1"}, ALL[:3]),
    ("default-valueset-version, of an import", value_set("x", {"valueSet": ["http://example.org/vs/animals"]}),
     {"default_valueset_version": "http://example.org/vs/animals|1"}, ALL[:3]),
    ("compose.inactive = false", value_set("x", EVERYTHING, compose={"inactive": False}), {},
     ["animal", "dog", "plant"]),
    ("activeOnly", "http://example.org/vs/words", {"activeOnly": True}, ["animal", "dog", "plant"]),
    ("activeOnly, as the value set says itself",
     value_set("x", EVERYTHING, compose={"extension": [parameter("activeOnly", "true")]}), {},
     ["animal", "dog", "plant"]),
    ("activeOnly = false does not bring back what the value set leaves out",
     value_set("x", EVERYTHING, compose={"inactive": False}), {"activeOnly": False}, ["animal", "dog", "plant"]),
    ("excludeNotForUI leaves abstract codes out", "http://example.org/vs/words", {"excludeNotForUI": True},
     ["dog", "dodo", "plant"]),
    ("filter finds beginnings of words", "http://example.org/vs/words", {"filter": "DO"}, ["dog", "dodo"]),
    ("filter finds designations", "http://example.org/vs/words", {"filter": "pflan"}, ["plant"]),
    ("filter finds what the value set itself says",
     value_set("x", {"system": WORDS, "concept": [{"code": "dog", "display": "Best friend"}]}),
     {"filter": "friend"}, ["dog"]),
    ("exclude-system", value_set("x", EVERYTHING, {"system": BY_ONE}), {"exclude_system": WORDS}, ["b", "c"]),
    ("exclude-system, one version",
     value_set("x", {"system": BY_ONE, "version": "1"}, {"system": BY_ONE, "version": "2"}),
     {"exclude_system": f"{BY_ONE}|2"}, ["a", "b"]),
    ("several versions of a code system, the newest first",
     value_set("x", {"system": BY_ONE, "version": "1"}, {"system": BY_ONE, "version": "2"}), {},
     ["b", "c", "a", "b"]),
    ("several versions taken as one",
     value_set("x", {"system": BY_ONE, "version": "1"}, {"system": BY_ONE, "version": "2"},
               compose={"extension": [parameter("versionsMatch", "true")]}), {}, ["b", "c", "a"]),
    ("force-system-version", value_set("x", {"system": BY_ONE, "version": "2"}),
     {"force_system_version": f"{BY_ONE}|1"}, ["a", "b"]),
    ("system-version, where the value set has none", value_set("x", {"system": BY_ONE}),
     {"system_version": f"{BY_ONE}|1"}, ["a", "b"]),
    ("count = 0 asks how many there are", "http://example.org/vs/words", {"count": 0}, []),
    ("offset and count", "http://example.org/vs/words", {"offset": 1, "count": 2}, ["dog", "dodo"]),
    ("an offset beyond the end", "http://example.org/vs/words", {"offset": 9}, []),
]  # fmt: skip


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize(
    ("asked", "parameters", "expected"), [row[1:] for row in MEMBERS], ids=[row[0] for row in MEMBERS]
)
def test_the_codes_are(
    asked: Json | str, parameters: dict[str, Any], expected: list[str], release: str
) -> None:
    document = ask(asked, release, **parameters)
    assert codes(document) == expected
    if not {"count", "offset"} & parameters.keys():
        assert document["expansion"]["total"] == len(expected)


def test_a_page_has_the_true_total() -> None:
    pages: list[dict[str, Any]] = [{"count": 0}, {"count": 2}, {"offset": 299}, {"offset": 5, "count": 1000}]
    for page in pages:
        assert ask("http://example.org/vs/many", **page)["expansion"]["total"] == 300


# -- the shape -----------------------------------------------------------------------------------


def shape(nodes: list[Json]) -> list[Any]:
    return [[n["code"], *shape(n["contains"])] if "contains" in n else n["code"] for n in nodes]


SHAPES: list[tuple[str, Json, dict[str, Any], list[Any]]] = [
    ("a code system is a tree", value_set("x", EVERYTHING), {}, [["animal", "dog", "dodo"], "plant"]),
    ("but flat with excludeNested", value_set("x", EVERYTHING), {"excludeNested": True}, ALL),
    ("a page is flat", value_set("x", EVERYTHING), {"count": 9}, ALL),
    ("a filter is a tree", value_set("x", filtered("concept", "is-a", "animal")), {},
     [["animal", "dog", "dodo"]]),
    ("what stands below something left out moves up", value_set("x", EVERYTHING),
     {"excludeNotForUI": True}, ["dog", "dodo", "plant"]),
    ("an enumeration is flat", value_set("x", listed("animal", "dog")), {}, ["animal", "dog"]),
    ("a search in all of a code system is a list of hits", value_set("x", EVERYTHING),
     {"filter": "animal"}, ["animal", "dodo"]),
    ("a search in a tree is a tree", value_set("x", filtered("concept", "is-a", "animal")),
     {"filter": "animal"}, [["animal", "dodo"]]),
    ("what is put together is flat", value_set("x", EVERYTHING, {"system": BY_ONE}), {},
     [*ALL, "b", "c"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "parameters", "expected"), [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES]
)
def test_the_shape_is(asked: Json, parameters: dict[str, Any], expected: list[Any]) -> None:
    assert shape(ask(asked, **parameters)["expansion"]["contains"]) == expected


def test_a_hierarchy_that_goes_in_a_circle_is_shown_once_and_whole() -> None:
    round_ = [{"code": c, "property": [{"code": "parent", "valueCode": p}]} for c, p in ("ab", "bc", "ca")]
    system = code_system("round", *round_)
    document = ask(value_set("x", {"system": "http://example.org/round"}), resources=(system,))
    assert sorted(codes(document)) == ["a", "b", "c"]


# -- what is said of a code ----------------------------------------------------------------------


def test_a_code_says_what_it_is() -> None:
    document = ask("http://example.org/vs/words", excludeNested=True)
    status = {"code": "status", "valueCode": "retired"}
    animal = {"system": WORDS, "code": "animal", "display": "Animal", "abstract": True}
    dodo = {"system": WORDS, "code": "dodo", "display": "Dodo", "inactive": True, "property": [status]}
    assert entry(document, "animal") == animal
    assert entry(document, "dodo") == dodo
    assert {"code": "status", "uri": MEANING + "status"} in document["expansion"]["property"]


DISPLAYS: list[tuple[str, str | None, list[str], str | None]] = [
    ("the code system's, when nobody asks", None, ["Hund", "Hunderl", "Canine"], "Dog"),
    ("the language asked for", "de", ["Dog", "Hunderl", "Canine"], "Hund"),
    ("its dialect", "de-AT", ["Dog", "Hund", "Canine"], "Hunderl"),
    ("a wider one where the dialect has none", "de-CH", ["Dog", "Hunderl", "Canine"], "Hund"),
    ("the second best", "fr, de;q=0.5", ["Dog", "Hunderl", "Canine"], "Hund"),
    ("the usual, when there is none", "fr", ["Hund", "Hunderl", "Canine"], "Dog"),
    ("none, when one insists", "fr, *; q=0", ["Dog", "Hund", "Hunderl", "Canine"], None),
]


@pytest.mark.parametrize(
    ("language", "others", "display"), [row[1:] for row in DISPLAYS], ids=[row[0] for row in DISPLAYS]
)
def test_the_display_is_in_the_language_asked_for(
    language: str | None, others: list[str], display: str | None
) -> None:
    """The display is in the language asked for, and the words in other languages are designations."""
    asked: dict[str, Any] = {"displayLanguage": language} if language else {}
    document = ask("http://example.org/vs/words", includeDesignations=True, **asked)
    dog = entry(document, "dog")
    assert dog.get("display") == display
    assert [d["value"] for d in dog["designation"]] == others
    assert said(document, "displayLanguage") == ([language] if language else [])


def test_the_usual_display_says_its_language_where_it_is_a_designation() -> None:
    dog = entry(ask("http://example.org/vs/words", includeDesignations=True, displayLanguage="de"), "dog")
    assert dog["designation"][0]["language"] == "en"
    assert dog["designation"][0]["use"]["code"] == PREFERRED


def test_a_filter_searches_the_display_language_or_else_any_words() -> None:
    """A text is searched in the language asked for; in a concept without words in it, in all words."""

    def said(tag: str, value: str) -> Json:
        return {"language": tag, "value": value}

    held = code_system("pets", language="en") | {
        "concept": [
            {"code": "c", "display": "Cat", "designation": [said("de", "Katze"), said("fr", "Chat")]},
            {"code": "d", "display": "Dog", "designation": [said("fr", "Chien")]},
        ]
    }
    asked = value_set("x", {"system": held["url"]}, language="de")
    for language, text, found in (
        ("", "kat", ["c"]), ("", "cha cat", ["c"]), ("de", "kat", ["c"]), ("de", "cat", []),
        ("de", "cha", []), ("de", "dog", ["d"]), ("de, *;q=0", "dog", []), ("de", "d", ["d"]),
        ("de, fr", "cha kat", ["c"]),
    ):  # fmt: skip
        shown = ask(asked, resources=(held,), filter=text, displayLanguage=language)
        assert (codes(shown), shown["expansion"]["total"]) == (found, len(found)), (language, text)


def test_the_display_language_comes_from_four_places_in_order() -> None:
    """The language comes from the parameter, then from the compose, the header and ValueSet.language."""
    own = value_set(
        "x", EVERYTHING, compose={"extension": [parameter("displayLanguage", "de")]}, language="nl"
    )
    assert said(ask(own, displayLanguage="en", header="fr"), "displayLanguage") == ["en"]
    assert said(ask(own, header="fr"), "displayLanguage") == ["de"]
    stated = value_set("x", EVERYTHING, language="nl")
    assert said(ask(stated, header="fr"), "displayLanguage") == ["fr"]
    assert said(ask(stated), "displayLanguage") == ["nl"]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (["urn:ietf:bcp:47|de"], ["Hund"]),
        (["de-at"], ["Hunderl"]),
        (["http://u|fancy"], ["Canine"]),
        (["urn:ietf:bcp:47|de", "http://u|fancy"], ["Hund", "Canine"]),
        (["urn:ietf:bcp:47|fr"], []),
    ],
)
def test_designations_are_those_of_the_languages_and_uses_asked_for(
    tokens: list[str], expected: list[str]
) -> None:
    document = ask("http://example.org/vs/words", designation=tokens)
    assert [d["value"] for d in entry(document, "dog").get("designation", [])] == expected
    assert said(document, "designation") == tokens


def test_designations_are_left_out_unless_asked_for() -> None:
    assert all("designation" not in node for node in contains(ask("http://example.org/vs/words")))


PROPERTIES: list[tuple[list[str], list[tuple[str, Any]]]] = [
    ([], [("label", "1.")]),
    (["rank"], [("label", "1."), ("rank", 2)]),
    (["http://example.org/rank"], [("label", "1."), ("rank", 2)]),
    (["definition", "rank"], [("label", "1."), ("rank", 2)]),
    (["parent"], [("label", "1."), ("parent", "animal")]),
    (["*"], [("label", "1."), ("parent", "animal"), ("rank", 2)]),
]


@pytest.mark.parametrize(("names", "expected"), PROPERTIES)
def test_properties_are_those_asked_for_by_code_or_uri(
    names: list[str], expected: list[tuple[str, Any]]
) -> None:
    document = ask("http://example.org/vs/words", property=names)
    properties = entry(document, "dog")["property"]
    assert [(p.pop("code"), *p.values()) for p in properties] == expected
    declared = {p["code"]: p["uri"] for p in document["expansion"]["property"]}
    assert declared.get("rank", "http://example.org/rank") == "http://example.org/rank"
    assert {code for code, _ in expected} <= declared.keys()


def test_in_r4_properties_are_extensions() -> None:
    document = ask("http://example.org/vs/words", "r4", property="rank")
    version = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion"
    assert "property" not in document["expansion"] and "property" not in entry(document, "dog")
    assert f"{version}.property" in [e["url"] for e in document["expansion"]["extension"]]
    assert f"{version}.contains.property" in [e["url"] for e in entry(document, "dog")["extension"]]


def test_what_a_value_set_says_of_a_code_it_lists_is_kept() -> None:
    deprecated = extension("valueset-deprecated", valueBoolean=True)
    extensions = [
        deprecated,
        extension("valueset-conceptOrder", valueInteger=3),
        extension("itemWeight", valueDecimal=Decimal("1.5")),
        extension("valueset-label", valueString="z)"),
        {"url": "http://example.org/unknown", "valueString": "?"},
    ]
    dog = {"code": "dog", "display": "Hot dog", "designation": [{"language": "fr", "value": "chien"}]}
    document = ask(
        value_set("x", {"system": WORDS, "concept": [dog | {"extension": extensions}]}),
        includeDesignations=True,
    )
    found = entry(document, "dog")
    assert found["display"] == "Hot dog"
    assert [d["value"] for d in found["designation"]] == ["Dog", "Hund", "Hunderl", "Canine", "chien"]
    assert found["extension"] == [deprecated]
    assert found["property"] == [
        {"code": "label", "valueString": "z)"},
        {"code": "order", "valueDecimal": 3},
        {"code": "weight", "valueDecimal": Decimal("1.5")},
    ]
    assert {"code": "weight", "uri": MEANING + "itemWeight"} in document["expansion"]["property"]


def test_a_supplement_is_used_when_it_is_asked_for_and_only_then() -> None:
    url = "http://example.org/words-nl"
    with_it = ask("http://example.org/vs/words", useSupplement=url, displayLanguage="nl", property="gender")
    assert entry(with_it, "dog")["display"] == "hond"
    assert {"code": "gender", "valueCode": "common"} in entry(with_it, "dog")["property"]
    assert {"code": "gender", "uri": "http://example.org/gender"} in with_it["expansion"]["property"]
    assert said(with_it, "used-supplement") == [f"{url}|3"]
    without = ask("http://example.org/vs/words", displayLanguage="nl")
    assert entry(without, "dog")["display"] == "Dog" and not said(without, "used-supplement")
    needs = extension("valueset-supplement", valueCanonical=url)
    needed = value_set("x", EVERYTHING) | {"extension": [needs]}
    assert said(ask(needed), "used-supplement") == [f"{url}|3"]


# -- what is said of the expansion ---------------------------------------------------------------


def test_every_parameter_that_has_an_effect_is_echoed() -> None:
    asked: dict[str, Any] = {
        "activeOnly": True,
        "count": 3,
        "offset": 0,
        "excludeNested": False,
        "filter": "d",
    }
    document = ask("http://example.org/vs/words", **asked)
    for name, value in asked.items():
        assert said(document, name) == [value]
    assert document["expansion"]["offset"] == 0


def test_version_parameters_are_echoed_where_they_were_used() -> None:
    pins: dict[str, Any] = {"system_version": f"{BY_ONE}|1", "check_system_version": f"{WORDS}|1.x"}
    document = ask(value_set("x", {"system": BY_ONE}), **pins)
    assert said(document, "system-version") == [f"{BY_ONE}|1"]
    assert said(document, "check-system-version") == []
    assert said(ask(value_set("x", {"system": BY_ONE, "version": "2"}), **pins), "system-version") == []


USED: list[tuple[str, Json, dict[str, list[Any]]]] = [
    ("code systems, with their versions", value_set("x", EVERYTHING), {"used-codesystem": [f"{WORDS}|1.2"]}),
    ("code systems that are only excluded",
     value_set("x", EVERYTHING, exclude=[{"system": BY_ONE, "version": "1"}]),
     {"used-codesystem": [f"{WORDS}|1.2", f"{BY_ONE}|1"]}),
    ("value sets, but not the one that was asked for",
     value_set("x", {"valueSet": ["http://example.org/vs/animals|1"]}),
     {"used-valueset": ["http://example.org/vs/animals|1"], "used-codesystem": [f"{WORDS}|1.2"]}),
    ("fragments", value_set("x", {"system": "http://example.org/part"}),
     {"used-fragment": ["http://example.org/part|1"]}),
    ("drafts", value_set("x", {"system": "http://example.org/draft"}),
     {"warning-draft": ["http://example.org/draft|7"]}),
    ("drafts are no news to a draft", value_set("x", {"system": "http://example.org/draft"}, status="draft"),
     {"warning-draft": []}),
    ("what is withdrawn", value_set("x", {"system": "http://example.org/withdrawn"}),
     {"warning-withdrawn": ["http://example.org/withdrawn"]}),
    ("that versions were taken as the same",
     value_set("x", {"system": BY_ONE, "version": "2"}, exclude=[{"system": BY_ONE, "version": "1"}]),
     {"versionsMatch": [True]}),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "expected"), [row[1:] for row in USED], ids=[row[0] for row in USED])
def test_what_was_used_is_said(asked: Json, expected: dict[str, list[Any]]) -> None:
    document = ask(asked)
    assert {name: said(document, name) for name in expected} == expected


def test_what_rests_on_a_fragment_is_unclosed() -> None:
    expansion = ask(value_set("x", {"system": "http://example.org/part"}))["expansion"]
    assert extension("valueset-unclosed", valueBoolean=True) in expansion["extension"]


def test_versions_are_said_only_where_they_must_be_told_apart() -> None:
    both = value_set("x", {"system": BY_ONE, "version": "1"}, {"system": BY_ONE, "version": "2"})
    assert [node["version"] for node in contains(ask(both))] == ["2", "2", "1", "1"]
    assert all("version" not in node for node in contains(ask(value_set("x", {"system": BY_ONE}))))


def test_codes_that_mean_nothing_without_a_version_say_it() -> None:
    needy = code_system("needy", "a", version="7", versionNeeded=True)
    shown = ask(value_set("x", {"system": needy["url"]}), resources=(needy,))
    assert entry(shown, "a")["version"] == "7"


def test_a_context_is_refused_where_nothing_else_names_the_value_set() -> None:
    context = {"name": "context", "valueUri": "http://example.org/StructureDefinition/pet#Pet.kind"}
    with pytest.raises(TerminologyError, match="name the value set with 'url'"):
        answer_to("ValueSet/$expand", body_of(context))


def test_versions_of_a_locked_date_are_refused_unless_they_are_stated() -> None:
    held = code_system("held", "a", version="7")
    system = {"system": held["url"]}
    locked, stated = (value_set("x", {**system, **more}) for more in ({}, {"version": "7"}))
    for document in (locked, stated):
        document["compose"]["lockedDate"] = "2020-01-01"
    with pytest.raises(TerminologyError, match="lockedDate"):
        ask(locked, resources=(held,))
    assert codes(ask(stated, resources=(held,))) == ["a"]
    assert codes(ask(locked, resources=(held,), **{"system-version": f"{held['url']}|7"})) == ["a"]


def test_the_definition_is_left_out_unless_it_is_asked_for() -> None:
    document = ask("http://example.org/vs/words")
    kept = {"url", "version", "name", "title", "status", "publisher", "copyright"}
    assert document.keys() == {"resourceType", "expansion"} | kept
    defined = ask("http://example.org/vs/words", includeDefinition=True)
    assert defined["compose"] == {"include": [EVERYTHING]} and defined["description"] == "D"


def test_an_expansion_has_an_identity_of_its_own() -> None:
    first, second = (ask("http://example.org/vs/words")["expansion"] for _ in range(2))
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", first["identifier"])
    assert first["identifier"] != second["identifier"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", first["timestamp"])


# -- refusals ------------------------------------------------------------------------------------

UNKNOWN = "http://example.org/none"
REFUSED: list[tuple[str, Json | str, dict[str, Any], str | None, str]] = [
    ("a value set that is not here", UNKNOWN, {}, "Unable_to_resolve_value_Set_",
     f"A definition for the value Set '{UNKNOWN}' could not be found"),
    ("an import that is not here", value_set("x", {"valueSet": [f"{UNKNOWN}|2"]}), {},
     "VS_EXP_IMPORT_UNK_PINNED", f"Unable to find included value set '{UNKNOWN}' version '2'"),
    ("an import that is a code system", value_set("x", {"valueSet": [WORDS]}), {}, "VS_EXP_IMPORT_CS",
     f"Cannot include value set '{WORDS}' because it's actually a code system"),
    ("a code system that is not here", value_set("x", {"system": UNKNOWN}), {}, "UNKNOWN_CODESYSTEM_EXP",
     f"A definition for CodeSystem '{UNKNOWN}' could not be found, so the value set cannot be expanded"),
    ("a version that is not here", value_set("x", {"system": BY_ONE, "version": "1.0"}), {},
     "UNKNOWN_CODESYSTEM_VERSION_EXP",
     f"A definition for CodeSystem '{BY_ONE}' version '1.0' could not be found,"
     " so the value set cannot be expanded. Valid versions: 1 or 2"),
    ("a version that a check forbids", value_set("x", {"system": BY_ONE, "version": "2"}),
     {"check_system_version": f"{BY_ONE}|1"}, "VALUESET_VERSION_CHECK",
     f"The version '2' is not allowed for system '{BY_ONE}': "
     "required to be '1' by a version-check parameter"),
    ("a supplement that is not here", "http://example.org/vs/words", {"useSupplement": UNKNOWN},
     "VALUESET_SUPPLEMENT_MISSING", f"Required supplement not found: {UNKNOWN}"),
    ("a filter without a value", value_set("x", filtered("concept", "is-a", "")), {},
     "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE",
     f"The system {WORDS} filter with property = concept, op = is-a has no value"),
    ("no definition at all", {"resourceType": "ValueSet", "url": UNKNOWN}, {}, None,
     f"ValueSet '{UNKNOWN}' has neither a definition (compose) nor an expansion"),
    ("a count below nothing", "http://example.org/vs/words", {"count": -1}, None,
     "The parameter 'count' must be 0 or more, but is -1"),
    ("a count that is none", "http://example.org/vs/words", {"count": "some"}, None,
     "The parameter 'count' must be a whole number, but is 'some'"),
    ("an offset that is no integer of FHIR", "http://example.org/vs/words", {"offset": str(2**31)}, None,
     "The parameter 'offset' must be a whole number of at most 2147483647, but is '2147483648'"),
    ("an offset beyond all numbers", "http://example.org/vs/words", {"offset": "9" * 21}, None,
     f"The parameter 'offset' must be a whole number of at most 2147483647, but is '{'9' * 21}'"),
    ("a value set that is something else", code_system("x"), {}, None,
     "The parameter 'valueSet' must be a ValueSet, but is 'CodeSystem'"),
    ("a value set that is built wrongly", {"resourceType": "ValueSet", "compose": {"include": {}}}, {}, None,
     "ValueSet.compose.include must be a list"),
    ("a code system that is built wrongly",
     value_set("x", {"system": "http://example.org/odd"}),
     {"resources": (code_system("odd") | {"concept": ["a"]},)}, None,
     "CodeSystem.concept[0] must be an object"),
]  # fmt: skip


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize(
    ("asked", "parameters", "message", "text"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused_with_a_reason(
    asked: Json | str, parameters: dict[str, Any], message: str | None, text: str, release: str
) -> None:
    with pytest.raises(TerminologyError) as error:
        ask(asked, release, **parameters)
    [issue] = error.value.issues
    assert (issue.message_id, issue.text) == (message, text)


def test_too_many_codes_are_refused_with_their_number_and_what_would_help() -> None:
    url, given_ = "http://example.org/vs/many", "http://example.org/many"

    def few(**parameters: Any) -> Json:
        nodes: list[Json] = [{"name": "url", "valueUri": url}]
        for name, value in parameters.items():
            nodes.append({"name": name, _key(value): value})
        body = body_of(*nodes)
        return answer_to("ValueSet/$expand", body, largest=100)

    with pytest.raises(TerminologyError) as error:
        few()
    [issue] = error.value.issues
    assert (issue.code, issue.message_id) == ("too-costly", "VALUESET_TOO_COSTLY")
    assert "(>100): there are 300" in issue.text and "'count'" in issue.text
    for enough in ({"count": 100}, {"offset": 250}, {"filter": "m000"}, {"count": 1000, "offset": 200}):
        assert said(few(**enough), "used-codesystem") == [given_]
    with pytest.raises(TerminologyError):
        few(count=101)


# -- laws ----------------------------------------------------------------------------------------


thorough = settings(max_examples=150)


@given(contents())
@thorough
def test_what_is_listed_is_what_is_held_and_nothing_else(documents: list[Json]) -> None:
    catalogue = catalogue_of(documents)
    definition = definition_of(catalogue, find_value_set(catalogue, LAST))
    found = codes(ask(LAST, resources=tuple(documents)))
    assert sorted(found) == sorted(set(found))
    assert set(found) == {code for code in TREE_CODES if definition.contains("http://example.org/tree", code)}


def is_valid(documents: list[Json], code: str) -> bool:
    nodes: list[Json] = [{"name": "tx-resource", "resource": document} for document in documents]
    nodes += [{"name": "url", "valueUri": LAST}, {"name": "code", "valueCode": code}]
    nodes += [{"name": "system", "valueUri": "http://example.org/tree"}]
    body = body_of(*nodes)
    document = answer_to("ValueSet/$validate-code", body)
    return next(bool(p["valueBoolean"]) for p in document["parameter"] if p["name"] == "result")


@given(contents())
@settings(max_examples=40)
def test_what_expand_lists_validate_code_accepts_and_nothing_else(documents: list[Json]) -> None:
    found = codes(ask(LAST, resources=tuple(documents)))
    assert set(found) == {code for code in TREE_CODES if is_valid(documents, code)}


@given(contents(), st.integers(1, 5))
@thorough
def test_paging_joined_equals_the_whole(documents: list[Json], size: int) -> None:
    whole = ask(LAST, resources=tuple(documents), excludeNested=True)["expansion"]
    joined: list[Json] = []
    for offset in range(0, whole["total"] + size, size):
        page = ask(LAST, resources=tuple(documents), offset=offset, count=size)["expansion"]
        assert page["total"] == whole["total"]
        joined += page.get("contains", [])
    assert joined == whole.get("contains", [])


@given(contents(), st.sampled_from(["r4", "r5"]))
@thorough
def test_asked_again_the_answer_is_the_same_and_no_document_was_changed(
    documents: list[Json], release: str
) -> None:
    before = deepcopy(documents)
    first, second = (ask(LAST, release, tuple(documents), property="*") for _ in range(2))
    for document in (first, second):
        del document["expansion"]["identifier"], document["expansion"]["timestamp"]
    assert first == second
    assert documents == before


@given(contents())
@thorough
def test_a_tree_has_the_codes_that_the_list_has(documents: list[Json]) -> None:
    flat = ask(LAST, resources=tuple(documents), excludeNested=True)
    nested = ask(LAST, resources=tuple(documents), excludeNested=False)
    assert sorted(codes(flat)) == sorted(codes(nested))


def test_what_is_served_is_never_changed() -> None:
    before = deepcopy(WORD_SYSTEM), deepcopy(SUPPLEMENT)
    for release in ("r4", "r5"):
        ask(
            "http://example.org/vs/words",
            release,
            includeDesignations=True,
            includeDefinition=True,
            property="*",
            useSupplement="http://example.org/words-nl",
            displayLanguage="de",
        )
    assert (WORD_SYSTEM, SUPPLEMENT) == before
