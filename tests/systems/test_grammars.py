"""The code systems that need no content: languages, media types, units, countries, currencies."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminology import Terminology
from terminology.catalogue.overlay import Overlay
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Filter
from terminology.opening import GRAMMARS
from terminology.systems.bcp13 import mime_types
from terminology.systems.bcp47 import languages
from terminology.systems.grammar import GrammarCodeSystem
from terminology.systems.iso import countries, currencies, subdivisions
from terminology.systems.protocol import CodeSystem
from terminology.systems.ucum import URL as UCUM
from terminology.systems.ucum import canonical, units
from tests.support.engine import catalogue_of

COMMON = "http://hl7.org/fhir/ValueSet/ucum-common"


@cache
def system(make: Any) -> CodeSystem:
    made: CodeSystem = make()
    return made


def display(make: Any, code: str) -> str | None:
    concept = system(make).locate(code)
    return concept.display if concept else None


def codes(make: Any, *filters: tuple[str, str, str]) -> list[str]:
    return [concept.code for concept in system(make).select([Filter(*f) for f in filters])]


# -- languages (RFC 5646) ------------------------------------------------------------------------

TAGS = {
    "a registered language": ("en", "English"),
    "with a region": ("en-US", "English (United States)"),
    "with a region by number": ("es-419", "Spanish (Latin America and the Caribbean)"),
    "with a script": ("sr-Latn", "Serbian (Latin)"),
    "with a variant": ("de-CH-1996", "German (Switzerland, German orthography of 1996)"),
    "with an extended language": ("zh-yue", "Chinese (Yue Chinese)"),
    "with an extension": ("en-u-co-phonebk", "English (u-co-phonebk)"),
    "of private use": ("x-clinic", "x-clinic"),
    "in a range kept for private use": ("qaa", "Private use"),
    "from before there was a grammar": ("i-klingon", "Klingon"),
    "case does not matter (2.1.1)": ("en-us", "English (United States)"),
    "nor in a tag from before there was a grammar (2.1.1)": ("I-KLINGON", "Klingon"),
    "an underscore is no hyphen": ("en_US", None),
    "an unregistered language": ("xx", None),
    "an unregistered region": ("en-AB", None),
    "an unregistered script": ("en-Xxxx", None),
    "an extended language of another language (2.2.2)": ("fr-yue", None),
    "a variant twice (2.2.5)": ("de-1996-1996", None),
    "an extension twice (2.2.6)": ("en-u-co-phonebk-u-ca-gregory", None),
    "nothing": ("", None),
    "no tag": ("English", None),
}


@pytest.mark.parametrize("rule", TAGS)
def test_language_tags(rule: str) -> None:
    code, expected = TAGS[rule]
    assert display(languages, code) == expected


@pytest.mark.parametrize("tag", ["en-US", "sr-Latn-RS", "zh-yue", "de-CH-1996", "i-klingon", "x-clinic"])
def test_language_tags_are_to_be_treated_as_case_insensitive(tag: str) -> None:
    """RFC 5646, 2.1.1; the recommended case is what the answer has."""
    for other in (tag.upper(), tag.lower()):
        concept = system(languages).locate(other)
        assert concept is not None and concept.code == tag
        assert other in system(languages).select([Filter("code", "=", tag)])
        assert tag in system(languages).select([Filter("code", "in", f"fr, {other}")])


@pytest.mark.parametrize("subtag", ["abcdefgh", "a-bb", "1abc"])
@pytest.mark.parametrize("count", [40, 1000])
def test_a_tag_of_very_many_subtags_is_no_code(subtag: str, count: int) -> None:
    tag = "-".join(["en", *[subtag] * count])
    assert system(languages).locate(tag) is None
    ask = Terminology(catalogue=catalogue_of([], [languages()])).ask
    answer = ask("CodeSystem/$validate-code", url="urn:ietf:bcp:47", code=tag)
    assert {p["name"]: p for p in answer["parameter"]}["result"]["valueBoolean"] is False


def test_a_tag_in_another_case_is_valid_and_the_answer_has_the_right_one() -> None:
    ask = Terminology(catalogue=catalogue_of([], [languages()])).ask
    answer = ask("CodeSystem/$validate-code", url="urn:ietf:bcp:47", code="en-us")
    parameters = {p["name"]: p for p in answer["parameter"]}
    assert parameters["result"]["valueBoolean"] is True
    assert parameters["normalized-code"]["valueCode"] == "en-US"
    (issue,) = parameters["issues"]["resource"]["issue"]
    assert issue["severity"] == "information" and "by case" in issue["details"]["text"]


def test_a_filter_takes_a_region_in_any_case_and_exists_takes_any() -> None:
    """A filter for a region takes it in any case, and one for its existence takes any region."""
    for filter_ in (Filter("region", "=", "us"), Filter("region", "exists", "true")):
        assert "en-US" in system(languages).select([filter_])
        assert "en" not in system(languages).select([filter_])


def test_a_deprecated_tag_is_a_code_with_a_status() -> None:
    concept = system(languages).locate("iw")
    assert concept is not None and (concept.status, concept.inactive) == ("deprecated", False)


def test_a_tag_is_also_said_with_the_kind_of_each_part() -> None:
    detail = system(languages).describe(["en-US", "xx"])
    assert [d.value for d in detail["en-US"].designations] == [
        "English (Region=United States)",
        "English-United States",
    ]
    assert {p.code: p.value for p in detail["en-US"].properties} == {"language": "en", "region": "US"}
    assert list(detail) == ["en-US"]


# -- media types (RFC 6838) ----------------------------------------------------------------------

MEDIA_TYPES = {
    "a type that is registered": ("application/fhir+json", "application/fhir+json"),
    "a subtype need not be registered": ("text/cql", "text/cql"),
    "parameters may follow": (
        "application/fhir+json; fhirVersion=4.0",
        "application/fhir+json; fhirVersion=4.0",
    ),
    "type and subtype do not depend on case": ("Text/HTML;charset=UTF-8", "text/html;charset=UTF-8"),
    "a private top-level type": ("x-world/x-vrml", "x-world/x-vrml"),
    "a top-level type that is not registered": ("foo/bar", None),
    "a range is no type": ("image/*", None),
    "half a type": ("text", None),
    "a parameter without a value": ("text/plain; charset", None),
}


@pytest.mark.parametrize("rule", MEDIA_TYPES)
def test_media_types(rule: str) -> None:
    code, expected = MEDIA_TYPES[rule]
    assert display(mime_types, code) == expected


# -- units (UCUM) --------------------------------------------------------------------------------

UNITS = {
    "a base unit": ("m", "m"),
    "a prefix does not count": ("kg", "g"),
    "either letter for liter": ("mL", "m3"),
    "by definition": ("N", "g.m.s-2"),
    "a stroke turns round what follows it alone": ("g/m.s", "g.m-1.s"),
    "parentheses hold together": ("g/(m.s)", "g.m-1.s-1"),
    "an exponent": ("m2", "m2"),
    "a negative exponent": ("s-1", "s-1"),
    "an exponent of a compound definition": ("N2", "g2.m2.s-4"),
    "a leading stroke": ("/min", "s-1"),
    "an annotation is a one": ("mg/{specimen}", "g"),
    "an annotation alone": ("{cells}", "1"),
    "HL7's lists have blanks in annotations": ("{3 times}/d", "s-1"),
    "a number": ("/100.g", "g"),
    "ten to a power": ("10*3/uL", "m-3"),
    "a special unit is of the kind of its reference": ("Cel", "K"),
    "a bel of pressure": ("dB[SPL]", "g.m-1.s-2"),
    "an arbitrary unit is a kind of its own": ("[iU]/L", "[iU].m-3"),
}
NO_UNITS = (
    "",
    "kgXX",
    "Torr",
    "2m",
    "m..m",
    "m/",
    "(m",
    "m)",
    "{m",
    "min min",
    "KG",
    "10+3/uL",
    "2+2",
    "10-3",
    "5+1/L",
    "m" * 300,
    "(" * 200,
)


@pytest.mark.parametrize("rule", UNITS)
def test_units_and_their_dimension(rule: str) -> None:
    code, dimension = UNITS[rule]
    assert display(units, code) == code
    assert canonical(code) == dimension
    assert code in system(units).select([Filter("canonical", "=", dimension)])


@pytest.mark.parametrize("code", NO_UNITS)
def test_what_is_no_unit(code: str) -> None:
    assert system(units).locate(code) is None
    assert canonical(code) == code


ANALYSED = {
    "/min": "1 / (minute)",
    "10*3/uL": "(the number ten for arbitrary powers ^ 3) / (microliter)",
    "10*3/uL{cells}": "(the number ten for arbitrary powers ^ 3) / (microliter)",
    "m3.kg-1": "(meter ^ 3) * (kilogram ^ -1)",
    "g/(8.h){shift}": "(gram) / (8 * (hour))",
    "{score}": "1",
    "(mg)": "(milligram)",
    "(g.m)/(s)": "(gram) * (meter) / (second)",
    "m+2": "(meter ^ 2)",
}


def test_a_unit_is_spelled_out() -> None:
    detail = system(units).describe(["mg/dL", "m/s2"])
    assert [d.value for d in detail["mg/dL"].designations] == ["(milligram) / (deciliter)"]
    assert [d.value for d in detail["m/s2"].designations] == ["(meter) / (second ^ 2)"]
    detail = system(units).describe(list(ANALYSED))
    assert {code: detail[code].designations[0].value for code in detail} == ANALYSED


def test_a_filter_for_a_kind_of_unit_takes_any_unit_of_that_kind() -> None:
    """R5's all-time-units asks for the canonical unit 'a', the year."""
    selection = system(units).select([Filter("canonical", "=", "a")])
    assert "h" in selection and "wk" in selection and "m" not in selection and "nonsense" not in selection


