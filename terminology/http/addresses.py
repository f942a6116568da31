"""The address that a client uses for the service: which parts of a request say it, and what they say.

``PARTS`` are all that ``address_of`` reads, so that two requests with the same values there have one address. Where
proxies stand before the service, they say it in headers, which any client could send as well: these are read only if
the settings say how many proxies there are, and which headers they set. ``behind_proxies`` puts what they say in
``PARTS``, so everything that asks for the address stands inside it.

The header ``Host`` says which name the client used. A page of the web can give its own name the address of this machine
(DNS rebinding), and is then of the same origin as a service there: so such a service takes its own names only
(``require_host``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from werkzeug.middleware.proxy_fix import ProxyFix

from terminology.core import issues
from terminology.core.cache import kept_results
from terminology.core.errors import RefusedError
from terminology.http.media import DIFFERENT
from terminology.settings import FORWARDED, Settings
from terminology.state.callers import network_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The parts of a WSGI environment that the address is made of. Without the header Host, the server knows its name.
PARTS = ("wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT")
# The port that each scheme has where a host names none.
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
# A name, in which clients also write underscores, or an IP address; with a port or without.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:(?P<port>[0-9]{1,5}))?", re.ASCII)
_LONGEST_HOST = 300
_PORT = re.compile(r":[0-9]*$")
# The path below which the application is mounted. With two slashes at its start it would name a host.
_MOUNT = re.compile(r"(/(?![/\\])[^\x00-\x1f\x7f]*)?")
# What a path may have as it is (RFC 3986, section 3.3); a proxy writes the rest with a percent sign already.
_OF_A_PATH = "!$&'()*+,/:;=@%"
# A parameter of an element of ``Forwarded``, and what comes after it (RFC 7239, section 4).
_PARAMETER = re.compile(r'\s*([\w!#$%&\'*+.^`|~-]+)=("(?:[^"\\]|\\.)*"|[^",;\s]*)\s*([;,]|$)')
_X_FORWARDED = {"for": "FOR", "proto": "PROTO", "host": "HOST", "port": "PORT", "prefix": "PREFIX"}


def address_of(environ: WSGIEnvironment) -> str:
    """The URL of the application, as the client sees it, without a slash at its end.

    Raises RefusedError (400) where the request, or a proxy that is trusted, names no address that can be.
    """
    scheme, mount = environ["wsgi.url_scheme"].lower(), environ.get("SCRIPT_NAME", "")
    host = environ.get("HTTP_HOST")
    if host is None:
        host = _own_name(environ.get("SERVER_NAME", ""), environ.get("SERVER_PORT", ""))
    if not _is_host(host):
        raise RefusedError(400, issues.bad_address("host", host))
    if scheme not in _DEFAULT_PORTS:
        raise RefusedError(400, issues.bad_address("scheme", scheme))
    if not _MOUNT.fullmatch(mount):
        raise RefusedError(400, issues.bad_address("prefix", mount))
    return _url(scheme, host, mount)


def _own_name(name: str, port: str) -> str:
    """The host where a client names none, as HTTP/1.0 allows; the server may listen at a socket without a name."""
    host = f"[{name}]" if ":" in name else name
    with_port = f"{host}:{port}" if port else host
    return with_port if _is_host(with_port) else "localhost"


@kept_results(DIFFERENT)
def _is_host(host: str) -> bool:
    match = _HOST.fullmatch(host) if len(host) <= _LONGEST_HOST else None
    return match is not None and (match["port"] is None or 0 < int(match["port"]) < 65_536)


@kept_results(DIFFERENT)
def _url(scheme: str, host: str, mount: str) -> str:
    path = mount.encode("latin-1").decode("utf-8", "replace")  # PEP 3333: each character stands for a byte
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS[scheme])}{quote(path.rstrip('/'), safe=_OF_A_PATH)}"


ANY_HOST = "*"


def hosts_of(settings: Settings) -> Collection[str]:
    """The names of a service that listens where the settings say, as the setting ``hosts``; empty for all names."""
    if settings.hosts:
        return settings.hosts
    return ["localhost"] if is_of_this_machine(settings.host) and not settings.proxies else []


def require_host(environ: WSGIEnvironment, settings: Settings) -> None:
    """Raises RefusedError (421) for a ``Host`` that is not among the hosts of the settings."""
    host = environ.get("HTTP_HOST")
    if not settings.hosts or not host or ANY_HOST in settings.hosts:
        return
    name = _name_of(host)
    if not is_of_this_machine(name) and name not in (*settings.hosts, urlsplit(settings.base_url).hostname):
        raise RefusedError(421, issues.unknown_host(host, "hosts"))


def require_origin(environ: WSGIEnvironment, settings: Settings) -> None:
    """Raises RefusedError (403) where a page asks a service that is for this machine, and is not of it.

    Without its CORS headers a browser keeps the answer from the page, but sends many a request all the same. OPTIONS,
    by which it asks whether it may send one, is answered: without the header that would allow it.
    """
    origin = environ.get("HTTP_ORIGIN")
    if (
        environ["REQUEST_METHOD"] == "OPTIONS"
        or not settings.hosts
        or not origin
        or origin == settings.cors_origin
        or settings.cors_origin == ANY_HOST
    ):
        return
    scheme, _, host = origin.partition("://")
    is_own = host != "" and host in (environ.get("HTTP_HOST"), urlsplit(settings.base_url).netloc)
    if not (scheme in _DEFAULT_PORTS and is_own) and not is_page_of_this_machine(origin):
        raise RefusedError(403, issues.foreign_origin(origin, "cors_origin"))


@kept_results(DIFFERENT)
def is_of_this_machine(name: str) -> bool:
    """Is this localhost, or an address that leads to this machine alone?"""
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


@kept_results(DIFFERENT)
def is_page_of_this_machine(origin: str) -> bool:
    """Is this the origin of a page that came from this machine, such as ``http://localhost:3000``?"""
    scheme, _, host = origin.partition("://")
    return scheme in _DEFAULT_PORTS and _is_host(host) and is_of_this_machine(_name_of(host))


def _name_of(host: str) -> str:
    """The name, or the address, without port and brackets."""
    return _PORT.sub("", host.lower()).strip("[]")


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


# -- callers -------------------------------------------------------------------------------------


def caller_of(settings: Settings) -> Callable[[WSGIEnvironment], str]:
    """A function that tells who sent a request: the address of the client, as the proxies of the settings say it."""
    if not settings.proxies:
        return lambda environ: caller_at(environ["REMOTE_ADDR"])
    answered = behind_proxies(lambda environ, _: [environ["REMOTE_ADDR"].encode()], settings)
    return lambda environ: caller_at(next(iter(answered(environ.copy(), _no_response))).decode())


def _no_response(*_: object) -> Callable[[bytes], object]:
    return len


def caller_at(address: str) -> str:
    """The caller that an address belongs to, as for its room in the state."""
    return network_of(address) if ":" in address else address
