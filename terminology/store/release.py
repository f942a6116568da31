"""The releases and rows that importers hand over to the store.

An importer turns files into a ``CodeSystemRelease``, ``MapRelease`` or ``ValueSetRelease`` and a stream of rows; the
store compiles the rows. An importer knows no SQL, and the store knows no file format.

The value of a property is what FHIR's JSON would hold: a ``str``, ``bool`` or ``int``, or a dict for a Coding. A
decimal is a ``decimal.Decimal``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Any

from terminology.core.model import Document
from terminology.store.reporting import Reporter

# A designation of a concept: ``value``, ``language``, ``use`` (a Coding as JSON), and its further elements
# (``additionalUse``, ``extension``) by name.
DesignationTuple = tuple[str, str | None, Document | None, Document | None]
# A property of a concept or mapping: its code, the name of its FHIR type, the value.
PropertyTuple = tuple[str, str, Any]
# A relationship of a concept: its group, its kind, its target, and whether the target is the code of a concept or
# (False) a value as the release writes it. Of the group, None means none, and 0 a group by itself. Equal numbers below
# 0 mark the cells of one row about the concept; their kind is the name of the column.
RelationshipTuple = tuple[int | None, str, str, bool]


@dataclass(slots=True, frozen=True)
class SourceFile:
    """A file from which a release was read; ``size`` is in bytes."""

    name: str
    sha256: str
    size: int

    @staticmethod
    def of(path: Path) -> SourceFile:
        """The description of a file, which is read whole."""
        with path.open("rb") as stream:
            return SourceFile(path.name, file_digest(stream, "sha256").hexdigest(), path.stat().st_size)


@dataclass(slots=True, frozen=True)
class PropertyDeclaration:
    """A property that a code system declares: ``CodeSystem.property``."""

    code: str
    type: str = "string"
    uri: str | None = None
    description: str | None = None


@dataclass(slots=True)
class CodeSystemRelease:
    """A version of a code system.

    * ``kind`` is the name of the importer.
    * ``licence`` is a line for ``terminology status``.
    * ``value_set`` is ``CodeSystem.valueSet``, the canonical of the value set of all concepts.
    * ``case_sensitive`` is None if the release does not say whether case matters.
    * ``unindexed`` are properties that are returned, but cannot be filtered by as they are written.
    * ``in_any_case`` are properties whose values are indexed without their case, whether ``unindexed`` or not.
    * ``header`` has further elements of the CodeSystem resource, in R5 shape and without its concepts; the other
      fields prevail over it.
    * ``as_published`` says that the header is the resource without its concepts, to which nothing is added.
    """

    kind: str
    url: str
    version: str | None = None
    name: str | None = None
    title: str | None = None
    language: str | None = None
    case_sensitive: bool | None = True
    content: str = "complete"
    copyright: str | None = None
    licence: str | None = None
    hierarchy_meaning: str | None = None
    value_set: str | None = None
    properties: Sequence[PropertyDeclaration] = ()
    unindexed: Sequence[str] = ()
    in_any_case: Sequence[str] = ()
    files: Sequence[SourceFile] = ()
    header: Document = field(default_factory=dict)
    as_published: bool = False


@dataclass(slots=True)
class ConceptRow:
    """A concept. Its parents may come after it; a parent that never comes is reported and left out.

    * ``properties`` do not include parents and children. ``inactive``, ``abstract`` and ``status`` are the state of
      the concept; where the code system has properties for them, ``properties`` has these, too.
    * ``place`` is the place of the concept in the release, if rows come in another order: all rows of a release
      have one, or none has.
    * ``line`` is the line in the first file of the release, counted from 1, for later problems; 0 if there is none.

    The last four are for code systems that have more than FHIR's filters can ask for:

    * ``relations`` come in the order of their groups;
    * ``terms`` are further terms by which the concept is found, each the name of a field and a term;
    * ``own`` is JSON that is stored with the concept, and that only its code system reads;
    * ``identifiers`` are those of its parts, numbers from 0 to 2**64 - 1: each leads to the concept, and to its place.
    """

    code: str
    display: str | None = None
    definition: str | None = None
    abstract: bool = False
    inactive: bool = False
    status: str | None = None
    parents: Sequence[str] = ()
    designations: Sequence[DesignationTuple] = ()
    properties: Sequence[PropertyTuple] = ()
    extension: Sequence[Document] = ()
    place: int | None = None
    line: int = 0
    relations: Sequence[RelationshipTuple] = ()
    terms: Sequence[tuple[str, str]] = ()
    own: Any = None
    identifiers: Sequence[int] = ()


@dataclass(slots=True, frozen=True)
class MapGroup:
    """A group of a map: ``ConceptMap.group`` without ``element``.

    ``unmapped`` is that element of the group, as R5 JSON. ``by_value_set`` has the elements (R5 JSON) whose source
    is a value set: they have no rows. ``to_value_sets`` has those whose target is a value set: their rows are not
    found by a target. Both are complete when the last row has been read.
    """

    source: str | None
    target: str | None
    source_version: str | None = None
    target_version: str | None = None
    unmapped: Document | None = None
    by_value_set: list[Document] = field(default_factory=list)
    to_value_sets: list[Document] = field(default_factory=list)


@dataclass(slots=True)
class MapRelease:
    """A version of a concept map.

    A group must be in ``groups`` before its first row is read. ``header`` has further elements of the ConceptMap
    resource, in R5 shape and without ``group``, such as ``additionalAttribute`` and ``property``.
    """

    kind: str
    url: str
    version: str | None = None
    name: str | None = None
    title: str | None = None
    source_scope: str | None = None
    target_scope: str | None = None
    copyright: str | None = None
    licence: str | None = None
    groups: list[MapGroup] = field(default_factory=list)
    files: Sequence[SourceFile] = ()
    header: Document = field(default_factory=dict)


@dataclass(slots=True)
class MapRow:
    """A mapping.

    With ``no_map`` there is nothing to map to, and ``comment`` says why. A row with nothing but a source says that
    the map lists the code.

    ``group`` is the index of the row's group in ``MapRelease.groups``. ``equivalence`` is that of R4, where it says
    more than ``relationship``. The codes in ``depends_on``, ``products`` and ``properties`` are those that the
    header declares, or otherwise whole URIs. ``target_value_set`` is a canonical: all its codes are targets.
    """

    source: str
    target: str | None = None
    relationship: str | None = None
    comment: str | None = None
    source_display: str | None = None
    target_display: str | None = None
    no_map: bool = False
    group: int = 0
    equivalence: str | None = None
    depends_on: Sequence[PropertyTuple] = ()
    products: Sequence[PropertyTuple] = ()
    properties: Sequence[PropertyTuple] = ()
    target_value_set: str | None = None


@dataclass(slots=True)
class ValueSetRelease:
    """A version of a value set.

    ``header`` is the ValueSet resource in R5 shape, in which each ``include.concept``, ``exclude.concept`` and
    ``expansion.contains`` is an empty list.
    """

    kind: str
    url: str
    version: str | None = None
    name: str | None = None
    title: str | None = None
    copyright: str | None = None
    licence: str | None = None
    files: Sequence[SourceFile] = ()
    header: Document = field(default_factory=dict)


@dataclass(slots=True)
class MemberRow:
    """An entry of a list of a value set.

    * ``list_`` is ``include``, ``exclude`` or ``expansion``; ``number`` is the index of the include or exclude.
    * ``place`` counts all entries in the order of the resource; rows may come in another order.
    * ``node`` is the entry as JSON; an inner ``contains`` is an empty list.
    * ``depth`` is how deep the entry is nested in others.
    """

    list_: str
    number: int
    place: int
    node: Document
    depth: int = 0


Row = ConceptRow | MapRow | MemberRow
AnyRelease = CodeSystemRelease | MapRelease | ValueSetRelease


@dataclass(slots=True, frozen=True)
class OpenedCodeSystem:
    """A version of a code system whose files are known.

    ``concepts(reporter)`` reads its rows; a malformed row is reported and left out. It raises
    BrokenReleaseError where a file cannot be read any further, and whatever the reporter raises.
    """

    release: CodeSystemRelease
    concepts: Callable[[Reporter], Iterator[ConceptRow]]


@dataclass(slots=True, frozen=True)
class OpenedConceptMap:
    """A version of a concept map whose files are known. ``mappings`` is as ``OpenedCodeSystem.concepts``."""

    release: MapRelease
    mappings: Callable[[Reporter], Iterator[MapRow]]


@dataclass(slots=True, frozen=True)
class OpenedValueSet:
    """A version of a value set whose files are known. ``members`` is as ``OpenedCodeSystem.concepts``."""

    release: ValueSetRelease
    members: Callable[[Reporter], Iterator[MemberRow]]


Opened = OpenedCodeSystem | OpenedConceptMap | OpenedValueSet


@dataclass(slots=True, frozen=True)
class Importer:
    """How one kind of release is read.

    ``open(paths)`` finds the files and returns each release in them: at least one, since a folder may hold a
    code system and its maps. It raises UnrecognisedReleaseError when the files are not such a release, or
    when one of them is damaged. ``kind`` is the name on the command line, ``description`` and ``expected``
    (the files) are for its help. ``may_be_empty``: a release without a single row is accepted, since a
    resource may have no concepts. ``stating``, of an edition and a version, gives the importer that takes
    the release for these; None where the files alone say which one it is. ``stating_url`` does it of the url of a
    code system, for formats that more code systems have than are known here.
    """

    kind: str
    description: str
    expected: str
    open: Callable[[Sequence[Path]], Sequence[Opened]]
    may_be_empty: bool = False
    stating: Callable[[str | None, str | None], Importer] | None = None
    stating_url: Callable[[str], Importer] | None = None
