"""Messages about the filters of a value set, and regular expressions."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import quoted, shortened
from terminology.core.issues.severity import error, warning
from terminology.core.model import CodeSystemInfo, Filter, Issue

# -- HL7's texts ---------------------------------------------------------------------------------


def unknown_filter(filter_: Filter, about: CodeSystemInfo) -> Issue:
    text = f"The filter '{_filter(filter_)}' was not understood in the context of {about.url}"
    return error(code="not-supported", text=text, tx="vs-invalid", message_id="FILTER_NOT_UNDERSTOOD")


def filter_without_value(property_: str, op: str, url: str) -> Issue:
    text = f"The system {url} filter with property = {property_}, op = {op} has no value"
    message_id = "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE"
    return error(code="invalid", text=text, tx="vs-invalid", message_id=message_id)


# -- our own texts -------------------------------------------------------------------------------


def too_many_filters(url: str, filters: int, limit: int) -> Issue:
    text = (
        f"An include or exclude of '{url}' has {filters:,} filters; at most {limit} are allowed. Use fewer "
        "(one 'regex' or 'in' filter in place of many), or enumerate the codes"
    )
    return error(code="too-costly", text=text)


def bad_filter_value(filter_: Filter, expected: str) -> Issue:
    """``expected``: a noun phrase, such as "true or false"."""
    text = f"The filter '{_filter(filter_)}' cannot be used: its value must be {expected}"
    return error(code="invalid", text=text, tx="vs-invalid")


def property_without_values(filter_: Filter, about: CodeSystemInfo) -> Issue:
    """For a property that the owner defines, and that this copy of the code system says of no code."""
    text = (
        f"The filter '{_filter(filter_)}' cannot be used: '{about.canonical}' does not say of any code whether it has "
        f"the property {quoted(filter_.property)}"
    )
    return error(code="not-supported", text=text, tx="vs-invalid")


def filter_operators(operators: Sequence[str]) -> str:
    """A hint: the operators that the filter has."""
    return f"This property is compared with {', '.join(map(quoted, operators))}"


def nothing_has_value(filter_: Filter, about: CodeSystemInfo) -> Issue:
    what = "matches" if filter_.op == "regex" else "has"
    text = (
        f"The filter '{_filter(filter_)}' selects nothing: no concept of CodeSystem '{about.canonical}' {what} "
        f"this value of {quoted(filter_.property)}"
    )
    return warning(code="not-found", text=text, tx="vs-invalid")


def filter_on_unknown_code(filter_: Filter, about: CodeSystemInfo) -> Issue:
    text = (
        f"The filter '{_filter(filter_)}' cannot be used: CodeSystem '{about.canonical}' has no code "
        f"{quoted(filter_.value)}"
    )
    return error(code="invalid", text=text, tx="vs-invalid")


def filter_without_subsumption(filter_: Filter, about: CodeSystemInfo, meaning: str) -> Issue:
    """``meaning``: the ``CodeSystem.hierarchyMeaning``."""
    text = (
        f"The filter '{_filter(filter_)}' cannot be used: CodeSystem '{about.canonical}' has the "
        f"hierarchyMeaning '{meaning}', so a code below another one is not a kind of it. Use the filter "
        "'child-of'"
    )
    return error(code="not-supported", text=text, tx="vs-invalid")


def bad_regex(expression: str, problem: str) -> Issue:
    text = (
        f"The regular expression {quoted(expression)} cannot be used: {shortened(problem)}. Look-around and "
        "back-references are not supported, because expressions are matched in linear time"
    )
    return error(code="invalid", text=text, tx="vs-invalid")


def regex_too_long(expression: str, limit: int) -> Issue:
    text = (
        f"The regular expression {quoted(expression)} has {len(expression):,} characters; at most {limit:,} are "
        "allowed"
    )
    return error(code="too-costly", text=text, tx="vs-invalid")


def regex_too_large(expression: str, size: int, limit: int) -> Issue:
    """``size``: the instructions that the expression is compiled to."""
    text = (
        f"The regular expression {quoted(expression)} is too large: with its repetitions written out it has "
        f"{size:,} steps; at most {limit:,} are allowed. Repeat less ('+' in place of '{{1,900}}')"
    )
    return error(code="too-costly", text=text, tx="vs-invalid")


def text_too_long_for_regex(expression: str, length: int, limit: int) -> Issue:
    """``limit``: the most characters that the expression may be compared with."""
    text = (
        f"The regular expression {quoted(expression)} can be compared with texts of at most {limit:,} characters; "
        f"one has {length:,}"
    )
    return error(code="too-costly", text=text, tx="vs-invalid")


def _filter(filter_: Filter) -> str:
    return shortened(f"{filter_.property} {filter_.op} {filter_.value}")
