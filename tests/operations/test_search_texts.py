"""The parameter ``filter`` of $expand: units, punctuation, and words that are spelled otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology
from tests.support.asking import Ask, value
from tests.support.builders import BASE, body_of, code_system, coding, concept, tx_resource, value_set
from tests.support.engine import catalogue_of

Json = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
RELEASES = pytest.mark.parametrize("release", ["r4", "r4b", "r5"])


def codes(answer: Json) -> list[str]:
    return [node["code"] for node in answer["expansion"].get("contains", [])]


def is_unclosed(answer: Json) -> bool:
    extensions = answer["expansion"].get("extension", [])
    return any(e["url"].endswith("/valueset-unclosed") and e["valueBoolean"] for e in extensions)


# -- units ---------------------------------------------------------------------------------------


@RELEASES
@pytest.mark.parametrize("url", [f"{UCUM}/vs", f"{UCUM}?fhir_vs", "http://hl7.org/fhir/ValueSet/ucum-units"])
def test_a_unit_picker_finds_common_units(ask: Ask, release: str, url: str) -> None:
    answer = ask("ValueSet/$expand", url=url, filter="mg", release=release)
    assert {"mg", "mg/dL"} <= set(codes(answer))
    assert is_unclosed(answer)
    assert "total" not in answer["expansion"]


@RELEASES
def test_units_are_found_by_their_names(ask: Ask, release: str) -> None:
    answer = ask("ValueSet/$expand", url=f"{UCUM}/vs", filter="milligram deciliter", release=release)
    assert "mg/dL" in codes(answer)


@RELEASES
def test_an_infinite_set_has_no_total(ask: Ask, release: str) -> None:
    answer = ask("ValueSet/$expand", url=f"{UCUM}/vs", count=2, release=release)
    assert (len(codes(answer)), "total" in answer["expansion"]) == (2, False)
    listed = ask("ValueSet/$expand", url="http://hl7.org/fhir/ValueSet/ucum-common", count=2, release=release)
    assert listed["expansion"]["total"] > 800


@RELEASES
def test_what_a_unit_picker_lists_is_valid(ask: Ask, release: str) -> None:
    url = f"{UCUM}/vs"
    for node in ask("ValueSet/$expand", url=url, filter="mg", release=release)["expansion"]["contains"]:
        asked = body_of(coding(node["code"], UCUM, display=node["display"]), {"name": "url", "valueUri": url})
        assert value(ask("ValueSet/$validate-code", asked, release=release), "result") is True


def test_a_set_of_units_of_the_request_comes_first(ask: Ask) -> None:
    own = value_set(
        "http://hl7.org/fhir/ValueSet/ucum-common",
        {"system": UCUM, "concept": [{"code": "kg"}]},
        version="5.0.0",
    )
    body = body_of({"name": "url", "valueUri": f"{UCUM}/vs"}, tx_resource(own))
    assert codes(ask("ValueSet/$expand", body, release="r5")) == ["kg"]


# -- punctuation ---------------------------------------------------------------------------------

BIRDS = f"{BASE}/birds"
BIRD_NAMES = code_system(
    BIRDS, concept("t1", "Tawny owl (grey)"), concept("t2", "Colour-ringed gull"), version="1"
)
HELD = catalogue_of([BIRD_NAMES])


def found(text: str, *include: Json, release: str = "r5", **more: Any) -> Json:
    """The birds that a text finds; all birds, unless a value set includes others."""
    birds = value_set("birds", *(include or ({"system": BIRDS},)))
    body = body_of(
        {"name": "filter", "valueString": text},
        {"name": "valueSet", "resource": birds},
        *({"name": name, **given} for name, given in more.items()),
    )
    return Terminology(catalogue=HELD).ask("ValueSet/$expand", body, release=release)


@RELEASES
@pytest.mark.parametrize("text", ["...", "-", "()", "/ ,", "…"])
@pytest.mark.parametrize("include", [{}, {"concept": [{"code": "t1", "display": "Owl (own words)"}]}])
def test_punctuation_alone_finds_nothing(release: str, text: str, include: Json) -> None:
    answer = found(text, {"system": BIRDS, **include}, release=release)
    assert (codes(answer), answer["expansion"]["total"]) == ([], 0)


def test_punctuation_between_words_does_not_count() -> None:
    assert codes(found("(grey)")) == ["t1"]
    assert codes(found("ringed, colour")) == ["t2"]
