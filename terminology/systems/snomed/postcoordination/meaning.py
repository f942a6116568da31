"""The meaning of a post-coordinated expression in a release: its parts as concepts that are there.

A text is a code if it can be read, if the release has each of its concepts, and if its attributes are attributes of the
concept model. Whether the concept model allows them there is not checked (https://terminology.hl7.org/SNOMEDCT.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from terminology.core import issues
from terminology.core.cache import RecentValues
from terminology.core.errors import TerminologyError
from terminology.core.model import Issue
from terminology.store.artifacts import StoredConcept
from terminology.store.packing import DESIGNATIONS, line_of
from terminology.store.schema import IS_INACTIVE
from terminology.systems.snomed.identifiers import ATTRIBUTE_ROOTS, is_identifier
from terminology.systems.snomed.postcoordination.grammar import parse
from terminology.systems.snomed.postcoordination.parts import (
    AttributeValuePair,
    ExpressionParts,
    Literal,
    Reference,
    canonical,
    written,
)
from terminology.systems.snomed.release_index import ReleaseIndex

if TYPE_CHECKING:
    from pyroaring import BitMap

# How many expressions are kept: a validation reads the same one several times.
RECENT = 500


class NumberedConcept(NamedTuple):
    """A concept with its number in the release."""

    number: int
    id: str


class MeantAttribute(NamedTuple):
    """An attribute with a value: a concept, a concrete value or a nested expression."""

    name: NumberedConcept
    value: MeantValue


AttributeSet = tuple[MeantAttribute, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """An expression in a release.

    ``groups`` are its own role groups; an attribute in no group is a group by itself. ``key`` is the same for
    expressions that differ only in how they are written.
    """

    foci: tuple[NumberedConcept, ...]
    groups: tuple[AttributeSet, ...]
    is_primitive: bool
    key: str

    @property
    def concept(self) -> NumberedConcept | None:
        """The concept, if the expression is one alone."""
        return self.foci[0] if len(self.foci) == 1 and not self.groups and not self.is_primitive else None


MeantValue = NumberedConcept | Literal | Meaning


@dataclass(slots=True)
class ExpressionReading:
    """A text as an expression.

    ``faults`` say why it is not a code, each with its place. ``doubts`` are about a code: inactive concepts, terms
    that are not those of their concepts. ``meaning`` and ``display`` are there if there is no fault.
    """

    faults: Sequence[str] = ()
    doubts: Sequence[Issue] = ()
    parts: ExpressionParts | None = None
    meaning: Meaning | None = None
    display: str = ""


def _bytes_of(text: str, reading: ExpressionReading) -> int:
    """About the bytes of a text with its reading: so much for each of its parts."""
    return 1_000 + 20 * len(text)


class ExpressionMeanings:
    """Reads expressions in one release."""

    def __init__(self, release: ReleaseIndex) -> None:
        self._release = release
        self._recent: RecentValues[ExpressionReading] = RecentValues(
            RECENT, lambda text, reading: 2_000 + 20 * len(text)
        )

    def read(self, text: str) -> ExpressionReading:
        """The meaning of a text, and its faults."""
        reading = self._recent.find(text)
        if reading is None:
            reading = self._read(text)
            self._recent.put(text, reading)
        return reading

    def _read(self, text: str) -> ExpressionReading:
        try:
            parts = parse(text)
        except TerminologyError as error:
            return ExpressionReading([issue.text for issue in error.issues])
        references = list(parts.references())
        rows = self._rows(reference.id for reference in references)
        faults = [*self._unknown(text, references, rows), *self._no_attributes(text, parts, rows)]
        if faults:
            return ExpressionReading(faults)
        terms = {id_: row.display or "" for id_, row in rows.items()}
        return ExpressionReading(
            doubts=[*self._inactive(references, rows), *self._other_terms(references, rows)],
            parts=parts,
            meaning=meaning_of(parts, {id_: row.ord for id_, row in rows.items()}),
            display=written(parts, terms),
        )

    def _rows(self, ids: Iterable[str]) -> dict[str, StoredConcept]:
        rows = self._release.artifact.concepts_by_key(list(dict.fromkeys(ids)))
        return {row.key: row for row in rows}

    # -- faults ------------------------------------------------------------------------------

    def _unknown(
        self, text: str, references: Sequence[Reference], rows: Mapping[str, StoredConcept]
    ) -> Iterator[str]:
        for reference in references:
            if reference.id not in rows:
                about = self._release.about
                is_possible = is_identifier(reference.id)
                yield issues.expression_of_unknown_concept(
                    text, reference.at, reference.id, about, is_possible
                )

    def _no_attributes(
        self, text: str, parts: ExpressionParts, rows: Mapping[str, StoredConcept]
    ) -> Iterator[str]:
        attributes = self._attributes
        for name in parts.attribute_names():
            if attributes is not None and name.id in rows and rows[name.id].ord not in attributes:
                yield issues.expression_of_no_attribute(text, name.at, name.id)

    @cached_property
    def _attributes(self) -> BitMap | None:
        """The concepts that may be attributes; None of a release without the concept model."""
        artifact = self._release.artifact
        roots = artifact.ords(ATTRIBUTE_ROOTS)
        return artifact.union(map(artifact.descendants, roots.values())) if roots else None

    # -- doubts ------------------------------------------------------------------------------

    def _inactive(
        self, references: Sequence[Reference], rows: Mapping[str, StoredConcept]
    ) -> Iterator[Issue]:
        inactive = (reference.id for reference in references if rows[reference.id].flags & IS_INACTIVE)
        yield from (issues.expression_of_inactive_concept(id_) for id_ in dict.fromkeys(inactive))

    def _other_terms(
        self, references: Sequence[Reference], rows: Mapping[str, StoredConcept]
    ) -> Iterator[Issue]:
        """Terms that their concepts do not have; case and runs of blanks do not count."""
        for reference in references:
            if reference.term is None:
                continue
            row = rows[reference.id]
            own = line_of(self._release.artifact.unpack.lines(row.body), DESIGNATIONS) or ()
            terms = {_folded(term) for term in (row.display or "", *(node[0] for node in own))}
            if _folded(reference.term) not in terms:
                yield issues.expression_of_other_term(reference.id, reference.term, row.display or "")


def _folded(term: str) -> str:
    return " ".join(term.casefold().split())


def meaning_of(parts: ExpressionParts, numbers: Mapping[str, int]) -> Meaning:
    """The parts as concepts; ``numbers`` has that of each."""

    def concept(reference: Reference) -> NumberedConcept:
        return NumberedConcept(numbers[reference.id], reference.id)

    def attribute(pair: AttributeValuePair) -> MeantAttribute:
        value = pair.value
        if isinstance(value, ExpressionParts):
            return MeantAttribute(concept(pair.name), meaning_of(value, numbers))
        return MeantAttribute(concept(pair.name), value if isinstance(value, Literal) else concept(value))

    alone = ((attribute(pair),) for pair in parts.alone)
    groups = (tuple(map(attribute, group)) for group in parts.groups)
    foci = tuple(dict.fromkeys(map(concept, parts.foci)))
    return Meaning(foci, tuple(dict.fromkeys((*alone, *groups))), parts.is_primitive, canonical(parts))
