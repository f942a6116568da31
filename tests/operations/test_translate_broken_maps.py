"""ConceptMap $translate by maps that refer to what is not here, to one another, or are not well-formed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from terminology.core.model import Document
from tests.support.asking import matches, value, values
from tests.support.builders import (
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

LOAF = "http://example.org/loaf"
BIN = "http://example.org/bin"
MAP = "http://example.org/ConceptMap/loaf-to-bin"
NOWHERE = "http://example.org/vs/nowhere"
LOAVES = code_system(LOAF, "Rye", "Bun", "Crumb")
BINS = code_system(BIN, concept("b1", "Bin 1"), concept("Rye", "Bin for rye"))
BOTH_RELEASES = pytest.mark.parametrize("release", ["r4", "r5"])


def to(code: str, relationship: str = "equivalent", **more: Any) -> Document:
    return {"code": code, "relationship": relationship, **more}


def served(*documents: Document) -> Terminology:
    return Terminology(catalogue=catalogue_of(documents))


def ask(library: Terminology, release: str, *parameters: Document, **more: Any) -> Document:
    named = {
        name: {"valueBoolean" if isinstance(given, bool) else "valueString": given}
        for name, given in more.items()
    }
    return library.ask("ConceptMap/$translate", body_of(*parameters, **named), release)


def sent(*resources: Document) -> list[Document]:
    return [tx_resource(resource) for resource in resources]


# -- codes that a map keeps ----------------------------------------------------------------------

KEEPS = concept_map(MAP, LOAF, BIN, [{"code": "Bun", "target": [to("b1")]}])
KEEPS["group"][0]["unmapped"] = {"mode": "use-source-code", "relationship": "related-to"}


@BOTH_RELEASES
@pytest.mark.parametrize(("target", "display"), [([BINS], "Bin for rye"), ([], None)])
def test_a_code_that_is_kept_does_not_keep_the_display_sent(
    release: str, target: list[Document], display: str | None
) -> None:
    """The display of the request is one of the source code, which the target code system need not share."""
    library = served(LOAVES, KEEPS, *target)
    answer = ask(library, release, coding("Rye", LOAF, display="Malignant neoplasm"))
    (match,) = values(answer, "match")
    expected = {"system": BIN, "code": "Rye"} | ({"display": display} if display else {})
    assert value(match, "concept") == expected


def test_a_target_in_a_value_set_does_not_have_the_display_sent() -> None:
    bins = value_set("bins", {"system": BIN, "concept": [{"code": "b1"}]})
    rows = [{"code": "Rye", "target": [{"valueSet": bins["url"], "relationship": "related-to"}]}]
    library = served(LOAVES, bins, concept_map(MAP, LOAF, BIN, rows))
    target = {"name": "targetCoding", "valueCoding": {"system": BIN, "code": "b1", "display": "Wrong"}}
    (match,) = values(ask(library, "r5", target), "match")
    assert value(match, "source")["code"] == "Rye"
    assert "display" not in value(match, "concept")


@BOTH_RELEASES
@pytest.mark.parametrize(
    ("code", "content", "is_noted"),
    [
        ("Crumb", "complete", True),
        ("Rye", "complete", False),
        ("Crumb", "fragment", False),
        ("Crumb", "not-present", False),
        ("Crumb", "example", False),
    ],
)
def test_a_kept_code_that_the_target_lacks_is_noted(
    release: str, code: str, content: str, is_noted: bool
) -> None:
    answer = ask(served(LOAVES, KEEPS, {**BINS, "content": content}), release, system=LOAF, code=code)
    assert value(answer, "result") is True
    note = f"The map {MAP} does not list '{code}' and leaves it as it is, but CodeSystem '{BIN}' has no such code."
    assert value(answer, "message") == (note if is_noted else None)


# -- value sets that are not here ----------------------------------------------------------------

FROM_NOWHERE = [{"code": "Rye", "target": [to("b1")]}, {"valueSet": NOWHERE, "target": [to("Rye")]}]


@BOTH_RELEASES
@pytest.mark.parametrize("is_sent", [True, False])
@pytest.mark.parametrize("name", [None, MAP])
def test_a_row_from_an_unknown_value_set_leaves_other_rows_alone(
    release: str, is_sent: bool, name: str | None
) -> None:
    documents = [
        LOAVES,
        BINS,
        concept_map(MAP, LOAF, BIN, FROM_NOWHERE),
        concept_map("other", LOAF, BIN, [{"code": "Rye", "target": [to("b1")]}]),
    ]
    library = served() if is_sent else served(*documents)
    resources = sent(*documents) if is_sent else []
    more = {"url": name} if name else {}
    answer = ask(library, release, *resources, system=LOAF, code="Rye", **more)
    assert value(answer, "result") is True
    assert matches(answer) == [("b1", "equivalent")] * (1 if name else 2)
    assert f"The map {MAP} translates the codes of {NOWHERE}, which are not listed" in value(
        answer, "message"
    )
    answer = ask(library, release, *resources, system=LOAF, code="Bun", **more)
    assert value(answer, "result") is False
    assert NOWHERE in value(answer, "message")


@BOTH_RELEASES
def test_a_code_that_an_unknown_value_set_may_have_is_not_unmapped(release: str) -> None:
    rule = {"unmapped": {"mode": "fixed", "code": "b1", "relationship": "related-to"}}
    library = served(LOAVES, BINS, concept_map(MAP, LOAF, BIN, FROM_NOWHERE, group=rule))
    answer = ask(library, release, system=LOAF, code="Bun")
    assert not values(answer, "match")
    assert NOWHERE in value(answer, "message")


# -- maps that refer to one another --------------------------------------------------------------

LISTED = {"code": "Bun", "target": [to("b1")]}


def referring(count: int, others: Callable[[int], Sequence[int]], last: Document = LISTED) -> list[Document]:
    """So many maps; each has a group for each of the others that it refers to, the last one a row of its own."""
    maps = []
    for number in range(count):
        map_ = concept_map(f"m{number}", LOAF, BIN, [last])
        rules = [
            {"mode": "other-map", "otherMap": url_of(f"m{other}", "ConceptMap/")} for other in others(number)
        ]
        group = {"source": LOAF, "target": BIN, "element": [LISTED]}
        map_["group"] = [{**group, "unmapped": rule} for rule in rules] or map_["group"]
        maps.append(map_)
    return maps


RYE = {"code": "Rye", "target": [to("b1")]}


@BOTH_RELEASES
@pytest.mark.parametrize(
    "others",
    [
        lambda number: [number + 1] * 4 if number < 29 else [],
        lambda number: [min(number + 1, 29), min(number + 2, 29)] if number < 29 else [],
        lambda number: [other for other in range(30) if other != number] if number < 29 else [],
    ],
)
def test_a_map_is_asked_once_however_many_ways_lead_to_it(
    release: str, others: Callable[[int], Sequence[int]]
) -> None:
    maps = referring(30, others, RYE)
    start = time.thread_time()
    named = ask(served(), release, *sent(LOAVES, BINS, *maps), url=maps[0]["url"], system=LOAF, code="Rye")
    every = ask(served(), release, *sent(LOAVES, BINS, *maps), system=LOAF, code="Rye")
    assert time.thread_time() - start < 5
    for answer in (named, every):
        origins = {
            value(match, "originMap") or value(match, "source") or "" for match in values(answer, "match")
        }
        assert origins == {maps[-1]["url"]}
    for match in values(every, "match"):
        way = [*values(match, "via"), maps[-1]["url"]]
        assert len(way) == len(set(way))


@BOTH_RELEASES
def test_a_map_that_two_maps_refer_to_answers_both(release: str) -> None:
    maps = referring(3, lambda number: [2] if number < 2 else [], RYE)
    answer = ask(served(LOAVES, BINS, *maps), release, system=LOAF, code="Rye")
    ways = {tuple(values(match, "via")) for match in values(answer, "match")}
    assert ways == {(), (maps[0]["url"],), (maps[1]["url"],)}


@BOTH_RELEASES
def test_a_long_row_of_maps_ends_with_a_note(release: str) -> None:
    maps = referring(400, lambda number: [number + 1] if number < 399 else [])
    answer = ask(served(LOAVES, BINS, *maps), release, url=maps[0]["url"], system=LOAF, code="Rye")
    assert value(answer, "result") is False
    assert "More than 50 maps in a row refer to another one" in value(answer, "message")


# -- maps without a url --------------------------------------------------------------------------


@BOTH_RELEASES
@pytest.mark.parametrize("version", [{}, {"version": "2"}])
@pytest.mark.parametrize("is_reverse", [True, False])
def test_a_map_without_a_url_is_not_named(release: str, version: Document, is_reverse: bool) -> None:
    """An element with a value has at least one character: https://hl7.org/fhir/R5/datatypes.html#string."""
    map_ = concept_map(MAP, LOAF, BIN, [{"code": "Rye", "target": [to("b1")]}], **version)
    del map_["url"]
    subject = coding("b1", BIN) if is_reverse else coding("Rye", LOAF)
    given = {"name": "conceptMap", "resource": map_}
    answer = ask(served(LOAVES, BINS), release, given, subject, reverse=is_reverse)
    (match,) = values(answer, "match")
    assert {part["name"] for part in match["part"]} == {
        "equivalence" if release == "r4" else "relationship",
        "concept",
    }


