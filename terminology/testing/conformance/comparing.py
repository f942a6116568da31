"""The comparison of an answer with the expected one, by the rules of HL7's own runner.

An expected answer may have control words: a text such as ``$instant$`` or ``$choice:a|b$``, and in objects
``$optional$``, ``$optional-properties$`` and ``$count-arrays$``. HL7's runner is lenient in places, and so is this one:
texts are equal as well if they are as base64 that is read without care, and a list of texts may be left out.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from terminology.core.errors import UnreadableFileError
from terminology.core.model import Document

OPTIONAL = "$optional$"
_OPTIONAL_PROPERTIES = "$optional-properties$"
_COUNTS = "$count-arrays$"
_COMMENTS = "fhir_comments"

_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_DAY = f"{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_TIME = rf"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]{{1,9}})?{_ZONE}"
_FORMS = {
    "$instant$": re.compile(_DAY + _TIME),
    "$date$": re.compile(f"{_DAY}(?:{_TIME})?"),
    "$uuid$": re.compile("urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "$id$": re.compile(r"[A-Za-z0-9.-]{1,64}"),
    "$token$": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*"),
    "$url$": re.compile(r"https?://[^\s\"<>\\^`{|}]+"),
    "$semver$": re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"),
}
_BASE64 = re.compile("[^A-Za-z0-9+/]")


@dataclass(slots=True)
class AnswerComparison:
    """The comparison of answers in some modes, from a server of a version of FHIR.

    ``is_pattern``: the answer may have more than the expected one. ``is_strict``: texts are equal if they are the same;
    read as base64 without care, 57460 would be 57461.
    """

    modes: frozenset[str] = frozenset()
    version: str = ""
    is_pattern: bool = False
    is_strict: bool = False
    _control: frozenset[str] = field(default=frozenset({_OPTIONAL_PROPERTIES, _COUNTS}))

    def difference(self, expected: Document, actual: Document) -> str | None:
        """The first difference, with its place; None if the answer is as expected.

        Raises UnreadableFileError for a control word that does not exist.
        """
        return next(self._in_objects(str(actual.get("resourceType", "")), expected, actual), None)

    def _in_objects(self, place: str, expected: Document, actual: Document) -> Iterator[str]:
        optional = _texts(expected.get(_OPTIONAL_PROPERTIES))
        counts = _texts(expected.get(_COUNTS))
        for name, value in actual.items():
            if name in expected:
                yield from self._in_values(f"{place}.{name}", expected[name], value, name in counts)
            elif not (self.is_pattern or name in optional or name == _COMMENTS):
                yield f"{place}: unexpected element '{name}'"
        for name, value in expected.items():
            is_free = "*" in optional or name in (*optional, *self._control, OPTIONAL, _COMMENTS)
            if not (is_free or name in actual or _may_be_left_out(value)):
                yield f"{place}: no element '{name}'"

    def _in_values(self, place: str, expected: Any, actual: Any, counts_only: bool = False) -> Iterator[str]:
        if isinstance(expected, dict) and isinstance(actual, dict):
            yield from self._in_objects(place, expected, actual)
        elif isinstance(expected, list) and isinstance(actual, list):
            if counts_only:
                if len(expected) != len(actual):
                    yield _other(place, f"{len(expected)} items", f"{len(actual)} items")
            elif self.is_pattern:
                yield from self._found_in_order(place, expected, actual)
            else:
                yield from self._aligned(place, expected, actual)
        elif isinstance(expected, str) and isinstance(actual, str):
            if not ("<div" in expected and "<div" in actual or self._is_text(expected, actual)):
                yield _other(place, expected, actual)
        elif _plain(expected) != _plain(actual):
            yield _other(place, expected, actual)

    # -- lists -----------------------------------------------------------------------------------

    def _found_in_order(self, place: str, expected: Sequence[Any], actual: Sequence[Any]) -> Iterator[str]:
        rest = iter(enumerate(actual))
        for index, item in enumerate(expected):
            if not any(not any(self._in_values(place, item, each)) for _, each in rest):
                yield f"{place}[{index}]: the expected item is not there, or not in its place"

    def _aligned(self, place: str, expected: Sequence[Any], actual: Sequence[Any]) -> Iterator[str]:
        """Each expected item is the next of the answer, unless it is optional."""
        required = sum(not self._is_optional(item) for item in expected)
        if not required <= len(actual) <= len(expected):
            several = "" if required == len(expected) else f"{required} to "
            yield _other(place, f"{several}{len(expected)} items", f"{len(actual)} items")
            return
        at = 0
        for index, item in enumerate(expected):
            is_optional = self._is_optional(item)
            if at == len(actual):
                # HL7's runner looks at this one item alone: it may be left out, and so may all after it.
                if not (is_optional and index >= required):
                    yield f"{place}[{index}]: the expected item is not there"
                return
            difference = next(self._in_values(f"{place}[{at}]", item, actual[at]), None)
            if difference is None:
                at += 1
            elif not is_optional:
                yield difference
                return
        if at < len(actual):
            yield f"{place}[{at}]: unexpected item"

    def _is_optional(self, item: Any) -> bool:
        condition = item.get(OPTIONAL) if isinstance(item, dict) else None
        if not isinstance(condition, str):
            return condition is True
        kind, colon, text = condition.partition(":")
        if colon and kind == "warning":
            return True
        if colon and kind == "version":
            return self.version.startswith(text)
        if condition.startswith("!"):
            return condition[1:] not in self.modes
        return condition in self.modes

    # -- texts -----------------------------------------------------------------------------------

    def _is_text(self, expected: str, actual: str) -> bool:
        if self._is_meant(expected, actual):
            return True
        return not self.is_strict and b"" != _sloppy_base64(expected) == _sloppy_base64(actual)

    def _is_meant(self, expected: str, actual: str) -> bool:
        if not (expected.startswith("$") and expected.endswith("$")):
            return actual == (expected.replace("$version$", self.version) if self.version else expected)
        word, _, text = expected[1:-1].partition(":")
        if word == "choice":
            return actual in _pieces(text, "|")
        if word == "fragments":
            return _has_all(actual, _pieces(text, "|"))
        if word == "external":
            fragments = text.split(":")[1:2]
            return not fragments or _has_all(actual, _pieces(fragments[0], "|"))
        if expected == "$$":
            return True
        if expected == "$string$":
            return actual == actual.strip("".join(map(chr, range(33))))
        if expected == "$version$":
            return not self.version or actual == self.version
        if expected not in _FORMS:
            raise UnreadableFileError(f"there is no control word {expected}")
        return _FORMS[expected].fullmatch(actual) is not None


def _may_be_left_out(value: Any) -> bool:
    """A list of texts, or of items that are all optional under some condition."""
    return isinstance(value, list) and all(not isinstance(v, dict) or OPTIONAL in v for v in value)


def _texts(value: Any) -> Mapping[str, None]:
    return dict.fromkeys(map(str, value if isinstance(value, list) else [] if value is None else [value]))


def _plain(value: Any) -> tuple[str, str]:
    """A value with its JSON type. Numbers are equal if they are written alike."""
    kind = (
        "number" if isinstance(value, int | Decimal) and not isinstance(value, bool) else type(value).__name__
    )
    return kind, "" if isinstance(value, dict | list) else str(value)


def _sloppy_base64(text: str) -> bytes:
    """What a careless reader makes of a text: other characters do not count, nor bits beyond whole bytes."""
    letters = _BASE64.sub("", text.partition("=")[0].replace("-", "+").replace("_", "/"))
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return b64decode(letters + "=" * (-len(letters) % 4))


def _pieces(text: str, separator: str) -> list[str]:
    """The pieces of a text; Java drops empty ones at the end."""
    pieces = text.split(separator)
    while len(pieces) > 1 and not pieces[-1]:
        pieces.pop()
    return pieces


def _has_all(text: str, fragments: Sequence[str]) -> bool:
    return all(fragment.lower() in text.lower() for fragment in fragments)


def _other(place: str, expected: Any, actual: Any) -> str:
    return f"{place}: expected {expected!s}, not {actual!s}"
