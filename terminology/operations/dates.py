"""The parameter ``date`` of $lookup, $expand and $validate-code."""

from __future__ import annotations

from datetime import UTC, datetime

from terminology.core import issues
from terminology.core.errors import TerminologyError


def check_date(date: str | None) -> None:
    """Accept a date that is not in the past: the current content is the answer to it.

    The content has versions, but no periods of validity, and a version may have been corrected after its date.
    Raises TerminologyError for a date in the past.
    """
    if date is None:
        return
    day = date[:10]
    if day < datetime.now(UTC).date().isoformat()[: len(day)]:
        raise TerminologyError(issues.date_not_supported(date))
