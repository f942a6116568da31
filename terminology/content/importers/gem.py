"""General Equivalence Mappings: between ICD-9-CM and ICD-10, in one direction each, as ConceptMaps.

``2018_I9gem.txt``, ``2018_I10gem.txt``, ``gem_i9pcs.txt``, ``gem_pcsi9.txt``: source, target and five flags
with blanks between, no dots; or the same as CSV with a header row::

    672   0UBC0ZZ 10000
    0050  02HK0JZ 10112
    0016  NoPCS   11000

The flags: approximate, no map, combination, scenario, choice list. A target of a combination is not an answer
by itself: a scenario takes one code from each of its choice lists. Such a mapping has the code of the first
list as its target and those of the others as ``product``; every choice is written out, so that no answer has
half a combination, or more codes than belong together. The flags are kept as they are, and no GEM says
"equivalent": they are aids, to be read in their own direction only.

https://www.cms.gov/medicare/coding-billing/icd-10-codes, "General Equivalence Mappings: Documentation and
User's Guide"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby, product
from math import prod
from typing import NamedTuple

from terminology.content.canonical import published_names
from terminology.content.importers import icd9cm, icd10cm, icd10pcs, notices
from terminology.content.importers.attributes import declarations
from terminology.content.importers.files import File, sources, year_in
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import lines, without_faults
from terminology.core.model import Problem
from terminology.store.release import (
    MapGroup,
    MapRelease,
    MapRow,
    OpenedConceptMap,
    PropertyTuple,
)
from terminology.store.reporting import Reporter

EXPECTED = "a GEM file: source, target and five flags in each row, e.g. 2018_I9gem.txt or gem_i9pcs.txt"
MOST_COMBINATIONS = 10_000
PROPERTIES = {
    "gemFlags": ("string", "The five digits as published, of the target and of each product."),
    "approximate": ("boolean", "First GEM digit: the meanings are not the same."),
    "combination": ("boolean", "Third GEM digit: the target is only valid together with the products."),
    "scenario": ("integer", "Fourth GEM digit: the scenario of a combination."),
    "choiceList": ("integer", "Fifth GEM digit: the choice list of the target within the scenario."),
}
TOGETHER = "Only together with the products: this is one choice of scenario {} of the GEM."
NO_MAP = "The GEM has no counterpart (flags {})."

_LINE = re.compile(r'"?(\w{2,7})"?[\s,]+"?(\w{2,7})"?[\s,]+"?([01]{3}\d\d)"?(?:,.*)?')
_WORD = re.compile(r"\w+")
_ICD10CM = re.compile(r"[A-DF-UW-Z]\d")


class GemSide(NamedTuple):
    """One side of a GEM: a code system, or a volume of it."""

    key: str
    title: str
    url: str


_DIAGNOSES = GemSide("icd9cm", "ICD-9-CM diagnoses", icd9cm.URL)
_PROCEDURES = GemSide("icd9cm-procedures", "ICD-9-CM procedures", icd9cm.URL)
_CM = GemSide("icd10cm", "ICD-10-CM", icd10cm.URL)
_PCS = GemSide("icd10pcs", "ICD-10-PCS", icd10pcs.URL)


class GemDirection(NamedTuple):
    """The sides that a GEM file maps from and to."""

    source: GemSide
    target: GemSide

    @property
    def additional(self) -> str:
        """The attribute of a ``product`` that holds a further code of a combination."""
        return "additionalProcedure" if _PCS in self else "additionalDiagnosis"


class GemRow(NamedTuple):
    """A line of a GEM file."""

    line: int
    source: str
    target: str
    flags: str

    @property
    def is_part(self) -> bool:
        """Whether this is one part of a combination."""
        return self.flags[3] != "0"


# -- which files ---------------------------------------------------------------------------------


def _open(files: Sequence[File]) -> list[OpenedConceptMap]:
    """A map for each GEM file."""
    directions = ((file, _direction(file)) for file in files)
    return [
        OpenedConceptMap(_release(file, direction), partial(_mappings, file, direction))
        for file, direction in directions
        if direction is not None
    ]


def _direction(file: File) -> GemDirection | None:
    """From the shapes of the codes in the first rows: the names of the files have changed over the years."""
    rows = [_LINE.fullmatch(line.strip()) for line in file.first_lines()]
    matched = [row for row in rows if row]
    if not matched or len(matched) < len(rows) - 1:  # the first row may be a header
        return None
    sources_ = {row[1] for row in matched}
    targets = {row[2] for row in matched if row[3][1] == "0"}
    if all(len(code) == 7 for code in targets) and targets or any(row[2] == "NoPCS" for row in matched):
        return GemDirection(_PROCEDURES, _PCS)
    if all(len(code) == 7 for code in sources_):
        return GemDirection(_PCS, _PROCEDURES)
    if any(_ICD10CM.match(code) for code in sources_):
        return GemDirection(_CM, _DIAGNOSES)
    return GemDirection(_DIAGNOSES, _CM)


def _release(file: File, direction: GemDirection) -> MapRelease:
    id_ = f"gem-{direction.source.key}-to-{direction.target.key}"
    products = {
        direction.additional: ("Coding", "A code that belongs to the target: neither is valid alone.")
    }
    title = f"{direction.source.title} to {direction.target.title}, General Equivalence Mappings"
    return MapRelease(
        kind="gem",
        url=published_names().resource("ConceptMap", id_),
        version=year_in(file.name),
        name="".join(part.capitalize() for part in id_.split("-")),
        title=title,
        copyright=notices.CMS,
        licence="public domain",
        groups=[MapGroup(direction.source.url, direction.target.url)],
        files=sources([file]),
        header={
            "description": "An aid to translation in one direction, not an equivalence; not to be turned round. "
            "A target with products is only valid together with all of them.",
            "property": declarations(PROPERTIES),
            "additionalAttribute": declarations(products),
        },
    )


# -- rows ----------------------------------------------------------------------------------------


def _mappings(file: File, direction: GemDirection, reporter: Reporter) -> Iterator[MapRow]:
    """Single targets, combinations written out, and codes without a counterpart."""
    done: set[str] = set()
    incomplete: set[str] = set()
    for source, group in groupby(_rows(file, reporter, incomplete), key=lambda row: row.source):
        rows = list(group)
        if source in done:
            text = f"the rows of {source} should be together; these are left out"
            reporter.problem(Problem(file.label, rows[0].line, text))
            continue
        done.add(source)
        yield from (_single(row, direction) for row in rows if not row.is_part)
        parts = [row for row in rows if row.is_part]
        if parts and source in incomplete:
            text = f"the combinations of {source} are left out: one of its rows cannot be read"
            reporter.problem(Problem(file.label, parts[0].line, text))
            continue
        yield from _combinations(parts, direction, file, reporter)


def _rows(file: File, reporter: Reporter, incomplete: set[str]) -> Iterator[GemRow]:
    def fault_of(line: str) -> str | None:
        parts = _LINE.fullmatch(line.strip())
        fault = "expected source, target and five flags" if parts is None else _fault(parts[2], parts[3])
        if fault is None:
            return None
        incomplete.update(_WORD.findall(line)[:1])
        return f"{fault}, not {line[:60]!r}"

    numbered = lines(file, reporter, "latin-1")
    rows = (row for row in numbered if row[0] > 1 or not row[1].startswith('"'))  # the first may be a header
    for number, line in without_faults(file, reporter, rows, fault_of):
        source, target, flags = _LINE.fullmatch(line.strip()).groups()  # type: ignore[union-attr]
        yield GemRow(number, source, target, flags)


def _fault(target: str, flags: str) -> str | None:
    """The rule that a line breaks; None if it breaks none."""
    # The official files have choice lists without a scenario. Such a target belongs to no combination.
    no_map, combination, scenario, choice = (flag != "0" for flag in flags[1:])
    if no_map != target.upper().startswith("NO"):
        return "expected the second flag to be 1 where there is no target, and only there"
    if scenario and not choice:
        return "expected a choice list (fifth flag) in a scenario (fourth flag)"
    if combination and not scenario:
        return "expected a scenario and a choice list in a combination (third flag)"
    return "expected no scenario where there is no target" if no_map and (scenario or choice) else None


def _single(row: GemRow, direction: GemDirection) -> MapRow:
    source = _dotted(row.source, direction.source)
    if row.flags[1] == "1":
        return MapRow(source, no_map=True, comment=NO_MAP.format(row.flags))
    return MapRow(
        source=source,
        target=_dotted(row.target, direction.target),
        relationship="related-to",
        properties=_properties([row]),
    )


def _combinations(
    rows: list[GemRow], direction: GemDirection, file: File, reporter: Reporter
) -> Iterator[MapRow]:
    rows.sort(key=lambda row: row.flags[3:])
    for scenario, group in groupby(rows, key=lambda row: row.flags[3]):
        lists = [list(choices) for _, choices in groupby(group, key=lambda row: row.flags[4])]
        if prod(map(len, lists)) > MOST_COMBINATIONS:
            first = lists[0][0]
            text = f"scenario {scenario} of {first.source} has more than {MOST_COMBINATIONS} combinations"
            reporter.problem(Problem(file.label, first.line, text))
            continue
        yield from (_together(chosen, direction, scenario) for chosen in product(*lists))


def _together(chosen: tuple[GemRow, ...], direction: GemDirection, scenario: str) -> MapRow:
    first, *others = chosen
    products: list[PropertyTuple] = [
        (
            direction.additional,
            "Coding",
            {"system": direction.target.url, "code": _dotted(other.target, direction.target)},
        )
        for other in others
    ]
    return MapRow(
        source=_dotted(first.source, direction.source),
        target=_dotted(first.target, direction.target),
        relationship="related-to",
        comment=TOGETHER.format(scenario) if others else None,
        products=products,
        properties=_properties(chosen),
    )


def _properties(rows: Sequence[GemRow]) -> list[PropertyTuple]:
    flags = rows[0].flags
    return [
        *(("gemFlags", "string", row.flags) for row in rows),
        ("approximate", "boolean", any(row.flags[0] == "1" for row in rows)),
        ("combination", "boolean", rows[0].is_part),
        ("scenario", "integer", int(flags[3])),
        ("choiceList", "integer", int(flags[4])),
    ]


def _dotted(code: str, side: GemSide) -> str:
    if side is _PCS:
        return code
    if side is _CM:
        return icd10cm.dotted(code)
    return icd9cm.dotted(code, "procedure" if side is _PROCEDURES else "diagnosis")


GEM = importer_of("gem", "General Equivalence Mappings between ICD-9-CM and ICD-10", EXPECTED, _open)
