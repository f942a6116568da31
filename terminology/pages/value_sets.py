"""The page of a value set: its definition in words, and its expansion page by page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from terminology.core.model import Document
from terminology.pages.code_systems import PAGE, expanded, offset_of
from terminology.pages.road import Road
from terminology.pages.view import (
    HEADER,
    View,
    facts,
    failed,
    fields_of,
    pills,
    summaries,
    title_of,
    titles_of,
)

# The codes that a part of a definition lists and the page shows.
MOST_LISTED = 40
_OPERATORS = {
    "=": "is",
    "is-a": "is a kind of",
    "descendent-of": "is below",
    "is-not-a": "is not a kind of",
    "regex": "matches",
    "in": "is one of",
    "not-in": "is none of",
    "generalizes": "is above",
    "child-of": "is a child of",
    "descendent-leaf": "is a leaf below",
    "exists": "is there:",
}


@dataclass(slots=True)
class DefinitionPart:
    """An include or exclude: a code system with codes or filters, and value sets."""

    is_excluded: bool
    system: str = ""
    version: str = ""
    codes: list[tuple[str, str]] = field(default_factory=list)
    more: int = 0
    filters: list[tuple[str, str, str]] = field(default_factory=list)
    value_sets: list[str] = field(default_factory=list)


def value_set(road: Road, id_: str, query: dict[str, str]) -> View:
    """The page of ``ValueSet/id``: its definition, and the codes of its expansion."""
    road.tell("This value set", f"ValueSet/{id_}")
    reply = road.get_once(f"ValueSet/{id_}", [("_elements", f"{HEADER},compose")])
    if not reply.is_good:
        return failed(reply)
    resource = reply.resource
    url = str(resource.get("url", ""))
    question = _question(query) + [("url", url)] + _version(resource)
    parts = definition(resource.get("compose", {}))
    values: dict[str, Any] = {
        "resource": resource,
        "facts": facts(resource),
        "pills": pills(resource),
        "definition_parts": parts,
        "titles": titles_of(road, (part.system for part in parts if part.system)),
        "versions": [r for r in summaries(road, "ValueSet", [("url", url)]) if r.get("id") != id_]
        if url
        else [],
        "text": query.get("filter", ""),
        "listed": expanded(road.get_once("ValueSet/$expand", question, "Its codes"), offset_of(query))
        if url
        else None,
    }
    return View("value_set.html", title_of(resource), values)


def _version(resource: Document) -> list[tuple[str, str]]:
    return [("valueSetVersion", str(resource["version"]))] if resource.get("version") else []


def _question(query: dict[str, str]) -> list[tuple[str, str]]:
    text, offset = query.get("filter", "").strip(), offset_of(query)
    question = [("filter", text)] if text else []
    return question + [("count", str(PAGE)), *([("offset", str(offset))] if offset else [])]


def expand(road: Road, path: str, query: Sequence[tuple[str, str]]) -> View:
    """The page of ``$expand``: the form that asks, and the codes."""
    arguments = dict(query)
    values: dict[str, Any] = {
        "given": fields_of(path, query),
        "value_sets": _to_choose(road),
        "text": arguments.get("filter", ""),
    }
    if "url" not in arguments and path == "ValueSet/$expand":
        return View("expand.html", "List the codes of a value set", values)
    question = [(name, value) for name, value in query if value]
    if "count" not in arguments:
        question.append(("count", str(PAGE)))
    reply = road.get(path, question, "These codes")
    if not reply.is_good:
        return failed(reply, "List the codes of a value set", "expand.html", values)
    resource = reply.resource
    expansion = resource.get("expansion", {})
    values |= {
        "resource": resource,
        "listed": expanded(reply, offset_of(arguments)),
        "used": [_parameter(node) for node in expansion.get("parameter", ())],
        "timestamp": expansion.get("timestamp", ""),
    }
    return View("expand.html", f"Codes of {title_of(resource)}", values)


def _parameter(node: Document) -> tuple[str, str]:
    value = next((value for name, value in node.items() if name.startswith("value")), "")
    return str(node.get("name", "")), str(value).lower() if isinstance(value, bool) else str(value)


def _to_choose(road: Road) -> list[tuple[str, str]]:
    results = summaries(road, "ValueSet", [], 60)
    return [(str(r["url"]), title_of(r)) for r in results if r.get("url")]


def definition(compose: Document) -> list[DefinitionPart]:
    """The parts of ``ValueSet.compose``, those that are excluded last."""
    return [
        *_parts(compose.get("include", ()), is_excluded=False),
        *_parts(compose.get("exclude", ()), is_excluded=True),
    ]


def _parts(nodes: Iterable[Document], is_excluded: bool) -> Iterable[DefinitionPart]:
    for node in nodes:
        concepts = node.get("concept", [])
        yield DefinitionPart(
            is_excluded,
            str(node.get("system", "")),
            str(node.get("version", "")),
            [(str(c.get("code", "")), str(c.get("display", ""))) for c in concepts[:MOST_LISTED]],
            max(0, len(concepts) - MOST_LISTED),
            [_filter(f) for f in node.get("filter", ())],
            [str(url) for url in node.get("valueSet", ())],
        )


def _filter(node: Document) -> tuple[str, str, str]:
    op = str(node.get("op", ""))
    return str(node.get("property", "")), _OPERATORS.get(op, op), str(node.get("value", ""))
