"""An argument has the Python type of its parameter; another type, and an unknown name, is a TypeError."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from terminology import Coding, Terminology, TerminologyError
from terminology.library.values import PYTHON_TYPES
from terminology.wire.operation_table import OPERATIONS
from terminology.wire.search import PARAMETERS, RESULT
from tests.support.cats import CATS, URL

CODING = {"system": URL, "code": "cat"}


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology(CATS, bundled=False) as terminology:
        yield terminology


def test_every_type_of_a_parameter_has_its_types_in_Python() -> None:
    types = {row.type for operation in OPERATIONS.values() for row in operation.all_parameters}
    types |= {row.type for rows in PARAMETERS.values() for row in rows.values()}
    assert types | {"form"} == set(PYTHON_TYPES)


@pytest.mark.parametrize(
    ("operation", "arguments", "said"),
    [
        ("CodeSystem/$lookup", {"code": 57520}, "'code' must be str, not int"),
        ("CodeSystem/$lookup", {"system": b"urn:a"}, "'system' must be str, not bytes"),
        ("CodeSystem/$lookup", {"code": True}, "'code' must be str, not bool"),
        ("CodeSystem/$lookup", {"code": ["a", "b"]}, "'code' must be str, not list"),
        ("CodeSystem/$lookup", {"property": [5]}, "'property' must be str, not int"),
        ("CodeSystem/$lookup", {"property": {"a"}}, "'property' must be str, not set"),
        ("CodeSystem/$lookup", {"date": 2026}, "'date' must be str or date, not int"),
        ("CodeSystem/$lookup", {"displayLanguage": 5}, "'displayLanguage' must be str, not int"),
        ("CodeSystem/$lookup", {"coding": 5}, "'coding' must be Coding or .*, not int"),
        ("CodeSystem/$lookup", {"tx_resource": "cat"}, "'tx_resource' must be .*, not str"),
        ("CodeSystem/$lookup", {"tx_resource": [CATS, 5]}, "'tx_resource' must be .*, not int"),
        ("CodeSystem/$validate-code", {"codeableConcept": "cat"}, "'codeableConcept' must be .*, not str"),
        ("CodeSystem/$validate-code", {"codeableConcept": Coding()}, "'codeableConcept' must .*, not Coding"),
        ("ValueSet/$expand", {"count": "abc"}, "'count' must be int, not str"),
        ("ValueSet/$expand", {"count": 1.5}, "'count' must be int, not float"),
        ("ValueSet/$expand", {"count": True}, "'count' must be int, not bool"),
        ("ValueSet/$expand", {"offset": Decimal(1)}, "'offset' must be int, not Decimal"),
        ("ValueSet/$expand", {"activeOnly": "yes"}, "'activeOnly' must be bool, not str"),
        ("ValueSet/$expand", {"activeOnly": 1}, "'activeOnly' must be bool, not int"),
        ("ConceptMap/$translate", {"dependency": "a=b"}, "'dependency' must be Mapping, not str"),
        (
            "ConceptMap/$translate",
            {"dependency": {"attribute": "a", "val": "b"}},
            "unknown part 'val': the parts are 'attribute' and 'value'",
        ),
        (
            "ConceptMap/$translate",
            {"dependency": {"attribute": 5, "value": "b"}},
            "'attribute' must be str, not int",
        ),
        (
            "CodeSystem/$find-matches",
            {"property": {"code": "a", "value": object()}},
            "'value' must be str or bool .*, not object",
        ),
        ("$closure", {"name": 5}, "'name' must be str, not int"),
        ("$closure", {"name": "a", "concept": [5]}, "'concept' must be Coding or .*, not int"),
        ("$cache-control", {"mode": "start", "sealed": "no"}, "'sealed' must be bool, not str"),
    ],
)
def test_a_value_of_another_type_is_a_TypeError(
    terminology: Terminology, operation: str, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        terminology.ask(operation, **arguments)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda t: t.lookup(URL, 5), "'code' must be str, not int"),
        (lambda t: t.translate(5, "a"), "'system' must be str, not int"),
        (lambda t: t.translate(URL, 5), "'code' must be str, not int"),
        (lambda t: t.validate_code(5, "a"), "'system' must be str, not int"),
        (lambda t: t.validate_code(URL, "a", version=1, value_set="urn:a"), "'version' must be str, not int"),
        (lambda t: t.expand("urn:a", count="abc"), "'count' must be int, not str"),
        (lambda t: t.expand("urn:a", active_only="yes"), "'active_only' must be bool, not str"),
        (lambda t: t.subsumes(URL, "a", 5), "'code_b' must be str, not int"),
        (lambda t: t.find_matches(URL, {"a": object()}), "'value' must be str or bool"),
        (lambda t: t.find_matches(URL, {"a": "b"}, exact="no"), "'exact' must be bool, not str"),
        (
            lambda t: t.batch_validate_code(Coding(URL, "a")),
            "'validations' must be a list, not of type Coding",
        ),
        (lambda t: t.batch_validate_code(["a"]), r"validations\[0\] must be a Coding, .*, not of type str"),
        (lambda t: t.batch_validate_code([{"code": 5}]), "'code' must be str, not int"),
        (lambda t: t.batch_validate_code([{"kode": "a"}]), "has no parameter 'kode'"),
        (lambda t: t.batch_validate_code([{"code": "a", "value_set": 5}]), "'value_set' must be a canonical"),
        (lambda t: t.cache_control("start", 5), "'tx_resource' must be Mapping or .*, not int"),
        (lambda t: t.cache_control("check", cache_id=5), "'cache_id' must be str, not int"),
        (lambda t: t.read("CodeSystem", "a", release=5), "'release' must be str, not int"),
        (lambda t: t.lookup(URL, "cat").in_release(4), "'release' must be str, not int"),
        (lambda t: t.lookup(URL, "cat").to_fhir(4), "'release' must be str, not int"),
        (lambda t: t.lookup(URL, "cat").to_json(4), "'release' must be str, not int"),
        (lambda t: t.lookup(URL, "cat").to_json(pretty=1), "'pretty' must be bool, not int"),
        (lambda t: t.ask("$versions", release=4), "'release' must be str, not int"),
    ],
)
def test_a_method_names_its_argument_as_it_is_called(terminology: Terminology, call: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        call(terminology)


def test_an_empty_argument_is_not_given(terminology: Terminology) -> None:
    assert terminology.lookup(URL, "cat", version=None, property=(), use_supplement=[]).display == "Cat"


def test_a_text_may_be_of_a_kind_of_text(terminology: Terminology) -> None:
    class Code(str, Enum):  # noqa: UP042
        CAT = "cat"

    assert terminology.lookup(URL, Code.CAT).display == "Cat"
    assert terminology.lookup(coding=f"{URL}|cat").display == "Cat"


def test_a_dependency_takes_every_value_that_FHIR_has_a_type_for(terminology: Terminology) -> None:
    day = datetime.date(2026, 1, 31)
    for value in ("a", True, 5, 1.5, Decimal("1.50"), day, Coding(URL, "cat"), CODING):
        with pytest.raises(TerminologyError, match="No suitable concept map"):
            terminology.translate(URL, "cat", dependency={"attribute": "urn:a", "value": value})


# -- search ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"urll": "x"}, r"CodeSystem has no search parameter 'urll'\. Known parameters: _id, .*url, "),
        ({"urll": None}, "has no search parameter 'urll'"),
        ({"urll:below": "x"}, "has no search parameter 'urll'"),
        ({"_include": "x"}, "has no search parameter '_include'"),
        ({"count": 5}, "has no search parameter 'count'"),
        ({"reference": "x"}, "has no search parameter 'reference'"),
        ({"url": 5}, "'url' must be str, not int"),
        ({"code": 57520}, "'code' must be str, not int"),
        ({"name": ["a", 5]}, "'name' must be str, not int"),
        ({"date": 2026}, "'date' must be str or date, not int"),
        ({"_count": "5"}, "'_count' must be int, not str"),
        ({"_count": True}, "'_count' must be int, not bool"),
        ({"_count": [1, 2]}, "'_count' must be int, not list"),
        ({"_summary": 5}, "'_summary' must be str or bool, not int"),
        ({"title:missing": 5}, "'title:missing' must be str or bool, not int"),
    ],
)
def test_a_search_refuses_unknown_names_and_wrong_types(
    terminology: Terminology, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        terminology.search("CodeSystem", **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": URL},
        {"url": [URL, URL]},
        {"url": None, "content_mode": "complete"},
        {"name:contains": "at"},
        {"title:missing": True},
        {"content_mode": "complete"},
        {"content-mode": "complete"},
        {"_id": CATS["id"]},
        {"_last_updated:missing": False},
        {"_count": 1, "_offset": 0, "_sort": ["name", "-date"], "_summary": False, "_pretty": True},
    ],
)
def test_a_search_takes_every_spelling_of_its_parameters(
    terminology: Terminology, arguments: dict[str, Any]
) -> None:
    assert [resource.url for resource in terminology.search("CodeSystem", **arguments)] == [URL]


def test_a_search_takes_each_of_its_parameters(terminology: Terminology) -> None:
    for kind, rows in PARAMETERS.items():
        for name in (*rows, *RESULT - {"_count", "_offset", "_sort", "_summary"}):
            terminology.search(kind, **{name: "2026"})


def test_a_search_takes_dates_and_lists_of_elements(terminology: Terminology) -> None:
    day = datetime.date(2026, 1, 31)
    assert terminology.search("CodeSystem", date=day).total == 0
    found = terminology.search("CodeSystem", _elements=["url", "name"])
    assert {"url", "name"} <= set(found.json["entry"][0]["resource"])
    assert "concept" not in found.json["entry"][0]["resource"]


def test_a_modifier_or_kind_that_is_not_known_is_refused_as_over_HTTP(terminology: Terminology) -> None:
    with pytest.raises(TerminologyError, match="has no modifier ':near'"):
        terminology.search("CodeSystem", **{"name:near": "a"})
    with pytest.raises(TerminologyError, match="'Patient' is not supported"):
        terminology.search("Patient", name="a")
