"""Conversion between R4 (and R4B) and R5.

Inside, every document is R5. ``upgrade`` makes R5 of an R4 or R4B resource, ``downgrade`` reverses it, both with
the resources inside: contained ones, the entries of a Bundle, the resources among Parameters. Neither
changes its input. The laws are ``downgrade(upgrade(x)) == x`` and ``upgrade(downgrade(y)) == y``:

* elements and codes that only R5 has become extensions: see ``crossversion``;
* R4 has finer words for a mapping, and nothing else that R5 lacks: HAPI's extension keeps the word.

Which answer takes which of these functions is in ``operation_table`` (``downgrade=``): most take ``downgrade``.

The differences are those between the definitions hl7.fhir.r4b.core 4.3.0 and hl7.fhir.r5.core 5.0.0. R4 (4.0.1)
and R4B do not differ in them. See also https://hl7.org/fhir/R5/conceptmap.html#diff.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from terminology.catalogue.concept_map import KEPT_WORD, NO_MAP_COMMENT, NO_MAP_PROPERTY
from terminology.core.model import Document
from terminology.core.texts import code_of_uri
from terminology.wire import crossversion
from terminology.wire.crossversion import (
    SHAPES,
    Edit,
    inside,
    objects,
    with_extensions,
    without,
    without_extension,
)

# R4 says of the target what R5 says of the source. The first word of each R5 code is the one to go back to.
RELATIONSHIP = {
    "equivalent": "equivalent",
    "equal": "equivalent",
    "wider": "source-is-narrower-than-target",
    "subsumes": "source-is-narrower-than-target",
    "narrower": "source-is-broader-than-target",
    "specializes": "source-is-broader-than-target",
    "relatedto": "related-to",
    "inexact": "related-to",
    "disjoint": "not-related-to",
    "unmatched": "not-related-to",  # beside other targets, or with a code; alone it is R5's noMap
}
_EQUIVALENCE = {code: word for word, code in reversed(RELATIONSHIP.items())}
_UNMATCHED = "unmatched"

# A mandatory element for which the other release has no value.
_DATA_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_UNKNOWN = {"extension": [{"url": _DATA_ABSENT, "valueCode": "unknown"}]}
_UNSUPPORTED = {"extension": [{"url": _DATA_ABSENT, "valueCode": "unsupported"}]}


def relationship(equivalence: str) -> str:
    """R5's code for an R4 word; a word that is not R4's stays as it is.

    >>> relationship("wider"), relationship("equal")
    ('source-is-narrower-than-target', 'equivalent')
    """
    return RELATIONSHIP.get(equivalence, equivalence)


def equivalence(relationship: str) -> str:
    """R4's word for an R5 code; a code that is not R5's stays as it is.

    >>> equivalence("source-is-narrower-than-target"), equivalence("equivalent")
    ('wider', 'equivalent')
    """
    return _EQUIVALENCE.get(relationship, relationship)


def upgrade(document: Document) -> Document:
    """The R5 resource with the meaning of this R4 or R4B resource; unknown elements stay as they are."""
    kind = str(document.get("resourceType"))
    for edit in _BEFORE_UPGRADE.get(kind, ()):
        document = edit(document)
    if kind in SHAPES:
        document = crossversion.upgrade(document, SHAPES[kind])
    for edit in _AFTER_UPGRADE.get(kind, ()):
        document = edit(document)
    return each_resource(document, upgrade)


def in_r5(document: Document) -> Document:
    """A resource that came as R5. A ConceptMap with words of R4 is read as R4 means them, element by element.

    An element that a map has in the words of both stays in both: ``core.structure`` refuses it.
    """
    if document.get("resourceType") != "ConceptMap":
        return document
    return upgrade(document) if _has_words_of_r4(document) else document


def downgrade(document: Document) -> Document:
    """The R4 resource with the meaning of this R5 resource; unknown elements stay as they are."""
    kind = str(document.get("resourceType"))
    for edit in _BEFORE_DOWNGRADE.get(kind, ()):
        document = edit(document)
    if kind in SHAPES:
        document = crossversion.downgrade(document, SHAPES[kind])
    return each_resource(document, downgrade)


def downgrade_translation(parameters: Document, names_source: bool) -> Document:
    """The answer of ``$translate``.

    With ``names_source`` each match has R4's ``source``, a uri, in place of ``originMap``.
    """

    return inside(
        parameters, "parameter", _in_match(_match_down_with_source if names_source else _match_down)
    )


def upgrade_translation(parameters: Document) -> Document:
    """The answer of ``$translate`` as R5 has it: R4's ``source`` of a match is its map, if it is a uri."""

    def with_origin(parts: list[Any]) -> list[Any]:
        return _with_edits(parts, {"source": _source_as_origin})

    return inside(upgrade(parameters), "parameter", _in_match(with_origin))


