"""Messages about the parameters of an operation: missing, unknown, contradictory, or wrong."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import (
    did_you_mean,
    found_instead,
    json_kind,
    or_list,
    quoted,
    shortened,
)
from terminology.core.issues.severity import error, warning
from terminology.core.model import Issue


def no_code_to_validate() -> Issue:
    """The text is HL7's, with its open bracket."""
    text = (
        "Unable to find code to validate (looked for coding | codeableConcept | code+system | "
        "code+inferSystem in parameters"
    )
    return error(code="invalid", text=text)


def several_codes(names: Sequence[str]) -> Issue:
    """``names``: the parameters of which a request may have one."""
    text = f"Only one of {or_list(names)} is allowed, but the request has several"
    return error(code="invalid", text=text)


def context_not_supported(name: str, value: str) -> Issue:
    text = f"The {name} '{value}' cannot be looked up: name the value set with 'url' or 'valueSet'"
    return error(code="not-supported", text=text)


def subproperty_not_supported(code: str) -> Issue:
    text = f"The property '{code}' has sub-properties, which cannot be searched by"
    return error(code="not-supported", text=text)


def missing_parameter(names: str, why: str = "") -> Issue:
    """``names``: the parameter, or several that would do; ``why``: a sentence."""
    text = f"A required parameter is missing: {names}"
    return error(code="required", text=f"{text}. {why}" if why else text, at=["Parameters.parameter"])


def missing_cache_mode(modes: Sequence[str]) -> Issue:
    return missing_parameter(f"'mode': {', '.join(modes)}")


def missing_cache_id(header: str) -> Issue:
    return missing_parameter(f"the id of the cache, in the header {header}")


def weak_cache_id(id_: str, shortest: int, longest: int) -> Issue:
    """``shortest``, ``longest``: numbers of characters."""
    expected = f"hard to guess: {shortest} to {longest} characters, such as a UUID"
    return bad_value("cache-id", id_, expected)


def missing_value_set() -> Issue:
    return missing_parameter("'url' or 'valueSet'")


def bad_value(name: str, value: object, expected: str, at: str | None = None) -> Issue:
    """``expected``: a noun phrase, such as "a whole number"; ``at``: a FHIRPath expression."""
    text = f"The parameter '{name}' must be {expected}, but {found_instead(value)}"
    return error(code="value", text=text, at=[at] if at else [])


def wrong_type(name: str, expected: str, element: str, value: object, at: str) -> Issue:
    """``element``: the element that has the wrong ``value``; ``at``: a FHIRPath expression."""
    text = f"The parameter '{name}' must be {expected}, but its {element} is {json_kind(value)}"
    return error(code="value", text=text, at=[at])


def unknown_parameter(
    name: str, operation: str, known: Sequence[str], at: str, near: Sequence[str] = ()
) -> Issue:
    """``near``: the known names that are nearly this one."""
    hint = f"{did_you_mean(near)} " if near else ""
    text = f"${operation} has no parameter '{shortened(name)}'. {hint}Known parameters: {', '.join(known)}"
    return error(code="not-supported", text=text, at=[at])


def ignored_parameter(name: str, near: Sequence[str], at: str) -> Issue:
    """``near``: the known names that are nearly this one."""
    text = f"The parameter '{shortened(name)}' is unknown, and was ignored. {did_you_mean(near)}"
    return warning(code="not-supported", text=text, at=[at])


def unknown_property(name: str, near: Sequence[str]) -> Issue:
    """``near``: the properties that are nearly called so."""
    text = f"There is no property '{shortened(name)}'. {did_you_mean(near)}"
    return warning(code="not-supported", text=text)


def conflicting_parameter(name: str, first: object, second: object) -> Issue:
    text = f"The parameter '{name}' has two values, {quoted(first)} and {quoted(second)}"
    return error(code="invalid", text=text)


def contradicts(name: str, value: object, other: str, other_value: object) -> Issue:
    """``other``: a noun phrase for the place of the other value, such as "the coding"."""
    text = f"The parameter '{name}' is {quoted(value)}, but {other} has {quoted(other_value)}"
    return error(code="invalid", text=text)


def not_in_query(name: str, type_: str, instead: str | None = None) -> Issue:
    """``instead``: the parameter that names a resource which is here."""
    hint = f", or name one of this server with '{instead}'" if instead else ""
    text = f"The parameter '{name}' is a {type_}, which a URL cannot have: POST a Parameters resource{hint}"
    return error(code="invalid", text=text)


def too_long(name: str, length: int, limit: int, at: str | None = None) -> Issue:
    """``name``: the parameter, or the part of it; ``length``, ``limit``: numbers of characters."""
    text = f"'{name}' may have at most {limit:,} characters; this one has {length:,}"
    return error(code="too-long", text=text, at=[at] if at else [])


def too_many_words(name: str, count: int, limit: int) -> Issue:
    text = f"'{name}' may have at most {limit:,} words; this one has {count:,}"
    return error(code="too-costly", text=text)


def repeated_too_often(name: str, limit: int) -> Issue:
    text = f"The parameter '{name}' may be repeated at most {limit:,} times in one request"
    return error(code="too-costly", text=text)


def too_many_languages(count: int, limit: int) -> Issue:
    text = f"A list of languages may have at most {limit:,} of them; this one has {count:,}"
    return error(code="too-costly", text=text)
