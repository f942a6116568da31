"""Why was there no translation, and what would have been one?
 An answer "no" is a dead end for whoever maps codes; these sentences point on: to the conditions that were
not met, to the code as the map spells it, to the successor of a retired code, to other target systems, and
to the way back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from terminology.catalogue import Catalogue
from terminology.concept_map import Attribute, ConceptMap, Group, Row
from terminology.model import Coding
from terminology.operations.translation import (
    Match,
    Question,
    far,
    near,
    rows_by_far,
    rows_by_near,
    text_of,
)

_SUCCESSOR = ("replacedBy", "replaced-by", "successor", "SAME_AS", "REPLACED_BY")
_MOST = 10


def open_conditions(matches: Sequence[Match]) -> str | None:
    """What to say of an answer whose matches hold only on some conditions."""
    conditions = _conditions(c for match in matches for c in match.depends_on)
    if not conditions:
        return None
    return f"Which of the matches holds depends on {conditions}; send what is known of it as 'dependency'"


def explain(
    catalogue: Catalogue, question: Question, maps: Sequence[ConceptMap], matches: Sequence[Match]
) -> str:
    """The message of an answer ``result=false``."""
    hints = [*_unmet(question, maps), *_spellings(question, maps), *_successors(catalogue, question)]
    if not matches:
        hints += [*_other_systems(question, maps), *_elsewhere(catalogue, question, maps)]
    return " ".join([_reason(matches), *dict.fromkeys(hints)])


def other_ways(catalogue: Catalogue, question: Question) -> str:
    """What to say when no map at all leads from the subject's system to where it is to go."""
    maps = catalogue.concept_maps()
    systems = _far_ends(question, maps)
    hints = [f"There are maps from it to {_listed(systems)}."] if systems else []
    return " ".join([*hints, *_way_back(question, maps), *_owners(question, maps)])


def _reason(matches: Sequence[Match]) -> str:
    if not matches:
        return "No translations found."
    reasons = _listed({match.comment for match in matches if match.comment})
    said = f": {reasons}" if reasons else ""
    if all(match.concept is None for match in matches):
        return f"The map says that there is no translation{said}."
    return f"The map says what it is not, but not what it is{said}."


# -- the same code, nearly -----------------------------------------------------------------------


def _unmet(question: Question, maps: Sequence[ConceptMap]) -> Iterator[str]:
    conditions = _conditions(
        condition
        for subject in question.subjects
        for row in _rows_of(question, maps, subject.code or "")
        for condition in row.depends_on
    )
    if conditions and question.dependencies:
        yield f"The code is in the map, but on other conditions: {conditions}."


def _spellings(question: Question, maps: Sequence[ConceptMap]) -> Iterator[str]:
    """The same code but for dots, blanks, case and leading zeros."""
    for subject in question.subjects:
        codes = {code for map_ in maps for code in _near_codes(question, map_, subject)}
        if codes - {subject.code}:
            yield f"Instead of '{subject.code}' the map has {_listed(codes, quoted=True)}."


def _successors(catalogue: Catalogue, question: Question) -> Iterator[str]:
    for subject in question.subjects:
        system = catalogue.find_system(subject.system or "", subject.version)
        concept = system.locate(subject.code or "") if system else None
        if system is None:
            continue
        if concept is None:
            part = "the part that is here of " if system.about.is_fragment else ""
            yield f"The code '{subject.code}' is not in {part}{system.about.canonical}."
            continue
        detail = system.describe([concept.code])[concept.code]
        successors = {text_of(p.value) for p in detail.properties if p.code in _SUCCESSOR}
        if concept.inactive and successors:
            named = _listed(successors, quoted=True)
            yield f"The code '{subject.code}' is not active any more; its successor is {named}."


# -- other ways ----------------------------------------------------------------------------------


def _other_systems(question: Question, maps: Sequence[ConceptMap]) -> Iterator[str]:
    """Of a named map: what it translates from and to."""
    for map_ in maps:
        ends = {(near(g, question.backwards).system, far(g, question.backwards).system) for g in map_.groups}
        if not any(subject.system == end for subject in question.subjects for end, _ in ends):
            yield f"The map {map_.canonical} is for codes of {_listed({end for end, _ in ends})}."
        elif question.far_system not in (None, *(end for _, end in ends)):
            yield f"The map {map_.canonical} leads to {_listed({end for _, end in ends})}."


def _elsewhere(catalogue: Catalogue, question: Question, maps: Sequence[ConceptMap]) -> Iterator[str]:
    others = [map_ for map_ in catalogue.concept_maps() if map_ not in maps]
    systems = _far_ends(question, [m for m in others if _knows(question, m)])
    if systems:
        yield f"Other maps translate the code to {_listed(systems)}."
    yield from _way_back(question, [*maps, *others])


def _way_back(question: Question, maps: Iterable[ConceptMap]) -> Iterator[str]:
    """Maps that know the code at their other end."""
    for map_ in maps:
        for subject in question.subjects:
            if any(_is_far_end(group, question, subject) for group in map_.groups):
                ask = "as the source" if question.backwards else "in reverse (R4 reverse=true, R5 targetCode)"
                yield f"The map {map_.canonical} has it at its other end: ask {ask}."
                return


def _owners(question: Question, maps: Iterable[ConceptMap]) -> Iterator[str]:
    """Code systems that do have this code, when the one that was named has no map."""
    owners = {
        near(g, question.backwards).system
        for m in maps
        for g in m.groups
        if any(subject.code in rows_by_near(g, question.backwards) for subject in question.subjects)
    }
    owners -= {subject.system for subject in question.subjects}
    if owners:
        yield f"There are maps of this code in {_listed(owners)}."


def _knows(question: Question, map_: ConceptMap) -> bool:
    return any(
        subject.system == near(group, question.backwards).system
        and subject.code in rows_by_near(group, question.backwards)
        for subject in question.subjects
        for group in map_.groups
    )


def _far_ends(question: Question, maps: Iterable[ConceptMap]) -> set[str | None]:
    systems = {subject.system for subject in question.subjects}
    return {
        far(group, question.backwards).system
        for map_ in maps
        for group in map_.groups
        if near(group, question.backwards).system in systems
    } - {question.far_system}


def _is_far_end(group: Group, question: Question, subject: Coding) -> bool:
    is_there = (subject.code or "") in rows_by_far(group, question.backwards)
    return far(group, question.backwards).system == subject.system and is_there


def _rows_of(question: Question, maps: Sequence[ConceptMap], code: str) -> Iterator[Row]:
    for map_ in maps:
        for group in map_.groups:
            yield from rows_by_near(group, question.backwards).of(code)


def _near_codes(question: Question, map_: ConceptMap, subject: Coding) -> Iterator[str]:
    """The codes of the map that are the subject's, as somebody else would write it."""
    for group in map_.groups:
        if near(group, question.backwards).system == subject.system:
            yield from rows_by_near(group, question.backwards).spelled_like(subject.code or "")


# -- words ---------------------------------------------------------------------------------------


def _conditions(conditions: Iterable[Attribute]) -> str:
    by_code: dict[str, list[str]] = {}
    for condition in conditions:
        by_code.setdefault(condition.code, []).append(text_of(condition.value))
    return ", ".join(f"{code} ({' | '.join(dict.fromkeys(values))})" for code, values in by_code.items())


def _listed(items: Iterable[str | None], quoted: bool = False) -> str:
    words = sorted(item for item in items if item)
    shown = [f"'{word}'" if quoted else word for word in words[:_MOST]]
    more = f" and {len(words) - _MOST} more" if len(words) > _MOST else ""
    return ", ".join(shown) + more
