"""Scratch files that bring together the rows of several files by their concept.

The rows are put into files by ranges of their keys, and the files are read back one by one. One range is in
memory at a time, whatever the size of the release.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

RANGE = 2048
_MOST_FILES = 200


class Buckets:
    """Lines of bytes by a whole number. The ``with`` statement removes the scratch files.

    >>> with Buckets(array("Q", [7, 1, 5])) as buckets:
    ...     for key in (7, 1, 5, 7):
    ...         buckets.put(key, b"%d" % key)
    ...     list(buckets)
    [[b'7', b'1', b'5', b'7']]
    """

    def __init__(self, keys: array[int]) -> None:
        """``keys`` are the keys of all lines, in any order; the ranges are cut by them."""
        ordered = sorted(keys)
        width = max(RANGE, -(-len(ordered) // _MOST_FILES))
        self._bounds = ordered[width::width]
        self._folder = TemporaryDirectory(prefix="terminology-import-")
        self._paths = [Path(self._folder.name) / str(number) for number in range(len(self._bounds) + 1)]
        self._files = [path.open("wb") for path in self._paths]

    def __enter__(self) -> Buckets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            file.close()
        self._folder.cleanup()

    def put(self, key: int, line: bytes) -> None:
        """Add a line, without a line end."""
        self._files[bisect_right(self._bounds, key)].write(line + b"\n")

    def __iter__(self) -> Iterator[list[bytes]]:
        """The lines of each range, in the order in which they were put; the ranges ascend."""
        for file in self._files:
            file.close()
        for path in self._paths:
            yield path.read_bytes().split(b"\n")[:-1]
            path.unlink()
