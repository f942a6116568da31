"""The parts put together as the settings say: the catalogue, the state and the store."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from terminology.catalogue.content import Content
from terminology.catalogue.protocol import Catalogue
from terminology.content.packages import Broken, load, refuse
from terminology.core.documents import LazyDocument
from terminology.core.errors import SettingError, UnavailableError, UnreadableFileError
from terminology.core.model import Document
from terminology.settings import POSTGRES, Settings
from terminology.state import State
from terminology.systems import bcp13, bcp47, iso, ucum
from terminology.systems.grammar import GrammarCodeSystem
from terminology.systems.protocol import CodeSystem

if TYPE_CHECKING:
    from terminology.store.backend import Content as StoreContent
    from terminology.store.backend import Served
    from terminology.store.loading import Loader
    from terminology.store.registry import Loaded
    from terminology.store.release import Importer
    from terminology.store.serving import Reader, Shelf

BUNDLES = Path(__file__).resolve().parent.parent / "fhir_bundles" / "r5"
# The code systems that are there without any content. Each reads what it needs when it is first asked.
GRAMMARS: tuple[Callable[[], CodeSystem], ...] = (
    bcp47.languages,
    bcp13.mime_types,
    ucum.units,
    iso.countries,
    iso.subdivisions,
    iso.currencies,
)

log = logging.getLogger("terminology")


# What FHIR itself publishes, in each release; R6 has no published release yet.
_DEFINITIONS = {
    file.stem: partial(load, [file], dated=True)
    for file in sorted((BUNDLES.parent / "definitions").glob("*.json"))
}


def open_catalogue(settings: Settings | None = None) -> Content:
    """The content that the settings name, and the code systems that need none. Raises UnreadableFileError."""
    settings = settings or Settings()
    return catalogue_of(content_of(settings), settings.bundled)


def content_of(settings: Settings) -> Iterator[Document | LazyDocument]:
    """The resources that the settings name. Raises UnreadableFileError when they are read."""
    loaded = loaded_content(settings)
    bundled = load([BUNDLES], dated=True) if settings.bundled else ()
    paths = [
        *([loaded] if loaded is not None and loaded.is_dir() else []),
        *settings.content,
    ]
    return chain(bundled, load(paths, when_broken(settings)))


def catalogue_of(content: Iterable[Document | LazyDocument], with_definitions: bool) -> Content:
    """Some content, the code systems that need none, and, if wanted, what FHIR itself publishes."""
    systems = [make() for make in GRAMMARS]
    definitions = _DEFINITIONS if with_definitions else {}
    catalogue = Content(content, systems, definitions=definitions)
    for system in systems:
        if isinstance(system, GrammarCodeSystem):
            system.find_value_set = partial(catalogue.find, "ValueSet")
    return catalogue


def loaded_content(settings: Settings) -> Path | None:
    """The folder of what 'terminology load' has brought; None where nothing is kept."""
    return settings.data / "content" if settings.data is not None else None


def when_broken(settings: Settings) -> Broken:
    """What to do about a file that cannot be read."""
    return _left_out if settings.skip_broken else refuse


def _left_out(problem: UnreadableFileError) -> None:
    log.warning("left out: %s", problem)


def open_state(settings: Settings) -> State:
    """What is kept from request to request; in memory where the folder cannot be written."""
    folder = settings.data
    if folder is not None and not _is_writable(folder):
        log.warning("%s cannot be written: what $closure and $cache-control are told stays in memory", folder)
        folder = None
    return State(folder)


def _is_writable(folder: Path) -> bool:
    there = next((place for place in (folder, *folder.parents) if place.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


# -- the store -----------------------------------------------------------------------------------


def store_content(place: str) -> StoreContent:
    """The store at a place. Raises SettingError when the packages are missing that it takes."""
    if not place:
        raise SettingError(
            "there is no store: say where with --store, TERMINOLOGY_STORE or 'store' in a file"
        )
    try:
        from terminology.store import content_of

        return content_of(place)
    except ImportError as problem:
        raise _missing(place, problem) from None


def _missing(place: str, problem: ImportError) -> SettingError:
    extra = "postgres" if place.startswith(POSTGRES) else "store"
    return SettingError(
        f"'store' is {place!r}, which takes the package {problem.name}: "
        f"pip install 'fhir-terminology-adapter[{extra}]'"
    )


def known_importers() -> Sequence[Importer]:
    """Whatever can be imported. Raises SettingError when the packages are missing that it takes."""
    try:
        from terminology.content.importers import IMPORTERS
    except ImportError as problem:
        raise SettingError(
            f"to import takes the package {problem.name}: pip install 'fhir-terminology-adapter[store]'"
        ) from None
    return IMPORTERS


def open_store(place: str, copies: Path | None = None) -> Reader:
    """What a store serves; ``copies`` is a folder for copies of it. Raises SettingError."""
    content: Served = store_content(place)
    from terminology.store.serving import Reader

    return Reader(_copied(content, place, copies) if copies is not None else content)


def _copied(content: Served, place: str, folder: Path) -> Served:
    if not place.startswith(POSTGRES):
        raise SettingError(f"'copies' is {str(folder)!r}, but only of a postgresql:// store copies are kept")
    from terminology.store.copies import CopiedContent
    from terminology.store.postgres import PostgresContent

    assert isinstance(content, PostgresContent)
    return CopiedContent(content, folder)


def open_loader(place: str) -> Loader:
    """The writing side of a store. Raises SettingError."""
    content = store_content(place)
    try:
        from terminology.store.loading import Loader
    except ImportError as problem:
        raise _missing(place, problem) from None
    return Loader(content)


def held_in(place: str) -> list[Loaded]:
    """What a store holds. To ask makes nothing: raises SettingError where there is no store.

    A database raises what ``of_database`` knows.
    """
    content = store_content(place)
    try:
        from terminology.store.registry import Registry
    except ImportError as problem:
        raise _missing(place, problem) from None
    try:
        if not content.is_there():
            raise SettingError(f"there is no store in {_shown(place)}: 'terminology import' makes one")
        registry = Registry(content.registry_url, is_there=True)
        try:
            return registry.kept()
        finally:
            registry.close()
    finally:
        content.close()


def _shown(place: str) -> str:
    """Where a store is, without the password that may be in a URL."""
    return "this database" if place.startswith(POSTGRES) else place


def of_database(problem: Exception) -> str | None:
    """In one line what went wrong with the database of a store; None if it was something else."""
    if isinstance(problem, UnavailableError):
        return str(problem)
    driver = getattr(problem, "orig", None) or problem  # SQLAlchemy wraps it
    if not type(driver).__module__.startswith("psycopg"):
        return None
    from terminology.store.postgres import said_of

    return said_of(driver)


class Serving:
    """What is served: the content that the settings name, and what the store holds at the moment.

    ``catalogue()`` is asked once for each request, which keeps what it began with.
    """

    def __init__(self, settings: Settings, content: Content | None = None) -> None:
        """``content`` is what the settings name, where that has been read already.

        Raises UnreadableFileError, SettingError.
        """
        self.content = content if content is not None else open_catalogue(settings)
        self._catalogue: Content = self.content
        self._reader = open_store(settings.store, settings.copies) if settings.store else None
        self._shelf: Shelf | None = None
        self._lock = Lock()

    def catalogue(self) -> Catalogue:
        if self._reader is not None:
            if self._reader.shelf() is not self._shelf:
                self._swap(self._reader)
        return self._catalogue

    def _swap(self, reader: Reader) -> None:
        from terminology.catalogue.stored_resource import StoredResource

        with self._lock:
            # Asked again, lest a thread that was late bring back what is over.
            shelf = reader.shelf()
            if shelf is not self._shelf:
                self._catalogue = self._catalogue.restocked([StoredResource(a) for a in shelf.artifacts])
                self._shelf = shelf

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
