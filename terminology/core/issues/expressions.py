"""Messages about the Expression Constraint Language of SNOMED CT."""

from __future__ import annotations

from terminology.core.issues.phrases import quoted
from terminology.core.issues.severity import error
from terminology.core.model import CodeSystemInfo, Issue


def _place(expression: str, at: int) -> str:
    rest = expression[at : at + 30]
    shown = f"before '{rest}{'…' if len(expression) > at + 30 else ''}'" if rest else "at the end"
    return f"at character {at + 1}, {shown}"


def bad_expression(expression: str, at: int, wanted: str) -> Issue:
    text = f"The ECL expression cannot be read: {_place(expression, at)}, {wanted} is expected"
    return error(code="invalid", text=text, tx="vs-invalid")


def no_identifier(expression: str, at: int, id_: str) -> Issue:
    text = f"The ECL expression cannot be used: {_place(expression, at)}, '{id_}' is no SNOMED CT identifier"
    return error(code="invalid", text=f"{text} (its check digit or length is wrong)", tx="vs-invalid")


def expression_not_supported(expression: str, at: int, what: str) -> Issue:
    text = f"The ECL expression cannot be answered: {_place(expression, at)}, {what} is not supported here"
    return error(code="not-supported", text=text, tx="vs-invalid")


def expression_on_unknown_concept(expression: str, at: int, id_: str, about: CodeSystemInfo) -> Issue:
    text = f"The ECL expression cannot be used: {_place(expression, at)}, there is no concept '{id_}' in "
    return error(code="invalid", text=f"{text}'{about.canonical}'", tx="vs-invalid")


def expression_on_no_reference_set(expression: str, at: int, id_: str, about: CodeSystemInfo) -> Issue:
    text = f"The ECL expression cannot be used: {_place(expression, at)}, '{id_}' is no reference set in "
    return error(code="invalid", text=f"{text}'{about.canonical}'", tx="vs-invalid")


def expression_too_large(what: str, given: int, limit: int) -> Issue:
    text = f"An ECL expression may have {limit:,} {what}, and this one has {given:,} or more"
    return error(code="too-costly", text=text, tx="vs-invalid")


def expression_reads_too_much(expression: str, concepts: int, limit: int) -> Issue:
    text = (
        f"The ECL expression {quoted(expression)} would read the descriptions of {concepts:,} concepts, and "
        f"{limit:,} are allowed. Give more of the words, or fewer concepts to look among"
    )
    return error(code="too-costly", text=text, tx="vs-invalid")


def no_reference_set(id_: str, about: CodeSystemInfo) -> Issue:
    text = f"There is no reference set {quoted(id_)} with concepts in '{about.canonical}'"
    return error(code="not-found", text=text, tx="not-found")


def no_post_coordination(about: CodeSystemInfo) -> str:
    return f"Expressions (post-coordination) are part of the value set, and cannot be listed: {about.url}"
