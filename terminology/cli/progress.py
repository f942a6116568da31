"""Progress, problems and outcome of an import on the terminal, and the list of the releases in a store."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from terminology.cli.counts import counted
from terminology.core.model import Problem

if TYPE_CHECKING:
    from terminology.store.backend import Store
    from terminology.store.loading import ImportOutcome, StoreWriter
    from terminology.store.registry import RegisteredArtifact, Registry
    from terminology.store.release import Importer
    from terminology.store.reporting import Reporter

# How many problems are printed; all are counted.
MOST_PROBLEMS = 20
# How often the progress line is written at most, in seconds.
INTERVAL = 0.2


class MalformedRow(click.ClickException):
    """A row is malformed, and --strict was given."""


class Interrupted(click.ClickException):
    """Ctrl-C was pressed. The exit status is the one that a shell gives for it."""

    exit_code = 128 + 2


def import_into(
    loader: StoreWriter,
    importer: Importer,
    paths: Sequence[Path],
    dry_run: bool,
    strict: bool,
    quiet: bool = False,
    **options: Any,
) -> None:
    """Import, with a progress line and one line for each outcome.

    ``quiet`` prints problems only; ``options`` are further ones of ``ImportJob``.

    Raises MalformedRow, BrokenReleaseError, TooFewRowsError, and Interrupted on Ctrl-C.
    """
    progress = Progress(shows=not quiet and sys.stderr.isatty())
    reporter = _TerminalReporter(strict, progress)
    try:
        outcomes = loader.load(importer, paths, reporter, dry_run=dry_run, **options)
    except KeyboardInterrupt:
        raise Interrupted("Interrupted: the unfinished import has left nothing in the store.") from None
    finally:
        progress.end()
        reporter.end()
    for outcome in () if quiet else outcomes:
        click.echo(_outcome_line(outcome, dry_run))


def _outcome_line(outcome: ImportOutcome, dry_run: bool) -> str:
    loaded = outcome.artifact
    name = loaded.canonical if loaded.version else f"{loaded.url} (no version)"
    rows = f"{name}: {counted(loaded.rows, 'row')}"
    if dry_run:
        return f"{rows} could be imported{_replaced(outcome, 'would replace')}"
    if outcome.is_new:
        return f"{rows}, {_size(loaded.bytes)}{_replaced(outcome, 'replaces')}"
    return f"{rows}, there already{_served_again(outcome)}"


def _replaced(outcome: ImportOutcome, verb: str) -> str:
    """The same version as it was before."""
    old = outcome.replaced
    text = f"; {verb} {counted(old.rows, 'row')} loaded on {old.loaded[:10]}" if old else ""
    return text + _served_again(outcome)


def _served_again(outcome: ImportOutcome) -> str:
    was_retired = outcome.replaced is not None and outcome.replaced.status == "retired"
    return "; was retired, and is served again" if was_retired else ""


class _TerminalReporter:
    """Prints the first problems and counts them all. The reports of progress are passed on."""

    def __init__(self, strict: bool, progress: Progress) -> None:
        self._strict, self._progress = strict, progress
        self.progress = progress.read
        self.rows = progress.rows
        self._count = 0

    def problem(self, problem: Problem) -> None:
        if self._strict:
            raise MalformedRow(str(problem))
        self._count += 1
        if self._count <= MOST_PROBLEMS:
            self._progress.clear()
            click.echo(str(problem), err=True)

    def end(self) -> None:
        if self._count > MOST_PROBLEMS:
            click.echo(f"... and {self._count - MOST_PROBLEMS:,} more like these", err=True)
        if self._count:
            click.echo(f"{counted(self._count, 'problem')} in these files", err=True)


class Progress:
    """One line that is overwritten: the file, how much of it is read, and the number of rows.

    ``shows`` is False unless stderr is a terminal.
    """

    def __init__(self, shows: bool) -> None:
        self._shows = shows
        self._began = time.monotonic()
        self._last = 0.0
        self._width = 0
        self._rows = 0
        self._file = ""

    @staticmethod
    def on_terminal() -> Progress:
        """Progress that shows if stderr is a terminal."""
        return Progress(shows=sys.stderr.isatty())

    def rows(self, count: int) -> None:
        """Report the number of rows read."""
        self._rows = count
        self._show()

    def read(self, file: str, done: int, size: int) -> None:
        """Report the bytes read of a file, of all that it has; 0 if nobody knows how many these are."""
        self._file = f"{file}: {100 * done // size}%" if size else f"{file}: {_size(done)}"
        self._show(at_once=done == size)

    def _show(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if self._shows and (at_once or now - self._last > INTERVAL):
            self._last = now
            rate = self._rows / max(now - self._began, 0.001)
            rows = f"{self._rows:,} rows, {rate:,.0f} a second" if self._rows else ""
            self._write(", ".join(part for part in (self._file, rows) if part))

    def _write(self, text: str) -> None:
        click.echo("\r" + text.ljust(self._width), nl=False, err=True)
        self._width = len(text)

    def clear(self) -> None:
        """Make room for a line that is not progress."""
        if self._width:
            self._write("")
            click.echo("\r", nl=False, err=True)

    def end(self) -> None:
        if self._width:
            click.echo("", err=True)


class _SheetReporter:
    """Reports how much of a sheet has been read. A sheet has no problems of its own: its rows name their own."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress.read
        self.rows = progress.rows

    def problem(self, problem: Problem) -> None:
        """Ignore a problem."""


