"""No request is too costly to be answered or refused: fans, circles, repetitions, long texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from terminology import Settings, Terminology, TerminologyError
from terminology.operations.limits import (
    LONGEST_CODE,
    LONGEST_FILTER,
    LONGEST_TEXT,
    MOST_CODINGS,
    MOST_REPEATED,
    MOST_WORDS,
)
from tests.support.asking import matches, value
from tests.support.builders import (
    BASE,
    body_of,
    code_system,
    coding,
    concept,
    concept_map,
    tx_resource,
    url_of,
    value_set,
)
from tests.support.engine import catalogue_of

Json = dict[str, Any]

CODES = url_of("codes")
RELEASES = pytest.mark.parametrize("release", ["r4", "r4b", "r5"])


def ask(operation: str, *parameters: Json, release: str = "r5", **settings: Any) -> Json:
    """The answer of a server that has nothing: all comes with the request."""
    terminology = Terminology(settings=Settings(bundled=False, **settings), catalogue=catalogue_of())
    return terminology.ask(operation, body_of(*parameters), release)


def refusal(operation: str, *parameters: Json, release: str = "r5", **settings: Any) -> Json:
    """Code and text of the one issue of a refusal."""
    with pytest.raises(TerminologyError) as error:
        ask(operation, *parameters, release=release, **settings)
    [issue] = error.value.issues
    return {"code": issue.code, "text": issue.text}


def text(name: str, content: str) -> Json:
    return {"name": name, "valueString": content}


def code(name: str, content: str) -> Json:
    return {"name": name, "valueCode": content}


def uri(name: str, content: str) -> Json:
    return {"name": name, "valueUri": content}


def sent(value_set_: Json) -> Json:
    return {"name": "valueSet", "resource": value_set_}


def parent(name: str) -> Json:
    return {"code": "parent", "valueCode": name}


SOME = code_system(CODES, *(f"c{n}" for n in range(20)), version="1")


# -- every node once -----------------------------------------------------------------------------


def other_map(name: str, *others: str) -> Json:
    """A map that lists nothing, and leads to others for what it does not list, each by a group of its own."""
    map_ = concept_map(name, "s", "t", [])
    rule = [{"mode": "other-map", "otherMap": url_of(other, "ConceptMap/")} for other in others]
    return {**map_, "group": [{**map_["group"][0], "unmapped": unmapped} for unmapped in rule]}


def translated(maps: Sequence[Json], *, first: str, release: str = "r5") -> Json:
    named = [code("code" if release != "r5" else "sourceCode", "x"), uri("system", url_of("s"))]
    url = uri("url", url_of(first, "ConceptMap/"))
    return ask("ConceptMap/$translate", *named, url, *map(tx_resource, maps), release=release)


def test_maps_that_lead_to_one_another_in_a_fan_are_each_asked_once() -> None:
    names = [[f"{level}-{n}" for n in range(3)] for level in range(40)]
    fan = [other_map(name, *names[at + 1]) for at, level in enumerate(names[:-1]) for name in level]
    found = {"code": "x", "target": [{"code": "y", "relationship": "equivalent"}]}
    ends = [concept_map(name, "s", "t", [found]) for name in names[-1]]
    answer = translated([*fan, *ends], first="0-0")
    assert set(matches(answer)) == {("y", "equivalent")}


def test_maps_that_all_lead_to_all_others_are_each_asked_once() -> None:
    names = [f"m{n}" for n in range(30)]
    assert value(translated([other_map(name, *names) for name in names], first="m0"), "result") is False


def test_a_row_of_800_maps_is_refused_after_some_and_not_followed() -> None:
    row = [other_map(f"m{n}", f"m{n + 1}") for n in range(800)]
    answer = translated(row, first="m0")
    assert value(answer, "result") is False
    assert "50" in value(answer, "message")


def fan(levels: int, *, versions: int = 1) -> list[Json]:
    """Three value sets on each level, that import the three of the next one in some versions of a code system."""
    sets = [
        value_set(
            f"{level}-{n}",
            *(
                {
                    "system": CODES,
                    "version": str(version),
                    "valueSet": [url_of(f"{level + 1}-{m}", "vs/") for m in range(3)],
                }
                for version in range(1, versions + 1)
            ),
        )
        for level in range(levels)
        for n in range(3)
    ]
    return [*sets, *(value_set(f"{levels}-{n}", {"system": CODES}) for n in range(3))]


@pytest.mark.parametrize("versions", [1, 3])
@RELEASES
def test_a_fan_of_imports_is_compiled_once_for_each_version(versions: int, release: str) -> None:
    systems = [{**SOME, "version": str(version)} for version in range(1, versions + 1)]
    resources = map(tx_resource, [*systems, *fan(20, versions=versions)])
    asked = [uri("url", url_of("0-0", "vs/")), *resources, uri("system", CODES)]
    for word, expected in (("c1", True), ("c99", False)):
        answer = ask("ValueSet/$validate-code", *asked, code("code", word), release=release)
        assert value(answer, "result") is expected


def test_contained_value_sets_in_a_fan_are_each_compiled_once() -> None:
    levels = 25
    contained = [
        {
            **value_set(f"x{level}-{n}", *({"valueSet": [f"#v{level + 1}-{m}"]} for m in range(3))),
            "id": f"v{level}-{n}",
        }
        for level in range(levels)
        for n in range(3)
    ]
    ends = [{**value_set(f"e{n}", {"system": CODES}), "id": f"v{levels}-{n}"} for n in range(3)]
    top = value_set("top", {"valueSet": ["#v0-0"]}, contained=[*contained, *ends])
    asked = [sent(top), tx_resource(SOME), uri("system", CODES), code("code", "c1")]
    assert value(ask("ValueSet/$validate-code", *asked), "result") is True


def test_a_concept_with_thousands_of_parents_is_read_in_linear_time() -> None:
    parents = [f"c{n}" for n in range(5_000)]
    below = concept("x", property=[parent(name) for name in parents * 2])
    system = code_system(CODES, below, *parents, property=[{"code": "parent", "type": "code"}])
    asked = [tx_resource(system), uri("system", CODES), code("codeA", "c1"), code("codeB", "x")]
    assert value(ask("CodeSystem/$subsumes", *asked, max_work=100_000), "outcome") == "subsumes"


# -- one budget ----------------------------------------------------------------------------------


def test_the_validations_of_a_batch_share_one_budget() -> None:
    deep = [concept(f"c{n}", property=[parent(f"c{n - 1}")]) for n in range(500)]
    system = code_system(CODES, *deep, property=[{"code": "parent", "type": "code"}])
    is_a = {"system": CODES, "filter": [{"property": "concept", "op": "is-a", "value": "c0"}]}
    validation = {"name": "validation", "resource": body_of(uri("system", CODES), code("code", "c1"))}
    asked = [sent(value_set("set", is_a)), tx_resource(system), *[validation] * 60]
    answer = ask("ValueSet/$batch-validate-code", *asked, max_work=50_000)
    kinds = [node["resource"]["resourceType"] for node in answer["parameter"]]
    answered = kinds.index("OperationOutcome")
    assert kinds == ["Parameters"] * answered + ["OperationOutcome"] * (60 - answered)
    assert 0 < answered < 60
    [issue] = answer["parameter"][-1]["resource"]["issue"]
    assert (issue["code"], "more than 50,000 steps" in issue["details"]["text"]) == ("too-costly", True)


@RELEASES
def test_a_request_over_its_budget_is_too_costly(release: str) -> None:
    asked = [sent(value_set("set", {"system": CODES})), tx_resource(SOME)]
    assert ask("ValueSet/$expand", *asked, release=release)["expansion"]["total"] == 20
    issue = refusal("ValueSet/$expand", *asked, release=release, max_work=600)
    assert issue["code"] == "too-costly"
    assert "600 steps" in issue["text"]


# -- long texts and repetitions ------------------------------------------------------------------

LONG = "ab" * 6_000
IN_SYSTEM = [uri("url", CODES), tx_resource(SOME)]
IN_SET = [sent(value_set("set", {"system": CODES})), tx_resource(SOME)]
LOOKUP = [uri("system", CODES), tx_resource(SOME)]
MAP = [uri("system", CODES), {"name": "conceptMap", "resource": concept_map("m", CODES, "t", [])}]
CONCEPT = {"coding": [{"system": CODES, "code": "c1"}] * (MOST_CODINGS + 1)}


@pytest.mark.parametrize(
    ("operation", "asked", "reason"),
    [
        ("CodeSystem/$validate-code", [*IN_SYSTEM, code("code", LONG)], f"{LONGEST_CODE:,} characters"),
        ("CodeSystem/$validate-code", [*IN_SYSTEM, coding(LONG, CODES)], f"{LONGEST_CODE:,} characters"),
        (
            "CodeSystem/$validate-code",
            [*IN_SYSTEM, coding("c1", CODES, version=LONG)],
            f"{LONGEST_CODE:,} characters",
        ),
        (
            "CodeSystem/$validate-code",
            [*IN_SYSTEM, {"name": "codeableConcept", "valueCodeableConcept": CONCEPT}],
            f"At most {MOST_CODINGS} codings",
        ),
        (
            "CodeSystem/$validate-code",
            [*IN_SYSTEM, code("code", "c1"), text("display", "a " * LONGEST_TEXT)],
            f"{LONGEST_TEXT:,} characters",
        ),
        ("CodeSystem/$lookup", [*LOOKUP, code("code", LONG)], f"{LONGEST_CODE:,} characters"),
        (
            "CodeSystem/$lookup",
            [*LOOKUP, code("code", "c1"), *(code("property", f"p{n}") for n in range(MOST_REPEATED + 1))],
            f"at most {MOST_REPEATED} times",
        ),
        (
            "CodeSystem/$lookup",
            [*LOOKUP, code("code", "c1"), *(uri("useSupplement", f"{BASE}/{n}") for n in range(201))],
            f"at most {MOST_REPEATED} times",
        ),
        (
            "CodeSystem/$lookup",
            [*LOOKUP, code("code", "c1"), code("displayLanguage", ",".join(["de-AT"] * 51))],
            "at most 50",
        ),
        (
            "CodeSystem/$subsumes",
            [*LOOKUP, code("codeA", "c1"), code("codeB", LONG)],
            f"{LONGEST_CODE:,} characters",
        ),
        ("ConceptMap/$translate", [*MAP, code("sourceCode", LONG)], f"{LONGEST_CODE:,} characters"),
        ("ValueSet/$expand", [*IN_SET, text("filter", "a " * MOST_WORDS + "b")], f"{MOST_WORDS} words"),
        ("ValueSet/$expand", [*IN_SET, text("filter", "a" * 3_000)], f"{LONGEST_FILTER:,} characters"),
        (
            "ValueSet/$expand",
            [*IN_SET, *(text("designation", f"{BASE}|{n}") for n in range(20_000))],
            f"at most {MOST_REPEATED} times",
        ),
        (
            "ValueSet/$expand",
            [*IN_SET, *(uri("exclude-system", f"{BASE}/{n}") for n in range(201))],
            f"at most {MOST_REPEATED} times",
        ),
    ],
)
def test_what_is_too_long_or_too_often_is_refused_with_the_limit(
    operation: str, asked: list[Json], reason: str
) -> None:
    issue = refusal(operation, *asked)
    assert issue["code"] in ("too-long", "too-costly")
    assert reason in issue["text"]


def test_texts_at_their_limits_are_answered() -> None:
    longest = "a" * LONGEST_CODE
    system = tx_resource(code_system(CODES, longest))
    answer = ask("CodeSystem/$validate-code", uri("url", CODES), code("code", longest), system)
    assert value(answer, "result") is True
    words = " ".join(["c"] * MOST_WORDS)
    assert ask("ValueSet/$expand", *IN_SET, text("filter", words))["expansion"]["total"] == 20


@pytest.mark.parametrize("operation", ["ValueSet/$expand", "ValueSet/$validate-code"])
def test_a_filter_with_a_regular_expression_that_is_too_large_is_refused(operation: str) -> None:
    regex = {"property": "code", "op": "regex", "value": "(.*a){1,900}"}
    asked = [sent(value_set("set", {"system": CODES, "filter": [regex]})), tx_resource(SOME)]
    more = [uri("system", CODES), code("code", "c1")] if operation.endswith("code") else []
    with pytest.raises(TerminologyError, match="too large"):
        ask(operation, *asked, *more)


def test_a_url_of_slashes_is_looked_up_in_linear_time() -> None:
    issue = refusal("CodeSystem/$lookup", uri("system", "/" * (LONGEST_TEXT - 1) + "x"), code("code", "a"))
    assert issue["code"] == "not-found"


def test_a_version_of_wildcards_is_compared_in_linear_time() -> None:
    system = code_system(CODES, "a", version="1." * 10_000 + "z")
    include = {"system": CODES, "version": "x." * 10_000 + "y"}
    asked = [sent(value_set("set", *[include] * 20)), tx_resource(system), uri("system", CODES)]
    assert value(ask("ValueSet/$validate-code", *asked, code("code", "a")), "result") is False
