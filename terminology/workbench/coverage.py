"""How well a map covers a list of codes: how many are mapped, how, and to which targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from terminology.library import Terminology
from terminology.operations.translate.explanation import Reason
from terminology.workbench.mapping import MappedRow, MapTarget, in_words_of_open

# How many codes a report names of each kind.
MOST_NAMED = 20


@dataclass(slots=True)
class CoverageReport:
    """The coverage of a list of codes by the maps to one code system.

    ``codes`` and ``mapped`` count the codes, ``open`` those of the mapped ones that wait for a condition,
    ``weight`` and ``mapped_weight`` how often they are used (1 for a code of which nothing says that).
    ``relationships`` count the matches. The dictionaries have codes: ``several`` those with more than one target,
    ``shared`` the targets of more than one code, ``unmapped`` the reason of each code that is not mapped;
    ``inactive`` and ``unknown`` are targets that are not active, or not codes; ``unused`` are the codes of a value
    set that nothing is mapped to.
    """

    system: str
    codes: int = 0
    mapped: int = 0
    open: int = 0
    weight: float = 0.0
    mapped_weight: float = 0.0
    relationships: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    several: dict[str, list[str]] = field(default_factory=dict)
    shared: dict[str, list[str]] = field(default_factory=dict)
    unmapped: dict[str, str] = field(default_factory=dict)
    inactive: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The part of the codes that is mapped, from 0 to 1."""
        return self.mapped / self.codes if self.codes else 0.0

    @property
    def weighted_share(self) -> float:
        """The same, where each code counts as often as it is used."""
        return self.mapped_weight / self.weight if self.weight else 0.0

    def as_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "system": self.system,
            "codes": self.codes,
            "mapped": self.mapped,
            "openConditions": self.open,
            "share": round(self.share, 4),
            "weightedShare": round(self.weighted_share, 4),
            "relationships": dict(self.relationships),
            "reasons": dict(self.reasons),
            "oneToMany": self.several,
            "manyToOne": self.shared,
            "unmapped": self.unmapped,
            "inactiveTargets": self.inactive,
            "unknownTargets": self.unknown,
            "unusedTargets": self.unused,
        }

    def lines(self) -> list[str]:
        """The report as lines of text."""
        lines = [
            f"{self.system}: {self.mapped:,} of {self.codes:,} codes mapped ({self.share:.1%})"
            f"{in_words_of_open(self.open)}; "
            f"weighted by use {self.weighted_share:.1%}",
            f"  relationships: {_counts(self.relationships)}",
            f"  not mapped: {_counts(self.reasons)}",
            f"  1:n {len(self.several):,} codes, n:1 {len(self.shared):,} targets",
        ]
        named = {
            "inactive targets": self.inactive,
            "unknown targets": self.unknown,
            "never used": self.unused,
        }
        for name, codes in named.items():
            if codes:
                lines.append(f"  {name}: {_named(codes)}")
        return lines


def coverage(
    terminology: Terminology,
    target: MapTarget,
    rows: Iterable[MappedRow],
    weights: Mapping[int, str],
    value_set: str | None = None,
) -> CoverageReport:
    """The coverage of the rows of a mapped sheet. ``weights``: how often a code is used, by the number of its row.

    ``value_set`` is the canonical of one whose codes should all be targets. Raises TerminologyError if it is unknown.

    The codes, and their targets, are in memory. A code that comes several times is counted once, with all its use.
    """
    report = CoverageReport(target.system)
    targets: dict[str, list[str]] = {}
    codes: dict[str, bool] = {}
    for row in rows:
        code, weight = row.by_target[target.name], _weight(weights.get(row.row.number, ""))
        report.weight += weight
        report.mapped_weight += weight if code.is_mapped else 0
        if row.key in codes:
            continue
        codes[row.key] = code.is_mapped
        report.codes += 1
        report.mapped += code.is_mapped
        report.open += code.is_mapped and code.reason == Reason.CONDITION_OPEN
        if not code.is_mapped:
            report.reasons[code.reason or "no-row"] += 1
            report.unmapped[row.key] = code.reason or "no-row"
        own = list(dict.fromkeys(m.concept.code for m in code.matches if m.concept and m.concept.code))
        report.relationships.update(m.relationship or "" for m in code.matches)
        if len(own) > 1:
            report.several[row.key] = own
        for each in own:
            targets.setdefault(each, []).append(row.key)
    report.shared = {code: sources for code, sources in targets.items() if len(sources) > 1}
    if value_set is not None:
        report.unused = [code for code in terminology.expand(value_set).codes if code not in targets]
    system = terminology.visible_catalogue.find_system(target.system)
    if system is not None and not system.about.is_absent:
        for each in targets:
            concept = system.locate(each)
            if concept is None and not system.about.is_fragment:
                report.unknown.append(each)
            elif concept is not None and concept.inactive:
                report.inactive.append(each)
    return report


def _weight(text: str) -> float:
    """How often a code is used; 1 where nobody can tell."""
    try:
        return float(text.replace(",", "").replace("\u00a0", "")) if text else 1.0
    except ValueError:
        return 1.0


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"


def _named(codes: Sequence[str]) -> str:
    more = f" and {len(codes) - MOST_NAMED:,} more" if len(codes) > MOST_NAMED else ""
    return ", ".join(codes[:MOST_NAMED]) + more
