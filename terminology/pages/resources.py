"""Lists of resources, naming systems, and any answer that has no page of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from terminology.core.model import Document
from terminology.pages.code_systems import offset_of
from terminology.pages.links import KIND_TITLES
from terminology.pages.road import AskedRequest, Road
from terminology.pages.view import View, facts, failed, pills, title_of
from terminology.systems import cpt
from terminology.wire import json

# The resources on one page of a list.
PAGE = 50
# The characters of JSON that a page shows.
MOST_SHOWN = 100_000
# The code systems whose notices are read.
_MOST_SYSTEMS = 1_000
# What a code system needs besides its notice, and the words by which a notice names our own licence.
_NEEDS = {
    cpt.URL: "Using CPT needs the licence of the AMA. Its official descriptors are licensed by the AMA, and none "
    "comes with this software: mount your own AMA files."
}
_OF_PROJECT = "the licence of the project"
_ELEMENTS = "url,version,name,title,status,content,count,date,publisher"


def listing(
    road: Road, kind: str, query: Sequence[tuple[str, str]], address_of: Callable[[str, object], str]
) -> View:
    """The page of a search: ``address_of`` gives the address of a resource, where one answer is all that there is."""
    arguments = {name: value for name, value in query if value}
    question = [(name, value) for name, value in query if value]
    for name, value in (("_elements", _ELEMENTS), ("_count", str(PAGE))):
        if name not in arguments:
            question.append((name, value))
    reply = road.get(kind, question, "This list")
    if not reply.is_good:
        return failed(reply)
    results = reply.entries()
    if len(results) == 1 and arguments.get("url") and set(arguments) <= {"url", "version"}:
        return View("", "", location=address_of(kind, results[0].get("id", "")))
    offset = offset_of({"offset": arguments.get("_offset", "")})
    values: dict[str, Any] = {
        "kind": kind,
        "found": results,
        "total": reply.total,
        "offset": offset,
        "given": arguments,
        "next": offset + len(results) if results and offset + len(results) < reply.total else None,
        "previous": max(0, offset - PAGE) if offset else None,
        "remarks": [
            issue.get("details", {}).get("text", "")
            for entry in reply.resource.get("entry", ())
            if entry.get("search", {}).get("mode") == "outcome"
            for issue in entry["resource"].get("issue", ())
        ],
    }
    return View("list.html", KIND_TITLES[kind], values)


def licences(road: Road, query: dict[str, str]) -> View:
    """The notices of the code systems, each once with the systems that have it.

    ``has`` is a part of their titles, of their urls or of the notice.
    """
    text = query.get("has", "").strip()[:200]
    question = [
        ("_elements", "url,version,title,name,copyright,copyrightLabel"),
        ("_count", str(_MOST_SYSTEMS)),
    ]
    reply = road.get_once("CodeSystem", question, "The code systems with their notices")
    if not reply.is_good:
        return failed(reply)
    by_notice: dict[str, list[Document]] = {}
    for resource in reply.entries():
        notice = str(resource.get("copyright") or resource.get("copyrightLabel") or "")
        if text.casefold() in f"{title_of(resource)} {resource.get('url', '')} {notice}".casefold():
            by_notice.setdefault(notice, []).append(resource)
    # What states no notice comes last.
    notices = sorted(by_notice.items(), key=lambda item: not item[0])
    values = {
        "notices": notices,
        "text": text,
        "most": 12,
        "needs": _NEEDS,
        "of_project": _OF_PROJECT,
    }
    return View("licences.html", "Licences", values)


def naming_system(road: Road, id_: str) -> View:
    """The page of ``NamingSystem/id``: which identifiers name a code system."""
    reply = road.get(f"NamingSystem/{id_}", [], "This naming system")
    if not reply.is_good:
        return failed(reply)
    resource = reply.resource
    urls = [
        str(u.get("value")) for u in resource.get("uniqueId", ()) if u.get("type") == "uri" and u.get("value")
    ]
    values: dict[str, Any] = {
        "resource": resource,
        "facts": facts(resource),
        "pills": pills(resource),
        "identifiers": resource.get("uniqueId", []),
        "systems": [r for url in urls[:10] for r in _with_notice(road, url)],
    }
    return View("naming_system.html", title_of(resource), values)


def _with_notice(road: Road, url: str) -> list[Document]:
    elements = [("_elements", "url,version,name,title,copyright,copyrightLabel"), ("_count", "50")]
    return road.get_once("CodeSystem", [("url", url), *elements]).entries()


def anything(road: Road, path: str, query: Sequence[tuple[str, str]]) -> View:
    """The page of any other answer: its JSON, as a client of the root gets it."""
    question = AskedRequest("This answer", "GET", path, [(n, v) for n, v in query if v])
    road.questions.append(question)
    reply = road.in_own_release(question)
    if not reply.is_good:
        return failed(reply)
    text = json.write(reply.resource, pretty=True).decode()
    values = {"text": text[:MOST_SHOWN], "cut": max(0, len(text) - MOST_SHOWN), "path": path}
    return View("answer.html", str(reply.resource.get("resourceType", path)), values)
