"""The addresses that clients use, where proxies stand before the service.

A proxy says so in headers, which any client could send as well: they are read only if the settings say how many
proxies there are, and which headers they set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from terminology.settings import FORWARDED, Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# A parameter of an element of ``Forwarded``, and what comes after it (RFC 7239, section 4).
_PARAMETER = re.compile(r'\s*([\w!#$%&\'*+.^`|~-]+)=("(?:[^"\\]|\\.)*"|[^",;\s]*)\s*([;,]|$)')
_X_FORWARDED = {"for": "FOR", "proto": "PROTO", "host": "HOST", "port": "PORT", "prefix": "PREFIX"}


def behind_proxies(application: WSGIApplication, settings: Settings) -> WSGIApplication:
    """The application, which sees the address that the client used as the settings say."""
    number = settings.proxies
    if not number:
        return application
    if settings.proxy_headers == FORWARDED:
        return _Forwarded(ProxyFix(application, x_for=1, x_proto=1, x_host=1), number)
    return ProxyFix(application, x_for=number, x_proto=number, x_host=number, x_port=number, x_prefix=number)


class _Forwarded:
    """Gives ``Forwarded`` (RFC 7239) to an application that knows ``X-Forwarded-...`` alone.

    ``number`` is that of the proxies: the element that the outermost of them wrote counts.
    """

    def __init__(self, application: WSGIApplication, number: int) -> None:
        self._application, self._number = application, number

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for name in _X_FORWARDED.values():
            environ.pop(f"HTTP_X_FORWARDED_{name}", None)
        elements = _elements(environ.get("HTTP_FORWARDED", ""))
        for name, value in elements[-self._number].items() if len(elements) >= self._number else ():
            if name in ("for", "proto", "host"):
                environ[f"HTTP_X_FORWARDED_{_X_FORWARDED[name]}"] = value
        return self._application(environ, start_response)


def _elements(header: str) -> list[dict[str, str]]:
    """The parameters of each element; none of a header that is malformed."""
    elements: list[dict[str, str]] = [{}]
    place = 0
    while place < len(header):
        match = _PARAMETER.match(header, place)
        if match is None:
            return []
        value = match[2]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elements[-1][match[1].lower()] = value
        if match[3] == ",":
            elements.append({})
        place = match.end()
    return elements
