"""The file of the setting ``upstreams``: which servers may be asked, for what, and how.

The file is JSON. It has no secrets: ``{"environment": NAME}`` or ``{"file": PATH}`` says where one is.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from terminology.core.errors import SettingError, TerminologyError, reason_of
from terminology.wire import json
from terminology.wire.fhir_versions import RELEASES, FhirVersion

# The room for answers that are used again, in bytes, unless the file says otherwise; and the most that it may say.
ROOM = 50_000_000
_MOST = 2**40
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_USER = re.compile(r"[\x20-\x39\x3b-\x7e]+")
_SECRET = re.compile(r"[\x20-\x7e]+")
# An address of servers: its host has no wildcard.
_ADDRESSES = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[A-Za-z0-9._~%+*/-]*")
_ELEMENTS = (
    "name, base, canonicals, fhirVersion, credentials, certificate, key, authorities, proxy, connectTimeout, "
    "readTimeout, deadline, largestAnswer, batchBodies"
)
# Headers that are those of the connection itself.
_OWN_HEADERS = frozenset(
    "accept accept-encoding accept-language connection content-length content-type host".split()
)


@dataclass(slots=True, frozen=True)
class Mask:
    """Canonicals that an upstream may be asked for: ``*`` stands for any characters, ``|`` begins the version."""

    text: str

    def allows(self, url: str, version: str | None) -> bool:
        """Whether it has a canonical. A mask with a version has no canonical without one.

        >>> Mask("http://loinc.org|2.*").allows("http://loinc.org", "2.81")
        True
        >>> Mask("http://loinc.org|2.*").allows("http://loinc.org", None)
        False
        >>> Mask("http://snomed.info/*").allows("http://snomed.info/sct", "http://snomed.info/sct/9")
        True
        """
        own_url, bar, own_version = self.text.partition("|")
        if not _fits(own_url, url):
            return False
        return not bar or own_version == "*" or (version is not None and _fits(own_version, version))


def _fits(mask: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, mask.split("*"))), text, re.DOTALL) is not None


@dataclass(slots=True, frozen=True)
class UpstreamSettings:
    """One upstream of the file. Times are in seconds, ``largest_answer`` in bytes.

    ``release`` and ``takes_bodies_in_batches`` are None where the upstream's CapabilityStatement is to say it.
    ``credentials`` are the header that has them, which is never printed.
    """

    name: str
    base: str
    canonicals: tuple[Mask, ...]
    release: FhirVersion | None
    credentials: Mapping[str, str] = field(repr=False)
    certificate: Path | None
    key: Path | None
    authorities: Path | None
    proxy: str | None = field(repr=False)  # it may have a password
    connect_timeout: float
    read_timeout: float
    deadline: float
    largest_answer: int
    takes_bodies_in_batches: bool | None = None

    def allows(self, url: str, version: str | None) -> bool:
        """Whether it may be asked for a canonical."""
        return any(mask.allows(url, version) for mask in self.canonicals)


@dataclass(slots=True, frozen=True)
class RegistrySettings:
    """A registry of the file. ``server`` is the registry itself, and what it may be asked about.

    Only servers at addresses that fit one of ``addresses`` are asked. ``usage`` is the tag of the guide for what they
    are used for.
    """

    server: UpstreamSettings
    release: FhirVersion
    addresses: tuple[str, ...]
    usage: str | None
    is_authoritative_only: bool

    def allows(self, url: str, version: str | None) -> bool:
        """Whether it may be asked about a canonical."""
        return self.server.allows(url, version)

    def allows_server(self, base: str) -> bool:
        """Whether a server that it names may be asked."""
        return any(_fits(address, base + "/") for address in self.addresses)


@dataclass(slots=True, frozen=True)
class UpstreamsFile:
    """The file. ``id`` names this service in the header that loops are seen by.

    An answer is used again for ``cache_seconds``, and for ``stale_seconds`` more while its upstream is away.
    """

    id: str
    upstreams: tuple[UpstreamSettings, ...]
    cache_seconds: int
    stale_seconds: int
    cache_bytes: int
    registries: tuple[RegistrySettings, ...] = ()


def read_upstreams(path: Path, environment: Mapping[str, str] | None = None) -> UpstreamsFile:
    """The file at a path; secrets are read from ``environment``, by default that of this process.

    Raises SettingError, which names the file, the place in it and the correct values.
    """
    try:
        content = path.read_bytes()
        document = json.read(content)
    except OSError as problem:
        raise SettingError(f"{path}: cannot be read: {reason_of(problem)}") from None
    except TerminologyError as error:
        raise SettingError(f"{path}: cannot be read as JSON: {error}") from None
    whole = _Node(f"{path}: ", document, path.parent, os.environ if environment is None else environment)
    result = _file(whole, f"{socket.gethostname()} {path.resolve()}".encode() + content)
    names = [upstream.name for upstream in result.upstreams]
    names += [registry.server.name for registry in result.registries]
    for name in names:
        if names.count(name) > 1:
            raise SettingError(f"{path}: two upstreams have the name '{name}'")
    return result


class _Node:
    """An object of the file, whose elements are taken out one by one. Paths are relative to ``folder``."""

    def __init__(self, place: str, value: Any, folder: Path, environment: Mapping[str, str]) -> None:
        self.place, self.folder, self.environment = place, folder, environment
        if not isinstance(value, dict):
            raise SettingError(f"{place.rstrip(': .')} should be a JSON object")
        self.rest = dict(value)

    def take(self, name: str, read: Callable[[Any], Any], expected: str, default: Any = None) -> Any:
        """The value of an element, or the default. A default of ``...`` means that it must be there."""
        if name not in self.rest:
            if default is ...:
                raise SettingError(f"{self.place}{name} is missing: it should be {expected}")
            return default
        value = self.rest.pop(name)
        try:
            return read(value)
        except (ValueError, KeyError, TypeError):
            raise SettingError(f"{self.place}{name} is {_as_text(value)}, but should be {expected}") from None

    def inner(self, name: str, value: Any) -> _Node:
        return _Node(f"{self.place}{name}.", value, self.folder, self.environment)

    def end(self, known: str) -> None:
        """Raises SettingError for an element that nobody has taken; ``known`` names all that there are."""
        for name in self.rest:
            raise SettingError(f"{self.place}{name} is not known; known: {known}")


def _file(node: _Node, seed: bytes) -> UpstreamsFile:
    registries = node.take("registries", _some, "a list of registries", [])
    some, default = (_list, []) if registries else (_some, ...)
    servers = node.take("upstreams", some, "a list of upstreams", default)
    usual = hashlib.sha256(seed).hexdigest()[:16]
    result = UpstreamsFile(
        id=node.take("id", _matching(_NAME), "a name of letters, digits, '.', '-' and '_'", usual),
        upstreams=tuple(
            _upstream(node.inner(f"upstreams[{index}]", value)) for index, value in enumerate(servers)
        ),
        registries=tuple(
            _registry(node.inner(f"registries[{index}]", value)) for index, value in enumerate(registries)
        ),
        cache_seconds=node.take("cacheSeconds", _whole(0), _a_number(0), 300),
        stale_seconds=node.take("staleSeconds", _whole(0), _a_number(0), 3_600),
        cache_bytes=node.take("cacheBytes", _whole(0), _a_number(0), ROOM),
    )
    node.end("upstreams, registries, id, cacheSeconds, staleSeconds, cacheBytes")
    return result


def _upstream(node: _Node) -> UpstreamSettings:
    result = _server(node)
    node.end(_ELEMENTS)
    return result


def _registry(node: _Node) -> RegistrySettings:
    addresses = node.take(
        "servers",
        _addresses,
        "a list of addresses such as 'https://tx.example.org/*', with '*' in the path",
        ...,
    )
    usage = node.take("usage", _matching(_NAME), "a word such as 'validation'")
    is_authoritative_only = node.take("authoritativeOnly", _boolean, "true or false", False)
    server = _server(node)
    node.end(f"{_ELEMENTS}, servers, usage, authoritativeOnly")
    release = server.release or RELEASES["r4"]
    return RegistrySettings(server, release, addresses, usage, is_authoritative_only)


def _server(node: _Node) -> UpstreamSettings:
    seconds = "a number of seconds above 0"
    base = node.take(
        "base", base_of, "a URL such as 'https://tx.example.org/fhir/r4', without a password", ...
    )
    releases = ", ".join(release.version for release in RELEASES.values())
    certificate = node.take("certificate", _path(node.folder), "the path of a file")
    key = node.take("key", _path(node.folder), "the path of a file")
    if key is not None and certificate is None:
        raise SettingError(f"{node.place}certificate is missing: 'key' belongs to one")
    return UpstreamSettings(
        name=node.take(
            "name", _matching(_NAME), "a name of letters, digits, '.', '-' and '_'", urlsplit(base).hostname
        ),
        base=base,
        canonicals=node.take("canonicals", _masks, "a list of canonicals such as 'http://loinc.org*'", ...),
        release=node.take("fhirVersion", _release, f"one of {releases}"),
        credentials=_credentials(node),
        certificate=certificate,
        key=key,
        authorities=node.take("authorities", _path(node.folder), "the path of a file"),
        proxy=node.take("proxy", _proxy, "a URL such as 'http://proxy.example.org:3128'"),
        connect_timeout=node.take("connectTimeout", _seconds, seconds, 3),
        read_timeout=node.take("readTimeout", _seconds, seconds, 5),
        deadline=node.take("deadline", _seconds, seconds, 8),
        largest_answer=node.take("largestAnswer", _whole(1), _a_number(1), 20_000_000),
        takes_bodies_in_batches=node.take("batchBodies", _boolean, "true or false"),
    )


def _credentials(node: _Node) -> Mapping[str, str]:
    """The header with the credentials of an upstream: ``basic``, ``bearer`` or ``header``. No message repeats them."""
    if "credentials" not in node.rest:
        return {}
    inner = node.inner("credentials", node.rest.pop("credentials"))
    if len(inner.rest) != 1 or not inner.rest.keys() <= {"basic", "bearer", "header"}:
        raise SettingError(f"{inner.place.rstrip('.')} should have one of basic, bearer, header")
    ((kind, value),) = inner.rest.items()
    own = inner.inner(kind, value)
    if kind == "bearer":
        return {"Authorization": f"Bearer {_secret(own)}"}
    name, place = ("user", "password") if kind == "basic" else ("name", "value")
    if own.rest.keys() != {name, place}:
        raise SettingError(f"{own.place.rstrip('.')} should have {name} and {place}")
    secret = _secret(own.inner(place, own.rest[place]))
    if kind == "basic":
        user = own.take(name, _matching(_USER), "a text without a colon")
        return {"Authorization": f"Basic {b64encode(f'{user}:{secret}'.encode()).decode()}"}
    return {own.take(name, _credentials_header, "the name of a header for credentials"): secret}


def _secret(node: _Node) -> str:
    """The secret that a variable of the environment or a file has. Raises SettingError, without the secret."""
    place = node.place.rstrip(".")
    if len(node.rest) != 1 or not node.rest.keys() <= {"environment", "file"}:
        raise SettingError(f'{place} should be {{"environment": NAME}} or {{"file": PATH}}')
    ((kind, source),) = node.rest.items()
    if not isinstance(source, str):
        raise SettingError(f"{place}.{kind} should be a text")
    if kind == "environment":
        secret = node.environment.get(source, "")
    else:
        try:
            secret = (node.folder / source).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise SettingError(f"{place}: the file {source} cannot be read") from None
    if not _SECRET.fullmatch(secret):
        where = "the variable" if kind == "environment" else "the file"
        raise SettingError(f"{place}: {where} {source} is empty, or has characters that no header may have")
    return secret


def _as_text(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else repr(value)


# -- values --------------------------------------------------------------------------------------


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError
    return value


def _some(value: Any) -> list[Any]:
    if not _list(value):
        raise ValueError
    return _list(value)


def _text(value: Any) -> str:
    if not (isinstance(value, str) and value and value.isascii() and value.isprintable()) or " " in value:
        raise ValueError
    return value


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError
        return value

    return read


def base_of(value: Any) -> str:
    text = _text(value).rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    if parts.username is not None or parts.password is not None or parts.port == 0:
        raise ValueError
    return text


def _proxy(value: Any) -> str:
    parts = urlsplit(_text(value))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError
    return str(value)


def _credentials_header(value: Any) -> str:
    if not _HEADER.fullmatch(value) or value.lower() in _OWN_HEADERS:
        raise ValueError
    return str(value)


def _masks(value: Any) -> tuple[Mask, ...]:
    return tuple(Mask(_text(text)) for text in _some(value))


def _addresses(value: Any) -> tuple[str, ...]:
    if not all(_ADDRESSES.fullmatch(text) for text in _some(value)):
        raise ValueError
    return tuple(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _release(value: Any) -> FhirVersion:
    return release_of(str(value)) or RELEASES[str(value).lower()]


def release_of(version: str) -> FhirVersion | None:
    """The release of a ``fhirVersion`` (4.0.1, 4.0); None for one that is not spoken here."""
    return next((release for release in RELEASES.values() if release.is_meant_by(version)), None)


def _path(folder: Path) -> Callable[[Any], Path]:
    def read(value: Any) -> Path:
        path = folder / Path(value).expanduser()
        if not path.is_file():
            raise ValueError
        return path

    return read


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not 0 < value <= 3_600:
        raise ValueError
    return float(value)


def _whole(least: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= _MOST:
            raise ValueError
        return value

    return read


def _a_number(least: int) -> str:
    return f"a whole number from {least} to {_MOST}"
