"""Access tokens: one counts if its issuer has signed it for this service and for now, and in no other case."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import jwt
import pytest
from flask import Flask

from terminology.authentication.authenticator import Authenticator
from terminology.authentication.tokens import LEEWAY
from terminology.core.users import User
from terminology.wire.json import write
from terminology.wire.outcome import operation_outcome
from tests.support.authentication import AUDIENCE, ISSUER, TokenIssuer, auth_file
from tests.support.service import until
from tests.support.upstreams import answering, dripping, faulty, listening

NOW = int(time.time())
OWN = TokenIssuer()
RSA = TokenIssuer("RS384")
STRANGER = TokenIssuer()


def authenticator(
    folder: Path, issuer: TokenIssuer = OWN, keys: str = "jwks.json", **elements
) -> Authenticator:
    issuer.key_set(folder)
    return Authenticator(
        auth_file(folder, anonymous=["system/*.rs"], issuers=[issuer.entry(keys, **elements)])
    )


def asked(users: Authenticator, token: str) -> User:
    return users.user(f"Bearer {token}", None)


def code(user: User) -> str:
    assert user.problem is not None
    assert (user.name, user.rights) == ("", frozenset())
    return user.problem.code


@pytest.mark.parametrize("issuer", [OWN, RSA], ids=lambda issuer: issuer.algorithm)
def test_a_token_gives_the_rights_of_its_scopes(tmp_path: Path, issuer: TokenIssuer) -> None:
    users = authenticator(tmp_path, issuer)
    user = asked(users, issuer.token("openid system/CodeSystem.rs patient/*.rs launch"))
    assert user == User(f"{ISSUER} ehr", frozenset(["system/CodeSystem.rs"]))
    assert asked(users, issuer.token("system/CodeSystem.rs", aud=["x", AUDIENCE])).name == user.name
    as_list = issuer.token(None, scp=["system/*.cruds"])
    assert asked(users, as_list).rights == frozenset(["system/*.cruds"])
    assert asked(users, issuer.token(None)).rights == frozenset()
    assert asked(users, issuer.token(sub=None, client_id="lab")).name == f"{ISSUER} lab"


def test_the_rights_are_below_the_roots_of_the_issuer(tmp_path: Path) -> None:
    users = authenticator(tmp_path, roots=["r5"])
    user = asked(users, OWN.token("system/*.rs"))
    assert (user.may("read", "CodeSystem", "r5"), user.may("read", "CodeSystem", "r4")) == (True, False)


FORGERIES = {
    "another key": (lambda: TokenIssuer.token(STRANGER), "login"),
    "expired": (lambda: OWN.token(exp=NOW - 600), "expired"),
    "not yet": (lambda: OWN.token(nbf=NOW + 6_000), "login"),
    "from the future": (lambda: OWN.token(iat=NOW + 6_000), "login"),
    "without an end": (lambda: OWN.token(exp=None), "login"),
    "without an audience": (lambda: OWN.token(aud=None), "login"),
    "for another service": (lambda: OWN.token(aud="https://other.example.org"), "login"),
    "of another issuer": (lambda: OWN.token(iss="https://evil.example.org"), "login"),
    "without an issuer": (lambda: OWN.token(iss=None), "login"),
    "of nobody": (lambda: OWN.token(sub=None), "login"),
    "an unknown kid": (lambda: OWN.token(headers={"kid": "2"}), "login"),
    "a kid of another type": (lambda: unsigned({"alg": "ES384", "kid": 7}), "login"),
    "none": (lambda: jwt.encode(claims(), "", "none"), "login"),
    "none in capitals": (lambda: unsigned({"alg": "NONE", "kid": "1"}), "login"),
    "HMAC with the public key": (lambda: hmac_with_public_key(), "login"),
    "the key in its own header": (lambda: STRANGER.token(headers={"jwk": STRANGER.public}), "login"),
    "a critical extension": (lambda: OWN.token(headers={"crit": ["exp2"], "exp2": 1}), "login"),
    "no JSON": (lambda: "a.b.c", "login"),
    "empty parts": (lambda: "..", "login"),
    "an endless number": (lambda: unsigned({"alg": "ES384"}, exp="9" * 400), "login"),
    "half a character as issuer": (lambda: unsigned({"alg": "ES384"}, iss="\ud800"), "login"),
    "half a character as algorithm": (lambda: unsigned({"alg": "\ud800"}), "login"),
    "endless brackets": (lambda: f"{part({'alg': 'ES384'})}.{nested()}.", "login"),
    "endless brackets in the header": (lambda: f"{nested()}.{part(claims())}.", "login"),
    "an end in quotes": (lambda: OWN.token(exp=str(NOW + 300)), "login"),
    "an end that never comes": (lambda: OWN.token(exp=float("inf")), "login"),
    "an end that is a list": (lambda: OWN.token(exp=[NOW + 300]), "login"),
    "a begin that never comes": (lambda: OWN.token(nbf=float("inf")), "login"),
    "of half a character": (lambda: OWN.token(sub="a\ud800b"), "login"),
    "of a text with NUL": (lambda: OWN.token(sub="a\0b"), "login"),
    "a changed payload": (lambda: changed(OWN.token("system/*.r")), "login"),
}


def claims(**others: object) -> dict[str, object]:
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ehr",
        "scope": "system/*.cruds",
        "exp": NOW + 300,
        **others,
    }


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def nested() -> str:
    """A part of a token that is JSON nested deeper than Python reads."""
    return base64.urlsafe_b64encode(b"[" * 6_000).decode()


def unsigned(header: dict[str, object], **others: object) -> str:
    return f"{part(header)}.{part(claims(**others))}."


def hmac_with_public_key() -> str:
    """The classic confusion: the public key, which everybody has, as the secret of HS256."""
    import hashlib
    import hmac

    secret = json.dumps({"keys": [OWN.public]}).encode()
    text = f"{part({'alg': 'HS256', 'kid': '1'})}.{part(claims())}"
    signature = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def changed(token: str) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{part(claims())}.{signature}"


@pytest.mark.parametrize("name", FORGERIES)
def test_a_token_that_is_forged_or_for_others_gives_no_right(tmp_path: Path, name: str) -> None:
    forge, expected = FORGERIES[name]
    token = forge()
    user = asked(authenticator(tmp_path), token)
    assert code(user) == expected
    assert user.problem is not None
    assert token not in user.problem.text or len(token) < 6
    assert json.loads(write(operation_outcome([user.problem])))["issue"][0]["code"] == expected


def test_a_token_counts_no_longer_than_it_says_although_it_is_remembered(tmp_path: Path) -> None:
    users = authenticator(tmp_path)
    tokens: list[str] = []

    def counts_for_a_moment() -> bool:
        tokens.append(OWN.token(exp=int(time.time()) - LEEWAY + 2))
        return asked(users, tokens[-1]).problem is None

    until(counts_for_a_moment)
    until(lambda: asked(users, tokens[-1]).problem is not None)
    assert code(asked(users, tokens[-1])) == "expired"


def test_keys_with_secrets_in_them_are_refused(tmp_path: Path) -> None:
    users = authenticator(tmp_path)
    token = OWN.token()
    for wrong in ({"kty": "oct", "k": "AAAA", "kid": "1"}, {**OWN.public, "d": "AAAA"}):
        (tmp_path / "jwks.json").write_text(json.dumps({"keys": [wrong]}), "utf-8")
        assert code(asked(users, token)) == "transient"


def test_new_keys_in_a_file_count_at_once(tmp_path: Path) -> None:
    users = authenticator(tmp_path)
    new = TokenIssuer(kid="2026")
    assert code(asked(users, new.token())) == "login"
    new.key_set(tmp_path)
    assert asked(users, new.token()).problem is None


def test_keys_are_fetched_from_a_URL_and_used_again_while_it_is_away(tmp_path: Path, monkeypatch) -> None:
    app = Flask("issuer")
    asked_for = []

    def key_set() -> dict[str, object]:
        asked_for.append(1)
        return {"keys": [OWN.public]}

    app.add_url_rule("/fhir/jwks", "jwks", key_set)
    with listening(app) as base:
        users = authenticator(tmp_path, keys=f"{base}/jwks")
        assert asked(users, OWN.token()).problem is None
        for subject in "abc":
            assert asked(users, OWN.token(sub=subject)).problem is None
        assert code(asked(users, OWN.token(headers={"kid": "2"}))) == "login"
        assert len(asked_for) == 1, "an unknown key asks again after half a minute only"
    monkeypatch.setattr("terminology.authentication.key_sets.OLD", 0)
    assert asked(users, OWN.token(sub="later")).problem is None


def test_an_issuer_that_is_away_is_no_wrong_token(tmp_path: Path) -> None:
    body = json.dumps({"keys": [OWN.public]}).encode()
    for fault in (
        answering("503 Service Unavailable", b""),
        answering("302 Found", b"", {"Location": "https://evil.example.org/jwks"}),
        answering("200 OK", b"<html>"),
        answering("200 OK", body[: len(body) // 2]),
        dripping(b"x", 0.01, b"HTTP/1.1 200 OK\r\n\r\n"),
        lambda connection: connection.sendall(b"nonsense\r\n\r\n"),
    ):
        with faulty(fault) as server:
            begin = time.monotonic()
            users = authenticator(tmp_path, keys=f"{server.base}/jwks")
            assert code(asked(users, OWN.token())) == "transient"
            assert time.monotonic() - begin < 60


def test_requests_do_not_wait_for_an_issuer_again_and_again(tmp_path: Path, monkeypatch) -> None:
    """While it does not answer, each request waits for at most the one attempt that goes on."""
    monkeypatch.setattr("terminology.authentication.key_sets.PATIENCE", 0.2)
    with faulty(dripping(b"x", 0.05, b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        users = authenticator(tmp_path, keys=f"{server.base}/jwks")
        for _ in range(3):
            assert code(asked(users, OWN.token())) == "transient"
        until(lambda: len(server.heads) >= 1)
        assert len(server.heads) <= 4
