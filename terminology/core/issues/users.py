"""Messages about who sends a request, and what they may do."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import or_list, quoted
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


def unknown_scheme() -> Issue:
    """It does not repeat the header, which may be a secret alone."""
    text = (
        "The header Authorization does not begin with 'Bearer'. Send an API key or an access token as "
        "'Authorization: Bearer ...', or an API key as 'X-API-Key'"
    )
    return error(code="login", text=text)


def unknown_key() -> Issue:
    return error(code="login", text="The API key is not known")


def key_expired(day: str) -> Issue:
    return error(code="expired", text=f"The API key counted up to {day}. Ask the operator for another one")


def no_tokens() -> Issue:
    text = "This service takes no access tokens. Send an API key, as the operator gives it"
    return error(code="login", text=text)


def token_unreadable() -> Issue:
    return error(code="login", text="The access token is not a JSON Web Token")


def unknown_issuer(issuer: str) -> Issue:
    return error(code="login", text=f"Access tokens of the issuer {quoted(issuer)} are not taken")


def token_algorithm(algorithm: str, allowed: Sequence[str]) -> Issue:
    text = f"The access token is signed by {quoted(algorithm)}. Its issuer may use {or_list(allowed)}"
    return error(code="login", text=text)


def token_key_unknown(issuer: str) -> Issue:
    text = f"The access token is signed by a key that the issuer {quoted(issuer)} does not publish"
    return error(code="login", text=text)


def token_not_signed(issuer: str) -> Issue:
    return error(code="login", text=f"The access token is not one that {quoted(issuer)} has signed")


def token_expired() -> Issue:
    return error(code="expired", text="The access token has expired. Get another one from its issuer")


def token_too_early() -> Issue:
    return error(code="login", text="The access token does not count yet (nbf, iat)")


def token_for_others(audience: str) -> Issue:
    text = f"The access token is for another service: its audience (aud) should be {quoted(audience)}"
    return error(code="login", text=text)


def token_without(claim: str) -> Issue:
    return error(code="login", text=f"The access token lacks the claim {quoted(claim)}")


def token_claim(claim: str, expected: str) -> Issue:
    """``expected``: a noun phrase, such as "a number of seconds since 1970"."""
    return error(code="login", text=f"The claim '{claim}' of the access token must be {expected}")


def issuer_away(issuer: str, reason: str) -> Issue:
    """``reason``: a clause that says why its keys cannot be read."""
    text = f"The keys of the issuer {quoted(issuer)} cannot be read: {reason}. Try again later"
    return error(code="transient", text=text)


def state_is_for_operator() -> Issue:
    text = (
        "The state of the service is for its operator: a user with all rights (the scope system/*.cruds; setting "
        "'auth'), or somebody at the machine of a service that no other machine reaches. The command is 'terminology "
        "status'"
    )
    return error(code="forbidden", text=text)
