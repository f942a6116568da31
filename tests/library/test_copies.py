"""Answers belong to the caller, and so do the resources that a caller gives: nothing is shared with what is served."""

from __future__ import annotations

import copy
import json
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from terminology import Coding, Terminology
from tests.support.engine import catalogue_of

COLOURS = "http://example.org/colours"
PAINTS = "http://example.org/paints"
SYSTEM: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "id": "colours",
    "url": COLOURS,
    "version": "1",
    "identifier": [{"system": "urn:ids", "value": "c"}],
    "status": "active",
    "content": "complete",
    "caseSensitive": True,
    "hierarchyMeaning": "is-a",
    "property": [{"code": "weight", "type": "Quantity"}, {"code": "like", "type": "Coding"}],
    "concept": [
        {
            "code": "red",
            "display": "Red",
            "designation": [{"language": "de", "use": {"system": "urn:use", "code": "u"}, "value": "Rot"}],
            "property": [
                {"code": "weight", "valueQuantity": {"value": 1, "unit": "g"}},
                {"code": "like", "valueCoding": {"system": COLOURS, "code": "blue"}},
            ],
            "concept": [{"code": "scarlet", "display": "Scarlet"}],
        },
        {"code": "blue", "display": "Blue"},
    ],
}
WARM: dict[str, Any] = {
    "resourceType": "ValueSet",
    "id": "warm",
    "url": "http://example.org/warm",
    "version": "1",
    "identifier": [{"system": "urn:ids", "value": "w"}],
    "status": "active",
    "compose": {"include": [{"system": COLOURS, "concept": [{"code": "red"}, {"code": "scarlet"}]}]},
}
MAP: dict[str, Any] = {
    "resourceType": "ConceptMap",
    "id": "to-paints",
    "url": "http://example.org/to-paints",
    "version": "1",
    "status": "active",
    "property": [{"code": "note", "uri": "urn:note", "type": "Coding"}],
    "group": [
        {
            "source": COLOURS,
            "target": PAINTS,
            "element": [
                {
                    "code": "red",
                    "target": [
                        {
                            "code": "p1",
                            "relationship": "equivalent",
                            "property": [{"code": "note", "valueCoding": {"system": "urn:n", "code": "n"}}],
                        }
                    ],
                }
            ],
        }
    ],
}
NAMES: dict[str, Any] = {
    "resourceType": "NamingSystem",
    "id": "names",
    "url": "http://example.org/names",
    "name": "Names",
    "status": "active",
    "kind": "codesystem",
    "date": "2026-01-01",
    "uniqueId": [{"type": "uri", "value": "urn:names"}],
}
CONTENT = [SYSTEM, WARM, MAP, NAMES]
RELEASES = ["r4", "r4b", "r5", "r6"]

Ask = Callable[[Terminology], Any]
# Every typed request, as its answer.
TYPED: dict[str, Ask] = {
    "lookup": lambda t: t.lookup(COLOURS, "red", property=["*", "designation"]),
    "translate": lambda t: t.translate(COLOURS, "red"),
    "validate_code": lambda t: t.validate_code(COLOURS, "red", display="Wrong"),
    "validate_code in a value set": lambda t: t.validate_code(COLOURS, "red", value_set=WARM["url"]),
    "validate_code of a concept": lambda t: t.validate_code(
        codeableConcept={"coding": [{"system": COLOURS, "code": "red"}]}, url=WARM["url"]
    ),
    "batch_validate_code": lambda t: t.batch_validate_code([Coding(COLOURS, "red"), Coding(COLOURS, "x")]),
    "expand": lambda t: t.expand(
        WARM["url"], include_definition=True, include_designations=True, property=["weight", "like"]
    ),
    "related": lambda t: t.related(WARM["url"], WARM, diagnostics=True),
    "subsumes": lambda t: t.subsumes(COLOURS, "red", "scarlet"),
    "find_matches": lambda t: t.find_matches(COLOURS, {"like": Coding(COLOURS, "blue")}, exact=False),
    "versions": lambda t: t.versions(),
    "read a code system": lambda t: t.read("CodeSystem", "colours"),
    "read a value set": lambda t: t.read("ValueSet", "warm"),
    "read a map": lambda t: t.read("ConceptMap", "to-paints"),
    "read a naming system": lambda t: t.read("NamingSystem", "names"),
    "search": lambda t: t.search("CodeSystem", url=COLOURS),
    "a resource of a search": lambda t: t.search("ValueSet", url=WARM["url"]).resources[0],
    "a validation of many": lambda t: t.batch_validate_code([Coding(COLOURS, "red")]).validations[0],
}
ASKED: dict[str, Ask] = {
    "lookup": lambda t: t.ask("CodeSystem/$lookup", system=COLOURS, code="red"),
    "expand": lambda t: t.ask("ValueSet/$expand", url=WARM["url"], includeDefinition=True),
    "expand an instance": lambda t: t.ask("ValueSet/warm/$expand", includeDefinition=True),
    "translate": lambda t: t.ask("ConceptMap/$translate", system=COLOURS, sourceCode="red"),
}


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology(catalogue=catalogue_of(CONTENT)) as terminology:
        yield terminology


def spoil(value: Any) -> None:
    """Change every object and list of JSON, from the inside out."""
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        spoil(part)
    if isinstance(value, dict):
        value.update({name: "HACK" for name in value}, hack="HACK")
    elif isinstance(value, list):
        value.append("HACK")


