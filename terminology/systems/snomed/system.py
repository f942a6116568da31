"""SNOMED CT in the store: what is a code system like any other, but for its filters and value sets.

The filters are those of https://terminology.hl7.org/SNOMEDCT.html, "Filters": besides what every hierarchy
has, ``concept in [reference set]``, ``constraint = [ECL]`` (also called ``expression``), ``expressions =
[true or false]``, and any attribute by its identifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import Document, Filter
from terminology.store.artifacts import Artifact
from terminology.systems.indexed import StoredSelection, StoredSystem
from terminology.systems.snomed.ecl.descriptions import Descriptions
from terminology.systems.snomed.ecl.evaluation import Evaluation
from terminology.systems.snomed.ecl.expression import Focus, Members
from terminology.systems.snomed.ecl.parser import read
from terminology.systems.snomed.implicit import implied
from terminology.systems.snomed.release_index import Substrate

if TYPE_CHECKING:
    from pyroaring import BitMap

CONCEPT = frozenset({"concept", "code"})
CONSTRAINT = frozenset({"constraint", "expression"})
EXPRESSIONS = "expressions"
# What is shown only: filters on its parts ask for attributes.
UNINDEXED = frozenset({"normalFormTerse", "normalForm"})


class SnomedSystem(StoredSystem):
    """One version of SNOMED CT."""

    def __init__(self, artifact: Artifact) -> None:
        super().__init__(artifact)
        self._substrate = Substrate(artifact, self.about)
        self._descriptions = Descriptions(self._substrate)

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> StoredSelection:
        selection = super().select(filters, text, languages)
        if any(filter_.property == EXPRESSIONS and filter_.value == "true" for filter_ in filters):
            return _Unclosed(self, selection, issues.no_post_coordination(self.about))
        return selection

    def _choose(self, filter_: Filter) -> BitMap:
        property_, op, value = filter_.property, filter_.op, filter_.value
        if property_ in CONSTRAINT and op == "=":
            return self.meant_by(value)
        if property_ in CONCEPT and op in ("in", "not-in") and "," not in value:
            members = self._members(value.strip())
            return members if op == "in" else self._substrate.all - members
        if property_ == EXPRESSIONS and op == "=":
            if value not in ("true", "false"):
                raise TerminologyError(issues.bad_filter_value(filter_, "true or false"))
            return self._substrate.all
        if property_ in UNINDEXED:
            raise TerminologyError(issues.unknown_filter(property_, op, self.about))
        return super()._choose(filter_)

    def meant_by(self, expression: str) -> BitMap:
        """The numbers of the concepts that an expression constraint means. Not to be changed.

        Raises TerminologyError for what is none, or cannot be answered.
        """
        return Evaluation(self._substrate, self._descriptions, expression).of(read(expression))

    def _members(self, refset: str) -> BitMap:
        if not self.has_reference_set(refset):
            raise TerminologyError(issues.no_reference_set(refset, self.about))
        return Evaluation(self._substrate, self._descriptions, refset).of(Members(Focus(refset)))

    def has_reference_set(self, refset: str) -> bool:
        """Is there a reference set with concepts?"""
        return refset in self._substrate.refsets

    def reference_sets(self) -> list[str]:
        """The concepts that stand for reference sets: those that have concepts, or descriptions."""
        dialects = {d for signature in self._descriptions.signatures for d in signature.dialects}
        known = self._substrate.artifact.ords([*self._substrate.refsets, *dialects])
        return sorted(known, key=lambda code: known[code])

    def implied(self, canonical: str) -> Document | None:
        return implied(self, canonical)


class _Unclosed(StoredSelection):
    """Some of what a value set has; ``unclosed`` says what cannot be listed."""

    def __init__(self, system: SnomedSystem, selection: StoredSelection, unclosed: str) -> None:
        super().__init__(system, selection._chosen)
        self.unclosed = unclosed
