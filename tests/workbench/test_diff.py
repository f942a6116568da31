"""Differences of versions, and what they mean for codes in use."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology
from terminology.core.errors import TerminologyError
from terminology.workbench.diff import (
    CodeChange,
    breaking,
    code_systems_of,
    expansion_changes,
    lone_codes,
    map_changes,
    require_one,
    system_changes,
    system_of,
)
from tests.support.builders import code_system, concept
from tests.support.maps import HERE, THERE, map_of, to

URL = "http://example.org/s"


def inactive(code: str, successor: str | None = None) -> dict[str, Any]:
    properties = [{"code": "inactive", "valueBoolean": True}]
    more = [{"code": "replacedBy", "valueCode": successor}] if successor else []
    return concept(code, code.upper(), property=[*properties, *more])


OLD = code_system(
    URL, concept("a", "A", concept("child", "Child")), concept("b", "B"), concept("c", "C"), concept("d", "D"),
    inactive("e"), version="1",
)  # fmt: skip
NEW = code_system(
    URL, concept("a", "A"), concept("b", "Bee", concept("child", "Child")), inactive("c", "f"), concept("e", "E"),
    concept("f", "F"), version="2", property=[{"code": "replacedBy", "type": "code"}],
)  # fmt: skip


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[CodeChange]:
    with Terminology([old, new], bundled=False) as terminology:
        both = (system_of(terminology, f"{URL}|{version}") for version in ("1", "2"))
        return list(system_changes(*both))


def test_each_kind_of_change_of_a_code_system_is_found() -> None:
    assert {change.line() for change in changes(OLD, NEW)} == {
        "renamed b: B -> Bee",
        "retired c: C; replaced by f",
        "removed d: D",
        "revived e: E",
        "moved child: a -> b",
        "added f: F",
    }


def test_equal_versions_have_no_changes() -> None:
    assert changes(OLD, {**OLD, "version": "2"}) == []


def lone(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    with Terminology([old, new], bundled=False) as terminology:
        return lone_codes(*(system_of(terminology, f"{URL}|{version}") for version in ("1", "2")))


def test_what_a_fragment_lacks_is_neither_removed_nor_added() -> None:
    fragment = {**code_system(URL, concept("a", "A"), version="2"), "content": "fragment"}
    assert [change.kind for change in changes(OLD, fragment)] == []
    first = {**fragment, "version": "1"}
    assert [change.kind for change in changes(first, {**OLD, "version": "2"})] == []


def test_codes_that_a_fragment_lacks_are_listed() -> None:
    fragment = {**code_system(URL, concept("a", "A"), "z", version="2"), "content": "fragment"}
    first = {**fragment, "version": "1"}
    assert lone(OLD, fragment) == ["child", "b", "c", "d", "e"]
    assert lone(first, NEW) == ["b", "child", "c", "e", "f"]
    assert lone({**OLD, "content": "fragment"}, fragment) == ["child", "b", "c", "d", "e", "z"]
    assert lone(OLD, NEW) == []


def test_only_one_url_has_versions() -> None:
    require_one("CodeSystem", URL, URL)
    with pytest.raises(TerminologyError, match="different code systems"):
        require_one("CodeSystem", URL, f"{URL}2")


def test_the_code_systems_of_a_map_are_without_their_versions() -> None:
    assert code_systems_of(map_of("m", f"{HERE}|1", THERE, [])) == {(HERE, THERE)}


def test_only_changes_of_stored_codes_that_break_are_left() -> None:
    broken = breaking(changes(OLD, NEW), ["a", "b", "c", "d", "x"])
    assert [(change.kind, change.code) for change in broken] == [("retired", "c"), ("removed", "d")]


def test_each_kind_of_change_of_a_map_is_found() -> None:
    old = map_of(
        "m",
        HERE,
        THERE,
        [
            {"code": "same", "target": [to("P"), to("W")]},
            {"code": "other", "target": [to("P")]},
            {"code": "word", "target": [to("P")]},
            {"code": "gone", "target": [to("P")]},
            {"code": "none", "noMap": True},
        ],
    )
    condition = [{"attribute": "technique", "valueCode": "loop"}]
    new = map_of(
        "m",
        HERE,
        THERE,
        [
            {"code": "same", "target": [to("W"), to("P")]},
            {"code": "other", "target": [to("W")]},
            {"code": "word", "target": [to("P", dependsOn=condition)]},
            {"code": "none", "target": [to("P")]},
            {"code": "new", "target": [to("P")]},
        ],
    )
    assert [change.line() for change in map_changes(old, new)] == [
        "remapped other: equivalent P -> equivalent W",
        "remapped word: equivalent P -> equivalent P if technique=loop",
        "unmapped gone: equivalent P",
        "mapped none: equivalent P",
        "mapped new: equivalent P",
    ]
    assert list(map_changes(old, old)) == []


def test_a_condition_is_written_as_FHIR_writes_it() -> None:
    condition = {"attribute": "guided", "valueBoolean": True}
    old = map_of("m", HERE, THERE, [{"code": "a", "target": [to("x")]}])
    new = map_of("m", HERE, THERE, [{"code": "a", "target": [to("x", dependsOn=[condition])]}])
    (change,) = map_changes(old, new)
    assert change.after == "equivalent x if guided=true"


def expansion(*rows: tuple[str, str, str, bool]) -> dict[str, Any]:
    contains = [
        {"system": system, "code": code, "display": display, "inactive": inactive}
        for system, code, display, inactive in rows
    ]
    return {"contains": contains}


def test_each_kind_of_change_of_an_expansion_is_found() -> None:
    old = expansion(
        (URL, "a", "A", False), (URL, "b", "B", False), (URL, "c", "C", False), (URL, "d", "D", True)
    )
    new = expansion(
        (URL, "b", "Bee", False), (URL, "c", "C", True), (URL, "d", "D", False), (URL, "e", "E", False)
    )
    assert {change.line() for change in expansion_changes(old, new)} == {
        "removed a: A",
        "renamed b: B -> Bee",
        "retired c: C",
        "revived d: D",
        "added e: E",
    }


def test_codes_of_several_systems_are_named_with_their_system() -> None:
    old, new = expansion((URL, "a", "A", False)), expansion((f"{URL}2", "a", "A", False))
    assert [change.line() for change in expansion_changes(old, new)] == [
        f"removed {URL}|a: A",
        f"added {URL}2|a: A",
    ]
