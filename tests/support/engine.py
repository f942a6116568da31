"""The catalogue of a test: its documents in memory, or imported into a store.

``STORE=sqlite pytest tests/operations`` imports all code systems and concept maps of the tests into a store and
serves them from there; ``STORE=postgres`` does so with PostgreSQL. A test does not know which: its documents are
written as JSON and imported as an operator imports them, and its catalogue is the one that a server serves.

These stay documents: value sets and naming systems; a resource without a url, because nobody can ask a store for
it; a second resource of the same url and version, because it would replace the first in a store; supplements that
always apply, because those in a store may be retired; and all that comes with a request.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from terminology import Settings
from terminology.catalogue.content import Content
from terminology.catalogue.protocol import Catalogue
from terminology.content.importers.fhir import FHIR
from terminology.core.documents import LazyDocument
from terminology.core.model import Document
from terminology.opening import ServedContent, open_loader
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.protocol import CodeSystem
from terminology.systems.supplement import applies_always
from terminology.wire import json
from tests.support import postgres
from tests.support.reporters import CollectingReporter

# Where the documents are: "" for memory, "sqlite" or "postgres" for a store.
ENGINE = os.environ.get("STORE", "")
ENGINES = ("", "sqlite", "postgres")
if ENGINE not in ENGINES:
    raise ValueError(f"STORE is {ENGINE!r}, but should be sqlite or postgres")

KINDS = ("CodeSystem", "ConceptMap")
_open = ExitStack()
_numbers = iter(range(1_000_000))
_places: dict[bytes, str] = {}


def catalogue_of(
    documents: Iterable[Document | LazyDocument] = (), systems: Iterable[CodeSystem] = (), **more: Any
) -> Catalogue:
    """A catalogue of documents and code systems; ``more`` are further arguments of ``Catalogue``."""
    if not ENGINE:
        return Content(documents, systems, **more)
    stored, others = parted(documents)
    return served(stored, Content(others, systems, **more))


def system_of(document: Document) -> CodeSystem:
    """The code system of a CodeSystem resource."""
    if not ENGINE:
        return DocumentCodeSystem(document)
    system = catalogue_of([{"resourceType": "CodeSystem", **document}]).find_system(document["url"])
    assert system is not None
    return system


def served(stored: Sequence[Document], content: Content) -> Catalogue:
    """The catalogue of a server with some content and with a store of some resources."""
    if not stored:
        return content
    return ServedContent(Settings(environment={}, data="", store=place_of(stored)), content).catalogue()


def parted(
    documents: Iterable[Document | LazyDocument],
) -> tuple[list[Document], list[Document | LazyDocument]]:
    """The documents that a store can hold, and the others."""
    stored: dict[tuple[Any, ...], Document] = {}
    others: list[Document | LazyDocument] = []
    for each in documents:
        document = each.document() if isinstance(each, LazyDocument) else each
        key = (document.get("resourceType"), document.get("url"), document.get("version"))
        if key[0] not in KINDS or not key[1] or key in stored or applies_always(document):
            others.append(each)
        else:
            stored[key] = document
    return list(stored.values()), others


# -- stores --------------------------------------------------------------------------------------


def place_of(documents: Sequence[Document]) -> str:
    """The place of a store with these resources and no others; tests with the same resources share it."""
    content = json.write(documents)
    if content not in _places:
        _places[content] = _imported(documents, _new_place())
    return _places[content]


def _imported(documents: Sequence[Document], place: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        for number, document in enumerate(documents):
            (Path(folder) / f"{number:04}.json").write_bytes(json.write(document))
        loader = open_loader(place)
        try:
            loader.load(FHIR, [Path(folder)], CollectingReporter(), most_problems=1_000)
        finally:
            loader.close()
    return place


def _new_place() -> str:
    number = next(_numbers)
    if ENGINE != "postgres":
        return str(_folder() / str(number))
    url = _server().url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA store{number}".encode())
    return f"{url}&options={quote(f'-csearch_path=store{number}')}"


@cache
def _folder() -> Path:
    return Path(_open.enter_context(tempfile.TemporaryDirectory()))


@cache
def _server() -> postgres.Server:
    return _open.enter_context(postgres.server())


def close() -> None:
    """Delete the stores, after the last test."""
    _open.close()
