"""Every operation has a typed method."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from terminology import Coding, Terminology, TerminologyError
from terminology.library.results import Result
from terminology.wire.operation_table import OPERATIONS
from tests.support.builders import body_of
from tests.support.cats import CATS, URL

VALUES: dict[str, Any] = {
    "resourceType": "ValueSet",
    "url": "http://example.org/only-cat",
    "status": "active",
    "compose": {"include": [{"system": URL, "concept": [{"code": "cat"}]}]},
}
ANIMALS: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/animals",
    "status": "active",
    "content": "complete",
    "concept": [{"code": "newt", "display": "Newt"}],
}


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology([CATS, VALUES], bundled=False) as terminology:
        yield terminology


def models_of(result: Result) -> set[str]:
    return {type(result.to_fhir(release)).__module__.rpartition(".")[0] for release in ("r4", "r4b", "r5")}


BOTH = {"fhir.resources.R4B", "fhir.resources"}


def test_every_operation_has_a_method_with_a_typed_result() -> None:
    for _, name in OPERATIONS:
        method = getattr(Terminology, name.replace("-", "_"))
        assert issubclass(get_type_hints(method)["return"], Result), name
        assert method.__doc__ and f"${name}``" in method.__doc__


def test_many_codes_of_code_systems_are_validated_in_one_request(terminology: Terminology) -> None:
    validations: list[Any] = [
        Coding(URL, "cat"),
        {"system": URL, "code": "newt"},
        {"coding": {"system": URL, "code": "cat", "display": "Dog"}},
        {"system": "urn:unknown", "code": "a"},
        body_of({"name": "coding", "valueCoding": {"system": URL, "code": "cat"}}),
    ]
    answer = terminology.batch_validate_code(validations)
    assert [each.result for each in answer] == [True, False, False, False, True]
    assert [each.code for each in answer.validations] == ["cat", "newt", "cat", "a", "cat"]
    assert [len(each.issues) for each in answer] == [0, 1, 1, 1, 0]
    assert answer.validations[3].unknown_systems == ["urn:unknown"]
    assert len(answer) == 5 and models_of(answer) == BOTH
    assert all(models_of(each) == BOTH for each in answer)


def test_many_codes_of_value_sets_are_validated_in_one_request(terminology: Terminology) -> None:
    url = VALUES["url"]
    cat, newt = {"system": URL, "code": "cat"}, {"system": URL, "code": "newt"}
    for answer in (
        terminology.batch_validate_code([cat, newt], value_set=url),
        terminology.batch_validate_code([cat, newt], url=url),
        terminology.batch_validate_code([cat, newt], valueSet=VALUES),
        terminology.batch_validate_code([{**cat, "value_set": url}, {**newt, "value_set": VALUES}]),
        terminology.batch_validate_code(
            [{"coding": cat}, {"codeableConcept": {"coding": [newt]}}], value_set=url
        ),
        terminology.batch_validate_code(
            [
                body_of({"name": "url", "valueUri": url}, {"name": "coding", "valueCoding": c})
                for c in (cat, newt)
            ]
        ),
    ):
        assert [each.result for each in answer] == [True, False]
        assert "http://example.org/only-cat" in str(answer.validations[1].message)


def test_a_validation_has_its_own_parameters_before_those_of_all(terminology: Terminology) -> None:
    answer = terminology.batch_validate_code(
        [
            {"system": URL, "code": "cat", "version": "99"},
            {"system": URL, "code": "cat"},
            {"system": URL, "code": "newt", "tx_resource": ANIMALS, "value_set": f"{ANIMALS['url']}?fhir_vs"},
            {
                "system": ANIMALS["url"],
                "code": "newt",
                "tx_resource": ANIMALS,
                "url": f"{ANIMALS['url']}?fhir_vs",
            },
        ],
        value_set=VALUES,
    )
    assert [each.result for each in answer] == [False, True, False, True]


def test_a_validation_without_an_answer_fails_alone(terminology: Terminology) -> None:
    answer = terminology.batch_validate_code([{"display": "Cat"}, Coding(URL, "cat")])
    failed, fine = answer
    assert failed.json["resourceType"] == "OperationOutcome" and not failed and fine
    assert [issue.severity for issue in failed.issues] == ["error"]
    assert failed.to_fhir("r4").__class__.__name__ == "OperationOutcome"
    with pytest.raises(TerminologyError, match="'validation'"):
        terminology.batch_validate_code([])


def test_value_sets_are_compared_by_canonical_and_as_resources(
    terminology: Terminology, tmp_path: Path
) -> None:
    from fhir.resources.R4B.valueset import ValueSet

    url, everything = VALUES["url"], {**VALUES, "compose": {"include": [{"system": URL}]}}
    file = tmp_path / "ValueSet-everything.json"
    file.write_text(json.dumps(everything))
    model = ValueSet.model_validate({**everything, "url": "http://example.org/model"})
    for other in (everything, file, model):
        answer = terminology.related(url, other, diagnostics=True)
        assert (answer.result, answer.performed_expansion) == ("subset", True)
        assert answer.common_codes == ["cat"] and answer.extra_codes and not answer.missing_codes
        assert answer.message and models_of(answer) == BOTH
    assert terminology.compare(thisUrl=url, otherValueSet=VALUES).result == "same"
    with pytest.raises(TypeError, match="'other' must be a canonical, a ValueSet or a path, not .*int"):
        terminology.related(url, 5)  # type: ignore[arg-type]


def test_models_may_be_validations(terminology: Terminology) -> None:
    from fhir.resources.parameters import Parameters
    from fhir.resources.R4B.parameters import Parameters as OlderParameters

    body = body_of({"name": "coding", "valueCoding": {"system": URL, "code": "cat"}})
    models = [Parameters.model_validate(body), OlderParameters.model_validate(body)]
    answer = terminology.batch_validate_code(models)
    assert [each.result for each in answer] == [True, True]
    assert models_of(answer) == BOTH


def test_versions_has_the_version_of_the_answers(terminology: Terminology) -> None:
    answer = terminology.versions()
    assert (answer.versions, answer.default) == (["5.0"], "5.0")
    assert answer.in_release("r4") == terminology.ask("$versions", release="r4")
    assert models_of(answer) == BOTH


def test_a_cache_of_resources_is_started_used_and_ended(terminology: Terminology) -> None:
    started = terminology.cache_control("start", ANIMALS)
    assert started.is_sealed and started.idle_timeout and models_of(started) == BOTH
    url, cache = ANIMALS["url"], started.cache_id
    assert terminology.lookup(url, "newt", cache_id=cache).display == "Newt"
    assert terminology.cache_control("check", cache_id=cache).cache_id == cache
    assert not terminology.cache_control("start", [ANIMALS], sealed=False).is_sealed
    assert terminology.cache_control("end", cache_id=cache).cache_id == cache
    with pytest.raises(TerminologyError):
        terminology.cache_control("check", cache_id=cache)
    with pytest.raises(TerminologyError, match="'mode'"):
        terminology.cache_control("stop")


def test_the_models_of_a_cache_start_no_other_one(terminology: Terminology) -> None:
    started = terminology.cache_control("start", ANIMALS)
    for release in ("r4", "r4b", "r5", "r6"):
        assert started.in_release(release) == started.json
    with pytest.raises(TerminologyError, match="'release' must be one of"):
        started.in_release("r3")


def test_an_answer_is_written_as_json_with_the_digits_of_its_numbers(tmp_path: Path) -> None:
    file = tmp_path / "CodeSystem-weighed.json"
    file.write_text(
        """{"resourceType": "CodeSystem", "url": "http://example.org/weighed", "status": "active",
        "content": "complete", "property": [{"code": "w", "type": "decimal"}],
        "concept": [{"code": "a", "property": [{"code": "w", "valueDecimal": 1.50}]}]}"""
    )
    with Terminology(file, bundled=False) as terminology:
        answer = terminology.lookup("http://example.org/weighed", "a")
        for release in ("r4", "r4b", "r5"):
            assert '"valueDecimal":1.50}' in answer.to_json(release)
        assert json.loads(answer.to_json(pretty=True), parse_float=Decimal) == answer.json
        assert json.loads(json.dumps(answer.json, default=float)) == json.loads(answer.to_json())
