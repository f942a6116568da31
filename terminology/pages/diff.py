"""What has changed between two versions of a code system, value set or map: as numbers, as a bar and as a table.

The changes are those of the command ``terminology diff``, between resources that the user may read. A page compares
so many codes and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Sized
from itertools import islice, pairwise
from typing import Any

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.core.versions import ranking
from terminology.pages.code_systems import WITHOUT_CODES, offset_of
from terminology.pages.coverage import bar
from terminology.pages.road import Road
from terminology.pages.view import HEADER, View, failed, summaries, title_of
from terminology.systems.protocol import CodeSystem
from terminology.workbench.diff import (
    BREAKING,
    CodeChange,
    expansion_changes,
    lone_codes,
    map_changes,
    require_one,
    system_changes,
)

# The types that can be compared.
KINDS = ("CodeSystem", "ValueSet", "ConceptMap")
# The most codes of each version that a page compares, and the elements of a map that one question gets.
MOST_CODES = 20_000
_ELEMENTS = 1_000
# The changes on one page, and the resources among which those with several versions are looked for.
PAGE = 100
_LOOKED_AT = 1_000
_TITLE = "What has changed?"
# Each kind of change in the words of the page, in its order.
WORDS = {
    "removed": "removed",
    "retired": "retired",
    "unmapped": "no longer mapped",
    "remapped": "mapped otherwise",
    "renamed": "with another name",
    "moved": "moved in the hierarchy",
    "revived": "active again",
    "mapped": "newly mapped",
    "added": "added",
}


def diff(road: Road, query: dict[str, str]) -> View:
    """The page. ``old`` and ``new`` are addresses of resources, such as ``CodeSystem/a``; ``change`` chooses a kind."""
    old, new = query.get("old", "").strip(), query.get("new", "").strip()
    values: dict[str, Any] = {"given": query, "words": WORDS}
    if not (old and new):
        return View("diff.html", _TITLE, {**values, "pairs": _pairs(road)})
    kind, _, _ = old.partition("/")
    if kind not in KINDS or new.partition("/")[0] != kind:
        error = TerminologyError(issues.not_two_resources(old, new, KINDS))
        return failed(road.failure(error), _TITLE, "diff.html", values)
    replies = [road.get_once(address, [("_elements", HEADER)]) for address in (old, new)]
    for reply in replies:
        if not reply.is_good:
            return failed(reply, _TITLE, "diff.html", values)
    before, after = (reply.resource for reply in replies)
    try:
        require_one(kind, *(str(resource.get("url", "")) for resource in (before, after)))
        changes, lone = _changes(road, kind, before, after)
    except TerminologyError as error:
        return failed(road.failure(error), _TITLE, "diff.html", values)
    places = {name: place for place, name in enumerate(WORDS)}
    changes.sort(key=lambda change: places[change.kind])
    chosen = [change for change in changes if query.get("change", "") in ("", change.kind)]
    counts = Counter(change.kind for change in changes)
    offset = min(offset_of(query), max(0, len(chosen) - 1))
    end = offset + PAGE
    return View(
        "diff.html",
        f"What has changed in {title_of(after)}",
        {
            **values,
            "kind": kind,
            "before": before,
            "after": after,
            "bars": bar([(name, words, counts[name]) for name, words in WORDS.items()]),
            "changes": chosen[offset:end],
            "total": len(changes),
            "about_parts": issues.codes_of_one_part(len(lone)) if lone else "",
            "chosen": len(chosen),
            "breaking": sum(counts[name] for name in BREAKING),
            "offset": offset,
            "next": end if end < len(chosen) else None,
            "previous": max(0, offset - PAGE) if offset else None,
        },
    )


def _pairs(road: Road) -> list[tuple[str, Document, Document]]:
    """Each version of a resource with the next one: type, the earlier and the later one."""
    pairs = []
    for kind in KINDS:
        by_url: dict[str, list[Document]] = {}
        for resource in summaries(road, kind, [], _LOOKED_AT):
            if resource.get("url"):
                by_url.setdefault(str(resource["url"]), []).append(resource)
        for versions in by_url.values():
            pairs += [(kind, *pair) for pair in pairwise(sorted(versions, key=ranking(versions)))]
    return pairs


def _changes(
    road: Road, kind: str, before: Document, after: Document
) -> tuple[list[CodeChange], Sequence[str]]:
    """The changes, and the codes that one fragment alone has.

    Raises TerminologyError where there is too much to compare, or no list of codes.
    """
    both = (before, after)
    if kind == "CodeSystem":
        old, new = (_system(road, resource) for resource in both)
        return list(system_changes(old, new)), lone_codes(old, new)
    if kind == "ValueSet":
        return list(expansion_changes(*(_expansion(road, resource) for resource in both))), ()
    return list(map_changes(*(_whole_map(road, resource) for resource in both))), ()


def _system(road: Road, resource: Document) -> CodeSystem:
    """The code system of a resource that the user may read, as the user sees it. Raises TerminologyError."""
    if resource.get("content") in WITHOUT_CODES:
        raise TerminologyError(issues.no_codes_to_compare(title_of(resource), resource["content"]))
    system = road.context.catalogue.system(str(resource.get("url", "")), resource.get("version"))
    codes = system.select()
    size = len(codes) if isinstance(codes, Sized) else sum(1 for _ in islice(codes, MOST_CODES + 1))
    _require_few(size, resource)
    return system


def _expansion(road: Road, resource: Document) -> Document:
    """The expansion of a value set, whole. Raises TerminologyError."""
    query = [("url", str(resource.get("url", ""))), ("count", str(MOST_CODES + 1)), ("excludeNested", "true")]
    version = [("valueSetVersion", str(resource["version"]))] if resource.get("version") else []
    answer = road.required("ValueSet/$expand", [*query, *version]).resource
    expansion: Document = answer.get("expansion", {})
    _require_few(max(int(expansion.get("total", 0)), len(expansion.get("contains", ()))), resource)
    return expansion


def _whole_map(road: Road, resource: Document) -> Document:
    """A map with all its rows, read part by part. Raises TerminologyError."""
    groups: list[Document] = []
    for offset in range(0, MOST_CODES, _ELEMENTS):
        query = [("_count", str(_ELEMENTS)), *([("_offset", str(offset))] if offset else [])]
        reply = road.required(f"ConceptMap/{resource.get('id')}", query)
        groups += reply.resource.get("group", ())
        _require_few(sum(len(group.get("element", ())) for group in groups), resource)
        if "Link" not in reply.headers:
            return {"group": groups}
    raise TerminologyError(issues.too_much_to_compare(title_of(resource), MOST_CODES))


def _require_few(size: int, resource: Document) -> None:
    if size > MOST_CODES:
        raise TerminologyError(issues.too_much_to_compare(title_of(resource), MOST_CODES))
