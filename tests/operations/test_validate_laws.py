"""What holds of $validate-code whatever is asked?"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import BASE, body_of, value_set
from tests.support.pets import PETS, TERMINOLOGY, Json, asked, bare, flag, in_set, of, pet, several

# -- laws ----------------------------------------------------------------------------------------

CODES = ["pet", "cat", "tabby", "dog", "dodo", "eel", "quagga", "newt", "unicorn"]
VERSION = st.sampled_from([None, "1", "2", "x"])
FILTERS = st.sampled_from(
    [
        {"property": "concept", "op": "is-a", "value": "cat"},
        {"property": "concept", "op": "descendent-of", "value": "cat"},
        {"property": "status", "op": "=", "value": "retired"},
        {"property": "code", "op": "regex", "value": "d.*"},
    ]
)
BLOCKS = st.builds(
    lambda version, content: {"system": PETS, **content} | ({"version": version} if version else {}),
    VERSION,
    st.one_of(
        st.just({}),
        st.builds(lambda f: {"filter": [f]}, FILTERS),
        st.builds(
            lambda codes: {"concept": [{"code": code} for code in codes]},
            st.lists(st.sampled_from(CODES), min_size=1, unique=True),
        ),
        st.just({"valueSet": [f"{BASE}/vs/cats"]}),
    ),
)


@settings(max_examples=150)
@given(
    includes=st.lists(BLOCKS, min_size=1, max_size=3),
    excludes=st.lists(BLOCKS, max_size=2),
    inactive=st.sampled_from([None, False]),
    active_only=st.booleans(),
)
def test_what_expand_lists_validate_accepts_and_nothing_else(
    includes: list[Json], excludes: list[Json], inactive: bool | None, active_only: bool
) -> None:
    compose = {} if inactive is None else {"inactive": inactive}
    document = value_set("any", *includes, exclude=excludes, compose=compose)
    asked_ = [{"name": "valueSet", "resource": document}, flag("activeOnly", active_only)]
    expansion = TERMINOLOGY.ask("ValueSet/$expand", body_of(*asked_))
    found = entries(expansion["expansion"].get("contains", []))
    listed = {entry["code"] for entry in found}
    accepted = {code for code in CODES if asked("ValueSet/$validate-code", [*asked_, pet(code)])["result"]}
    assert accepted == listed
    for entry in found:
        if "version" in entry:
            versioned = pet(entry["code"], version=entry["version"])
            assert asked("ValueSet/$validate-code", [*asked_, versioned])["result"] is True


def entries(contains: list[Json]) -> list[Json]:
    return [e for entry in contains for e in (entry, *entries(entry.get("contains", [])))]


@settings(max_examples=60)
@given(
    code=st.sampled_from(CODES),
    display=st.sampled_from([None, "Cat", "Hat"]),
    name=st.sampled_from(["pets", "listed", "cats", "both"]),
)
def test_a_coding_a_concept_and_bare_parameters_get_the_same_verdict(
    code: str, display: str | None, name: str
) -> None:
    """A coding alone, a coding in a concept, and bare parameters get the same verdict."""
    more = {"display": display} if display else {}
    verdicts = {
        in_set(name, pet(code, **more))["result"],
        in_set(name, several(of(code, **more)))["result"],
        in_set(name, *bare(code=code, system=PETS, **more))["result"],
    }
    assert len(verdicts) == 1


@settings(max_examples=60)
@given(code=st.text(min_size=1, max_size=8), system=st.text(max_size=8), display=st.text(max_size=8))
def test_whatever_is_asked_there_is_an_answer(code: str, system: str, display: str) -> None:
    given_ = {"name": "coding", "valueCoding": {"code": code, "system": system, "display": display}}
    assert in_set("mixed", given_)["result"] is False
