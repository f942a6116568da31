"""The command ``terminology``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from terminology.cli import console
from terminology.cli.progress import import_into, show
from terminology.content.packages import keep
from terminology.core.errors import SettingError, TerminologyError, UnreadableFileError
from terminology.core.model import Document
from terminology.core.software import NAME, VERSION
from terminology.opening import held_in, known_importers, loaded_content, of_database, when_broken
from terminology.settings import POSTGRES, SETTINGS, Setting, Settings
from terminology.wire import json

if TYPE_CHECKING:
    from terminology.catalogue.content import Content
    from terminology.store.loading import Loader

_Command = Callable[..., None]


_CONFIG = click.option(
    "--config", type=click.Path(path_type=Path), help="A TOML file with settings; see docs/settings.md."
)
# What stands for a value in the help, by the type of the default; a flag takes none.
_METAVARS: dict[type[Any], str] = {int: "NUMBER", list: "PATH", str: "TEXT"}


def _option(setting: Setting) -> Callable[[_Command], _Command]:
    """A setting as an option. Its value is read by ``Settings``, as from anywhere else."""
    metavar = _METAVARS.get(type(setting.default))
    return click.option(
        setting.option,
        default=() if metavar == "PATH" else None,
        multiple=metavar == "PATH",
        type=str if metavar else None,
        metavar=metavar,
        help=setting.meaning,
    )


# The settings that say what there is to ask.
_CONTENT = ("bundled", "content", "store", "skip_broken")
_STORE = _option(next(setting for setting in SETTINGS if setting.name == "store"))


def _settings_options(*names: str) -> Callable[[_Command], _Command]:
    """The options of these settings, and --config."""

    def decorate(command: _Command) -> _Command:
        command = _CONFIG(command)
        for setting in reversed(SETTINGS):
            if setting.name in names:
                command = _option(setting)(command)
        return command

    return decorate


def settings_of(config: Path | None, options: dict[str, Any]) -> Settings:
    """The settings with these options over them. Raises SettingError."""
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    return Settings(config, None, **{name: value for name, value in given.items() if value != []})


@click.group()
@click.version_option(VERSION, prog_name=NAME)
def main() -> None:
    """A FHIR terminology server."""


@main.command()
@_settings_options(*(setting.name for setting in SETTINGS))
@click.option("--check", is_flag=True, help="Load everything, say what there is, and end.")
def serve(config: Path | None, check: bool, **given: Any) -> None:
    """Serve terminology over HTTP."""
    with _said_plainly():
        _serve(settings_of(config, given), check)


def _serve(settings: Settings, check: bool) -> None:
    from terminology.http import serving

    if (
        settings.store
        and not settings.store.startswith(POSTGRES)
        and not Path(settings.store).expanduser().is_dir()
    ):
        # It may be filled later, by an import on another machine.
        click.echo(f"Warning: there is no store in {settings.store} yet", err=True)
    content = _counted(settings)
    if check:
        return
    serving.serve(settings, content, _say_where)
    click.echo("Stopped.")


def _counted(settings: Settings) -> Content:
    """The content that the settings name, after telling how much there is, with what is in the store.

    Nothing of the store is left open: a process that is forked must not inherit it.
    """
    from terminology.catalogue.protocol import KINDS
    from terminology.opening import Serving

    served = Serving(settings)
    catalogue = served.catalogue()
    counts = ", ".join(f"{sum(1 for _ in catalogue.headers(kind))} {kind}s" for kind in KINDS)
    click.echo(f"{NAME} {VERSION}: {counts}")
    served.close()
    return served.content


def _say_where(base: str) -> None:
    click.echo(f"Listening on {base} (also {base}/r4, {base}/r4b, {base}/r5). Try:\n")
    click.echo(f"  curl '{base}/r4/CodeSystem/$lookup?system=http://www.ama-assn.org/go/cpt&code=57520'\n")
    sys.stdout.flush()


# -- asking --------------------------------------------------------------------------------------


@main.command()
@click.argument("system")
@click.argument("code")
@click.option("--version", help="The version of the code system.")
@click.option("--language", help="The language of the display, such as 'de' or 'de, fr;q=0.5'.")
@click.option("--property", "properties", multiple=True, help="Only this property; may be repeated.")
@_settings_options(*_CONTENT)
@click.option("--json", "as_json", is_flag=True, help="The answer as a Parameters resource.")
def lookup(
    system: str,
    code: str,
    version: str | None,
    language: str | None,
    properties: tuple[str, ...],
    config: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Say what is known of a CODE of a code SYSTEM."""
    given = {"version": version, "displayLanguage": language, "property": list(properties)}
    answer = _asked("CodeSystem/$lookup", config, settings, system=system, code=code, **given)
    _show(answer, console.looked_up, as_json)


