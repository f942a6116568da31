"""The explanation of a translation as lines of text, and columns of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from terminology.library.result_parts import ResultConsideredMap, ResultExplanation

_GAP = "  "
# No column of a table that is too wide gets narrower.
_NARROWEST = 8
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


def columns(rows: Iterable[Sequence[str]], width: int | None = None) -> Iterator[str]:
    """Columns as wide as their widest cell; the last one is not filled up.

    Where they are wider than ``width`` together, the widest columns are narrowed, and their cells have several lines.

    >>> list(columns([("code", "display"), ("57520", "Conization of cervix")], 18))
    ['code   display', '57520  Conization', '       of cervix']
    """
    rows = list(rows)
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    if width is not None:
        _narrow(widths, width - len(_GAP) * (len(widths) - 1))
    for row in rows:
        cells = [_wrapped(cell, own) for cell, own in zip(row, widths, strict=True)]
        for number in range(max(map(len, cells), default=0)):
            parts = [lines[number] if number < len(lines) else "" for lines in cells]
            yield _GAP.join(part.ljust(own) for part, own in zip(parts, widths, strict=True)).rstrip()


def _wrapped(cell: str, width: int) -> list[str]:
    if len(cell) <= width:
        return [cell]
    return wrap(cell, width, break_on_hyphens=False) or [""]


def _narrow(widths: list[int], room: int) -> None:
    """Take from the widest columns until all fit, or all are narrow."""
    while sum(widths) > room:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= _NARROWEST:
            return
        widths[widest] -= 1
