"""Messages about searches."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import or_list, shortened
from terminology.core.issues.severity import error
from terminology.core.model import Issue


def unknown_search_parameter(name: str, kind: str, known: Sequence[str]) -> Issue:
    text = f"'{name}' is not a search parameter of {kind} here. There are: {', '.join(known)}"
    return error(code="not-supported", text=text)


def bad_search_value(name: str, value: str, wanted: str) -> Issue:
    return error(code="value", text=f"The search parameter '{name}' must be {wanted}, but is '{value}'")


def unknown_modifier(name: str, modifier: str, offered: Sequence[str]) -> Issue:
    text = f"The search parameter '{name}' takes no modifier ':{shortened(modifier)}'"
    return error(code="not-supported", text=f"{text}, but {or_list(offered)}")


def search_with_body(wanted: str) -> Issue:
    text = f"The parameters of a search are POSTed as a form ({wanted}), not as a resource"
    return error(code="not-supported", text=text)
