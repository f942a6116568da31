"""``$batch-translate``: each translation as if it were alone."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology.wire.bundle import BATCH_LIMIT
from tests.support.builders import body_of

CPT = "http://www.ama-assn.org/go/cpt"
SNOMED = "http://snomed.info/sct"
PCS = "http://www.cms.gov/Medicare/Coding/ICD10"


def text(name: str, value: str, type_: str = "valueUri") -> dict[str, Any]:
    return {"name": name, type_: value}


def post(client: FlaskClient, root: str, shared: list[Any], questions: list[list[Any]]) -> Any:
    asked = [{"name": "translation", "resource": body_of(*question)} for question in questions]
    return client.post(f"/fhir/{root}/ConceptMap/$batch-translate", json=body_of(*shared, *asked))


QUESTIONS = [
    [text("system", CPT), text("code", "57520", "valueCode")],
    [text("system", CPT), text("code", "57522", "valueCode")],
    [text("system", CPT), text("code", "nix", "valueCode")],
    [{"name": "coding", "valueCoding": {"system": CPT, "code": "57461"}}],
    [text("system", CPT), text("code", "57520", "valueCode"), text("targetSystem", PCS)],
]


@pytest.mark.parametrize("root", ["r4", "r4b", "r5"])
def test_each_translation_is_answered_as_alone_and_in_order(client: FlaskClient, root: str) -> None:
    answer = post(client, root, [text("targetSystem", SNOMED)], QUESTIONS).get_json()
    assert [node["name"] for node in answer["parameter"]] == ["translation"] * len(QUESTIONS)
    for node, question in zip(answer["parameter"], QUESTIONS, strict=True):
        own = (
            question
            if any(p["name"] == "targetSystem" for p in question)
            else [*question, text("targetSystem", SNOMED)]
        )
        alone = client.post(f"/fhir/{root}/ConceptMap/$translate", json=body_of(*own)).get_json()
        assert node["resource"] == alone


def test_a_translation_that_fails_has_its_outcome_in_its_place(client: FlaskClient) -> None:
    wrong = [text("system", CPT)]
    answer = post(client, "r4", [], [QUESTIONS[0], wrong, QUESTIONS[1]]).get_json()
    kinds = [node["resource"]["resourceType"] for node in answer["parameter"]]
    assert kinds == ["Parameters", "OperationOutcome", "Parameters"]


def test_a_target_code_of_one_translation_takes_the_place_of_no_code(client: FlaskClient) -> None:
    """A part with a code of its own, in either direction, inherits none from beside the parts."""
    shared = [text("system", CPT), text("code", "57520", "valueCode")]
    own = [text("targetCode", "54535009", "valueCode"), text("targetSystem", SNOMED)]
    (node,) = post(client, "r5", shared, [own]).get_json()["parameter"]
    codes = {
        part["valueCoding"]["code"]
        for match in node["resource"]["parameter"]
        if match["name"] == "match"
        for part in match["part"]
        if part["name"] == "source"
    }
    assert "57520" in codes and "57522" in codes


def test_a_batch_needs_translations_and_takes_only_so_many(client: FlaskClient) -> None:
    empty = post(client, "r4", [text("targetSystem", SNOMED)], [])
    assert (empty.status_code, empty.get_json()["issue"][0]["code"]) == (400, "required")
    many = post(client, "r4", [], [QUESTIONS[0]] * (BATCH_LIMIT + 1))
    assert many.get_json()["issue"][0]["code"] == "too-costly"
