"""What does a release say, whatever its files look like?

The neutral rows between the importers and the store.

An importer turns files into a ``CodeSystemRelease`` (or ``MapRelease``) and a stream of rows; the store
compiles the rows. An importer knows no SQL, and the store knows no file format.

A value of a property is what FHIR's JSON would hold (``str``, ``bool``, ``int``, or a dict for a Coding),
but for decimals, which are ``decimal.Decimal``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Any

from terminology.core.model import Document
from terminology.store.reporting import Reporter

# One way to say a concept: the text, its language, what it is for (a Coding as JSON), and what else the
# designation has (``additionalUse``, ``extension``), by the names of FHIR.
DesignationTuple = tuple[str, str | None, Document | None, Document | None]
# A property of a concept or mapping: its code, the name of its FHIR type, the value.
PropertyTuple = tuple[str, str, Any]
# A relationship of a concept: the group it stands in (None is "in no group at all", 0 is "in a group by
# itself"), its kind, and the code of a concept or, where ``is_concept`` is False, a value as the release
# writes it.
RelationshipTuple = tuple[int | None, str, str, bool]


@dataclass(slots=True, frozen=True)
class SourceFile:
    """A file that a release was read from."""

    name: str
    sha256: str
    size: int

    @staticmethod
    def of(path: Path) -> SourceFile:
        with path.open("rb") as stream:
            return SourceFile(path.name, file_digest(stream, "sha256").hexdigest(), path.stat().st_size)


@dataclass(slots=True, frozen=True)
class PropertyDeclaration:
    """``CodeSystem.property``."""

    code: str
    type: str = "string"
    uri: str | None = None
    description: str | None = None


@dataclass(slots=True)
class CodeSystemRelease:
    """A version of a code system.

    ``kind`` is the importer's name. ``licence`` is a line for ``terminology status``. ``header`` has further
    elements of the CodeSystem resource, in R5 shape and without its concepts; what the other fields say
    prevails. ``value_set`` is the canonical of everything in the code system. ``unindexed`` are properties
    that are shown, and that nobody can filter by. ``as_published``: the header is all of the resource but its
    concepts, and nothing is added to it.
    """

    kind: str
    url: str
    version: str | None = None
    name: str | None = None
    title: str | None = None
    language: str | None = None
    case_sensitive: bool = True
    content: str = "complete"
    copyright: str | None = None
    licence: str | None = None
    hierarchy_meaning: str | None = None
    value_set: str | None = None
    properties: Sequence[PropertyDeclaration] = ()
    unindexed: Sequence[str] = ()
    files: Sequence[SourceFile] = ()
    header: Document = field(default_factory=dict)
    as_published: bool = False


@dataclass(slots=True)
class ConceptRow:
    """A concept. Parents may come after their children; one that never comes is reported and left out.

    Parents and children are no ``properties``. ``inactive``, ``abstract`` and ``status`` are what the
    concept is; where the code system states them as properties, they stand in ``properties``, too.
    ``place`` is where the concept stands in the release, if rows come in another order than that: all rows
    of a release have one, or none has. ``line`` is that of the first file of the release, counted from 1, for
    what is said of the row afterwards; 0 where there is none.

    The last three are for code systems that know more than FHIR's filters ask: ``relations``, which come in
    the order of their groups; ``terms``, by which a concept is found (a name, a term) besides its texts and
    properties; and ``own``, JSON that is kept with the concept and that only its code system reads.
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


@dataclass(slots=True, frozen=True)
class MapGroup:
    """``ConceptMap.group`` without its elements. ``unmapped`` is that element of it, as R5 JSON.

    ``by_value_set`` has those elements that say something of a whole value set (R5 JSON), which are no rows.
    They are known when the last row has been read.
    """

    source: str | None
    target: str | None
    source_version: str | None = None
    target_version: str | None = None
    unmapped: Document | None = None
    by_value_set: list[Document] = field(default_factory=list)


@dataclass(slots=True)
class MapRelease:
    """A version of a concept map.

    A group must be in ``groups`` before its first row is read. ``header`` has further elements of the
    ConceptMap resource, in R5 shape and without ``group``: ``additionalAttribute`` and ``property`` among
    them.
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
    """One mapping. ``no_map``: there is nothing to map to, and ``comment`` says why. A row with nothing but a
    source says that the map lists the code.

    ``group`` is the place of the row's group in ``MapRelease.groups``. ``word`` is the R4 equivalence, where
    it says more than ``relationship``. The codes in ``depends_on``, ``products`` and ``properties`` are
    those that the header declares, or else whole uris.
    """

    source: str
    target: str | None = None
    relationship: str | None = None
    comment: str | None = None
    source_display: str | None = None
    target_display: str | None = None
    no_map: bool = False
    group: int = 0
    word: str | None = None
    depends_on: Sequence[PropertyTuple] = ()
    products: Sequence[PropertyTuple] = ()
    properties: Sequence[PropertyTuple] = ()


@dataclass(slots=True)
class ValueSetRelease:
    """A version of a value set.

    ``header`` is the ValueSet resource in R5 shape, but for the entries of its lists: each
    ``include.concept``, ``exclude.concept`` and ``expansion.contains`` stands there empty, in its place.
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
    """An entry of a list of a value set: of ``compose.include`` or ``compose.exclude`` with a number, or of
    the ``expansion``.

    ``place`` counts all entries in the order of the resource; rows may come in another one. ``node`` is the
    entry as JSON, what it contains taken out (``contains`` stands empty in its place). ``depth`` is how deep
    it is nested in others.
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
    resource may have no concepts.
    """

    kind: str
    description: str
    expected: str
    open: Callable[[Sequence[Path]], Sequence[Opened]]
    may_be_empty: bool = False
