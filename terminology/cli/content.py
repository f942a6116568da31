"""The commands ``load``, ``build-bundles`` and ``reference``: content and pages that are files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from terminology.cli.counts import counted
from terminology.cli.options import errors_in_one_line, settings_of, settings_options, undone_on_full_disk
from terminology.cli.progress import Interrupted, Progress
from terminology.content.installing import InstalledContent, install
from terminology.core.errors import SettingError, UnreadableFileError
from terminology.opening import broken_file_policy, loaded_folder
from terminology.settings import Settings


@click.command("load")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATHS...")
@settings_options("data", "skip_broken", "package_registry")
@click.option("--dry-run", is_flag=True, help="Read everything and show its resources, but keep nothing.")
def load_content(paths: tuple[Path, ...], config: Path | None, dry_run: bool, **options: Any) -> None:
    """Keep FHIR content, so that every later start of the service serves it.

    PATHS are FHIR packages (.tgz, or unpacked), JSON files with a resource or a Bundle, and folders of those; or
    names of packages (NAME@VERSION, or NAME for the latest), which are fetched from the registry of packages.
    Everything is read first, and then copied into the folder 'content' of the data folder: a package under
    its name and version, anything else under its own name, in place of an earlier one of that name. A running
    service goes on with the content that it has read, until 'terminology reload'. To take something back, delete
    it from that folder.
    """
    with errors_in_one_line(), undone_on_full_disk():
        settings = settings_of(config, options)
        folder = loaded_folder(settings)
        if folder is None:
            raise SettingError("there is no data folder to keep content in: give one with --data")
        keep = partial(install, folder=folder, on_unreadable=broken_file_policy(settings), dry_run=dry_run)
        for path in paths:
            try:
                label, installed = (
                    (str(path), keep(path)) if path.exists() else _fetched(path, settings, keep)
                )
            except KeyboardInterrupt:
                raise Interrupted(f"Interrupted: nothing of {path} is kept.") from None
            counts = ", ".join(counted(count, kind) for kind, count in sorted(installed.counts.items()))
            change = f"{installed.change}, not kept" if dry_run else installed.change
            click.echo(f"{label}: {counts} ({change}: {folder / installed.name})")


def _fetched(
    path: Path, settings: Settings, keep: Callable[[Path], InstalledContent]
) -> tuple[str, InstalledContent]:
    """The name of a package with its version, and the file that is kept of it; ``path`` is its name, or no file at all.

    Raises UnreadableFileError, and SettingError where there is no registry.
    """
    from terminology.content.package_registry import PackageRegistry, package_named

    package = package_named(str(path))
    if package is None:
        return str(path), keep(path)
    if not settings.package_registry:
        raise SettingError(
            f"'{package.name}' is not a file, and there is no registry of packages: set package_registry"
        )
    registry = PackageRegistry(settings.package_registry)
    progress = Progress.on_terminal()
    entry = registry.find(package)
    label = f"{entry.name}@{entry.version}"
    if not entry.checksums:
        click.echo(f"{label}: the registry gives no checksum", err=True)
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / f"{entry.name}-{entry.version}.tgz"
        try:
            registry.fetch(entry, archive, partial(progress.read, label))
        finally:
            progress.end()
        try:
            return label, keep(archive)
        except UnreadableFileError as error:
            raise UnreadableFileError(str(error).replace(str(archive), label)) from None


@click.command("build-bundles")
@click.option(
    "--check", is_flag=True, help="Change nothing; fail if the bundles differ from what the tables give."
)
@click.option("--base", help="The canonical base of the published resources, instead of publication.toml's.")
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
        raise click.ClickException("the bundles differ from the tables: run 'terminology build-bundles'")


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail if a page is out of date.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="docs")
def reference(folder: Path, check: bool) -> None:
    """Write the reference pages from the tables in the code."""
    from terminology.cli.reference import write

    with errors_in_one_line():
        stale = write(folder, check)
    if check and stale:
        raise click.ClickException(f"out of date: {', '.join(stale)}; run 'terminology reference'")
    click.echo(f"written: {', '.join(stale)}" if stale else "up to date")
