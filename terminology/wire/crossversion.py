"""Cross-version extensions: elements and codes that only R5 has, in a resource of an older release.

Nothing is lost: an element that only R5 has becomes HL7's cross-version extension,
``http://hl7.org/fhir/5.0/StructureDefinition/extension-<path>``, and so does a code that only R5 has, on the
element it belongs to.

* ``ONLY_IN_R5`` and ``WORDS`` list them, for both directions;
* ``downgrade`` puts R5's elements into extensions, ``upgrade`` takes them out again: ``upgrade(downgrade(x)) == x``;
* an element that does not have the form of its definition stays where it is, in both directions.

Nothing here changes its input: the changed nodes and those above them are copies.
See https://hl7.org/fhir/R5/versions.html#extensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from operator import is_
from typing import Any

from terminology.core.model import Document

URL = "http://hl7.org/fhir/5.0/StructureDefinition/extension-"

# HL7 and HAPI name this extension after the interface that the resources share.
_NAMED_OTHERWISE = {"versionAlgorithm[x]": "CanonicalResource.versionAlgorithm"}

_METADATA = {
    "versionAlgorithm[x]": "string|Coding",
    "copyrightLabel": "string",
    "approvalDate": "date",
    "lastReviewDate": "date",
    "effectivePeriod": "Period",
    "topic": "CodeableConcept*",
    "author": "ContactDetail*",
    "editor": "ContactDetail*",
    "reviewer": "ContactDetail*",
    "endorser": "ContactDetail*",
    "relatedArtifact": "RelatedArtifact*",
}
_PROPERTY_VALUE = "code|Coding|string|integer|boolean|dateTime|decimal"


def _of(kind: str, elements: dict[str, str]) -> dict[str, str]:
    return {f"{kind}.{name}": type_ for name, type_ in elements.items()}


# Path: type. A star means that it repeats, a bar that there is a choice. Elements of a BackboneElement are
# listed below it and travel in extensions within its extension; their url is the plain name.
ONLY_IN_R5: dict[str, str] = {
    **_of("CodeSystem", _METADATA),
    "CodeSystem.concept.designation.additionalUse": "Coding*",
    **_of("ValueSet", _METADATA),
    "ValueSet.compose.property": "string*",
    "ValueSet.compose.include.copyright": "string",
    "ValueSet.compose.include.concept.designation.additionalUse": "Coding*",
    "ValueSet.expansion.next": "uri",
    "ValueSet.expansion.property": "BackboneElement*",
    "ValueSet.expansion.property.code": "code",
    "ValueSet.expansion.property.uri": "uri",
    "ValueSet.expansion.contains.property": "BackboneElement*",
    "ValueSet.expansion.contains.property.code": "code",
    "ValueSet.expansion.contains.property.value[x]": _PROPERTY_VALUE,
    "ValueSet.expansion.contains.property.subProperty": "BackboneElement*",
    "ValueSet.expansion.contains.property.subProperty.code": "code",
    "ValueSet.expansion.contains.property.subProperty.value[x]": _PROPERTY_VALUE,
    "ValueSet.scope": "BackboneElement",
    "ValueSet.scope.inclusionCriteria": "string",
    "ValueSet.scope.exclusionCriteria": "string",
    **_of("ConceptMap", _METADATA),
    "ConceptMap.identifier": "Identifier*",
    "ConceptMap.property": "BackboneElement*",
    "ConceptMap.property.code": "code",
    "ConceptMap.property.uri": "uri",
    "ConceptMap.property.description": "string",
    "ConceptMap.property.type": "code",
    "ConceptMap.property.system": "canonical",
    "ConceptMap.additionalAttribute": "BackboneElement*",
    "ConceptMap.additionalAttribute.code": "code",
    "ConceptMap.additionalAttribute.uri": "uri",
    "ConceptMap.additionalAttribute.description": "string",
    "ConceptMap.additionalAttribute.type": "code",
    "ConceptMap.group.element.valueSet": "canonical",
    "ConceptMap.group.element.noMap": "boolean",
    "ConceptMap.group.element.target.valueSet": "canonical",
    "ConceptMap.group.element.target.property": "BackboneElement*",
    "ConceptMap.group.element.target.property.code": "code",
    "ConceptMap.group.element.target.property.value[x]": _PROPERTY_VALUE,
    "ConceptMap.group.element.target.dependsOn.value[x]": "code|Coding|string|boolean|Quantity",
    "ConceptMap.group.element.target.dependsOn.valueSet": "canonical",
    "ConceptMap.group.unmapped.valueSet": "canonical",
    "ConceptMap.group.unmapped.relationship": "code",
    "NamingSystem.url": "uri",
    "NamingSystem.identifier": "Identifier*",
    "NamingSystem.version": "string",
    "NamingSystem.title": "string",
    "NamingSystem.experimental": "boolean",
    "NamingSystem.purpose": "markdown",
    "NamingSystem.copyright": "markdown",
    **_of("NamingSystem", _METADATA),
    "NamingSystem.uniqueId.authoritative": "boolean",
    "TerminologyCapabilities.identifier": "Identifier*",
    "TerminologyCapabilities.versionAlgorithm[x]": "string|Coding",
    "TerminologyCapabilities.copyrightLabel": "string",
    "TerminologyCapabilities.codeSystem.content": "code",
    "CapabilityStatement.identifier": "Identifier*",
    "CapabilityStatement.versionAlgorithm[x]": "string|Coding",
    "CapabilityStatement.copyrightLabel": "string",
    "CapabilityStatement.acceptLanguage": "code*",
    "CapabilityStatement.rest.resource.conditionalPatch": "boolean",
    "RelatedArtifact.classifier": "CodeableConcept*",
    "RelatedArtifact.resourceReference": "Reference",
    "RelatedArtifact.publicationStatus": "code",
    "RelatedArtifact.publicationDate": "date",
}

# Path: R5's code, and the older release's code for it. Where the older code says less, or there is none, the
# extension keeps R5's code.
WORDS: dict[str, dict[str, str | None]] = {
    "CodeSystem.filter.operator": {"child-of": None, "descendent-leaf": None},
    "ValueSet.compose.include.filter.op": {"child-of": None, "descendent-leaf": None},
    "ConceptMap.group.unmapped.mode": {"use-source-code": "provided"},
    "NamingSystem.uniqueId.type": {"iri-stem": "other", "v2csmnemonic": "other"},
    "TerminologyCapabilities.codeSearch": {
        "in-compose": "explicit",
        "in-compose-or-expansion": "all",
        "in-expansion": None,
    },
    "RelatedArtifact.type": dict.fromkeys(
        (
            "part-of",
            "amends",
            "amended-with",
            "appends",
            "appended-with",
            "cites",
            "cited-by",
            "comments-on",
            "comment-in",
            "contains",
            "contained-in",
            "corrects",
            "correction-in",
            "replaces",
            "replaced-with",
            "retracts",
            "retracted-by",
            "signs",
            "similar-to",
            "supports",
            "supported-with",
            "transforms",
            "transformed-into",
            "transformed-with",
            "documents",
            "specification-of",
            "created-with",
            "cite-as",
        )
    ),
}
_SAYS_LESS = frozenset({"other"})

# An element that is defined elsewhere (contentReference): path, and the path of its definition.
_SAME_AS = {
    "CodeSystem.concept.concept": "CodeSystem.concept",
    "ValueSet.compose.exclude": "ValueSet.compose.include",
    "ValueSet.expansion.contains.contains": "ValueSet.expansion.contains",
    "ValueSet.expansion.contains.designation": "ValueSet.compose.include.concept.designation",
    "ConceptMap.group.element.target.product": "ConceptMap.group.element.target.dependsOn",
}

Edit = Callable[[Document], Document]


@dataclass(slots=True)
class Shape:
    """The rows of both tables below one element: its own and its children's."""

    elements: list[Element] = field(default_factory=list)
    by_key: dict[str, tuple[Element, str]] = field(default_factory=dict)  # JSON key: element, value's key
    by_url: dict[str, Element] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # JSON key, and key of its companion: JSON key
    words: dict[str, Words] = field(default_factory=dict)
    children: dict[str, Shape] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)  # all JSON keys of a node for which there is a row

    def add(self, element: Element) -> None:
        self.elements.append(element)
        for value_key, key in element.by_value.items():
            self.by_key[key] = element, value_key
            self.names |= {key: key, "_" + key: key}
            self.keys |= {key, "_" + key}
        self.by_url[element.url] = element
        if element.is_choice:
            self.by_url[element.url + "[x]"] = element  # HL7's converter writes "value", others "value[x]"

    def add_child(self, name: str, child: Shape) -> None:
        self.children[name] = child
        self.keys.add(name)


