"""Does what a concept has pass a filter?

Here are the operators of ``ValueSet.compose.include.filter`` that compare values; those that look at the
hierarchy are the code system's own (https://hl7.org/fhir/R5/valueset.html).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.core.patterns import full_match

Accepts = Callable[[Sequence[str]], bool]
Normal = Callable[[str], str]


def comparison(filter_: Filter, normal: Normal | None = None) -> Accepts | None:
    """What tells whether the values of a concept pass; None for an operator that compares no values.

    ``normal`` makes two ways to write a value the same. Raises TerminologyError for a value of the filter
    that its operator does not take.
    """
    make = COMPARISONS.get(filter_.op)
    return make(filter_, normal or str) if make else None


def _equals(filter_: Filter, normal: Normal) -> Accepts:
    wanted = normal(filter_.value)
    return lambda values: any(normal(value) == wanted for value in values)


def _one_of(filter_: Filter, normal: Normal) -> Accepts:
    wanted = {normal(item.strip()) for item in filter_.value.split(",")}
    return lambda values: any(normal(value) in wanted for value in values)


def _none_of(filter_: Filter, normal: Normal) -> Accepts:
    is_one = _one_of(filter_, normal)
    return lambda values: not is_one(values)


def _regex(filter_: Filter, normal: Normal) -> Accepts:
    matches = full_match(filter_.value)
    return lambda values: any(matches(value) for value in values)


def _exists(filter_: Filter, normal: Normal) -> Accepts:
    if filter_.value not in ("true", "false"):
        raise TerminologyError(issues.bad_filter_value(filter_, "true or false"))
    wanted = filter_.value == "true"
    return lambda values: bool(values) is wanted


COMPARISONS: dict[str, Callable[[Filter, Normal], Accepts]] = {
    "=": _equals,
    "in": _one_of,
    "not-in": _none_of,
    "regex": _regex,
    "exists": _exists,
}
