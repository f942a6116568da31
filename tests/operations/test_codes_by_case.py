"""Who compares codes, and whether case counts: the same in memory and in a store.

Each row of ``COMPARISONS`` asks with a code in another case, or asks a resource that writes it so. The code means the
concept where ``caseSensitive`` is false, or is not said and no code is written exactly so; not where it is true.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from terminology import Settings, Terminology, TerminologyError
from terminology.catalogue.content import Content
from terminology.content.importers.fhir import FHIR
from terminology.opening import ServedContent, open_loader
from tests.support.asking import value, values
from tests.support.builders import BASE, body_of, code_system, coding, concept, concept_map, value_set
from tests.support.pets import Json, of, read, several, text
from tests.support.reporters import CollectingReporter
from tests.support.stores import ENGINES, empty

DOUGH, BIN, MAP = f"{BASE}/dough", f"{BASE}/bin", f"{BASE}/ConceptMap/baking"
CASES: dict[str, Json] = {"false": {"caseSensitive": False}, "not said": {}, "true": {"caseSensitive": True}}
TO_BAG = {"code": "Bag", "relationship": "equivalent"}


def resources(case: Json) -> list[Json]:
    """The code systems, value sets and maps that are asked; only ``Sour``, ``Rye`` and ``Bag`` are written so."""
    like = {"code": "like", "type": "code"}
    dough = code_system(
        DOUGH,
        concept("Sour", "Sour dough", concept("Rye", property=[{"code": "like", "valueCode": "Sour"}])),
        concept("Oat", property=[{"code": "like", "valueCode": "RYE"}]),
        version="1",
        property=[like],
        id="dough",
        **case,
    )
    more = code_system(
        "more",
        concept(
            "SOUR",
            designation=[{"value": "Sauer", "language": "de"}],
            property=[{"code": "ph", "valueInteger": 4}],
        ),
        content="supplement",
        supplements=DOUGH,
        property=[{"code": "ph", "type": "integer"}],
        version="1",
    )
    bins = code_system(BIN, concept("Bag"), concept("Box"), version="1", id="bin", **case)
    listed = {"system": DOUGH, "concept": [{"code": "SOUR", "display": "The sour one"}]}
    sets = [
        value_set("all", {"system": DOUGH}),
        value_set("listed", listed),
        value_set("exact", {"system": DOUGH, "concept": [{"code": "Sour"}]}),
        value_set("imported", {"system": DOUGH, "valueSet": [f"{BASE}/vs/listed"]}),
        value_set("excluded", {"system": DOUGH}, exclude=[listed]),
        value_set("supplemented", {"system": DOUGH, "filter": [{"property": "ph", "op": "=", "value": "4"}]}),
        *(
            value_set(
                f"{property_}-{op}",
                {"system": DOUGH, "filter": [{"property": property_, "op": op, "value": v}]},
            )
            for property_, op, v, _ in FILTERS
        ),
    ]
    conditional = {**TO_BAG, "dependsOn": [{"attribute": "dough", "valueCoding": of("Sour", DOUGH)}]}
    maps = [
        concept_map(
            "baking",
            DOUGH,
            BIN,
            [{"code": "Sour", "target": [TO_BAG]}],
            group={"unmapped": {"mode": "fixed", "code": "Box", "relationship": "related-to"}},
        ),
        concept_map(
            "boxing", DOUGH, BIN, [{"code": "Oat", "target": [{"code": "Box", "relationship": "equivalent"}]}]
        ),
        concept_map("shouted", DOUGH, BIN, [{"code": "RYE", "target": [{**TO_BAG, "code": "BAG"}]}]),
        concept_map(
            "conditional",
            DOUGH,
            BIN,
            [{"code": "Oat", "target": [conditional]}],
            additionalAttribute=[{"code": "dough", "uri": f"{BASE}/of", "type": "Coding"}],
        ),
    ]
    made = [dough, more, bins, *sets, *maps]
    return [{"id": str(n), "version": "1", **one} for n, one in enumerate(made)]


# Property, operator and value of a filter, and the codes that it chooses if case does not count.
FILTERS: list[tuple[str, str, str, list[str]]] = [
    ("code", "=", "SOUR", ["Sour"]),
    ("code", "in", "SOUR, rye", ["Sour", "Rye"]),
    ("concept", "not-in", "SOUR, rye", ["Oat"]),
    ("concept", "is-a", "SOUR", ["Sour", "Rye"]),
    ("concept", "is-not-a", "SOUR", ["Oat"]),
    ("concept", "descendent-of", "SOUR", ["Rye"]),
    ("concept", "child-of", "SOUR", ["Rye"]),
    ("concept", "descendent-leaf", "SOUR", ["Rye"]),
    ("concept", "generalizes", "rye", ["Sour", "Rye"]),
    ("parent", "=", "SOUR", ["Rye"]),
    ("child", "in", "rye", ["Sour"]),
    ("like", "=", "rye", ["Oat"]),
    ("like", "in", "SOUR", ["Rye"]),
]


@dataclass
class Place:
    """A server with the resources, in memory or in a store."""

    server: Terminology

    def ask(self, operation: str, *parameters: Json, **named: Any) -> Json:
        parts = [*parameters, *(text(name, given) for name, given in named.items())]
        return self.server.ask(operation, body_of(*parts))

    def expand(self, name: str, **named: str) -> list[str]:
        flat = {"name": "excludeNested", "valueBoolean": True}
        url = name if ":" in name else f"{BASE}/vs/{name}"
        answer = self.ask("ValueSet/$expand", flat, url=url, **named)
        return sorted(entry["code"] for entry in answer["expansion"].get("contains", []))

    def in_set(self, name: str, code: str, normal: bool = True) -> bool:
        answer = read(self.ask("ValueSet/$validate-code", coding(code, DOUGH), url=f"{BASE}/vs/{name}"))
        return _is_noted(answer) if normal and answer["result"] else bool(answer["result"])

    def in_system(self, *parts: Json, **named: str) -> bool:
        answer = read(self.ask("CodeSystem/$validate-code", *parts, url=DOUGH, **named))
        return _is_noted(answer) if answer["result"] else False

    def translate(self, map_: str, code: str, system: str = DOUGH, **more: Any) -> list[str | None]:
        reverse = more.pop("reverse", False)
        name, found = ("targetCoding", "source") if reverse else ("sourceCoding", "concept")
        part = {"name": name, "valueCoding": of(code, system)}
        answer = self.ask(
            "ConceptMap/$translate", part, *more.pop("parts", ()), url=f"{BASE}/ConceptMap/{map_}"
        )
        return [value(match, found)["code"] for match in values(answer, "match")]


def _is_noted(answer: Json) -> bool:
    """The answer names the normal form and has HL7's note on case."""
    assert answer["normalized-code"] == "Sour"
    assert any(issue.startswith("information code-rule") for issue in answer["issues"])
    return True


