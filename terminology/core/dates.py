"""Dates of FHIR, which may have the precision of a year or a month, and the time that it is.

A test harness fixes the time of what it does (``fixed``). What asks here, and not the operating system, follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_fixed: ContextVar[datetime | None] = ContextVar("fixed", default=None)


def fixed_moment() -> datetime | None:
    """The moment at which the time stands still; None where it does not."""
    return _fixed.get()


def now() -> datetime:
    """The time, in UTC."""
    return _fixed.get() or datetime.now(UTC)


@contextmanager
def fixed(moment: datetime | None) -> Iterator[None]:
    """Let the time stand still at a moment, in this thread and block; None leaves it as it is."""
    if moment is None:
        yield
        return
    token = _fixed.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _fixed.reset(token)


def instant_of(moment: datetime, timespec: str = "seconds") -> str:
    """A moment in UTC as an instant of FHIR.

    >>> instant_of(datetime(2026, 1, 31, 12, tzinfo=UTC), "milliseconds")
    '2026-01-31T12:00:00.000Z'
    """
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def today() -> str:
    """The day, as FHIR writes it. The time zone is UTC."""
    return now().date().isoformat()


def is_past(date: str) -> bool:
    """True for a date or dateTime that has begun: today is past, and so is this year."""
    day = date[:10]
    return day <= today()[: len(day)]


def is_over(date: str) -> bool:
    """True for a date or dateTime that has ended: today is not over, nor is this year."""
    day = date[:10]
    return day < today()[: len(day)]
