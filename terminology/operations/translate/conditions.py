"""Conditions of a mapping (``dependsOn``), compared with the dependencies of a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from terminology.catalogue.concept_map import Attribute
from terminology.core.model import Typed
from terminology.operations.translate.model import Dependency


def by_attribute(conditions: Iterable[Attribute]) -> list[list[Attribute]]:
    """The conditions in groups: conditions on the same attribute are alternatives."""
    groups: dict[str, list[Attribute]] = {}
    for condition in conditions:
        groups.setdefault(condition.uri, []).append(condition)
    return list(groups.values())


def values_of(attribute: Attribute, dependencies: Iterable[Dependency]) -> list[Typed]:
    """The values that the request has for an attribute."""
    names = {attribute.uri, attribute.code}
    return [value for d in dependencies if d.attribute in names for value in d.values]


def holds(alternatives: Sequence[Attribute], dependencies: Iterable[Dependency]) -> bool:
    """True if one of the alternatives holds, or the request has no value for their attribute."""
    values = values_of(alternatives[0], dependencies)
    return not values or any(same_value(c.value, value) for c in alternatives for value in values)


def same_value(one: Typed, other: Typed) -> bool:
    """True if two values read the same; two Codings must also agree in the system, if both have one."""
    systems = {system for system in (_system_of(one), _system_of(other)) if system}
    return len(systems) < 2 and text_of(one) == text_of(other)


def _system_of(value: Typed) -> str | None:
    return value.value.get("system") if value.type == "Coding" else None


def text_of(value: Typed) -> str:
    """A value as text: the code of a Coding, number and unit of a Quantity, ``true`` for a boolean."""
    if value.type == "Coding":
        return str(value.value.get("code", ""))
    if value.type == "Quantity":
        unit = value.value.get("code") or value.value.get("unit") or ""
        return f"{value.value.get('value', '')} {unit}".strip()
    return str(value.value).lower() if value.type == "boolean" else str(value.value)
