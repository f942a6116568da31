"""The command ``terminology``, and ``terminology serve``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from terminology.cli.counts import counted
from terminology.cli.options import errors_in_one_line, settings_of, settings_options
from terminology.core.errors import UnavailableError
from terminology.core.software import NAME, VERSION
from terminology.core.texts import escaped_lines
from terminology.settings import POSTGRES, SETTINGS, Settings

if TYPE_CHECKING:
    from terminology.catalogue.protocol import Catalogue

# Requests for the first try: the published content, and a code system that is always there.
_CPT = ("http://www.ama-assn.org/go/cpt", "57520")
_LANGUAGE = ("urn:ietf:bcp:47", "de-CH")

# The other commands: module and name of each. One is imported when it is asked for, so that a server starts soon.
_PLACES = {
    "build-bundles": ("content", "build_bundles"),
    "conformance": ("conformance", "conformance"),
    "coverage": ("checking", "coverage_"),
    "diff": ("checking", "diff"),
    "expand": ("asking", "expand"),
    "export": ("exporting", "export"),
    "import": ("store", "import_"),
    "keys": ("keys", "keys"),
    "lint": ("checking", "lint_"),
    "load": ("content", "load_content"),
    "lookup": ("lookup_translate", "lookup"),
    "map": ("mapping", "map_"),
    "read": ("asking", "read"),
    "reference": ("content", "reference"),
    "reload": ("services", "reload"),
    "remove": ("store", "remove"),
    "replay": ("replaying", "replay_recording"),
    "retire": ("store", "retire"),
    "review": ("reviewing", "review"),
    "search": ("asking", "search"),
    "settings": ("show_settings", "show_settings"),
    "status": ("store", "status"),
    "subsumes": ("asking", "subsumes"),
    "suggest": ("reviewing", "suggest"),
    "translate": ("lookup_translate", "translate"),
    "upstreams": ("upstreams", "upstreams"),
    "validate": ("asking", "validate"),
    "verify": ("store", "verify"),
}


# The exit status of a command that Ctrl-C ends, as shells have it.
INTERRUPTED = 128 + 2


class _Commands(click.Group):
    def main(self, *args: Any, **extra: Any) -> Any:
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:  # the caller has closed it
                setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        return super().main(*args, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _escaped_messages():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _escaped_messages():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Error: Interrupted.", err=True)
            ctx.exit(INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_PLACES])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _PLACES:
            return super().get_command(ctx, cmd_name)
        module, name = _PLACES[cmd_name]
        command: click.Command = getattr(import_module(f"terminology.cli.{module}"), name)
        return command


@contextmanager
def _escaped_messages() -> Iterator[None]:
    """Messages repeat arguments: a terminal would obey control characters in them, so these are escaped."""
    try:
        yield
    except click.ClickException as problem:
        vars(problem)["message"] = escaped_lines(problem.message)
        raise


@click.group(cls=_Commands)
@click.version_option(VERSION, prog_name=NAME)
def main() -> None:
    """A FHIR terminology server."""


@main.command()
@settings_options(*(setting.name for setting in SETTINGS))
@click.option("--check", is_flag=True, help="Load everything, show the content, and end.")
def serve(config: Path | None, check: bool, **options: Any) -> None:
    """Serve terminology over HTTP."""
    with errors_in_one_line():
        _serve(settings_of(config, options), check)


def _serve(settings: Settings, check: bool) -> None:
    from terminology.http import web_server
    from terminology.http.error_log import log_errors
    from terminology.http.observation import require_usable
    from terminology.opening import ServedContent, open_authenticator, open_licences, state_problem
    from terminology.wire.fhir_versions import RELEASES

    if not check:  # a check names the problem itself
        log_errors(settings)
    if (
        settings.store
        and not settings.store.startswith(POSTGRES)
        and not Path(settings.store).expanduser().is_dir()
    ):
        # It may be filled later, by an import on another machine.
        click.echo(f"Warning: there is no store in {settings.store} yet", err=True)
    problem = state_problem(settings)
    if problem is not None:
        click.echo(f"Warning: {problem}", err=True)
    if settings.upstreams is not None:
        from terminology.upstreams.configuration import read_upstreams

        read_upstreams(settings.upstreams)  # each worker reads it again; a mistake in it is named here, once
    open_authenticator(settings)  # as the upstreams
    open_licences(settings)
    require_usable(settings)
    for warning in _warnings_of_access(settings):
        click.echo(f"Warning: {warning}", err=True)
    served = ServedContent(settings)
    # Nothing of the store may stay open: a worker process must not inherit its connections.
    try:
        catalogue = served.catalogue().for_fhir(RELEASES[settings.default_release].version)
        if check:
            catalogue.require_store()
        example = _example(catalogue)
        click.echo(f"{NAME} {VERSION}: {_counts(catalogue)} at /fhir ({settings.default_release.upper()})")
    finally:
        served.close()
    if check:
        return
    web_server.serve(settings, served.content, lambda base: _show_address(base, example, settings))
    click.echo("Stopped.")


def _warnings_of_access(settings: Settings) -> Iterator[str]:
    """What an operator should know of a service that other machines can reach, and of one that is not for real use."""
    from terminology.http.addresses import is_of_this_machine
    from terminology.http.harness import Harness

    harness = Harness.of(settings)
    if harness is not None:
        yield f"{harness.notice} ('harness', docs/test-harness.md)"
    if is_of_this_machine(settings.host):
        return
    if settings.auth is None:
        yield (
            f"every machine that reaches {settings.host} may ask this service, since it knows no users. Set 'auth' "
            "(docs/security.md), or let a proxy ask who they are. Nobody may change the content"
        )
    elif settings.tls_certificate is None and not settings.proxies:
        yield (
            f"keys and tokens travel to {settings.host} in plain text. Set 'tls_certificate' and 'tls_key', or let a "
            "proxy speak TLS ('proxies')"
        )


def _counts(catalogue: Catalogue) -> str:
    """How many resources of each kind a search of the default release finds."""
    from terminology.catalogue.protocol import KINDS

    return ", ".join(counted(sum(1 for _ in catalogue.headers(kind)), kind) for kind in KINDS)


def _example(catalogue: Catalogue) -> str:
    """The query of a $lookup that the catalogue can answer."""
    try:
        cpt = catalogue.find_system(_CPT[0])
        is_there = cpt is not None and cpt.locate(_CPT[1]) is not None
    except UnavailableError:  # the log has the reason
        is_there = False
    system, code = _CPT if is_there else _LANGUAGE
    return f"system={system}&code={code}"


def _show_address(base: str, example: str, settings: Settings) -> None:
    roots = [f"{base}/{release}" for release in ("r4", "r4b", "r5", *(["r6"] if settings.r6 else []))]
    key = "" if settings.auth is None else "-H 'X-API-Key: KEY' "
    click.echo(f"Listening on {base} (also {', '.join(roots)}). Try:\n")
    click.echo(f"  curl {key}'{base}/r4/CodeSystem/$lookup?{example}'\n")
    sys.stdout.flush()
