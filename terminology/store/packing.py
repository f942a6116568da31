"""How is what is known of a concept or mapping packed into bytes?

As JSON in arrays without names, and that compressed; a dictionary made from a sample of the same artifact
makes short texts compress as well as long ones:

* of a concept a line each for its definition, designations, properties, extension and what is its code
  system's own, so that only what is asked for is read; with designations as ``[value, language, number of the
  use, rest]`` and properties as ``[number of the kind, value, display of the concept that the value names]``;
  its parents and children stand among the properties, before the others. What has a number stands in the
  header;
* of a mapping one array, the fields of ``MapRow`` in ``MAPPING_FIELDS``.

What is empty at the end is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from threading import local
from typing import Any

import orjson
import zstandard

LEVEL = 3
DICTIONARY_SIZE = 64 * 1024
SAMPLE = 4_000
SMALLEST_SAMPLE = 500
# What FHIR has no element for.
_DECIMAL = "$decimal"

MAPPING_FIELDS = (
    "source_display",
    "target_display",
    "relationship",
    "comment",
    "no_map",
    "word",
    "depends_on",
    "products",
    "properties",
)


def packed(values: Sequence[Any]) -> bytes:
    """The JSON of an array, without what is empty at its end."""
    last = len(values)
    while last and not values[last - 1]:
        last -= 1
    return orjson.dumps(values[:last], default=_plain)


def packed_lines(values: Sequence[Any]) -> bytes:
    """A line of JSON for each value; what is empty has an empty line, or none at the end."""
    return b"\n".join(orjson.dumps(value, default=_plain) if value else b"" for value in values).rstrip(b"\n")


def line_of(lines: Sequence[bytes], number: int) -> Any:
    """What stands in a line; None for nothing."""
    return orjson.loads(lines[number]) if number < len(lines) and lines[number] else None


# The lines of a concept.
DEFINITION, DESIGNATIONS, PROPERTIES, EXTENSION, OWN = range(5)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    raise TypeError(f"a {type(value).__name__} cannot be kept")


def plain(value: Any) -> Any:
    """A value with text for the decimals in it, which neither marshal nor JSON would keep as they are."""
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def exact(value: Any) -> Any:
    """What ``plain`` was given.

    >>> exact(plain({"value": Decimal("1.50"), "unit": "cm"}))
    {'value': Decimal('1.50'), 'unit': 'cm'}
    """
    if isinstance(value, dict):
        if _DECIMAL in value:
            return Decimal(value[_DECIMAL])
        return {name: exact(part) for name, part in value.items()}
    return [exact(part) for part in value] if isinstance(value, list) else value


def value_of(type_: str, value: Any) -> Any:
    """A value as it was before it was packed. A decimal may be but its text."""
    if type_ == "decimal" and isinstance(value, str):
        return Decimal(value)
    return exact(value) if isinstance(value, dict) else value


def dictionary_of(sample: Sequence[bytes]) -> bytes:
    """A compression dictionary; none for what is small."""
    if len(sample) < SMALLEST_SAMPLE:
        return b""
    try:
        return zstandard.train_dictionary(DICTIONARY_SIZE, list(sample), level=LEVEL).as_bytes()
    except zstandard.ZstdError:
        # The sample is all alike, or hardly anything.
        return b""


def compressor(dictionary: bytes) -> Callable[[bytes], bytes]:
    """For one thread."""
    made = zstandard.ZstdCompressor(
        level=LEVEL,
        dict_data=_loaded(dictionary),
        write_checksum=False,
        write_dict_id=False,
    )
    return made.compress


class Unpacker:
    """Reads what was packed, in any number of threads: each has a decompressor of its own."""

    def __init__(self, dictionary: bytes) -> None:
        self._dictionary = _loaded(dictionary)
        self._mine = local()

    def __call__(self, body: bytes) -> list[Any]:
        """What was ``packed``."""
        values: list[Any] = orjson.loads(self.plain(body))
        return values

    def lines(self, body: bytes) -> list[bytes]:
        """What was packed as lines; read them with ``line_of``."""
        return self.plain(body).split(b"\n")

    def plain(self, body: bytes) -> bytes:
        """What was compressed, as it was before."""
        try:
            decompress = self._mine.decompress
        except AttributeError:
            decompress = self._mine.decompress = zstandard.ZstdDecompressor(self._dictionary).decompress
        unpacked: bytes = decompress(body)
        return unpacked


def _loaded(dictionary: bytes) -> zstandard.ZstdCompressionDict | None:
    return zstandard.ZstdCompressionDict(dictionary) if dictionary else None
