"""Messages about the parameters of an operation."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import or_list, quoted, shortened
from terminology.core.issues.severity import error
from terminology.core.model import Issue


def no_code_to_validate() -> Issue:
    text = (
        "Unable to find code to validate (looked for coding | codeableConcept | code+system | "
        "code+inferSystem in parameters"
    )
    return error(code="invalid", text=text)


def several_codes_to_validate(names: Sequence[str]) -> Issue:
    return error(code="invalid", text=f"Only one of {or_list(names)} may be given, but there are several")


def no_value_set_to_validate_against() -> Issue:
    return missing_parameter("'url' or 'valueSet': there is no value set to validate against")


def context_not_supported(context: str) -> Issue:
    text = f"The context '{context}' cannot be looked up here: name the value set with 'url' or 'valueSet'"
    return error(code="not-supported", text=text)


def subproperty_not_supported(code: str) -> Issue:
    text = f"The property '{code}' has sub-properties, which no code system here can be searched by"
    return error(code="not-supported", text=text)


def missing_parameter(what: str) -> Issue:
    text = f"A required parameter is missing: {what}"
    return error(code="required", text=text, at=["Parameters.parameter"])


def bad_value(name: str, given: object, wanted: str, at: str | None = None) -> Issue:
    text = f"The parameter '{name}' must be {wanted}, but is {quoted(given)}"
    return error(code="value", text=text, at=[at] if at else [])


def wrong_type(name: str, wanted: str, given: str, at: str) -> Issue:
    """``given`` says what there is instead."""
    return error(code="value", text=f"The parameter '{name}' must be {wanted}, but {given}", at=[at])


def unknown_parameter(name: str, operation: str, known: Sequence[str], at: str) -> Issue:
    text = f"'{shortened(name)}' is no parameter of ${operation} here. There are: {', '.join(known)}"
    return error(code="not-supported", text=text, at=[at])


def conflicting_parameter(name: str, first: object, second: object) -> Issue:
    text = f"The parameter '{name}' is given twice, as {quoted(first)} and as {quoted(second)}"
    return error(code="invalid", text=text)


def contradicts(name: str, given: object, where: str, stated: object) -> Issue:
    """``where`` is what says something else: the resource that the operation is asked of, one that came with
    the request, or a coding.
    """
    text = f"The parameter '{name}' is {quoted(given)}, but {where} has {quoted(stated)}"
    return error(code="invalid", text=text)


def not_in_query(name: str, type_: str) -> Issue:
    text = f"The parameter '{name}' is a {type_}, which cannot stand in a URL: POST a Parameters resource"
    return error(code="invalid", text=text)
