"""The page of a code system: its facts, its hierarchy page by page, and the maps that lead from and to it."""

from __future__ import annotations

from dataclasses import dataclass

from terminology.core.model import Document
from terminology.pages.road import PageReply, Road, parameters
from terminology.pages.view import (
    HEADER,
    View,
    facts,
    failed,
    parameters_of,
    pills,
    summaries,
    title_of,
    value_of,
)

# The concepts on one page, and the most steps from a concept up to the top of its hierarchy that are shown.
PAGE = 50
_DEEPEST = 25
# What ``CodeSystem.content`` is where there is no list of its codes.
WITHOUT_CODES = ("not-present", "supplement")


@dataclass(slots=True)
class ListedConcept:
    """A concept in a list. ``is_open``: there are concepts below it."""

    code: str
    display: str
    system: str = ""
    is_abstract: bool = False
    is_inactive: bool = False
    is_open: bool = False
    depth: int = 0


@dataclass(slots=True)
class ConceptPage:
    """A part of a list of concepts, from ``offset`` on; ``total`` is None where nobody knows it."""

    concepts: list[ListedConcept]
    total: int | None
    offset: int
    note: str = ""

    @property
    def next(self) -> int | None:
        end = self.offset + len(self.concepts)
        more = len(self.concepts) >= PAGE if self.total is None else end < self.total
        return end if more and self.concepts else None

    @property
    def previous(self) -> int | None:
        return max(0, self.offset - PAGE) if self.offset else None


def code_system(road: Road, id_: str, query: dict[str, str]) -> View:
    """The page of ``CodeSystem/id``. ``at``, ``filter`` and ``offset`` choose the part of the hierarchy."""
    road.tell("This code system", f"CodeSystem/{id_}")
    reply = road.get_once(f"CodeSystem/{id_}", [("_elements", HEADER)])
    if not reply.is_good:
        return failed(reply)
    resource = reply.resource
    url = str(resource.get("url", ""))
    at, text = query.get("at", ""), query.get("filter", "").strip()
    listed = _part(road, resource, at, text, offset_of(query))
    if listed is not None and not at and not text and listed.total == 1 and listed.concepts[0].is_open:
        at = listed.concepts[0].code  # a top of one concept has nothing to choose
        listed = _part(road, resource, at, text, 0)
    values = {
        "resource": resource,
        "facts": facts(resource),
        "pills": pills(resource),
        "listed": listed,
        "at": at,
        "text": text,
        "trail": trail(road, url, resource.get("version"), at) if at else [],
        "versions": [r for r in summaries(road, "CodeSystem", [("url", url)]) if r.get("id") != id_]
        if url
        else [],
        "supplements": summaries(road, "CodeSystem", [("supplements", url)]) if url else [],
        "maps_from": summaries(road, "ConceptMap", [("source-group-system", url)]) if url else [],
        "maps_to": summaries(road, "ConceptMap", [("target-group-system", url)]) if url else [],
        "value_sets": summaries(road, "ValueSet", [("reference", url)], 12) if url else [],
    }
    return View("code_system.html", title_of(resource), values)


def offset_of(query: dict[str, str]) -> int:
    """The place where a page of a list begins."""
    text = query.get("offset", "")
    return min(int(text), 10_000_000) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def _part(road: Road, resource: Document, at: str, text: str, offset: int) -> ConceptPage | None:
    """The concepts below one, the top of the hierarchy, or what a text finds; None where nothing can be listed."""
    if not resource.get("url") or resource.get("content") in WITHOUT_CODES:
        return None
    include = {"system": resource["url"]} | (
        {"version": resource["version"]} if resource.get("version") else {}
    )
    if text:
        return expanded(
            road.post("ValueSet/$expand", _expansion(include, offset, text), "The search"), offset
        )
    if at:
        below = {**include, "filter": [_filter("concept", "child-of", at)]}
        reply = road.post_once("ValueSet/$expand", _expansion(below, offset), "The concepts below this one")
    else:
        reply = road.post_once("ValueSet/$expand", _expansion(_top(road, include), offset), "The hierarchy")
    listed = expanded(reply, offset)
    _mark_open(road, include, listed)
    return listed


