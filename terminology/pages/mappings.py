"""Mappings as people read them: rows of a ConceptMap, and matches of $translate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from terminology.core.model import Document, Typed
from terminology.pages import texts
from terminology.pages.view import parts_of

# What a source is to its target, and what it is called in a key of the colours.
RELATIONSHIPS = {
    "equivalent": "is equivalent to",
    "source-is-narrower-than-target": "is narrower than",
    "source-is-broader-than-target": "is broader than",
    "related-to": "is related to",
    "not-related-to": "is not",
    "no-map": "has no target",
}
NO_MAP = "no-map"
_GAP = "/StructureDefinition/concept-map-gap"
# The extension of R4's ``unmatched`` targets, where R5 has no place for the reason of ``noMap``.
_COMMENT = "extension-ConceptMap.group.element.target.comment"


@dataclass(slots=True)
class Condition:
    """An attribute that a mapping depends on, and the values of which any will do."""

    attribute: str
    values: list[str]

    @property
    def name(self) -> str:
        return texts.local_name(self.attribute)

    @property
    def text(self) -> str:
        return f"{texts.in_words(self.name)}: {' or '.join(map(value_in_words, self.values))}"


@dataclass(slots=True)
class Mapping:
    """One mapping. ``code`` and ``system`` are None where there is no target; ``notes`` are properties by name."""

    source_system: str
    source: str
    source_display: str
    relationship: str
    system: str | None = None
    code: str | None = None
    display: str = ""
    comment: str = ""
    conditions: list[Condition] = field(default_factory=list)
    products: list[Condition] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    map_: str = ""
    value_set: str = ""

    @property
    def words(self) -> str:
        return RELATIONSHIPS.get(self.relationship, self.relationship)

    @property
    def evidence(self) -> list[str]:
        """The sources that support the mapping."""
        return [source for name, text in self.notes if name == "evidence" for source in text.split("; ")]

    @property
    def is_provisional(self) -> bool:
        return ("reviewStatus", "provisional") in self.notes

    @property
    def other_notes(self) -> list[tuple[str, str]]:
        return [(name, text) for name, text in self.notes if name not in ("evidence", "reviewStatus")]

    @property
    def is_translation(self) -> bool:
        return self.relationship not in (NO_MAP, "not-related-to")

    def holds_for(self, name: str, value: str) -> bool:
        """Can the mapping hold where an attribute has this value?"""
        return all(value in c.values for c in self.conditions if c.name == name)


def value_in_words(value: str) -> str:
    """A value of an attribute: yes and no for booleans, codes as words."""
    return {"true": "yes", "false": "no"}.get(value) or texts.in_words(value)


def conditions(pairs: Iterable[tuple[str, str]]) -> list[Condition]:
    """Conditions of pairs of attribute and value; values of one attribute belong together."""
    results: dict[str, list[str]] = {}
    for attribute, value in pairs:
        results.setdefault(attribute, []).append(value)
    return [Condition(attribute, values) for attribute, values in results.items()]


def attributes_of(mappings: Iterable[Mapping]) -> dict[str, list[str]]:
    """The attributes that mappings depend on, each with its values."""
    results: dict[str, dict[str, None]] = {}
    for mapping in mappings:
        for condition in mapping.conditions:
            results.setdefault(condition.name, {}).update(dict.fromkeys(condition.values))
    return {name: list(values) for name, values in results.items()}


# -- rows of a map -------------------------------------------------------------------------------


def rows_of(map_: Document) -> list[Mapping]:
    """The mappings of a ConceptMap in R5's shape, in its order."""
    return [
        mapping
        for group in map_.get("group", ())
        for element in group.get("element", ())
        for mapping in _of_element(group, element)
    ]


def _of_element(group: Document, element: Document) -> Iterable[Mapping]:
    source = str(element.get("code") or element.get("valueSet") or "")
    ends = (str(group.get("source", "")), source, str(element.get("display", "")))
    if element.get("noMap"):
        yield Mapping(*ends, NO_MAP, comment=_reason(element))
    for target in element.get("target", ()):
        yield Mapping(
            *ends,
            str(target.get("relationship", "")),
            str(group.get("target", "")),
            target.get("code"),
            str(target.get("display", "")),
            str(target.get("comment", "")),
            conditions(_attributes(target.get("dependsOn", ()))),
            conditions(_attributes(target.get("product", ()))),
            [(str(p.get("code", "")), _text(p)) for p in target.get("property", ())],
            value_set=str(target.get("valueSet", "")),
        )


def _attributes(nodes: Sequence[Document]) -> Iterable[tuple[str, str]]:
    return ((str(node.get("attribute", "")), _text(node) or str(node.get("valueSet", ""))) for node in nodes)


def _reason(element: Document) -> str:
    return next((_text(e) for e in element.get("extension", ()) if str(e.get("url")).endswith(_COMMENT)), "")


def _text(node: Document) -> str:
    typed = Typed.of(node)
    return "" if typed is None else plain(typed.value)


def plain(value: Any) -> str:
    """A value of any type as a text: the code of a Coding, true and false."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return str(value.get("code") or value.get("value") or value)
    return str(value)


def gaps_of(map_: Document) -> list[tuple[str, str]]:
    """The codes that a map does not know yet how to translate, with what would tell."""
    results = []
    for extension in map_.get("extension", ()):
        if str(extension.get("url")).endswith(_GAP):
            parts = {part.get("url"): _text(part) for part in extension.get("extension", ())}
            results.append((parts.get("code", ""), parts.get("gap", "")))
    return results


# -- matches of $translate -----------------------------------------------------------------------


def matches_of(answer: Document, system: str, code: str) -> list[Mapping]:
    """The matches of an answer to the code of a system, in its order. In reverse each names its source."""
    results = (node for node in answer.get("parameter", ()) if node.get("name") == "match")
    return [_match(parts_of(node), system, code) for node in results]


def _match(parts: Sequence[tuple[str, Any]], system: str, code: str) -> Mapping:
    first = dict(reversed(parts))
    named, concept = first.get("source"), first.get("concept")
    source: dict[str, Any] = named if isinstance(named, dict) else {}
    target: dict[str, Any] = concept if isinstance(concept, dict) else {}
    return Mapping(
        str(source.get("system", system)),
        str(source.get("code", code)),
        str(source.get("display", "")),
        str(first.get("relationship") or NO_MAP) if target.get("code") else NO_MAP,
        target.get("system"),
        target.get("code"),
        str(target.get("display", "")),
        str(first.get("targetComment") or first.get("sourceComment") or ""),
        conditions(_pairs(parts, "dependsOn", "attribute")),
        conditions(_pairs(parts, "product", "attribute")),
        [(texts.local_name(uri), value) for uri, value in _pairs(parts, "property", "uri")],
        map_=str(first.get("originMap", "")),
    )


def _pairs(parts: Sequence[tuple[str, Any]], name: str, key: str) -> Iterable[tuple[str, str]]:
    for part_name, nodes in parts:
        if part_name == name and isinstance(nodes, list):
            inner = dict(parts_of({"part": nodes}))
            yield str(inner.get(key, "")), plain(inner.get("value", ""))
