"""Bodies that break off, are packed, too large or malformed: refused, and nothing is changed."""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from terminology.core.model import Document
from tests.support.builders import body_of

LARGEST = 100_000
SERVERS = ["granian", "werkzeug"]
JSON = "Content-Type: application/fhir+json\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
GZIP = "Content-Encoding: gzip\r\n"
CLOSURE = "/fhir/r4/$closure"
CACHE = "/fhir/r4/$cache-control"
BATCH = json.dumps({"resourceType": "Bundle", "type": "batch"}).encode()


def table(name: str) -> bytes:
    return json.dumps(body_of({"name": "name", "valueString": name})).encode()


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def head_of(path: str, headers: str) -> bytes:
    accept = "Accept: application/fhir+json\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{accept}{headers}\r\n".encode()


def is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(end) and length is not None and len(body) >= int(length[1])


class Server:
    """A service that is talked to without an HTTP library."""

    def __init__(self, port: int) -> None:
        self.port = port

    def talk(self, *sent: bytes, breaks_off: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer to a client that sends these pieces, and then perhaps hangs up.

        Nobody answers a client that has hung up, or somebody does.
        """
        received = b""
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=60) as line,
            suppress(ConnectionError),
        ):
            for piece in sent:
                line.sendall(piece)
            if breaks_off:
                line.shutdown(socket.SHUT_WR)
            while not is_whole(received) and (piece := line.recv(65_536)):
                received += piece
        if breaks_off and not received:
            return 0, {}, b""
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers, body

    def post(self, path: str, headers: str, *content: bytes) -> tuple[int, Document]:
        status, answered, body = self.talk(head_of(path, headers), *content)
        assert answered["content-type"].startswith("application/fhir+json")
        return status, json.loads(body)

    def break_off(self, path: str, headers: str, *content: bytes) -> tuple[int, Document]:
        """Status and body of the answer to a client that hangs up; 0 and nothing if there was none."""
        status, _, body = self.talk(head_of(path, headers), *content, breaks_off=True)
        return status, json.loads(body or "{}")

    def ask(self, path: str, content: bytes) -> tuple[int, Document]:
        return self.post(path, f"{JSON}Content-Length: {len(content)}\r\n", content)

    def has_table(self, name: str) -> bool:
        concept = {"name": "concept", "valueCoding": {"system": "urn:iso:std:iso:3166", "code": "DE"}}
        asked = body_of({"name": "name", "valueString": name}, concept)
        return self.ask(CLOSURE, json.dumps(asked).encode())[0] == 200


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The service as ``terminology serve`` starts it, with each web server."""
    without = "import terminology.http.web_server as s; s.find_spec = lambda name: None\n"
    start = f"from terminology.cli.commands import main; main(['serve', '--port', '0', '--largest-body', '{LARGEST}'])"
    program = (without if request.param == "werkzeug" else "") + start
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TERMINOLOGY_DATA": ""},
    )
    assert process.stdout is not None
    try:
        said = next(line for line in process.stdout if line.startswith("Listening on http://127.0.0.1:"))
        own = Server(int(said.split("/")[2].split(":")[1]))
        for _ in range(200):
            with suppress(OSError, IndexError):
                own.talk(b"GET /fhir/metadata HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                break
            time.sleep(0.1)
        yield own
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.wait()
        process.stdout.close()


def issue_of(outcome: Document) -> Any:
    assert outcome["resourceType"] == "OperationOutcome"
    return outcome["issue"][0]


def test_a_body_in_pieces_is_read_whole(server: Server) -> None:
    length = f"{JSON}Content-Length: {len(BATCH)}\r\n"
    assert server.post("/fhir/r4", length, BATCH[:9], BATCH[9:])[0] == 200
    pieces = (chunk(BATCH[:9]), chunk(BATCH[9:]), b"0\r\n\r\n")
    assert server.post("/fhir/r4", JSON + CHUNKED, *pieces)[0] == 200


@pytest.mark.parametrize("headers", [JSON, "Content-Type: application/fhir+xml\r\n", FORM])
@pytest.mark.parametrize(
    "path", [f"{CLOSURE}?name=cut", f"{CACHE}?mode=start", "/fhir/r4/CodeSystem/$lookup"]
)
def test_a_request_that_breaks_off_is_refused(server: Server, path: str, headers: str) -> None:
    for sent in (b"", table("cut"), table("cut")[:20]):
        status, outcome = server.break_off(path, f"{headers}Content-Length: 5000\r\n", sent)
        assert status == 0 or (status == 400 and "breaks off" in issue_of(outcome)["details"]["text"])
    assert not server.has_table("cut")


@pytest.mark.parametrize("path", [f"{CLOSURE}?name=cut", f"{CACHE}?mode=start"])
@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (JSON, b""),
        (JSON, b"zz\r\nabc\r\n0\r\n\r\n"),
        (JSON, chunk(table("cut")[:20])),
        (JSON, chunk(table("cut")[:20]) + b"zz\r\n"),
        (FORM, b""),
        (FORM, chunk(b"name=cut")),
    ],
)
def test_a_body_of_unreadable_chunks_is_refused(server: Server, path: str, headers: str, sent: bytes) -> None:
    status, outcome = server.break_off(path, headers + CHUNKED, sent)
    assert status == 0 or (status in (400, 411) and issue_of(outcome)["details"]["text"])
    assert not server.has_table("cut")


