"""The mappings of a ConceptMap resource, read as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from terminology.catalogue.concept_map import KEPT_WORD, NO_MAP_COMMENT, no_map_properties
from terminology.content.importers.fhir.events import (
    json_events,
    json_items,
    keys,
    skip,
    until,
    value_of,
)
from terminology.content.importers.files import File
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Problem, Typed
from terminology.core.structure import RELATIONSHIPS, require_no_target
from terminology.store.release import MapGroup, MapRow, PropertyTuple
from terminology.store.reporting import Reporter
from terminology.wire import r4
from terminology.wire.json_types import require_part


def read_mappings(file: File, groups: Sequence[MapGroup], reporter: Reporter) -> Iterator[MapRow]:
    """The mappings in the order of the resource.

    An element that is about a value set is not a row: it is added to its group's ``by_value_set``.
    """
    if len(groups) == 1:
        with json_items(file, reporter, "group.item.element.item") as elements:
            for element in elements:
                yield from _element_rows(element, 0, groups, file, reporter)
        return
    for number, element in _elements(file, reporter):
        yield from _element_rows(element, number, groups, file, reporter)


def _elements(file: File, reporter: Reporter) -> Iterator[tuple[int, Document]]:
    """Each ``ConceptMap.group.element`` with the place of its group."""
    with json_events(file, reporter) as events:
        next(events)
        for key in keys(events):
            if key != "group":
                skip(events)
                continue
            next(events)
            for number, _ in enumerate(until(events, "end_array")):
                for name in keys(events):
                    if name == "element":
                        next(events)
                        for event, value in until(events, "end_array"):
                            yield number, value_of(events, event, value)
                    else:
                        skip(events)


def _element_rows(
    element: Document, group: int, groups: Sequence[MapGroup], file: File, reporter: Reporter
) -> Iterator[MapRow]:
    try:
        require_part("ConceptMap.group.element", element, "element")
        if "valueSet" in element:
            groups[group].by_value_set.append(_upgraded(element)[0])
        else:
            rows = [row for row in _rows(element, group) if _has_known_relationship(row, file, reporter)]
            if any(row.target_value_set for row in rows):
                groups[group].to_value_sets.append(_upgraded(element)[0])
            yield from rows
    except (AttributeError, TypeError, KeyError):
        text = f"expected an element with a code, not {str(element)[:80]}"
        reporter.problem(Problem(file.label, 0, text))
    except TerminologyError as error:
        reporter.problem(Problem(file.label, 0, f"{error}: {str(element)[:80]}"))


def _has_known_relationship(row: MapRow, file: File, reporter: Reporter) -> bool:
    """Whether FHIR has the row's relationship, if there is one; an unknown one is reported."""
    if row.relationship is None or row.relationship in RELATIONSHIPS:
        return True
    text = f"FHIR has no relationship {row.relationship!r} (from {row.source} to {row.target})"
    reporter.problem(Problem(file.label, 0, text))
    return False


def _rows(element: Document, group: int) -> Iterator[MapRow]:
    element, uris = _upgraded(element)
    require_no_target(element, "an element")
    code = element["code"]
    display = element.get("display")
    if element.get("noMap"):
        reason = _extension_text(element, NO_MAP_COMMENT)
        yield MapRow(
            source=code,
            comment=reason,
            source_display=display,
            no_map=True,
            group=group,
            properties=[_property(node) for node in no_map_properties(element)],
        )
    elif not element.get("target"):
        yield MapRow(source=code, source_display=display, group=group)
    for target in element.get("target", ()):
        yield MapRow(
            source=code,
            target=target.get("code"),
            relationship=target.get("relationship"),
            comment=target.get("comment"),
            source_display=display,
            target_display=target.get("display"),
            group=group,
            equivalence=_extension_text(target, KEPT_WORD),
            depends_on=[_attribute(node, uris) for node in target.get("dependsOn", ())],
            products=[_attribute(node, uris) for node in target.get("product", ())],
            properties=[_property(node) for node in target.get("property", ())],
            target_value_set=target.get("valueSet"),
        )


def _upgraded(element: Document) -> tuple[Document, dict[str, str]]:
    """The element in R5 shape, and the uris of the attributes that R4 names by uri, by their codes.

    Raises TerminologyError for an element in the words of both releases.
    """
    targets = element.get("target", ())
    conditions = [node for t in targets for node in (*t.get("dependsOn", ()), *t.get("product", ()))]
    if not any("equivalence" in t for t in targets) and not any("property" in node for node in conditions):
        return element, {}
    upgraded = r4.upgrade({"resourceType": "ConceptMap", "group": [{"element": [element]}]})
    uris = {a["code"]: a["uri"] for a in upgraded.get("additionalAttribute", ()) if "uri" in a}
    first: Document = upgraded["group"][0]["element"][0]
    _require_one_name(first)
    return first, uris


def _require_one_name(element: Document) -> None:
    """Raises TerminologyError where an upgraded element still has a name of R4: it has that of R5 beside it."""
    for target in element.get("target", ()):
        if "equivalence" in target:
            raise TerminologyError(issues.element_under_two_names("target.equivalence", "relationship"))
        for name in ("dependsOn", "product"):
            if any("property" in node for node in target.get(name, ())):
                raise TerminologyError(issues.element_under_two_names(f"{name}.property", "attribute"))


def _attribute(node: Document, uris: dict[str, str]) -> PropertyTuple:
    code = str(node.get("attribute", ""))
    value = Typed.of(node) or Typed("canonical", node.get("valueSet", ""))
    return uris.get(code, code), value.type, value.value


def _property(node: Document) -> PropertyTuple:
    value = Typed.of(node) or Typed("string", "")
    return str(node.get("code", "")), value.type, value.value


def _extension_text(node: Document, url: str) -> str | None:
    texts = (
        e.get("valueCode") or e.get("valueString") for e in node.get("extension", ()) if e.get("url") == url
    )
    return next((text for text in texts if text), None)
