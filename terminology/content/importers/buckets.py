"""Rows of several files, brought together by their concept in a temporary file.

The rows are sorted by ranges of their keys. Those in memory go to the file when they are too many, and the ranges are
read back one by one: so the memory does not depend on the size of the release.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from types import TracebackType

from terminology.store.temporary import temporary_file

# So many keys make a range.
RANGE = 1024
# What the lines in memory may have, in bytes.
LIMIT = 16_000_000
# The ranges are cut by at most so many of the keys.
_SAMPLE = 1 << 17


class Buckets:
    """Lines of bytes by a whole number. The ``with`` statement removes the temporary file.

    >>> with Buckets([7, 1, 5]) as buckets:
    ...     for key in (7, 1, 5, 7):
    ...         buckets.put(key, b"%d" % key)
    ...     list(buckets)
    [[b'7', b'1', b'5', b'7']]
    """

    def __init__(self, keys: Iterable[int]) -> None:
        """``keys`` are the keys of all lines, in any order; the ranges are cut by them."""
        self._bounds = _bounds(keys)
        # Not lists of lines: an object for each takes more memory than its text.
        self._lines = [bytearray() for _ in range(len(self._bounds) + 1)]
        # Where the lines of each range are in the file: pairs of a place and a length.
        self._pieces = [array("Q") for _ in self._lines]
        # The bytes of the lines in memory.
        self.size = 0
        self._file = temporary_file()

    def __enter__(self) -> Buckets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, key: int, line: bytes) -> None:
        """Add a line, without a line end."""
        lines = self._lines[bisect_right(self._bounds, key)]
        lines += line
        lines += b"\n"
        self.size += len(line) + 1
        if self.size > LIMIT:
            self._put_down()

    def _put_down(self) -> None:
        """Write the lines in memory to the file."""
        for lines, pieces in zip(self._lines, self._pieces, strict=True):
            if lines:
                pieces.extend((self._file.tell(), len(lines)))
                self._file.write(lines)
                lines.clear()
        self.size = 0

    def __iter__(self) -> Iterator[list[bytes]]:
        """The lines of each range, in the order in which they were put; the ranges ascend."""
        for number, pieces in enumerate(self._pieces):
            text = bytearray()
            for place, length in zip(pieces[::2], pieces[1::2], strict=True):
                self._file.seek(place)
                text += self._file.read(length)
            text += self._lines[number]
            self._lines[number].clear()
            yield bytes(text).split(b"\n")[:-1]


def _bounds(keys: Iterable[int]) -> list[int]:
    """The keys at which the ranges are cut, by a sample of the keys: every one, every second, every fourth …"""
    sample, step = array("Q"), 1
    for number, key in enumerate(keys):
        if not number % step:
            sample.append(key)
            if len(sample) == _SAMPLE:
                sample, step = sample[::2], 2 * step
    width = max(1, RANGE // step)
    return sorted(sample)[width::width]