def served(terminology: Terminology) -> str:
    """All that is answered, without what differs from answer to answer."""
    answers = [ask(terminology).in_release(release) for ask in TYPED.values() for release in RELEASES[:3]]
    answers += [ask(terminology) for ask in ASKED.values()]
    for answer in answers:
        for varying in ("identifier", "timestamp"):
            answer.get("expansion", {}).pop(varying, None)
    return json.dumps(answers, default=str)


# R6 has no $find-matches.
@pytest.mark.parametrize(
    ("name", "release"), [pair for pair in product(TYPED, RELEASES) if pair != ("find_matches", "r6")]
)
def test_a_changed_answer_changes_nothing_that_is_served(
    terminology: Terminology, name: str, release: str
) -> None:
    before = served(terminology)
    answer = TYPED[name](terminology)
    spoil(answer.in_release(release))
    spoil(answer.json)
    assert served(terminology) == before


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ASKED)
def test_a_changed_FHIR_answer_changes_nothing_that_is_served(
    terminology: Terminology, name: str, release: str
) -> None:
    before = served(terminology)
    spoil(ASKED[name](terminology))
    kind = {"ValueSet": WARM, "CodeSystem": SYSTEM, "ConceptMap": MAP}
    for type_, document in kind.items():
        spoil(terminology.search(type_, url=document["url"]).in_release(release))
    assert served(terminology) == before


def test_attributes_of_complex_types_belong_to_the_caller(terminology: Terminology) -> None:
    before = served(terminology)
    concept = terminology.lookup(COLOURS, "red", property=["*", "designation"])
    spoil(concept.values_of("weight")[0])
    for each in concept.designations:
        assert each.use is None or each.use.code != "HACK"
        if each.use is not None:
            each.use.code = "HACK"
    expansion = terminology.expand(WARM["url"], property="weight", include_definition=True)
    spoil(expansion.expansion)
    assert served(terminology) == before
    assert expansion.codes == ["red", "scarlet"]


def test_attributes_are_those_of_the_answer_as_it_came(terminology: Terminology) -> None:
    resource = terminology.read("CodeSystem", "colours")
    spoil(resource.json)
    assert (resource.url, resource.version) == (COLOURS, "1")
    assert resource.in_release("r4")["url"] == COLOURS


def test_content_that_is_changed_later_changes_no_answer() -> None:
    given = copy.deepcopy(CONTENT)
    given[0]["concept"] = tuple(given[0]["concept"])
    with Terminology(given, bundled=False) as terminology, Terminology(CONTENT, bundled=False) as other:
        inner = given[0]["concept"][0]
        before = served(terminology)
        assert before == served(other)
        spoil(given)
        spoil(inner)
        assert served(terminology) == before


def test_resources_of_a_request_that_are_changed_later_change_no_answer() -> None:
    with Terminology(CONTENT, bundled=False) as terminology:
        value_set, system, coding = (
            copy.deepcopy(WARM),
            copy.deepcopy(SYSTEM),
            {"system": COLOURS, "code": "red"},
        )
        system["version"] = "2"
        answers = [
            terminology.expand(value_set, tx_resource=[system], include_definition=True),
            terminology.validate_code(coding=coding, value_set=value_set, tx_resource=system),
            terminology.batch_validate_code([coding, {"coding": coding}], value_set=value_set),
            terminology.translate(sourceCoding=coding, conceptMap=(own_map := copy.deepcopy(MAP))),
        ]
        texts = [json.dumps(answer.json.get("compose", answer.json)) for answer in answers]
        for given in (value_set, system, coding, own_map):
            spoil(given)
        for answer, text in zip(answers, texts, strict=True):
            assert json.dumps(answer.json.get("compose", answer.json)) == text
            again = answer.in_release("r4")  # the request is answered again
            assert "HACK" not in json.dumps(again)


def test_a_model_that_is_changed_later_changes_no_answer() -> None:
    from fhir.resources.valueset import ValueSet

    model: Any = ValueSet.model_validate(WARM)
    with Terminology([SYSTEM], bundled=False) as terminology:
        answer = terminology.expand(model)
        model.compose.include[0].concept[0].code = "blue"
        assert [each["code"] for each in answer.in_release("r4")["expansion"]["contains"]] == [
            "red",
            "scarlet",
        ]


def test_resources_kept_for_a_client_are_not_those_that_were_given() -> None:
    with Terminology(bundled=False) as terminology:
        given = copy.deepcopy(SYSTEM)
        cache = terminology.cache_control("start", given)
        spoil(given)
        spoil(cache.json)
        assert terminology.lookup(COLOURS, "red", cache_id=cache.cache_id).display == "Red"


def test_a_large_resource_is_copied_once_when_it_is_read() -> None:
    concepts = [{"code": f"c{i}", "display": f"Concept {i}"} for i in range(20_000)]
    with Terminology([{**SYSTEM, "concept": concepts}], bundled=False) as terminology:
        size = traced(lambda: copy.deepcopy(terminology.read("CodeSystem", "colours").json))
        terminology.read("CodeSystem", "colours")
        assert traced(lambda: terminology.read("CodeSystem", "colours").url) < size / 2
        assert traced(lambda: terminology.read("CodeSystem", "colours").json) < size * 0.75


def traced(act: Callable[[], object]) -> int:
    """The most memory that this takes at once."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
