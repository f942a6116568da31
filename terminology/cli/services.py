"""The command ``reload``, and what other commands say of the services that run."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import click

from terminology.cli.options import errors_in_one_line, settings_of, settings_options
from terminology.core.errors import SettingError
from terminology.settings import Settings
from terminology.state.services import ServiceReport, running_services

# Seconds between two looks at the report of a service.
_INTERVAL = 0.1
_RIGHT_FOLDER = (
    "give the one of the service, by its settings file (--config), --data or TERMINOLOGY_DATA, and run this command as "
    "its user or as root"
)


@click.command("reload")
@settings_options("data")
@click.option(
    "--patience",
    type=click.IntRange(1),
    metavar="SECONDS",
    default=600,
    show_default=True,
    help="How long a service may take.",
)
def reload(config: Path | None, patience: int, **options: Any) -> None:
    """Let the running services read their content again.

    That is the content of the data folder ('terminology load') and of the setting 'content'. Requests are answered
    meanwhile, from the old content until all of the new is read. If a file cannot be read the old content stays, and
    the exit status is 1. The services are those of this machine with the same data folder; SIGHUP to the first process
    of a service does the same.
    """
    with errors_in_one_line():
        settings = settings_of(config, options)
        if settings.data is None:
            raise SettingError(
                f"there is no data folder in which services could be found: {_RIGHT_FOLDER}, or send it SIGHUP"
            )
        services = list(running_services(settings.data))
        if not services or sys.platform == "win32":
            raise SettingError(
                f"no service of this user runs with the data folder {settings.data}: {_RIGHT_FOLDER}"
            )
        for service in services:
            os.kill(service.process, signal.SIGHUP)
        deadline = time.monotonic() + patience
        results = [_reloaded(settings.data, service, deadline) for service in services]
    if not all(results):
        raise SystemExit(1)


def _reloaded(data: Path, before: ServiceReport, deadline: float) -> bool:
    """Wait until a service has read its content again, and say how that went."""
    name = f"{before.address} (process {before.process})"
    while time.monotonic() < deadline:
        now = {service.process: service for service in running_services(data)}
        after = now.get(before.process)
        if after is not None and after.reloads > before.reloads:
            click.echo(f"{name}: {after.problem or 'read again'}", err=after.problem is not None)
            return after.problem is None
        time.sleep(_INTERVAL)
    click.echo(f"{name}: has not answered in time", err=True)
    return False


def show_failed_reloads(settings: Settings) -> bool:
    """Say which services serve old content because they could not read the new. False if there are any."""
    services = list(running_services(settings.data)) if settings.data is not None else []
    for service in services:
        if service.problem is not None:
            click.echo(
                f"{service.address} (process {service.process}) serves its content of {service.loaded}: "
                f"{service.problem}",
                err=True,
            )
    return all(service.problem is None for service in services)