def progress_of_sheet(progress: Progress) -> Reporter:
    """The reporter of a sheet that shows in a progress line."""
    return _SheetReporter(progress)


def show(releases: Sequence[tuple[RegisteredArtifact, str | None]], as_json: bool) -> bool:
    """Print the releases of a store, each with its problem, as ``terminology status`` does.

    False: there is a problem.
    """
    is_whole = all(problem is None for _, problem in releases)
    if as_json:
        listed = [asdict(loaded) | {"problem": problem} for loaded, problem in releases]
        click.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2))
        return is_whole
    if not releases:
        click.echo("nothing has been imported")
    from terminology.core.errors import OtherFormatError
    from terminology.store.schema import FORMAT

    for loaded, problem in releases:
        click.echo(f"{loaded.kind} {loaded.canonical} ({loaded.status})")
        click.echo(f"  {loaded.title or loaded.importer}, {loaded.rows:,} rows, {_size(loaded.bytes)}")
        left_out = f", {loaded.problems:,} rows left out" if loaded.problems else ""
        click.echo(f"  loaded {loaded.loaded} by '{loaded.importer}'{left_out}")
        if loaded.format != FORMAT:
            click.echo(f"  not served: {OtherFormatError(loaded.format, FORMAT)}")
        if problem is not None:
            click.echo(f"  not served: {problem}: import it again, or put its file back")
        click.echo(f"  licence: {loaded.licence or 'not stated'}")
        for file in loaded.files:
            click.echo(f"  {file.name}  {file.size:,} bytes  SHA-256 {file.sha256}")

    return is_whole


def show_verdicts(store: Store, registry: Registry) -> bool:
    """Verify a store, and print a line for each artifact. False: one is damaged."""
    from terminology.store.verifying import verdicts

    progress, is_whole = Progress(shows=sys.stderr.isatty()), True
    try:
        for loaded, verdict in verdicts(store, registry, partial(progress.read, "reading")):
            progress.clear()
            name = f"{loaded.kind} {loaded.canonical}" if loaded else "the list of the served versions"
            is_whole = is_whole and verdict.problem is None
            click.echo(
                f"{name}: {f'DAMAGED: {verdict.problem}' if verdict.problem else f'good ({verdict.looked_at})'}"
            )
    finally:
        progress.end()
    return is_whole


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
