"""Messages about the Expression Constraint Language (ECL) and the reference sets of SNOMED CT.

``at`` is the place in the expression, counted in characters from 0.
"""

from __future__ import annotations

from terminology.core.issues.phrases import quoted
from terminology.core.issues.severity import error
from terminology.core.model import CodeSystemInfo, Issue

_LONGEST_QUOTE = 30  # characters of the expression that a message quotes


def bad_expression(expression: str, at: int, expected: str) -> Issue:
    """``expected``: a noun phrase, such as "a whole number"."""
    text = f"The ECL expression cannot be read: {_place(expression, at)}, {expected} is expected"
    return error(code="invalid", text=text, tx="vs-invalid")


def not_an_identifier(expression: str, at: int, id_: str) -> Issue:
    text = (
        f"The ECL expression cannot be used: {_place(expression, at)}, '{id_}' is not a SNOMED CT identifier "
        "(its check digit or length is wrong)"
    )
    return error(code="invalid", text=text, tx="vs-invalid")


def expression_not_supported(expression: str, at: int, feature: str) -> Issue:
    """``feature``: a noun phrase, such as "an alternative identifier"."""
    text = f"The ECL expression cannot be evaluated: {_place(expression, at)}, {feature} is not supported"
    return error(code="not-supported", text=text, tx="vs-invalid")


def expression_on_unknown_concept(expression: str, at: int, id_: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"The ECL expression cannot be used: {_place(expression, at)}, there is no concept '{id_}' in "
        f"'{about.canonical}'"
    )
    return error(code="invalid", text=text, tx="vs-invalid")


def expression_too_large(parts: str, count: int, limit: int) -> Issue:
    """``parts``: the name of the counted things, a plural such as "characters"."""
    text = f"An ECL expression may have at most {limit:,} {parts}; this one has {count:,} or more"
    return error(code="too-costly", text=text, tx="vs-invalid")


def expression_reads_too_much(expression: str, concepts: int, limit: int) -> Issue:
    text = (
        f"The ECL expression {quoted(expression)} would read the descriptions of {concepts:,} concepts; the "
        f"limit is {limit:,}. Give more of the words, or search among fewer concepts"
    )
    return error(code="too-costly", text=text, tx="vs-invalid")


def no_reference_set(id_: str, about: CodeSystemInfo) -> Issue:
    text = f"'{about.canonical}' has no reference set {quoted(id_)} of concepts"
    return error(code="not-found", text=text, tx="not-found")


def no_post_coordination(about: CodeSystemInfo) -> str:
    """Why an expansion is not closed: the text of HL7's extension valueset-unclosed."""
    return f"Post-coordinated expressions are part of the value set, but cannot be listed: {about.url}"


def _place(expression: str, at: int) -> str:
    rest = expression[at : at + _LONGEST_QUOTE]
    before = (
        f"before '{rest}{'…' if len(expression) > at + _LONGEST_QUOTE else ''}'" if rest else "at the end"
    )
    return f"at character {at + 1}, {before}"
