"""The command ``terminology``."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import click

from terminology.assembly import SETTINGS, BadSetting, Settings
from terminology.packages import UnreadableFile
from terminology.software import NAME, VERSION

_HELP = {setting.name: setting.meaning for setting in SETTINGS}


@click.group()
@click.version_option(VERSION, prog_name=NAME)
def main() -> None:
    """A FHIR terminology server."""


@main.command()
@click.option("--host", help=_HELP["host"])
@click.option("--port", type=int, help=_HELP["port"])
@click.option("--content", type=click.Path(path_type=Path), multiple=True, help=_HELP["content"])
@click.option(
    "--config", type=click.Path(path_type=Path), help="A TOML file with settings; see docs/settings.md."
)
@click.option("--check", is_flag=True, help="Load everything, say what there is, and end.")
def serve(
    host: str | None, port: int | None, content: tuple[Path, ...], config: Path | None, check: bool
) -> None:
    """Serve terminology over HTTP."""
    try:
        settings = Settings(config, host=host, port=port, content=list(content) or None)
        _serve(settings, check)
    except (BadSetting, UnreadableFile) as problem:
        raise click.ClickException(str(problem)) from None


def _serve(settings: Settings, check: bool) -> None:
    from werkzeug.serving import make_server

    from terminology.assembly import open_catalogue
    from terminology.catalogue import KINDS
    from terminology.web import ROOT, create_app

    catalogue = open_catalogue(settings)
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
    app = create_app(catalogue, settings)
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
