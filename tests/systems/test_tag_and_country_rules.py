"""BCP 47 and ISO 3166, rule by rule: RFC 5646, https://terminology.hl7.org/ISO3166.html and HL7's expected answers."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from tests.support.asking import Ask, properties, value
from tests.support.builders import body_of, code_system, concept, tx_resource, value_set

TAGS, COUNTRIES = "urn:ietf:bcp:47", "urn:iso:std:iso:3166"
SUBDIVISIONS, FORMER = f"{COUNTRIES}:-2", f"{COUNTRIES}:-3"
RELEASES = ("r4", "r4b", "r5")

# title, code system, code, and the code and display of the answer (None if it is no code)
CODES: list[tuple[str, str, str, tuple[str, str] | None]] = [
    ("a country by two letters", COUNTRIES, "CH", ("CH", "Switzerland")),
    ("by three", COUNTRIES, "CHE", ("CHE", "Switzerland")),
    ("by digits", COUNTRIES, "756", ("756", "Switzerland")),
    ("in small letters", COUNTRIES, "ch", ("CH", "Switzerland")),
    ("in mixed letters", COUNTRIES, "cHe", ("CHE", "Switzerland")),
    ("zeros belong to a number", COUNTRIES, "4", None),
    ("user-assigned: two letters", COUNTRIES, "XK", ("XK", "User-assigned")),
    ("the first of a range", COUNTRIES, "QM", ("QM", "User-assigned")),
    ("before the range", COUNTRIES, "QL", None),
    ("user-assigned: three letters", COUNTRIES, "XKX", ("XKX", "User-assigned")),
    ("three letters in a range", COUNTRIES, "QMA", ("QMA", "User-assigned")),
    ("three letters before the range", COUNTRIES, "QLZ", None),
    ("the three letters of AA", COUNTRIES, "aab", ("AAB", "User-assigned")),
    ("user-assigned: digits", COUNTRIES, "900", ("900", "User-assigned")),
    ("the last digits", COUNTRIES, "999", ("999", "User-assigned")),
    ("a subdivision", SUBDIVISIONS, "US-NY", ("US-NY", "New York")),
    ("a subdivision in small letters", SUBDIVISIONS, "us-ny", ("US-NY", "New York")),
    ("a subdivision is no country", COUNTRIES, "US-NY", None),
    ("a former country has four letters", FORMER, "ANHH", ("ANHH", "Netherlands Antilles")),
    ("a country is no former country", FORMER, "CH", None),
    ("language and region", TAGS, "en-US", ("en-US", "English (United States)")),
    ("case does not matter", TAGS, "EN-us", ("en-US", "English (United States)")),
    ("a script is written as a title", TAGS, "SR-LATN-rs", ("sr-Latn-RS", "Serbian (Latin, Serbia)")),
    ("a region may be a number", TAGS, "es-419", ("es-419", "Spanish (Latin America and the Caribbean)")),
    ("private use alone", TAGS, "x-clinic", ("x-clinic", "x-clinic")),
    ("from before the grammar", TAGS, "i-klingon", ("i-klingon", "Klingon")),
    ("a language is registered", TAGS, "xx", None),
    ("a region is registered", TAGS, "en-AB", None),
    ("a variant stands once", TAGS, "de-1996-1996", None),
    ("an extension stands once", TAGS, "en-u-co-phonebk-u-ca-gregory", None),
    ("an extended language belongs to its language", TAGS, "fr-yue", None),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "url", "code", "expected"), CODES, ids=[row[0] for row in CODES])
def test_a_code_is_valid_by_its_rule(
    ask: Ask, rule: str, url: str, code: str, expected: tuple[str, str] | None
) -> None:
    for release in RELEASES:
        answer = ask("CodeSystem/$validate-code", release=release, url=url, code=code)
        assert value(answer, "result") is (expected is not None)
        whole = value_set("whole", {"system": url})
        member = ask(
            "ValueSet/$validate-code", release=release, value_set=whole, coding={"system": url, "code": code}
        )
        assert value(member, "result") is (expected is not None)
        if expected is None:
            with pytest.raises(TerminologyError):
                ask("CodeSystem/$lookup", release=release, system=url, code=code)
        else:
            found = ask("CodeSystem/$lookup", release=release, system=url, code=code)
            assert (value(found, "code"), value(found, "display")) == expected
            assert value(answer, "display") == expected[1]
            assert value(answer, "normalized-code") == (expected[0] if expected[0] != code else None)


def test_a_year_is_the_version_of_countries_and_languages_have_none(ask: Ask) -> None:
    for url, code in ((COUNTRIES, "CH"), (SUBDIVISIONS, "US-NY"), (FORMER, "ANHH")):
        version = value(ask("CodeSystem/$lookup", system=url, code=code), "version")
        assert version.startswith("20") and len(version) == 4
    assert value(ask("CodeSystem/$lookup", system=TAGS, code="en"), "version") is None


DISPLAYS = [
    ("the English name", COUNTRIES, "DE", "Germany", {}, True),
    ("the official name", COUNTRIES, "DE", "Federal Republic of Germany", {}, True),
    ("the French name where French is asked for", COUNTRIES, "DE", "Allemagne", {"display_language": "fr"}, True),
    ("not where English is", COUNTRIES, "DE", "Allemagne", {"display_language": "en"}, False),
    ("another country", COUNTRIES, "DE", "France", {}, False),
    ("HL7's form of a tag", TAGS, "en-US", "English (United States)", {}, True),
    ("with the kind of the part", TAGS, "en-US", "English (Region=United States)", {}, True),
    ("with a hyphen", TAGS, "en-US", "English-United States", {}, True),
    ("with a hyphen in capitals", TAGS, "en-US", "English-UNITED STATES", {}, True),
    ("another name of the registry", TAGS, "es", "Castilian", {}, True),
    ("another region", TAGS, "en-US", "English-Canada", {}, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "url", "code", "display", "more", "result"), DISPLAYS, ids=[row[0] for row in DISPLAYS]
)
def test_a_display_is_right_by_its_rule(
    ask: Ask, rule: str, url: str, code: str, display: str, more: dict[str, Any], result: bool
) -> None:
    for release in RELEASES:
        answer = ask(
            "CodeSystem/$validate-code", release=release, url=url, code=code, display=display, **more
        )
        assert value(answer, "result") is result


def issues_of(answer: Document) -> list[Document]:
    outcomes = [node["resource"] for node in answer["parameter"] if node["name"] == "issues"]
    return [issue for outcome in outcomes for issue in outcome["issue"]]


@pytest.mark.parametrize("code", ["XK", "XKX", "953"])
def test_a_user_assigned_code_may_have_any_display(ask: Ask, code: str) -> None:
    """HL7's words; a supplement defines displays, and the base name stays right beside it."""
    for release in RELEASES:
        answer = ask("CodeSystem/$validate-code", release=release, url=COUNTRIES, code=code, display="Kosovo")
        assert (value(answer, "result"), value(answer, "display")) == (True, "User-assigned")
        (issue,) = issues_of(answer)
        assert (issue["severity"], issue["code"]) == ("information", "invalid")
        assert (
            issue["details"]["text"]
            == value(answer, "message")
            == (
                f"The display name 'Kosovo' is not a known display name for {COUNTRIES}#{code}. Known display is "
                "'User-assigned' (en) (for the language(s) '--'). Use a supplement to define displays for user "
                "assigned codes"
            )
        )
    pack = code_system(
        "iso3166test",
        concept("XK", "Kosovo"),
        content="supplement",
        supplements=COUNTRIES,
        version="1",
        extension=[
            {
                "url": "http://hl7.org/fhir/StructureDefinition/codesystem-supplement-type",
                "valueCode": "lang-pack",
            }
        ],
    )
    for display in ("Kosovo", "User-assigned"):
        answer = ask(
            "CodeSystem/$validate-code", body_of(tx_resource(pack)), url=COUNTRIES, code="XK", display=display
        )
        assert value(answer, "result") is True and issues_of(answer) == []


