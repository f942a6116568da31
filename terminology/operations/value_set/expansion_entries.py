"""The entries of an expansion: the display of each code, and the designations and properties of the request.

Only the codes of the page are described, those of one code system at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from terminology.core.documents import Listing
from terminology.core.languages import (
    PREFERRED_FOR_LANGUAGE,
    STANDARDS_STATUS,
    Languages,
    best_designation,
    best_display,
    uses_of,
)
from terminology.core.model import CodeSystemInfo, ConceptDetail, Designation, Document, Property, Typed
from terminology.operations.value_set.compose import Block
from terminology.operations.value_set.expansion import ExpansionEntry
from terminology.operations.value_set.members import Member
from terminology.systems.metadata import CONCEPT_PROPERTIES, designation_of
from terminology.systems.protocol import CodeSystem

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
    _STRUCTURE + "ordinalValue": ("weight", "decimal"),
    _STRUCTURE + "codesystem-ordinalValue": ("weight", "decimal"),
    _STRUCTURE + "valueset-ordinalValue": ("weight", "decimal"),
}
_TYPES = {"decimal": (int, float, Decimal), "string": (str,)}
# Extensions of concepts and designations that an expansion repeats: those that the ecosystem knows.
REPEATED_EXTENSIONS = frozenset(
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
# The uris of these properties, whatever properties of its own a code system declares.
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
NO_NODE: Node = {}
# The detail of a member whose entry shows nothing of one.
NO_DETAIL = ConceptDetail()


@dataclass(slots=True)
class EntryOptions:
    """What the entries of an expansion have beside code and display.

    ``designations`` and ``properties`` are the parameters ``designation`` and ``property``;
    ``shown_with_version`` are the urls of code systems whose entries have a version. ``declared_properties``
    is an output: the code and uri of each property of the entries so far.
    """

    languages: Languages | None = None
    with_designations: bool = False
    designations: Sequence[str] = ()
    properties: Sequence[str] = ()
    shown_with_version: frozenset[str] = frozenset()
    listing_blocks: Callable[[str, str], Sequence[Block]] = lambda url, code: ()
    declared_properties: dict[str, str | None] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether an entry has only what its concept and the value set have."""
        return self.languages is None and not (self.with_designations or self.properties)


def details_of(members: Sequence[Member], shown_in: EntryOptions | None = None) -> list[ConceptDetail]:
    """Designations and properties of each member, in the same order.

    Where they are needed only for entries with these options, members that show none of them have ``NO_DETAIL``.
    """
    shows_all = shown_in is None or not shown_in.is_plain
    by_block: dict[Block, list[str]] = {}
    for member in members:
        if shows_all or _shows_detail(member):
            by_block.setdefault(member.block, []).append(member.concept.code)
    _read_enumerations(by_block)
    details = {block: block.system.describe(codes) for block, codes in by_block.items() if block.system}
    without = ConceptDetail() if shows_all else NO_DETAIL
    if not details:
        return [without] * len(members)
    nothing: Mapping[str, ConceptDetail] = {}
    return [details.get(m.block, nothing).get(m.concept.code, without) for m in members]


def _shows_detail(member: Member) -> bool:
    """Whether an entry with plain options has something of the detail: its extensions, or a display from there."""
    concept = member.concept
    return concept.may_be_extended or not concept.display or member.block.is_enumerated


def _read_enumerations(codes_by_block: dict[Block, list[str]]) -> None:
    """Read the ``include.concept`` of all codes at once, where a value set is in the store."""
    listings: dict[int, tuple[Listing, list[str]]] = {}
    for block, codes in codes_by_block.items():
        if isinstance(block.enumeration, Listing):
            listings.setdefault(id(block.enumeration), (block.enumeration, []))[1].extend(codes)
    for listing, codes in listings.values():
        if len(codes) > 1:
            listing.among(codes)


