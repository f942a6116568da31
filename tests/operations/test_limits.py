"""How much may one question ask for? What is asked over and over, goes deep, or would take too long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from terminology.catalogue.content import Content
from terminology.operations.limits import DEEPEST_TREE, MOST_CODINGS, MOST_FILTERS, MOST_PROPERTIES
from terminology.wire import json, xml
from terminology.wire.fhir_versions import RELEASES
from tests.support.builders import body_of, code_system, coding, value_set
from tests.support.engine import catalogue_of, served

Json = dict[str, Any]

BASE = "http://example.org"
MANY = f"{BASE}/many"
ALL = {"system": MANY}


def imported(name: str) -> Json:
    return {"valueSet": [f"{BASE}/vs/{name}"]}


def answered(documents: list[Json], operation: str, *parameters: Json, release: str = "r5") -> Json:
    return Terminology(catalogue=catalogue_of(documents)).ask(operation, body_of(*parameters), release)


def refusal(documents: list[Json], operation: str, *parameters: Json) -> str:
    """The refusal as too costly. The documents are in memory in every run: in a store the same may be cheap."""
    with pytest.raises(TerminologyError) as error:
        Terminology(catalogue=Content(documents)).ask(operation, body_of(*parameters))
    [issue] = error.value.issues
    assert issue.code == "too-costly"
    return issue.text


def in_set(document: Json) -> Json:
    return {"name": "valueSet", "resource": document}


def result(answer: Json) -> Any:
    return next(part["valueBoolean"] for part in answer["parameter"] if part["name"] == "result")


# -- over and over -------------------------------------------------------------------------------

FRAGMENT = code_system(MANY, "a", version="1", content="fragment")
WHOLE = code_system(MANY, "a", version="1")


def diamonds(system: Json) -> list[Json]:
    """Forty value sets, each importing the next one twice: 2^40 ways to the code system at the end."""
    sets = [value_set(f"d{n}", imported(f"d{n + 1}"), imported(f"d{n + 1}")) for n in range(40)]
    return [system, *sets, value_set("d40", ALL)]


ASKED = [
    ("a member", WHOLE, [coding("a", MANY)], True),
    ("no member", WHOLE, [coding("b", MANY)], False),
    ("in a version", WHOLE, [coding("a", MANY, version="1")], True),
    ("in a version that is not here", WHOLE, [coding("a", MANY, version="2")], False),
    ("the system inferred", WHOLE,
     [{"name": "code", "valueCode": "a"}, {"name": "inferSystem", "valueBoolean": True}], True),
    ("membership only", WHOLE, 
     [coding("a", MANY), {"name": "valueset-membership-only", "valueBoolean": True}], True),
    ("of a fragment", FRAGMENT, [coding("a", MANY)], True),
    ("perhaps in another part of the fragment", FRAGMENT, [coding("b", MANY)], True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("system", "parameters", "expected"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED]
)
def test_a_value_set_that_is_imported_many_ways_is_asked_once(
    system: Json, parameters: list[Json], expected: bool
) -> None:
    url = {"name": "url", "valueUri": f"{BASE}/vs/d0"}
    assert result(answered(diamonds(system), "ValueSet/$validate-code", url, *parameters)) is expected


@pytest.mark.parametrize("operation", ["ValueSet/$expand", "ValueSet/$validate-code"])
def test_a_value_set_whose_includes_import_one_twice_is_asked_once(operation: str) -> None:
    """Four ways at each of forty steps."""
    url = {"name": "url", "valueUri": f"{BASE}/vs/d0"}
    twice = [
        {"valueSet": [f"{BASE}/vs/d{n + 1}"] * 2} if n < 40 else {**ALL, "version": "1"} for n in range(41)
    ]
    sets = [
        value_set(f"d{n}", include, include, exclude=[imported("none")]) for n, include in enumerate(twice)
    ]
    documents = [WHOLE, value_set("none", {**ALL, "concept": [{"code": "z"}]}), *sets]
    parameters = [] if operation.endswith("expand") else [coding("a", MANY)]
    answer = answered(documents, operation, url, *parameters)
    if parameters:
        assert result(answer) is True
    else:
        assert [entry["code"] for entry in answer["expansion"]["contains"]] == ["a"]


# -- deep ----------------------------------------------------------------------------------------


def chain(length: int) -> Json:
    """Each code beneath the one before."""
    above = [[], *([{"code": "parent", "valueCode": f"c{n}"}] for n in range(length - 1))]
    return code_system(
        MANY, *({"code": f"c{n}", "property": parent} for n, parent in enumerate(above)), version="1"
    )


def depth(nodes: list[Json]) -> int:
    found = 0
    while nodes:
        nodes = [inner for node in nodes for inner in node.get("contains", ())]
        found += 1
    return found


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize(
    ("length", "expected"), [(DEEPEST_TREE, DEEPEST_TREE), (DEEPEST_TREE + 1, 1), (127, 1), (20_000, 1)]
)
def test_a_tree_that_is_too_deep_to_be_read_is_a_list(length: int, expected: int, release: str) -> None:
    document = answered([chain(length)], "ValueSet/$expand", in_set(value_set("x", ALL)), release=release)
    expansion = document["expansion"]
    assert (expansion["total"], depth(expansion["contains"])) == (length, expected)
    assert json.read(json.write(document)) == document
    as_xml = xml.write(document, RELEASES[release])
    assert xml.read_resource(as_xml, RELEASES[release])["expansion"]["total"] == length


# -- too long ------------------------------------------------------------------------------------

THOUSANDS = code_system(MANY, *(f"c{n}" for n in range(10_000)), version="1")
FEW_CODES = code_system(MANY, "a", version="1")


def having(*filters: tuple[str, str, str]) -> Json:
    return {**ALL, "filter": [{"property": p, "op": op, "value": value} for p, op, value in filters]}


def each(number: int, op: str = "regex") -> Iterator[Json]:
    return (having(("concept", op, f"c{n}")) for n in range(number))


COSTLY = [
    ("includes with filters", value_set("x", *each(3_000)), "3,000 includes and excludes with 3,000 filters"),
    ("excludes with filters", value_set("x", ALL, exclude=tuple(each(3_000))),
     "3,001 includes and excludes with 3,000 filters"),
    ("includes", value_set("x", *[ALL] * 3_000), "3,000 includes and excludes with 0 filters"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "said"), [row[1:] for row in COSTLY], ids=[row[0] for row in COSTLY])
def test_a_value_set_that_takes_too_long_to_list_is_refused(asked: Json, said: str) -> None:
    """The refusal of a value set that takes too long to list states its size and a cheaper way."""
    text = refusal([THOUSANDS], "ValueSet/$expand", in_set(asked), {"name": "count", "valueInteger": 1})
    assert f"{said}, over code systems of up to 10,000 codes, take about " in text
    assert "the limit is 25,000,000." in text and "enumerate the codes" in text
    small = answered([FEW_CODES], "ValueSet/$expand", in_set(asked))
    assert "expansion" in small


def test_searching_a_value_set_takes_longer_than_listing_it() -> None:
    asked = in_set(value_set("x", *[ALL] * 600))
    search = {"name": "filter", "valueString": "c5"}
    assert answered([THOUSANDS], "ValueSet/$expand", asked)["expansion"]["total"] == 10_000
    assert "about 30,000,000 steps" in refusal([THOUSANDS], "ValueSet/$expand", asked, search)


def test_thousands_of_includes_are_cheap_where_a_store_has_sets_of_codes() -> None:
    stored = Terminology(catalogue=served([THOUSANDS], Content()))
    for includes, total in (([ALL] * 3_000, 10_000), (each(3_000, "is-a"), 3_000)):
        answer = stored.ask("ValueSet/$expand", body_of(in_set(value_set("x", *includes))))
        assert answer["expansion"]["total"] == total


def test_what_lists_its_codes_is_not_too_costly_however_long_the_list() -> None:
    listed = value_set("x", *({**ALL, "concept": [{"code": f"c{n}"}]} for n in range(10_000)))
    assert answered([THOUSANDS], "ValueSet/$expand", in_set(listed))["expansion"]["total"] == 10_000


def test_a_hierarchy_is_not_walked_through_too_often_to_find_one_code() -> None:
    many, some = (value_set("x", *each(number, "is-a")) for number in (3_000, 100))
    assert "too costly to validate codes against" in refusal(
        [THOUSANDS], "ValueSet/$validate-code", in_set(many), coding("c5", MANY)
    )
    assert result(answered([THOUSANDS], "ValueSet/$validate-code", in_set(some), coding("c5", MANY))) is True


def test_an_include_has_a_bounded_number_of_filters() -> None:
    too_many, enough = (
        value_set("x", having(*[("concept", "regex", "a")] * number))
        for number in (MOST_FILTERS + 1, MOST_FILTERS)
    )
    for operation, more in (("$expand", ()), ("$validate-code", (coding("a", MANY),))):
        text = refusal([FEW_CODES], f"ValueSet/{operation}", in_set(too_many), *more)
        assert f"has {MOST_FILTERS + 1} filters; at most {MOST_FILTERS} are allowed" in text
        assert answered([FEW_CODES], f"ValueSet/{operation}", in_set(enough), *more)


def test_a_codeable_concept_has_a_bounded_number_of_codings() -> None:
    def codeable_concept(number: int) -> Json:
        codings = [{"system": MANY, "code": f"c{n}"} for n in range(number)]
        return {"name": "codeableConcept", "valueCodeableConcept": {"coding": codings}}

    asked = in_set(value_set("x", ALL))
    text = refusal([THOUSANDS], "ValueSet/$validate-code", asked, codeable_concept(MOST_CODINGS + 1))
    limit = f"At most {MOST_CODINGS} codings are allowed in one CodeableConcept"
    assert f"{limit}; this one has {MOST_CODINGS + 1}" in text
    assert (
        result(answered([THOUSANDS], "ValueSet/$validate-code", asked, codeable_concept(MOST_CODINGS)))
        is True
    )


def test_find_matches_compares_a_bounded_number_of_properties() -> None:
    def sought(number: int) -> list[Json]:
        part = [{"name": "code", "valueCode": "code"}, {"name": "value", "valueCode": "a"}]
        properties = [{"name": "property", "part": part}] * number
        return [
            {"name": "system", "valueUri": MANY},
            {"name": "exact", "valueBoolean": True},
            *properties,
        ]

    text = refusal([FEW_CODES], "CodeSystem/$find-matches", *sought(MOST_PROPERTIES + 1))
    assert f"at most {MOST_PROPERTIES} properties; the request has {MOST_PROPERTIES + 1}" in text
    assert answered([FEW_CODES], "CodeSystem/$find-matches", *sought(MOST_PROPERTIES))["parameter"]
