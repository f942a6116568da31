"""Everything this server says to a user about a problem: one function for each message, under HL7's message
id.

The ids and wordings are those of HL7's terminology ecosystem where it has one. A function returns an
``Issue``; whether it is raised (``TerminologyError``) or returned in an answer is for the caller to say.
The HTTP status of an issue is decided in one other place, ``wire/outcome.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from terminology.model import About, Issue


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


def unknown_code(code: str, about: About) -> Issue:
    if about.is_fragment:
        return unknown_code_in_fragment(code, about)
    version = f" version '{about.version}'" if about.version else ""
    text = f"Unknown code '{code}' in the CodeSystem '{about.url}'{version}"
    message_id = "Unknown_Code_in_Version" if about.version else "Unknown_Code_in"
    return Issue("error", "code-invalid", text, "invalid-code", message_id)


def unknown_code_in_fragment(code: str, about: About) -> Issue:
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


def unknown_value_set(url: str) -> Issue:
    text = f"A definition for the value Set '{url}' could not be found"
    return Issue("error", "not-found", text, "not-found", "Unable_to_resolve_value_Set_")


def value_set_circle(path: Sequence[str]) -> Issue:
    text = f"The value set includes itself: {' -> '.join(path)}"
    return Issue("error", "processing", text, "vs-invalid", "VALUESET_CIRCULAR_REFERENCE")


def unknown_filter(property_: str, op: str, about: About) -> Issue:
    text = f"The filter '{property_} {op}' was not understood in the context of {about.url}"
    return Issue("error", "not-supported", text, "vs-invalid", "FILTER_NOT_UNDERSTOOD")


def filter_without_value(property_: str, op: str, url: str) -> Issue:
    text = f"The system {url} filter with property = {property_}, op = {op} has no value"
    return Issue("error", "invalid", text, "vs-invalid", "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE")


def bad_regex(expression: str, problem: str) -> Issue:
    text = (
        f"The regular expression '{expression}' cannot be used: {problem}. Expressions are matched in linear "
        "time, so look-around and back-references are not available"
    )
    return Issue("error", "invalid", text, "vs-invalid")


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


def no_code_to_translate(names: Sequence[str]) -> Issue:
    return Issue("error", "required", f"One of {_or_list(names)} is required: there is nothing to translate")


def several_codes_to_translate(names: Sequence[str]) -> Issue:
    return Issue("error", "invalid", f"Only one of {_or_list(names)} may be given, but there are several")


# -- the request ---------------------------------------------------------------------------------


def missing_parameter(what: str) -> Issue:
    return Issue("error", "required", f"A required parameter is missing: {what}")


def bad_value(name: str, given: object, wanted: str, at: str | None = None) -> Issue:
    text = f"The parameter '{name}' must be {wanted}, but is {_shown(given)}"
    return Issue("error", "value", text, at=[at] if at else [])


def conflicting_parameter(name: str, first: object, second: object) -> Issue:
    text = f"The parameter '{name}' is given twice, as {_shown(first)} and as {_shown(second)}"
    return Issue("error", "invalid", text)


def contradicts_instance(name: str, given: object, instance: object) -> Issue:
    text = (
        f"The parameter '{name}' is {_shown(given)}, but the resource it is asked of has {_shown(instance)}"
    )
    return Issue("error", "invalid", text)


def not_in_query(name: str, type_: str) -> Issue:
    text = f"The parameter '{name}' is a {type_}, which cannot stand in a URL: POST a Parameters resource"
    return Issue("error", "invalid", text)


def not_parameters(got: str, operation: str) -> Issue:
    text = f"The body of {operation} must be a Parameters resource, but is {got}"
    return Issue("error", "structure", text)


def malformed(problem: str, at: str | None = None) -> Issue:
    return Issue("error", "structure", problem, at=[at] if at else [])


def bad_language(text: str) -> Issue:
    return Issue(
        "error", "processing", f"Invalid displayLanguage: '{text}'", "invalid-display", "INVALID_DISPLAY_NAME"
    )


def _shown(value: object) -> str:
    if value is None:
        return "without a value"
    text = f"'{value}'" if isinstance(value, str) else str(value)
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


def unexpected(incident: str) -> Issue:
    text = "Something went wrong here that should not have; the log has more under the id in 'diagnostics'"
    return Issue("fatal", "exception", text, diagnostics=incident)