@main.command()
@click.argument("system")
@click.argument("code")
@click.option("--to", help="The code system to translate to.")
@click.option("--map", "map_", help="The canonical of the ConceptMap to use.")
@click.option("--where", multiple=True, metavar="NAME=VALUE", help="What a map may depend on; repeatable.")
@_settings_options(*_CONTENT)
@click.option("--json", "as_json", is_flag=True, help="The answer as a Parameters resource.")
def translate(
    system: str,
    code: str,
    to: str | None,
    map_: str | None,
    where: tuple[str, ...],
    config: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Say what a CODE of a code SYSTEM is elsewhere. The exit status is 1 when there is no translation."""
    known = [_dependency(condition) for condition in where]
    given = {"targetSystem": to, "url": map_, "dependency": known}
    answer = _asked("ConceptMap/$translate", config, settings, system=system, sourceCode=code, **given)
    _show(answer, console.translated, as_json)
    if not console.is_translated(answer):
        sys.exit(1)


def _dependency(condition: str) -> dict[str, str]:
    name, equals, value = condition.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"should be NAME=VALUE, not '{condition}'", param_hint="--where")
    return {"attribute": name, "value": value}


def _asked(operation: str, config: Path | None, settings: dict[str, Any], /, **parameters: Any) -> Document:
    from terminology.library import Terminology

    with _said_plainly():
        return Terminology(settings_of(config, settings)).ask(operation, **parameters)


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Whatever may be wrong with settings, content or the store is said in one line."""
    try:
        yield
    except (SettingError, UnreadableFileError, TerminologyError) as problem:
        raise click.ClickException(str(problem)) from None
    except Exception as problem:
        said = of_database(problem)
        if said is None:
            raise
        raise click.ClickException(said) from None


def _show(answer: Document, lines: Callable[[Document], Iterable[str]], as_json: bool) -> None:
    if as_json:
        click.echo(json.write(answer, pretty=True).decode())
        return
    for line in lines(answer):
        click.echo(line)


# -- content -------------------------------------------------------------------------------------


@main.command("load")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@_settings_options("data", "skip_broken")
@click.option("--dry-run", is_flag=True, help="Read everything and say what there is, but keep nothing.")
def load_content(paths: tuple[Path, ...], config: Path | None, dry_run: bool, **given: Any) -> None:
    """Keep FHIR content, so that every start from now on serves it.

    PATHS are FHIR packages (.tgz, or unpacked), JSON files with a resource or a Bundle, and folders of those.
    Everything is read first, and then copied into the folder 'content' of the data folder: a package under
    its name and version, anything else under its own name, in place of what had that name before. A service
    that is running goes on with what it has, until it is started anew. To take something back, delete it from
    that folder.
    """
    try:
        settings = settings_of(config, given)
        folder = loaded_content(settings)
        if folder is None:
            raise SettingError("there is no data folder to keep anything in: give one with --data")
        for path in paths:
            kept = keep(path, folder, when_broken(settings), dry_run)
            counts = ", ".join(f"{count} {kind}s" for kind, count in sorted(kept.counts.items()))
            change = f"{kept.change}, not kept" if dry_run else kept.change
            click.echo(f"{path}: {counts} ({change}: {folder / kept.name})")
    except (SettingError, UnreadableFileError) as problem:
        raise click.ClickException(str(problem)) from None
    except OSError as problem:
        raise click.ClickException(f"{problem.filename}: {problem.strerror}") from None


@main.command("build-bundles")
@click.option(
    "--check", is_flag=True, help="Change nothing; fail if the kept bundles differ from the tables."
)
@click.option("--base", help="The canonical base of what we publish, in place of that in publication.toml.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder that holds 'source'; unless given, ./fhir_bundles.",
)
def build_bundles(check: bool, base: str | None, folder: Path | None) -> None:
    """Build the published bundles from the tables in fhir_bundles/source."""
    from terminology.content import publication

    try:
        folder = publication.working_folder(folder)
        differences = publication.check(folder, base) if check else publication.write(folder, base)
    except ValueError as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(f"{'Compared with' if check else 'Built from'} {folder / 'source'}:")
    for line in differences:
        click.echo(line)
    if check and differences:
        raise click.ClickException(
            "the kept bundles are not those of the tables: run 'terminology build-bundles'"
        )


@main.command()
@click.option("--check", is_flag=True, help="Change nothing; fail if a page is out of date.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="docs")
def reference(folder: Path, check: bool) -> None:
    """Write the reference pages from the tables in the code."""
    from terminology.cli.reference import write

    with _said_plainly():
        stale = write(folder, check)
    if check and stale:
        raise click.ClickException(f"out of date: {', '.join(stale)}; run 'terminology reference'")
    click.echo(f"written: {', '.join(stale)}" if stale else "up to date")


# -- the store -----------------------------------------------------------------------------------


@main.command("import")
@_STORE
@_CONFIG
@click.option("--dry-run", is_flag=True, help="Read and check everything, and write nothing.")
@click.option("--strict", is_flag=True, help="Import nothing if there is a malformed row.")
@click.option("--fewer", is_flag=True, help="Replace a version even with less than half of its rows.")
@click.option("--quiet", is_flag=True, help="Say only what is wrong, and not how far it is.")
@click.argument("kind", metavar="KIND")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
def import_(
    store: str | None,
    config: Path | None,
    dry_run: bool,
    strict: bool,
    fewer: bool,
    quiet: bool,
    kind: str,
    paths: tuple[Path, ...],
) -> None:
    """Bring a release of a code system, or maps, into the store.

    KIND says what it is: 'terminology import list' lists what can be imported. A release takes the place of
    the same version loaded before, and a retired version that is imported again is served again. One without
    a row that can be read is refused, and so is one with less than half of the rows that it would replace,
    unless --fewer says that this is meant.
    """
    with _said_plainly():
        importers = known_importers()
    from terminology.core.errors import BrokenReleaseError

    importer = next((importer for importer in importers if importer.kind == kind), None)
    if importer is None:
        for known in importers:
            click.echo(f"{known.kind:12} {known.description}")
        if kind != "list":
            raise click.ClickException(f"there is no importer '{kind}'")
        return
    if not paths:
        raise click.UsageError("Missing argument 'PATHS...'.")
    with _loader(store, config) as loader:
        try:
            import_into(loader, importer, paths, dry_run, strict, quiet, fewer)
        except BrokenReleaseError as problem:
            raise click.ClickException(str(problem)) from None


@main.command()
@_STORE
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all there is to say.")
def status(store: str | None, config: Path | None, as_json: bool) -> None:
    """Say what is in the store: from which files, when, how many rows, under which licence."""
    with _said_plainly():
        show(held_in(Settings(config, store=store).store), as_json)


@main.command()
@_STORE
@_CONFIG
@click.option("--undo", is_flag=True, help="Serve it again.")
@click.argument("canonical", metavar="URL[|VERSION]")
def retire(store: str | None, config: Path | None, undo: bool, canonical: str) -> None:
    """Serve a version no more, but keep it in the store. A URL without a version is all of its versions."""
    with _loader(store, config) as loader:
        for loaded in loader.retire(canonical, undo):
            click.echo(f"{loaded.canonical}: {'served again' if undo else 'not served any more'}")


@main.command()
@_STORE
@_CONFIG
@click.option("--now", is_flag=True, help="Free the room at once, whoever may still be reading.")
@click.argument("canonical", metavar="URL[|VERSION]")
def remove(store: str | None, config: Path | None, now: bool, canonical: str) -> None:
    """Take a version out of the store. A URL without a version is all of its versions."""
    with _loader(store, config) as loader:
        for loaded in loader.remove(canonical, now):
            click.echo(f"{loaded.canonical}: removed")


@contextmanager
def _loader(store: str | None, config: Path | None) -> Iterator[Loader]:
    """The writing side of the store that the settings name; whatever goes wrong is said in one line."""
    from terminology.opening import open_loader

    with _said_plainly():
        loader = open_loader(Settings(config, store=store).store)
        from terminology.core.errors import (
            NotLoadedError,
            StoreBusyError,
            TooFewRowsError,
            UnrecognisedReleaseError,
        )

        try:
            yield loader
        except (StoreBusyError, NotLoadedError, TooFewRowsError, UnrecognisedReleaseError) as problem:
            raise click.ClickException(str(problem)) from None
        finally:
            loader.close()
