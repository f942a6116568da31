"""Regular expressions that cannot run away: matched in linear time, anchored at both ends."""

from __future__ import annotations

from collections.abc import Callable

import re2

from terminology.core import issues
from terminology.core.cache import kept_results
from terminology.core.errors import TerminologyError


@kept_results(64)
def full_match(expression: str) -> Callable[[str], bool]:
    """A test whether the whole text matches. Raises TerminologyError when the expression cannot be used."""
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(expression, options)
    except re2.error as problem:
        reason = problem.args[0] if problem.args else "not a regular expression"
        raise TerminologyError(issues.bad_regex(expression, _text(reason))) from None
    finally:
        re2.purge()  # it keeps expressions of any length
    return lambda text: compiled.fullmatch(text) is not None


def _text(reason: object) -> str:
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