@dataclass(slots=True, frozen=True)
class Element:
    """One row of ``ONLY_IN_R5``; ``parts`` are the rows below a BackboneElement or of a datatype."""

    name: str
    url: str
    by_value: dict[str, str]  # the key that a value has in an extension: the key that it has in R5
    repeats: bool
    is_choice: bool
    is_backbone: bool
    parts: Shape

    def key_of(self, value_key: str) -> str | None:
        """The key in R5 of a value in an extension. It depends on the type of the value for a choice alone."""
        if self.is_choice or not value_key.startswith("value"):
            return self.by_value.get(value_key)
        return self.name


@dataclass(slots=True, frozen=True)
class Words:
    """One row of ``WORDS``."""

    url: str
    older: dict[str, str]
    newer: dict[str, str]
    extended: dict[str, str | None]  # codes that only R5 has, and the older code beside the extension


def _shapes() -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for path, type_ in ONLY_IN_R5.items():
        parent, _, name = path.rpartition(".")
        _shape(shapes, parent).add(_element(shapes, path, name, type_))
    for path, words in WORDS.items():
        parent, _, name = path.rpartition(".")
        shape = _shape(shapes, parent)
        shape.words[name] = _words(path, words)
        shape.keys |= {name, "_" + name}
    for path, definition in _SAME_AS.items():
        parent, _, name = path.rpartition(".")
        _shape(shapes, parent).add_child(name, _shape(shapes, definition))
    return shapes


