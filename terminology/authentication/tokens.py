"""Access tokens (JWT, RFC 9068) of an authorization server, such as those of SMART Backend Services.

https://hl7.org/fhir/smart-app-launch/backend-services.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt

from terminology.authentication.configuration import IssuerEntry
from terminology.authentication.key_sets import FileKeys, RemoteKeys
from terminology.core import issues
from terminology.core.errors import TerminologyError, UnavailableError
from terminology.core.users import User, licence_rights, rights_of

# Seconds by which the clocks of issuer and service may differ.
LEEWAY = 30
_NEEDED = ("exp", "iss", "aud")


class Issuer:
    """An issuer whose tokens count. For use by several threads; paths are relative to ``folder``."""

    def __init__(self, entry: IssuerEntry, folder: Path) -> None:
        self.entry = entry
        authorities = entry.authorities and folder / entry.authorities
        self._keys = (
            RemoteKeys(entry.keys, authorities) if "://" in entry.keys else FileKeys(folder / entry.keys)
        )

    def user(self, token: str) -> tuple[User, float]:
        """The user of a token, and the time (seconds since 1970) up to which it counts. Raises TerminologyError."""
        entry = self.entry
        try:
            claims = jwt.decode(
                token,
                self._key(token),
                algorithms=entry.algorithms,
                audience=entry.audience,
                issuer=entry.issuer,
                leeway=LEEWAY,
                options={"require": list(_NEEDED)},
            )
        except jwt.ExpiredSignatureError:
            raise TerminologyError(issues.token_expired()) from None
        except jwt.ImmatureSignatureError:
            raise TerminologyError(issues.token_too_early()) from None
        except jwt.InvalidAudienceError:
            raise TerminologyError(issues.token_for_others(entry.audience)) from None
        except jwt.MissingRequiredClaimError as error:
            raise TerminologyError(issues.token_without(error.claim)) from None
        except jwt.PyJWTError:
            raise TerminologyError(issues.token_not_signed(entry.issuer)) from None
        except (TypeError, ValueError, OverflowError, RecursionError):  # PyJWT lets some values fall through
            raise TerminologyError(issues.token_unreadable()) from None
        name = claims.get("sub") or claims.get("client_id") or claims.get("azp")
        if not isinstance(name, str):
            raise TerminologyError(issues.token_without("sub"))
        if not name.isprintable():  # such as NUL or half a character, which tables and logs cannot have
            raise TerminologyError(issues.token_claim("sub", "a text that can be printed"))
        end = claims["exp"]
        if not isinstance(end, (int, float)):
            raise TerminologyError(issues.token_claim("exp", "a number of seconds since 1970"))
        rights = rights_of(_scopes(claims), entry.roots) | licence_rights(entry.licences)
        return User(f"{entry.issuer} {name}", rights), end + LEEWAY

    def _key(self, token: str) -> jwt.PyJWK:
        """The key that a token names, for the algorithm that it names. Raises TerminologyError, jwt.PyJWTError."""
        header = jwt.get_unverified_header(token)
        kid, algorithm = header.get("kid"), header.get("alg")
        if algorithm not in self.entry.algorithms:
            raise TerminologyError(issues.token_algorithm(str(algorithm), self.entry.algorithms))
        try:
            keys = self._keys.keys(kid)
        except UnavailableError as problem:
            raise TerminologyError(issues.issuer_away(self.entry.issuer, str(problem))) from None
        named = [key for key in keys if key.get("kid") == kid] if kid is not None else keys
        fitting = [key for key in named if key.get("alg", algorithm) == algorithm]
        if len(fitting) != 1:
            raise TerminologyError(issues.token_key_unknown(self.entry.issuer))
        return jwt.PyJWK(dict(fitting[0]), algorithm)


def issuer_of(token: str) -> str | None:
    """Who a token says that it is from, unchecked; None for any other text."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError):
        return None
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) else ""


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    """The scopes of a token, a text with spaces, or a list as some servers have it."""
    scopes = claims.get("scope", claims.get("scp", ""))
    if isinstance(scopes, str):
        return scopes.split()
    return [scope for scope in scopes if isinstance(scope, str)] if isinstance(scopes, list) else []
