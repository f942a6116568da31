"""Assertions about codes, whose messages say why they do not hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from terminology.core import dates
from terminology.core.errors import TerminologyError
from terminology.core.structure import RELATIONSHIPS
from terminology.library.explanation_lines import explanation_lines
from terminology.library.results import TranslateResult, ValidateResult
from terminology.library.terminology import Terminology
from terminology.library.values import ResourceLike
from terminology.testing.harnessed import TerminologyApp


def assert_translates(
    server: TerminologyApp | Terminology,
    system: str,
    code: str,
    *,
    to: str | None = None,
    gives: str | Collection[str] | None = None,
    relationship: str | None = None,
    **parameters: Any,
) -> None:
    """Fail unless a code has translations, with the reason and the maps that were considered.

    ``to`` is the code system to translate to. ``gives`` is the code of the only translation, or the codes of all, in
    any order: none for an empty collection. ``relationship`` (R5's word, such as ``equivalent``) is that of each.
    ``parameters`` are further ones of ``Terminology.translate``. The question goes past faults and recordings.

    Raises ValueError for a relationship that R5 does not have.
    """
    __tracebackhide__ = True
    if relationship is not None and relationship not in RELATIONSHIPS:
        raise ValueError(f"{relationship!r} is not a relationship of R5: {', '.join(sorted(RELATIONSHIPS))}")
    try:
        with dates.fixed(_moment_of(server)):
            result = _terminology_of(server).translate(
                system, code, target_system=to, **parameters, _explain=True
            )
    except TerminologyError as problem:
        raise AssertionError(f"{code} of {system} cannot be translated: {problem}") from None
    codes = [match.concept.code or "" for match in result.matches if match.concept is not None]
    expected = None if gives is None else sorted([gives] if isinstance(gives, str) else gives)
    are_right = bool(codes) if expected is None else sorted(codes) == expected
    relationships = {match.relationship for match in result.matches if match.concept is not None}
    if are_right and (relationship is None or relationships <= {relationship}):
        return
    raise AssertionError("\n".join(_translation(result, system, code, to, expected, relationship)))


def _translation(
    result: TranslateResult,
    system: str,
    code: str,
    to: str | None,
    expected: Collection[str] | None,
    relationship: str | None,
) -> Iterator[str]:
    yield f"{code} of {system}{f' to {to}' if to else ''} has other translations than expected"
    wanted_codes = "any" if expected is None else ", ".join(expected) or "none"
    yield f"expected: {wanted_codes}{f' ({relationship})' if relationship else ''}"
    matches = [
        f"{match.concept.code} ({match.relationship})"
        for match in result.matches
        if match.concept is not None
    ]
    yield f"actual:   {', '.join(matches) or 'none'}"
    if result.message:
        yield result.message
    if result.explanation is not None:
        yield from explanation_lines(result.explanation)


def assert_valid(
    server: TerminologyApp | Terminology,
    system: str,
    code: str,
    *,
    value_set: str | ResourceLike | None = None,
    display: str | None = None,
    **parameters: Any,
) -> None:
    """Fail unless a code is valid in its code system, or in a value set, with all issues of the answer.

    ``parameters`` are further ones of ``Terminology.validate_code``. The question goes past faults and recordings.
    """
    __tracebackhide__ = True
    try:
        with dates.fixed(_moment_of(server)):
            result = _terminology_of(server).validate_code(
                system, code, value_set=value_set, display=display, **parameters
            )
    except TerminologyError as problem:
        raise AssertionError(f"{code} of {system} cannot be validated: {problem}") from None
    if not result:
        raise AssertionError("\n".join(_validation(result, system, code, value_set)))


def _validation(
    result: ValidateResult, system: str, code: str, value_set: str | ResourceLike | None
) -> Iterator[str]:
    place = f" in {value_set}" if isinstance(value_set, str) else " in the value set" if value_set else ""
    yield f"{code} of {system} is not valid{place}"
    for issue in result.issues:
        yield f"{issue.severity}: {issue.text}"
    if result.display is not None:
        yield f"display: {result.display}"


def _terminology_of(server: TerminologyApp | Terminology) -> Terminology:
    return server.terminology if isinstance(server, TerminologyApp) else server


def _moment_of(server: TerminologyApp | Terminology) -> Any:
    return server.harness.moment if isinstance(server, TerminologyApp) else None
