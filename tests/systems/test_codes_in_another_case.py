"""A code system in the store that does not say whether case matters: it finds a code in another case by an index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terminology.content.importers.fhir import FHIR
from terminology.core.model import Filter
from terminology.opening import open_loader
from terminology.store.artifacts import Artifact
from terminology.store.compile import compiler, indexing
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.indexed import IndexedCodeSystem
from tests.support.builders import BASE, code_system, concept
from tests.support.reporters import CollectingReporter
from tests.support.stores import serving

DOUGH = code_system(
    "dough",
    concept("Sour", "Sour", concept("Rye", property=[{"code": "like", "valueCode": "SOUR"}])),
    concept("plain", property=[{"code": "like", "valueCode": "rye"}]),
    concept("PLAIN", property=[{"code": "like", "valueCode": "plain"}]),
    concept("x-1 Y"),
    concept("straße"),
    version="1",
    property=[{"code": "like", "type": "code"}],
)
ASKED = ["Sour", "SOUR", "plain", "PLAIN", "Plain", "X-1 y", "STRASSE", "nothing", "-", "", "a\0b"]
FILTERS = [
    *(Filter("like", "=", code) for code in ("Sour", "sour", "RYE", "Plain", "PLAIN", "plain", "no")),
    *(Filter("like", "not-in", codes) for codes in ("sour, RYE", "Plain")),
    *(Filter("code", "in", codes) for codes in ("SOUR, rye", "Plain, PLAIN", "no")),
    *(Filter("concept", op, "SOUR") for op in ("is-a", "descendent-of", "child-of", "generalizes")),
    Filter("parent", "=", "sour"),
    Filter("child", "in", "RYE, plain"),
    *(Filter(role, "exists", value) for role in ("parent", "child") for value in ("true", "false")),
]
URL = f"{BASE}/dough"


@pytest.fixture(params=["new", "earlier"])
def stored(
    request: pytest.FixtureRequest, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[IndexedCodeSystem]:
    """The code system in a store, as it is compiled now and as an earlier version compiled it."""
    if request.param == "earlier":
        monkeypatch.setattr(compiler, "HAS_FOLDED", "something else")
        monkeypatch.setattr(compiler, "BELOW", "something else again")
        monkeypatch.setattr(indexing, "FOLDED", 9)
    (tmp_path / "dough.json").write_text(json.dumps(DOUGH))
    loader = open_loader(place)
    loader.load(FHIR, [tmp_path / "dough.json"], CollectingReporter())
    loader.close()
    served = serving(place)
    system = served.catalogue().system(URL)
    assert isinstance(system, IndexedCodeSystem)
    yield system
    served.close()


def test_a_code_in_another_case_is_found_as_in_memory(stored: IndexedCodeSystem) -> None:
    kept = DocumentCodeSystem(DOUGH)
    for code in ASKED:
        assert stored.locate(code) == kept.locate(code), code
        assert stored.describe([code]) == kept.describe([code]), code
        assert (code in stored.select()) is (code in kept.select()), code
    assert stored.describe(ASKED) == kept.describe(ASKED)
    assert [c.code for c in stored.select().among(ASKED)] == ["Sour", "plain", "PLAIN", "x-1 Y", "straße"]
    assert stored.subsumes("SOUR", "rye") and not stored.subsumes("rye", "SOUR")


@pytest.mark.parametrize("filter_", FILTERS, ids=lambda f: f"{f.property} {f.op} {f.value}")
def test_filters_on_codes_choose_as_in_memory(stored: IndexedCodeSystem, filter_: Filter) -> None:
    kept = DocumentCodeSystem(DOUGH)
    chosen = [concept.code for concept in kept.select([filter_])]
    assert [concept.code for concept in stored.select([filter_])] == chosen


def test_an_unknown_code_does_not_read_all_codes(
    stored: IndexedCodeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_keys(*_: Any) -> Any:
        raise AssertionError("all keys are read")

    monkeypatch.setattr(Artifact, "keys", no_keys)
    assert [stored.locate(code) for code in ("nothing", "Nothing", "No such")] == [None] * 3
    assert str(getattr(stored.locate("SOUR"), "code", None)) == "Sour"
