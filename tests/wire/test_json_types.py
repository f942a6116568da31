"""Whatever element has a JSON type that FHIR does not give it, the resource is refused before anything reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from importlib import import_module
from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from terminology.wire.json_types import in_r5, require_types
from tests.support.builders import body_of, code_system, coding, tx_resource, value_set
from tests.support.whole_resources import resources

Json = dict[str, Any]
Wrap = Callable[[Any], Json]

# The modules of fhir.resources, which are made from the same definitions by others.
MODELS = {True: "fhir.resources.R4B", False: "fhir.resources"}
KINDS = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem", "Parameters", "Bundle")
NESTED = re.compile(r"\babc\.(\w+)Type\b")
PRIMITIVES = {"str": ("a string", 1), "bool": ("true or false", "true"), "int": ("a number", "1")}
# What fhir.resources calls its own, and abstract types, of which nothing is known here.
NOT_ELEMENTS = ("fhir_comments", "resource_type")
ABSTRACT = ("Resource", "Element", "FHIRPrimitiveExtension", "BackboneElement", "DataType")


def elements(is_r4: bool) -> Iterator[tuple[str, str, bool, str, Wrap]]:
    """Type, name, whether it repeats, and the type of each element of each type that is within these resources.

    The last value makes a resource around a value of the element.
    """
    model_of = import_module(MODELS[is_r4]).get_fhir_model_class
    seen: set[str] = set()
    waiting: list[tuple[str, Wrap]] = [(kind, partial(_resource, kind)) for kind in KINDS]
    while waiting:
        type_, wrap = waiting.pop()
        if type_ in seen:
            continue
        seen.add(type_)
        for field in model_of(type_).model_fields.values():
            name, annotation = field.alias, str(field.annotation)
            if name in NOT_ELEMENTS or name.startswith("_"):
                continue
            repeats, nested = "List[" in annotation, NESTED.search(annotation)
            yield type_, name, repeats, "" if nested else annotation, partial(_with, wrap, name)
            if nested is not None and nested[1] not in ABSTRACT:
                waiting.append((nested[1], partial(_within, wrap, name, repeats)))


def _resource(kind: str, node: Json) -> Json:
    return {**node, "resourceType": kind}


def _with(wrap: Wrap, name: str, value: Any) -> Json:
    return wrap({name: value})


def _within(wrap: Wrap, name: str, repeats: bool, node: Json) -> Json:
    return wrap({name: [node] if repeats else node})


def refused(document: Json, is_r4: bool) -> str:
    """What is said against the resource; nothing if it is not refused."""
    try:
        require_types(document, is_r4)
    except TerminologyError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("is_r4", [True, False])
def test_every_element_has_the_type_that_models_of_others_give_it(is_r4: bool) -> None:
    count = 0
    for type_, name, repeats, annotation, wrap in elements(is_r4):
        place = f"{type_}.{name}"
        wrongs: list[Any] = [{}, [[]], [{}]] if annotation else [1, "x", None, [1], [[]], [None]]
        for wrong in wrongs:
            assert re.search(rf"\.{re.escape(name)}(\[0\])? must be ", refused(wrap(wrong), is_r4)), place
        if annotation:
            kind = next(
                (k for k in PRIMITIVES if re.search(rf"\b{k}\b", annotation.replace("typing", ""))), ""
            )
            # An integer64 is a string in JSON. A size is one in R5, and a number in R4: either will do.
            if kind and "Integer64" not in annotation and place != "Attachment.size":
                expected, other = PRIMITIVES[kind]
                said = refused(wrap([other] if repeats else other), is_r4)
                assert said.endswith(expected), f"{place}: {said}"
        count += 1
    assert count > 500


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_resource_with_every_element_is_read(release: str) -> None:
    for resource in resources(release):
        in_r5(resource, release == "r4")


@pytest.mark.parametrize("is_r4", [True, False])
@pytest.mark.parametrize(
    "elements_",
    [
        {"count": Decimal("1")},
        {"_title": {"extension": [{"url": "x", "valueString": "y"}]}},
        {"versionAlgorithmString": "semver"},  # R5
        {"colour": [{}]},
        {"contained": [{"resourceType": "Unheard", "code": {}}]},
        {"meta": {"profile": [None, "x"], "_profile": [{"id": "a"}, None]}},
    ],
)
def test_what_FHIR_allows_or_does_not_know_is_left_alone(elements_: Json, is_r4: bool) -> None:
    require_types({"resourceType": "CodeSystem", **elements_}, is_r4)


@pytest.mark.parametrize("is_r4", [True, False])
@pytest.mark.parametrize(
    ("elements_", "said"),
    [
        ({"hierarchyMeaning": []}, "CodeSystem.hierarchyMeaning must be a string"),
        ({"count": True}, "CodeSystem.count must be a number"),
        ({"_title": []}, "CodeSystem._title must be an object"),
        ({"property": [{"type": {}}]}, "CodeSystem.property[0].type must be a string"),
        (
            {"concept": [{}, {"designation": [{"use": {"code": 1}}]}]},
            "CodeSystem.concept[1].designation[0].use.code must be a string",
        ),
        (
            {"concept": [{"property": [{"valueCoding": "x"}]}]},
            "CodeSystem.concept[0].property[0].valueCoding must be an object",
        ),
        ({"versionAlgorithmString": 1}, "CodeSystem.versionAlgorithmString must be a string"),
        (
            {"contained": [{"resourceType": "ValueSet", "url": 1}]},
            "CodeSystem.contained[0].url must be a string",
        ),
        (
            {"contained": [{"resourceType": ["ValueSet"]}]},
            "CodeSystem.contained[0].resourceType must be a string",
        ),
        (
            {"extension": [{"url": "x", "valueQuantity": {"value": "1"}}]},
            "CodeSystem.extension[0].valueQuantity.value must be a number",
        ),
        ({"meta": {"profile": [None]}}, "CodeSystem.meta.profile[0] must be a string"),
    ],
)
def test_the_place_and_the_right_type_are_said(elements_: Json, said: str, is_r4: bool) -> None:
    assert refused({"resourceType": "CodeSystem", **elements_}, is_r4) == said


SYSTEM, SET = code_system("x", "a"), value_set("s", {"system": code_system("x")["url"]})


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_a_resource_is_refused_wherever_it_comes_in(release: str) -> None:
    asked = coding("a", SYSTEM["url"])
    wrong: Json = {"contact": [{"telecom": {}}]}
    said = "contact[0].telecom must be a list"
    terminology = Terminology([SYSTEM, SET], bundled=False)
    calls: list[tuple[str, str, list[Json]]] = [
        ("CodeSystem/$lookup", "CodeSystem", [tx_resource(SYSTEM | wrong), asked]),
        (
            "CodeSystem/$validate-code",
            "CodeSystem",
            [{"name": "codeSystem", "resource": SYSTEM | wrong}, asked],
        ),
        ("ValueSet/$expand", "ValueSet", [{"name": "valueSet", "resource": SET | wrong}]),
        ("ValueSet/$validate-code", "ValueSet", [{"name": "valueSet", "resource": SET | wrong}, asked]),
    ]
    for operation, kind, parameters in calls:
        with pytest.raises(TerminologyError) as error:
            terminology.ask(operation, body_of(*parameters), release)
        [issue] = error.value.issues
        assert (issue.code, issue.text) == ("structure", f"{kind}.{said}")
    with pytest.raises(ValueError, match=re.escape(said)):
        Terminology([SYSTEM | wrong], bundled=False)


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_value_of_a_parameter_has_the_type_of_FHIR(release: str) -> None:
    dependency = {
        "name": "dependency",
        "part": [{"name": "attribute", "valueUri": "x"}, {"name": "value", "valueQuantity": {"unit": []}}],
    }
    with pytest.raises(TerminologyError, match=re.escape("valueQuantity.unit must be a string")):
        Terminology([SYSTEM], bundled=False).ask(
            "ConceptMap/$translate", body_of(coding("a", SYSTEM["url"]), dependency), release
        )
