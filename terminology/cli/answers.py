"""Answers on the terminal: as a table that fits it, as CSV, or as FHIR resources."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from json import dumps
from typing import TypeVar

import click

from terminology.cli.opened import NO_ANSWER
from terminology.core.errors import TerminologyError, UpstreamError
from terminology.core.issues.translate_hints import for_command_line
from terminology.core.model import Document
from terminology.core.texts import escaped, escaped_lines
from terminology.library.explanation_lines import columns
from terminology.library.results import HOME, Result
from terminology.wire import json
from terminology.wire.outcome import operation_outcome

R = TypeVar("R", bound=Result)


@dataclass(slots=True)
class AnswerTable:
    """An answer as a table. ``above`` and ``below`` are lines around it, which CSV leaves out.

    ``is_positive``: the exit status is 0. ``shows_header``: also on the terminal, and not in CSV alone.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    above: Sequence[str] = ()
    below: Sequence[str] = ()
    is_positive: bool = True
    shows_header: bool = True


@dataclass(slots=True)
class AnswerWriter:
    """Writes answers as the options say: ``fhir`` is the release of the resources of --json."""

    as_json: bool
    as_csv: bool
    fhir: str = HOME
    _has_csv_header: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.as_json and self.as_csv:
            raise click.UsageError("--json and --csv are two forms of one answer: use one of them")

    def show(self, answer: R, table: Callable[[R], AnswerTable], name: str | None = None) -> bool:
        """Write an answer. Is it positive? ``name`` is what CSV has in its first column, where there are several."""
        own = table(answer)
        if self.as_json:
            write_resource(answer.json if self.fhir == HOME else answer.in_release(self.fhir))
        elif self.as_csv:
            self._write_csv(own, name)
        else:
            for line in (*own.above, *lines_of(own), *own.below):
                click.echo(escaped(line))
        return own.is_positive

    def _write_csv(self, table: AnswerTable, name: str | None) -> None:
        prefix: list[str] = [] if name is None else [name]
        writer = csv.writer(sys.stdout, lineterminator="\n")
        if not self._has_csv_header:
            writer.writerow([*(["question"] if prefix else []), *table.header])
            self._has_csv_header = True
        # Only a terminal obeys characters: a file has the values as they are.
        written = escaped if sys.stdout.isatty() else str
        writer.writerows([*map(written, (*prefix, *row))] for row in table.rows)
        sys.stdout.flush()

    def show_each(
        self, codes: Sequence[str], ask: Callable[[str], R], table: Callable[[R], AnswerTable]
    ) -> None:
        """Ask for each code. The exit status is 1 if the answer to one is negative, 3 if one has no answer.

        Several answers are blocks, each with the code above it; one that fails does not stop the others.
        """
        statuses = {0}
        for index, code in enumerate(codes):
            is_alone = len(codes) == 1
            if not (is_alone or self.as_json or self.as_csv):
                click.echo(f"\n{escaped(code)}" if index else escaped(code))
            try:
                is_positive = self.show(ask(code), table, None if is_alone else code)
                statuses.add(0 if is_positive else 1)
            except TerminologyError as problem:
                if self.as_json and not is_alone:
                    write_resource(operation_outcome(problem.issues))
                click.echo(f"Error: {escaped_lines(for_command_line(str(problem)))}", err=True)
                statuses.add(NO_ANSWER if isinstance(problem, UpstreamError) else 1)
        if status := max(statuses):
            sys.exit(status)


def write_resource(document: Document) -> None:
    """Write a resource as JSON to standard output. What a terminal obeys is escaped as JSON escapes it."""
    for line in json.write(document, pretty=True).decode().split("\n"):
        click.echo(line if line.isprintable() else "".join(map(_in_json, line)))


def _in_json(character: str) -> str:
    return character if character.isprintable() else dumps(character)[1:-1]


def lines_of(table: AnswerTable) -> Iterator[str]:
    """The lines of a table for the terminal, or as wide as they are where the output goes elsewhere."""
    rows = [table.header, *table.rows] if table.shows_header and table.rows else table.rows
    cells = ([escaped(" ".join(cell.split())) for cell in row] for row in rows)
    return columns(cells, terminal_width())


def terminal_width() -> int | None:
    """The columns of the terminal; None where the output goes elsewhere. The variable COLUMNS is stronger than it."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
