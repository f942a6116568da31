"""A compiled code system in the store: the same answers as a resource gives, from bitmaps and rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from terminology.core import issues
from terminology.core.budget import counted, spend
from terminology.core.cache import RecentValues
from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Document, Filter, Issue
from terminology.core.texts import words
from terminology.store.artifacts import Artifact, StoredConcept
from terminology.store.schema import ABSTRACT, INACTIVE, LANGUAGE, MARK
from terminology.systems import implicit
from terminology.systems.described import described_info, description_of
from terminology.systems.filters import values_in_doubt
from terminology.systems.indexed_filters import STEPS_OF_ROW, IndexedFilters
from terminology.systems.indexed_rows import LazyDetail, RowReader
from terminology.systems.protocol import CodesBeyond, located_displays

if TYPE_CHECKING:
    from pyroaring import BitMap

# The number of rows that are kept: the concepts of a page are located first, and described next.
RECENT = 500


def _bytes_of_row(key: str, row: StoredConcept) -> int:
    return 400 + len(row.body)  # keys are short


class IndexedCodeSystem:
    """A compiled code system."""

    def __init__(self, artifact: Artifact, filters: IndexedFilters | None = None) -> None:
        """``filters`` are for a code system with filters of its own."""
        self.artifact = artifact
        self.about: CodeSystemInfo = described_info(artifact.header.document)
        self._description = description_of(self.about.url)
        self.filters = filters or IndexedFilters(self.about, artifact, RowReader(artifact), self._description)
        self.reader, self.key = self.filters.reader, self.filters.key
        # Whether keys are in small letters, and whether a code may be written in another case than its concept's.
        self._folds = self.about.case_sensitive is False
        self._may_differ = self.about.case_sensitive is None
        self._recent: RecentValues[StoredConcept] = RecentValues(RECENT, _bytes_of_row)

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
        row = self._row_of(code)
        return None if row is None else self.reader.concept(row)

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> IndexedSelection:
        chosen = [self.filters.choose(filter_) for filter_ in filters]
        if text:
            chosen += self._with_words(words(text), languages)
        order = self._order_of(filters)
        return IndexedSelection(self, self.artifact.intersection(chosen) if chosen else None, order)

    def _order_of(self, filters: Sequence[Filter]) -> list[int] | None:
        """The order in which the only filter lists concepts, if that is not their own."""
        rule = self.filters.rule_of(filters[0]) if len(filters) == 1 else None
        if rule is None or rule.order is None:
            return None
        codes = rule.order(self.filters, filters[0])
        numbers = self.artifact.ords(self.filters.keys(codes).values())
        return list(dict.fromkeys(numbers[key] for code in codes if (key := self.key(code)) in numbers))

    def doubts(self, filters: Sequence[Filter]) -> list[Issue]:
        single = (each for filter_ in filters for each in values_in_doubt(filter_))
        empty = [each for each in single if not self.filters.choose(each)]
        return [issues.nothing_has_value(each, self.about) for each in empty]

    def select_by_language(self, languages: Languages) -> IndexedSelection:
        return IndexedSelection(self, self._with_text_in(languages))

    def words(self, beginning: str) -> Iterator[str]:
        return self.artifact.all_words(beginning)

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        upper, lower = self._row_of(ancestor), self._row_of(descendant)
        if upper is None or lower is None:
            return self.key(ancestor) == self.key(descendant)
        if upper.ord == lower.ord:
            return True
        return lower.ord in self.artifact.descendants(upper.ord)

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        if len(codes) == 1:  # most often the code that was located just now
            row = self._row_of(codes[0])
            return {} if row is None else {codes[0]: LazyDetail(self.reader, row)}
        keys = {code: self._own_key(code) for code in codes}
        rows = self._rows(dict.fromkeys(keys.values()))
        missing = [code for code, key in keys.items() if key not in rows] if self._may_differ else ()
        if missing:
            keys |= self.filters.keys(missing)
            rows |= self._rows(dict.fromkeys(keys[code] for code in missing))
        return {code: LazyDetail(self.reader, rows[key]) for code, key in keys.items() if key in rows}

    def displays(self, codes: Collection[str]) -> Mapping[str, str]:
        if self._may_differ or self.about.has_expressions:
            return located_displays(self.locate, codes)
        keys = {code: self._own_key(code) for code in codes}
        displays = dict(self.artifact.displays(set(keys.values())))
        return {code: display for code, key in keys.items() if (display := displays.get(key))}

    def implied_value_set(self, canonical: str) -> Document | None:
        value_set = self.artifact.header.document.get("valueSet")
        return implicit.implied_value_set(self, canonical, value_set, self._description)

    def is_expression(self, code: str) -> bool:
        return False

    def expression_key(self, code: str) -> str:
        return code

    def remarks(self, code: str) -> Sequence[Issue]:
        return ()

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

    def _own_key(self, code: str) -> str:
        """The key of a concept that has this code."""
        return code.casefold() if self._folds else code

    def _row_of(self, code: str) -> StoredConcept | None:
        """The row of a code, also in another case if the code system allows it."""
        key = code.casefold() if self._folds else code
        row = self._recent.find(key)
        if row is None:
            row = self._row(key)
            if row is None and self._may_differ:
                other = self.filters.key_in_another_case(code)
                row = None if other == key else self._row(other)
        return row

    def _row(self, key: str) -> StoredConcept | None:
        """The row of a key, which is kept for the next question."""
        row = self.artifact.concept(key)
        if row is not None:
            self._recent.put(key, row)
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
        key = self._own_key(code)
        row = self._recent.find(key)
        ord_ = self.artifact.ord(key) if row is None else row.ord
        if ord_ is None and self._may_differ:
            ord_ = self.artifact.ord(self.filters.key_in_another_case(code))
        return ord_

    def concepts(self, ords: BitMap | Sequence[int]) -> list[Concept]:
        """The concepts of these numbers, which are in order."""
        spend(STEPS_OF_ROW * len(ords))
        rows = list(self.artifact.concepts(ords))
        if len(rows) <= RECENT:
            self._recent.put_all({row.key: row for row in rows})
        return [self.reader.concept(row) for row in rows]


class IndexedSelection:
    """Some concepts of a compiled code system, or all of them (``chosen`` is None), as a ``ConceptSet``.

    ``order`` has the numbers of all that are chosen, and perhaps more, where the order is not their own. The numbers
    of the codes ``beyond`` the code system follow those of its concepts.
    """

    unclosed: str | None = None
    # Accepts the codes that it has and cannot list.
    _accepts: Callable[[str], bool] | None = None

    def __init__(
        self,
        system: IndexedCodeSystem,
        chosen: BitMap | None,
        order: Sequence[int] | None = None,
        beyond: CodesBeyond | None = None,
    ) -> None:
        self.index = system.index
        self._system = system
        self._chosen = chosen
        self._order = order
        self._beyond = beyond

    def __iter__(self) -> Iterator[Concept]:
        if self._order is not None or self._beyond is not None:
            return iter(self[:])
        rows = counted(self._system.artifact.concepts(self._ords), STEPS_OF_ROW)
        return map(self._system.reader.concept, rows)

    def __contains__(self, code: object) -> bool:
        ord_ = self._system.ord(str(code))
        if ord_ is None and self._beyond is not None:
            number = self._beyond.find(self._system.key(str(code)))
            ord_ = None if number is None else number + self._count
        if ord_ is None and self._accepts is not None:
            return self._accepts(str(code))
        return ord_ is not None and (self._chosen is None or ord_ in self._chosen)

    def __len__(self) -> int:
        return self._count if self._chosen is None else len(self._chosen)

    def __getitem__(self, page: slice) -> list[Concept]:
        """The concepts of a page; only these are read."""
        if self._order is None:
            return self._concepts(self._ords[page])
        chosen = self._ords
        ords = [ord_ for ord_ in self._order if ord_ in chosen][page]
        concepts = dict(zip(sorted(ords), self._concepts(sorted(ords)), strict=True))
        return [concepts[ord_] for ord_ in ords]

    def _concepts(self, ords: BitMap | Sequence[int]) -> list[Concept]:
        """The concepts of these numbers, which are in order."""
        if self._beyond is None:
            return self._system.concepts(ords)
        count = self._count
        here = [ord_ for ord_ in ords if ord_ < count]
        beyond = [self._beyond.concept(ord_ - count) for ord_ in ords[len(here) :]]
        return [*self._system.concepts(here), *beyond]

    def __and__(self, other: IndexedSelection) -> IndexedSelection:
        beyond = self._beyond or other._beyond
        if beyond is not None:
            return self._with(self._ords & other._ords, beyond)
        if self._chosen is None:
            return IndexedSelection(self._system, other._chosen)
        if other._chosen is None:
            return self
        return self._with(self._chosen & other._chosen)

    def __or__(self, other: IndexedSelection) -> IndexedSelection:
        """In the order of the code system."""
        beyond = self._beyond or other._beyond
        if beyond is not None:
            return IndexedSelection(self._system, self._ords | other._ords, beyond=beyond)
        if self._chosen is None or other._chosen is None:
            return IndexedSelection(self._system, None)
        return IndexedSelection(self._system, self._chosen | other._chosen)

    def __sub__(self, other: IndexedSelection) -> IndexedSelection:
        return self._with(self._ords - other._ords, self._beyond or other._beyond)

    @property
    def chosen(self) -> BitMap | None:
        """The numbers of the concepts that are chosen; None for all. Not to be changed."""
        return self._chosen

    def without(self, inactive: bool = False, abstract: bool = False) -> IndexedSelection:
        left = self._ords
        for mark in (INACTIVE,) * inactive + (ABSTRACT,) * abstract:
            left = left - self._system.artifact.posting(MARK, mark)
        return self._with(left)

    def among(self, codes: Iterable[str], beyond: CodesBeyond | None = None) -> IndexedSelection:
        artifact = self._system.artifact
        keys = self._system.filters.keys(codes)
        numbers = artifact.ords(keys.values()) if keys else {}
        if beyond is not None and self._chosen is None:
            for code, key in keys.items():
                if key not in numbers and (number := beyond.number(code, key)) is not None:
                    numbers[key] = self._count + number
        elif self._beyond is not None:
            missing = (key for key in keys.values() if key not in numbers)
            others = ((key, self._beyond.find(key)) for key in missing)
            numbers |= {key: self._count + number for key, number in others if number is not None}
        order = list(dict.fromkeys(numbers[key] for key in keys.values() if key in numbers))
        chosen = artifact.set_of(order)
        chosen = chosen if self._chosen is None else chosen & self._chosen
        return IndexedSelection(self._system, chosen, order, beyond or self._beyond)

    def open_because(self, reason: str, accepts: Callable[[str], bool] | None = None) -> IndexedSelection:
        selection = IndexedSelection(self._system, self._chosen)
        selection.unclosed, selection._accepts = reason, accepts
        return selection

    def _with(self, chosen: BitMap, beyond: CodesBeyond | None = None) -> IndexedSelection:
        return IndexedSelection(self._system, chosen, self._order, beyond or self._beyond)

    @property
    def _count(self) -> int:
        """The number of concepts of the code system."""
        return self._system.artifact.header.count

    @property
    def _ords(self) -> BitMap:
        return self._system.artifact.all() if self._chosen is None else self._chosen
