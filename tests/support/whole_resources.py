"""Resources that fit together, with every element that FHIR gives them, in the shape of a release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from terminology.wire.fhir_versions import RELEASES
from terminology.wire.xml_elements import XmlElement, XmlTypes, table_of
from tests.support.builders import BASE
from tests.support.conization import CPT

Json = dict[str, Any]

_DEEPEST = 3
_PRIMITIVES: dict[str, Any] = {
    "boolean": True,
    "integer": 1,
    "positiveInt": 1,
    "unsignedInt": 1,
    "decimal": 1.5,
    "integer64": "1",
    "date": "2020-01-01",
    "dateTime": "2020-01-01",
    "instant": "2020-01-01T00:00:00Z",
    "time": "10:00:00",
    "uri": f"{BASE}/x",
    "url": f"{BASE}/x",
    "canonical": f"{BASE}/x",
    "base64Binary": "eA==",
    "xhtml": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>',
}
# Of these the first of several types of value[x] is enough: every type is in an Extension.
_OPEN = ("value", "defaultValue", "fixed", "pattern", "minValue", "maxValue")
_REAL: list[Json] = [
    {
        "resourceType": "CodeSystem",
        "id": "cs",
        "url": f"{BASE}/cs",
        "version": "1",
        "status": "active",
        "content": "complete",
        "caseSensitive": False,
        "hierarchyMeaning": "is-a",
        "language": "en",
        "valueSet": f"{BASE}/vs-all",
        "property": [
            {"code": "p", "type": "code"},
            {"code": "parent", "uri": "http://hl7.org/fhir/concept-properties#parent"},
        ],
        "filter": [{"code": "concept", "operator": ["is-a"], "value": "a code"}],
        "concept": [
            {
                "code": "a",
                "display": "A word",
                "definition": "The first",
                "designation": [{"language": "de", "use": {"code": "u"}, "value": "Ein Wort"}],
                "concept": [{"code": "b", "display": "B", "property": [{"code": "p", "valueCode": "a"}]}],
            },
            {"code": "c", "property": [{"code": "inactive", "valueBoolean": True}]},
        ],
    },
    {
        "resourceType": "CodeSystem",
        "url": f"{BASE}/supplement",
        "status": "active",
        "content": "supplement",
        "supplements": f"{BASE}/cs",
        "concept": [{"code": "a", "designation": [{"language": "fr", "value": "Mot"}]}],
    },
    {
        "resourceType": "ValueSet",
        "id": "vs",
        "url": f"{BASE}/vs",
        "version": "1",
        "status": "active",
        "compose": {
            "inactive": True,
            "include": [
                {
                    "system": f"{BASE}/cs",
                    "version": "1",
                    "filter": [{"property": "concept", "op": "is-a", "value": "a"}],
                },
                {
                    "system": CPT,
                    "concept": [
                        {"code": "57520", "display": "x", "designation": [{"language": "de", "value": "y"}]}
                    ],
                },
                {"valueSet": [f"{BASE}/vs2"]},
            ],
            "exclude": [{"system": f"{BASE}/cs", "concept": [{"code": "c"}]}],
        },
    },
    {
        "resourceType": "ValueSet",
        "url": f"{BASE}/vs2",
        "status": "active",
        "expansion": {
            "timestamp": "2020-01-01",
            "total": 2,
            "parameter": [{"name": "used-codesystem", "valueUri": f"{BASE}/cs|1"}],
            "contains": [
                {
                    "system": f"{BASE}/cs",
                    "code": "a",
                    "contains": [{"system": f"{BASE}/cs", "code": "b", "display": "B"}],
                }
            ],
        },
    },
    {
        "resourceType": "ConceptMap",
        "id": "cm",
        "url": f"{BASE}/cm",
        "status": "active",
        "sourceScopeUri": f"{BASE}/vs",
        "targetScopeUri": f"{BASE}/vs2",
        "group": [
            {
                "source": f"{BASE}/cs",
                "target": CPT,
                "element": [
                    {"code": "a", "target": [{"code": "57520", "relationship": "equivalent"}]},
                    {"code": "c", "noMap": True},
                ],
                "unmapped": {"mode": "fixed", "code": "x", "relationship": "related-to"},
            }
        ],
    },
    {
        "resourceType": "NamingSystem",
        "name": "N",
        "status": "active",
        "kind": "codesystem",
        "uniqueId": [
            {"type": "oid", "value": "1.2.3"},
            {"type": "uri", "value": f"{BASE}/cs", "preferred": True},
        ],
    },
]
# Elements that would turn a resource into another, or exclude one that it has.
_LEFT_OUT = {
    "resource",
    "contained",
    "sourceScopeCanonical",
    "targetScopeCanonical",
    "sourceCanonical",
    "targetCanonical",
    "supplements",
    "lockedDate",
    "expansion",
    "compose",
    "implicitRules",
}
_R4_NAMES = {"relationship": "equivalence", "sourceScopeUri": "sourceUri", "targetScopeUri": "targetUri"}


@cache
def resources(release: str) -> Sequence[Json]:
    """Resources that fit together, with every element of their types."""
    table = table_of(RELEASES[release].is_r4)
    real = [_renamed(resource) if RELEASES[release].is_r4 else resource for resource in _REAL]
    return [_filled(table, resource["resourceType"], resource, 0) for resource in real]


def _renamed(node: Any) -> Any:
    """In the words of R4."""
    if isinstance(node, list):
        return [_renamed(item) for item in node]
    if not isinstance(node, dict):
        return node
    words = {"related-to": "relatedto"}
    renamed = {_R4_NAMES.get(name, name): _renamed(value) for name, value in node.items() if name != "noMap"}
    if "noMap" in node:
        renamed["target"] = [{"equivalence": "unmatched"}]
    return {
        name: words.get(value, value) if isinstance(value, str) else value for name, value in renamed.items()
    }


def _filled(table: XmlTypes, type_: str, node: Json, depth: int) -> Json:
    """The node with the elements that it lacks."""
    shape, filled = table.shape(type_), dict(node)
    for element in _chosen(table, type_, node, depth):
        if element.name in filled:
            value = filled[element.name]
            if not element.is_primitive and element.type != "Resource":
                items = value if isinstance(value, list) else [value]
                kept = [_filled(table, element.type, item, depth + 1) for item in items]
                filled[element.name] = kept if isinstance(value, list) else kept[0]
        elif depth < _DEEPEST:
            one = _filler(table, element, depth)
            filled[element.name] = [one] if element.repeats else one
    return filled | {name: "i" for name in shape.attributes if name not in filled}


def _chosen(table: XmlTypes, type_: str, node: Json, depth: int) -> Iterator[XmlElement]:
    choices: set[str] = set()
    own = [name for name in node if name.startswith("value")]
    for element in table.shape(type_).elements.values():
        choice = next(
            (c for c in _OPEN if element.name.startswith(c) and element.name[len(c) :][:1].isupper()), None
        )
        if element.name == "valueSet":
            choice = None
        if element.name in node:
            yield element
        elif element.name in _LEFT_OUT or (element.type.startswith(type_) and element.type == type_):
            continue
        elif choice is not None and (choice in choices or own):
            continue
        elif element.name == "extension" and depth > 1:
            continue
        else:
            if choice is not None:
                choices.add(choice)
            yield element


def _filler(table: XmlTypes, element: XmlElement, depth: int) -> Any:
    if element.type == "Resource":
        return {"resourceType": "Basic"}
    if element.is_primitive:
        return _PRIMITIVES.get(element.type, "x")
    return _filled(table, element.type, {}, depth + 1)