def downgrade_closure(concept_map: Document) -> Document:
    """The answer of ``$closure``: in R4 it has these three words (and ``unmatched``) alone."""
    words = {
        "equivalent": "equal",
        "source-is-narrower-than-target": "subsumes",
        "source-is-broader-than-target": "specializes",
    }

    def worded(target: Document) -> Document:
        return {**without(target, "relationship"), "equivalence": words[target["relationship"]]}

    def in_group(group: Document) -> Document:
        return inside(group, "element", lambda element: inside(element, "target", worded))

    return downgrade(inside(concept_map, "group", in_group))


def each_resource(document: Document, convert: Edit) -> Document:
    """The document with the resources in it converted: contained ones, those of a Bundle and of Parameters."""

    def in_entry(entry: Document) -> Document:
        entry = inside(entry, "response", lambda response: inside(response, "outcome", convert))
        return inside(entry, "resource", convert)

    def in_parameter(parameter: Document) -> Document:
        return inside(inside(parameter, "resource", convert), "part", in_parameter)

    document = inside(document, "contained", convert)
    if document.get("resourceType") == "Bundle":
        return inside(document, "entry", in_entry)
    if document.get("resourceType") == "Parameters":
        return inside(document, "parameter", in_parameter)
    return document


def _with_companions(names: dict[str, str]) -> dict[str, str]:
    return names | {"_" + old: "_" + new for old, new in names.items()}


def _reversed(names: dict[str, str]) -> dict[str, str]:
    return {new: old for old, new in names.items()}


def _renamed(node: Document, names: dict[str, str]) -> Document:
    """The node with other keys, in the old places. A key stays if the node has its other name, too."""
    if names.keys().isdisjoint(node):
        return node
    return {key if names.get(key) in node else names.get(key, key): node[key] for key in node}


def _with_url(node: Document, url: str) -> list[Document]:
    return [extension for extension in objects(node.get("extension")) if extension.get("url") == url]


# -- the word for a mapping: of a target, and of a match ------------------------------------------------


def _word_and_rest(node: Document, code: Any) -> tuple[Any, Document]:
    """R4's word for R5's code, and the node without the extension that has the word.

    The word is that of the extension KEPT_WORD, or else the usual one. A word in an extension that contradicts
    the code belongs to another mapping: its extension stays.
    """
    if not isinstance(code, str):
        return code, node
    if "extension" not in node:
        return equivalence(code), node
    for extension in _with_url(node, KEPT_WORD):
        word = extension.get("valueCode")
        if isinstance(word, str) and relationship(word) == code:
            return word, without_extension(node, extension)
    return equivalence(code), node


def kept_word(word: Any) -> list[Document]:
    """The extension that keeps an R4 word, if its R5 code would not lead back to it."""
    is_lost = isinstance(word, str) and equivalence(relationship(word)) != word
    return [{"url": KEPT_WORD, "valueCode": word}] if is_lost else []


def _code(word: Any) -> Any:
    return relationship(word) if isinstance(word, str) else word


# -- ConceptMap -----------------------------------------------------------------------------------------

_SCOPES = _with_companions(
    {
        "sourceUri": "sourceScopeUri",
        "sourceCanonical": "sourceScopeCanonical",
        "targetUri": "targetScopeUri",
        "targetCanonical": "targetScopeCanonical",
    }
)
_WORD = _with_companions({"equivalence": "relationship"})
_PROPERTY = _with_companions({"property": "attribute"})
_UNMAPPED = _with_companions({"url": "otherMap"})
_SCOPES_DOWN, _WORD_DOWN, _PROPERTY_DOWN, _UNMAPPED_DOWN = map(
    _reversed, (_SCOPES, _WORD, _PROPERTY, _UNMAPPED)
)
_IMPLIED_RELATIONSHIP = "related-to"


