"""Texts of other people in a page: escaped, isolated from the text around, and cut where they are too long.

A display may have letters that turn the direction of the text after them (U+202E); ``bdi`` ends their effect with the
display, and ``closed`` sees to it that the display does not end ``bdi`` before.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

# Texts in lists and tables, and in headings and paragraphs.
BRIEF, LONG = 160, 1_200
# Characters that no text needs, and that a browser may not take as they are.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]|[\ud800-\udfff]")
_BEGINNINGS, _END = "\u2066\u2067\u2068", "\u2069"
_ISOLATES = re.compile(f"[{_BEGINNINGS}{_END}]")
_CODE = re.compile(r"`([^`\n]{1,200})`")


def clean(text: object) -> str:
    """The text without characters that no page can have."""
    return _CONTROLS.sub("\ufffd", str(text))


def closed(text: str) -> str:
    """The text with an end for each isolate that it begins (U+2066 to U+2068), and without ends of others.

    An isolate that is not closed takes the end of the ``bdi`` around it, and an end too many is taken for it; in both
    cases the direction would go on in the page.
    """
    if not _ISOLATES.search(text):
        return text
    depth, remembered = 0, []
    for letter in text:
        if letter in _BEGINNINGS:
            depth += 1
        elif letter == _END:
            if not depth:
                continue
            depth -= 1
        remembered.append(letter)
    return "".join(remembered) + _END * depth


def brief(text: object, most: int = BRIEF) -> Markup:
    """A text in one line of a list, cut where it is too long."""
    whole = clean(text)
    cut = whole if len(whole) <= most else f"{whole[:most].rstrip()} …"
    return Markup("<bdi>{}</bdi>").format(closed(cut))


def whole(text: object, most: int = LONG) -> Markup:
    """A text of which the reader can see all; a very long one is folded."""
    text = clean(text)
    if len(text) <= most:
        return Markup("<bdi>{}</bdi>").format(closed(text))
    return Markup(
        '<span class="cut"><bdi>{} …</bdi></span><details class="rest"><summary>All {} characters</summary>'
        '<bdi class="everything">{}</bdi></details>'
    ).format(closed(text[:BRIEF].rstrip()), number(len(text)), closed(text))


def prose(text: object) -> Markup:
    """Paragraphs of a description: blank lines part them, and `code` is what stands between backticks.

    More of Markdown is shown as it was written.
    """
    parts = [part.strip() for part in re.split(r"\n\s*\n", clean(text)) if part.strip()]
    return Markup("").join(Markup("<p>{}</p>").format(_marked(part)) for part in parts)


def _marked(text: str) -> Markup:
    if len(text) > LONG:
        return whole(text)
    return Markup("<bdi>{}</bdi>").format(Markup(_CODE.sub(r"<code>\1</code>", str(escape(closed(text))))))


def number(value: object) -> str:
    """A number with a thin blank between thousands."""
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else clean(value)


def local_name(uri: object) -> str:
    """The last part of a uri, by which people know an attribute.

    >>> local_name("http://example.org/CodeSystem/words#technique"), local_name("setting")
    ('technique', 'setting')
    """
    parts = [part for part in re.split(r"[#/]", clean(uri).rstrip("#/")) if part]
    return parts[-1] if parts else clean(uri)


def in_words(code: object) -> str:
    """A code or a camelCase name as words.

    >>> in_words("source-is-narrower-than-target"), in_words("isConization")
    ('source is narrower than target', 'is conization')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", clean(code).replace("-", " ").replace("_", " "))
    return (
        spaced
        if spaced.isupper()
        else " ".join(w if w.isupper() and len(w) > 1 else w.lower() for w in spaced.split())
    )
