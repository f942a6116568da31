"""The start page: the content in numbers, and a search over everything."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Any

from terminology.core.model import Document
from terminology.pages.code_systems import WITHOUT_CODES, ListedConcept, expanded
from terminology.pages.links import KIND_TITLES
from terminology.pages.road import Road
from terminology.pages.view import View, failed, parameters_of, single, summaries, title_of

# The resources of a kind that the start page names.
NAMED = 12
# The search looks for words in so many code systems, until so many seconds have passed.
SEARCHED, SECONDS = 60, 0.6
_HITS = 6
_LONGEST = 200


@dataclass(slots=True)
class FoundCodes:
    """The concepts of a code system that a search finds; ``total`` counts them all."""

    resource: Document
    concepts: list[ListedConcept]
    total: int


def start(road: Road) -> View:
    """The page of the base."""
    values: dict[str, Any] = {
        "kinds": [(kind, title, _count(road, kind)) for kind, title in KIND_TITLES.items()],
        "named": {kind: summaries(road, kind, [], NAMED) for kind in ("CodeSystem", "ConceptMap")},
    }
    road.get("metadata", [], "What this service can do")
    return View("start.html", "Terminology", values)


def _count(road: Road, kind: str) -> int:
    return road.get_once(kind, [("_summary", "count")]).total


def search(road: Road, text: str) -> View:
    """What a text finds: codes that are written so, concepts with these words, and resources."""
    text = text.strip()[:_LONGEST]
    replies = {kind: road.get_once(kind, [("_summary", "count")]) for kind in KIND_TITLES}
    refusals = {kind: reply for kind, reply in replies.items() if not reply.is_good}
    if len(refusals) == len(replies):
        return failed(next(iter(refusals.values())))
    codes = _exactly(road, text) if text and " " not in text else []
    by_words, searched = _by_words(road, text)
    values: dict[str, Any] = {
        "q": text,
        "codes": codes,
        "by_words": by_words,
        "searched": searched,
        "known": replies["CodeSystem"].total,
        "not_searched": [KIND_TITLES[kind].lower() for kind in refusals],
        "resources": {kind: _resources(road, kind, text) for kind in KIND_TITLES},
    }
    return View("search.html", f"Search for {text}", values)


def _exactly(road: Road, text: str) -> list[tuple[Document, str, str]]:
    """The code systems that have a code written so, with the display there."""
    results = []
    for resource in summaries(road, "CodeSystem", [("code", text)], 20):
        if resource.get("content") in WITHOUT_CODES or not resource.get("url"):
            continue
        query = [("system", str(resource["url"])), ("code", text), ("property", "designation")]
        reply = road.get("CodeSystem/$lookup", query)
        if reply.is_good:
            answer = parameters_of(reply.resource)
            results.append(
                (resource, str(single(answer, "code") or text), str(single(answer, "display") or ""))
            )
    return results


def _by_words(road: Road, text: str) -> tuple[list[FoundCodes], int]:
    """The concepts in which each of the words begins a word, and how many code systems were searched."""
    end = monotonic() + SECONDS
    every = summaries(road, "CodeSystem", [], SEARCHED)
    systems = [r for r in every if r.get("url") and r.get("content") not in WITHOUT_CODES]
    results: list[FoundCodes] = []
    searched = 0
    for resource in systems if text else ():
        if monotonic() > end:
            break
        searched += 1
        part = _words_in(road, resource, text)
        if part.concepts:
            results.append(part)
    return results, searched


def _words_in(road: Road, resource: Document, text: str) -> FoundCodes:
    include = {"system": resource["url"]}
    if resource.get("version"):
        include["version"] = resource["version"]
    value_set = {"resourceType": "ValueSet", "status": "active", "compose": {"include": [include]}}
    body: Document = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "valueSet", "resource": value_set},
            {"name": "filter", "valueString": text},
            {"name": "count", "valueInteger": _HITS},
            {"name": "excludeNested", "valueBoolean": True},
        ],
    }
    page = expanded(road.post("ValueSet/$expand", body), 0)
    return FoundCodes(resource, page.concepts, page.total or len(page.concepts))


def _resources(road: Road, kind: str, text: str) -> list[Document]:
    """The resources whose title or name has the text, or whose url it is."""
    if not text:
        return []
    queries = [("url", text)] if ":" in text else [("title:contains", text), ("name:contains", text)]
    results = [resource for query in queries for resource in summaries(road, kind, [query], 20)]
    return sorted({str(r.get("id")): r for r in results}.values(), key=title_of)
