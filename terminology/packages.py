"""Which FHIR resources lie in a file or folder?
 A file holds one resource or a Bundle of them, of R4, R4B or R5; a folder holds such files. What comes out
is in R5 shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from terminology.catalogue import KINDS
from terminology.model import Document, TerminologyError
from terminology.wire import json, r4


class UnreadableFile(ValueError):
    """A file that should hold FHIR resources but does not. Says which, and why."""


def load(paths: Iterable[Path]) -> list[Document]:
    """Every terminology resource below some paths, in the order of their names.

    Raises UnreadableFile: no such path, not JSON, not a FHIR resource.
    """
    return [document for path in paths for file in _files(path) for document in _resources(file)]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.json"))
    if not path.exists():
        raise UnreadableFile(f"{path}: there is no such file or folder")
    return [path]


def _resources(file: Path) -> Iterator[Document]:
    try:
        content = json.read_resource(file.read_bytes())
    except TerminologyError as error:
        raise UnreadableFile(f"{file}: {error}") from error
    if "resourceType" not in content:
        raise UnreadableFile(f"{file}: the JSON has no resourceType, so it is no FHIR resource")
    changed = datetime.fromtimestamp(int(file.stat().st_mtime), UTC).isoformat().replace("+00:00", "Z")
    for document in _unpacked(content):
        if document.get("resourceType") in KINDS:
            yield _dated(r4.upgrade(document) if _is_r4(document) else document, changed)


def _unpacked(content: Document) -> Iterator[Document]:
    if content["resourceType"] != "Bundle":
        yield content
        return
    for entry in content.get("entry", ()):
        if "resource" in entry:
            yield from _unpacked(entry["resource"])


def _is_r4(document: Document) -> bool:
    """Only ConceptMaps differ in what R5 cannot read as its own."""
    if any(name in document for name in ("sourceUri", "sourceCanonical", "targetUri", "targetCanonical")):
        return True
    targets = (
        t for g in document.get("group", ()) for e in g.get("element", ()) for t in e.get("target", ())
    )
    return any("equivalence" in target for target in targets)


def _dated(document: Document, changed: str) -> Document:
    """A resource that does not say when it was last updated has the date of its file."""
    return {**document, "meta": {"lastUpdated": changed, **document.get("meta", {})}}
