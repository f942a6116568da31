"""Messages about bodies that cannot be read as JSON or XML."""

from __future__ import annotations

from terminology.core.issues.bodies import malformed
from terminology.core.issues.phrases import shortened
from terminology.core.issues.severity import error
from terminology.core.model import Issue

_LONGEST_NUMBER = 30


def not_utf_8(byte: int) -> Issue:
    """``byte``: the offset of the first wrong byte."""
    return malformed(f"The body is not UTF-8: byte {byte}")


def too_deep(format_: str, limit: int) -> Issue:
    """``format_``: JSON or XML."""
    return malformed(f"The {format_} is nested deeper than {limit} levels")


def too_many_parts(format_: str, limit: int) -> Issue:
    """``format_``: JSON, XML or a form; ``limit``: the most values, elements or fields."""
    text = f"The body has too many parts to be read: at most {limit:,} are allowed in {format_}. Send several requests"
    return error(code="too-costly", text=text)


# -- JSON ----------------------------------------------------------------------------------------


def not_json(problem: str, line: int, column: int) -> Issue:
    """``problem`` in Python's words, some of which lead to the place: 'Unterminated string starting at'."""
    problem = problem.rstrip(": ").removesuffix(" at")
    return malformed(f"The body is not JSON: {problem} at line {line} column {column}")


def not_a_json_object() -> Issue:
    return malformed("The body is JSON, but not an object: a FHIR resource is expected")


def repeated_key(key: str) -> Issue:
    return malformed(f"A JSON object has the key '{key}' twice")


def unknown_json_value(name: str) -> Issue:
    """``name``: NaN, Infinity or -Infinity."""
    return malformed(f"The JSON has the value {name}, which FHIR does not allow")


def integer_too_large(digits: str) -> Issue:
    number = shortened(digits, _LONGEST_NUMBER)
    return malformed(f"The JSON has a whole number that does not fit into 64 bits: {number}")


def number_too_large(digits: str) -> Issue:
    return malformed(f"The JSON has a number that is too large: {shortened(digits, _LONGEST_NUMBER)}")


def half_a_character() -> Issue:
    return malformed("The JSON has half a character (a surrogate without its other half)")


# -- XML -----------------------------------------------------------------------------------------


def not_xml(problem: str, line: int, column: int) -> Issue:
    return malformed(f"The body is not XML: {problem} at line {line} column {column}")


def xml_with_document_type() -> Issue:
    return malformed("The XML has a document type (<!DOCTYPE ...>), which FHIR does not allow: leave it out")


# ``line`` counts from 1; ``at`` is the FHIRPath of the element, empty outside of the resource.


def _wrong_element(line: int, at: str, problem: str) -> Issue:
    """``problem``: a clause without a subject."""
    return malformed(f"Line {line}: {at or 'the XML'} {problem}", at)


def element_without_resource(line: int, at: str) -> Issue:
    return _wrong_element(line, at, "has no resource")


def second_resource(line: int, at: str) -> Issue:
    return _wrong_element(line, at, "has more than one resource")


def not_a_resource_type(line: int, at: str, name: str, release: str) -> Issue:
    return _wrong_element(line, at, f"has <{name}>, which is not a resource type of FHIR {release}")


def wrong_namespace(line: int, at: str, name: str, expected: str, namespace: str) -> Issue:
    problem = f"is not FHIR: the namespace of <{name}> must be {expected}, it is '{namespace}'"
    return _wrong_element(line, at, problem)


def too_many_namespaces(line: int, at: str) -> Issue:
    return _wrong_element(line, at, "uses too many namespaces that are declared outside of it")


def unknown_element(line: int, at: str, name: str, namespace: str | None, release: str) -> Issue:
    """``namespace``: that of the element, unless it is FHIR's."""
    element = f"'{name}' of the namespace '{namespace}'" if namespace is not None else f"'{name}'"
    return _wrong_element(line, at, f"has no element {element} in FHIR {release}")


def repeated_element(line: int, at: str, name: str) -> Issue:
    return _wrong_element(line, at, f"has the element '{name}' twice")


def unknown_attribute(line: int, at: str, name: str) -> Issue:
    return _wrong_element(line, at, f"has no attribute '{name}'")


def element_with_text(line: int, at: str, name: str) -> Issue:
    problem = f'has text: in FHIR\'s XML a value is an attribute, <{name} value="..."/>'
    return _wrong_element(line, at, problem)


def wrong_xml_value(line: int, at: str, text: str, type_: str) -> Issue:
    return _wrong_element(line, at, f"has the value '{text[:40]}', which is not a valid {type_}")


# -- models of Python ----------------------------------------------------------------------------


def no_model(kind: str, release: str, reason: str) -> Issue:
    """``release``: a name such as r5; ``reason``: the place and the text of fhir.resources."""
    text = (
        f"fhir.resources refuses this {kind} of {release} ({reason}); in_release('{release}') has it as JSON"
    )
    return error(code="not-supported", text=text)
