"""The command ``terminology settings``: the value of each setting, and where it was read from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from terminology.cli.options import errors_in_one_line, settings_of, settings_options
from terminology.settings import ARGUMENTS, DEFAULT, SETTINGS, Settings, without_password


@click.command("settings")
@settings_options(*(setting.name for setting in SETTINGS))
def show_settings(config: Path | None, **options: Any) -> None:
    """Show the value of each setting, and where it was read from.

    It takes the options of serve, and reads the same environment and file. The lines are those of a settings file;
    passwords are hidden.
    """
    with errors_in_one_line():
        for line in _lines(settings_of(config, options)):
            click.echo(line)


def _lines(settings: Settings) -> Iterator[str]:
    """A line of TOML for each setting, with its source as a comment."""
    rows = []
    for setting in SETTINGS:
        source = settings.source(setting.name)
        source = {ARGUMENTS: setting.option.partition("/")[0], DEFAULT: "default"}.get(source, source)
        rows.append((f"{setting.name} = {_toml(getattr(settings, setting.name))}", source))
    width = min(60, max(len(line) for line, _ in rows))
    for line, source in rows:
        yield f"{line:{width}}  # {source}"


def _toml(value: Any) -> str:
    """A value as TOML writes it: strings, numbers and lists are those of JSON."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if value is None or isinstance(value, str | Path):
        return json.dumps(without_password(str(value or "")), ensure_ascii=False)
    return json.dumps(value)
