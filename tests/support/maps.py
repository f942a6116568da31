"""Maps: three concept maps that are small enough to see through, with their code systems and value sets."""

from __future__ import annotations

from typing import Any

from terminology.core.model import Document
from tests.support.builders import code_system, concept, concept_map, value_set

HERE = "http://example.org/here"
THERE = "http://example.org/there"
BEYOND = "http://example.org/beyond"
BASE = "http://example.org/ConceptMap/"


def map_of(id_: str, source: str, target: str, elements: list[Document], **more: Any) -> Document:
    """A ConceptMap with an id, version 1.0."""
    return concept_map(BASE + id_, source, target, elements, **{"id": id_, "version": "1.0", **more})


def to(code: str, relationship: str = "equivalent", **more: Any) -> Document:
    return {"code": code, "relationship": relationship} | more


def on(attribute: str, **value_: Any) -> Document:
    return {"attribute": attribute, **value_}


ATTRIBUTES = [
    {"code": "technique", "uri": "http://example.org/technique", "type": "code"},
    {"code": "guided", "uri": "http://example.org/guided", "type": "boolean"},
]
CODES = {
    HERE: ["plain", "wide", "many", "none", "not", "cond", "retired", "elsewhere", "67.2", "unlisted"],
    THERE: ["P", "W", "M1", "M2", "N", "C1", "C2"],
}
RETIRED = concept(
    "retired",
    property=[
        {"code": "inactive", "valueBoolean": True},
        {"code": "replacedBy", "valueCode": "plain"},
    ],
)
SYSTEMS: list[Document] = [
    code_system(
        HERE,
        *(concept(code, code.title()) for code in CODES[HERE] if code != "retired"),
        RETIRED,
        id="here",
        version="1",
        property=[{"code": "replacedBy", "type": "code"}],
    ),
    code_system(
        THERE,
        *(
            concept(code, f"There {code}", designation=[{"language": "de", "value": f"Dort {code}"}])
            for code in CODES[THERE]
        ),
        id="there",
        version="1",
        language="en",
    ),
]
VALUE_SETS: list[Document] = [
    value_set(
        "http://example.org/ValueSet/some",
        {"system": THERE, "concept": [{"code": "M1"}, {"code": "P"}]},
        id="some",
    ),
    value_set("http://example.org/ValueSet/few", {"system": HERE, "concept": [{"code": "plain"}]}, id="few"),
]
ELEMENTS: list[Document] = [
    {"code": "plain", "target": [to("P")]},
    {"code": "wide", "target": [to("W", "source-is-narrower-than-target", display="As the map says")]},
    {"code": "many", "target": [to("M2", "related-to"), to("M1")]},
    {
        "code": "none",
        "noMap": True,
        "extension": [
            {
                "url": "http://hl7.org/fhir/4.0/StructureDefinition/extension-ConceptMap.group.element.target.comment",
                "valueString": "there is nothing like it",
            }
        ],
    },
    {"code": "not", "target": [to("N", "not-related-to", comment="a look-alike")]},
    {
        "code": "cond",
        "target": [
            to("C1", dependsOn=[on("technique", valueCode="knife"), on("technique", valueCode="laser")]),
            to("C2", dependsOn=[on("technique", valueCode="loop"), on("guided", valueBoolean=True)]),
        ],
    },
    {"code": "67.2", "target": [to("P", product=[on("technique", valueCode="knife")])]},
]
MAPS = [
    map_of("main", HERE, THERE, ELEMENTS, additionalAttribute=ATTRIBUTES),
    map_of("second", HERE, THERE, [{"code": "plain", "target": [to("P", "related-to")]}]),
    map_of("away", HERE, BEYOND, [{"code": "elsewhere", "target": [to("B")]}]),
]
