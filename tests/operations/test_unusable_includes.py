"""A value set with an include or exclude that cannot be read: what can still be said of a code."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from tests.support.asking import value
from tests.support.builders import BASE, body_of, code_system, coding, tree, tx_resource, value_set
from tests.support.engine import catalogue_of

Json = dict[str, Any]
PARTS, FOODS = f"{BASE}/parts", f"{BASE}/foods"
CATALOGUE = catalogue_of(
    [
        code_system(PARTS, tree("car", tree("wheel")), tree("bike"), hierarchyMeaning="part-of", version="1"),
        code_system(FOODS, tree("food", tree("bread")), version="1"),
    ]
)
RELEASES = pytest.mark.parametrize("release", ["r4", "r4b", "r5"])


def below(system: str, code: str) -> Json:
    return {"system": system, "filter": [{"property": "concept", "op": "is-a", "value": code}]}


# is-a on a hierarchy that is none, and of a code that is not there.
UNUSABLE = pytest.mark.parametrize(
    "include", [below(PARTS, "car"), below(FOODS, "gone")], ids=["part-of", "gone"]
)


def asked(operation: str, definition: Json, *parameters: Json, release: str = "r5") -> Json:
    body = body_of({"name": "url", "valueUri": definition["url"]}, *parameters, tx_resource(definition))
    return Terminology(catalogue=CATALOGUE).ask(f"ValueSet/${operation}", body, release=release)


@RELEASES
@UNUSABLE
@pytest.mark.parametrize("is_imported", [False, True])
def test_a_code_that_another_include_has_is_valid(release: str, include: Json, is_imported: bool) -> None:
    system, code = include["system"], {PARTS: "bike", FOODS: "bread"}[include["system"]]
    mixed = value_set("mixed", include, {"system": system, "concept": [{"code": code}]})
    outer = value_set("outer", {"valueSet": [mixed["url"]]}) if is_imported else mixed
    answer = asked("validate-code", outer, coding(code, system), tx_resource(mixed), release=release)
    assert value(answer, "result") is True


@RELEASES
@UNUSABLE
def test_a_code_that_no_other_has_is_not_judged(release: str, include: Json) -> None:
    system, code = include["system"], {PARTS: "wheel", FOODS: "bread"}[include["system"]]
    mixed = value_set("mixed", include, {"system": system, "concept": [{"code": "car"}, {"code": "food"}]})
    with pytest.raises(TerminologyError, match="concept is-a|is-a"):
        asked("validate-code", mixed, coding(code, system), release=release)
    with pytest.raises(TerminologyError, match="is-a"):
        asked("expand", mixed, release=release)


def test_an_exclude_that_cannot_be_read_judges_every_member() -> None:
    less = value_set("less", {"system": FOODS}, exclude=[below(FOODS, "gone")])
    with pytest.raises(TerminologyError, match="gone"):
        asked("validate-code", less, coding("bread", FOODS))


def test_an_unknown_code_is_wrong_whatever_the_filters_say() -> None:
    answer = asked("validate-code", value_set("g", below(FOODS, "gone")), coding("cake", FOODS))
    assert value(answer, "result") is False


@RELEASES
@UNUSABLE
@pytest.mark.parametrize("is_imported", [False, True])
def test_an_unusable_exclude_is_told_where_nothing_is_included(
    release: str, include: Json, is_imported: bool
) -> None:
    nothing = {"system": FOODS, "concept": [{"code": "not there"}]}
    inner = value_set("inner", nothing, exclude=[include])
    outer = value_set("outer", {"valueSet": [inner["url"]]}) if is_imported else inner
    with pytest.raises(TerminologyError, match="is-a"):
        asked("expand", outer, tx_resource(inner), release=release)
