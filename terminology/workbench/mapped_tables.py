"""The rows of a mapped sheet as they are written: the sheet itself, and further columns for each target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from terminology.core.issues.translate_hints import for_command_line
from terminology.core.model import Coding
from terminology.library.result_parts import ResultAttribute, ResultMatch
from terminology.workbench.mapping import MappedCode, MappedRow, MapTarget
from terminology.workbench.sheets import Sheet

# What each target has columns for, after its name.
PARTS = ("code", "display", "relationship", "condition", "map", "reason", "reason text")
# Between the matches of one code.
SEPARATOR = " | "


def header_of(sheet: Sheet, targets: Sequence[MapTarget]) -> list[str]:
    """The names of all columns. Columns of the sheet that have the names of a target are replaced by these."""
    return [name for name in sheet.header if name not in added(targets)] + added(targets)


def added(targets: Sequence[MapTarget]) -> list[str]:
    """The names of the columns of the targets."""
    return [f"{target.name} {part}" for target in targets for part in PARTS]


def cells_of(sheet: Sheet, mapped: MappedRow, targets: Sequence[MapTarget]) -> list[str]:
    """The cells of a row; several matches of a code are in one cell, in the same order in every column."""
    names = added(targets)
    own = [cell for name, cell in zip(sheet.header, mapped.row.cells, strict=True) if name not in names]
    return own + [cell for target in targets for cell in _cells(mapped.by_target[target.name])]


def _cells(code: MappedCode) -> list[str]:
    parts = [
        [match.concept.code or "" for match in code.matches if match.concept],
        [match.concept.display or "" for match in code.matches if match.concept],
        [match.relationship or "" for match in code.matches],
        [condition_of(match) for match in code.matches],
        [place_of(match, code) for match in code.matches],
    ]
    joined = [SEPARATOR.join(part) if any(part) else "" for part in parts]
    return [*joined, code.reason or "", text_of(code)]


def text_of(code: MappedCode) -> str:
    """The reason in words, as the command line would have it: with its option in place of FHIR's parameter."""
    return for_command_line(code.text or "")


def node_of(sheet: Sheet, mapped: MappedRow, targets: Sequence[MapTarget]) -> list[Any]:
    """The values of a row for JSON lines: the cells of the sheet, and one object for each target."""
    return [*mapped.row.cells, *(_node(mapped.by_target[target.name]) for target in targets)]


def _node(code: MappedCode) -> dict[str, Any]:
    matches = [
        {
            "code": match.concept.code if match.concept else None,
            "display": match.concept.display if match.concept else None,
            "relationship": match.relationship,
            "condition": condition_of(match) or None,
            "map": place_of(match, code),
        }
        for match in code.matches
    ]
    node = {"matches": [{key: value for key, value in each.items() if value is not None} for each in matches]}
    return node | {k: v for k, v in (("reason", code.reason), ("text", text_of(code))) if v}


def condition_of(match: ResultMatch, whole: bool = False) -> str:
    """The conditions of a match: ``setting=inpatient & technique=knife|laser``, where a bar is between alternatives.

    ``whole``: with uris, and each alternative as a condition of its own, as a ConceptMap has them.
    """
    if whole:
        return " & ".join(f"{each.attribute}={value_of(each)}" for each in match.depends_on)
    values: dict[str, list[str]] = {}
    for each in match.depends_on:
        values.setdefault(each.attribute, []).append(value_of(each))
    return " & ".join(f"{uri.rpartition('#')[2]}={'|'.join(each)}" for uri, each in values.items())


def value_of(attribute: ResultAttribute) -> str:
    """The value of a condition as text."""
    value = attribute.value
    if isinstance(value, Coding):
        return value.code or ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def place_of(match: ResultMatch, code: MappedCode) -> str:
    """The row of the map that a match is from: the canonical of the map, and the code as the map writes it."""
    origin = match.origin_map or ""
    element = code.places.get(origin)
    return f"{origin}#{element}" if element is not None else origin
