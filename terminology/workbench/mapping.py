"""A sheet of codes mapped to other code systems: each row with its translations, or with the reason why it has none.

The answers are those of ``$batch-translate``, some hundred codes at a time; answers that were used last are kept, as
codes repeat in a sheet.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.cache import RecentValues, size_of
from terminology.core.errors import TerminologyError
from terminology.core.issues.phrases import did_you_mean
from terminology.core.model import Coding
from terminology.library.result_parts import ResultMatch
from terminology.library.results import TranslateResult
from terminology.operations.spelling import code_hint, near_names, system_named
from terminology.operations.translate import hints
from terminology.operations.translate.explanation import Outcome, Reason
from terminology.systems.code_shapes import may_be_elsewhere
from terminology.workbench.columns import SheetColumns, Translator
from terminology.workbench.sheets import Sheet, SheetRow, spoiled

# The codes of one request, which has a deadline, and how many answers are kept.
CODES_PER_REQUEST = 50
_ANSWERS = 3_000
# The rows that are looked at to find out which code system their codes are of, and the part of them that must have it.
_SAMPLE, _ENOUGH = 200, 0.5

_ICD_WITHOUT_DOT = re.compile(r"[A-Z]\d[0-9A-Z][0-9A-Z]{1,4}", re.IGNORECASE)

# The reasons that a sheet adds to those of a translation (``Reason``), besides the ``spreadsheet-`` ones.
NO_CODE, NO_SYSTEM, NO_MAP, FAILED = "no-code", "no-system", "no-map", "failed"
NEGATIVE = "not-related-to"


@dataclass(slots=True, frozen=True)
class MapTarget:
    """A code system to map to, and what the columns of its results are called."""

    name: str
    system: str


@dataclass(slots=True)
class MappedCode:
    """The translations of a code. ``reason`` is a code, and ``text`` says it in words: None if nothing needs saying.

    ``places`` are the code as each map writes it, by the canonical of the map.
    """

    matches: Sequence[ResultMatch] = ()
    reason: str | None = None
    text: str | None = None
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_mapped(self) -> bool:
        """Is there a translation, whether or not a condition is left to decide?"""
        return bool(self.matches)


@dataclass(slots=True)
class MappedRow:
    """A row, its code with the code system (None if unknown), and what it is mapped to, by the name of the target.

    ``key`` is the code by which the sheet itself knows the row.
    """

    row: SheetRow
    coding: Coding
    key: str
    text: str
    by_target: dict[str, MappedCode]


@dataclass(slots=True)
class MapSummary:
    """How many rows there were, and for each target how many are mapped, and how many have each reason."""

    rows: int = 0
    mapped: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, mapped: MappedRow) -> None:
        """Count a row."""
        self.rows += 1
        for name, code in mapped.by_target.items():
            self.mapped[name] += code.is_mapped
            if code.reason is not None:
                self.reasons.setdefault(name, Counter())[code.reason] += 1

    def line(self, name: str) -> str:
        """The counts of a target as a line of text."""
        reasons = Counter(self.reasons.get(name, {}))
        open_ = in_words_of_open(reasons.pop(Reason.CONDITION_OPEN, 0))
        listed = ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items()))
        rows = "row" if self.rows == 1 else "rows"
        return f"{name}: {self.mapped[name]:,} of {self.rows:,} {rows} mapped{open_}" + (
            f"; {listed}" if listed else ""
        )

    @property
    def is_complete(self) -> bool:
        """Does every row have a translation to every target?"""
        return all(count == self.rows for count in self.mapped.values())


def in_words_of_open(count: int) -> str:
    """How many of the codes that are mapped wait for a condition, as a part of a sentence; empty for none."""
    return f", of these {count:,} with an open condition" if count else ""


def targets_of(terminology: Translator, names: Iterable[str]) -> list[MapTarget]:
    """The code systems of some names or urls. Raises TerminologyError for an unknown name."""
    return [
        MapTarget(name, system_named(terminology.visible_catalogue, name)) for name in dict.fromkeys(names)
    ]


class SheetMapper:
    """Maps the rows of sheets. ``parameters`` are further ones of ``Terminology.translate``."""

    def __init__(self, terminology: Translator, targets: Sequence[MapTarget], **parameters: Any) -> None:
        self.targets = targets
        self._terminology = terminology
        self._parameters = parameters
        self._answers: RecentValues[MappedCode] = RecentValues(
            _ANSWERS, lambda key, answer: size_of(key) + 500 * (1 + len(answer.matches))
        )
        self._systems: dict[str, str | None] = {}

    def unknown_conditions(self) -> str | None:
        """The dependencies whose attribute no map has, with the attributes that there are; None if there are none."""
        names = {each["attribute"] for each in self._parameters.get("dependency") or ()}
        if not names:
            return None
        known: dict[str, str] = {}
        for map_ in self._terminology.visible_catalogue.concept_maps():
            known |= map_.attributes
        unknown = names - known.keys() - set(known.values())
        if not unknown:
            return None
        likely = [near for name in sorted(unknown) for near in near_names(name, list(known))]
        hint = f" {did_you_mean(likely)}" if likely else ""
        return issues.unknown_attributes(unknown, known) + hint

    def rows(self, sheet: Sheet, columns: SheetColumns) -> Iterator[MappedRow]:
        """The rows of a sheet in their order, each with what it is mapped to.

        Where nothing says of which code system the codes are, the first rows are looked at; ``sheet.notes`` then says
        which one it is. Raises UnavailableError; UnreadableFileError for a sheet that breaks off.
        """
        rows = sheet.rows
        if columns.code is not None and columns.system is None and columns.default_system is None:
            sample = list(islice(rows, _SAMPLE))
            columns.default_system = self._system_of(sample, columns)
            if columns.default_system is not None:
                sheet.notes.append(f"its codes are taken for those of {columns.default_system}")
            rows = chain(sample, rows)
        while some := list(islice(rows, CODES_PER_REQUEST)):
            yield from self._mapped(some, columns)

    def _system_of(self, rows: Sequence[SheetRow], columns: SheetColumns) -> str | None:
        """The code system that has most of the codes, if it has enough of them: one that maps lead from."""
        catalogue = self._terminology.visible_catalogue
        codes = {code for row in rows if (code := columns.cell("code", row))}
        ends = {group.source.system for map_ in catalogue.concept_maps() for group in map_.groups}
        counts: dict[str, int] = {}
        for url in sorted(filter(None, ends)):
            system = catalogue.find_system(url)
            if system is not None and not system.about.is_infinite:
                counts[url] = sum(
                    any(system.locate(each) is not None for each in _with_dots(code)) for code in codes
                )
        best = max(counts, key=lambda url: counts[url], default=None)
        return best if best is not None and counts[best] > _ENOUGH * len(codes) else None

    def _mapped(self, rows: Sequence[SheetRow], columns: SheetColumns) -> Iterator[MappedRow]:
        codings = [self._coding(row, columns) for row in rows]
        flaws = [_flaw(row, columns, coding) for row, coding in zip(rows, codings, strict=True)]
        right = [coding for coding, flaw in zip(codings, flaws, strict=True) if flaw is None]
        answers = {target.name: self._translated(right, target) for target in self.targets}
        for row, coding, flaw in zip(rows, codings, flaws, strict=True):
            yield MappedRow(
                row,
                coding,
                columns.cell("key", row) or coding.code or "",
                columns.cell("text", row),
                {name: answers[name][coding] if flaw is None else flaw for name in answers},
            )

    def _coding(self, row: SheetRow, columns: SheetColumns) -> Coding:
        name = columns.cell("system", row)
        system = self._named(name) if name else columns.default_system
        return Coding(system, columns.cell("code", row) or None)

    def _named(self, name: str) -> str | None:
        if name not in self._systems:
            try:
                self._systems[name] = system_named(self._terminology.visible_catalogue, name)
            except TerminologyError:
                self._systems[name] = None
        return self._systems[name]

    def _translated(self, codings: Sequence[Coding], target: MapTarget) -> dict[Coding, MappedCode]:
        known: dict[Coding, MappedCode] = {}
        unknown: list[Coding] = []
        catalogue = self._terminology.visible_catalogue
        takes_own = self._parameters.get("url") is None
        for coding in dict.fromkeys(codings):
            answer = self._answers.find((target.system, coding))
            if answer is None and takes_own and coding.system == target.system:
                answer = _as_it_is(catalogue, coding)
            if answer is None:
                unknown.append(coding)
            else:
                known[coding] = answer
        if unknown:
            result = self._terminology.batch_translate(
                [{"system": coding.system, "code": coding.code} for coding in unknown],
                target_system=target.system,
                _explain=True,
                **self._parameters,
            )
            for coding, answer in zip(unknown, map(_code_of, result), strict=True):
                if answer.reason == NO_MAP and takes_own and coding.system == target.system:
                    answer = _why_not_as_it_is(catalogue, coding) or answer
                known[coding] = answer
                self._answers.put((target.system, coding), answer)
        return known


def _with_dots(code: str) -> Iterator[str]:
    """A code as it stands; and with the dot of the ICD, which many sheets leave out."""
    yield code
    if _ICD_WITHOUT_DOT.fullmatch(code):
        yield f"{code[:3]}.{code[3:]}"


def _flaw(row: SheetRow, columns: SheetColumns, coding: Coding) -> MappedCode | None:
    """The reason why the code of a row is not looked up at all."""
    column = columns.code
    if column is None or coding.code is None and column not in row.spoiled:
        return MappedCode(reason=NO_CODE, text=issues.row_without_code())
    spoiling = row.spoiled.get(column) or spoiled(coding.code or "")
    if spoiling is not None:
        return MappedCode(
            reason=spoiling, text=issues.code_spoiled_by_spreadsheet(coding.code or "", spoiling)
        )
    if coding.system is None:
        name = columns.cell("system", row)
        return MappedCode(reason=NO_SYSTEM, text=issues.code_of_no_system(coding.code or "", name))
    return None


def _as_it_is(catalogue: Catalogue, coding: Coding) -> MappedCode | None:
    """An active code of the code system to map to is its own translation, before any map. None for another one."""
    system = catalogue.find_system(coding.system or "")
    concept = system.locate(coding.code or "") if system is not None else None
    if concept is None or concept.inactive:
        return None
    own = Coding(coding.system, concept.code, None, concept.display)
    match = ResultMatch("equivalent", own, None, None, (), None, (), (), ())
    return MappedCode([match], text=issues.code_of_target_already(concept.code))


def _why_not_as_it_is(catalogue: Catalogue, coding: Coding) -> MappedCode | None:
    """Why a code that should be one of the code system to map to is none, or not active; None if nobody knows."""
    system, code = catalogue.find_system(coding.system or ""), coding.code or ""
    if system is None or system.about.is_absent:
        return None
    canonical, concept = system.about.canonical, system.locate(code)
    if concept is not None:
        successors = hints.successors_of(system, concept.code)
        return MappedCode(
            reason=Reason.RETIRED.value, text=issues.code_is_inactive(code, canonical, successors)
        )
    missing = issues.code_not_in_system(code, canonical, may_be_elsewhere(system.about, code))
    if hint := code_hint(system, code):
        return MappedCode(reason=Reason.TYPING_SLIP.value, text=f"{missing} {hint}")
    if others := hints.other_systems(catalogue, coding):
        elsewhere = issues.code_of_other_systems(code, others)
        return MappedCode(reason=Reason.WRONG_SYSTEM.value, text=f"{missing} {elsewhere}")
    return MappedCode(reason=Reason.UNKNOWN_CODE.value, text=missing)


def _code_of(result: TranslateResult) -> MappedCode:
    if result.issues:
        issue = result.issues[0]
        return MappedCode(reason=NO_MAP if issue.code == "not-found" else FAILED, text=issue.text)
    explanation = result.explanation
    reason = None if explanation is None else explanation.reason
    matches = [m for m in result.matches if m.concept is not None and m.relationship != NEGATIVE]
    used = explanation.maps if explanation is not None else ()
    places = {map_.map: map_.element for map_ in used if map_.outcome == Outcome.MATCHED and map_.element}
    return MappedCode(
        matches,
        None if reason is None else str(reason),
        result.message if reason is not None or not matches else None,
        places,
    )
