"""A WSGI layer that compresses answers for clients that take it (``Accept-Encoding``, RFC 9110, section 12.5.3).

Only large answers are worth it, and each is compressed at a low level: it then takes some milliseconds for a megabyte.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from terminology.core.cache import kept_results
from terminology.http.media import DIFFERENT
from terminology.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]
# Answers of fewer bytes go as they are: they fit into two or three packets of a network.
LEAST = 4_096
_GZIP_LEVEL, _ZSTD_LEVEL, _BROTLI_QUALITY = 1, 3, 1
IDENTITY = "identity"
_NO_TRANSFORM = "no-transform"


@cache
def compressors() -> dict[str, Callable[[bytes], bytes]]:
    """The codings that this installation knows, the one that is best for both ends first."""
    known: dict[str, Callable[[bytes], bytes]] = {}
    with suppress(ImportError):
        import zstandard

        known["zstd"] = lambda content: zstandard.ZstdCompressor(_ZSTD_LEVEL).compress(content)
    with suppress(ImportError):
        import brotli

        known["br"] = lambda content: brotli.compress(content, quality=_BROTLI_QUALITY)
    known["gzip"] = lambda content: gzip.compress(content, _GZIP_LEVEL, mtime=0)
    return known


@kept_results(DIFFERENT)
def coding_for(accepted: str) -> str:
    """The coding for a client that sends this header: one of ``compressors``, or IDENTITY.

    Where the client likes several as much, ours comes first. A client that takes nothing that there is gets the answer
    as it is, as the RFC asks.

    >>> coding_for("gzip;q=0.5, identity"), coding_for("gzip, identity;q=0.5"), coding_for("compress, *;q=0")
    ('identity', 'gzip', 'identity')
    """
    weights = dict(map(_weighed, filter(None, (part.strip() for part in accepted.split(",")))))
    any_other = weights.get("*")
    best, most = IDENTITY, weights.get(IDENTITY, 0.0)
    for coding in compressors():
        # A client that takes anything means one that is known everywhere.
        weight = weights.get(coding, weights.get("x-gzip", any_other) if coding == "gzip" else None)
        if weight is not None and weight > 0 and (weight > most or (best == IDENTITY and weight == most)):
            best, most = coding, weight
    return best


def _weighed(part: str) -> tuple[str, float]:
    """A coding with its weight: 1 without a ``q``, 0 for one that is malformed."""
    coding, _, parameters = part.partition(";")
    name, _, text = parameters.strip().partition("=")
    weight = 1.0
    if parameters.strip():
        try:
            weight = float(text) if name.strip().lower() == "q" else 0.0
        except ValueError:
            weight = 0.0
    return coding.strip().lower(), weight if 0 <= weight <= 1 else 0.0


def compressed(application: WSGIApplication, settings: Settings) -> WSGIApplication:
    """The application, inside the layer if the settings say so."""
    return Compression(application) if settings.compression else application


class Compression:
    """The layer. It needs the whole answer, as the layers inside it give it."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        accepted = environ.get("HTTP_ACCEPT_ENCODING")
        coding = coding_for(accepted) if accepted else IDENTITY
        if coding == IDENTITY:
            return self._application(environ, start_response)
        return self._compressed(environ, start_response, coding)

    def _compressed(
        self, environ: WSGIEnvironment, start_response: StartResponse, coding: str
    ) -> Iterable[bytes]:
        status, headers = "", Headers()

        def start(line: str, fields: Headers, exc_info: Any = None) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = line, fields
            return _no_writing

        pieces = self._application(environ, start)
        if not _is_worth_it(headers):
            start_response(status, headers)
            return pieces
        if environ["REQUEST_METHOD"] == "HEAD":
            # Nothing is compressed, so its length is unknown, and may be left out (RFC 9110, section 9.3.2).
            start_response(status, _encoded(headers, coding, None))
            return pieces
        try:
            content = b"".join(pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()
        content = compressors()[coding](content)
        start_response(status, _encoded(headers, coding, len(content)))
        return [content]


def _is_worth_it(headers: Headers) -> bool:
    """Is this a large answer that is not encoded yet, and that nobody forbids to encode?"""
    fields = {name.lower(): value for name, value in headers}
    length = fields.get("content-length", "0")
    return (
        length.isdecimal()
        and int(length) >= LEAST
        and "content-encoding" not in fields
        and _NO_TRANSFORM not in fields.get("cache-control", "")
    )


def _encoded(headers: Headers, coding: str, length: int | None) -> Headers:
    """The headers of the encoded answer. A strong ETag is of the bytes, and so becomes a weak one."""
    rest = [(name, value) for name, value in headers if name.lower() != "content-length"]
    rest = [
        (name, f"W/{value}" if name.lower() == "etag" and not value.startswith("W/") else value)
        for name, value in rest
    ]
    own = [("Content-Encoding", coding), *([("Content-Length", str(length))] if length is not None else [])]
    return [*rest, *own]


def _no_writing(_: bytes) -> object:
    raise RuntimeError("a response is returned, not written")
