"""What the words of local texts mean: abbreviations, synonyms, and German words for English ones.

The table ``glossary.csv`` beside this module is our own. A line of it that begins a word of a compound
(``Gebärmutterhalskrebs``) reads that, too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from terminology.core.texts import words

# A shorter part of a compound is found in too many words.
_SHORTEST_PART = 4
_LONGEST_ENTRY = 3
# Letters between the parts of a German compound.
_JOINTS = ("", "s", "n", "en", "es")
# Letters and ends of German words of Latin and Greek, and those of the English word: Hysterektomie, Karzinom, Stenose.
_GERMAN_LETTERS = (("k", "c"), ("z", "c"))
_GERMAN_ENDS = (("ien", "ies"), ("ie", "y"), ("om", "oma"), ("ose", "osis"), ("isch", "ic"), ("", ""))
_SHORTEST_GERMAN = 6


@dataclass(slots=True, frozen=True)
class WordMeaning:
    """What a word, or some words in a row, may mean: other words. ``kind`` is abbreviation, synonym or de."""

    words: tuple[str, ...]
    kind: str


@cache
def _entries() -> dict[tuple[str, ...], list[WordMeaning]]:
    entries: dict[tuple[str, ...], list[WordMeaning]] = {}
    with (files("terminology.workbench") / "glossary.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            meaning = WordMeaning(tuple(words(row["means"])), row["kind"])
            entries.setdefault(tuple(words(row["word"])), []).append(meaning)
    return entries


def meanings(text_words: Sequence[str], place: int) -> Iterator[tuple[int, WordMeaning]]:
    """What the words at a place of a text may mean, and how many of them, the longest first."""
    for length in range(min(_LONGEST_ENTRY, len(text_words) - place), 0, -1):
        for meaning in _entries().get(tuple(text_words[place : place + length]), ()):
            yield length, meaning
    if compound := _compound(text_words[place]):
        yield 1, compound


def english_forms(word: str) -> list[str]:
    """The English words that a German one of Latin or Greek may be; only those that are words are of use.

    >>> english_forms("hysterektomie")[0], english_forms("karzinom")[0], english_forms("konisation")[0]
    ('hysterectomy', 'carcinoma', 'conisation')
    """
    if len(word) < _SHORTEST_GERMAN or not word.isalpha():
        return []
    german, english = next(ends for ends in _GERMAN_ENDS if word.endswith(ends[0]))
    stem = word.removesuffix(german)
    latin = stem
    for letter, other in _GERMAN_LETTERS:
        latin = latin.replace(letter, other)
    forms = dict.fromkeys((latin + english, latin.replace("sation", "zation") + english, stem + english))
    return [form for form in forms if form != word]


def _compound(word: str) -> WordMeaning | None:
    """The meaning of a German compound whose parts are all known."""
    if (word,) in _entries():
        return None
    parts = _parts(word)
    if not parts or len(parts) < 2:
        return None
    return WordMeaning(tuple(word for part in parts for word in _entries()[(part,)][0].words), "de")


def _parts(word: str) -> list[str] | None:
    if not word:
        return []
    for end in range(len(word), _SHORTEST_PART - 1, -1):
        head = word[:end]
        if not any(meaning.kind == "de" for meaning in _entries().get((head,), ())):
            continue
        for joint in _JOINTS:
            if word[end:].startswith(joint):
                rest = _parts(word[end + len(joint) :])
                if rest is not None:
                    return [head, *rest]
    return None
