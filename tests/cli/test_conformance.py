"""The command ``conformance``: its output, its files and its exit status."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from fhir.resources import testreport

from terminology.cli.commands import main
from terminology.core.software import VERSION


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("TERMINOLOGY_DATA", "")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["conformance", *arguments])

    return run


def test_the_local_content_passes_and_every_report_is_written(run: Any, tmp_path: Path) -> None:
    result = run(
        "--release", "r4", "--junit", "out/junit.xml", "--report", "report.json", "--baseline", "baseline"
    )
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith(f"FHIR Terminology Adapter {VERSION} at http://127.0.0.1:")
    assert lines[0].endswith("/fhir/r4, FHIR 4.0.1")
    assert "68 passed, 0 failed, 0 skipped" in lines and lines[-1] == "baseline: written"
    assert (tmp_path / "out" / "junit.xml").read_text().count("<testcase") == 68
    report: Any = testreport.TestReport.model_validate(json.loads((tmp_path / "report.json").read_text()))
    assert (report.result, float(report.score)) == ("pass", 100)
    assert len((tmp_path / "baseline").read_text().splitlines()) == 69


def test_a_baseline_may_grow_and_not_fall(run: Any, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline"
    baseline.write_text("lookup/technique\n")
    assert run("--only", "lookup/", "--baseline", "baseline").exit_code == 0
    grown = baseline.read_text()
    assert "lookup/parent\n" in grown
    baseline.write_text(f"{grown}lookup/no-such-case\nexpand/is-a\n")
    result = run("--only", "lookup/", "--baseline", "baseline")
    assert result.exit_code == 0, "of some cases the others are not asked for"
    result = run("--baseline", "baseline")
    assert result.exit_code == 1
    assert "passed before: lookup/no-such-case (no such case any more)" in result.output
    assert baseline.read_text() == f"{grown}lookup/no-such-case\nexpand/is-a\n", "it is left as it is"


def test_a_case_that_fails_is_named_and_the_exit_status_is_1(run: Any, tmp_path: Path) -> None:
    case = {"name": "c", "operation": "lookup", "request": "q.json", "response": "q.json"}
    suite = {"suites": [{"name": "g", "setup": [], "tests": [case, {**case, "name": "d", "version": "4.0"}]}]}
    (tmp_path / "test-cases.json").write_text(json.dumps(suite))
    for name in ("q.json", "parameters-default.json"):
        (tmp_path / name).write_text('{"resourceType": "Parameters"}')
    result = run("--suite", ".")
    assert result.exit_code == 1
    assert "FAIL g/c: the HTTP status is 400, not 2xx" in result.output
    assert result.output.splitlines()[-1] == "0 passed, 1 failed, 1 skipped"


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["--server", "http://127.0.0.1:9/fhir"], "cannot be tested: no answer"),
        (["--server", "localhost"], "is not the URL of a FHIR server"),
        (["--suite", "."], "test-cases.json: cannot be read"),
        (["--only", "no such case"], "no case has 'no such case' in its name"),
        (["--modes", "general, snomde"], "the suite has no mode 'snomde', but these: general"),
        (["--authorization", "none"], "none: cannot be read"),
        (["--server", ""], "is not the URL of a FHIR server"),
        (["--server", "http://[::1"], "is not the URL of a FHIR server"),
        (["--server", "http://127.0.0.1:99999"], "is not the URL of a FHIR server"),
        (["--server", "http://ada:secret@127.0.0.1:9"], "without a password"),
        (["--server", "http://127.0.0.1:9/fhir?x=1"], "is not the URL of a FHIR server"),
        (["--testscripts", "x", "--server", "http://127.0.0.1:9"], "takes no suite or server"),
    ],
)
def test_what_cannot_be_tested_is_one_line_and_exit_status_2(
    run: Any, arguments: list[str], message: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert message in result.output and "Traceback" not in result.output


def test_TestScripts_are_written_with_what_they_need(run: Any, tmp_path: Path) -> None:
    result = run("--testscripts", "scripts", "--release", "r4")
    assert result.exit_code == 0, result.output
    names = [path.name for path in (tmp_path / "scripts").iterdir()]
    assert "TestScript-lookup-technique.json" in names and "CodeSystem-cervical-conization.json" in names
    assert f"{sum(name.startswith('TestScript-') for name in names)} TestScripts of R4" in result.output


@pytest.mark.parametrize("content", [b"a\r\nb", b"\xff", "\u2603".encode(), b""])
def test_credentials_that_no_header_may_have_are_refused_in_one_line(
    run: Any, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "token").write_bytes(content)
    result = run("--authorization", "token", "--server", "http://127.0.0.1:9/fhir")
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert result.output.startswith("Error: token")


CASE = {"name": "c", "operation": "lookup", "request": "q.json", "response": "q.json"}


def write_suite(folder: Path, *tests: object, **group: object) -> None:
    suites = [{"name": "g", "setup": [], "tests": tests, **group}] if tests else []
    (folder / "test-cases.json").write_text(json.dumps({"suites": suites}))
    for name in ("q.json", "parameters-default.json"):
        (folder / name).write_text('{"resourceType": "Parameters"}')


def test_a_suite_without_cases_is_not_run(run: Any, tmp_path: Path) -> None:
    write_suite(tmp_path)
    result = run("--suite", ".")
    assert result.exit_code == 2 and "the suite has no cases" in result.output


@pytest.mark.parametrize("mode", [["general"], {"a": 1}, 5])
def test_a_mode_that_is_no_string_is_not_run(run: Any, tmp_path: Path, mode: object) -> None:
    write_suite(tmp_path, {**CASE, "mode": mode})
    assert (run("--suite", ".").exit_code, "g/c is not a string" in run("--suite", ".").output) == (2, True)
    write_suite(tmp_path, CASE, mode=mode)
    assert (run("--suite", ".").exit_code, "a group is not a string" in run("--suite", ".").output) == (
        2,
        True,
    )


@pytest.mark.parametrize(
    "part,message",
    [
        ({"request": "../outside.json"}, "outside the folder"),
        ({"request": "/etc/passwd"}, "outside the folder"),
        ({"request": "link.json"}, "outside the folder"),
        ({"request": "/dev/zero"}, "outside the folder"),
        ({"request": "pipe"}, "not a file"),
        ({"request": "."}, "not a file"),
        ({"request": "a\0b"}, "cannot be read"),
        ({"request": "a" * 5_000}, "cannot be read"),
        ({"request": "large.json"}, "more than 50,000,000 bytes"),
        ({"request": {"parameter": 5}}, "not a list of objects"),
        ({"request": {"parameter": [1]}}, "not a list of objects"),
        ({"profile": {"parameter": 7}}, "not a list of objects"),
        ({"header": {"mode": [1]}}, "the HTTP status is 400"),
        ({"header": {"name": "X\r\nY", "value": "z"}}, "Invalid header name"),
        ({"name": "\x1b]0;x\x07\u202e"}, "the HTTP status is 400"),
    ],
)
def test_a_case_that_cannot_be_run_fails_in_words(
    run: Any, tmp_path: Path, part: dict[str, Any], message: str
) -> None:
    folder = tmp_path / "suite"
    folder.mkdir()
    write_suite(folder, {**CASE, **part})
    (tmp_path / "outside.json").write_text('{"resourceType": "Parameters"}')
    (folder / "link.json").symlink_to(tmp_path / "outside.json")
    os.mkfifo(folder / "pipe")
    with (folder / "large.json").open("wb") as large:
        large.truncate(50_000_001)
    result = run("--suite", "suite", "--junit", "junit.xml")
    assert result.exit_code == 1, result.output
    (line,) = (line for line in result.output.splitlines() if line.startswith("FAIL g/"))
    assert message in line and line.isprintable()
    ElementTree.parse(tmp_path / "junit.xml")
