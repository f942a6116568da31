"""The same answers without HTTP: parameters as Python values, and errors as exceptions."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Settings, Terminology, TerminologyError
from tests.support.asking import matches, value, values
from tests.support.builders import body_of
from tests.support.cats import CATS, URL
from tests.support.engine import catalogue_of

CODING = {"system": URL, "code": "cat"}
DOGS: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/dogs",
    "status": "active",
    "content": "complete",
    "concept": [{"code": "dog", "display": "Dog"}],
}
MAP: dict[str, Any] = {
    "resourceType": "ConceptMap",
    "url": "http://example.org/by-size",
    "status": "active",
    "additionalAttribute": [{"code": "size", "uri": "http://example.org/size", "type": "code"}],
    "group": [
        {
            "source": URL,
            "target": DOGS["url"],
            "element": [
                {
                    "code": "cat",
                    "target": [
                        {
                            "code": "dog",
                            "relationship": "related-to",
                            "dependsOn": [{"attribute": "size", "valueCode": "large"}],
                        }
                    ],
                }
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def terminology() -> Terminology:
    return Terminology(Settings(environment={}, data="", largest_expansion=1), catalogue_of([CATS]))


def test_a_Coding_is_a_dictionary(terminology: Terminology) -> None:
    assert value(terminology.ask("CodeSystem/$lookup", coding=CODING), "display") == "Cat"


def test_a_CodeableConcept_is_a_dictionary(terminology: Terminology) -> None:
    answer = terminology.ask("CodeSystem/$validate-code", url=URL, codeableConcept={"coding": [CODING]})
    assert value(answer, "result") is True


def test_resources_are_dictionaries_and_underscores_stand_for_hyphens(terminology: Terminology) -> None:
    answer = terminology.ask("CodeSystem/$lookup", system=DOGS["url"], code="dog", tx_resource=[DOGS])
    assert value(answer, "display") == "Dog"


def test_a_dependency_is_its_attribute_and_its_value(terminology: Terminology) -> None:
    def found(size: Any) -> list[tuple[str | None, str | None]]:
        known = {"attribute": "http://example.org/size", "value": size}
        return matches(
            terminology.ask("ConceptMap/$translate", conceptMap=MAP, sourceCoding=CODING, dependency=[known])
        )

    assert found("large") == found({"code": "large"}) == [("dog", "related-to")]
    assert found("small") == []


def test_a_code_may_be_a_number_and_a_date_a_date(terminology: Terminology) -> None:
    import datetime

    with pytest.raises(TerminologyError, match="Unknown code '57520'"):
        terminology.ask("CodeSystem/$lookup", system=URL, code=57520, date=datetime.date(2026, 1, 1))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"codeableConcept": "cat"}, "'codeableConcept' must be one CodeableConcept"),
        ({"tx_resource": "cat"}, "'tx-resource' must be a resource"),
        ({"code": True}, "'code' must be a text"),
    ],
)
def test_a_value_of_another_type_is_refused_without_a_word_of_URLs(
    terminology: Terminology, parameters: dict[str, Any], said: str
) -> None:
    with pytest.raises(TerminologyError) as caught:
        terminology.ask("CodeSystem/$validate-code", url=URL, **parameters)
    assert said in str(caught.value)
    assert "URL" not in str(caught.value) and "POST" not in str(caught.value)


def test_the_operations_of_the_base_can_be_asked(terminology: Terminology) -> None:
    assert values(terminology.ask("$versions", release="r4"), "version") == ["4.0"]
    assert terminology.ask("$closure", name="mine")["resourceType"] == "ConceptMap"
    grown = terminology.ask("$closure", name="mine", concept=[CODING])
    assert grown["resourceType"] == "ConceptMap"


def test_the_largest_expansion_is_that_of_the_settings(terminology: Terminology) -> None:
    with pytest.raises(TerminologyError, match=r"too many codes to produce \(>1\)"):
        terminology.ask("ValueSet/$expand", url=f"{URL}?fhir_vs")


def test_a_Parameters_resource_will_do_as_well(terminology: Terminology) -> None:
    body = body_of({"name": "coding", "valueCoding": CODING})
    assert value(terminology.ask("CodeSystem/$lookup", body), "display") == "Cat"


@pytest.mark.parametrize(
    "operation", ["lookup", "CodeSystem", "$nothing", "CodeSystem/$nothing", "a/b/c/$d", ""]
)
def test_what_is_no_operation_is_said(terminology: Terminology, operation: str) -> None:
    with pytest.raises(TerminologyError, match="operation"):
        terminology.ask(operation)


def test_resources_that_were_sent_once_are_there_for_every_question_with_the_id_of_their_cache() -> None:
    terminology = Terminology(Settings(environment={}, bundled=False, data=""))
    url = "http://example.org/kept"
    system = {
        "resourceType": "CodeSystem", "url": url, "status": "active", "content": "complete",
        "hierarchyMeaning": "is-a",
        "concept": [{"code": "a", "display": "Kept", "concept": [{"code": "b"}]}],
    }  # fmt: skip
    started = terminology.ask("$cache-control", mode="start", tx_resource=system)
    cache = next(p["valueString"] for p in started["parameter"] if p["name"] == "cache-id")
    with pytest.raises(TerminologyError):
        terminology.ask("CodeSystem/$lookup", system=url, code="a")
    assert "Kept" in str(terminology.ask("CodeSystem/$lookup", system=url, code="a", cache_id=cache))
    terminology.ask("$closure", name="own")
    concepts = [{"system": url, "code": code} for code in "ab"]
    table = terminology.ask("$closure", name="own", concept=concepts, cache_id=cache)
    assert table["group"][0]["element"][0]["code"] == "b"
