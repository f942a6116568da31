"""What an older release carries for R5, and that the table of it is what HL7's definitions say."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from terminology.core.model import Document
from terminology.wire import r4
from terminology.wire.crossversion import ONLY_IN_R5, SHAPES, URL, WORDS, Element, Shape


def there_and_back(
    document: Document, there: Callable[[Document], Document], back: Callable[[Document], Document]
) -> Document:
    """The document after both conversions, of which neither may change what it is given."""
    before = deepcopy(document)
    converted = there(document)
    between = deepcopy(converted)
    result = back(converted)
    assert (document, converted) == (before, between)
    return result


OWN = {"url": "http://example.org/own", "valueString": "own"}
SAMPLES: dict[str, Any] = {
    "string": "a",
    "markdown": "*a*",
    "code": "a",
    "uri": "http://a",
    "canonical": "http://a|1",
    "boolean": False,
    "date": "2024-02-29",
    "integer": 0,
    "decimal": Decimal("1.50"),
    "dateTime": "2024-02",
    "Period": {"start": "2024"},
    "Coding": {"system": "http://s", "code": "a"},
    "CodeableConcept": {"text": "a"},
    "ContactDetail": {"name": "a"},
    "Identifier": {"value": "a"},
    "Reference": {"reference": "X/1"},
    "Quantity": {"value": Decimal("1.0")},
    "RelatedArtifact": {
        "type": "cites",
        "classifier": [{"text": "a"}],
        "publicationStatus": "active",
        "label": "b",
    },
    "BackboneElement": {"id": "x", "extension": [OWN]},
}
ROWS = sorted(path for path in ONLY_IN_R5 if not path.startswith("RelatedArtifact."))


def samples_of(path: str) -> Iterator[tuple[str, Any]]:
    """Each JSON key of the element at this path, with a value."""
    name, type_ = path.rpartition(".")[2], ONLY_IN_R5[path]
    for each in type_.rstrip("*").split("|"):
        key = name.replace("[x]", each[0].upper() + each[1:])
        yield key, [SAMPLES[each]] * 2 if type_.endswith("*") else SAMPLES[each]


def around(path: str, node: Document) -> Document:
    """The resource with this node as the parent of ``path``; all above it have an extension already."""
    kind, *steps = path.split(".")[:-1]
    for depth in range(len(steps), 0, -1):
        many = ONLY_IN_R5.get(".".join([kind, *steps[:depth]]), "*").endswith("*")
        node = {"extension": [OWN], steps[depth - 1]: [node] if many else node}
    return {"resourceType": kind, **node}


@pytest.mark.parametrize("path", ROWS)
def test_an_element_that_only_r5_has_travels_in_its_extension(path: str) -> None:
    for key, value in samples_of(path):
        document = around(path, {"extension": [OWN], key: value})
        urls = set(_urls(r4.downgrade(document)))
        if not (
            path.endswith("dependsOn.value[x]") and key in ("valueString", "valueCoding")
        ):  # R4 can say it
            assert extension_url(path) in urls
        assert there_and_back(document, r4.downgrade, r4.upgrade) == document


def extension_url(path: str) -> str:
    """Within a BackboneElement that only R5 has it is the plain name."""
    parent, name = path.rpartition(".")[0], path.rpartition(".")[2].removesuffix("[x]")
    if ONLY_IN_R5.get(parent, "").startswith("BackboneElement"):
        return name
    return URL + ("CanonicalResource.versionAlgorithm" if name == "versionAlgorithm" else f"{parent}.{name}")


def _urls(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (extension["url"] for extension in node.get("extension", ()))
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _urls(item)


@pytest.mark.parametrize("path", sorted(WORDS))
def test_a_code_that_only_r5_has_comes_back(path: str) -> None:
    for word in WORDS[path]:
        if path.startswith("RelatedArtifact"):
            document: Document = {"resourceType": "ValueSet", "relatedArtifact": [{"type": word}]}
        else:
            repeats = path == "CodeSystem.filter.operator"
            document = around(path, {path.rpartition(".")[2]: ["=", word, "in"] if repeats else word})
        assert word not in _codes(r4.downgrade(document))
        if path != "ConceptMap.group.unmapped.mode":  # has no relationship here, and must have one
            assert there_and_back(document, r4.downgrade, r4.upgrade) == document


def _codes(node: Any, key: str = "") -> Iterator[str]:
    """Every text of the JSON outside of extensions."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _codes(value, name) if name != "extension" else ()
    elif isinstance(node, list):
        for item in node:
            yield from _codes(item, key)
    elif isinstance(node, str):
        yield node