def _identifiers_up(concept_map: Document) -> Document:
    if isinstance(concept_map.get("identifier"), dict):
        return {**concept_map, "identifier": [concept_map["identifier"]]}
    return concept_map


def _identifiers_down(concept_map: Document) -> Document:
    identifiers = objects(concept_map.get("identifier"))
    if not identifiers:
        return concept_map
    others = crossversion.downgrade({"identifier": identifiers[1:]}, SHAPES["ConceptMap"]).get(
        "extension", ()
    )
    return with_extensions({**concept_map, "identifier": identifiers[0]}, others)


def _has_words_of_r4(concept_map: Document) -> bool:
    """True if an element of the map has a name, or ``unmapped.mode`` a code, that is R4's alone."""
    if not _SCOPES.keys().isdisjoint(concept_map):
        return True
    groups = objects(concept_map.get("group"))
    unmapped = [group["unmapped"] for group in groups if isinstance(group.get("unmapped"), dict)]
    targets = (t for g in groups for e in objects(g.get("element")) for t in objects(e.get("target")))
    return (
        any("sourceVersion" in group or "targetVersion" in group for group in groups)
        or any("url" in rule or rule.get("mode") == "provided" for rule in unmapped)
        or any("equivalence" in target for target in targets)
        or any("property" in condition for condition in _conditions(concept_map))
    )


def _concept_map_up(concept_map: Document) -> Document:
    attributes = _attributes(concept_map)
    if attributes:
        concept_map = {**concept_map, "additionalAttribute": attributes}
    by_property = {_property_of(attribute): attribute for attribute in attributes}

    def group_up(group: Document) -> Document:
        group = inside(_versions_up(group), "element", lambda element: _element_up(element, by_property))
        return inside(group, "unmapped", _unmapped_up)

    return inside(_renamed(concept_map, _SCOPES), "group", group_up)


def _concept_map_down(concept_map: Document) -> Document:
    declared = objects(concept_map.get("additionalAttribute"))
    by_code = {_text(attribute, "code"): attribute for attribute in declared}

    def group_down(group: Document) -> Document:
        group = inside(_versions_down(group), "element", lambda element: _element_down(element, by_code))
        return inside(group, "unmapped", _unmapped_down)

    result = inside(_renamed(concept_map, _SCOPES_DOWN), "group", group_down)
    if declared and _attributes(without(result, "additionalAttribute")) == declared:
        return without(result, "additionalAttribute")
    return result


def _versions_up(group: Document) -> Document:
    for side in ("source", "target"):
        version = group.get(side + "Version")
        if isinstance(version, str) and "|" not in str(group.get(side)):
            group = {**without(group, side + "Version"), side: f"{group.get(side, '')}|{version}"}
    return group


def _versions_down(group: Document) -> Document:
    for side in ("source", "target"):
        canonical = group.get(side)
        url, _, version = canonical.partition("|") if isinstance(canonical, str) else ("", "", "")
        if version:
            group = {**group, side: url, side + "Version": version}
            group = group if url else without(group, side)
    return group


def _unmapped_up(unmapped: Document) -> Document:
    """R5 demands a relationship unless ``mode`` is ``other-map`` (cmd-9); R4 has no element for one."""
    unmapped = _renamed(unmapped, _UNMAPPED)
    if unmapped.get("mode") in ("use-source-code", "fixed") and "relationship" not in unmapped:
        return {**unmapped, "relationship": _IMPLIED_RELATIONSHIP}
    return unmapped


def _unmapped_down(unmapped: Document) -> Document:
    is_implied = unmapped.get("mode") in ("use-source-code", "fixed")
    if is_implied and unmapped.get("relationship") == _IMPLIED_RELATIONSHIP:
        unmapped = without(unmapped, "relationship")
    return _renamed(unmapped, _UNMAPPED_DOWN)


def _element_up(element: Document, attributes: dict[str | None, Document]) -> Document:
    nothing = _nothing_of(element.get("target"))
    if nothing is not None:
        reasons = objects(nothing.get("extension"))
        if "comment" in nothing:
            reasons.insert(0, {"url": NO_MAP_COMMENT, "valueString": nothing["comment"]})
        return with_extensions({**without(element, "target"), "noMap": True}, reasons)
    return inside(element, "target", lambda target: _target_up(target, attributes))