SETS = [
    ("all codes", "country", ["CH", "CHE", "756", "XK", "XKX", "900"], ["QL"]),
    ("two letters", "iso3166-1-2", ["CH", "DE"], ["CHE", "756", "XK", "AA", "ZZ", "QM"]),
    ("three letters", "iso3166-1-3", ["CHE", "XKX"], ["CH", "756"]),
    ("digits", "iso3166-1-N", ["756", "900"], ["CH", "CHE"]),
]


@pytest.mark.parametrize(("rule", "name", "inside", "outside"), SETS, ids=[row[0] for row in SETS])
def test_FHIR_has_value_sets_of_countries(
    ask: Ask, rule: str, name: str, inside: list[str], outside: list[str]
) -> None:
    url = f"http://hl7.org/fhir/ValueSet/{name}"
    for release in RELEASES:
        for code in [*inside, *outside]:
            answer = ask("ValueSet/$validate-code", release=release, url=url, system=COUNTRIES, code=code)
            assert value(answer, "result") is (code in inside), code
        expansion = ask("ValueSet/$expand", release=release, url=url)["expansion"]
        listed = {node["code"] for node in expansion["contains"]}
        assert listed.isdisjoint(outside) and set(inside) - listed <= {"XKX", "900"}
        assert ("extension" in expansion) is (name != "iso3166-1-2")


def test_the_whole_of_countries_has_three_codes_for_each(ask: Ask) -> None:
    """Those of 2018 are 789 in HL7's answer; no country has come or gone since."""
    expansion = ask("ValueSet/$expand", url=f"{COUNTRIES}?fhir_vs")["expansion"]
    assert expansion["total"] == len(expansion["contains"]) == 789


