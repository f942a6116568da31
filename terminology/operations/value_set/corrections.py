"""Search texts with other words, where nothing in a value set matches the words as they are.

A last resort of $expand: a word may be spelled as in Britain or America, or have one typing error. Only words that the
code systems, or the value set itself, have are tried, so that few searches are made; ``cost`` says whether there
is time for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product

from terminology.core.documents import Listing
from terminology.core.texts import beginning_with, words
from terminology.operations.limits import MOST_CORRECTIONS, MOST_WORDS_TO_CORRECT
from terminology.operations.spelling import other_spellings, without_error
from terminology.operations.value_set.compose import Definition
from terminology.operations.value_set.members import own_text


def corrections(definition: Definition, text: str) -> Iterator[str]:
    """Search texts to try instead, the likeliest first; at most ``MOST_CORRECTIONS``.

    First come those with other spellings of some words, then those in which a word that the value set does not
    have is one that differs by a typing error.
    """
    searched = words(text)
    if not 0 < len(searched) <= MOST_WORDS_TO_CORRECT:
        return
    vocabulary = _Vocabulary(definition)
    choices = [vocabulary.spellings(word) for word in searched]
    tried = product(*choices)
    if not all(choices):
        choices = [own or vocabulary.similar(word) for own, word in zip(choices, searched, strict=True)]
        tried = product(*choices)
    others = (list(chosen) for chosen in tried if list(chosen) != searched)
    yield from map(" ".join, islice(others, MOST_CORRECTIONS))


class _Vocabulary:
    """The words of a value set and of its code systems, by their first letter; read when they are needed."""

    def __init__(self, definition: Definition) -> None:
        parts = (definition, *definition.all_imports())
        self._blocks = [block for part in parts for block in part.includes]
        self._systems = {id(b.system): b.system for b in self._blocks if b.system is not None}
        self._words: dict[str, list[str]] = {}

    def spellings(self, word: str) -> Sequence[str]:
        """The word and its other spellings, without those with which no word here begins."""
        return [spelling for spelling in (word, *other_spellings(word)) if self._beginning_with(spelling)]

    def similar(self, word: str) -> Sequence[str]:
        """Beginnings of words here that differ by one typing error; the same length first, then the longer."""
        beginnings = {without_error(word, known) for known in self._beginning_with(word[:1])} - {None}
        return sorted(map(str, beginnings), key=lambda other: (len(other) != len(word), -len(other), other))

    def _beginning_with(self, beginning: str) -> Sequence[str]:
        letter = beginning[:1]
        if letter not in self._words:
            own = (word for word in self._own_words() if word.startswith(letter))
            of_systems = (word for system in self._systems.values() for word in system.words(letter))
            self._words[letter] = sorted({*own, *of_systems})
        return beginning_with(beginning, self._words[letter])

    def _own_words(self) -> Iterator[str]:
        """The words of the value set itself. Those of a list in the store would all have to be read."""
        for block in self._blocks:
            if block.is_enumerated and not isinstance(block.enumeration, Listing):
                for node in block.enumeration.values():
                    yield from words(own_text(node))
