"""Why was there no translation, and what would have been one?
 An answer "no" is a dead end for whoever maps codes; these sentences point on: to the scope that shut the
code out, to the conditions that were not met, to the code as the map spells it, to the successor of a retired
code, to other target systems, and to the way back. An answer "yes" is told what was not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from terminology.catalogue.concept_map import ConceptMap, Group, MapRow
from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding, Filter, Typed
from terminology.core.versions import fits
from terminology.operations.spelling import system_hint
from terminology.operations.translate.shapes import (
    Match,
    Scope,
    TranslateQuery,
    by_attribute,
    far,
    holds,
    near,
    rows_by_far,
    rows_by_near,
    said_of,
    same_value,
    text_of,
)

_SUCCESSOR = ("replacedBy", "replaced-by", "successor", "SAME_AS", "REPLACED_BY")
_NOT_STATED = ("unspecified", "unknown")
_MOST = 10
LONGEST = 1_000
_LONGEST_SENTENCE = 450
_LONGEST_CODE = 60


def remark(
    catalogue: Catalogue, question: TranslateQuery, maps: Sequence[ConceptMap], matches: Sequence[Match]
) -> str | None:
    """The message of an answer ``result=true``, if there is something to say."""
    said = [*_asides(catalogue, question, maps, matches), *_open_conditions(question, matches)]
    return _told(said) or None


def explain(
    catalogue: Catalogue, question: TranslateQuery, maps: Sequence[ConceptMap], matches: Sequence[Match]
) -> str:
    """The message of an answer ``result=false``: the reason first."""
    shut_out = [] if matches else _shut_out(question)
    said = [*(shut_out or [_reason(matches)]), *_asides(catalogue, question, maps, matches)]
    unmet = list(_unmet(question, maps))
    said += unmet
    if not shut_out:
        said += [*_spellings(question, maps), *_successors(catalogue, question)]
        if not matches and not unmet:
            said += [*_other_systems(question, maps), *_elsewhere(catalogue, question, maps)]
    return _told(said)


def other_ways(catalogue: Catalogue, question: TranslateQuery) -> str:
    """What to say when no map at all leads from the subject's system to where it is to go."""
    maps = catalogue.concept_maps()
    systems = _far_ends(question, maps)
    said = [f"There are maps from it to {listed(systems)}."] if systems else []
    said += [
        *_way_back(question, maps),
        *_owners(question, maps),
        *_unknown_systems(catalogue, question, maps),
    ]
    return _told([*said, *(trouble.text for trouble in question.trouble)])


# -- what was in the way -------------------------------------------------------------------------


def outside(scope: Scope, coding: Coding) -> str:
    return f"The code {_quoted(coding.code)} is not in the {scope.name} {scope.url}."


def no_other_map(map_: ConceptMap, missing: TerminologyError) -> str:
    return f"The map {_name(map_)} refers to another one for codes that it does not list: {_end_of(missing)}"


def circle(maps: Sequence[ConceptMap]) -> str:
    way = ", ".join(_name(map_) for map_ in maps[:_MOST])
    return f"For codes that they do not list the maps refer to each other in a circle: {way}."


def unusable_map(malformed: TerminologyError) -> str:
    return f"A map that came along cannot be used: {_end_of(malformed)}"


def _shut_out(question: TranslateQuery) -> list[str]:
    """What a scope left out, if it is all there was: every subject, or whatever was found."""
    left_out = {trouble.left_out for trouble in question.trouble if not trouble.found}
    found = [t.text for t in question.trouble if t.found]
    if not found and not all(subject in left_out for subject in question.subjects):
        return []
    texts = list(dict.fromkeys(t.text for t in question.trouble if t.left_out is not None))
    return [f"No translations found within the scope: {_decapitalised(texts[0])}", *texts[1:_MOST]]


def _asides(
    catalogue: Catalogue, question: TranslateQuery, maps: Sequence[ConceptMap], matches: Sequence[Match]
) -> Iterator[str]:
    """What has to be said whether there is a translation or not."""
    yield from (trouble.text for trouble in question.trouble if trouble.left_out is None)
    asked = [*maps, *(match.origin for match in matches)]
    yield from _unknown_attributes(question, asked)
    yield from _contradictions(catalogue, question)
    yield from _unknown_versions(catalogue, question)
    if len(question.subjects) > 1 or not matches:
        yield from _unknown_systems(catalogue, question, asked)


