"""Messages about searches."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import shortened
from terminology.core.issues.severity import error, warning
from terminology.core.model import Issue


def unknown_search_parameter(name: str, kind: str, known: Sequence[str]) -> Issue:
    text = f"{kind} has no search parameter '{shortened(name)}'. Known parameters: {', '.join(known)}"
    return error(code="not-supported", text=text)


def search_parameter_ignored(name: str, kind: str, known: Sequence[str]) -> Issue:
    text = f"{kind} has no search parameter '{shortened(name)}': it was ignored. Known parameters: {', '.join(known)}"
    return warning(code="not-supported", text=text)


def bad_search_value(name: str, value: str, expected: str) -> Issue:
    """``expected``: a noun phrase, such as "a whole number"."""
    return error(
        code="value", text=f"The search parameter '{name}' must be {expected}, but is '{shortened(value)}'"
    )


def unknown_modifier(name: str, modifier: str, known: Sequence[str]) -> Issue:
    text = (
        f"The search parameter '{name}' has no modifier ':{shortened(modifier)}'. Known modifiers: "
        f"{', '.join(known)}"
    )
    return error(code="not-supported", text=text)


def search_with_body(form: str) -> Issue:
    """``form``: the media type of a form."""
    text = f"POST [type]/_search takes its parameters as a form ({form}), not as a resource"
    return error(code="not-supported", text=text)


def search_too_costly(kind: str, resources: int, most: int) -> Issue:
    text = (
        f"This search would have to look into {resources:,} resources, and may look into {most:,}: add a condition "
        f"on what stands outside the content of a {kind}, such as url, name or status"
    )
    return error(code="too-costly", text=text)


def too_many_search_values(count: int, limit: int) -> Issue:
    text = f"The parameters of a search may have at most {limit:,} values; these have {count:,}"
    return error(code="too-costly", text=text)