@pytest.mark.parametrize(
    ("regex", "code", "result"),
    [("[A-Z]{2}", "CH", True), ("[A-Z]{2}", "CHE", False), ("[A-Z]", "CH", False), ("[0-9]{3}", "756", True)],
)
def test_a_regular_expression_is_of_the_whole_code(ask: Ask, regex: str, code: str, result: bool) -> None:
    asked = value_set(
        "asked", {"system": COUNTRIES, "filter": [{"property": "code", "op": "regex", "value": regex}]}
    )
    answer = ask("ValueSet/$validate-code", value_set=asked, coding={"system": COUNTRIES, "code": code})
    assert value(answer, "result") is result


def test_no_country_is_inactive_or_above_another(ask: Ask) -> None:
    assert properties(ask("CodeSystem/$lookup", system=COUNTRIES, code="CH"))["inactive"] == [False]
    answer = ask("CodeSystem/$subsumes", system=COUNTRIES, code_a="CH", code_b="CHE")
    assert value(answer, "outcome") == "not-subsumed"


# -- language tags -------------------------------------------------------------------------------

PARTS = [
    ("language", "en", "x-clinic"),
    ("ext-lang", "zh-yue", "zh"),
    ("script", "sr-Latn", "sr"),
    ("region", "en-US", "en"),
    ("variant", "de-1996", "de"),
    ("extension", "en-u-co-phonebk", "en"),
    ("private-use", "en-x-home", "en"),
]


@pytest.mark.parametrize(("part", "having", "lacking"), PARTS, ids=[row[0] for row in PARTS])
def test_a_part_of_a_tag_is_a_filter(ask: Ask, part: str, having: str, lacking: str) -> None:
    for wanted in ("true", "false"):
        node = {"property": part, "op": "exists", "value": wanted}
        asked = value_set("asked", {"system": TAGS, "filter": [node]})
        for release in RELEASES:
            for code in (having, lacking):
                coding = {"system": TAGS, "code": code}
                answer = ask("ValueSet/$validate-code", release=release, value_set=asked, coding=coding)
                assert value(answer, "result") is ((code == having) is (wanted == "true"))


def test_a_filter_that_no_tag_has_is_refused(ask: Ask) -> None:
    asked = value_set("asked", {"system": TAGS, "filter": [{"property": "dialect", "op": "=", "value": "x"}]})
    with pytest.raises(TerminologyError):
        ask("ValueSet/$expand", value_set=asked)


@pytest.mark.parametrize(
    ("tag", "preferred"), [("iw", "he"), ("my-BU", "my-MM"), ("i-klingon", "tlh"), ("en", None)]
)
def test_a_deprecated_tag_is_valid_and_names_the_preferred_one(
    ask: Ask, tag: str, preferred: str | None
) -> None:
    answer = ask("CodeSystem/$validate-code", url=TAGS, code=tag)
    assert value(answer, "result") is True
    assert value(answer, "status") == (None if preferred is None else "deprecated")
    found = properties(ask("CodeSystem/$lookup", system=TAGS, code=tag))
    assert found.get("preferred", []) == ([] if preferred is None else [preferred])


def test_all_tags_are_listed_by_their_common_ones_or_not_at_all(ask: Ask) -> None:
    """Without total, unclosed, and with the value set that is listed; R4 has no such value set."""
    url = "http://hl7.org/fhir/ValueSet/all-languages"
    expansion = ask("ValueSet/$expand", release="r5", url=url)["expansion"]
    said = {each["url"].rpartition("/")[2]: each for each in expansion["extension"]}
    assert said["valueset-unclosed"]["valueBoolean"] is True and "total" not in expansion
    assert "http://hl7.org/fhir/ValueSet/languages" in said["valueset-unclosed-reason"]["valueString"]
    for release in ("r4", "r4b"):
        with pytest.raises(TerminologyError) as refusal:
            ask("ValueSet/$expand", release=release, url=url)
        assert refusal.value.issues[0].code == "not-supported"
        answer = ask("ValueSet/$validate-code", release=release, url=url, system=TAGS, code="en-US")
        assert value(answer, "result") is True


def test_the_common_tags_are_those_of_HL7_where_these_are_loaded() -> None:
    languages = value_set(
        "http://terminology.hl7.org/ValueSet/Languages",
        {"system": TAGS, "concept": [{"code": "en"}, {"code": "de-CH"}]},
        version="1",
    )
    ask = Terminology([languages]).ask
    expansion = ask("ValueSet/$expand", release="r4", url=f"{TAGS}?fhir_vs")["expansion"]
    assert [node["code"] for node in expansion["contains"]] == ["en", "de-CH"]


def test_no_tag_subsumes_another(ask: Ask) -> None:
    with pytest.raises(TerminologyError, match="does not relate"):
        ask("CodeSystem/$subsumes", system=TAGS, code_a="en", code_b="en-US")
