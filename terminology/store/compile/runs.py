"""Terms that are sorted on the disk.

Those in memory go there in sorted runs, which are merged when they are read.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from terminology.store.compile.blocks import block_at, write_block

# So many terms of a run are read at once.
BLOCK = 512
# Terms in alphabetical order, and the value of each.
_Block = tuple[Sequence[str], Sequence[Any]]


class Runs:
    """Sorted runs of terms in a file, each term with a value that marshal knows.

    >>> from terminology.store.temporary import temporary_file
    >>> with temporary_file() as file:
    ...     runs = Runs(file)
    ...     runs.add({"rye": 1, "oat": 1})
    ...     [pair for pairs in runs.merged({"oat": 2, "barley": 2}) for pair in pairs]
    [('barley', 2), ('oat', 1), ('oat', 2), ('rye', 1)]
    """

    def __init__(self, file: IO[bytes]) -> None:
        """``file`` is a temporary file, which other runs may share."""
        self._file = file
        # Of each run, where its blocks are.
        self._runs: list[array[int]] = []

    def add(self, terms: Mapping[str, Any]) -> None:
        """Put down a run. An array comes back as bytes."""
        self._file.seek(0, 2)
        offsets = array("Q")
        for block in _blocks_of(terms):
            offsets.append(self._file.tell())
            write_block(self._file, block)
        self._runs.append(offsets)

    def merged(self, last_run: Mapping[str, Any]) -> Iterator[list[tuple[str, Any]]]:
        """All terms with their values in alphabetical order, the same term in the order of the runs.

        ``last_run`` is one in memory. The pairs come in lists; a term has all of its pairs in one of these.
        """
        blocks = [self._blocks_at(offsets) for offsets in self._runs]
        readers = [_RunReader(each) for each in (*blocks, _blocks_of(last_run))]
        while readers := [reader for reader in readers if reader.terms]:
            # Up to here the blocks at hand have all terms of their runs.
            end = min(reader.terms[-1] for reader in readers)
            pairs = [pair for reader in readers for pair in reader.up_to(end)]
            if len(readers) > 1:
                pairs.sort(key=_term)
            yield pairs

    def _blocks_at(self, offsets: array[int]) -> Iterator[_Block]:
        return (block_at(self._file, offset) for offset in offsets)


def _blocks_of(terms: Mapping[str, Any]) -> Iterator[_Block]:
    ordered = sorted(terms)
    for start in range(0, len(ordered), BLOCK):
        some = ordered[start : start + BLOCK]
        yield some, [terms[term] for term in some]


def _term(pair: tuple[str, Any]) -> str:
    return pair[0]


class _RunReader:
    """The block of a run that is being read, and the place in it; no terms at the end of the run."""

    __slots__ = ("terms", "_values", "_place", "_blocks")

    def __init__(self, blocks: Iterator[_Block]) -> None:
        self._blocks = blocks
        self._next()

    def _next(self) -> None:
        self.terms, self._values = next(self._blocks, ((), ()))
        self._place = 0

    def up_to(self, last: str) -> Iterator[tuple[str, Any]]:
        """The terms up to this one that are left in the block."""
        start, end = self._place, bisect_right(self.terms, last, self._place)
        pairs = zip(self.terms[start:end], self._values[start:end], strict=True)
        self._place = end
        if end == len(self.terms):
            self._next()
        return pairs
