"""A code system drawn at random, and value sets over it, for the laws of expansion."""

from __future__ import annotations

from hypothesis import strategies as st

from terminology.core.model import Document
from tests.support.builders import code_system, value_set

TREE_CODES = [f"t{n}" for n in range(12)]


@st.composite
def trees(draw: st.DrawFn) -> Document:
    """A code system of twelve concepts, each below an earlier one or none, some inactive, some coloured."""
    concepts = []
    for place, code in enumerate(TREE_CODES):
        properties: list[Document] = []
        if place and draw(st.booleans()):
            parent = draw(st.sampled_from(TREE_CODES[:place]))
            properties.append({"code": "parent", "valueCode": parent})
        if draw(st.booleans()):
            properties.append({"code": "inactive", "valueBoolean": True})
        properties.append({"code": "colour", "valueString": draw(st.sampled_from(["red", "blue"]))})
        concepts.append({"code": code, "display": f"Tree {code}", "property": properties})
    declared = [{"code": "colour", "type": "string"}]
    return code_system("tree", *concepts, property=declared)


FILTERS = st.one_of(
    st.tuples(
        st.just("colour"),
        st.sampled_from(["=", "in", "not-in", "regex"]),
        st.sampled_from(["red", "blue"]),
    ),
    st.tuples(
        st.just("concept"),
        st.sampled_from(["is-a", "is-not-a", "descendent-of", "child-of", "generalizes", "descendent-leaf"]),
        st.sampled_from(TREE_CODES),
    ),
)


@st.composite
def blocks(draw: st.DrawFn, imports: tuple[str, ...]) -> Document:
    block: Document = {}
    kind = draw(st.sampled_from(["all", "listed", "filtered", *(["imported"] if imports else [])]))
    if kind != "imported":
        block["system"] = "http://example.org/tree"
    if kind == "listed":
        chosen_codes = draw(st.lists(st.sampled_from([*TREE_CODES, "no"]), min_size=1))
        block["concept"] = [{"code": code} for code in chosen_codes]
    if kind == "filtered":
        chosen = draw(st.lists(FILTERS, min_size=1, max_size=2))
        block["filter"] = [{"property": p, "op": op, "value": value} for p, op, value in chosen]
    if kind == "imported" or (imports and draw(st.booleans())):
        block["valueSet"] = draw(st.lists(st.sampled_from(imports), min_size=1, max_size=2, unique=True))
    return block


@st.composite
def contents(draw: st.DrawFn) -> list[Document]:
    """A tree, and three value sets of which each may import those before."""
    documents = [draw(trees())]
    for number in range(3):
        imports = tuple(f"http://example.org/vs/law-{earlier}" for earlier in range(number))
        include = draw(st.lists(blocks(imports), min_size=1, max_size=3))
        more: Document = {"exclude": draw(st.lists(blocks(imports), max_size=2))}
        if draw(st.booleans()):
            more["inactive"] = False
        documents.append(value_set(f"law-{number}", *include, compose=more))
    return documents


LAST = "http://example.org/vs/law-2"
