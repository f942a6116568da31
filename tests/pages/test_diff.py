"""The page of two versions says what has changed, within its bounds, and to nobody who may not read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from terminology import Settings, create_app
from terminology.pages import diff
from tests.support.authentication import api_key, auth_file
from tests.support.builders import BASE, code_system, concept, value_set
from tests.support.maps import HERE, THERE, map_of, to
from tests.support.pages import Reader, application, links, words

GONE = {"code": "inactive", "valueBoolean": True}
OLD = code_system(
    "dough", concept("a", "A", concept("b", "B")), concept("c", "C"), concept("d", "D"), version="9"
)
NEW = code_system(
    "dough", concept("a", "Ah"), concept("b", "B"), concept("d", "D", property=[GONE]), version="10"
)
SETS = [
    {
        **value_set("two", {"system": f"{BASE}/dough", "concept": [{"code": code} for code in codes]}),
        "version": version,
    }
    for version, codes in (("1", "ab"), ("2", "bd"))
]
MAPS = [
    map_of(
        "dough", HERE, THERE, [{"code": pair[0], "target": [to(pair[1])]} for pair in pairs], version=version
    )
    for version, pairs in (("1", ("ax", "by")), ("2", ("az", "cx")))
]


def named(*resources: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources with ids that end in their version."""
    return [{**each, "id": f"{each['resourceType'].lower()}-{each['version']}"} for each in resources]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(application(*named(OLD, NEW, *SETS, *MAPS)).test_client())


def rows(reader: Reader, query: str) -> set[str]:
    return {words(row) for row in reader.page(f"/fhir/r5/diff?{query}").xpath("//tbody/tr")}


def test_the_changes_of_a_code_system_are_a_bar_and_a_table(reader: Reader) -> None:
    query = "old=CodeSystem/codesystem-9&new=CodeSystem/codesystem-10"
    assert rows(reader, query) == {
        "c removed C",
        "d retired D",
        "a with another name A Ah",
        "b moved in the hierarchy a",
    }
    page = reader.page(f"/fhir/r5/diff?{query}")
    assert "4 changes, of which 2 break codes" in words(page)
    assert len(page.xpath("//svg[@class='bar']/rect")) == 4
    assert rows(reader, f"{query}&change=removed") == {"c removed C"}


def test_the_changes_of_a_value_set_are_those_of_its_expansion(reader: Reader) -> None:
    query = "old=ValueSet/valueset-1&new=ValueSet/valueset-2"
    assert rows(reader, query) == {"a removed Ah", "d added D"}


def test_the_changes_of_a_map_are_those_of_its_targets(reader: Reader) -> None:
    found = rows(reader, "old=ConceptMap/conceptmap-1&new=ConceptMap/conceptmap-2")
    assert {row[:20] for row in found} == {
        "b no longer mapped e",
        "a mapped otherwise e",
        "c newly mapped equiv",
    }


def test_versions_lead_to_what_has_changed_in_their_own_order(reader: Reader) -> None:
    pairs = links(reader.page("/fhir/r5/diff").get_element_by_id("main"))
    assert "/fhir/r5/diff?old=CodeSystem/codesystem-9&new=CodeSystem/codesystem-10" in pairs
    beside = links(reader.page("/fhir/r5/CodeSystem/codesystem-10"))
    assert "/fhir/r5/diff?old=CodeSystem/codesystem-9&new=CodeSystem/codesystem-10" in beside
    assert "/fhir/r5/diff" in links(reader.page("/fhir/r5"))