def _nothing_of(targets: Any) -> Document | None:
    """The only target, in R4's shape, if it is ``unmatched`` with at most a comment and NO_MAP_PROPERTY; or None."""
    if not isinstance(targets, list) or len(targets) != 1 or not isinstance(targets[0], dict):
        return None
    target = crossversion.downgrade(targets[0], SHAPES["ConceptMap.group.element.target"])
    known = "extension" not in target or (
        target["extension"] == _with_url(target, NO_MAP_PROPERTY) and target["extension"]
    )
    says_no_more = target.keys() <= {"equivalence", "comment", "extension"} and known
    return target if target.get("equivalence") == _UNMATCHED and says_no_more else None


def _element_down(element: Document, attributes: dict[str | None, Document]) -> Document:
    targets: Any = element.get("target")
    element = inside(element, "target", lambda target: _target_down(target, attributes))
    if element.get("noMap") is not True:
        if _nothing_of(element.get("target")) is None or "relationship" not in targets[0]:
            return element
        # In R4 a lone "unmatched" means that there is no target, which R5 did not say: the usual word is safe.
        usual = equivalence(targets[0]["relationship"])
        return {**element, "target": [{**without(targets[0], "relationship"), "equivalence": usual}]}
    unmatched: Document = {"equivalence": _UNMATCHED}
    for extension in _with_url(element, NO_MAP_COMMENT)[-1:]:
        if "valueString" in extension:
            unmatched["comment"] = extension["valueString"]
            element = without_extension(element, extension)
    for extension in _with_url(element, NO_MAP_PROPERTY):
        unmatched = with_extensions(unmatched, [extension])
        element = without_extension(element, extension)
    others = element.get("target")
    return {**without(element, "noMap"), "target": [*(others if isinstance(others, list) else ()), unmatched]}


def _target_up(target: Document, attributes: dict[str | None, Document]) -> Document:
    if "equivalence" in target and "relationship" in target:
        return target
    word = target.get("equivalence")
    target = with_extensions(_renamed(target, _WORD), kept_word(word))
    if word is not None:
        target["relationship"] = _code(word)
    return _in_conditions(target, lambda node: _condition_up(node, attributes))


def _target_down(target: Document, attributes: dict[str | None, Document]) -> Document:
    word, target = _word_and_rest(target, target.get("relationship"))
    target = _renamed(target, _WORD_DOWN)
    if word is not None:
        target["equivalence"] = word
    return _in_conditions(target, lambda node: _condition_down(node, attributes))


# -- ConceptMap: dependsOn and product ------------------------------------------------------------------

_CODING = {
    "system": "system",
    "value": "code",
    "_value": "_code",
    "display": "display",
    "_display": "_display",
}
_CONDITION = SHAPES["ConceptMap.group.element.target.dependsOn"]
_NEWER_VALUES = _CONDITION.names.keys() - {"valueSet", "_valueSet"}


def _in_conditions(target: Document, edit: Edit) -> Document:
    return inside(inside(target, "dependsOn", edit), "product", edit)


def _conditions(concept_map: Document) -> Iterator[Document]:
    for group in objects(concept_map.get("group")):
        for element in objects(group.get("element")):
            for target in objects(element.get("target")):
                yield from objects(target.get("dependsOn"))
                yield from objects(target.get("product"))


def _attributes(concept_map: Document) -> list[Document]:
    """``additionalAttribute`` of an R4 map: those that it has, and one for each further property in use."""
    attributes = objects(concept_map.get("additionalAttribute"))
    known = {_property_of(attribute) for attribute in attributes}
    types: dict[str, str] = {}
    for node in _conditions(concept_map):
        name = node.get("property")
        if isinstance(name, str) and name not in known:
            types[name] = "Coding" if _is_coded(node) else types.get(name, "string")
    codes = {_text(attribute, "code") for attribute in attributes}
    for name, type_ in types.items():
        code = code_of_uri(name, codes)
        codes.add(code)
        attributes.append({"code": code, "uri": name, "type": type_})
    return attributes


def _text(node: Document, key: str) -> str | None:
    value = node.get(key)
    return value if isinstance(value, str) else None


def _property_of(attribute: Document) -> str | None:
    """What R4 calls an attribute: its uri, or, for want of one, its code."""
    return _text(attribute, "uri") or _text(attribute, "code")