@pytest.mark.parametrize("property_", ["canonical", "comparable"])
def test_canonical_and_comparable_take_any_unit_of_a_kind(property_: str) -> None:
    """https://terminology.hl7.org/UCUM.html: canonical, and comparable in the implicit value sets."""
    masses = system(units).select([Filter(property_, "=", "mg")])
    assert [code in masses for code in ("kg", "[lb_av]", "m", "mg/dL")] == [True, True, False, False]
    some = system(units).select([Filter(property_, "in", "mg, cm")])
    assert [code in some for code in ("kg", "[mi_i]", "s")] == [True, True, False]


BASE = {"length": "[ft_i]", "time": "wk", "mass": "kg", "plane angle": "deg", "temperature": "Cel"}
BASE |= {"electric charge": "A.s", "luminous intensity": "mcd"}


def test_the_property_of_a_base_unit_is_a_filter() -> None:
    """https://terminology.hl7.org/UCUM.html, property: comparable with the base unit that has it."""
    for name, unit in BASE.items():
        selection = system(units).select([Filter("property", "=", name)])
        assert [other for other in BASE.values() if other in selection] == [unit]
    assert "mg/dL" not in system(units).select([Filter("property", "=", "mass")])


def test_a_filter_on_units_says_when_no_unit_can_have_its_value() -> None:
    wrong = [Filter("property", "=", "volume"), Filter("canonical", "in", "mg, nonsense")]
    texts = [issue.text for issue in system(units).doubts([*wrong, Filter("property", "=", "mass")])]
    assert len(texts) == 2 and "'property = volume'" in texts[0] and "'canonical = nonsense'" in texts[1]


