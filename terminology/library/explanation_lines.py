"""The explanation of a translation as lines of text, and columns of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from terminology.library.result_parts import ResultConsideredMap, ResultExplanation

_CONSIDERED = ("map", "outcome", "group", "element", "leads to", "unmapped")


def explanation_lines(explanation: ResultExplanation) -> Iterator[str]:
    """The reason, a table of the maps that were considered, and where displays are from."""
    yield f"reason: {explanation.reason or 'none: there is a translation, and nothing is left to decide'}"
    if explanation.maps:
        yield from columns([_CONSIDERED, *(_considered(map_) for map_ in explanation.maps)])
    if explanation.displays:
        yield from columns([("display of", "from"), *explanation.displays.items()])


def _considered(map_: ResultConsideredMap) -> tuple[str, ...]:
    group = "" if map_.group is None else str(map_.group)
    return map_.map, map_.outcome, group, map_.element or "", map_.target or "", map_.unmapped or ""


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell; the last one is not filled up."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