def _is_coded(node: Document) -> bool:
    return "system" in node or "display" in node


def _condition_up(node: Document, attributes: dict[str | None, Document]) -> Document:
    attribute = attributes.get(_text(node, "property"), {})
    result = _renamed(without(node, *_CODING), _PROPERTY)
    if "code" in attribute:
        result = {**result, "attribute": attribute["code"]}
    is_known = not _NEWER_VALUES.isdisjoint(node)
    return result if is_known else {**result, **_value_up(node, _text(attribute, "type"))}


def _value_up(node: Document, type_: str | None) -> Document:
    """R5's ``value[x]``: by what R4 says of it, and by what the attribute is declared to be."""
    if node.get("_value") == _UNSUPPORTED or _CODING.keys().isdisjoint(node):
        return {}
    if _is_coded(node) or type_ == "Coding":
        return {"valueCoding": _coding_up(node)}
    if type_ == "boolean" and node.get("value") in ("true", "false"):
        return {"valueBoolean": node["value"] == "true"}
    key = "valueCode" if type_ == "code" else "valueString"
    return {new: node[old] for old, new in (("value", key), ("_value", "_" + key)) if old in node}


def _coding_up(node: Document) -> Document:
    coding = {new: node[old] for old, new in _CODING.items() if old in node}
    url, _, version = (_text(coding, "system") or "").partition("|")
    return {**coding, "system": url, "version": version} if version else coding


def _condition_down(node: Document, attributes: dict[str | None, Document]) -> Document:
    attribute = attributes.get(_text(node, "attribute"), {})
    values = {key: node[key] for key in node if key in _NEWER_VALUES}
    result = _renamed(without(node, *values), _PROPERTY_DOWN)
    name = _property_of(attribute)
    older = _value_down(values)
    result = {**result, "property": name, **older} if name else {**result, **older}
    if _value_up(older, _text(attribute, "type")) == values:
        return result
    return with_extensions(result, crossversion.downgrade(values, _CONDITION).get("extension", ()))


def _value_down(values: Document) -> Document:
    """R4's system, value and display for R5's ``value[x]``; R4 demands a value (or why there is none)."""
    coding = values.get("valueCoding")
    older = _coding_down(coding) if isinstance(coding, dict) else _text_down(values)
    has_value = older.get("value") or "_value" in older
    return older if has_value else {**without(older, "value"), "_value": _UNSUPPORTED}


def _coding_down(coding: Document) -> Document:
    node = {old: coding[new] for old, new in _CODING.items() if new in coding}
    if "system" in coding and "version" in coding:
        return {**node, "system": f"{coding['system']}|{coding['version']}"}
    return node


def _text_down(values: Document) -> Document:
    for key, value in values.items():
        if key == "valueBoolean":
            return {"value": "true" if value else "false"}
        if key == "valueQuantity" and isinstance(value, dict):
            return {"value": " ".join(str(value[part]) for part in ("value", "unit") if part in value)}
        if not key.startswith("_"):
            return {"value": str(value)} | ({"_value": values["_" + key]} if "_" + key in values else {})
    return {}


# -- Parameters: the answer of $translate ---------------------------------------------------------------

_NO_MAP = {"name": "noMap", "valueBoolean": True}
_PRODUCT = {"element": "attribute", "concept": "value"}
_PRODUCT_DOWN = _reversed(_PRODUCT)


def _in_match(edit: Callable[[list[Any]], list[Any]]) -> Edit:
    def in_parameter(parameter: Document) -> Document:
        parts = parameter.get("part")
        if parameter.get("name") != "match" or not isinstance(parts, list):
            return parameter
        return {**parameter, "part": edit(parts)}

    return in_parameter


def _match_down(parts: list[Any]) -> list[Any]:
    return _parts_down(parts, _PARTS_DOWN)


def _match_down_with_source(parts: list[Any]) -> list[Any]:
    return _parts_down(parts, _PARTS_DOWN_WITH_SOURCE)


def _parts_down(parts: list[Any], edits: dict[str, Edit]) -> list[Any]:
    if _NO_MAP not in parts:
        return _with_edits(parts, edits)
    parts = [part for part in parts if part != _NO_MAP and not _is_part(part, "relationship")]
    return [*_with_edits(parts, edits), {"name": "equivalence", "valueCode": _UNMATCHED}]


