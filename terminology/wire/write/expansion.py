"""The answer of ``$expand``, as an R5 ValueSet.

Time and identifier of the expansion are arguments, so that two answers can be compared.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from terminology.core.expansions import UNCLOSED, UNCLOSED_REASON
from terminology.core.model import Designation, Document, Typed
from terminology.operations.value_set.expansion import Expansion, ExpansionEntry
from terminology.wire.write.parameters import Node, typed

# The elements of the value set that an expansion repeats. The rest is its definition (includeDefinition).
HEADER = (
    "language",
    "url",
    "identifier",
    "version",
    "versionAlgorithmString",
    "versionAlgorithmCoding",
    "name",
    "title",
    "status",
    "experimental",
    "date",
    "publisher",
    "useContext",
    "jurisdiction",
    "immutable",
    "copyright",
    "copyrightLabel",
)
_HEADER_KEYS = tuple(key for name in HEADER for key in (name, f"_{name}"))
_NOT_THE_DEFINITION = frozenset({"resourceType", "id", "meta", "expansion"})


def expansion(answer: Expansion, now: datetime, identifier: UUID) -> Document:
    """https://hl7.org/fhir/R5/valueset.html, ``expansion``. ``now`` has a time zone."""
    return {"resourceType": "ValueSet", **_about(answer), "expansion": _expansion(answer, now, identifier)}


def _about(answer: Expansion) -> Node:
    document = answer.value_set
    if answer.with_definition:
        return {name: value for name, value in document.items() if name not in _NOT_THE_DEFINITION}
    return {key: document[key] for key in _HEADER_KEYS if key in document}


def _expansion(answer: Expansion, now: datetime, identifier: UUID) -> Node:
    node: Node = {}
    if answer.unclosed:
        node["extension"] = [{"url": UNCLOSED, "valueBoolean": True}]
        reasons = filter(None, answer.unclosed)
        node["extension"] += [{"url": UNCLOSED_REASON, "valueString": reason} for reason in reasons]
    node["identifier"] = f"urn:uuid:{identifier}"
    node["timestamp"] = now.isoformat(timespec="milliseconds")
    if answer.total is not None:
        node["total"] = answer.total
    if answer.offset is not None:
        node["offset"] = answer.offset
    if answer.parameters:
        node["parameter"] = [typed(name, value) for name, value in answer.parameters]
    if answer.properties:
        node["property"] = [_definition(code, uri) for code, uri in answer.properties.items()]
    if answer.entries:
        node["contains"] = [_entry(entry) for entry in answer.entries]
    return node


def _definition(code: str, uri: str | None) -> Node:
    return {"code": code, "uri": uri} if uri else {"code": code}


def _entry(entry: ExpansionEntry) -> Node:
    node: Node = {"extension": list(entry.extension)} if entry.extension else {}
    node["system"] = entry.system
    if entry.abstract:
        node["abstract"] = True
    if entry.inactive:
        node["inactive"] = True
    if entry.version is not None:
        node["version"] = entry.version
    node["code"] = entry.code
    if entry.display is not None:
        node["display"] = entry.display
    if entry.designations:
        node["designation"] = [_designation(designation) for designation in entry.designations]
    if entry.properties:
        node["property"] = [_property(code, value) for code, value in entry.properties]
    if entry.contains:
        node["contains"] = [_entry(inner) for inner in entry.contains]
    return node


def _property(code: str, value: Typed) -> Node:
    return {"code": code, value.key: value.value}


def _designation(designation: Designation) -> Node:
    node: Node = {"extension": list(designation.extension)} if designation.extension else {}
    if designation.language:
        node["language"] = designation.language
    if designation.use:
        node["use"] = designation.use
    if designation.additional_use:
        node["additionalUse"] = list(designation.additional_use)
    node["value"] = designation.value
    return node
