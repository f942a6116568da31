"""Parameters resources as the tests write and read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from terminology.core.model import Document

Ask = Callable[..., Document]


def body_of(*parameters: Document) -> Document:
    """A Parameters resource."""
    return {"resourceType": "Parameters", "parameter": list(parameters)}


def values(answer: Document, name: str) -> list[Any]:
    """The values of the parameters (or parts) of a name."""
    nodes = answer["part"] if "part" in answer else answer.get("parameter", [])
    return [
        next((v for k, v in node.items() if k.startswith("value")), node)
        for node in nodes
        if node["name"] == name
    ]


def value(answer: Document, name: str) -> Any:
    """The one value of a name, or None."""
    found = values(answer, name)
    assert len(found) < 2, f"{name} stands {len(found)} times"
    return found[0] if found else None


def properties(answer: Document) -> dict[str, list[Any]]:
    """The properties of a $lookup answer."""
    found: dict[str, list[Any]] = {}
    for node in values(answer, "property"):
        found.setdefault(value(node, "code"), []).append(value(node, "value"))
    return found


def matches(answer: Document) -> list[tuple[str | None, str | None]]:
    """The matches of a $translate answer as (code, relationship or equivalence)."""
    found = []
    for node in values(answer, "match"):
        concept = value(node, "concept") or {}
        found.append((concept.get("code"), value(node, "relationship") or value(node, "equivalence")))
    return found
