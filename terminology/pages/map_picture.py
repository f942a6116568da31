"""The picture of a concept map: sources on the left, targets on the right, and a ribbon for each mapping.

Each mapping has a line of its own in the middle, with its relationship and its conditions; so these can be read, and a
code that leads to many others is a fan. The picture is SVG with classes, and the style sheet colours them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from terminology.pages import texts
from terminology.pages.mappings import Mapping

WIDTH = 1_080
_LINE = 58
_TOP = 12
# The edges of the three columns.
_LEFT, _MIDDLE_LEFT, _MIDDLE_RIGHT, _RIGHT = 300, 410, 670, 780
# The characters of a display and of a condition that there is room for.
_ROOM_OF_DISPLAY, _ROOM_OF_CONDITION = 44, 38
_NONE = ("", "")


@dataclass(slots=True, frozen=True)
class PictureNode:
    """A code at one end, at the height ``y``; ``line`` is its display, cut to the room there is."""

    system: str
    code: str
    display: str
    line: str
    y: float


@dataclass(slots=True, frozen=True)
class Ribbon:
    """A mapping: two curves, and in the middle what it says."""

    mapping: Mapping
    left: str
    right: str
    y: float
    lines: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class Picture:
    """A picture with its size."""

    sources: Sequence[PictureNode]
    targets: Sequence[PictureNode]
    ribbons: Sequence[Ribbon]
    height: float
    width: int = WIDTH


def picture(mappings: Sequence[Mapping]) -> Picture:
    """The picture of some mappings, a line for each."""
    ordered = _by_source(mappings)
    heights = [_TOP + _LINE * (place + 0.5) for place in range(len(ordered))]
    sources = _means([(m.source_system, m.source) for m in ordered], heights)
    goals = _means([_target(m) for m in ordered], heights)
    goals.pop(_NONE, None)
    height = _TOP * 2 + _LINE * max(len(ordered), len(goals), 1)
    spread = _spread(goals, height)
    ribbons = [
        Ribbon(
            mapping,
            _curve(_LEFT, sources[mapping.source_system, mapping.source], _MIDDLE_LEFT, y),
            _curve(_MIDDLE_RIGHT, y, _RIGHT, spread[_target(mapping)]) if _target(mapping) in spread else "",
            y,
            _conditions(mapping),
        )
        for mapping, y in zip(ordered, heights, strict=True)
    ]
    return Picture(
        _nodes(sources, {(m.source_system, m.source): m.source_display for m in ordered}),
        _nodes(spread, {_target(m): m.display for m in ordered}),
        ribbons,
        height,
    )


def _target(mapping: Mapping) -> tuple[str, str]:
    code = mapping.code or mapping.value_set
    return (mapping.system or "", code) if code else _NONE


def _by_source(mappings: Sequence[Mapping]) -> list[Mapping]:
    """The mappings of each source together, so that it is one node."""
    places: dict[tuple[str, str], int] = {}
    for mapping in mappings:
        places.setdefault((mapping.source_system, mapping.source), len(places))
    return sorted(mappings, key=lambda m: places[m.source_system, m.source])


def _means(ends: Sequence[tuple[str, str]], heights: Sequence[float]) -> dict[tuple[str, str], float]:
    """The mean height of the lines of each end."""
    results: dict[tuple[str, str], list[float]] = {}
    for end, height in zip(ends, heights, strict=True):
        results.setdefault(end, []).append(height)
    return {end: sum(each) / len(each) for end, each in results.items()}


def _spread(means: dict[tuple[str, str], float], height: float) -> dict[tuple[str, str], float]:
    """The ends in the order of their means, each with a line's room, as near to the mean as that allows."""
    ordered = sorted(means, key=means.__getitem__)
    places: dict[tuple[str, str], float] = {}
    lowest = _TOP + _LINE / 2
    for number, end in enumerate(ordered):
        last = height - _TOP - _LINE * (len(ordered) - number - 0.5)
        places[end] = min(max(means[end], lowest), last)
        lowest = places[end] + _LINE
    return places


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (x1 + x2) / 2
    return f"M{x1:g},{y1:g} C{middle:g},{y1:g} {middle:g},{y2:g} {x2:g},{y2:g}"


def _conditions(mapping: Mapping) -> tuple[str, ...]:
    """The conditions in at most two lines."""
    lines = [condition.text for condition in mapping.conditions]
    if len(lines) > 2:
        lines = [lines[0], f"{lines[1]} (+{len(lines) - 2})"]
    return tuple(_cut(line, _ROOM_OF_CONDITION) for line in lines)


def _cut(text: str, room: int) -> str:
    clean = texts.clean(text)
    return clean if len(clean) <= room else f"{clean[: room - 1].rstrip()}…"


def _nodes(places: dict[tuple[str, str], float], displays: dict[tuple[str, str], str]) -> list[PictureNode]:
    return [
        PictureNode(
            system,
            code,
            displays.get((system, code), ""),
            _cut(displays.get((system, code), ""), _ROOM_OF_DISPLAY),
            y,
        )
        for (system, code), y in places.items()
    ]
