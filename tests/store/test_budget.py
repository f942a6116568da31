"""A query to the store ends with the request that asks it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from terminology.core import budget
from terminology.core.errors import OverBudgetError
from terminology.store.damage import ArtifactFile, Damage
from terminology.store.sqlite import SqliteTables
from tests.support.builders import code_system
from tests.support.compiled import shelved


def test_sqlite_stops_reading_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("terminology.store.sqlite.LOOK", 1)
    shelved(code_system("many", *(f"c{n}" for n in range(100))), tmp_path)
    with closing(SqliteTables(ArtifactFile(tmp_path / "artifact.sqlite"), Damage("the artifact"))) as tables:
        with budget.opened(seconds=-1), pytest.raises(OverBudgetError, match="longer than"):
            tables.select("range", 0, 100)
        with budget.opened(seconds=1_000):
            assert len(tables.select("range", 0, 100)) == 100
