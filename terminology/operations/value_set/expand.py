"""ValueSet $expand: the list of a value set's codes.

In four steps: the definition is compiled (``compose``), its members are listed (``members``), those of the
page are described (``expansion_entries``), and the answer is written (``wire/write/expansion``).

https://hl7.org/fhir/R5/valueset-operation-expand.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import TerminologyError, UnknownImportError
from terminology.core.languages import Languages
from terminology.core.model import Document, Issue, Typed
from terminology.core.texts import words
from terminology.operations.cost import can_search_again, check_listing
from terminology.operations.dates import check_date
from terminology.operations.limits import (
    LONGEST_FILTER,
    MOST_CORRECTIONS,
    MOST_WORDS,
    STEPS_OF_ENTRY,
    STEPS_OF_PAIR,
)
from terminology.operations.properties import mistyped_properties
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.corrections import corrections
from terminology.operations.value_set.definition_supplements import definition_with_supplements
from terminology.operations.value_set.doubts import doubts_of
from terminology.operations.value_set.expand_by_lists import page_by_lists
from terminology.operations.value_set.expand_by_sets import can_use_sets, page_by_sets
from terminology.operations.value_set.expand_by_walking import page_by_walking
from terminology.operations.value_set.expand_request import ExpandRequest
from terminology.operations.value_set.expansion import Expansion, ExpansionEntry
from terminology.operations.value_set.expansion_entries import EntryOptions, details_of, entry_of
from terminology.operations.value_set.expansion_tree import (
    hidden_parents,
    is_polyhierarchy,
    is_tree,
    tree_of,
)
from terminology.operations.value_set.extensions import display_languages
from terminology.operations.value_set.members import Member, MemberQuery
from terminology.operations.value_set.resolution import (
    remembered,
    requested_value_set,
    with_contained_systems,
)
from terminology.operations.value_set.usable import require_defined, require_usable, unknown_import
from terminology.operations.value_set.used_resources import UsedResources
from terminology.operations.value_set.version_pins import Pins

# The parameters that the expansion repeats as they were in the request: name, type, field of the request.
REPEATED = (
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
# The parameters that a value set may set itself, for requests that do not.
_SET_BY_VALUE_SET = {name: field for name, type_, field in REPEATED if type_ == "boolean"}


def expand(catalogue: Catalogue, request: ExpandRequest) -> Expansion:
    """List the codes of a value set, or a page of them.

    Raises TerminologyError: an unknown value set, import, code system, version or supplement; a version that
    a check forbids; a filter that cannot be used; a value set that imports itself; too many codes.
    """
    check_date(request.date)
    for name, value in (("count", request.count), ("offset", request.offset), ("limit", request.limit)):
        if value is not None and value < 0:
            raise TerminologyError(issues.bad_value(name, value, "0 or more"))
    _require_short_filter(request.filter or "")
    prepared = remembered(
        catalogue,
        request,
        lambda: _prepare(catalogue, request),
        _PreparedExpansion,
        bool(request.filter),
    )
    definition, used = prepared.definition, prepared.used
    document = definition.document
    for field, value in prepared.own_parameters.items():
        if getattr(request, field) is None:
            setattr(request, field, value)
    languages = display_languages(document, request.languages, request.accepted)
    options = _entry_options(request, languages, prepared)
    listed = _listed(prepared, request)
    entries = _entries(prepared, request, options, listed)
    warnings = [] if listed.warning is None else [("warning", Typed("string", listed.warning))]
    return Expansion(
        value_set=catalogue.whole(document) if request.include_definition else document,
        entries=entries,
        total=None if definition.is_infinite else listed.total,
        offset=request.offset,
        parameters=[*_repeated_parameters(request, languages, prepared), *used.parameters, *warnings],
        properties=options.declared_properties,
        unclosed=used.unclosed_concepts if request.exclude_post_coordinated else used.unclosed,
        with_definition=bool(request.include_definition),
        notes=lambda: _notes(prepared, request),
    )


def _require_short_filter(text: str) -> None:
    """Raises TerminologyError for a text whose words would be looked for one after the other in every code."""
    if len(text) > LONGEST_FILTER:
        raise TerminologyError(issues.too_long("filter", len(text), LONGEST_FILTER))
    # Each word has a character, and all but the last one a mark after it.
    if len(text) >= 2 * MOST_WORDS and (number := len(words(text))) > MOST_WORDS:
        raise TerminologyError(issues.too_many_words("filter", number, MOST_WORDS))


def _notes(prepared: _PreparedExpansion, request: ExpandRequest) -> list[Issue]:
    """Warnings about properties and values of filters that no code system of the value set has."""
    if not request.properties:
        return prepared.doubts
    systems = {id(block.system): block.system for block in prepared.blocks() if block.system is not None}
    return [*mistyped_properties(systems.values(), request.properties), *prepared.doubts]


# -- the definition ------------------------------------------------------------------------------


@dataclass
class _PreparedExpansion:
    """The part of an expansion that depends only on the value set and on the versions of the request.

    ``own_parameters`` are those that the value set itself sets, by the field of ``ExpandRequest``.
    """

    definition: Definition
    used: UsedResources
    can_use_sets: bool
    merges_versions: bool
    own_parameters: Mapping[str, bool]

    @property
    def weight(self) -> int:
        return self.definition.weight

    def blocks(self) -> Iterator[Block]:
        """The includes and excludes of the value set and of all that it imports."""
        for part in (self.definition, *self.definition.all_imports()):
            yield from part.blocks()

    @cached_property
    def doubts(self) -> list[Issue]:
        """Warnings about values of filters that no concept has."""
        return doubts_of(self.blocks())


def _prepare(catalogue: Catalogue, request: ExpandRequest) -> _PreparedExpansion:
    pins = Pins.of(request)
    document = requested_value_set(catalogue, request, pins)
    catalogue = with_contained_systems(catalogue, document)
    definition = _definition(catalogue, document, pins, request.supplements)
    check_listing(definition, bool(request.filter))
    return _PreparedExpansion(
        definition,
        UsedResources.of(definition, pins),
        can_use_sets(definition),
        _merges_versions(definition),
        _own_parameters(definition),
    )


def _definition(
    catalogue: Catalogue, document: Document, pins: Pins, supplements: Sequence[str]
) -> Definition:
    try:
        definition, _ = definition_with_supplements(catalogue, document, pins, supplements)
    except UnknownImportError as error:
        raise unknown_import(catalogue, error) from None
    require_defined(definition)
    for part in (definition, *definition.all_imports()):
        for block in part.blocks():
            require_usable(catalogue, block)
    return definition


# -- the parameters ------------------------------------------------------------------------------


def _own_parameters(definition: Definition) -> dict[str, bool]:
    values = {field: definition.parameter(name) for name, field in _SET_BY_VALUE_SET.items()}
    return {field: value == "true" for field, value in values.items() if value is not None}


def _repeated_parameters(
    request: ExpandRequest, languages: Languages | None, prepared: _PreparedExpansion
) -> Iterator[tuple[str, Typed]]:
    for name, type_, field in REPEATED:
        value = getattr(request, field)
        if value is not None:
            for item in value if isinstance(value, list | tuple) else (value,):
                yield name, Typed(type_, item)
    if languages is not None and languages.text:
        yield "displayLanguage", Typed("code", languages.text)
    if prepared.merges_versions:
        yield "versionsMatch", Typed("boolean", True)


def _merges_versions(definition: Definition) -> bool:
    """Whether the same code in two versions of a code system counts as one."""
    versions: dict[str, set[str | None]] = {}
    for block in definition.blocks():
        if block.url is not None and block.url not in definition.version_sensitive:
            versions.setdefault(block.url, set()).add(block.version)
    return any(len(several) > 1 for several in versions.values())


def _entry_options(
    request: ExpandRequest, languages: Languages | None, prepared: _PreparedExpansion
) -> EntryOptions:
    """``designation`` asks for designations, unless ``includeDesignations`` says otherwise."""
    with_designations = request.include_designations
    return EntryOptions(
        languages=languages,
        with_designations=bool(request.designations) if with_designations is None else with_designations,
        designations=request.designations,
        properties=request.properties,
        shown_with_version=prepared.used.shown_with_version,
        listing_blocks=prepared.definition.listing_blocks,
    )


# -- the codes -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Listed:
    """The members of the page, and what they are asked by; ``warning`` where another text had to be searched."""

    query: MemberQuery
    total: int
    page: list[Member]
    warning: str | None = None


def _entries(
    prepared: _PreparedExpansion, request: ExpandRequest, options: EntryOptions, listed: _Listed
) -> list[ExpansionEntry]:
    """The entries of the page; at the top, if they are a tree."""
    definition, page = prepared.definition, listed.page
    can_be_tree = is_tree(definition, request)
    details = details_of(page) if can_be_tree else details_of(page, shown_in=options)
    members = counted(page, _steps_of_entry(request))
    entries = [entry_of(member, detail, options) for member, detail in zip(members, details, strict=True)]
    if can_be_tree and (request.exclude_nested is False or not is_polyhierarchy(details)):
        return tree_of(page, details, entries, hidden_parents(definition, listed.query))
    return entries


def _steps_of_entry(request: ExpandRequest) -> int:
    return STEPS_OF_ENTRY + STEPS_OF_PAIR * (len(request.designations) + len(request.properties))


def _listed(prepared: _PreparedExpansion, request: ExpandRequest) -> _Listed:
    """The members that the request asks for, or else those that a correction of its text finds."""
    query = MemberQuery(
        text=request.filter,
        languages=request.languages or request.accepted,
        active_only=bool(request.active_only),
        selectable_only=bool(request.exclude_not_for_ui),
        excluded_systems=request.exclude_systems,
        only_concepts=bool(request.exclude_post_coordinated),
    )
    listed = _Listed(query, *_page(prepared, request, query))
    if listed.total == 0 and request.filter and can_search_again(prepared.definition, MOST_CORRECTIONS):
        for other in corrections(prepared.definition, request.filter):
            total, page = _page(prepared, request, replace(query, text=other))
            if total:
                return _Listed(query, total, page, issues.found_in_another_spelling(request.filter, other))
    return listed


def _page(
    prepared: _PreparedExpansion, request: ExpandRequest, query: MemberQuery
) -> tuple[int, list[Member]]:
    """The number of all members, and those between ``offset`` and ``offset + count``.

    Raises TerminologyError when the page would have more than ``request.largest``, or without ``count`` more than
    ``request.limit``.
    """
    first = request.offset or 0
    largest = request.largest
    if request.limit is not None and request.count is None:
        largest = min(largest, request.limit)
    last = first + (largest if request.count is None else min(request.count, largest))
    definition = prepared.definition
    page_by = page_by_sets if prepared.can_use_sets else page_by_walking
    page = page_by_lists(definition, query, first, last) or page_by(definition, query, first, last)
    size = page.total - first if request.count is None else min(request.count, page.total - first)
    if size > largest:
        raise TerminologyError(issues.too_costly(definition.canonical, page.total, largest))
    return page.total, page.read()
