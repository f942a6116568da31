"""Memory that goes back to the operating system when a request has been answered.

The allocator of glibc keeps what was freed. After a block of megabytes was freed once, it takes the next one from its
heaps, of which each thread may have one, and a heap can only shrink at its end. After some large bodies and answers a
service would so keep hundreds of megabytes for ever.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path

# mallopt(3)
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
# Larger blocks are mapped, and unmapped when they are freed. Nearly all bodies and answers are smaller.
_LARGE_BLOCK = 256 * 1024
_END_OF_HEAP = 1024 * 1024
_HEAPS = 2
# Pages of memory (16 MB) by which a process may grow before it is tidied.
_GROWTH = 4_096


def give_memory_back() -> None:
    """Have the allocator give back what is freed, in this process and those that it forks. Only glibc's needs it."""
    set_option = _of_libc("mallopt")
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, _LARGE_BLOCK)
        set_option(_TRIM_THRESHOLD, _END_OF_HEAP)
        set_option(_ARENA_MAX, _HEAPS)


class Tidying:
    """Frees what refers to itself in circles, and gives it back, each time when this process has grown.

    Python looks for such objects only after many others were made, which may be never.
    """

    def __init__(self) -> None:
        self._trim = _of_libc("malloc_trim")
        self._least = self._pages()

    def look(self) -> None:
        """Tidy, if there is enough to gain. Call it while no request is at work."""
        if self._trim is None:
            return
        pages = self._pages()
        if pages > self._least + _GROWTH:
            gc.collect()
            self._trim(0)
            self._least = self._pages()
        self._least = min(self._least, pages)

    def _pages(self) -> int:
        """The pages of memory that this process has."""
        return int(Path("/proc/self/statm").read_text().split()[1]) if self._trim is not None else 0


def _of_libc(name: str) -> Callable[..., int] | None:
    """A function of glibc; None where another one is used."""
    found: Callable[..., int] | None = None
    if sys.platform == "linux":
        found = getattr(ctypes.CDLL(None), name, None)
    return found
