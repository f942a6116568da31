"""Where do the code systems and concept maps of the tests lie? In memory, or in a store.

``STORE=sqlite pytest tests/test_expand.py`` runs tests with all their code systems and concept maps imported
into a store and served from there; ``STORE=postgres`` with PostgreSQL. Every test is written for documents in
memory and knows nothing of it: a document is written as JSON, imported as an operator would import it, and
the catalogue is the one that a server would serve.

What stays a document: value sets and naming systems, which a store does not hold; a resource without a url,
which nobody could ask a store for; a second one of the same canonical and version, which in a store would
take the place of the first; and whatever comes with a request.
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
from terminology.opening import Serving, open_loader
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.protocol import CodeSystem
from terminology.wire import json
from tests.support import postgres

# Where: "" is in memory, "sqlite" or "postgres" in a store.
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
    """A catalogue of these, as ``Catalogue`` has them in memory."""
    if not ENGINE:
        return Content(documents, systems, **more)
    stored, kept = parted(documents)
    return served(stored, Content(kept, systems, **more))


def system_of(document: Document) -> CodeSystem:
    """The code system that a document is."""
    if not ENGINE:
        return DocumentCodeSystem(document)
    found = catalogue_of([{"resourceType": "CodeSystem", **document}]).find_system(document["url"])
    assert found is not None
    return found


def served(stored: Sequence[Document], content: Content) -> Catalogue:
    """What a server has that serves some content and a store with some resources."""
    if not stored:
        return content
    return Serving(Settings(environment={}, data="", store=place_of(stored)), content).catalogue()


def parted(
    documents: Iterable[Document | LazyDocument],
) -> tuple[list[Document], list[Document | LazyDocument]]:
    """Those that a store can hold, and the others."""
    stored: dict[tuple[Any, ...], Document] = {}
    kept: list[Document | LazyDocument] = []
    for given in documents:
        document = given.document() if isinstance(given, LazyDocument) else given
        named = (document.get("resourceType"), document.get("url"), document.get("version"))
        if named[0] not in KINDS or not named[1] or named in stored:
            kept.append(given)
        else:
            stored[named] = document
    return list(stored.values()), kept


# -- stores --------------------------------------------------------------------------------------


def place_of(documents: Sequence[Document]) -> str:
    """A store that holds just these resources; one for all tests that have the same."""
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
            loader.load(FHIR, [Path(folder)], lambda problem: None)
        finally:
            loader.close()
    return place


def _new_place() -> str:
    number = next(_numbers)
    if ENGINE == "sqlite":
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
    """When all tests are over: the stores go."""
    _open.close()
