"""The form in which answers are compared: without what cases leave open, and with lists in an order.

HL7's expected answers are in this form already, so answers alone are brought into it. All functions change the
resource, and raise ValueError where a list lacks what it is sorted by: HL7's runner breaks down there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from terminology.core.model import Document

_HL7 = "http://hl7.org/fhir/StructureDefinition/"
_TESTS = "http://hl7.org/fhir/test/"
# The extensions that are compared; others with an absolute URL are left out.
_COMPARED = frozenset(
    [_HL7 + name for name in (
        "alternate-code-status alternate-code-use codesystem-alternate codesystem-conceptOrder codesystem-label "
        "coding-sctdescid itemWeight operationoutcome-message-id rendering-style rendering-xhtml "
        "structuredefinition-standards-status translation valueset-concept-definition valueset-conceptOrder "
        "valueset-deprecated valueset-label valueset-supplement valueset-unclosed valueset-unclosed-reason"
    ).split()]
    + [_TESTS + name for name in (
        "CodeSystem/de-multi CodeSystem/en-multi StructureDefinition/unknown-extension-1 "
        "StructureDefinition/unknown-extension-3 StructureDefinition/unknown-extension-4 "
        "StructureDefinition/unknown-extension-5 ValueSet/extensions-bad-supplement ValueSet/simple-all "
        "ValueSet/simple-enumerated ValueSet/simple-filter-isa"
    ).split()]
)  # fmt: skip
_ABSOLUTE = re.compile(r"[a-z][a-z0-9_\[\]]*:[^ ]+")
# The keys by which lists of the capabilities are sorted.
_CAPABILITY_KEYS = {
    "rest": "mode", "resource": "type", "interaction": "code", "searchParam": "name", "operation": "name",
    "codeSystem": "uri", "filter": "code", "parameter": "name", "version": "code",
}  # fmt: skip
_PLAIN_LISTS = frozenset(
    "format instantiates imports acceptLanguage supportedProfile searchInclude searchRevInclude compartment language "
    "property".split()
)
# Those of the system come in this order, and no others exist.
_SYSTEM_INTERACTIONS = ("transaction", "batch", "search-system", "history-system")

Key = tuple[str, ...]


def normalise_outcome(outcome: Document) -> None:
    """An OperationOutcome, alone or in an answer."""
    _without_narrative(outcome)
    issues = [i for i in outcome.get("issue", ()) if "details" in i or "diagnostics" not in i]
    for issue in issues:
        if "x-request-id" not in str(issue.get("diagnostics", "")).lower():
            issue.pop("diagnostics", None)
    _put(outcome, "issue", issues)


def normalise_value_set(value_set: Document) -> None:
    """An expansion."""
    _without_narrative(value_set)
    _sort_extensions(value_set)
    expansion = value_set.get("expansion")
    if expansion is not None:
        _sort(expansion, "parameter", _expansion_parameter_key, _sort_extensions)
        _sort(expansion, "property", lambda p: (_text(p.get("uri")), _text(p.get("code"))))
        _sort_extensions(expansion)
        _sort_contains(expansion)


def normalise_parameters(parameters: Document) -> None:
    """The answer of any other operation."""
    _scrub_parameters(parameters)
    _sort_parameters(parameters)


def normalise_capabilities(capabilities: Document) -> None:
    """A CapabilityStatement or TerminologyCapabilities."""
    for name, value in capabilities.items():
        items = value if isinstance(value, list) else [value]
        for item in items:
            if isinstance(item, dict):
                normalise_capabilities(item)
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            if name in _CAPABILITY_KEYS:
                value.sort(key=_capability_key(_CAPABILITY_KEYS[name]))
        elif isinstance(value, list) and name in _PLAIN_LISTS:
            value.sort(key=_text)


def _capability_key(name: str) -> Callable[[Document], tuple[int, str]]:
    def key(item: Document) -> tuple[int, str]:
        value = _text(item.get(name))
        return (_SYSTEM_INTERACTIONS.index(value) if value in _SYSTEM_INTERACTIONS else -1), value

    return key


# -- parts left out ------------------------------------------------------------------------------


def _scrub_parameters(parameters: Document) -> None:
    parameters.pop("meta", None)
    compared = [p for p in parameters.get("parameter", ()) if p.get("name") != "diagnostics"]
    _put(parameters, "parameter", compared)
    for parameter in compared:
        resource = parameter.get("resource") or {}
        kind = resource.get("resourceType")
        if kind == "Parameters":
            _scrub_parameters(resource)
        elif kind == "OperationOutcome":
            normalise_outcome(resource)
        elif kind == "ValueSet":
            _without_narrative(resource)


def _without_narrative(resource: Document) -> None:
    for name in ("text", "meta"):
        resource.pop(name, None)
    _scrub_extensions(resource)


def _scrub_extensions(node: Document) -> None:
    if "extension" in node:
        _put(node, "extension", [e for e in node["extension"] if _is_compared(str(e.get("url", "")))])
    for name, value in list(node.items()):
        if name == "compose" and node.get("resourceType") == "ValueSet":
            if "extension" in value:
                _put(
                    value, "extension", [e for e in value["extension"] if _is_compared(str(e.get("url", "")))]
                )
            continue
        items = value if isinstance(value, list) else [value]
        for item in items:
            if isinstance(item, dict):
                _scrub_extensions(item)
        if all(item in ({}, None) for item in items):
            del node[name]


def _is_compared(url: str) -> bool:
    return url in _COMPARED or _ABSOLUTE.fullmatch(url) is None


def _put(node: Document, name: str, items: list[Any]) -> None:
    if items:
        node[name] = items
    else:
        node.pop(name, None)


# -- order ---------------------------------------------------------------------------------------


def _sort(
    node: Document, name: str, key: Callable[[Document], Key], inner: Callable[[Document], None] | None = None
) -> None:
    """Sort a list of two or more items, and before that their own lists: HL7's runner leaves a single item as it is."""
    items = node.get(name, [])
    if len(items) < 2:
        return
    if inner is not None:
        for item in items:
            inner(item)
    items.sort(key=key)


