"""Memory that goes back to the operating system when a request has been answered.

The allocator of glibc keeps freed memory in heaps, one or more for each thread, and a heap shrinks at its end alone.
Once a block of megabytes was freed, the next one comes from a heap, too. Some large bodies and answers would so leave
hundreds of megabytes behind for ever.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

# mallopt(3)
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
# Larger blocks are mapped, and unmapped when they are freed. Nearly all bodies and answers are smaller.
_LARGE_BLOCK = 256 * 1024
_END_OF_HEAP = 1024 * 1024
_HEAPS = 2
# granian has an allocator of its own, which reads this when granian is imported: a tenth of a second after memory was
# freed, it goes back; that of large blocks at once, because it looks at the time only after many requests. Threads keep
# a few small blocks each for their next requests, since there may be many threads.
_JEMALLOC = (
    "_RJEM_MALLOC_CONF",
    "dirty_decay_ms:100,muzzy_decay_ms:0,narenas:2,oversize_threshold:262144"
    ",tcache_nslots_small_min:2,tcache_nslots_small_max:8,tcache_nslots_large:1,lg_tcache_max:12",
)
# Pages of memory (4 MB) by which a process may grow or shrink before it is tidied.
_CHANGE = 1_024


def give_memory_back() -> None:
    """Tell the allocator to give freed memory back, in this process and in those that it forks."""
    os.environ.setdefault(*_JEMALLOC)
    set_option = _of_libc("mallopt")
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, _LARGE_BLOCK)
        set_option(_TRIM_THRESHOLD, _END_OF_HEAP)
        set_option(_ARENA_MAX, _HEAPS)


class Tidying:
    """Frees objects that refer to one another, and gives free memory back, each time that the process has changed much.

    Python looks for such objects when many others were made, which may be never. Threads that end leave free memory.
    """

    def __init__(self) -> None:
        self._trim = _of_libc("malloc_trim")
        self._tidied = self._pages()

    def look(self) -> None:
        """Tidy, if there is enough to gain. Call it while no request is at work."""
        if self._trim is not None and abs(self._pages() - self._tidied) > _CHANGE:
            gc.collect()
            self._trim(0)
            self._tidied = self._pages()

    def _pages(self) -> int:
        """The pages of memory that this process has."""
        return int(Path("/proc/self/statm").read_text().split()[1]) if self._trim is not None else 0


def _of_libc(name: str) -> Callable[..., int] | None:
    """A function of glibc; None where another one is used."""
    function: Callable[..., int] | None = None
    if sys.platform == "linux":
        function = getattr(ctypes.CDLL(None), name, None)
    return function
