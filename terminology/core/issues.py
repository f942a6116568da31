"""Everything this server says to a user about a problem: one function for each message, under HL7's message
id.

The ids and wordings are those of HL7's terminology ecosystem where it has one. A function returns an
``Issue``; whether it is raised (``TerminologyError``) or returned in an answer is for the caller to say.
The HTTP status of an issue is decided in one other place, ``wire/outcome.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from terminology.core.model import CodeSystemInfo, Filter, Issue


def _or_list(items: Iterable[str]) -> str:
    words = list(items)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else ""


# -- what is here --------------------------------------------------------------------------------


def unknown_system(url: str) -> Issue:
    text = f"A definition for CodeSystem '{url}' could not be found"
    return Issue("error", "not-found", text, "not-found", "UNKNOWN_CODESYSTEM")


def unknown_version(url: str, version: str, known: Sequence[str]) -> Issue:
    text = f"A definition for CodeSystem '{url}' version '{version}' could not be found."
    valid = f" Valid versions: {_or_list(known)}" if known else " No versions are known"
    return Issue("error", "not-found", text + valid, "not-found", "UNKNOWN_CODESYSTEM_VERSION")


def unknown_code(code: str, about: CodeSystemInfo) -> Issue:
    if about.is_fragment:
        return unknown_code_in_fragment(code, about)
    version = f" version '{about.version}'" if about.version else ""
    text = f"Unknown code '{code}' in the CodeSystem '{about.url}'{version}"
    message_id = "Unknown_Code_in_Version" if about.version else "Unknown_Code_in"
    return Issue("error", "code-invalid", text, "invalid-code", message_id)


def with_hint(issue: Issue, hint: str) -> Issue:
    """The same issue, with what may have been meant."""
    return replace(issue, text=f"{issue.text.rstrip('.')}. {hint}") if hint else issue


def version_apart(url: str, version: str) -> str:
    return f"Did you mean {_shown(url)}, with {_shown(version)} as the version in a parameter of its own?"


def did_you_mean(choices: Sequence[str]) -> str:
    return f"Did you mean {_or_list(_shown(choice) for choice in choices)}?" if choices else ""


def unknown_code_in_fragment(code: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"Unknown Code '{code}' in the CodeSystem '{about.url}' version '{about.version}' - note that the "
        "code system is labeled as a fragment, so the code may be valid in some other fragment"
    )
    return Issue("error", "not-found", text, "invalid-code", "UNKNOWN_CODE_IN_FRAGMENT")


def system_is_supplement(url: str) -> Issue:
    text = f"CodeSystem {url} is a supplement, so can't be used as a value in Coding.system"
    return Issue("error", "invalid", text, "invalid-data", "CODESYSTEM_CS_NO_SUPPLEMENT")


def missing_supplement(canonical: str) -> Issue:
    text = f"Required supplement not found: {canonical}"
    return Issue("error", "not-found", text, "not-found", "VALUESET_SUPPLEMENT_MISSING")


def foreign_supplement(canonical: str, url: str) -> Issue:
    text = f"The supplement {canonical} does not supplement the CodeSystem {url}"
    return Issue("error", "business-rule", text, "invalid-data")


def unknown_value_set(url: str, why: str | None = None) -> Issue:
    text = f"A definition for the value Set '{url}' could not be found"
    return Issue("error", "not-found", text, "not-found", "Unable_to_resolve_value_Set_", diagnostics=why)


def no_code_to_imply(system: str, code: str) -> str:
    return f"The CodeSystem {_shown(system)} has no code {_shown(code)} here"


def not_implied(system: str) -> str:
    return (
        f"Of the value sets that {_shown(system)} implies, '?fhir_vs' (all codes) is known here, and "
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
    return Issue("error", "processing", text, "vs-invalid", "VALUESET_CIRCULAR_REFERENCE")


def value_set_too_deep(canonical: str, limit: int) -> Issue:
    text = f"The value set '{canonical}' imports value sets that import others, more than {limit} in a row"
    return Issue("error", "too-costly", text, "vs-invalid")


def value_set_version_check(url: str, found: str | None, required: str | None) -> Issue:
    text = (
        f"The version '{found or ''}' is not allowed for value set '{url}': required to be '{required}' by a "
        "version-check parameter"
    )
    return Issue("error", "exception", text, "version-error", "VALUESET_VERSION_CHECK")


def unknown_system_to_expand(url: str, version: str | None, known: Sequence[str]) -> Issue:
    why = "could not be found, so the value set cannot be expanded"
    if version is None or not known:
        text = f"A definition for CodeSystem '{url}' {why}"
        return Issue("error", "not-found", text, "not-found", "UNKNOWN_CODESYSTEM_EXP")
    text = f"A definition for CodeSystem '{url}' version '{version}' {why}. Valid versions: {_or_list(known)}"
    message_id = "UNKNOWN_CODESYSTEM_VERSION_EXP"
    return Issue("error", "not-found", text, "not-found", message_id, diagnostics=_another(url, known))


def unknown_import(url: str, version: str | None, is_system: bool) -> Issue:
    which = f"'{url}'" + (f" version '{version}'" if version else "")
    pinned = "_PINNED" if version else ""
    if is_system:
        text = f"Cannot include value set {which} because it's actually a code system"
        return Issue("error", "not-found", text, "not-found", f"VS_EXP_IMPORT_CS{pinned}")
    text = f"Unable to find included value set {which}"
    return Issue("error", "not-found", text, "not-found", f"VS_EXP_IMPORT_UNK{pinned}")


def block_about_nothing(at: str) -> Issue:
    text = f"{at} has neither a system nor a valueSet, so it says nothing (invariant vsd-1)"
    return Issue("error", "invariant", text, "vs-invalid", at=[at])


def block_without_system(at: str) -> Issue:
    text = f"{at} has a concept or filter, but no system that they could be of (invariant vsd-2)"
    return Issue("error", "invariant", text, "vs-invalid", at=[at])


def undefined_value_set(canonical: str) -> Issue:
    text = f"The value set '{canonical}' has neither a definition (compose) nor an expansion"
    return Issue("error", "business-rule", text, "vs-invalid")


def too_costly(canonical: str, size: int, limit: int) -> Issue:
    text = (
        f"The value set '{canonical}' expansion has too many codes to produce (>{limit}): there are {size}. "
        "Ask for a part with 'count' and 'offset', or for fewer with 'filter' or 'activeOnly'"
    )
    return Issue("error", "too-costly", text, message_id="VALUESET_TOO_COSTLY")


def too_many_steps(
    to_do: str, canonical: str, steps: int, limit: int, blocks: int, filters: int, largest: int
) -> Issue:
    text = (
        f"The value set '{canonical}' is too costly to {to_do}: its {blocks:,} includes and excludes with "
        f"{filters:,} filters, over code systems of up to {largest:,} codes, take about {steps:,} steps, and "
        f"{limit:,} are allowed. Say with fewer of them what is meant (one regex for many, 'in' for many "
        "values), or enumerate the codes; 'count' and 'offset' make it no cheaper"
    )
    return Issue("error", "too-costly", text, message_id="VALUESET_TOO_COSTLY")


def fragment_is_unclosed(about: CodeSystemInfo) -> str:
    return f"This extension is based on a fragment of the code system {about.url}"


def unknown_filter(property_: str, op: str, about: CodeSystemInfo) -> Issue:
    text = f"The filter '{property_} {op}' was not understood in the context of {about.url}"
    return Issue("error", "not-supported", text, "vs-invalid", "FILTER_NOT_UNDERSTOOD")


def too_many_filters(url: str, filters: int, limit: int) -> Issue:
    text = (
        f"An include or exclude of '{url}' has {filters:,} filters, and {limit} are allowed. Say with fewer "
        "what is meant (one regex for many, 'in' for many values), or enumerate the codes"
    )
    return Issue("error", "too-costly", text)


def filter_without_value(property_: str, op: str, url: str) -> Issue:
    text = f"The system {url} filter with property = {property_}, op = {op} has no value"
    return Issue("error", "invalid", text, "vs-invalid", "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE")


def bad_filter_value(filter_: Filter, wanted: str) -> Issue:
    text = f"The filter '{_filter(filter_)}' cannot be used: its value must be {wanted}"
    return Issue("error", "invalid", text, "vs-invalid")


def filter_on_unknown_code(filter_: Filter, about: CodeSystemInfo) -> Issue:
    text = (
        f"The filter '{_filter(filter_)}' cannot be used: there is no code {_shown(filter_.value)} in the "
        f"CodeSystem '{about.canonical}'"
    )
    return Issue("error", "invalid", text, "vs-invalid")


def filter_without_subsumption(filter_: Filter, about: CodeSystemInfo, meaning: str) -> Issue:
    text = (
        f"The filter '{_filter(filter_)}' cannot be used: the hierarchy of the CodeSystem "
        f"'{about.canonical}' has the meaning '{meaning}', which does not say that one code is a kind of "
        "another. The filter 'child-of' can be used"
    )
    return Issue("error", "not-supported", text, "vs-invalid")


def _filter(filter_: Filter) -> str:
    return _shortened(f"{filter_.property} {filter_.op} {filter_.value}")


def bad_regex(expression: str, problem: str) -> Issue:
    text = (
        f"The regular expression '{expression}' cannot be used: {problem}. Expressions are matched in linear "
        "time, so look-around and back-references are not available"
    )
    return Issue("error", "invalid", text, "vs-invalid")


# -- SNOMED CT: the Expression Constraint Language -----------------------------------------------


def _place(expression: str, at: int) -> str:
    rest = expression[at : at + 30]
    shown = f"before '{rest}{'…' if len(expression) > at + 30 else ''}'" if rest else "at the end"
    return f"at character {at + 1}, {shown}"


def bad_expression(expression: str, at: int, wanted: str) -> Issue:
    text = f"The ECL expression cannot be read: {_place(expression, at)}, {wanted} is expected"
    return Issue("error", "invalid", text, "vs-invalid")


def no_identifier(expression: str, at: int, id_: str) -> Issue:
    text = f"The ECL expression cannot be used: {_place(expression, at)}, '{id_}' is no SNOMED CT identifier"
    return Issue("error", "invalid", f"{text} (its check digit or length is wrong)", "vs-invalid")


def expression_not_supported(expression: str, at: int, what: str) -> Issue:
    text = f"The ECL expression cannot be answered: {_place(expression, at)}, {what} is not supported here"
    return Issue("error", "not-supported", text, "vs-invalid")


def expression_on_unknown_concept(expression: str, at: int, id_: str, about: CodeSystemInfo) -> Issue:
    text = f"The ECL expression cannot be used: {_place(expression, at)}, there is no concept '{id_}' in "
    return Issue("error", "invalid", f"{text}'{about.canonical}'", "vs-invalid")


def expression_on_no_reference_set(expression: str, at: int, id_: str, about: CodeSystemInfo) -> Issue:
    text = f"The ECL expression cannot be used: {_place(expression, at)}, '{id_}' is no reference set in "
    return Issue("error", "invalid", f"{text}'{about.canonical}'", "vs-invalid")


def expression_too_large(what: str, given: int, limit: int) -> Issue:
    text = f"An ECL expression may have {limit:,} {what}, and this one has {given:,} or more"
    return Issue("error", "too-costly", text, "vs-invalid")


def expression_reads_too_much(expression: str, concepts: int, limit: int) -> Issue:
    text = (
        f"The ECL expression {_shown(expression)} would read the descriptions of {concepts:,} concepts, and "
        f"{limit:,} are allowed. Give more of the words, or fewer concepts to look among"
    )
    return Issue("error", "too-costly", text, "vs-invalid")


def no_reference_set(id_: str, about: CodeSystemInfo) -> Issue:
    text = f"There is no reference set {_shown(id_)} with concepts in '{about.canonical}'"
    return Issue("error", "not-found", text, "not-found")


def no_post_coordination(about: CodeSystemInfo) -> str:
    return f"Expressions (post-coordination) are part of the value set, and cannot be listed: {about.url}"


# -- validation ----------------------------------------------------------------------------------


def no_code_to_validate() -> Issue:
    text = (
        "Unable to find code to validate (looked for coding | codeableConcept | code+system | "
        "code+inferSystem in parameters"
    )
    return Issue("error", "invalid", text)


def several_codes_to_validate(names: Sequence[str]) -> Issue:
    return Issue("error", "invalid", f"Only one of {_or_list(names)} may be given, but there are several")


def no_value_set_to_validate_against() -> Issue:
    return missing_parameter("'url' or 'valueSet': there is no value set to validate against")


def context_not_supported(context: str) -> Issue:
    text = f"The context '{context}' cannot be looked up here: name the value set with 'url' or 'valueSet'"
    return Issue("error", "not-supported", text)


def locked_date_not_supported(value_set: str, date: str) -> Issue:
    text = (
        f"The value set '{value_set}' means the versions of {date} (lockedDate), which are not known here: "
        "say which they are with 'version' in its includes and excludes, or with 'system-version'"
    )
    return Issue("error", "not-supported", text)


def unknown_contained_value_set(reference: str) -> Issue:
    text = f"The value set '{reference}' is not contained in the resource that the request is about"
    return Issue("error", "not-found", text, "not-found", "Unable_to_resolve_value_Set_")


def not_in_value_set(coding: str, value_set: str) -> Issue:
    text = f"The provided code '{coding}' was not found in the value set '{value_set}'"
    message_id = "None_of_the_provided_codes_are_in_the_value_set_one"
    return Issue("error", "code-invalid", text, "not-in-vs", message_id)


def this_coding_not_in_value_set(coding: str, value_set: str) -> Issue:
    """The same of one coding of several: another one may be in the value set."""
    issue = not_in_value_set(coding, value_set)
    issue.severity, issue.tx = "information", "this-code-not-in-vs"
    return issue


def no_coding_in_value_set(value_set: str) -> Issue:
    text = f"No valid coding was found for the value set '{value_set}'"
    return Issue("error", "code-invalid", text, "not-in-vs", "TX_GENERAL_CC_ERROR_MESSAGE")


def coding_without_system() -> Issue:
    text = (
        "Coding has no system. A code with no system has no defined meaning, and it cannot be validated. A "
        "system should be provided"
    )
    return Issue("warning", "invalid", text, "invalid-data", "Coding_has_no_system__cannot_validate")


def relative_system() -> Issue:
    text = "Coding.system must be an absolute reference, not a local reference"
    return Issue("error", "invalid", text, "invalid-data", "Terminology_TX_System_Relative")


def system_is_value_set(url: str) -> Issue:
    text = f"The Coding references a value set, not a code system ('{url}')"
    return Issue("error", "invalid", text, "invalid-data", "Terminology_TX_System_ValueSet2")


def cannot_infer_system(code: str, value_set: str) -> Issue:
    text = f"The System URI could not be determined for the code '{code}' in the ValueSet '{value_set}'"
    return Issue("error", "not-found", text, "cannot-infer", "UNABLE_TO_INFER_CODESYSTEM")


def cannot_infer_one_system(code: str, value_set: str, systems: Sequence[str]) -> Issue:
    text = (
        f"The System URI could not be determined for the code '{code}' in the ValueSet '{value_set}': value "
        f"set expansion has multiple matches: [{', '.join(systems)}]"
    )
    message_id = "Unable_to_resolve_system__value_set_has_multiple_matches"
    return Issue("error", "not-found", text, "cannot-infer", message_id)


def system_of_code_unknown(url: str) -> Issue:
    text = f"A definition for CodeSystem '{url}' could not be found, so the code cannot be validated"
    return Issue("error", "not-found", text, "not-found", "UNKNOWN_CODESYSTEM")


def version_of_code_unknown(url: str, version: str, known: Sequence[str]) -> Issue:
    found_not = f"A definition for CodeSystem '{url}' version '{version}' could not be found, so the code"
    if not known:
        text = f"{found_not} cannot be validated. No versions of this code system are known"
        return Issue("error", "not-found", text, "not-found", "UNKNOWN_CODESYSTEM_VERSION_NONE")
    text = f"{found_not} cannot be validated. Valid versions: {_or_list(known)}"
    message_id = "UNKNOWN_CODESYSTEM_VERSION"
    return Issue("error", "not-found", text, "not-found", message_id, diagnostics=_another(url, known))


def _another(url: str, known: Sequence[str]) -> str:
    return f"With the parameter force-system-version={_shortened(url)}|{known[-1]} that version would be used"


def version_needed(url: str) -> Issue:
    text = f"Codes of the CodeSystem '{url}' mean nothing with no version (versionNeeded), but none is given"
    return Issue("error", "required", text, "invalid-data")


def version_differs(url: str, included: str, given: str) -> Issue:
    text = (
        f"The code system '{url}' version '{included}' in the ValueSet include is different to the one in "
        f"the value ('{given}')"
    )
    return Issue("error", "invalid", text, "vs-invalid", "VALUESET_VALUE_MISMATCH")


def version_differs_from_default(url: str, found: str, given: str) -> Issue:
    """The include states no version, and the one that the coding states is not here."""
    text = (
        f"The code system '{url}' version '{found}' for the versionless include in the ValueSet include is "
        f"different to the one in the value ('{given}')"
    )
    return Issue("warning", "invalid", text, "vs-invalid", "VALUESET_VALUE_MISMATCH_DEFAULT")


def version_differs_from_pinned(url: str, pinned: str, included: str, given: str) -> Issue:
    """A parameter of the request says another version than the include does."""
    text = (
        f"The code system '{url}' version '{pinned}' resulting from the version '{included}' in the ValueSet "
        f"include is different to the one in the value ('{given}')"
    )
    return Issue("error", "invalid", text, "vs-invalid", "VALUESET_VALUE_MISMATCH_CHANGED")


def version_not_allowed(url: str, version: str, required: str) -> Issue:
    text = (
        f"The version '{version}' is not allowed for system '{url}': required to be '{required}' by a "
        "version-check parameter"
    )
    return Issue("error", "exception", text, "version-error", "VALUESET_VERSION_CHECK")


def no_such_code(code: str, about: CodeSystemInfo) -> Issue:
    """As an answer, not a refusal: of a fragment only a warning can be given."""
    issue = unknown_code(code, about)
    if about.is_fragment:
        issue.severity, issue.code = "warning", "code-invalid"
    return issue


def held_without_codes(issue: Issue, content: str) -> Issue:
    """For a code system that is described here, but not in a way that codes can be validated by."""
    return replace(issue, text=f"{issue.text}: it is here with the content '{content}' only")


def grammar_not_known(about: CodeSystemInfo) -> Issue:
    """tx-ecosystem, "requirements", ``CodeSystem.compositional``."""
    text = (
        f"The CodeSystem '{about.canonical}' is compositional, but its grammar is not known here: only the "
        "codes that it lists can be validated"
    )
    return Issue("information", "informational", text, "process-note")


def abstract_code(coding: str) -> Issue:
    text = f"Code '{coding}' is abstract, and not allowed in this context"
    return Issue("error", "business-rule", text, "code-rule", "ABSTRACT_CODE_NOT_ALLOWED")


def inactive_code(code: str) -> Issue:
    text = f"The concept '{code}' is valid but is not active"
    return Issue("error", "business-rule", text, "code-rule", "STATUS_CODE_WARNING_CODE")


def concept_is_inactive(code: str, status: str) -> Issue:
    text = f"The concept '{code}' has a status of {status} and its use should be reviewed"
    return Issue("warning", "business-rule", text, "code-comment", "INACTIVE_CONCEPT_FOUND")


def concept_is_deprecated(code: str, status: str) -> Issue:
    text = f"The concept '{code}' has a status of {status} and its use should be reviewed"
    return Issue("warning", "business-rule", text, "code-comment", "DEPRECATED_CONCEPT_FOUND")


def concept_deprecated_in_value_set(code: str, system: str, value_set: str, status: str) -> Issue:
    text = (
        f"The presence of the concept '{code}' in the system '{system}' in the value set {value_set} is "
        f"marked with a status of {status} and its use should be reviewed"
    )
    return Issue("warning", "business-rule", text, "code-comment", "CONCEPT_DEPRECATED_IN_VALUESET")


def case_differs(given: str, correct: str, system: str) -> Issue:
    text = (
        f"The code '{given}' differs from the correct code '{correct}' by case. Although the code system "
        f"'{system}' is case insensitive, implementers are strongly encouraged to use the correct case anyway"
    )
    return Issue("information", "business-rule", text, "code-rule", "CODE_CASE_DIFFERENCE")


def wrong_display(given: str, coding: str, known: Sequence[str], languages: str, only_blanks: bool) -> Issue:
    """``known`` are the right displays as they are to be quoted."""
    choices = known[0] if len(known) == 1 else f"one of {len(known)} choices: {_or_list(known)}"
    text = (
        f"Wrong {'whitespace in ' if only_blanks else ''}Display Name '{given}' for {coding}. Valid display "
        f"is {choices} (for the language(s) '{languages}')"
    )
    message_id = f"Display_Name_{'WS_' if only_blanks else ''}for__should_be_one_of__instead_of"
    return Issue("error", "invalid", text, "invalid-display", message_id)


def no_display_to_compare(given: str, coding: str) -> Issue:
    text = f"Cannot validate the display name '{given}' for {coding}, since there are no valid display names"
    return Issue("warning", "invalid", text, "invalid-display", "NO_VALID_DISPLAY_AT_ALL")


def display_in_default_language(given: str, coding: str, languages: str) -> Issue:
    text = (
        f"There are no valid display names found for the code {coding} for language(s) '{languages}'. The "
        f"display is '{given}' which is a valid display for the default language"
    )
    message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK"
    return Issue("information", "invalid", text, "invalid-display", message_id)


def wrong_display_no_language(given: str, coding: str, languages: str, default: str) -> Issue:
    text = (
        f"Wrong Display Name '{given}' for {coding}. There are no valid display names found for language(s) "
        f"'{languages}'. Default display is '{default}'"
    )
    message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR"
    return Issue("error", "invalid", text, "invalid-display", message_id)


def display_no_longer_correct(given: str, code: str, status: str, correct: Sequence[str]) -> Issue:
    text = (
        f"'{given}' is no longer considered a correct display for code '{code}' (status = {status}). The "
        f"correct display is one of {','.join(_if_needed_quoted(display) for display in correct)}."
    )
    return Issue("warning", "invalid", text, "display-comment", "INACTIVE_DISPLAY_FOUND")


def display_cannot_be_checked(given: str, coding: str) -> Issue:
    text = (
        f"The display '{given}' for {coding} cannot be checked: the descriptions by the owner of the code "
        "system are not here (they may need a licence), but only words of somebody else's for its codes"
    )
    return Issue("warning", "informational", text, "process-note")


def reference_to(status: str, kind: str, canonical: str) -> Issue:
    """``status`` is deprecated, withdrawn, retired, draft or experimental."""
    text = f"Reference to {status} {kind} {canonical}"
    return Issue("information", "business-rule", text, "status-check", f"MSG_{status.upper()}")


def _if_needed_quoted(text: str) -> str:
    return f'"{text}"' if any(mark in text for mark in ' ,"') else text


def grammar_is_unclosed(about: CodeSystemInfo, value_set: str) -> str:
    return (
        f"The code System '{about.url}' has a grammar and so has infinite members. "
        f"This extension is based on {value_set}"
    )


def not_enumerable(about: CodeSystemInfo) -> Issue:
    text = (
        f"The code system '{about.url}' cannot be expanded because its codes cannot be iterated or "
        "enumerated in any meaningful sense"
    )
    return Issue("error", "not-supported", text, message_id="CODESYSTEM_NOT_ENUMERABLE")


# -- translation ---------------------------------------------------------------------------------


def unknown_concept_map(url: str, version: str | None, known: Sequence[str]) -> Issue:
    which = f"'{url}'" + (f" version '{version}'" if version else "")
    valid = f" Valid versions: {_or_list(known)}" if known else ""
    return Issue("error", "not-found", f"The concept map {which} is not known here.{valid}", "not-found")


def no_suitable_map(source: str, target: str | None, hint: str) -> Issue:
    to = f" to '{target}'" if target else ""
    text = f"No suitable concept map was found to translate from '{source}'{to}."
    return Issue("error", "not-found", f"{text} {hint}".strip(), "not-found")


def scope_is_system(parameter: str, url: str) -> Issue:
    text = (
        f"'{parameter}' names a value set, but '{url}' is a code system. Name the code system with "
        "'targetsystem' (R4) or 'targetSystem' (R5)"
    )
    return Issue("error", "invalid", text, "invalid-data")


def code_without_system(parameter: str) -> Issue:
    return missing_parameter(f"'{parameter}': a code alone can only be translated by a named map")


def code_of_which_system(parameter: str) -> Issue:
    return missing_parameter(f"'{parameter}': the map translates codes of several code systems")


def no_code_to_translate(names: Sequence[str]) -> Issue:
    return Issue("error", "required", f"One of {_or_list(names)} is required: there is nothing to translate")


def several_codes_to_translate(names: Sequence[str]) -> Issue:
    return Issue("error", "invalid", f"Only one of {_or_list(names)} may be given, but there are several")


# -- subsumption, and what is kept from request to request ---------------------------------------


def subsumption_across_systems(first: str, second: str) -> Issue:
    text = f"Subsumption is known within one code system, but the codes are of '{first}' and of '{second}'"
    return Issue("error", "business-rule", text)


def subsumption_across_versions(url: str, first: str, second: str) -> Issue:
    text = f"The codes are of two versions of the CodeSystem '{url}': '{first}' and '{second}'"
    return Issue("error", "business-rule", text, "version-error")


def hierarchy_without_subsumption(about: CodeSystemInfo, meaning: str) -> Issue:
    text = (
        f"The hierarchy of the CodeSystem '{about.canonical}' has the meaning '{meaning}', which does not "
        "say whether one code subsumes another"
    )
    return Issue("error", "not-supported", text)


def subsumption_unknown(first: str, second: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"The CodeSystem '{about.canonical}' is known here by its grammar, which does not say how "
        f"'{first}' and '{second}' are related, so it cannot be determined whether one subsumes the other"
    )
    return Issue("error", "not-supported", text)


def subsumption_in_a_circle(first: str, second: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"The CodeSystem '{about.canonical}' contradicts itself: it has '{first}' above '{second}' and "
        f"'{second}' above '{first}'"
    )
    return Issue("error", "business-rule", text)


def subsumption_beyond_fragment(first: str, second: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"Nothing here relates '{first}' and '{second}', but of the CodeSystem '{about.canonical}' only a "
        f"part (content '{about.content}') is here, so it cannot be determined whether one subsumes the other"
    )
    return Issue("error", "business-rule", text)


def unknown_closure(name: str) -> Issue:
    text = f"There is no closure table with the name '{name}' here. Send the name alone to begin one"
    return Issue("error", "not-found", text)


def closure_asked_twice() -> Issue:
    text = "Give 'concept' to add to the closure table, or 'version' to have it sent again, but not both"
    return Issue("error", "invalid", text)


def unknown_closure_version(name: str, version: str, first: int, last: int) -> Issue:
    text = (
        f"The closure table '{name}' cannot be continued from version '{version}': its versions are {first} "
        f"to {last}. A table that was begun anew has to be built anew: ask for version {first}"
    )
    return Issue("error", "conflict", text)


def too_much(what: str, limit: int, remedy: str) -> Issue:
    return Issue("error", "too-costly", f"{what} is bounded by {limit:,} here. {remedy}")


def unknown_cache_id(id_: str) -> Issue:
    text = f"The cache-id '{_shortened(id_)}' is not known here, or is not known any more: start a new cache"
    return Issue("error", "not-found", text, "cache-id-unknown")


def cache_limit(what: str, limit: int, unit: str) -> Issue:
    return Issue("error", "throttled", f"{what} is bounded by {limit:,} {unit} here")


def cannot_keep(problem: str) -> Issue:
    text = f"What has to be kept from request to request cannot be kept at present: {problem}"
    return Issue("error", "transient", text)


def subproperty_not_supported(code: str) -> Issue:
    text = f"The property '{code}' has sub-properties, which no code system here can be searched by"
    return Issue("error", "not-supported", text)


# -- the request ---------------------------------------------------------------------------------


def missing_parameter(what: str) -> Issue:
    text = f"A required parameter is missing: {what}"
    return Issue("error", "required", text, at=["Parameters.parameter"])


def bad_value(name: str, given: object, wanted: str, at: str | None = None) -> Issue:
    text = f"The parameter '{name}' must be {wanted}, but is {_shown(given)}"
    return Issue("error", "value", text, at=[at] if at else [])


def wrong_type(name: str, wanted: str, given: str, at: str) -> Issue:
    """``given`` says what there is instead."""
    return Issue("error", "value", f"The parameter '{name}' must be {wanted}, but {given}", at=[at])


def unknown_parameter(name: str, operation: str, known: Sequence[str], at: str) -> Issue:
    text = f"'{_shortened(name)}' is no parameter of ${operation} here. There are: {', '.join(known)}"
    return Issue("error", "not-supported", text, at=[at])


def conflicting_parameter(name: str, first: object, second: object) -> Issue:
    text = f"The parameter '{name}' is given twice, as {_shown(first)} and as {_shown(second)}"
    return Issue("error", "invalid", text)


def contradicts(name: str, given: object, where: str, stated: object) -> Issue:
    """``where`` is what says something else: the resource that the operation is asked of, one that came with
    the request, or a coding.
    """
    text = f"The parameter '{name}' is {_shown(given)}, but {where} has {_shown(stated)}"
    return Issue("error", "invalid", text)


def not_in_query(name: str, type_: str) -> Issue:
    text = f"The parameter '{name}' is a {type_}, which cannot stand in a URL: POST a Parameters resource"
    return Issue("error", "invalid", text)


def not_parameters(got: str, operation: str) -> Issue:
    text = f"The body of {operation} must be a Parameters resource, but is {got}"
    return Issue("error", "structure", text)


def not_a_bundle(got: object) -> Issue:
    what = f"is a resource of the type {_shown(got)}" if got else "is none"
    return Issue(
        "error", "structure", f"What is posted to the base must be a Bundle of type batch, but {what}"
    )


def malformed(problem: str, at: str | None = None) -> Issue:
    return Issue("error", "structure", problem, at=[at] if at else [])


def not_a_word_of(at: str, given: object, words: Sequence[str]) -> Issue:
    return malformed(f"{at} must be {_or_list(words)}, but is {_shown(given)}", at)


def bad_language(text: str) -> Issue:
    return Issue(
        "error", "processing", f"Invalid displayLanguage: '{text}'", "invalid-display", "INVALID_DISPLAY_NAME"
    )


def _shown(value: object) -> str:
    if value is None:
        return "without a value"
    return _shortened(f"'{value}'" if isinstance(value, str) else str(value))


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "…"


# -- the RESTful interface -----------------------------------------------------------------------


def unknown_resource(kind: str, id_: str) -> Issue:
    return Issue("error", "not-found", f"There is no {kind} with the id '{id_}' here", "not-found")


def unknown_resource_version(kind: str, id_: str, version_id: str) -> Issue:
    return Issue("error", "not-found", f"{kind}/{id_} has no version '{version_id}' here", "not-found")


def unknown_type(kind: str, known: Sequence[str]) -> Issue:
    text = f"Resources of the type '{kind}' are not kept here; those of {_or_list(known)} are"
    return Issue("error", "not-found", text)


def unknown_operation(name: str, where: str, known: Sequence[str]) -> Issue:
    offered = f"There are: {', '.join(known)}" if known else "There are none"
    return Issue("error", "not-supported", f"The operation ${name} is not offered on {where}. {offered}")


def no_operation(name: str) -> Issue:
    text = f"'{_shortened(name)}' is no operation: ask Type/$name, Type/id/$name or $name"
    return Issue("error", "not-found", text)


def operation_of_type(name: str, kind: str) -> Issue:
    text = f"The operation ${name} is not offered on one {kind}, but on the type: {kind}/${name}"
    return Issue("error", "not-supported", text)


def history_of_many(kind: str) -> Issue:
    text = f"There is no history of all {kind}s here, but of each one: {kind}/[id]/_history"
    return Issue("error", "not-supported", text)


def nothing_at_the_base(metadata: str, example: str) -> Issue:
    text = (
        f"This is the base of a FHIR server. What it can do stands at {metadata}; what it holds, for "
        f"example, at {example}. A Bundle of type batch may be POSTed here"
    )
    return Issue("error", "not-supported", text)


def no_such_page(path: str) -> Issue:
    return Issue("error", "not-found", f"There is nothing at '{path}'")


def method_not_allowed(method: str, path: str, allowed: Sequence[str]) -> Issue:
    return Issue(
        "error", "not-supported", f"{method} is not possible on '{path}', but {_or_list(allowed)} is"
    )


def operation_needs_post(name: str) -> Issue:
    return Issue("error", "not-supported", f"${name} changes what is kept here and can only be POSTed")


def not_acceptable(accept: str, offered: Sequence[str]) -> Issue:
    text = f"None of the formats asked for ('{accept}') can be written here. There are: {', '.join(offered)}"
    return Issue("error", "not-supported", text)


def unsupported_media(content_type: str, offered: Sequence[str]) -> Issue:
    text = f"A body of the type '{content_type}' cannot be read here. Send one of: {', '.join(offered)}"
    return Issue("error", "not-supported", text)


def wrong_fhir_version(asked: str, spoken: str) -> Issue:
    text = f"FHIR version {asked} was asked for, but FHIR {spoken} is spoken at this address"
    return Issue("error", "not-supported", text)


def too_large(limit: int) -> Issue:
    return Issue("error", "too-long", f"The body is larger than {limit:,} bytes")


def unknown_search_parameter(name: str, kind: str, known: Sequence[str]) -> Issue:
    text = f"'{name}' is not a search parameter of {kind} here. There are: {', '.join(known)}"
    return Issue("error", "not-supported", text)


def bad_search_value(name: str, value: str, wanted: str) -> Issue:
    return Issue("error", "value", f"The search parameter '{name}' must be {wanted}, but is '{value}'")


def unknown_modifier(name: str, modifier: str, offered: Sequence[str]) -> Issue:
    text = f"The search parameter '{name}' takes no modifier ':{_shortened(modifier)}'"
    return Issue("error", "not-supported", f"{text}, but {_or_list(offered)}")


def search_with_body(wanted: str) -> Issue:
    text = f"The parameters of a search are POSTed as a form ({wanted}), not as a resource"
    return Issue("error", "not-supported", text)


def too_many_entries(limit: int, given: int) -> Issue:
    return Issue("error", "too-costly", f"A batch may have {limit} entries, but this one has {given}")


def not_a_batch(type_: object) -> Issue:
    text = f"A Bundle posted here must be of the type 'batch', but is '{type_}': this server is read-only"
    return Issue("error", "not-supported", text)


def batch_entry_without_request(index: int) -> Issue:
    text = "The entry has no request with method and url"
    return Issue("error", "required", text, at=[f"Bundle.entry[{index}].request"])


def bad_batch_entry(index: int) -> Issue:
    text = "The entry must ask for something below the base, and its resource be an object"
    return Issue("error", "invalid", text, at=[f"Bundle.entry[{index}]"])


def store_unreachable() -> Issue:
    text = "The database that holds the content cannot be reached at the moment; please try again later"
    return Issue("error", "transient", text)


def unexpected(incident: str) -> Issue:
    text = "Something went wrong here that should not have; the log has more under the id in 'diagnostics'"
    return Issue("fatal", "exception", text, diagnostics=incident)
