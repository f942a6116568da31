"""Conization on one page: technique, whose bill and intent to a code of each system, with the sources.

Every code on it is an answer of $translate: the maps decide, and this page only puts their answers side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from terminology.content.canonical import bills_of_maps
from terminology.core.issues.phrases import and_list
from terminology.core.model import Document
from terminology.pages.code_systems import ListedConcept, expanded
from terminology.pages.mappings import Mapping, matches_of
from terminology.pages.road import Road, dependency, parameters
from terminology.pages.texts import local_name
from terminology.pages.view import View, failed, summaries, titles_of

# The ids of the code system and of the concept in it that all techniques are kinds of.
ID, TOP = "cervical-conization", "conization"
_ALL: Document = {"property": "concept", "op": "is-a", "value": TOP}
# The techniques that have colposcopy in them.
_WITH_COLPOSCOPY: Document = {"property": "colposcopyGuided", "op": "=", "value": "true"}
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
    """A technique with, for each target system, its codes on each bill.

    ``is_at_odds``: it has a colposcopy in it, and the reader chose none, so that no code is right.
    """

    code: str
    display: str
    depth: int
    rows: dict[str, list[BillCell]] = field(default_factory=dict)
    is_at_odds: bool = False


def is_here(road: Road) -> bool:
    """Does the user find the content of the page here?"""
    return road.get_once("CodeSystem", [("_id", ID), ("_summary", "count")]).total > 0


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
    at_odds = _codes(road, url, _WITH_COLPOSCOPY) if colposcopy == "false" else set()
    for technique in visible:
        technique.is_at_odds = technique.code in at_odds
    answerable = [technique for technique in visible if not technique.is_at_odds]
    for technique in answerable:
        is_told = technique is answerable[0]  # the requests of one technique show how to ask for all
        technique.rows = _rows(road, url, technique, bills, colposcopy, maps, is_told)
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
    return View("conization.html", "Conization: which code?", values)


def _is_asked_for(bill: tuple[str, str, str], query: dict[str, str]) -> bool:
    """Does a bill pass the form? One on which the intent does not matter passes any."""
    setting, intent, _ = bill
    return query.get("setting", "") in ("", setting) and (
        not intent or query.get("intent", "") in ("", intent)
    )


def _techniques(road: Road, url: str) -> list[Technique]:
    """The concepts at and below the top that a record can have, in the order of the hierarchy."""
    return [Technique(c.code, c.display, c.depth) for c in _concepts(road, url, _ALL) if not c.is_abstract]


def _codes(road: Road, url: str, filter_: Document) -> set[str]:
    return {c.code for c in _concepts(road, url, filter_)}


def _concepts(road: Road, url: str, filter_: Document) -> list[ListedConcept]:
    compose = {"include": [{"system": url, "filter": [filter_]}]}
    value_set = {"resourceType": "ValueSet", "status": "active", "compose": compose}
    body = parameters(("valueSet", "resource", value_set), ("excludeNested", "valueBoolean", False))
    return expanded(road.post_once("ValueSet/$expand", body), 0).concepts


def _rows(
    road: Road,
    url: str,
    technique: Technique,
    bills: list[tuple[str, str, str]],
    colposcopy: str,
    maps: list[str],
    is_told: bool,
) -> dict[str, list[BillCell]]:
    """The codes of each target system on each bill, equal neighbours put together, in the order of the maps.

    ``is_told``: the page tells how to repeat these requests.
    """
    answers = [
        _translated(road, url, technique.code, bill, colposcopy, _about(technique, bill) if is_told else "")
        for bill in bills
    ]
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


def _about(technique: Technique, bill: tuple[str, str, str]) -> str:
    """What a request asks, and which maps of its answer the page leaves out, as their codes are for another bill."""
    others = [id_ for id_, setting in bills_of_maps().items() if setting != bill[0]]
    left_out = f" (the page leaves out {and_list(others)}, for another bill)" if others else ""
    return f"{technique.display}; {bill[2]}{left_out}"


def _translated(
    road: Road, url: str, code: str, bill: tuple[str, str, str], colposcopy: str, about: str
) -> list[Mapping]:
    """The translations of a technique on a bill; conditions that are sent are left out of them."""
    known = [*_USUAL, ("setting", bill[0])]
    known += [("intent", bill[1])] if bill[1] else []
    known += [("colposcopyGuided", colposcopy)] if colposcopy in ("true", "false") else []
    body = parameters(("system", "valueUri", url), ("sourceCode", "valueCode", code))
    body["parameter"] += [dependency(name, value) for name, value in known]
    reply = road.post_once("ConceptMap/$translate", body, about)
    matches = [m for m in matches_of(reply.resource, url, code) if m.is_translation] if reply.is_good else []
    only = bills_of_maps()
    matches = [m for m in matches if only.get(local_name(m.map_.partition("|")[0]), bill[0]) == bill[0]]
    sent = {name for name, _ in known}
    for match in matches:
        match.conditions = [c for c in match.conditions if c.name not in sent]
    return matches


def _all(technique: Technique) -> list[Mapping]:
    return [mapping for cells in technique.rows.values() for cell in cells for mapping in cell.mappings]
