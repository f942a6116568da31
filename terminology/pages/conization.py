"""Conization on one page: technique, whose bill and intent to a code of each system, with the sources.

Every code on it is an answer of $translate: the maps decide, and this page only puts their answers side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from terminology.content.canonical import bills_of_maps
from terminology.pages.code_systems import expanded
from terminology.pages.mappings import Mapping, matches_of
from terminology.pages.road import Road, dependency, parameters
from terminology.pages.texts import local_name
from terminology.pages.view import View, failed, summaries, titles_of

# The ids of the code system and of the concept in it that all techniques are kinds of.
ID, TOP = "cervical-conization", "conization"
# The usual case: through the vagina, and the first one. Other cases are for $translate.
_USUAL = (("approach", "via-natural-opening"), ("episode", "initial"))
# The three bills: whose it is, the intent that matters there, and what it is called.
BILLS = (
    ("outpatient-or-professional", "", "Physician, or facility for an outpatient"),
    ("inpatient-facility", "diagnostic", "Facility for an inpatient, for diagnosis alone"),
    ("inpatient-facility", "therapeutic", "Facility for an inpatient, for treatment"),
)


@dataclass(slots=True)
class BillCell:
    """The codes of one system on some bills: ``span`` of them have the same codes."""

    mappings: list[Mapping]
    span: int = 1


@dataclass(slots=True)
class Technique:
    """A technique with, for each target system, its codes on each bill."""

    code: str
    display: str
    depth: int
    rows: dict[str, list[BillCell]] = field(default_factory=dict)


def conization(road: Road, query: dict[str, str]) -> View:
    """The page. ``technique``, ``setting``, ``intent`` and ``colposcopy`` choose a part of it."""
    reply = road.get_once(
        f"CodeSystem/{ID}", [("_elements", "url,title,version,description,copyright,date,publisher")]
    )
    if not reply.is_good:
        return failed(reply)
    url = str(reply.resource["url"])
    every = _techniques(road, url)
    chosen = query.get("technique", "")
    bills = [bill for bill in BILLS if _is_asked_for(bill, query)] or list(BILLS)
    visible = [technique for technique in every if chosen in ("", technique.code)] or every
    colposcopy = query.get("colposcopy", "")
    maps = [str(r.get("url", "")) for r in summaries(road, "ConceptMap", [("source-group-system", url)])]
    for technique in visible:
        technique.rows = _rows(road, url, technique.code, bills, colposcopy, maps)
    systems = dict.fromkeys(system for technique in visible for system in technique.rows)
    values: dict[str, Any] = {
        "resource": reply.resource,
        "url": url,
        "choices": [("", "any technique"), *((t.code, t.display) for t in every)],
        "techniques": visible,
        "bills": bills,
        "titles": titles_of(road, systems),
        "given": query,
        "sources": sorted({s for t in visible for m in _all(t) for s in m.evidence}),
    }
    road.get(
        "ConceptMap/$translate",
        [("system", url), ("sourceCode", visible[0].code if visible else TOP)],
        "One technique, every system",
    )
    return View("conization.html", "Conization: which code?", values)


def _is_asked_for(bill: tuple[str, str, str], query: dict[str, str]) -> bool:
    """Does a bill pass the form? One on which the intent does not matter passes any."""
    setting, intent, _ = bill
    return query.get("setting", "") in ("", setting) and (
        not intent or query.get("intent", "") in ("", intent)
    )


def _techniques(road: Road, url: str) -> list[Technique]:
    """The concepts at and below the top that a record can have, in the order of the hierarchy."""
    filters = [{"property": "concept", "op": "is-a", "value": TOP}]
    compose = {"include": [{"system": url, "filter": filters}]}
    value_set = {"resourceType": "ValueSet", "status": "active", "compose": compose}
    body = parameters(("valueSet", "resource", value_set), ("excludeNested", "valueBoolean", False))
    concepts = expanded(road.post_once("ValueSet/$expand", body), 0).concepts
    return [Technique(c.code, c.display, c.depth) for c in concepts if not c.is_abstract]


def _rows(
    road: Road, url: str, code: str, bills: list[tuple[str, str, str]], colposcopy: str, maps: list[str]
) -> dict[str, list[BillCell]]:
    """The codes of each target system on each bill, equal neighbours put together, in the order of the maps."""
    answers = [_translated(road, url, code, bill, colposcopy) for bill in bills]
    places = {map_: place for place, map_ in enumerate(maps)}
    results = [m for answer in answers for m in answer if m.system]
    results.sort(key=lambda m: places.get(m.map_.partition("|")[0], len(places)))
    rows: dict[str, list[BillCell]] = {}
    for system in dict.fromkeys(m.system for m in results):
        cells: list[BillCell] = []
        for answer in answers:
            mappings = [m for m in answer if m.system == system]
            if cells and cells[-1].mappings == mappings:
                cells[-1].span += 1
            else:
                cells.append(BillCell(mappings))
        rows[str(system)] = cells
    return rows


def _translated(
    road: Road, url: str, code: str, bill: tuple[str, str, str], colposcopy: str
) -> list[Mapping]:
    """The translations of a technique on a bill; conditions that are sent are left out of them."""
    known = [*_USUAL, ("setting", bill[0])]
    known += [("intent", bill[1])] if bill[1] else []
    known += [("colposcopyGuided", colposcopy)] if colposcopy in ("true", "false") else []
    body = parameters(("system", "valueUri", url), ("sourceCode", "valueCode", code))
    body["parameter"] += [dependency(name, value) for name, value in known]
    reply = road.post_once("ConceptMap/$translate", body)
    matches = [m for m in matches_of(reply.resource, url, code) if m.is_translation] if reply.is_good else []
    only = bills_of_maps()
    matches = [m for m in matches if only.get(local_name(m.map_.partition("|")[0]), bill[0]) == bill[0]]
    sent = {name for name, _ in known}
    for match in matches:
        match.conditions = [c for c in match.conditions if c.name not in sent]
    return matches


def _all(technique: Technique) -> list[Mapping]:
    return [mapping for cells in technique.rows.values() for cell in cells for mapping in cell.mappings]
