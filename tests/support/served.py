"""A release in the files of its owner, imported into a store of SQLite and served."""

from __future__ import annotations

from pathlib import Path

from terminology import Settings, Terminology
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from tests.support.importing import BY_KIND
from tests.support.reporters import CollectingReporter


def served(kind: str, release: Path, store: Path) -> Terminology:
    """The library over a store that has the release alone; ``store`` is an empty folder. The import has no problem."""
    reporter = CollectingReporter()
    writer = StoreWriter(store_at(str(store)))
    writer.load(BY_KIND[kind], [release], reporter)
    writer.close()
    assert reporter.problems == []
    return Terminology(settings=Settings(environment={}, bundled=False, data="", store=str(store)))
