"""Messages about concept maps and $translate."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.parameters import missing_parameter
from terminology.core.issues.phrases import or_list, versioned
from terminology.core.issues.severity import error
from terminology.core.model import Issue


def unknown_concept_map(url: str, version: str | None, known: Sequence[str]) -> Issue:
    valid = f". Valid versions: {or_list(known)}" if known else ""
    text = f"ConceptMap {versioned(url, version)} could not be found{valid}"
    return error(code="not-found", text=text, tx="not-found")


def no_suitable_map(source: str, target: str | None, hint: str) -> Issue:
    to = f" to '{target}'" if target else ""
    text = f"No suitable concept map was found to translate from '{source}'{to}."
    return error(code="not-found", text=f"{text} {hint}".strip(), tx="not-found")


def code_without_system(parameter: str) -> Issue:
    """``parameter``: the one that names the code system."""
    return missing_parameter(
        f"'{parameter}'", "A code without a system can only be translated by a map that the request names"
    )


def code_of_which_system(parameter: str) -> Issue:
    """``parameter``: the one that names the code system."""
    return missing_parameter(f"'{parameter}'", "The map translates codes of several code systems")


def no_code_to_translate(names: Sequence[str]) -> Issue:
    text = f"The request has no code to translate: one of {or_list(names)} is required"
    return error(code="required", text=text)
