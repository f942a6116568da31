"""The parameter ``date`` of $lookup, $expand, $validate-code and $translate."""

from __future__ import annotations

from terminology.core import issues
from terminology.core.dates import is_over
from terminology.core.errors import TerminologyError


def check_date(date: str | None) -> None:
    """Accept a date that is not in the past: the current content is the answer to it.

    The content has versions, but no periods of validity, and a version may have been corrected after its date.
    Raises TerminologyError for a date in the past.
    """
    if date is not None and is_over(date):
        raise TerminologyError(issues.date_not_supported(date))
