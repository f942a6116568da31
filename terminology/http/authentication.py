"""The WSGI layer that finds out which user sends a request, and what clients of SMART can read about it.

It stands outside the prepared requests, and puts the user and the user's rights into the environment. It refuses
nobody: which right a request needs is known to its route (``wire.permission``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from terminology.core.users import ANYBODY, User
from terminology.wire.exchange import Login
from terminology.wire.request_headers import RequestHeader

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from terminology.authentication.authenticator import Authenticator

# Where in the environment the user is, and the user's rights; both are missing where nobody is asked who they are.
USER = "terminology.user"
RIGHTS = "terminology.rights"
# The path of SMART's configuration, below each root.
SMART_CONFIGURATION = ".well-known/smart-configuration"
_AUTHORIZATION = RequestHeader.AUTHORIZATION.wsgi_name
_API_KEY = RequestHeader.API_KEY.wsgi_name


class Authentication:
    """The layer. ``authenticator`` knows the users. For use by several threads."""

    def __init__(self, application: WSGIApplication, authenticator: Authenticator) -> None:
        self.application = application
        self._user = authenticator.user

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        user = self._user(environ.get(_AUTHORIZATION), environ.get(_API_KEY))
        environ[USER], environ[RIGHTS] = user, user.rights
        return self.application(environ, start_response)


def user_of(environ: WSGIEnvironment) -> User:
    """The user who sends a request."""
    user: User = environ.get(USER, ANYBODY)
    return user


def login_of(authenticator: Authenticator | None) -> Login | None:
    """The ways in which clients can say who they are."""
    if authenticator is None:
        return None
    file = authenticator.file
    endpoints = (issuer.token_endpoint for issuer in file.issuers)
    return Login(bool(file.keys), next(filter(None, endpoints), None))


def smart_configuration(authenticator: Authenticator) -> dict[str, Any] | None:
    """SMART's configuration, of the first issuer that has a token endpoint; None without one.

    https://hl7.org/fhir/smart-app-launch/conformance.html
    """
    for issuer in authenticator.file.issuers:
        if issuer.token_endpoint is not None:
            keys = {"jwks_uri": issuer.keys} if "://" in issuer.keys else {}
            return {
                "issuer": issuer.issuer,
                **keys,
                "token_endpoint": issuer.token_endpoint,
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": list(issuer.algorithms),
                "grant_types_supported": ["client_credentials"],
                "scopes_supported": ["system/*.rs", "system/*.cruds"],
                "code_challenge_methods_supported": ["S256"],
                "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
            }
    return None