def entry_of(member: Member, detail: ConceptDetail, options: EntryOptions) -> ExpansionEntry:
    """The entry of one member."""
    concept, block, about = member.concept, member.block, member.system.about
    if detail is NO_DETAIL and not options.listing_blocks(about.url, concept.code):
        version = about.version if about.url in options.shown_with_version else None
        is_marked = concept.inactive or concept.status or concept.deprecated_by_date
        properties = _properties(member, detail, (), options) if is_marked else ()
        abstract, inactive = concept.abstract, concept.inactive
        return ExpansionEntry(
            about.url, concept.code, concept.display, version, abstract, inactive, (), properties
        )
    node = (block.enumerated_concept(concept.code) if block.is_enumerated else None) or NO_NODE
    blocks = options.listing_blocks(about.url, concept.code)
    if blocks and "display" not in node:
        block, node = stating_block(blocks, concept.code, about) or (block, node)
    display, designations = _display_and_designations(member, detail, node, block, blocks, options)
    extension = [*detail.extension, *node.get("extension", ())] if node else detail.extension
    return ExpansionEntry(
        about.url,
        concept.code,
        display,
        about.version if about.url in options.shown_with_version else None,
        concept.abstract,
        concept.inactive,
        designations,
        _properties(member, detail, extension, options),
        [e for e in extension if _is_repeated(e, node)] if extension else (),
    )


# -- display and designations --------------------------------------------------------------------


def _display_and_designations(
    member: Member,
    detail: ConceptDetail,
    node: Node,
    block: Block,
    blocks: Sequence[Block],
    options: EntryOptions,
) -> tuple[str | None, Sequence[Designation]]:
    """The display, and the other designations if the options ask for them.

    ``node`` is the ``include.concept`` of the value set, in ``block``; or empty. ``blocks``: all that list the code.
    """
    if options.languages is None and not options.with_designations:
        display = node.get("display") or member.concept.display
        # The designations of a stored concept are unpacked when they are read: only where there is no display.
        return display or best_display(None, None, detail.designations, None), ()
    own = _own_designations(blocks, member) if blocks else ()
    if options.languages is None and not (own or "display" in node):
        display = member.concept.display or best_display(None, None, detail.designations, None)
        return display, _requested(detail.designations, options)
    default = _default_designation(member, node, block)
    replaced = _replaced_display(member, node)
    # Of several that are as good, the one of the value set is the display, as in $validate-code.
    best = best_designation(default, [*own, *replaced, *detail.designations], options.languages)
    designations = [*replaced, *detail.designations, *own]
    others = _others(default, designations, best, options) if options.with_designations else ()
    return best.value if best else None, others


def _own_designations(blocks: Sequence[Block], member: Member) -> list[Designation]:
    """The designations of the value set, whichever of the includes that list the code has them."""
    code, about = member.concept.code, member.system.about
    own: dict[tuple[str | None, str], Designation] = {}
    for each in (each for each in blocks if each.version == about.version):
        for node in (each.enumerated_concept(code) or NO_NODE).get("designation", ()):
            designation = designation_of(node, each.value_set.get("language"))
            own.setdefault((designation.language, designation.value), designation)
    return list(own.values())


def stating_block(blocks: Sequence[Block], code: str, about: CodeSystemInfo) -> tuple[Block, Node] | None:
    """The first include that states a display for a code of this version, and its ``include.concept``."""
    for block in blocks:
        if block.version == about.version:
            node = block.enumerated_concept(code)
            if node is not None and "display" in node:
                return block, node
    return None


def _default_designation(member: Member, node: Node, block: Block) -> Designation | None:
    """The display where no language is requested: that of the value set, or else of the code system."""
    language = member.system.about.language
    if "display" in node:
        return Designation(node["display"], block.value_set.get("language") or language)
    display = member.concept.display
    return Designation(display, language, PREFERRED_FOR_LANGUAGE) if display else None


