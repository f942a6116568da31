"""Extensions of ValueSets and CodeSystems that $expand and $validate-code read.

https://hl7.org/fhir/extensions/ defines them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from terminology.core.languages import STANDARDS_STATUS, Languages
from terminology.core.model import Document

Node = dict[str, Any]

EXPANSION_PARAMETER = "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter"
VALUE_SET_SUPPLEMENT = "http://hl7.org/fhir/StructureDefinition/valueset-supplement"
VALUE_SET_DEPRECATED = "http://hl7.org/fhir/StructureDefinition/valueset-deprecated"


def expansion_parameter(value_set: Document, name: str) -> str | None:
    """The value of an expansion parameter that the value set itself sets, as text; None if it sets none.

    The extension is on the ValueSet or on its ``compose``.
    """
    for node in (value_set, value_set.get("compose", {})):
        for extension in _extensions(node, EXPANSION_PARAMETER):
            parts = {part.get("url"): part for part in extension.get("extension", ())}
            if _value(parts.get("name", {})) == name:
                return _value(parts.get("value", {}))
    return None


def display_languages(
    value_set: Document, requested: Languages | None, accepted: Languages | None
) -> Languages | None:
    """The languages of displays: tx-ecosystem, "languages", order of priority.

    The parameter ``displayLanguage`` of the request, that of the value set itself, the HTTP header
    (``accepted``), the language of the value set.
    """
    if requested is not None:
        return requested
    own = expansion_parameter(value_set, "displayLanguage")
    if own or accepted is None:
        own = own or value_set.get("language")
        return Languages.parse(own) if own else None
    return accepted


def required_supplements(value_set: Document) -> list[str]:
    """The canonicals of the supplements that a value set says it needs."""
    values = (_value(extension) for extension in _extensions(value_set, VALUE_SET_SUPPLEMENT))
    return [value for value in values if value]


def publication_warning(document: Document, value_set: Document | None) -> str | None:
    """A reason to be careful with a ValueSet or CodeSystem that an answer depends on, or None.

    One of ``deprecated``, ``withdrawn``, ``retired``, ``experimental`` and ``draft``. The last two are not
    reported where ``value_set``, the value set of the request, has the same status (tx-ecosystem, suite
    "deprecated").
    """
    requested = value_set or {}
    standards_status = _standards_status(document)
    if standards_status in ("deprecated", "withdrawn"):
        return standards_status
    if document.get("status") == "retired":
        return "retired"
    if document.get("experimental") is True and requested.get("experimental") is not True:
        return "experimental"
    is_draft = "draft" in (document.get("status"), standards_status)
    return "draft" if is_draft and not _is_draft(requested) else None


def concept_warning(listed_concept: Node) -> str | None:
    """``deprecated`` or ``withdrawn``: how a value set marks a concept of ``include.concept``, or None."""
    for extension in listed_concept.get("extension", ()):
        if extension.get("url") == VALUE_SET_DEPRECATED and _value(extension) == "true":
            return "deprecated"
        if extension.get("url") == STANDARDS_STATUS and _value(extension) in ("deprecated", "withdrawn"):
            return _value(extension)
    return None


def _is_draft(document: Document) -> bool:
    return "draft" in (document.get("status"), _standards_status(document))


def _standards_status(document: Document) -> str | None:
    # A loop, not a generator: every validation asks this of several resources.
    for extension in document.get("extension", ()):
        if extension.get("url") == STANDARDS_STATUS:
            return cast("str | None", extension.get("valueCode"))
    return None


def _extensions(node: Node, url: str) -> Iterator[Node]:
    return (extension for extension in node.get("extension", ()) if extension.get("url") == url)


def _value(extension: Node) -> str | None:
    """The ``value[x]`` of an extension, as text."""
    for key, value in extension.items():
        if key.startswith("value"):
            return str(value).lower() if isinstance(value, bool) else str(value)
    return None
