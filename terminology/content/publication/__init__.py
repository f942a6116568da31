"""The published FHIR bundles, built from tables that a clinical coder can read.

``fhir_bundles/source`` has the tables, ``fhir_bundles/r5`` and ``fhir_bundles/r4`` the bundles built from
them; R4B uses those of R4. docs/content.md explains how to change the content.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path

from terminology.content.canonical import FOLDER
from terminology.content.publication.code_systems import code_systems, naming_systems
from terminology.content.publication.concept_maps import PublishedMap, concept_maps
from terminology.content.publication.pages import rewritten
from terminology.content.publication.source import PublicationSource
from terminology.content.publication.value_sets import value_sets
from terminology.core.errors import PublicationError
from terminology.core.model import Document
from terminology.wire import json
from terminology.wire.r4 import downgrade

__all__ = [
    "FOLDER",
    "PublicationError",
    "build",
    "bundle",
    "check",
    "render",
    "working_folder",
    "write",
]

# The bundles, by the kind of resource that each holds.
BUNDLES = {
    "CodeSystem": "code-systems",
    "ValueSet": "value-sets",
    "ConceptMap": "concept-maps",
    "NamingSystem": "naming-systems",
}
# The differences of a resource between a bundle file and the tables.
NOT_IN_FILE, NOT_IN_TABLES = "in the tables, but not in the file", "in the file, but no longer in the tables"
# The list of what the maps leave, beside the folders of the bundles.
TRANSLATIONS = "translations.csv"
# The page beside the folder that has tables made from the content.
PAGE = "docs/content.md"
DIFFERENT = "the file and the tables differ"


def working_folder(folder: Path | None = None) -> Path:
    """The folder whose ``source`` is built.

    That is the given one, or that of the checkout in the current folder, or that of the checkout that this
    package runs from. Raises PublicationError where there is none: an installed package is not
    for editing.
    """
    here = Path("fhir_bundles")
    own = FOLDER if (FOLDER.parent / "pyproject.toml").exists() else here
    folder = folder or (here if (here / "source").is_dir() else own)
    if not (folder / "source").is_dir():
        problem = "there is no such folder: run this in a checkout, or give the folder that contains it with --folder"
        raise PublicationError(str(folder / "source"), None, problem)
    return folder


def build(source: Path = FOLDER / "source", base: str | None = None) -> list[Document]:
    """Every resource in R5 form; ``base`` replaces the canonical base of publication.toml.

    Raises PublicationError, which names file, line and the expected value.
    """
    tables = PublicationSource.read(source, base)
    documents = [
        *code_systems(tables),
        *value_sets(tables),
        *concept_maps(tables),
        *naming_systems(tables),
    ]
    tables.check_citations()
    return documents


def bundle(documents: Iterable[Document], name: str, base: str) -> Document:
    """A collection of these resources: a Bundle with the id ``name``."""
    entries = [{"fullUrl": f"{base}/{d['resourceType']}/{d['id']}", "resource": d} for d in documents]
    return {"resourceType": "Bundle", "id": name, "type": "collection", "entry": entries}


def translations(tables: PublicationSource) -> str:
    """The targets that our maps leave for each code of our code systems and each combination of conditions, as CSV.

    A pull request shows with it which answers a changed row changes.
    """
    file = StringIO()
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(("map", "code", "conditions", "left", "targets"))
    for entry in tables.resources["ConceptMap"]:
        if tables.is_own(tables.system(entry["source"])):
            published = PublishedMap(tables, entry)
            for concept in tables.concepts[entry["source"]]:
                if concept["notSelectable"] != "true":
                    lines.writerows(
                        (entry["id"], concept["code"], *line) for line in published.left(concept["code"])
                    )
    return file.getvalue()


def render(source: Path = FOLDER / "source", base: str | None = None) -> dict[str, bytes]:
    """The content of the files, by their path under ``fhir_bundles``: ``r5/concept-maps.json``, the list."""
    tables = PublicationSource.read(source, base)
    return dict(_files(build(source, base), tables.base)) | {TRANSLATIONS: translations(tables).encode()}


def _files(documents: list[Document], base: str) -> Iterator[tuple[str, bytes]]:
    for type_, name in BUNDLES.items():
        chosen = [document for document in documents if document["resourceType"] == type_]
        r5 = bundle(chosen, f"conization-{name}", base)
        for release, document in (("r5", r5), ("r4", downgrade(r5))):
            yield f"{release}/{name}.json", json.write(document, pretty=True) + b"\n"


def write(folder: Path = FOLDER, base: str | None = None) -> list[Path]:
    """Build ``folder/source`` into ``folder/r5``, ``folder/r4`` and the list; returns the paths written."""
    written = []
    for name, content in render(folder / "source", base).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    page = folder.parent / PAGE
    if page.exists():
        page.write_text(
            rewritten(page.read_text("utf-8"), PublicationSource.read(folder / "source")), "utf-8"
        )
        written.append(page)
    return written


def check(folder: Path = FOLDER, base: str | None = None) -> list[str]:
    """The differences between the bundle files and the built bundles, a line for each."""
    built = render(folder / "source", base)
    paths = [path for release in ("r4", "r5") for path in sorted((folder / release).glob("*.json"))]
    paths += folder.glob(TRANSLATIONS)
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    differences = [f"{name}: the tables no longer make this file" for name in files if name not in built]
    for name, content in built.items():
        if name not in files:
            differences.append(f"{name}: the file is missing")
        elif (text := files[name].read_bytes()) != content:
            differences.extend(_differences(name, text, content))
    page = folder.parent / PAGE
    if page.exists():
        text_of_page = page.read_text("utf-8")
        if rewritten(text_of_page, PublicationSource.read(folder / "source")) != text_of_page:
            differences.append(f"{PAGE}: its tables and those of fhir_bundles/source differ")
    return differences


def _differences(name: str, file: bytes, built: bytes) -> list[str]:
    parts = _resources if name.endswith(".json") else _lines
    old, new = parts(file), parts(built)
    texts = {key: NOT_IN_FILE for key in new if key not in old}
    texts |= {key: NOT_IN_TABLES for key in old if key not in new}
    texts |= {key: DIFFERENT for key in new if key in old and old[key] != new[key]}
    differences = [f"{name}: {key}: {text}" for key, text in texts.items()]
    return differences or [f"{name}: the file and the tables differ in form only"]


def _lines(text: bytes) -> dict[str, str]:
    """The lines of a list; what stands before its targets names a line."""
    return {line.rpartition(",")[0]: line for line in text.decode().splitlines()}


def _resources(text: bytes) -> dict[str, Document]:
    return {entry["fullUrl"]: entry["resource"] for entry in json.read(text).get("entry", ())}
