"""The commands ``lookup`` and ``translate``: questions to the content that the settings name, or to a server."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from terminology.cli import result_lines
from terminology.cli.answers import AnswerWriter
from terminology.cli.opened import named, opened_terminology, query_options
from terminology.cli.options import MAP, WHERE, dependency
from terminology.library.results import LookupResult, TranslateResult


def codes_of(context: click.Context, argument: click.Parameter, codes: Sequence[str]) -> list[str]:
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


CODES = click.argument("codes", metavar="CODE...", nargs=-1, required=True, callback=codes_of)


@click.command()
@click.argument("system")
@CODES
@click.option("--version", help="The version of the code system.")
@click.option("--language", help="The language of the display, such as 'de' or 'de, fr;q=0.5'.")
@click.option("--property", "properties", multiple=True, help="Only this property; may be repeated.")
@query_options
def lookup(
    system: str,
    codes: list[str],
    version: str | None,
    language: str | None,
    properties: tuple[str, ...],
    config: Path | None,
    as_json: bool,
    as_csv: bool,
    fhir: str,
    **options: Any,
) -> None:
    """Show the display, designations and properties of each CODE of a code SYSTEM: its url, or a short name (cpt).

    A CODE of '-' stands for the lines of standard input. The exit status is 1 if a code is not known, 3 if --server
    has no answer.
    """
    writer = AnswerWriter(as_json, as_csv, fhir.lower())
    with opened_terminology(config, options) as terminology:
        url = named(terminology, system)

        def ask(code: str) -> LookupResult:
            return terminology.lookup(
                url, code, version=version, display_language=language, property=properties
            )

        writer.show_each(codes, ask, result_lines.lookup_table)


@click.command()
@click.argument("system")
@CODES
@click.option("--to", help="The code system to translate to.")
@MAP
@WHERE
@click.option(
    "--compose",
    is_flag=True,
    help="Use two maps in a row where no map leads to the target ('_compose=true').",
)
@click.option("--reverse", is_flag=True, help="Find the codes of --to that have each CODE as a translation.")
@click.option("--explain", is_flag=True, help="Show the reason, and what each map had to do with it.")
@query_options
def translate(
    system: str,
    codes: list[str],
    to: str | None,
    map_: str | None,
    where: tuple[str, ...],
    compose: bool,
    reverse: bool,
    explain: bool,
    config: Path | None,
    as_json: bool,
    as_csv: bool,
    fhir: str,
    **options: Any,
) -> None:
    """Show the translations of each CODE of a code SYSTEM: its url, or a short name such as cpt or icd10cm.

    A CODE of '-' stands for the lines of standard input. The exit status is 1 if a code has no translation, 3
    if --server has no answer.
    """
    conditions = [dependency(condition) for condition in where]
    parameters: dict[str, Any] = {"_compose": True} if compose else {}
    if explain:
        parameters["_explain"] = True
    if reverse:
        parameters["reverse"] = True
    writer = AnswerWriter(as_json, as_csv, fhir.lower())
    with opened_terminology(config, options) as terminology:
        url, target = named(terminology, system), None if to is None else named(terminology, to)

        def ask(code: str) -> TranslateResult:
            return terminology.translate(
                url, code, target_system=target, url=map_, dependency=conditions, **parameters
            )

        writer.show_each(codes, ask, result_lines.translate_table)
