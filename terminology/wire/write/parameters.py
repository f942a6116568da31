"""Answers as R5 resources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from terminology.catalogue.concept_map import KEPT_WORD, Attribute, MapProperty
from terminology.core.model import Designation, Document, Property, value_key
from terminology.operations.lookup import Lookup
from terminology.operations.translate.model import Match, Translation

Node = dict[str, Any]


def parameters(parts: Iterable[Node | None]) -> Document:
    return {"resourceType": "Parameters", "parameter": [part for part in parts if part is not None]}


def _p(name: str, type_: str, value: Any) -> Node | None:
    """A parameter, or None when there is no value."""
    return None if value is None else {"name": name, value_key(type_): value}


def _group(name: str, parts: Iterable[Node | None]) -> Node:
    return {"name": name, "part": [part for part in parts if part is not None]}


# -- $lookup -------------------------------------------------------------------------------------


def lookup(answer: Lookup) -> Document:
    """https://hl7.org/fhir/R5/codesystem-operation-lookup.html, with the ecosystem's code, system and
    abstract.
    """
    about, concept = answer.about, answer.concept
    return parameters(
        [
            _p("name", "string", about.name or about.title or about.url),
            _p("version", "string", about.version),
            _p("display", "string", answer.display or concept.code),
            _p("definition", "string", answer.definition),
            _p("code", "code", concept.code),
            _p("system", "uri", about.url),
            _p("abstract", "boolean", concept.abstract),
            *(_designation(designation) for designation in answer.designations),
            *(_property(property_) for property_ in answer.properties),
            *(_p("used-supplement", "canonical", canonical) for canonical in answer.supplements),
        ]
    )


def _designation(designation: Designation) -> Node:
    parts: list[Node] = []
    if designation.language is not None:
        parts.append({"name": "language", "valueCode": designation.language})
    if designation.use is not None:
        parts.append({"name": "use", "valueCoding": designation.use})
    parts += ({"name": "additionalUse", "valueCoding": use} for use in designation.additional_use)
    parts.append({"name": "value", "valueString": designation.value})
    if designation.source is not None:
        parts.append({"name": "source", "valueCanonical": designation.source})
    return {"name": "designation", "part": parts}


def _property(property_: Property) -> Node:
    value = property_.value
    parts: list[Node] = [{"name": "code", "valueCode": property_.code}]
    if value.value is not None:
        parts.append({"name": "value", value_key(value.type): value.value})
    if property_.description is not None:
        parts.append({"name": "description", "valueString": property_.description})
    if property_.source is not None:
        parts.append({"name": "source", "valueCanonical": property_.source})
    return {"name": "property", "part": parts}


# -- $translate ----------------------------------------------------------------------------------


def translation(answer: Translation) -> Document:
    """https://hl7.org/fhir/R5/conceptmap-operation-translate.html.

    ``noMap``, ``sourceConcept``, ``sourceComment`` and ``targetComment`` are the ecosystem's; ``via`` is
    ours and names the maps that led to this one, in order.
    """
    return parameters(
        [
            _p("result", "boolean", answer.result),
            _p("message", "string", answer.message),
            *(_match(match, answer.several_subjects) for match in answer.matches),
        ]
    )


def _match(match: Match, names_subject: bool) -> Node:
    mapped = match.concept is not None
    return _group(
        "match",
        [
            _relationship(match),
            _p("concept", "Coding", match.concept and match.concept.as_json()),
            _p("noMap", "boolean", None if mapped else True),
            _p("source", "Coding", match.source and match.source.as_json()),
            _p("originMap", "canonical", match.origin.canonical),
            *(_p("via", "canonical", hop.canonical) for hop in match.via),
            _p(
                "sourceConcept",
                "Coding",
                match.subject.as_json() if names_subject and match.subject else None,
            ),
            _p("targetComment" if mapped else "sourceComment", "string", match.comment),
            *(_attribute("dependsOn", condition) for condition in match.depends_on),
            *(_attribute("product", product) for product in match.products),
            *(_map_property(property_) for property_ in match.properties),
        ],
    )


def _relationship(match: Match) -> Node | None:
    """The R4 word that a map was written with travels along, so that nothing is lost between releases."""
    part = _p("relationship", "code", match.relationship)
    if part is not None and match.word is not None:
        part["extension"] = [{"url": KEPT_WORD, "valueCode": match.word}]
    return part


def _attribute(name: str, attribute: Attribute) -> Node:
    value = _p("value", attribute.value.type, attribute.value.value)
    return _group(name, [_p("attribute", "uri", attribute.uri), value])


def _map_property(property_: MapProperty) -> Node:
    value = _p("value", property_.value.type, property_.value.value)
    return _group("property", [_p("uri", "uri", property_.uri), value])
