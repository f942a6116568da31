"""The structure of a resource that came with a request, checked before it is used.

Only the elements that operations use are checked: their JSON types, and the relationships of mappings. This is
not a validation of the resource. An include that names neither code system nor value set is always refused
(``require_block``). Loaded resources are checked once, when they are loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document

# A type, a set of words, a list of one shape, an object with shapes for some of its elements, or an ``OtherName``.
Shape = Any


@dataclass(slots=True, frozen=True)
class OtherName:
    """The R4 name of an element that R5 calls ``name``. After ``upgrade`` only a map that has both names has it."""

    name: str


EXTENSION: dict[str, Shape] = {"url": str, "valueCode": str, "valueString": str, "valueCanonical": str}
EXTENSION["extension"] = [EXTENSION]
CODING: dict[str, Shape] = {"system": str, "version": str, "code": str, "display": str}
# What a property or condition may have; the other types of ``value[x]`` are answered as they came.
VALUE: dict[str, Shape] = {
    "valueCode": str,
    "valueString": str,
    "valueUri": str,
    "valueCanonical": str,
    "valueDateTime": str,
    "valueBoolean": bool,
    "valueCoding": CODING,
    "valueQuantity": {"unit": str, "system": str, "code": str},
}
DESIGNATION = {
    "value": str,
    "language": str,
    "use": CODING,
    "additionalUse": [CODING],
    "extension": [EXTENSION],
}
HEADER = {
    "id": str,
    "meta": {"lastUpdated": str, "tag": list},
    "url": str,
    "version": str,
    "versionAlgorithmString": str,
    "versionAlgorithmCoding": {"code": str},
    "content": str,
    "language": str,
    "status": str,
    "extension": [EXTENSION],
}
# The name of other resources may be an object, as that of a Patient.
NAMED_HEADER = HEADER | {"name": str, "title": str, "copyright": str, "experimental": bool}
BLOCK = {
    "system": str,
    "version": str,
    "valueSet": [str],
    "concept": [{"code": str, "display": str, "designation": [DESIGNATION], "extension": [EXTENSION]}],
    "filter": [{"property": str, "op": str, "value": str}],
}
CONTAINS: dict[str, Shape] = {"system": str, "version": str, "code": str, "display": str}
CONTAINS |= {"abstract": bool, "inactive": bool}
CONTAINS |= {"designation": [DESIGNATION], "contains": [CONTAINS], "extension": [EXTENSION]}
PROPERTY = {"code": str, **VALUE}
CONCEPT: dict[str, Shape] = {"code": str, "display": str, "definition": str, "designation": [DESIGNATION]}
CONCEPT |= {"extension": [EXTENSION], "property": [PROPERTY], "concept": [CONCEPT]}

RELATIONSHIPS = frozenset(
    {
        "related-to",
        "equivalent",
        "source-is-narrower-than-target",
        "source-is-broader-than-target",
        "not-related-to",
    }
)
CONDITION: dict[str, Shape] = {"attribute": str, "valueSet": str, **VALUE, "property": OtherName("attribute")}
TARGET: dict[str, Shape] = {
    "code": str,
    "display": str,
    "relationship": RELATIONSHIPS,
    "comment": str,
    "valueSet": str,
}
TARGET |= {"dependsOn": [CONDITION], "product": [CONDITION], "property": [PROPERTY], "extension": [EXTENSION]}
TARGET |= {"equivalence": OtherName("relationship")}
ELEMENT = {"code": str, "display": str, "valueSet": str, "target": [TARGET], "extension": [EXTENSION]}
ELEMENT["noMap"] = bool
UNMAPPED_MODES = frozenset({"use-source-code", "fixed", "other-map"})
UNMAPPED: dict[str, Shape] = {
    "mode": UNMAPPED_MODES,
    "code": str,
    "display": str,
    "valueSet": str,
    "otherMap": str,
}
UNMAPPED |= {"relationship": RELATIONSHIPS, "url": OtherName("otherMap")}
GROUP = {"source": str, "target": str, "element": [ELEMENT], "unmapped": UNMAPPED}
GROUP |= {"sourceVersion": OtherName("source"), "targetVersion": OtherName("target")}

SHAPES: dict[str, Shape] = {
    "ValueSet": NAMED_HEADER
    | {
        "compose": {
            "inactive": bool,
            "lockedDate": str,
            "extension": [EXTENSION],
            "include": [BLOCK],
            "exclude": [BLOCK],
        },
        "expansion": {"contains": [CONTAINS], "parameter": [{"name": str}], "extension": [EXTENSION]},
        "contained": [dict],
    },
    "CodeSystem": NAMED_HEADER
    | {
        "supplements": str,
        "valueSet": str,
        "caseSensitive": bool,
        "compositional": bool,
        "versionNeeded": bool,
        "hierarchyMeaning": str,
        "property": [{"code": str, "uri": str, "type": str}],
        "concept": [CONCEPT],
    },
    "Bundle": {"entry": [{"resource": dict}]},
    "NamingSystem": NAMED_HEADER | {"kind": str, "uniqueId": [{"type": str, "value": str}]},
    "ConceptMap": NAMED_HEADER
    | {
        "sourceScopeUri": str,
        "sourceScopeCanonical": str,
        "targetScopeUri": str,
        "targetScopeCanonical": str,
        "sourceUri": OtherName("sourceScopeUri"),
        "sourceCanonical": OtherName("sourceScopeCanonical"),
        "targetUri": OtherName("targetScopeUri"),
        "targetCanonical": OtherName("targetScopeCanonical"),
        "property": [{"code": str, "uri": str}],
        "additionalAttribute": [{"code": str, "uri": str}],
        "group": [GROUP],
    },
}
_NAMES: dict[type[Any], str] = {str: "a string", bool: "true or false", dict: "an object", list: "a list"}


def require(document: Document) -> Document:
    """The document itself. Raises TerminologyError when something in it is missing, or not of the type it must be."""
    require_types(document)
    if document.get("resourceType") == "ConceptMap":
        _require_codes(document)
    return document


def require_types(document: Document) -> Document:
    """The same for types alone: a resource can then be read and written, but perhaps not be used."""
    kind = str(document.get("resourceType"))
    _require(document, SHAPES.get(kind, HEADER), kind)
    if kind == "ValueSet":
        for index, contained in enumerate(document.get("contained", ())):
            if contained.get("resourceType") in ("CodeSystem", "ValueSet"):
                _require(contained, SHAPES[contained["resourceType"]], f"ValueSet.contained[{index}]")
    return document


def require_header(document: Document) -> Document:
    """The same for the header, by which a resource is found; for all of a NamingSystem, by which others are found."""
    kind = str(document.get("resourceType"))
    _require(document, SHAPES[kind] if kind == "NamingSystem" else HEADER, kind)
    return document


def require_block(block: Document, at: str) -> None:
    """Raises TerminologyError for an include or exclude that no code could be in.

    These are the invariants vsd-1 and vsd-2 (https://hl7.org/fhir/R5/valueset.html#invs).
    """
    if block.get("system"):
        return
    if block.get("concept") or block.get("filter"):
        raise TerminologyError(issues.block_without_system(at))
    if not block.get("valueSet"):
        raise TerminologyError(issues.empty_block(at))


def _require_codes(concept_map: Document) -> None:
    """Raises TerminologyError where a ConceptMap lacks a code, or the map that ``unmapped`` must name.

    Also where it has two elements that exclude each other. These are cmd-2 to cmd-5 and cmd-7
    (https://hl7.org/fhir/R5/conceptmap.html#invs), and the choice of a type for a scope. A target may lack a code if
    it is not related to the source.
    """
    for end in ("sourceScope", "targetScope"):
        _require_one_at_most(concept_map, [f"{end}Uri", f"{end}Canonical"], "ConceptMap")
    for number, group in enumerate(concept_map.get("group", ())):
        at = f"ConceptMap.group[{number}]"
        if "unmapped" in group:
            _require_unmapped(group["unmapped"], f"{at}.unmapped")
        for index, element in enumerate(group.get("element", ())):
            where = f"{at}.element[{index}]"
            if not (element.get("code") or element.get("valueSet")):
                raise TerminologyError(issues.missing_element(where, ["code", "valueSet"]))
            require_no_target(element, where)
            for place, target in enumerate(element.get("target", ())):
                is_related = target.get("relationship") != "not-related-to"
                if is_related and not (target.get("code") or target.get("valueSet")):
                    raise TerminologyError(
                        issues.missing_element(f"{where}.target[{place}]", ["code", "valueSet"])
                    )


def require_no_target(element: Document, at: str) -> None:
    """Raises TerminologyError for an element of a group with targets that says that there is none (cmd-4)."""
    if element.get("noMap") is True:
        _require_one_at_most(element, ["noMap", "target"], at)


def _require_one_at_most(node: Document, names: Sequence[str], at: str) -> None:
    if all(node.get(name) for name in names):
        raise TerminologyError(issues.more_than_one_element(at, names))


def _require_unmapped(unmapped: Document, at: str) -> None:
    """Raises TerminologyError for a rule that does not say what it does, or with what."""
    required = {"fixed": ["code", "valueSet"], "other-map": ["otherMap"]}
    mode = unmapped.get("mode")
    if mode is None:
        raise TerminologyError(issues.missing_element(at, ["mode"]))
    names = required.get(mode, ())
    if names and not any(unmapped.get(name) for name in names):
        raise TerminologyError(issues.missing_element(at, names))


def _require(value: Any, shape: Shape, at: str) -> None:
    if isinstance(shape, frozenset):
        if not isinstance(value, str) or value not in shape:
            raise TerminologyError(issues.not_one_of(at, value, sorted(shape)))
        return
    if isinstance(shape, OtherName):
        raise TerminologyError(issues.element_under_two_names(at, shape.name))
    expected: type[Any] = shape if isinstance(shape, type) else type(shape)
    if not isinstance(value, expected):
        raise TerminologyError(issues.wrong_json_type(at, _NAMES[expected]))
    if isinstance(shape, dict):
        for name in shape.keys() & value.keys():
            _require(value[name], shape[name], f"{at}.{name}")
    elif isinstance(shape, list):
        for index, item in enumerate(value):
            _require(item, shape[0], f"{at}[{index}]")
