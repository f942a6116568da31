"""Messages about a batch and its entries. ``index`` counts the entries from 0."""

from __future__ import annotations

from terminology.core.issues.phrases import quoted, shortened
from terminology.core.issues.severity import error
from terminology.core.model import Issue


def not_a_batch(type_: object) -> Issue:
    text = (
        "POST [base] takes a Bundle of type 'batch' or, where clients may write, 'transaction', not of type "
        f"{quoted(type_)}"
    )
    return error(code="not-supported", text=text)


def too_many_entries(limit: int, entries: int) -> Issue:
    text = f"A batch may have at most {limit:,} entries; this one has {entries:,}"
    return error(code="too-costly", text=text)


def batch_entry_without_request(index: int) -> Issue:
    text = "The entry has no request with method and url"
    return error(code="required", text=text, at=[f"Bundle.entry[{index}].request"])


def bad_batch_entry(index: int) -> Issue:
    text = "The url of the entry must be an address below the base, and its resource must be an object"
    return error(code="invalid", text=text, at=[f"Bundle.entry[{index}]"])


def entry_for_another_server(index: int, url: str, base: str) -> Issue:
    text = (
        f"The base is {base}, but the entry is for another server, or another root of this one: '{shortened(url)}'. "
        f"Write the url relative to the base, such as 'CodeSystem/$lookup?system=...&code=...', or send it there"
    )
    return error(code="invalid", text=text, at=[f"Bundle.entry[{index}]"])
