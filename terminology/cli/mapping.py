"""The command ``map``: a sheet of codes, with the codes of other systems beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from terminology.cli.counts import counted
from terminology.cli.lookup_translate import dependency
from terminology.cli.opened import CONTENT, opened_terminology
from terminology.cli.options import Command, settings_options
from terminology.cli.progress import Interrupted, Progress, progress_of_sheet
from terminology.core.model import Coding
from terminology.wire.fhir_versions import RELEASES
from terminology.workbench import mapped_tables
from terminology.workbench.columns import ROLES, columns_of
from terminology.workbench.draft_map import DraftHeader, DraftMap
from terminology.workbench.mapping import MappedRow, MapSummary, MapTarget, SheetMapper, targets_of
from terminology.workbench.sheets import Sheet, open_sheet
from terminology.workbench.tables import FORMATS, format_of, open_table, open_text

_COLUMN_HELP = {
    "code": "The column of the codes.",
    "text": "The column of the texts.",
    "system": "The column of the code systems of the codes, by name or url.",
    "key": "The column of the codes that the sheet itself has for its rows.",
    "count": "The column that says how often a code is used.",
}


def sheet_options(*roles: str) -> Callable[[Command], Command]:
    """The options that say how a sheet is written, and which of its columns is which."""

    def decorate(command: Command) -> Command:
        for role in reversed(roles):
            command = click.option(f"--{role}", f"{role}_column", metavar="COLUMN", help=_COLUMN_HELP[role])(
                command
            )
        command = click.option("--delimiter", help="The mark between the cells of a CSV file.")(command)
        command = click.option("--encoding", help="The encoding of a CSV file.")(command)
        command = click.option("--sheet", "sheet_name", help="The sheet of a workbook; else the first.")(
            command
        )
        return click.option(
            "--header/--no-header",
            "header",
            default=None,
            help="Whether the first row has the names of the columns.",
        )(command)

    return decorate


OUTPUT = click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="The file to write."
)


def given_columns(options: dict[str, Any]) -> dict[str, str | None]:
    """The columns that options of the command name, by their roles; these options are taken out."""
    return {role: options.pop(f"{role}_column") for role in ROLES if f"{role}_column" in options}


@click.command("map")
@click.argument("sheet_path", metavar="SHEET")
@click.option(
    "--to",
    "names",
    multiple=True,
    required=True,
    metavar="SYSTEM",
    help="A code system to map to; repeatable.",
)
@click.option("--from", "source", metavar="SYSTEM", help="The code system of the codes.")
@click.option("--map", "map_", help="The canonical of the ConceptMap to use.")
@click.option(
    "--where", multiple=True, metavar="NAME=VALUE", help="A condition that is known to hold; may be repeated."
)
@click.option("--compose", is_flag=True, help="Use two maps in a row where no map leads to the target.")
@sheet_options("code", "text", "system", "key")
@OUTPUT
@click.option(
    "--format",
    "format_",
    type=click.Choice([*FORMATS, "conceptmap"]),
    help="What to write; else what the suffix of --output says, or CSV.",
)
@click.option("--url", help="The url of the ConceptMap to write.")
@click.option(
    "--source-url", help="The url of the code system of the sheet itself, in the ConceptMap to write."
)
@click.option(
    "--release",
    "fhir",
    type=click.Choice(["r4", "r4b", "r5"], case_sensitive=False),
    default="r4",
    show_default=True,
    help="The release of FHIR of the ConceptMap to write.",
)
@settings_options(*CONTENT)
def map_(
    sheet_path: str,
    names: tuple[str, ...],
    source: str | None,
    map_: str | None,
    where: tuple[str, ...],
    compose: bool,
    output: Path | None,
    format_: str | None,
    url: str | None,
    source_url: str | None,
    fhir: str,
    config: Path | None,
    **options: Any,
) -> None:
    """Map a SHEET of codes: CSV, XLSX or JSON lines, '-' for standard input.

    The same rows come back, with columns for each code system of --to: code, display, relationship, condition, row of
    the map, and, for a code that has none, the reason as a code and in words (docs/mapping.md). A code system is named
    by its url or a short name: cpt, icd10cm, snomed. Several matches are in one cell, with a bar between them.

    The exit status is 1 if a row has no translation to one of the code systems.
    """
    named, look = given_columns(options), sheet_look(options)
    parameters: dict[str, Any] = {"dependency": [dependency(condition) for condition in where], "url": map_}
    if compose:
        parameters["_compose"] = True
    if format_ == "conceptmap" and not url:
        raise click.UsageError("--format conceptmap needs --url: the url of the map")
    with opened_terminology(config, options) as terminology, interruptible(output):
        targets = targets_of(terminology, names)
        progress = Progress.on_terminal()
        with open_sheet(sheet_path, progress_of_sheet(progress), **look) as sheet:
            columns = columns_of(terminology, sheet, named, source)
            mapper = SheetMapper(terminology, targets, **parameters)
            summary = MapSummary()
            rows = _counted(mapper.rows(sheet, columns), summary, progress)
            try:
                if format_ == "conceptmap":
                    header = DraftHeader(str(url))
                    _write_map(rows, targets, header, source_url, fhir.lower(), output)
                else:
                    _write_table(rows, sheet, targets, format_of(output, format_), output)
            finally:
                progress.end()
        show_notes(sheet)
        _show_summary(summary, targets)
    if not summary.is_complete:
        raise SystemExit(1)


def sheet_look(options: dict[str, Any]) -> dict[str, Any]:
    """The options that say how a sheet is written; they are taken out."""
    return {
        "delimiter": options.pop("delimiter"),
        "encoding": options.pop("encoding"),
        "sheet": options.pop("sheet_name"),
        "header": options.pop("header"),
    }


@contextmanager
def interruptible(output: Path | None) -> Iterator[None]:
    """Ctrl-C ends the command with one line. Raises Interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        left = f"{output} is as it was before" if output is not None else "the rows above are complete"
        raise Interrupted(f"Interrupted: {left}.") from None


