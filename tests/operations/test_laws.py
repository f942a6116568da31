"""Laws that hold for any map and any document."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from terminology import Settings, Terminology, create_app, open_catalogue
from terminology.core.model import Document
from tests.support.asking import matches, value, values
from tests.support.builders import body_of, concept_map
from tests.support.engine import catalogue_of

HERE, THERE = "http://example.org/here", "http://example.org/there"
RELATIONSHIPS = (
    "equivalent",
    "source-is-narrower-than-target",
    "source-is-broader-than-target",
    "related-to",
)
WORDS = (
    "relatedto",
    "equivalent",
    "equal",
    "wider",
    "subsumes",
    "narrower",
    "specializes",
    "inexact",
    "disjoint",
)

targets: st.SearchStrategy[Document] = st.fixed_dictionaries(
    {"code": st.sampled_from("PQRS"), "relationship": st.sampled_from(RELATIONSHIPS)}
)
elements: st.SearchStrategy[list[Document]] = st.lists(
    st.fixed_dictionaries(
        {
            "code": st.sampled_from("abcd"),
            "target": st.lists(targets, min_size=1, max_size=3, unique_by=lambda t: str(t["code"])),
        }
    ),
    max_size=4,
    unique_by=lambda element: str(element["code"]),
)


def small_map(elements: list[Document], **more: Any) -> Document:
    return concept_map("http://example.org/m", HERE, THERE, elements, id="m", **more)


def ask(document: Document, release: str, **parameters: Any) -> Document:
    return Terminology(catalogue=catalogue_of([document])).ask(
        "ConceptMap/$translate", release=release, url="http://example.org/m", **parameters
    )


@given(elements)
def test_a_reverse_translation_finds_the_matches_of_the_forward_one(
    elements: list[Document],
) -> None:
    """A match that is found forward is found in reverse, and the reverse of the reverse is forward."""
    document = small_map(elements)
    forward = {
        (code, *match) for code in "abcd" for match in matches(ask(document, "r5", system=HERE, code=code))
    }
    stated = {(e["code"], t["code"], t["relationship"]) for e in elements for t in e["target"]}
    assert forward == stated
    turned = {
        "source-is-narrower-than-target": "source-is-broader-than-target",
        "source-is-broader-than-target": "source-is-narrower-than-target",
    }
    backward = {
        (found, code, turned.get(relationship or "", relationship))
        for code in "PQRS"
        for found, relationship in matches(ask(document, "r5", system=THERE, code=code, reverse=True))
    }
    assert backward == stated
    by_target = {
        (value(m, "source")["code"], code, value(m, "relationship"))
        for code in "PQRS"
        for m in values(ask(document, "r5", targetSystem=THERE, targetCode=code), "match")
    }
    assert by_target == stated
    for source, expected in ((HERE, stated), (THERE, set())):
        assert {
            (value(m, "source")["code"], code, value(m, "relationship"))
            for code in "PQRS"
            for m in values(
                ask(document, "r5", targetSystem=THERE, targetCode=code, sourceSystem=source), "match"
            )
        } == expected


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(WORDS)), min_size=1, max_size=3))
def test_an_R4_client_gets_the_word_that_an_R4_author_wrote(pairs: list[tuple[str, str]]) -> None:
    group = [
        {"code": code, "target": [{"code": "P", "equivalence": word}]} for code, word in dict(pairs).items()
    ]
    body = body_of(
        {"name": "conceptMap", "resource": small_map(group)},
        {"name": "code", "valueCode": pairs[0][0]},
        {"name": "system", "valueUri": HERE},
    )
    answer = Terminology(catalogue=catalogue_of()).ask("ConceptMap/$translate", body, "r4")
    assert matches(answer) == [("P", dict(pairs)[pairs[0][0]])]


@given(
    st.lists(
        st.tuples(st.sampled_from(["technique", "site"]), st.sampled_from(["x", "y"])),
        max_size=3,
        unique=True,
    ),
    st.dictionaries(st.sampled_from(["technique", "site"]), st.sampled_from(["x", "y"])),
)
def test_to_say_more_never_adds_a_match(conditions: list[tuple[str, str]], facts: dict[str, str]) -> None:
    depends = [{"attribute": name, "valueCode": code} for name, code in conditions]
    target = {"code": "P", "relationship": "equivalent"} | ({"dependsOn": depends} if depends else {})
    document = small_map([{"code": "a", "target": [target]}])

    def found(facts: dict[str, str]) -> bool:
        said = [
            {
                "name": "dependency",
                "part": [{"name": "attribute", "valueUri": n}, {"name": "value", "valueCode": v}],
            }
            for n, v in facts.items()
        ]
        coding = {"name": "sourceCoding", "valueCoding": {"system": HERE, "code": "a"}}
        answer = Terminology(catalogue=catalogue_of([document])).ask(
            "ConceptMap/$translate", body_of(coding, *said)
        )
        return bool(value(answer, "result"))

    assert found({})
    alternatives = {name: {v for n, v in conditions if n == name} for name, _ in conditions}
    assert found(facts) is all(v in alternatives[n] for n, v in facts.items() if n in alternatives)


@settings(max_examples=20)
@given(st.data())
def test_a_served_document_is_never_changed(data: st.DataObject) -> None:
    catalogue = open_catalogue(Settings(environment={}, data=""))
    held = [
        d
        for kind in ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")
        for d in catalogue.documents(kind)
    ]
    before = copy.deepcopy(held)
    client = create_app(Settings(environment={}, data=""), catalogue=catalogue).test_client()
    for root in data.draw(st.permutations(["r4", "r4b", "r5"])):
        document = data.draw(st.sampled_from(held))
        view = data.draw(st.sampled_from(["", "?_summary=true", "?_elements=name"]))
        client.get(f"/fhir/{root}/{document['resourceType']}/{document['id']}{view}")
        client.get(f"/fhir/{root}/{document['resourceType']}?_count=1000")
        client.get(f"/fhir/{root}/CodeSystem/$lookup?system=http://www.ama-assn.org/go/cpt&code=57520")
        client.get(f"/fhir/{root}/ConceptMap/$translate?system=http://www.ama-assn.org/go/cpt&code=57520")
    assert held == before
