"""One base for the canonicals of published resources and of imported maps."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from terminology.content import canonical
from terminology.content.publication import FOLDER, build
from terminology.core.errors import PublicationError
from tests.support import releases
from tests.support.importing import opened

OTHER = "https://tx.hospital.example/r5"


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the published content, from which the names are read."""
    folder = Path(shutil.copytree(FOLDER, tmp_path / "fhir_bundles"))
    monkeypatch.setattr(canonical, "FOLDER", folder)
    return folder


def change_base(folder: Path) -> None:
    file = folder / "source" / "publication.toml"
    base = canonical.names_of(canonical.read_publication(folder / "source")).base
    file.write_text(file.read_text("utf-8").replace(f'base = "{base}"', f'base = "{OTHER}/"'), "utf-8")


def imported_canonicals(folder: Path) -> list[str]:
    """The canonicals of the imported maps that have none of their own, and of their properties."""
    releases.gem(folder / "gem")
    releases.snomed(folder / "snomed")
    found: list[str] = []
    for kind in ("gem", "snomed"):
        for one in opened(kind, folder / kind):
            header: dict[str, Any] = one.release.header
            nodes = [*header.get("additionalAttribute", ()), *header.get("property", ())]
            found += [node["uri"] for node in nodes]
            found += [one.release.url] if kind == "gem" else []
    return found


def test_a_changed_base_changes_published_content_and_imported_maps(copy: Path) -> None:
    change_base(copy)
    vocabulary = f"{OTHER}/CodeSystem/conization-vocabulary"
    assert vocabulary in {document["url"] for document in build(copy / "source")}
    canonicals = imported_canonicals(copy)
    assert f"{vocabulary}#gemFlags" in canonicals and f"{vocabulary}#mapRule" in canonicals
    assert all(url.startswith(f"{OTHER}/") for url in canonicals)


def test_properties_of_imported_and_published_maps_have_the_same_uri(tmp_path: Path) -> None:
    """A property that imported maps and published maps share has the same URI."""
    maps = [document for document in build() if document["resourceType"] == "ConceptMap"]
    published = {node["uri"] for map_ in maps for node in map_.get("property", ())}
    imported = set(imported_canonicals(tmp_path))
    assert canonical.published_names().property("gemFlags") in published & imported


def test_a_base_that_is_missing_is_reported_with_its_file(copy: Path) -> None:
    file = copy / "source" / "publication.toml"
    file.write_text("[publication]\n", "utf-8")
    with pytest.raises(PublicationError, match="publication.toml: should state 'base'"):
        canonical.published_names()
