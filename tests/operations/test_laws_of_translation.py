"""Does ``$translate`` find what a model of the specification finds, in each direction and in the words of R4 and R5?"""

from __future__ import annotations

from hypothesis import given

from terminology.core.model import Document
from tests.support.asking import value, values
from tests.support.builders import tx_resource
from tests.support.map_model import Found, MapModel
from tests.support.map_worlds import ATTRIBUTES, IN_R4, Question, in_r4, map_worlds, questions
from tests.support.questions import World, primitive
from tests.support.worlds import worlds_a_law

TURNED = {
    "source-is-narrower-than-target": "source-is-broader-than-target",
    "source-is-broader-than-target": "source-is-narrower-than-target",
}


def as_r5(question: Question) -> list[Document]:
    """A question in R5's parameters."""
    near, far = ("target", "source") if question.backward else ("source", "target")
    coding = {"system": question.system, "code": question.code}
    asked: list[Document] = [{"name": f"{near}Coding", "valueCoding": coding}]
    for name, content in (
        ("url", question.map),
        (f"{near}Scope", question.near_scope),
        (f"{far}Scope", question.far_scope),
        ("system" if question.backward else "targetSystem", question.far_system),
    ):
        asked += [] if content is None else [{"name": name, "valueUri": content}]
    for attribute, code in question.facts.items():
        said = [
            {"name": "attribute", "valueUri": ATTRIBUTES[attribute]},
            {"name": "value", "valueCode": code},
        ]
        asked.append({"name": "dependency", "part": said})
    return asked


def as_r4(question: Question) -> list[Document]:
    """The question in R4's parameters; backward is ``reverse``, and ``source`` is then where the code is from."""
    asked: list[Document] = [
        {"name": "coding", "valueCoding": {"system": question.system, "code": question.code}}
    ]
    if question.backward:
        asked.append(primitive("reverse", True))
    for name, content in (
        ("url", question.map),
        ("source", question.near_scope),
        ("target", question.far_scope),
        ("targetsystem", question.far_system),
    ):
        asked += [] if content is None else [{"name": name, "valueUri": content}]
    for attribute, code in question.facts.items():
        concept = {"coding": [{"code": code}]}
        said = [
            {"name": "element", "valueUri": ATTRIBUTES[attribute]},
            {"name": "concept", "valueCodeableConcept": concept},
        ]
        asked.append({"name": "dependency", "part": said})
    return asked


def found_in(answer: Document | None, question: Question) -> set[Found] | None:
    """The matches of R5's answer that name a code."""
    if answer is None:
        return None
    found = set()
    for match in values(answer, "match"):
        concept = value(match, "source" if question.backward else "concept")
        if concept is not None:
            found.add(
                (value(match, "originMap"), value(match, "relationship"), concept["system"], concept["code"])
            )
    return found


@worlds_a_law(100)
@given(map_worlds(), questions())
def test_translate_finds_what_the_model_finds(documents: list[Document], question: Question) -> None:
    answer = World(documents).ask("ConceptMap/$translate", *as_r5(question))
    expected = MapModel(documents).translations(question)
    assert found_in(answer, question) == expected
    if answer is not None and expected is not None:
        assert value(answer, "result") is any(
            relationship != "not-related-to" for _, relationship, *_ in expected
        )


def found_in_r4(answer: Document | None) -> set[Found] | None:
    """The matches of R4's answer that name a code."""
    if answer is None:
        return None
    found = set()
    for match in values(answer, "match"):
        concept = value(match, "concept")
        if concept is not None:
            found.add(
                (value(match, "source"), value(match, "equivalence"), concept["system"], concept["code"])
            )
    return found


def expected_in_r4(documents: list[Document], question: Question) -> set[Found] | None:
    """What the model finds, in R4's words; in reverse they say how the code that was sent stands to the one found."""
    found = MapModel(documents).translations(question)
    if found is None:
        return None
    words = [(map_, TURNED.get(r, r) if question.backward else r, *code) for map_, r, *code in found]
    return {(map_, IN_R4[relationship], system, code) for map_, relationship, system, code in words}


@worlds_a_law(50)
@given(map_worlds(), questions())
def test_R4_finds_the_same_in_its_own_words(documents: list[Document], question: Question) -> None:
    answer = World(documents, "r4").ask("ConceptMap/$translate", *as_r4(question))
    assert found_in_r4(answer) == expected_in_r4(documents, question)


@worlds_a_law(50)
@given(map_worlds(sets=False), questions())
def test_a_map_in_the_words_of_R4_says_the_same(documents: list[Document], question: Question) -> None:
    """A map that comes in R4's words, in its own shape, on an R4 root: it translates as in R5's words."""
    maps = [document for document in documents if document["resourceType"] == "ConceptMap"]
    others = [document for document in documents if document["resourceType"] != "ConceptMap"]
    sent = [tx_resource(in_r4(map_)) for map_ in maps]
    answer = World(others, "r4").ask("ConceptMap/$translate", *as_r4(question), *sent)
    assert found_in_r4(answer) == expected_in_r4(documents, question)
