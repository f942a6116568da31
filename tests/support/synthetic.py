"""A code system and a map of any size, made by rule.

The concepts have words, a hierarchy with several parents, designations and properties. The same number gives the same
concepts. Texts are of a vocabulary with the uneven frequencies of real terms.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    MapGroup,
    MapRelease,
    MapRow,
    PropertyDeclaration,
    Said,
)

URL = "http://example.org/CodeSystem/synthetic"
MAP_URL = "http://example.org/ConceptMap/synthetic"
TARGET_URL = "http://example.org/CodeSystem/target"
SYNONYM = {"system": "http://snomed.info/sct", "code": "900000000000013009", "display": "Synonym"}
PROPERTIES = [
    PropertyDeclaration("effectiveTime", "string"),
    PropertyDeclaration("module", "code"),
    PropertyDeclaration("kind", "code"),
    PropertyDeclaration("weight", "integer"),
    PropertyDeclaration("defined", "boolean"),
]
_SYLLABLES = [a + b for a in "bcdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "or", "is", "en")]


def release(version: str = "1") -> CodeSystemRelease:
    return CodeSystemRelease("synthetic", URL, version, language="en", properties=PROPERTIES)


def vocabulary(count: int = 12_000) -> list[str]:
    chance = random.Random(7)
    words: dict[str, None] = {}
    while len(words) < count:
        words["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4)))] = None
    return list(words)


def code(number: int) -> str:
    return str(100_000_000 + number * 37)


def concepts(count: int, seed: int = 1) -> Iterator[ConceptRow]:
    """1 to 3 parents, 2.4 designations, 5 properties each."""
    chance = random.Random(seed)
    words = vocabulary()
    weights = [1 / (rank + 20) for rank in range(len(words))]
    pool = chance.choices(words, weights, k=500_000)
    for number in range(count):
        yield ConceptRow(
            code(number),
            _text(chance, pool),
            inactive=chance.random() < 0.1,
            parents=[code(parent) for parent in sorted(_parents(chance, number))],
            designations=_designations(chance, pool),
            properties=[
                ("effectiveTime", "string", f"20{chance.randint(10, 25)}0131"),
                ("module", "code", "900000000000207008"),
                ("kind", "code", f"kind-{chance.randint(0, 40)}"),
                ("weight", "integer", number % 1000),
                ("defined", "boolean", chance.random() < 0.3),
            ],
        )


def _parents(chance: random.Random, number: int) -> set[int]:
    if number == 0:
        return set()
    return {number // chance.choice((4, 8, 12)) for _ in range(chance.choice((1, 1, 2, 2, 3)))}


def _designations(chance: random.Random, pool: list[str]) -> list[Said]:
    count = chance.choice((2, 2, 2, 3, 3))
    return [(_text(chance, pool), "de" if place == 1 else "en", SYNONYM, None) for place in range(count)]


def _text(chance: random.Random, pool: list[str]) -> str:
    start = chance.randrange(len(pool) - 8)
    return " ".join(pool[start : start + chance.randint(2, 7)]).capitalize()


def map_release(version: str = "1") -> MapRelease:
    return MapRelease("synthetic", MAP_URL, version, groups=[MapGroup(URL, TARGET_URL)])


def target(number: int) -> str:
    """What the concept of a number is mapped to."""
    return f"T{number // 3:06}"


def mappings(count: int) -> Iterator[MapRow]:
    """A row for each concept."""
    words = vocabulary(500)
    for number in range(count):
        relationship = ("equivalent", "source-is-narrower-than-target")[number % 3 > 0]
        yield MapRow(code(number), target(number), relationship, target_display=words[number // 3 % 500])
