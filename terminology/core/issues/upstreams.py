"""Messages about upstreams: other terminology servers that are asked for content that is missing here."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.severity import error, information, warning
from terminology.core.model import Issue


def undecided(names: Sequence[str]) -> Issue:
    """``names``: canonicals of the resources that are missing, or here in part only."""
    return error(
        code="not-found", text=f"This server does not have all that the answer needs: {', '.join(names)}"
    )


def upstream_too_slow(name: str, seconds: float, base: str) -> Issue:
    text = f"The upstream '{name}' did not answer within {seconds:.3g} seconds. Try again later"
    return error(code="transient", text=text, server=base)


def upstream_unreachable(name: str, reason: str, base: str) -> Issue:
    """``reason``: a clause, such as "no connection was possible"."""
    text = f"The upstream '{name}' cannot be reached: {reason}. Try again later"
    return error(code="transient", text=text, server=base)


def upstream_failed(name: str, status: int, base: str) -> Issue:
    text = f"The upstream '{name}' answered with the status {status}. Try again later"
    return error(code="transient", text=text, server=base)


def upstream_unusable(name: str, reason: str, base: str) -> Issue:
    """``reason``: a clause that says why its answer cannot be used."""
    text = f"The answer of the upstream '{name}' cannot be used: {reason}. Try again later"
    return error(code="transient", text=text, server=base)


def upstream_rests(name: str, seconds: int, base: str) -> Issue:
    text = (
        f"The upstream '{name}' has failed several times in a row, and is asked again in {seconds} seconds at the "
        "earliest. Try again later"
    )
    return error(code="transient", text=text, server=base)


def upstreams_busy(limit: int) -> Issue:
    """``limit``: how many questions to upstreams may be open at a time."""
    text = f"All {limit} questions that may be open to upstreams at a time are open. Try again later"
    return error(code="transient", text=text)


def upstream_outcome_empty(name: str, status: int, base: str) -> Issue:
    text = f"The upstream '{name}' refused the request with the status {status}, and does not say why"
    return error(code="processing", text=text, server=base)


def answered_by_upstream(name: str, base: str) -> Issue:
    return information(code="informational", text=f"The upstream '{name}' has answered", server=base)


def answer_is_stale(name: str, seconds: int, base: str) -> Issue:
    text = f"The upstream '{name}' cannot be asked at the moment: this is its answer of {seconds} seconds ago"
    return warning(code="informational", text=text, server=base)


def mixed_without_system(names: Sequence[str]) -> Issue:
    """``names``: canonicals of the parts elsewhere."""
    text = (
        "A code without a code system cannot be looked for in a value set that has a part elsewhere "
        f"({', '.join(names)}). Name its code system"
    )
    return error(code="not-supported", text=text)


def part_too_costly(name: str, total: int, limit: int) -> Issue:
    """``name``: the code system or value set that a value set takes ``total`` codes from."""
    text = f"The value set takes {total:,} codes from {name}, which is elsewhere; at most {limit:,} can be fetched"
    return error(code="too-costly", text=text)


def too_many_questions(limit: int) -> Issue:
    text = (
        f"To answer this, more than {limit} questions to other servers would be needed. Ask for fewer codes"
    )
    return error(code="too-costly", text=text)
