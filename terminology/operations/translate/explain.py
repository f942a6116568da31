"""An explanation of a translation: the reason for its outcome as a code, and what each map had to do with it.

The message of a translation says the same in sentences (``hints``). A program that maps thousands of codes needs the
reason as a word that it can count, and a person who asks why needs to see the maps that were passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from terminology.catalogue.concept_map import ConceptMap, ConceptMapRow
from terminology.catalogue.protocol import Catalogue
from terminology.core.model import Coding
from terminology.operations.spelling import code_hint
from terminology.operations.translate import hints
from terminology.operations.translate.explanation import (
    ConsideredMap,
    DisplaySource,
    Explanation,
    Outcome,
    Reason,
)
from terminology.operations.translate.model import Match, TranslateQuery
from terminology.operations.translate.rows import lists

# The maps, and the displays, that an explanation names.
MOST_MAPS = 20
MOST_DISPLAYS = 20


def explain(
    catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap], matches: Sequence[Match]
) -> Explanation:
    """The explanation of a translation; ``matches`` have their displays already."""
    used = _used_maps(maps, matches)
    others: Iterator[ConceptMap] = iter(())
    if not query.names_map:
        others = (m for m in catalogue.concept_maps() if m not in used and hints.rows_in(catalogue, query, m))
    considered = [_considered(catalogue, query, map_, matches) for map_ in used[:MOST_MAPS]]
    considered += [_of_other(catalogue, query, map_) for map_ in islice(others, MOST_MAPS - len(considered))]
    displays = (_display_source(catalogue, match) for match in matches[:MOST_DISPLAYS])
    return Explanation(
        reason_of(catalogue, query, maps, matches), considered, list(dict.fromkeys(filter(None, displays)))
    )


# -- the reason ----------------------------------------------------------------------------------


def reason_of(
    catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap], matches: Sequence[Match]
) -> Reason | None:
    """The first reason that holds, in the order in which the message has them."""
    if any(match.is_positive for match in matches):
        return Reason.CONDITION_OPEN if any(hints.open_conditions(query, matches)) else None
    if matches:
        is_empty = all(match.concept is None for match in matches)
        return Reason.NO_TARGET if is_empty else Reason.NOT_RELATED
    if hints.excluded_by_scope(query):
        return Reason.OUTSIDE_SCOPE
    if any(hints.unmet_conditions(catalogue, query, maps)):
        return Reason.CONDITION_FAILED
    if any(hints.gaps(query, maps)):
        return Reason.GAP
    return _reason_of_code(catalogue, query, query.subjects[0], maps)


def _reason_of_code(
    catalogue: Catalogue, query: TranslateQuery, subject: Coding, maps: Sequence[ConceptMap]
) -> Reason:
    code = subject.code or ""
    system = catalogue.find_system(subject.system or "", subject.version)
    concept = system.locate(code) if system is not None else None
    if system is not None and concept is not None:
        is_replaced = concept.inactive and hints.successors_of(system, concept.code)
        return Reason.RETIRED if is_replaced else Reason.NO_ROW
    if (system is not None and code_hint(system, code)) or any(hints.similar_codes(catalogue, query, maps)):
        return Reason.TYPING_SLIP
    if hints.other_systems(catalogue, subject):
        return Reason.WRONG_SYSTEM
    if system is not None:
        return Reason.UNKNOWN_CODE
    # Local codes: the map vouches for their code system, and nothing tells whether the code is one of them.
    leads_from = any(query.near(group).system == subject.system for map_ in maps for group in map_.groups)
    return Reason.NO_ROW if leads_from else Reason.UNKNOWN_SYSTEM


# -- the maps ------------------------------------------------------------------------------------


def _used_maps(maps: Sequence[ConceptMap], matches: Sequence[Match]) -> list[ConceptMap]:
    """The maps of the request, and those that one of them led to: by a rule, or in a chain."""
    led_to = (map_ for match in matches for map_ in (*match.via, match.origin))
    return list({id(map_): map_ for map_ in (*maps, *led_to)}.values())


def _considered(
    catalogue: Catalogue, query: TranslateQuery, map_: ConceptMap, matches: Sequence[Match]
) -> ConsideredMap:
    """One of the maps that the request names, or that lead from the subject to the far end."""
    own = [m for m in matches if map_ is m.origin or any(map_ is hop for hop in m.via)]
    rows = hints.rows_in(catalogue, query, map_)
    place = _place(catalogue, query, map_)
    as_written = _as_written(query, rows)

    def considered(outcome: Outcome, unmapped: str | None = None) -> ConsideredMap:
        leads_to = None if place is None else query.far(map_.groups[place]).system
        return ConsideredMap(map_.canonical, outcome, place, as_written, leads_to, unmapped)

    if own and all(match.concept is None for match in own):
        return considered(Outcome.NO_TARGET)
    if own and not rows and place is not None and (rule := map_.groups[place].unmapped) is not None:
        return considered(Outcome.UNMAPPED_RULE, rule.mode)
    if own:
        return considered(Outcome.MATCHED)
    if query.reverse and map_.is_one_way:
        return considered(Outcome.ONE_WAY)
    if not rows:
        return considered(Outcome.NO_ROW)
    if any(hints.unmet_conditions(catalogue, query, [map_])):
        return considered(Outcome.CONDITION_FAILED)
    return considered(Outcome.OUTSIDE_SCOPE if hints.excluded_by_scope(query) else Outcome.NOT_USED)


def _of_other(catalogue: Catalogue, query: TranslateQuery, map_: ConceptMap) -> ConsideredMap:
    """A map that has the code, and leads to another code system than the request asks for."""
    rows = hints.rows_in(catalogue, query, map_)
    place = _place(catalogue, query, map_, admits_all=True)
    leads_to = None if place is None else query.far(map_.groups[place]).system
    return ConsideredMap(map_.canonical, Outcome.OTHER_TARGET, place, _as_written(query, rows), leads_to)


def _as_written(query: TranslateQuery, rows: Sequence[ConceptMapRow]) -> str | None:
    """The subject as a map writes it."""
    ends = (row.target if query.reverse else row.source for row in rows[:1])
    return next((end.code for end in ends if end is not None), None)


def _place(
    catalogue: Catalogue, query: TranslateQuery, map_: ConceptMap, admits_all: bool = False
) -> int | None:
    """The number of the group that has a subject, or else of the first one that leads from its code system."""
    leading = [
        number
        for number, group in enumerate(map_.groups)
        if (admits_all or query.admits_far(query.far(group)))
        and any(query.near(group).system in (None, subject.system) for subject in query.subjects)
    ]
    with_code = (
        number
        for number in leading
        if any(lists(catalogue, query.rows_by_near(map_.groups[number]), s) for s in query.subjects)
    )
    return next(with_code, leading[0] if leading else None)


def _display_source(catalogue: Catalogue, match: Match) -> DisplaySource | None:
    coding = match.source or match.concept
    if coding is None or coding.code is None or coding.display is None:
        return None
    system = catalogue.find_system(coding.system or "", coding.version)
    is_here = system is not None and system.locate(coding.code) is not None
    return DisplaySource(
        coding.code, system.about.canonical if system and is_here else match.origin.canonical
    )
