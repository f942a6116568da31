"""Reports of the workbench as pages for a file: with the look of all pages in them, and without scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import cycle

from terminology.pages.coverage import BarPart, bar
from terminology.pages.site import html_of
from terminology.workbench.coverage import CoverageReport
from terminology.workbench.diff import CodeChange
from terminology.workbench.lint import RULES, LintFinding

# A table in a report has no more rows; the report says so, and JSON has them all.
MOST_ROWS = 5_000
# The classes of the look for numbers that are good, and not.
_GOOD, _BAD, _WEAK, _NEUTRAL = "mapped", "removed", "missing", "refused"
# Parts of a bar that stand side by side take these in turn.
_IN_TURN = (_WEAK, _NEUTRAL, _BAD, "moved", "added")


@dataclass(slots=True, frozen=True)
class ReportTable:
    """A table of a report. ``rows`` are the first ``MOST_ROWS`` of ``total``."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: int


@dataclass(slots=True, frozen=True)
class ReportPart:
    """A part of a report: what it is about in a sentence, bars with their labels, and tables."""

    title: str
    lead: str
    bars: Sequence[tuple[str, Sequence[BarPart]]]
    tables: Sequence[ReportTable]


def coverage_page(reports: Iterable[CoverageReport]) -> bytes:
    """How well maps cover a list of codes, as HTML."""
    return _page("Coverage", [_of_coverage(report) for report in reports])


def lint_page(file_names: Sequence[str], findings: Sequence[tuple[str, LintFinding]]) -> bytes:
    """The findings of a check of some files, as HTML."""
    severities = Counter(finding.severity for _, finding in findings)
    rules = Counter(finding.rule for _, finding in findings)
    looks = {"error": _BAD, "warning": _WEAK, "information": _NEUTRAL}
    bars = [
        ("Findings by severity", bar([(look, name, severities[name]) for name, look in looks.items()])),
        ("Findings by rule", _counted(rules)),
    ]
    rows = [(file, f.path, f.severity, f.text, f.rule) for file, f in findings]
    meanings = [(rule, RULES[rule]) for rule in sorted(rules)]
    tables = [
        _table("Findings", ("File", "Place", "Severity", "Text", "Rule"), rows),
        _table("Rules", ("Rule", "Meaning"), meanings),
    ]
    lead = f"{len(file_names):,} files were checked: {', '.join(file_names[:20])}."
    return _page("Check of terminology", [ReportPart("Findings", lead, bars, tables)])


def diff_page(old: str, new: str, changes: Sequence[CodeChange], about_parts: str = "") -> bytes:
    """The changes from one version to another, as HTML. ``about_parts``: a sentence about fragments."""
    kinds = Counter(change.kind for change in changes)
    rows = [(c.code, c.kind, c.before, c.after, ", ".join(c.successors)) for c in changes]
    part = ReportPart(
        f"From {old} to {new}",
        f"{len(changes):,} changes. {about_parts}".rstrip(),
        [("Changes by kind", bar([(kind, kind, number) for kind, number in kinds.most_common()]))],
        [_table("Code by code", ("Code", "Change", "Before", "After", "Replaced by"), rows)],
    )
    return _page("Changes", [part])


def _of_coverage(report: CoverageReport) -> ReportPart:
    lead = (
        f"{report.mapped:,} of {report.codes:,} codes are mapped ({report.share:.1%}), {report.open:,} of them with an "
        f"open condition; weighted by use {report.weighted_share:.1%}."
    )
    missing = report.codes - report.mapped
    bars = [
        ("Codes", bar([(_GOOD, "mapped", report.mapped), (_BAD, "not mapped", missing)])),
        (
            "Codes that are not mapped, by reason",
            _counted(report.reasons),
        ),
        (
            "Mappings by relationship",
            bar([(n, n or "none", c) for n, c in report.relationships.most_common()]),
        ),
    ]
    tables = [
        _table("Not mapped", ("Code", "Reason"), list(report.unmapped.items())),
        _table("With several targets", ("Code", "Targets"), _listed(report.several.items())),
        _table("Targets of several codes", ("Target", "Codes"), _listed(report.shared.items())),
        _table("Targets that are not active", ("Target",), [(code,) for code in report.inactive]),
        _table("Targets that are not codes", ("Target",), [(code,) for code in report.unknown]),
        _table("Never used", ("Code",), [(code,) for code in report.unused]),
    ]
    return ReportPart(report.system, lead, bars, tables)


def _counted(counts: Counter[str]) -> list[BarPart]:
    looks = cycle(_IN_TURN)
    return bar([(next(looks), name, number) for name, number in counts.most_common()])


def _listed(pairs: Iterable[tuple[str, Sequence[str]]]) -> list[tuple[str, str]]:
    return [(code, ", ".join(others)) for code, others in pairs]


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> ReportTable:
    return ReportTable(title, header, rows[:MOST_ROWS], len(rows))


def _page(title: str, parts: Sequence[ReportPart]) -> bytes:
    return html_of("report.html", {"title": title, "report_parts": parts, "look": _look()})


@cache
def _look() -> str:
    """The style sheet of the pages, which stands in the file itself."""
    return (files("terminology.pages") / "assets" / "pages.css").read_text("utf-8")
