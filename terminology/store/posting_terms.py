"""The terms of property values in the table ``posting``. Its SQL is in ``statements.py``."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from terminology.store.schema import DIGEST_MARK, LONGEST_TERM


def text_of(value: Any) -> str:
    """A property value as the text that filters compare; of a Coding that is its code.

    >>> text_of(True), text_of({"system": "http://loinc.org", "code": "1-8"}), text_of(3)
    ('true', '1-8', '3')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return str(value.get("code", value.get("value", "")))
    return str(value)


def term_of(value: str) -> str:
    """The term for a text: the text itself or, of a long one, its beginning and a digest.

    >>> term_of("short"), len(term_of("long " * 100))
    ('short', 265)
    """
    if len(value) <= LONGEST_TERM:
        return value
    return value[:LONGEST_TERM] + DIGEST_MARK + sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
