"""The index of a release of SNOMED CT: the sets of numbers on which expressions are evaluated."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from terminology.core.cache import Cache
from terminology.core.model import CodeSystemInfo
from terminology.store.artifacts import Artifact
from terminology.store.relations import (
    ALONE,
    GROUPED,
    KINDS,
    LINKED,
    OWNERS,
    ROW_CONCEPTS,
    ROW_OWNERS,
    ROW_VALUES,
    VALUED,
    RelationshipTable,
    kinds_of,
    owners_of,
    part_of,
    table_of,
)
from terminology.store.schema import INACTIVE, INNER, MARK
from terminology.systems.snomed.identifiers import MEMBER, SIGNATURE

if TYPE_CHECKING:
    from pyroaring import BitMap

# How many bytes of tables of relationships are cached.
ROOM = 6 * 1024 * 1024


class ReleaseIndex:
    """The sets of one version of SNOMED CT, as the store keeps them."""

    def __init__(self, artifact: Artifact, about: CodeSystemInfo) -> None:
        self.artifact, self.about = artifact, about
        self._tables: Cache[RelationshipTable] = Cache(ROOM, lambda table: table.bytes)

    @property
    def is_whole(self) -> bool:
        """Was it imported from RF2? Only then it has everything that expressions need."""
        return SIGNATURE in self.artifact.header.fields

    def set_of(self, ords: Iterable[int] = ()) -> BitMap:
        return self.artifact.set_of(ords)

    @cached_property
    def all(self) -> BitMap:
        return self.artifact.all()

    @cached_property
    def active(self) -> BitMap:
        return self.all - self.inactive

    @property
    def inner(self) -> BitMap:
        """The concepts that have children."""
        return self.artifact.posting(MARK, INNER)

    @property
    def inactive(self) -> BitMap:
        return self.artifact.posting(MARK, INACTIVE)

    # -- terms -------------------------------------------------------------------------------

    def having(self, name: str, terms: Iterable[str]) -> BitMap:
        """The concepts that have one of these terms."""
        field = self.artifact.header.fields.get(name)
        return self.set_of() if field is None else self.artifact.postings(field, terms)

    def terms(self, name: str, beginning: str = "") -> Iterator[tuple[str, BitMap]]:
        field = self.artifact.header.fields.get(name)
        return iter(()) if field is None else self.artifact.terms(field, beginning)

    def among(self, codes: Sequence[str], chosen: BitMap) -> list[str]:
        """The codes whose concepts are among ``chosen``."""
        numbers = self.artifact.ords(codes)
        return [code for code in codes if code in numbers and numbers[code] in chosen]

    @cached_property
    def refsets(self) -> list[str]:
        """The reference sets that have concepts."""
        return [term for term, _ in self.terms(MEMBER)]

    # -- rows of reference sets --------------------------------------------------------------

    @cached_property
    def row_owners(self) -> array[int]:
        """The concept of each row; the rows of a concept follow one another."""
        part = self.artifact.part(ROW_OWNERS)
        return owners_of(part) if part else array("I")

    @cached_property
    def columns(self) -> dict[str, set[str]]:
        """The names of the columns of each reference set."""
        columns: dict[str, set[str]] = defaultdict(set)
        for kind in (*self.kinds(ROW_CONCEPTS), *self.kinds(ROW_VALUES)):
            refset, _, name = kind.partition(" ")
            columns[refset].add(name)
        return dict(columns)

    def cells(self, refset: str, column: str, table: str) -> RelationshipTable | None:
        """The cells of a column that are concepts (``ROW_CONCEPTS``) or values; None where there are none."""
        kind = f"{refset} {column}"
        return self.table(table, kind) if kind in self._kinds.get(table, ()) else None

    # -- relationships -----------------------------------------------------------------------

    @cached_property
    def _kinds(self) -> dict[str, list[str]]:
        part = self.artifact.part(KINDS)
        return kinds_of(part) if part else {}

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """The numbers of all kinds of relationships."""
        tables = (self._kinds.get(table, ()) for table in (GROUPED, VALUED, LINKED))
        return self.artifact.ords({kind for kinds in tables for kind in kinds})

    def kinds(self, table: str, among: BitMap | None = None) -> list[str]:
        """The kinds of relationships that have such a table: all, or those among some concepts."""
        kinds, numbers = self._kinds.get(table, []), self._numbers
        return kinds if among is None else [k for k in kinds if k in numbers and numbers[k] in among]

    def table(self, table: str, kind: str) -> RelationshipTable:
        return self._tables.get((table, kind), lambda: self._table(table, kind))

    def _table(self, table: str, kind: str) -> RelationshipTable:
        part = self.artifact.part(part_of(table, kind))
        assert part is not None, f"the store names {kind} and does not have it"
        return table_of(part, table in (VALUED, ROW_VALUES))

    def tables(self, table: str, kinds: Iterable[str]) -> list[RelationshipTable]:
        return [self.table(table, kind) for kind in kinds]

    @cached_property
    def owners(self) -> array[int]:
        """The concept of each group."""
        part = self.artifact.part(OWNERS)
        return owners_of(part) if part else array("I")

    @cached_property
    def groups(self) -> BitMap:
        """The numbers of the role groups; a relationship in role group 0 is in none of them."""
        part = self.artifact.part(ALONE)
        whole = self.set_of(range(len(self.owners)))
        return whole - type(whole).deserialize(part) if part else whole

    @cached_property
    def alone(self) -> BitMap:
        """The numbers that stand for the relationships of a concept in role group 0."""
        return self.set_of(range(len(self.owners))) - self.groups

    @cached_property
    def grouped(self) -> BitMap:
        """The concepts that have relationships besides ``Is a``."""
        return self.set_of(self.owners)

    @cached_property
    def group_counts(self) -> Counter[int]:
        """How many groups each concept has; role group 0 counts as one."""
        return Counter(self.owners)

    @cached_property
    def group_sizes(self) -> array[int]:
        """How many relationships each group has."""
        sizes = array("H", bytes(2 * len(self.owners)))
        for table in (GROUPED, VALUED):
            for kind in self.kinds(table):
                for number in self.table(table, kind).numbers:
                    sizes[number] += 1
        return sizes

    def owning(self, groups: BitMap) -> BitMap:
        """The concepts of some groups."""
        return self.set_of(map(self.owners.__getitem__, groups))

    def targets(self, kinds: Iterable[str], of: BitMap) -> BitMap:
        """The concepts that the relationships of some concepts lead to."""
        return self.artifact.union(self._targets(self.table(GROUPED, kind), of) for kind in kinds)

    def _targets(self, table: RelationshipTable, of: BitMap) -> BitMap:
        owner, inside = self.owners.__getitem__, of.__contains__
        return self.set_of(
            target
            for place, target in enumerate(table.targets)
            if any(map(inside, map(owner, table.at(place))))
        )
