"""The commands ``lint``, ``coverage`` and ``diff``: checks of maps and code systems, for people and for CI."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from terminology.cli.counts import counted
from terminology.cli.opened import CONTENT, opened_terminology
from terminology.cli.options import MAP, dependency, settings_options
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
)
from terminology.content.packages import resources_of
from terminology.core import issues
from terminology.core.errors import TerminologyError, UnreadableFileError
from terminology.core.model import Document
from terminology.library import Terminology
from terminology.pages import reports
from terminology.wire import json as fhir_json
from terminology.wire.outcome import operation_outcome
from terminology.workbench.columns import SheetColumns, columns_of
from terminology.workbench.coverage import CoverageReport, coverage
from terminology.workbench.diff import (
    CodeChange,
    breaking,
    code_systems_of,
    lone_codes,
    map_changes,
    require_one,
    system_changes,
    system_of,
)
from terminology.workbench.lint import LintFinding, content_of, junit, lint, sarif
from terminology.workbench.mapping import MappedRow, SheetMapper, targets_of
from terminology.workbench.sheets import Sheet, open_sheet
from terminology.workbench.tables import open_text

_JSON = click.option("--json", "as_json", is_flag=True, help="Write the report as JSON.")
_HTML = click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report also as a page of HTML into this file.",
)


@click.command("lint")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "junit", "sarif", "html"]),
    default="text",
    show_default=True,
    help="Lines, an OperationOutcome, JUnit XML, SARIF 2.1.0, or a page of HTML.",
)
@click.option("--strict", is_flag=True, help="Warnings make the exit status 1, too.")
@OUTPUT
@settings_options(*CONTENT)
def lint_(
    paths: tuple[Path, ...],
    format_: str,
    strict: bool,
    output: Path | None,
    config: Path | None,
    **options: Any,
) -> None:
    """Check CodeSystems, ValueSets and ConceptMaps in JSON files against each other and the loaded code systems.

    A FILE has a resource or a Bundle. Each finding has the FHIRPath of the element at fault. The exit status is 1 if
    there is an error: a code that its code system does not have, a relationship that FHIR does not have.
    """
    findings: list[tuple[str, LintFinding]] = []
    with opened_terminology(config, options) as terminology, interruptible(output):
        resources = [_resource_in(path) for path in paths]
        beside = content_of(resources)
        for path, resource in zip(paths, resources, strict=True):
            findings += [(str(path), finding) for finding in lint(terminology, resource, beside=beside)]
        with open_text(output) as stream:
            stream.write(_lint_report([str(path) for path in paths], findings, format_))
    counts = Counter(finding.severity for _, finding in findings)
    listed = ", ".join(counted(counts[name], name) for name in ("error", "warning"))
    click.echo(f"{counted(len(paths), 'file')}: {listed}", err=True)
    if counts["error"] or (strict and counts["warning"]):
        raise SystemExit(1)


def _write_page(place: Path | None, page: Callable[[], bytes]) -> None:
    if place is not None:
        with open_text(place) as stream:
            stream.write(page().decode())


def _lint_report(files: Sequence[str], findings: Sequence[tuple[str, LintFinding]], format_: str) -> str:
    if format_ == "html":
        return reports.lint_page(files, findings).decode()
    if format_ == "junit":
        return junit(files, findings)
    if format_ == "sarif":
        return sarif(findings)
    if format_ == "json":
        return fhir_json.write(operation_outcome(f.issue for _, f in findings), pretty=True).decode() + "\n"
    return "".join(f"{file}: {f.path}: {f.severity}: {f.text} ({f.rule})\n" for file, f in findings)


def _resource_in(path: Path) -> Document:
    """The resource in a file. Raises UnreadableFileError."""
    try:
        return fhir_json.read_resource(path.read_bytes())
    except OSError as error:
        raise UnreadableFileError(f"{path}: cannot be read: {error.strerror}") from None
    except TerminologyError as error:
        raise UnreadableFileError(f"{path}: {error}") from None


@click.command("coverage")
@click.argument("sheet_path", metavar="SHEET")
@mapping_options
@MAP
@click.option("--value-set", metavar="URL", help="A value set whose codes should all be targets.")
@sheet_options("code", "system", "key", "count")
@_JSON
@_HTML
@settings_options(*CONTENT)
def coverage_(
    sheet_path: str,
    names: tuple[str, ...],
    source: str | None,
    map_: str | None,
    where: tuple[str, ...],
    compose: bool,
    value_set: str | None,
    as_json: bool,
    html: Path | None,
    config: Path | None,
    **options: Any,
) -> None:
    """Report how well maps cover the codes of a SHEET, each weighted by how often it is used (--count).

    The report counts the mappings by relationship. It names codes with several targets, targets with several codes,
    the reasons why others are not mapped, and targets that are not active or not codes. To see what a new code year
    does, load each year in turn, and compare.
    """
    named, look = given_columns(options), sheet_look(options)
    conditions = [dependency(condition) for condition in where]
    covered: list[CoverageReport] = []
    with opened_terminology(config, options) as terminology, interruptible(None):
        for target in targets_of(terminology, names):
            progress, weights = Progress.on_terminal(), dict[int, str]()
            with open_sheet(sheet_path, progress_of_sheet(progress), **look) as sheet:
                columns = columns_of(terminology, sheet, named, source)
                further = {"dependency": conditions, "url": map_, "_compose": compose or None}
                mapper = SheetMapper(terminology, [target], **further)
                warn_of_conditions(mapper)
                try:
                    rows = _weighed(mapper, sheet, columns, weights)
                    covered.append(coverage(terminology, target, rows, weights, value_set))
                finally:
                    progress.end()
            show_notes(sheet)
        _write_page(html, lambda: reports.coverage_page(covered))
    if as_json:
        click.echo(json.dumps([report.as_json() for report in covered], indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(line for report in covered for line in report.lines()))


def _weighed(
    mapper: SheetMapper, sheet: Sheet, columns: SheetColumns, weights: dict[int, str]
) -> Iterator[MappedRow]:
    """The rows of a sheet; how often the code of one is used is noted before it comes."""
    for row in mapper.rows(sheet, columns):
        weights.clear()
        weights[row.row.number] = columns.cell("count", row.row)
        yield row


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--codes", metavar="SHEET", help="Show only what breaks for the codes of this sheet.")
@sheet_options("code")
@_JSON
@_HTML
@settings_options(*CONTENT)
def diff(
    old: str,
    new: str,
    codes: str | None,
    as_json: bool,
    html: Path | None,
    config: Path | None,
    **options: Any,
) -> None:
    """Show what has changed from one version of a code system or map to another.

    OLD and NEW are JSON files with a CodeSystem or a ConceptMap, or canonicals of loaded code systems (URL|VERSION). A
    code is added, removed, retired, revived, renamed or moved; of a map, it is mapped, unmapped or remapped. Where a
    fragment lacks codes, the last line says how many.

    With --codes the exit status is 1 if a change breaks one of these codes.
    """
    named, look = given_columns(options), sheet_look(options)
    with opened_terminology(config, options) as terminology, interruptible(None):
        changes, lone = _changes(terminology, old, new)
        if codes is not None:
            with open_sheet(codes, **look) as sheet:
                columns = columns_of(terminology, sheet, named)
                stored = {columns.cell("code", row) for row in sheet.rows}
            changes, lone = breaking(changes, stored), [code for code in lone if code in stored]
        about_parts = issues.codes_of_one_part(len(lone)) if lone else ""
        _write_page(html, lambda: reports.diff_page(old, new, changes, about_parts))
    if as_json:
        click.echo(json.dumps([change.as_json() for change in changes], indent=2, ensure_ascii=False))
    else:
        for change in changes:
            click.echo(change.line())
    kinds = Counter(change.kind for change in changes)
    listed = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    none = "no change of a code that both have" if lone else "nothing breaks" if codes else "no changes"
    click.echo(listed or none, err=True)
    if about_parts:
        click.echo(about_parts, err=True)
    if codes is not None and changes:
        raise SystemExit(1)


def _changes(terminology: Terminology, old: str, new: str) -> tuple[list[CodeChange], list[str]]:
    """The changes, and the codes that one fragment alone has. Raises TerminologyError, UnreadableFileError."""
    files = [Path(name) if "|" not in name and Path(name).is_file() else None for name in (old, new)]
    documents = [_terminology_resource(path) if path is not None else None for path in files]
    kinds = {document["resourceType"] if document else "CodeSystem" for document in documents}
    if kinds == {"ConceptMap"}:
        before, after = (document or {} for document in documents)
        if not code_systems_of(before) & code_systems_of(after):  # maps with other urls may be drafts of one
            require_one("ConceptMap", before["url"], after["url"])
        return list(map_changes(before, after)), []
    if kinds != {"CodeSystem"}:
        raise UnreadableFileError(f"{old} and {new}: two CodeSystems or two ConceptMaps are compared")
    opened = [Terminology([path], bundled=False) if path is not None else terminology for path in files]
    canonicals = [
        document["url"] if document else name for document, name in zip(documents, (old, new), strict=True)
    ]
    try:
        systems = [system_of(one, name) for one, name in zip(opened, canonicals, strict=True)]
        require_one("CodeSystem", *(system.about.url for system in systems))
        return list(system_changes(*systems)), lone_codes(*systems)
    finally:
        for one in opened:
            if one is not terminology:
                one.close()


def _terminology_resource(path: Path) -> Document:
    """The CodeSystem or ConceptMap in a file, in the shape of R5. Raises UnreadableFileError."""
    for resource in resources_of(_resource_in(path)):
        if resource["resourceType"] in ("CodeSystem", "ConceptMap") and resource.get("url"):
            return resource
    raise UnreadableFileError(f"{path}: has no CodeSystem or ConceptMap with a url")
