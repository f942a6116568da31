"""What holds when a request says the same thing twice: by a parameter, and by what it is asked of, brings
along or asks about?"""

from __future__ import annotations

from terminology.core import issues
from terminology.core.errors import TerminologyError

# What else may say it.
INSTANCE = "the resource it is asked of"
BROUGHT = "the resource that came along"
CODING = "the coding"


def agreed(name: str, given: str | None, stated: str | None, where: str) -> str | None:
    """The value of a parameter that is said twice: it is ``given``, and ``where`` has it ``stated``.

    Raises TerminologyError when the two contradict.
    """
    if given is not None and stated is not None and given != stated:
        raise TerminologyError(issues.contradicts(name, given, where, stated))
    return given if given is not None else stated
