"""Messages about the filters of a value set, and regular expressions."""

from __future__ import annotations

from terminology.core.issues.phrases import quoted, shortened
from terminology.core.issues.severity import error
from terminology.core.model import CodeSystemInfo, Filter, Issue


def unknown_filter(property_: str, op: str, about: CodeSystemInfo) -> Issue:
    text = f"The filter '{property_} {op}' was not understood in the context of {about.url}"
    return error(code="not-supported", text=text, tx="vs-invalid", message_id="FILTER_NOT_UNDERSTOOD")


def too_many_filters(url: str, filters: int, limit: int) -> Issue:
    text = (
        f"An include or exclude of '{url}' has {filters:,} filters, and {limit} are allowed. Say with fewer "
        "what is meant (one regex for many, 'in' for many values), or enumerate the codes"
    )
    return error(code="too-costly", text=text)


def filter_without_value(property_: str, op: str, url: str) -> Issue:
    text = f"The system {url} filter with property = {property_}, op = {op} has no value"
    return error(
        code="invalid", text=text, tx="vs-invalid", message_id="UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE"
    )


def bad_filter_value(filter_: Filter, wanted: str) -> Issue:
    text = f"The filter '{_filter(filter_)}' cannot be used: its value must be {wanted}"
    return error(code="invalid", text=text, tx="vs-invalid")


def filter_on_unknown_code(filter_: Filter, about: CodeSystemInfo) -> Issue:
    text = (
        f"The filter '{_filter(filter_)}' cannot be used: there is no code {quoted(filter_.value)} in the "
        f"CodeSystem '{about.canonical}'"
    )
    return error(code="invalid", text=text, tx="vs-invalid")


def filter_without_subsumption(filter_: Filter, about: CodeSystemInfo, meaning: str) -> Issue:
    text = (
        f"The filter '{_filter(filter_)}' cannot be used: the hierarchy of the CodeSystem "
        f"'{about.canonical}' has the meaning '{meaning}', which does not say that one code is a kind of "
        "another. The filter 'child-of' can be used"
    )
    return error(code="not-supported", text=text, tx="vs-invalid")


def _filter(filter_: Filter) -> str:
    return shortened(f"{filter_.property} {filter_.op} {filter_.value}")


def bad_regex(expression: str, problem: str) -> Issue:
    text = (
        f"The regular expression '{expression}' cannot be used: {problem}. Expressions are matched in linear "
        "time, so look-around and back-references are not available"
    )
    return error(code="invalid", text=text, tx="vs-invalid")
