"""Temporary files of an import: what it would otherwise hold in memory.

They have no name, so that nothing is left of them however the process ends.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO

_folder: ContextVar[Path | None] = ContextVar("folder of temporary files", default=None)


@contextmanager
def temporary_files_in(folder: Path | None) -> Iterator[None]:
    """Put the temporary files that are made inside into a folder; None means that of the system."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def temporary_folder() -> Path | None:
    """The folder of temporary files; None means that of the system."""
    return _folder.get()


def temporary_file() -> IO[bytes]:
    """A new temporary file, for writing and reading. Closing it removes it."""
    return tempfile.TemporaryFile(dir=_folder.get())
