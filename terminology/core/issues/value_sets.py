"""Messages about value sets: unknown, implicit, circular, too large, and codes outside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from terminology.core.issues.phrases import quoted, versioned
from terminology.core.issues.severity import error, information, warning
from terminology.core.model import Issue

# -- HL7's texts ---------------------------------------------------------------------------------


def unknown_value_set(url: str, why: str | None = None) -> Issue:
    text = f"A definition for the value Set '{url}' could not be found"
    return error(
        code="not-found",
        text=text,
        tx="not-found",
        message_id="Unable_to_resolve_value_Set_",
        diagnostics=why,
    )


def value_set_circle(path: Sequence[str]) -> Issue:
    """``path``: the canonicals of the value sets on the way. It has the last one twice."""
    *way, repeated = path
    text = f"Found a circularity pointing to {repeated} processing ValueSet with pathway [{', '.join(way)}]"
    return error(code="processing", text=text, tx="vs-invalid", message_id="VALUESET_CIRCULAR_REFERENCE")


def unknown_import(url: str, version: str | None, is_system: bool) -> Issue:
    """An error for a value set that another one imports. ``is_system``: the url is one of a code system."""
    pinned = "_PINNED" if version else ""
    if is_system:
        text = f"Cannot include value set {versioned(url, version)} because it's actually a code system"
        return error(code="not-found", text=text, tx="not-found", message_id=f"VS_EXP_IMPORT_CS{pinned}")
    text = f"Unable to find included value set {versioned(url, version)}"
    return error(code="not-found", text=text, tx="not-found", message_id=f"VS_EXP_IMPORT_UNK{pinned}")


def too_costly(canonical: str, size: int, limit: int) -> Issue:
    """The first sentence is HL7's."""
    text = (
        f"The value set '{canonical}' expansion has too many codes to produce (>{limit}): there are {size}. "
        "Page through it with 'count' and 'offset', or narrow it with 'filter' or 'activeOnly'"
    )
    return error(code="too-costly", text=text, message_id="VALUESET_TOO_COSTLY")


def not_in_value_set(coding: str, value_set: str) -> Issue:
    text = f"The provided code '{coding}' was not found in the value set '{value_set}'"
    message_id = "None_of_the_provided_codes_are_in_the_value_set_one"
    return error(code="code-invalid", text=text, tx="not-in-vs", message_id=message_id)


def this_coding_not_in_value_set(coding: str, value_set: str) -> Issue:
    """The same about one coding of several: another one may be in the value set."""
    return replace(not_in_value_set(coding, value_set), severity="information", tx="this-code-not-in-vs")


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
    """A note on a resource that an answer used.

    ``status``: deprecated, withdrawn, retired, draft or experimental; ``kind``: the resource type.
    """
    text = f"Reference to {status} {kind} {canonical}"
    return information(code="business-rule", text=text, tx="status-check", message_id=f"MSG_{status.upper()}")


# -- our own texts -------------------------------------------------------------------------------


def no_code_to_imply(system: str, code: str) -> str:
    """Why an implicit value set is unknown: it names a code that its code system does not have."""
    return f"CodeSystem {quoted(system)} has no code {quoted(code)}"


def not_implied(system: str) -> str:
    """Why an implicit value set of a code system other than SNOMED CT is unknown."""
    return (
        f"Of the value sets that {quoted(system)} implies, this server supports '?fhir_vs' (all codes) and, "
        "if the code system has a hierarchy, '?fhir_vs=isa/[code]'"
    )


def not_implied_by_snomed() -> str:
    """Why an implicit value set of SNOMED CT is unknown."""
    return (
        "SNOMED CT implies these value sets: '?fhir_vs', '?fhir_vs=isa/[id]', '?fhir_vs=refset', "
        "'?fhir_vs=refset/[id]' and '?fhir_vs=ecl/[expression]'"
    )


def value_set_too_deep(canonical: str, limit: int) -> Issue:
    text = f"ValueSet '{canonical}' imports value sets that import others, more than {limit} levels deep"
    return error(code="too-costly", text=text, tx="vs-invalid")


def empty_block(at: str) -> Issue:
    text = f"{at} has neither a system nor a valueSet (invariant vsd-1)"
    return error(code="invariant", text=text, tx="vs-invalid", at=[at])


def block_without_system(at: str) -> Issue:
    text = f"{at} has a concept or filter, but no system (invariant vsd-2)"
    return error(code="invariant", text=text, tx="vs-invalid", at=[at])


def undefined_value_set(canonical: str) -> Issue:
    text = f"ValueSet '{canonical}' has neither a definition (compose) nor an expansion"
    return error(code="business-rule", text=text, tx="vs-invalid")


def too_many_steps(
    task: str, canonical: str, steps: int, limit: int, blocks: int, filters: int, largest: int
) -> Issue:
    """``task``: the verb, such as "expand"; ``largest``: the number of codes of the largest code system."""
    text = (
        f"ValueSet '{canonical}' is too costly to {task}: its {blocks:,} includes and excludes with "
        f"{filters:,} filters, over code systems of up to {largest:,} codes, take about {steps:,} steps; the "
        f"limit is {limit:,}. Use fewer of them (one 'regex' or 'in' filter in place of many), or enumerate "
        "the codes; 'count' and 'offset' do not make it cheaper"
    )
    return error(code="too-costly", text=text, message_id="VALUESET_TOO_COSTLY")


def unknown_contained_value_set(reference: str) -> Issue:
    """``reference``: ``#id``, of a request whose value set contains no such ValueSet."""
    text = f"The value set of the request contains no ValueSet {quoted(reference)}"
    return error(code="not-found", text=text, tx="not-found", message_id="Unable_to_resolve_value_Set_")


def expansion_is_partial(listed: int, total: int | None) -> str:
    """Why an expansion that is read as a definition lacks codes; ``total`` is the one that it states."""
    of_all = f" of {total:,}" if total is not None else ""
    return (
        f"This expansion is based on a stored expansion with only {listed:,}{of_all} codes of the value set"
    )


def found_in_another_spelling(text: str, other: str) -> str:
    """``other``: the search text that found something, where the one of the request found nothing."""
    return f"Nothing matches {quoted(text)}. These are the matches of {quoted(other)}"
