"""API keys: how they are made, and by which digest they are known again.

A key is ``id.secret``: the id is public and finds the entry, the secret has 256 random bits. So a digest that is quick
to make is enough: nobody can try that many secrets.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from terminology.authentication.configuration import KeyEntry

# The most characters of a key.
_LONGEST = 200
# What an unknown id is compared with, so that it takes as long as a known one.
_NO_HASH = f"sha256:{'0' * 64}"


def new_key() -> tuple[str, str, str]:
    """The id of a new key, the key and its digest."""
    id_ = secrets.token_hex(4)
    key = f"{id_}.{secrets.token_urlsafe(32)}"
    return id_, key, digest(key)


def digest(key: str) -> str:
    """The digest of a key, as the file has it."""
    return f"sha256:{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()}"


def entry_of(key: str, entries: Mapping[str, KeyEntry]) -> KeyEntry | None:
    """The entry of a key among those by id; None for a key that is wrong in any way."""
    if len(key) > _LONGEST:
        return None
    entry = entries.get(key.partition(".")[0])
    is_right = hmac.compare_digest(digest(key), _NO_HASH if entry is None else entry.hash)
    return entry if is_right else None
