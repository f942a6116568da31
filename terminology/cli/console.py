"""How are the answers of $lookup and $translate shown on a terminal?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from terminology.core.model import Document, Typed

_MATCH = ("relationship", "system", "code", "display", "map", "note")


def looked_up(answer: Document) -> Iterator[str]:
    """One line for each thing that is known, ``name  value``."""
    yield from _table([row for node in answer["parameter"] for row in _known(node)])


def _known(node: Document) -> Iterator[tuple[str, str]]:
    name, parts = node["name"], _parts(node)
    if name == "property":
        described = f" ({parts['description']})" if "description" in parts else ""
        yield parts["code"], f"{parts.get('value', '')}{described}"
    elif name == "designation":
        yield f"designation {parts.get('language', '')}".strip(), parts["value"]
    else:
        yield name, _text(node)


def translated(answer: Document) -> Iterator[str]:
    """A table of the matches, under what the answer says of them all."""
    message = next((_text(node) for node in answer["parameter"] if node["name"] == "message"), None)
    if message:
        yield message
    rows = [_match(node) for node in answer["parameter"] if node["name"] == "match"]
    if rows:
        yield from _table([_MATCH, *rows])


def is_translated(answer: Document) -> bool:
    """Is there a translation?"""
    return any(node == {"name": "result", "valueBoolean": True} for node in answer["parameter"])


def _match(node: Document) -> tuple[str, ...]:
    found = {part["name"]: part for part in node["part"]}
    concept = found.get("concept", {}).get("valueCoding", {})
    texts = {name: _text(part) for name, part in found.items()}
    notes = [texts["comment"]] if "comment" in texts else []
    notes += [f"if {_condition(part)}" for part in node["part"] if part["name"] == "dependsOn"]
    relationship = texts.get("relationship", "no map")
    ends = (concept.get("system", ""), concept.get("code", ""), concept.get("display", ""))
    return relationship, *ends, texts.get("originMap", ""), "; ".join(notes)


def _condition(node: Document) -> str:
    parts = _parts(node)
    return f"{parts.get('attribute', '').rpartition('#')[2]}={parts.get('value', '')}"


def _parts(node: Document) -> dict[str, str]:
    return {part["name"]: _text(part) for part in node.get("part", ())}


def _text(node: Document) -> str:
    value: Any = (Typed.of(node) or Typed("string", "")).value
    if isinstance(value, dict):
        return f"{value.get('system', '')}|{value.get('code', '')} {value.get('display', '')}".strip()
    return str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they must be; the last one is not filled up."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
