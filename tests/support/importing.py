"""Importers in tests: opening files by kind, reading the rows, and releases whose rows a test makes itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from terminology.content.importers import IMPORTERS
from terminology.core.errors import UnrecognisedReleaseError
from terminology.store.release import (
    AnyRelease,
    Importer,
    MapRelease,
    Opened,
    OpenedCodeSystem,
    OpenedConceptMap,
    OpenedValueSet,
    Row,
    ValueSetRelease,
)
from terminology.store.reporting import Reporter

BY_KIND = {importer.kind: importer for importer in IMPORTERS}


def opened(kind: str, *paths: Path) -> Sequence[Opened]:
    """The releases that an importer opens; the files must be of its kind."""
    return BY_KIND[kind].open(paths)


def refusal(kind: str, *paths: Path) -> str:
    """The message by which an importer refuses some files."""
    with pytest.raises(UnrecognisedReleaseError) as refused:
        BY_KIND[kind].open(paths)
    return str(refused.value)


def read(release: Opened, reporter: Reporter) -> Iterator[Row]:
    """The rows of an opened release, whatever its kind."""
    if isinstance(release, OpenedCodeSystem):
        return release.concepts(reporter)
    return release.mappings(reporter) if isinstance(release, OpenedConceptMap) else release.members(reporter)


def opened_of(release: AnyRelease, rows: Callable[[Reporter], Iterator[Any]]) -> Opened:
    """A release whose rows a function makes."""
    if isinstance(release, MapRelease):
        return OpenedConceptMap(release, rows)
    if isinstance(release, ValueSetRelease):
        return OpenedValueSet(release, rows)
    return OpenedCodeSystem(release, rows)


def importer_of_rows(*releases: tuple[AnyRelease, Iterable[Any]], kind: str = "test") -> Importer:
    """An importer of some releases with their rows, whatever the files. A release may be empty."""
    made = [opened_of(release, partial(_iterated, rows)) for release, rows in releases]
    return Importer(kind, "rows of a test", "nothing", lambda paths: made, may_be_empty=True)


def _iterated(rows: Iterable[Any], reporter: Reporter) -> Iterator[Any]:
    return iter(rows)
