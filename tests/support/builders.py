"""Builders of the resources, concepts and parameters that tests are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from terminology.core.model import Document

BASE = "http://example.org"


def code_system(name: str, /, *concepts: str | Document, **elements: Any) -> Document:
    """An active, complete CodeSystem; a concept may be its code alone.

    ``name`` is the url, or the end of a url below ``BASE``.
    """
    return {
        "resourceType": "CodeSystem",
        "url": url_of(name),
        "status": "active",
        "content": "complete",
        "concept": [{"code": node} if isinstance(node, str) else node for node in concepts],
        **elements,
    }


def value_set(
    name: str,
    /,
    *include: Document,
    exclude: Iterable[Document] = (),
    compose: Document | None = None,
    **elements: Any,
) -> Document:
    """An active ValueSet; ``compose`` has further elements of its compose, as ``{"inactive": False}``.

    ``name`` is the url, or the end of a url below ``BASE/vs/``.
    """
    excluded = list(exclude)
    parts = {"include": list(include)} | ({"exclude": excluded} if excluded else {})
    return {
        "resourceType": "ValueSet",
        "url": url_of(name, "vs/"),
        "status": "active",
        "compose": {**parts, **(compose or {})},
        **elements,
    }


def concept_map(
    name: str,
    source: str,
    target: str,
    elements: Iterable[Document],
    /,
    group: Document | None = None,
    **more: Any,
) -> Document:
    """An active ConceptMap with one group; ``group`` has further elements of the group.

    ``name`` is the url, or the end of a url below ``BASE/ConceptMap/``.
    """
    node = {"source": url_of(source), "target": url_of(target), "element": list(elements), **(group or {})}
    return {
        "resourceType": "ConceptMap",
        "url": url_of(name, "ConceptMap/"),
        "status": "active",
        "group": [node],
        **more,
    }


def url_of(name: str, folder: str = "") -> str:
    """A url as it stands, a name as the url below ``BASE`` and a folder."""
    return name if ":" in name else f"{BASE}/{folder}{name}"


def concept(code: str, display: str | None = None, *below: Document, **elements: Any) -> Document:
    """A concept of a CodeSystem, with the concepts below it."""
    node: Document = {"code": code} | ({"display": display} if display is not None else {}) | elements
    return node | ({"concept": list(below)} if below else {})


def tree(code: str, *below: Document) -> Document:
    """A concept whose display is its code, capitalized, with the concepts below it."""
    return concept(code, code.capitalize(), *below)


def coding(code: str, system: str | None, **elements: str) -> Document:
    """The parameter 'coding'; a system of None is left out."""
    node = {"code": code, **elements} if system is None else {"system": system, "code": code, **elements}
    return {"name": "coding", "valueCoding": node}


def tx_resource(resource: Document) -> Document:
    """The parameter that sends a resource along with a request."""
    return {"name": "tx-resource", "resource": resource}


def body_of(*parameters: Document, **values: Document) -> Document:
    """A Parameters resource of whole parameters, and of values under other names.

    ``body_of(codingA=coding("a", URL), system={"valueUri": URL})``; ``_`` in a name stands for ``-``.
    """
    named = [{**value, "name": name.replace("_", "-")} for name, value in values.items()]
    return {"resourceType": "Parameters", "parameter": [*parameters, *named]}
