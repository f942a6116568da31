"""Identifiers that are made here: of requests, expansions, written resources and caches.

They are random. A test harness derives them from the request instead (``derived_from``), so that the same request has
the same identifiers at any time and in any process.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from itertools import count
from random import getrandbits
from uuid import UUID, uuid4

# The ids that are derived in the block around; None where they are random.
_derived: ContextVar[Iterator[bytes] | None] = ContextVar("derived", default=None)


def new_name() -> str:
    """32 digits. It is a name and not a secret. Python seeds ``random`` anew in a process that was forked."""
    derived = _derived.get()
    number = getrandbits(128).to_bytes(16, "big") if derived is None else next(derived)[:16]
    return number.hex()


def new_uuid() -> UUID:
    """A UUID of version 4; a derived one has its shape."""
    derived = _derived.get()
    return uuid4() if derived is None else UUID(bytes=next(derived)[:16], version=4)


def new_secret() -> str:
    """32 characters for a URL, which nobody can guess unless they are derived."""
    derived = _derived.get()
    return secrets.token_urlsafe(24) if derived is None else next(derived)[:16].hex()


@contextmanager
def derived_from(text: bytes) -> Iterator[None]:
    """Derive all identifiers from a text, in this thread and block: each time the same ones, in the same order."""
    token = _derived.set(sha256(b"%d:%b" % (number, text)).digest() for number in count())
    try:
        yield
    finally:
        _derived.reset(token)
