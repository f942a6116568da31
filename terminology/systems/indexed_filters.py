"""The filters of a code system in the store: bitmaps of the numbers of its concepts.

A filter combines, counts and pages without reading a concept, except where ``display`` or ``definition`` is
compared, which have no index.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property
from typing import TYPE_CHECKING

from terminology.core.model import CodeSystemInfo, Filter
from terminology.core.numbers import number
from terminology.store.artifacts import Artifact
from terminology.store.posting_terms import term_of, text_of
from terminology.store.schema import ABSTRACT, DIGEST_MARK, INACTIVE, INNER, MARK, NORMAL_MARK, STATUS
from terminology.systems.filters import Accepts, ConceptFilters, Values
from terminology.systems.indexed_rows import LazyDetail, RowReader

if TYPE_CHECKING:
    from pyroaring import BitMap

# The field of a property that no concept has.
NO_FIELD = -1


class IndexedFilters(ConceptFilters["BitMap", int]):
    """Filters on an artifact. The bitmaps are shared: they must not be changed."""

    def __init__(self, about: CodeSystemInfo, artifact: Artifact, reader: RowReader) -> None:
        super().__init__(about, artifact.header.document)
        self.artifact, self.reader = artifact, reader

    def key(self, code: str) -> str:
        """The key of a code, by which the store finds it."""
        if self.about.case_sensitive is None and self.artifact.ord(code) is None:
            return self._by_folded_code.get(code.casefold(), code)
        return code.casefold() if self.about.case_sensitive is False else code

    @cached_property
    def _by_folded_code(self) -> dict[str, str]:
        """For a code system that does not say whether case matters: the first code of each folded one."""
        rows = sorted(self.artifact.keys(), key=lambda row: row[1], reverse=True)
        return {key.casefold(): key for key, _, _ in rows}

    def _choose(self, filter_: Filter) -> BitMap:
        return self.artifact.cached(filter_, lambda: self.computed(filter_))

    def computed(self, filter_: Filter) -> BitMap:
        """The concepts that pass a filter which is not in the cache. Raises TerminologyError."""
        return super()._choose(filter_)

    # -- the sets that filters are made of ---------------------------------------------------

    def find(self, code: str) -> int | None:
        return self.artifact.ord(self.key(code))

    def everything(self) -> BitMap:
        return self.artifact.all()

    def below(self, concept: int, itself: bool) -> BitMap:
        alone = self.artifact.set_of((concept,))
        below = self.artifact.descendants(concept)
        return below | alone if itself else below - alone

    def above(self, concept: int) -> BitMap:
        return self.artifact.ancestors(concept) | self.artifact.set_of((concept,))

    def children(self, concept: int) -> BitMap:
        return self.artifact.children(concept)

    def inner(self) -> BitMap:
        return self.artifact.posting(MARK, INNER)

    def marked(self, mark: str) -> BitMap:
        return self.artifact.posting(MARK, INACTIVE if mark == "inactive" else ABSTRACT)

    def with_status(self, accepts: Accepts) -> BitMap:
        terms = self.artifact.terms(MARK, STATUS)
        return self.artifact.union(ords for term, ords in terms if accepts(term.removeprefix(STATUS)))

    # -- values ------------------------------------------------------------------------------

    def codes(self) -> CodeValues:
        return CodeValues(self)

    def texts(self, name: str) -> Values[BitMap]:
        return TextValues(self, name)

    def relatives(self, role: str) -> Values[BitMap]:
        return RelativeValues(self, role)

    def property_values(self, code: str, is_number: bool) -> Values[BitMap]:
        return PropertyValues(self, code, is_number)


class CodeValues:
    """Codes as values of themselves."""

    def __init__(self, filters: IndexedFilters) -> None:
        self._artifact, self._key = filters.artifact, filters.key
        self._folds = filters.about.case_sensitive is False

    def having(self, values: Collection[str]) -> BitMap:
        return self._artifact.set_of(self._artifact.ords([self._key(code) for code in values]).values())

    def matching(self, accepts: Accepts, beginning: str) -> BitMap:
        rows = self._artifact.keys(beginning.casefold() if self._folds else beginning)
        return self._artifact.set_of(ord_ for _, ord_, code in rows if accepts(code))

    def present(self) -> BitMap:
        return self._artifact.all()


class TextValues:
    """Displays or definitions. They have no index: every concept is read."""

    def __init__(self, filters: IndexedFilters, name: str) -> None:
        self._artifact, self._reader = filters.artifact, filters.reader
        self._is_display = name == "display"

    def having(self, values: Collection[str]) -> BitMap:
        return self.matching(lambda text: text in values, "")

    def matching(self, accepts: Accepts, beginning: str) -> BitMap:
        artifact, concept_of = self._artifact, self._reader.concept
        concepts = ((row.ord, concept_of(row)) for row in artifact.concepts(artifact.all()))
        texts = ((ord_, c.display if self._is_display else c.definition) for ord_, c in concepts)
        return artifact.set_of(ord_ for ord_, text in texts if text is not None and accepts(text))

    def present(self) -> BitMap:
        return self.matching(lambda text: True, "")


class RelativeValues:
    """The codes of the parents or children of a concept."""

    def __init__(self, filters: IndexedFilters, role: str) -> None:
        self._codes, self._artifact = CodeValues(filters), filters.artifact
        self._role = role

    def having(self, values: Collection[str]) -> BitMap:
        return self._related_to(self._codes.having(values))

    def matching(self, accepts: Accepts, beginning: str) -> BitMap:
        return self._related_to(self._codes.matching(accepts, beginning))

    def present(self) -> BitMap:
        return self._related_to(self._artifact.all())

    def _related_to(self, others: BitMap) -> BitMap:
        """The concepts that have one of the others for a parent, or child."""
        if self._role == "child":
            return self._artifact.parents(list(others))
        return self._artifact.children_of(list(others & self._artifact.posting(MARK, INNER)))


class PropertyValues:
    """The values of a property. Numbers are compared by value."""

    def __init__(self, filters: IndexedFilters, code: str, is_number: bool) -> None:
        self._artifact, self._reader = filters.artifact, filters.reader
        self._code, self._is_number = code, is_number
        self._field = self._artifact.header.fields.get(code, NO_FIELD)

    def having(self, values: Collection[str]) -> BitMap:
        if self._is_number:
            normals = [number(value) for value in values]
            values = [*normals, *(NORMAL_MARK + value for value in normals)]
        return self._artifact.postings(self._field, map(term_of, values))

    def matching(self, accepts: Accepts, beginning: str) -> BitMap:
        # The term of a long value has only its beginning.
        terms = self._artifact.terms(self._field, beginning if self._has_only_short else "")
        return self._artifact.union(
            ords if DIGEST_MARK not in term else self._reading(ords, accepts)
            for term, ords in terms
            if not term.startswith(NORMAL_MARK) and (DIGEST_MARK in term or accepts(term))
        )

    def present(self) -> BitMap:
        return self._artifact.union(ords for _, ords in self._artifact.terms(self._field))

    @property
    def _has_only_short(self) -> bool:
        return self._code not in self._artifact.header.long

    def _reading(self, ords: BitMap, accepts: Callable[[str], bool]) -> BitMap:
        """The concepts among some whose whole value is accepted."""
        details = ((row.ord, LazyDetail(self._reader, row)) for row in self._artifact.concepts(ords))
        return self._artifact.set_of(
            ord_
            for ord_, detail in details
            if any(p.code == self._code and accepts(text_of(p.value.value)) for p in detail.properties)
        )
