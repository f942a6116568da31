"""Decisions: which candidate for a code of a sheet is right, who said so, when, and why.

A file of decisions has a row for each candidate. ``suggest`` writes them as ``proposed``; a person sets ``status`` to
``accepted`` or ``rejected``, in a spreadsheet program or another tool, and only accepted rows become mappings.
An accepted row without a target says that there is no target (``noMap``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from terminology.core import issues
from terminology.core.dates import today
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding, Document
from terminology.core.structure import RELATIONSHIPS
from terminology.library import Terminology
from terminology.operations.spelling import system_named
from terminology.systems.code_shapes import impossibility, may_be_elsewhere
from terminology.workbench import mapped_tables
from terminology.workbench.columns import SheetColumns
from terminology.workbench.draft_map import DraftMap
from terminology.workbench.mapping import NO_CODE, MappedCode, MapTarget, SheetMapper
from terminology.workbench.sheets import Sheet
from terminology.workbench.suggest import Suggester

STATUSES = ("proposed", "accepted", "rejected")
# The relationship of an accepted row that names none: nobody has said more.
UNSTATED = "related-to"


@dataclass(slots=True)
class MappingDecision:
    """A candidate for a code, and the decision. The fields are the columns of the file.

    ``status`` is one of ``STATUSES``; ``relationship`` is a word of FHIR R5; ``when`` is a date; ``score`` is from 0
    to 1, or empty. ``count`` says how often the source code is used.
    """

    source_code: str
    source_text: str = ""
    source_system: str = ""
    count: str = ""
    target_system: str = ""
    target_code: str = ""
    target_display: str = ""
    relationship: str = ""
    condition: str = ""
    status: str = "proposed"
    by: str = ""
    when: str = ""
    comment: str = ""
    score: str = ""
    why: str = ""

    def cells(self) -> list[str]:
        """The values of the columns."""
        return [getattr(self, name) for name in FIELDS]


FIELDS = tuple(each.name for each in fields(MappingDecision))
HEADER = tuple(name.replace("_", " ") for name in FIELDS)


@dataclass(slots=True)
class DecisionSummary:
    """How many usable rows have each status; the problems of rows that no map can be made of; sources that wait."""

    statuses: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    sources: set[tuple[str, str]] = field(default_factory=set)
    decided: set[tuple[str, str]] = field(default_factory=set)

    @property
    def waiting(self) -> int:
        """The number of source codes of which no row is accepted."""
        return len(self.sources - self.decided)


def proposals(
    mapper: SheetMapper,
    suggesters: Sequence[tuple[MapTarget, Suggester]],
    sheet: Sheet,
    columns: SheetColumns,
    most: int = 5,
    source_url: str | None = None,
) -> Iterator[MappingDecision]:
    """A proposed decision for each match of a map, and for codes without one for each suggestion by their text.

    A code without any candidate has a row without a target, so that nobody overlooks it.
    """
    known: dict[tuple[str, str], list[Any]] = {}
    for row in mapper.rows(sheet, columns):
        count = columns.cell("count", row.row)
        source = MappingDecision(row.key, row.text, source_url or row.coding.system or "", count)
        for target, suggester in suggesters:
            code = row.by_target[target.name]
            has_candidate = False
            for match in code.matches:
                has_candidate = True
                concept = match.concept or Coding()
                yield _with(
                    source,
                    target_system=target.system,
                    target_code=concept.code or "",
                    target_display=concept.display or "",
                    relationship=match.relationship or "",
                    condition=mapped_tables.condition_of(match, whole=True),
                    why=mapped_tables.place_of(match, code) or mapped_tables.text_of(code),
                )
            if has_candidate:
                continue
            key = target.system, row.text
            if key not in known:
                known[key] = suggester.suggestions(row.text, most) if row.text else []
            for suggestion in known[key]:
                has_candidate = True
                yield _with(
                    source,
                    target_system=target.system,
                    target_code=suggestion.code,
                    target_display=suggestion.display,
                    score=f"{suggestion.score:.3f}",
                    why=suggestion.why,
                )
            if not has_candidate:
                yield _with(source, target_system=target.system, why=_why_none(row.text, target, code))


def _why_none(text: str, target: MapTarget, code: MappedCode) -> str:
    """The reason why a row has no candidate, which names the text that was searched for."""
    reason = mapped_tables.text_of(code) if code.reason != NO_CODE or not text else ""
    searched = issues.text_without_suggestion(text, target.name) if text else ""
    return " ".join(filter(None, (reason, searched)))


def _with(source: MappingDecision, **values: str) -> MappingDecision:
    same = {name: getattr(source, name) for name in ("source_code", "source_text", "source_system", "count")}
    return MappingDecision(**same, **values)


def checked(
    terminology: Terminology, decisions: Iterable[MappingDecision], summary: DecisionSummary
) -> Iterator[MappingDecision]:
    """The decisions that can be used; the problems of the others are added to the summary.

    An accepted target must be a code of its code system, if that is here. A code cannot have both a target and none.
    """
    firsts: dict[tuple[str, str, str], tuple[int, bool]] = {}
    for number, decision in enumerate(decisions, 2):
        decision.status = decision.status.strip().casefold() or "proposed"
        summary.sources.add((decision.source_system, decision.source_code))
        problem = _problem_of(terminology, decision)
        if problem is None and decision.status == "accepted":
            key = decision.source_system, decision.source_code, decision.target_system
            first, has_target = firsts.setdefault(key, (number, bool(decision.target_code)))
            if has_target and not decision.target_code:
                problem = f"it is accepted without a target, and row {first} with one"
            elif decision.target_code and not has_target:
                problem = f"it is accepted with a target, and row {first} without one"
        if problem is not None:
            summary.problems.append(f"row {number}, {decision.source_code}: {problem}")
            continue
        summary.statuses[decision.status] += 1
        if decision.status == "accepted":
            summary.decided.add((decision.source_system, decision.source_code))
        yield decision


def _problem_of(terminology: Terminology, decision: MappingDecision) -> str | None:
    if decision.status not in STATUSES:
        return f"the status '{decision.status}' is not one of {', '.join(STATUSES)}"
    if decision.status != "accepted":
        return None
    if not decision.source_code:
        return "it is accepted, and has no source code"
    if decision.relationship and decision.relationship not in RELATIONSHIPS:
        known = ", ".join(sorted(RELATIONSHIPS))
        return f"the relationship '{decision.relationship}' is not one of {known}"
    if not decision.target_system and not decision.target_code:
        return "it is accepted, and has no target system"
    try:
        decision.target_system = system_named(terminology.visible_catalogue, decision.target_system)
    except TerminologyError as error:
        return str(error)
    if not decision.target_code:
        return "it is accepted with a condition, and has no target" if decision.condition else None
    system = terminology.visible_catalogue.find_system(decision.target_system)
    if system is None or system.about.is_absent:
        return None
    concept = system.locate(decision.target_code)
    if concept is None:
        if may_be_elsewhere(system.about, decision.target_code):
            return None
        missing = issues.code_not_in_system(decision.target_code, system.about.canonical, False)
        reason = impossibility(system.about, decision.target_code) if system.about.is_fragment else None
        return f"{missing} {reason}" if reason else missing
    decision.target_display = decision.target_display or concept.display or ""
    return None


def add_to_map(draft: DraftMap, decisions: Iterable[MappingDecision], source_url: str | None = None) -> None:
    """Add the accepted rows to a map: the targets of a code together, whatever the order of the rows."""
    elements: dict[tuple[str, str, str], list[Document]] = {}
    reasons: dict[tuple[str, str, str], list[str]] = {}
    displays: dict[tuple[str, str], str] = {}
    for decision in decisions:
        if decision.status != "accepted":
            continue
        system = source_url or decision.source_system
        key = system, decision.source_code, decision.target_system
        targets = elements.setdefault(key, [])
        displays.setdefault((system, decision.source_code), decision.source_text)
        if decision.target_code:
            targets.append(_target(draft, decision))
        elif reason := _comment(decision):
            reasons.setdefault(key, []).append(reason)
    for (system, code, target_system), targets in elements.items():
        source = Coding(system or None, code, None, displays[system, code] or None)
        reason = ". ".join(reasons.get((system, code, target_system), ()))
        draft.add_element(source, target_system, targets, reason)


def _target(draft: DraftMap, decision: MappingDecision) -> Document:
    target: Document = {"code": decision.target_code}
    if decision.target_display:
        target["display"] = decision.target_display
    target["relationship"] = decision.relationship or UNSTATED
    if comment := _comment(decision):
        target["comment"] = comment
    if decision.condition:
        target["dependsOn"] = [
            draft.condition(*part.rsplit("=", 1)) for part in decision.condition.split(" & ") if "=" in part
        ]
    return target


def _comment(decision: MappingDecision) -> str:
    """Why it was decided so, by whom and when: the comment of a target, or the reason why there is none."""
    deciders = " ".join(part for part in (decision.by, decision.when) if part)
    return "; ".join(
        part for part in (decision.comment, f"decided by {deciders}" if deciders else "") if part
    )


def accepted(decision: MappingDecision, by: str, relationship: str | None = None) -> MappingDecision:
    """A decision as a person accepts it, today."""
    decision.status, decision.by, decision.when = "accepted", by, today()
    decision.relationship = relationship or decision.relationship or UNSTATED
    return decision
