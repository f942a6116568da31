"""Translations in reverse reach an upstream as its release asks for them, and come back as the client asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from terminology import Settings, create_app
from terminology.catalogue.concept_map import FLIPPED, KEPT_WORD
from terminology.catalogue.content import Content
from terminology.core.model import Coding, Document
from terminology.operations.translate.model import TranslateRequest
from terminology.upstreams.reverse_translation import nodes_for
from terminology.wire.fhir_versions import RELEASES
from tests.support.builders import code_system, concept, url_of
from tests.support.upstreams import answering, faulty, upstreams_file

BIRDS, TREES, MAP = url_of("birds"), url_of("trees"), url_of("birds-to-trees", "ConceptMap/")
R4, R5 = RELEASES["r4"], RELEASES["r5"]


def values(request: TranslateRequest, release: str) -> dict[str, Any]:
    """The parameters by name."""
    return {
        node["name"]: next(value for key, value in node.items() if key != "name")
        for node in nodes_for(RELEASES[release], request)
    }


def test_a_target_goes_to_R4_as_a_code_in_reverse() -> None:
    request = TranslateRequest(
        target_code="oak",
        target_system=TREES,
        target_version="2",
        system=BIRDS,
        version="1",
        source_scope="http://example.org/vs/birds",
        target_scope="http://example.org/vs/trees",
    )
    assert values(request, "r4") == {
        "coding": {"system": TREES, "code": "oak", "version": "2"},
        "targetsystem": f"{BIRDS}|1",
        "source": "http://example.org/vs/trees",
        "target": "http://example.org/vs/birds",
        "reverse": True,
    }


def test_a_code_in_reverse_goes_to_R5_as_a_target() -> None:
    request = TranslateRequest(
        coding=Coding(None, "oak"),
        system=TREES,
        target_system=BIRDS,
        target_version="1",
        source_scope="http://example.org/vs/trees",
        target_scope="http://example.org/vs/birds",
        reverse=True,
    )
    assert values(request, "r5") == {
        "targetCoding": {"system": TREES, "code": "oak"},
        "system": BIRDS,
        "version": "1",
        "sourceScope": "http://example.org/vs/birds",
        "targetScope": "http://example.org/vs/trees",
    }


def test_a_code_without_its_system_stays_a_code_and_a_concept_a_concept() -> None:
    assert values(TranslateRequest(target_code="oak"), "r4") == {"code": "oak", "reverse": True}
    assert values(TranslateRequest(code="oak", reverse=True), "r5") == {"targetCode": "oak"}
    codings = [Coding(TREES, "oak"), Coding(None, "elm"), Coding(TREES)]
    request = TranslateRequest(target_concept=codings, target_system=TREES)
    both = {"coding": [{"system": TREES, "code": "oak"}, {"system": TREES, "code": "elm"}]}
    assert values(request, "r4")["codeableConcept"] == both


def coding_part(name: str, system: str, code: str, **more: str) -> Document:
    return {"name": name, "valueCoding": {"system": system, "code": code, **more}}


def answer_of(*matches: list[Document]) -> bytes:
    nodes: list[Document] = [{"name": "result", "valueBoolean": True}]
    nodes += [{"name": "match", "part": parts} for parts in matches]
    return json.dumps({"resourceType": "Parameters", "parameter": nodes}).encode()


def asked(
    folder: Path, release: str, upstream_release: str, query: str, *answers: bytes
) -> list[dict[str, Any]]:
    """The matches, as their values by name, of a server that asks an upstream with these answers."""
    with faulty(*(answering("200 OK", answer) for answer in answers)) as server:
        entry = {"base": server.base, "canonicals": [MAP], "fhirVersion": upstream_release}
        settings = Settings(upstreams=upstreams_file(folder, entry), bundled=False)
        trees = Content([code_system("trees", concept("oak", "Oak"))])
        client = create_app(settings, catalogue=trees).test_client()
        response = client.get(f"/fhir/{release}/ConceptMap/$translate?url={MAP}&{query}")
    assert response.status_code == 200
    nodes = [node["part"] for node in response.get_json()["parameter"] if node["name"] == "match"]
    return [{p["name"]: next(v for k, v in p.items() if k.startswith("value")) for p in n} for n in nodes]


def forward(word: str) -> bytes:
    """What translates forward to the oak."""
    return answer_of([{"name": "equivalence", "valueCode": word}, coding_part("concept", TREES, "oak")])


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_match_of_R4_in_reverse_names_source_and_target(tmp_path: Path, release: str) -> None:
    """The word of R4 says what the source is to the target; the relationship of the map is the other way round."""
    narrower = [{"name": "equivalence", "valueCode": "narrower"}, coding_part("concept", BIRDS, "owl")]
    wider = [{"name": "equivalence", "valueCode": "subsumes"}, coding_part("concept", BIRDS, "bird")]
    answer = answer_of(narrower, wider)
    matches = asked(
        tmp_path, release, "4.0.1", f"targetCode=oak&targetSystem={TREES}", answer, forward("wider")
    )
    words = {
        "r4": ("equivalence", ("wider", "specializes")),
        "r5": ("relationship", ("source-is-narrower-than-target", "source-is-broader-than-target")),
    }
    name, both = words[release]
    oak = {"system": TREES, "code": "oak", "display": "Oak"}
    assert matches == [
        {name: word, "concept": oak, "source": {"system": BIRDS, "code": code}}
        for word, code in zip(both, ("owl", "bird"), strict=True)
    ]


@pytest.mark.parametrize(
    ("forward_answer", "relationship"),
    [
        (forward("narrower"), "source-is-broader-than-target"),
        (forward("wider"), "source-is-narrower-than-target"),
        (forward("equivalent"), None),
        (answer_of(), None),
    ],
)
@pytest.mark.parametrize(
    "query", [f"targetCode=oak&targetSystem={TREES}", f"code=oak&system={TREES}&reverse=true"]
)
def test_the_translation_forward_shows_what_a_word_of_R4_in_reverse_means(
    tmp_path: Path, query: str, forward_answer: bytes, relationship: str | None
) -> None:
    """A word that nobody knows the meaning of is left out; one that is the same from both ends stays."""
    wider = [{"name": "equivalence", "valueCode": "wider"}, coding_part("concept", BIRDS, "owl")]
    equal = [{"name": "equivalence", "valueCode": "equivalent"}, coding_part("concept", BIRDS, "bird")]
    matches = asked(tmp_path, "r5", "4.0.1", query, answer_of(equal, wider), forward_answer)
    assert matches[0]["relationship"] == "equivalent"
    seen_from_the_target = None if relationship is None else FLIPPED[relationship]
    expected = seen_from_the_target if "reverse" in query else relationship
    assert matches[1].get("relationship") == expected


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_match_of_R5_for_a_target_is_the_source_in_reverse(tmp_path: Path, release: str) -> None:
    kept = {"extension": [{"url": KEPT_WORD, "valueCode": "subsumes"}]}
    parts = [
        {"name": "relationship", "valueCode": "source-is-narrower-than-target", **kept},
        coding_part("concept", TREES, "oak"),
        coding_part("source", BIRDS, "owl", display="Owl"),
    ]
    matches = asked(tmp_path, release, "5.0.0", f"code=oak&system={TREES}&reverse=true", answer_of(parts))
    word = (
        {"equivalence": "specializes"}
        if release == "r4"
        else {"relationship": "source-is-broader-than-target"}
    )
    assert matches == [{**word, "concept": {"system": BIRDS, "code": "owl", "display": "Owl"}}]


def test_the_closest_match_is_the_first_seen_from_either_end(tmp_path: Path) -> None:
    wider = [{"name": "equivalence", "valueCode": "wider"}, coding_part("concept", BIRDS, "bird")]
    narrower = [{"name": "equivalence", "valueCode": "narrower"}, coding_part("concept", BIRDS, "owl")]
    answer = answer_of(wider, narrower, [coding_part("concept", BIRDS, "wren")])
    matches = asked(
        tmp_path, "r5", "4.0.1", f"targetCode=oak&targetSystem={TREES}", answer, forward("narrower")
    )
    assert [match["source"]["code"] for match in matches] == ["owl", "bird", "wren"]


def test_of_several_codings_a_match_has_the_one_that_the_upstream_names(tmp_path: Path) -> None:
    """One that names none leaves it open."""
    named = [coding_part("concept", BIRDS, "owl"), coding_part("sourceConcept", TREES, "elm")]
    parts = [{"name": "targetCodeableConcept", "valueCodeableConcept": {"coding": [
        {"system": TREES, "code": "oak"}, {"system": TREES, "code": "elm"},
    ]}}]  # fmt: skip
    body = {"resourceType": "Parameters", "parameter": [{"name": "url", "valueUri": MAP}, *parts]}
    with faulty(answering("200 OK", answer_of(named, [coding_part("concept", BIRDS, "wren")]))) as server:
        entry = {"base": server.base, "canonicals": [MAP], "fhirVersion": "4.0.1"}
        settings = Settings(upstreams=upstreams_file(tmp_path, entry), bundled=False)
        client = create_app(settings, catalogue=Content()).test_client()
        response = client.post("/fhir/r5/ConceptMap/$translate", json=body)
    first, second = (n["part"] for n in response.get_json()["parameter"] if n["name"] == "match")
    assert coding_part("concept", TREES, "elm") in first and coding_part("source", BIRDS, "owl") in first
    assert second == [coding_part("source", BIRDS, "wren")]
