"""Messages about the resource that a request carries."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import or_list, quoted
from terminology.core.issues.severity import error
from terminology.core.model import Issue


def not_parameters(got: str, operation: str) -> Issue:
    text = f"The body of {operation} must be a Parameters resource, but is {got}"
    return error(code="structure", text=text)


def not_a_bundle(got: object) -> Issue:
    what = f"is a resource of the type {quoted(got)}" if got else "is none"
    return error(
        code="structure", text=f"What is posted to the base must be a Bundle of type batch, but {what}"
    )


def malformed(problem: str, at: str | None = None) -> Issue:
    return error(code="structure", text=problem, at=[at] if at else [])


def not_a_word_of(at: str, given: object, words: Sequence[str]) -> Issue:
    return malformed(f"{at} must be {or_list(words)}, but is {quoted(given)}", at)
