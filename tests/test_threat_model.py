"""Each line of the threat model names the tests that hold it, and they exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def threats(page: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each attempt with the tests, as (file, function), that its line names."""
    for table in page.partition("\n## Threats\n")[2].partition("\n## ")[0].split("\n\n"):
        rows = [line for line in table.splitlines() if line.startswith("| ")]
        for row in rows[2:]:
            yield row.split(" | ")[0].removeprefix("| "), TEST.findall(row.split(" | ")[-1])


def functions_in(file: str) -> set[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text("utf-8")) if path.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(
    "attempt,named", [*threats(PAGE)], ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_line_names_tests_that_exist(attempt: str, named: list[tuple[str, str]]) -> None:
    assert named, f"no test holds: {attempt}"
    assert [f"{file}::{test}" for file, test in named if test not in functions_in(file)] == []


def test_every_subject_has_lines() -> None:
    text = "\n".join(attempt for attempt, _ in threats(PAGE))
    for word in (
        "tx-resource",
        "regular expression",
        "ECL",
        "XML",
        "URL",
        "header",
        "proxy",
        "upstream",
        "token",
    ):
        assert word in PAGE.partition("\n## Threats\n")[2]
    assert len(text.splitlines()) > 40


def test_a_line_without_a_test_is_seen() -> None:
    page = "# A\n\n## Threats\n\n### B\n\n| attempt | holds | tests |\n| --- | --- | --- |\n| try | hope | `none` |\n"
    assert list(threats(page)) == [("try", [])]
    named = page.replace("`none`", "`tests/test_threat_model.py::test_nothing`")
    assert list(threats(named)) == [("try", [("tests/test_threat_model.py", "test_nothing")])]
    assert "test_nothing" not in functions_in("tests/test_threat_model.py")
    assert functions_in("tests/none.py") == set()