def _match_up(parts: list[Any]) -> list[Any]:
    has_target = any(_is_part(part, "concept") for part in parts)
    edits = {"equivalence": _no_map_part if not has_target else _equivalence_part_up, "product": _product_up}
    return _with_edits(parts, edits)


def _is_part(part: Any, name: str) -> bool:
    return isinstance(part, dict) and part.get("name") == name


def _with_edits(parts: list[Any], edits: dict[str, Edit]) -> list[Any]:
    """The parts, each with the edit for its name."""
    edited = list(parts)
    for place, part in enumerate(parts):
        name = part.get("name") if isinstance(part, dict) else None
        if isinstance(name, str) and name in edits:
            edited[place] = edits[name](part)
    return edited


def _relationship_part_down(part: Document) -> Document:
    word, part = _word_and_rest(part, part.get("valueCode"))
    part = {**part, "name": "equivalence"}
    return part if word is None else {**part, "valueCode": word}


def _equivalence_part_up(part: Document) -> Document:
    part, word = {**part, "name": "relationship"}, part.get("valueCode")
    return part if word is None else with_extensions({**part, "valueCode": _code(word)}, kept_word(word))


def _no_map_part(part: Document) -> Document:
    is_no_map = part.get("valueCode") == _UNMATCHED and part.keys() <= {"name", "valueCode"}
    return dict(_NO_MAP) if is_no_map else _equivalence_part_up(part)


def _product_up(product: Document) -> Document:
    return inside(product, "part", lambda part: _part_named(part, _PRODUCT))


def _product_down(product: Document) -> Document:
    return inside(product, "part", lambda part: _product_part_down(_part_named(part, _PRODUCT_DOWN)))


def _part_named(part: Document, names: dict[str, str]) -> Document:
    name = _text(part, "name") or ""
    return {**part, "name": names[name]} if name in names else part


def _origin_as_source(part: Document) -> Document:
    return {**_renamed(part, {"valueCanonical": "valueUri"}), "name": "source"}


def _source_as_origin(part: Document) -> Document:
    if "valueUri" not in part:
        return part
    return {**_renamed(part, {"valueUri": "valueCanonical"}), "name": "originMap"}


_PARTS_DOWN: dict[str, Edit] = {"relationship": _relationship_part_down, "product": _product_down}
_PARTS_DOWN_WITH_SOURCE: dict[str, Edit] = _PARTS_DOWN | {"originMap": _origin_as_source}


def _product_part_down(part: Document) -> Document:
    """In R4 an element is a uri, and a product is a code, so a text becomes one without a system."""
    key = next((key for key in part if key.startswith("value")), "")
    if not key or _text(part, "name") not in _PRODUCT:
        return part
    if part["name"] == "element":
        return _renamed(part, {key: "valueUri"})
    text = _value_down({key: part[key]}).get("value")
    return part if key == "valueCoding" or not text else {**without(part, key), "valueCoding": {"code": text}}


# -- TerminologyCapabilities ----------------------------------------------------------------------------


def _content_up(capabilities: Document) -> Document:
    """R5 demands ``content``; R4 cannot say it."""

    def content_unknown(system: Document) -> Document:
        return system if "content" in system or "_content" in system else {**system, "_content": _UNKNOWN}

    return inside(capabilities, "codeSystem", content_unknown)


def _content_down(capabilities: Document) -> Document:
    def no_content(system: Document) -> Document:
        is_unknown = "content" not in system and system.get("_content") == _UNKNOWN
        return without(system, "_content") if is_unknown else system

    return inside(capabilities, "codeSystem", no_content)


_BEFORE_UPGRADE: dict[str, tuple[Edit, ...]] = {"ConceptMap": (_identifiers_up,)}
_AFTER_UPGRADE: dict[str, tuple[Edit, ...]] = {
    "ConceptMap": (_concept_map_up,),
    "Parameters": (lambda parameters: inside(parameters, "parameter", _in_match(_match_up)),),
    "TerminologyCapabilities": (_content_up,),
}
_BEFORE_DOWNGRADE: dict[str, tuple[Edit, ...]] = {
    "ConceptMap": (_identifiers_down, _concept_map_down),
    "Parameters": (lambda parameters: inside(parameters, "parameter", _in_match(_match_down)),),
    "TerminologyCapabilities": (_content_down,),
}