def test_a_companion_of_a_primitive_travels_with_it() -> None:
    mark = {"extension": [OWN]}
    document = {
        "resourceType": "ValueSet",
        "_copyrightLabel": mark,
        "compose": {"property": ["a", None, "c"], "_property": [None, mark, mark]},
    }
    assert "_copyrightLabel" not in r4.downgrade(document)
    assert there_and_back(document, r4.downgrade, r4.upgrade) == document
    alone = {"resourceType": "ValueSet", "compose": {"_property": [mark, mark]}}
    assert "_property" not in r4.downgrade(alone)["compose"]
    assert there_and_back(alone, r4.downgrade, r4.upgrade) == alone


def test_properties_in_R4_expansions_are_as_on_the_tx_ecosystem_page() -> None:
    """Properties in expansions of R4 are as the page r4 of the tx-ecosystem shows them."""
    newer = {
        "resourceType": "ValueSet",
        "expansion": {
            "property": [{"code": "definition", "uri": "http://hl7.org/fhir/concept-properties#definition"}],
            "contains": [
                {
                    "system": "http://s",
                    "code": "c",
                    "contains": [
                        {
                            "code": "code1",
                            "property": [{"code": "definition", "valueString": "My first code"}],
                        }
                    ],
                }
            ],
        },
    }
    older = {
        "resourceType": "ValueSet",
        "expansion": {
            "extension": [
                {
                    "url": URL + "ValueSet.expansion.property",
                    "extension": [
                        {"url": "code", "valueCode": "definition"},
                        {"url": "uri", "valueUri": "http://hl7.org/fhir/concept-properties#definition"},
                    ],
                }
            ],
            "contains": [
                {
                    "system": "http://s",
                    "code": "c",
                    "contains": [
                        {
                            "code": "code1",
                            "extension": [
                                {
                                    "url": URL + "ValueSet.expansion.contains.property",
                                    "extension": [
                                        {"url": "code", "valueCode": "definition"},
                                        {"url": "value", "valueString": "My first code"},
                                    ],
                                }
                            ],
                        }
                    ],
                }
            ],
        },
    }
    assert r4.downgrade(newer) == older
    assert r4.upgrade(older) == newer


def test_value_may_also_be_written_as_a_choice() -> None:
    older = {
        "resourceType": "ValueSet",
        "expansion": {
            "contains": [
                {
                    "extension": [
                        {
                            "url": URL + "ValueSet.expansion.contains.property",
                            "extension": [
                                {"url": "code", "valueCode": "p"},
                                {"url": "value[x]", "valueInteger": 1},
                            ],
                        }
                    ]
                }
            ]
        },
    }
    assert r4.upgrade(older)["expansion"]["contains"] == [{"property": [{"code": "p", "valueInteger": 1}]}]


def test_filter_op_is_absent_and_the_extension_stands_in_its_companion() -> None:
    document = {"resourceType": "ValueSet", "compose": {"exclude": [{"filter": [{"op": "child-of"}]}]}}
    extension = {"url": URL + "ValueSet.compose.include.filter.op", "valueCode": "child-of"}
    older = r4.downgrade(document)
    assert older["compose"]["exclude"] == [{"filter": [{"_op": {"extension": [extension]}}]}]
    other = {"op": "=", "_op": {"extension": [{"url": "http://example.org/own", "valueCode": "x"}]}}
    document = {"resourceType": "ValueSet", "compose": {"include": [{"filter": [other]}]}}
    assert r4.upgrade(document) == document


