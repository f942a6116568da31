"""How much of its sources a map covers, as numbers and as bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from terminology.core.model import Document
from terminology.pages.code_systems import ListedConcept, expanded
from terminology.pages.mappings import RELATIONSHIPS, Mapping
from terminology.pages.road import Road

# A scope with more codes than this is not listed for a page.
MOST_CODES = 1_000
BAR = 1_000


@dataclass(slots=True, frozen=True)
class BarPart:
    """A part of a bar: what it stands for, how many, and where it lies in a width of ``BAR``."""

    name: str
    words: str
    number: int
    start: float
    width: float


@dataclass(slots=True, frozen=True)
class Coverage:
    """The codes of the scope of a map by what the map says of them; ``missing`` are those that it does not name."""

    total: int
    parts: list[BarPart]
    missing: list[ListedConcept]

    @property
    def percent(self) -> int:
        """The share of the codes of which the map says something, rounded down."""
        return 100 * (self.total - len(self.missing)) // self.total if self.total else 0


def bar(numbers: Sequence[tuple[str, str, int]]) -> list[BarPart]:
    """The parts of a bar, of names, words and numbers. Numbers of zero are left out."""
    total = sum(number for _, _, number in numbers)
    parts, start = list[BarPart](), 0.0
    for name, words, number in numbers:
        if number:
            width = BAR * number / total
            parts.append(BarPart(name, words, number, start, width))
            start += width
    return parts


def relationships(mappings: Sequence[Mapping]) -> list[BarPart]:
    """The mappings by their relationship."""
    counts = Counter(mapping.relationship for mapping in mappings)
    return bar([(name, words, counts[name]) for name, words in RELATIONSHIPS.items()])


def coverage(road: Road, map_: Document, mappings: Sequence[Mapping]) -> Coverage | None:
    """The coverage of a map that is here as a whole; None where its scope is not known, or too long for a page."""
    scope = _scope_of(map_)
    if scope is None:
        return None
    query = [("url", scope), ("count", str(MOST_CODES)), ("excludeNested", "true")]
    listed = expanded(road.get_once("ValueSet/$expand", query), 0)
    concepts = [concept for concept in listed.concepts if not concept.is_abstract]
    if listed.note or not concepts or listed.total is None or listed.total > MOST_CODES:
        return None
    translated = {(m.source_system, m.source) for m in mappings if m.is_translation}
    named = {(m.source_system, m.source) for m in mappings}
    ends = [(concept.system, concept.code) for concept in concepts]
    missing = [concept for concept, end in zip(concepts, ends, strict=True) if end not in named]
    led = sum(end in translated for end in ends)
    numbers = [
        ("mapped", "have a translation", led),
        ("refused", "have none, and the map says so", len(ends) - led - len(missing)),
        ("missing", "are not in the map", len(missing)),
    ]
    return Coverage(len(ends), bar(numbers), missing)


def _scope_of(map_: Document) -> str | None:
    """The value set of the sources: the one that the map declares, or else all of its one source system."""
    scope = map_.get("sourceScopeCanonical") or map_.get("sourceScopeUri")
    if scope:
        return str(scope)
    sources = {str(group["source"]) for group in map_.get("group", ()) if group.get("source")}
    return f"{sources.pop()}?fhir_vs" if len(sources) == 1 else None
