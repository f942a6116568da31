"""Permission: whether the user of a request may do what it asks for."""

from __future__ import annotations

from terminology.core import issues
from terminology.core.errors import RefusedError
from terminology.core.users import ANYBODY, User
from terminology.wire.exchange import Context, Request

# The header of HTTP that says how to send credentials (RFC 9110, section 11.6.1; RFC 6750, section 3).
CHALLENGE = "WWW-Authenticate"
# Seconds after which to try again while the keys of an issuer cannot be read.
RETRY_AFTER = 5


def require_right(context: Context, request: Request, interaction: str, kind: str) -> None:
    """Raises RefusedError where the user may not do this: 401 without credentials that count, else 403.

    ``interaction`` is one of ``users.INTERACTIONS``, ``kind`` a resource type.
    """
    root = context.release.name.lower()
    if not request.user.may(interaction, kind, root):
        raise _refusal(request.user, f"system/{kind}.{interaction[0]}")


def require_any_right(request: Request) -> None:
    """Raises RefusedError (401) for a user who may do nothing at all."""
    if not request.user.rights:
        raise _refusal(request.user, "system/*.rs")


def _refusal(user: User, right: str) -> RefusedError:
    if user is ANYBODY:
        return RefusedError(403, issues.right_of_nobody(right))
    if user.name:
        return RefusedError(403, issues.right_missing(user.name, right))
    if user.problem is not None and user.problem.code == "transient":
        return RefusedError(503, user.problem, {"Retry-After": str(RETRY_AFTER)})
    if user.problem is not None:
        return RefusedError(401, user.problem, {CHALLENGE: 'Bearer realm="fhir", error="invalid_token"'})
    return RefusedError(401, issues.login_needed(right), {CHALLENGE: 'Bearer realm="fhir"'})
