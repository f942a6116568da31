"""Messages about $closure."""

from __future__ import annotations

from terminology.core.issues.severity import error
from terminology.core.model import Issue


def unknown_closure(name: str) -> Issue:
    text = f"There is no closure table with the name '{name}' here. Send the name alone to begin one"
    return error(code="not-found", text=text)


def closure_asked_twice() -> Issue:
    text = "Give 'concept' to add to the closure table, or 'version' to have it sent again, but not both"
    return error(code="invalid", text=text)


def unknown_closure_version(name: str, version: str, first: int, last: int) -> Issue:
    text = (
        f"The closure table '{name}' cannot be continued from version '{version}': its versions are {first} "
        f"to {last}. A table that was begun anew has to be built anew: ask for version {first}"
    )
    return error(code="conflict", text=text)
