"""ConceptMap $translate: the codes of another code system for a code, a coding or a CodeableConcept.

https://hl7.org/fhir/R5/conceptmap-operation-translate.html, and R4's ``reverse``

One map may be used, or all. Every match has the map that it is from, and the conditions on which it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from terminology.catalogue.concept_map import (
    FLIPPED,
    FLIPPED_WORD,
    ConceptMap,
    ConceptMapRow,
    Group,
    Unmapped,
)
from terminology.catalogue.protocol import Catalogue
from terminology.core import budget, issues
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages, best_display
from terminology.core.model import Coding, split_canonical
from terminology.core.versions import fits
from terminology.operations.dates import check_date
from terminology.operations.limits import MOST_HOPS, MOST_TARGETS, STEPS_OF_MAP, STEPS_OF_MATCH
from terminology.operations.translate import hints
from terminology.operations.translate.chains import chained, middle_systems
from terminology.operations.translate.conditions import by_attribute, holds, text_of
from terminology.operations.translate.explain import explain
from terminology.operations.translate.model import (
    Match,
    Obstacle,
    Scope,
    TranslateQuery,
    TranslateRequest,
    Translation,
)
from terminology.operations.translate.query import maps_for, query_of
from terminology.operations.translate.rows import find_rows, for_narrower, is_same_code
from terminology.operations.value_set.compose import contains
from terminology.operations.value_set.expand import expand
from terminology.operations.value_set.expand_request import ExpandRequest
from terminology.systems.code_shapes import may_be_elsewhere

# The order of the matches: the closest relationship first.
RANK = {
    "equivalent": 0,
    "source-is-narrower-than-target": 1,
    "source-is-broader-than-target": 2,
    "related-to": 3,
    "not-related-to": 5,
}
RANK_OF_UNKNOWN_RELATIONSHIP, _RANK_OF_NO_MAP = 4, 6
# Words of R4 that say more than their relationship: https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html
_STRICT_WORDS = frozenset({"equal", "subsumes", "specializes"})


def translate(catalogue: Catalogue, request: TranslateRequest) -> Translation:
    """Translate a code, a coding or every coding of a CodeableConcept.

    Raises TerminologyError: no code or more than one to translate, an unknown map, no suitable map, an unknown
    scope, a date in the past, or parameters that contradict each other.
    """
    check_date(request.date)
    query = query_of(catalogue, request)
    maps = maps_for(catalogue, request, query)
    translator = _Translator(catalogue, query)
    candidates = [
        match for subject in query.subjects for map_ in maps for match in translator.matches(subject, map_)
    ]
    if not maps:
        candidates = _chains(catalogue, query)
    several = len(candidates) > 1
    matches = sorted(_distinct(_said_once(candidates)), key=_rank) if several else candidates
    result = any(match.is_positive for match in matches)
    hint = hints.remark if result else hints.explanation
    message = hint(catalogue, query, maps, matches)
    matches = _with_displays(catalogue, request, matches)
    explanation = explain(catalogue, query, maps, matches) if request.explains else None
    return Translation(
        result, message, matches, several_subjects=len(query.subjects) > 1, explanation=explanation
    )


def _chains(catalogue: Catalogue, query: TranslateQuery) -> list[Match]:
    """The matches of chains of two maps."""

    translators: dict[int, _Translator] = {}

    def matches(hop: TranslateQuery, subject: Coding, map_: ConceptMap) -> Iterator[Match]:
        translator = translators.setdefault(id(hop), _Translator(catalogue, hop))
        return translator.matches(subject, map_)

    maps, far_systems = catalogue.concept_maps(), query.far_systems(catalogue)
    middle = middle_systems(query, maps, far_systems)
    query.obstacles.append(Obstacle(issues.matches_are_chains(middle, query.far_system is None)))
    return list(chained(query, maps, far_systems, matches))


# -- one subject, one map ------------------------------------------------------------------------


@dataclass(slots=True)
class _Translator:
    """The matches for a query. Reasons why a mapping gives no match are added to ``query.obstacles``.

    ``onward``: for a subject and the canonical of a map that ``unmapped`` led to, how many maps led to it first, and
    its matches.
    """

    catalogue: Catalogue
    query: TranslateQuery
    onward: dict[tuple[Coding, str], tuple[int, list[Match]]] = field(default_factory=dict)

    def matches(self, subject: Coding, map_: ConceptMap, via: Sequence[ConceptMap] = ()) -> Iterator[Match]:
        """The matches for a subject in a map, within the scopes. ``via``: the maps that led to this one."""
        query = self.query
        budget.spend(STEPS_OF_MAP * (1 + len(map_.groups)))
        if query.reverse and map_.is_one_way:
            query.obstacles.append(Obstacle(issues.map_is_one_way(map_.canonical)))
            return
        near_scope, far_scope = map_.source_scope, map_.target_scope
        if query.reverse:
            near_scope, far_scope = far_scope, near_scope
        if not self._is_in_scope(query.near_scope, subject, near_scope, is_translation=False):
            return
        for group in map_.groups:
            if not self._has_subject(group, subject):
                continue
            for match in self._group_matches(subject, map_, group, via):
                coding = match.source if query.finds_sources else match.concept
                system = coding.system if coding else query.far(group).system
                if not query.admits_far(coding or query.far(group)):
                    continue
                if coding is None:
                    if self._leads_into_scope(system, far_scope):
                        yield match
                elif self._is_in_scope(query.far_scope, coding, far_scope, is_translation=True):
                    yield match

    def _leads_into_scope(self, system: str | None, map_scope: str | None) -> bool:
        """True unless the far scope has no code of the system that a map leads to.

        The map then says nothing of the codes that the request asks for, not even that there is none.
        """
        scope = self.query.far_scope
        return scope is None or scope.has_system(self.catalogue, system, map_scope)

    def _is_in_scope(
        self, scope: Scope | None, coding: Coding, map_scope: str | None, is_translation: bool
    ) -> bool:
        """True if the scope has the code; otherwise this is noted as an obstacle."""
        if scope is None or scope.admits(self.catalogue, coding, map_scope):
            return True
        if scope.value_set is not None:
            text = issues.outside_scope(coding.code, scope.parameter, scope.url)
            self.query.obstacles.append(Obstacle(text, coding, is_translation))
        return False

    def _has_subject(self, group: Group, subject: Coding) -> bool:
        """True if the near end of the group is the code system of the subject, in a version that fits."""
        end = self.query.near(group)
        same_system = end.system is None or end.system == subject.system
        same_version = end.version is None or subject.version is None or fits(subject.version, end.version)
        return same_system and same_version

    def _group_matches(
        self, subject: Coding, map_: ConceptMap, group: Group, via: Sequence[ConceptMap]
    ) -> Iterable[Match]:
        rows, is_complete = self._rows(map_, group, subject)
        by_target = [self._with_target(map_, group, row) for row in rows]
        budget.spend(STEPS_OF_MATCH * len(rows))
        if is_complete and all(each == [] for each in by_target):
            # Nothing is said of the code, or only that it is mapped to the codes of an empty value set.
            return self._unmapped(subject, map_, group, via)
        return (
            self._match(subject, map_, row, via)
            for each in by_target
            for row in each or ()
            if self._has_relationship(map_, row) and self._applies(row)
        )

    def _rows(self, map_: ConceptMap, group: Group, subject: Coding) -> tuple[list[ConceptMapRow], bool]:
        """The rows of the subject, and False if there may be others, because a value set cannot be read."""
        near_rows = find_rows(self.catalogue, self.query.rows_by_near(group), subject)
        if near_rows.note:
            self.query.obstacles.append(Obstacle(near_rows.note))
        found_rows, is_complete = list(near_rows.rows), True
        if near_rows.are_of_base:
            found_rows = [for_narrower(row, self.query.reverse) for row in found_rows]
        if self.query.reverse:
            bare = replace(subject, display=None)
            rows_to_value_sets = (row for row in group.to_value_sets if self._is_target(map_, row, subject))
            rows = [
                *found_rows,
                *(replace(row, target=bare) for row in rows_to_value_sets),
                *self._rows_from_value_sets(map_, group, bare),
            ]
            return rows, is_complete
        for value_set, rows in group.by_value_set:
            is_member = self._is_in(value_set, subject, map_, issues.value_set_as_source)
            if is_member:
                found_rows += (replace(row, source=replace(subject, display=None)) for row in rows)
            is_complete = is_complete and is_member is not None
        return found_rows, is_complete

    def _rows_from_value_sets(
        self, map_: ConceptMap, group: Group, subject: Coding
    ) -> Iterator[ConceptMapRow]:
        """In reverse: the rows from a value set to the subject, one for each code of the value set."""
        for value_set, rows in group.by_value_set:
            leading = [row for row in rows if self._leads_to(map_, row, subject)]
            if leading:
                for source in self._codes_of(map_, value_set, group.source.system, is_source=True) or ():
                    yield from (replace(row, source=source, target=row.target or subject) for row in leading)

    def _leads_to(self, map_: ConceptMap, row: ConceptMapRow, subject: Coding) -> bool:
        if row.target is None:
            return row.target_value_set is not None and self._is_target(map_, row, subject)
        return is_same_code(self.catalogue, subject.system or "", row.target.code or "", subject.code or "")

    def _is_target(self, map_: ConceptMap, row: ConceptMapRow, subject: Coding) -> bool:
        """True if the subject is in the value set that a row leads to; one that is unknown is an obstacle."""
        return self._is_in(row.target_value_set or "", subject, map_, issues.value_set_as_target) is True

    def _is_in(
        self, url: str, subject: Coding, map_: ConceptMap, sentence: Callable[[str, str, str], str]
    ) -> bool | None:
        """Whether the subject is in a value set of a map; None, and an obstacle, if that cannot be read."""
        try:
            return contains(self.catalogue, self.catalogue.value_set(url), subject)
        except TerminologyError as error:
            self.query.obstacles.append(Obstacle(sentence(map_.canonical, url, str(error))))
            return None

    def _with_target(self, map_: ConceptMap, group: Group, row: ConceptMapRow) -> list[ConceptMapRow] | None:
        """The row itself; one for each code if it leads to a value set.

        None if the codes cannot be listed, which is noted as an obstacle.
        """
        if row.target_value_set is None or row.target is not None:
            return [row]
        targets = self._codes_of(map_, row.target_value_set, group.target.system)
        if targets is None:
            return None
        budget.spend(STEPS_OF_MATCH * len(targets))
        return [replace(row, target=target) for target in targets]

    def _codes_of(
        self, map_: ConceptMap, url: str, system: str | None, is_source: bool = False
    ) -> list[Coding] | None:
        """The codes that a value set at one end of a map has of a code system, or of any if that is None.

        None, and an obstacle, if they cannot be listed.
        """
        try:
            expansion = expand(
                self.catalogue, ExpandRequest(url=url, count=MOST_TARGETS, exclude_nested=True)
            )
            problem = expansion.unclosed[0] if expansion.unclosed else ""
            if expansion.total is not None and expansion.total > MOST_TARGETS:
                problem = issues.too_many_targets(expansion.total, MOST_TARGETS)
        except TerminologyError as error:
            problem = str(error)
        if problem:
            sentence = issues.value_set_as_source if is_source else issues.value_set_as_target
            self.query.obstacles.append(Obstacle(sentence(map_.canonical, url, problem)))
            return None
        return [
            Coding(e.system, e.code, e.version, e.display)
            for e in expansion
            if not e.abstract and system in (None, e.system)
        ]

    def _has_relationship(self, map_: ConceptMap, row: ConceptMapRow) -> bool:
        """False for a target without a relationship; this is noted as an obstacle.

        ``relationship`` is 1..1: https://hl7.org/fhir/R5/conceptmap-definitions.html
        """
        target = row.target_value_set if row.target is None else row.target.code
        if target is None or row.relationship is not None:
            return True
        text = issues.target_without_relationship(map_.canonical, row.source.code, target)
        self.query.obstacles.append(Obstacle(text))
        return False

    def _applies(self, row: ConceptMapRow) -> bool:
        """True unless a condition fails.

        Conditions on one attribute are alternatives; different attributes must all hold. A condition on an
        attribute that the request does not have stays open: the match has it.
        """
        return all(
            holds(self.catalogue, group, self.query.dependencies) for group in by_attribute(row.depends_on)
        )

    def _match(
        self, subject: Coding, map_: ConceptMap, row: ConceptMapRow, via: Sequence[ConceptMap]
    ) -> Match:
        match = Match(
            origin=map_,
            concept=row.target,
            relationship=row.relationship,
            word=row.word,
            subject=subject,
            comment=row.comment,
            depends_on=row.depends_on,
            products=row.products,
            properties=row.properties,
            via=via,
        )
        if self.query.finds_sources:
            match.source = row.source
        elif self.query.reverse:
            match.concept = row.source
            match.relationship = FLIPPED.get(row.relationship or "", row.relationship)
            match.word = FLIPPED_WORD.get(row.word or "", row.word)
        return match

    # -- codes that the map does not list --------------------------------------------------------

    def _unmapped(
        self, subject: Coding, map_: ConceptMap, group: Group, via: Sequence[ConceptMap]
    ) -> Iterable[Match]:
        """The matches of ``group.unmapped``, which holds in the direction of the map only.

        https://hl7.org/fhir/R5/conceptmap.html#unmapped
        """
        rule = group.unmapped
        if rule is None or self.query.reverse:
            return ()
        if rule.mode == "other-map":
            return self._matches_of_other_map(subject, map_, rule, via)
        relationship = rule.relationship or "related-to"
        return [
            Match(map_, concept, relationship, subject=subject, via=via)
            for concept in self._defaults(map_, group, rule, subject)
        ]

    def _defaults(self, map_: ConceptMap, group: Group, rule: Unmapped, subject: Coding) -> Iterable[Coding]:
        """The targets of a code that the group does not list."""
        if rule.mode == "fixed" and rule.value_set and not rule.code:
            return self._codes_of(map_, rule.value_set, None) or ()
        concept = _default(group, rule, subject)
        if concept is not None and rule.mode == "use-source-code" and self.query.admits_far(group.target):
            self._look_for(concept, map_)
        return [] if concept is None else [concept]

    def _look_for(self, concept: Coding, map_: ConceptMap) -> None:
        """Note if the target code system has no such code."""
        system = self.catalogue.find_system(concept.system or "", concept.version)
        code = concept.code or ""
        if system is None or system.about.content not in ("complete", "fragment"):
            return
        if system.locate(code) is not None or may_be_elsewhere(system.about, code):
            return
        text = issues.code_kept_by_map(map_.canonical, code, system.about.canonical)
        self.query.obstacles.append(Obstacle(text))

    def _matches_of_other_map(
        self, subject: Coding, map_: ConceptMap, rule: Unmapped, via: Sequence[ConceptMap]
    ) -> Iterable[Match]:
        """The matches of the map that the rule names. A map that is on the way already is not used again."""
        path = [*via, map_]
        try:
            other = self._other_map(rule, path)
        except TerminologyError as missing:
            self.query.obstacles.append(Obstacle(issues.unusable_other_map(map_.canonical, str(missing))))
            return ()
        if any(other.canonical == hop.canonical for hop in path):
            circle = issues.map_circle([hop.canonical for hop in (*path, other)])
            self.query.obstacles.append(Obstacle(circle))
            return ()
        if len(path) > MOST_HOPS:
            hops = [hop.canonical for hop in (*path, other)]
            self.query.obstacles.append(Obstacle(issues.too_many_hops(hops, MOST_HOPS)))
            return ()
        # Several ways may lead to a map, and each hop may double their number: it is asked on the first one only.
        key = subject, other.canonical
        if key not in self.onward:
            matches = _distinct(self.matches(subject, other, path), has_way=False)
            self.onward[key] = len(path), matches
        length, matches = self.onward[key]
        on_the_way = {hop.canonical for hop in path}
        return (
            replace(match, via=[*path, *match.via[length:]])
            for match in budget.counted(matches, STEPS_OF_MATCH)
            if on_the_way.isdisjoint(map_.canonical for map_ in (*match.via[length:], match.origin))
        )

    def _other_map(self, rule: Unmapped, path: Sequence[ConceptMap]) -> ConceptMap:
        """The map that the rule names: one on the way, which may have been sent, or one of the catalogue."""
        url, version = split_canonical(rule.other_map or "")
        on_the_way = (hop for hop in path if url and hop.url == url and version in (None, hop.version))
        return next(on_the_way, None) or self.catalogue.concept_map(url, version)


def _default(group: Group, rule: Unmapped, subject: Coding) -> Coding | None:
    """The target of a code that the group does not list; None if there is none."""
    if rule.mode == "fixed" and rule.code:
        return Coding(group.target.system, rule.code, group.target.version, rule.display)
    if rule.mode == "use-source-code":
        # The display of the request is that of another code system.
        return Coding(group.target.system, subject.code, group.target.version)
    return None


# -- all matches together ------------------------------------------------------------------------


def _distinct(matches: Iterable[Match], has_way: bool = True) -> list[Match]:
    """The matches, one for each map (and way to it), concept, relationship, condition and product."""
    matches = list(matches)
    if len(matches) < 2:
        return matches
    return list({_identity(match, has_way): match for match in reversed(matches)}.values())[::-1]


def _said_once(matches: list[Match]) -> list[Match]:
    """The matches without those of maps that fill in, where another map says the same."""
    systems = {match.concept and match.concept.system for match in matches if match.origin.fills_in}
    if not systems:
        return matches
    others = {
        _statement(match)
        for match in matches
        if not match.origin.fills_in and (match.concept and match.concept.system) in systems
    }
    if not others:
        return matches
    return [match for match in matches if not match.origin.fills_in or _statement(match) not in others]


def _identity(match: Match, has_way: bool) -> tuple[object, ...]:
    way = tuple(hop.canonical for hop in match.via) if has_way else ()
    return match.origin.canonical, way, *_statement(match)


def _statement(match: Match) -> tuple[object, ...]:
    """All that a match says, whichever map it is from."""
    conditions = frozenset((c.uri, text_of(c.value)) for c in match.depends_on)
    subject = match.subject if match.concept is None else None
    source = match.source and (match.source.system, match.source.code)
    concept = match.concept and (match.concept.system, match.concept.code)
    products = tuple((p.uri, text_of(p.value)) for p in match.products)
    return concept, match.relationship, source, conditions, products, subject


def _rank(match: Match) -> tuple[int, bool]:
    if match.concept is None:
        return _RANK_OF_NO_MAP, True
    rank = RANK.get(match.relationship or "", RANK_OF_UNKNOWN_RELATIONSHIP)
    return rank, match.word not in _STRICT_WORDS


def _with_displays(catalogue: Catalogue, request: TranslateRequest, matches: list[Match]) -> list[Match]:
    for match in matches:
        match.concept = with_display(catalogue, request, match.concept)
        match.source = with_display(catalogue, request, match.source)
    return matches


def with_display(catalogue: Catalogue, request: TranslateRequest, coding: Coding | None) -> Coding | None:
    """The coding with the display that $lookup gives; with that of the map where the code is not here.

    A display that a map states may be no display of the code: $validate-code would refuse it.
    """
    if coding is None or (request.as_mapped and request.languages is None):
        return coding
    if request.languages is None:
        display = display_of(catalogue, coding) or coding.display
    elif request.as_mapped:
        insisted = replace(request.languages, insist=True)
        display = display_of(catalogue, coding, insisted) or coding.display or display_of(catalogue, coding)
    else:
        display = display_of(catalogue, coding, request.languages)
        if display is None and not request.languages.insist:
            display = coding.display
    return coding if display == coding.display else replace(coding, display=display)


def display_of(catalogue: Catalogue, coding: Coding, languages: Languages | None = None) -> str | None:
    """The display of a code as $lookup gives it; None if the code is not here, or has none."""
    system = catalogue.find_system(coding.system or "", coding.version)
    located = system.locate(coding.code or "") if system else None
    if system is None or located is None:
        return None
    if languages is None and located.display:
        return located.display
    detail = catalogue.supplemented(system).describe([located.code])[located.code]
    return best_display(located.display, system.about.language, detail.designations, languages)
