"""What makes two texts with almost the same words mean different things: a number, a side, an extent, a degree.

CIN II is not CIN III, and a left ovary is not a right one, even if all other words are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

# The values of a text by what they are of: {"number": {"2"}, "side": {"left"}}.
Distinctions = Mapping[str, set[str]]

NUMBER = "number"
_OPPOSITES: Mapping[str, Mapping[str, str]] = {
    "side": {
        "left": "left linke linker linkes linken links sinistra",
        "right": "right rechte rechter rechtes rechten rechts dextra",
    },
    "sides": {
        "one": "left linke linker linkes linken links right rechte rechter rechtes rechten rechts unilateral einseitig",
        "both": "bilateral both beidseitig beidseits bds",
    },
    "extent": {
        "partial": "partial subtotal incomplete partiell partielle subtotale inkomplett inkomplette",
        "total": "total complete totale totaler komplett komplette",
    },
    "grade": {"low": "low", "high": "high"},
    "degree": {
        "mild": "mild leichte leichtgradige",
        "moderate": "moderate mittelgradige",
        "severe": "severe schwere schwergradige hochgradige",
    },
    "place": {"upper": "upper obere oberer", "lower": "lower untere unterer"},
    "course": {"acute": "acute akut akute", "chronic": "chronic chronisch chronische"},
    "nature": {"benign": "benign benigne gutartige", "malignant": "malignant maligne bösartige"},
    "origin": {"primary": "primary primäre", "secondary": "secondary sekundäre"},
}
_VALUES: dict[str, list[tuple[str, str]]] = {}
for _family, _values in _OPPOSITES.items():
    for _value, _words in _values.items():
        for _word in _words.replace("ä", "a").replace("ö", "o").split():
            _VALUES.setdefault(_word, []).append((_family, _value))

_ROMAN = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv".split()
_ARABIC = {roman: str(number) for number, roman in enumerate(_ROMAN, 1)}
# These are also the letter of a vitamin, a ray or a way into a vein: they count beside a numeral or one of the words.
_ALSO_LETTERS = frozenset(("i", "iv", "v", "x"))
_BEFORE_NUMERAL = frozenset(
    "ain category cin class degree factor figo grad grade group gruppe klasse level phase pin stadium stage typ type "
    "vain vin".split()
)
# A number with the end of an ordinal; a number that counts: longer ones are years and codes.
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
_COUNTING = re.compile(r"0*(\d{1,3})[a-d]?\d?")
_WITH_NUMERAL = re.compile(r"([a-z]+?)(\d{1,2}|i{1,3}|iv)")


def spelled_numerals(text_words: Sequence[str]) -> list[str]:
    """The words of a text, as ``texts.words`` has them, with Arabic numerals in place of Roman ones and of ordinals.

    >>> spelled_numerals(["cin", "ii", "iii"]), spelled_numerals(["cin3"]), spelled_numerals(["vitamin", "x"])
    (['cin', '2', '3'], ['cin', '3'], ['vitamin', 'x'])
    """
    spelled: list[str] = []
    for word in text_words:
        joined = _WITH_NUMERAL.fullmatch(word)
        if joined and joined[1] in _BEFORE_NUMERAL:
            spelled += [joined[1], _ARABIC.get(joined[2], joined[2])]
        elif word in _ARABIC and (word not in _ALSO_LETTERS or _calls_for_numeral(spelled)):
            spelled.append(_ARABIC[word])
        elif ordinal := _ORDINAL.fullmatch(word):
            spelled.append(ordinal[1])
        else:
            spelled.append(word)
    return spelled


def _calls_for_numeral(before: Sequence[str]) -> bool:
    """Is the last word one that a numeral follows, or a numeral itself?"""
    return bool(before) and (before[-1] in _BEFORE_NUMERAL or before[-1].isdigit())


def roman_numeral(word: str) -> str | None:
    """The Roman numeral of an Arabic one, where it has two letters or more; None for any other word.

    >>> roman_numeral("2"), roman_numeral("1"), roman_numeral("cin")
    ('ii', None, None)
    """
    number = int(word) if word.isdecimal() and len(word) < 3 else 0
    roman = _ROMAN[number - 1] if 0 < number <= len(_ROMAN) else ""
    return roman if len(roman) > 1 else None


def distinctions(text_words: Iterable[str]) -> dict[str, set[str]]:
    """The values that words say, with numerals as ``spelled_numerals`` writes them.

    >>> distinctions(["left", "ovary", "grade", "2"]) == {"side": {"left"}, "sides": {"one"}, "number": {"2"}}
    True
    """
    values: dict[str, set[str]] = {}
    for word in text_words:
        for family, value in _VALUES.get(word, ()):
            values.setdefault(family, set()).add(value)
        if word[0].isdecimal() and (number := _COUNTING.fullmatch(word)):
            values.setdefault(NUMBER, set()).add(number[1])
    if len(values.get("side", ())) > 1:
        values["sides"] = {"both"}
    return values


def differences(text: Distinctions, term: Distinctions) -> dict[str, str]:
    """In what a term differs from a text, and how: the text says something that the term contradicts.

    A term that says less, or says more where the text is silent, contradicts nothing.

    >>> differences({"number": {"2"}}, {"number": {"3"}}), differences({"number": {"2"}}, {})
    ({'number': '3 for 2'}, {})
    """
    contradictions = {}
    for family, values in text.items():
        missing, other = values - term.get(family, set()), term.get(family, set()) - values
        if missing and other:
            contradictions[family] = f"{', '.join(sorted(other))} for {', '.join(sorted(missing))}"
    return contradictions
