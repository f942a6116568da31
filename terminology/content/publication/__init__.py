"""What do we publish? FHIR bundles from the tables that a clinical coder can read.

``fhir_bundles/source`` holds the tables, ``fhir_bundles/r5`` and ``fhir_bundles/r4`` the bundles built from
them; R4B is of the R4 family. docs/content.md tells how to change the content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from terminology.content.publication.code_systems import code_systems, naming_systems
from terminology.content.publication.concept_maps import concept_maps
from terminology.content.publication.source import Source
from terminology.content.publication.tables import read_table
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
    "known_gaps",
    "render",
    "working_folder",
    "write",
]

# Beside the package, in a checkout and where a wheel is installed.
FOLDER = Path(__file__).parents[3] / "fhir_bundles"

# The bundles, by the kind of resource that each holds.
BUNDLES = {
    "CodeSystem": "code-systems",
    "ValueSet": "value-sets",
    "ConceptMap": "concept-maps",
    "NamingSystem": "naming-systems",
}


def working_folder(stated: Path | None = None) -> Path:
    """The folder whose ``source`` is to be built: the one stated, that of the checkout in the current folder,
    or that of the checkout we run from. Raises PublicationError where there is none: what is installed is
    not for editing.
    """
    here = Path("fhir_bundles")
    own = FOLDER if (FOLDER.parent / "pyproject.toml").exists() else here
    folder = stated or (here if (here / "source").is_dir() else own)
    if not (folder / "source").is_dir():
        problem = "there is no such folder: run this in a checkout, or name the folder above it with --folder"
        raise PublicationError(str(folder / "source"), None, problem)
    return folder


def build(source: Path = FOLDER / "source", base: str | None = None) -> list[Document]:
    """Every resource in R5 form; ``base`` replaces the canonical base that publication.toml states.

    Raises PublicationError, which names file and line and says what would be right.
    """
    tables = Source.read(source, base)
    return [
        *code_systems(tables),
        *value_sets(tables),
        *concept_maps(tables),
        *naming_systems(tables),
    ]


def bundle(documents: Iterable[Document], name: str, base: str) -> Document:
    """A collection of these resources: a Bundle with the id ``name``."""
    entries = [{"fullUrl": f"{base}/{d['resourceType']}/{d['id']}", "resource": d} for d in documents]
    return {"resourceType": "Bundle", "id": name, "type": "collection", "entry": entries}


def render(source: Path = FOLDER / "source", base: str | None = None) -> dict[str, bytes]:
    """The files to keep, by their path under ``fhir_bundles``: ``r5/concept-maps.json``."""
    return dict(_files(build(source, base), Source.read(source, base).base))


def _files(documents: list[Document], base: str) -> Iterator[tuple[str, bytes]]:
    for type_, name in BUNDLES.items():
        chosen = [document for document in documents if document["resourceType"] == type_]
        r5 = bundle(chosen, f"conization-{name}", base)
        for release, document in (("r5", r5), ("r4", downgrade(r5))):
            yield f"{release}/{name}.json", json.write(document, pretty=True) + b"\n"


def write(folder: Path = FOLDER, base: str | None = None) -> list[Path]:
    """Build ``folder/source`` into ``folder/r5`` and ``folder/r4``; gives the files written."""
    written = []
    for name, content in render(folder / "source", base).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written


def check(folder: Path = FOLDER, base: str | None = None) -> list[str]:
    """How the kept bundles differ from the built ones, a line for each difference; empty when they agree."""
    built = render(folder / "source", base)
    paths = (path for release in ("r4", "r5") for path in sorted((folder / release).glob("*.json")))
    kept = {path.relative_to(folder).as_posix(): path for path in paths}
    found = [f"{name}: kept, but no longer built" for name in kept if name not in built]
    for name, content in built.items():
        if name not in kept:
            found.append(f"{name}: built, but not kept")
        elif (text := kept[name].read_bytes()) != content:
            found.extend(_differences(name, text, content))
    return found


def _differences(name: str, kept: bytes, built: bytes) -> list[str]:
    old, new = _resources(kept), _resources(built)
    words = {key: "built, but not kept" for key in new if key not in old}
    words |= {key: "kept, but no longer built" for key in old if key not in new}
    words |= {key: "kept and built differ" for key in new if key in old and old[key] != new[key]}
    found = [f"{name}: {key}: {word}" for key, word in words.items()]
    return found or [f"{name}: kept and built differ in form"]


def _resources(text: bytes) -> dict[str, Document]:
    return {entry["fullUrl"]: entry["resource"] for entry in json.read(text).get("entry", ())}


def known_gaps(source: Path = FOLDER / "source") -> str:
    """What does not ship because nobody has verified it, as a Markdown table for docs/content.md."""
    rows = read_table(source, "gaps.csv", ("area", "what", "why"))
    lines = ["| area | what | why |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {row['area']} | {row['what']} | {row['why']} |" for row in rows]) + "\n"