@pytest.mark.parametrize("unit", ["mg", "mg%2FdL", "mg/dL", "%", "{a b}"])
def test_the_units_comparable_with_a_unit_are_a_value_set(unit: str) -> None:
    """https://terminology.hl7.org/UCUM.html, implicit value sets: [UCUM]/vs/[expression]."""
    url, plain = f"{UCUM}/vs/{unit}", unit.replace("%2F", "/")
    value_set = catalogue_of([], [units()]).value_set(url)
    assert value_set is not None
    assert value_set["name"] == value_set["description"] == f"Ucum Expressions comparable to {plain}"
    (include,) = value_set["compose"]["include"]
    assert (value_set["version"], include["version"]) == ("2.2", "2.2")
    assert include["filter"] == [{"property": "comparable", "op": "=", "value": plain}]
    with pytest.raises(TerminologyError):
        catalogue_of([], [units()]).value_set(f"{UCUM}/vs/nonsense")


def test_the_common_name_of_a_unit_is_a_right_display() -> None:
    made = units()
    common = usual_units("kg", "mg")
    common["compose"]["include"][0]["concept"][1]["display"] = "mg, a thousandth"
    made.find_value_set = {COMMON: common}.get
    names = [d.value for d in made.describe(["mg"])["mg"].designations]
    assert names == ["(milligram)", "mg, a thousandth"]


