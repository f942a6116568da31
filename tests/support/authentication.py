"""Files of the setting ``auth``, API keys, and issuers of access tokens with real keys."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from terminology.authentication.api_keys import new_key

AUDIENCE = "https://tx.example.org/fhir"
ISSUER = "https://auth.example.org"


def auth_file(folder: Path, **content: Any) -> Path:
    path = folder / "auth.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def api_key(user: str, *scopes: str, **elements: Any) -> tuple[str, dict[str, Any]]:
    """A key, and its entry in the file."""
    id_, key, digest = new_key()
    return key, {"id": id_, "user": user, "hash": digest, "scopes": list(scopes), **elements}


@dataclass
class TokenIssuer:
    """An issuer with a key of a kind (RS384 or ES384)."""

    algorithm: str = "ES384"
    kid: str = "1"
    issuer: str = ISSUER
    private: Any = field(init=False)

    def __post_init__(self) -> None:
        is_rsa = self.algorithm.startswith("RS")
        self.private = (
            rsa.generate_private_key(65537, 2048) if is_rsa else ec.generate_private_key(ec.SECP384R1())
        )

    @property
    def public(self) -> dict[str, Any]:
        """The public key as JWK."""
        kind = RSAAlgorithm if self.algorithm.startswith("RS") else ECAlgorithm
        return {**kind.to_jwk(self.private.public_key(), as_dict=True), "kid": self.kid, "use": "sig"}

    def key_set(self, folder: Path, name: str = "jwks.json") -> Path:
        path = folder / name
        path.write_text(json.dumps({"keys": [self.public]}), "utf-8")
        return path

    def entry(self, keys: str = "jwks.json", **elements: Any) -> dict[str, Any]:
        """The entry of the issuer in the file of the setting ``auth``."""
        return {"issuer": self.issuer, "audience": AUDIENCE, "keys": keys, **elements}

    def token(
        self, scope: str | None = "system/*.rs", *, headers: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token that counts for five minutes; a claim that is None is left out."""
        now = int(time.time())
        usual = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "ehr",
            "scope": scope,
            "exp": now + 300,
            "iat": now,
        }
        content = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(content, self.private, self.algorithm, headers={"kid": self.kid, **(headers or {})})
