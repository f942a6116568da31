"""Compression: by negotiation, for large answers, and the same answer after all."""

from __future__ import annotations

import gzip
from typing import Any

import brotli
import pytest
import zstandard
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue.protocol import Catalogue
from terminology.http.compression import LEAST, coding_for

LARGE = "/fhir/r4/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/iso3166-1-2"
SMALL = "/fhir/r4/CodeSystem/$lookup?system=urn:ietf:bcp:47&code=de"
UNPACK = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda content: zstandard.ZstdDecompressor().decompress(content),
}


@pytest.fixture(scope="module")
def plain(client: FlaskClient) -> bytes:
    content = client.get(LARGE).data
    assert len(content) > LEAST
    return content.split(b'"contains"')[1]  # the rest has an identifier and the time


def asked(client: FlaskClient, path: str, accepted: str, **more: Any) -> Any:
    return client.open(path, headers={"Accept-Encoding": accepted}, **more)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("br", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, br;q=0.8", "gzip"),
        ("GZip ; Q=0.5", "gzip"),
        ("x-gzip", "gzip"),
        ("identity;q=0, gzip", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0.5, identity", "identity"),
        ("*;q=0", "identity"),
        ("gzip;q=0, *", "identity"),
        ("gzip;q=0", "identity"),
        ("deflate, compress", "identity"),
        ("gzip;q=high, br;q=-1, zstd;q=2", "identity"),
        (",;,=;q", "identity"),
        ("", "identity"),
    ],
)
def test_the_client_and_then_the_server_chooses_the_coding(accepted: str, coding: str) -> None:
    assert coding_for(accepted) == coding


@pytest.mark.parametrize("coding", UNPACK)
def test_a_large_answer_is_compressed_and_the_same(client: FlaskClient, plain: bytes, coding: str) -> None:
    answer = asked(client, LARGE, coding)
    assert answer.headers["Content-Encoding"] == coding
    assert int(answer.headers["Content-Length"]) == len(answer.data) < len(plain) / 3
    assert UNPACK[coding](answer.data).split(b'"contains"')[1] == plain
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_small_answers_go_as_they_are_with_the_same_vary(client: FlaskClient) -> None:
    for _ in range(2):  # the second one is like an earlier one
        answer = asked(client, SMALL, "gzip")
        assert "Content-Encoding" not in answer.headers and answer.get_json()["parameter"]
        assert "Accept-Encoding" in answer.headers["Vary"]


def test_head_has_the_headers_of_get_without_the_length(client: FlaskClient) -> None:
    path = "/fhir/r4/CodeSystem?_count=50"
    get, head = asked(client, path, "gzip"), asked(client, path, "gzip", method="HEAD")
    assert head.data == b"" and "Content-Length" not in head.headers
    own = {"Content-Length", "X-Request-Id", "Date"}
    assert {k: v for k, v in get.headers.items() if k not in own} == {
        k: v for k, v in head.headers.items() if k not in own
    }
    assert head.headers["Content-Encoding"] == "gzip"


def test_a_client_that_knows_the_resource_gets_304_with_every_coding(client: FlaskClient) -> None:
    path = (
        "/fhir/r5/ValueSet/"
        + client.get("/fhir/r5/ValueSet?_count=1").get_json()["entry"][0]["resource"]["id"]
    )
    tag = client.get(path).headers["ETag"]
    assert tag.startswith("W/")
    for accepted in ("gzip", "identity"):
        answer = client.get(path, headers={"If-None-Match": tag, "Accept-Encoding": accepted})
        assert (answer.status_code, answer.data) == (304, b"")
        assert (answer.headers["ETag"], "Content-Encoding" in answer.headers) == (tag, False)


def test_an_error_of_a_large_request_is_readable(client: FlaskClient) -> None:
    answer = client.post(
        "/fhir/r4/CodeSystem/$lookup", data=b"{" * 10_000, headers={"Accept-Encoding": "gzip"}
    )
    assert answer.status_code == 415 or answer.status_code == 400
    assert answer.get_json()["resourceType"] == "OperationOutcome"


def test_nothing_is_compressed_where_the_settings_say_so(catalogue: Catalogue) -> None:
    settings = Settings(environment={}, data="", compression=False)
    answer = asked(create_app(settings, catalogue=catalogue).test_client(), LARGE, "gzip")
    assert "Content-Encoding" not in answer.headers and "Accept-Encoding" not in answer.headers["Vary"]
