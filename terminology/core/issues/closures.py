"""Messages about $closure and its tables."""

from __future__ import annotations

from terminology.core.issues.severity import error
from terminology.core.model import Issue


def unknown_closure(name: str) -> Issue:
    text = f"There is no closure table '{name}'. Send the name alone to start one"
    return error(code="not-found", text=text)


def concept_and_version() -> Issue:
    text = (
        "Send either 'concept' (to add to the closure table) or 'version' (to have it sent again), but not "
        "both"
    )
    return error(code="invalid", text=text)


def unknown_closure_version(name: str, version: str, first: int, last: int) -> Issue:
    text = (
        f"The closure table '{name}' cannot be continued from version '{version}': it has the versions "
        f"{first} to {last}. If the table was restarted, rebuild it from version {first}"
    )
    return error(code="conflict", text=text)


def too_many_pairs(concepts: int, pairs: int, limit: int) -> Issue:
    text = (
        f"{concepts:,} new concepts make {pairs:,} pairs to compare; at most {limit:,} pairs are allowed in "
        "one request. Send fewer concepts at a time"
    )
    return error(code="too-costly", text=text)


def closure_table_full(parts: str, limit: int) -> Issue:
    """``parts``: what a table has too many of, "concepts" or "entries"."""
    text = (
        f"A closure table may have at most {limit:,} {parts}. Restart it, or divide its concepts over several "
        "tables"
    )
    return error(code="too-costly", text=text)


def closure_concept_too_long(size: int, limit: int) -> Issue:
    text = (
        f"A concept with its system and version has {size:,} bytes; at most {limit:,} are allowed in a "
        "closure table"
    )
    return error(code="too-costly", text=text)


def closure_contended(name: str) -> Issue:
    text = f"Too many requests add to the closure table '{name}' at the same time; please try again"
    return error(code="transient", text=text)
