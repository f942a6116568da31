"""What holds when an operation is asked of one resource rather than of its type?"""

from __future__ import annotations

from terminology import issues
from terminology.model import TerminologyError


def agreed(name: str, given: str | None, stated: str | None) -> str | None:
    """The value of a parameter that is said twice. Raises TerminologyError when the two contradict."""
    if given is not None and stated is not None and given != stated:
        raise TerminologyError(issues.contradicts_instance(name, given, stated))
    return given if given is not None else stated
