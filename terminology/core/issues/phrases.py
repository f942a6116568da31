"""Phrases that several messages share: lists of choices, values quoted and shortened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

# The most characters of a value that a message repeats.
LONGEST_VALUE = 200
_LONGEST_CODE = 60
_MOST_LISTED = 10


def or_list(items: Iterable[str]) -> str:
    """The items as a choice.

    >>> or_list(["GET", "HEAD", "POST"])
    'GET, HEAD or POST'
    """
    return _with_word(list(items), "or")


def and_list(items: Iterable[str]) -> str:
    """The items, all of them.

    >>> and_list(["GET", "HEAD", "POST"])
    'GET, HEAD and POST'
    """
    return _with_word(list(items), "and")


def _with_word(words: list[str], word: str) -> str:
    return f"{', '.join(words[:-1])} {word} {words[-1]}" if len(words) > 1 else "".join(words)


def plural(noun: str, items: Collection[object]) -> str:
    """The noun for some items, in the singular or plural.

    >>> plural("map", ["a"]), plural("map", ["a", "b"])
    ('map', 'maps')
    """
    return noun if len(items) == 1 else f"{noun}s"


def quoted(value: object) -> str:
    """A value as a message quotes it: a string in quotes, a long value shortened."""
    return shortened(f"'{value}'" if isinstance(value, str) else str(value))


def shortened(text: str, longest: int = LONGEST_VALUE) -> str:
    """The text, cut after ``longest`` characters."""
    return text if len(text) <= longest else text[:longest] + "…"


def did_you_mean(choices: Sequence[str]) -> str:
    """A question that names the choices; empty if there are none.

    >>> did_you_mean(["system"])
    "Did you mean 'system'?"
    """
    return f"Did you mean {or_list(quoted(choice) for choice in choices)}?" if choices else ""


def found_instead(value: object) -> str:
    """The end of "must be A, but ...": what the value is.

    >>> found_instead("x"), found_instead(None)
    ("is 'x'", 'has no value')
    """
    return "has no value" if value is None else f"is {quoted(value)}"


def json_kind(value: object) -> str:
    """The kind of a JSON value that is not a string.

    >>> json_kind({}), json_kind([1, 2]), json_kind(None), json_kind(True)
    ('an object', 'a list of 2', 'null', 'true')
    """
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    return "null" if value is None else str(value).lower()


def versioned(url: str, version: str | None) -> str:
    """A url in quotes, with its version if it has one.

    >>> versioned("http://example.org/vs", "1.0")
    "'http://example.org/vs' version '1.0'"
    """
    return f"'{url}'" + (f" version '{version}'" if version else "")


def listed(items: Iterable[str | None]) -> str:
    """The first of the items in alphabetical order, and how many more there are.

    >>> listed(["b", None, "a"]), listed(map(str, range(12)))
    ('a, b', '0, 1, 10, 11, 2, 3, 4, 5, 6, 7 and 2 more')
    """
    return _joined(sorted({item for item in items if item}))


def quoted_list(items: Iterable[str | None]) -> str:
    """The same, each item in quotes.

    >>> quoted_list(["b", "a"])
    "'a', 'b'"
    """
    return _joined([code_in_quotes(item) for item in sorted({item for item in items if item})])


def alternatives(items: Iterable[str]) -> str:
    """The first of the items in their own order.

    >>> alternatives(["male", "female"])
    'male | female'
    """
    words = list(items)
    return " | ".join(words[:_MOST_LISTED]) + (" | …" if len(words) > _MOST_LISTED else "")


def code_in_quotes(code: str | None) -> str:
    return f"'{shortened(code or '', _LONGEST_CODE)}'"


def _joined(words: list[str]) -> str:
    more = f" and {len(words) - _MOST_LISTED} more" if len(words) > _MOST_LISTED else ""
    return ", ".join(words[:_MOST_LISTED]) + more
