"""The parts of the library's results: matches, designations, properties, and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terminology.core.model import Coding


@dataclass(slots=True, frozen=True)
class ResultDesignation:
    """A designation of a concept. ``source`` is the canonical of the supplement that it comes from."""

    value: str
    language: str | None = None
    use: Coding | None = None
    additional_use: Sequence[Coding] = ()
    source: str | None = None


@dataclass(slots=True, frozen=True)
class ResultProperty:
    """A property of a concept or of a map row.

    ``code`` is its code, or its uri in a map row; ``value`` a Coding, or a text, number or boolean; ``type`` the
    name of its FHIR type; ``description`` the display of the concept that a code stands for.
    """

    code: str
    value: Any = None
    type: str | None = None
    description: str | None = None
    source: str | None = None


@dataclass(slots=True, frozen=True)
class ResultAttribute:
    """A ``dependsOn`` or ``product`` of a match: the uri of the attribute, and its value."""

    attribute: str
    value: Any = None


@dataclass(slots=True, frozen=True)
class ResultMatch:
    """A match of ``$translate``. Without a ``concept`` the map says that there is none (``noMap``).

    ``source`` is the code that was found, where a target was given; ``via`` are the maps that led to
    ``origin_map``, in order.
    """

    relationship: str | None
    concept: Coding | None
    source: Coding | None
    origin_map: str | None
    via: Sequence[str]
    comment: str | None
    depends_on: Sequence[ResultAttribute]
    products: Sequence[ResultAttribute]
    properties: Sequence[ResultProperty]


@dataclass(slots=True, frozen=True)
class ResultConsideredMap:
    """A map that a translation considered, and its outcome: a word of ``operations/translate/explanation.py``.

    ``group`` is the number of its group, from 0; ``element`` the code as the map writes it; ``target`` the code system
    that it leads to; ``unmapped`` the mode of the rule for codes that it does not list, where that gave the match.
    """

    map: str
    outcome: str
    group: int | None
    element: str | None
    target: str | None
    unmapped: str | None


@dataclass(slots=True, frozen=True)
class ResultExplanation:
    """Why a translation is what it is. ``reason`` is None where there is one and nothing is left to decide.

    ``displays`` are the canonicals of the code systems and maps that displays are from, by the codes of the answer.
    """

    reason: str | None
    maps: Sequence[ResultConsideredMap]
    displays: Mapping[str, str]


@dataclass(slots=True, frozen=True)
class ExpansionConcept:
    """An entry of ``ValueSet.expansion.contains``."""

    system: str | None
    code: str | None
    version: str | None
    display: str | None
    abstract: bool
    inactive: bool
    designations: Sequence[ResultDesignation]
    properties: Sequence[ResultProperty]
    contains: Sequence[ExpansionConcept]


@dataclass(slots=True, frozen=True)
class SubsumptionEntry:
    """A row of a closure table: how one code is related to another."""

    source: Coding
    target: Coding
    relationship: str


@dataclass(slots=True, frozen=True)
class PropertyMatch:
    """A match of ``$find-matches``; ``unmatched`` are the properties that the concept does not have."""

    coding: Coding
    unmatched: Sequence[ResultProperty]
    comment: str | None
