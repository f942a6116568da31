"""Regular expressions that cannot run away: matched in linear time, anchored at both ends, and of bounded size.

RE2 takes time in proportion to the length of the text, but in the worst case also to the size of the expression, in
which a repetition counts as often as it may be repeated: ``(.*a){1,900}`` has eleven thousand instructions.
"""

from __future__ import annotations

from collections.abc import Callable

import re2

from terminology.core import issues
from terminology.core.budget import spend
from terminology.core.cache import kept_results
from terminology.core.errors import TerminologyError

# Characters of an expression, and instructions that it is compiled to: a list of hundreds of codes has some thousand.
LONGEST = 10_000
LARGEST = 10_000
# Instructions times characters of a text: at worst a fifth of a second.
_MOST_WORK = 100_000_000
# So much of it counts as a step; less is not worth counting.
_WORK_PER_STEP = 1_000
# Bytes of memory for one expression.
_MEMORY = 2**20


@kept_results(16, LONGEST)
def full_match(expression: str) -> Callable[[str], bool]:
    """A test whether the whole text matches. Raises TerminologyError when the expression cannot be used.

    The test raises TerminologyError for a text that is too long for the expression, and OverBudgetError.
    """
    if len(expression) > LONGEST:
        raise TerminologyError(issues.regex_too_long(expression, LONGEST))
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(expression, options)
    except re2.error as problem:
        reason = problem.args[0] if problem.args else "not a regular expression"
        raise TerminologyError(issues.bad_regex(expression, _text(reason))) from None
    finally:
        re2.purge()  # it keeps what it has compiled, of any length
    size: int = compiled.programsize
    if size > LARGEST:
        raise TerminologyError(issues.regex_too_large(expression, size, LARGEST))
    full = compiled.fullmatch

    def matches(text: str) -> bool:
        work = size * len(text)
        if work > _WORK_PER_STEP:
            if work > _MOST_WORK:
                raise TerminologyError(
                    issues.text_too_long_for_regex(expression, len(text), _MOST_WORK // size)
                )
            spend(work // _WORK_PER_STEP)
        return full(text) is not None

    return matches


def _text(reason: object) -> str:
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
