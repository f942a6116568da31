"""Birds: a small code system, and a map from it, as rows of a release and as the same resources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from terminology.core.model import Document
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    MapGroup,
    MapRelease,
    MapRow,
    PropertyDeclaration,
)

URL = "http://example.org/CodeSystem/birds"
PROPERTIES = [
    PropertyDeclaration("legs", "integer"),
    PropertyDeclaration("song", "string", "http://example.org/song"),
    PropertyDeclaration("eats", "code"),
    PropertyDeclaration("weight", "decimal"),
    PropertyDeclaration("kept", "boolean"),
    PropertyDeclaration("unused", "string"),
]
USE = {"system": "http://example.org/use", "code": "nickname"}
LONG = "a song that is long " * 30
BIRDS = (
    ConceptRow("animal", "Animal", "Lives", abstract=True, properties=[("notSelectable", "boolean", True)]),
    ConceptRow("bird", "Bird", parents=["animal"], properties=[("legs", "integer", 2)]),
    ConceptRow(
        "owl",
        "Owl",
        "Sees at night",
        parents=["bird", "night"],
        designations=[("Eule", "de", None, None), ("Café-Kauz", "de", USE, None)],
        properties=[
            ("song", "string", "hoo"),
            ("eats", "code", "mouse"),
            ("weight", "decimal", Decimal("1.50")),
        ],
    ),
    ConceptRow("night", "Active at night", parents=["animal"]),
    ConceptRow(
        "barn-owl",
        "Barn owl",
        parents=["owl"],
        properties=[("song", "string", LONG), ("song", "string", "x")],
    ),
    ConceptRow(
        "mouse",
        "House mouse",
        parents=["animal"],
        properties=[("legs", "integer", 4), ("kept", "boolean", True)],
    ),
    ConceptRow(
        "dodo",
        "Dodo",
        parents=["bird"],
        inactive=True,
        status="retired",
        properties=[("status", "code", "retired")],
    ),
    ConceptRow("rock", "Rock"),
)


def release(version: str | None = "1.0", **more: Any) -> CodeSystemRelease:
    return CodeSystemRelease("test", more.pop("url", URL), version, properties=PROPERTIES, **more)


def document_of(made: CodeSystemRelease, rows: Iterable[ConceptRow]) -> Document:
    """The CodeSystem resource with the same content as a release and its rows."""
    declared = [{"code": p.code, "type": p.type, "uri": p.uri} for p in made.properties]
    return {
        "resourceType": "CodeSystem",
        "url": made.url,
        "version": made.version,
        "caseSensitive": made.case_sensitive,
        "content": made.content,
        "property": [{k: v for k, v in p.items() if v is not None} for p in declared],
        "concept": [_node(row) for row in rows],
    }


def _node(row: ConceptRow) -> Document:
    stated = [*row.properties, *(("parent", "code", parent) for parent in row.parents)]
    named = {"code": row.code, "display": row.display, "definition": row.definition}
    said = [
        {"value": value, "language": language, "use": use} | (rest or {})
        for value, language, use, rest in row.designations
    ]
    return {name: value for name, value in named.items() if value is not None} | {
        "designation": [{k: v for k, v in d.items() if v is not None} for d in said],
        "property": [{"code": c, "value" + t[0].upper() + t[1:]: v} for c, t, v in stated],
    }


MAP_URL = "http://example.org/ConceptMap/birds-to-fish"
FISH = "http://example.org/CodeSystem/fish"
ATTRIBUTE = "http://example.org/attribute/season"


def map_release(version: str = "1.0", **more: Any) -> MapRelease:
    header: Document = {
        "additionalAttribute": [{"code": "season", "uri": ATTRIBUTE, "type": "code"}],
        "property": [{"code": "flags", "uri": "http://example.org/flags", "type": "string"}],
    }
    groups = [MapGroup(URL, FISH), MapGroup(URL, "http://example.org/CodeSystem/frogs", unmapped=UNMAPPED)]
    return MapRelease("test", MAP_URL, version, groups=groups, header=header, **more)


UNMAPPED = {"mode": "fixed", "code": "frog", "display": "Some frog"}
MAPPINGS = (
    MapRow("owl", "cod", "related-to", "both look", "Owl", "Cod", properties=[("flags", "string", "10000")]),
    MapRow("owl", "eel", "source-is-narrower-than-target", depends_on=[("season", "code", "winter")]),
    MapRow("barn-owl", "eel", "equivalent", products=[("season", "code", "summer")], equivalence="equal"),
    MapRow("rock", no_map=True, comment="no animal"),
    MapRow("0A.1", "F-7", "equivalent"),
    MapRow("owl", "tree-frog", "related-to", group=1),
    MapRow("duck", "eel", "related-to", products=[("season", "code", "spring")]),
    MapRow("duck", "eel", "related-to", products=[("season", "code", "autumn")]),
)


def map_document(rows: Sequence[MapRow] = MAPPINGS) -> Document:
    """The ConceptMap resource with the same content as ``map_release`` and its rows."""
    made = map_release()
    groups: list[Document] = []
    for number, group in enumerate(made.groups):
        elements = [
            {"code": row.source, "noMap": row.no_map, "target": _targets(row)}
            | ({"display": row.source_display} if row.source_display is not None else {})
            | ({"extension": [{"url": NO_MAP_COMMENT, "valueString": row.comment}]} if row.no_map else {})
            for row in rows
            if row.group == number
        ]
        node: Document = {"source": group.source, "target": group.target, "element": elements}
        groups.append(node | ({"unmapped": group.unmapped} if group.unmapped else {}))
    own = {"resourceType": "ConceptMap", "url": made.url, "version": made.version, "status": "active"}
    return {**own, **made.header, "group": groups}


NO_MAP_COMMENT = (
    "http://hl7.org/fhir/4.0/StructureDefinition/extension-ConceptMap.group.element.target.comment"
)
WORD = "http://hl7.org/fhir/1.0/StructureDefinition/extension-ConceptMap.element.target.equivalence"


def _targets(row: MapRow) -> list[Document]:
    if row.target is None:
        return []
    target: Document = {
        "code": row.target,
        "display": row.target_display,
        "relationship": row.relationship,
        "comment": row.comment,
        "dependsOn": [{"attribute": c, "valueCode": v} for c, _, v in row.depends_on],
        "product": [{"attribute": c, "valueCode": v} for c, _, v in row.products],
        "property": [{"code": c, "valueString": v} for c, _, v in row.properties],
        "extension": [{"url": WORD, "valueCode": row.equivalence}] if row.equivalence else [],
    }
    return [{name: value for name, value in target.items() if value}]
