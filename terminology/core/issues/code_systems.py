"""Messages about code systems that are unknown, supplements, or not listable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from terminology.core.issues.phrases import listed, or_list, shortened
from terminology.core.issues.severity import error, information
from terminology.core.model import CodeSystemInfo, Document, Issue

# -- HL7's texts ---------------------------------------------------------------------------------


def unknown_system(url: str) -> Issue:
    text = f"A definition for CodeSystem '{url}' could not be found"
    return error(code="not-found", text=text, tx="not-found", message_id="UNKNOWN_CODESYSTEM")


def unknown_version(url: str, version: str, known: Sequence[str]) -> Issue:
    text = f"A definition for CodeSystem '{url}' version '{version}' could not be found."
    valid = f" Valid versions: {or_list(known)}" if known else " No versions of this code system are known"
    message_id = "UNKNOWN_CODESYSTEM_VERSION" if known else "UNKNOWN_CODESYSTEM_VERSION_NONE"
    return error(code="not-found", text=text + valid, tx="not-found", message_id=message_id)


def system_of_code_unknown(url: str, version: str | None = None) -> Issue:
    """The code system is unknown in every version; ``version`` is the one that the request names."""
    if version is not None:
        return version_of_code_unknown(url, version, ())
    text = f"A definition for CodeSystem '{url}' could not be found, so the code cannot be validated"
    return error(code="not-found", text=text, tx="not-found", message_id="UNKNOWN_CODESYSTEM")


def version_of_code_unknown(url: str, version: str, known: Sequence[str]) -> Issue:
    missing = f"A definition for CodeSystem '{url}' version '{version}' could not be found, so the code"
    if not known:
        text = f"{missing} cannot be validated. No versions of this code system are known"
        return error(
            code="not-found", text=text, tx="not-found", message_id="UNKNOWN_CODESYSTEM_VERSION_NONE"
        )
    return error(
        code="not-found",
        text=f"{missing} cannot be validated. Valid versions: {or_list(known)}",
        tx="not-found",
        message_id="UNKNOWN_CODESYSTEM_VERSION",
        diagnostics=_how_to_use_another_version(url, known),
    )


def unknown_system_to_expand(url: str, version: str | None, known: Sequence[str]) -> Issue:
    why = "could not be found, so the value set cannot be expanded"
    if version is None or not known:
        text = f"A definition for CodeSystem '{url}' {why}"
        return error(code="not-found", text=text, tx="not-found", message_id="UNKNOWN_CODESYSTEM_EXP")
    text = f"A definition for CodeSystem '{url}' version '{version}' {why}. Valid versions: {or_list(known)}"
    return error(
        code="not-found",
        text=text,
        tx="not-found",
        message_id="UNKNOWN_CODESYSTEM_VERSION_EXP",
        diagnostics=_how_to_use_another_version(url, known),
    )


def system_is_supplement(url: str) -> Issue:
    text = f"CodeSystem {url} is a supplement, so can't be used as a value in Coding.system"
    return error(code="invalid", text=text, tx="invalid-data", message_id="CODESYSTEM_CS_NO_SUPPLEMENT")


def missing_supplement(canonical: str) -> Issue:
    text = f"Required supplement not found: {canonical}"
    return error(code="not-found", text=text, tx="not-found", message_id="VALUESET_SUPPLEMENT_MISSING")


def not_enumerable(about: CodeSystemInfo) -> Issue:
    text = (
        f"The code system '{about.url}' cannot be expanded because its codes cannot be iterated or "
        "enumerated in any meaningful sense"
    )
    return error(code="not-supported", text=text, message_id="CODESYSTEM_NOT_ENUMERABLE")


def grammar_is_unclosed(about: CodeSystemInfo, value_set: str) -> str:
    return (
        f"The code System '{about.url}' has a grammar and so has infinite members. "
        f"This extension is based on {value_set}"
    )


def fragment_is_unclosed(about: CodeSystemInfo) -> str:
    return f"This extension is based on a fragment of the code system {about.url}"


# -- our own texts -------------------------------------------------------------------------------


def unused_supplement(canonical: str, supplement: Document, subject: str) -> Issue:
    """``subject`` is the canonical of the code system or value set that the request is about."""
    text = (
        f"The supplement '{canonical}' of '{supplement.get('supplements', '')}' adds nothing to '{subject}'"
    )
    return error(code="business-rule", text=text, tx="invalid-data")


def without_codes(issue: Issue, content: str) -> Issue:
    """The same issue, for a code system that is described but has no codes to validate by.

    ``content`` is its ``CodeSystem.content``.
    """
    return replace(issue, text=f"{issue.text}: this server has it with the content '{content}' only")


def listed_all_the_same(issue: Issue) -> Issue:
    """``issue``, that a code system is unknown, for a code that the value set lists: it is right nevertheless."""
    text = f"{issue.text}. It is accepted because the value set lists it"
    return replace(issue, severity="warning", text=text)


def grammar_not_known(about: CodeSystemInfo) -> Issue:
    """tx-ecosystem, "requirements", ``CodeSystem.compositional``."""
    text = (
        f"CodeSystem '{about.canonical}' is compositional, but this server does not know its grammar: it can "
        "only validate the codes that are listed"
    )
    return information(code="informational", text=text, tx="process-note")


def _how_to_use_another_version(url: str, known: Sequence[str]) -> str:
    return (
        f"The parameter force-system-version={shortened(url)}|{known[-1]} makes the server use that version"
    )


def user_assigned_codes_are_unclosed(about: CodeSystemInfo) -> str:
    """Why an expansion is not closed: the text of HL7's extension valueset-unclosed."""
    return f"User-assigned codes of three letters or digits are part of '{about.url}', but are not listed"


def unknown_system_name(name: str) -> Issue:
    text = (
        f"No code system is called '{name}'. Name it by its url, or by a short name such as cpt, icd10cm, icd10pcs, "
        "loinc or snomed"
    )
    return error(code="not-found", text=text, tx="not-found")


def name_of_several_systems(name: str, urls: Iterable[str]) -> Issue:
    text = f"Several code systems are called '{name}': {listed(urls)}. Name one by its url"
    return error(code="multiple-matches", text=text)
