"""Settings, and the catalogue that they make: puts the parts together."""

from __future__ import annotations

import logging
import os
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from terminology.catalogue import Catalogue
from terminology.documents import Stowed
from terminology.model import Document, Unavailable
from terminology.packages import Broken, UnreadableFile, load, refuse
from terminology.state import State
from terminology.systems import CodeSystem, bcp13, bcp47, iso, ucum
from terminology.systems.grammar import Grammar

if TYPE_CHECKING:
    from terminology.release import Importer
    from terminology.store.content import Content, Served
    from terminology.store.loading import Loader
    from terminology.store.registry import Loaded
    from terminology.store.shelf import Reader, Shelf

BUNDLES = Path(__file__).resolve().parent.parent / "fhir_bundles" / "r5"
PREFIX = "TERMINOLOGY_"
# The code systems that are there without any content. Each reads what it needs when it is first asked.
GRAMMARS: tuple[Callable[[], CodeSystem], ...] = (
    bcp47.languages,
    bcp13.mime_types,
    ucum.units,
    iso.countries,
    iso.subdivisions,
    iso.currencies,
)
AUTO = "auto"
POSTGRES = ("postgresql://", "postgres://")
STATE_FOLDERS = {
    "win32": ("LOCALAPPDATA", "~/AppData/Local"),
    "darwin": ("", "~/Library/Application Support"),
}

log = logging.getLogger("terminology")


class BadSetting(ValueError):
    """A setting that cannot be used. Says which one, where it was read, and what would be right."""


@dataclass(slots=True, frozen=True)
class Setting:
    """One setting: its name, default, what it is for, and what can be said of the values that it takes.

    ``read`` raises ValueError, KeyError or TypeError for any other.
    """

    name: str
    default: Any
    meaning: str
    read: Callable[[Any], Any] = str
    wanted: str = ""

    @property
    def option(self) -> str:
        """What it is called on the command line; what is yes or no is a pair of flags."""
        name = self.name.replace("_", "-")
        return f"--{name}/--no-{name}" if isinstance(self.default, bool) else f"--{name}"