def _shape(shapes: dict[str, Shape], path: str) -> Shape:
    if path not in shapes:
        shapes[path] = Shape()
        parent, _, name = path.rpartition(".")
        if parent:
            _shape(shapes, parent).add_child(name, shapes[path])
    return shapes[path]


def _element(shapes: dict[str, Shape], path: str, name: str, type_: str) -> Element:
    parent, stem = path.rpartition(".")[0], name.removesuffix("[x]")
    nested = ONLY_IN_R5.get(parent, "").startswith("BackboneElement")
    url = stem if nested else URL + _NAMED_OTHERWISE.get(name, f"{parent}.{stem}")
    types = type_.rstrip("*").split("|")
    suffixes = [each[0].upper() + each[1:] for each in types]
    by_value = {"value" + suffix: name.replace("[x]", suffix) for suffix in suffixes}
    is_backbone = types == ["BackboneElement"]
    parts = shapes.setdefault(path if is_backbone else types[0], Shape())
    return Element(stem, url, by_value, type_.endswith("*"), name != stem, is_backbone, parts)


def _words(path: str, words: dict[str, str | None]) -> Words:
    older = {new: old for new, old in words.items() if old is not None and old not in _SAYS_LESS}
    extended = {new: old for new, old in words.items() if new not in older}
    return Words(URL + path, older, {old: new for new, old in older.items()}, extended)


SHAPES = _shapes()


# -- changed copies -------------------------------------------------------------------------------------


def inside(node: Document, key: str, edit: Edit) -> Document:
    """The node with ``edit`` applied to the object, or to each object of the list, at ``key``."""
    old = node.get(key)
    if isinstance(old, dict):
        new: Any = edit(old)
        return node if new is old else {**node, key: new}
    if isinstance(old, list):
        new = [edit(item) if isinstance(item, dict) else item for item in old]
        return node if all(map(is_, old, new)) else {**node, key: new}
    return node


