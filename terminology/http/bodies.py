"""The body of a request: all of it, unpacked, and within the limit, or an error.

A request that breaks off must not be carried out. Its ``Content-Length`` tells. A body in chunks has none, and granian
ends it in silence where a chunk is missing or malformed. JSON and XML are then not whole, and cannot be read; an empty
body is refused, and so is a form, which is whole wherever it is cut (``require_length``).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

from terminology.core import issues
from terminology.core.errors import RefusedError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_PLAIN = ("", "identity")
_GZIP = ("gzip", "x-gzip")
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_PIECE = 65_536


def body_of(environ: WSGIEnvironment, largest: int) -> bytes:
    """The body, of at most ``largest`` bytes, packed and unpacked.

    Raises RefusedError: 400 for one that breaks off, 413 for one that is too large, 415 for one in an encoding other
    than gzip.
    """
    encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding not in _PLAIN + _GZIP:
        raise RefusedError(415, issues.unsupported_encoding(encoding), {"Accept-Encoding": "gzip"})
    content = _received(environ, largest)
    return _unpacked(content, largest) if content and encoding in _GZIP else content


def peeked(environ: WSGIEnvironment, longest: int) -> bytes | None:
    """The body as it came, which can be read again; None for one that is too long, not whole or of unknown length."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        return None
    length = int(text)
    if not 0 < length <= longest:
        return None
    body = environ["wsgi.input"]
    if isinstance(body, BytesIO):  # all of it is here
        content = body.getvalue()
    else:
        content = body.read(length)
        environ["wsgi.input"] = BytesIO(content)
    return content if len(content) == length else None


def require_length(environ: WSGIEnvironment) -> None:
    """Raises RefusedError (411) for a body that does not say its length."""
    if not environ.get("CONTENT_LENGTH"):
        raise RefusedError(411, issues.body_without_length())


def _received(environ: WSGIEnvironment, largest: int) -> bytes:
    text = environ.get("CONTENT_LENGTH") or ""
    if not text:
        return _in_pieces(environ, largest)
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise RefusedError(400, issues.bad_content_length(text))
    length = int(text)
    if length > largest:
        raise RefusedError(413, issues.too_large(largest))
    content = _read(environ, length)
    if len(content) < length:
        raise RefusedError(400, issues.body_breaks_off(len(content), length))
    return content


def _in_pieces(environ: WSGIEnvironment, largest: int) -> bytes:
    """The body of a request that does not say its length; empty if it has none."""
    if not environ.get("HTTP_TRANSFER_ENCODING"):
        return b""
    if not environ.get("wsgi.input_terminated"):
        raise RefusedError(411, issues.body_without_length())
    content = _read(environ, largest + 1)
    if len(content) > largest:
        raise RefusedError(413, issues.too_large(largest))
    if not content:
        raise RefusedError(400, issues.unreadable_chunks())
    return content


def _read(environ: WSGIEnvironment, most: int) -> bytes:
    """The bytes that arrive, at most so many."""
    read: Callable[[int], bytes] = environ["wsgi.input"].read
    pieces: list[bytes] = []
    while most > 0:
        try:
            piece = read(min(most, _PIECE))
        except (OSError, ValueError):
            raise RefusedError(400, issues.unreadable_chunks()) from None
        if not piece:
            break
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def _unpacked(content: bytes, largest: int) -> bytes:
    gzip = zlib.decompressobj(_GZIP_FORMAT)
    try:
        unpacked = gzip.decompress(content, largest + 1)
    except zlib.error:
        raise RefusedError(400, issues.not_gzip()) from None
    if len(unpacked) > largest:
        raise RefusedError(413, issues.too_large(largest))
    if not gzip.eof or gzip.unused_data:
        raise RefusedError(400, issues.not_gzip())
    return unpacked