def _unknown_attributes(question: TranslateQuery, maps: Sequence[ConceptMap]) -> Iterator[str]:
    if not question.dependencies:
        return
    known = {code: uri for map_ in maps for code, uri in map_.attributes.items()}
    names = {d.attribute for d in question.dependencies} - known.keys() - set(known.values())
    if names:
        which = f"they know {listed(known)}" if known else "they have no conditions"
        yield f"No map that was asked knows the attribute {listed(names, quoted=True)}: {which}."


def _contradictions(catalogue: Catalogue, question: TranslateQuery) -> Iterator[str]:
    """A code that itself says something else than the caller knows."""
    for subject in question.subjects:
        for dependency in question.dependencies:
            name = dependency.attribute.rpartition("#")[2].rpartition("/")[2]
            own = _values(catalogue, subject, name)
            for given in dependency.values:
                if not own or any(same_value(value, given) for value in own):
                    continue
                if _excludes(catalogue, subject, name, text_of(given)):
                    yield (
                        f"The code {_quoted(subject.code)} itself says {name} "
                        f"{listed(map(text_of, own))}, but {_quoted(text_of(given))} was given."
                    )


def _values(catalogue: Catalogue, subject: Coding, property_: str) -> list[Typed]:
    system = catalogue.find_system(subject.system or "", subject.version)
    concept = system.locate(subject.code or "") if system else None
    if system is None or concept is None:
        return []
    said = system.describe([concept.code])[concept.code].properties
    return [p.value for p in said if p.code == property_ and text_of(p.value) not in _NOT_STATED]


def _excludes(catalogue: Catalogue, subject: Coding, property_: str, value: str) -> bool:
    """Is this a value that other codes have, but none below this one?

    The words of a condition may be other ones than those of the property, such as whose bill it is for a
    setting; they say nothing of the code.
    """
    try:
        system = catalogue.system(subject.system or "", subject.version)
        others, below = Filter(property_, "=", value), Filter("concept", "is-a", subject.code or "")
        return any(True for _ in system.select([others])) and not any(
            True for _ in system.select([others, below])
        )
    except TerminologyError:
        return False


def _unknown_versions(catalogue: Catalogue, question: TranslateQuery) -> Iterator[str]:
    for subject in question.subjects:
        known = catalogue.known_versions("CodeSystem", subject.system or "") if subject.version else []
        if known and catalogue.find_system(subject.system or "", subject.version) is None:
            yield (
                f"{subject.system} is not here in the version {_quoted(subject.version)}, but in "
                f"{listed(known)}; maps that state no version were asked all the same."
            )


def _unknown_systems(
    catalogue: Catalogue, question: TranslateQuery, maps: Sequence[ConceptMap]
) -> Iterator[str]:
    mapped = {near(group, question.backwards).system for map_ in maps for group in map_.groups}
    named = {subject.system for subject in question.subjects if subject.system} - mapped
    unknown = sorted(system for system in named if catalogue.find_system(system) is None)
    if unknown:
        hints = " ".join(filter(None, (system_hint(catalogue, system) for system in unknown)))
        yield f"Not known here as a code system: {listed(unknown, quoted=True)}. {hints}".strip()


def _reason(matches: Sequence[Match]) -> str:
    if not matches:
        return "No translations found."
    reasons = dict.fromkeys(match.comment.rstrip(" .") for match in matches if match.comment)
    said = f": {'; '.join(reasons)}" if reasons else ""
    if all(match.concept is None for match in matches):
        return f"The map says that there is no translation{said}."
    return f"The map says what it is not, but not what it is{said}."


# -- the same code, nearly -----------------------------------------------------------------------


