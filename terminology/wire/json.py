"""JSON in and out.

Decimals keep their digits (1.50 stays 1.50). Duplicate keys, NaN and nesting without end are refused: JSON
does not say what they mean.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document

DEEPEST = 200
LARGEST = 2**64 - 1
_LONGEST_NUMBER = 20  # digits of LARGEST
_SHORT_NUMBER = 18  # digits, or a sign and digits, that always fit into 64 bits
_HALF = re.compile("\\\\u[dD][89a-fA-F]|[\ud800-\udfff]")  # a surrogate: half of a character


def read(text: bytes | str) -> Any:
    """Parse JSON as UTF-8.

    Raises TerminologyError: not UTF-8, not JSON, a duplicate key, NaN or Infinity, half a character, a number
    that is too large, nested deeper than ``DEEPEST``.
    """
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        value = _decoder.decode(decoded)
    except UnicodeDecodeError as problem:
        raise TerminologyError(issues.not_utf_8(problem.start)) from None
    except RecursionError:
        raise TerminologyError(issues.too_deep("JSON", DEEPEST)) from None
    except json.JSONDecodeError as problem:
        issue = issues.not_json(problem.msg, problem.lineno, problem.colno)
        raise TerminologyError(issue) from None
    if decoded.count("{") + decoded.count("[") > DEEPEST:
        _check_depth(value)
    # Bytes that are UTF-8 have half a character only where it is written as an escape.
    if (isinstance(text, str) or "\\u" in decoded) and _HALF.search(decoded):
        _check_characters(value)
    return value


def read_resource(text: bytes | str) -> Document:
    """Parse a FHIR resource.

    Raises TerminologyError; see ``read``; also when the JSON is not an object, or its ``resourceType`` not a string.
    """
    value = read(text)
    if not isinstance(value, dict):
        raise TerminologyError(issues.not_a_json_object())
    require_type_name(value)
    return value


def require_type_name(resource: Document, at: str = "resourceType") -> None:
    """Raises TerminologyError for a ``resourceType`` that is not a string. One that is missing is not looked for."""
    if not isinstance(resource.get("resourceType", ""), str):
        raise TerminologyError(issues.wrong_json_type(at, "a string"))


def read_own(text: bytes) -> Any:
    """Parse JSON that this package wrote, as ``read`` does but without its checks. Raises ValueError."""
    return json.loads(text, parse_float=Decimal)


class Written:
    """A part of a document that is JSON already: ``write`` puts its bytes into the whole."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self) -> Any:
        """The part as it was before it was written."""
        return read_own(self.content)


def write(document: Any, pretty: bool = False) -> bytes:
    """A document as JSON."""
    if pretty:
        return orjson.dumps(document, default=_with_breaks, option=orjson.OPT_INDENT_2)
    return orjson.dumps(document, default=_exactly)


def whole(text: str) -> str:
    r"""A text of whole characters: with a question mark for each half of a character.

    >>> whole("a\ud800b")
    'a?b'
    """
    return text.encode("utf-8", "replace").decode()


def _with_breaks(value: Any) -> Any:
    return value.read() if isinstance(value, Written) else _exactly(value)


def _exactly(value: Any) -> Any:
    if isinstance(value, Written):
        return orjson.Fragment(value.content)
    if isinstance(value, Decimal):
        text = str(value)
        # Digits alone would be read as a whole number, which may have at most 64 bits.
        is_whole = len(text) > _SHORT_NUMBER and text.lstrip("-").isdecimal()
        return orjson.Fragment(f"{value:E}" if is_whole else text)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    node = dict(pairs)
    if len(node) != len(pairs):
        repeated = next(name for name, number in Counter(name for name, _ in pairs).items() if number > 1)
        raise TerminologyError(issues.repeated_key(repeated))
    return node


def _no_constant(name: str) -> Any:
    raise TerminologyError(issues.unknown_json_value(name))


def _whole(digits: str) -> int:
    """A whole number of at most 64 bits, which every other reader can read: https://hl7.org/fhir/R5/datatypes.html#integer64."""
    number = int(digits) if len(digits) <= _LONGEST_NUMBER else LARGEST + 1
    if not -(2**63) <= number <= LARGEST:
        raise TerminologyError(issues.integer_too_large(digits))
    return number


def _fraction(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise TerminologyError(issues.number_too_large(digits)) from None


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_fraction, parse_int=_whole
)


def _check_characters(value: Any) -> None:
    try:
        write(value)
    except TypeError:
        raise TerminologyError(issues.half_a_character()) from None


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise TerminologyError(issues.too_deep("JSON", DEEPEST))


def _inside(value: Any) -> list[Any]:
    items = value.values() if isinstance(value, dict) else value
    return (
        [item for item in items if isinstance(item, (dict, list))] if isinstance(value, (dict, list)) else []
    )
