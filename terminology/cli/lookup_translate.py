"""The commands ``lookup`` and ``translate``: requests to the content that the settings name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from terminology.cli import result_lines
from terminology.cli.opened import CONTENT, named, opened_terminology
from terminology.cli.options import MAP, WHERE, dependency, settings_options
from terminology.core.errors import TerminologyError
from terminology.core.issues.translate_hints import for_command_line
from terminology.core.model import Document
from terminology.library.results import LookupResult, Result, TranslateResult
from terminology.wire import json
from terminology.wire.outcome import operation_outcome

R = TypeVar("R", bound=Result)

_JSON = click.option("--json", "as_json", is_flag=True, help="Print each answer as a Parameters resource.")


def _read(context: click.Context, argument: click.Parameter, codes: Sequence[str]) -> list[str]:
    """The codes; ``-`` stands for those on standard input, one a line."""
    read: list[str] = []
    for code in codes:
        if code == "-":
            lines = (line.lstrip("\ufeff").strip() for line in sys.stdin)  # of a file with a byte order mark
            read.extend(line for line in lines if line)
        else:
            read.append(code)
    if not read:
        raise click.UsageError("standard input has no code")
    return read


def _show(
    codes: Sequence[str],
    ask: Callable[[str], R],
    lines: Callable[[R], Iterator[str]],
    as_json: bool,
    is_found: Callable[[R], bool] = lambda answer: True,
) -> None:
    """Ask for each code. The exit status is 1 if there was nothing for one of them.

    Several answers are blocks, each with the code above it; one that fails does not stop the others. Raises
    ClickException for a code that is alone.
    """
    are_all_found = True
    for index, code in enumerate(codes):
        if len(codes) > 1 and not as_json:
            click.echo(f"\n{code}" if index else code)
        try:
            answer = ask(code)
        except TerminologyError as problem:
            if len(codes) == 1:
                raise click.ClickException(_text(problem)) from None
            are_all_found = False
            if as_json:
                _print(operation_outcome(problem.issues))
            click.echo(f"Error: {_text(problem)}", err=True)
            continue
        are_all_found = are_all_found and is_found(answer)
        if as_json:
            _print(answer.json)
        else:
            for line in lines(answer):
                click.echo(line)
    if not are_all_found:
        sys.exit(1)


def _text(problem: TerminologyError) -> str:
    """The text of an error, with the option of the command in place of FHIR's parameter."""
    return for_command_line(str(problem))


_CODES = click.argument("codes", metavar="CODE...", nargs=-1, required=True, callback=_read)


@click.command()
@click.argument("system")
@_CODES
@click.option("--version", help="The version of the code system.")
@click.option("--language", help="The language of the display, such as 'de' or 'de, fr;q=0.5'.")
@click.option("--property", "properties", multiple=True, help="Only this property; may be repeated.")
@settings_options(*CONTENT)
@_JSON
def lookup(
    system: str,
    codes: list[str],
    version: str | None,
    language: str | None,
    properties: tuple[str, ...],
    config: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show the display, designations and properties of each CODE of a code SYSTEM: its url, or a short name (cpt).

    A CODE of '-' stands for the lines of standard input. The exit status is 1 if a code is not known.
    """
    with opened_terminology(config, options) as terminology:
        url = named(terminology, system)

        def ask(code: str) -> LookupResult:
            return terminology.lookup(
                url, code, version=version, display_language=language, property=properties
            )

        _show(codes, ask, result_lines.lookup_lines, as_json)


@click.command()
@click.argument("system")
@_CODES
@click.option("--to", help="The code system to translate to.")
@MAP
@WHERE
@click.option(
    "--compose",
    is_flag=True,
    help="Use two maps in a row where no map leads to the target ('_compose=true').",
)
@click.option("--explain", is_flag=True, help="Show the reason, and what each map had to do with it.")
@settings_options(*CONTENT)
@_JSON
def translate(
    system: str,
    codes: list[str],
    to: str | None,
    map_: str | None,
    where: tuple[str, ...],
    compose: bool,
    explain: bool,
    config: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show the translations of each CODE of a code SYSTEM: its url, or a short name such as cpt or icd10cm.

    A CODE of '-' stands for the lines of standard input. The exit status is 1 if a code has no translation.
    """
    conditions = [dependency(condition) for condition in where]
    parameters: dict[str, Any] = {"_compose": True} if compose else {}
    if explain:
        parameters["_explain"] = True
    with opened_terminology(config, options) as terminology:
        url, target = named(terminology, system), None if to is None else named(terminology, to)

        def ask(code: str) -> TranslateResult:
            return terminology.translate(
                url, code, target_system=target, url=map_, dependency=conditions, **parameters
            )

        _show(codes, ask, result_lines.translate_lines, as_json, is_found=bool)


def _print(document: Document) -> None:
    click.echo(json.write(document, pretty=True).decode())
