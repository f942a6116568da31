"""The evaluation of an expression constraint to the concepts that satisfy it.

The substrate is that of ECL (5, 6.9 and 6.10): ``*`` has every active concept, and relationships and reference sets
count with their active rows. A concept by its identifier, a reference set and ``{{ C active = 0 }}`` may have inactive
concepts. A concept that the release does not have is an error; it is not an empty set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from terminology.core import issues
from terminology.core.budget import counted, spend
from terminology.core.errors import TerminologyError
from terminology.core.texts import words
from terminology.store.packing import DESIGNATIONS, line_of
from terminology.store.relations import GROUPED, LINKED, VALUED, RelationshipTable
from terminology.systems.snomed.ecl.descriptions import Descriptions, time_holds
from terminology.systems.snomed.ecl.expression import (
    AlternateIdentifier,
    ByActive,
    ByDefinitionStatus,
    ByModule,
    ByTime,
    Compound,
    Constraint,
    Described,
    Dotted,
    Filtered,
    Focus,
    HavingMembers,
    MemberOf,
    Refined,
    Related,
    Wildcard,
    WithHistory,
)
from terminology.systems.snomed.ecl.filters import STATUSES, TYPES
from terminology.systems.snomed.ecl.member_rows import REFERENCED, MemberRows
from terminology.systems.snomed.ecl.refinements import Refinements
from terminology.systems.snomed.identifiers import (
    ALTERNATE,
    ASSOCIATIONS,
    DEFINED,
    DIALECTS,
    HISTORICAL,
    HISTORY,
    IS_A,
    MEMBER,
    MOVED_FROM,
    PRIMITIVE,
    SAME_AS,
    SCHEME,
)
from terminology.systems.snomed.release_index import ReleaseIndex

if TYPE_CHECKING:
    from pyroaring import BitMap

# The steps to evaluate one part of an expression, or to ask the store about one concept.
_STEPS = 50
KEYWORDS = frozenset({*TYPES.values(), *STATUSES.values(), *DIALECTS.values()})
NOT_FROM_RF2 = "this, of a release that was not imported from RF2,"


class Evaluation:
    """One expression, evaluated on one version of SNOMED CT."""

    def __init__(self, release: ReleaseIndex, descriptions: Descriptions, text: str) -> None:
        self._release, self._descriptions, self._text = release, descriptions, text
        self._refinements = Refinements(release, self.of)

    def of(self, constraint: Constraint) -> BitMap:
        """The numbers of the concepts that satisfy a part of the expression. Not to be changed.

        Raises TerminologyError for a concept that does not exist, and for a part that cannot be answered.
        """
        spend(_STEPS)
        if isinstance(constraint, Wildcard):
            return self._release.active
        evaluate: Callable[[Evaluation, Any], BitMap] = EVALUATE[type(constraint)]
        if isinstance(constraint, Focus | Compound):
            return evaluate(self, constraint)
        return self._release.artifact.cached(("ecl", constraint), lambda: evaluate(self, constraint))

    def codes(self, constraint: Constraint) -> frozenset[str]:
        """The identifiers of the concepts. A concept that a keyword stands for need not exist."""
        if isinstance(constraint, Focus):
            if constraint.id not in KEYWORDS:
                self._number(constraint)
            return frozenset({constraint.id})
        if isinstance(constraint, Compound) and constraint.operator == "OR":
            return frozenset().union(*map(self.codes, constraint.parts))
        return frozenset(row.key for row in self._release.artifact.concepts(self.of(constraint)))

    # -- concepts and the hierarchy ----------------------------------------------------------

    def focus(self, focus: Focus) -> BitMap:
        return self._release.set_of((self._number(focus),))

    def _number(self, focus: Focus) -> int:
        number = self._release.artifact.ord(focus.id)
        if number is None:
            raise TerminologyError(
                issues.expression_on_unknown_concept(self._text, focus.at, focus.id, self._release.about)
            )
        return number

    def alternate(self, identifier: AlternateIdentifier) -> BitMap:
        schemes = self._schemes(identifier.alias)
        concepts = self._release.having(ALTERNATE, [f"{scheme}#{identifier.code}" for scheme in schemes])
        if not concepts:
            id_, about = f"{identifier.alias}#{identifier.code}", self._release.about
            raise TerminologyError(
                issues.expression_on_unknown_concept(self._text, identifier.at, id_, about)
            )
        return concepts

    def _schemes(self, alias: str) -> list[str]:
        """The identifier schemes that an alias names: a word of one of their terms."""
        artifact = self._release.artifact
        rows = artifact.concepts_by_key([term for term, _ in self._release.terms(SCHEME)])
        named = words(alias)
        return [
            row.key
            for row in rows
            if any(
                set(named) <= set(words(text))
                for text in (row.display or "", *_texts_of(artifact.unpack.lines(row.body)))
            )
        ]

    def related(self, related: Related) -> BitMap:
        return OPERATORS[related.operator](self, self.of(related.of))

    def below(self, of: BitMap) -> BitMap:
        """The descendants of some concepts."""
        below = self._release.set_of()
        for number in counted(of & self._release.inner, _STEPS):
            # A descendant of another one of them is there already, with its own descendants.
            if number not in below:
                below |= self._release.artifact.descendants(number)
        return below

    def above(self, of: BitMap) -> BitMap:
        """The ancestors of some concepts. Those of all active ones are all that have children."""
        if len(of) >= len(self._release.active) and self._release.active <= of:
            return self._release.inner
        above = self._release.set_of()
        new = self.parents(of)
        while new:
            spend(_STEPS * len(new))
            above |= new
            new = self.parents(new) - above
        return above

    def children(self, of: BitMap) -> BitMap:
        return self._release.artifact.children_of(list(of & self._release.inner))

    def parents(self, of: BitMap) -> BitMap:
        return self._release.artifact.parents(of.to_array().tolist())

    def compound(self, compound: Compound) -> BitMap:
        first, *others = map(self.of, compound.parts)
        concepts = first.copy()
        for other in others:
            if compound.operator == "AND":
                concepts &= other
            elif compound.operator == "OR":
                concepts |= other
            else:
                concepts -= other
        return concepts

    # -- reference sets ----------------------------------------------------------------------

    def members(self, members: MemberOf) -> BitMap:
        """``^``: the members of some reference sets."""
        self._require_whole(members.at)
        refsets = self._refsets(members.of)
        if members.column in (None, REFERENCED) and not members.filters:
            return self._release.having(MEMBER, refsets)
        return MemberRows(self._release, self.of, self.codes, self._text).of(members, refsets)

    def having_members(self, having: HavingMembers) -> BitMap:
        """``^R``: the reference sets that some concepts are members of."""
        self._require_whole(0)
        concepts = self.of(having.of)
        refsets = (refset for refset, members in self._release.terms(MEMBER) if members & concepts)
        return self._release.set_of(self._release.artifact.ords(list(refsets)).values())

    def _refsets(self, of: Constraint) -> list[str]:
        known = self._release.refsets
        if isinstance(of, Focus) and of.id in known:
            return [of.id]
        return self._release.among(known, self._release.all if isinstance(of, Wildcard) else self.of(of))

    def with_history(self, history: WithHistory) -> BitMap:
        self._require_whole(0)
        concepts, kinds = self.of(history.of), self._historical(history)
        linked = [self._linked(table, concepts) for table in self._release.tables(LINKED, kinds)]
        if SAME_AS in kinds and MOVED_FROM in self._release.kinds(LINKED):
            linked.append(self._leading(self._release.table(LINKED, MOVED_FROM), concepts))
        return concepts | self._release.artifact.union(linked)

    def _linked(self, table: RelationshipTable, targets: BitMap) -> BitMap:
        """The concepts that are linked to one of the targets."""
        places = table.targets
        return self._release.set_of(
            number for target in places & targets for number in table.at(places.rank(target) - 1)
        )

    def _leading(self, table: RelationshipTable, sources: BitMap) -> BitMap:
        """The concepts that one of the sources is linked to."""
        inside = sources.__contains__
        return self._release.set_of(
            target for place, target in counted(enumerate(table.targets)) if any(map(inside, table.at(place)))
        )

    def _historical(self, history: WithHistory) -> list[str]:
        """The associations that count, of those that the release has."""
        if history.refsets is not None:
            return self._release.kinds(LINKED, self.of(history.refsets))
        if history.profile in HISTORY:
            return [kind for kind in self._release.kinds(LINKED) if kind in HISTORY[history.profile]]
        if self._release.artifact.ord(HISTORICAL) is None:
            return [kind for kind in self._release.kinds(LINKED) if kind in ASSOCIATIONS]
        return self._release.kinds(LINKED, self.of(Related("<<", Focus(HISTORICAL))))

    # -- refinements -------------------------------------------------------------------------

    def refined(self, refined: Refined) -> BitMap:
        self._require_whole(0)
        return self.of(refined.of) & self._refinements.concepts(refined.refinement)

    def dotted(self, dotted: Dotted) -> BitMap:
        self._require_whole(dotted.at)
        of = self.of(dotted.of)
        if dotted.attribute == Focus(IS_A):
            return self.parents(of)
        kinds = self.of(dotted.attribute)
        leading = self._release.kinds(GROUPED, kinds)
        valued = () if leading else self._release.kinds(VALUED, kinds)
        if valued:
            raise TerminologyError(issues.attribute_without_concepts(self._text, dotted.at, valued))
        return self._release.targets(leading, of)

    def _require_whole(self, at: int) -> None:
        """Raises TerminologyError where the release was not imported from RF2, so that it has concepts alone."""
        if not self._release.is_whole:
            raise TerminologyError(issues.expression_not_supported(self._text, at, NOT_FROM_RF2))

    # -- filters -----------------------------------------------------------------------------

    def described(self, described: Described) -> BitMap:
        self._require_whole(0)
        concepts = self.of(described.of)
        return self._descriptions.having(concepts, described.filters, self.codes, self._text)

    def filtered(self, filtered: Filtered) -> BitMap:
        asks_status = any(isinstance(filter_, ByActive) for filter_ in filtered.filters)
        of_any_status = asks_status and isinstance(filtered.of, Wildcard)
        concepts = self._release.all if of_any_status else self.of(filtered.of)
        for filter_ in filtered.filters:
            concepts = concepts & FILTERS[type(filter_)](self, filter_)
        return concepts

    def by_active(self, filter_: ByActive) -> BitMap:
        if filter_.active is None:
            return self._release.all
        return self._release.active if filter_.active else self._release.inactive

    def by_definition_status(self, filter_: ByDefinitionStatus) -> BitMap:
        statuses = self.codes(filter_.statuses)
        by_value = {"true": DEFINED, "false": PRIMITIVE}
        values = [value for value, status in by_value.items() if (status in statuses) == filter_.is_equal]
        return self._release.having("sufficientlyDefined", values)

    def by_module(self, filter_: ByModule) -> BitMap:
        concepts = self._release.having("moduleId", self.codes(filter_.modules))
        return concepts if filter_.is_equal else self._release.all - concepts

    def by_time(self, filter_: ByTime) -> BitMap:
        terms = [term for term, _ in self._release.terms("effectiveTime")]
        chosen = [term for term in terms if time_holds(filter_, term.replace("-", ""))]
        published = self._release.having("effectiveTime", chosen)
        if not time_holds(filter_, ""):
            return published
        return published | (self._release.all - self._release.having("effectiveTime", terms))


def _texts_of(lines: Sequence[bytes]) -> Iterator[str]:
    return (node[0] for node in line_of(lines, DESIGNATIONS) or ())


EVALUATE: dict[type, Callable[[Evaluation, Any], BitMap]] = {
    Focus: Evaluation.focus,
    AlternateIdentifier: Evaluation.alternate,
    HavingMembers: Evaluation.having_members,
    Related: Evaluation.related,
    Compound: Evaluation.compound,
    MemberOf: Evaluation.members,
    Refined: Evaluation.refined,
    Dotted: Evaluation.dotted,
    Filtered: Evaluation.filtered,
    Described: Evaluation.described,
    WithHistory: Evaluation.with_history,
}
OPERATORS: dict[str, Callable[[Evaluation, BitMap], BitMap]] = {
    "<": lambda self, of: self.below(of),
    "<<": lambda self, of: of | self.below(of),
    "<!": lambda self, of: self.children(of),
    "<<!": lambda self, of: of | self.children(of),
    ">": lambda self, of: self.above(of),
    ">>": lambda self, of: of | self.above(of),
    ">!": lambda self, of: self.parents(of),
    ">>!": lambda self, of: of | self.parents(of),
    # The concepts with none of the others above them; and with none below them.
    "!!>": lambda self, of: of - self.below(of),
    "!!<": lambda self, of: of - self.above(of),
}
FILTERS: dict[type, Callable[[Evaluation, Any], BitMap]] = {
    ByActive: Evaluation.by_active,
    ByDefinitionStatus: Evaluation.by_definition_status,
    ByModule: Evaluation.by_module,
    ByTime: Evaluation.by_time,
}
