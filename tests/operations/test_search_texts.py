"""The parameter ``filter`` of $expand: units, punctuation, and words that are spelled otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Settings, Terminology
from terminology.core.budget import MOST_STEPS
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
@pytest.mark.parametrize(
    ("text", "found", "unit"),
    [
        ("litre", "liter", "L"),
        ("metre", "meter", "m"),
        ("celcius", "celsius", "Cel"),
        ("miligram", "milligram", "mg"),
        ("kilogramm", "kilogram", "kg"),
    ],
)
@pytest.mark.parametrize("url", [f"{UCUM}/vs", f"{UCUM}?fhir_vs"])
def test_units_are_found_in_another_spelling(
    ask: Ask, release: str, url: str, text: str, found: str, unit: str
) -> None:
    answer = ask("ValueSet/$expand", url=url, filter=text, release=release)
    assert unit in codes(answer)
    warnings = [p["valueString"] for p in answer["expansion"]["parameter"] if p["name"] == "warning"]
    assert warnings == [f"Nothing matches '{text}'. These are the matches of '{found}'"]


@pytest.mark.parametrize("url", ["urn:ietf:bcp:47?fhir_vs", "http://hl7.org/fhir/ValueSet/all-languages"])
def test_languages_are_found_in_spite_of_an_error(ask: Ask, url: str) -> None:
    assert "de" in codes(ask("ValueSet/$expand", url=url, filter="germn", release="r5"))


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


# -- other spellings -----------------------------------------------------------------------------

CLINIC = f"{BASE}/clinic"
CLINICAL = code_system(
    CLINIC,
    concept("1", "Tumor of esophagus"),
    concept("2", "Anaemia in chronic disease"),
    concept("3", "Tonsillectomy"),
    concept("4", "Haemolysed sample", designation=[{"language": "de", "value": "Hämolytische Probe"}]),
    concept("5", "Color vision, centre of the eye"),
    concept("6", "Grey matter", property=[{"code": "inactive", "valueBoolean": True}]),
    version="1",
    property=[
        {"code": "inactive", "uri": "http://hl7.org/fhir/concept-properties#inactive", "type": "boolean"}
    ],
)
WARD = catalogue_of([CLINICAL])


def searched(text: str, *include: Json, release: str = "r5", **flags: bool) -> tuple[list[str], str | None]:
    """The codes that a text finds, and the warning."""
    ward = value_set("ward", *(include or ({"system": CLINIC},)))
    named = [{"name": name, "valueBoolean": is_set} for name, is_set in flags.items()]
    body = body_of({"name": "filter", "valueString": text}, {"name": "valueSet", "resource": ward}, *named)
    answer = Terminology(catalogue=WARD).ask("ValueSet/$expand", body, release=release)
    said = [p["valueString"] for p in answer["expansion"]["parameter"] if p["name"] == "warning"]
    assert answer["expansion"]["total"] == len(codes(answer)) and len(said) < 2
    return codes(answer), said[0] if said else None


@RELEASES
@pytest.mark.parametrize(
    ("text", "found_codes", "other"),
    [
        ("tumour", ["1"], "tumor"),
        ("oesophagus tumour", ["1"], "esophagus tumor"),
        ("anemia", ["2"], "anaemia"),
        ("hemolyzed", ["4"], "haemolysed"),
        ("center colour", ["5"], "centre color"),
        ("gray", ["6"], "grey"),
        ("tonsilectomy", ["3"], "tonsillectomy"),
        ("tonsill ectomy", [], None),
        ("tonsilel", ["3"], "tonsille"),
        ("tonnsill", ["3"], "tonsill"),
        ("tunsillectomy", ["3"], "tonsillectomy"),
        ("chronic desease", ["2"], "chronic disease"),
    ],
)
def test_a_word_that_nothing_has_is_read_in_another_spelling(
    release: str, text: str, found_codes: list[str], other: str | None
) -> None:
    warning = f"Nothing matches '{text}'. These are the matches of '{other}'" if other else None
    assert searched(text, release=release) == (found_codes, warning)


@pytest.mark.parametrize(
    "text",
    ["tonsilecctomy", "onsillectomy", "gry", "tumor tonsillectomy", "7", "xyzzy", "a" * 300, "tumr " * 9],
)
def test_two_errors_short_words_and_codes_are_not_corrected(text: str) -> None:
    assert searched(text) == ([], None)


def test_what_matches_as_it_is_written_is_not_corrected() -> None:
    assert searched("color") == (["5"], None)
    assert searched("to") == (["3"], None)


def test_the_words_of_the_value_set_are_corrected_too() -> None:
    own = {"system": CLINIC, "concept": [{"code": "3", "display": "Removal of the almonds"}]}
    assert searched("remuval", own)[0] == ["3"]
    nowhere = {"system": f"{BASE}/nowhere", "concept": [{"code": "x", "display": "Paediatrics"}]}
    assert searched("pediatrics", nowhere)[0] == ["x"]


def test_a_correction_keeps_to_the_rest_of_the_request() -> None:
    assert searched("gray", activeOnly=True) == ([], None)
    chronic = {"system": CLINIC, "concept": [{"code": "2"}]}
    assert searched("tonsilectomy", chronic) == ([], None)
    assert searched("anemia", chronic)[0] == ["2"]


def test_a_supplements_words_are_corrected_too() -> None:
    pack = code_system(
        "pack", concept("3", designation=[{"language": "nl", "value": "Amandelverwijdering"}]),
        content="supplement", supplements=CLINIC, version="1",
    )  # fmt: skip
    body = body_of(
        {"name": "filter", "valueString": "amandelverwijdring"},
        {"name": "valueSet", "resource": value_set("ward", {"system": CLINIC})},
        {"name": "useSupplement", "valueCanonical": pack["url"]},
        tx_resource(pack),
    )
    assert codes(Terminology(catalogue=WARD).ask("ValueSet/$expand", body)) == ["3"]


def test_a_page_of_corrected_matches_is_cut_as_any_other() -> None:
    body = body_of(
        {"name": "filter", "valueString": "tumour"},
        {"name": "valueSet", "resource": value_set("ward", {"system": CLINIC})},
        {"name": "count", "valueInteger": 0},
    )
    expansion = Terminology(catalogue=WARD).ask("ValueSet/$expand", body)["expansion"]
    assert (expansion["total"], "contains" in expansion) == (1, False)


def test_a_correction_that_would_cost_too_much_is_not_tried() -> None:
    body = body_of(
        {"name": "filter", "valueString": "tumour"},
        {"name": "valueSet", "resource": value_set("ward", {"system": CLINIC})},
    )
    for work, total in ((MOST_STEPS, 1), (700, 0)):
        terminology = Terminology(settings=Settings(max_work=work), catalogue=WARD)
        assert terminology.ask("ValueSet/$expand", body)["expansion"]["total"] == total