def _required(node: Document, name: str) -> str:
    value = node.get(name)
    if value is None or isinstance(value, dict | list):
        raise ValueError(f"an item of a list has no '{name}' to be sorted by")
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _value(node: Document) -> str | None:
    """The value of a parameter as a text, if it has a simple one."""
    value = next((v for name, v in node.items() if name.startswith("value")), None)
    return None if value is None or isinstance(value, dict | list) else _text(value)


def _sort_extensions(node: Document) -> None:
    _sort(node, "extension", lambda extension: (_required(extension, "url"),), _sort_extensions)


def _sort_contains(node: Document) -> None:
    _sort(node, "contains", lambda entry: (_required(entry, "code"),))
    for entry in node.get("contains", ()):
        _sort_extensions(entry)
        _sort_designations(entry.get("designation", []))
        _sort(entry, "property", lambda property_: (_required(property_, "code"),))
        _sort_contains(entry)


def _sort_designations(designations: list[Document]) -> None:
    """By language where all have one, else by value."""
    name = "language" if all("language" in each for each in designations) else "value"
    if len(designations) > 1:
        designations.sort(key=lambda each: _required(each, name))


def _expansion_parameter_key(parameter: Document) -> Key:
    value = _value(parameter)
    if value is None:
        raise ValueError("a parameter of the expansion has no value to be sorted by")
    return _required(parameter, "name"), value


def _sort_parameters(parameters: Document) -> None:
    _sort(parameters, "parameter", _parameter_key, _sort_inside)
    for parameter in parameters.get("parameter", ()):
        resource = parameter.get("resource") or {}
        if resource.get("resourceType") == "OperationOutcome":
            resource.get("issue", []).sort(key=_issue_key)
        elif resource.get("resourceType") == "Parameters":
            _sort_parameters(resource)
        if parameter.get("name") == "message":
            _sort_sentences(parameter)


def _sort_inside(parameter: Document) -> None:
    _sort_extensions(parameter)
    _sort(parameter, "part", _parameter_key, _sort_inside)


def _parameter_key(parameter: Document) -> Key:
    """By name; properties also by their code and value, designations by their language."""
    name = _required(parameter, "name")
    if name == "property":
        # Those of $lookup have a code; those of a match of $translate a uri, which HL7's own cases do not have.
        code = _part(parameter, "code") or _part(parameter, "uri")
        if code is None:
            raise ValueError("a property has no code to be sorted by")
        return name, code.lower(), (_part(parameter, "value") or "").lower()
    if name == "designation":
        return name, (_part(parameter, "language") or "").lower()
    return (name,)


def _part(parameter: Document, name: str) -> str | None:
    parts: Sequence[Document] = parameter.get("part", ())
    return next((_value(part) for part in parts if part.get("name") == name), None)


def _issue_key(issue: Document) -> Key:
    place = issue.get("expression") or [""]
    text = issue.get("details", {}).get("text")
    return _text(issue.get("severity")), _text(issue.get("code")), _text(place[0]), _text(text)


def _sort_sentences(parameter: Document) -> None:
    """The sentences of a message, which semicolons part, have no order."""
    text = _value(parameter)
    if text is not None and "; " in text:
        for name in [name for name in parameter if name.lstrip("_").startswith("value")]:
            del parameter[name]
        parameter["valueString"] = "; ".join(sorted(filter(None, text.split("; "))))
