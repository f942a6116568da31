"""Lint: each finding has the place at fault, and a right resource has none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from terminology import Terminology
from terminology.workbench.lint import RULES, LintFinding, junit, lint, sarif
from tests.support.builders import code_system, concept, concept_map, value_set
from tests.support.maps import HERE, MAPS, SYSTEMS, THERE, to

RIGHT = {"code": "plain", "target": [to("P")]}


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology(SYSTEMS, bundled=False) as terminology:
        yield terminology


def found(terminology: Terminology, resource: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(f.rule, f.severity, f.path) for f in lint(terminology, resource)}


GROUP = "ConceptMap.group[0]"


@pytest.mark.parametrize(
    ("element", "rule", "severity", "place"),
    [
        ({"code": "nix", "target": [to("P")]}, "unknown-code", "error", "element[1].code"),
        ({"code": "wide", "target": [to("X")]}, "unknown-code", "error", "element[1].target[0].code"),
        ({"code": "retired", "target": [to("P")]}, "inactive-code", "warning", "element[1].code"),
        (
            {"code": "wide", "target": [to("W", display="Nope")]},
            "wrong-display",
            "warning",
            "element[1].target[0].display",
        ),
        (RIGHT, "duplicate-code", "warning", "element[1].code"),
        (
            {"code": "many", "target": [to("M1"), to("M1")]},
            "duplicate-code",
            "warning",
            "element[1].target[1].code",
        ),
        ({"code": "wide", "target": [{"code": "W"}]}, "missing-element", "error", "element[1].target[0]"),
        (
            {"code": "wide", "target": [to("W", "same")]},
            "unknown-word",
            "error",
            "element[1].target[0].relationship",
        ),
        ({"code": "wide"}, "no-target", "warning", "element[1]"),
        ({"code": "wide", "noMap": True, "target": [to("W")]}, "no-target", "error", "element[1]"),
        (
            {"code": "wide", "target": [to("W", dependsOn=[{"attribute": "q", "valueString": "x"}])]},
            "undeclared-attribute",
            "error",
            "element[1].target[0].dependsOn[0].attribute",
        ),
        ({"target": [to("W")]}, "missing-element", "error", "element[1]"),
    ],
)
def test_each_fault_of_a_map_is_found_at_its_place(
    terminology: Terminology, element: dict[str, Any], rule: str, severity: str, place: str
) -> None:
    resource = concept_map("http://example.org/m", HERE, THERE, [RIGHT, element])
    assert found(terminology, resource) == {(rule, severity, f"{GROUP}.{place}")}


def test_right_maps_have_no_errors(terminology: Terminology) -> None:
    with Terminology() as bundled:
        for document in bundled.catalogue.documents("ConceptMap"):
            errors = [f for f in lint(bundled, document) if f.severity == "error"]
            assert errors == [], document["url"]
    assert {f.severity for f in lint(terminology, MAPS[0])} <= {"warning"}


def test_a_map_of_R4_is_read_with_the_words_of_R4(terminology: Terminology) -> None:
    element = {"code": "plain", "target": [{"code": "P", "equivalence": "wider"}]}
    resource = concept_map("http://example.org/m", HERE, THERE, [element])
    assert found(terminology, resource) == set()
    element["target"][0]["equivalence"] = "source-is-narrower-than-target"  # type: ignore[index]
    assert found(terminology, resource) == {
        ("unknown-word", "error", f"{GROUP}.element[0].target[0].equivalence")
    }


def test_a_code_system_that_is_not_loaded_is_said_once(terminology: Terminology) -> None:
    resource = concept_map("http://example.org/m", HERE, "http://example.org/away", [RIGHT])
    assert found(terminology, resource) == {("unknown-system", "information", f"{GROUP}.target")}


@pytest.mark.parametrize(
    ("elements", "rule", "place"),
    [
        ({"concept": [concept("a"), concept("a")]}, "duplicate-code", "concept[1].code"),
        ({"concept": [concept("a", "A", concept("a"))]}, "duplicate-code", "concept[0].concept[0].code"),
        (
            {"concept": [concept("a", property=[{"code": "p", "valueCode": "x"}])]},
            "undeclared-property",
            "concept[0].property[0].code",
        ),
        (
            {
                "property": [{"code": "parent", "type": "code"}],
                "concept": [concept("a", property=[{"code": "parent", "valueCode": "x"}])],
            },
            "unknown-parent",
            "concept[0].property[0].valueCode",
        ),
        ({"concept": [concept("a")], "count": 7}, "wrong-count", "count"),
        ({"concept": [{"display": "x"}]}, "missing-element", "concept[0]"),
    ],
)
def test_each_fault_of_a_code_system_is_found_at_its_place(
    terminology: Terminology, elements: dict[str, Any], rule: str, place: str
) -> None:
    resource = {**code_system("http://example.org/s"), **elements}
    assert (rule, f"CodeSystem.{place}") in {(f.rule, f.path) for f in lint(terminology, resource)}


def test_each_fault_of_a_value_set_is_found_at_its_place(terminology: Terminology) -> None:
    include = {"system": HERE, "concept": [{"code": "plain"}, {"code": "plain"}, {"code": "nix"}]}
    resource = value_set("http://example.org/v", include, {"system": "http://example.org/away"}, {})
    place = "ValueSet.compose.include"
    assert found(terminology, resource) == {
        ("duplicate-code", "warning", f"{place}[0].concept[1].code"),
        ("unknown-code", "error", f"{place}[0].concept[2].code"),
        ("unknown-system", "information", f"{place}[1].system"),
        ("missing-element", "error", f"{place}[2]"),
    }


def test_resources_of_a_bundle_have_its_paths(terminology: Terminology) -> None:
    resource = concept_map("http://example.org/m", HERE, THERE, [{"code": "nix", "target": [to("P")]}])
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{}, {"resource": resource}]}
    (finding,) = lint(terminology, bundle)
    assert finding.path == "Bundle.entry[1].resource.group[0].element[0].code"


FINDINGS = [
    ("a.json", LintFinding("unknown-code", "error", "ConceptMap.group[0]", "no code 'x' <&>")),
    ("a.json", LintFinding("wrong-display", "warning", "ConceptMap.group[1]", "no name")),
]


def test_junit_has_a_case_for_each_file_and_fails_for_errors() -> None:
    suite = ElementTree.fromstring(junit(["a.json", "b.json"], FINDINGS)).find("testsuite")
    assert suite is not None and (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failures = {case.get("name"): case.find("failure") for case in suite}
    assert failures["b.json"] is None
    failure = failures["a.json"]
    assert failure is not None and failure.get("message") == "no code 'x' <&>"


def test_sarif_names_rule_level_file_and_place() -> None:
    log = json.loads(sarif(FINDINGS))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0" and {rule["id"] for rule in run["tool"]["driver"]["rules"]} == set(RULES)
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [
        ("unknown-code", "error"),
        ("wrong-display", "warning"),
    ]
    (location,) = run["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "a.json"
    assert location["logicalLocations"] == [{"fullyQualifiedName": "ConceptMap.group[0]"}]
