"""The entries of the lists of a ValueSet resource, read as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from terminology.content.importers.fhir.events import (
    DEEPEST,
    Events,
    json_events,
    json_items,
    keys,
    skip,
    until,
    value_of,
)
from terminology.content.importers.fhir.headers import LISTS
from terminology.content.importers.files import File
from terminology.core.errors import BrokenReleaseError, TerminologyError
from terminology.core.model import Document, Problem
from terminology.core.structure import require
from terminology.store.release import MemberRow
from terminology.store.reporting import Reporter


def read_members(file: File, header: Document, reporter: Reporter) -> Iterator[MemberRow]:
    """The entries of all ``include.concept``, ``exclude.concept`` and ``expansion.contains``."""
    builder = MemberBuilder(file, reporter)
    only = _only_list(header)
    if only is not None:
        name, number = only
        with json_items(file, reporter, f"compose.{name}.item.concept.item") as nodes:
            for node in nodes:
                yield from builder.listed(name, number, node)
        return
    with json_events(file, reporter) as events:
        next(events)
        for key in keys(events):
            if key in _READERS:
                yield from _READERS[key](events, builder)
            else:
                skip(events)


def _only_list(header: Document) -> tuple[str, int] | None:
    """The name and number of the list that has all concepts, where there is one: the quick parser reads it."""
    compose = header.get("compose", {})
    lists = [(name, n) for name in LISTS for n, node in enumerate(compose.get(name, ())) if "concept" in node]
    return lists[0] if len(lists) == 1 and "expansion" not in header else None


class MemberBuilder:
    """Builds the rows of the entries, and counts them in the order of the resource."""

    def __init__(self, file: File, reporter: Reporter) -> None:
        self.file, self._reporter = file, reporter
        self._places = count()

    def place(self) -> int:
        """The place of the next entry."""
        return next(self._places)

    def listed(self, name: str, number: int, node: Any) -> Iterator[MemberRow]:
        """The row of an entry of an include or exclude, unless it is malformed."""
        if self._is_valid(node, {"compose": {name: [{"concept": [node]}]}}) and self._has_code(node):
            yield MemberRow(name, number, next(self._places), node)

    def contained(self, node: Document, place: int, depth: int) -> Iterator[MemberRow]:
        """The row of an entry of an expansion. A malformed entry still contains others."""
        if not self._is_valid(node, {"expansion": {"contains": [node]}}):
            node = {"contains": []} if isinstance(node, dict) and "contains" in node else {}
        if node:
            yield MemberRow("expansion", 0, place, node, depth)

    def _is_valid(self, node: Any, within: Document) -> bool:
        try:
            require({"resourceType": "ValueSet", **within})
        except TerminologyError as error:
            self._report(str(error))
            return False
        return True

    def _has_code(self, node: Document) -> bool:
        if "code" not in node:
            self._report(f"expected a concept with a code, not {str(node)[:80]}")
        return "code" in node

    def _report(self, text: str) -> None:
        self._reporter.problem(Problem(self.file.label, 0, text))


def _compose_members(events: Events, builder: MemberBuilder) -> Iterator[MemberRow]:
    next(events)
    for name in keys(events):
        if name not in LISTS:
            skip(events)
            continue
        next(events)
        for number, _ in enumerate(until(events, "end_array")):
            for key in keys(events):
                if key != "concept":
                    skip(events)
                    continue
                next(events)
                for event, value in until(events, "end_array"):
                    yield from builder.listed(name, number, value_of(events, event, value))


def _expansion_members(events: Events, builder: MemberBuilder) -> Iterator[MemberRow]:
    next(events)
    for key in keys(events):
        if key != "contains":
            skip(events)
            continue
        next(events)
        yield from _contained_members(events, builder, 0)


def _contained_members(events: Events, builder: MemberBuilder, depth: int) -> Iterator[MemberRow]:
    """Each entry after those that it contains, with a place before theirs."""
    if depth > DEEPEST:
        text = f"codes are nested more than {DEEPEST} deep"
        raise BrokenReleaseError(Problem(builder.file.label, 0, text))
    for event, value in until(events, "end_array"):
        place = builder.place()
        if event != "start_map":
            yield from builder.contained(value_of(events, event, value), place, depth)
            continue
        node: Document = {}
        for key in keys(events):
            event, value = next(events)
            if key == "contains" and event == "start_array":
                node[key] = []
                yield from _contained_members(events, builder, depth + 1)
            else:
                node[key] = value_of(events, event, value)
        yield from builder.contained(node, place, depth)


_READERS: dict[str, Callable[[Events, MemberBuilder], Iterator[MemberRow]]] = {
    "compose": _compose_members,
    "expansion": _expansion_members,
}
