"""Whether a file has changed since it was read."""

from __future__ import annotations

from pathlib import Path

# The identity of a file and of its content: its inode, its size, and the time of its last change in nanoseconds.
FileVersion = tuple[int, int, int]


def version_of_file(path: Path) -> FileVersion | None:
    """The version of a file; None for one that is not there, or may not be looked at."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns
