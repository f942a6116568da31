"""Settings of the service and the library: their names, types, defaults, meanings and sources.

Each setting is declared once, as a field of ``Settings``. The options of the command line and docs/settings.md
are made from these declarations.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from terminology.core.budget import LARGEST_EXPANSION, MOST_SECONDS, MOST_STEPS
from terminology.core.errors import SettingError

PREFIX = "TERMINOLOGY_"
AUTO = "auto"
POSTGRES = ("postgresql://", "postgres://")
STATE_FOLDERS = {
    "win32": ("LOCALAPPDATA", "~/AppData/Local"),
    "darwin": ("", "~/Library/Application Support"),
}
ARGUMENTS = "the arguments"
# The forms of the logs, and the levels of their lines.
TEXT_LOG, JSON_LOG = "text", "json"
LOG_LEVELS = ("debug", "info", "warning", "error")
DEFAULT = "the default"
# What stands for a password where settings are shown.
HIDDEN = "***"
# The password in a URL, as a user's or as a parameter.
_PASSWORD = re.compile(r"(://[^:/@\s]*:).*(?=@)|(\bpassword=)[^&\s]*")
# The headers in which proxies say which address the client used.
X_FORWARDED, FORWARDED = "x-forwarded", "forwarded"


@dataclass(slots=True, frozen=True)
class Setting:
    """The declaration of one setting.

    ``read`` makes the value from a text or from a value of TOML or Python; it raises ValueError, KeyError or
    TypeError for a bad value. ``expected`` describes the good values in a message. ``library_default``, unless
    it is None, takes the place of the default where no environment is read.
    """

    name: str
    default: Any
    meaning: str
    read: Callable[[Any], Any]
    expected: str = ""
    library_default: Any = None

    @property
    def option(self) -> str:
        """The option of the command line; a boolean has a pair of flags."""
        name = self.name.replace("_", "-")
        return f"--{name}/--no-{name}" if isinstance(self.default, bool) else f"--{name}"

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return PREFIX + self.name.upper()


def _setting(
    default: Any,
    meaning: str,
    read: Callable[[Any], Any],
    expected: str = "",
    library_default: Any = None,
) -> Any:
    """A field of ``Settings``, with the attributes of ``Setting``."""
    return field(
        metadata={
            "default": default,
            "meaning": meaning,
            "read": read,
            "expected": expected,
            "library_default": library_default,
        }
    )


# -- values --------------------------------------------------------------------------------------


def _whole_number(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = int(str(value))  # refuses True and 1.5, which int() alone would take
        if not least <= number <= most:
            raise ValueError
        return number

    return read


def _one_of(*words: str) -> Callable[[Any], str]:
    return lambda value: {word: word for word in words}[str(value).lower()]


def _store(value: Any) -> str:
    """A folder or the URL of a PostgreSQL database. Any other URL is refused: it would become a folder."""
    if not isinstance(value, str | Path):
        raise TypeError
    scheme, _, rest = str(value).partition("://")
    if rest and not str(value).startswith(POSTGRES) and "/" not in scheme:
        raise ValueError
    return str(value)


def _printable(value: Any) -> str:
    if not (isinstance(value, str) and value.isascii() and value.isprintable()) or " " in value:
        raise ValueError
    return value


def _host(value: Any) -> str:
    """A name or address. The empty one is refused: it would mean every address of the machine."""
    if value == "":
        raise ValueError
    return _printable(value)


def _base_url(value: Any) -> str:
    """A URL without a query; the slash at its end is left out."""
    text = _printable(value).rstrip("/")
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
        raise ValueError
    return text


def _boolean(value: Any) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return words[str(value).lower()]


def _paths(value: Any) -> list[Path]:
    if isinstance(value, Path):
        return [value]
    return [Path(item) for item in (value.split(os.pathsep) if isinstance(value, str) else value)]


def _names(value: Any) -> list[str]:
    return [_host(name.lower()) for name in (value.split(",") if isinstance(value, str) else value)]


def _optional_path(value: Any) -> Path | None:
    return Path(value).expanduser() if value else None


def _optional_instant(value: Any) -> datetime | None:
    """A moment with its time zone; in TOML and Python it may be a datetime."""
    if not value:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _data_folder(value: Any) -> Path | None:
    """A folder; ``auto`` is the one that the operating system gives to programs for their state."""
    if value != AUTO:
        return Path(value) if value else None
    variable, usual = STATE_FOLDERS.get(sys.platform, ("XDG_STATE_HOME", "~/.local/state"))
    folder = os.environ.get(variable) or os.path.expanduser(usual)
    return None if folder.startswith("~") else Path(folder, "fhir-terminology-adapter")


_SECONDS = _whole_number(1, 3_600), "a whole number of seconds from 1 to 3600"
_POSITIVE, _POSITIVE_NUMBER = _whole_number(1, 2**40), f"a whole number from 1 to {2**40}"


@dataclass(init=False)
class Settings:
    """The settings as attributes.

    ``Settings(port=8081)`` reads nothing but its arguments: it is the same everywhere.
    ``Settings.from_environment()`` also reads the ``TERMINOLOGY_…`` variables, and keeps content and
    state in the user's data folder. Both also read a TOML file (``config``); all other sources come before it.
    """

    host: str = _setting(
        "127.0.0.1", "The address to listen on.", _host, "an address such as '127.0.0.1' or '0.0.0.0'"
    )
    port: int = _setting(
        8080,
        "The port to listen on; 0 takes a free one.",
        _whole_number(0, 65_535),
        "a number from 0 to 65535",
    )
    workers: int = _setting(
        1,
        "How many processes answer requests, if the web server is granian.",
        _whole_number(1, 256),
        "a number from 1 to 256",
    )
    threads: int = _setting(
        4,
        "How many requests of one caller each worker answers at a time, with a thread for each. Further ones wait.",
        _whole_number(1, 256),
        "a number from 1 to 256",
    )
    requests_per_caller: int = _setting(
        256,
        "The most requests of one caller that each worker has at a time, those that wait included. The next one is "
        "refused (429). A caller is an IP address, in IPv6 a network of 64 bits.",
        _POSITIVE,
        _POSITIVE_NUMBER,
    )
    request_rate: int = _setting(
        0,
        "The most requests of one caller that each worker answers in a second; the next one is refused (429). 0: any "
        "number.",
        _whole_number(0, 2**40),
        f"a whole number from 0 to {2**40}",
    )
    connections: int = _setting(
        4_096,
        "The most open connections of each worker. When nearly all are open, callers with many lose those that have "
        "been silent for the longest time.",
        _whole_number(16, 2**20),
        f"a whole number from 16 to {2**20}",
    )
    connections_per_caller: int = _setting(
        1_024,
        "The most open connections of one caller to each worker; 0 for any number. Behind proxies, which have all "
        "connections, it has no effect.",
        _whole_number(0, 2**20),
        f"a whole number from 0 to {2**20}",
    )
    header_timeout: int = _setting(
        30,
        "The seconds in which the headers of a request must arrive, and for which a connection may be idle.",
        *_SECONDS,
    )
    body_timeout: int = _setting(
        30,
        "The seconds in which the body of a request must arrive. While very many bodies are arriving, those that take "
        "longer than a second may be refused sooner.",
        *_SECONDS,
    )
    stop_timeout: int = _setting(
        5, "The seconds that a service which is told to end has for the requests that it has.", *_SECONDS
    )
    ready_file: Path | None = _setting(
        "",
        "A file that exists while the service answers, and has its URL; empty for none.",
        _optional_path,
        "the path of a file",
    )
    access_log: str = _setting(
        "",
        "A file to which each request adds a line, with neither codes nor texts; '-' for the standard output, empty "
        "for none. See docs/operating.md.",
        str,
    )
    log_format: str = _setting(
        TEXT_LOG,
        "The form of the lines of the access log, and of the errors on the standard error: text or json.",
        _one_of(TEXT_LOG, JSON_LOG),
        f"{TEXT_LOG} or {JSON_LOG}",
    )
    log_level: str = _setting(
        "info",
        "The least level of lines in both logs: debug (also the probes of a load balancer), info (requests that went "
        "well), warning (refused ones, with a status of 400 and more) or error (500 and more).",
        _one_of(*LOG_LEVELS),
        ", ".join(LOG_LEVELS),
    )
    log_queries: bool = _setting(
        False,
        "Add the query of a URL to its line: it has the codes and texts that somebody asked about.",
        _boolean,
        "true or false",
    )
    metrics_port: int = _setting(
        0,
        "The port of the metrics for Prometheus (/metrics); 0 for none. It needs the extra 'metrics'.",
        _whole_number(0, 65_535),
        "a number from 0 to 65535",
    )
    metrics_host: str = _setting(
        "127.0.0.1",
        "The address on which the metrics can be asked for. Nobody is asked who they are there.",
        _host,
        "an address such as '127.0.0.1' or '0.0.0.0'",
    )
    tracing: bool = _setting(
        False,
        "Send a span of each request to a collector of OpenTelemetry, as the variables OTEL_… say. It needs the extra "
        "'otel'. See docs/operating.md.",
        _boolean,
        "true or false",
    )
    stuck_timeout: int = _setting(
        60,
        "The seconds after which a worker that shows no sign of life is replaced.",
        *_SECONDS,
    )
    bundled: bool = _setting(
        True,
        "Serve the conization content that comes with the package, and the resources that FHIR itself publishes, "
        "such as administrative-gender. Without it FHIR's own code systems are not known either.",
        _boolean,
        "true or false",
    )
    content: list[Path] = _setting(
        [], "More FHIR resources to serve: packages (.tgz), files and folders.", _paths, "a list of paths"
    )
    package_registry: str = _setting(
        "https://packages.fhir.org",
        "The registry that 'terminology load' fetches FHIR packages from by their names; empty for none. See "
        "docs/loading.md.",
        _base_url,
        "a URL such as 'https://packages.fhir.org'",
    )
    largest_file: int = _setting(
        512 * 1024 * 1024,
        "The largest file of content that is read, in bytes; also one within a package. A larger one is left out, as "
        "the log says, and the rest is served.",
        _POSITIVE,
        _POSITIVE_NUMBER,
    )
    store: str = _setting(
        "",
        "The store of imported releases: a folder or a postgresql:// URL; empty for none.",
        _store,
        "a folder or a postgresql:// URL",
    )
    copies: Path | None = _setting(
        "",
        "A folder where this node keeps copies of the content of a postgresql:// store, and answers from them; "
        "empty for none.",
        _optional_path,
        "a folder",
    )
    writes: bool = _setting(
        False,
        "Let clients that have the right to it create, update and delete code systems, value sets and concept maps. "
        "They are kept in the store. See docs/writing.md.",
        _boolean,
        "true or false",
    )
    upstreams: Path | None = _setting(
        "",
        "A JSON file with the terminology servers that are asked for content that is missing here, or here in part "
        "only; empty for none. See docs/upstreams.md.",
        _optional_path,
        "the path of a JSON file",
    )
    auth: Path | None = _setting(
        "",
        "A JSON file with the API keys and the issuers of access tokens by which users are known, and their rights; "
        "empty: everybody may read, and nobody may write. See docs/security.md.",
        _optional_path,
        "the path of a JSON file",
    )
    licences: Path | None = _setting(
        "",
        "A JSON file that says of code systems which of their texts may leave the service, and to whom; empty: all to "
        "everybody. See docs/licences.md.",
        _optional_path,
        "the path of a JSON file",
    )
    tls_certificate: Path | None = _setting(
        "",
        "A PEM file with the certificate of the service, and those between it and its authority: the service then "
        "speaks HTTPS alone (TLS 1.2 or later). Empty for plain HTTP, as behind a proxy.",
        _optional_path,
        "the path of a PEM file",
    )
    tls_key: Path | None = _setting(
        "",
        "A PEM file with the private key of tls_certificate, without a password.",
        _optional_path,
        "the path of a PEM file",
    )
    tls_authorities: Path | None = _setting(
        "",
        "A PEM file with authorities: clients without a certificate of one of them are refused. Empty for any client.",
        _optional_path,
        "the path of a PEM file",
    )
    skip_broken: bool = _setting(
        False, "Leave out content that cannot be read, and start without it.", _boolean, "true or false"
    )
    r6: bool = _setting(False, "Also serve the R6 ballot, at /fhir/r6.", _boolean, "true or false")
    default_release: str = _setting(
        "r4",
        "The release of /fhir for clients that ask for none: r4, r4b or r5.",
        _one_of("r4", "r4b", "r5"),
        "r4, r4b or r5",
    )
    data: Path | None = _setting(
        AUTO,
        "The folder of the content that 'terminology load' keeps, and of the state of $closure and "
        "$cache-control: 'auto' is the user's folder for such data; empty keeps the state in memory, for one "
        "process. In Python nothing is kept unless a folder is given.",
        _data_folder,
        "a folder",
        library_default="",
    )
    largest_body: int = _setting(
        10_000_000, "The largest request body, in bytes.", _POSITIVE, _POSITIVE_NUMBER
    )
    largest_expansion: int = _setting(
        LARGEST_EXPANSION, "The most codes that $expand lists in one answer.", _POSITIVE, _POSITIVE_NUMBER
    )
    max_work: int = _setting(
        MOST_STEPS,
        "The most steps that one request may take with all its parts, such as the entries of a batch. A step is one "
        "code that is visited; 5 million take about a second.",
        _POSITIVE,
        _POSITIVE_NUMBER,
    )
    deadline: int = _setting(
        MOST_SECONDS,
        "The longest that one request may take with all its parts, in seconds, from when it has been read. In "
        "Python it is an hour unless another is given, since a caller waits for itself alone.",
        _whole_number(1, 3_600),
        "a number of seconds from 1 to 3600",
        library_default=3_600,
    )
    largest_state: int = _setting(
        1_000_000_000,
        "The most bytes of all closure tables ($closure) and caches ($cache-control, cache-id) together; an eighth of "
        "it without a data folder. When it is reached, the client that has most loses its least recently used ones.",
        _POSITIVE,
        _POSITIVE_NUMBER,
    )
    largest_state_of_client: int = _setting(
        250_000_000,
        "The most bytes of the closure tables and caches of one client; an eighth of it without a data folder. Clients "
        "with the same network address share it: behind a proxy these are all, unless 'proxies' is set.",
        _POSITIVE,
        _POSITIVE_NUMBER,
    )
    base_url: str = _setting(
        "",
        "The URL of /fhir as clients know it, such as https://tx.example.org/fhir, with which the URLs in answers "
        "begin; empty for the URL of each request.",
        _base_url,
        "a URL such as 'https://tx.example.org/fhir'",
    )
    proxies: int = _setting(
        0,
        "How many proxies stand before the service and say in headers which address the client used. 0: such headers "
        "are ignored, since any client can send them.",
        _whole_number(0, 10),
        "a number from 0 to 10",
    )
    proxy_headers: str = _setting(
        X_FORWARDED,
        "The headers that these proxies set: x-forwarded (X-Forwarded-For, -Proto, -Host, -Port and -Prefix) or "
        "forwarded (RFC 7239). Each proxy must set or remove all of them.",
        _one_of(X_FORWARDED, FORWARDED),
        f"{X_FORWARDED} or {FORWARDED}",
    )
    nested_expansions: bool = _setting(
        True,
        "List the codes of a hierarchy as a tree ('contains' in 'contains') where neither the request nor the value "
        "set says 'excludeNested'. Some form renderers show the first level of a tree only. Codes with several "
        "parents are listed flat in any case.",
        _boolean,
        "true or false",
    )
    compression: bool = _setting(
        True,
        "Compress large answers for clients that say that they take it (Accept-Encoding): with zstd and br where their "
        "packages are installed (the extra 'compression'), else with gzip.",
        _boolean,
        "true or false",
    )
    cors_origin: str = _setting(
        "",
        "The origin whose pages may call the service from a browser, such as https://app.example.org, or '*' for any. "
        "Pages of this machine (http://localhost:3000, http://127.0.0.1) may always call.",
        _printable,
        "an origin such as 'https://app.example.org', or '*'",
    )
    hosts: list[str] = _setting(
        [],
        "The names under which clients may call the service (the header Host), besides those of this machine and of "
        "base_url; '*' for any. Without any, a service that listens on this machine alone and behind no proxy takes "
        "those two only, so that no page of the web can call it under a name of its own; any other takes all names.",
        _names,
        "a list of names",
    )

    harness: bool = _setting(
        False,
        "Test-harness mode: time and identifiers are fixed, and requests may ask for faults (X-Terminology-Fault). Not "
        "for real use; every answer says so. See docs/test-harness.md.",
        _boolean,
        "true or false",
    )
    harness_clock: datetime | None = _setting(
        "2026-01-01T00:00:00Z",
        "The moment at which the time stands still in the test-harness mode; empty for the real time.",
        _optional_instant,
        "an instant such as 2026-01-01T00:00:00Z",
    )
    harness_recording: Path | None = _setting(
        "",
        "A file to which the test-harness mode adds each request with its answer, as a line of JSON, without "
        "credentials; empty for none.",
        _optional_path,
        "the path of a file",
    )
    harness_recording_size: int = _setting(
        100_000_000,
        "The most bytes of harness_recording. An exchange that does not fit into the rest is left out.",
        _POSITIVE,
        _POSITIVE_NUMBER,
    )

    def __init__(
        self, config: str | Path | None = None, environment: Mapping[str, str] | None = None, **arguments: Any
    ) -> None:
        """Read the defaults, a TOML file, the variables of ``environment`` and the arguments; later ones win.

        An argument that is None has no effect.

        Raises SettingError for an unknown name or a bad value, which names the source and the correct values,
        and TypeError for a ``config`` that is not a path.
        """
        if config is not None and not isinstance(config, str | Path):
            raise TypeError(f"'config' must be the path of a TOML file, not {type(config).__name__}")
        in_file = _toml(Path(config)) if config is not None else {}
        _require_known(str(config), in_file)
        _require_known(ARGUMENTS, arguments)
        self._sources: dict[str, str] = {}
        for setting in SETTINGS:
            value, source = setting.default, DEFAULT
            if environment is None and setting.library_default is not None:
                value = setting.library_default
            if setting.name in in_file:
                value, source = in_file[setting.name], str(config)
            if environment is not None and setting.variable in environment:
                value, source = environment[setting.variable], setting.variable
            if arguments.get(setting.name) is not None:
                value, source = arguments[setting.name], ARGUMENTS
            setattr(self, setting.name, value_of(setting, value, source))
            self._sources[setting.name] = source

    @classmethod
    def from_environment(cls, config: str | Path | None = None, **arguments: Any) -> Settings:
        """The settings as ``terminology serve`` reads them.

        They include the ``TERMINOLOGY_…`` variables of this process, and the data folder of this user unless
        another is given. Raises SettingError.
        """
        return cls(config, os.environ, **arguments)

    def updated(self, **arguments: Any) -> Settings:
        """A copy with other values; None leaves a value as it is. Raises SettingError."""
        _require_known(ARGUMENTS, arguments)
        settings = copy(self)
        for setting in SETTINGS:
            if arguments.get(setting.name) is not None:
                setattr(settings, setting.name, value_of(setting, arguments[setting.name], ARGUMENTS))
                settings._sources = settings._sources | {setting.name: ARGUMENTS}
        return settings

    @property
    def fixed_moment(self) -> datetime | None:
        """The moment at which the time stands still; None where it does not."""
        return self.harness_clock if self.harness else None

    def source(self, name: str) -> str:
        """Where the value of a setting was read from: the file, the variable, ``ARGUMENTS`` or ``DEFAULT``."""
        return self._sources[name]


SETTINGS = tuple(Setting(declared.name, **declared.metadata) for declared in fields(Settings))


def _require_known(source: str, names: Mapping[str, Any]) -> None:
    known = sorted(setting.name for setting in SETTINGS)
    for name in names:
        if name not in known:
            raise SettingError(f"{source}: there is no setting '{name}'. Known settings: {', '.join(known)}")


def value_of(setting: Setting, value: Any, source: str) -> Any:
    """The value of a setting, read from what a source has. Raises SettingError, which names the source."""
    try:
        return setting.read(value)
    except (ValueError, KeyError, TypeError):
        expected = setting.expected or f"something like {setting.default!r}"
        raise SettingError(f"{source}: '{setting.name}' is {value!r}, but should be {expected}") from None


def without_password(text: str) -> str:
    """A text that may be shown: a password in a URL is hidden.

    >>> without_password("postgresql://tx:s3cr:e@t@db/terminology"), without_password("postgresql://db/t?password=x")
    ('postgresql://tx:***@db/terminology', 'postgresql://db/t?password=***')
    """
    return _PASSWORD.sub(lambda match: (match[1] or match[2]) + HIDDEN, text)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingError(f"{path}: cannot be read as TOML: {problem}") from None
