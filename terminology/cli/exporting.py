"""The command ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from terminology.cli.counts import counted
from terminology.cli.options import RELEASE, errors_in_one_line, settings_of, settings_options
from terminology.content.exporting import (
    MOST_ROWS,
    PACKAGE,
    is_package,
    resources_to_export,
    write_bundle,
    write_package,
)
from terminology.core.errors import SettingError
from terminology.opening import ServedContent
from terminology.wire.fhir_versions import RELEASES


@click.command("export")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@settings_options("content", "data", "store", "skip_broken")
@RELEASE
@click.option("--url", "urls", multiple=True, metavar="URL[|VERSION]", help="Only this resource; repeatable.")
@click.option("--with-bundled", is_flag=True, help="Also what comes with this software.")
@click.option(
    "--most-rows",
    type=click.IntRange(1),
    default=MOST_ROWS,
    show_default=True,
    metavar="NUMBER",
    help="Leave out an imported resource with more concepts or mappings: it is in memory as a whole.",
)
@click.option(
    "--package",
    default="terminology.export@1.0.0",
    show_default=True,
    metavar="NAME@VERSION",
    help="The name and version of a package.",
)
def export(
    path: Path,
    config: Path | None,
    fhir: str,
    urls: tuple[str, ...],
    with_bundled: bool,
    most_rows: int,
    package: str,
    **options: Any,
) -> None:
    """Write the resources that a service with these settings serves into a file.

    PATH is a FHIR package if it ends in .tgz, or else a Bundle of the type collection in JSON. Every resource is in it
    whole: those that clients have written, those that are loaded ('terminology load' and --content), and imported ones.
    Texts that a licence keeps back from clients are in it, too. Either kind of file can be loaded again. The exit
    status is 1 if a resource had to be left out, or if there is none.
    """
    left_out: list[str] = []
    with errors_in_one_line():
        if not PACKAGE.fullmatch(package):
            raise SettingError(
                f"--package must be a name and a version such as org.example.terms@1.0.0, not '{package}'"
            )
        settings = settings_of(config, options).updated(bundled=with_bundled)
        served = ServedContent(settings)
        try:
            catalogue = served.catalogue()
            catalogue.require_store()
            version = RELEASES[fhir.lower()]
            resources = resources_to_export(catalogue, version, urls, most_rows, left_out.append)
            if is_package(path):
                counts = write_package(path, resources, package, version)
            else:
                counts = write_bundle(path, resources)
        finally:
            served.close()
    for name in left_out:
        click.echo(f"left out: {name}, more than --most-rows", err=True)
    written = ", ".join(counted(number, kind) for kind, number in sorted(counts.items()))
    click.echo(f"{path}: {written or 'no resource'}")
    if left_out or not counts:
        raise SystemExit(1)