def objects(value: Any) -> list[Document]:
    """The JSON objects of a list; none of any other value."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def with_extensions(node: Document, extensions: Iterable[Document]) -> Document:
    """The node with these extensions after its own."""
    own, added = node.get("extension"), list(extensions)
    return {**node, "extension": [*own, *added] if isinstance(own, list) else added} if added else node


def without_extension(node: Document, extension: Document) -> Document:
    """The node without this one of its extensions (the same object, not an equal one)."""
    rest = [other for other in node["extension"] if other is not extension]
    return {**node, "extension": rest} if rest else without(node, "extension")


def without(node: Document, *keys: str) -> Document:
    """The node without these keys."""
    return {key: value for key, value in node.items() if key not in keys}


# -- R5's elements into extensions, and back ------------------------------------------------------------


def downgrade(node: Document, shape: Shape) -> Document:
    """The node with the elements and codes that only R5 has as extensions."""
    if shape.keys.isdisjoint(node):  # most nodes of the longest lists
        return node
    if shape.names and not shape.names.keys().isdisjoint(node):
        node = _downgraded_elements(node, shape)
    for key, words in shape.words.items():
        node = _with_codes(node, key, words, _downgraded_code)
    for key, child in shape.children.items():
        if key in node and not _is_plain(node[key], child):
            node = inside(node, key, partial(downgrade, shape=child))
    return node


def _is_plain(nodes: Any, shape: Shape) -> bool:
    """Is this a list of objects without anything to downgrade? Most lists are, and the longest."""
    if not isinstance(nodes, list):
        return False
    try:
        return all(map(shape.keys.isdisjoint, nodes))
    except TypeError:
        return False  # an item is not an object


def upgrade(node: Document, shape: Shape) -> Document:
    """The node with the elements and codes that only R5 has taken out of extensions: reverses ``downgrade``."""
    if shape.by_url and isinstance(node.get("extension"), list):
        node = _upgraded_elements(node, shape)
    for key, words in shape.words.items():
        node = _with_codes(node, key, words, _upgraded_code)
    for key, child in shape.children.items():
        if key in node:
            node = inside(node, key, partial(upgrade, shape=child))
    return node


def _downgraded_elements(node: Document, shape: Shape) -> Document:
    extensions_of_node: list[Document] = []
    rest = dict(node)
    for each in node:
        key = shape.names.get(each)
        if key is None or each not in rest:
            continue
        extensions = _extensions(*shape.by_key[key], node.get(key), node.get("_" + key))
        if extensions:
            extensions_of_node += extensions
            rest.pop(key, None)
            rest.pop("_" + key, None)
    return with_extensions(rest, extensions_of_node) if extensions_of_node else node


def _extensions(element: Element, value_key: str, value: Any, companion: Any) -> list[Document]:
    """One extension for each value; none if the value does not have the form of its definition."""
    if companion is None and not element.repeats and isinstance(value, str):  # most are
        return [{"url": element.url, value_key: value}] if not element.is_backbone else []
    if any(isinstance(it, list) is not element.repeats for it in (value, companion) if it is not None):
        return []
    pairs = zip_longest(value or (), companion or ()) if element.repeats else [(value, companion)]
    extensions = [_extension(element, value_key, *pair) for pair in pairs]
    return [extension for extension in extensions if extension] if all(extensions) else []


def _extension(element: Element, value_key: str, value: Any, companion: Any) -> Document | None:
    if element.is_backbone:
        if not isinstance(value, dict):
            return None
        parts = _plain_extensions(value, element.parts)
        if parts:
            return {"url": element.url, "extension": parts}
        body = downgrade(value, element.parts)
        return {"url": element.url, **body} if body and body.keys() <= {"id", "extension"} else None
    if isinstance(value, dict):
        value = downgrade(value, element.parts)
    body = {value_key: value, "_" + value_key: companion}
    body = {key: part for key, part in body.items() if part is not None}
    return {"url": element.url, **body} if body else None


def _plain_extensions(node: Document, shape: Shape) -> list[Document] | None:
    """The extensions for a node of texts, each an element of its own; None for any other node. Most are such."""
    extensions: list[Document] = []
    for key, value in node.items():
        element, value_key = shape.by_key.get(key, (None, ""))
        if element is None or element.repeats or type(value) is not str or key in shape.words:
            return None
        extensions.append({"url": element.url, value_key: value})
    return extensions


def _upgraded_elements(node: Document, shape: Shape) -> Document:
    restored: dict[str, list[tuple[Any, Any]]] = {}
    rest: list[Any] = []
    for extension in node["extension"]:
        element = shape.by_url.get(str(extension.get("url"))) if isinstance(extension, dict) else None
        triple = _restored(element, extension) if element else None
        if element and triple and _is_free(node, restored, triple[0], element):
            restored.setdefault(triple[0], []).append(triple[1:])
        else:
            rest.append(extension)
    if not restored:
        return node
    node = {**node, "extension": rest} if rest else without(node, "extension")
    for key, pairs in restored.items():
        _put(node, key, pairs, repeats=shape.by_key[key][0].repeats)
    return node


def _is_free(node: Document, restored: dict[str, Any], key: str, element: Element) -> bool:
    """Is there room in the node for one more value of an element, beside those restored so far?"""
    if element.repeats:
        return isinstance(node.get(key, []), list)
    return key not in node and "_" + key not in node and key not in restored


def _restored(element: Element, extension: Document) -> tuple[str, Any, Any] | None:
    """JSON key, value and companion from an extension; None if its form is not that of ``downgrade``."""
    if element.is_backbone:
        body = without(extension, "url")
        is_whole = body and body.keys() <= {"id", "extension"}
        return (element.name, upgrade(body, element.parts), None) if is_whole else None
    names = {key.removeprefix("_") for key in extension if key != "url"}
    value_key = names.pop() if len(names) == 1 else ""
    key = element.key_of(value_key)
    if key is None:
        return None
    value = extension.get(value_key)
    return (
        key,
        upgrade(value, element.parts) if isinstance(value, dict) else value,
        extension.get("_" + value_key),
    )


def _put(node: Document, key: str, pairs: list[tuple[Any, Any]], repeats: bool) -> None:
    """Put values and their companions at a key and its ``_key``; add them to a list that is there."""
    if not repeats:
        node |= {name: it for name, it in zip((key, "_" + key), pairs[0], strict=True) if it is not None}
        return
    values = [*node.get(key, ()), *(value for value, _ in pairs)]
    companions = [None] * (len(values) - len(pairs)) + [companion for _, companion in pairs]
    if values.count(None) < len(values):
        node[key] = values
    if companions.count(None) < len(companions):
        node["_" + key] = companions


# -- R5's codes -----------------------------------------------------------------------------------------

Spelling = Callable[[Words, Any, Any], tuple[Any, Any]]


def _with_codes(node: Document, key: str, words: Words, spell: Spelling) -> Document:
    value, companion = node.get(key), node.get("_" + key)
    repeats = isinstance(value, list) or isinstance(companion, list)
    if any(isinstance(it, list) is not repeats for it in (value, companion) if it is not None):
        return node
    old = list(zip_longest(value or (), companion or ())) if repeats else [(value, companion)]
    new = [spell(words, *pair) for pair in old]
    if new == old:
        return node
    node = without(node, key, "_" + key)
    _put(node, key, new, repeats)
    return node


def _downgraded_code(words: Words, word: Any, companion: Any) -> tuple[Any, Any]:
    if not isinstance(word, str) or not isinstance(companion, dict | None):
        return word, companion
    if word in words.extended:
        return words.extended[word], with_extensions(companion or {}, [{"url": words.url, "valueCode": word}])
    return words.older.get(word, word), companion


def _upgraded_code(words: Words, word: Any, companion: Any) -> tuple[Any, Any]:
    if isinstance(companion, dict):
        for extension in objects(companion.get("extension")):
            if extension.get("url") == words.url and isinstance(extension.get("valueCode"), str):
                return extension["valueCode"], without_extension(companion, extension) or None
    return words.newer.get(word, word) if isinstance(word, str) else word, companion
