"""The command ``map``: a sheet of codes, with the codes of other systems beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from terminology.cli.counts import counted
from terminology.cli.opened import CONTENT, opened_terminology
from terminology.cli.options import MAP, RELEASE, dependency, settings_options
from terminology.cli.progress import Progress, progress_of_sheet
from terminology.cli.sheet_options import (
    OUTPUT,
    given_columns,
    interruptible,
    mapping_options,
    sheet_look,
    sheet_options,
    show_notes,
    warn_of_conditions,
    warn_of_formulas,
)
from terminology.core.model import Coding
from terminology.wire.fhir_versions import RELEASES
from terminology.workbench import mapped_tables
from terminology.workbench.columns import columns_of
from terminology.workbench.draft_map import DraftHeader, DraftMap
from terminology.workbench.mapping import MappedRow, MapSummary, MapTarget, SheetMapper, targets_of
from terminology.workbench.sheets import Sheet, open_sheet
from terminology.workbench.tables import FORMATS, format_of, open_table, open_text


@click.command("map")
@click.argument("sheet_path", metavar="SHEET")
@mapping_options
@MAP
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
@RELEASE
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
    conditions = [dependency(condition) for condition in where]
    parameters = {"dependency": conditions, "url": map_, "_compose": compose or None}
    if format_ == "conceptmap" and not url:
        raise click.UsageError("--format conceptmap needs --url: the url of the map")
    with opened_terminology(config, options) as terminology, interruptible(output):
        targets = targets_of(terminology, names)
        progress = Progress.on_terminal()
        with open_sheet(sheet_path, progress_of_sheet(progress), **look) as sheet:
            columns = columns_of(terminology, sheet, named, source)
            mapper = SheetMapper(terminology, targets, **parameters)
            warn_of_conditions(mapper)
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
    with open_table(output, format_, header, sheet.delimiter, sheet.has_mark, warn=warn_of_formulas) as table:
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
        repeated = same = 0
        for row in rows:
            source = Coding(source_url, row.key) if source_url else row.coding
            source = Coding(source.system, source.code, None, row.text or None)
            for target in targets:
                matches = row.by_target[target.name].matches
                if matches and source.system == target.system:
                    same += 1  # a code that needs no map, because it is one of the target already
                elif matches and not draft.add(source, target.system, matches):
                    repeated += 1
        with open_text(output) as stream:
            draft.write(stream)
    if repeated:
        click.echo(f"{counted(repeated, 'row')} with a code that was there already: left out", err=True)
    if same:
        click.echo(f"{counted(same, 'row')} with a code of the code system to map to: left out", err=True)


def _show_summary(summary: MapSummary, targets: Sequence[MapTarget]) -> None:
    for target in targets:
        click.echo(summary.line(target.name), err=True)
