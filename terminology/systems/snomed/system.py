"""SNOMED CT as a code system: a compiled code system with filters and value sets of its own.

The filters are those of https://terminology.hl7.org/SNOMEDCT.html, "Filters": besides the filters of every
hierarchy, ``concept in [reference set]``, ``constraint = [ECL]`` (also called ``expression``), ``expressions =
[true or false]``, and any attribute by its identifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import Concept, ConceptDetail, Document, Filter, Issue
from terminology.store.artifacts import Artifact
from terminology.systems.indexed import IndexedCodeSystem, IndexedSelection
from terminology.systems.indexed_filters import IndexedFilters
from terminology.systems.indexed_rows import RowReader
from terminology.systems.metadata import info_of
from terminology.systems.snomed.description import DESCRIPTION
from terminology.systems.snomed.ecl.descriptions import Descriptions
from terminology.systems.snomed.ecl.evaluation import Evaluation
from terminology.systems.snomed.ecl.parser import parse
from terminology.systems.snomed.identifiers import MEMBER
from terminology.systems.snomed.implicit import implied_value_set
from terminology.systems.snomed.postcoordination.codes import ExpressionCodes
from terminology.systems.snomed.release_index import ReleaseIndex
from terminology.systems.snomed.rows import SnomedRowReader

if TYPE_CHECKING:
    from pyroaring import BitMap

CONCEPT = frozenset({"concept", "code"})
CONSTRAINT = frozenset({"constraint", "expression"})
EXPRESSIONS, EFFECTIVE_TIME = "expressions", "effectiveTime"
_DAY = re.compile(r"\b([0-9]{4})([0-9]{2})([0-9]{2})\b")
# These properties are shown only: filters on their parts ask for attributes.
UNINDEXED = frozenset({"normalFormTerse", "normalForm"})


class SnomedFilters(IndexedFilters):
    """The filters of one version of SNOMED CT."""

    def __init__(self, release: ReleaseIndex, descriptions: Descriptions, reader: RowReader) -> None:
        super().__init__(release.about, release.artifact, reader, DESCRIPTION)
        self._release, self._descriptions = release, descriptions

    def computed(self, filter_: Filter) -> BitMap:
        property_, op, value = filter_.property, filter_.op, filter_.value
        if property_ in CONSTRAINT and op == "=":
            return self.evaluate(value)
        if property_ in CONCEPT and op in ("in", "not-in"):
            members = self._members([item.strip() for item in value.split(",")])
            return members if op == "in" else self._release.all - members
        if property_ == EXPRESSIONS and op == "=":
            if value not in ("true", "false"):
                raise TerminologyError(issues.bad_filter_value(filter_, "true or false"))
            return self._release.all
        if property_ == EFFECTIVE_TIME:
            filter_ = replace(filter_, value=_DAY.sub(r"\1-\2-\3", value))
        if property_ in UNINDEXED:
            raise TerminologyError(self._not_understood(filter_))
        return super().computed(filter_)

    @cached_property
    def _reason_of_the_whole(self) -> str:
        """Why a selection of everything is not closed."""
        return issues.no_post_coordination(self.about)

    def evaluate(self, expression: str) -> BitMap:
        """The numbers of the concepts that satisfy an expression constraint. Not to be changed.

        Raises TerminologyError for a text that is not an expression constraint, or cannot be answered.
        """
        return self.evaluation(expression).of(parse(expression))

    def evaluation(self, expression: str) -> Evaluation:
        """The evaluation of an expression constraint; the text is for its messages."""
        return Evaluation(self._release, self._descriptions, expression)

    def _members(self, ids: Sequence[str]) -> BitMap:
        """The members of the reference sets; of several identifiers, those of other concepts are members themselves."""
        refsets = [id_ for id_ in ids if id_ in self._release.refsets]
        others = [id_ for id_ in ids if id_ not in self._release.refsets]
        numbers = self._release.artifact.ords(others)
        if len(ids) == 1 and others and not numbers:
            raise TerminologyError(
                issues.filter_on_unknown_code(Filter("concept", "in", others[0]), self.about)
            )
        members = self._release.having(MEMBER, refsets)
        return members | self._release.set_of(numbers.values()) if len(ids) > 1 else members


class SnomedSelection(IndexedSelection):
    """Some concepts, and the expressions that belong to them: these are members, and are not listed."""

    def __init__(
        self,
        system: SnomedCodeSystem,
        chosen: IndexedSelection,
        has_expression: Callable[[str], bool],
        reason: str,
    ) -> None:
        """``reason``: why the selection is not closed."""
        super().__init__(system, chosen.chosen)
        self.unclosed = reason
        self._has_expression = has_expression

    def __contains__(self, code: object) -> bool:
        if super().__contains__(code):
            return True
        return isinstance(code, str) and not code.isdigit() and self._has_expression(code)


class SnomedCodeSystem(IndexedCodeSystem):
    """One version of SNOMED CT."""

    def __init__(self, artifact: Artifact) -> None:
        self._release = ReleaseIndex(artifact, info_of(artifact.header.document))
        self._descriptions = Descriptions(self._release)
        reader = SnomedRowReader(artifact, self._descriptions)
        self._snomed_filters = SnomedFilters(self._release, self._descriptions, reader)
        super().__init__(artifact, self._snomed_filters)
        is_complete = self.about.content == "complete"
        self.about = replace(self.about, is_flat=True, has_expressions=is_complete)
        self._expressions = ExpressionCodes(
            self._release, self._snomed_filters.evaluation, super().describe, reader.with_terms
        )

    # -- expressions as codes ----------------------------------------------------------------

    def locate(self, code: str) -> Concept | None:
        expression = self._expressions.locate(code) if self.is_expression(code) else None
        return expression or super().locate(code)

    def is_expression(self, code: str) -> bool:
        """A code of digits alone is a concept; a fragment cannot say which concepts there are."""
        return self.about.has_expressions and not code.isdigit()

    def expression_key(self, code: str) -> str:
        """An expression that is one concept has the key of the concept."""
        key = self._expressions.key(code) if self.is_expression(code) else None
        return code if key is None else key

    def remarks(self, code: str) -> Sequence[Issue]:
        return self._expressions.remarks(code) if self.is_expression(code) else ()

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        if self.is_expression(ancestor) or self.is_expression(descendant):
            return self._expressions.subsumes(ancestor, descendant)
        return super().subsumes(ancestor, descendant)

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        details = super().describe(codes)
        others = [code for code in codes if not code.isdigit() and code not in details]
        if not others or not self.about.has_expressions:
            return details
        expressions = ((code, self._expressions.detail(code)) for code in others)
        return {**details, **{code: detail for code, detail in expressions if detail is not None}}

    # -- selections --------------------------------------------------------------------------

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> IndexedSelection:
        """With the expressions that pass the filters: they are not listed, and a text does not find them."""
        selection = super().select(filters, text, languages)
        if any(filter_.property == EXPRESSIONS and filter_.value == "false" for filter_ in filters):
            return selection
        is_whole = all(filter_.property == EXPRESSIONS for filter_ in filters)
        reason = self._reason_of_the_whole if is_whole else ""
        if text or not self.about.has_expressions:
            return selection.open_because(reason)
        return SnomedSelection(self, selection, lambda code: self._expressions.passes(code, filters), reason)

    @cached_property
    def _reason_of_the_whole(self) -> str:
        """Why a selection of everything is not closed."""
        return issues.no_post_coordination(self.about)

    def evaluate(self, expression: str) -> BitMap:
        """The numbers of the concepts that satisfy an expression constraint; see ``SnomedFilters``."""
        return self._snomed_filters.evaluate(expression)

    def has_reference_set(self, refset: str) -> bool:
        """Is there a reference set with concepts?"""
        return refset in self._release.refsets

    def reference_sets(self) -> list[str]:
        """The concepts that stand for reference sets which have concepts, or descriptions."""
        dialects = {d for signature in self._descriptions.signatures for d in signature.dialects}
        numbers = self.artifact.ords([*self._release.refsets, *dialects])
        return sorted(numbers, key=lambda code: numbers[code])

    def implied_value_set(self, canonical: str) -> Document | None:
        return implied_value_set(self, canonical)
