"""How much of its sources a map covers."""

from __future__ import annotations

import pytest

from terminology import create_app
from terminology.core.model import Document
from terminology.pages.coverage import BAR, bar
from tests.support.builders import code_system, concept, concept_map, tree
from tests.support.pages import Reader, application, words


def test_the_parts_of_a_bar_fill_it_and_none_is_empty() -> None:
    parts = bar([("a", "A", 1), ("b", "B", 0), ("c", "C", 3)])
    assert [(p.name, p.number, p.start, p.width) for p in parts] == [
        ("a", 1, 0, BAR / 4),
        ("c", 3, BAR / 4, BAR * 3 / 4),
    ]
    assert bar([]) == bar([("a", "A", 0)]) == []


def page_of(*elements: Document) -> str:
    abstract = concept(
        "top",
        "Top",
        *(tree(code) for code in "abcd"),
        property=[{"code": "notSelectable", "valueBoolean": True}],
    )
    codes = code_system("s", abstract, id="s", property=[{"code": "notSelectable", "type": "boolean"}])
    reader = Reader(application(codes, concept_map("m", "s", "t", elements, id="m")).test_client())
    return words(reader.page("/fhir/r5/ConceptMap/m").get_element_by_id("main"))


def target(relationship: str) -> list[Document]:
    return [{"code": "x", "relationship": relationship}]


def test_codes_that_the_map_does_not_name_are_counted_and_listed() -> None:
    text = page_of(
        {"code": "a", "target": target("equivalent")},
        {"code": "b", "noMap": True},
        {"code": "c", "target": target("not-related-to")},
    )
    assert "75 % of the 4 codes" in text, "the abstract one is no code that a record has"
    assert "1 have a translation" in text and "2 have none, and the map says so" in text
    assert "The 1 code that the map does not name d D" in text


def test_a_map_whose_sources_are_not_here_has_no_coverage() -> None:
    reader = Reader(
        application(
            concept_map("m", "s", "t", [{"code": "a", "target": target("equivalent")}], id="m")
        ).test_client()
    )
    text = words(reader.page("/fhir/r5/ConceptMap/m").get_element_by_id("main"))
    assert "Mappings by relationship" in text and "%" not in text


@pytest.mark.parametrize("name", ["conization-to-cpt", "cpt-to-icd-10-pcs"])
def test_the_coverage_is_that_of_the_declared_scope(name: str) -> None:
    client = create_app().test_client()
    map_ = client.get(f"/fhir/r5/ConceptMap/{name}").get_json()
    expanded = client.get(
        f"/fhir/r5/ValueSet/$expand?url={map_['sourceScopeCanonical']}&count=1000&excludeNested=true"
    )
    codes = {c["code"] for c in expanded.get_json()["expansion"]["contains"] if not c.get("abstract")}
    named = {element["code"] for group in map_["group"] for element in group["element"]}
    text = words(Reader(client).page(f"/fhir/r5/ConceptMap/{name}").get_element_by_id("main"))
    assert f"{100 * len(codes & named) // len(codes)} % of the {len(codes)} codes" in text
