"""Reports as pages: whole in one file, escaped, with charts and tables, and bounded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from terminology.cli.commands import main
from terminology.pages.reports import MOST_ROWS, coverage_page, diff_page, lint_page
from terminology.workbench.coverage import CoverageReport
from terminology.workbench.diff import CodeChange
from terminology.workbench.lint import LintFinding

EVIL = "<script>alert('1')</script>"


def run(*words: str) -> Result:
    result = CliRunner().invoke(main, list(words), env={"TERMINOLOGY_DATA": ""})
    assert "Traceback" not in result.output
    return result


def coverage_of_one() -> bytes:
    report = CoverageReport(EVIL, codes=2, mapped=1, weight=3, mapped_weight=2)
    report.reasons["typing-slip"] = 1
    report.relationships["equivalent"] = 1
    report.unmapped[EVIL] = "typing-slip"
    return coverage_page([report])


PAGES = {
    "coverage": coverage_of_one(),
    "lint": lint_page([EVIL], [(EVIL, LintFinding("unknown-code", "error", EVIL, EVIL))]),
    "diff": diff_page(EVIL, EVIL, [CodeChange("renamed", EVIL, EVIL, "after", (EVIL,))]),
}


@pytest.mark.parametrize("name", PAGES)
def test_texts_are_escaped_and_nothing_is_fetched(name: str) -> None:
    page = PAGES[name].decode()
    assert EVIL not in page and "&lt;script&gt;" in page
    assert not re.search(r"<script|<link|<img|\ssrc=|\shref=|@import|url\(", page)
    assert "default-src 'none'" in page and "<style>" in page


@pytest.mark.parametrize("name", PAGES)
def test_a_chart_has_its_numbers_as_words(name: str) -> None:
    page = PAGES[name].decode()
    for chart, key in re.findall(r"(<svg.*?</svg>)\s*(<ul.*?</ul>)", page, re.DOTALL):
        assert chart.count("<rect") == key.count("<li") > 0
        widths = [float(width) for width in re.findall(r'<rect[^>]* width="([\d.]+)"', chart)]
        assert sum(widths) == pytest.approx(1000, abs=1)
    assert "<svg" in page


def test_a_long_table_is_cut_and_says_so() -> None:
    changes = [CodeChange("added", str(number)) for number in range(MOST_ROWS + 1)]
    page = diff_page("a", "b", changes).decode()
    assert page.count("<tr>") == MOST_ROWS + 1  # with the header
    assert "the report in JSON has all" in page
    assert "the report in JSON has all" not in diff_page("a", "b", changes[1:]).decode()


def test_the_commands_write_the_pages_beside_their_lines(tmp_path: Path) -> None:
    sheet = tmp_path / "codes.csv"
    sheet.write_text("code,count\n57520,5\n5752O,1\n", "utf-8")
    page = tmp_path / "page.html"
    plain = run("coverage", str(sheet), "--from", "cpt", "--to", "snomed")
    both = run("coverage", str(sheet), "--from", "cpt", "--to", "snomed", "--html", str(page))
    assert (both.stdout, both.exit_code) == (plain.stdout, plain.exit_code)
    assert "1 of 2 codes are mapped (50.0%)" in page.read_text("utf-8")
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(run("read", "CodeSystem", "cervical-conization").stdout, "utf-8")
    new.write_text(old.read_text("utf-8").replace('"conization-loop"', '"conization-lop"'), "utf-8")
    assert "removed conization-loop" in run("diff", str(old), str(new), "--html", str(page)).stdout
    assert "conization-lop" in page.read_text("utf-8")
    wrong = tmp_path / "map.json"
    wrong.write_text(
        run("read", "ConceptMap", "cpt-to-snomed").stdout.replace("54535009", "54535008"), "utf-8"
    )
    checked = run("lint", str(wrong), "--format", "html", "--output", str(page))
    assert checked.exit_code == 1 and "unknown-code" in page.read_text("utf-8")
