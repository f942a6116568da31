"""ConceptMap $translate: what is this code over there?
 https://hl7.org/fhir/R5/conceptmap-operation-translate.html, and R4's ``reverse``. What is asked for may be
said in one coding or several, of one map or all; every candidate comes back with the map that it is from
and the condition on which it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from terminology.catalogue.concept_map import FLIPPED, FLIPPED_WORD, ConceptMap, Group, MapRow, Unmapped
from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.languages import best_display
from terminology.core.model import Coding, split_canonical
from terminology.core.versions import fits
from terminology.operations.instance import BROUGHT, CODING, INSTANCE, agreed
from terminology.operations.translate import hints
from terminology.operations.translate.shapes import (
    SUBJECTS,
    Match,
    Scope,
    TranslateQuery,
    TranslateRequest,
    Translation,
    Trouble,
    by_attribute,
    far,
    holds,
    near,
    text_of,
)
from terminology.operations.value_set.compose import contains
from terminology.systems.implicit import ALL_CODES

_STRENGTH = {
    "equivalent": 0,
    "source-is-narrower-than-target": 1,
    "source-is-broader-than-target": 2,
    "related-to": 3,
    "not-related-to": 5,
}
_WEAKEST, _NO_MAP = 4, 6


def translate(catalogue: Catalogue, request: TranslateRequest) -> Translation:
    """Translate a code, a coding or every coding of a CodeableConcept.

    Raises TerminologyError: nothing or more than one thing to translate, unknown map, no suitable map,
    unknown scope.
    """
    question = _question(catalogue, request)
    maps = _maps(catalogue, request, question)
    found = [
        match
        for subject in question.subjects
        for map_ in maps
        for match in _translate(catalogue, question, subject, map_)
    ]
    matches = sorted(_distinct(found), key=_order)
    result = any(match.is_positive for match in matches)
    say = hints.remark if result else hints.explain
    message = say(catalogue, question, maps, matches)
    return Translation(result, message, _displayed(catalogue, request, matches), len(question.subjects) > 1)


# -- the question --------------------------------------------------------------------------------


def _question(catalogue: Catalogue, request: TranslateRequest) -> TranslateQuery:
    forward = [s for s in (request.code, request.coding, request.concept) if s is not None]
    behind = [
        s for s in (request.target_code, request.target_coding, request.target_concept) if s is not None
    ]
    if not forward and not behind:
        raise TerminologyError(issues.no_code_to_translate(SUBJECTS))
    if len(forward) + len(behind) > 1:
        raise TerminologyError(issues.several_codes_to_translate(SUBJECTS))
    source_scope = _scope(catalogue, request, "source", request.source_scope)
    target_scope = _scope(catalogue, request, "target", request.target_scope)
    target_system = catalogue.preferred(request.target_system) if request.target_system else None
    if behind:
        subjects = _subjects(
            catalogue, request.target_code, request.target_coding, request.target_concept, target_system, None
        )
        near, far = target_system, catalogue.preferred(request.system) if request.system else None
        return TranslateQuery(
            subjects, True, True, near, far, target_scope, source_scope, request.dependencies
        )
    subjects = _subjects(
        catalogue, request.code, request.coding, request.concept, request.system, request.version
    )
    # R4's reverse swaps the two ends, so its scopes and systems are already said from the subject's point
    # of view.
    return TranslateQuery(
        subjects,
        request.backwards,
        False,
        None,
        target_system,
        source_scope,
        target_scope,
        request.dependencies,
    )


def _subjects(
    catalogue: Catalogue,
    code: str | None,
    coding: Coding | None,
    concept: Sequence[Coding] | None,
    system: str | None,
    version: str | None,
) -> list[Coding]:
    if code is not None:
        return [Coding(catalogue.preferred(system) if system else None, code, version)]
    if coding is not None:
        agreed(
            "system",
            system and catalogue.preferred(system),
            coding.system and catalogue.preferred(coding.system),
            CODING,
        )
        coding = replace(coding, version=agreed("version", version, coding.version, CODING))
    given = [coding] if coding is not None else concept or []
    coded = [c for c in given if c.code]
    if not coded:
        raise TerminologyError(issues.missing_parameter("a code in the coding to translate"))
    return [replace(c, system=catalogue.preferred(c.system or system or "") or None) for c in coded]


def _scope(catalogue: Catalogue, request: TranslateRequest, name: str, url: str | None) -> Scope | None:
    """The value set of a scope. Raises TerminologyError when nothing here knows it."""
    if url is None:
        return None
    if url.endswith(ALL_CODES):
        include = [{"system": url.removesuffix(ALL_CODES)}]
        return Scope(f"{name}Scope", url, {"url": url, "compose": {"include": include}})
    try:
        return Scope(f"{name}Scope", url, catalogue.value_set(url))
    except TerminologyError:
        if catalogue.find_system(url) is not None:
            raise TerminologyError(issues.scope_is_system(name, url)) from None
        if any(_declares(map_, url) for map_ in _named_maps(catalogue, request) or catalogue.concept_maps()):
            return Scope(f"{name}Scope", url, None)
        raise


def _declares(map_: ConceptMap, url: str) -> bool:
    scopes = (map_.source_scope, map_.target_scope)
    return any(scope is not None and split_canonical(scope)[0] == split_canonical(url)[0] for scope in scopes)


# -- the maps ------------------------------------------------------------------------------------


def _named_maps(catalogue: Catalogue, request: TranslateRequest) -> list[ConceptMap]:
    """The map that the request names or brings, if it does."""
    url, version = split_canonical(request.url or "")
    version = agreed("conceptMapVersion", request.map_version, version, "the canonical 'url'")
    for document, where in ((request.instance, INSTANCE), (request.concept_map, BROUGHT)):
        if document is not None:
            agreed("url", url or None, document.get("url"), where)
            agreed("conceptMapVersion", version, document.get("version"), where)
            return [catalogue.compile_map(document)]
    return [catalogue.concept_map(url, version)] if url else []


def _maps(catalogue: Catalogue, request: TranslateRequest, question: TranslateQuery) -> list[ConceptMap]:
    named = _named_maps(catalogue, request)
    if named:
        question.subjects = [_with_system(subject, named[0], question) for subject in question.subjects]
        return named
    if any(subject.system is None for subject in question.subjects):
        raise TerminologyError(issues.code_without_system(question.name_of_system))
    malformed: list[TerminologyError] = []
    everything = catalogue.concept_maps(malformed)
    maps = [m for m in everything if any(_leads(g, question) for g in m.groups)]
    question.trouble += (Trouble(hints.unusable_map(problem)) for problem in malformed)
    if not maps:
        hint = hints.other_ways(catalogue, question)
        subjects = hints.listed(str(subject) for subject in question.subjects)
        raise TerminologyError(issues.no_suitable_map(subjects, question.far_system, hint))
    return maps


def _with_system(subject: Coding, map_: ConceptMap, question: TranslateQuery) -> Coding:
    """A code without a system, asked of a map that has but one, is of that one."""
    if subject.system is not None:
        return subject
    systems = {near(group, question.backwards).system for group in map_.groups}
    if len(systems) != 1:
        raise TerminologyError(issues.code_of_which_system(question.name_of_system))
    return replace(subject, system=systems.pop())


def _leads(group: Group, question: TranslateQuery) -> bool:
    here, there = near(group, question.backwards).system, far(group, question.backwards).system
    from_here = here is None or any(subject.system == here for subject in question.subjects)
    return from_here and question.far_system in (None, there)


# -- one subject, one map ------------------------------------------------------------------------


def _translate(
    catalogue: Catalogue,
    question: TranslateQuery,
    subject: Coding,
    map_: ConceptMap,
    via: Sequence[ConceptMap] = (),
) -> Iterator[Match]:
    declared_near, declared_far = map_.source_scope, map_.target_scope
    if question.backwards:
        declared_near, declared_far = declared_far, declared_near
    if not _admitted(catalogue, question, question.near_scope, subject, declared_near, found=False):
        return
    for group in map_.groups:
        if not _starts_at(group, question, subject):
            continue
        rows = list(_rows(catalogue, group, question, subject))
        matches = (_match(question, subject, map_, row, via) for row in rows if _applies(row, question))
        for match in matches if rows else _unmapped(catalogue, question, subject, map_, group, via):
            end = match.source if question.names_target else match.concept
            system = end.system if end else far(group, question.backwards).system
            if question.far_system not in (None, system):
                continue
            if end is None or _admitted(
                catalogue, question, question.far_scope, end, declared_far, found=True
            ):
                yield match


def _admitted(
    catalogue: Catalogue,
    question: TranslateQuery,
    scope: Scope | None,
    coding: Coding,
    declared: str | None,
    found: bool,
) -> bool:
    """Does the scope admit the code? If not, that is something to say."""
    if scope is None or scope.admits(catalogue, coding, declared):
        return True
    if scope.definition is not None:
        question.trouble.append(Trouble(hints.outside(scope, coding), coding, found))
    return False


def _starts_at(group: Group, question: TranslateQuery, subject: Coding) -> bool:
    end = near(group, question.backwards)
    same_system = end.system is None or end.system == subject.system
    same_version = end.version is None or subject.version is None or fits(subject.version, end.version)
    return same_system and same_version


def _rows(catalogue: Catalogue, group: Group, question: TranslateQuery, subject: Coding) -> Iterator[MapRow]:
    code = subject.code or ""
    if question.backwards:
        yield from group.backward.of(code)
        return
    yield from group.forward.of(code)
    for value_set, rows in group.by_value_set:
        if contains(catalogue, catalogue.value_set(value_set), subject):
            yield from (replace(row, source=replace(subject, display=None)) for row in rows)


def _match(
    question: TranslateQuery, subject: Coding, map_: ConceptMap, row: MapRow, via: Sequence[ConceptMap]
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
    if question.names_target:
        match.source = row.source
    elif question.backwards:
        match.concept = row.source
        match.relationship = FLIPPED.get(row.relationship or "", row.relationship)
        match.word = FLIPPED_WORD.get(row.word or "", row.word)
    return match


# -- conditions ----------------------------------------------------------------------------------


def _applies(row: MapRow, question: TranslateQuery) -> bool:
    """Do the conditions hold, as far as the caller has said anything of them?

    Repeats of one attribute are alternatives, different attributes must all hold. A condition of which the
    caller says nothing stays open: the match comes back with it.
    """
    return all(holds(alternatives, question.dependencies) for alternatives in by_attribute(row.depends_on))


# -- codes that the map does not list ------------------------------------------------------------


def _unmapped(
    catalogue: Catalogue,
    question: TranslateQuery,
    subject: Coding,
    map_: ConceptMap,
    group: Group,
    via: Sequence[ConceptMap],
) -> Iterable[Match]:
    """``group.unmapped`` (https://hl7.org/fhir/R5/conceptmap.html#unmapped); it says nothing of the way
    back.
    """
    rule = group.unmapped
    if rule is None or question.backwards:
        return ()
    if rule.mode == "other-map":
        return _through(catalogue, question, subject, map_, rule, via)
    concept = _default(group, rule, subject)
    return (
        [Match(map_, concept, rule.relationship or "related-to", subject=subject, via=via)] if concept else ()
    )


def _default(group: Group, rule: Unmapped, subject: Coding) -> Coding | None:
    if rule.mode == "fixed" and rule.code:
        return Coding(group.target.system, rule.code, group.target.version, rule.display)
    if rule.mode == "use-source-code":
        return Coding(group.target.system, subject.code, group.target.version, subject.display)
    return None


def _through(
    catalogue: Catalogue,
    question: TranslateQuery,
    subject: Coding,
    map_: ConceptMap,
    rule: Unmapped,
    via: Sequence[ConceptMap],
) -> Iterator[Match]:
    """The other map's answer. A map that has been asked already is not asked again."""
    path = [*via, map_]
    try:
        other = _other_map(catalogue, rule, path)
    except TerminologyError as missing:
        question.trouble.append(Trouble(hints.no_other_map(map_, missing)))
        return
    if any(other.canonical == hop.canonical for hop in path):
        question.trouble.append(Trouble(hints.circle([*path, other])))
        return
    yield from _translate(catalogue, question, subject, other, path)


def _other_map(catalogue: Catalogue, rule: Unmapped, path: Sequence[ConceptMap]) -> ConceptMap:
    """A map on the way there is known, whether it is kept here or came along."""
    url, version = split_canonical(rule.other_map or "")
    asked = (hop for hop in path if url and hop.url == url and version in (None, hop.version))
    return next(asked, None) or catalogue.concept_map(url, version)


# -- all matches together ------------------------------------------------------------------------


def _distinct(matches: Iterable[Match]) -> list[Match]:
    """One match for each concept, map, condition and product."""
    return list({_identity(match): match for match in reversed(list(matches))}.values())[::-1]


def _identity(match: Match) -> tuple[object, ...]:
    conditions = frozenset((c.uri, text_of(c.value)) for c in match.depends_on)
    subject = match.subject if match.concept is None else None
    source = match.source and (match.source.system, match.source.code)
    concept = match.concept and (match.concept.system, match.concept.code)
    products = tuple((p.uri, text_of(p.value)) for p in match.products)
    return match.origin.canonical, concept, source, conditions, products, subject


def _order(match: Match) -> int:
    if match.concept is None:
        return _NO_MAP
    return _STRENGTH.get(match.relationship or "", _WEAKEST)


def _displayed(catalogue: Catalogue, request: TranslateRequest, matches: list[Match]) -> list[Match]:
    for match in matches:
        if match.concept is not None:
            match.concept = replace(match.concept, display=_display(catalogue, request, match.concept))
    return matches


def _display(catalogue: Catalogue, request: TranslateRequest, concept: Coding) -> str | None:
    """In the language asked for, else from the map, else from the code system; a target that was given needs
    none.
    """
    asked = request.languages
    if asked is None and (concept.display or request.plain or request.asks_for_source):
        return concept.display
    system = catalogue.find_system(concept.system or "", concept.version)
    located = system.locate(concept.code or "") if system else None
    if system is None or located is None:
        return concept.display
    designations = system.describe([located.code])[located.code].designations if asked else []
    found = best_display(
        located.display, system.about.language, designations, asked and replace(asked, insist=True)
    )
    return found or concept.display or located.display
