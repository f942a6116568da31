"""A canonical with a version (``url|version``) means that version, in every operation that takes a canonical."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from terminology.core.model import Document
from tests.support.asking import matches, value, values
from tests.support.builders import BASE, body_of, code_system, concept, concept_map, value_set
from tests.support.engine import catalogue_of

OLD, NEW = concept("a", "Old"), concept("a", "New")
SYSTEM, SET, MAP, FAR = f"{BASE}/loaf", f"{BASE}/vs/loaves", f"{BASE}/ConceptMap/loaves", f"{BASE}/far"
EQUIVALENT = "equivalent"


def to(code: str) -> list[Document]:
    return [{"code": "a", "target": [{"code": code, "relationship": EQUIVALENT}]}]


LIBRARY = Terminology(
    catalogue=catalogue_of(
        [
            code_system(SYSTEM, OLD, version="1", id="loaf-1"),
            code_system(SYSTEM, NEW, concept("b", "B"), version="2", id="loaf-2"),
            code_system(FAR, "old", "new", version="7"),
            value_set(SET, {"system": SYSTEM, "version": "1"}, version="1", id="loaves-1"),
            value_set(SET, {"system": SYSTEM}, version="2", id="loaves-2"),
            concept_map(MAP, SYSTEM, f"{FAR}|7", to("old"), version="1", id="map-1"),
            concept_map(MAP, SYSTEM, f"{FAR}|8", to("new"), version="2", id="map-2"),
        ]
    )
)
BOTH_RELEASES = pytest.mark.parametrize("release", ["r4", "r5"])
EVERY_BAR = pytest.mark.parametrize("bar", ["|", "%7C", "%7c"])


def ask(operation: str, release: str, as_body: bool = False, /, **given: Any) -> Document:
    if not as_body:
        return LIBRARY.ask(operation, release=release, **given)
    nodes = [{"name": name, "valueString": text} for name, text in given.items()]
    return LIBRARY.ask(operation, body_of(*nodes), release)


@BOTH_RELEASES
@EVERY_BAR
@pytest.mark.parametrize("as_body", [False, True])
def test_a_system_with_a_version_is_that_version(release: str, bar: str, as_body: bool) -> None:
    one = f"{SYSTEM}{bar}1"
    shown = [
        ask("CodeSystem/$lookup", release, as_body, system=one, code="a"),
        ask("CodeSystem/$validate-code", release, as_body, url=one, code="a"),
        ask("CodeSystem/$validate-code", release, as_body, system=one, code="a"),
        ask("ValueSet/$validate-code", release, as_body, url=SET, system=one, code="a"),
    ]
    assert [value(answer, "display") for answer in shown] == ["Old"] * 4
    assert [value(answer, "version") for answer in shown] == ["1"] * 4
    with pytest.raises(TerminologyError, match="Unknown code 'b' .* version '1'"):
        ask("CodeSystem/$subsumes", release, as_body, system=one, codeA="a", codeB="b")
    translated = ask("ConceptMap/$translate", release, as_body, system=one, code="a")
    assert value(translated, "result") is True
    sought = {
        "name": "property",
        "part": [{"name": "code", "valueCode": "code"}, {"name": "value", "valueCode": "b"}],
    }
    exact = {"name": "exact", "valueBoolean": True}
    for url, expected in ((one, []), (f"{SYSTEM}{bar}2", ["b"])):
        body = body_of(sought, exact, system={"valueUri": url})
        found = values(LIBRARY.ask("CodeSystem/$find-matches", body, release), "match")
        assert [value(match, "code")["code"] for match in found] == expected


@BOTH_RELEASES
@EVERY_BAR
def test_a_value_set_with_a_version_is_that_version(release: str, bar: str) -> None:
    one = f"{SET}{bar}1"
    expansion = ask("ValueSet/$expand", release, url=one)["expansion"]
    assert [node["display"] for node in expansion["contains"]] == ["Old"]
    answer = ask("ValueSet/$validate-code", release, url=one, system=SYSTEM, code="b")
    assert value(answer, "result") is False
    pinned = ask("ValueSet/$expand", release, url=SET, **{"system-version": f"{SYSTEM}{bar}1"})
    assert [node["display"] for node in pinned["expansion"]["contains"]] == ["Old"]


@BOTH_RELEASES
@EVERY_BAR
def test_a_map_and_its_ends_may_have_a_version(release: str, bar: str) -> None:
    codes = {"system": SYSTEM, "code": "a"}
    for more in (
        {"url": f"{MAP}{bar}1"},
        {"url": MAP, "conceptMapVersion": "1"},
        {"url": f"{MAP}{bar}1", "targetSystem": f"{FAR}{bar}7"},
        {"url": f"{MAP}{bar}1", "target": f"{FAR}{bar}7"},
    ):
        assert [code for code, _ in matches(ask("ConceptMap/$translate", release, **codes, **more))] == [
            "old"
        ]
    back = ask(
        "ConceptMap/$translate", release, url=f"{MAP}{bar}1", targetSystem=f"{FAR}{bar}7", targetCode="old"
    )
    assert value(back, "result") is True


@BOTH_RELEASES
def test_a_version_of_the_target_that_no_map_has_is_refused_by_name(release: str) -> None:
    for name in ("targetSystem", "targetsystem"):
        with pytest.raises(TerminologyError, match=rf"to '{FAR}\|9'.* is for {FAR} in the version 8"):
            ask("ConceptMap/$translate", release, system=SYSTEM, code="a", **{name: f"{FAR}|9"})
    answer = ask(
        "ConceptMap/$translate", release, url=f"{MAP}|1", system=SYSTEM, code="a", targetSystem=f"{FAR}|9"
    )
    assert value(answer, "result") is False
    assert f"The map {MAP}|1 is for {FAR} in the version 7." in value(answer, "message")


@BOTH_RELEASES
@pytest.mark.parametrize(
    ("operation", "asked", "name"),
    [
        ("CodeSystem/$lookup", {"system": f"{SYSTEM}|1", "version": "2", "code": "a"}, "version"),
        ("CodeSystem/$validate-code", {"url": f"{SYSTEM}|1", "version": "2", "code": "a"}, "version"),
        ("CodeSystem/$subsumes", {"system": f"{SYSTEM}|1", "version": "2", "codeA": "a", "codeB": "a"}, "version"),
        ("ValueSet/$expand", {"url": f"{SET}|1", "valueSetVersion": "2"}, "valueSetVersion"),
        (
            "ValueSet/$validate-code",
            {"url": SET, "system": f"{SYSTEM}|1", "systemVersion": "2", "code": "a"},
            "systemVersion",
        ),
        ("ConceptMap/$translate", {"system": f"{SYSTEM}|1", "version": "2", "code": "a"}, "version"),
        (
            "ConceptMap/$translate",
            {"url": f"{MAP}|1", "conceptMapVersion": "2", "system": SYSTEM, "code": "a"},
            "conceptMapVersion",
        ),
    ],
)  # fmt: skip
def test_two_versions_that_contradict_each_other_are_refused(
    release: str, operation: str, asked: dict[str, str], name: str
) -> None:
    with pytest.raises(
        TerminologyError, match=f"The parameter '{name}' is '2', but the canonical '.*' has '1'"
    ):
        ask(operation, release, **asked)
    reversed_values = dict(reversed(asked.items()))
    with pytest.raises(TerminologyError, match=f"The parameter '{name}' is '2'"):
        ask(operation, release, **reversed_values)


@BOTH_RELEASES
def test_the_system_of_a_coding_has_no_version_in_it(release: str) -> None:
    """``Coding.system`` is a uri and no canonical: https://hl7.org/fhir/R5/datatypes.html#Coding."""
    coding = {"name": "coding", "valueCoding": {"system": f"{SYSTEM}|1", "code": "a"}}
    hint = "Send the version '1' in a parameter of its own"
    for operation in ("CodeSystem/$lookup", "ConceptMap/$translate"):
        with pytest.raises(TerminologyError, match=hint):
            LIBRARY.ask(operation, body_of(coding), release)
    answer = LIBRARY.ask("CodeSystem/$validate-code", body_of(coding), release)
    assert value(answer, "result") is False


@BOTH_RELEASES
@pytest.mark.parametrize("name", ["version", "valueSetVersion"])
def test_version_is_that_of_the_value_set_where_nothing_else_is_meant(release: str, name: str) -> None:
    expansion = ask("ValueSet/$expand", release, url=SET, **{name: "1"})["expansion"]
    assert [node["display"] for node in expansion["contains"]] == ["Old"]
    coding = {"name": "coding", "valueCoding": {"system": SYSTEM, "code": "b"}}
    version = {"name": name, "valueString": "1"}
    body = body_of({"name": "url", "valueUri": SET}, version, coding)
    assert value(LIBRARY.ask("ValueSet/$validate-code", body, release), "result") is False


@EVERY_BAR
def test_a_search_by_url_takes_a_version(bar: str) -> None:
    for kind, url in (("CodeSystem", SYSTEM), ("ValueSet", SET), ("ConceptMap", MAP)):
        found = LIBRARY.search(kind, url=f"{url}{bar}1")
        assert [entry["resource"]["version"] for entry in found.json["entry"]] == ["1"]
