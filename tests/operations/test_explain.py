"""The explanation of a translation: a reason for each outcome, the maps, and where displays are from."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology
from terminology.core.model import Document
from terminology.operations.translate.explanation import Outcome, Reason
from tests.support.asking import value, values
from tests.support.builders import body_of, code_system, concept_map
from tests.support.engine import catalogue_of
from tests.support.maps import BASE, BEYOND, HERE, MAPS, SYSTEMS, THERE, VALUE_SETS, map_of, to

OTHER = "http://example.org/other"
GAP = {
    "url": "http://example.org/StructureDefinition/concept-map-gap",
    "extension": [
        {"url": "code", "valueCode": "unlisted"},
        {"url": "gap", "valueString": "nobody has looked"},
    ],
}
FEW = "http://example.org/ValueSet/few"


def default_map() -> Document:
    document = concept_map(BASE + "default", HERE, THERE, [{"code": "plain", "target": [to("P")]}])
    document["group"][0]["unmapped"] = {"mode": "fixed", "code": "W", "relationship": "related-to"}
    return document


@pytest.fixture(scope="module")
def small() -> Terminology:
    gaps = map_of("gaps", HERE, THERE, [{"code": "plain", "target": [to("P")]}], extension=[GAP])
    from_other = map_of("other", OTHER, THERE, [{"code": "o-1", "target": [to("P")]}])
    nowhere = map_of("nowhere", "http://example.org/nowhere", THERE, [{"code": "n", "target": [to("P")]}])
    other = code_system(OTHER, "o-1", "o-2")
    documents = [*SYSTEMS, other, *VALUE_SETS, *MAPS, gaps, from_other, nowhere, default_map()]
    return Terminology(catalogue=catalogue_of(documents))


def explained(small: Terminology, **parameters: Any) -> Document:
    answer = small.ask("ConceptMap/$translate", _explain=True, **parameters)
    explanation: Document = values(answer, "explanation")[0]
    return explanation


@pytest.mark.parametrize(
    ("code", "more", "reason"),
    [
        ("plain", {}, None),
        ("cond", {}, Reason.CONDITION_OPEN),
        ("cond", {"dependency": [{"attribute": "technique", "value": "needle"}]}, Reason.CONDITION_FAILED),
        ("plain", {"targetScope": "http://example.org/ValueSet/some"}, None),
        ("wide", {"targetScope": "http://example.org/ValueSet/some"}, Reason.OUTSIDE_SCOPE),
        ("wide", {"sourceScope": FEW}, Reason.OUTSIDE_SCOPE),
        ("none", {}, Reason.NO_TARGET),
        ("not", {}, Reason.NOT_RELATED),
        ("pl-ain", {}, Reason.TYPING_SLIP),
        ("672", {}, Reason.TYPING_SLIP),
        ("o-2", {}, Reason.WRONG_SYSTEM),
        ("nix", {}, Reason.UNKNOWN_CODE),
        ("retired", {}, Reason.RETIRED),
        ("unlisted", {}, Reason.NO_ROW),
        ("unlisted", {"url": BASE + "gaps"}, Reason.GAP),
    ],
)
def test_each_outcome_has_its_reason(
    small: Terminology, code: str, more: dict[str, Any], reason: Reason | None
) -> None:
    parameters = {"url": BASE + "main", "system": HERE, "code": code, **more}
    assert value(explained(small, **parameters), "reason") == reason


def test_a_code_of_a_system_that_only_maps_know_has_no_row(small: Terminology) -> None:
    nowhere = "http://example.org/nowhere"
    found = explained(small, system=nowhere, code="n", targetSystem=THERE)
    assert value(found, "reason") is None
    assert value(explained(small, system=nowhere, code="x", targetSystem=THERE), "reason") == "no-row"


def test_a_code_system_that_is_not_here_is_a_reason_of_its_own(small: Terminology) -> None:
    parameters = {"url": BASE + "main", "system": "http://example.org/never", "code": "x"}
    assert value(explained(small, **parameters), "reason") == "unknown-system"


def maps_of(explanation: Document) -> dict[str, tuple[str, Any, Any]]:
    return {
        value(node, "map").removeprefix(BASE): (
            value(node, "outcome"),
            value(node, "element"),
            value(node, "target"),
        )
        for node in values(explanation, "map")
    }


def test_maps_that_were_passed_over_are_named_with_what_they_lead_to(small: Terminology) -> None:
    found = maps_of(explained(small, system=HERE, code="elsewhere", targetSystem=THERE))
    assert found["away|1.0"] == (Outcome.OTHER_TARGET, "elsewhere", BEYOND)
    assert found["main|1.0"] == (Outcome.NO_ROW, None, THERE)
    assert found["default"] == (Outcome.UNMAPPED_RULE, None, THERE)


def test_a_rule_for_codes_that_are_not_listed_is_named_by_its_mode(small: Terminology) -> None:
    (node,) = values(explained(small, url=BASE + "default", system=HERE, code="wide"), "map")
    assert (value(node, "outcome"), value(node, "unmapped"), value(node, "group")) == (
        "unmapped-rule",
        "fixed",
        0,
    )


def test_maps_that_another_one_led_to_are_named_as_well() -> None:
    """By a rule for codes that are not listed, and in a chain of two maps."""
    first = concept_map(BASE + "first", HERE, THERE, [])
    first["group"][0]["unmapped"] = {"mode": "other-map", "otherMap": BASE + "onward"}
    onward = map_of("onward", HERE, THERE, [{"code": "plain", "target": [to("P")]}])
    beyond = map_of("beyond", THERE, BEYOND, [{"code": "P", "target": [to("B")]}])
    terminology = Terminology(catalogue=catalogue_of([*SYSTEMS, first, onward, beyond]))
    by_rule = maps_of(explained(terminology, url=BASE + "first", system=HERE, code="plain"))
    assert {name: outcome for name, (outcome, *_) in by_rule.items()} == {
        "first": "unmapped-rule",
        "onward|1.0": "matched",
    }
    chained = explained(terminology, system=HERE, code="plain", targetSystem=BEYOND, _compose=True)
    outcomes = {name: outcome for name, (outcome, *_) in maps_of(chained).items()}
    assert (outcomes["onward|1.0"], outcomes["beyond|1.0"]) == ("matched", "matched")


def test_the_source_of_a_display_is_the_code_system_or_else_the_map(small: Terminology) -> None:
    (known,) = values(explained(small, url=BASE + "main", system=HERE, code="plain"), "display")
    assert (value(known, "code"), value(known, "source")) == ("P", f"{THERE}|1")
    shown = map_of("shown", HERE, BEYOND, [{"code": "plain", "target": [to("B", display="Beyond")]}])
    body = body_of({"name": "conceptMap", "resource": shown})
    answer = small.ask("ConceptMap/$translate", body, system=HERE, code="plain", _explain=True)
    (from_map,) = values(values(answer, "explanation")[0], "display")
    assert value(from_map, "source") == f"{BASE}shown|1.0"


def test_without_the_parameter_there_is_no_explanation(small: Terminology) -> None:
    answer = small.ask("ConceptMap/$translate", url=BASE + "main", system=HERE, code="nix")
    assert values(answer, "explanation") == []


def test_the_message_names_the_code_systems_that_have_an_unknown_code(small: Terminology) -> None:
    answer = small.ask("ConceptMap/$translate", url=BASE + "main", system=HERE, code="o-2")
    assert value(answer, "message").endswith(f"'o-2' is a code of {OTHER}.")


def test_an_explanation_is_the_same_in_every_release_of_fhir(small: Terminology) -> None:
    answers = [
        small.ask(
            "ConceptMap/$translate", release=r, url=BASE + "main", system=HERE, code="o-2", _explain=True
        )
        for r in ("r4", "r4b", "r5")
    ]
    assert values(answers[0], "explanation") == values(answers[1], "explanation") != []
    assert values(answers[0], "explanation") == values(answers[2], "explanation")