def _unmet(question: TranslateQuery, maps: Sequence[ConceptMap]) -> Iterator[str]:
    """Which conditions failed; of rows that fail by the same attributes, what any of them needs."""
    needed: dict[tuple[str, ...], dict[str, dict[str, None]]] = {}
    given: dict[str, list[str]] = {}
    for row in _rows_of(question, maps):
        groups = by_attribute(row.depends_on)
        failed = [group for group in groups if not holds(group, question.dependencies)]
        wanted = needed.setdefault(tuple(group[0].code for group in failed), {})
        for group in failed:
            given[group[0].code] = [text_of(value) for value in said_of(group[0], question.dependencies)]
            wanted.setdefault(group[0].code, {}).update(dict.fromkeys(text_of(c.value) for c in group))
    ways = [_failed(wanted, given) for wanted in needed.values() if wanted]
    if ways:
        yield f"The code is in the map, but on other conditions: {'; or '.join(ways[:_MOST])}."


def _failed(wanted: dict[str, dict[str, None]], given: dict[str, list[str]]) -> str:
    return " and ".join(
        f"{code} (given {listed(given[code], quoted=True)}, needed {_alternatives(values)})"
        for code, values in wanted.items()
    )


def _open_conditions(question: TranslateQuery, matches: Sequence[Match]) -> Iterator[str]:
    """What would decide between the matches: conditions of which the caller says nothing."""
    undecided: dict[str, dict[str, None]] = {}
    for condition in (c for match in matches for c in match.depends_on):
        if not said_of(condition, question.dependencies):
            undecided.setdefault(condition.code, {})[text_of(condition.value)] = None
    if undecided:
        shown = [f"{code} ({_alternatives(values)})" for code, values in list(undecided.items())[:_MOST]]
        yield (
            f"Which of the matches holds depends on {', '.join(shown)}; send what is known of it as "
            "'dependency'."
        )


def _spellings(question: TranslateQuery, maps: Sequence[ConceptMap]) -> Iterator[str]:
    """The same code but for dots, blanks, case and leading zeros."""
    for subject in question.subjects:
        codes = {code for map_ in maps for code in _near_codes(question, map_, subject)}
        if codes - {subject.code}:
            yield f"Instead of {_quoted(subject.code)} the map has {listed(codes, quoted=True)}."


def _successors(catalogue: Catalogue, question: TranslateQuery) -> Iterator[str]:
    for subject in question.subjects:
        system = catalogue.find_system(subject.system or "", subject.version)
        concept = system.locate(subject.code or "") if system else None
        if system is None:
            continue
        if concept is None:
            part = "the part that is here of " if system.about.is_fragment else ""
            yield f"The code {_quoted(subject.code)} is not in {part}{system.about.canonical}."
            continue
        detail = system.describe([concept.code])[concept.code]
        successors = {text_of(p.value) for p in detail.properties if p.code in _SUCCESSOR}
        if concept.inactive and successors:
            named = listed(successors, quoted=True)
            yield f"The code {_quoted(subject.code)} is not active any more; its successor is {named}."


# -- other ways ----------------------------------------------------------------------------------


def _other_systems(question: TranslateQuery, maps: Sequence[ConceptMap]) -> Iterator[str]:
    """Of a named map: what it translates from and to."""
    for map_ in maps:
        yield from _other_versions(question, map_)
        ends = {(near(g, question.backwards).system, far(g, question.backwards).system) for g in map_.groups}
        if not any(subject.system == end for subject in question.subjects for end, _ in ends):
            yield f"The map {_name(map_)} is for codes of {listed({end for end, _ in ends})}."
        elif question.far_system not in (None, *(end for _, end in ends)):
            yield f"The map {_name(map_)} leads to {listed({end for _, end in ends})}."


def _other_versions(question: TranslateQuery, map_: ConceptMap) -> Iterator[str]:
    ends = {near(group, question.backwards) for group in map_.groups}
    for subject in (subject for subject in question.subjects if subject.version):
        stated = {end.version for end in ends if end.system == subject.system}
        if stated and not any(version is None or fits(subject.version, version) for version in stated):
            yield f"The map {_name(map_)} is for {subject.system} in the version {listed(stated)}."


def _elsewhere(catalogue: Catalogue, question: TranslateQuery, maps: Sequence[ConceptMap]) -> Iterator[str]:
    others = [map_ for map_ in catalogue.concept_maps() if map_ not in maps]
    systems = _far_ends(question, [m for m in others if _knows(question, m)])
    if systems:
        yield f"Other maps translate the code to {listed(systems)}."
    yield from _way_back(question, [*maps, *others])