def test_a_body_over_the_limit_is_413_however_it_comes(server: Server) -> None:
    large = BATCH + b" " * LARGEST
    packed = gzip.compress(large)
    for headers, sent in (
        (f"Content-Length: {len(large)}\r\n", large),
        (CHUNKED, chunk(large) + b"0\r\n\r\n"),
        (CHUNKED, chunk(BATCH) + chunk(b" " * 20_000) * 5 + b"0\r\n\r\n"),
        (f"{GZIP}Content-Length: {len(packed)}\r\n", packed),
        (GZIP + CHUNKED, chunk(packed) + b"0\r\n\r\n"),
    ):
        status, outcome = server.post("/fhir/r4", JSON + headers, sent)
        assert status == 413
        assert issue_of(outcome)["details"]["text"] == f"The body is larger than {LARGEST:,} bytes"


def test_a_body_may_be_packed_with_gzip_alone(server: Server) -> None:
    packed = gzip.compress(BATCH)
    for headers, sent, status in (
        (f"{GZIP}Content-Length: {len(packed)}\r\n", packed, 200),
        (GZIP + CHUNKED, chunk(packed) + b"0\r\n\r\n", 200),
        ("Content-Encoding: identity\r\n" + f"Content-Length: {len(BATCH)}\r\n", BATCH, 200),
        (f"{GZIP}Content-Length: {len(BATCH)}\r\n", BATCH, 400),
        (f"{GZIP}Content-Length: {len(packed) - 4}\r\n", packed[:-4], 400),
        (f"{GZIP}Content-Length: {len(packed) * 2}\r\n", packed * 2, 400),
        (f"Content-Encoding: br\r\nContent-Length: {len(packed)}\r\n", packed, 415),
        (f"Content-Encoding: gzip, gzip\r\nContent-Length: {len(packed)}\r\n", packed, 415),
    ):
        assert server.post("/fhir/r4", JSON + headers, sent)[0] == status, headers


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.9.9.9:80", "[::1]:8080"])
def test_a_service_of_this_machine_answers_to_its_names(server: Server, host: str) -> None:
    status, _, _ = server.talk(
        f"GET /fhir/metadata HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    )
    assert status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example", "192.0.2.1"])
@pytest.mark.parametrize("path", ["/", "/fhir/r4/metadata", "/fhir/r5/CodeSystem/$lookup?system=x&code=y"])
def test_a_service_of_this_machine_has_no_other_names(server: Server, host: str, path: str) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: localhost\r\nConnection: close\r\n\r\n"
    status, headers, body = server.talk(head.encode())
    assert status == 421 and "location" not in headers
    assert "'hosts'" in issue_of(json.loads(body))["details"]["text"]


def test_a_page_of_the_web_cannot_change_anything(server: Server) -> None:
    content = table("page")
    head = f"Content-Length: {len(content)}\r\nOrigin: https://evil.example\r\n"
    status, outcome = server.post(CLOSURE, head, content)
    assert status == 403 and "'cors_origin'" in issue_of(outcome)["details"]["text"]
    assert not server.has_table("page")
    assert (
        server.post(CLOSURE, head.replace("https://evil.example", "http://localhost:3000"), content)[0] == 200
    )
