"""A compiled code system in the store: the same answers as a resource gives, from bitmaps and rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from terminology.core.cache import RecentValues
from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Document, Filter
from terminology.core.texts import words
from terminology.store.artifacts import Artifact, StoredConcept
from terminology.store.schema import ABSTRACT, INACTIVE, LANGUAGE, MARK
from terminology.systems import implicit
from terminology.systems.indexed_filters import IndexedFilters
from terminology.systems.indexed_rows import LazyDetail, RowReader
from terminology.systems.resource import info_of

if TYPE_CHECKING:
    from pyroaring import BitMap

# So many rows are kept from one question to the next: the concepts of a page are described next.
RECENT = 500


class IndexedCodeSystem:
    """A compiled code system."""

    def __init__(self, artifact: Artifact, filters: IndexedFilters | None = None) -> None:
        """``filters`` are for a code system with filters of its own."""
        self.artifact = artifact
        self.about: CodeSystemInfo = info_of(artifact.header.document)
        self.filters = filters or IndexedFilters(self.about, artifact, RowReader(artifact))
        self.reader, self.key = self.filters.reader, self.filters.key
        self._recent: RecentValues[StoredConcept] = RecentValues(RECENT)

    @property
    def index(self) -> Artifact:
        return self.artifact

    @property
    def supplements(self) -> Sequence[str]:
        return ()

    @property
    def supplement_documents(self) -> Sequence[Document]:
        return ()

    # -- the questions -----------------------------------------------------------------------

    def locate(self, code: str) -> Concept | None:
        row = self._row(self.key(code))
        return None if row is None else self.reader.concept(row)

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> IndexedSelection:
        chosen = [self.filters.choose(filter_) for filter_ in filters]
        if text:
            chosen += self._with_words(words(text), languages)
        return IndexedSelection(self, self.artifact.intersection(chosen) if chosen else None)

    def select_by_language(self, languages: Languages) -> IndexedSelection:
        return IndexedSelection(self, self._with_text_in(languages))

    def words(self, beginning: str) -> Iterator[str]:
        return self.artifact.all_words(beginning)

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        top, below = self.key(ancestor), self.key(descendant)
        if top == below:
            return True
        upper, lower = self._row(top), self._row(below)
        if upper is None or lower is None:
            return False
        return lower.ord in self.artifact.descendants(upper.ord)

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        keys = {code: self.key(code) for code in codes}
        rows = self._rows(keys.values())
        return {code: LazyDetail(self.reader, rows[key]) for code, key in keys.items() if key in rows}

    def implied_value_set(self, canonical: str) -> Document | None:
        return implicit.implied_value_set(self, canonical, self.artifact.header.document.get("valueSet"))

    # -- texts -------------------------------------------------------------------------------

    def _with_words(self, beginnings: Sequence[str], languages: Languages | None) -> list[BitMap]:
        """For each beginning the concepts with a word that begins so; without a beginning, none."""
        artifact = self.artifact
        if not beginnings:
            return [artifact.set_of()]
        if languages is None:
            return [artifact.words(beginning) for beginning in beginnings]
        tags = self._tags(languages)
        matches = [artifact.words(beginning, tags) for beginning in beginnings]
        if not languages.insist and len(tags) < len(artifact.header.languages):
            others = artifact.all() - self._with_text_in(languages)
            matches = [
                own | (artifact.words(beginning) & others)
                for own, beginning in zip(matches, beginnings, strict=True)
            ]
        return matches

    def _with_text_in(self, languages: Languages) -> BitMap:
        marks = [LANGUAGE + tag for tag in self._tags(languages)]
        return self.artifact.union(self.artifact.posting(MARK, mark) for mark in marks)

    def _tags(self, languages: Languages) -> tuple[str, ...]:
        """The languages of the code system that are among those asked for."""
        return tuple(tag for tag in self.artifact.header.languages if languages.rank(tag))

    # -- rows --------------------------------------------------------------------------------

    def _row(self, key: str) -> StoredConcept | None:
        row = self._recent.find(key)
        if row is None:
            row = self.artifact.concept(key)
            if row is not None:
                self._recent.put(row.key, row)
        return row

    def _rows(self, keys: Iterable[str]) -> dict[str, StoredConcept]:
        rows: dict[str, StoredConcept] = {}
        missing: list[str] = []
        for key in keys:
            row = self._recent.find(key)
            if row is None:
                missing.append(key)
            else:
                rows[key] = row
        if len(missing) == 1:
            row = self.artifact.concept(missing[0])
            return rows | {row.key: row} if row else rows
        if missing:
            rows |= {row.key: row for row in self.artifact.concepts_by_key(missing)}
        return rows

    def ord(self, code: str) -> int | None:
        """The number of a concept."""
        key = self.key(code)
        row = self._recent.find(key)
        return self.artifact.ord(key) if row is None else row.ord

    def concepts(self, ords: BitMap | Sequence[int]) -> list[Concept]:
        """The concepts of these numbers, which are in order."""
        rows = list(self.artifact.concepts(ords))
        if len(rows) <= RECENT:
            for row in rows:
                self._recent.put(row.key, row)
        return [self.reader.concept(row) for row in rows]


class IndexedSelection:
    """Some concepts of a compiled code system, or all of them (``chosen`` is None), as a ``ConceptSet``.

    ``order`` has the numbers of all that are chosen, and perhaps more, where the order is not their own.
    """

    unclosed: str | None = None

    def __init__(
        self, system: IndexedCodeSystem, chosen: BitMap | None, order: Sequence[int] | None = None
    ) -> None:
        self.index = system.index
        self._system = system
        self._chosen = chosen
        self._order = order

    def __iter__(self) -> Iterator[Concept]:
        if self._order is not None:
            return iter(self[:])
        return map(self._system.reader.concept, self._system.artifact.concepts(self._ords))

    def __contains__(self, code: object) -> bool:
        ord_ = self._system.ord(str(code))
        return ord_ is not None and (self._chosen is None or ord_ in self._chosen)

    def __len__(self) -> int:
        return self._system.artifact.header.count if self._chosen is None else len(self._chosen)

    def __getitem__(self, part: slice) -> list[Concept]:
        """The concepts of a page; only these are read."""
        if self._order is None:
            return self._system.concepts(self._ords[part])
        chosen = self._ords
        ords = [ord_ for ord_ in self._order if ord_ in chosen][part]
        concepts = dict(zip(sorted(ords), self._system.concepts(sorted(ords)), strict=True))
        return [concepts[ord_] for ord_ in ords]

    def __and__(self, other: IndexedSelection) -> IndexedSelection:
        if self._chosen is None:
            return IndexedSelection(self._system, other._chosen)
        if other._chosen is None:
            return self
        return self._with(self._chosen & other._chosen)

    def __or__(self, other: IndexedSelection) -> IndexedSelection:
        """In the order of the code system."""
        if self._chosen is None or other._chosen is None:
            return IndexedSelection(self._system, None)
        return IndexedSelection(self._system, self._chosen | other._chosen)

    def __sub__(self, other: IndexedSelection) -> IndexedSelection:
        return self._with(self._ords - other._ords)

    def without(self, inactive: bool = False, abstract: bool = False) -> IndexedSelection:
        left = self._ords
        for mark in (INACTIVE,) * inactive + (ABSTRACT,) * abstract:
            left = left - self._system.artifact.posting(MARK, mark)
        return self._with(left)

    def among(self, codes: Iterable[str]) -> IndexedSelection:
        artifact = self._system.artifact
        keys = [self._system.key(code) for code in codes]
        numbers = artifact.ords(keys) if keys else {}
        order = list(dict.fromkeys(numbers[key] for key in keys if key in numbers))
        chosen = artifact.set_of(order)
        return IndexedSelection(
            self._system, chosen if self._chosen is None else chosen & self._chosen, order
        )

    def open_because(self, reason: str) -> IndexedSelection:
        """The same concepts, with the reason why they are not all (``unclosed``)."""
        selection = IndexedSelection(self._system, self._chosen)
        selection.unclosed = reason
        return selection

    def _with(self, chosen: BitMap) -> IndexedSelection:
        return IndexedSelection(self._system, chosen, self._order)

    @property
    def _ords(self) -> BitMap:
        return self._system.artifact.all() if self._chosen is None else self._chosen
