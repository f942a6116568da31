"""Value sets over the store are reckoned with sets of numbers. Is it what a walk through them gives?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminology.catalogue.content import Content
from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import TerminologyError
from terminology.operations.value_set.compose import Definition, definition_of
from terminology.operations.value_set.expand import expand
from terminology.operations.value_set.expand_by_sets import can_use_sets, page_by_sets
from terminology.operations.value_set.expand_by_walking import page_by_walking
from terminology.operations.value_set.expand_request import ExpandRequest
from terminology.operations.value_set.members import MemberPage, MemberQuery
from terminology.operations.value_set.resolution import find_value_set
from tests.support.builders import code_system, value_set
from tests.support.compiled import shelved
from tests.support.trees import LAST, TREE_CODES, contents

pytest.importorskip("pyroaring")

Json = dict[str, Any]
TREE = "http://example.org/tree"

WANTED = st.builds(
    MemberQuery,
    text=st.sampled_from([None, None, "tree", "t1", "t1 tree", "TREE shrub", "sh", "bush t"]),
    active_only=st.booleans(),
    selectable_only=st.booleans(),
    excluded_systems=st.sampled_from([(), (), ("http://example.org/tree",), ("http://example.org/tree|9",)]),
)


@st.composite
def stocked(draw: st.DrawFn) -> list[Json]:
    """A tree and value sets, of which some call the codes they list by other names or in another case.

    The tree may be a fragment, which lacks some of the listed codes.
    """
    tree, *sets = deepcopy(draw(contents()))
    tree |= draw(st.sampled_from([{}, {"caseSensitive": True}, {"caseSensitive": False}]))
    if draw(st.booleans()):
        lacking = draw(st.sets(st.sampled_from(TREE_CODES))) - _codes_of_filters(sets)
        tree |= {"content": "fragment", "concept": _without(tree["concept"], lacking)}
    for concept in tree["concept"]:
        if draw(st.booleans()):
            concept["property"].append({"code": "notSelectable", "valueBoolean": True})
        concept["designation"] = [{"value": draw(st.sampled_from(["Shrub", "Bush"])), "language": "en"}]
    for block in (
        block for one in sets for part in one["compose"].values() if part is not False for block in part
    ):
        for listed in block.get("concept", ()):
            if draw(st.booleans()):
                listed["display"] = "Bush of ours"
            if draw(st.sampled_from([False, False, True])):
                listed["code"] = listed["code"].upper()
    return [tree, *sets]


def _codes_of_filters(sets: list[Json]) -> set[str]:
    blocks = [b for one in sets for part in one["compose"].values() if part is not False for b in part]
    return {filter_["value"] for block in blocks for filter_ in block.get("filter", ())}


def _without(concepts: list[Json], lacking: set[str]) -> list[Json]:
    kept = [concept for concept in concepts if concept["code"] not in lacking]
    for concept in kept:
        concept["property"] = [p for p in concept["property"] if p.get("valueCode") not in lacking]
    return kept


def opened(documents: list[Json], folder: str) -> Catalogue:
    tree, *sets = documents
    return Content(sets, stored=[shelved(tree, Path(folder))])


def definition(catalogue: Catalogue, url: str = LAST) -> Definition:
    return definition_of(catalogue, find_value_set(catalogue, url))


def told(part: MemberPage) -> tuple[int, list[tuple[str, str | None, int]]]:
    return part.total, [(m.concept.code, m.concept.display, id(m.block)) for m in part.read()]


@given(stocked(), WANTED, st.integers(0, 13), st.integers(0, 6))
@settings(max_examples=150)
def test_a_page_by_sets_is_the_page_by_walking(
    documents: list[Json], wanted: MemberQuery, first: int, size: int
) -> None:
    """A page by sets has the members of a page by walking, in the same order and from the same blocks."""
    with tempfile.TemporaryDirectory() as folder:
        asked = definition(opened(documents, folder))
        assert can_use_sets(asked)
        for start, end in ((0, 100), (first, first + size)):
            assert told(page_by_sets(asked, wanted, start, end)) == told(
                page_by_walking(asked, wanted, start, end)
            )


@given(stocked())
@settings(max_examples=60)
def test_what_is_reckoned_is_what_is_held_and_nothing_else(documents: list[Json]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        catalogue = opened(documents, folder)
        asked, tree = definition(catalogue), catalogue.system(TREE)

        def meant(code: str) -> str:
            concept = tree.locate(code)
            if concept is None:
                return code.casefold() if tree.about.case_sensitive is False else code
            return concept.code

        found = [meant(m.concept.code) for m in page_by_sets(asked, MemberQuery(), 0, 100).read()]
        named = [*TREE_CODES, "no", *(code.upper() for code in [*TREE_CODES, "no"])]
        assert sorted(found) == sorted({meant(code) for code in named if asked.contains(TREE, code)})


def test_what_the_store_cannot_reckon_alone_is_walked(tmp_path: Path) -> None:
    kept, other = code_system("kept", "a", "b"), code_system("other", "x", "y")
    both = value_set("both", {"system": "http://example.org/kept"}, {"system": "http://example.org/other"})
    catalogue = Content([other, both], stored=[shelved(kept, tmp_path)])
    asked = definition(catalogue, both["url"])
    assert not can_use_sets(asked)
    found = expand(catalogue, ExpandRequest(url=both["url"], offset=1, count=2))
    assert (found.total, [entry.code for entry in found.entries]) == (4, ["b", "x"])


def test_two_code_systems_of_the_store_are_reckoned_together(tmp_path: Path) -> None:
    stored = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        stored.append(shelved(code_system(name, "a", "b", "c"), tmp_path / name))
    one, two = ({"system": f"http://example.org/{name}"} for name in ("one", "two"))
    mixed = value_set(
        "mixed",
        two,
        {**one, "concept": [{"code": "c"}, {"code": "a"}]},
        exclude=[{**two, "concept": [{"code": "a"}]}],
    )
    catalogue = Content([mixed], stored=stored)
    assert can_use_sets(definition(catalogue, mixed["url"]))
    found = expand(catalogue, ExpandRequest(url=mixed["url"]))
    assert [entry.system[-3:] + entry.code for entry in found.entries] == ["twob", "twoc", "onec", "onea"]


def test_two_versions_of_a_code_system_are_walked(tmp_path: Path) -> None:
    stored = []
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        held = code_system("kept", "a", *"b" * (version == "2"), version=version)
        stored.append(shelved(held, tmp_path / version))
    system = {"system": "http://example.org/kept"}
    versions = value_set("versions", {**system, "version": "1"}, {**system, "version": "2"})
    catalogue = Content([versions], stored=stored)
    assert not can_use_sets(definition(catalogue, versions["url"]))
    assert expand(catalogue, ExpandRequest(url=versions["url"])).total == 3


def test_what_was_prepared_for_one_catalogue_is_not_used_for_another(tmp_path: Path) -> None:
    url = "http://example.org/vs/x"
    one, other = (
        value_set("x", {"system": "http://example.org/kept", "concept": [{"code": c}]}) for c in "ab"
    )
    kept = shelved(code_system("kept", "a", "b"), tmp_path)
    first = Content([one], stored=[kept])
    for catalogue, code in ((first, "a"), (first, "a"), (Content([other], stored=[kept]), "b"),
                            (Overlay.of(first, [other]), "b"), (first, "a")):  # fmt: skip
        assert [e.code for e in expand(catalogue, ExpandRequest(url=url)).entries] == [code]


# -- what it may cost ----------------------------------------------------------------------------


def many(count: int) -> Json:
    """Each code beneath another one, but for the first."""
    above = [{"code": "parent", "valueCode": f"c{n // 8}"} for n in range(count)]
    concepts = [{"code": f"c{n}", "property": above[n : n + (n > 0)]} for n in range(count)]
    return code_system("many", *concepts)


def filtered(op: str, *values: str) -> Iterator[Json]:
    for value in values:
        chosen = {"property": "concept", "op": op, "value": value}
        yield {"system": "http://example.org/many", "filter": [chosen]}


def test_many_filters_that_the_store_answers_with_sets_are_not_too_costly(tmp_path: Path) -> None:
    include = [*filtered("is-a", *(f"c{n}" for n in range(1, 301)))]
    asked = value_set("x", *include, exclude=[*filtered("is-a", "c400")])
    answers = []
    for catalogue in (
        Content([asked], stored=[shelved(many(4_000), tmp_path)]),
        Content([asked, many(4_000)]),
    ):
        answers.append(expand(catalogue, ExpandRequest(url=asked["url"], count=4_000)))
    stored, walked = answers
    assert stored.total == walked.total == 3_999 - 9
    assert {entry.code for entry in stored.entries} == {entry.code for entry in walked.entries}


def test_what_the_store_has_to_read_through_is_bounded(tmp_path: Path) -> None:
    asked = value_set("x", *filtered("regex", *(f"c{n}" for n in range(1_000))))
    catalogue = Content([asked], stored=[shelved(many(4_000), tmp_path)])
    with pytest.raises(TerminologyError) as refused:
        expand(catalogue, ExpandRequest(url=asked["url"], count=1))
    assert [issue.code for issue in refused.value.issues] == ["too-costly"]


def test_filters_bound_the_cost_of_a_walk_through_the_store(tmp_path: Path) -> None:
    """A walk through the store costs only the codes that its filters choose."""
    other = code_system("other", "x")
    all_of, one = {"system": "http://example.org/other"}, [*filtered("is-a", "c3999")]
    wide = value_set("wide", all_of, *[{"system": "http://example.org/many"}] * 700)
    narrow = value_set("narrow", all_of, *one * 700)
    catalogue = Content([other, wide, narrow], stored=[shelved(many(4_000), tmp_path)])
    assert expand(catalogue, ExpandRequest(url=narrow["url"], count=1)).total == 2
    with pytest.raises(TerminologyError):
        expand(catalogue, ExpandRequest(url=wide["url"], count=1))
