"""What is said of a code in an expansion: its display, and what else was asked for.

Only the codes of the page that is returned are described, those of one code system at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from terminology.core.documents import Listing
from terminology.core.languages import PREFERRED_FOR_LANGUAGE, STANDARDS_STATUS, Languages, best_designation
from terminology.core.model import ConceptDetail, Designation, Document, Property, Typed
from terminology.operations.value_set.definition import Block
from terminology.operations.value_set.expand_by_walking import Member
from terminology.operations.value_set.expansion import Entry
from terminology.systems.protocol import CodeSystem
from terminology.systems.resource import CONCEPT_PROPERTIES, designation_of

EVERYTHING = "*"
LANGUAGE_SYSTEM = "urn:ietf:bcp:47"

_STRUCTURE = "http://hl7.org/fhir/StructureDefinition/"

# Extensions of a concept that an expansion has as properties: the code and the type of the property.
AS_PROPERTY = {
    _STRUCTURE + "codesystem-conceptOrder": ("order", "decimal"),
    _STRUCTURE + "valueset-conceptOrder": ("order", "decimal"),
    _STRUCTURE + "codesystem-label": ("label", "string"),
    _STRUCTURE + "valueset-label": ("label", "string"),
    _STRUCTURE + "itemWeight": ("weight", "decimal"),
    _STRUCTURE + "codesystem-ordinalValue": ("weight", "decimal"),
    _STRUCTURE + "valueset-ordinalValue": ("weight", "decimal"),
}
_TYPES = {"decimal": (int, float, Decimal), "string": (str,)}
# Extensions that stay what they are: those that the ecosystem knows, of concepts and of designations.
KEPT = frozenset(
    _STRUCTURE + name
    for name in (
        "alternate-code-status",
        "alternate-code-use",
        "codesystem-alternate",
        "coding-sctdescid",
        "rendering-style",
        "rendering-xhtml",
        "structuredefinition-standards-status",
        "translation",
        "valueset-concept-definition",
        "valueset-deprecated",
    )
)
# What these mean, whatever a code system calls its own properties.
PROPERTY_URI = {
    code: CONCEPT_PROPERTIES + meaning
    for code, meaning in {
        "order": "order",
        "label": "label",
        "weight": "itemWeight",
        "status": "status",
        "definition": "definition",
        "parent": "parent",
        "child": "child",
        "inactive": "inactive",
        "notSelectable": "notSelectable",
    }.items()
}

Node = dict[str, Any]
NOTHING: Node = {}


@dataclass(slots=True)
class Decoration:
    """What is to be said of each code. ``used`` fills with the properties that were said, and their uris."""

    languages: Languages | None = None
    with_designations: bool = False
    designations: Sequence[str] = ()
    properties: Sequence[str] = ()
    with_versions: frozenset[str] = frozenset()
    used: dict[str, str | None] = field(default_factory=dict)


def details(members: Sequence[Member]) -> list[ConceptDetail]:
    """What is known of each member, in the same order."""
    _read_ahead(members)
    by_block: dict[Block, list[str]] = {}
    for member in members:
        by_block.setdefault(member.block, []).append(member.concept.code)
    known = {block: block.system.describe(codes) for block, codes in by_block.items() if block.system}
    return [known[m.block].get(m.concept.code) or ConceptDetail() for m in members]


def _read_ahead(members: Sequence[Member]) -> None:
    """What value sets that lie elsewhere say of these codes, at once."""
    listed: dict[int, tuple[Listing, list[str]]] = {}
    for member in members:
        codes = member.block.listed
        if isinstance(codes, Listing):
            listed.setdefault(id(codes), (codes, []))[1].append(member.concept.code)
    for codes, wanted in listed.values():
        if len(wanted) > 1:
            codes.among(wanted)


def entry(member: Member, detail: ConceptDetail, decoration: Decoration) -> Entry:
    """One member as it is shown."""
    concept, block, about = member.concept, member.block, member.system.about
    listed = (block.listing(concept.code) if block.is_enumerated else None) or NOTHING
    display, designations = _said(member, detail, listed, decoration)
    extension = [*detail.extension, *listed.get("extension", ())] if listed else detail.extension
    return Entry(
        about.url,
        concept.code,
        display,
        about.version if about.url in decoration.with_versions else None,
        concept.abstract,
        concept.inactive,
        designations,
        _properties(member, detail, extension, decoration),
        [e for e in extension if _is_kept(e, listed)] if extension else (),
    )


# -- how it is said ------------------------------------------------------------------------------


def _said(
    member: Member, detail: ConceptDetail, listed: Node, decoration: Decoration
) -> tuple[str | None, Sequence[Designation]]:
    """The display, and the designations beside it."""
    says_more = "display" in listed or "designation" in listed
    if decoration.languages is None and not (says_more and decoration.with_designations):
        beside = _asked(detail.designations, decoration) if decoration.with_designations else ()
        return listed.get("display", member.concept.display or None), beside
    usual = _usual(member, listed)
    others = [*_own_display(member, listed), *detail.designations]
    others += [designation_of(node) for node in listed.get("designation", ())]
    shown = best_designation(usual, others, decoration.languages)
    beside = _designations(usual, others, shown, decoration) if decoration.with_designations else ()
    return shown.value if shown else None, beside


def _usual(member: Member, listed: Node) -> Designation | None:
    """How a concept is said when no language is asked for; a value set may say it in its own way."""
    language = member.system.about.language
    if "display" in listed:
        return Designation(listed["display"], member.block.value_set.get("language") or language)
    display = member.concept.display
    return Designation(display, language, PREFERRED_FOR_LANGUAGE) if display else None


def _own_display(member: Member, listed: Node) -> list[Designation]:
    """The code system's display, where the value set has another one."""
    display, language = member.concept.display, member.system.about.language
    if not display or display == listed.get("display", display):
        return []
    return [Designation(display, language, PREFERRED_FOR_LANGUAGE)]


