"""Agreement of values that a request names twice.

A parameter and the resource of the URL, a resource that was sent, or a coding may name the same system, code or
version. Then both must be equal.
"""

from __future__ import annotations

from terminology.core import issues
from terminology.core.errors import TerminologyError

# The place of the other value, as messages name it.
INSTANCE = "the resource in the URL"
SENT = "the resource sent with the request"
CODING = "the coding"


def agreed(name: str, value: str | None, other_value: str | None, other: str) -> str | None:
    """The value of the parameter ``name``, from either place; None if it has none.

    ``other`` is one of the phrases above: the place of ``other_value``. Raises TerminologyError when the two
    values differ.
    """
    if value is not None and other_value is not None and value != other_value:
        raise TerminologyError(issues.contradicts(name, value, other, other_value))
    return value if value is not None else other_value
