"""The concepts of a CodeSystem resource, read as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from terminology.content.importers.fhir.events import (
    DEEPEST,
    Events,
    json_events,
    json_items,
    keys,
    mentions,
    skip,
    until,
    value_of,
)
from terminology.content.importers.files import File
from terminology.core.code_keys import CodeKeys
from terminology.core.errors import BrokenReleaseError, TerminologyError
from terminology.core.languages import STANDARDS_STATUS
from terminology.core.model import Document, Problem, Typed
from terminology.store.release import ConceptRow, DesignationTuple, PropertyDeclaration, PropertyTuple
from terminology.store.reporting import Reporter
from terminology.systems.metadata import BY_NAME, CONCEPT_PROPERTIES, INACTIVE_STATUS
from terminology.wire.json_types import require_part

CONCEPT = "CodeSystem.concept"
_ROLES = ("parent", "subsumedBy", "child", "status", "inactive", "notSelectable")


def read_concepts(
    file: File,
    properties: Sequence[PropertyDeclaration],
    case_sensitive: bool | None,
    reporter: Reporter,
) -> Iterator[ConceptRow]:
    """Each concept after those that are nested in it, with its place in the resource."""
    roles = PropertyRoles(properties)
    names_children = "child" in roles.codes and mentions(file, f'"{roles.codes["child"]}"'.encode())
    parents_of = _parents_by_child(file, roles, case_sensitive, reporter) if names_children else {}
    builder = FhirConceptBuilder(file, reporter, roles, parents_of)
    if mentions(file, b'"concept"') == 1:
        with json_items(file, reporter, "concept.item") as nodes:
            concepts = (builder.concept(node, None, next(builder.places)) for node in nodes)
            yield from (concept for concept in concepts if concept is not None)
        return
    with json_events(file, reporter) as events:
        next(events)
        for key in keys(events):
            if key == "concept":
                next(events)
                yield from _nested_concepts(events, builder, None, 1)
            else:
                skip(events)


class PropertyRoles:
    """The properties that FHIR defines: by their uri, or else by a code that has no other uri.

    ``codes`` has the code of each role; ``hierarchy`` has the codes of those that name parents and children.
    """

    def __init__(self, properties: Sequence[PropertyDeclaration]) -> None:
        by_uri = {
            p.uri.removeprefix(CONCEPT_PROPERTIES): p.code
            for p in properties
            if p.uri and p.uri.startswith(CONCEPT_PROPERTIES)
        }
        taken = {p.code for p in properties if p.uri} - BY_NAME
        self.codes = by_uri | {r: r for r in _ROLES if r not in by_uri and r not in taken}
        self.hierarchy = {self.codes[role] for role in ("parent", "child") if role in self.codes}

    def values(self, node: Document, role: str) -> list[Any]:
        """The values that a concept has for a role."""
        code = self.codes.get(role)
        typed = (Typed.of(p) for p in node.get("property", ()) if code and p.get("code") == code)
        return [value.value for value in typed if value is not None]


class FhirConceptBuilder:
    """Builds the concepts of a file. ``places`` counts them in the order of the resource.

    ``parents_of`` has the parents of a code that name it as their child.
    """

    def __init__(
        self, file: File, reporter: Reporter, roles: PropertyRoles, parents_of: dict[str, list[str]]
    ) -> None:
        self.file, self.reporter, self.roles, self.parents_of = file, reporter, roles, parents_of
        self.places = count()

    def require_not_too_deep(self, depth: int) -> None:
        """Raises BrokenReleaseError."""
        if depth > DEEPEST:
            text = f"concepts are nested more than {DEEPEST} deep"
            raise BrokenReleaseError(Problem(self.file.label, 0, text))

    def concept(self, node: Document, parent: str | None, place: int | None = None) -> ConceptRow | None:
        """The concept; a malformed one is reported, and None."""
        return self.built(node, parent, place) if self.has_right_types(node) else None

    def has_right_types(self, node: Any) -> bool:
        """Whether this is a concept, with elements of the types that FHIR gives them; anything else is reported."""
        try:
            require_part(CONCEPT, node, "concept")
        except TerminologyError as error:
            self.reporter.problem(Problem(self.file.label, 0, f"{error}: {str(node)[:80]}"))
            return False
        return True

    def built(self, node: Document, parent: str | None, place: int | None) -> ConceptRow | None:
        """The row of a concept that has the right types; one without a code is reported, and None."""
        if "code" not in node:
            text = f"expected a concept with a code, not {str(node)[:80]}"
            self.reporter.problem(Problem(self.file.label, 0, text))
            return None
        code: str = node["code"]
        named = [*self.roles.values(node, "parent"), *self.roles.values(node, "subsumedBy")]
        parents = [*([parent] if parent else ()), *map(str, named), *self.parents_of.get(code, ())]
        status = self._status(node)
        return ConceptRow(
            code=code,
            display=node.get("display"),
            definition=node.get("definition"),
            abstract=True in self.roles.values(node, "notSelectable"),
            inactive=True in self.roles.values(node, "inactive") or status in INACTIVE_STATUS,
            status=status,
            parents=list(dict.fromkeys(parents)),
            designations=[_designation(designation) for designation in node.get("designation", ())],
            properties=[s for p in node.get("property", ()) if (s := self._property(p)) is not None],
            extension=node.get("extension", ()),
            place=place,
        )

    def _property(self, node: Document) -> PropertyTuple | None:
        value = Typed.of(node) or Typed("string", "")
        code = node.get("code", "")
        if not code or code in self.roles.hierarchy:
            return None
        return code, value.type, value.value

    def _status(self, node: Document) -> str | None:
        if statuses := self.roles.values(node, "status"):
            return str(statuses[0])
        marks = (e.get("valueCode") for e in node.get("extension", ()) if e.get("url") == STANDARDS_STATUS)
        return next(marks, None)


def _designation(node: Document) -> DesignationTuple:
    rest = {key: value for key, value in node.items() if key not in ("value", "language", "use")}
    return node.get("value", ""), node.get("language"), node.get("use"), rest or None


def _nested_concepts(
    events: Events, builder: FhirConceptBuilder, parent: str | None, depth: int
) -> Iterator[ConceptRow]:
    """The concepts of a list that has begun, each after those that are nested in it."""
    builder.require_not_too_deep(depth)
    for event, value in until(events, "end_array"):
        place = next(builder.places)
        if event != "start_map":
            builder.concept(value_of(events, event, value), parent, place)
            continue
        node: Document = {}
        for key in keys(events):
            event, value = next(events)
            if key == "concept" and "code" in node:
                yield from _nested_concepts(events, builder, node["code"], depth + 1)
            else:
                node[key] = value_of(events, event, value)
        if builder.has_right_types(node):
            yield from _concepts_below(node, builder, parent, depth)
            if (row := builder.built(node, parent, place)) is not None:
                yield row


def _concepts_below(
    node: Document, builder: FhirConceptBuilder, parent: str | None, depth: int
) -> Iterator[ConceptRow]:
    """The concepts nested in one whose code comes after them, or that has no code."""
    builder.require_not_too_deep(depth)
    for inner in node.pop("concept", ()):
        place = next(builder.places)
        yield from _concepts_below(inner, builder, node.get("code", parent), depth + 1)
        if (row := builder.concept(inner, node.get("code", parent), place)) is not None:
            yield row


def _parents_by_child(
    file: File, roles: PropertyRoles, case_sensitive: bool | None, reporter: Reporter
) -> dict[str, list[str]]:
    """The parents that name a code as their child, by that code as its concept has it."""
    named: list[tuple[int, str, str]] = []
    codes: dict[str, tuple[int, str]] = {}
    keys_of_codes = CodeKeys(case_sensitive, codes, lambda: sorted(codes, key=codes.__getitem__))
    with json_events(file, reporter) as events:
        next(events)
        for key in keys(events):
            if key != "concept":
                skip(events)
                continue
            next(events)
            for place, node in _nodes(events, count()):
                try:
                    require_part(CONCEPT, node, "concept")
                except TerminologyError:
                    continue  # reported where the rows are made
                code = node.get("code", "")
                key = keys_of_codes.own(code)
                codes[key] = min(codes.get(key, (place, code)), (place, code))
                named += ((place, code, str(child)) for child in roles.values(node, "child"))
    parents: dict[str, list[str]] = {}
    for _, parent, child in sorted(named):
        _, code = codes.get(keys_of_codes.of(child), (0, child))
        parents.setdefault(code, []).append(parent)
    return parents


def _nodes(events: Events, places: Iterator[int]) -> Iterator[tuple[int, Document]]:
    """Each concept with its place, after those that are nested in it."""
    for _ in until(events, "end_array"):
        node: Document = {}
        place = next(places)
        for key in keys(events):
            event, value = next(events)
            if key == "concept":
                yield from _nodes(events, places)
            else:
                node[key] = value_of(events, event, value)
        yield place, node