def _replaced_display(member: Member, node: Node) -> list[Designation]:
    """The display of the code system, if the value set has another one."""
    display, language = member.concept.display, member.system.about.language
    if not display or display == node.get("display", display):
        return []
    return [Designation(display, language, PREFERRED_FOR_LANGUAGE)]


def _others(
    default: Designation | None,
    designations: Sequence[Designation],
    display: Designation | None,
    options: EntryOptions,
) -> Sequence[Designation]:
    """The designations of the request without the one that is the display."""
    first = [default] if default is not None and default is not display and default.language else []
    return _requested([other for other in (*first, *designations) if other is not display], options)


def _requested(designations: Sequence[Designation], options: EntryOptions) -> Sequence[Designation]:
    tokens = options.designations
    return [
        _with_repeated_extensions(each) if each.extension else each
        for each in designations
        if not tokens or _is_requested(each, tokens)
    ]


def _with_repeated_extensions(original: Designation) -> Designation:
    extension = [e for e in original.extension if e.get("url") in REPEATED_EXTENSIONS]
    return replace(original, extension=extension)


def _is_requested(candidate: Designation, tokens: Sequence[str]) -> bool:
    """``tokens`` are languages (``urn:ietf:bcp:47|de`` or ``de``) and uses (``system|code``)."""
    uses = uses_of(candidate)
    language = (candidate.language or "").lower()
    for token in tokens:
        system, bar, code = token.rpartition("|")
        if system in ("", LANGUAGE_SYSTEM) and code.lower() == language:
            return True
        if any(use.get("code") == code and (not bar or use.get("system") == system) for use in uses):
            return True
    return False


# -- extensions and properties -------------------------------------------------------------------


def _is_repeated(extension: Document, node: Node) -> bool:
    """Whether the entry has an extension. The standards status of a code system is a property instead."""
    if extension.get("url") == STANDARDS_STATUS:
        return extension in node.get("extension", ())
    return extension.get("url") in REPEATED_EXTENSIONS


def _properties(
    member: Member, detail: ConceptDetail, extensions: Sequence[Document], options: EntryOptions
) -> Sequence[tuple[str, Typed]]:
    """The properties of extensions, the status, and the properties of the request."""
    concept = member.concept
    status = concept.effective_status
    if not (extensions or status or concept.inactive or options.properties):
        return ()
    properties: dict[tuple[str, str], tuple[str, Typed]] = {}
    for extension in extensions:
        target = AS_PROPERTY.get(extension.get("url", ""))
        value = Typed.of(extension) if target else None
        if target and value and isinstance(value.value, _TYPES[target[1]]):
            properties[target[0], ""] = (target[0], Typed(target[1], value.value))
    status = None if status == "active" else status
    if status or concept.inactive:
        properties["status", ""] = ("status", Typed("code", status or "inactive"))
    for code, _ in properties:
        options.declared_properties.setdefault(code, PROPERTY_URI[code])
    if options.properties:
        for property_, uri in _requested_properties(member, detail, options.properties):
            if (property_.code, "") not in properties:
                options.declared_properties.setdefault(property_.code, uri)
                properties[property_.code, str(property_.value)] = (property_.code, property_.typed)
    return list(properties.values())


def _requested_properties(
    member: Member, detail: ConceptDetail, names: Sequence[str]
) -> Iterable[tuple[Property, str | None]]:
    """The properties of a concept whose code or uri is among ``names``, with their uris."""
    uris = property_uris(member.system)
    definition = member.concept.definition
    own = [Property("definition", "string", definition)] if definition else []
    for property_ in (*own, *detail.properties):
        uri = uris.get(property_.code)
        if EVERYTHING in names or property_.code in names or uri in names:
            yield property_, uri


def property_uris(system: CodeSystem) -> Mapping[str, str | None]:
    """The uris of a code system's properties by code, with those that its supplements declare."""
    documents = [system.about.document or {}, *system.supplement_documents]
    nodes = (node for document in documents for node in document.get("property", ()))
    return PROPERTY_URI | {node["code"]: node.get("uri") for node in nodes if "code" in node}
