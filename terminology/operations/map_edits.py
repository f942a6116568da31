"""Edits of single rows of a ConceptMap, and the rows in which two versions of one differ.

A row is a mapping of one code to another one, or the statement that a code has no target. Documents are in R5's shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Issue

ADD, CHANGE, REMOVE = "add", "change", "remove"
ACTIONS = (ADD, CHANGE, REMOVE)
# To edit one row takes as long as so many steps.
_STEPS_OF_ROW = 20


@dataclass(slots=True, frozen=True)
class MapEnd:
    """One end of a row. ``system`` may be left out where the map has one group only; it may have a version (``|``)."""

    code: str
    system: str | None = None
    display: str | None = None


@dataclass(slots=True, frozen=True)
class MapEdit:
    """One edit. ``at`` is its place in the request.

    ``target`` is None for a code without a target; to remove such a row removes all rows of the code. Of a row that is
    changed, each part that is None here stays as it is. ``extension`` says how the relationship was written.
    """

    action: str
    source: MapEnd
    target: MapEnd | None
    relationship: str | None = None
    comment: str | None = None
    extension: Sequence[Document] = ()
    at: str = ""


@dataclass(slots=True, frozen=True)
class MapDifference:
    """A row that one version of a map has and another has not, or has otherwise: ``before`` and ``after`` it."""

    source: tuple[str, str]
    target: tuple[str, str] | None
    before: Document | None
    after: Document | None

    @property
    def action(self) -> str:
        """The edit that makes it."""
        return ADD if self.before is None else REMOVE if self.after is None else CHANGE


def edited(concept_map: Document, edits: Iterable[MapEdit]) -> Document:
    """The map with all of the edits. Raises TerminologyError with an issue for each edit that is not possible."""
    map_ = _EditedMap(concept_map)
    faults: list[Issue] = []
    for edit in counted(edits, _STEPS_OF_ROW):
        try:
            map_.apply(edit)
        except TerminologyError as error:
            faults += error.issues
    if faults:
        raise TerminologyError(faults)
    return map_.document


class _EditedMap:
    """A copy of a map, with its elements by group and code."""

    def __init__(self, concept_map: Document) -> None:
        self._map = deepcopy(concept_map)
        self._groups: list[Document] = list(self._map.get("group", ()))
        self._elements: dict[int, dict[str, Document]] = {
            id(group): {e["code"]: e for e in group.get("element", ()) if "code" in e}
            for group in self._groups
        }

    @property
    def document(self) -> Document:
        """The map as it is now. A group or element of which nothing is left is left out."""
        for group in self._groups:
            group["element"] = [e for e in group.get("element", ()) if e.get("target") or e.get("noMap")]
        groups = [group for group in self._groups if group["element"] or "unmapped" in group]
        rest = {name: value for name, value in self._map.items() if name != "group"}
        return rest | ({"group": groups} if groups else {})

    def apply(self, edit: MapEdit) -> None:
        group = self._group(edit)
        elements = self._elements[id(group)]
        element = elements.get(edit.source.code)
        targets = [] if element is None else element.get("target", [])
        target = None
        if edit.target is not None:
            target = next((t for t in targets if t.get("code") == edit.target.code), None)
        is_there = target is not None or (edit.target is None and element is not None)
        if edit.action == ADD:
            if is_there:
                raise TerminologyError(issues.row_there_already(edit.at, *_name(edit)))
            if element is None:
                element = elements[edit.source.code] = {"code": edit.source.code}
                group.setdefault("element", []).append(element)
            _set(element, "display", edit.source.display)
            if edit.target is None:
                element["noMap"] = True
                return
            element.pop("noMap", None)
            target = {"code": edit.target.code}
            element.setdefault("target", []).append(target)
        elif not is_there:
            raise TerminologyError(issues.row_not_there(edit.at, *_name(edit)))
        elif edit.action == REMOVE:
            assert element is not None
            element["target"] = [t for t in targets if t is not target] if target is not None else []
            element.pop("noMap", None)
            return
        assert element is not None
        _set(element, "display", edit.source.display)
        if target is None or edit.target is None:
            return
        _set(target, "display", edit.target.display)
        if edit.relationship is not None:
            target["relationship"] = edit.relationship
            others = [e for e in target.pop("extension", ()) if not _is_word(e, edit.extension)]
            if extension := [*others, *edit.extension]:
                target["extension"] = extension
        _set(target, "comment", edit.comment)
        if "relationship" not in target:
            raise TerminologyError(issues.row_without_relationship(edit.at))

    def _group(self, edit: MapEdit) -> Document:
        """The group of an edit, which a row that is added may begin. Raises TerminologyError."""
        source, target = edit.source.system, edit.target.system if edit.target is not None else None
        fitting = [g for g in self._groups if _fits(g, "source", source) and _fits(g, "target", target)]
        if len(fitting) == 1:
            return fitting[0]
        if len(fitting) > 1:
            own = [g for g in fitting if edit.source.code in self._elements[id(g)]]
            if len(own) == 1:
                return own[0]
            raise TerminologyError(issues.row_of_several_groups(edit.at))
        if edit.action != ADD:
            raise TerminologyError(issues.row_not_there(edit.at, *_name(edit)))
        if not source or (edit.target is not None and not target):
            raise TerminologyError(issues.row_without_systems(edit.at))
        group: Document = {"source": source, **({"target": target} if target else {})}
        self._groups.append(group)
        self._elements[id(group)] = {}
        return group


def _set(node: Document, name: str, value: str | None) -> None:
    if value is not None:
        node[name] = value


def _is_word(extension: Document, others: Sequence[Document]) -> bool:
    """Whether an extension says how the relationship was written, as all that an edit brings along do."""
    return "equivalence" in str(extension.get("url")) or any(
        extension.get("url") == e.get("url") for e in others
    )


def _fits(group: Document, end: str, system: str | None) -> bool:
    own = group.get(end, "")
    return not system or own == system or ("|" not in system and own.partition("|")[0] == system)


def _name(edit: MapEdit) -> tuple[str, str | None]:
    return edit.source.code, edit.target.code if edit.target is not None else None


def differences(before: Document | None, after: Document | None) -> Iterator[MapDifference]:
    """The rows in which two versions of a map differ, in their order."""
    old, new = _rows(before or {}), _rows(after or {})
    for key in dict.fromkeys([*new, *old]):
        if old.get(key) != new.get(key):
            yield MapDifference(*key, old.get(key), new.get(key))


def _rows(concept_map: Document) -> dict[tuple[tuple[str, str], tuple[str, str] | None], Any]:
    """The targets of a map by the systems and codes of their ends; of a code without a target its element."""
    rows: dict[tuple[tuple[str, str], tuple[str, str] | None], Any] = {}
    for group in concept_map.get("group", ()):
        for element in counted(group.get("element", ()), _STEPS_OF_ROW):
            source = group.get("source", ""), element.get("code", "")
            if element.get("noMap"):
                rows[source, None] = {"noMap": True}
            for target in element.get("target", ()):
                rows[source, (group.get("target", ""), target.get("code", ""))] = target
    return rows