# -- lists (ISO 3166, ISO 4217) ------------------------------------------------------------------


def test_a_country_has_three_codes_that_know_each_other() -> None:
    for code in ("CH", "CHE", "756"):
        assert display(countries, code) == "Switzerland"
    properties = system(countries).describe(["CH"])["CH"].properties
    assert {p.code: p.value for p in properties} == {"alpha-3": "CHE", "numeric": "756"}
    assert [d.value for d in system(countries).describe(["BO"])["BO"].designations][0] == "Bolivia"


def test_each_form_of_country_code_can_be_filtered_for() -> None:
    two, three, numbers = (
        codes(countries, ("code", "regex", r)) for r in ("[A-Z]{2}", "[A-Z]{3}", "[0-9]{3}")
    )
    free = [code for code in two if display(countries, code) == "User-assigned"]
    assert len(three) == len(numbers) == len(two) - len(free)
    assert sorted([*two, *three, *numbers]) == codes(countries)


def test_user_assigned_codes_are_codes() -> None:
    assert display(countries, "AA") == display(countries, "QM") == display(countries, "XZ") == "User-assigned"
    assert display(countries, "QL") is None


def test_subdivisions_have_a_hierarchy_where_the_standard_has_one() -> None:
    assert display(subdivisions, "US-MI") == "Michigan"
    assert system(subdivisions).subsumes("FR-ARA", "FR-01")
    assert not system(subdivisions).subsumes("FR-01", "FR-ARA")
    assert "CH-ZH" in codes(subdivisions, ("country", "=", "CH"))


def test_currencies() -> None:
    assert (display(currencies, "CHF"), display(currencies, "756")) == ("Swiss Franc", None)


# -- all of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("make", GRAMMARS)
def test_a_filter_that_is_not_known_or_has_no_value_is_refused(make: Any) -> None:
    for filter_, message_id in (
        (Filter("colour", "=", "red"), "FILTER_NOT_UNDERSTOOD"),
        (Filter("code", "around", "red"), "FILTER_NOT_UNDERSTOOD"),
        (Filter("code", "=", ""), "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE"),
    ):
        with pytest.raises(TerminologyError) as refusal:
            list(system(make).select([filter_]))
        assert refusal.value.issues[0].message_id == message_id


@pytest.mark.parametrize("make", [make for make in GRAMMARS if isinstance(system(make), GrammarCodeSystem)])
def test_a_grammar_cannot_be_listed_if_nobody_says_the_usual_codes(make: Any) -> None:
    """A grammar cannot be listed where nobody says which codes are usual."""
    with pytest.raises(TerminologyError) as refusal:
        list(system(make).select())
    assert refusal.value.issues[0].message_id == "CODESYSTEM_NOT_ENUMERABLE"


IMPLICIT = {
    languages: "http://hl7.org/fhir/ValueSet/all-languages",
    mime_types: "http://hl7.org/fhir/ValueSet/mimetypes",
    units: f"{UCUM}/vs",
    countries: "http://hl7.org/fhir/ValueSet/country",
    currencies: "http://hl7.org/fhir/ValueSet/currencies",
}


