"""The commands ``suggest`` and ``review``: candidates for the codes of a sheet, and what people decide about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from terminology.cli.counts import counted
from terminology.cli.opened import CONTENT, opened_terminology
from terminology.cli.options import RELEASE, dependency, settings_options
from terminology.cli.progress import MOST_PROBLEMS, Progress, progress_of_sheet
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
from terminology.wire.fhir_versions import RELEASES
from terminology.workbench.columns import columns_of
from terminology.workbench.decisions import (
    HEADER,
    DecisionSummary,
    MappingDecision,
    add_to_map,
    checked,
    proposals,
)
from terminology.workbench.draft_map import DraftHeader, DraftMap
from terminology.workbench.exchange_formats import EXCHANGE_FORMATS, decisions_in, rows_of
from terminology.workbench.mapping import SheetMapper, targets_of
from terminology.workbench.sheets import open_sheet
from terminology.workbench.suggest import Suggester
from terminology.workbench.tables import FORMATS, format_of, open_table, open_text


@click.command()
@click.argument("sheet_path", metavar="SHEET")
@mapping_options
@click.option("--source-url", help="The url of the code system of the sheet itself.")
@click.option(
    "--most", type=click.IntRange(1), default=5, show_default=True, help="How many suggestions a text gets."
)
@sheet_options("code", "text", "system", "key", "count")
@OUTPUT
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="What to write; else what the suffix of --output says.",
)
@settings_options(*CONTENT)
def suggest(
    sheet_path: str,
    names: tuple[str, ...],
    source: str | None,
    source_url: str | None,
    most: int,
    where: tuple[str, ...],
    compose: bool,
    output: Path | None,
    format_: str | None,
    config: Path | None,
    **options: Any,
) -> None:
    """Propose targets for the codes of a SHEET: a file of decisions to review.

    A code that maps translate has their matches as proposals; any other one has suggestions by its text, with a score
    and with what speaks for them. Nothing is a mapping before somebody has set its status to 'accepted'
    (docs/mapping.md). 'terminology review' makes a ConceptMap of accepted rows.
    """
    named, look = given_columns(options), sheet_look(options)
    conditions = [dependency(condition) for condition in where]
    written: Counter[str] = Counter()
    with opened_terminology(config, options) as terminology, interruptible(output):
        targets = targets_of(terminology, names)
        suggesters = [(target, Suggester(terminology, target.system)) for target in targets]
        progress = Progress.on_terminal()
        with open_sheet(sheet_path, progress_of_sheet(progress), **look) as sheet:
            columns = columns_of(terminology, sheet, named, source)
            mapper = SheetMapper(terminology, targets, dependency=conditions, _compose=compose or None)
            warn_of_conditions(mapper)
            try:
                kind = format_of(output, format_)
                with open_table(
                    output, kind, HEADER, sheet.delimiter, sheet.has_mark, warn=warn_of_formulas
                ) as table:
                    for decision in proposals(mapper, suggesters, sheet, columns, most, source_url):
                        written[_origin(decision)] += 1
                        progress.rows(written.total())
                        table.row(decision.cells())
            finally:
                progress.end()
        show_notes(sheet)
    click.echo(
        f"{counted(written.total(), 'row')} to decide: {written['map']:,} of maps, {written['text']:,} by text, "
        f"{written['none']:,} without a candidate",
        err=True,
    )


def _origin(decision: MappingDecision) -> str:
    """Where a proposal is from: ``map``, ``text``, or ``none`` for a row without a candidate."""
    if not decision.target_code:
        return "none"
    return "text" if decision.score else "map"


@click.command()
@click.argument("decisions_path", metavar="DECISIONS")
@OUTPUT
@click.option(
    "--format",
    "format_",
    type=click.Choice(["conceptmap", *EXCHANGE_FORMATS]),
    default="conceptmap",
    show_default=True,
    help="What to write.",
)
@click.option("--url", help="The url of the ConceptMap to write.")
@click.option("--map-version", help="Its version.")
@click.option("--title", help="Its title.")
@click.option(
    "--status",
    type=click.Choice(["draft", "active"]),
    default="draft",
    show_default=True,
    help="Its status.",
)
@click.option(
    "--source-url", help="The url of the code system of the source codes, in place of the one in the file."
)
@RELEASE
@click.option("--check", is_flag=True, help="Check and count, and write nothing.")
@settings_options(*CONTENT)
def review(
    decisions_path: str,
    output: Path | None,
    format_: str,
    url: str | None,
    map_version: str | None,
    title: str | None,
    status: str,
    source_url: str | None,
    fhir: str,
    check: bool,
    config: Path | None,
    **options: Any,
) -> None:
    """Check a file of DECISIONS, and write a ConceptMap of its accepted rows, or the file of another tool.

    DECISIONS is a file of 'terminology suggest', or of Usagi, SOURCE_TO_CONCEPT_MAP (OMOP), SSSOM or Snap2SNOMED: CSV
    or XLSX, '-' for standard input. What the other format cannot hold is counted.

    A row that cannot be used is refused: one with an unknown status or relationship, or with a code that its code
    system does not have. The others are written all the same, and the exit status is 1.
    """
    if format_ == "conceptmap" and not (url or check):
        raise click.UsageError("--format conceptmap needs --url: the url of the map")
    summary, losses, written = DecisionSummary(), Counter[str](), 0
    with opened_terminology(config, options) as terminology, interruptible(output):
        progress = Progress.on_terminal()
        with open_sheet(decisions_path, progress_of_sheet(progress), header=True) as sheet:
            decisions = checked(terminology, decisions_in(sheet), summary)
            try:
                if check:
                    for _ in decisions:
                        pass
                elif format_ == "conceptmap":
                    header = DraftHeader(str(url), map_version, title, status)
                    with DraftMap(header, RELEASES[fhir.lower()]) as draft:
                        add_to_map(draft, decisions, source_url)
                        with open_text(output) as stream:
                            draft.write(stream)
                    written = summary.statuses["accepted"]
                else:
                    written = _write_exchange(decisions, format_, output, losses)
            finally:
                progress.end()
    _show_review(summary, losses, format_)
    place = f"{output}" if output is not None else "standard output"
    click.echo(
        "nothing is written (--check)" if check else f"{counted(written, 'row')} written to {place}", err=True
    )
    if summary.problems:
        raise SystemExit(1)


def _write_exchange(
    decisions: Iterator[MappingDecision], name: str, output: Path | None, losses: Counter[str]
) -> int:
    """Write the decisions in another format. The number of rows that are written."""
    written = 0
    format_ = EXCHANGE_FORMATS[name]
    # A workbook has room for the rows of any format, but not for lines before the header.
    kind = format_of(output, None) if name != "sssom" else "csv"
    lines = format_.beginning() if kind == "csv" else ()
    with open_table(
        output, kind, format_.columns, format_.delimiter, beginning=lines, warn=warn_of_formulas
    ) as table:
        for row in rows_of(format_, decisions, losses):
            table.row(row)
            written += 1
    return written


def _show_review(summary: DecisionSummary, losses: Counter[str], format_: str) -> None:
    for problem in summary.problems[:MOST_PROBLEMS]:
        click.echo(problem, err=True)
    if len(summary.problems) > MOST_PROBLEMS:
        click.echo(f"... and {len(summary.problems) - MOST_PROBLEMS:,} more like these", err=True)
    counts = [f"{count:,} {status}" for status, count in sorted(summary.statuses.items())]
    if summary.problems:
        counts.append(f"{len(summary.problems):,} refused")
    statuses = ", ".join(counts)
    waiting = f"; {counted(summary.waiting, 'code')} without an accepted row" if summary.waiting else ""
    click.echo(f"{statuses or 'no rows'}{waiting}", err=True)
    for name, count in sorted(losses.items()):
        click.echo(f"{format_} cannot hold: {name} ({counted(count, 'row')})", err=True)
