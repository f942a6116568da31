"""The assembly of the catalogue, the state and the store from the settings."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from terminology.catalogue.content import Content
from terminology.catalogue.licensed import Licences
from terminology.catalogue.protocol import KINDS, Catalogue, CompiledResource
from terminology.content.archives import MOST_OF_RESOURCE
from terminology.content.packages import (
    ARCHIVE_SUFFIXES,
    OnUnreadable,
    installed_resources,
    read_resources,
)
from terminology.core import dates
from terminology.core.documents import LazyDocument
from terminology.core.errors import SettingError, TooLargeFileError, UnavailableError, UnreadableFileError
from terminology.core.model import Document
from terminology.core.software import installation_of
from terminology.settings import POSTGRES, Settings
from terminology.state import State
from terminology.state.quota import StateBounds
from terminology.store.backend import UNSETTLED
from terminology.systems import bcp13, bcp47, iso, ucum
from terminology.systems.protocol import CodeSystem
from terminology.wire.elsewhere import Elsewhere
from terminology.wire.exchange import WritableContent
from terminology.wire.written_resources import WrittenResources

if TYPE_CHECKING:
    from terminology.authentication.authenticator import Authenticator
    from terminology.store.backend import ReadableStore, Store
    from terminology.store.loading import StoreWriter
    from terminology.store.registry import RegisteredArtifact, Registry
    from terminology.store.release import Importer
    from terminology.store.serving import ServedGeneration, StoreReader
    from terminology.store.write_log import ResourceVersion, WriteLog

# The bundles that come with this package: beside it, in a checkout as in site-packages.
BUNDLES = Path(__file__).resolve().parent.parent / "fhir_bundles" / "r5"
# The code systems that need no content. Each reads its tables when the first request needs them.
GRAMMARS: tuple[Callable[[], CodeSystem], ...] = (
    bcp47.languages,
    bcp13.mime_types,
    ucum.units,
    iso.countries,
    iso.subdivisions,
    iso.former_countries,
    iso.currencies,
)

# Seconds after which that is tried again which could not be read.
_INTERVAL = 1.0
_NEVER = -1

log = logging.getLogger("terminology")


# The resources that FHIR itself publishes, by release; R6 has no published release yet.
_DEFINITIONS = {
    file.stem: partial(installed_resources, file)
    for file in sorted((BUNDLES.parent / "definitions").glob("*.json"))
}


def open_catalogue(settings: Settings | None = None) -> Content:
    """The content that the settings name, and the code systems that need none.

    Imported releases are not in it: see ``ServedContent``. Raises UnreadableFileError, and TypeError for an
    argument that is not ``Settings``.
    """
    if settings is not None and not isinstance(settings, Settings):
        raise TypeError(f"'settings' must be Settings, not {type(settings).__name__}")
    settings = settings or Settings()
    with dates.fixed(settings.fixed_moment):
        return catalogue_of(_bundled_content(settings), settings.bundled, loaded_content(settings))


def configured_content(settings: Settings) -> Iterator[Document | LazyDocument]:
    """The resources that the settings name. Raises UnreadableFileError when they are read."""
    return chain(_bundled_content(settings), loaded_content(settings))


def _bundled_content(settings: Settings) -> Iterator[Document]:
    bundles = sorted(BUNDLES.glob("*.json")) if settings.bundled else ()
    return chain.from_iterable(map(installed_resources, bundles))


def loaded_content(settings: Settings) -> Iterator[Document | LazyDocument]:
    """The resources in the data folder and below the paths of the setting ``content``.

    Raises UnreadableFileError when they are read.
    """
    folder = loaded_folder(settings)
    loaded = [folder] if folder is not None and folder.is_dir() else []
    policy = broken_file_policy(settings)
    largest = settings.largest_file
    return chain(read_resources(loaded, policy, largest), read_content(settings.content, policy, largest))


def reloaded(content: Content, settings: Settings) -> Content:
    """Content of the settings with what ``loaded_content`` names now, and nothing of a store.

    Raises UnreadableFileError.
    """
    with dates.fixed(settings.fixed_moment):
        return content.renewed((), loaded=loaded_content(settings))


def read_content(
    paths: Iterable[Path], on_unreadable: OnUnreadable, largest: int = MOST_OF_RESOURCE
) -> Iterator[Document | LazyDocument]:
    """The resources below paths that somebody named; ``on_unreadable`` is called as by ``read_resources``.

    A file without a terminology resource is unreadable. A folder or package without one is a warning: a folder
    may be filled later, and a guide may need a package for other resources.
    """
    for path in paths:
        has_resources = False
        left_out: list[UnreadableFileError] = []

        def leave_out(problem: UnreadableFileError, left_out: list[UnreadableFileError] = left_out) -> None:
            on_unreadable(problem)
            left_out.append(problem)

        for resource in read_resources([path], leave_out, largest):
            has_resources = True
            yield resource
        if not has_resources and not left_out:
            problem = f"{path}: contains no {', '.join(KINDS[:-1])} or {KINDS[-1]} as JSON"
            if path.is_dir() or path.name.endswith(ARCHIVE_SUFFIXES):
                log.warning("%s", problem)
            else:
                on_unreadable(UnreadableFileError(problem))


def catalogue_of(
    content: Iterable[Document | LazyDocument],
    with_definitions: bool,
    loaded: Iterable[Document | LazyDocument] = (),
) -> Content:
    """A catalogue of this content and of the code systems that need none.

    ``with_definitions`` adds the resources that FHIR itself publishes; ``loaded`` are as ``Content`` has them.
    """
    systems = [make() for make in GRAMMARS]
    return Content(content, systems, definitions=_DEFINITIONS if with_definitions else {}, loaded=loaded)


def loaded_folder(settings: Settings) -> Path | None:
    """The folder of the content that 'terminology load' keeps; None without a data folder."""
    return settings.data / "content" if settings.data is not None else None


def broken_file_policy(settings: Settings) -> OnUnreadable:
    """The function that is called with the problem of each file that cannot be read; a large one is left out."""
    return _log_left_out if settings.skip_broken else _leave_out_too_large


def _leave_out_too_large(problem: UnreadableFileError) -> None:
    if not isinstance(problem, TooLargeFileError):
        raise problem
    _log_left_out(problem)


def _log_left_out(problem: UnreadableFileError) -> None:
    log.warning("left out: %s", problem)


def open_upstreams(settings: Settings, most: int) -> Elsewhere | None:
    """The upstreams that the settings name, of which ``most`` questions are open at a time; None without any.

    Without upstreams the packages that ask them are not imported. Raises SettingError.
    """
    if settings.upstreams is None:
        return None
    from terminology.upstreams.configuration import read_upstreams
    from terminology.upstreams.upstreams import Upstreams

    return Upstreams(read_upstreams(settings.upstreams), most)


def open_authenticator(settings: Settings) -> Authenticator | None:
    """The users whom the settings name; None where nobody is asked who they are. Raises SettingError."""
    if settings.auth is None:
        return None
    from terminology.authentication.authenticator import Authenticator

    return Authenticator(settings.auth)


def open_licences(settings: Settings) -> Licences | None:
    """The licences that the settings name; None without any. Raises SettingError."""
    if settings.licences is None:
        return None
    from terminology.content.licences import read_licences

    return read_licences(settings.licences)


def open_state(settings: Settings) -> State:
    """The state that is kept between requests; in memory without a data folder, or if it cannot be written."""
    problem = state_problem(settings)
    if problem is not None:
        log.warning("%s", problem)
    bounds = StateBounds(settings.largest_state, settings.largest_state_of_client)
    return State(settings.data if problem is None else None, bounds)


def state_problem(settings: Settings) -> str | None:
    """The reason why the state stays in memory although there is a data folder; None if it does not."""
    if settings.data is None or _is_writable(settings.data):
        return None
    return f"{settings.data} cannot be written: the state of $closure and $cache-control stays in memory"


def _is_writable(folder: Path) -> bool:
    existing = next((place for place in (folder, *folder.parents) if place.exists()), None)
    return existing is not None and existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


# -- the store -----------------------------------------------------------------------------------


def store_content(place: str) -> Store:
    """The store at a place. Raises SettingError without a place, or without the packages that it needs."""
    if not place:
        raise SettingError("no store is given: use --store, TERMINOLOGY_STORE or 'store' in a settings file")
    try:
        from terminology.store import store_at

        return store_at(place)
    except ImportError as problem:
        raise _missing_package(place, problem) from None


def _missing_package(place: str, problem: ImportError) -> SettingError:
    extra = "postgres" if place.startswith(POSTGRES) else "store"
    return SettingError(
        f"'store' is {place!r}, which needs the package {problem.name}: {installation_of(extra)}"
    )


def known_importers() -> Sequence[Importer]:
    """All importers. No importer needs a package of an extra before it reads a file."""
    from terminology.content.importers import IMPORTERS

    return IMPORTERS


def open_store(place: str, copies: Path | None = None) -> tuple[StoreReader, Store]:
    """The reader of a store, and the store. ``copies`` is a folder for copies of its files. Raises SettingError."""
    content = store_content(place)
    try:
        from terminology.store.serving import StoreReader
    except ImportError as problem:
        raise _missing_package(place, problem) from None
    return StoreReader(_copied(content, place, copies) if copies is not None else content), content


def _copied(content: ReadableStore, place: str, folder: Path) -> ReadableStore:
    if not place.startswith(POSTGRES):
        raise _copies_without_database(place)
    from terminology.store.copies import CopiedStore
    from terminology.store.postgres import PostgresStore

    assert isinstance(content, PostgresStore)
    return CopiedStore(content, folder)


def _copies_without_database(place: str) -> SettingError:
    return SettingError(f"'copies' needs a postgresql:// store, but 'store' is {place!r}")


def open_loader(place: str, makes_store: bool = True) -> StoreWriter:
    """The writing side of a store. Raises SettingError; without ``makes_store`` also where there is no store."""
    content = store_content(place)
    try:
        from terminology.store.loading import StoreWriter
    except ImportError as problem:
        raise _missing_package(place, problem) from None
    if not makes_store:
        _require_store(content, place)
    return StoreWriter(content)


@dataclass(slots=True, frozen=True)
class StoreState:
    """The store for its operator: what it is, and its versions, each with what a quick look finds wrong.

    ``kind`` is empty without a store. ``problem`` says why the versions cannot be listed. ``generation`` counts the
    changes that this process has seen.
    """

    kind: str = ""
    generation: int | None = None
    versions: Sequence[tuple[RegisteredArtifact, str | None]] = ()
    problem: str | None = None


def state_of_store(settings: Settings, generation: int | None = None) -> StoreState:
    """The state of the store that the settings name. Nothing is created, and no exception of the store is raised."""
    if not settings.store:
        return StoreState()
    kind = "PostgreSQL" if settings.store.startswith(POSTGRES) else "SQLite"
    kind += ", with copies on this node" if settings.copies is not None else ""
    try:
        with registry_of(settings.store) as (content, registry):
            from terminology.store.verifying import glances

            return StoreState(kind, generation, list(glances(content, registry)))
    except Exception as error:
        problem = str(error) if isinstance(error, SettingError) else store_problem(error)
        if problem is None:
            raise
        return StoreState(kind, generation, problem=problem)


@contextmanager
def registry_of(place: str) -> Iterator[tuple[Store, Registry]]:
    """A store and its registry, for reading. Nothing is created: raises SettingError where there is no store.

    A database that is away raises an exception that ``store_problem`` knows.
    """
    content = store_content(place)
    try:
        from terminology.store.registry import Registry
    except ImportError as problem:
        raise _missing_package(place, problem) from None
    try:
        _require_store(content, place)
        registry = Registry(content.registry_url, is_there=True)
        try:
            yield content, registry
        finally:
            registry.close()
    finally:
        content.close()


def _require_store(content: Store, place: str) -> None:
    if not content.is_there():
        raise SettingError(f"there is no store in {_without_password(place)}: 'terminology import' makes one")


def _without_password(place: str) -> str:
    """The place of a store as it may be shown: a URL may have a password in it."""
    return "this database" if place.startswith(POSTGRES) else place


def store_problem(problem: Exception) -> str | None:
    """The problem of a store's database, files or disk in one line; None for any other exception."""
    if isinstance(problem, UnavailableError):
        return str(problem)
    if isinstance(problem, OSError):
        return _file_problem(problem)
    try:
        from sqlalchemy.exc import DBAPIError
    except ImportError:
        return None  # no SQLAlchemy, no database
    driver = problem.orig if isinstance(problem, DBAPIError) else problem
    if isinstance(driver, Exception) and type(driver).__module__ == "sqlite3":
        from terminology.store.sqlite import registry_problem

        return registry_problem(driver)
    if not isinstance(driver, Exception) or not type(driver).__module__.startswith("psycopg"):
        return None
    from terminology.store.postgres import database_problem

    return database_problem(driver)


