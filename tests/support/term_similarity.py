"""Candidates by the cosine of TF*IDF over the terms of a code system: the method of OHDSI's Usagi.

``UsagiSearchEngine.recomputeScores`` (OHDSI/Usagi) ranks each term by "plain TF*IDF cosine matching", and a concept by
its best term. Here it is written as plainly as it is said there, over the words of the terms.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from math import log, sqrt

from terminology.core.texts import words
from terminology.systems.protocol import CodeSystem


def terms_of(system: CodeSystem) -> Iterator[tuple[str, str]]:
    """Each display and designation of a code system, with its code."""
    codes = []
    for concept in system.select():
        codes.append(concept.code)
        if concept.display:
            yield concept.code, concept.display
    for start in range(0, len(codes), 500):
        for code, detail in system.describe(codes[start : start + 500]).items():
            yield from ((code, designation.value) for designation in detail.designations)


class TermSimilarity:
    """An index of the terms of a code system by their tokens."""

    def __init__(self, system: CodeSystem, tokens: Callable[[str], list[str]] = words) -> None:
        self._tokens = tokens
        self._codes: list[str] = []
        self._places: dict[str, array[int]] = defaultdict(lambda: array("I"))
        self._frequencies: dict[str, array[int]] = defaultdict(lambda: array("H"))
        for code, term in terms_of(system):
            for token, frequency in Counter(tokens(term)).items():
                self._places[token].append(len(self._codes))
                self._frequencies[token].append(frequency)
            self._codes.append(code)
        self._idf = {token: log(len(self._codes) / len(places)) for token, places in self._places.items()}
        lengths = [0.0] * len(self._codes)
        for token, places in self._places.items():
            for place, frequency in zip(places, self._frequencies[token], strict=True):
                lengths[place] += (frequency * self._idf[token]) ** 2
        self._lengths = [sqrt(length) or 1.0 for length in lengths]

    def best(self, text: str, most: int = 5) -> list[str]:
        """The codes whose terms are most alike, the best first."""
        scores: dict[int, float] = defaultdict(float)
        for token, frequency in Counter(self._tokens(text)).items():
            weight = frequency * self._idf.get(token, 0.0) ** 2
            for place, times in zip(
                self._places.get(token, ()), self._frequencies.get(token, ()), strict=True
            ):
                scores[place] += weight * times
        by_code: dict[str, float] = {}
        for place, score in scores.items():
            code = self._codes[place]
            by_code[code] = max(by_code.get(code, 0.0), score / self._lengths[place])
        return sorted(by_code, key=lambda code: (-by_code[code], code))[:most]
