"""The answer of ``$lookup``, as an R5 resource."""

from __future__ import annotations

from terminology.core.model import Designation, Document, Property, value_key
from terminology.operations.lookup import Lookup
from terminology.wire.write.parameters import (
    Node,
    boolean,
    canonical,
    code,
    coding,
    parameters,
    string,
    uri,
)


def lookup(answer: Lookup) -> Document:
    """https://hl7.org/fhir/R5/codesystem-operation-lookup.html, with the ecosystem's ``system``, ``abstract``."""
    about, concept = answer.about, answer.concept
    return parameters(
        [
            string("name", about.name or about.title or about.url),
            string("version", about.version),
            string("display", answer.display or concept.code),
            string("definition", answer.definition),
            code("code", concept.code),
            uri("system", about.url),
            boolean("abstract", concept.abstract),
            *map(_designation, answer.designations),
            *map(_property, answer.properties),
            *(canonical("used-supplement", supplement) for supplement in answer.supplements),
        ]
    )


# A concept may have hundreds of designations and properties: the nodes that each of them has are written here, and
# the builder is called for the rarer ones.


def _designation(designation: Designation) -> Node:
    parts: list[Node | None] = []
    if designation.language is not None:
        parts.append({"name": "language", "valueCode": designation.language})
    if designation.use is not None:
        parts.append({"name": "use", "valueCoding": designation.use})
    for use in designation.additional_use:
        parts.append(coding("additionalUse", use))
    parts.append({"name": "value", "valueString": designation.value})
    if designation.source is not None:
        parts.append(canonical("source", designation.source))
    return {"name": "designation", "part": parts}


def _property(property_: Property) -> Node:
    parts: list[Node | None] = [{"name": "code", "valueCode": property_.code}]
    if property_.value is not None:
        parts.append({"name": "value", value_key(property_.type): property_.value})
    if property_.description is not None:
        parts.append({"name": "description", "valueString": property_.description})
    if property_.source is not None:
        parts.append(canonical("source", property_.source))
    return {"name": "property", "part": parts}
