"""ValueSet $expand: which codes are these? (https://hl7.org/fhir/R5/valueset-operation-expand.html)

In four steps, each a module: the definition is compiled (``compose``), its members are walked through
(``members``), those of the page are told of (``decorate``), and all is written (``wire/write_expansion``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError, UnknownImportError
from terminology.core.languages import STANDARDS_STATUS, Languages
from terminology.core.model import ConceptDetail, Document, Typed
from terminology.operations.cost import check_listing
from terminology.operations.limits import DEEPEST_TREE
from terminology.operations.value_set.definition import (
    Block,
    Definition,
    canonical,
    definition_of,
    described_only,
    find_value_set,
    meant_by,
    supplements_of,
)
from terminology.operations.value_set.expand_by_sets import can_count, counted_part
from terminology.operations.value_set.expand_by_walking import Member, Part, Wanted, listed_part, walked_part
from terminology.operations.value_set.expansion import Entry, ExpandRequest, Expansion
from terminology.operations.value_set.expansion_entries import Decoration, details, entry
from terminology.operations.value_set.pins import SYSTEM_PARAMETER, Pins, pinned

# The parameters that are echoed as they were given: name, type, field of the request.
ECHOED = (
    ("activeOnly", "boolean", "active_only"),
    ("count", "integer", "count"),
    ("designation", "string", "designations"),
    ("exclude-system", "uri", "exclude_systems"),
    ("excludeNested", "boolean", "exclude_nested"),
    ("excludeNotForUI", "boolean", "exclude_not_for_ui"),
    ("filter", "string", "filter"),
    ("includeDefinition", "boolean", "include_definition"),
    ("includeDesignations", "boolean", "include_designations"),
    ("offset", "integer", "offset"),
)
# What a value set may say for itself, where the request is silent.
_OWN = {name: field_ for name, type_, field_ in ECHOED if type_ == "boolean"}


def expand(catalogue: Catalogue, request: ExpandRequest) -> Expansion:
    """List the codes of a value set.

    Raises TerminologyError: unknown value set, import, code system, version or supplement; a version that a
    check forbids; a filter that cannot be used; a value set that includes itself; too many codes.
    """
    prepared = _prepared(catalogue, request)
    definition, used = prepared.definition, prepared.used
    document = definition.document
    _inherit(request, definition)
    languages = _languages(request, definition)
    decoration = _decoration(request, languages, used)
    total, entries = _entries(prepared, request, decoration)
    return Expansion(
        value_set=catalogue.whole(document) if request.include_definition else document,
        entries=entries,
        total=total,
        offset=request.offset,
        parameters=[*_echoed(request, languages, definition), *used.parameters],
        properties=decoration.used,
        unclosed=used.unclosed,
        with_definition=bool(request.include_definition),
    )


# -- the question --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Prepared:
    """What depends on the value set and the versions asked for, and not on what is asked of it."""

    definition: Definition
    used: Used
    can_count: bool

    @property
    def weight(self) -> int:
        return self.definition.weight


def _prepared(catalogue: Catalogue, request: ExpandRequest) -> _Prepared:
    """Made once for each catalogue, of a value set that did not come with the request."""
    for name, value in (("count", request.count), ("offset", request.offset)):
        if value is not None and value < 0:
            raise TerminologyError(issues.bad_value(name, value, "0 or more"))
    if request.instance is not None or request.value_set is not None:
        return _prepare(catalogue, request)
    asked = (request.url, request.value_set_version, bool(request.filter), tuple(request.supplements))
    made = catalogue.cache.get((_Prepared, asked, pinned(request)), lambda: _prepare(catalogue, request))
    assert isinstance(made, _Prepared)
    return made


def _prepare(catalogue: Catalogue, request: ExpandRequest) -> _Prepared:
    pins = Pins.of(request)
    document = _asked_for(catalogue, request, pins)
    supplements = supplements_of(catalogue, document, request.supplements)
    definition = _definition(catalogue, document, pins, supplements)
    quick = can_count(definition)
    check_listing(definition, bool(request.filter))
    return _Prepared(definition, Used.by(catalogue, definition), quick)


def _asked_for(catalogue: Catalogue, request: ExpandRequest, pins: Pins) -> Document:
    given = request.instance or request.value_set
    if given is not None:
        if given.get("resourceType") != "ValueSet":
            raise TerminologyError(issues.bad_value("valueSet", given.get("resourceType"), "a ValueSet"))
        return meant_by(given, request.url)
    if request.url is None and request.context is not None:
        raise TerminologyError(issues.context_not_supported(request.context))
    if request.url is None:
        raise TerminologyError(issues.missing_parameter("'url' or 'valueSet'"))
    return find_value_set(catalogue, request.url, request.value_set_version, pins)


def _definition(
    catalogue: Catalogue, document: Document, pins: Pins, supplements: list[Document]
) -> Definition:
    try:
        definition = definition_of(catalogue, document, pins, supplements)
    except UnknownImportError as error:
        is_system = catalogue.find_system(error.url) is not None
        raise TerminologyError(issues.unknown_import(error.url, error.version, is_system)) from None
    if not definition.is_defined:
        raise TerminologyError(issues.undefined_value_set(definition.canonical))
    for part in (definition, *definition.imports()):
        for block in part.blocks():
            _check(catalogue, block)
    return definition


def _check(catalogue: Catalogue, block: Block) -> None:
    """Every code system must be here, in a version that is allowed."""
    if block.url is None:
        return
    if block.system is None:
        other = catalogue.find_system(block.url)
        usable = other is not None and not other.about.is_example
        known = catalogue.known_versions("CodeSystem", block.url) if usable else []
        unknown = issues.unknown_system_to_expand(block.url, block.choice.version, known)
        raise TerminologyError(described_only(catalogue, block.url, unknown))
    if not block.is_allowed:
        found, required = block.version or "", block.choice.required or ""
        raise TerminologyError(issues.version_not_allowed(block.url, found, required))


def _inherit(request: ExpandRequest, definition: Definition) -> None:
    for name, field_ in _OWN.items():
        if getattr(request, field_) is None and (own := definition.parameter(name)) is not None:
            setattr(request, field_, own == "true")


def _languages(request: ExpandRequest, definition: Definition) -> Languages | None:
    """The display language: tx-ecosystem, "languages", order of priority."""
    if request.languages is not None:
        return request.languages
    own = definition.parameter("displayLanguage")
    if own:
        return Languages.parse(own)
    if request.accepted is not None:
        return request.accepted
    stated = definition.document.get("language")
    return Languages.parse(stated) if stated else None


# -- what is used --------------------------------------------------------------------------------


@dataclass(slots=True)
class Used:
    """The resources that an expansion rests on, as expansion parameters."""

    parameters: list[tuple[str, Typed]] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)
    versions: dict[str, set[str | None]] = field(default_factory=dict)
    needing: set[str] = field(default_factory=set)

    @staticmethod
    def by(catalogue: Catalogue, definition: Definition) -> Used:
        used = Used()
        root = definition.document
        used._note_status(root, root)
        for part in (definition, *definition.imports()):
            if part is not definition:
                used._add("used-valueset", part.canonical)
                used._note_status(part.document, root)
            for block in part.blocks():
                used._note(block, root)
        return used

    @property
    def ambiguous(self) -> frozenset[str]:
        """The code systems that are used in several versions, or whose codes mean nothing without one."""
        several = (url for url, versions in self.versions.items() if len(versions) > 1)
        return frozenset((*several, *self.needing))

    def _add(self, name: str, uri: str) -> None:
        parameter = (name, Typed("uri", uri))
        if parameter not in self.parameters:
            self.parameters.append(parameter)

    def _note(self, block: Block, root: Document) -> None:
        if block.system is None or block.url is None:
            return
        about = block.system.about
        self.versions.setdefault(about.url, set()).add(about.version)
        if (about.document or {}).get("versionNeeded") is True:
            self.needing.add(about.url)
        self._add("used-codesystem", about.canonical)
        if about.is_fragment:
            self._add("used-fragment", about.canonical)
            self._note_unclosed(issues.fragment_is_unclosed(about))
        if block.choice.by in SYSTEM_PARAMETER:
            self._add(SYSTEM_PARAMETER[block.choice.by], f"{block.url}|{block.choice.version}")
        for supplement in block.system.supplements:
            self._add("used-supplement", supplement)
        reason = None if block.is_enumerated else block.selection.unclosed
        if reason:
            self._note_unclosed(reason)
        self._note_status(about.document or {}, root)

    def _note_unclosed(self, reason: str) -> None:
        if reason not in self.unclosed:
            self.unclosed.append(reason)

    def _note_status(self, document: Document, root: Document) -> None:
        warning = _warning(document, root)
        if warning:
            self._add(warning, canonical(document))


def _warning(document: Document, root: Document) -> str | None:
    """What a user should know of a resource that is used, unless the value set asked for says the same."""
    standing = _standing(document)
    if standing in ("deprecated", "withdrawn"):
        return f"warning-{standing}"
    if document.get("status") == "retired":
        return "warning-retired"
    if document.get("experimental") and not root.get("experimental"):
        return "warning-experimental"
    if "draft" in (document.get("status"), standing) and "draft" not in (root.get("status"), _standing(root)):
        return "warning-draft"
    return None


def _standing(document: Document) -> str | None:
    marks = (e for e in document.get("extension", ()) if e.get("url") == STANDARDS_STATUS)
    return next((mark.get("valueCode") for mark in marks), None)


def _echoed(
    request: ExpandRequest, languages: Languages | None, definition: Definition
) -> Iterator[tuple[str, Typed]]:
    for name, type_, field_ in ECHOED:
        value = getattr(request, field_)
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None:
                yield name, Typed(type_, item)
    if languages is not None and languages.text:
        yield "displayLanguage", Typed("code", languages.text)
    if _merges_versions(definition):
        yield "versionsMatch", Typed("boolean", True)


def _merges_versions(definition: Definition) -> bool:
    """Are there several versions of a code system whose codes are taken as the same?"""
    versions: dict[str, set[str | None]] = {}
    for block in definition.blocks():
        if block.url is not None and block.url not in definition.split:
            versions.setdefault(block.url, set()).add(block.version)
    return any(len(several) > 1 for several in versions.values())


# -- the codes -----------------------------------------------------------------------------------


def _decoration(request: ExpandRequest, languages: Languages | None, used: Used) -> Decoration:
    asked = request.include_designations
    return Decoration(
        languages=languages,
        with_designations=bool(asked) or (asked is None and bool(request.designations)),
        designations=request.designations,
        properties=request.properties,
        with_versions=used.ambiguous,
    )


def _entries(prepared: _Prepared, request: ExpandRequest, decoration: Decoration) -> tuple[int, list[Entry]]:
    """How many codes there are, and those that were asked for."""
    wanted = Wanted(
        text=request.filter,
        languages=request.languages or request.accepted,
        active_only=bool(request.active_only),
        selectable_only=bool(request.exclude_not_for_ui),
        excluded_systems=request.exclude_systems,
    )
    total, page = _page(prepared, request, wanted)
    known = details(page)
    entries = [entry(member, detail, decoration) for member, detail in zip(page, known, strict=True)]
    return total, nested(page, known, entries) if _is_nested(prepared.definition, request) else entries


def _page(prepared: _Prepared, request: ExpandRequest, wanted: Wanted) -> tuple[int, list[Member]]:
    """The number of members, and those between ``offset`` and ``offset + count``."""
    first = request.offset or 0
    last = first + (request.largest if request.count is None else min(request.count, request.largest))
    definition = prepared.definition
    walked = counted_part if prepared.can_count else walked_part
    found: Part = listed_part(definition, wanted, first, last) or walked(definition, wanted, first, last)
    asked = found.total - first if request.count is None else min(request.count, found.total - first)
    if asked > request.largest:
        raise TerminologyError(issues.too_costly(definition.canonical, found.total, request.largest))
    return found.total, found.read()


def _is_nested(definition: Definition, request: ExpandRequest) -> bool:
    """Is the expansion a tree? A page, a list of hits and what value sets enumerate or combine is flat."""
    if request.exclude_nested or request.count is not None or request.offset is not None:
        return False
    if definition.excludes or len(definition.includes) != 1:
        return False
    block = definition.includes[0]
    is_search = bool(request.filter) and not block.filters
    return block.url is not None and not block.is_enumerated and not block.imports and not is_search


def nested(page: list[Member], known: list[ConceptDetail], entries: list[Entry]) -> list[Entry]:
    """The entries as a tree: each beneath its first parent that is here, too.

    They stay a list where the tree would be deeper than ``DEEPEST_TREE``: readers of JSON and XML give up on
    what is nested without end.
    """
    by_code = {member.concept.code: entry for member, entry in zip(page, entries, strict=True)}
    roots: list[Entry] = []
    below: dict[str, list[Entry]] = {}
    tops = {code: code for code in by_code}
    for detail, own in zip(known, entries, strict=True):
        parents = (p.value.value for p in detail.properties if p.code == "parent")
        # Beneath its own top a code would stand beneath itself: the hierarchy goes in a circle.
        parent = next((p for p in parents if p in by_code and _top(p, tops) != own.code), None)
        tops[own.code] = own.code if parent is None else parent
        (roots if parent is None else below.setdefault(parent, [])).append(own)
    if _is_deeper(roots, below, DEEPEST_TREE):
        return entries
    for code, inner in below.items():
        by_code[code].contains = inner
    return roots


def _top(code: str, tops: dict[str, str]) -> str:
    """The code at the top of the tree so far; the way there is made shorter for those who come after."""
    while tops[code] != code:
        tops[code] = tops[tops[code]]
        code = tops[code]
    return code


def _is_deeper(roots: list[Entry], below: dict[str, list[Entry]], limit: int) -> bool:
    level = roots
    for _ in range(limit):
        level = [inner for outer in level for inner in below.get(outer.code, ())]
    return bool(level)
