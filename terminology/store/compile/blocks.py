"""Blocks of values in a temporary file: each is read in one piece, many times as fast as its values by themselves."""

from __future__ import annotations

import marshal
import mmap
import os
from collections.abc import Iterator
from typing import IO, Any

# The last version of marshal that does not look for objects that occur twice.
MARSHAL = 2
# The bytes of the length in front of a block.
_LENGTH = 8


def write_block(file: IO[bytes], value: Any) -> None:
    """Write a value that marshal knows, at the place where the file is."""
    content = marshal.dumps(value, MARSHAL)
    file.write(len(content).to_bytes(_LENGTH, "little") + content)


def block_at(file: IO[bytes], offset: int) -> Any:
    """The value that was written at a place in a file."""
    file.seek(offset)
    return marshal.loads(file.read(int.from_bytes(file.read(_LENGTH), "little")))


def blocks(file: IO[bytes]) -> Iterator[Any]:
    """The values from the place where the file is to its end."""
    while length := file.read(_LENGTH):
        yield marshal.loads(file.read(int.from_bytes(length, "little")))


def bytes_at(file: int, start: int, length: int) -> bytes:
    """The bytes at a place in the file with a descriptor, whose own place stays where it is."""
    if hasattr(os, "pread"):
        return os.pread(file, length, start)
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
        return content[start : start + length]
