"""The importer of a kind of release, made of a function that finds the releases among files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from terminology.content.importers.files import File, find_files
from terminology.core.errors import BrokenReleaseError, UnrecognisedReleaseError
from terminology.core.model import Problem
from terminology.store.release import Importer, Opened

# How many files an error message names.
_NAMED = 5


def importer_of(
    kind: str,
    description: str,
    expected: str,
    open_files: Callable[[Sequence[File]], Sequence[Opened]],
    may_be_empty: bool = False,
) -> Importer:
    """An Importer that looks through the paths once.

    ``open_files`` gets every file and returns the releases in them, or nothing where the files are of
    another kind. It raises BrokenReleaseError where they are of its kind and something is wrong.
    """

    def open_(paths: Sequence[Path]) -> Sequence[Opened]:
        try:
            files = find_files(paths)
            opened = open_files(files)
        except BrokenReleaseError as broken:
            raise UnrecognisedReleaseError(str(broken)) from broken
        if not opened:
            raise UnrecognisedReleaseError(str(_refusal(paths, files, expected)))
        return opened

    return Importer(kind, description, expected, open_, may_be_empty)


def _refusal(paths: Sequence[Path], files: Sequence[File], expected: str) -> Problem:
    place = ", ".join(map(str, paths)) or "nothing"
    if missing := [str(path) for path in paths if not path.exists()]:
        return Problem(place, 0, f"there is no {', '.join(missing)}; expected {expected}")
    troubles = [f"{file.label} {trouble}" for file in files if (trouble := file.trouble())]
    names = ", ".join(file.name for file in files[:_NAMED])
    there = "; ".join([names or "no file", *troubles[:_NAMED]])
    return Problem(place, 0, f"expected {expected}; found {there}")
