"""Messages about the server itself: its limits, its sessions, its database."""

from __future__ import annotations

from terminology.core.issues.phrases import shortened
from terminology.core.issues.severity import error, fatal
from terminology.core.model import Issue


def too_much(what: str, limit: int, remedy: str) -> Issue:
    return error(code="too-costly", text=f"{what} is bounded by {limit:,} here. {remedy}")


def unknown_cache_id(id_: str) -> Issue:
    text = f"The cache-id '{shortened(id_)}' is not known here, or is not known any more: start a new cache"
    return error(code="not-found", text=text, tx="cache-id-unknown")


def cache_limit(what: str, limit: int, unit: str) -> Issue:
    return error(code="throttled", text=f"{what} is bounded by {limit:,} {unit} here")


def cannot_keep(problem: str) -> Issue:
    text = f"What has to be kept from request to request cannot be kept at present: {problem}"
    return error(code="transient", text=text)


def store_unreachable() -> Issue:
    text = "The database that holds the content cannot be reached at the moment; please try again later"
    return error(code="transient", text=text)


def unexpected(incident: str) -> Issue:
    text = "Something went wrong here that should not have; the log has more under the id in 'diagnostics'"
    return fatal(code="exception", text=text, diagnostics=incident)