def _way_back(question: TranslateQuery, maps: Iterable[ConceptMap]) -> Iterator[str]:
    """Maps that know the code at their other end, and lead from there to where it is to go."""
    found = [
        _name(map_)
        for map_ in maps
        if any(_is_far_end(group, question, s) for group in map_.groups for s in question.subjects)
    ]
    if found:
        ask = "as the source" if question.backwards else "in reverse (R4 reverse=true, R5 targetCode)"
        several = len(found) > 1
        which = f"maps {listed(found)} have it at their" if several else f"map {found[0]} has it at its"
        yield f"The {which} other end: ask {ask}."


def _owners(question: TranslateQuery, maps: Iterable[ConceptMap]) -> Iterator[str]:
    """Code systems that do have this code, when the one that was named has no map."""
    owners = {
        near(g, question.backwards).system
        for m in maps
        for g in m.groups
        if any(subject.code in rows_by_near(g, question.backwards) for subject in question.subjects)
    }
    owners -= {subject.system for subject in question.subjects}
    if owners:
        yield f"There are maps of this code in {listed(owners)}."


def _knows(question: TranslateQuery, map_: ConceptMap) -> bool:
    return any(
        subject.system == near(group, question.backwards).system
        and subject.code in rows_by_near(group, question.backwards)
        for subject in question.subjects
        for group in map_.groups
    )


def _far_ends(question: TranslateQuery, maps: Iterable[ConceptMap]) -> set[str | None]:
    systems = {subject.system for subject in question.subjects}
    return {
        far(group, question.backwards).system
        for map_ in maps
        for group in map_.groups
        if near(group, question.backwards).system in systems
    } - {question.far_system}


def _is_far_end(group: Group, question: TranslateQuery, subject: Coding) -> bool:
    if question.far_system not in (None, near(group, question.backwards).system):
        return False
    is_there = far(group, question.backwards).system == subject.system
    return is_there and (subject.code or "") in rows_by_far(group, question.backwards)


def _rows_of(question: TranslateQuery, maps: Sequence[ConceptMap]) -> Iterator[MapRow]:
    """The rows of the subjects, to where the question asks."""
    for group in (group for map_ in maps for group in map_.groups):
        if question.far_system not in (None, far(group, question.backwards).system):
            continue
        for subject in question.subjects:
            if near(group, question.backwards).system in (None, subject.system):
                yield from rows_by_near(group, question.backwards).of(subject.code or "")


def _near_codes(question: TranslateQuery, map_: ConceptMap, subject: Coding) -> Iterator[str]:
    """The codes of the map that are the subject's, as somebody else would write it."""
    for group in map_.groups:
        if near(group, question.backwards).system == subject.system:
            yield from rows_by_near(group, question.backwards).spelled_like(subject.code or "")


# -- words ---------------------------------------------------------------------------------------


def listed(items: Iterable[str | None], quoted: bool = False) -> str:
    """Some of the items and how many more there are."""
    words = sorted({item for item in items if item})
    shown = [_quoted(word) if quoted else word for word in words[:_MOST]]
    more = f" and {len(words) - _MOST} more" if len(words) > _MOST else ""
    return ", ".join(shown) + more


def _alternatives(values: Iterable[str]) -> str:
    words = list(values)
    return " | ".join(words[:_MOST]) + (" | …" if len(words) > _MOST else "")


def _name(map_: ConceptMap) -> str:
    return map_.canonical or "that came along"


def _quoted(code: str | None) -> str:
    text = code or ""
    return f"'{text}'" if len(text) <= _LONGEST_CODE else f"'{text[:_LONGEST_CODE]}…'"


def _end_of(error: TerminologyError) -> str:
    return str(error).rstrip(".") + "."


def _decapitalised(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _told(sentences: Iterable[str]) -> str:
    """The sentences as one message: each once, and no more of them than somebody will read."""
    message = ""
    for sentence in dict.fromkeys(sentences):
        if len(sentence) > _LONGEST_SENTENCE:
            sentence = sentence[:_LONGEST_SENTENCE] + "…"
        if len(message) + len(sentence) < LONGEST:
            message = f"{message} {sentence}".strip()
    return message
