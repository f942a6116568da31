"""Numbers that are the same, however they are written."""

from __future__ import annotations

import re
from decimal import Context, Decimal

from terminology.core.cache import kept_results

# The types of properties that filters compare by value.
NUMBERS = frozenset({"integer", "decimal"})
_NUMBER = re.compile(r"[+-]?[0-9]{1,100}(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?")
_EXACT = Context(prec=1_300)


@kept_results(1_000)
def number(text: str) -> str:
    """A number in its normal form; a text that is not a number stays as it is.

    >>> number("1.50") == number("1.5"), number("100") == number("1e2"), number("-0.0"), number("many")
    (True, True, '0', 'many')
    """
    if not _NUMBER.fullmatch(text):
        return text
    return str(_EXACT.normalize(_EXACT.plus(Decimal(text))))
