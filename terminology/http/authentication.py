"""Authentication: which user sends a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from terminology.core.users import ANYBODY, User

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# Where in the environment the user is, and the user's rights; both are missing where nobody is asked who they are.
USER = "terminology.user"
RIGHTS = "terminology.rights"


def user_of(environ: WSGIEnvironment) -> User:
    """The user who sends a request."""
    user: User = environ.get(USER, ANYBODY)
    return user