def _file_problem(problem: OSError) -> str:
    reason = problem.strerror or str(problem)
    return f"{problem.filename}: {reason}" if problem.filename else reason


class ServedContent:
    """The content that is served: what the settings name, the releases in the store, and what clients have written.

    ``catalogue()`` is called once for each request; the request uses that catalogue to its end.
    """

    def __init__(self, settings: Settings, content: Content | None = None) -> None:
        """``content`` is the content that the settings name, if it has been read already.

        Raises UnreadableFileError, SettingError.
        """
        self._settings = settings
        self.content = content if content is not None else open_catalogue(settings)
        self._catalogue: Content = self.content
        if settings.writes and not settings.store:
            raise SettingError("'writes' needs a 'store', where written resources are kept")
        if settings.copies is not None and not settings.store.startswith(POSTGRES):
            raise _copies_without_database(settings.store)
        self._reader: StoreReader | None = None
        self._store: Store | None = None
        if settings.store:
            self._reader, self._store = open_store(settings.store, settings.copies)
        self._generation: ServedGeneration | None = None
        self._stored: list[CompiledResource] = []
        self._written = WrittenResources()
        # What the store said of the last write when the log was read; NEVER before that, and while nobody can say.
        self._writes = _NEVER
        self._next_look = self._next_settling = 0.0
        self._lock = Lock()

    @property
    def writable(self) -> WritableContent | None:
        """This content, if it has a store."""
        return self if self._store is not None else None

    @cached_property
    def log(self) -> WriteLog:
        """The log of what clients write. Only ``writable`` content has one."""
        from terminology.store.write_log import WriteLog  # a server that nobody writes to needs no SQLAlchemy

        assert self._store is not None
        return WriteLog(self._store)

    @property
    def log_of_past(self) -> WriteLog | None:
        """The log, if anything was ever written."""
        return self.log if self._store is not None and self._store.has_writes() else None

    def catalogue(self) -> Catalogue:
        """The catalogue of this moment. What it lacks because the store cannot be read raises UnavailableError."""
        reader = self._reader
        if reader is not None:
            if reader.current() is not self._generation or reader.store.writes != self._writes:
                self._renew(reader)
        return self._catalogue

    def reload(self) -> None:
        """Read again what ``loaded_content`` names. A request that has begun keeps the content that it began with.

        Raises UnreadableFileError; then everything stays as it is.
        """
        with dates.fixed(self._settings.fixed_moment):
            loaded = tuple(loaded_content(self._settings))
        with self._lock:
            before, generation = self._catalogue, self._generation
            problem = None if generation is None else generation.problem
            self._catalogue = before.renewed(
                self._stored, self._written.documents, loaded, problem, away=self._away
            )
            before.forget_views()

    def with_changes(self, changes: Iterable[ResourceVersion]) -> Catalogue:
        """The catalogue of this moment as these writes would leave it. Raises TerminologyError as ``require`` does."""
        self.catalogue()
        with self._lock:
            written = self._written.after(changes)
            return self._catalogue.renewed(self._stored, written.documents)

    def _away(self) -> UnavailableError | None:
        """The reason why the database of the store cannot be reached; None if it can, or if there is none."""
        return None if self._reader is None else self._reader.away()

    def _renew(self, reader: StoreReader) -> None:
        with self._lock:
            # Read again: a thread that waited for the lock must not bring back an older state.
            generation, writes = reader.current(), reader.store.writes
            written = self._written
            if writes != self._writes:
                written = self._read_writes(generation, writes)
            if generation is self._generation and written is self._written:
                return
            if generation is not self._generation:
                self._stored = _resources_of(generation)
            before = self._catalogue
            self._catalogue = before.renewed(
                self._stored, written.documents, problem=generation.problem, away=self._away
            )
            self._generation, self._written = generation, written
            before.forget_views()

    def _read_writes(self, generation: ServedGeneration, writes: int) -> WrittenResources:
        """What clients have written, as it is now. While the log cannot be read it is looked at once a second."""
        now = time.monotonic()
        if now < self._next_look or generation.problem is not None:
            return self._written
        try:
            log_of_past = self.log_of_past
            changes = [] if log_of_past is None else log_of_past.changes_after(self._written.number)
        except UnavailableError:  # the log has said why
            self._next_look = now + _INTERVAL
            return self._written
        if writes != UNSETTLED:
            self._writes = writes
        elif self._writes != _NEVER:
            self._writes, self._next_settling = _NEVER, now + _INTERVAL
        elif now >= self._next_settling:
            self._next_settling = now + _INTERVAL
            self.log.settle()
        return self._written.after(changes) if changes else self._written

    @property
    def generation(self) -> int | None:
        """The number of changes of the store that are served; None without a store."""
        return None if self._generation is None else self._generation.generation

    def uncopied(self) -> Sequence[str]:
        """The resources of the store that should have a copy on this node, and have none yet."""
        return () if self._reader is None else self._reader.store.uncopied()

    def close(self) -> None:
        """Close the store."""
        if self._reader is not None:
            self._reader.close()
        if "log" in self.__dict__:
            self.log.close()


def _resources_of(generation: ServedGeneration) -> list[CompiledResource]:
    from terminology.catalogue.stored_resource import StoredResource, UnreadableResource

    return [
        *(StoredResource(artifact) for artifact in generation.artifacts),
        *(UnreadableResource(artifact, error) for artifact, error in generation.unreadable),
    ]
