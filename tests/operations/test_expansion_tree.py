"""Which expansions are trees, and what stands beneath what."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Settings, Terminology
from tests.support.builders import BASE, body_of, code_system, concept, tx_resource, value_set
from tests.support.engine import catalogue_of

Json = dict[str, Any]
CAKES = f"{BASE}/cakes"
OLD = [{"code": "inactive", "valueBoolean": True}]
GROUP = [{"code": "notSelectable", "valueBoolean": True}]
# cake > [sponge (inactive) > [roll (inactive) > swiss, madeira], tart (a group) > apple]
CAKE_NAMES = code_system(
    CAKES,
    concept(
        "cake",
        "Cake",
        concept(
            "sponge",
            "Sponge",
            concept("roll", "Roll", concept("swiss", "Swiss roll"), property=OLD),
            concept("madeira", "Madeira"),
            property=OLD,
        ),
        concept("tart", "Tart", concept("apple", "Apple tart"), property=GROUP),
    ),
    version="1",
    property=[
        {"code": "inactive", "uri": "http://hl7.org/fhir/concept-properties#inactive", "type": "boolean"},
        {
            "code": "notSelectable",
            "uri": "http://hl7.org/fhir/concept-properties#notSelectable",
            "type": "boolean",
        },
    ],
)
ALL_CAKES = value_set("cakes", {"system": CAKES})
# A code with two parents.
BLENDS = code_system(
    f"{BASE}/blends",
    concept("tea"),
    concept("milk"),
    concept(
        "chai", property=[{"code": "parent", "valueCode": "tea"}, {"code": "parent", "valueCode": "milk"}]
    ),
    version="1",
    hierarchyMeaning="is-a",
    property=[{"code": "parent", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"}],
)
ALL_BLENDS = value_set("blends", {"system": BLENDS["url"]})
CATALOGUE = catalogue_of([CAKE_NAMES, BLENDS])
RELEASES = pytest.mark.parametrize("release", ["r4", "r4b", "r5"])


def shape(nodes: list[Json]) -> list[Any]:
    """Codes; a code with others beneath it is a list that begins with it."""
    return [[n["code"], *shape(n["contains"])] if "contains" in n else n["code"] for n in nodes]


def expanded(
    definition: Json, release: str = "r5", settings: Settings | None = None, **parameters: bool
) -> list[Any]:
    flags = [{"name": name, "valueBoolean": is_set} for name, is_set in parameters.items()]
    body = body_of({"name": "url", "valueUri": definition["url"]}, *flags, tx_resource(definition))
    terminology = Terminology(catalogue=CATALOGUE, settings=settings or Settings())
    answer = terminology.ask("ValueSet/$expand", body, release=release)
    return shape(answer["expansion"]["contains"])


# -- children of what is left out ----------------------------------------------------------------


@RELEASES
def test_a_child_is_beneath_its_nearest_ancestor_that_is_listed(release: str) -> None:
    without_inactive = [["cake", "swiss", "madeira", ["tart", "apple"]]]
    assert expanded(ALL_CAKES, release, activeOnly=True) == without_inactive
    assert expanded(ALL_CAKES | {"compose": {**ALL_CAKES["compose"], "inactive": False}}, release) == (
        without_inactive
    )
    whole = [["cake", ["sponge", ["roll", "swiss"], "madeira"], "apple"]]
    assert expanded(ALL_CAKES, release, excludeNotForUI=True) == whole
    assert expanded(ALL_CAKES, release, excludeNotForUI=True, activeOnly=True) == [
        ["cake", "swiss", "madeira", "apple"]
    ]


def test_what_the_definition_leaves_out_is_no_ancestor() -> None:
    below = value_set(
        "below", {"system": CAKES, "filter": [{"property": "concept", "op": "is-a", "value": "roll"}]}
    )
    assert expanded(below, activeOnly=True) == ["swiss"]
    of_two = [
        {"property": "concept", "op": "is-a", "value": "cake"},
        {"property": "concept", "op": "is-not-a", "value": "roll"},
    ]
    assert expanded(value_set("two", {"system": CAKES, "filter": of_two}), activeOnly=True) == [
        ["cake", "madeira", ["tart", "apple"]]
    ]


# -- trees and lists -----------------------------------------------------------------------------

FLAT = Settings(nested_expansions=False)


@RELEASES
def test_a_setting_chooses_where_nobody_says_excludeNested(release: str) -> None:
    nested, listed = expanded(ALL_CAKES, release), expanded(ALL_CAKES, release, FLAT)
    assert isinstance(nested[0], list)
    assert listed == ["cake", "sponge", "roll", "swiss", "madeira", "tart", "apple"]
    assert expanded(ALL_CAKES, release, FLAT, excludeNested=False) == nested
    assert expanded(ALL_CAKES, release, excludeNested=True) == listed


@RELEASES
@pytest.mark.parametrize("is_flat", [True, False])
def test_excludeNested_of_a_value_set_wins_over_the_setting(release: str, is_flat: bool) -> None:
    parts = [{"url": "name", "valueCode": "excludeNested"}, {"url": "value", "valueBoolean": is_flat}]
    url = "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter"
    own = ALL_CAKES | {"extension": [{"url": url, "extension": parts}]}
    for settings in (FLAT, Settings()):
        is_list = all(isinstance(node, str) for node in expanded(own, release, settings))
        assert is_list is is_flat
        # That of the request wins over both.
        answer = expanded(own, release, settings, excludeNested=not is_flat)
        assert all(isinstance(node, str) for node in answer) is not is_flat


@RELEASES
def test_a_code_with_several_parents_makes_an_expansion_flat(release: str) -> None:
    assert expanded(ALL_BLENDS, release) == ["tea", "milk", "chai"]
    assert expanded(ALL_BLENDS, release, excludeNested=False) == [["tea", "chai"], "milk"]
