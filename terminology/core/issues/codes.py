"""Messages about codes and codings. That a code is not in a value set is said in ``value_sets``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from terminology.core.issues.phrases import quoted, versioned
from terminology.core.issues.severity import error, information, warning
from terminology.core.model import CodeSystemInfo, Issue

# -- HL7's texts ---------------------------------------------------------------------------------


def unknown_code(code: str, about: CodeSystemInfo) -> Issue:
    """An error for a code that a code system does not have. A fragment has its own text."""
    return unknown_code_in_fragment(code, about) if about.is_fragment else unknown_code_in_whole(code, about)


def unknown_code_in_whole(code: str, about: CodeSystemInfo) -> Issue:
    """The same for a code that no part of the code system has."""
    text = f"Unknown code '{code}' in the CodeSystem {versioned(about.url, about.version)}"
    message_id = "Unknown_Code_in_Version" if about.version else "Unknown_Code_in"
    return error(code="code-invalid", text=text, tx="invalid-code", message_id=message_id)


def unknown_code_in_fragment(code: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"Unknown Code '{code}' in the CodeSystem {versioned(about.url, about.version)} - note that the "
        "code system is labeled as a fragment, so the code may be valid in some other fragment"
    )
    return error(code="not-found", text=text, tx="invalid-code", message_id="UNKNOWN_CODE_IN_FRAGMENT")


def invalid_code(code: str, about: CodeSystemInfo) -> Issue:
    """The finding of a validation: as ``unknown_code``, but only a warning where the system is a fragment."""
    issue = unknown_code(code, about)
    return replace(issue, severity="warning", code="code-invalid") if about.is_fragment else issue


def coding_without_system() -> Issue:
    text = (
        "Coding has no system. A code with no system has no defined meaning, and it cannot be validated. A "
        "system should be provided"
    )
    return warning(
        code="invalid", text=text, tx="invalid-data", message_id="Coding_has_no_system__cannot_validate"
    )


def relative_system() -> Issue:
    text = "Coding.system must be an absolute reference, not a local reference"
    return error(code="invalid", text=text, tx="invalid-data", message_id="Terminology_TX_System_Relative")


def system_is_value_set(url: str) -> Issue:
    text = f"The Coding references a value set, not a code system ('{url}')"
    return error(code="invalid", text=text, tx="invalid-data", message_id="Terminology_TX_System_ValueSet2")


def cannot_infer_system(code: str, value_set: str) -> Issue:
    text = f"The System URI could not be determined for the code '{code}' in the ValueSet '{value_set}'"
    return error(code="not-found", text=text, tx="cannot-infer", message_id="UNABLE_TO_INFER_CODESYSTEM")


def cannot_infer_one_system(code: str, value_set: str, systems: Sequence[str]) -> Issue:
    text = (
        f"The System URI could not be determined for the code '{code}' in the ValueSet '{value_set}': value "
        f"set expansion has multiple matches: [{', '.join(systems)}]"
    )
    message_id = "Unable_to_resolve_system__value_set_has_multiple_matches"
    return error(code="not-found", text=text, tx="cannot-infer", message_id=message_id)


def abstract_code(coding: str) -> Issue:
    text = f"Code '{coding}' is abstract, and not allowed in this context"
    return error(code="business-rule", text=text, tx="code-rule", message_id="ABSTRACT_CODE_NOT_ALLOWED")


def inactive_code(code: str) -> Issue:
    text = f"The concept '{code}' is valid but is not active"
    return error(code="business-rule", text=text, tx="code-rule", message_id="STATUS_CODE_WARNING_CODE")


def concept_is_inactive(code: str, status: str) -> Issue:
    text = f"The concept '{code}' has a status of {status} and its use should be reviewed"
    return warning(code="business-rule", text=text, tx="code-comment", message_id="INACTIVE_CONCEPT_FOUND")


def concept_is_deprecated(code: str) -> Issue:
    text = f"The concept '{code}' is deprecated and its use should be reviewed"
    return warning(code="business-rule", text=text, tx="code-comment", message_id="DEPRECATED_CONCEPT_FOUND")


def case_differs(code: str, correct: str, system: str) -> Issue:
    text = (
        f"The code '{code}' differs from the correct code '{correct}' by case. Although the code system "
        f"'{system}' is case insensitive, implementers are strongly encouraged to use the correct case anyway"
    )
    return information(code="business-rule", text=text, tx="code-rule", message_id="CODE_CASE_DIFFERENCE")


def case_differs_perhaps(code: str, correct: str, system: str) -> Issue:
    """The code system does not say whether case matters, and no code is written exactly so."""
    text = (
        f"The code '{code}' differs from the correct code '{correct}' by case. The code system '{system}' does "
        f"not say whether case matters; use '{correct}'"
    )
    return information(code="business-rule", text=text, tx="code-rule", message_id="CODE_CASE_DIFFERENCE")


# -- our own texts -------------------------------------------------------------------------------


def code_has_wrong_shape(code: str, url: str, rule: str) -> str:
    """``rule`` completes "A code has ..."."""
    return f"'{code}' cannot be a code of '{url}': a code has {rule}"


def code_in_complete_part(code: str, system: str, expression: str) -> str:
    return (
        f"'{code}' cannot be a code of '{system}': all of its codes that match the regular expression "
        f"'{expression}' are on this server"
    )


def reason_for_unknown_code(reason: str) -> Issue:
    """Why a code is none: one of the sentences above."""
    return information(code="code-invalid", text=reason, tx="invalid-code")


def with_hint(issue: Issue, hint: str) -> Issue:
    """The same issue, with a sentence on what the user may have meant."""
    return replace(issue, text=f"{issue.text.rstrip('.')}. {hint}") if hint else issue


def with_diagnostics(issue: Issue, hint: str) -> Issue:
    """The same issue with the sentence beside its text, where the text is HL7's."""
    return replace(issue, diagnostics=" ".join(filter(None, (issue.diagnostics, hint)))) if hint else issue


def no_coding_of_system(url: str) -> Issue:
    text = f"The CodeableConcept has no coding of the CodeSystem '{url}'"
    return error(code="code-invalid", text=text, tx="invalid-code", at=("CodeableConcept",))


def coding_of_another_system(url: str, system: str) -> Issue:
    text = f"The coding is of the CodeSystem '{system}', not of '{url}'"
    return error(code="code-invalid", text=text, tx="invalid-code", at=("Coding.system",))


def too_many_codings(codings: int, limit: int) -> Issue:
    text = (
        f"At most {limit:,} codings are allowed in one CodeableConcept; this one has {codings:,}. Send them "
        "in several requests"
    )
    return error(code="too-costly", text=text)


def version_in_the_system(url: str, version: str) -> str:
    """A hint for a client that sends ``url|version`` as the system."""
    return f"Did you mean {quoted(url)}? Send the version {quoted(version)} in a parameter of its own"
