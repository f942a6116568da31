"""Search by text: the words of displays and designations.

Every word of the search must begin a word of the text, in any order; case and accents do not count. A search
without a word, of punctuation alone, finds nothing.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence

# Every text that begins with "x" sorts before "x" + LAST_CHARACTER.
LAST_CHARACTER = "\U0010ffff"
_BETWEEN = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    """The words of a text, each with a blank before it.

    >>> folded("Café-au-lait, 2 Cups")
    ' cafe au lait 2 cups'
    """
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(character for character in decomposed if not unicodedata.combining(character))
    return f" {_BETWEEN.sub(' ', text.casefold()).strip()}"


# Much faster than ``folded``, for a text of ASCII only.
_ASCII = {number: " " for number in range(128) if not chr(number).isalnum()}


def words(text: str) -> list[str]:
    """The words of a text, folded.

    >>> words("Café-au-lait, 2 Cups") == folded("Café-au-lait, 2 Cups").split()
    True
    """
    return (text.lower().translate(_ASCII) if text.isascii() else folded(text)).split()


def finder(search: str) -> Callable[[str], bool]:
    """A test whether a text has all words of the search.

    >>> finds = finder("tub lig")
    >>> finds("Ligation of fallopian tube"), finds("Ligation")
    (True, False)
    """
    finds = folded_finder(search)
    return lambda text: finds(folded(text))


def folded_finder(search: str) -> Callable[[str], bool]:
    """The same for texts that are ``folded`` already."""
    words = [f" {word}" for word in folded(search).split()]
    return lambda text: bool(words) and all(word in text for word in words)


def beginning_with(beginning: str, ordered: Sequence[str]) -> Sequence[str]:
    """Those of some words in alphabetical order that begin so.

    >>> beginning_with("ca", ["bat", "cab", "cat", "cow"])
    ['cab', 'cat']
    """
    first = bisect_left(ordered, beginning)
    return ordered[first : bisect_left(ordered, beginning + LAST_CHARACTER, first)]


def bare(code: str) -> str:
    """A code without dots, blanks, case and leading zeros, which people leave out or add.

    >>> bare("0067.20"), bare("67-20")
    ('6720', '6720')
    """
    return "".join(c for c in code if c.isalnum()).casefold().lstrip("0")


def edits(one: str, other: str, most: int) -> int | None:
    """How many letters were left out, added, changed or swapped with the next one; None if more than ``most``.

    >>> edits("sytem", "system", 1), edits("sysetm", "system", 1), edits("sistm", "system", 1)
    (1, 1, None)
    """
    if abs(len(one) - len(other)) > most:
        return None
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        last, row = row, [i]
        for j, other_letter in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other_letter))
            if before and j > 1 and one[i - 2 : i] == other_letter + other[j - 2]:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
        before = last
    return row[-1] if row[-1] <= most else None


def code_of_uri(uri: str, taken: Collection[str | None]) -> str:
    """A code for what a uri names: its last part, and a number if that is taken.

    >>> code_of_uri("http://example.org/size", ["size"])
    'size-2'
    """
    last = uri.rstrip("/#:").replace("#", "/").replace(":", "/").rpartition("/")[2]
    stem = "-".join(last.split()) or "attribute"
    candidates = (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3)))
    return next(code for code in candidates if code not in taken)


def escaped(text: str, within: str = "") -> str:
    """A foreign text without characters that end a line, or that a terminal obeys; ``within`` has further ones."""
    if text.isprintable() and not any(character in text for character in within):
        return text
    return "".join(c if c.isprintable() and c not in within else f"\\x{ord(c):02x}" for c in text)


def escaped_lines(text: str) -> str:
    """The same for a text whose lines are to stay lines."""
    return "\n".join(map(escaped, text.split("\n")))
