"""Settings, and the catalogue that they make: puts the parts together."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from terminology.catalogue import Catalogue
from terminology.packages import load

if TYPE_CHECKING:
    from terminology.store.content import Content
    from terminology.store.loading import Loader
    from terminology.store.shelf import Reader, Shelf

BUNDLES = Path(__file__).resolve().parent.parent / "fhir_bundles" / "r5"
PREFIX = "TERMINOLOGY_"


class BadSetting(ValueError):
    """A setting that cannot be used. Says which one, where it was read, and what would be right."""


@dataclass(slots=True, frozen=True)
class Setting:
    """One setting: its name, default, and what it is for."""

    name: str
    default: Any
    meaning: str
    read: Callable[[Any], Any] = str


def _whole_number(value: Any) -> int:
    return int(value)


def _yes_or_no(value: Any) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return words[str(value).lower()]


def _paths(value: Any) -> list[Path]:
    return [Path(item) for item in (value.split(os.pathsep) if isinstance(value, str) else value)]


SETTINGS = (
    Setting("host", "127.0.0.1", "The address to listen on."),
    Setting("port", 8080, "The port to listen on; 0 takes a free one.", _whole_number),
    Setting("bundled", True, "Serve the conization content that comes with the package.", _yes_or_no),
    Setting("content", [], "More FHIR resources to serve: files and folders.", _paths),
    Setting(
        "store",
        "",
        "Where imported releases lie: a folder, or a postgresql:// URL; empty for none.",
    ),
    Setting("r6", False, "Also serve the R6 ballot, at /fhir/r6.", _yes_or_no),
    Setting("default_release", "r4", "What /fhir speaks to clients that ask for no release: r4, r4b or r5."),
    Setting("largest_body", 10_000_000, "The largest request body, in bytes.", _whole_number),
    Setting("cors_origin", "*", "The origin that browsers may call from; empty for none."),
)


class Settings:
    """The settings as attributes: defaults, under a TOML file, under ``TERMINOLOGY_…`` variables, under
    arguments.

    Raises BadSetting for a name or value that is not one.
    """

    host: str
    port: int
    bundled: bool
    content: list[Path]
    store: str
    r6: bool
    default_release: str
    largest_body: int
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
        like = f"something like {setting.default!r}"
        raise BadSetting(f"{source}: '{setting.name}' is {value!r}, but should be {like}") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise BadSetting(f"{path}: cannot be read as TOML: {problem}") from None


def open_catalogue(settings: Settings | None = None) -> Catalogue:
    """The content that the settings name. Raises UnreadableFile."""
    settings = settings or Settings()
    return Catalogue(load([*([BUNDLES] if settings.bundled else []), *settings.content]))


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
    extra = "postgres" if place.startswith("postgres") else "store"
    return BadSetting(
        f"'store' is {place!r}, which takes the package {problem.name}: "
        f"pip install 'fhir-terminology-adapter[{extra}]'"
    )


def open_store(place: str) -> Reader:
    """What a store serves. Raises BadSetting."""
    content = store_content(place)
    from terminology.store.shelf import Reader

    return Reader(content)


def open_loader(place: str) -> Loader:
    """The writing side of a store. Raises BadSetting."""
    content = store_content(place)
    try:
        from terminology.store.loading import Loader
    except ImportError as problem:
        raise _missing(place, problem) from None
    return Loader(content)


class Serving:
    """What is served: the content that the settings name, and what the store holds at the moment.

    ``catalogue()`` is asked once for each request, which keeps what it began with.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises UnreadableFile, BadSetting."""
        self._catalogue = open_catalogue(settings)
        self._reader = open_store(settings.store) if settings.store else None
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
