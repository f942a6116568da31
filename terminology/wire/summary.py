"""Parts of resources: ``_summary`` and ``_elements``; and the version id of a resource.

``wire/rest.py`` calls ``summarised`` for each resource that it returns, in a search and alone. ``_summary=count`` is in
``wire/search.py``: it is about the Bundle, not its resources.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from terminology.core import issues
from terminology.core.documents import SUBSETTED
from terminology.core.errors import TerminologyError
from terminology.core.model import Document
from terminology.wire import json

SUMMARIES = ("true", "false", "text", "data", "count")
# Elements of the kinds served here whose StructureDefinition does not put them into a summary.
_DETAIL = frozenset(
    {"text", "description", "purpose", "copyright", "contained", "concept", "compose", "expansion", "group"}
)
# The mandatory elements, and the modifiers, of the resources that are read.
_ALWAYS = frozenset(
    {"resourceType", "id", "meta", "implicitRules", "modifierExtension", "url", "status", "content"}
)
_MANDATORY = {
    "NamingSystem": _ALWAYS | {"name", "kind", "date", "uniqueId"},
    "CapabilityStatement": _ALWAYS | {"date", "kind", "fhirVersion", "format"},
    "TerminologyCapabilities": _ALWAYS | {"date", "kind"},
}
# The element with the long content, by the type of the resource.
CONTENT_OF = {
    "CodeSystem": "concept",
    "ValueSet": "compose",
    "ConceptMap": "group",
    "NamingSystem": "uniqueId",
}


def version_id(document: Document) -> str:
    """The version id of a resource: the same for the same content, wherever and whenever it is loaded."""
    meta = {name: value for name, value in document.get("meta", {}).items() if name != "lastUpdated"}
    return meta.get("versionId") or hashlib.sha256(json.write({**document, "meta": meta})).hexdigest()[:16]


def summarised(document: Document, version: str | None, query: Iterable[tuple[str, str]]) -> Document:
    """A copy with its version and the elements that ``_summary`` and ``_elements`` ask for.

    Raises TerminologyError for a ``_summary`` that FHIR does not know.
    """
    parameters = dict(query)
    result = dict(document)
    if version is not None:
        result["meta"] = {**result.get("meta", {}), "versionId": version}
    summary, elements = parameters.get("_summary", "false"), parameters.get("_elements")
    if summary not in SUMMARIES:
        raise TerminologyError(issues.bad_search_value("_summary", summary, f"one of {', '.join(SUMMARIES)}"))
    always = _MANDATORY.get(result.get("resourceType", ""), _ALWAYS)
    if elements:
        return _only(result, always | _names(elements))
    if summary == "true":
        return _only(_without_search_parameters(result), result.keys() - _DETAIL)
    if summary == "text":
        return _only(result, always | {"text"})
    return _only(result, result.keys() - {"text"}) if summary == "data" else result


def shows(element: str, query: Iterable[tuple[str, str]]) -> bool:
    """Does a part of a resource, as ``summarised`` makes it, have an element that is not in a summary?"""
    parameters = dict(query)
    if elements := parameters.get("_elements"):
        return element in _names(elements)
    return parameters.get("_summary", "false") in ("false", "data")


def _names(elements: str) -> set[str]:
    return {name.strip() for name in elements.split(",")}


def _without_search_parameters(document: Document) -> Document:
    """A CapabilityStatement without its search parameters: its longest part, and not in its summary."""
    if document.get("resourceType") != "CapabilityStatement":
        return document
    return _marked(
        {**document, "rest": [{**rest, "resource": _unsearched(rest)} for rest in document["rest"]]}
    )


def _unsearched(rest: Document) -> list[Document]:
    return [{n: v for n, v in resource.items() if n != "searchParam"} for resource in rest["resource"]]


def _only(document: Document, names: Iterable[str]) -> Document:
    elements = set(names)
    result = {name: value for name, value in document.items() if name.removeprefix("_") in elements}
    return _marked(result) if len(result) < len(document) else result


def _marked(document: Document) -> Document:
    """With the tag that FHIR demands of an incomplete resource."""
    meta = document.get("meta", {})
    tags = [tag for tag in meta.get("tag", ()) if tag != SUBSETTED]
    return {**document, "meta": {**meta, "tag": [*tags, SUBSETTED]}}
