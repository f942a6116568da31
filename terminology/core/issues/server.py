"""Messages about the server itself: its caches of resources, its databases, its failures, the work of a request."""

from __future__ import annotations

from terminology.core.issues.phrases import shortened
from terminology.core.issues.severity import error, fatal
from terminology.core.model import Issue


def unknown_cache_id(id_: str) -> Issue:
    text = f"The cache-id '{shortened(id_)}' is unknown or has expired: start a new cache"
    return error(code="not-found", text=text, tx="cache-id-unknown")


def too_many_of_caller(limit: int) -> Issue:
    text = (
        f"One client may have at most {limit:,} closure tables and caches. End a cache that you do not need any "
        "more, or restart a closure table of yours in place of a new one"
    )
    return error(code="throttled", text=text)


def cache_too_large(limit: int) -> Issue:
    text = f"A cache may have at most {limit:,} bytes"
    return error(code="throttled", text=text)


def too_much_of_caller(limit: int, size: int) -> Issue:
    text = (
        f"All closure tables and caches of one client may have at most {limit:,} bytes; these would have "
        f"{size:,}. End a cache, or restart a closure table with fewer concepts"
    )
    return error(code="throttled", text=text)


def too_much_in_all(limit: int) -> Issue:
    text = f"All closure tables and caches together may have at most {limit:,} bytes. Try again later"
    return error(code="throttled", text=text)


def too_many_requests_at_once(limit: int) -> Issue:
    text = f"One caller may have at most {limit:,} requests that are not answered yet. Send fewer at once"
    return error(code="throttled", text=text)


def too_many_requests_a_second(limit: int) -> Issue:
    text = f"One caller may send at most {limit:,} requests a second. Try again later"
    return error(code="throttled", text=text)


def too_many_bodies() -> Issue:
    text = "Too many bodies of requests are being sent at the same time. Try again later"
    return error(code="throttled", text=text)


def body_too_slow(seconds: float) -> Issue:
    text = f"The body did not arrive in time: it may take {seconds:g} seconds, and less while many others are sent"
    return error(code="timeout", text=text)


def state_full() -> Issue:
    text = (
        "There is no room on the disk of the closure tables and caches: nothing was stored. Requests that store "
        "nothing are answered"
    )
    return error(code="no-store", text=text)


def state_unavailable(problem: str | None = None) -> Issue:
    """``problem``: the reason in the words of the operating system, if it gave one."""
    text = f"The database of closure tables and caches cannot be used: {problem or 'see the log'}"
    return error(code="transient", text=text)


def store_unreachable() -> Issue:
    text = "The store of imported content cannot be reached; please try again later"
    return error(code="transient", text=text)


def artifact_unreadable(resource: str, reason: str) -> Issue:
    """``resource``: its kind and canonical. Transient: it is served again as soon as its file is put back."""
    text = f"{resource} cannot be read: {reason}. Other resources are not affected; please try again later"
    return error(code="transient", text=text)


def memory_full() -> Issue:
    text = (
        "The server does not have enough memory for this request at the moment. Send less in one request, ask for "
        "fewer codes (count), or try again later"
    )
    return error(code="transient", text=text)


def unexpected(incident: str) -> Issue:
    """``incident``: the id under which the log has more."""
    text = f"Internal error; quote this id to the operator: {incident}"
    return fatal(code="exception", text=text, diagnostics=incident)


def over_budget(steps: int) -> Issue:
    """``steps``: the most that one request may take (setting ``max_work``)."""
    text = (
        f"This request is too costly: it takes more than {steps:,} steps, the most that one request may take with "
        "all its parts. Ask for less at once, or send several requests"
    )
    return error(code="too-costly", text=text)


def past_deadline(seconds: float) -> Issue:
    """``seconds``: the longest that one request may take (setting ``deadline``)."""
    text = (
        f"This request is too costly: it takes longer than {seconds:g} seconds, the longest that one request may "
        "take with all its parts. Ask for less at once, or send several requests"
    )
    return error(code="too-costly", text=text)