def show_notes(sheet: Sheet) -> None:
    """Say how the sheet was read, where that is not as usual."""
    for note in sheet.notes:
        click.echo(f"{sheet.name}: {note}", err=True)


def _counted(rows: Iterator[MappedRow], summary: MapSummary, progress: Progress) -> Iterator[MappedRow]:
    for row in rows:
        summary.add(row)
        progress.rows(summary.rows)
        yield row


def _write_table(
    rows: Iterator[MappedRow], sheet: Sheet, targets: Sequence[MapTarget], format_: str, output: Path | None
) -> None:
    if format_ == "jsonl":
        header = [*sheet.header, *(target.name for target in targets)]
        with open_table(output, format_, header) as table:
            for row in rows:
                table.row(mapped_tables.node_of(sheet, row, targets))
        return
    header = mapped_tables.header_of(sheet, targets)
    with open_table(output, format_, header, sheet.delimiter, sheet.has_mark) as table:
        for row in rows:
            table.row(mapped_tables.cells_of(sheet, row, targets))


def _write_map(
    rows: Iterator[MappedRow],
    targets: Sequence[MapTarget],
    header: DraftHeader,
    source_url: str | None,
    fhir: str,
    output: Path | None,
) -> None:
    with DraftMap(header, RELEASES[fhir]) as draft:
        repeated = 0
        for row in rows:
            source = Coding(source_url, row.key) if source_url else row.coding
            source = Coding(source.system, source.code, None, row.text or None)
            for target in targets:
                matches = row.by_target[target.name].matches
                if matches and not draft.add(source, target.system, matches):
                    repeated += 1
        with open_text(output) as stream:
            draft.write(stream)
    if repeated:
        click.echo(f"{counted(repeated, 'row')} with a code that was there already: left out", err=True)


def _show_summary(summary: MapSummary, targets: Sequence[MapTarget]) -> None:
    for target in targets:
        click.echo(summary.line(target.name), err=True)
