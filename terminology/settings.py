"""The settings of the service: what each is for, its default, and where its value comes from."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terminology.core.errors import SettingError

PREFIX = "TERMINOLOGY_"
AUTO = "auto"
POSTGRES = ("postgresql://", "postgres://")
STATE_FOLDERS = {
    "win32": ("LOCALAPPDATA", "~/AppData/Local"),
    "darwin": ("", "~/Library/Application Support"),
}


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

    Raises SettingError for a name or value that is not one.
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
                    raise SettingError(
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
        raise SettingError(f"{source}: '{setting.name}' is {value!r}, but should be {wanted}") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingError(f"{path}: cannot be read as TOML: {problem}") from None
