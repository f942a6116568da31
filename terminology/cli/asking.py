"""The commands ``validate``, ``expand``, ``subsumes``, ``search`` and ``read``, which ask the content or a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from terminology.catalogue.protocol import KINDS
from terminology.cli import result_lines
from terminology.cli.answers import AnswerWriter, write_resource
from terminology.cli.lookup_translate import CODES
from terminology.cli.opened import CONTENT, named, opened_terminology, query_options, server_options
from terminology.cli.options import settings_options
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import split_canonical
from terminology.library import Terminology
from terminology.library.results import Resource, ValidateResult
from terminology.library.values import NUMBERS

_KIND = click.argument("kind", metavar="TYPE", type=click.Choice(KINDS))
_LANGUAGE = click.option("--language", help="The language of the displays, such as 'de' or 'de, fr;q=0.5'.")


@click.command()
@click.argument("system")
@CODES
@click.option("--value-set", metavar="URL", help="A value set that the code should be in.")
@click.option("--version", help="The version of the code system.")
@click.option("--display", help="A display that should be one of the code.")
@_LANGUAGE
@query_options
def validate(
    system: str,
    codes: list[str],
    value_set: str | None,
    version: str | None,
    display: str | None,
    language: str | None,
    config: Path | None,
    as_json: bool,
    as_csv: bool,
    fhir: str,
    **options: Any,
) -> None:
    """Say whether each CODE is one of a code SYSTEM (its url, or a short name), or of a value set.

    A CODE of '-' stands for the lines of standard input. The exit status is 1 if a code is not valid, 3 if --server
    has no answer.
    """
    writer = AnswerWriter(as_json, as_csv, fhir.lower())
    with opened_terminology(config, options) as terminology:
        url = named(terminology, system)

        def ask(code: str) -> ValidateResult:
            return terminology.validate_code(
                url,
                code,
                value_set=value_set,
                version=version,
                display=display,
                display_language=language,
            )

        writer.show_each(codes, ask, result_lines.validate_table)


@click.command()
@click.argument("value_set", metavar="URL")
@click.option("--filter", "text", help="Only codes with these words, or their beginnings, in a term.")
@click.option(
    "--count", type=click.IntRange(0), default=1_000, show_default=True, help="The most codes to show."
)
@click.option("--offset", type=click.IntRange(0), help="How many codes to leave out before these.")
@click.option("--active-only", is_flag=True, help="Only active codes.")
@_LANGUAGE
@query_options
def expand(
    value_set: str,
    text: str | None,
    count: int,
    offset: int | None,
    active_only: bool,
    language: str | None,
    config: Path | None,
    as_json: bool,
    as_csv: bool,
    fhir: str,
    **options: Any,
) -> None:
    """List the codes of the value set with this URL (or canonical, URL|VERSION).

    The exit status is 1 if there is no such value set, or no code, 3 if --server has no answer.
    """
    writer = AnswerWriter(as_json, as_csv, fhir.lower())
    with opened_terminology(config, options) as terminology:
        answer = terminology.expand(
            value_set,
            filter=text,
            count=count,
            offset=offset,
            active_only=active_only or None,
            display_language=language,
        )
        is_positive = writer.show(answer, result_lines.expand_table)
    raise SystemExit(0 if is_positive else 1)


@click.command()
@click.argument("system")
@click.argument("code_a", metavar="CODE")
@click.argument("code_b", metavar="OTHER")
@click.option("--version", help="The version of the code system.")
@query_options
def subsumes(
    system: str,
    code_a: str,
    code_b: str,
    version: str | None,
    config: Path | None,
    as_json: bool,
    as_csv: bool,
    fhir: str,
    **options: Any,
) -> None:
    """Say how CODE is related to OTHER in a code SYSTEM: equivalent, subsumes, subsumed-by or not-subsumed.

    The exit status is 0 if CODE subsumes OTHER or is equivalent to it, else 1; 3 if --server has no answer.
    """
    writer = AnswerWriter(as_json, as_csv, fhir.lower())
    with opened_terminology(config, options) as terminology:
        answer = terminology.subsumes(named(terminology, system), code_a, code_b, version=version)
        is_positive = writer.show(answer, result_lines.subsumes_table)
    raise SystemExit(0 if is_positive else 1)


@click.command()
@_KIND
@click.argument("parameters", metavar="[NAME=VALUE]...", nargs=-1)
@query_options
def search(
    kind: str,
    parameters: tuple[str, ...],
    config: Path | None,
    as_json: bool,
    as_csv: bool,
    fhir: str,
    **options: Any,
) -> None:
    """Search for resources of a TYPE by FHIR's search parameters, such as name=cone or url=http://loinc.org.

    The exit status is 1 if there are none, 3 if --server has no answer.
    """
    query: dict[str, Any] = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not (name and equals):
            raise click.UsageError(f"a search parameter should be NAME=VALUE, not '{parameter}'")
        query.setdefault(name, []).append(_number(name, value) if name in NUMBERS else value)
    query = {name: values if len(values) > 1 else values[0] for name, values in query.items()}
    writer = AnswerWriter(as_json, as_csv, fhir.lower())
    with opened_terminology(config, options) as terminology:
        try:
            answer = terminology.search(kind, **query)
        except TypeError as problem:
            raise click.UsageError(str(problem)) from None
        is_positive = writer.show(answer, result_lines.search_table)
    raise SystemExit(0 if is_positive else 1)


def _number(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise click.UsageError(f"'{name}' should be a whole number, not '{value}'") from None


@click.command()
@_KIND
@click.argument("name", metavar="ID|URL")
@click.option(
    "--release",
    "fhir",
    type=click.Choice(["r4", "r4b", "r5"], case_sensitive=False),
    default="r5",
    show_default=True,
    help="The release of FHIR of the resource.",
)
@server_options
@settings_options(*CONTENT)
def read(kind: str, name: str, fhir: str, config: Path | None, **options: Any) -> None:
    """Print the resource of a TYPE with this id or canonical (URL|VERSION) as JSON.

    The exit status is 1 if there is none, 3 if --server has no answer.
    """
    release = fhir.lower()
    with opened_terminology(config, options) as terminology:
        write_resource(_resource_of(terminology, kind, name, release).in_release(release))


def _resource_of(terminology: Terminology, kind: str, name: str, fhir: str) -> Resource:
    """The resource with an id or a canonical. Raises TerminologyError."""
    if ":" not in name:
        return terminology.read(kind, name, release=fhir)
    url, version = split_canonical(name)
    query = {"url": url} | ({"version": version} if version else {})
    for resource in terminology.search(kind, release=fhir, **query):
        return terminology.read(kind, resource.json["id"], release=fhir)
    raise TerminologyError(issues.unknown_resource(kind, name))