@pytest.mark.parametrize("make", IMPLICIT)
def test_all_of_a_code_system_is_a_value_set_that_need_not_be_loaded(make: Any) -> None:
    made = make()
    catalogue = catalogue_of([], [make()])
    for url in (IMPLICIT[make], f"{made.about.url}?fhir_vs"):
        for held in (catalogue, Overlay.of(catalogue, [])):
            assert held.value_set(url)["compose"]["include"][0]["system"] == made.about.url
    loaded = {"resourceType": "ValueSet", "url": IMPLICIT[make], "version": "loaded"}
    assert catalogue_of([loaded], [make()]).value_set(IMPLICIT[make]) is loaded


def test_complete_knowledge_is_better_than_a_fragment() -> None:
    fragment = {
        "resourceType": "CodeSystem",
        "url": UCUM,
        "version": "1",
        "content": "fragment",
        "concept": [],
    }
    complete = {**fragment, "content": "complete", "concept": [{"code": "only"}]}
    absent = {**fragment, "content": "not-present"}
    for document, knows_kg in ((fragment, True), (absent, True), (complete, False)):
        held = catalogue_of([document], [units()]).system(UCUM)
        assert (held.locate("kg") is not None) is knows_kg


def usual_units(*listed: str) -> Document:
    return {
        "resourceType": "ValueSet",
        "url": COMMON,
        "status": "active",
        "compose": {"include": [{"system": UCUM, "concept": [{"code": code} for code in listed]}]},
    }


def test_the_usual_codes_of_a_grammar_are_listed_and_the_answer_says_so() -> None:
    made = units()
    catalogue = catalogue_of([usual_units("kg", "nonsense", "mg", "m")], [made])
    made.find_value_set = lambda url: catalogue.find("ValueSet", url)
    masses = {"property": "canonical", "op": "=", "value": "g"}
    wanted = {
        "resourceType": "ValueSet",
        "status": "active",
        "url": "http://example.org/masses",
        "compose": {"include": [{"system": UCUM, "filter": [masses]}]},
    }
    ask = Terminology(catalogue=Overlay.of(catalogue, [wanted])).ask
    expansion = ask("ValueSet/$expand", url=wanted["url"])["expansion"]
    assert [node["code"] for node in expansion["contains"]] == ["kg", "mg"]
    reasons = [e["valueString"] for e in expansion["extension"] if e["url"].endswith("unclosed-reason")]
    assert reasons and COMMON in reasons[0]
    unlisted = ask("ValueSet/$validate-code", url=wanted["url"], system=UCUM, code="ug")
    assert {"name": "result", "valueBoolean": True} in unlisted["parameter"]


# -- laws ----------------------------------------------------------------------------------------


@given(st.one_of(st.text(max_size=40), st.text("abmgksdL[]{}()./*-+0123 iu_UHz", max_size=40)))
@settings(max_examples=300)
def test_any_text_is_a_code_or_not_and_nothing_breaks(text: str) -> None:
    for make in GRAMMARS:
        made = system(make)
        concept = made.locate(text)
        assert (text in made.describe([text])) is (concept is not None)
        if concept is not None and made.about.case_sensitive:
            assert concept.code == text and made.subsumes(text, text)


ATOMS = st.sampled_from(["m", "kg", "s", "mol/L", "[iU]", "%", "Cel", "mm[Hg]", "10*6", "{count}"])


@given(st.lists(ATOMS, min_size=1, max_size=4), st.sampled_from("./"))
@settings(max_examples=100)
def test_the_canonical_unit_is_a_unit_and_its_own_canonical_unit(atoms: list[str], between: str) -> None:
    code = between.join(f"({atom})" if "/" in atom else atom for atom in atoms)
    assert system(units).locate(code) is not None
    assert canonical(canonical(code)) == canonical(code)


@pytest.mark.parametrize("make", [countries, currencies, subdivisions])
def test_what_is_listed_is_found_and_comes_once(make: Any) -> None:
    listed = codes(make)
    assert len(set(listed)) == len(listed) > 100
    assert all(code in system(make).select() and display(make, code) for code in listed)
