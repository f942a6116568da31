"""Messages about the resource that a request carries."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import and_list, found_instead, or_list, quoted
from terminology.core.issues.severity import error
from terminology.core.model import Document, Issue


def not_parameters(body: Document, operation: str) -> Issue:
    actual = f"a {body['resourceType']}" if "resourceType" in body else "JSON without a resourceType"
    text = f"The body of {operation} must be a Parameters resource, but is {actual}"
    return error(code="structure", text=text)


def malformed(problem: str, at: str | None = None) -> Issue:
    """``problem``: a sentence; ``at``: a FHIRPath expression."""
    return error(code="structure", text=problem, at=[at] if at else [])


def wrong_json_type(at: str, expected: str) -> Issue:
    """``expected``: the JSON type, such as "a string"."""
    return malformed(f"{at} must be {expected}", at)


def not_a_list(at: str) -> Issue:
    return wrong_json_type(at, "a list")


def parameter_without_name(at: str) -> Issue:
    return wrong_json_type(at, "an object with a 'name'")


def element_under_two_names(at: str, other: str) -> Issue:
    """``other``: the name of the element at ``at`` in R5."""
    return malformed(f"{at} is what R4 has for R5's '{other}': a map has either, not both", at)


def missing_element(at: str, names: Sequence[str]) -> Issue:
    """``names``: elements of which the one at ``at`` must have one."""
    return malformed(f"{at} must have {or_list(names)}", at)


def more_than_one_element(at: str, names: Sequence[str]) -> Issue:
    """``names``: elements of which the one at ``at`` must have one at most."""
    return malformed(f"{at} has {and_list(names)}: it must have one of them only", at)


def not_one_of(at: str, value: object, choices: Sequence[str]) -> Issue:
    return malformed(f"{at} must be {or_list(choices)}, but {found_instead(value)}", at)


def not_a_bundle(resource_type: object) -> Issue:
    body = (
        f"the body is a resource of type {quoted(resource_type)}"
        if resource_type
        else "the body is not a Bundle"
    )
    return error(code="structure", text=f"POST [base] takes a Bundle of type 'batch'; {body}")


def form_unreadable() -> Issue:
    return error(code="structure", text="The form cannot be read: it is not whole, or has too many fields")
