"""The terms of property values in the table ``posting``. Its SQL is in ``sql.py``."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from terminology.core.numbers import number
from terminology.store.schema import DIGEST_MARK, LONGEST_TERM, NORMAL_MARK


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


def second_term_of_number(value: str) -> str | None:
    """The term of a number that is not written in the usual way, besides that of its text; else None."""
    normal = number(value)
    return None if normal == value else NORMAL_MARK + normal


def second_term_of_code(value: str) -> str | None:
    """The term of a code that is not written without its case, besides that of its text; else None."""
    folded = value.casefold()
    return None if folded == value else beginning_of_codes(folded) + value


def beginning_of_codes(folded: str) -> str:
    """The beginning of the second terms of all codes that are the same without their case."""
    return NORMAL_MARK + folded + NORMAL_MARK


def field_in_any_case(code: str) -> str:
    """The name of the field with the values of a property without their case; ``ConceptRow.terms`` may have more."""
    return f"any case {code}"


def term_in_any_case(value: str) -> str:
    """The term of a value in such a field."""
    folded = value.casefold()
    return folded if len(folded) <= LONGEST_TERM else term_of(folded)
