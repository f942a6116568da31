"""Do ``$subsumes``, ``$closure`` and ``$lookup`` see the hierarchy that a model reads from the resource?"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from terminology.core.model import Document
from tests.support.asking import properties, value
from tests.support.builders import value_set
from tests.support.questions import World, primitive
from tests.support.set_model import CodeSystemModel
from tests.support.worlds import CODES, A, code_systems, worlds_a_law

RELEASES = st.sampled_from(["r4", "r4b", "r5"])
# How a concept stands to one above it, in the words of each release; both say what the source is.
NARROWER = {"r4": ("equivalence", "subsumes"), "r5": ("relationship", "source-is-narrower-than-target")}


def outcome(model: CodeSystemModel, one: str, other: str) -> str:
    """https://hl7.org/fhir/R5/codesystem-operation-subsumes.html"""
    if one == other:
        return "equivalent"
    if model.subsumes(one, other):
        return "subsumes"
    return "subsumed-by" if model.subsumes(other, one) else "not-subsumed"


@worlds_a_law(20)
@given(code_systems(A), RELEASES)
def test_subsumption_is_the_transitive_closure_of_parents(document: Document, release: str) -> None:
    world, model = World([document], release), CodeSystemModel(document)
    for one in model.concepts:
        for other in model.concepts:
            expected = outcome(model, one, other)
            for more in (
                [primitive(n, v) for n, v in (("system", A), ("codeA", one), ("codeB", other))],
                [
                    {"name": f"coding{x}", "valueCoding": {"system": A, "code": c}}
                    for x, c in (("A", one), ("B", other))
                ],
            ):
                answer = world.ask("CodeSystem/$subsumes", *more)
                assert answer is not None and value(answer, "outcome") == expected, (one, other)


@worlds_a_law(15)
@given(code_systems(A), RELEASES, st.lists(st.sampled_from(CODES), min_size=1, max_size=8), st.integers(1, 3))
def test_a_closure_table_has_each_pair_of_the_transitive_closure_once(
    document: Document, release: str, codes: list[str], size: int
) -> None:
    """In whatever order and parts the concepts come, and again when a version is replayed."""
    world, model = World([document], release), CodeSystemModel(document)
    sent = [code for code in codes if code in model.concepts]
    world.ask("$closure", name="mine")
    found: list[tuple[str, str]] = []
    for start in range(0, len(sent), size):
        concepts = [
            {"name": "concept", "valueCoding": {"system": A, "code": code}}
            for code in sent[start : start + size]
        ]
        found += rows_of(world.ask("$closure", *concepts, name="mine"), release)
    expected = [(one, other) for one in {*sent} for other in {*sent} if other in model.ancestors(one)]
    assert sorted(found) == sorted(expected)
    assert sorted(rows_of(world.ask("$closure", name="mine", version="0"), release)) == sorted(expected)


def rows_of(answer: Document | None, release: str) -> list[tuple[str, str]]:
    """The pairs of a closure table: a concept, and one above it."""
    assert answer is not None
    name, word = NARROWER["r5" if release == "r5" else "r4"]
    rows = []
    for group in answer.get("group", ()):
        for element in group["element"]:
            for target in element["target"]:
                assert target[name] == word
                rows.append((element["code"], target["code"]))
    return rows


@worlds_a_law(15)
@given(code_systems(A))
def test_lookup_has_the_parents_and_children_that_the_resource_says(document: Document) -> None:
    world, model = World([document]), CodeSystemModel(document)
    for code, parents in model.parents.items():
        answer = world.ask("CodeSystem/$lookup", system=A, code=code)
        assert answer is not None
        found = properties(answer)
        assert sorted(found.get("parent", [])) == sorted(parents)
        children = [other for other, above in model.parents.items() if code in above]
        assert sorted(found.get("child", [])) == sorted(children)
        assert found.get("inactive", [False]) == [model.is_inactive(code)]


@worlds_a_law(15)
@given(code_systems(A))
def test_is_a_lists_what_is_subsumed(document: Document) -> None:
    """A filter ``is-a`` lists the codes of which ``$subsumes`` says that they are below, and validates no other."""
    model = CodeSystemModel(document)
    for top in list(model.concepts)[:2]:
        chosen: dict[str, Any] = {"property": "concept", "op": "is-a", "value": top}
        below = value_set("below", {"system": A, "filter": [chosen]})
        world = World([document, below])
        listing = world.listing(url=below["url"])
        assert listing is not None
        expected = {code for code in model.concepts if model.subsumes(top, code)}
        assert {entry["code"] for entry in listing} == expected
        for code in model.concepts:
            assert world.verdict(url=below["url"], system=A, code=code)[0] is (code in expected)