@BOTH_RELEASES
def test_a_value_set_without_a_url_is_unidentified(release: str) -> None:
    unnamed = value_set("none", {"system": LOAF}, version="2")
    del unnamed["url"]
    body = body_of({"name": "valueSet", "resource": unnamed}, coding("Bagel", LOAF))
    answer = served(LOAVES).ask("ValueSet/$validate-code", body, release)
    assert "was not found in the value set '(unidentified)'" in value(answer, "message")


# -- elements of the wrong type ------------------------------------------------------------------


ROW = {"attribute": "x", "valueCoding": {"system": {}}}
WRONG_IN_MAPS: list[tuple[str, Document]] = [
    (r"dependsOn\[0\].valueCoding.system must be a string", {"target": [to("b1", dependsOn=[ROW])]}),
    (r"product\[0\].valueCoding.system must be a string", {"target": [to("b1", product=[ROW])]}),
    (
        r"property\[0\].valueCoding.code must be a string",
        {"target": [to("b1", property=[{"code": "x", "valueCoding": {"code": []}}])]},
    ),
    (r"element\[0\].noMap must be true or false", {"noMap": "no"}),
]


@BOTH_RELEASES
@pytest.mark.parametrize(("message", "element"), WRONG_IN_MAPS)
def test_an_element_of_a_map_of_the_wrong_type_is_named(
    release: str, message: str, element: Document
) -> None:
    map_ = concept_map(MAP, LOAF, BIN, [{"code": "Rye", **element}])
    with pytest.raises(TerminologyError, match=message) as refusal:
        ask(served(LOAVES, BINS), release, *sent(map_), url=MAP, system=LOAF, code="Rye")
    assert refusal.value.issues[0].code == "structure"


