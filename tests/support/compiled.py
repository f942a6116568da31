"""Code systems of tests, compiled into an artifact of a store as an import compiles them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from terminology.catalogue.stored_resource import Shelved
from terminology.content.importers import fhir
from terminology.core.model import Document, Problem
from terminology.store.artifacts import Artifact
from terminology.store.compile.compiler import compile_system
from terminology.store.release import CodeSystemRelease
from terminology.store.sqlite import SqliteSink, SqliteTables


def shelved(document: Document, folder: Path) -> Shelved:
    """The stored form of a CodeSystem resource; ``folder`` has to be empty."""
    source, target = folder / "resource.json", folder / "artifact.sqlite"
    source.write_text(json.dumps(document, default=_number))
    releases = fhir.recognises([source])
    assert not isinstance(releases, Problem), releases
    (release,) = releases
    assert isinstance(release, CodeSystemRelease)
    sink = SqliteSink(target)
    compile_system(release, fhir.read(release, [source], _refuse), sink, _refuse)  # type: ignore[arg-type]
    sink.finish()
    return Shelved(Artifact(SqliteTables(target)))


def _number(value: Any) -> float:
    assert isinstance(value, Decimal)
    return float(value)


def _refuse(problem: Problem) -> None:
    raise AssertionError(problem)
