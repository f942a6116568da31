"""Code systems of tests, compiled into an artifact of a store as an import compiles them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from terminology.catalogue.stored_resource import StoredResource
from terminology.content.importers.fhir import FHIR
from terminology.core.model import Document
from terminology.store.artifacts import Artifact
from terminology.store.compile.compiler import compile_code_system
from terminology.store.damage import ArtifactFile, Damage
from terminology.store.release import OpenedCodeSystem
from terminology.store.sqlite import SqliteSink, SqliteTables
from tests.support.reporters import StrictReporter


def shelved(document: Document, folder: Path) -> StoredResource:
    """The stored form of a CodeSystem resource; ``folder`` has to be empty."""
    source, target = folder / "resource.json", folder / "artifact.sqlite"
    source.write_text(json.dumps(document, default=_number))
    (opened,) = FHIR.open([source])
    assert isinstance(opened, OpenedCodeSystem)
    sink, reporter = SqliteSink(target), StrictReporter()
    compile_code_system(opened.release, opened.concepts(reporter), sink, reporter)
    sink.finish()
    return StoredResource(Artifact(SqliteTables(ArtifactFile(target), Damage("the artifact"))))


def _number(value: Any) -> float:
    assert isinstance(value, Decimal)
    return float(value)
