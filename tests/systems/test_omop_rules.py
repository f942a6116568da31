"""OMOP, rule by rule: what HL7's guide and expected answers say, asked of a small release with chosen concepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from terminology import Settings, Terminology, create_app
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.systems.omop import COPYRIGHT, URL
from tests.support.asking import matches, properties, value, values
from tests.support.builders import body_of, code_system, coding, concept, tx_resource, value_set
from tests.support.engine import catalogue_of
from tests.support.omop_files import write_rows
from tests.support.served import served

RELEASES = ("r4", "r4b", "r5")
LOINC, CM, SNOMED = "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct"
MAP = f"{URL}/ConceptMap/"

# number, name, domain, vocabulary, class, standard, code, invalid
CONCEPTS = [
    ("0", "No matching concept", "Metadata", "None", "Undefined", "", "No matching concept", ""),
    ("9000001", "Torn wing", "Condition", "SNOMED", "Clinical Finding", "S", "54535009", ""),
    ("9000002", "Ripped wing", "Condition", "ICD10CM", "5-char code", "", "Q00.01", ""),
    ("9000003", "Fire in breath", "Measurement", "LOINC", "Lab Test", "S", "99998-9", ""),
    ("9000004", "Fire in breath, old", "Measurement", "LOINC", "Lab Test", "", "99998-9", "D"),
    ("9000005", "Scale balm", "Drug", "Gemscript", "Drug", "", "77", ""),
    ("9000006", "Dragon balm", "Drug", "RxNorm", "Ingredient", "S", "900001", ""),
]
RELATIONSHIPS = [
    ("9000002", "9000001", "Maps to", ""),
    ("9000001", "9000002", "Mapped from", ""),
    ("9000003", "9000004", "Is a", ""),
    ("9000004", "9000003", "Subsumes", ""),
    ("9000002", "9000003", "Maps to", "D"),
]
SYNONYMS = [("9000001", "Ala rota", "4182511"), ("9000001", "Wing that is torn", "4180186")]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    folder = write_rows(tmp_path_factory.mktemp("files"), CONCEPTS, RELATIONSHIPS, SYNONYMS)
    return served("omop", folder, tmp_path_factory.mktemp("store"))


def exported() -> Document:
    """The same concepts in a resource, as some other server may export them."""
    nodes = [
        concept(
            number,
            name,
            property=[
                {"code": "vocabulary-id", "valueString": vocabulary},
                *(
                    [
                        {
                            "code": "source-concept-code",
                            "valueCoding": {"system": SYSTEMS[vocabulary], "code": code},
                        }
                    ]
                    if vocabulary in SYSTEMS
                    else []
                ),
            ],
        )
        for number, name, _, vocabulary, _, _, code, _ in CONCEPTS
    ]
    declared = [
        {"code": "vocabulary-id", "type": "string"},
        {"code": "source-concept-code", "type": "Coding"},
    ]
    return code_system(URL, *nodes, version="20340811", property=declared)


SYSTEMS = {
    "SNOMED": SNOMED,
    "ICD10CM": CM,
    "LOINC": LOINC,
    "RxNorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
}


def lookup(terminology: Terminology, code: str, **more: Any) -> Document:
    return terminology.ask("CodeSystem/$lookup", system=URL, code=code, **more)


# -- concepts ------------------------------------------------------------------------------------

PROPERTIES: list[tuple[str, str, str, list[Any]]] = [
    ("a domain by its name", "9000001", "domain-id", ["Condition"]),
    ("a class by its name", "9000001", "concept-class-id", ["Clinical Finding"]),
    ("a vocabulary by its name", "9000001", "vocabulary-id", ["SNOMED"]),
    ("the concept of the domain", "9000001", "domain-concept-id", ["19"]),
    ("the concept of the class", "9000001", "concept-class-concept-id", ["44818997"]),
    ("the concept of the vocabulary", "9000001", "vocabulary-concept-id", ["44819097"]),
    ("a standard concept is S", "9000001", "standard-concept", ["S"]),
    ("a concept that is not standard is NS", "9000002", "standard-concept", ["NS"]),
    ("the code in its own system", "9000002", "source-concept-code", [{"system": CM, "code": "Q00.01"}]),
    ("no code without a system", "9000005", "source-concept-code", []),
    ("the day from which it is valid", "9000001", "valid-start-date", ["2020-01-01"]),
    ("the day to which it is valid", "9000001", "valid-end-date", ["2099-12-31"]),
    ("no reason for a valid concept", "9000001", "invalid-reason", []),
    ("the reason of an invalid concept", "9000004", "invalid-reason", ["D"]),
    ("an invalid concept is inactive", "9000004", "inactive", [True]),
    ("a valid one is active", "9000001", "inactive", [False]),
    (
        "a relationship has the display, and an invalid one is left out",
        "9000002",
        "Maps to",
        [{"system": URL, "code": "9000001", "display": "Torn wing"}],
    ),
    (
        "the relationship back",
        "9000001",
        "Mapped from",
        [{"system": URL, "code": "9000002", "display": "Ripped wing"}],
    ),
    ("up", "9000003", "Is a", [{"system": URL, "code": "9000004", "display": "Fire in breath, old"}]),
    ("down", "9000004", "Subsumes", [{"system": URL, "code": "9000003", "display": "Fire in breath"}]),
    ("the number itself is no property", "9000001", "concept-id", []),
]


@pytest.mark.parametrize(("rule", "code", "name", "expected"), PROPERTIES, ids=[row[0] for row in PROPERTIES])
def test_a_concept_has_the_properties_of_its_row(
    stored: Terminology, rule: str, code: str, name: str, expected: list[Any]
) -> None:
    for release in RELEASES:
        assert properties(lookup(stored, code, release=release)).get(name, []) == expected, release


TYPES = {
    "domain-id": "code",
    "concept-class-id": "code",
    "vocabulary-id": "string",
    "vocabulary-concept-id": "code",
    "standard-concept": "code",
    "source-concept-code": "Coding",
    "valid-start-date": "dateTime",
    "Mapped from": "Coding",
    "inactive": "boolean",
}


def test_a_property_has_its_type(stored: Terminology) -> None:
    for release in RELEASES:
        answer = lookup(stored, "9000001", release=release)
        found = {value(node, "code"): node["part"][1] for node in values(answer, "property")}
        for name, type_ in TYPES.items():
            assert f"value{type_[0].upper()}{type_[1:]}" in found[name], name


def test_the_code_is_the_number_and_the_display_the_name(stored: Terminology) -> None:
    for release in RELEASES:
        answer = lookup(stored, "9000001", release=release)
        assert (value(answer, "display"), value(answer, "name")) == ("Torn wing", "OMOP Concepts")
        assert value(answer, "version") == "20340811"
    for wrong in ("09000001", "54535009", "x"):
        with pytest.raises(TerminologyError):
            lookup(stored, wrong)
    assert value(lookup(stored, "0"), "display") == "No matching concept"


def test_a_synonym_counts_in_its_language(stored: Terminology) -> None:
    answer = lookup(stored, "9000001")
    found = {(value(node, "language"), value(node, "value")) for node in designations(answer)}
    assert {("es", "Ala rota"), ("en", "Wing that is torn"), ("en", "Torn wing")} <= found

    def result(**more: Any) -> Any:
        answer = stored.ask("CodeSystem/$validate-code", url=URL, code="9000001", **more)
        return value(answer, "result")

    assert result(display="Wing that is torn") is True
    assert result(display="Ala rota", display_language="en") is False
    assert result(display="Ala rota", display_language="es") is True


def designations(answer: Document) -> list[Document]:
    return values(answer, "designation")


def test_no_concept_subsumes_another(stored: Terminology) -> None:
    answer = stored.ask("CodeSystem/$subsumes", system=URL, code_a="9000004", code_b="9000003")
    assert value(answer, "outcome") == "not-subsumed"


# -- value sets ----------------------------------------------------------------------------------

MEMBERS = [
    ("a domain has its standard concepts", f"{URL}/ValueSet/Measurement", ["9000003"]),
    ("a domain without standard concepts has none", f"{URL}/ValueSet/Metadata", []),
    ("all concepts", f"{URL}/ValueSet", [row[0] for row in CONCEPTS]),
    ("all concepts, in FHIR's words", f"{URL}?fhir_vs", [row[0] for row in CONCEPTS]),
]


@pytest.mark.parametrize(("rule", "url", "expected"), MEMBERS, ids=[row[0] for row in MEMBERS])
def test_a_release_implies_value_sets(stored: Terminology, rule: str, url: str, expected: list[str]) -> None:
    for release in RELEASES:
        expanded = stored.ask("ValueSet/$expand", release=release, url=url)
        assert [node["code"] for node in expanded["expansion"].get("contains", [])] == expected
        assert expanded["status"] == "active" and expanded["copyright"] == COPYRIGHT
    for row in CONCEPTS:
        answer = stored.ask("ValueSet/$validate-code", url=url, system=URL, code=row[0])
        assert value(answer, "result") is (row[0] in expected), row[0]


def test_the_value_set_of_a_domain_has_the_version_of_the_release(stored: Terminology) -> None:
    answer = stored.ask("ValueSet/$validate-code", url=f"{URL}/ValueSet/Drug", system=URL, code="9000001")
    assert value(answer, "result") is False
    assert f"was not found in the value set '{URL}/ValueSet/Drug|20340811'" in value(answer, "message")


@pytest.mark.parametrize(
    "end", ["ValueSet/Wings", "ValueSet/SNOMED", "ValueSet/44819097", "ValueSet/Ingredient"]
)
def test_neither_vocabularies_nor_classes_imply_value_sets(stored: Terminology, end: str) -> None:
    with pytest.raises(TerminologyError, match="could not be found"):
        stored.ask("ValueSet/$expand", url=f"{URL}/{end}")


FILTERS = [
    ("domain takes standard concepts", ("domain", "=", "Measurement"), ["9000003"]),
    ("domain takes a list", ("domain", "in", "Drug , Condition"), ["9000001", "9000006"]),
    ("domain-id takes all concepts", ("domain-id", "=", "Measurement"), ["9000003", "9000004"]),
    ("vocabulary-id", ("vocabulary-id", "=", "LOINC"), ["9000003", "9000004"]),
    ("vocabulary-id takes a list", ("vocabulary-id", "in", "ICD10CM,RxNorm"), ["9000002", "9000006"]),
    ("concept-class-id", ("concept-class-id", "=", "Ingredient"), ["9000006"]),
    ("standard-concept", ("standard-concept", "=", "NS"), ["0", "9000002", "9000004", "9000005"]),
    ("the concept of a vocabulary", ("vocabulary-concept-id", "=", "44819102"), ["9000003", "9000004"]),
    ("the concept of a domain", ("domain-concept-id", "=", "19"), ["9000001", "9000002"]),
    ("the concept of a class", ("concept-class-concept-id", "=", "44817001"), ["9000006"]),
    ("a reason is there", ("invalid-reason", "exists", "true"), ["9000004"]),
    ("the code in its own system", ("source-concept-code", "=", "Q00.01"), ["9000002"]),
    ("a relationship to a concept", ("Maps to", "=", "9000001"), ["9000002"]),
    ("a number", ("code", "in", "9000001,9000002"), ["9000001", "9000002"]),
]


@pytest.mark.parametrize(("rule", "filter_", "expected"), FILTERS, ids=[row[0] for row in FILTERS])
def test_a_filter_selects(
    stored: Terminology, rule: str, filter_: tuple[str, str, str], expected: list[str]
) -> None:
    nodes = [dict(zip(("property", "op", "value"), filter_, strict=True))]
    chosen = value_set("chosen", {"system": URL, "filter": nodes})
    expansion = stored.ask("ValueSet/$expand", value_set=chosen)["expansion"]
    assert [node["code"] for node in expansion.get("contains", [])] == expected


def test_an_expansion_of_everything_comes_in_pages_or_is_refused(stored: Terminology) -> None:
    page = stored.ask("ValueSet/$expand", url=f"{URL}/ValueSet", count=2, offset=1)["expansion"]
    assert (page["total"], [node["code"] for node in page["contains"]]) == (7, ["9000001", "9000002"])
    bounded = create_app(Settings(environment={}, data="", largest_expansion=3), catalogue=stored.catalogue)
    answer = bounded.test_client().get(f"/fhir/r4/ValueSet/$expand?url={URL}/ValueSet")
    assert answer.status_code == 422 and "too-costly" in answer.text


# -- maps ----------------------------------------------------------------------------------------

TRANSLATIONS: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    (
        "a concept to its code",
        {"url": f"{MAP}to-44819098", "system": URL, "code": "9000002"},
        [(CM, "Q00.01")],
    ),
    (
        "a code to the concept of its vocabulary, standard or not",
        {"url": f"{MAP}from-44819098", "system": CM, "code": "Q00.01"},
        [(URL, "9000002")],
    ),
    (
        "of two concepts with one code the one in use first",
        {"url": f"{MAP}from-44819102", "system": LOINC, "code": "99998-9"},
        [(URL, "9000003"), (URL, "9000004")],
    ),
    (
        "by the system of the target",
        {"system": URL, "code": "9000003", "targetsystem": LOINC},
        [(LOINC, "99998-9")],
    ),
    (
        "by the system of the source",
        {"system": LOINC, "code": "99998-9", "targetsystem": URL},
        [(URL, "9000003"), (URL, "9000004")],
    ),
    ("without any target system", {"system": URL, "code": "9000001"}, [(SNOMED, "54535009")]),
    (
        "a vocabulary with another map has nothing for it",
        {"url": f"{MAP}to-44819102", "system": URL, "code": "9000001"},
        [],
    ),
    ("a vocabulary without a system has none", {"system": URL, "code": "9000005"}, []),
    ("an unknown concept has none", {"url": f"{MAP}to-44819102", "system": URL, "code": "1"}, []),
    (
        "in the version of the release",
        {"url": f"{MAP}to-44819102|20340811", "system": URL, "code": "9000003"},
        [(LOINC, "99998-9")],
    ),
    (
        "in the other direction",
        {"url": f"{MAP}to-44819098", "system": CM, "code": "Q00.01", "reverse": True},
        [(URL, "9000002")],
    ),
    (
        "in the other direction without a map",
        {"system": URL, "code": "9000002", "reverse": True, "targetsystem": CM},
        [(CM, "Q00.01")],
    ),
]


@pytest.mark.parametrize("place", ["stored", "a resource", "sent with the request"])
@pytest.mark.parametrize(("rule", "asked", "expected"), TRANSLATIONS, ids=[row[0] for row in TRANSLATIONS])
def test_concepts_and_their_codes_are_translated(
    stored: Terminology, place: str, rule: str, asked: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """In R4's words on its roots; HL7's suite asks the same in those of R6."""
    for release in ("r4", "r4b"):
        answer = terminology_at(stored, place, asked, release)
        found = [value(node, "concept") for node in values(answer, "match")]
        # A resource does not say that a concept is invalid.
        assert sorted((each["system"], each["code"]) for each in found) == sorted(expected)
        if place == "stored":
            assert [(each["system"], each["code"]) for each in found] == expected
        assert value(answer, "result") is bool(expected)
        assert {how for _, how in matches(answer)} <= {"equivalent"}


def terminology_at(stored: Terminology, place: str, asked: dict[str, Any], release: str) -> Document:
    if place == "stored":
        return stored.ask("ConceptMap/$translate", release=release, **asked)
    if place == "a resource":
        loaded = Terminology(catalogue=catalogue_of([exported()]))
        return loaded.ask("ConceptMap/$translate", release=release, **asked)
    empty = Terminology(catalogue=catalogue_of([]))
    return empty.ask("ConceptMap/$translate", body_of(tx_resource(exported())), release=release, **asked)


def test_the_words_of_r5_find_the_same(stored: Terminology) -> None:
    ask = stored.ask
    to = ask("ConceptMap/$translate", release="r5", system=URL, source_code="9000003", target_system=LOINC)
    assert matches(to) == [("99998-9", "equivalent")]
    (match,) = values(to, "match")
    assert value(match, "concept")["display"] == "Fire in breath"
    assert value(match, "originMap") == f"{MAP}to-44819102|20340811"
    back = ask(
        "ConceptMap/$translate",
        release="r5",
        url=f"{MAP}to-44819102",
        target_code="99998-9",
        target_system=LOINC,
    )
    assert [value(node, "source")["code"] for node in values(back, "match")] == ["9000003", "9000004"]


def test_a_code_in_another_case_is_found_where_case_does_not_count() -> None:
    loinc = code_system(LOINC, "LP99998-9", caseSensitive=False, version="1")
    whole = exported()
    part = concept(
        "9000009",
        "A part",
        property=[
            {"code": "vocabulary-id", "valueString": "LOINC"},
            {"code": "source-concept-code", "valueCoding": {"system": LOINC, "code": "LP99998-9"}},
        ],
    )
    ask = Terminology(catalogue=catalogue_of([{**whole, "concept": [*whole["concept"], part]}, loinc])).ask
    answer = ask(
        "ConceptMap/$translate", release="r4", url=f"{MAP}from-44819102", system=LOINC, code="lp99998-9"
    )
    assert matches(answer) == [("9000009", "equivalent")]


@pytest.mark.parametrize(
    "end",
    [
        "to-44819105",
        "from-44819105",
        "to-1",
        "to-LOINC",
        "44819102",
        "about-44819102",
        "to-",
        "to-44819102|1",
    ],
)
def test_a_map_of_what_the_release_lacks_is_unknown(stored: Terminology, end: str) -> None:
    """A vocabulary without concepts, a name in place of the concept, another version."""
    with pytest.raises(TerminologyError) as refusal:
        stored.ask("ConceptMap/$translate", release="r4", url=f"{MAP}{end}", system=URL, code="9000001")
    assert refusal.value.issues[0].code == "not-found"


def test_a_request_names_a_code_of_the_vocabulary_by_a_coding(stored: Terminology) -> None:
    answer = stored.ask(
        "ConceptMap/$translate", body_of(coding("Q00.01", CM)), release="r4", targetsystem=URL
    )
    assert matches(answer) == [("9000002", "equivalent")]


def test_the_version_is_that_of_the_whole_without_an_extension(tmp_path: Path) -> None:
    versions = [("None", "v5.0 16-JUL-34"), ("SNOMED", "x")]
    folder = write_rows(tmp_path / "files", CONCEPTS, versions=versions)
    terminology = served("omop", folder, tmp_path / "store")
    assert value(lookup(terminology, "9000001"), "version") == "20340716"
