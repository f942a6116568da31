"""Messages about units (UCUM): why a text is not a unit. ``at`` counts its characters from 1."""

from __future__ import annotations

from terminology.core.issues.phrases import quoted


def unit_unknown(code: str, unit: str, at: int) -> str:
    return _in_unit(code, f"The unit {quoted(unit)} is unknown at character {at}")


def number_with_exponent(code: str, number: str, at: int) -> str:
    text = f"The number {quoted(number)} at character {at} has an exponent, which only the symbol of a unit may have"
    return _in_unit(code, f"{text}; a power of ten is written as in 10*3")


def unit_missing(code: str, at: int) -> str:
    return _in_unit(code, f"A unit is missing at character {at}")


def bracket_without_other(code: str, bracket: str, at: int) -> str:
    return _in_unit(code, f"The bracket {quoted(bracket)} at character {at} has no other one")


def unit_too_long(code: str, most: int) -> str:
    return _in_unit(code, f"A unit has at most {most} characters")


def unit_malformed(code: str) -> str:
    return _in_unit(code, "Its parts are units, but not as they stand together")


def _in_unit(code: str, text: str) -> str:
    return f"Error processing unit {quoted(code)}: {text}"
