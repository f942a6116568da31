"""The command ``upstreams``: whether the servers that may be asked can be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from terminology.cli.options import errors_in_one_line, settings_of, settings_options
from terminology.core.errors import SettingError
from terminology.core.texts import escaped


@click.group()
def upstreams() -> None:
    """The terminology servers that are asked for content that is missing here."""


@upstreams.command()
@settings_options("upstreams")
def check(config: Path | None, **options: Any) -> None:
    """Show of each upstream whether its metadata, its FHIR version and a search work, and how long they take.

    The exit status is 1 if one of them does not.
    """
    with errors_in_one_line():
        path = settings_of(config, options).upstreams
        if path is None:
            raise SettingError(
                "no upstreams are named: use --upstreams, TERMINOLOGY_UPSTREAMS or 'upstreams' in a settings file"
            )
        from terminology.upstreams import checking
        from terminology.upstreams.configuration import read_upstreams

        works = True
        for step in checking.check(read_upstreams(path)):
            works = works and step.works
            mark = "works" if step.works else "FAILS"
            line = f"{step.upstream}: {step.step} {mark} ({step.seconds * 1000:.0f} ms): {step.text}"
            click.echo(escaped(line))
    if not works:
        sys.exit(1)