def _closure(place: Place) -> bool:
    place.ask("$closure", name="table")
    concepts = [{"name": "concept", "valueCoding": of(code, DOUGH)} for code in ("Sour", "rye", "SOUR")]
    answer = place.ask("$closure", *concepts, name="table")
    [group] = answer["group"]
    [element] = group["element"]
    return (element["code"], element["target"][0]["code"]) == ("Rye", "Sour")


def _found(place: Place, property_: str, sought: str, code: str) -> bool:
    part = {
        "name": "property",
        "part": [text("code", property_), {"name": "value", "valueCode": sought}],
    }
    exact = {"name": "exact", "valueBoolean": True}
    answer = place.ask("CodeSystem/$find-matches", exact, part, system=DOUGH)
    found = [value(match, "code") for match in values(answer, "match")]
    return [one["code"] for one in found] == [code]


def _depends(value_: Json) -> Json:
    return {"name": "dependency", "part": [text("attribute", "dough"), {"name": "value", **value_}]}


def _searched(place: Place, kind: str, **query: str) -> bool:
    return len(place.server.search(kind, **query)) > 0


Comparison = Callable[[Place], bool]


def _lists(name: str, codes: list[str]) -> Comparison:
    return lambda place: place.expand(name) == sorted(codes)


def _has(name: str, codes: list[str]) -> Comparison:
    """Of all codes, as they are written, the value set has these."""
    return lambda place: [c for c in ("Sour", "Rye", "Oat") if place.in_set(name, c, False)] == codes


