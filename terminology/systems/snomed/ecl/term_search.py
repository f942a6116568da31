"""Is this a text that an expression looks for, and which concepts may have one?

``match``: each word typed begins a word, in any order; ``wild``: the whole text, ``*`` being anything; in
both neither case nor accents count. ``exact``: the whole text as it stands (ECL 2.2, 6.8).
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
    """A test for "this is one of the texts"."""
    tests = [_TESTS[wanted.kind](wanted.text) for wanted in texts]
    return lambda text: any(test(text) for test in tests)


def _wild(pattern: str) -> Callable[[str], bool]:
    """Every part must come after the one before; the first place where it stands is the best one."""
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
    "exact": lambda wanted: wanted.__eq__,
}


def literals(pattern: str) -> list[str]:
    r"""What stands between the stars, plain.

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
    """Without case and accents."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(character for character in decomposed if not unicodedata.combining(character))
    return text.casefold()


# -- which concepts may have one -------------------------------------------------------------------


def may_have(release: ReleaseIndex, texts: Iterable[Text]) -> BitMap | None:
    """Concepts among which are all that have one of the texts; None where nothing can be said."""
    found = [_candidates(release, text) for text in texts]
    if any(one is None for one in found):
        return None
    return release.artifact.union(one for one in found if one is not None)


def _candidates(release: ReleaseIndex, wanted: Text) -> BitMap | None:
    if wanted.kind != "wild":
        return _having_all(release, words(wanted.text))
    beginnings, inside = fragments(wanted.text)
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
    """What words of the text begin with, and what else stands within words.

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
    found = beginning_with(release, beginnings[0])
    for beginning in beginnings[1:]:
        found = found & beginning_with(release, beginning)
    return found


def beginning_with(release: ReleaseIndex, beginning: str) -> BitMap:
    defined = release.artifact.union(ords for _, ords in release.terms(DEFINITION_WORD, beginning))
    return release.artifact.words(beginning) | defined