@pytest.mark.parametrize(
    "document",
    [
        {"resourceType": "ValueSet", "topic": "x", "compose": {"property": "y"}},
        {
            "resourceType": "ValueSet",
            "expansion": {"contains": [{"property": [{"code": "p", "valueUri": "http://a"}]}]},
        },
        {"resourceType": "CodeSystem", "extension": [{"url": URL + "CodeSystem.copyrightLabel"}, "x"]},
        {
            "resourceType": "CodeSystem",
            "extension": [{"url": URL + "CodeSystem.topic", "id": "1", "valueString": "x"}],
        },
        {
            "resourceType": "ValueSet",
            "scope": "x",
            "extension": [{"url": URL + "ValueSet.scope", "extension": [], "valueString": "x"}],
        },
        {
            "resourceType": "ValueSet",
            "topic": "x",
            "extension": [{"url": URL + "ValueSet.topic", "valueCodeableConcept": {"text": "y"}}],
        },
    ],
)
def test_what_has_not_the_form_that_its_definition_demands_stays(document: Document) -> None:
    assert r4.downgrade(document) == document
    assert r4.upgrade(document) == document


# -- the table against HL7's definitions ----------------------------------------------------------------

# These have another name in R4, or are a resource where R4 has no extensions.
RENAMED = {
    "ConceptMap": {"sourceScopeUri", "sourceScopeCanonical", "targetScopeUri", "targetScopeCanonical"},
    "ConceptMap.group.element.target": {"relationship"},
    "ConceptMap.group.element.target.dependsOn": {"attribute"},
    "ConceptMap.group.unmapped": {"otherMap"},
    "Bundle": {"issues"},
}


def model(release: str, name: str) -> Any:
    pydantic = importlib.import_module(f"fhir.resources.{release}{name.lower()}")
    return getattr(pydantic, name)


def fields_of(model_class: Any) -> dict[str, Any]:
    return {
        field.alias or name: field.annotation
        for name, field in model_class.model_fields.items()
        if not name.endswith("__ext") and name not in ("resource_type", "fhir_comments")
    }


def differences(kind: str, release: str) -> Iterator[tuple[str, set[str], Shape]]:
    """Each backbone that both releases have: its path, the keys that only R5 has, and our table's."""
    todo, seen = [(kind, kind, kind, SHAPES.get(kind, Shape()))], set()
    while todo:
        path, newer_name, older_name, shape = todo.pop()
        newer = fields_of(model("", kind) if path == kind else nested(kind, "", newer_name))
        older = fields_of(model(release, kind) if path == kind else nested(kind, release, older_name))
        yield path, newer.keys() - older.keys(), shape
        for key in newer.keys() & older.keys():
            names = [re.findall(rf"{kind}\w+(?=Type\b)", str(fields[key])) for fields in (newer, older)]
            if all(names) and (names[0][0], id(shape.children.get(key))) not in seen:
                seen.add((names[0][0], id(shape.children.get(key))))
                todo.append((f"{path}.{key}", names[0][0], names[1][0], shape.children.get(key, Shape())))


def nested(kind: str, release: str, name: str) -> Any:
    return getattr(importlib.import_module(f"fhir.resources.{release}{kind.lower()}"), name)


@pytest.mark.parametrize(
    "kind",
    [
        "CodeSystem",
        "ValueSet",
        "ConceptMap",
        "NamingSystem",
        "TerminologyCapabilities",
        "CapabilityStatement",
        "Bundle",
        "OperationOutcome",
        "RelatedArtifact",
    ],
)
def test_the_table_has_exactly_the_elements_that_r5_has_more_than_r4b(kind: str) -> None:
    for path, only_newer, shape in differences(kind, "R4B."):
        tabled = set(shape.by_key)
        if path == "ConceptMap":
            tabled -= {"identifier"}  # in both, but R4 has only one
        definition = path.replace(".product", ".dependsOn")
        assert tabled == only_newer - RENAMED.get(definition, set()), path


def all_elements(shape: Shape) -> Iterator[Element]:
    for element in shape.elements:
        yield element
        if element.is_backbone:
            yield from all_elements(element.parts)


@pytest.mark.parametrize(
    "kind",
    [
        "CodeSystem",
        "ValueSet",
        "ConceptMap",
        "NamingSystem",
        "TerminologyCapabilities",
        "CapabilityStatement",
    ],
)
def test_an_element_of_the_table_repeats_if_it_repeats_in_r5(kind: str) -> None:
    fields = fields_of(model("", kind))
    for key, (element, value_key) in SHAPES[kind].by_key.items():
        assert ("List" in str(fields[key])) is element.repeats, key
        suffix = value_key.removeprefix("value").replace("BackboneElement", kind)
        assert re.search(rf"\b{suffix}|\[{suffix}", str(fields[key]), re.IGNORECASE) or suffix == "Boolean", (
            key
        )
