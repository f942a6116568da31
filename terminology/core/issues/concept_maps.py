"""Messages about concept maps and $translate."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.parameters import missing_parameter
from terminology.core.issues.phrases import or_list
from terminology.core.issues.severity import error
from terminology.core.model import Issue


def unknown_concept_map(url: str, version: str | None, known: Sequence[str]) -> Issue:
    which = f"'{url}'" + (f" version '{version}'" if version else "")
    valid = f" Valid versions: {or_list(known)}" if known else ""
    return error(code="not-found", text=f"The concept map {which} is not known here.{valid}", tx="not-found")


def no_suitable_map(source: str, target: str | None, hint: str) -> Issue:
    to = f" to '{target}'" if target else ""
    text = f"No suitable concept map was found to translate from '{source}'{to}."
    return error(code="not-found", text=f"{text} {hint}".strip(), tx="not-found")


def scope_is_system(parameter: str, url: str) -> Issue:
    text = (
        f"'{parameter}' names a value set, but '{url}' is a code system. Name the code system with "
        "'targetsystem' (R4) or 'targetSystem' (R5)"
    )
    return error(code="invalid", text=text, tx="invalid-data")


def code_without_system(parameter: str) -> Issue:
    return missing_parameter(f"'{parameter}': a code alone can only be translated by a named map")


def code_of_which_system(parameter: str) -> Issue:
    return missing_parameter(f"'{parameter}': the map translates codes of several code systems")


def no_code_to_translate(names: Sequence[str]) -> Issue:
    return error(code="required", text=f"One of {or_list(names)} is required: there is nothing to translate")


def several_codes_to_translate(names: Sequence[str]) -> Issue:
    return error(code="invalid", text=f"Only one of {or_list(names)} may be given, but there are several")
