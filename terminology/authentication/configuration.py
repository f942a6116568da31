"""The file of the setting ``auth``: API keys, issuers of access tokens, and what everybody may do.

The file is JSON. It has no secrets: of an API key it has a digest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from terminology.core.errors import SettingError, reason_of
from terminology.core.users import is_scope, rights_of

# The algorithms of signatures by private keys. Those of shared secrets (HS256), and none, can never be allowed.
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
ALGORITHMS: Sequence[Algorithm] = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")


def _scope(text: str) -> str:
    if not is_scope(text):
        raise ValueError(
            f"'{text}' is not a scope such as system/CodeSystem.rs, system/*.cruds or r5:system/*.rs"
        )
    return text


def _reading_scope(text: str) -> str:
    """A scope without a right to write: nobody writes without being known."""
    rights = rights_of([_scope(text)])
    if any(set(right.rpartition(".")[2]) & {"c", "u", "d"} for right in rights):
        raise ValueError(f"'{text}' lets everybody write: give such a scope to a key or issuer")
    return text


def _url(text: str) -> str:
    """An https URL; http for this machine alone, since nobody is between."""
    parts = urlsplit(text)
    is_own = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or (parts.scheme != "https" and not is_own) or parts.username is not None:
        raise ValueError(f"'{text}' is not an https URL")
    return text


def _key_set(text: str) -> str:
    return _url(text) if "://" in text else text


Scope = Annotated[str, AfterValidator(_scope)]
ReadingScope = Annotated[str, AfterValidator(_reading_scope)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$")]
Url = Annotated[str, AfterValidator(_url)]
Root = Literal["r4", "r4b", "r5", "r6"]


class _Strict(BaseModel):
    """A part of the file: an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class KeyEntry(_Strict):
    """An API key: ``id`` is its public half, ``hash`` the digest of the whole. It counts up to the day ``expires``.

    ``licences`` are code systems whose texts the user may have (docs/licences.md).
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{4,32}$")]
    user: Name
    hash: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    scopes: list[Scope]
    roots: list[Root] = []
    licences: list[str] = []
    expires: date | None = None


class IssuerEntry(_Strict):
    """An issuer of access tokens. ``keys`` is the URL or the path of its public keys, a JWK Set (RFC 7517).

    ``audience`` is what its tokens call this service. ``authorities`` is a file by which its certificate is checked.
    """

    issuer: Annotated[str, Field(min_length=1)]
    audience: Annotated[str, Field(min_length=1)]
    keys: Annotated[str, AfterValidator(_key_set)]
    algorithms: Annotated[list[Algorithm], Field(min_length=1)] = list(ALGORITHMS)
    roots: list[Root] = []
    licences: list[str] = []
    token_endpoint: Url | None = None
    authorities: Path | None = None


class AuthFile(_Strict):
    """The file. ``anonymous`` are the scopes of clients without credentials, who never may write."""

    anonymous: list[ReadingScope] = []
    keys: list[KeyEntry] = []
    issuers: list[IssuerEntry] = []


def read_auth(path: Path) -> AuthFile:
    """The file at a path. Raises SettingError, which names the file, the place in it and the correct values."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as problem:
        raise SettingError(f"{path}: cannot be read: {reason_of(problem)}") from None
    except (ValueError, RecursionError) as problem:
        raise SettingError(f"{path}: cannot be read as JSON: {problem}") from None
    return checked(path, document)


def checked(path: Path, document: Any) -> AuthFile:
    """The content of the file at a path, if it is right. Raises SettingError."""
    try:
        file = AuthFile.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the file"
        raise SettingError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from None
    for name, values in {
        "keys": [key.id for key in file.keys],
        "issuers": [issuer.issuer for issuer in file.issuers],
    }.items():
        for value in values:
            if values.count(value) > 1:
                raise SettingError(f"{path}: {name}: two have the name '{value}'")
    folder = path.parent
    for index, issuer in enumerate(file.issuers):
        files = [issuer.authorities, None if "://" in issuer.keys else Path(issuer.keys)]
        for needed in filter(None, files):
            if not (folder / needed).is_file():
                raise SettingError(f"{path}: issuers.{index}: there is no file {folder / needed}")
    return file