def _top(road: Road, include: Document) -> Document:
    """The concepts without a parent: of a code system without a hierarchy all of them, which is quicker."""
    inner = {**include, "filter": [_filter("child", "exists", "true")]}
    reply = road.post_once("ValueSet/$expand", _expansion(inner, 0, count=1))
    if reply.is_good and not reply.resource.get("expansion", {}).get("total"):
        return include
    return {**include, "filter": [_filter("parent", "exists", "false")]} if reply.is_good else include


def _mark_open(road: Road, include: Document, listed: ConceptPage) -> None:
    """Find out which of the concepts have others below them."""
    codes = [concept.code for concept in listed.concepts if "," not in concept.code]
    if not codes:
        return
    filters = [_filter("code", "in", ",".join(codes)), _filter("child", "exists", "true")]
    reply = road.post_once("ValueSet/$expand", _expansion({**include, "filter": filters}, 0))
    inner = {concept.code for concept in expanded(reply, 0).concepts}
    for concept in listed.concepts:
        concept.is_open = concept.code in inner


def _filter(property_: str, op: str, value: str) -> Document:
    return {"property": property_, "op": op, "value": value}


def _expansion(include: Document, offset: int, text: str = "", count: int = PAGE) -> Document:
    value_set = {"resourceType": "ValueSet", "status": "active", "compose": {"include": [include]}}
    return parameters(
        ("valueSet", "resource", value_set),
        ("filter", "valueString", text),
        ("count", "valueInteger", count),
        ("offset", "valueInteger", offset or None),
        ("excludeNested", "valueBoolean", True),
    )


def expanded(reply: PageReply, offset: int) -> ConceptPage:
    """The page of concepts that an expansion has; with a note where it failed."""
    if not reply.is_good:
        problems = [issue.get("details", {}).get("text", "") for issue in reply.resource.get("issue", ())]
        return ConceptPage([], None, offset, next(filter(None, problems), "The codes cannot be listed."))
    expansion = reply.resource.get("expansion", {})
    total = expansion.get("total")
    return ConceptPage(_contained(expansion.get("contains", ()), 0), total, offset)


def _contained(nodes: list[Document], depth: int) -> list[ListedConcept]:
    """The concepts of an expansion in their order, nested ones after the one that they stand below."""
    results: list[ListedConcept] = []
    for node in nodes:
        results.append(
            ListedConcept(
                str(node.get("code", "")),
                str(node.get("display", "")),
                str(node.get("system", "")),
                bool(node.get("abstract")),
                bool(node.get("inactive")),
                depth=depth,
            )
        )
        results += _contained(node.get("contains", []), depth + 1)
    return results


def trail(road: Road, system: str, version: str | None, code: str) -> list[tuple[str, str]]:
    """The way from the top of the hierarchy down to a concept, by first parents, with the concept itself."""
    steps: list[tuple[str, str]] = []
    passed: set[str] = set()
    while code and code not in passed and len(steps) < _DEEPEST:
        passed.add(code)
        query = [("system", system), ("code", code), ("property", "parent"), ("property", "designation")]
        reply = road.get_once("CodeSystem/$lookup", [*query, *([("version", version)] if version else [])])
        results = parameters_of(reply.resource) if reply.is_good else {}
        display = value_of(results["display"][0]) if results.get("display") else ""
        steps.append((code, str(display)))
        code = next(iter(_parents(results.get("property", []))), "")
    return steps[::-1]


def _parents(properties: list[Document]) -> list[str]:
    parents = []
    for node in properties:
        parts = {part.get("name"): value_of(part) for part in node.get("part", ())}
        if parts.get("code") == "parent" and parts.get("value"):
            parents.append(str(parts["value"]))
    return parents
