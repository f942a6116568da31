"""Conditions of a mapping (``dependsOn``), compared with the dependencies of a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from terminology.catalogue.concept_map import Attribute
from terminology.catalogue.protocol import Catalogue
from terminology.core.budget import spend
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding, Typed
from terminology.operations.limits import STEPS_OF_PAIR
from terminology.operations.translate.model import Dependency
from terminology.operations.translate.rows import is_same_code
from terminology.operations.value_set.compose import contains


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


def holds(
    catalogue: Catalogue, alternatives: Sequence[Attribute], dependencies: Iterable[Dependency]
) -> bool:
    """True if one of the alternatives holds, or the request has no value for their attribute."""
    dependencies = list(dependencies)
    spend(len(dependencies))
    values = values_of(alternatives[0], dependencies)
    spend(STEPS_OF_PAIR * len(values) * len(alternatives))
    return not values or any(_has(catalogue, c, value) for c in alternatives for value in values)


def _has(catalogue: Catalogue, condition: Attribute, value: Typed) -> bool:
    """True if a value is the one of a condition, or in the value set that the condition names.

    Also where nobody can tell, because the value set is not here: the condition then stays open.
    """
    if condition.value.type != "canonical":
        return same_value(catalogue, condition.value, value)
    if value.type != "Coding":
        return text_of(value) == text_of(condition.value)
    try:
        return contains(catalogue, catalogue.value_set(str(condition.value.value)), Coding.of(value.value))
    except TerminologyError:
        return True


def same_value(catalogue: Catalogue, one: Typed, other: Typed) -> bool:
    """True if two values read the same; two Codings must also agree in the system, if both have one.

    Case does not count between codes of a code system in which it does not count.
    """
    systems = {catalogue.preferred(system) for system in (_system_of(one), _system_of(other)) if system}
    if len(systems) > 1:
        return False
    text, other_text = text_of(one), text_of(other)
    return text == other_text or any(is_same_code(catalogue, url, text, other_text) for url in systems)


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
