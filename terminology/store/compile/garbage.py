"""Why does a compilation not look for garbage all the time?

Rows are made and forgotten by the hundred thousand, among long lists of codes and displays. What forgets them
is the counting of references; Python's search for circles finds none, and reads all those lists each time:
a third of the time of a compilation.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# So many objects more than before make it worth a search: some hundred megabytes at most.
MANY = 500_000


@contextmanager
def seldom() -> Iterator[None]:
    """Search for circles, which a reader of files may make, but not often."""
    before = gc.get_threshold()
    gc.set_threshold(MANY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
