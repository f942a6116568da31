"""The page of a concept: the answer of $lookup, where it stands in the hierarchy, and what maps from and to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from terminology.core.model import Document
from terminology.pages.code_systems import trail
from terminology.pages.mappings import Mapping, matches_of, plain
from terminology.pages.road import Road
from terminology.pages.view import (
    View,
    failed,
    fields_of,
    map_titles,
    notices_of,
    parameters_of,
    parts_of,
    single,
    summaries,
    titles_of,
)

# Properties that have a place of their own on the page.
_PLACED = ("parent", "child", "copyright", "evidence", "inactive", "notSelectable")
# Parents or children that are listed at once.
MOST_RELATIVES = 60


@dataclass(slots=True)
class ShownValue:
    """A value of a property; one that is a code of a known system has both."""

    text: str
    system: str = ""
    code: str = ""


@dataclass(slots=True)
class ShownConcept:
    """The answer of $lookup in the parts of the page."""

    system: str
    code: str
    version: str | None
    display: str
    definition: str
    name: str
    is_abstract: bool = False
    is_inactive: bool = False
    parents: list[tuple[str, str]] = field(default_factory=list)
    children: list[tuple[str, str]] = field(default_factory=list)
    properties: dict[str, list[ShownValue]] = field(default_factory=dict)
    designations: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    evidence: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def lookup(road: Road, path: str, query: Sequence[tuple[str, str]]) -> View:
    """The page of ``$lookup``: the concept, or the form that asks for one."""
    arguments = dict(query)
    values: dict[str, Any] = {"given": fields_of(path, query), "systems": systems_to_choose(road)}
    if not any(arguments.get(name) for name in ("code", "coding")):
        return View("lookup.html", "Look up a code", values)
    question = [(name, value) for name, value in query if value]
    if "property" not in arguments:
        question.append(("property", "*"))
    reply = road.get(path, question, "This concept")
    if not reply.is_good:
        return failed(reply, "Look up a code", "lookup.html", values)
    concept = shown_concept(reply.resource, arguments)
    values |= {
        "it": concept,
        "most": MOST_RELATIVES,
        "trail": [],
        "maps": [],
        "from_maps": [],
        "titles": {},
        "resource": None,
    }
    if concept.parents:
        values["trail"] = trail(road, concept.system, concept.version, concept.parents[0][0])
    results = summaries(road, "CodeSystem", [("url", concept.system)])
    same = [r for r in results if r.get("version") == concept.version]
    values["resource"] = next(iter(same or results), None)
    to, from_ = _translations(road, concept)
    systems = [m.system for m in to if m.system] + [m.source_system for m in from_] + [concept.system]
    values |= {"maps": grouped(to), "from_maps": _by_source(from_), "titles": titles_of(road, systems)}
    values["map_titles"] = map_titles(summaries(road, "ConceptMap", [], 200))
    return View("concept.html", f"{concept.code} {concept.display}".strip(), values)


def systems_to_choose(road: Road) -> list[tuple[str, str]]:
    """Code systems for a list to choose from: those that are not of FHIR's own definitions come first."""
    results = road.get_once(
        "CodeSystem", [("_elements", "url,title,name,content"), ("_count", "60")]
    ).entries()
    rows = [
        (str(r["url"]), str(r.get("title") or r.get("name") or r["url"])) for r in results if r.get("url")
    ]
    return list(dict(rows).items())


def _translations(road: Road, concept: ShownConcept) -> tuple[list[Mapping], list[Mapping]]:
    to = road.get(
        "ConceptMap/$translate", [("system", concept.system), ("sourceCode", concept.code)], "What it maps to"
    )
    back = [("targetSystem", concept.system), ("targetCode", concept.code)]
    from_ = road.get("ConceptMap/$translate", back, "What maps to it")
    results = matches_of(to.resource, concept.system, concept.code) if to.is_good else []
    return results, matches_of(from_.resource, "", "") if from_.is_good else []


def grouped(mappings: Sequence[Mapping]) -> dict[str, list[Mapping]]:
    """Mappings by their target systems; those without a target by the map that says so."""
    results: dict[str, list[Mapping]] = {}
    for mapping in mappings:
        results.setdefault(mapping.system or "", []).append(mapping)
    return results


def _by_source(mappings: Sequence[Mapping]) -> dict[str, list[Mapping]]:
    results: dict[str, list[Mapping]] = {}
    for mapping in mappings:
        results.setdefault(mapping.source_system, []).append(mapping)
    return results


def shown_concept(answer: Document, arguments: dict[str, str]) -> ShownConcept:
    """The parts of an answer of $lookup in R5's shape."""
    results = parameters_of(answer)
    concept = ShownConcept(
        system=str(single(results, "system") or arguments.get("system", "")),
        code=str(single(results, "code") or arguments.get("code", "")),
        version=single(results, "version"),
        display=str(single(results, "display") or ""),
        definition=str(single(results, "definition") or ""),
        name=str(single(results, "name") or ""),
        is_abstract=bool(single(results, "abstract")),
    )
    for node in results.get("property", ()):
        _add_property(concept, parts_of(node))
    concept.notices += [notice for notice in notices_of(results) if notice not in concept.notices]
    for node in results.get("designation", ()):
        parts = dict(parts_of(node))
        use = parts.get("use") or {}
        words = str(use.get("display") or use.get("code") or "")
        concept.designations.setdefault(str(parts.get("language") or ""), []).append(
            (str(parts.get("value", "")), words)
        )
    return concept


def _add_property(concept: ShownConcept, parts: Sequence[tuple[str, Any]]) -> None:
    first = dict(reversed(parts))
    code, value, words = str(first.get("code", "")), first.get("value"), str(first.get("description") or "")
    if code in ("parent", "child"):
        (concept.parents if code == "parent" else concept.children).append((plain(value), words))
    elif code == "copyright":
        concept.notices.append(str(value))
    elif code == "evidence":
        concept.evidence += str(value).split("; ")
    elif code == "inactive":
        concept.is_inactive = concept.is_inactive or value is True
    elif code not in _PLACED and value is not None:
        concept.properties.setdefault(code, []).append(_shown_value(concept, value, words))


def _shown_value(concept: ShownConcept, value: Any, words: str) -> ShownValue:
    if isinstance(value, dict):
        code, system = str(value.get("code", "")), str(value.get("system", ""))
        text = str(value.get("display") or value.get("value") or code)
        return ShownValue(text, system, code) if code and system else ShownValue(text)
    if isinstance(value, bool):
        return ShownValue("yes" if value else "no")
    if words:
        return ShownValue(words, concept.system, str(value))
    return ShownValue(str(value))
