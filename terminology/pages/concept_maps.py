"""The page of a concept map: a picture of its mappings, the same as a table, and a form that chooses among them."""

from __future__ import annotations

from typing import Any

from terminology.pages.code_systems import offset_of
from terminology.pages.coverage import coverage, relationships
from terminology.pages.map_picture import picture
from terminology.pages.mappings import RELATIONSHIPS, Mapping, attributes_of, gaps_of, rows_of
from terminology.pages.road import Road
from terminology.pages.view import View, facts, failed, pills, summaries, title_of, titles_of

# The mappings of one picture. More are drawn on further pages.
PAGE = 30
# The elements of a large map that are read at once: as many as a read returns.
MOST_ELEMENTS = 1_000
# The prefix of a parameter of a form that names a condition: ``when.technique=loop``.
WHEN = "when."


def concept_map(road: Road, id_: str, query: dict[str, str]) -> View:
    """The page of ``ConceptMap/id``."""
    part = _part_of(query)
    question = [("_count", str(MOST_ELEMENTS)), ("_offset", str(part))] if part else []
    reply = road.get_once(f"ConceptMap/{id_}", question, "This map")
    if not reply.is_good:
        return failed(reply)
    resource = reply.resource
    rows = rows_of(resource)
    chosen = _chosen(rows, query)
    offset = min(offset_of(query), max(0, len(chosen) - 1))
    visible = chosen[offset : offset + PAGE]
    is_partial = bool(part) or "Link" in reply.headers
    systems = [system for row in rows for system in (row.source_system, row.system or "") if system]
    attributes = attributes_of(rows)
    values: dict[str, Any] = {
        "resource": resource,
        "facts": facts(resource),
        "pills": pills(resource),
        "rows": visible,
        "coverage": None if is_partial else coverage(road, resource, rows),
        "distribution": relationships(rows),
        "picture": picture(visible),
        "total": len(rows),
        "chosen": len(chosen),
        "offset": offset,
        "next": offset + PAGE if offset + PAGE < len(chosen) else None,
        "previous": max(0, offset - PAGE) if offset else None,
        "part": part,
        "next_part": part + MOST_ELEMENTS if "Link" in reply.headers else None,
        "given": query,
        "offered": [r for r in RELATIONSHIPS if any(row.relationship == r for row in rows)],
        "attributes": attributes,
        "when": {name: query.get(f"{WHEN}{name}", "") for name in attributes},
        "titles": titles_of(road, systems),
        "gaps": gaps_of(resource),
        "unmapped": [group["unmapped"] for group in resource.get("group", ()) if group.get("unmapped")],
        "groups": [(g.get("source", ""), g.get("target", "")) for g in resource.get("group", ())],
        "versions": _versions(road, resource.get("url"), id_),
    }
    return View("concept_map.html", title_of(resource), values)


def _versions(road: Road, url: object, id_: str) -> list[Any]:
    return (
        [r for r in summaries(road, "ConceptMap", [("url", str(url))]) if r.get("id") != id_] if url else []
    )


def _part_of(query: dict[str, str]) -> int:
    text = query.get("part", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def _chosen(rows: list[Mapping], query: dict[str, str]) -> list[Mapping]:
    """The mappings that the form asks for: by texts of both ends, relationship, and conditions."""
    source, target = query.get("source", "").casefold().strip(), query.get("target", "").casefold().strip()
    relationship = query.get("relationship", "")
    known = [
        (name.removeprefix(WHEN), value) for name, value in query.items() if name.startswith(WHEN) and value
    ]
    return [
        row
        for row in rows
        if (not source or source in f"{row.source} {row.source_display}".casefold())
        and (not target or target in f"{row.code or ''} {row.display}".casefold())
        and (not relationship or row.relationship == relationship)
        and all(row.holds_for(name, value) for name, value in known)
    ]