WRONG_IN_SYSTEMS: list[tuple[str, Document]] = [
    (r"CodeSystem.property\[0\].type must be a string", {"property": [{"code": "p", "type": []}]}),
    ("CodeSystem.title must be a string", {"title": 5}),
    ("CodeSystem.name must be a string", {"name": [{}]}),
    ("CodeSystem.caseSensitive must be true or false", {"caseSensitive": "yes"}),
    (
        r"designation\[0\].use.code must be a string",
        {"concept": [concept("a", designation=[{"value": "Ah", "use": {"code": []}}])]},
    ),
    (
        r"property\[0\].valueBoolean must be true or false",
        {"concept": [concept("a", property=[{"code": "p", "valueBoolean": {}}])]},
    ),
]


@BOTH_RELEASES
@pytest.mark.parametrize("is_contained", [True, False])
@pytest.mark.parametrize(("message", "elements"), WRONG_IN_SYSTEMS)
def test_an_element_of_a_code_system_of_the_wrong_type_is_named(
    release: str, message: str, elements: Document, is_contained: bool
) -> None:
    message = message.replace("CodeSystem.", "") if is_contained else message
    system = code_system("sent", "a", id="inner") | elements
    contained: Document = {"contained": [system]} if is_contained else {}
    given = value_set("of-it", {"system": system["url"]}, **contained)
    resources = [] if is_contained else sent(system)
    body = body_of(*resources, {"name": "valueSet", "resource": given})
    with pytest.raises(TerminologyError, match=message) as refusal:
        served().ask("ValueSet/$expand", body, release)
    assert refusal.value.issues[0].code == "structure"


