"""The client of a request: whose names its tables and caches have, and whose room they take."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from terminology.core.cache import kept_results

# The bits of an IPv6 address that are those of one customer: the rest is theirs to choose.
_CUSTOMER = 64


@dataclass(slots=True, frozen=True)
class Caller:
    """``owner`` is a digest of the credentials, empty without any; ``quota`` is one of the address.

    Where nobody has checked the credentials, any client can invent more of them. They keep clients apart, therefore,
    but what a client keeps counts against its address in any case. A user who is known has a quota of their own.
    """

    owner: str = ""
    quota: str = ""

    @property
    def of_names(self) -> str:
        """The owner of a name that others could guess: without credentials, the address."""
        return self.owner or self.quota


def caller_of(credentials: str, address: str) -> Caller:
    """The caller with this header ``Authorization`` and network address."""
    return Caller(_digest(credentials), _digest(network_of(address)))


def caller_of_user(name: str) -> Caller:
    """The caller who is known by this name, whatever the credentials and the address are today."""
    digest = _digest(f"user {name}")
    return Caller(digest, digest)


@kept_results(1_000)
def network_of(address: str) -> str:
    """The part of an address that one client cannot vary. Some proxies write a port after an address.

    >>> network_of("192.0.2.1:5000"), network_of("::ffff:192.0.2.1"), network_of("[2001:db8::1]:80")
    ('192.0.2.1', '192.0.2.1', '2001:db8::/64')
    """
    host = address
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        parsed = ip_address(host)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), _CUSTOMER), strict=False))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32] if text else ""
