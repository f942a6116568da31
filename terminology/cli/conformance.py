"""The command ``conformance``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import click

from terminology.cli.opened import secret
from terminology.cli.options import errors_in_one_line, settings_of, settings_options
from terminology.core.errors import SettingError, UnreadableFileError, reason_of
from terminology.core.texts import escaped
from terminology.http.app import create_app
from terminology.http.thread_server import serving
from terminology.opening import ServedContent
from terminology.testing.conformance import reports
from terminology.testing.conformance.running import (
    FAIL,
    PASS,
    SKIP,
    CaseResult,
    ConformanceRun,
    counts,
)
from terminology.testing.conformance.server import ServerUnderTest
from terminology.testing.conformance.suite import GENERAL, ConformanceCase, ConformanceSuite
from terminology.testing.conformance.testscripts import scripts
from terminology.wire import json
from terminology.wire.fhir_versions import RELEASES

# The exit status where nothing could be tested.
_UNUSABLE = 2
_RELEASES = ("r4", "r4b", "r5")
# The settings of the content that is tested where no server is named.
_CONTENT = ("bundled", "content", "store", "skip_broken")
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("conformance")
@click.option(
    "--suite",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder with test-cases.json, as HL7's tx-ecosystem lays it out. Without it: the cases of this package.",
)
@click.option(
    "--server",
    metavar="URL",
    help="The root of a release of a server. Without it: the content of the settings.",
)
@click.option(
    "--release",
    "root",
    type=click.Choice(_RELEASES),
    default="r5",
    show_default=True,
    help="Without --server, the release that is asked; of --testscripts, their release.",
)
@click.option("--modes", default=GENERAL, show_default=True, help="The modes of cases to run, with commas.")
@click.option("--only", metavar="TEXT", help="Only cases whose name (group/case) has this text.")
@click.option("--junit", metavar="FILE", type=_FILE, help="Write JUnit XML.")
@click.option("--report", metavar="FILE", type=_FILE, help="Write a FHIR TestReport (R5, JSON).")
@click.option(
    "--baseline",
    metavar="FILE",
    type=_FILE,
    help="The cases that pass, which is written and may only grow: the exit status is 1 if one of them fails.",
)
@click.option(
    "--authorization",
    metavar="FILE",
    type=_FILE,
    help="A file with the value of the header Authorization to send.",
)
@click.option(
    "--testscripts",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run nothing, and write the cases of this package there as FHIR TestScripts.",
)
@settings_options(*_CONTENT)
def conformance(
    suite: Path | None,
    server: str | None,
    root: str,
    modes: str,
    only: str | None,
    junit: Path | None,
    report: Path | None,
    baseline: Path | None,
    authorization: Path | None,
    testscripts: Path | None,
    config: Path | None,
    **options: Any,
) -> None:
    """Run terminology tests against a server, and say which cases it passes.

    The exit status is 0 if all cases pass or, with --baseline, all that have passed before; 1 if not; and 2 if the
    suite cannot be read, the server cannot be reached, or there is no such case.
    """
    try:
        with errors_in_one_line():
            if testscripts is not None:
                if suite is not None or server is not None:
                    raise SettingError(
                        "--testscripts writes the cases of this package: it takes no suite or server"
                    )
                _write_scripts(testscripts, root)
                return
            cases = ConformanceSuite(suite)
            if only is not None and not any(_is_chosen(case, only) for case in cases.cases):
                raise UnreadableFileError(f"no case has '{only}' in its name")
            chosen = frozenset(mode.strip() for mode in modes.split(","))
            if unknown := sorted(chosen - cases.modes):
                known = ", ".join(sorted(cases.modes))
                raise UnreadableFileError(f"the suite has no mode {unknown[0]!r}, but these: {known}")
            before = None if baseline is None else reports.read_baseline(baseline)
            with ExitStack() as running:
                credentials = "" if authorization is None else _header_of(authorization)
                if server is None:
                    server = running.enter_context(_own_server(config, options, root))
                under_test = ServerUnderTest(server, credentials)
                run = ConformanceRun(cases, under_test, chosen)
                results = list(_with_lines(run, only))
            if not results:
                raise UnreadableFileError(f"no such case has the mode {modes}")
            for line in ("", *reports.table(results)):
                _echo(line)
            if junit is not None:
                _write(junit, reports.junit(results).encode())
            if report is not None:
                name = str(cases.document.get("name") or (suite.resolve().name if suite else "conization"))
                document = reports.test_report(results, name, under_test.url, under_test.software)
                _write(report, json.write(document, pretty=True) + b"\n")
            is_good = _judge(results, baseline, before, is_whole=only is None)
    except click.ClickException as problem:
        problem.show()
        raise SystemExit(_UNUSABLE) from None
    if not is_good:
        raise SystemExit(1)


@contextmanager
def _own_server(config: Path | None, options: dict[str, Any], root: str) -> Iterator[str]:
    """A server of the content that the settings name, on a free port of this machine. Raises SettingError."""
    settings = settings_of(config, options)
    with closing(ServedContent(settings)) as served:
        app = create_app(settings.updated(data=""), catalogue=served)
        with serving(app) as url:
            yield f"{url}/{root}"


def _with_lines(run: ConformanceRun, only: str | None) -> Iterator[CaseResult]:
    """The results; each that failed is a line."""
    server = run.server
    _echo(f"{server.software} at {server.url}, FHIR {server.version}")
    for result in run.results(lambda case: _is_chosen(case, only)):
        if result.status == FAIL:
            _echo(f"FAIL {result.case.name}: {_line(result.message)}")
        yield result


def _is_chosen(case: ConformanceCase, only: str | None) -> bool:
    return only is None or only in case.name


def _line(text: str) -> str:
    return " ".join(text.split())


def _echo(line: str) -> None:
    """Print a line, which may have names and messages of a suite or a server."""
    click.echo(escaped(line))


def _judge(
    results: Sequence[CaseResult], baseline: Path | None, before: frozenset[str] | None, is_whole: bool
) -> bool:
    """Whether the exit status is 0. Writes the baseline if it has grown."""
    number = counts(results)
    _echo(f"{number[PASS]} passed, {number[FAIL]} failed, {number[SKIP]} skipped")
    if baseline is None:
        return number[FAIL] == 0 and number[PASS] > 0
    passed = {result.case.name for result in results if result.status == PASS}
    names = {result.case.name for result in results}
    lost = reports.fallen((before or set()) if is_whole else (before or set()) & names, results)
    for name in lost:
        _echo(f"passed before: {name}{'' if name in names else ' (no such case any more)'}")
    new = passed - (before or set())
    if not lost and (new or before is None):
        reports.write_baseline(baseline, passed | (before or set()))
        _echo(f"{baseline}: {len(new)} more" if before is not None else f"{baseline}: written")
    return not lost and number[PASS] > 0


def _write_scripts(folder: Path, root: str) -> None:
    number = 0
    for document in scripts(ConformanceSuite(), RELEASES[root].is_r4):
        kind, name = document["resourceType"], document["id"]
        _write(folder / f"{kind}-{name}.json", json.write(document, pretty=True) + b"\n")
        number += kind == "TestScript"
    _echo(f"{folder}: {number} TestScripts of {root.upper()}, and the resources that they need")


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as problem:
        raise UnreadableFileError(f"{path}: cannot be written: {reason_of(problem)}") from None


def _header_of(path: Path) -> str:
    """The value of the header Authorization in a file. No message repeats it. Raises SettingError."""
    try:
        return secret(path.read_text("utf-8").strip(), str(path))
    except OSError as problem:
        raise SettingError(f"{path}: cannot be read: {reason_of(problem)}") from None
    except UnicodeDecodeError:
        raise SettingError(f"{path}: cannot be read: it is not UTF-8") from None
