"""Ranked candidates for a text, out of any loaded code system: with a score, and with what speaks for each.

The index of words that a code system has for searches (``CodeSystem.select``) finds the candidates: concepts with the
rarest words of the text, or with what these may mean (``glossary``), their other spellings and their stems. Then every
term of a candidate is compared with the text, word by word; a rare word counts more than a usual one. A candidate with
another number, side or degree than the text (``distinctions``) loses half of its score. The package rapidfuzz compares
words that may be mistyped.

A suggestion is not a mapping: a person decides (``decisions``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Any, cast

from terminology.core.errors import TerminologyError, UnreadableFileError
from terminology.core.model import Concept
from terminology.core.software import installation_of
from terminology.core.texts import beginning_with, words
from terminology.library import Terminology
from terminology.operations.spelling import find_system, other_spellings
from terminology.systems.protocol import CodeSystem, ConceptSet
from terminology.workbench.distinctions import (
    NUMBER,
    Distinctions,
    differences,
    distinctions,
    roman_numeral,
    spelled_numerals,
)
from terminology.workbench.glossary import english_forms, meanings

# Words that say little: they count a tenth.
_STOP = frozenset(
    "a an and as at by das der die for from im in mit of on or other specified the to und von with zu".split()
)
_WEIGHT_OF_STOP = 0.1
# A code system with no more concepts is compared as a whole; of a larger one without an index so many are.
_SMALL, _MOST_LISTED = 2_000, 20_000
# The candidates that are compared, and those that one search gives.
_MOST_CANDIDATES, _MOST_OF_SEARCH = 600, 200
# What a way of reading a word is worth beside the word itself.
_WORTH = {
    "word": 1.0,
    "spelling": 0.97,
    "abbreviation": 0.95,
    "de": 0.95,
    "synonym": 0.9,
    "stem": 0.8,
    "slip": 0.85,
}
_SHORTEST_STEM, _SHORTEST_SLIP = 5, 4
# Of a hundred: how alike a mistyped word must be.
_ALIKE = 82
# The part of the score that asks how much of the text the term has; the rest asks how much of the term the text has.
_PART_OF_TEXT = 0.75
# An abstract concept is a heading: a code below it is the better answer.
_ABSTRACT, _INACTIVE = 0.97, 0.8
# A candidate keeps this part of its score for each difference from the text.
_DIFFERENT = 0.5


@dataclass(slots=True, frozen=True)
class Suggestion:
    """A candidate. ``score`` is from 0 to 1; ``why`` says how the words of the text were read, and which term fits."""

    system: str
    code: str
    display: str
    score: float
    why: str


@dataclass(slots=True, frozen=True)
class WordReading:
    """A way to read a word of the text: the words that it may stand for, what that is worth, and why."""

    words: tuple[str, ...]
    worth: float
    kind: str


@dataclass(slots=True)
class TextWord:
    """A word of a text, or several that mean something together, with the ways to read it."""

    text: str
    readings: list[WordReading]
    weight: float = 1.0


@dataclass(slots=True)
class _ScoredConcept:
    """A candidate with what it is worth. ``number`` is True for the number of the text, False for another one."""

    concept: Concept
    score: float
    why: str
    number: bool | None

    @property
    def order(self) -> tuple[float, str]:
        """The best first; by their codes if they are worth the same."""
        return -self.score, self.concept.code


class Suggester:
    """Suggests concepts of one code system. What it has learned of the words is kept for the next text."""

    def __init__(self, terminology: Terminology, system: str, version: str | None = None) -> None:
        """Raises TerminologyError for an unknown code system; UnreadableFileError where rapidfuzz is missing."""
        try:
            from rapidfuzz import fuzz, process
        except ImportError:
            raise UnreadableFileError(f"suggestions need rapidfuzz: {installation_of('workbench')}") from None
        self._ratio: Any = fuzz.ratio
        self._extract: Any = process.extract
        catalogue = terminology.visible_catalogue
        self._system: CodeSystem = catalogue.supplemented(find_system(catalogue, system, version))
        self.url = self._system.about.url
        self._sizes: dict[str, int] = {}
        self._letters: dict[str, list[str]] = {}
        self._terms: dict[str, list[tuple[str, list[str]]]] = {}
        self._distinctions: dict[str, Distinctions] = {}

    def suggestions(self, text: str, most: int = 5) -> list[Suggestion]:
        """The candidates for a text, the best first; none for a text without a word that the code system has."""
        read = self._read(text)
        known = [word for word in read if word.readings]
        if not known:
            return []
        of_text = _said_by(read)
        candidates = list(self._candidates(known))
        self._learn(candidates)
        scored = [self._scored(concept, read, of_text, text) for concept in candidates]
        scored = _with_other_numbers_last([each for each in scored if each.score > 0])
        return [
            Suggestion(
                self.url, each.concept.code, each.concept.display or "", round(each.score, 3), each.why
            )
            for each in scored[:most]
        ]

    # -- the text --------------------------------------------------------------------------------

    def _read(self, text: str) -> list[TextWord]:
        text_words = spelled_numerals(
            words(text.casefold().replace("w/o", "without ").replace("w/", "with "))
        )
        read = []
        for place, word in enumerate(text_words):
            readings = list(self._readings(text_words, place))
            weight = max((sum(map(self._weight_of, reading.words)) for reading in readings), default=0.0)
            read.append(TextWord(word, readings, weight or self._weight(1)))
        return read

    def _readings(self, text_words: Sequence[str], place: int) -> Iterator[WordReading]:
        """The ways to read the word at a place that the code system has words for."""
        word = text_words[place]
        is_known = self._size(word) > 0
        if is_known:
            yield WordReading((word,), _WORTH["word"], "word")
        roman = roman_numeral(word)
        if roman is not None and self._size(roman):  # the index has the words as they are written
            yield WordReading((roman,), _WORTH["word"], "word")
        means = list(meanings(text_words, place))
        for _, meaning in means:
            there = tuple(part for part in meaning.words if self._size(part) or part in _STOP)
            if any(part not in _STOP for part in there):
                worth = _WORTH[meaning.kind] * len(there) / len(meaning.words)
                yield WordReading(there, worth, meaning.kind)
        forms = [form for form in english_forms(word) if self._size(form)] if not (is_known or means) else []
        for form in forms:
            yield WordReading((form,), _WORTH["de"], "de")
        for other in other_spellings(word) if len(word) > _SHORTEST_SLIP else ():
            if self._size(other):
                yield WordReading((other,), _WORTH["spelling"], "spelling")
        stem = self._stem(word)
        if stem is not None and self._size(stem) > self._size(word):
            yield WordReading((stem,), _WORTH["stem"], "stem")
        if not is_known and not means and not forms and len(word) >= _SHORTEST_SLIP and word.isalpha():
            for known, alike, _ in self._extract(
                word, self._beginning_with(word[0]), scorer=self._ratio, score_cutoff=_ALIKE, limit=3
            ):
                yield WordReading((known,), _WORTH["slip"] * alike / 100, "slip")

    @staticmethod
    def _stem(word: str) -> str | None:
        """The beginning of a word, by which its other forms are found: cervix and cervical."""
        if len(word) <= _SHORTEST_STEM or not word.isalpha():
            return None
        return word[: max(_SHORTEST_STEM, len(word) - 3)]

    def _beginning_with(self, letter: str) -> list[str]:
        if letter not in self._letters:
            self._letters[letter] = sorted(
                {
                    word
                    for word in self._system.words(letter)
                    if len(word) >= _SHORTEST_SLIP and word.isalpha()
                }
            )
        return self._letters[letter]

    # -- the words of the code system --------------------------------------------------------------

    @cached_property
    def _is_indexed(self) -> bool:
        return self._system.index is not None

    @cached_property
    def _all(self) -> list[Concept]:
        """All concepts of a code system without an index, or of a small one."""
        try:
            return [concept for concept, _ in zip(self._system.select(), range(_MOST_LISTED), strict=False)]
        except TerminologyError:  # a grammar lists no codes
            return []

    @cached_property
    def _count(self) -> int:
        if self._is_indexed:
            return len(cast("ConceptSet", self._system.select()))
        return len(self._all)

    def _select(self, word: str) -> ConceptSet:
        return cast("ConceptSet", self._system.select(text=word))

    def _size(self, word: str) -> int:
        """How many concepts have a word that begins so."""
        if word not in self._sizes:
            if self._is_indexed:
                self._sizes[word] = len(self._select(word))
            else:
                known, places = self._vocabulary
                having = (places[other] for other in beginning_with(word, known))
                self._sizes[word] = len(set[int]().union(*having))
        return self._sizes[word]

    @cached_property
    def _vocabulary(self) -> tuple[list[str], dict[str, set[int]]]:
        """The words of all concepts in order, and the numbers of the concepts that have each: without an index."""
        places: dict[str, set[int]] = {}
        for number, concept in enumerate(self._all):
            for _, parts in self._terms_of(concept):
                for part in parts:
                    places.setdefault(part, set()).add(number)
        return sorted(places), places

    def _weight(self, size: int) -> float:
        """What a word is worth: more if few concepts have it."""
        return log(1 + self._count / max(size, 1))

    # -- candidates ------------------------------------------------------------------------------

    def _candidates(self, read: Sequence[TextWord]) -> Iterable[Concept]:
        if not self._is_indexed or self._count <= _SMALL:
            return self._all
        rarest_first = sorted(
            (word for word in read if word.weight > _WEIGHT_OF_STOP), key=lambda w: -w.weight
        )
        concepts: dict[str, Concept] = {}
        sets = [self._with(word) for word in rarest_first or read]
        for chosen in self._combinations(sets):
            for concept in chosen[0:_MOST_OF_SEARCH]:
                concepts.setdefault(concept.code, concept)
            if len(concepts) >= _MOST_CANDIDATES:
                break
        return concepts.values()

    def _with(self, word: TextWord) -> ConceptSet:
        """The concepts that have a word in one of its readings."""
        chosen: ConceptSet | None = None
        for reading in word.readings:
            whole: ConceptSet | None = None
            for part in sorted((part for part in reading.words if part not in _STOP), key=self._size):
                more = self._select(part)
                both = more if whole is None else whole & more
                whole = both if len(both) else whole
            if whole is not None:
                chosen = whole if chosen is None else chosen | whole
        return self._select(word.text) if chosen is None else chosen

    @staticmethod
    def _combinations(sets: Sequence[ConceptSet]) -> Iterator[ConceptSet]:
        """The concepts with all words; those that lack one, a usual one first; then those with fewer and fewer."""

        def common(some: Iterable[ConceptSet]) -> ConceptSet | None:
            whole: ConceptSet | None = None
            for each in some:
                whole = each if whole is None else whole & each
            return whole

        for left_out in (None, *reversed(range(len(sets)))):
            some = common(each for number, each in enumerate(sets) if number != left_out)
            if some is not None and len(some):
                yield some
        for number in range(len(sets) - 2, 0, -1):
            some = common(sets[:number])
            if some is not None and len(some):
                yield some
        for first in range(len(sets)):
            for second in range(first + 1, len(sets)):
                both = sets[first] & sets[second]
                if len(both):
                    yield both
        yield from (each for each in sets if len(each))

    # -- comparison ------------------------------------------------------------------------------

    def _learn(self, concepts: Sequence[Concept]) -> None:
        """Read the terms of concepts that are not known yet, all at once."""
        if len(self._terms) > _MOST_LISTED:
            self._terms.clear()
            self._distinctions.clear()
        unknown = [concept for concept in concepts if concept.code not in self._terms]
        details = self._system.describe([concept.code for concept in unknown])
        for concept in unknown:
            detail = details.get(concept.code)
            texts = [concept.display or "", *(d.value for d in detail.designations)] if detail else []
            self._terms[concept.code] = [
                (text, spelled_numerals(words(text))) for text in dict.fromkeys(filter(None, texts))
            ]
            self._distinctions[concept.code] = distinctions(
                part for _, parts in self._terms[concept.code] for part in parts
            )

    def _terms_of(self, concept: Concept) -> list[tuple[str, list[str]]]:
        """The display and the designations of a concept, each with its words."""
        if concept.code not in self._terms:
            self._learn([concept])
        return self._terms[concept.code]

    def _scored(
        self, concept: Concept, read: Sequence[TextWord], of_text: Distinctions, text: str
    ) -> _ScoredConcept:
        """A candidate with its score: what its words are worth, less what it says otherwise than the text."""
        score, why = self._compare(concept, read, text)
        of_concept = self._distinctions[concept.code]
        different = differences(of_text, of_concept)
        score *= _DIFFERENT ** len(different)
        why = "; ".join([why, *(f"other {what}: {how}" for what, how in different.items())])
        number = None
        if of_text.get(NUMBER) and of_concept.get(NUMBER):
            number = NUMBER not in different
        return _ScoredConcept(concept, score, why, number)

    def _compare(self, concept: Concept, read: Sequence[TextWord], text: str) -> tuple[float, str]:
        best, why = 0.0, ""
        for term, parts in self._terms_of(concept):
            score, kinds = self._compare_term(parts, read)
            if not kinds:
                continue
            score = score * 0.98 + 0.02 * self._ratio(text.casefold(), term.casefold()) / 100
            if score > best:
                meanings = [f"{word} = {means} ({kind})" for word, means, kind in kinds if kind != "word"]
                of_term = [f"term '{term}'"] if term != concept.display else []
                best, why = score, "; ".join([*of_term, *meanings]) or "the words of the display"
        if concept.abstract:
            best *= _ABSTRACT
        if concept.inactive:
            best *= _INACTIVE
        return best, why

    def _compare_term(
        self, parts: Sequence[str], read: Sequence[TextWord]
    ) -> tuple[float, list[tuple[str, str, str]]]:
        """How much a text and a term have in common, from 0 to 1, and how the words of the text were read."""
        used: set[int] = set()
        kinds = []
        covered_weight = whole = 0.0
        for word in read:
            whole += word.weight
            worth, places, reading = self._best_reading(word, parts)
            if reading is not None:
                covered_weight += worth * word.weight
                used |= places
                kinds.append((word.text, " ".join(reading.words), reading.kind))
        if not covered_weight:
            return 0.0, []
        of_term = [self._weight_of(part) for part in parts]
        covered = sum(of_term[place] for place in used)
        return _PART_OF_TEXT * covered_weight / whole + (1 - _PART_OF_TEXT) * covered / (
            sum(of_term) or 1.0
        ), kinds

    def _weight_of(self, word: str) -> float:
        return _WEIGHT_OF_STOP if word in _STOP else self._weight(self._size(word))

    def _best_reading(
        self, word: TextWord, parts: Sequence[str]
    ) -> tuple[float, set[int], WordReading | None]:
        """The reading of a word that fits a term best, what it is worth, and the places of the term that it covers."""
        best: tuple[float, set[int], WordReading | None] = (0.0, set(), None)
        for reading in word.readings:
            places: set[int] = set()
            fits = whole = 0.0
            for part in reading.words:
                weight = self._weight_of(part)
                whole += weight
                place, fit = _place_of(part, parts)
                if place is not None:
                    places.add(place)
                    fits += weight * fit
            worth = reading.worth * fits / (whole or 1.0)
            if worth > best[0]:
                best = worth, places, reading
        return best


def _said_by(read: Sequence[TextWord]) -> Distinctions:
    """The distinctions of a text: of its words, and of what they are sure to mean."""
    text_words = [word.text for word in read]
    means = (
        part
        for place in range(len(read))
        for _, meaning in meanings(text_words, place)
        for part in meaning.words
    )
    return distinctions([*text_words, *means])


def _with_other_numbers_last(scored: list[_ScoredConcept]) -> list[_ScoredConcept]:
    """The candidates in their order. None with another number than the text is worth more than one with the same."""
    lowest = min((each.score for each in scored if each.number), default=1.0)
    for each in scored:
        if each.number is False:
            each.score = min(each.score, lowest * 0.99)
    return sorted(scored, key=lambda each: each.order)


def _place_of(word: str, parts: Sequence[str]) -> tuple[int | None, float]:
    """The place of a word in a term, and how well it fits there: a longer word that begins so fits less."""
    place, fit = None, 0.0
    for number, part in enumerate(parts):
        if part == word:
            return number, 1.0
        if fit < 0.9 and part.startswith(word) and len(word) > 1 and not word.isdecimal():
            place, fit = number, 0.9
    return place, fit
