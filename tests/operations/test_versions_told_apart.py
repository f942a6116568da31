"""What holds of value sets that include several versions of one code system?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminology import Terminology
from tests.support.asking import value
from tests.support.builders import body_of, code_system, coding, concept, value_set
from tests.support.engine import catalogue_of

Json = dict[str, Any]

URL, SETS = "http://example.org/x", "http://example.org/vs"
CODES, VERSIONS = "abcd", (None, "1", "2")


SYSTEMS = [code_system(URL, *"abc", version="1"), code_system(URL, *"bcd", version="2")]


def of(version: str | None = None, codes: str = "") -> Json:
    enumerated = {"concept": [{"code": code} for code in codes]} if codes else {}
    return {"system": URL, **({"version": version} if version else {}), **enumerated}


def matching(version: str | None, codes: str) -> Json:
    """An include or exclude of the codes that a filter finds."""
    return of(version) | {"filter": [{"property": "code", "op": "regex", "value": "|".join(codes)}]}


def imported(*names: str) -> Json:
    return {"valueSet": [f"{SETS}/{name}" for name in names]}


def listed(terminology: Terminology, name: str) -> list[tuple[str, str]]:
    """Version and code of all that $expand lists; without a version where there is one only."""
    answer = terminology.ask("ValueSet/$expand", body_of(url={"valueUri": f"{SETS}/{name}"}))
    nodes = answer["expansion"].get("contains", [])
    return sorted((node.get("version") or "", node["code"]) for node in nodes)


def accepted(terminology: Terminology, name: str) -> set[tuple[str | None, str]]:
    """Version and code of all that $validate-code accepts."""
    return {(v, code) for v in VERSIONS for code in CODES if accepts(terminology, name, v, code)}


def accepts(terminology: Terminology, name: str, version: str | None, code: str) -> bool:
    versioned = coding(code, URL, **({"version": version} if version else {}))
    body = body_of(url={"valueUri": f"{SETS}/{name}"}, coding=versioned)
    answer = terminology.ask("ValueSet/$validate-code", body)
    return any(part.get("valueBoolean") is True for part in answer["parameter"] if part["name"] == "result")


def world(*sets: Json) -> Terminology:
    return Terminology(catalogue=catalogue_of([*SYSTEMS, *sets]))


BASIS = [
    value_set("v1", of("1")),
    value_set("v2", of("2")),
    value_set("v12", of("1"), of()),
    value_set("only-b", of(None, "b")),
    value_set("only-a", of(None, "a")),
    value_set("all", of()),
    value_set("not-a", of(), exclude=(of(None, "a"),)),
]
LISTS = [
    ("versions are told apart", [of("1"), of()], (), ["1a", "1b", "1c", "2b", "2c", "2d"]),
    ("in an import, too", [imported("v12")], (), ["1a", "1b", "1c", "2b", "2c", "2d"]),
    ("or when each import has one", [imported("v1"), imported("v2")], (),
     ["1a", "1b", "1c", "2b", "2c", "2d"]),
    ("the first of several imports says in which version", [imported("v1", "v2")], (), ["1b", "1c"]),
    ("an exclude without a version takes out of every version", [of("1")], (of(None, "b"),), ["1a", "1c"]),
    ("whatever else is included", [of("1"), of(None, "bd")], (of(None, "b"),), ["1a", "1c", "2d"]),
    ("in an import, too", [of("1"), of(None, "bd")], (imported("only-b"),), ["1a", "1c", "2d"]),
    ("also one that its own version lacks", [of("1")], (of(None, "ab"),), ["1c"]),
    ("by a filter, too", [of("1")], (matching(None, "ab"),), ["1c"]),
    ("each in its own version", [of("1"), of("2")], (matching(None, "abd"),), ["1c", "2c"]),
    ("or as a whole", [of("1")], (of(),), []),
    ("or in an import", [of("1")], (imported("only-a"),), ["1b", "1c"]),
    ("or as a whole in an import", [of("1"), of("2")], (imported("all"),), []),
    ("and also from an import", [imported("v1")], (of(None, "ab"),), ["1c"]),
    ("an include with a version has its imports in it", [of("1") | imported("only-a")], (), ["1a"]),
    ("with their excludes", [of("1") | imported("not-a")], (), ["1b", "1c"]),
    ("unless they declare another one", [of("1") | imported("v2")], (), ["1b", "1c"]),
    ("an exclude of a version leaves the others", [of("1"), of("2")], (of("1"),), ["2b", "2c", "2d"]),
    ("in an import, too", [of("1"), of("2")], (imported("v1"),), ["2b", "2c", "2d"]),
    ("or of one", [imported("v12")], (imported("v1"),), ["2b", "2c", "2d"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("include", "exclude", "expected"), [row[1:] for row in LISTS], ids=[row[0] for row in LISTS]
)
def test_what_is_listed_in_a_version_is_what_is_accepted_in_it(
    include: list[Json], exclude: tuple[Json, ...], expected: list[str]
) -> None:
    terminology = world(*BASIS, value_set("x", *include, exclude=exclude))
    shown = [(version or "1") + code for version, code in listed(terminology, "x")]
    assert shown == expected
    in_versions = {version + code for version, code in accepted(terminology, "x") if version}
    assert in_versions == set(expected)


BLOCKS = st.one_of(
    st.builds(of, st.sampled_from(VERSIONS), st.sampled_from(["", "a", "b", "bd", "abcd"])),
    st.builds(matching, st.sampled_from(VERSIONS), st.sampled_from(["a", "bd"])),
    st.builds(imported, st.sampled_from(["v1", "v2", "v12", "only-a", "only-b", "all", "not-a"])),
)


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize("pin", [f"{URL}|1", f"{URL}|2"])
@pytest.mark.parametrize("out", [of(None, "a"), matching(None, "a")])
def test_a_pin_does_not_keep_a_code_in_that_is_excluded(out: Json, pin: str, release: str) -> None:
    """The include declares version 1; ``system-version`` is for what declares none, but the code is of version 1."""
    terminology = world(*BASIS, value_set("x", of("1"), exclude=(out,)))
    asked = {"url": {"valueUri": f"{SETS}/x"}, "system_version": {"valueCanonical": pin}}
    answer = terminology.ask("ValueSet/$expand", body_of(**asked), release)
    assert [entry["code"] for entry in answer["expansion"]["contains"]] == ["b", "c"]
    checked = terminology.ask("ValueSet/$validate-code", body_of(coding("a", URL), **asked), release)
    assert any(part.get("valueBoolean") is False for part in checked["parameter"])


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_contained_code_systems_of_one_url_are_all_asked(release: str) -> None:
    """Each of two imports contains a CodeSystem of the same url, with other codes."""
    url = "http://example.org/contained"
    parts = [
        value_set(name, {"system": url}, contained=[code_system(url, *codes, id="c")])
        for name, codes in (("k1", "mb"), ("k2", "nb"))
    ]
    both = value_set(
        "both", imported("k1"), imported("k2"), exclude=[{"system": url, "concept": [{"code": "b"}]}]
    )
    terminology = Terminology(catalogue=catalogue_of([*parts, both]))
    answer = terminology.ask("ValueSet/$expand", body_of(url={"valueUri": both["url"]}), release)
    assert [entry["code"] for entry in answer["expansion"]["contains"]] == ["m", "n"]
    results = []
    for code in "mnbz":
        body = body_of(coding(code, url), url={"valueUri": both["url"]})
        checked = terminology.ask("ValueSet/$validate-code", body, release)
        results += [part["valueBoolean"] for part in checked["parameter"] if part["name"] == "result"]
    assert results == [True, True, False, False]


FIXED = st.one_of(
    st.builds(of, st.sampled_from("12"), st.sampled_from(["", "a", "b", "bd", "abcd"])),
    st.builds(
        lambda version, name: of(version) | imported(name),
        st.sampled_from("12"),
        st.sampled_from(["v1", "v2", "v12", "only-a", "only-b", "all", "not-a"]),
    ),
)
thorough = settings(max_examples=150)


@given(st.lists(BLOCKS, min_size=1, max_size=3), st.lists(BLOCKS, max_size=2))
@thorough
def test_what_is_listed_is_accepted_and_an_import_is_what_it_imports(
    include: list[Json], exclude: list[Json]
) -> None:
    own = value_set("x", *include, exclude=tuple(exclude))
    terminology = world(*BASIS, own, value_set("same", imported("x")))
    found, taken = listed(terminology, "x"), accepted(terminology, "x")
    assert {code for _, code in found} == {code for version, code in taken if version is None}
    assert {(version, code) for version, code in found if version} <= taken
    assert listed(terminology, "same") == found
    assert accepted(terminology, "same") == taken


@given(st.lists(FIXED, min_size=1, max_size=3), st.lists(BLOCKS, max_size=2))
@thorough
def test_a_coding_with_a_version_is_in_what_fixes_it_as_one_without(
    include: list[Json], exclude: list[Json]
) -> None:
    terminology = world(*BASIS, value_set("x", *include, exclude=tuple(exclude)))
    taken = accepted(terminology, "x")
    without = {code for version, code in taken if version is None}
    assert {code for version, code in taken if version is not None} == without
    assert {code for _, code in listed(terminology, "x")} == without


@given(st.lists(BLOCKS, min_size=1, max_size=2), BLOCKS, st.sampled_from(["a", "ad", "b", "bd"]))
@thorough
def test_codes_excluded_without_a_version_always_stay_out(
    include: list[Json], further: Json, codes: str
) -> None:
    """A code that is excluded without a version stays out, whatever else is included."""
    exclude = (of(None, codes),)
    fewer, more = (
        value_set("x", *include, exclude=exclude),
        value_set("y", *include, further, exclude=exclude),
    )
    terminology = world(*BASIS, fewer, more)
    present = set(codes)
    assert not present & {code for name in "xy" for _, code in listed(terminology, name)}
    assert not present & {code for name in "xy" for _, code in accepted(terminology, name)}


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize(
    ("display", "version", "shown"),
    [
        (None, "2", "Red cat"),
        ("Red cat", "2", "Red cat"),
        ("Katze", "1", "Katze"),
        ("Nobody's", "2", "Red cat"),
    ],
)
def test_the_newest_version_that_accepts_a_display_answers_in_any_language(
    display: str | None, version: str, shown: str, release: str
) -> None:
    german = {"value": "Katze", "language": "de"}
    first = code_system(URL, concept("b", "Red cat", designation=[german]), version="1")
    second = code_system(URL, concept("b", "Red cat"), version="2", language="en")
    both = value_set("both", of(), of("1"))
    terminology = Terminology(catalogue=catalogue_of([first, second, both]))
    named = {} if display is None else {"display": display}
    body = body_of(
        url={"valueUri": f"{SETS}/both"},
        coding=coding("b", URL, **named),
        displayLanguage={"valueCode": "de"},
    )
    answer = terminology.ask("ValueSet/$validate-code", body, release)
    assert (value(answer, "version"), value(answer, "display")) == (version, shown)
    assert value(answer, "result") is (display != "Nobody's")
