"""Search texts of an expression: a test of a text, and the concepts that may have one.

``match``: each word of the search begins a word of the text, in any order. ``wild``: the whole text matches,
``*`` stands for any text. Case and accents do not count in these two. ``exact``: the text is the same (ECL 2.2, 6.8).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from terminology.core.texts import finder, words
from terminology.store.schema import WORD
from terminology.systems.snomed.ecl.expression import Text
from terminology.systems.snomed.identifiers import DEFINITION_WORD
from terminology.systems.snomed.release_index import ReleaseIndex

if TYPE_CHECKING:
    from pyroaring import BitMap

_PIECES = re.compile(r'\\([*"\\])|(\*)|([^*\\]+|\\)', re.DOTALL)
_BETWEEN = re.compile(r"[\W_]")


def test_of(texts: Iterable[Text]) -> Callable[[str], bool]:
    """A test whether a text matches one of the search texts."""
    tests = [_TESTS[search.kind](search.text) for search in texts]
    return lambda text: any(test(text) for test in tests)


def _wild(pattern: str) -> Callable[[str], bool]:
    """Every part must come after the part before it; the first such place is the best one."""
    first, *rest = literals(pattern)
    if not rest:
        return lambda text: plain(text) == first
    *between, last = rest

    def test(text: str) -> bool:
        text = plain(text)
        at, end = len(first), len(text) - len(last)
        if not text.startswith(first) or not text.endswith(last):
            return False
        for part in between:
            at = text.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return at <= end

    return test


_TESTS: dict[str, Callable[[str], Callable[[str], bool]]] = {
    "match": finder,
    "wild": _wild,
    "exact": lambda search: search.__eq__,
}


def literals(pattern: str) -> list[str]:
    r"""The parts between the stars, plain.

    >>> literals(r"Café*50\*")
    ['cafe', '50*']
    """
    parts = [""]
    for escaped, star, text in _PIECES.findall(pattern):
        if star:
            parts.append("")
        else:
            parts[-1] += escaped or text
    return [plain(part) for part in parts]


def plain(text: str) -> str:
    """The text without case and accents."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(character for character in decomposed if not unicodedata.combining(character))
    return text.casefold()


# -- the concepts that may match ----------------------------------------------------------------


def may_have(release: ReleaseIndex, texts: Iterable[Text]) -> BitMap | None:
    """A set with all concepts that have one of the texts, and perhaps more; None where there is no index."""
    candidates = [_candidates(release, text) for text in texts]
    if any(ords is None for ords in candidates):
        return None
    return release.artifact.union(ords for ords in candidates if ords is not None)


def _candidates(release: ReleaseIndex, search: Text) -> BitMap | None:
    if search.kind != "wild":
        return _having_all(release, words(search.text))
    beginnings, inside = fragments(search.text)
    if beginnings or not inside:
        return _having_all(release, beginnings)
    longest = max(inside, key=len)
    header = release.artifact.header
    field = header.fields.get(DEFINITION_WORD)
    fields = [WORD, *header.languages.values(), *([] if field is None else [field])]
    return release.artifact.union(
        ords for field in fields for word, ords in release.artifact.terms(field) if longest in word
    )


def fragments(pattern: str) -> tuple[list[str], list[str]]:
    """The beginnings of words that a pattern has, and its fragments of words.

    >>> fragments("heart att*"), fragments("*itis of *")
    ((['heart', 'att'], []), (['of'], ['itis']))
    """
    beginnings: list[str] = []
    inside: list[str] = []
    for place, part in enumerate(literals(pattern)):
        known = words(part)
        if known and place and not _BETWEEN.match(part):
            inside.append(known.pop(0))
        beginnings += known
    return beginnings, inside


def _having_all(release: ReleaseIndex, beginnings: list[str]) -> BitMap | None:
    """The concepts that have, for each of the beginnings, a word that begins so."""
    if not beginnings:
        return None
    ords = beginning_with(release, beginnings[0])
    for beginning in beginnings[1:]:
        ords = ords & beginning_with(release, beginning)
    return ords


def beginning_with(release: ReleaseIndex, beginning: str) -> BitMap:
    """The concepts with a word, also of a text definition, that begins so."""
    defined = release.artifact.union(ords for _, ords in release.terms(DEFINITION_WORD, beginning))
    return release.artifact.words(beginning) | defined
