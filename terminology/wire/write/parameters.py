"""The builder of Parameters resources: one function for each type of value.

Each gives a node of ``Parameters.parameter`` (or a part of one), and None when there is no value; the builder
leaves None out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from terminology.core.model import Document, Typed, value_key
from terminology.wire.json import Written

Node = dict[str, Any]


def parameters(nodes: Iterable[Node | None]) -> Document:
    """A Parameters resource. An empty list is left out, as FHIR's JSON has none."""
    present = list(filter(None, nodes))  # no node is empty
    return {"resourceType": "Parameters", "parameter": present} if present else {"resourceType": "Parameters"}


def group(name: str, parts: Iterable[Node | None]) -> Node:
    """A parameter with parts."""
    return {"name": name, "part": [part for part in parts if part is not None]}


def resource(name: str, value: Document | Written | None) -> Node | None:
    return None if value is None else {"name": name, "resource": value}


def typed(name: str, value: Typed) -> Node | None:
    """A value of any type; None when the value itself is None."""
    return None if value.value is None else {"name": name, value_key(value.type): value.value}


def boolean(name: str, value: bool | None) -> Node | None:
    return None if value is None else {"name": name, "valueBoolean": value}


def canonical(name: str, value: str | None) -> Node | None:
    """The canonical of a resource; None for "", which is that of one without a url."""
    return None if not value else {"name": name, "valueCanonical": value}


def code(name: str, value: str | None) -> Node | None:
    return None if value is None else {"name": name, "valueCode": value}


def codeable_concept(name: str, value: Document | None) -> Node | None:
    return None if value is None else {"name": name, "valueCodeableConcept": value}


def coding(name: str, value: Document | None) -> Node | None:
    return None if value is None else {"name": name, "valueCoding": value}


def integer(name: str, value: int | None) -> Node | None:
    return None if value is None else {"name": name, "valueInteger": value}


def string(name: str, value: str | None) -> Node | None:
    return None if value is None else {"name": name, "valueString": value}


def uri(name: str, value: str | None) -> Node | None:
    return None if not value else {"name": name, "valueUri": value}
