"""Options that commands share, made from the settings, and errors in one line.

The options of one command are in the module of the command.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from terminology.core.errors import SettingError, StoreError, TerminologyError, UnreadableFileError
from terminology.core.texts import escaped_lines
from terminology.settings import SETTINGS, Setting, Settings, value_of

Command = Callable[..., None]

CONFIG = click.option(
    "--config", type=click.Path(path_type=Path), help="A TOML file with settings; see docs/settings.md."
)
# The name of a value in the help, by the type of the default; a flag has none.
_METAVARS: dict[type[Any], str] = {int: "NUMBER", list: "PATH", str: "TEXT"}


def _option(setting: Setting) -> Callable[[Command], Command]:
    """A setting as an option. ``Settings`` reads its value, as from any other source."""
    metavar = _METAVARS.get(type(setting.default))
    return click.option(
        setting.option,
        default=() if metavar == "PATH" else None,
        multiple=metavar == "PATH",
        type=str if metavar else None,
        metavar=metavar,
        help=setting.meaning,
    )


class NumberRange(click.FloatRange):
    """A range of numbers. ``nan``, which Python compares with nothing, is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Raises BadParameter."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


# The options of commands that translate.
MAP = click.option("--map", "map_", help="The canonical of the ConceptMap to use.")
WHERE = click.option(
    "--where", multiple=True, metavar="NAME=VALUE", help="A condition that is known to hold; may be repeated."
)
# The option of commands that write resources.
RELEASE = click.option(
    "--release",
    "fhir",
    type=click.Choice(["r4", "r4b", "r5"], case_sensitive=False),
    default="r4",
    show_default=True,
    help="The release of FHIR to write.",
)
STORE = _option(next(setting for setting in SETTINGS if setting.name == "store"))


def dependency(condition: str) -> dict[str, str]:
    """The dependency of ``NAME=VALUE``. Raises BadParameter for anything else."""
    name, equals, value = condition.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"should be NAME=VALUE, not '{condition}'", param_hint="--where")
    return {"attribute": name, "value": value}


def settings_options(*names: str) -> Callable[[Command], Command]:
    """The options of these settings, and --config."""

    def decorate(command: Command) -> Command:
        command = CONFIG(command)
        for setting in reversed(SETTINGS):
            if setting.name in names:
                command = _option(setting)(command)
        return command

    return decorate


def settings_of(config: Path | None, options: dict[str, Any]) -> Settings:
    """The settings of the environment, with these options over them. Raises SettingError.

    ``options`` are texts, tuples of texts or booleans; None and the empty tuple count as not given.
    """
    arguments = {name: value for name, value in options.items() if value is not None and value != ()}
    for setting in SETTINGS:
        if setting.name in arguments:
            value_of(setting, arguments[setting.name], setting.option)  # so that an error names the option
    return Settings.from_environment(config, **arguments)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Problems with settings, content, requests or the store end the command with one line.

    It may have names out of a file. A terminal would do what control characters in them say, so these are escaped.
    """
    try:
        yield
    except (SettingError, UnreadableFileError, TerminologyError, StoreError) as problem:
        raise click.ClickException(escaped_lines(str(problem))) from None
    except BrokenPipeError:
        raise
    except Exception as problem:
        from terminology.opening import store_problem

        line = store_problem(problem)
        if line is None:
            raise
        raise click.ClickException(line) from None


@contextmanager
def undone_on_full_disk() -> Iterator[None]:
    """For a command that takes back what it wrote: where the disk is full, it says so. Raises StoreError."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = f"{problem.filename}: " if problem.filename else ""
        reason = f"{place}{problem.strerror}; nothing was changed, and the unfinished files are deleted"
        raise StoreError(reason) from None
