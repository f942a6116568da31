"""Messages about the expressions of SNOMED CT: those of codes, and expression constraints (ECL).

``at`` is the place in the expression, counted in characters from 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import quoted
from terminology.core.issues.severity import error, information, warning
from terminology.core.model import CodeSystemInfo, Issue

_LONGEST_QUOTE = 30  # characters of the expression that a message quotes


def bad_expression(expression: str, at: int, expected: str) -> Issue:
    """``expected``: a noun phrase, such as "a whole number"."""
    return _invalid_ecl(expression, "read", at, f"{expected} is expected")


def not_an_identifier(expression: str, at: int, id_: str) -> Issue:
    reason = f"'{id_}' is not a SNOMED CT identifier (its check digit or length is wrong)"
    return _invalid_ecl(expression, "used", at, reason)


def expression_not_supported(expression: str, at: int, feature: str) -> Issue:
    """``feature``: a noun phrase, such as "an alternative identifier"."""
    text = _invalid_ecl_text(expression, "evaluated", at, f"{feature} is not supported")
    return error(code="not-supported", text=text, tx="vs-invalid", message_id="INVALID_ECL")


def expression_on_unknown_concept(expression: str, at: int, id_: str, about: CodeSystemInfo) -> Issue:
    return _invalid_ecl(expression, "used", at, f"there is no concept '{id_}' in '{about.canonical}'")


def no_such_column(expression: str, at: int, column: str, known: Sequence[str]) -> Issue:
    there = ", ".join(known) or "none"
    reason = f"no reference set has a column {quoted(column)}. There are {there}"
    return _invalid_ecl(expression, "used", at, reason)


def column_without_concepts(expression: str, at: int, column: str) -> Issue:
    reason = f"the column {quoted(column)} has values that are not concepts, and a value set has concepts"
    return _invalid_ecl(expression, "used", at, reason)


def attribute_without_concepts(expression: str, at: int, attributes: Sequence[str]) -> Issue:
    names = ", ".join(attributes[:3])
    reason = f"{quoted(names)} has values that are not concepts, and a value set has concepts"
    return _invalid_ecl(expression, "used", at, reason)


def no_such_description(expression: str, at: int, id_: str, about: CodeSystemInfo) -> Issue:
    return _invalid_ecl(expression, "used", at, f"there is no description '{id_}' in '{about.canonical}'")


def _invalid_ecl(expression: str, verb: str, at: int, reason: str) -> Issue:
    text = _invalid_ecl_text(expression, verb, at, reason)
    return error(code="invalid", text=text, tx="vs-invalid", message_id="INVALID_ECL")


def _invalid_ecl_text(expression: str, verb: str, at: int, reason: str) -> str:
    """HL7's message names the expression and the reason."""
    return (
        f"The ECL expression cannot be {verb}: {_place(expression, at)}, {reason}. "
        f"The expression is {quoted(expression)}"
    )


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


# -- post-coordinated expressions ----------------------------------------------------------------


def no_expression(expression: str, at: int, expected: str) -> Issue:
    """``expected``: a noun phrase, such as "a concept"."""
    text = (
        f"The code is not a valid expression of SNOMED CT: {_place(expression, at)}, {expected} is expected"
    )
    return error(code="code-invalid", text=text, tx="invalid-code")


def expression_of_unknown_concept(
    text: str, at: int, id_: str, about: CodeSystemInfo, is_possible: bool
) -> str:
    """Why a text is not a code. ``is_possible``: the identifier has the right check digit."""
    reason = "" if is_possible else " (its check digit is wrong)"
    return (
        f"The code is not a valid expression of SNOMED CT: {_place(text, at)}, there is no concept '{id_}' in "
        f"'{about.canonical}'{reason}"
    )


def expression_of_no_attribute(text: str, at: int, id_: str) -> str:
    """Why a text is not a code."""
    return (
        f"The code is not a valid expression of SNOMED CT: {_place(text, at)}, '{id_}' is not an attribute (it is not "
        "below 410662002 |Concept model attribute| or 106237007 |Linkage concept|)"
    )


def expression_of_inactive_concept(id_: str) -> Issue:
    text = f"The concept '{id_}' of the expression is inactive and its use should be reviewed"
    return warning(code="business-rule", text=text, tx="code-comment")


def expression_of_other_term(id_: str, term: str, display: str) -> Issue:
    text = f"In the expression, {quoted(term)} is not a term of the concept '{id_}' ({quoted(display)})"
    return warning(code="informational", text=text, tx="display-comment")


def concept_model_not_checked() -> Issue:
    """HL7's words."""
    text = (
        "The expression is grammatically correct and the concepts are valid, but the expression has not been checked "
        "against the SNOMED CT concept model (MRCM)"
    )
    return information(code="informational", text=text, tx="process-note")


def _place(expression: str, at: int) -> str:
    rest = expression[at : at + _LONGEST_QUOTE]
    before = (
        f"before '{rest}{'…' if len(expression) > at + _LONGEST_QUOTE else ''}'" if rest else "at the end"
    )
    return f"at character {at + 1}, {before}"
