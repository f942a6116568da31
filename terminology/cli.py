"""The command ``terminology``."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from terminology.assembly import SETTINGS, BadSetting, Settings
from terminology.importing import import_into, show
from terminology.packages import UnreadableFile
from terminology.software import NAME, VERSION

if TYPE_CHECKING:
    from terminology.store.loading import Loader

_HELP = {setting.name: setting.meaning for setting in SETTINGS}
_STORE = click.option("--store", help=_HELP["store"])
_CONFIG = click.option(
    "--config", type=click.Path(path_type=Path), help="A TOML file with settings; see docs/settings.md."
)


@click.group()
@click.version_option(VERSION, prog_name=NAME)
def main() -> None:
    """A FHIR terminology server."""


@main.command()
@click.option("--host", help=_HELP["host"])
@click.option("--port", type=int, help=_HELP["port"])
@click.option("--content", type=click.Path(path_type=Path), multiple=True, help=_HELP["content"])
@_STORE
@_CONFIG
@click.option("--check", is_flag=True, help="Load everything, say what there is, and end.")
def serve(
    host: str | None,
    port: int | None,
    content: tuple[Path, ...],
    store: str | None,
    config: Path | None,
    check: bool,
) -> None:
    """Serve terminology over HTTP."""
    try:
        settings = Settings(config, host=host, port=port, content=list(content) or None, store=store)
        _serve(settings, check)
    except (BadSetting, UnreadableFile) as problem:
        raise click.ClickException(str(problem)) from None


def _serve(settings: Settings, check: bool) -> None:
    from werkzeug.serving import make_server

    from terminology.assembly import Serving
    from terminology.catalogue import KINDS
    from terminology.web import ROOT, create_app

    serving = Serving(settings)
    catalogue = serving.catalogue()
    counts = ", ".join(f"{sum(1 for _ in catalogue.documents(kind))} {kind}s" for kind in KINDS)
    click.echo(f"{NAME} {VERSION}: {counts}")
    if check:
        return
    try:
        listening = socket.create_server((settings.host, settings.port))
    except OSError as problem:
        where = f"{settings.host} port {settings.port}"
        reason = f"cannot listen on {where}: {problem.strerror}. Try another --port; 0 takes a free one"
        raise click.ClickException(reason) from None
    app = create_app(serving.catalogue, settings)
    server = make_server(settings.host, settings.port, app, threaded=True, fd=listening.fileno())
    base = f"http://{settings.host}:{listening.getsockname()[1]}{ROOT}"
    click.echo(f"Listening on {base} (also {base}/r4, {base}/r4b, {base}/r5). Try:\n")
    click.echo(f"  curl '{base}/r4/CodeSystem/$lookup?system=http://www.ama-assn.org/go/cpt&code=57520'\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("Stopped.")


@main.command("build-bundles")
@click.option(
    "--check", is_flag=True, help="Change nothing; fail if the kept bundles differ from the tables."
)
@click.option("--base", help="The canonical base of what we publish, in place of that in publication.toml.")
def build_bundles(check: bool, base: str | None) -> None:
    """Build the published bundles from the tables in fhir_bundles/source."""
    from terminology import publication

    options: dict[str, Any] = {"base": base} if base else {}
    try:
        differences = publication.check(**options) if check else publication.write(**options)
    except ValueError as problem:
        raise click.ClickException(str(problem)) from None
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
    from terminology.reference import write

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
@click.argument("kind", metavar="KIND")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def import_(
    store: str | None, config: Path | None, dry_run: bool, strict: bool, kind: str, paths: tuple[Path, ...]
) -> None:
    """Bring a release of a code system, or maps, into the store.

    KIND says what it is: 'terminology import list .' lists what can be imported.
    """
    from terminology.importers import IMPORTERS

    importer = next((importer for importer in IMPORTERS if importer.kind == kind), None)
    if importer is None:
        for known in IMPORTERS:
            click.echo(f"{known.kind:12} {known.description}")
        if kind != "list":
            raise click.ClickException(f"there is no importer '{kind}'")
        return
    with _loader(store, config) as loader:
        import_into(loader, importer, paths, dry_run, strict)


@main.command()
@_STORE
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all there is to say.")
def status(store: str | None, config: Path | None, as_json: bool) -> None:
    """Say what is in the store: from which files, when, how many rows, under which licence."""
    with _loader(store, config) as loader:
        show(loader.status(), as_json)


@main.command()
@_STORE
@_CONFIG
@click.option("--undo", is_flag=True, help="Serve it again.")
@click.argument("canonical", metavar="URL[|VERSION]")
def retire(store: str | None, config: Path | None, undo: bool, canonical: str) -> None:
    """Serve a version no more, but keep it in the store."""
    with _loader(store, config) as loader:
        for loaded in loader.retire(canonical, undo):
            click.echo(f"{loaded.canonical}: {'served again' if undo else 'not served any more'}")


@main.command()
@_STORE
@_CONFIG
@click.option("--now", is_flag=True, help="Free the room at once, whoever may still be reading.")
@click.argument("canonical", metavar="URL[|VERSION]")
def remove(store: str | None, config: Path | None, now: bool, canonical: str) -> None:
    """Take a version out of the store."""
    with _loader(store, config) as loader:
        for loaded in loader.remove(canonical, now):
            click.echo(f"{loaded.canonical}: removed")


@contextmanager
def _loader(store: str | None, config: Path | None) -> Iterator[Loader]:
    """The writing side of the store that the settings name; whatever goes wrong is said in one line."""
    from terminology.assembly import open_loader

    try:
        loader = open_loader(Settings(config, store=store).store)
        from terminology.store.content import Busy
        from terminology.store.loading import NotLoaded, Unrecognised
    except BadSetting as problem:
        raise click.ClickException(str(problem)) from None
    try:
        yield loader
    except (Busy, NotLoaded, Unrecognised) as problem:
        raise click.ClickException(str(problem)) from None
    finally:
        loader.close()
