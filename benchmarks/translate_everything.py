"""A check that every published ConceptMap translates forward, and back.

Loads the definitions and examples of FHIR R4 and R5, and puts every row of every ConceptMap in them to
$translate, as R4 and as R5 ask: the source has to lead to the target, and the target back to the source. A
refusal is fine if it says why: refusals are counted by reason, and written one by one with ``--refusals``. A
crash, or a row that does not lead where it says, makes the command fail::

    python benchmarks/translate_everything.py [--refusals FILE] [PACKAGE.tgz ...]

Without packages those below are fetched with ``npm pack``, once, into ``build/packages``.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from expand_everything import fetched

from terminology import Settings, Terminology, TerminologyError
from terminology.core.model import Document

PACKAGES = ("hl7.fhir.r4.examples@4.0.1", "hl7.fhir.r5.core@5.0.0")
RELEASES = ("r4", "r5")
EXAMPLES = 3
# (system, code): an end of a row; the system may be empty.
End = tuple[str, str]


@dataclass(slots=True)
class Row:
    """A row of a map: its ends, and whether it says that they are related."""

    map: str
    source: End
    target: End | None
    is_positive: bool

    def __str__(self) -> str:
        target = "nothing" if self.target is None else "#".join(self.target)
        return f"{self.map}: {'#'.join(self.source)} to {target}"


@dataclass(slots=True)
class Report:
    """What came of it. ``refusals`` has the rows by reason; ``skipped`` those that cannot be asked, by reason."""

    maps: int = 0
    rows: int = 0
    forward: int = 0
    back: int = 0
    refusals: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    skipped: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)


class Run:
    def __init__(self, terminology: Terminology, report: Report, release: str) -> None:
        self._terminology, self._report, self._release = terminology, report, release

    def take(self, map_: Document) -> None:
        """Translate every row of a map, in both directions."""
        self._report.maps += 1
        for row in _rows(map_, self._report.skipped):
            self._report.rows += 1
            try:
                self._forward(row)
                if row.target is not None and row.is_positive:
                    self._back(row)
            except TerminologyError as refusal:
                issue = refusal.issues[0]
                self._report.refusals[issue.message_id or issue.code].append(f"{row}: {issue.text}")
            except Exception:
                self._report.crashes.append(f"{row}\n{traceback.format_exc()}")

    def _forward(self, row: Row) -> None:
        system, code = row.source
        name = "code" if self._release == "r4" else "sourceCode"
        answer = self._ask(row, **{"system": system, name: code})
        ends = [_end(_part(match, "concept")) for match in _matches(answer)]
        if row.target not in ends:
            self._report.wrong.append(f"{row} is not among {ends}")
        elif row.is_positive and not _result(answer):
            self._report.wrong.append(f"{row}: the result is false")
        else:
            self._report.forward += 1

    def _back(self, row: Row) -> None:
        assert row.target is not None
        system, code = row.target
        if self._release == "r4":
            answer = self._ask(row, system=system, code=code, reverse=True)
            name = "concept"
        else:
            answer = self._ask(row, targetSystem=system, targetCode=code)
            name = "source"
        ends = [_end(_part(match, name)) for match in _matches(answer)]
        if row.source in ends and _result(answer):
            self._report.back += 1
        else:
            self._report.wrong.append(f"{row} does not lead back, but to {ends}")

    def _ask(self, row: Row, **parameters: Any) -> Document:
        """The answer of the row's map. Some maps are from or to no code system."""
        sent = {name: value for name, value in parameters.items() if value != ""}
        return self._terminology.ask("ConceptMap/$translate", release=self._release, url=row.map, **sent)


def _rows(map_: Document, skipped: Counter[str]) -> Iterator[Row]:
    """The rows of a map between codes; ``map_`` is in R5 shape."""
    version = f"|{map_['version']}" if "version" in map_ else ""
    canonical = map_["url"] + version
    for group in map_.get("group", ()):
        source, target = (str(group.get(name, "")).partition("|")[0] for name in ("source", "target"))
        for element in group.get("element", ()):
            if "code" not in element:
                skipped["rows from a value set, or without a code"] += 1
                continue
            near = (source, element["code"])
            if element.get("noMap"):
                yield Row(canonical, near, None, is_positive=False)
            for node in element.get("target", ()):
                if "relationship" not in node or "valueSet" in node:
                    skipped["targets that are value sets, or without a relationship"] += 1
                    continue
                # A target without a code is R4's "unmatched", with a comment or product.
                is_positive = node["relationship"] != "not-related-to"
                far = (target, node["code"]) if "code" in node else None
                yield Row(canonical, near, far, is_positive)


def _matches(answer: Document) -> list[Document]:
    return [node for node in answer["parameter"] if node["name"] == "match"]


def _result(answer: Document) -> bool:
    return any(node.get("valueBoolean") is True for node in answer["parameter"] if node["name"] == "result")


def _part(match: Document, name: str) -> Document | None:
    return next(
        (p.get("valueCoding") for p in match["part"] if p["name"] == name and "valueCoding" in p), None
    )


def _end(coding: Document | None) -> End | None:
    return None if coding is None else (coding.get("system", ""), coding["code"])


def _print(name: str, report: Report, seconds: float) -> None:
    print(f"{name}: {report.maps} maps and {report.rows} rows in {seconds:.0f} s")
    print(f"  forward    {report.forward}")
    print(f"  back       {report.back}")
    for reason, count in report.skipped.items():
        print(f"  not asked  {count}: {reason}")
    for reason, texts in sorted(report.refusals.items(), key=lambda item: -len(item[1])):
        print(f"  refused    {len(texts)}: {reason}, such as {texts[0]}")
    print(f"  wrong      {len(report.wrong)}, crashed {len(report.crashes)}")
    for text in [*report.crashes[:EXAMPLES], *report.wrong[:EXAMPLES]]:
        print(f"    {text}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--refusals", type=Path, help="a file for every refusal, a line each")
    arguments = parser.parse_args()
    reports: list[Report] = []
    for package in arguments.packages or fetched(PACKAGES):
        settings = Settings(environment={}, content=[package], bundled=False, data="")
        terminology = Terminology(settings=settings)
        maps = [header for header in terminology.catalogue.headers("ConceptMap") if "url" in header]
        for release in RELEASES:
            report = Report()
            started = time.perf_counter()
            for header in maps:
                Run(terminology, report, release).take(terminology.catalogue.whole(header))
            _print(f"{package.name}, {release}", report, time.perf_counter() - started)
            reports.append(report)
    if arguments.refusals:
        texts = [text for report in reports for several in report.refusals.values() for text in several]
        arguments.refusals.write_text("".join(f"{text}\n" for text in texts), "utf-8")
    return 1 if any(report.crashes or report.wrong for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
