"""Garbage collection during a compilation.

A compilation makes and drops rows by the hundred thousand, beside long lists of codes and displays. Counting
references frees them all; Python's search for reference cycles finds nothing, but reads those lists each time:
that took a third of the time of a compilation.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# The search runs after this many new objects: some hundred megabytes at most.
MANY = 500_000


@contextmanager
def rare_collections() -> Iterator[None]:
    """Search for cycles only rarely; not never, since a reader of files may make some."""
    before = gc.get_threshold()
    gc.set_threshold(MANY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