def test_a_code_leads_to_the_version_that_has_it(reader: Reader) -> None:
    page = reader.page("/fhir/r5/diff?old=CodeSystem/codesystem-9&new=CodeSystem/codesystem-10")
    versions = {
        words(link): parse_qs(urlsplit(link.get("href")).query)
        for link in page.xpath("//tbody/tr/td[1]/a[@class='code']")
    }
    assert {code: query["version"] for code, query in versions.items()} == {
        "c": ["9"],
        "a": ["10"],
        "b": ["10"],
        "d": ["10"],
    }
    assert {query["system"][0] for query in versions.values()} == {f"{BASE}/dough"}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("CodeSystem", "different code systems"),
        ("ValueSet", "different value sets"),
        ("ConceptMap", "different maps"),
    ],
)
def test_resources_with_different_urls_are_no_versions_of_one(kind: str, text: str) -> None:
    resources = {
        "CodeSystem": [code_system(name, concept("a", "A")) for name in ("one", "two")],
        "ValueSet": [
            value_set(name, {"system": HERE, "concept": [{"code": "a"}]}) for name in ("one", "two")
        ],
        "ConceptMap": [map_of(name, HERE, THERE, [{"code": "a"}]) for name in ("one", "two")],
    }[kind]
    reader = Reader(application(*[{**each, "id": f"x{n}"} for n, each in enumerate(resources)]).test_client())
    page = reader.text(f"/fhir/r5/diff?old={kind}/x0&new={kind}/x1", 400)
    assert f"These are {text}" in page and "compare two versions of one" in page
    assert "nothing has changed" not in page


@pytest.mark.parametrize(
    ("contents", "changed", "count"),
    [
        (("fragment", "fragment"), set(), "3 codes are"),
        (("complete", "fragment"), {"added"}, "1 code is"),
        (("fragment", "complete"), {"removed"}, "2 codes are"),
        (("complete", "complete"), {"added", "removed"}, ""),
    ],
)
def test_codes_that_a_fragment_lacks_are_counted_and_not_taken_for_changes(
    contents: tuple[str, str], changed: set[str], count: str
) -> None:
    codes = (("both", "old"), ("both", "new", "newer"))
    systems = [
        {**code_system("part", *codes[n], version=str(n)), "content": content, "id": f"part-{n}"}
        for n, content in enumerate(contents)
    ]
    reader = Reader(application(*systems).test_client())
    query = "old=CodeSystem/part-0&new=CodeSystem/part-1"
    page = reader.text(f"/fhir/r5/diff?{query}")
    assert {row.split()[1] for row in rows(reader, query)} == changed
    assert "nothing has changed" not in page
    assert f"{count} only in one" in page if count else "fragment" not in page


def test_equal_versions_have_no_changes(reader: Reader) -> None:
    assert "nothing has changed" in reader.text(
        "/fhir/r5/diff?old=ValueSet/valueset-1&new=ValueSet/valueset-1"
    )


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("old=CodeSystem/codesystem-9&new=ValueSet/valueset-1", 400, "are not two resources of one type"),
        ("old=NamingSystem/a&new=NamingSystem/b", 400, "are not two resources of one type"),
        ("old=<script>&new=x", 400, "'<script>' and 'x' are not"),
        ("old=CodeSystem/none&new=CodeSystem/codesystem-9", 404, "none"),
    ],
)
def test_what_cannot_be_compared_is_refused(reader: Reader, query: str, status: int, text: str) -> None:
    assert text in reader.text(f"/fhir/r5/diff?{query}", status)


@pytest.mark.parametrize(
    ("kind", "ids"), [("CodeSystem", ("9", "10")), ("ValueSet", "12"), ("ConceptMap", "12")]
)
def test_no_more_codes_are_compared_than_a_page_may(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, kind: str, ids: tuple[str, str]
) -> None:
    monkeypatch.setattr(diff, "MOST_CODES", 1)
    old, new = (f"{kind}/{kind.lower()}-{id_}" for id_ in ids)
    assert "has more than 1 codes" in reader.text(f"/fhir/r5/diff?old={old}&new={new}", 422)


def test_a_code_system_whose_codes_are_not_here_is_not_compared() -> None:
    absent = [{**code_system("far", version=v), "content": "not-present", "id": f"far-{v}"} for v in "12"]
    reader = Reader(application(*absent).test_client())
    assert "has no list of its codes" in reader.text(
        "/fhir/r5/diff?old=CodeSystem/far-1&new=CodeSystem/far-2", 422
    )


def test_versions_are_compared_for_nobody_who_may_not_read_them(tmp_path: Path) -> None:
    key, entry = api_key("some", "system/ValueSet.rs")
    app = create_app(Settings(environment={}, auth=auth_file(tmp_path, keys=[entry])))
    address = "/fhir/r5/diff?old=CodeSystem/cpt&new=CodeSystem/cpt"
    assert "system/CodeSystem" in Reader(app.test_client(), {"X-API-Key": key}).text(address, 403)
    Reader(app.test_client()).text(address, 401)
