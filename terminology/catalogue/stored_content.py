"""The concepts of a stored CodeSystem, and the mappings of a stored ConceptMap, written as the resource has them.

Only some of the rows need to be written: a page of them, or those that a search is about. If the parent of a concept
is not written, the concept is at the top, and a property names its parents.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from terminology.catalogue.concept_map import (
    KEPT_WORD,
    NO_MAP_COMMENT,
    NO_MAP_PROPERTY,
    codes_of_attributes,
)
from terminology.core.model import Designation, Document, Property, value_key
from terminology.core.texts import code_of_uri
from terminology.store.artifacts import Artifact, StoredConcept, StoredMapping
from terminology.store.header import Header
from terminology.store.packing import MappingBody, value_of
from terminology.systems.indexed_rows import RowReader
from terminology.systems.metadata import CONCEPT_PROPERTIES, roles_of

_HIERARCHY = ("parent", "child")
# ConceptMap.additionalAttribute.type.
_ATTRIBUTE_TYPES = ("code", "Coding", "string", "boolean", "Quantity")


def code_system(artifact: Artifact, rows: Iterable[StoredConcept]) -> Document:
    """The CodeSystem with these concepts, which come in their order."""
    document = artifact.header.document
    writer = _ConceptWriter(artifact, roles_of(document).get("parent"))
    concepts = writer.write(rows)
    if writer.undeclared is not None:
        document = {**document, "property": [*document.get("property", ()), writer.undeclared]}
    return {**document, "concept": concepts} if concepts else document


class _ConceptWriter:
    """Writes concepts in their order, each in its only parent if that is being written, or else at the top.

    ``undeclared`` is the declaration of the property for parents, if it was used and the code system has none.
    """

    def __init__(self, artifact: Artifact, parent: str | None) -> None:
        declared = {declaration.get("code") for declaration in artifact.header.document.get("property", ())}
        self._reader = RowReader(artifact)
        # A code system may have a property "parent" that means something else.
        self._parent = parent or "parentConcept"
        self._is_declared = self._parent in declared
        self.undeclared: Document | None = None

    def write(self, rows: Iterable[StoredConcept]) -> list[Document]:
        top: list[Document] = []
        # The last concept, after the concepts that contain it.
        path: list[Document] = []
        for row in rows:
            node, parents = self._node(row)
            while path and parents != [path[-1]["code"]]:
                path.pop()
            if path:
                path[-1].setdefault("concept", []).append(node)
            else:
                self._add_parents(node, parents)
                top.append(node)
            path.append(node)
        return top

    def _node(self, row: StoredConcept) -> tuple[Document, list[str]]:
        """The concept, and the codes of its parents."""
        reader = self._reader
        concept, lines = reader.concept(row), reader.lines(row)
        parents: list[str] = []
        properties: list[Document] = []
        for each in reader.properties(lines):
            if each.code == "parent":
                parents.append(str(each.value))
            elif each.code not in _HIERARCHY:
                properties.append(_property(each))
        elements = {
            "extension": list(reader.extension(lines)),
            "code": concept.code,
            "display": concept.display,
            "definition": concept.definition,
            "designation": [_designation(each) for each in reader.designations(lines)],
            "property": properties,
        }
        return {name: value for name, value in elements.items() if value not in (None, [])}, parents

    def _add_parents(self, node: Document, parents: Sequence[str]) -> None:
        if not parents:
            return
        above = [{"code": self._parent, "valueCode": code} for code in parents]
        node["property"] = [*node.get("property", ()), *above]
        if not self._is_declared:
            self.undeclared = {"code": self._parent, "uri": f"{CONCEPT_PROPERTIES}parent", "type": "code"}


def _property(each: Property) -> Document:
    return {"code": each.code, value_key(each.type): each.value}


def _designation(each: Designation) -> Document:
    elements = {
        "extension": list(each.extension),
        "language": each.language,
        "use": each.use,
        "additionalUse": list(each.additional_use),
        "value": each.value,
    }
    return {name: value for name, value in elements.items() if value not in (None, [])}


# -- maps ----------------------------------------------------------------------------------------


def concept_map(artifact: Artifact, rows: Iterable[StoredMapping], is_first: bool = True) -> Document:
    """The ConceptMap with these mappings, which come in the order of the map; it has no empty groups.

    The elements that map a whole value set are not rows: they come with the first ones (``is_first``).
    """
    document = _with_rows(artifact, rows, is_first)
    groups = [group for group in document.pop("group") if "element" in group]
    return document | ({"group": groups} if groups else {})


def searched_map(artifact: Artifact, rows: Iterable[StoredMapping]) -> Document:
    """The ConceptMap with these mappings and all groups, which FHIR does not have without elements: for searches."""
    return _with_rows(artifact, rows, is_first=True)


def _with_rows(artifact: Artifact, rows: Iterable[StoredMapping], is_first: bool) -> Document:
    header, attributes = artifact.header, _Attributes(artifact.header)
    elements: list[list[Document]] = [[] for _ in header.groups]
    for row in rows:
        fields = MappingBody(*artifact.unpack(row.body))._asdict()
        _add(elements[row.part], row, fields, attributes)
    if is_first:
        for group, own in zip(header.groups, elements, strict=True):
            own += group.get("by_value_set", ())
    groups = [_group(node, own) for node, own in zip(header.groups, elements, strict=True)]
    declared = {"additionalAttribute": attributes.declared} if attributes.declared else {}
    return {**header.document, **declared, "group": groups}


def _group(node: Document, elements: list[Document]) -> Document:
    group: Document = {}
    for end in ("source", "target"):
        if node.get(end):
            version = node.get(f"{end}_version")
            group[end] = f"{node[end]}|{version}" if version else node[end]
    if elements:
        group["element"] = elements
    return group | ({"unmapped": node["unmapped"]} if node.get("unmapped") else {})


def _add(elements: list[Document], row: StoredMapping, fields: Document, attributes: _Attributes) -> None:
    """Add a mapping to the last element if that has the same source, or else an element."""
    element: Document = {"code": row.source}
    if fields.get("source_display") is not None:
        element["display"] = fields["source_display"]
    if fields.get("no_map"):
        element["noMap"] = True
        if extensions := _why_no_map(fields):
            element["extension"] = extensions
    elif row.target is not None or any(fields.get(name) for name in MappingBody._fields[1:]):
        element["target"] = [_target(row, fields, attributes)]
        last = elements[-1] if elements else {}
        if "target" in last and {**last, "target": element["target"]} == element:
            last["target"].append(*element["target"])
            return
    elements.append(element)


def _why_no_map(fields: Document) -> list[Document]:
    extensions: list[Document] = []
    if fields.get("comment"):
        extensions.append({"url": NO_MAP_COMMENT, "valueString": fields["comment"]})
    for code, type_, value in fields.get("properties") or ():
        parts = [
            {"url": "code", "valueCode": code},
            {"url": "value", value_key(type_): value_of(type_, value)},
        ]
        extensions.append({"url": NO_MAP_PROPERTY, "extension": parts})
    return extensions


def _target(row: StoredMapping, fields: Document, attributes: _Attributes) -> Document:
    word = fields.get("equivalence")
    elements = {
        "extension": [{"url": KEPT_WORD, "valueCode": word}] if word else None,
        "code": row.target,
        "display": fields.get("target_display"),
        "valueSet": fields.get("target_value_set"),
        "relationship": fields.get("relationship"),
        "comment": fields.get("comment"),
        "property": [
            {"code": code, value_key(type_): value_of(type_, value)}
            for code, type_, value in fields.get("properties") or ()
        ],
        "dependsOn": [attributes.condition(*node) for node in fields.get("depends_on") or ()],
        "product": [attributes.condition(*node) for node in fields.get("products") or ()],
    }
    return {name: value for name, value in elements.items() if value not in (None, [])}


class _Attributes:
    """The codes of the attributes of conditions; a map that came as R4 names attributes by uri.

    ``declared`` are the declarations of the map, and of those attributes that were used without one.
    """

    def __init__(self, header: Header) -> None:
        self.declared: list[Document] = list(header.document.get("additionalAttribute", ()))
        self._known = frozenset(codes_of_attributes(header.document, ()))
        # Of all attributes, so that every page of the map has the same codes.
        self._codes = codes_of_attributes(header.document, header.attributes)

    def _code_of(self, name: str) -> str:
        if name not in self._codes:
            self._codes[name] = code_of_uri(name, self._codes.values())
        return self._codes[name]

    def condition(self, name: str, type_: str, value: Any) -> Document:
        """A node of ``dependsOn`` or ``product``."""
        code = self._code_of(name)
        if name not in self._known:
            declared = {"code": code, "uri": name, "type": type_ if type_ in _ATTRIBUTE_TYPES else "string"}
            self.declared.append(declared)
            self._known |= {name}
        key = "valueSet" if type_ == "canonical" else value_key(type_)
        return {"attribute": code, key: value_of(type_, value)}
