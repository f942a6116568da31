"""What a parser of one release reads of a resource: the elements that the release has, each in its JSON type.

HL7's runner reads answers so before it compares them. Unknown elements vanish, and empty ones do; a
boolean or number in quotes is read, and the reverse.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from terminology.core.model import Document
from terminology.wire.xml_elements import RESOURCE, XmlElement, XmlTypes, table_of

_NUMBERS = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})


def read_elements(resource: Any, is_r4: bool) -> Document:
    """A copy of a resource with the elements of R4 or R5. Raises ValueError if it cannot be read."""
    return _resource(table_of(is_r4), resource)


def _resource(types: XmlTypes, resource: Any) -> Document:
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(kind, str):
        raise ValueError("there is no resource with a resourceType")
    return {"resourceType": kind, **_object(types, resource, kind)} if types.is_resource(kind) else resource


def _object(types: XmlTypes, node: Document, type_: str) -> Document:
    shape, known = types.shape(type_), dict[str, Any]()
    for name, value in node.items():
        if value is None or name == "resourceType":
            continue
        element = shape.elements.get(name.removeprefix("_"))
        if element is None:
            if name in shape.attributes:
                known[name] = value
            continue
        if name.startswith("_") and not element.is_primitive:
            continue
        if element.repeats != isinstance(value, list):
            raise ValueError(f"{type_}.{name} is {'' if element.repeats else 'a list, not '}one value")
        if isinstance(value, list):
            has_gaps = name.startswith("_") or f"_{name}" in node
            items = (_item(types, element, name, item) for item in value)
            read: Any = [item for item in items if has_gaps or item is not None]
        else:
            read = _item(types, element, name, value)
        if read not in (None, []):
            known[name] = read
    return known


def _item(types: XmlTypes, element: XmlElement, name: str, value: Any) -> Any:
    """A value; None for one that is empty."""
    if value is None:
        return None
    if name.startswith("_"):
        return value or None
    if element.is_primitive:
        return _primitive(element, name, value)
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")
    if element.type == RESOURCE:
        return _resource(types, value)
    return (_object(types, value, element.type) if types.has(element.type) else value) or None


def _primitive(element: XmlElement, name: str, value: Any) -> Any:
    if isinstance(value, dict | list):
        raise ValueError(f"{name} is not a plain value")
    if element.type == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if element.type in _NUMBERS:
        try:
            return value if isinstance(value, int | Decimal) else Decimal(str(value))
        except InvalidOperation:
            raise ValueError(f"{name} is not a number") from None
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if text.strip() else None