def _designations(
    usual: Designation | None,
    others: Sequence[Designation],
    shown: Designation | None,
    decoration: Decoration,
) -> Sequence[Designation]:
    """All ways to say it but the one that is shown as display, as far as they were asked for."""
    moved = [usual] if usual is not None and usual is not shown and usual.language else []
    return _asked([other for other in (*moved, *others) if other is not shown], decoration)


def _asked(others: Sequence[Designation], decoration: Decoration) -> Sequence[Designation]:
    tokens = decoration.designations
    return [
        _kept(other) if other.extension else other
        for other in others
        if not tokens or _is_asked_for(other, tokens)
    ]


def _kept(other: Designation) -> Designation:
    return replace(other, extension=[e for e in other.extension if e.get("url") in KEPT])


def _is_asked_for(other: Designation, tokens: Sequence[str]) -> bool:
    """``tokens`` are languages (``urn:ietf:bcp:47|de`` or ``de``) and uses (``system|code``)."""
    uses = [use for use in (other.use, *other.additional_use) if use]
    language = (other.language or "").lower()
    for token in tokens:
        system, bar, code = token.rpartition("|")
        if system in ("", LANGUAGE_SYSTEM) and code.lower() == language:
            return True
        if any(use.get("code") == code and (not bar or use.get("system") == system) for use in uses):
            return True
    return False


# -- what else is known --------------------------------------------------------------------------


def _is_kept(extension: Document, listed: Node) -> bool:
    """Of the code system's extensions the status is told as a property."""
    if extension.get("url") == STANDARDS_STATUS:
        return extension in listed.get("extension", ())
    return extension.get("url") in KEPT


def _properties(
    member: Member, detail: ConceptDetail, extensions: Sequence[Document], decoration: Decoration
) -> Sequence[tuple[str, Typed]]:
    concept = member.concept
    if not (extensions or concept.status or concept.inactive or decoration.properties):
        return ()
    said: dict[tuple[str, str], tuple[str, Typed]] = {}
    for extension in extensions:
        known = AS_PROPERTY.get(extension.get("url", ""))
        value = Typed.of(extension) if known else None
        if known and value and isinstance(value.value, _TYPES[known[1]]):
            said[known[0], ""] = (known[0], Typed(known[1], value.value))
    status = concept.status if concept.status != "active" else None
    if status or concept.inactive:
        said["status", ""] = ("status", Typed("code", status or "inactive"))
    for code in said:
        decoration.used.setdefault(code[0], PROPERTY_URI[code[0]])
    if decoration.properties:
        for property_, uri in _asked_for(member, detail, decoration.properties):
            if (property_.code, "") not in said:
                decoration.used.setdefault(property_.code, uri)
                said[property_.code, str(property_.value.value)] = (property_.code, property_.value)
    return list(said.values())


def _asked_for(
    member: Member, detail: ConceptDetail, names: Sequence[str]
) -> Iterable[tuple[Property, str | None]]:
    """The properties of a concept whose code or uri was asked for, with their uris."""
    uris = property_uris(member.system)
    definition = member.concept.definition
    own = [Property("definition", Typed("string", definition))] if definition else []
    for property_ in (*own, *detail.properties):
        uri = uris.get(property_.code)
        if EVERYTHING in names or property_.code in names or uri in names:
            yield property_, uri


def property_uris(system: CodeSystem) -> Mapping[str, str | None]:
    """The uris of a code system's properties, and of those that its supplements declare."""
    documents = [system.about.document or {}, *system.supplement_documents]
    declared = (node for document in documents for node in document.get("property", ()))
    return PROPERTY_URI | {node["code"]: node.get("uri") for node in declared if "code" in node}
