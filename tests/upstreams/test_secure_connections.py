"""Upstreams that are asked over TLS, with certificates of both sides, and through proxies."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.wire.elsewhere import ANSWERED_BY
from tests.support.builders import code_system, concept, url_of
from tests.support.certificates import certificate
from tests.support.upstreams import answering, faulty, listening, tunnel_to, upstreams_file

BIRDS = url_of("birds")
LOOKUP = f"/fhir/r4/CodeSystem/$lookup?system={BIRDS}&code=owl"
HOLDING = Content([code_system("birds", concept("owl", "Owl"))])
OWL = b'{"resourceType": "Parameters", "parameter": [{"name": "display", "valueString": "Owl"}]}'
# The time that a machine may be busy with other work, in seconds.
BUSY = 100

Files = tuple[Path, Path]


@dataclass(frozen=True)
class Certificates:
    """An authority, and certificates of a server and a client that it has signed, each with its key."""

    authority: Files
    server: Files
    client: Files
    stranger: Files

    def context(self, asks_clients: bool) -> ssl.SSLContext:
        """The server's side of TLS."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.authority[0]))
        context.load_cert_chain(*self.server)
        context.verify_mode = ssl.CERT_REQUIRED if asks_clients else ssl.CERT_NONE
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = certificate(folder, "authority")
    return Certificates(
        authority,
        server=certificate(folder, "server", authority=authority),
        client=certificate(folder, "client", authority=authority),
        stranger=certificate(folder, "stranger"),
    )


@pytest.fixture(scope="module")
def secure(certificates: Certificates) -> Iterator[str]:
    """The base of an upstream over TLS."""
    app = create_app(Settings(bundled=False), catalogue=HOLDING)
    with listening(app, certificates.context(asks_clients=False)) as address:
        yield f"{address}/r4"


@pytest.fixture(scope="module")
def mutual(certificates: Certificates) -> Iterator[str]:
    """The base of an upstream that asks for a certificate of the client."""
    app = create_app(Settings(bundled=False), catalogue=HOLDING)
    with listening(app, certificates.context(asks_clients=True)) as address:
        yield f"{address}/r4"


def answer_through(folder: Path, base: str, **elements: Any) -> TestResponse:
    """The answer of a server that asks an upstream with these elements in its entry."""
    own = {name: str(value) for name, value in elements.items()}
    times = {"readTimeout": BUSY, "deadline": BUSY, "connectTimeout": BUSY}
    entry = {"name": "aviary", "base": base, "canonicals": [BIRDS], "fhirVersion": "r4", **times, **own}
    settings = Settings(upstreams=upstreams_file(folder, entry), bundled=False, deadline=2 * BUSY)
    return create_app(settings, catalogue=Content()).test_client().get(LOOKUP)


def is_answered(answer: TestResponse) -> bool:
    if answer.status_code == 200:
        return bool(answer.headers[ANSWERED_BY] == "aviary")
    (issue,) = answer.get_json()["issue"]
    assert (answer.status_code, issue["code"]) == (503, "transient")
    assert "cannot be reached" in issue["details"]["text"]
    return False


def test_the_certificate_of_an_upstream_is_checked(
    tmp_path: Path, certificates: Certificates, secure: str
) -> None:
    """By the authorities of the file, or else by those that everybody knows; and its name must be that of the base."""
    assert is_answered(answer_through(tmp_path, secure, authorities=certificates.authority[0]))
    assert not is_answered(answer_through(tmp_path, secure))
    assert not is_answered(answer_through(tmp_path, secure, authorities=certificates.stranger[0]))
    other_name = secure.replace("127.0.0.1", "127.0.0.2")
    with faulty(tunnel_to(int(secure.split(":")[2].split("/")[0]))) as proxy:
        elements = {"authorities": certificates.authority[0], "proxy": proxy.base.removesuffix("/fhir")}
        assert not is_answered(answer_through(tmp_path, other_name, **elements))


def test_an_upstream_is_shown_the_certificate_that_it_asks_for(
    tmp_path: Path, certificates: Certificates, mutual: str
) -> None:
    authorities = {"authorities": certificates.authority[0]}
    own, key = certificates.client
    assert is_answered(answer_through(tmp_path, mutual, certificate=own, key=key, **authorities))
    both = tmp_path / "both.pem"
    both.write_bytes(own.read_bytes() + key.read_bytes())
    assert is_answered(answer_through(tmp_path, mutual, certificate=both, **authorities))
    assert not is_answered(answer_through(tmp_path, mutual, **authorities))
    stranger, key = certificates.stranger
    assert not is_answered(answer_through(tmp_path, mutual, certificate=stranger, key=key, **authorities))


def test_a_question_over_TLS_goes_through_a_tunnel_of_the_proxy(
    tmp_path: Path, certificates: Certificates, mutual: str
) -> None:
    """The proxy sees the address of the upstream alone."""
    own, key = certificates.client
    port = int(mutual.split(":")[2].split("/")[0])
    with faulty(tunnel_to(port)) as proxy:
        answer = answer_through(
            tmp_path,
            mutual.replace("127.0.0.1", "localhost"),
            authorities=certificates.authority[0],
            certificate=own,
            key=key,
            proxy=proxy.base.removesuffix("/fhir"),
        )
        assert is_answered(answer)
        (head,) = proxy.heads
        assert head.startswith(f"CONNECT localhost:{port} HTTP/1.")
        assert BIRDS not in head


def test_a_question_without_TLS_goes_to_the_proxy_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the proxy of the file is used, and not that of the environment."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with faulty(answering("200 OK", OWL)) as proxy:
        address = proxy.base.removesuffix("/fhir").replace("http://", "http://user:secret@")
        assert is_answered(answer_through(tmp_path, "http://tx.invalid/fhir", proxy=address))
        (head,) = proxy.heads
        assert head.startswith("GET http://tx.invalid/fhir/CodeSystem/$lookup?")
        assert "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=" in head
    with faulty(answering("200 OK", OWL)) as server:
        assert is_answered(answer_through(tmp_path, server.base))


def test_a_proxy_that_is_away_or_refuses_is_transient(tmp_path: Path, secure: str) -> None:
    with faulty(answering("200 OK", OWL)) as closed:
        address = closed.base.removesuffix("/fhir")
    assert not is_answered(answer_through(tmp_path, secure, proxy=address))
    with faulty(answering("407 Proxy Authentication Required", b"")) as proxy:
        assert not is_answered(answer_through(tmp_path, secure, proxy=proxy.base.removesuffix("/fhir")))
