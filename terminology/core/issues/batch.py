"""Messages about the entries of a batch."""

from __future__ import annotations

from terminology.core.issues.severity import error
from terminology.core.model import Issue


def too_many_entries(limit: int, given: int) -> Issue:
    return error(code="too-costly", text=f"A batch may have {limit} entries, but this one has {given}")


def not_a_batch(type_: object) -> Issue:
    text = f"A Bundle posted here must be of the type 'batch', but is '{type_}': this server is read-only"
    return error(code="not-supported", text=text)


def batch_entry_without_request(index: int) -> Issue:
    text = "The entry has no request with method and url"
    return error(code="required", text=text, at=[f"Bundle.entry[{index}].request"])


def bad_batch_entry(index: int) -> Issue:
    text = "The entry must ask for something below the base, and its resource be an object"
    return error(code="invalid", text=text, at=[f"Bundle.entry[{index}]"])
