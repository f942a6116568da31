"""The commands ``import``, ``status``, ``verify``, ``retire`` and ``remove``: the store of imported releases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from terminology.cli.options import (
    CONFIG,
    STORE,
    NumberRange,
    errors_in_one_line,
    settings_of,
    undone_on_full_disk,
)
from terminology.cli.progress import import_into, show, show_verdicts
from terminology.cli.services import show_failed_reloads
from terminology.opening import known_importers, open_loader, registry_of
from terminology.settings import POSTGRES

if TYPE_CHECKING:
    from terminology.store.backend import Store
    from terminology.store.loading import StoreWriter
    from terminology.store.release import Importer


@click.command("import")
@STORE
@CONFIG
@click.option("--dry-run", is_flag=True, help="Read and check everything, and write nothing.")
@click.option("--strict", is_flag=True, help="Import nothing if there is a malformed row.")
@click.option(
    "--allow-fewer-rows",
    is_flag=True,
    help="Replace a version even if the new release has less than half of its rows.",
)
@click.option(
    "--most-problems",
    type=NumberRange(0),
    metavar="PERCENT",
    default=5.0,
    show_default=True,
    help="Refuse a release with more problems than this percentage of its rows.",
)
@click.option(
    "--partial",
    is_flag=True,
    help="Take what can be read of a release that breaks off or has too many problems, as a fragment.",
)
@click.option(
    "--edition",
    metavar="MODULE",
    help="SNOMED CT: the module, or the uri, of the edition that the files are.",
)
@click.option(
    "--version", metavar="DATE", help="SNOMED CT: the date, or the uri, of the version that the files are."
)
@click.option(
    "--url", metavar="URL", help="ClaML: the url of the code system, where the file has no title known here."
)
@click.option("--quiet", is_flag=True, help="Print problems only, and no progress.")
@click.argument("kind", metavar="KIND")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
def import_(
    store: str | None,
    config: Path | None,
    dry_run: bool,
    strict: bool,
    allow_fewer_rows: bool,
    most_problems: float,
    partial: bool,
    edition: str | None,
    version: str | None,
    url: str | None,
    quiet: bool,
    kind: str,
    paths: tuple[Path, ...],
) -> None:
    """Import a release of a code system, or maps, into the store.

    KIND is the kind of release: 'terminology import list' lists all kinds. A release replaces the same version
    that was imported before, and a retired version that is imported again is served again. A release without a
    readable row is refused. So is one that breaks off or has too many problems, unless --partial is given, and one
    with less than half of the rows that it would replace, unless --allow-fewer-rows is given.
    """
    importers = known_importers()
    importer = next((importer for importer in importers if importer.kind == kind), None)
    if importer is None:
        for known in importers:
            click.echo(f"{known.kind:12} {known.description}")
        if kind != "list":
            raise click.ClickException(f"there is no importer '{kind}'")
        return
    if not paths:
        raise click.UsageError("Missing argument 'PATHS...'.")
    if edition or version:
        importer = _stating(importer, edition, version)
    if url:
        importer = _stating_url(importer, url)
    with _loader(store, config, makes_store=True) as loader:
        options = {"allow_fewer_rows": allow_fewer_rows, "partial": partial, "most_problems": most_problems}
        import_into(loader, importer, paths, dry_run, strict, quiet, **options)


def _stating(importer: Importer, edition: str | None, version: str | None) -> Importer:
    """The importer that takes the files for what the options say. Ends the command where it cannot."""
    if importer.stating is None:
        raise click.UsageError(f"--edition and --version are not for '{importer.kind}': its files say them.")
    with errors_in_one_line():
        return importer.stating(edition, version)


def _stating_url(importer: Importer, url: str) -> Importer:
    """The importer that takes the files for those of a code system. Ends the command where it cannot."""
    if importer.stating_url is None:
        raise click.UsageError(f"--url is not for '{importer.kind}': its files say it.")
    return importer.stating_url(url)


@click.command()
@STORE
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print everything, as JSON.")
def status(store: str | None, config: Path | None, as_json: bool) -> None:
    """Show the releases in the store: their files, dates, numbers of rows and licences.

    The exit status is 1 if a file of the store is missing or cut off ('terminology verify' reads them whole), or if a
    service could not read its content again ('terminology reload'). With the setting 'copies' the resources are named
    that have no copy yet: these are answered from the database alone.
    """
    with errors_in_one_line():
        settings = settings_of(config, {"store": store})
        are_fresh = show_failed_reloads(settings)  # also where there is no store
        with registry_of(settings.store) as (content, registry):
            from terminology.store.verifying import glances

            is_whole = show(list(glances(content, registry)), as_json) and are_fresh
            if settings.copies is not None and settings.store.startswith(POSTGRES):
                _show_uncopied(settings.copies, content)
    if not is_whole:
        raise SystemExit(1)


def _show_uncopied(folder: Path, content: Store) -> None:
    from terminology.store.copies import uncopied_in
    from terminology.store.postgres import PostgresStore

    assert isinstance(content, PostgresStore)
    for name in uncopied_in(folder, content):
        click.echo(f"no copy in {folder} yet: {name}", err=True)


@click.command()
@STORE
@CONFIG
def verify(store: str | None, config: Path | None) -> None:
    """Check that every version in the store is as it was imported.

    The file of each is read whole and compared with its SHA-256, which the import has noted. In a database the
    header is read, and the rows are counted. The exit status is 1 if one of them is damaged.
    """
    with errors_in_one_line():
        place = settings_of(config, {"store": store}).store
        with registry_of(place) as (content, registry):
            is_whole = show_verdicts(content, registry)
    if not is_whole:
        raise SystemExit(1)


@click.command()
@STORE
@CONFIG
@click.option("--undo", is_flag=True, help="Serve it again.")
@click.argument("canonical", metavar="URL[|VERSION]")
def retire(store: str | None, config: Path | None, undo: bool, canonical: str) -> None:
    """Stop serving a version, but keep it in the store.

    A URL without a version means all of its versions; with a bar and nothing after it, the one that has no version.
    """
    with _loader(store, config) as loader:
        for loaded in loader.retire(canonical, undo):
            click.echo(f"{loaded.canonical}: {'served again' if undo else 'not served any more'}")


@click.command()
@STORE
@CONFIG
@click.option("--now", is_flag=True, help="Delete the files at once, even if a server still reads them.")
@click.argument("canonical", metavar="URL[|VERSION]")
def remove(store: str | None, config: Path | None, now: bool, canonical: str) -> None:
    """Take a version out of the store.

    A URL without a version means all of its versions; with a bar and nothing after it, the one that has no version.
    """
    with _loader(store, config) as loader:
        for loaded in loader.remove(canonical, now):
            click.echo(f"{loaded.canonical}: removed")


@contextmanager
def _loader(store: str | None, config: Path | None, makes_store: bool = False) -> Iterator[StoreWriter]:
    """The writing side of the store that the settings name; problems end the command with one line."""
    with errors_in_one_line():
        loader = open_loader(settings_of(config, {"store": store}).store, makes_store)
        try:
            with undone_on_full_disk():
                yield loader
        finally:
            loader.close()
