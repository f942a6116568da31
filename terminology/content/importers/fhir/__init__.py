"""CodeSystem, ConceptMap and ValueSet resources as JSON, of any size, in R4, R4B or R5.

A file is read twice, both times as a stream (``events``): once for the header of the resource
(``headers``), once for its ``concepts``, ``mappings`` or ``members``. A concept comes after those nested in
it, so that no more than one branch is held at a time; its place in the resource comes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from terminology.content.importers.fhir.concepts import read_concepts
from terminology.content.importers.fhir.headers import (
    KINDS,
    code_system_release,
    concept_map_release,
    read_header,
    value_set_release,
)
from terminology.content.importers.fhir.mappings import read_mappings
from terminology.content.importers.fhir.members import read_members
from terminology.content.importers.files import BYTE_ORDER_MARK, File, sources
from terminology.content.importers.importer import importer_of
from terminology.core.errors import BrokenReleaseError, TerminologyError
from terminology.core.model import Document, Problem
from terminology.store.release import (
    Opened,
    OpenedCodeSystem,
    OpenedConceptMap,
    OpenedValueSet,
    SourceFile,
)

EXPECTED = "a CodeSystem, ConceptMap or ValueSet resource as JSON"

# How many files an error message names.
_NAMED = 5


def _open(files: Sequence[File]) -> list[Opened]:
    """A release for each resource; files with other content are ignored when there is one."""
    opened: list[Opened] = []
    others: list[str] = []
    # An archive with many resources is read once for its checksum.
    known: dict[Path, SourceFile] = {}
    for file in files:
        if not _looks_like_an_object(file):
            continue
        try:
            header = read_header(file)
            kind = header.get("resourceType")
            if kind not in KINDS:
                others.append(f"{file.label} is {f'a {kind} resource' if kind else 'not a resource'}")
                continue
            if not header.get("url"):
                raise BrokenReleaseError(Problem(file.label, 0, f"expected a {kind} with a url"))
            opened.append(_opened(kind, file, _source(file, known), header))
        except (AttributeError, TypeError, KeyError) as error:
            text = f"expected {EXPECTED}; its elements are not shaped like one"
            raise BrokenReleaseError(Problem(file.label, 0, text)) from error
        except TerminologyError as error:
            raise BrokenReleaseError(Problem(file.label, 0, f"expected {EXPECTED}; {error}")) from error
    if others and not opened:
        raise BrokenReleaseError(Problem("", 0, f"expected {EXPECTED}; {'; '.join(others[:_NAMED])}"))
    return opened


def _looks_like_an_object(file: File) -> bool:
    return file.head().removeprefix(BYTE_ORDER_MARK).lstrip()[:1] == b"{"


def _source(file: File, known: dict[Path, SourceFile]) -> SourceFile:
    if file.path not in known:
        (known[file.path],) = sources([file])
    return known[file.path]


def _opened(kind: str, file: File, source: SourceFile, header: Document) -> Opened:
    if kind == "CodeSystem":
        system = code_system_release(source, header)
        return OpenedCodeSystem(
            system, partial(read_concepts, file, system.properties, system.case_sensitive)
        )
    if kind == "ConceptMap":
        map_ = concept_map_release(source, header)
        return OpenedConceptMap(map_, partial(read_mappings, file, map_.groups))
    value_set = value_set_release(source, header)
    return OpenedValueSet(value_set, partial(read_members, file, value_set.header))


FHIR = importer_of(
    "fhir", "CodeSystem, ConceptMap and ValueSet resources as JSON", EXPECTED, _open, may_be_empty=True
)
