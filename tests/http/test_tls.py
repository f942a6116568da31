"""TLS without a proxy: HTTPS alone, TLS 1.2 or later, and client certificates where they are asked for."""

from __future__ import annotations

import os
import signal
import socket
import ssl
from pathlib import Path

import pytest

from terminology.core.errors import SettingError
from terminology.http.web_server import tls_context
from terminology.settings import Settings
from tests.support.certificates import certificate
from tests.support.service import GET, LOOKUP, head, received, serving, status, until

PAGE = head("GET", "/fhir/r4/CodeSystem?_count=0", "Connection: close") + b"\r\n"


def asked(port: int, context: ssl.SSLContext, sent: bytes = GET) -> bytes:
    """The response over TLS; empty where the server gives up the connection."""
    with socket.create_connection(("127.0.0.1", port), 60) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                connection.sendall(sent)
                return received(connection)
        except (ssl.SSLError, ConnectionError):
            return b""


def test_a_service_with_a_certificate_speaks_HTTPS_alone(tmp_path: Path) -> None:
    file, key = certificate(tmp_path)
    with serving("--tls-certificate", str(file), "--tls-key", str(key)) as service:
        context = ssl.create_default_context(cafile=file)
        assert status(asked(service.port, context)) == 200
        assert b'"url":"https://localhost/fhir/r4/CodeSystem?_count=0"' in asked(service.port, context, PAGE)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        assert status(asked(service.port, context)) == 200
        assert asked(service.port, ssl.create_default_context()) == b"", "nobody else vouches for it"
        assert status(service.ask()) != 200
        assert LOOKUP.encode() not in service.ask()


def test_clients_without_a_certificate_are_refused_where_one_is_asked_for(tmp_path: Path) -> None:
    file, key = certificate(tmp_path)
    authority = certificate(tmp_path, "authority")
    client, client_key = certificate(tmp_path, "client", authority=authority)
    other, other_key = certificate(tmp_path, "other", authority=certificate(tmp_path, "another authority"))
    options = "--tls-certificate", str(file), "--tls-key", str(key), "--tls-authorities", str(authority[0])
    with serving(*options) as service:
        context = ssl.create_default_context(cafile=file)
        assert asked(service.port, context) == b""
        context.load_cert_chain(other, other_key)
        assert asked(service.port, context) == b""
        known = ssl.create_default_context(cafile=file)
        known.load_cert_chain(client, client_key)
        assert status(asked(service.port, known)) == 200


def test_a_new_certificate_counts_when_the_workers_are_replaced(tmp_path: Path) -> None:
    file, key = certificate(tmp_path)
    with serving("--tls-certificate", str(file), "--tls-key", str(key)) as service:
        assert status(asked(service.port, ssl.create_default_context(cafile=file))) == 200
        certificate(tmp_path)  # in the place of the first one
        new = ssl.create_default_context(cafile=file)
        os.kill(service.process.pid, signal.SIGHUP)
        until(lambda: status(asked(service.port, new)) == 200)


def test_files_that_do_not_fit_together_are_named(tmp_path: Path) -> None:
    file, key = certificate(tmp_path)
    _, other = certificate(tmp_path, "other")
    _, secret = certificate(tmp_path, "secret", password="x")
    for settings, says in (
        ({"tls_certificate": file}, "tls_key"),
        ({"tls_key": key}, "tls_certificate"),
        ({"tls_certificate": file, "tls_key": other}, "MISMATCH"),
        ({"tls_certificate": file, "tls_key": secret}, "without one"),
        ({"tls_certificate": file, "tls_key": tmp_path / "none"}, "No such file"),
        ({"tls_certificate": key, "tls_key": key}, str(key)),
        ({"tls_certificate": file, "tls_key": key, "tls_authorities": key}, str(key)),
    ):
        with pytest.raises(SettingError, match=says):
            tls_context(Settings(environment={}, **settings))
    assert tls_context(Settings(environment={})) is None
