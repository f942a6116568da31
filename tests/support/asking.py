"""Readers of the Parameters resources that operations answer with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from terminology.core.model import Document

Ask = Callable[..., Document]


def values(answer: Document, name: str) -> list[Any]:
    """The values of all parameters, or parts, with a name; the node itself if it has no value."""
    nodes = answer["part"] if "part" in answer else answer.get("parameter", [])
    return [
        next((v for k, v in node.items() if k.startswith("value")), node)
        for node in nodes
        if node["name"] == name
    ]


def value(answer: Document, name: str) -> Any:
    """The value of the only parameter, or part, with a name; None if there is none."""
    several = values(answer, name)
    assert len(several) < 2, f"there are {len(several)} values of {name}"
    return several[0] if several else None


def properties(answer: Document) -> dict[str, list[Any]]:
    """The values of the properties in the answer of $lookup, by their codes."""
    by_code: dict[str, list[Any]] = {}
    for node in values(answer, "property"):
        by_code.setdefault(value(node, "code"), []).append(value(node, "value"))
    return by_code


def matches(answer: Document) -> list[tuple[str | None, str | None]]:
    """The matches in the answer of $translate, as (code, relationship or equivalence)."""
    pairs = []
    for node in values(answer, "match"):
        concept = value(node, "concept") or {}
        pairs.append((concept.get("code"), value(node, "relationship") or value(node, "equivalence")))
    return pairs
