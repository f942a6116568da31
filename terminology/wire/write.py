"""Answers as R5 resources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from terminology.concept_map import KEPT_WORD, Attribute, MapProperty
from terminology.model import Designation, Document, Property, Typed
from terminology.operations.lookup import Lookup
from terminology.operations.translation import Match, Translation

Node = dict[str, Any]


def parameters(parts: Iterable[Node | None]) -> Document:
    return {"resourceType": "Parameters", "parameter": [part for part in parts if part is not None]}


def _p(name: str, type_: str, value: Any) -> Node | None:
    """A parameter, or None when there is no value."""
    return None if value is None else {"name": name, Typed(type_, value).key: value}


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
    return _group(
        "designation",
        [
            _p("language", "code", designation.language),
            _p("use", "Coding", designation.use),
            *(_p("additionalUse", "Coding", use) for use in designation.additional_use),
            _p("value", "string", designation.value),
            _p("source", "canonical", designation.source),
        ],
    )


def _property(property_: Property) -> Node:
    return _group(
        "property",
        [
            _p("code", "code", property_.code),
            _p("value", property_.value.type, property_.value.value),
            _p("description", "string", property_.description),
            _p("source", "canonical", property_.source),
        ],
    )


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
            *(_match(match, answer.names_subjects) for match in answer.matches),
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
