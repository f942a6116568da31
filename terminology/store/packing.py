"""The body of a concept or mapping: everything about it that is not a column, packed into bytes.

A body is JSON in arrays without names, compressed with a dictionary that is trained on a sample of the same
artifact, so that short texts compress as well as long ones. Empty values at the end are left out.

The body of a concept has a line of JSON for each of DEFINITION, DESIGNATIONS, PROPERTIES, EXTENSION and OWN, so
that only the needed lines are parsed:

* designations are ``[value, language, number of the use, further elements]``;
* properties are ``[number of the kind, value, display of the concept that the value refers to]``; parents and
  children come first;
* ``OWN`` is what only the code system itself reads.

The numbers are explained by the header. The body of a mapping is one array: a ``MappingBody``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
import zstandard

from terminology.store.damage import DAMAGED, Damage

# The level of compression.
LEVEL = 3
DICTIONARY_SIZE = 64 * 1024
# How many bodies a dictionary is trained on, and how many are too few for one.
SAMPLE = 4_000
SMALLEST_SAMPLE = 500
# The key of a decimal in JSON. No element of FHIR has this name.
_DECIMAL = "$decimal"
_DECIMAL_KEY = b'"$decimal"'

# The lines of a concept.
DEFINITION, DESIGNATIONS, PROPERTIES, EXTENSION, OWN = range(5)


class MappingBody(NamedTuple):
    """The body of a mapping: fields of ``MapRow``, in the order in which they are packed."""

    source_display: str | None = None
    target_display: str | None = None
    relationship: str | None = None
    comment: str | None = None
    no_map: bool | None = None
    equivalence: str | None = None
    depends_on: Sequence[Sequence[Any]] | None = None
    products: Sequence[Sequence[Any]] | None = None
    properties: Sequence[Sequence[Any]] | None = None
    target_value_set: str | None = None


def packed(values: Sequence[Any]) -> bytes:
    """The JSON of an array, without the empty values at its end."""
    last = len(values)
    while last and not values[last - 1]:
        last -= 1
    return orjson.dumps(values[:last], default=_default)


def packed_lines(values: Sequence[Any]) -> bytes:
    """A line of JSON for each value: an empty line for an empty value, and none for those at the end."""
    return b"\n".join(orjson.dumps(value, default=_default) if value else b"" for value in values).rstrip(
        b"\n"
    )


def line_of(lines: Sequence[bytes], number: int) -> Any:
    """The value of a line, as it was before it was packed; None if it is empty."""
    if number >= len(lines) or not lines[number]:
        return None
    value = orjson.loads(lines[number])
    return with_decimals(value) if _DECIMAL_KEY in lines[number] else value


def _default(value: object) -> object:
    if isinstance(value, Decimal):
        return without_decimals(value)
    raise TypeError(f"a {type(value).__name__} cannot be stored")


def without_decimals(value: Any) -> Any:
    """A value with ``{"$decimal": text}`` in place of each decimal: neither marshal nor orjson can write one."""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}
    if isinstance(value, dict):
        return {name: without_decimals(part) for name, part in value.items()}
    return [without_decimals(part) for part in value] if isinstance(value, list) else value


def with_decimals(value: Any) -> Any:
    """The value that ``without_decimals`` was given.

    >>> with_decimals(without_decimals({"value": Decimal("1.50"), "unit": "cm"}))
    {'value': Decimal('1.50'), 'unit': 'cm'}
    """
    if isinstance(value, dict):
        if _DECIMAL in value:
            return Decimal(value[_DECIMAL])
        return {name: with_decimals(part) for name, part in value.items()}
    return [with_decimals(part) for part in value] if isinstance(value, list) else value


def value_of(type_: str, value: Any) -> Any:
    """A property value of a FHIR type as it was before it was packed. A packed decimal may be its text alone."""
    if type_ == "decimal" and isinstance(value, str):
        return Decimal(value)
    return with_decimals(value) if isinstance(value, dict) else value


def dictionary_of(sample: Sequence[bytes]) -> bytes:
    """A compression dictionary for bodies like these; empty if there are too few."""
    if len(sample) < SMALLEST_SAMPLE:
        return b""
    try:
        return zstandard.train_dictionary(DICTIONARY_SIZE, list(sample), level=LEVEL).as_bytes()
    except zstandard.ZstdError:
        # Nothing to learn: the bodies are all alike, or nearly empty.
        return b""


def compressor(dictionary: bytes) -> Callable[[bytes], bytes]:
    """A function that compresses a body, for one thread."""
    return zstandard.ZstdCompressor(
        level=LEVEL,
        dict_data=_dictionary(dictionary),
        write_checksum=False,
        write_dict_id=False,
    ).compress


class Unpacker:
    """Reads packed bodies in any number of threads: a body takes a decompressor that no other thread uses."""

    def __init__(self, dictionary: bytes, damage: Damage) -> None:
        """``damage`` is told of a body that cannot be unpacked."""
        self._dictionary, self._damage = _dictionary(dictionary), damage
        # The method ``decompress`` of each decompressor that nobody uses.
        self._free: list[Callable[[bytes], bytes]] = []

    def __call__(self, body: bytes) -> list[Any]:
        """The array of a body that was ``packed``."""
        values: list[Any] = orjson.loads(self.decompress(body))
        return values

    def lines(self, body: bytes) -> list[bytes]:
        """The lines of a body that was packed as lines: read them with ``line_of``."""
        return self.decompress(body).split(b"\n")

    def decompress(self, body: bytes) -> bytes:
        """The bytes that were compressed."""
        try:
            decompress = self._free.pop()
        except IndexError:
            decompress = zstandard.ZstdDecompressor(self._dictionary).decompress
        try:
            content = decompress(body)
        except (zstandard.ZstdError, TypeError) as error:
            raise self._damage.error(DAMAGED, error) from None
        self._free.append(decompress)
        return content


def _dictionary(content: bytes) -> zstandard.ZstdCompressionDict | None:
    return zstandard.ZstdCompressionDict(content) if content else None
