"""The command ``keys``: the API keys of the file of the setting ``auth``."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import click

from terminology.cli.options import errors_in_one_line, settings_of, settings_options
from terminology.core.errors import SettingError


@click.group()
def keys() -> None:
    """The API keys by which users are known. A service that runs knows a change within a second."""


@keys.command()
@settings_options("auth")
@click.argument("user")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=["system/*.rs"],
    show_default=True,
    help="A right; repeatable.",
)
@click.option(
    "--root", "roots", multiple=True, help="A release below whose root it counts; repeatable. All otherwise."
)
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which it counts.")
def add(
    config: Path | None,
    user: str,
    scopes: tuple[str, ...],
    roots: tuple[str, ...],
    expires: datetime | None,
    **options: Any,
) -> None:
    """Make a key for USER, and show it: nobody can show it again. The file is made if there is none."""
    from terminology.authentication.api_keys import new_key

    with errors_in_one_line():
        path = _path(config, options)
        is_new = not path.exists()
        document = {} if is_new else _document(path)
        id_, key, digest = new_key()
        entry = {"id": id_, "user": user, "hash": digest, "scopes": list(scopes), "roots": list(roots)}
        if expires is not None:
            entry["expires"] = expires.date().isoformat()
        entries = [*document.get("keys", []), entry]
        _write(path, {**document, "keys": entries})
    click.echo(key)
    click.echo(f"The key {id_} of {user} is in {path}. It is shown this once.", err=True)
    if is_new:
        click.echo(
            "Nobody but you can read this file: let the user of the service read it (docs/operating.md).",
            err=True,
        )


@keys.command("list")
@settings_options("auth")
def list_(config: Path | None, **options: Any) -> None:
    """List the keys: id, user, rights, roots and last day."""
    with errors_in_one_line():
        path = _path(config, options)
        _document(path)
        from terminology.authentication.configuration import read_auth

        for entry in read_auth(path).keys:
            roots = f" below {', '.join(entry.roots)}" if entry.roots else ""
            until = f" up to {entry.expires}" if entry.expires else ""
            click.echo(f"{entry.id}  {entry.user}  {' '.join(entry.scopes)}{roots}{until}")


@keys.command()
@settings_options("auth")
@click.argument("id_", metavar="ID")
def remove(config: Path | None, id_: str, **options: Any) -> None:
    """Remove the key with this ID. It counts no longer."""
    with errors_in_one_line():
        path = _path(config, options)
        document = _document(path)
        rest = [entry for entry in document.get("keys", []) if entry["id"] != id_]
        if len(rest) == len(document.get("keys", [])):
            raise SettingError(
                f"{path}: there is no key with the id '{id_}'; 'terminology keys list' shows all"
            )
        _write(path, {**document, "keys": rest})
    click.echo(f"Removed the key {id_}.")


def _path(config: Path | None, options: dict[str, Any]) -> Path:
    path = settings_of(config, options).auth
    if path is None:
        raise SettingError("no file is named: use --auth, TERMINOLOGY_AUTH or 'auth' in a settings file")
    return path


def _document(path: Path) -> dict[str, Any]:
    """The file as it is, once it is known to be right. Raises SettingError."""
    from terminology.authentication.configuration import read_auth

    read_auth(path)
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def _write(path: Path, document: dict[str, Any]) -> None:
    """Put a file in the place of another one at once, if it is right. Raises SettingError."""
    from terminology.authentication.configuration import checked

    checked(path, document)
    try:
        with NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            new = Path(file.name)
            file.write(json.dumps(document, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            before = path.stat()
            with suppress(OSError):  # of another owner
                if os.name == "posix":
                    os.chown(new, before.st_uid, before.st_gid)
                new.chmod(before.st_mode & 0o777)
        new.replace(path)
    except OSError as problem:
        raise SettingError(f"{path}: cannot be written: {problem.strerror}") from None
