"""The guide for authors of test suites runs as it is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from terminology.testing import harnessed, pytest_plugin
from tests.support.paths import ROOT

pytest_plugins = ["pytester"]

PAGE = (ROOT / "docs" / "test-my-own-server.md").read_text("utf-8")


def test_the_test_of_the_guide_passes_and_is_short(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    program = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    assert len(program.splitlines()) < 40
    (pytester.path / "test_colours.py").write_text(program)
    result = pytester.runpytest_subprocess("-p", "terminology.testing.pytest_plugin", "-W", "error")
    result.assert_outcomes(passed=1)
    assert len((pytester.path / "session.jsonl").read_text().splitlines()) == 3
    unmapped = program.replace('"red", to=RGB, gives="ff0000"', '"blue", to=RGB, gives="0000ff"')
    assert unmapped != program
    (pytester.path / "test_colours.py").write_text(unmapped)
    failed = pytester.runpytest_subprocess("-p", "terminology.testing.pytest_plugin", "-W", "error")
    failed.assert_outcomes(failed=1)
    shown = re.findall(r"```\nAssertionError: (.*?)```", PAGE, re.DOTALL)[0]
    lines = [line.removeprefix("E").strip() for line in failed.outlines]
    assert [line for line in shown.splitlines() if not any(each.endswith(line) for each in lines)] == []


def test_the_guide_names_every_fixture_and_every_part_of_a_server() -> None:
    fixtures = re.findall(r"@pytest.fixture\ndef (\w+)", Path(pytest_plugin.__file__).read_text("utf-8"))
    assert len(fixtures) == 3
    public = {name for name in vars(harnessed.TerminologyServer) if not name.startswith("_")}
    public |= {name for name in vars(harnessed.TerminologyApp) if not name.startswith("_")}
    for name in {*fixtures, *public}:
        assert f"`{name}" in PAGE, name