@BOTH_RELEASES
@pytest.mark.parametrize(
    "include", ["x", [["x"]], [{"system": {}}], [{"valueSet": [{}]}], [{"valueSet": {}}]]
)
def test_a_contained_value_set_of_the_wrong_types_is_refused(release: str, include: Any) -> None:
    inner = {
        "resourceType": "ValueSet",
        "id": "inner",
        "status": "active",
        "compose": {"include": include},
    }
    outer = value_set("outer", {"valueSet": ["#inner"]}, contained=[inner])
    body = body_of({"name": "valueSet", "resource": outer}, coding("Rye", LOAF))
    for operation in ("$expand", "$validate-code"):
        with pytest.raises(TerminologyError, match=r"ValueSet.contained\[0\].compose.include") as refusal:
            served(LOAVES).ask(f"ValueSet/{operation}", body, release)
        assert refusal.value.issues[0].code == "structure"


@BOTH_RELEASES
@pytest.mark.parametrize("extension", ["x", [["x"]], [{"url": {}}]])
def test_an_expansion_with_extensions_of_the_wrong_types_is_refused(release: str, extension: Any) -> None:
    expansion = {"contains": [{"system": LOAF, "code": "Rye"}], "extension": extension}
    given = value_set("listed", expansion=expansion)
    del given["compose"]
    with pytest.raises(TerminologyError, match=r"ValueSet.expansion.extension"):
        served(LOAVES).ask("ValueSet/$expand", body_of({"name": "valueSet", "resource": given}), release)


@BOTH_RELEASES
@pytest.mark.parametrize("ids", ["x", [["x"]], [{"type": "oid", "value": {}}], [{"type": [], "value": "x"}]])
def test_a_naming_system_of_the_wrong_types_is_refused(release: str, ids: Any) -> None:
    naming = {"resourceType": "NamingSystem", "kind": "codesystem", "status": "active", "uniqueId": ids}
    with pytest.raises(TerminologyError, match="NamingSystem.uniqueId") as refusal:
        ask(served(LOAVES, BINS, KEEPS), release, *sent(naming), coding("Rye", LOAF))
    assert refusal.value.issues[0].code == "structure"


# -- all codes of an unknown code system ---------------------------------------------------------


@BOTH_RELEASES
@pytest.mark.parametrize("name", ["sourceScope", "targetScope"])
@pytest.mark.parametrize("is_named", [True, False])
def test_all_codes_of_an_unknown_code_system_are_an_unknown_scope(
    release: str, name: str, is_named: bool
) -> None:
    library = served(LOAVES, concept_map(MAP, LOAF, BIN, [RYE]))
    more = {"url": MAP} if is_named else {}
    parameter = name if release == "r5" else name.removesuffix("Scope")
    for scope in ("http://example.org/nothing?fhir_vs", "?fhir_vs"):
        with pytest.raises(TerminologyError, match="could not be found") as refusal:
            ask(library, release, system=LOAF, code="Rye", **{parameter: scope}, **more)
        assert refusal.value.issues[0].code == "not-found"
    known = f"{LOAF if name == 'sourceScope' else BIN}?fhir_vs"
    answer = ask(library, release, system=LOAF, code="Rye", **{parameter: known}, **more)
    assert value(answer, "result") is True
