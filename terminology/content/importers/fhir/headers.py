"""The header of a resource in a JSON file: all of it except concepts, elements and the entries of lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from terminology.content.importers.fhir.events import (
    Events,
    json_events,
    keys,
    skip,
    until,
    value_of,
    without_list,
)
from terminology.content.importers.files import File
from terminology.content.importers.rows import SILENT
from terminology.core.model import Document, split_canonical
from terminology.core.structure import require
from terminology.store.release import (
    CodeSystemRelease,
    MapGroup,
    MapRelease,
    PropertyDeclaration,
    SourceFile,
    ValueSetRelease,
)
from terminology.systems.metadata import case_sensitivity
from terminology.wire import r4
from terminology.wire.json_types import require_types

KINDS = ("CodeSystem", "ConceptMap", "ValueSet")
# The lists of ``ValueSet.compose``.
LISTS = ("include", "exclude")

_SCOPES = {"sourceScopeUri", "sourceScopeCanonical", "targetScopeUri", "targetScopeCanonical"}
_R4_SCOPES = {"sourceUri", "sourceCanonical", "targetUri", "targetCanonical"}


def read_header(file: File) -> Document:
    """The header in R5 shape; of a resource that is not in ``KINDS`` at least its ``resourceType``, if it has one.

    Raises BrokenReleaseError and TerminologyError, and AttributeError, TypeError or KeyError where an element is not
    shaped as FHIR says.
    """
    header: Document = {}
    r4_words: set[str] = set()
    with json_events(file, SILENT) as events:
        next(events)
        for key in keys(events):
            if key == "concept":
                skip(events, r4_words)
            elif key in _READERS:
                header[key] = _READERS[key](events, r4_words)
            else:
                header[key] = value_of(events, *next(events))
            if key == "resourceType" and header[key] not in KINDS:
                return header
    if "resourceType" not in header:
        return header
    is_r4 = bool(r4_words) or not header.keys().isdisjoint(_R4_SCOPES)
    require_types(header, is_r4)
    return (
        r4.upgrade(header) if is_r4 and header.get("resourceType") in ("CodeSystem", "ConceptMap") else header
    )


def _groups(events: Events, r4_words: set[str]) -> list[Document]:
    """``ConceptMap.group`` without ``element``."""
    next(events)
    return [_group_header(events, r4_words) for _ in until(events, "end_array")]


def _group_header(events: Events, r4_words: set[str]) -> Document:
    node: Document = {}
    for key in keys(events):
        if key == "element":
            skip(events, r4_words)
        else:
            node[key] = value_of(events, *next(events))
    return node


def _compose(events: Events, r4_words: set[str]) -> Any:
    """``ValueSet.compose`` with empty lists of concepts."""
    event, value = next(events)
    if event != "start_map":
        return value_of(events, event, value)
    compose: Document = {}
    for key in keys(events):
        event, value = next(events)
        if key not in LISTS or event != "start_array":
            compose[key] = value_of(events, event, value)
            continue
        compose[key] = [
            without_list(events, "concept") if event == "start_map" else value_of(events, event, value)
            for event, value in until(events, "end_array")
        ]
    return compose


def _expansion(events: Events, r4_words: set[str]) -> Any:
    """``ValueSet.expansion`` with an empty list ``contains``."""
    event, value = next(events)
    return without_list(events, "contains") if event == "start_map" else value_of(events, event, value)


_READERS: dict[str, Callable[[Events, set[str]], Any]] = {
    "group": _groups,
    "compose": _compose,
    "expansion": _expansion,
}


# -- releases ------------------------------------------------------------------------------------


def code_system_release(source: SourceFile, header: Document) -> CodeSystemRelease:
    """The release of a CodeSystem."""
    properties = [
        PropertyDeclaration(p.get("code", ""), p.get("type", "string"), p.get("uri"), p.get("description"))
        for p in header.get("property", ())
    ]
    return CodeSystemRelease(
        kind="fhir",
        url=header.get("url", ""),
        version=header.get("version"),
        name=header.get("name"),
        title=header.get("title"),
        language=header.get("language"),
        case_sensitive=case_sensitivity(header),
        content=header.get("content", "complete"),
        copyright=header.get("copyright"),
        hierarchy_meaning=header.get("hierarchyMeaning"),
        value_set=header.get("valueSet"),
        properties=properties,
        files=[source],
        header=header,
        as_published=True,
    )


def concept_map_release(source: SourceFile, header: Document) -> MapRelease:
    """The release of a ConceptMap. Raises TerminologyError where a group is not shaped as FHIR says."""
    scopes = {name: header[name] for name in _SCOPES & header.keys()}
    require({"resourceType": "ConceptMap", **scopes, "group": header.get("group", [])})
    return MapRelease(
        kind="fhir",
        url=header.get("url", ""),
        version=header.get("version"),
        name=header.get("name"),
        title=header.get("title"),
        source_scope=header.get("sourceScopeCanonical") or header.get("sourceScopeUri"),
        target_scope=header.get("targetScopeCanonical") or header.get("targetScopeUri"),
        copyright=header.get("copyright"),
        groups=[_group(node) for node in header.get("group", ())],
        files=[source],
        header={key: value for key, value in header.items() if key != "group"},
    )


def value_set_release(source: SourceFile, header: Document) -> ValueSetRelease:
    """The release of a ValueSet. Raises TerminologyError where an element is not shaped as FHIR says."""
    return ValueSetRelease(
        kind="fhir",
        url=header.get("url", ""),
        version=header.get("version"),
        name=header.get("name"),
        title=header.get("title"),
        copyright=header.get("copyright"),
        files=[source],
        header=require(header),
    )


def _group(node: Document) -> MapGroup:
    source, source_version = split_canonical(node.get("source", ""))
    target, target_version = split_canonical(node.get("target", ""))
    return MapGroup(source or None, target or None, source_version, target_version, node.get("unmapped"))
