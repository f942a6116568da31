"""Rows in chunks, which are written to a table at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
CHUNK = 2_000


def chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    """The rows in lists of CHUNK, the last of which may be shorter."""
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
