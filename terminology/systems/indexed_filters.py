"""The filters of a code system in the store: bitmaps of the numbers of its concepts.

A filter combines, counts and pages without reading a concept, except where ``display`` or ``definition`` is
compared, which have no index.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from terminology.core.budget import counted
from terminology.core.model import CodeSystemInfo, Filter
from terminology.core.numbers import number
from terminology.core.texts import words
from terminology.store.artifacts import Artifact
from terminology.store.posting_terms import beginning_of_codes, field_in_any_case, term_of, text_of
from terminology.store.schema import (
    ABSTRACT,
    BELOW,
    DIGEST_MARK,
    FOLDED,
    HAS_FOLDED,
    INACTIVE,
    INNER,
    MARK,
    NORMAL_MARK,
    STATUS,
    WORD,
)
from terminology.systems.description import SystemDescription
from terminology.systems.filters import Accepts, ConceptFilters, Values
from terminology.systems.indexed_rows import LazyDetail, RowReader

if TYPE_CHECKING:
    from pyroaring import BitMap

# The field of a property that no concept has.
NO_FIELD = -1
# The steps to read the row of one concept.
STEPS_OF_ROW = 10


class IndexedFilters(ConceptFilters["BitMap", int]):
    """Filters on an artifact. The bitmaps are shared: they must not be changed."""

    def __init__(
        self,
        about: CodeSystemInfo,
        artifact: Artifact,
        reader: RowReader,
        description: SystemDescription | None = None,
    ) -> None:
        super().__init__(about, artifact.header.document, description)
        self.artifact, self.reader = artifact, reader

    def key(self, code: str) -> str:
        """The key of a code, by which the store finds it: as ``core.code_keys`` has it."""
        if self.about.case_sensitive is None:
            return code if self.artifact.ord(code) is not None else self.key_in_another_case(code)
        return code.casefold() if self.about.case_sensitive is False else code

    def key_in_another_case(self, code: str) -> str:
        """The key of a code that no concept has as it is written: that of the first in another case, or its own."""
        return self._keys_in_another_case([code]).get(code, code)

    def keys(self, codes: Iterable[str]) -> dict[str, str]:
        """The key of each of these codes, found at once."""
        if self.about.case_sensitive is not None:
            return {code: self.key(code) for code in codes}
        keys = {code: code for code in codes}
        known = self.artifact.ords(keys)
        return keys | self._keys_in_another_case([code for code in keys if code not in known])

    def _keys_in_another_case(self, codes: Sequence[str]) -> dict[str, str]:
        """For a code system that does not say whether case matters: the first key in another case, by code."""
        if not codes:
            return {}
        if not self._has_folded:
            keys = {code: self._key_by_words(code) for code in codes}
            return {code: key for code, key in keys.items() if key is not None}
        folded = dict.fromkeys(code.casefold() for code in codes)
        firsts = {key: (ord_, key) for key, ord_ in self.artifact.ords(folded).items()}
        for row in self.artifact.concepts(self.artifact.postings(FOLDED, folded)):
            other = row.key.casefold()
            firsts[other] = min(firsts.get(other, (row.ord, row.key)), (row.ord, row.key))
        return {code: firsts[code.casefold()][1] for code in codes if code.casefold() in firsts}

    @cached_property
    def _has_folded(self) -> bool:
        return any(term == HAS_FOLDED for term, _ in self.artifact.terms(MARK, HAS_FOLDED))

    def _key_by_words(self, code: str) -> str | None:
        """The first key in another case, of an artifact without the field FOLDED: one that has the same words."""
        having = [self.artifact.postings(WORD, [word]) for word in words(code)]
        rows = self.artifact.concepts(self.artifact.intersection(having)) if having else ()
        folded = code.casefold()
        return next((row.key for row in rows if row.key.casefold() == folded), None)

    def _choose(self, filter_: Filter) -> BitMap:
        return self.artifact.cached((filter_,), lambda: self.computed(filter_))

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

    def property_values(self, code: str, is_number: bool, is_code: bool) -> Values[BitMap]:
        return CodePropertyValues(self, code) if is_code else PropertyValues(self, code, is_number)

    def values_in_any_case(self, code: str) -> Values[BitMap]:
        return ValuesInAnyCase(self, code)

    def property_of(self, concept: int, code: str) -> list[str]:
        rows = self.artifact.concepts([concept])
        properties = (p for row in rows for p in LazyDetail(self.reader, row).properties)
        return [text_of(p.value) for p in properties if p.code == code]


class CodeValues:
    """Codes as values of themselves."""

    def __init__(self, filters: IndexedFilters) -> None:
        self._artifact, self._keys = filters.artifact, filters.keys
        self._folds = filters.about.case_sensitive is False

    def having(self, values: Collection[str]) -> BitMap:
        return self._artifact.set_of(self._artifact.ords(self._keys(values).values()).values())

    def matching(self, accepts: Accepts, beginning: str) -> BitMap:
        rows = counted(self._artifact.keys(beginning.casefold() if self._folds else beginning))
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
        rows = counted(artifact.concepts(artifact.all()), STEPS_OF_ROW)
        concepts = ((row.ord, concept_of(row)) for row in rows)
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
        artifact = self._artifact
        if self._role == "child":
            return artifact.posting(MARK, INNER)
        if any(term == BELOW for term, _ in artifact.terms(MARK, BELOW)):
            return artifact.posting(MARK, BELOW)
        return self._related_to(artifact.all())

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
            for term, ords in counted(terms)
            if not term.startswith(NORMAL_MARK) and (DIGEST_MARK in term or accepts(term))
        )

    def present(self) -> BitMap:
        return self._artifact.union(ords for _, ords in self._artifact.terms(self._field))

    @property
    def _has_only_short(self) -> bool:
        return self._code not in self._artifact.header.long

    def _reading(self, ords: BitMap, accepts: Callable[[str], bool]) -> BitMap:
        """The concepts among some whose whole value is accepted."""
        rows = counted(self._artifact.concepts(ords), STEPS_OF_ROW)
        details = ((row.ord, LazyDetail(self._reader, row)) for row in rows)
        return self._artifact.set_of(
            ord_
            for ord_, detail in details
            if any(p.code == self._code and accepts(text_of(p.value)) for p in detail.properties)
        )


class ValuesInAnyCase(PropertyValues):
    """The values of a property without their case, and what else the importer has put beside them."""

    def __init__(self, filters: IndexedFilters, code: str) -> None:
        super().__init__(filters, code, is_number=False)
        fields = self._artifact.header.fields
        self._is_folded = field_in_any_case(code) in fields
        self._field = fields.get(field_in_any_case(code), self._field)

    def having(self, values: Collection[str]) -> BitMap:
        folded = {value.casefold() for value in values}
        if self._is_folded:
            return self._artifact.postings(self._field, map(term_of, folded))
        return self.matching(lambda value: value.casefold() in folded, "")

    @property
    def _has_only_short(self) -> bool:
        return False


class CodePropertyValues(PropertyValues):
    """The values of a property that are codes, of a code system in which case does not matter or may not."""

    def __init__(self, filters: IndexedFilters, code: str) -> None:
        super().__init__(filters, code, is_number=False)
        self._keys = filters.keys

    def having(self, values: Collection[str]) -> BitMap:
        written = {term: ords for value in values for term, ords in self._in_any_case(value)}
        keys = self._keys([*values, *written])
        sought = {keys[value] for value in values}
        return self._artifact.union(ords for term, ords in written.items() if keys[term] in sought)

    def _in_any_case(self, value: str) -> Iterator[tuple[str, BitMap]]:
        """The values that differ from one in case only, as they are written, each with its concepts."""
        folded = value.casefold()
        for term in dict.fromkeys((value, folded)):
            yield term, self._artifact.postings(self._field, [term_of(term)])
        for term, ords in self._artifact.terms(self._field, beginning_of_codes(folded)):
            yield term.rpartition(NORMAL_MARK)[2], ords
