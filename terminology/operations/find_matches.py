"""CodeSystem $find-matches: the codes that have given properties.

https://hl7.org/fhir/R5/codesystem-operation-find-matches.html

A property matches as the filter ``=`` of a value set does. If ``exact`` is false (a person searches), the property
``display`` is searched as text instead. The answer has the codes that match all properties; if there are none, it
has those that match the largest number of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import Coding, Concept, Document, Filter, Typed
from terminology.operations.agreement import INSTANCE, agreed
from terminology.operations.cost import check_properties
from terminology.operations.limits import MOST_CANDIDATES, MOST_MATCHES, STEPS_OF_FILTER, STEPS_OF_PAIR
from terminology.operations.spelling import find_system
from terminology.systems.protocol import CodeSystem, Selection

DISPLAY = "display"


@dataclass(slots=True, frozen=True)
class SoughtProperty:
    """A property that the codes should have, with its value."""

    code: str
    value: Typed


@dataclass(slots=True)
class FindMatchesRequest:
    """The parameters of $find-matches.

    ``exact``: the properties must match exactly. ``compositional`` and ``languages`` have no effect. ``instance``
    is the CodeSystem of the URL.
    """

    system: str | None = None
    version: str | None = None
    properties: Sequence[SoughtProperty] = ()
    exact: bool | None = None
    compositional: bool | None = None
    languages: Languages | None = None
    instance: Document | None = None


@dataclass(slots=True)
class FoundMatch:
    """A code, and the properties that it does not have. ``comment`` is for a human reader."""

    coding: Coding
    unmatched: Sequence[SoughtProperty] = ()
    comment: str | None = None


def find_matches(catalogue: Catalogue, request: FindMatchesRequest) -> list[FoundMatch]:
    """The codes that match best.

    Raises TerminologyError: the system, the properties or ``exact`` are missing, the system does not have a
    property, or there are too many matches.
    """
    if request.exact is None:
        raise TerminologyError(issues.exact_required())
    if not request.properties:
        raise TerminologyError(issues.missing_parameter("'property'"))
    system = _system(catalogue, request)
    check_properties(request.properties, system)
    selections = [_selection(system, sought, request.exact) for sought in request.properties]
    first = counted(selections[0], STEPS_OF_FILTER * len(selections))
    complete = [concept for concept in first if all(concept.code in s for s in selections[1:])]
    best = [(concept, frozenset(range(len(selections)))) for concept in complete] or _partial(selections)
    if len(best) > MOST_MATCHES:
        raise TerminologyError(issues.too_many_matches(MOST_MATCHES))
    return [_match(system, request, concept, matched) for concept, matched in best]


def _system(catalogue: Catalogue, request: FindMatchesRequest) -> CodeSystem:
    instance = request.instance or {}
    url = agreed("system", request.system, instance.get("url"), INSTANCE)
    if not url:
        raise TerminologyError(issues.missing_parameter("'system'"))
    version = agreed("version", request.version, instance.get("version"), INSTANCE)
    return find_system(catalogue, url, version)


def _selection(system: CodeSystem, sought: SoughtProperty, exact: bool) -> Selection:
    text = _text(sought.value)
    if sought.code == DISPLAY and not exact:
        return system.select(text=text)
    return system.select([Filter(sought.code, "=", text)])


def _text(value: Typed) -> str:
    """A value as filters compare it."""
    if isinstance(value.value, bool):
        return str(value.value).lower()
    return str(value.value.get("code", "")) if isinstance(value.value, dict) else str(value.value)


def _partial(selections: Sequence[Selection]) -> list[tuple[Concept, frozenset[int]]]:
    """The concepts that are in the largest number of selections, each with the indexes of its selections."""
    concepts: dict[str, Concept] = {}
    places: dict[str, set[int]] = {}
    for place, selection in enumerate(selections):
        for concept in counted(_bounded(selection), STEPS_OF_PAIR):
            concepts.setdefault(concept.code, concept)
            places.setdefault(concept.code, set()).add(place)
    most = max(map(len, places.values()), default=0)
    return [(concepts[code], frozenset(matched)) for code, matched in places.items() if len(matched) == most]


def _bounded(selection: Selection) -> Iterable[Concept]:
    candidates = list(islice(selection, MOST_CANDIDATES + 1))
    if len(candidates) > MOST_CANDIDATES:
        raise TerminologyError(issues.property_too_common(MOST_CANDIDATES))
    return candidates


def _match(
    system: CodeSystem, request: FindMatchesRequest, concept: Concept, matched: frozenset[int]
) -> FoundMatch:
    unmatched = [sought for place, sought in enumerate(request.properties) if place not in matched]
    coding = Coding(system.about.url, concept.code, system.about.version, concept.display)
    comment = issues.partial_match(len(matched), len(request.properties))
    return FoundMatch(coding, unmatched, comment if unmatched and not request.exact else None)
