"""The headers of a request that this package reads. No others can be read.

``wire`` and ``http`` take headers from a mapping with ``RequestHeader`` keys, so that all headers
that an answer may depend on are in this list. ``wire/exchange.py`` reads their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

# Headers that WSGI does not name HTTP_….
_PLAIN = ("CONTENT_TYPE",)


class RequestHeader(Enum):
    """A header that is read."""

    ACCEPT = "Accept"
    ACCEPT_LANGUAGE = "Accept-Language"
    API_KEY = "X-API-Key"
    AUTHORIZATION = "Authorization"
    CACHE_ID = "X-Cache-Id"
    CHANGE_REASON = "X-Change-Reason"
    CONTENT_ENCODING = "Content-Encoding"
    CONTENT_TYPE = "Content-Type"
    FAULT = "X-Terminology-Fault"
    HOPS = "X-Terminology-Hops"
    HOST = "Host"
    IF_MATCH = "If-Match"
    IF_MODIFIED_SINCE = "If-Modified-Since"
    IF_NONE_EXIST = "If-None-Exist"
    IF_NONE_MATCH = "If-None-Match"
    ORIGIN = "Origin"
    PREFER = "Prefer"
    PREFLIGHT_METHOD = "Access-Control-Request-Method"
    REPLAY = "X-Terminology-Replay"
    REQUEST_ID = "X-Request-Id"
    TOO_COSTLY_THRESHOLD = "X-Too-Costly-Threshold"
    TRACE_PARENT = "traceparent"
    TRACE_STATE = "tracestate"

    @property
    def wsgi_name(self) -> str:
        """The key of the header in a WSGI environment."""
        name = self.value.upper().replace("-", "_")
        return name if name in _PLAIN else f"HTTP_{name}"


# Headers that the body of an answer to an operation does not depend on. Credentials matter with a cache
# (X-Cache-Id) alone, besides the rights that they give; the id of a request is in the headers of its answer; hops
# matter where upstreams are asked, and no such answer is prepared; faults and replays of a test harness are not the
# answer's, nor is the trace that a request belongs to. The others are about resources that are written.
_WITHOUT_EFFECT = frozenset(
    {
        RequestHeader.API_KEY,
        RequestHeader.AUTHORIZATION,
        RequestHeader.CHANGE_REASON,
        RequestHeader.FAULT,
        RequestHeader.HOPS,
        RequestHeader.IF_MATCH,
        RequestHeader.IF_NONE_EXIST,
        RequestHeader.REPLAY,
        RequestHeader.REQUEST_ID,
        RequestHeader.TRACE_PARENT,
        RequestHeader.TRACE_STATE,
    }
)
# The headers that the answer to an operation may depend on.
EFFECTIVE = tuple(header for header in RequestHeader if header not in _WITHOUT_EFFECT)

Headers = Mapping[RequestHeader, str]

_WSGI_NAMES = tuple((header, header.wsgi_name) for header in RequestHeader)


def from_wsgi(environ: Mapping[str, Any]) -> dict[RequestHeader, str]:
    """The headers of a WSGI environment that this package reads."""
    return {header: environ[name] for header, name in _WSGI_NAMES if name in environ}
