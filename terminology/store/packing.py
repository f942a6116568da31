"""How is what is known of a concept or mapping packed into bytes?

As JSON in arrays without names, and that compressed; a dictionary made from a sample of the same artifact
makes short texts compress as well as long ones. The arrays:

* of a concept: ``[definition, designations, properties, extension, own]``, with designations as ``[value,
  language, number of the use, rest]`` and properties as ``[number of the kind, value, display of the concept
  that the value names]``; its parents and children stand among the properties, before the others. What has
  a number stands in the header;
* of a mapping: the fields of ``MapRow`` in ``MAPPING_FIELDS``.

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


def _plain(value: object) -> object:
    """Decimals travel as text: ``value_of`` makes them numbers again."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be kept")


def value_of(type_: str, value: Any) -> Any:
    """A value as it was before it was packed."""
    return Decimal(value) if type_ == "decimal" else value


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
        try:
            decompress = self._mine.decompress
        except AttributeError:
            decompress = self._mine.decompress = zstandard.ZstdDecompressor(self._dictionary).decompress
        values: list[Any] = orjson.loads(decompress(body))
        return values


def _loaded(dictionary: bytes) -> zstandard.ZstdCompressionDict | None:
    return zstandard.ZstdCompressionDict(dictionary) if dictionary else None