COMPARISONS: dict[str, Comparison] = {
    "$lookup": lambda p: value(p.ask("CodeSystem/$lookup", system=DOUGH, code="SOUR"), "code") == "Sour",
    "CodeSystem $validate-code, code": lambda p: p.in_system(code="SOUR"),
    "CodeSystem $validate-code, coding": lambda p: p.in_system(coding("SOUR", DOUGH)),
    "CodeSystem $validate-code, codeableConcept": lambda p: p.in_system(several(of("SOUR", DOUGH))),
    "ValueSet $validate-code, whole system": lambda p: p.in_set("all", "SOUR"),
    "ValueSet $validate-code, enumeration": lambda p: p.in_set("exact", "sour"),
    "ValueSet $validate-code, enumeration in another case": lambda p: p.in_set("listed", "Sour", False),
    "ValueSet $validate-code, import": lambda p: p.in_set("imported", "Sour", False),
    "ValueSet $validate-code, exclude": lambda p: not p.in_set("excluded", "Sour", False),
    "$expand, enumeration": lambda p: p.expand("listed") == ["Sour"],
    "$expand, import": lambda p: p.expand("imported") == ["Sour"],
    "$expand, exclude": lambda p: p.expand("excluded") == ["Oat", "Rye"],
    **{f"$expand, filter {p} {op}": _lists(f"{p}-{op}", codes) for p, op, _, codes in FILTERS},
    **{f"ValueSet $validate-code, filter {p} {op}": _has(f"{p}-{op}", codes) for p, op, _, codes in FILTERS},
    "$subsumes": lambda p: (
        read(p.ask("CodeSystem/$subsumes", system=DOUGH, codeA="SOUR", codeB="rye"))["outcome"] == "subsumes"
    ),
    "$find-matches, a property": lambda p: _found(p, "like", "SOUR", "Rye"),
    "$find-matches, the code": lambda p: _found(p, "code", "SOUR", "Sour"),
    "$find-matches, the parent": lambda p: _found(p, "parent", "SOUR", "Rye"),
    "$closure": _closure,
    "implicit value set, $expand": lambda p: p.expand(f"{DOUGH}?fhir_vs=isa/SOUR") == ["Rye", "Sour"],
    "supplement, designation": lambda p: (
        "Sauer" in str(p.ask("CodeSystem/$lookup", system=DOUGH, code="Sour", useSupplement=f"{BASE}/more"))
    ),
    "supplement, filter": lambda p: p.expand("supplemented", useSupplement=f"{BASE}/more") == ["Sour"],
    "$translate, source, before unmapped": lambda p: p.translate("baking", "SOUR") == ["Bag"],
    "$translate, source in another case": lambda p: p.translate("shouted", "Rye") == ["BAG"],
    "$translate, target": lambda p: p.translate("baking", "BAG", BIN, reverse=True) == ["Sour"],
    "$translate, target in another case": lambda p: (
        p.translate("shouted", "Bag", BIN, reverse=True) == ["RYE"]
    ),
    "$translate, dependsOn a Coding": lambda p: (
        p.translate("conditional", "Oat", parts=[_depends({"valueCoding": of("SOUR", DOUGH)})]) == ["Bag"]
    ),
    "search, ValueSet?code=": lambda p: _searched(p, "ValueSet", code=f"{DOUGH}|sour"),
    "search, ConceptMap?source-code=": lambda p: _searched(p, "ConceptMap", source_code=f"{DOUGH}|SOUR"),
    "search, ConceptMap?target-code=": lambda p: _searched(p, "ConceptMap", target_code=f"{BIN}|BOx"),
    "search, CodeSystem?code=": lambda p: _searched(p, "CodeSystem", code=f"{DOUGH}|SOUR"),
}


@pytest.fixture(
    scope="module", params=[f"{where}, {case}" for where in ("memory", *ENGINES) for case in CASES]
)
def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Place, str]]:
    where, case = request.param.split(", ")
    documents = resources(CASES[case])
    if where == "memory":
        yield Place(Terminology(catalogue=Content(documents))), case
        return
    folder = tmp_path_factory.mktemp("resources")
    for number, document in enumerate(documents):
        (folder / f"{number:02}.json").write_text(json.dumps(document))
    store = empty(where, request, tmp_path_factory.mktemp("store"))
    loader = open_loader(store)
    loader.load(FHIR, [folder], CollectingReporter())
    loader.close()
    serving = ServedContent(Settings(environment={}, bundled=False, data="", store=store), Content())
    yield Place(Terminology(catalogue=serving.catalogue())), case
    serving.close()


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_a_code_in_another_case_is_the_concept_unless_case_counts(
    asked: tuple[Place, str], comparison: str
) -> None:
    place, case = asked
    try:
        is_same = COMPARISONS[comparison](place)
    except TerminologyError:
        is_same = False
    assert is_same is (case != "true")
