"""The command ``replay``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from terminology.core.errors import SettingError, UnreadableFileError
from terminology.http.recording import read_recording
from terminology.http.replaying import ReplayedExchange, replay

# The most characters of a value in the table.
_LONGEST = 60
# The exit status where nothing could be compared.
_UNUSABLE = 2


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--server", metavar="URL", required=True, help="The URL of /fhir of the server to ask.")
@click.option(
    "--ignore",
    "ignored",
    metavar="NAME",
    multiple=True,
    help="The name of an element that may differ, such as timestamp; repeatable.",
)
@click.option(
    "--authorization",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file with the value of the header Authorization to send, such as 'Bearer ...': none is recorded.",
)
def replay_recording(file: Path, server: str, ignored: tuple[str, ...], authorization: Path | None) -> None:
    """Send the requests of a recording to a server, and compare the answers.

    A recording is what a service in the test-harness mode writes (--harness-recording). Status and body are compared,
    JSON by its elements. The exit status is 0 if all answers are the same, 1 if some differ, and 2 if the file cannot
    be read or the server cannot be reached.
    """
    total = different = 0
    try:
        credentials = "" if authorization is None else authorization.read_text("utf-8").strip()
        for exchange in replay(read_recording(file), server, ignored, credentials):
            total += 1
            if exchange.differences:
                if not different:
                    click.echo(_row("no.", "where", "recorded", "now"))
                different += 1
                _show(exchange)
    except (SettingError, UnreadableFileError, OSError) as problem:
        click.echo(f"Error: {problem}", err=True)
        raise SystemExit(_UNUSABLE) from None
    click.echo(
        f"{total - different} of {total} answers are the same"
        + (f", {different} differ" if different else "")
    )
    if different:
        raise SystemExit(1)


def _show(exchange: ReplayedExchange) -> None:
    recorded = exchange.recorded
    query = f"?{recorded.query}" if recorded.query else ""
    click.echo(f"{exchange.number:<5} {recorded.method} {recorded.path}{query}")
    for difference in exchange.differences:
        click.echo(_row("", difference.place, _short(difference.recorded), _short(difference.replayed)))


def _row(number: str, place: str, recorded: str, now: str) -> str:
    return f"{number:<5} {place:<45} {recorded:<30} {now}".rstrip()


def _short(value: Any) -> str:
    text = "-" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
