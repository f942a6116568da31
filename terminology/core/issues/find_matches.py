"""Messages about $find-matches."""

from __future__ import annotations

from terminology.core.issues.parameters import missing_parameter
from terminology.core.issues.severity import error
from terminology.core.model import Issue


def exact_required() -> Issue:
    return missing_parameter(
        "'exact'", "Send true if the properties must match exactly, or false if a person searches"
    )


def too_many_properties(properties: int, limit: int) -> Issue:
    text = (
        f"$find-matches compares at most {limit:,} properties; the request has {properties:,}. Send those "
        "that matter most"
    )
    return error(code="too-costly", text=text)


def properties_too_costly(properties: int, steps: int, limit: int) -> Issue:
    text = (
        f"To compare {properties:,} properties in this code system takes about {steps:,} steps; the limit is "
        f"{limit:,}. Send fewer properties"
    )
    return error(code="too-costly", text=text)


def property_too_common(limit: int) -> Issue:
    text = f"More than {limit:,} codes have one of the properties. Leave out properties that most codes have"
    return error(code="too-costly", text=text)


def too_many_matches(limit: int) -> Issue:
    text = f"More than {limit:,} codes match. Send more properties"
    return error(code="too-costly", text=text)


def partial_match(matched: int, properties: int) -> str:
    """The comment of a match that does not have all properties."""
    return f"{matched} of {properties} properties match"
