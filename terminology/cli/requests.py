"""The commands ``lookup`` and ``translate``: requests to the content that the settings name."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from terminology.cli import result_lines
from terminology.cli.options import errors_in_one_line, settings_of, settings_options
from terminology.library import Terminology
from terminology.library.results import Result
from terminology.opening import ServedContent
from terminology.wire import json

# The settings that name the content.
_CONTENT = ("bundled", "content", "store", "skip_broken")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as a Parameters resource.")


@contextmanager
def _terminology(config: Path | None, options: dict[str, Any]) -> Iterator[Terminology]:
    """The content that the settings name; problems end the command with one line.

    A single request has no state to keep, so the data folder need not be writable.
    """
    with errors_in_one_line():
        settings = settings_of(config, options)
        with closing(ServedContent(settings)) as served:
            yield Terminology(settings=settings.updated(data=""), catalogue=served.catalogue)


@click.command()
@click.argument("system")
@click.argument("code")
@click.option("--version", help="The version of the code system.")
@click.option("--language", help="The language of the display, such as 'de' or 'de, fr;q=0.5'.")
@click.option("--property", "properties", multiple=True, help="Only this property; may be repeated.")
@settings_options(*_CONTENT)
@_JSON
def lookup(
    system: str,
    code: str,
    version: str | None,
    language: str | None,
    properties: tuple[str, ...],
    config: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show the display, designations and properties of a CODE of a code SYSTEM."""
    with _terminology(config, options) as terminology:
        result = terminology.lookup(
            system, code, version=version, display_language=language, property=properties
        )
    _show(result, result_lines.lookup_lines(result), as_json)


@click.command()
@click.argument("system")
@click.argument("code")
@click.option("--to", help="The code system to translate to.")
@click.option("--map", "map_", help="The canonical of the ConceptMap to use.")
@click.option(
    "--where", multiple=True, metavar="NAME=VALUE", help="A condition that is known to hold; may be repeated."
)
@settings_options(*_CONTENT)
@_JSON
def translate(
    system: str,
    code: str,
    to: str | None,
    map_: str | None,
    where: tuple[str, ...],
    config: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show the translations of a CODE of a code SYSTEM. The exit status is 1 if there is none."""
    conditions = [_dependency(condition) for condition in where]
    with _terminology(config, options) as terminology:
        result = terminology.translate(system, code, target_system=to, url=map_, dependency=conditions)
    _show(result, result_lines.translate_lines(result), as_json)
    if not result:
        sys.exit(1)


def _dependency(condition: str) -> dict[str, str]:
    name, equals, value = condition.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"should be NAME=VALUE, not '{condition}'", param_hint="--where")
    return {"attribute": name, "value": value}


def _show(result: Result, lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.write(result.json, pretty=True).decode())
        return
    for line in lines:
        click.echo(line)
