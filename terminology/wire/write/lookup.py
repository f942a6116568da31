"""The answer of ``$lookup``, as an R5 resource."""

from __future__ import annotations

from terminology.core.model import Designation, Document, Property
from terminology.operations.lookup import Lookup
from terminology.wire.write.parameters import (
    Node,
    boolean,
    canonical,
    code,
    coding,
    group,
    parameters,
    string,
    typed,
    uri,
)


def lookup(answer: Lookup) -> Document:
    """https://hl7.org/fhir/R5/codesystem-operation-lookup.html, with the ecosystem's code, system and
    abstract.
    """
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


def _designation(designation: Designation) -> Node:
    return group(
        "designation",
        (
            code("language", designation.language),
            coding("use", designation.use),
            *[coding("additionalUse", use) for use in designation.additional_use],
            string("value", designation.value),
            canonical("source", designation.source),
        ),
    )


def _property(property_: Property) -> Node:
    return group(
        "property",
        (
            code("code", property_.code),
            typed("value", property_.value),
            string("description", property_.description),
            canonical("source", property_.source),
        ),
    )
