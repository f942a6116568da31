"""Messages about who sends a request, and what they may do."""

from __future__ import annotations

from terminology.core.issues.severity import error
from terminology.core.model import Issue


def login_needed(right: str) -> Issue:
    """``right``: a scope, such as system/CodeSystem.r."""
    text = (
        f"This request needs the right '{right}', and has no credentials. Send an API key or an access token as "
        "'Authorization: Bearer ...', or an API key as 'X-API-Key'"
    )
    return error(code="login", text=text)


def right_missing(user: str, right: str) -> Issue:
    """``right``: a scope, such as system/CodeSystem.r."""
    return error(code="forbidden", text=f"The user '{user}' does not have the right '{right}'")


def right_of_nobody(right: str) -> Issue:
    """``right``: a scope that nobody has, since the service asks nobody who they are."""
    text = f"This request needs the right '{right}', which nobody has: this service does not ask clients who they are"
    return error(code="forbidden", text=text)
