"""The content that a command asks, opened for it: that of the settings, or another server."""

from __future__ import annotations

import logging
import os
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from terminology.cli.options import (
    Command,
    NumberRange,
    errors_in_one_line,
    settings_of,
    settings_options,
)
from terminology.core.errors import SettingError, TerminologyError, UpstreamError
from terminology.core.texts import escaped_lines
from terminology.library import Terminology
from terminology.library.results import Resource
from terminology.opening import ServedContent
from terminology.operations.spelling import system_named

# The settings that name the content.
CONTENT = ("bundled", "content", "store", "skip_broken", "upstreams")
# The exit status where a server has no answer at the moment.
NO_ANSWER = 3
# The variables of the environment with the credentials for --server.
TOKEN, KEY = "TERMINOLOGY_SERVER_TOKEN", "TERMINOLOGY_SERVER_KEY"
USER, PASSWORD = "TERMINOLOGY_SERVER_USER", "TERMINOLOGY_SERVER_PASSWORD"
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_SECRET = re.compile(r"[\x20-\x7e]+")


def server_options(command: Command) -> Command:
    """The options of commands that ask the content of the settings, or with --server that of another server."""
    command = click.option(
        "--timeout",
        type=NumberRange(0.1, 3_600),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="How long an answer of --server may take.",
    )(command)
    command = click.option(
        "--token-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"A file with a bearer token for --server; else the variable {TOKEN}, {KEY} (X-API-Key), or {USER} and "
        f"{PASSWORD}.",
    )(command)
    return click.option(
        "--server", metavar="URL", help="Ask this FHIR server (https://tx.fhir.org/r4), and no content here."
    )(command)


def query_options(command: Command) -> Command:
    """The options of commands that show the answer to a question."""
    command = settings_options(*CONTENT)(command)
    command = server_options(command)
    command = click.option(
        "--release",
        "fhir",
        type=click.Choice(["r4", "r4b", "r5"], case_sensitive=False),
        default="r5",
        show_default=True,
        help="The release of FHIR of the resources of --json.",
    )(command)
    command = click.option("--csv", "as_csv", is_flag=True, help="Print each answer as rows of CSV.")(command)
    return click.option("--json", "as_json", is_flag=True, help="Print each answer as a FHIR resource.")(
        command
    )


def named(terminology: Terminology, system: str) -> str:
    """The url of the code system that a person names. A name that is not one is left as it is: the answer says so."""
    try:
        return system_named(terminology.visible_catalogue, system)
    except TerminologyError:
        # It may be the id of one on a server.
        return next((str(resource.json["url"]) for resource in _of_id(terminology, system)), system)


def _of_id(terminology: Terminology, name: str) -> Iterable[Resource]:
    return terminology.search("CodeSystem", _id=name) if _ID.fullmatch(name) else ()


@contextmanager
def opened_terminology(config: Path | None, options: dict[str, Any]) -> Iterator[Terminology]:
    """The content that the settings name, or the server of --server; problems end the command with one line.

    A command has no state to keep, so the data folder need not be writable.
    """
    server, timeout, token_file = (options.pop(name, None) for name in ("server", "timeout", "token_file"))
    with errors_in_one_line():
        try:
            if server is not None:
                with _server(server, timeout, token_file, options) as terminology:
                    yield terminology
                return
            if token_file is not None:
                raise click.UsageError("--token-file is for --server, which is missing")
            settings = settings_of(config, options)
            with closing(ServedContent(settings)) as served:
                yield Terminology(settings=settings.updated(data=""), catalogue=served.catalogue)
        except UpstreamError as problem:
            click.echo(f"Error: {escaped_lines(str(problem))}", err=True)
            raise SystemExit(NO_ANSWER) from None


def _server(base: str, seconds: float, token_file: Path | None, options: dict[str, Any]) -> Terminology:
    """The server of --server. Raises UsageError for content besides, SettingError for credentials that are none."""
    from terminology.library.of_server import ServerTerminology

    local = [name for name in CONTENT if options.get(name) not in (None, ())]
    if local:
        raise click.UsageError(f"--server asks that server alone: leave out --{local[0].replace('_', '-')}")
    logging.getLogger("terminology").setLevel(logging.ERROR)  # what it warns of is the error of the command
    return ServerTerminology(base, credentials=_credentials(token_file), seconds=seconds)


def _credentials(token_file: Path | None) -> dict[str, str]:
    """The header with the credentials of --server, of a file or the environment. No message repeats them."""
    if token_file is not None:
        try:
            return {
                "Authorization": f"Bearer {secret(token_file.read_text('utf-8').strip(), str(token_file))}"
            }
        except (OSError, UnicodeDecodeError):
            raise SettingError(f"{token_file}: the token cannot be read") from None
    if token := os.environ.get(TOKEN):
        return {"Authorization": f"Bearer {secret(token, TOKEN)}"}
    if key := os.environ.get(KEY):
        return {"X-API-Key": secret(key, KEY)}
    if user := os.environ.get(USER):
        pair = f"{user}:{os.environ.get(PASSWORD, '')}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {}


def secret(text: str, place: str) -> str:
    """Credentials as a header may have them. ``place`` is where they are from. Raises SettingError."""
    if not _SECRET.fullmatch(text):
        raise SettingError(f"{place} is empty, or has characters that no header may have")
    return text
