"""What does the command line say while something is imported, and of what is in the store?"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from terminology.release import Importer, Problem

if TYPE_CHECKING:
    from terminology.store.loading import Loader, Outcome
    from terminology.store.registry import Loaded

# How many problems are shown; all are counted.
SHOWN = 20


class Malformed(click.ClickException):
    """A row is malformed, and --strict was given."""


def import_into(
    loader: Loader, importer: Importer, paths: Sequence[Path], dry_run: bool, strict: bool
) -> None:
    """Import, show how far it is, and say what came of it. Raises Malformed."""
    problems = _Problems(strict)
    progress = _Progress()
    try:
        outcomes = loader.load(importer, paths, problems, progress, dry_run)
    finally:
        progress.end()
    for outcome in outcomes:
        click.echo(_said(outcome, dry_run))
    problems.end()


def _said(outcome: Outcome, dry_run: bool) -> str:
    loaded = outcome.loaded
    what = f"{loaded.canonical}: {loaded.rows:,} rows"
    if dry_run:
        return f"{what} could be imported"
    return f"{what}, {_size(loaded.bytes)}" if outcome.is_new else f"{what}, there already"


class _Problems:
    """Shows the first problems and counts them all."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._count = 0

    def __call__(self, problem: Problem) -> None:
        if self._strict:
            raise Malformed(str(problem))
        self._count += 1
        if self._count <= SHOWN:
            click.echo(str(problem), err=True)

    def end(self) -> None:
        if self._count > SHOWN:
            click.echo(f"... and {self._count - SHOWN:,} more like these", err=True)
        if self._count:
            click.echo(f"{self._count:,} rows were left out or not as they should be", err=True)


class _Progress:
    """The number of rows, on a terminal only."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty()
        self._began = time.monotonic()
        self._last = 0.0

    def __call__(self, count: int) -> None:
        now = time.monotonic()
        if self._shows and now - self._last > 0.2:
            self._last = now
            rate = count / max(now - self._began, 0.001)
            click.echo(f"\r{count:,} rows, {rate:,.0f} a second", nl=False, err=True)

    def end(self) -> None:
        if self._last:
            click.echo("", err=True)


def show(held: Sequence[Loaded], as_json: bool) -> None:
    """``terminology status``."""
    if as_json:
        click.echo(orjson.dumps([asdict(loaded) for loaded in held], option=orjson.OPT_INDENT_2))
        return
    if not held:
        click.echo("nothing has been imported")
    from terminology.store.header import OtherFormat
    from terminology.store.schema import FORMAT

    for loaded in held:
        click.echo(f"{loaded.kind} {loaded.canonical} ({loaded.status})")
        click.echo(f"  {loaded.title or loaded.importer}, {loaded.rows:,} rows, {_size(loaded.bytes)}")
        left_out = f", {loaded.problems:,} rows left out" if loaded.problems else ""
        click.echo(f"  loaded {loaded.loaded} by '{loaded.importer}'{left_out}")
        if loaded.format != FORMAT:
            click.echo(f"  not served: {OtherFormat(loaded.format)}")
        click.echo(f"  licence: {loaded.licence or 'not stated'}")
        for file in loaded.files:
            click.echo(f"  {file.name}  {file.size:,} bytes  SHA-256 {file.sha256}")


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
