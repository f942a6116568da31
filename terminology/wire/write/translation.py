"""The answer of ``$translate``, as an R5 resource."""

from __future__ import annotations

from terminology.catalogue.concept_map import KEPT_WORD, Attribute, MapProperty
from terminology.core.model import Coding, Document
from terminology.operations.translate.explanation import ConsideredMap, Explanation
from terminology.operations.translate.model import Match, Translation
from terminology.wire.write.parameters import (
    Node,
    boolean,
    canonical,
    code,
    coding,
    group,
    integer,
    parameters,
    string,
    typed,
    uri,
)


def translation(answer: Translation) -> Document:
    """https://hl7.org/fhir/R5/conceptmap-operation-translate.html.

    ``noMap``, ``sourceConcept``, ``sourceComment`` and ``targetComment`` are the ecosystem's; ``via`` is
    ours and names the maps that led to this one, in order. So is ``explanation``.
    """
    return parameters(
        [
            boolean("result", answer.result),
            string("message", answer.message),
            *(_match(match, answer.several_subjects) for match in answer.matches),
            None if answer.explanation is None else _explanation(answer.explanation),
        ]
    )


def _explanation(explanation: Explanation) -> Node:
    """Ours: the reason as a code, the maps that were considered, and where the displays are from."""
    return group(
        "explanation",
        [
            code("reason", explanation.reason and explanation.reason.value),
            *(group("map", _considered_map(map_)) for map_ in explanation.maps),
            *(
                group("display", [code("code", display.code), canonical("source", display.source)])
                for display in explanation.displays
            ),
        ],
    )


def _considered_map(map_: ConsideredMap) -> list[Node | None]:
    return [
        canonical("map", map_.canonical),
        code("outcome", map_.outcome.value),
        integer("group", map_.group),
        code("element", map_.code),
        uri("target", map_.leads_to),
        code("unmapped", map_.unmapped),
    ]


def _match(match: Match, names_subject: bool) -> Node:
    is_mapped = match.concept is not None
    nodes = [
        _relationship(match),
        _coding("concept", match.concept),
        boolean("noMap", None if is_mapped else True),
        _coding("source", match.source),
        canonical("originMap", match.origin.canonical),
    ]
    nodes += [canonical("via", hop.canonical) for hop in match.via]
    nodes.append(_coding("sourceConcept", match.subject if names_subject else None))
    nodes.append(string("targetComment" if is_mapped else "sourceComment", match.comment))
    nodes += [_attribute("dependsOn", condition) for condition in match.depends_on]
    nodes += [_attribute("product", product) for product in match.products]
    nodes += [_map_property(property_) for property_ in match.properties]
    return group("match", nodes)


def _coding(name: str, value: Coding | None) -> Node | None:
    return None if value is None else coding(name, value.as_json())


def _relationship(match: Match) -> Node | None:
    """The R4 word that a map was written with goes along, so that nothing is lost between releases."""
    node = code("relationship", match.relationship)
    if node is not None and match.word is not None:
        node["extension"] = [{"url": KEPT_WORD, "valueCode": match.word}]
    return node


def _attribute(name: str, attribute: Attribute) -> Node:
    return group(name, [uri("attribute", attribute.uri), typed("value", attribute.value)])


def _map_property(property_: MapProperty) -> Node:
    return group("property", [uri("uri", property_.uri), typed("value", property_.value)])