def _whole_number(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = int(str(value))  # so that neither true nor 1.5 is one
        if not least <= number <= most:
            raise ValueError
        return number

    return read


def _one_of(*words: str) -> Callable[[Any], str]:
    return lambda value: {word: word for word in words}[str(value).lower()]


def _store(value: Any) -> str:
    """A folder, or the URL of a database: of no other kind, lest it be taken for a folder."""
    scheme, _, rest = str(value).partition("://")
    if rest and not str(value).startswith(POSTGRES) and "/" not in scheme:
        raise ValueError
    return str(value)


def _printable(value: Any) -> str:
    if not (isinstance(value, str) and value.isascii() and value.isprintable()) or " " in value:
        raise ValueError
    return value


def _yes_or_no(value: Any) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return words[str(value).lower()]


def _paths(value: Any) -> list[Path]:
    return [Path(item) for item in (value.split(os.pathsep) if isinstance(value, str) else value)]


def _folder(value: Any) -> Path | None:
    """``auto`` is the folder that the system gives programs for their state; empty is none."""
    if value != AUTO:
        return Path(value) if value else None
    variable, usual = STATE_FOLDERS.get(sys.platform, ("XDG_STATE_HOME", "~/.local/state"))
    folder = os.environ.get(variable) or os.path.expanduser(usual)
    return None if folder.startswith("~") else Path(folder, "fhir-terminology-adapter")


_POSITIVE, _LARGE = _whole_number(1, 2**40), "a whole number that is not too large"
SETTINGS = (
    Setting("host", "127.0.0.1", "The address to listen on.", _printable),
    Setting(
        "port",
        8080,
        "The port to listen on; 0 takes a free one.",
        _whole_number(0, 65_535),
        "a number from 0 to 65535",
    ),
    Setting(
        "workers",
        1,
        "How many processes answer, where the web server is granian.",
        _whole_number(1, 256),
        "a number from 1 to 256",
    ),
    Setting(
        "threads",
        4,
        "How many threads each worker has. A client that sends its request slowly holds one: take more where "
        "no proxy stands before the service.",
        _whole_number(1, 256),
        "a number from 1 to 256",
    ),
    Setting("bundled", True, "Serve the conization content that comes with the package.", _yes_or_no),
    Setting("content", [], "More FHIR resources to serve: packages (.tgz), files and folders.", _paths),
    Setting(
        "store",
        "",
        "Where imported releases lie: a folder, or a postgresql:// URL; empty for none.",
        _store,
        "a folder or a postgresql:// URL",
    ),
    Setting(
        "copies",
        "",
        "A folder where this node keeps copies of what a postgresql:// store serves, and answers from them; "
        "empty for none.",
        lambda value: Path(value).expanduser() if value else None,
    ),
    Setting("skip_broken", False, "Leave out content that cannot be read and start without.", _yes_or_no),
    Setting("r6", False, "Also serve the R6 ballot, at /fhir/r6.", _yes_or_no),
    Setting(
        "default_release",
        "r4",
        "What /fhir speaks to clients that ask for no release: r4, r4b or r5.",
        _one_of("r4", "r4b", "r5"),
        "r4, r4b or r5",
    ),
    Setting(
        "data",
        AUTO,
        "The folder for what 'terminology load' brings, and for what is kept from request to request "
        "($closure, $cache-control): 'auto' is that of the user for such things; empty keeps it in memory, "
        "for one process.",
        _folder,
    ),
    Setting("largest_body", 10_000_000, "The largest request body, in bytes.", _POSITIVE, _LARGE),
    Setting(
        "largest_expansion", 50_000, "The most codes that $expand lists in one answer.", _POSITIVE, _LARGE
    ),
    Setting("cors_origin", "*", "The origin that browsers may call from; empty for none.", _printable),
)


class Settings:
    """The settings as attributes: defaults, under a TOML file, under ``TERMINOLOGY_…`` variables, under
    arguments.

    Raises BadSetting for a name or value that is not one.
    """

    host: str
    port: int
    workers: int
    threads: int
    bundled: bool
    content: list[Path]
    store: str
    copies: Path | None
    skip_broken: bool
    r6: bool
    default_release: str
    data: Path | None
    largest_body: int
    largest_expansion: int
    cors_origin: str

    def __init__(
        self, config: Path | None = None, environment: Mapping[str, str] | None = None, **arguments: Any
    ) -> None:
        environment = os.environ if environment is None else environment
        from_file = _toml(config) if config is not None else {}
        known = {setting.name for setting in SETTINGS}
        for source, names in ((str(config), from_file), ("the arguments", arguments)):
            for name in names:
                if name not in known:
                    raise BadSetting(
                        f"{source}: there is no setting '{name}'. There are: {', '.join(sorted(known))}"
                    )
        for setting in SETTINGS:
            value, source = setting.default, "the default"
            if setting.name in from_file:
                value, source = from_file[setting.name], str(config)
            if PREFIX + setting.name.upper() in environment:
                source = PREFIX + setting.name.upper()
                value = environment[source]
            if arguments.get(setting.name) is not None:
                value, source = arguments[setting.name], "the arguments"
            setattr(self, setting.name, _value(setting, value, source))


def _value(setting: Setting, value: Any, source: str) -> Any:
    try:
        return setting.read(value)
    except (ValueError, KeyError, TypeError):
        wanted = setting.wanted or f"something like {setting.default!r}"
        raise BadSetting(f"{source}: '{setting.name}' is {value!r}, but should be {wanted}") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise BadSetting(f"{path}: cannot be read as TOML: {problem}") from None


# What FHIR itself publishes, in each release; R6 has no published release yet.
_DEFINITIONS = {
    file.stem: partial(load, [file], dated=True)
    for file in sorted((BUNDLES.parent / "definitions").glob("*.json"))
}


def open_catalogue(settings: Settings | None = None) -> Catalogue:
    """The content that the settings name, and the code systems that need none. Raises UnreadableFile."""
    settings = settings or Settings()
    return catalogue_of(content_of(settings), settings.bundled)


def content_of(settings: Settings) -> Iterator[Document | Stowed]:
    """The resources that the settings name. Raises UnreadableFile when they are read."""
    loaded = loaded_content(settings)
    bundled = load([BUNDLES], dated=True) if settings.bundled else ()
    paths = [
        *([loaded] if loaded is not None and loaded.is_dir() else []),
        *settings.content,
    ]
    return chain(bundled, load(paths, when_broken(settings)))


def catalogue_of(content: Iterable[Document | Stowed], with_definitions: bool) -> Catalogue:
    """Some content, the code systems that need none, and, if wanted, what FHIR itself publishes."""
    systems = [make() for make in GRAMMARS]
    definitions = _DEFINITIONS if with_definitions else {}
    catalogue = Catalogue(content, systems, definitions=definitions)
    for system in systems:
        if isinstance(system, Grammar):
            system.find_value_set = partial(catalogue.find, "ValueSet")
    return catalogue


def loaded_content(settings: Settings) -> Path | None:
    """The folder of what 'terminology load' has brought; None where nothing is kept."""
    return settings.data / "content" if settings.data is not None else None


def when_broken(settings: Settings) -> Broken:
    """What to do about a file that cannot be read."""
    return _left_out if settings.skip_broken else refuse


def _left_out(problem: UnreadableFile) -> None:
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


def store_content(place: str) -> Content:
    """The store at a place. Raises BadSetting when the packages are missing that it takes."""
    if not place:
        raise BadSetting("there is no store: say where with --store, TERMINOLOGY_STORE or 'store' in a file")
    try:
        from terminology.store import content_of

        return content_of(place)
    except ImportError as problem:
        raise _missing(place, problem) from None


def _missing(place: str, problem: ImportError) -> BadSetting:
    extra = "postgres" if place.startswith(POSTGRES) else "store"
    return BadSetting(
        f"'store' is {place!r}, which takes the package {problem.name}: "
        f"pip install 'fhir-terminology-adapter[{extra}]'"
    )


def known_importers() -> Sequence[Importer]:
    """Whatever can be imported. Raises BadSetting when the packages are missing that it takes."""
    try:
        from terminology.importers import IMPORTERS
    except ImportError as problem:
        raise BadSetting(
            f"to import takes the package {problem.name}: pip install 'fhir-terminology-adapter[store]'"
        ) from None
    return IMPORTERS


def open_store(place: str, copies: Path | None = None) -> Reader:
    """What a store serves; ``copies`` is a folder for copies of it. Raises BadSetting."""
    content: Served = store_content(place)
    from terminology.store.shelf import Reader

    return Reader(_copied(content, place, copies) if copies is not None else content)


def _copied(content: Served, place: str, folder: Path) -> Served:
    if not place.startswith(POSTGRES):
        raise BadSetting(f"'copies' is {str(folder)!r}, but only of a postgresql:// store copies are kept")
    from terminology.store.copies import CopiedContent
    from terminology.store.postgres import PostgresContent

    assert isinstance(content, PostgresContent)
    return CopiedContent(content, folder)


def open_loader(place: str) -> Loader:
    """The writing side of a store. Raises BadSetting."""
    content = store_content(place)
    try:
        from terminology.store.loading import Loader
    except ImportError as problem:
        raise _missing(place, problem) from None
    return Loader(content)


def held_in(place: str) -> list[Loaded]:
    """What a store holds. To ask makes nothing: raises BadSetting where there is no store.

    A database raises what ``of_database`` knows.
    """
    content = store_content(place)
    try:
        from terminology.store.registry import Registry
    except ImportError as problem:
        raise _missing(place, problem) from None
    try:
        if not content.is_there():
            raise BadSetting(f"there is no store in {_shown(place)}: 'terminology import' makes one")
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
    if isinstance(problem, Unavailable):
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

    def __init__(self, settings: Settings, content: Catalogue | None = None) -> None:
        """``content`` is what the settings name, where that has been read already.

        Raises UnreadableFile, BadSetting.
        """
        self.content = content if content is not None else open_catalogue(settings)
        self._catalogue = self.content
        self._reader = open_store(settings.store, settings.copies) if settings.store else None
        self._shelf: Shelf | None = None
        self._lock = Lock()

    def catalogue(self) -> Catalogue:
        if self._reader is not None:
            if self._reader.shelf() is not self._shelf:
                self._swap(self._reader)
        return self._catalogue

    def _swap(self, reader: Reader) -> None:
        from terminology.shelved import Shelved

        with self._lock:
            # Asked again, lest a thread that was late bring back what is over.
            shelf = reader.shelf()
            if shelf is not self._shelf:
                self._catalogue = self._catalogue.stocked([Shelved(a) for a in shelf.artifacts])
                self._shelf = shelf

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
