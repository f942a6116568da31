"""The query of a $translate request, and the maps that can answer it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from terminology.catalogue.concept_map import ConceptMap, Group
from terminology.catalogue.protocol import Catalogue, MalformedMap
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.issues.phrases import listed
from terminology.core.model import Coding, Document, split_canonical
from terminology.operations.agreement import CODING, INSTANCE, SENT, agreed
from terminology.operations.spelling import map_hint, system_hint
from terminology.operations.translate import hints
from terminology.operations.translate.chains import middle_systems
from terminology.operations.translate.model import (
    SUBJECTS,
    Obstacle,
    Scope,
    TranslateQuery,
    TranslateRequest,
)
from terminology.systems.implicit import ALL_CODES

# The location of a resource at a server: https://hl7.org/fhir/R4/http.html#general
_LOCATION = re.compile(r"(^|/)(ValueSet|ConceptMap)/[A-Za-z0-9.-]{1,64}$")


def query_of(catalogue: Catalogue, request: TranslateRequest) -> TranslateQuery:
    """The query of a request.

    Raises TerminologyError: no code or more than one to translate, contradictions, an unknown scope.
    """
    sources = [s for s in (request.code, request.coding, request.concept) if s is not None]
    targets = [
        t for t in (request.target_code, request.target_coding, request.target_concept) if t is not None
    ]
    if not sources and not targets:
        raise TerminologyError(issues.no_code_to_translate(SUBJECTS))
    if len(sources) + len(targets) > 1:
        raise TerminologyError(issues.several_codes(SUBJECTS))
    notes: list[Obstacle] = []
    request = _with_systems_of_scopes(catalogue, request, notes)
    source_scope = _scope(catalogue, request, "source", request.source_scope)
    target_scope = _scope(catalogue, request, "target", request.target_scope)
    target_system = _preferred(catalogue, request.target_system)
    from_target = bool(targets)
    return TranslateQuery(
        subjects=_targets(catalogue, request, target_system) if from_target else _sources(catalogue, request),
        reverse=from_target or request.reverse,
        finds_sources=from_target,
        near_system=target_system if from_target else None,
        far_system=_preferred(catalogue, request.system) if from_target else target_system,
        far_version=request.version if from_target else request.target_version,
        # With R4's ``reverse``, the ``source...`` parameters are about the subject, at the near end of the map.
        near_scope=target_scope if from_target else source_scope,
        far_scope=source_scope if from_target else target_scope,
        dependencies=request.dependencies,
        obstacles=notes,
    )


def _preferred(catalogue: Catalogue, system: str | None) -> str | None:
    return catalogue.preferred(system) if system else None


def _sources(catalogue: Catalogue, request: TranslateRequest) -> list[Coding]:
    """The subjects of a request with one of the parameters for a source."""
    return _subjects(
        catalogue, request.code, request.coding, request.concept, request.system, request.version
    )


def _targets(catalogue: Catalogue, request: TranslateRequest, system: str | None) -> list[Coding]:
    """The subjects of a request with one of the ``target_...`` parameters; ``system`` is that of a lone code."""
    return _subjects(
        catalogue,
        request.target_code,
        request.target_coding,
        request.target_concept,
        system,
        request.target_version,
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
        return [Coding(_preferred(catalogue, system), code, version)]
    if coding is not None:
        agreed(
            "system",
            system and catalogue.preferred(system),
            coding.system and catalogue.preferred(coding.system),
            CODING,
        )
        coding = replace(coding, version=agreed("version", version, coding.version, CODING))
    codings = [c for c in ([coding] if coding is not None else concept or []) if c.code]
    if not codings:
        raise TerminologyError(issues.missing_parameter("a code in the coding to translate"))
    return [replace(c, system=catalogue.preferred(c.system or system or "") or None) for c in codings]


def _with_systems_of_scopes(
    catalogue: Catalogue, request: TranslateRequest, notes: list[Obstacle]
) -> TranslateRequest:
    """The request with each scope that names a code system read as the parameter for a code system.

    If that parameter is there already, or is not the one for a coding, the scope is all of the code system.
    """
    if request.source_scope is None and request.target_scope is None:
        return request
    source, target = (
        _system_of(catalogue, request, url) for url in (request.source_scope, request.target_scope)
    )
    if source is not None:
        notes.append(Obstacle(issues.scope_read_as_system("source", source.url, "system")))
        if request.system is None and (request.code is not None or request.finds_sources):
            request = replace(
                request, system=source.url, version=request.version or source.version, source_scope=None
            )
        else:
            request = replace(request, source_scope=f"{source.url}{ALL_CODES}")
    if target is not None:
        notes.append(Obstacle(issues.scope_read_as_system("target", target.url, "targetSystem")))
        if request.target_system is None:
            request = replace(
                request, target_system=target.url, target_version=target.version, target_scope=None
            )
        else:
            request = replace(request, target_scope=f"{target.url}{ALL_CODES}")
    return request


@dataclass(slots=True, frozen=True)
class _SystemOfScope:
    """A code system that a scope names, with the version if the scope names one."""

    url: str
    version: str | None


def _system_of(catalogue: Catalogue, request: TranslateRequest, url: str | None) -> _SystemOfScope | None:
    """The code system that a scope names; None if it names a value set, or nothing known."""
    if (
        url is None
        or url.endswith(ALL_CODES)
        or catalogue.find("ValueSet", *split_canonical(url)) is not None
    ):
        return None
    base, version = split_canonical(url)
    system = catalogue.preferred(base)
    is_known = catalogue.find_system(base, version) is not None or _is_named_only(catalogue, request, base)
    return _SystemOfScope(system, version) if is_known else None


def _is_named_only(catalogue: Catalogue, request: TranslateRequest, url: str) -> bool:
    """True for a code system that is not here, but that maps lead from or to, or that a NamingSystem names."""
    if any(catalogue.known_versions(kind, url) for kind in ("CodeSystem", "ValueSet")):
        return False
    maps = [*_named_maps(catalogue, request), *catalogue.concept_maps()]
    system = catalogue.preferred(url)
    if any(_has_scope(map_, url) for map_ in maps):
        return False
    ends = (end.system for map_ in maps for group in map_.groups for end in (group.source, group.target))
    return system in ends or any(
        identifier.get("value") == url and identifier.get("type") in ("uri", "url")
        for header in catalogue.headers("NamingSystem")
        if header.get("kind") == "codesystem"
        for identifier in header.get("uniqueId", ())
    )


def _value_set(catalogue: Catalogue, url: str, roots: Sequence[str]) -> Document:
    """The value set of a canonical, of a logical id, or of a location at this server (``ValueSet/ID``).

    https://hl7.org/fhir/R4/conceptmap-operation-translate.html. Raises TerminologyError if it is unknown.
    """
    id_ = url if "/" not in url else _id_at(catalogue, "ValueSet", url, roots)
    if id_ is not None and catalogue.has_id("ValueSet", id_):
        return catalogue.resource("ValueSet", id_)
    return catalogue.value_set(url)


def _id_at(catalogue: Catalogue, kind: str, url: str, roots: Sequence[str]) -> str | None:
    """The logical id in a location of a resource below one of the roots of this server.

    None for a canonical, also where one looks like a location.
    """
    place, _, id_ = url.rpartition("/")
    is_location = place == kind or any(place == f"{root}/{kind}" for root in roots)
    return id_ if is_location and not catalogue.known_versions(kind, url) else None


def _scope(catalogue: Catalogue, request: TranslateRequest, end: str, url: str | None) -> Scope | None:
    """The scope at an end, "source" or "target"; None if there is none.

    A value set that only a map names is a scope without a ``value_set``. Raises TerminologyError for any other
    unknown value set, also for one that is here in other versions only.
    """
    if url is None:
        return None
    system = url.removesuffix(ALL_CODES)
    if system != url and (catalogue.find_system(system) or _is_named_only(catalogue, request, system)):
        include = [{"system": system}]
        return Scope(f"{end}Scope", url, {"url": url, "compose": {"include": include}})
    try:
        return Scope(f"{end}Scope", url, _value_set(catalogue, url, request.roots))
    except TerminologyError as unknown:
        maps = _named_maps(catalogue, request) or catalogue.concept_maps()
        if not _is_here(catalogue, url) and any(_has_scope(map_, url) for map_ in maps):
            return Scope(f"{end}Scope", url, None)
        is_location = _LOCATION.search(url) is not None
        hint = (
            issues.location_read_as_canonical(f"{end}Scope") if is_location else system_hint(catalogue, url)
        )
        raise TerminologyError(issues.with_hint(issue, hint) for issue in unknown.issues) from None


def _is_here(catalogue: Catalogue, url: str) -> bool:
    """True if a value set is here in some version."""
    try:
        return bool(catalogue.value_set(split_canonical(url)[0]))
    except TerminologyError:
        return False


def _has_scope(map_: ConceptMap, url: str) -> bool:
    scopes = (map_.source_scope, map_.target_scope)
    return any(scope is not None and split_canonical(scope)[0] == split_canonical(url)[0] for scope in scopes)


# -- the maps ------------------------------------------------------------------------------------


def maps_for(catalogue: Catalogue, request: TranslateRequest, query: TranslateQuery) -> list[ConceptMap]:
    """The map that the request names or sends; else all maps that lead from a subject to the far end.

    If there is none, but the request composes and chains of two maps lead there, there are no maps.
    Subjects without a system get that of a named map. Raises TerminologyError: unknown map, no suitable map, a
    code without a system.
    """
    named = _named_maps(catalogue, request)
    if named:
        query.names_map = True
        query.subjects = [_with_system(subject, named[0], query) for subject in query.subjects]
        return named
    if any(subject.system is None for subject in query.subjects):
        raise TerminologyError(issues.code_without_system(query.system_parameter))
    malformed: list[MalformedMap] = []
    maps = [m for m in catalogue.concept_maps(malformed) if any(_leads(g, query) for g in m.groups)]
    query.obstacles += (
        Obstacle(issues.unusable_map(document.get("url"), str(problem)))
        for document, problem in malformed
        if _may_lead(document, query)
    )
    if request.composes and _needs_chains(catalogue, query, maps):
        return []
    if not maps:
        catalogue.require_store()
        hint = hints.other_ways(catalogue, query)
        subjects = listed(str(subject) for subject in query.subjects)
        raise TerminologyError(issues.no_suitable_map(subjects, query.far_canonical, hint))
    return maps


def _needs_chains(catalogue: Catalogue, query: TranslateQuery, maps: Sequence[ConceptMap]) -> bool:
    """True if no map leads to the far systems, but chains of two maps do."""
    if maps and query.far_system is not None:
        return False
    return bool(middle_systems(query, catalogue.concept_maps(), query.far_systems(catalogue)))


def _may_lead(document: Document, query: TranslateQuery) -> bool:
    """True unless a malformed map is certainly one of other code systems than those of the subjects."""
    groups, near = document.get("group"), "target" if query.reverse else "source"
    ends = (
        [g.get(near) if isinstance(g, dict) else None for g in groups] if isinstance(groups, list) else [None]
    )
    systems = {subject.system for subject in query.subjects}
    return any(not isinstance(end, str) or split_canonical(end)[0] in systems for end in ends)


def _named_maps(catalogue: Catalogue, request: TranslateRequest) -> list[ConceptMap]:
    """The map of the URL, the one that was sent, or the one that ``url`` names; empty if there is none."""
    url, version = split_canonical(request.url or "")
    version = agreed("conceptMapVersion", request.map_version, version, "the canonical 'url'")
    is_instance = request.instance is not None
    document, place = (request.instance, INSTANCE) if is_instance else (request.concept_map, SENT)
    if document is None:
        return [_map(catalogue, url, version, request.roots)] if url else []
    agreed("url", url or None, document.get("url"), place)
    agreed("conceptMapVersion", version, document.get("version"), place)
    return [catalogue.compile_map(document)]


def _map(catalogue: Catalogue, url: str, version: str | None, roots: Sequence[str]) -> ConceptMap:
    """The map of a canonical, or of a location at this server (``ConceptMap/ID``).

    Raises TerminologyError: it is unknown; the message names maps with nearly its url.
    """
    try:
        return catalogue.concept_map(url, version)
    except TerminologyError as unknown:
        if catalogue.known_versions("ConceptMap", url):
            raise
        id_ = _id_at(catalogue, "ConceptMap", url, roots)
        if id_ is not None and catalogue.has_id("ConceptMap", id_):
            document = catalogue.resource("ConceptMap", id_)
            agreed("conceptMapVersion", version, document.get("version"), "the map of 'url'")
            return catalogue.compile_map(document)
        hint = map_hint(catalogue, url)
        raise TerminologyError(issues.with_hint(issue, hint) for issue in unknown.issues) from None


def _with_system(subject: Coding, map_: ConceptMap, query: TranslateQuery) -> Coding:
    """The subject with a system: its own, or the only one that the map has at the near end."""
    if subject.system is not None:
        return subject
    systems = {query.near(group).system for group in map_.groups}
    if len(systems) != 1:
        raise TerminologyError(issues.code_of_which_system(query.system_parameter))
    return replace(subject, system=systems.pop())


def _leads(group: Group, query: TranslateQuery) -> bool:
    """True if the group leads from the system of a subject to the far system."""
    near = query.near(group).system
    has_subject = near is None or any(subject.system == near for subject in query.subjects)
    return has_subject and query.admits_far(query.far(group))
