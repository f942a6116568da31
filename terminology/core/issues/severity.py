"""Constructors of an issue, one for each severity."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from terminology.core.model import Issue


def fatal(
    *,
    code: str,
    text: str,
    tx: str | None = None,
    message_id: str | None = None,
    at: Sequence[str] = (),
    diagnostics: str | None = None,
) -> Issue:
    """The server failed: an issue of severity fatal."""
    return Issue("fatal", code, text, tx, message_id, at, diagnostics)


def error(
    *,
    code: str,
    text: str,
    tx: str | None = None,
    message_id: str | None = None,
    at: Sequence[str] = (),
    diagnostics: str | None = None,
) -> Issue:
    """The request has no answer, or a negative one: an issue of severity error."""
    return Issue("error", code, text, tx, message_id, at, diagnostics)


def warning(
    *,
    code: str,
    text: str,
    tx: str | None = None,
    message_id: str | None = None,
    at: Sequence[str] = (),
    diagnostics: str | None = None,
) -> Issue:
    """The answer may not be what the user expects: an issue of severity warning."""
    return Issue("warning", code, text, tx, message_id, at, diagnostics)


def information(
    *,
    code: str,
    text: str,
    tx: str | None = None,
    message_id: str | None = None,
    at: Sequence[str] = (),
    diagnostics: str | None = None,
) -> Issue:
    """Something worth knowing about the answer: an issue of severity information."""
    return Issue("information", code, text, tx, message_id, at, diagnostics)


# The constructor of each severity.
SEVERITIES: dict[str, Callable[..., Issue]] = {
    constructor.__name__: constructor for constructor in (fatal, error, warning, information)
}
