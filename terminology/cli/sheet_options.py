"""Options of the commands that read sheets, and what these commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from terminology.cli.counts import counted
from terminology.cli.options import WHERE, Command
from terminology.cli.progress import Interrupted
from terminology.workbench.columns import ROLES
from terminology.workbench.mapping import SheetMapper
from terminology.workbench.sheets import Sheet

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


def mapping_options(command: Command) -> Command:
    """The options of commands that map the codes of a sheet: --to, --from, --where and --compose."""
    command = click.option(
        "--compose", is_flag=True, help="Use two maps in a row where no map leads to the target."
    )(command)
    command = WHERE(command)
    command = click.option("--from", "source", metavar="SYSTEM", help="The code system of the codes.")(
        command
    )
    return click.option(
        "--to",
        "names",
        multiple=True,
        required=True,
        metavar="SYSTEM",
        help="A code system to map to; repeatable.",
    )(command)


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


def warn_of_conditions(mapper: SheetMapper) -> None:
    """Name the conditions of --where that no map depends on: a misspelt one would change nothing, in silence."""
    warning = mapper.unknown_conditions()
    if warning is not None:
        click.echo(f"Warning: {warning}", err=True)


def warn_of_formulas(count: int) -> None:
    """Say that cells of a CSV file look like formulas: they are as they should be, but not for Excel."""
    click.echo(
        f"Warning: {counted(count, 'cell')} would be a formula in a spreadsheet program, which may run it; "
        "to open the table in one, write XLSX (--output with .xlsx), where every cell is a text",
        err=True,
    )


def show_notes(sheet: Sheet) -> None:
    """Say how the sheet was read, where that is not as usual."""
    for note in sheet.notes:
        click.echo(f"{sheet.name}: {note}", err=True)
