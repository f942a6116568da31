"""$related says what the expansions of two value sets say, compared as plain sets, and never what they contradict."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from terminology.core.model import Document
from tests.support.asking import value
from tests.support.questions import World
from tests.support.set_model import Code, SetModel, UnusableFilterError
from tests.support.worlds import SETS, flat, worlds, worlds_a_law

UNCLOSED = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"
MIRRORED = {"subset": "superset", "superset": "subset"}
PAIRS = st.tuples(st.sampled_from(SETS), st.sampled_from(SETS))
REQUESTS = st.fixed_dictionaries({}, optional={"activeOnly": st.just(True)})


def url_of_set(name: str) -> str:
    return f"http://example.org/vs/{name}"


def word_for(this: set[Any], other: set[Any]) -> str:
    """The relation of two sets, in the plainest way."""
    if not this and not other:
        return "empty"
    if not this & other:
        return "disjoint"
    if this == other:
        return "same"
    if this < other:
        return "subset"
    return "superset" if this > other else "overlapping"


def related(world: World, this: str, other: str, **more: Any) -> Document:
    named = [
        {"name": f"{side}Url", "valueUri": url_of_set(name)}
        for side, name in (("this", this), ("other", other))
    ]
    answer = world.ask("ValueSet/$related", *named, **more)
    assert answer is not None
    return answer


def listed(world: World, name: str, **more: Any) -> tuple[set[Code], bool] | None:
    """The codes of an expansion, and whether it is closed."""
    expansion = world.expansion(url=url_of_set(name), **more)
    if expansion is None:
        return None
    codes = {(entry["system"], entry["code"]) for entry in flat(expansion.get("contains", []))}
    return codes, not any(e["url"] == UNCLOSED for e in expansion.get("extension", ()))


@worlds_a_law(50)
@given(worlds(), PAIRS, REQUESTS)
def test_the_relation_is_that_of_the_two_expansions(
    documents: list[Document], pair: tuple[str, str], request: dict[str, Any]
) -> None:
    world = World(documents)
    result = value(related(world, *pair, **request), "result")
    expansions = [listed(world, name, **request) for name in pair]
    sets = [expansion[0] for expansion in expansions if expansion is not None]
    if len(sets) == 2 and all(expansion is not None and expansion[1] for expansion in expansions):
        assert result == word_for(*sets), sets
    elif len(sets) == 2:
        this, other = sets
        if this & other:
            assert result not in ("disjoint", "empty"), sets
        if this or other:
            assert result != "empty", sets


@worlds_a_law(30)
@given(worlds(versions=False, everything=False), PAIRS)
def test_the_relation_is_that_of_a_model(documents: list[Document], pair: tuple[str, str]) -> None:
    model = SetModel(documents)
    try:
        this, other = (model.members(url_of_set(name)) for name in pair)
    except UnusableFilterError:
        return
    assert value(related(World(documents), *pair), "result") == word_for(this, other)


@worlds_a_law(30)
@given(worlds(), PAIRS, st.sampled_from([None, "always", "never", "as-needed"]))
def test_turned_round_it_is_the_mirrored_relation(
    documents: list[Document], pair: tuple[str, str], policy: str | None
) -> None:
    world = World(documents)
    more: dict[str, Any] = {"diagnostics": True, **({} if policy is None else {"version-policy": policy})}
    answer, back = (related(world, *names, **more) for names in (pair, pair[::-1]))
    result = value(answer, "result")
    assert value(back, "result") == MIRRORED.get(result, result)
    assert value(back, "performed-expansion") == value(answer, "performed-expansion")
    for name, mirrored in (("missing-codes", "extra-codes"), ("common-codes", "common-codes")):
        assert sorted((value(answer, name) or "").split(",")) == sorted(
            (value(back, mirrored) or "").split(",")
        )


@worlds_a_law(30)
@given(worlds(everything=False), PAIRS)
def test_the_lists_are_those_of_the_expansions(documents: list[Document], pair: tuple[str, str]) -> None:
    world = World(documents)
    answer = related(world, *pair, diagnostics=True)
    if not value(answer, "performed-expansion") or value(answer, "result") in ("same", "indeterminate"):
        return
    expansions = [listed(world, name) for name in pair]
    if any(expansion is None or not expansion[1] for expansion in expansions):
        return
    this, other = (expansion[0] for expansion in expansions if expansion is not None)
    lists = [(value(answer, f"{name}-codes") or "").split(",") for name in ("common", "missing", "extra")]
    expected = [
        sorted(code for _, code in codes) or [""] for codes in (this & other, this - other, other - this)
    ]
    assert [sorted(each) for each in lists] == expected


@worlds_a_law(30)
@given(worlds(), st.sampled_from(SETS))
def test_a_value_set_is_the_same_as_itself_unless_it_is_empty(documents: list[Document], name: str) -> None:
    world = World(documents)
    answer = related(world, name, name, diagnostics=True)
    expansion = listed(world, name)
    if expansion is not None:
        assert value(answer, "result") == ("same" if expansion[0] else "empty")
        assert value(answer, "performed-expansion") is False
