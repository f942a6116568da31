"""Hints in the message of a translation: why there is none, and what would be one.

They name the scope that does not have the code, the conditions that do not hold, the code as the map writes it, the
successor of a retired code, other target systems, and maps to use in reverse. If there is a translation, they name
the parts of the request that had no effect. The sentences are in ``core/issues/translate_hints.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from terminology.catalogue.concept_map import ConceptMap, ConceptMapRow, Group
from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding, Filter, Typed
from terminology.core.versions import fits
from terminology.operations.limits import LONGEST_MESSAGE
from terminology.operations.spelling import code_hint, confusable, system_hint
from terminology.operations.translate.chains import middle_systems
from terminology.operations.translate.conditions import by_attribute, holds, same_value, text_of, values_of
from terminology.operations.translate.model import NEGATIVE, Match, TranslateQuery
from terminology.operations.translate.rows import find_rows, lists
from terminology.systems.code_shapes import may_be_elsewhere
from terminology.systems.protocol import CodeSystem

_SUCCESSOR = ("replacedBy", "replaced-by", "successor", "SAME_AS", "REPLACED_BY")
_NO_VALUE = ("unspecified", "unknown")
_LONGEST_SENTENCE = 450
_MOST_OBSTACLES = 10


def remark(
    catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap], matches: Sequence[Match]
) -> str | None:
    """The message of an answer ``result=true``; None if there is nothing to remark."""
    return _message([*_notes(catalogue, query, maps, matches), *open_conditions(query, matches)]) or None


def explanation(
    catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap], matches: Sequence[Match]
) -> str:
    """The message of an answer ``result=false``: the reason first."""
    excluded = [] if matches else excluded_by_scope(query)
    known_gaps = list(gaps(query, maps))
    sentences = [*(excluded or [_reason(matches)]), *known_gaps, *_notes(catalogue, query, maps, matches)]
    unmet = list(unmet_conditions(catalogue, query, maps))
    sentences += unmet
    if not excluded:
        sentences += [*similar_codes(catalogue, query, maps), *_successors(catalogue, query)]
        if not (matches or unmet or known_gaps):
            sentences += [*_ends_of_maps(catalogue, query, maps), *_other_maps(catalogue, query, maps)]
    if maps and not query.names_map and query.far_system is None:
        middle = middle_systems(query, catalogue.concept_maps(), query.far_systems(catalogue))
        sentences += [issues.chains_lead_through(middle, is_scope=True)] if middle else []
    return _message(sentences)


def other_ways(catalogue: Catalogue, query: TranslateQuery) -> str:
    """The hint for a query without a suitable map: other systems to translate to, or from."""
    maps = catalogue.concept_maps()
    systems = _far_systems(query, maps)
    middle = middle_systems(query, maps, query.far_systems(catalogue))
    return _message(
        [
            *([issues.chains_lead_through(middle, is_scope=False)] if middle else []),
            *_maps_to_nothing(catalogue, query, maps),
            *([issues.maps_from_system_lead_to(systems)] if systems else []),
            *(
                sentence
                for map_ in maps
                if _leads_from(query, map_)
                for sentence in _versions_of_map(query, map_)
            ),
            *_reverse_ways(catalogue, query, maps),
            *_systems_with_code(query, maps),
            *_unknown_systems(catalogue, query, maps),
            *_unknown_target(catalogue, query, maps),
            *(obstacle.text for obstacle in query.obstacles),
        ]
    )


def _message(sentences: Iterable[str]) -> str:
    """The sentences as one message: each once, the long ones cut, as many as fit."""
    message = ""
    for sentence in dict.fromkeys(sentences):
        if len(sentence) > _LONGEST_SENTENCE:
            sentence = sentence[:_LONGEST_SENTENCE] + "…"
        if len(message) + len(sentence) < LONGEST_MESSAGE:
            message = f"{message} {sentence}".strip()
    return message


# -- the reason ----------------------------------------------------------------------------------


def excluded_by_scope(query: TranslateQuery) -> list[str]:
    """Sentences on the scopes, if they exclude all subjects, or a translation; else empty."""
    excluded_subjects = {o.excluded for o in query.obstacles if not o.is_translation}
    excludes_translation = any(o.is_translation for o in query.obstacles)
    if not excludes_translation and not all(subject in excluded_subjects for subject in query.subjects):
        return []
    texts = list(dict.fromkeys(o.text for o in query.obstacles if o.excluded is not None))
    return [issues.no_translation_in_scope(texts[0]), *texts[1:_MOST_OBSTACLES]]


def _reason(matches: Sequence[Match]) -> str:
    if not matches:
        return issues.no_translation()
    comments = list(dict.fromkeys(match.comment.rstrip(" .") for match in matches if match.comment))
    if all(match.concept is None for match in matches):
        return issues.mapped_to_nothing(comments)
    return issues.only_negative_matches(comments)


def gaps(query: TranslateQuery, maps: Sequence[ConceptMap]) -> Iterator[str]:
    """Sentences on what the maps do not know yet of a subject."""
    for subject in query.subjects if not query.reverse else ():
        for map_ in maps:
            leads_from = any(query.near(group).system == subject.system for group in map_.groups)
            if leads_from and (gap := map_.gaps.get(subject.code or "")):
                yield issues.known_gap(subject.code, map_.canonical, gap)


# -- notes on the request ------------------------------------------------------------------------


def _notes(
    catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap], matches: Sequence[Match]
) -> Iterator[str]:
    """Sentences for any answer, positive or not."""
    if query.obstacles:
        yield from (obstacle.text for obstacle in query.obstacles if obstacle.excluded is None)
    used_maps = [*maps, *(match.origin for match in matches)]
    if query.dependencies:
        yield from _unknown_attributes(query, used_maps)
        yield from _contradictions(catalogue, query)
    yield from _unknown_versions(catalogue, query)
    if len(query.subjects) > 1 or not matches:
        yield from _unknown_systems(catalogue, query, used_maps)


def _unknown_attributes(query: TranslateQuery, maps: Sequence[ConceptMap]) -> Iterator[str]:
    known = {code: uri for map_ in maps for code, uri in map_.attributes.items()}
    unknown = {d.attribute for d in query.dependencies} - known.keys() - set(known.values())
    if unknown:
        yield issues.unknown_attributes(unknown, known)


def _contradictions(catalogue: Catalogue, query: TranslateQuery) -> Iterator[str]:
    """Sentences on dependencies that contradict a property of the code itself."""
    for subject in query.subjects:
        for dependency in query.dependencies:
            name = dependency.attribute.rpartition("#")[2].rpartition("/")[2]
            own = _property_values(catalogue, subject, name)
            for value in dependency.values:
                if not own or any(same_value(catalogue, own_value, value) for own_value in own):
                    continue
                if _excludes(catalogue, subject, name, text_of(value)):
                    yield issues.contradicting_property(subject.code, name, map(text_of, own), text_of(value))


def _property_values(catalogue: Catalogue, subject: Coding, property_: str) -> list[Typed]:
    system = catalogue.find_system(subject.system or "", subject.version)
    concept = system.locate(subject.code or "") if system else None
    if system is None or concept is None:
        return []
    properties = system.describe([concept.code])[concept.code].properties
    values = [p.typed for p in properties if p.code == property_]
    return [value for value in values if text_of(value) not in _NO_VALUE]


def _excludes(catalogue: Catalogue, subject: Coding, property_: str, value: str) -> bool:
    """True if other codes have this value of the property, but the subject and all codes below it do not.

    A map may use other values for its condition than the code system does for its property. A value that no code
    has is therefore not a contradiction.
    """
    try:
        system = catalogue.system(subject.system or "", subject.version)
        others, below = Filter(property_, "=", value), Filter("concept", "is-a", subject.code or "")
        return any(True for _ in system.select([others])) and not any(
            True for _ in system.select([others, below])
        )
    except TerminologyError:
        # The code system has no such filter, so nothing contradicts.
        return False


def _unknown_versions(catalogue: Catalogue, query: TranslateQuery) -> Iterator[str]:
    for subject in query.subjects:
        known = catalogue.known_versions("CodeSystem", subject.system or "") if subject.version else []
        if known and catalogue.find_system(subject.system or "", subject.version) is None:
            yield issues.version_of_code_not_here(subject.system, subject.version, known)
    far, version = query.far_system or "", query.far_version
    known = catalogue.known_versions("CodeSystem", far) if version else []
    if known and catalogue.find_system(far, version) is None:
        yield issues.version_of_code_not_here(far, version, known)


def _unknown_systems(
    catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap]
) -> Iterator[str]:
    mapped = {query.near(group).system for map_ in maps for group in map_.groups}
    unmapped = {subject.system for subject in query.subjects if subject.system} - mapped
    unknown = sorted(system for system in unmapped if catalogue.find_system(system) is None)
    wrong = {system: text for system in unknown if (text := _why_wrong(catalogue, system))}
    yield from wrong.values()
    unknown = [system for system in unknown if system not in wrong]
    if unknown:
        hint = " ".join(filter(None, (system_hint(catalogue, system) for system in unknown)))
        yield issues.unknown_systems_to_translate(unknown, hint)


def _unknown_target(catalogue: Catalogue, query: TranslateQuery, maps: Iterable[ConceptMap]) -> Iterator[str]:
    """A question that names the code systems that may be meant by the far one, where nothing leads to it."""
    far = query.far_system
    ends = {query.far(group).system for map_ in maps for group in map_.groups}
    if far is not None and far not in ends and (hint := system_hint(catalogue, far, ends)):
        yield hint


def _why_wrong(catalogue: Catalogue, system: str) -> str | None:
    """A sentence, if the system is a resource of another kind: a value set or a supplement."""
    try:
        catalogue.system(system)
    except TerminologyError as error:
        issue = error.issues[0]
        return f"{issue.text.rstrip('.')}." if issue.code == "invalid" else None
    return None


# -- conditions ----------------------------------------------------------------------------------


def unmet_conditions(
    catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap]
) -> Iterator[str]:
    """A sentence on the conditions that failed. Rows that fail by the same attributes are taken together."""
    needed: dict[tuple[str, ...], dict[str, dict[str, None]]] = {}
    sent: dict[str, list[str]] = {}
    for row in _rows_of_subjects(catalogue, query, maps):
        groups = by_attribute(row.depends_on)
        failed = [group for group in groups if not holds(catalogue, group, query.dependencies)]
        values = needed.setdefault(tuple(group[0].code for group in failed), {})
        for group in failed:
            attribute = group[0].code
            sent[attribute] = [text_of(value) for value in values_of(group[0], query.dependencies)]
            values.setdefault(attribute, {}).update(dict.fromkeys(text_of(c.value) for c in group))
    ways = [
        {attribute: (sent[attribute], choices) for attribute, choices in values.items()}
        for values in needed.values()
        if values
    ]
    if ways:
        yield issues.unmet_conditions(ways)


def open_conditions(query: TranslateQuery, matches: Sequence[Match]) -> Iterator[str]:
    """A sentence on conditions that decide between the matches, if the request has no value for them."""
    conditions: dict[str, dict[str, None]] = {}
    for condition in (c for match in matches for c in match.depends_on):
        if not values_of(condition, query.dependencies):
            conditions.setdefault(condition.code, {})[text_of(condition.value)] = None
    if conditions:
        yield issues.open_conditions(conditions)


# -- other codes ---------------------------------------------------------------------------------


def similar_codes(catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap]) -> Iterator[str]:
    """Sentences on codes of the maps that differ only in dots, blanks, case and leading zeros."""
    for subject in query.subjects:
        similar = {
            code
            for map_ in maps
            for group in map_.groups
            if query.near(group).system == subject.system
            for spelling in confusable(subject.code or "")
            for code in query.rows_by_near(group).spelled_like(spelling)
            if not lists(catalogue, query.rows_by_near(group), subject)
        }
        if similar:
            yield issues.map_has_similar_codes(subject.code, similar)


def _successors(catalogue: Catalogue, query: TranslateQuery) -> Iterator[str]:
    """Sentences on codes that their code systems do not have, or have replaced."""
    for subject in query.subjects:
        system = catalogue.find_system(subject.system or "", subject.version)
        concept = system.locate(subject.code or "") if system else None
        if system is None:
            continue
        if concept is None:
            is_elsewhere = may_be_elsewhere(system.about, subject.code or "")
            yield issues.code_not_in_system(subject.code, system.about.canonical, is_elsewhere)
            if hint := code_hint(system, subject.code or ""):
                yield hint
            elif others := other_systems(catalogue, subject):
                yield issues.code_of_other_systems(subject.code, others)
            continue
        if concept.inactive and (successors := successors_of(system, concept.code)):
            yield issues.retired_code(subject.code, successors)


def other_systems(catalogue: Catalogue, subject: Coding) -> list[str]:
    """The other code systems that have a code, in alphabetical order: of those that maps lead from or to."""
    ends = {
        end.system
        for map_ in catalogue.concept_maps()
        for group in map_.groups
        for end in (group.source, group.target)
        if end.system not in (None, subject.system)
    }
    known = ((url, catalogue.find_system(url)) for url in sorted(filter(None, ends)))
    return [
        url
        for url, system in known
        if system is not None and not system.about.is_infinite and system.locate(subject.code or "")
    ]


def successors_of(system: CodeSystem, code: str) -> set[str]:
    """The codes that have replaced one of a code system, as its properties say."""
    properties = system.describe([code])[code].properties
    return {text_of(p.typed) for p in properties if p.code in _SUCCESSOR}


# -- other ways ----------------------------------------------------------------------------------


def _ends_of_maps(catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap]) -> Iterator[str]:
    """Sentences on maps that translate other systems, or to other systems, or other versions."""
    for map_ in maps:
        yield from _versions_of_map(query, map_)
        near = {query.near(group).system for group in map_.groups}
        far = {query.far(group).system for group in map_.groups}
        if not any(subject.system in near for subject in query.subjects):
            yield issues.map_translates_from(map_.canonical, near)
        elif query.far_system is not None and query.far_system not in far:
            yield issues.map_translates_to(map_.canonical, far)
    yield from _unknown_target(catalogue, query, maps)


def _leads_from(query: TranslateQuery, map_: ConceptMap) -> bool:
    """True if the map leads from the system of a subject."""
    systems = {query.near(group).system for group in map_.groups}
    return any(subject.system in systems for subject in query.subjects)


def _versions_of_map(query: TranslateQuery, map_: ConceptMap) -> Iterator[str]:
    ends = {query.near(group) for group in map_.groups}
    for subject in (subject for subject in query.subjects if subject.version):
        versions = {end.version for end in ends if end.system == subject.system}
        if versions and not any(version is None or fits(subject.version, version) for version in versions):
            yield issues.map_is_for_versions(map_.canonical, subject.system, versions)
    far_ends = [end for end in map(query.far, map_.groups) if end.system == query.far_system]
    if query.far_system is not None and far_ends and not any(map(query.admits_far, far_ends)):
        yield issues.map_is_for_versions(map_.canonical, query.far_system, {end.version for end in far_ends})


def _other_maps(catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap]) -> Iterator[str]:
    others = [map_ for map_ in catalogue.concept_maps() if map_ not in maps]
    systems = _far_systems(query, [map_ for map_ in others if _translates(catalogue, query, map_)])
    if systems:
        yield issues.other_maps_lead_to(systems)
    yield from _maps_to_nothing(catalogue, query, others)
    yield from _reverse_ways(catalogue, query, [*maps, *others])


def _reverse_ways(catalogue: Catalogue, query: TranslateQuery, maps: Iterable[ConceptMap]) -> Iterator[str]:
    """A sentence on maps that have a subject at the far end, and the far system at the near end.

    A map that holds in one direction only is not recommended for the other.
    """
    names = [
        map_.canonical
        for map_ in maps
        if (query.reverse or not map_.is_one_way)
        and any(_is_at_far_end(catalogue, group, query, s) for group in map_.groups for s in query.subjects)
    ]
    if names:
        yield issues.maps_with_code_at_other_end(names, query.reverse)


def _systems_with_code(query: TranslateQuery, maps: Iterable[ConceptMap]) -> Iterator[str]:
    """A sentence on other code systems that have a code of the query, and maps for it."""
    systems = {
        query.near(group).system
        for map_ in maps
        for group in map_.groups
        if any(subject.code in query.rows_by_near(group) for subject in query.subjects)
    }
    systems -= {subject.system for subject in query.subjects}
    if systems:
        yield issues.maps_of_code_in(systems)


def _translates(catalogue: Catalogue, query: TranslateQuery, map_: ConceptMap) -> bool:
    """True if the map has a row that translates a subject."""
    return any(
        row.relationship not in NEGATIVE and (row.target is not None or row.target_value_set is not None)
        for row in rows_in(catalogue, query, map_)
    )


def _maps_to_nothing(
    catalogue: Catalogue, query: TranslateQuery, maps: Iterable[ConceptMap]
) -> Iterator[str]:
    """Sentences on maps which say that a subject has no translation."""
    for map_ in maps:
        rows = rows_in(catalogue, query, map_)
        if rows and all(row.target is None and row.target_value_set is None for row in rows):
            comments = list(dict.fromkeys(row.comment.rstrip(" .") for row in rows if row.comment))
            yield issues.other_map_says_nothing(map_.canonical, _far_systems(query, [map_]), comments)


def rows_in(catalogue: Catalogue, query: TranslateQuery, map_: ConceptMap) -> list[ConceptMapRow]:
    """The rows of a map for the subjects, to whatever code system."""
    return [
        row
        for group in map_.groups
        for subject in query.subjects
        if subject.system == query.near(group).system
        for row in find_rows(catalogue, query.rows_by_near(group), subject).rows
    ]


def _is_at_far_end(catalogue: Catalogue, group: Group, query: TranslateQuery, subject: Coding) -> bool:
    """True if the group lists the subject at the far end, and has the far system at the near end."""
    if query.far_system not in (None, query.near(group).system):
        return False
    return query.far(group).system == subject.system and lists(catalogue, query.rows_by_far(group), subject)


def _far_systems(query: TranslateQuery, maps: Iterable[ConceptMap]) -> set[str | None]:
    """The systems other than the far one that the maps lead to, from the systems of the subjects."""
    systems = {subject.system for subject in query.subjects}
    return {
        query.far(group).system
        for map_ in maps
        if not (query.reverse and map_.is_one_way)
        for group in map_.groups
        if query.near(group).system in systems
    } - {query.far_system}


def _rows_of_subjects(
    catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap]
) -> Iterator[ConceptMapRow]:
    """The rows of the subjects that lead to the far system."""
    for group in (group for map_ in maps for group in map_.groups):
        if not query.admits_far(query.far(group)):
            continue
        for subject in query.subjects:
            if query.near(group).system in (None, subject.system):
                yield from find_rows(catalogue, query.rows_by_near(group), subject).rows
