"""Messages about value sets: unknown, implicit, circular, too large, and codes outside them."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.code_systems import _another
from terminology.core.issues.phrases import or_list, quoted
from terminology.core.issues.severity import error, information, warning
from terminology.core.model import Issue


def unknown_value_set(url: str, why: str | None = None) -> Issue:
    text = f"A definition for the value Set '{url}' could not be found"
    return error(
        code="not-found",
        text=text,
        tx="not-found",
        message_id="Unable_to_resolve_value_Set_",
        diagnostics=why,
    )


def no_code_to_imply(system: str, code: str) -> str:
    return f"The CodeSystem {quoted(system)} has no code {quoted(code)} here"


def not_implied(system: str) -> str:
    return (
        f"Of the value sets that {quoted(system)} implies, '?fhir_vs' (all codes) is known here, and "
        "'?fhir_vs=isa/[code]' where there is a hierarchy; reference sets and expressions are not"
    )


def not_implied_by_snomed() -> str:
    return (
        "The value sets that SNOMED CT implies are '?fhir_vs', '?fhir_vs=isa/[id]', '?fhir_vs=refset', "
        "'?fhir_vs=refset/[id]' and '?fhir_vs=ecl/[expression]'"
    )


def value_set_circle(path: Sequence[str]) -> Issue:
    """``path`` are the value sets on the way, and at last the one that came before."""
    *way, again = path
    text = f"Found a circularity pointing to {again} processing ValueSet with pathway [{', '.join(way)}]"
    return error(code="processing", text=text, tx="vs-invalid", message_id="VALUESET_CIRCULAR_REFERENCE")


def value_set_too_deep(canonical: str, limit: int) -> Issue:
    text = f"The value set '{canonical}' imports value sets that import others, more than {limit} in a row"
    return error(code="too-costly", text=text, tx="vs-invalid")


def unknown_system_to_expand(url: str, version: str | None, known: Sequence[str]) -> Issue:
    why = "could not be found, so the value set cannot be expanded"
    if version is None or not known:
        text = f"A definition for CodeSystem '{url}' {why}"
        return error(code="not-found", text=text, tx="not-found", message_id="UNKNOWN_CODESYSTEM_EXP")
    text = f"A definition for CodeSystem '{url}' version '{version}' {why}. Valid versions: {or_list(known)}"
    message_id = "UNKNOWN_CODESYSTEM_VERSION_EXP"
    return error(
        code="not-found", text=text, tx="not-found", message_id=message_id, diagnostics=_another(url, known)
    )


def unknown_import(url: str, version: str | None, is_system: bool) -> Issue:
    which = f"'{url}'" + (f" version '{version}'" if version else "")
    pinned = "_PINNED" if version else ""
    if is_system:
        text = f"Cannot include value set {which} because it's actually a code system"
        return error(code="not-found", text=text, tx="not-found", message_id=f"VS_EXP_IMPORT_CS{pinned}")
    text = f"Unable to find included value set {which}"
    return error(code="not-found", text=text, tx="not-found", message_id=f"VS_EXP_IMPORT_UNK{pinned}")


def block_about_nothing(at: str) -> Issue:
    text = f"{at} has neither a system nor a valueSet, so it says nothing (invariant vsd-1)"
    return error(code="invariant", text=text, tx="vs-invalid", at=[at])


def block_without_system(at: str) -> Issue:
    text = f"{at} has a concept or filter, but no system that they could be of (invariant vsd-2)"
    return error(code="invariant", text=text, tx="vs-invalid", at=[at])


def undefined_value_set(canonical: str) -> Issue:
    text = f"The value set '{canonical}' has neither a definition (compose) nor an expansion"
    return error(code="business-rule", text=text, tx="vs-invalid")


def too_costly(canonical: str, size: int, limit: int) -> Issue:
    text = (
        f"The value set '{canonical}' expansion has too many codes to produce (>{limit}): there are {size}. "
        "Ask for a part with 'count' and 'offset', or for fewer with 'filter' or 'activeOnly'"
    )
    return error(code="too-costly", text=text, message_id="VALUESET_TOO_COSTLY")


def too_many_steps(
    to_do: str, canonical: str, steps: int, limit: int, blocks: int, filters: int, largest: int
) -> Issue:
    text = (
        f"The value set '{canonical}' is too costly to {to_do}: its {blocks:,} includes and excludes with "
        f"{filters:,} filters, over code systems of up to {largest:,} codes, take about {steps:,} steps, and "
        f"{limit:,} are allowed. Say with fewer of them what is meant (one regex for many, 'in' for many "
        "values), or enumerate the codes; 'count' and 'offset' make it no cheaper"
    )
    return error(code="too-costly", text=text, message_id="VALUESET_TOO_COSTLY")


def unknown_contained_value_set(reference: str) -> Issue:
    text = f"The value set '{reference}' is not contained in the resource that the request is about"
    return error(code="not-found", text=text, tx="not-found", message_id="Unable_to_resolve_value_Set_")


def not_in_value_set(coding: str, value_set: str) -> Issue:
    text = f"The provided code '{coding}' was not found in the value set '{value_set}'"
    message_id = "None_of_the_provided_codes_are_in_the_value_set_one"
    return error(code="code-invalid", text=text, tx="not-in-vs", message_id=message_id)


def this_coding_not_in_value_set(coding: str, value_set: str) -> Issue:
    """The same of one coding of several: another one may be in the value set."""
    issue = not_in_value_set(coding, value_set)
    issue.severity, issue.tx = "information", "this-code-not-in-vs"
    return issue


def no_coding_in_value_set(value_set: str) -> Issue:
    text = f"No valid coding was found for the value set '{value_set}'"
    return error(code="code-invalid", text=text, tx="not-in-vs", message_id="TX_GENERAL_CC_ERROR_MESSAGE")


def concept_deprecated_in_value_set(code: str, system: str, value_set: str, status: str) -> Issue:
    text = (
        f"The presence of the concept '{code}' in the system '{system}' in the value set {value_set} is "
        f"marked with a status of {status} and its use should be reviewed"
    )
    return warning(
        code="business-rule", text=text, tx="code-comment", message_id="CONCEPT_DEPRECATED_IN_VALUESET"
    )


def reference_to(status: str, kind: str, canonical: str) -> Issue:
    """``status`` is deprecated, withdrawn, retired, draft or experimental."""
    text = f"Reference to {status} {kind} {canonical}"
    return information(code="business-rule", text=text, tx="status-check", message_id=f"MSG_{status.upper()}")
