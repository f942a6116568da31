"""Dates of FHIR, which may have the precision of a year or a month, compared with today."""

from __future__ import annotations

from datetime import UTC, datetime


def today() -> str:
    """The day, as FHIR writes it. The time zone is UTC."""
    return datetime.now(UTC).date().isoformat()


def is_past(date: str) -> bool:
    """True for a date or dateTime that has begun: today is past, and so is this year."""
    day = date[:10]
    return day <= today()[: len(day)]


def is_over(date: str) -> bool:
    """True for a date or dateTime that has ended: today is not over, nor is this year."""
    day = date[:10]
    return day < today()[: len(day)]
