"""Complications and comorbidities (CC and MCC): what CMS says of diagnoses of ICD-10-CM beside a principal diagnosis.

Appendix C of the MS-DRG Definitions Manual (``appendix_C.txt``) and Table 6K of an inpatient rule have three parts::

    Appendix C Part 1: List of CC and Major CC Codes
     I10 Dx  Lev HAC PDX Exclusions   ICD-10-CM Description
     A021    MCC    0005:60 codes    Salmonella sepsis
     D89833  CC     No Excl          Cytokine release syndrome, grade 3

    PDX collection 0002
      A000    Cholera due to Vibrio cholerae 01, biovar cholerae

    Appendix C Part 2: Codes that are CC or Major CC only if patient discharged alive
      R570    Cardiogenic shock

    Appendix C Part 3: Secondary Diagnosis CC/MCC Severity Exclusions in Select MS-DRGs
    MDC 04 DRGs 177-179 Respiratory Infections and Inflammations
      J1282   Pneumonia due to coronavirus disease 2019

Older files have no column HAC, and no heading of Part 1. Table 6I (MCC) and Table 6J (CC) are text with a tab; their
codes have the dot::

    TABLE 6I - COMPLETE MCC LIST
    Diagnosis Code	Description
    A02.1	Salmonella sepsis
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from terminology.content.importers.files import File, year_in
from terminology.content.importers.rows import breaks_off, encoding_of, lines, without_faults
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import PropertyDeclaration, PropertyTuple
from terminology.store.reporting import Reporter

DECLARATIONS = (
    PropertyDeclaration(
        "ccMcc",
        "code",
        None,
        "CC or MCC: as a secondary diagnosis a complication or comorbidity, or a major one (MS-DRG).",
    ),
    PropertyDeclaration(
        "ccExclusion",
        "string",
        None,
        "The collection of principal diagnoses beside which the code is neither CC nor MCC: the codes with this "
        "principalDiagnosisCollection.",
    ),
    PropertyDeclaration(
        "principalDiagnosisCollection",
        "string",
        None,
        "A collection that the code is in as a principal diagnosis: see ccExclusion.",
    ),
    PropertyDeclaration(
        "ccOnlyIfDischargedAlive",
        "boolean",
        None,
        "Whether the code is CC or MCC only if the patient was discharged alive.",
    ),
    PropertyDeclaration(
        "ccExcludedInMsDrg",
        "code",
        None,
        "An MS-DRG in which the code as a secondary diagnosis is neither CC nor MCC.",
    ),
    PropertyDeclaration("hacCategory", "string", None, "The category of hospital-acquired conditions."),
)

# The fiscal year 2026 has version 43 of the groups.
_YEAR_OF_VERSION_0 = 1983
_LEVELS = "I10 Dx  Lev "
_LIST = re.compile(r'"?TABLE 6([IJ])\b')
_LISTED_ROW = re.compile(r"([A-Z][0-9A-Z]{2}(?:\.[0-9A-Z]{1,4})?)\t\S")
_CODE = "[A-Z][0-9A-Z]{2,6}"
_LEVEL_ROW = re.compile(
    rf"({_CODE}) +(M?CC) +(?:(\d\d(?:,\d\d)*) +)?(?:(\d{{4}}):[\d,]+ codes?|No ?Excl)(?: +\S|$)"
)
_CODE_ROW = re.compile(rf"({_CODE})(?: +\S|$)")
_PART = re.compile(r"(?:Appendix C|K) Part ([123]): \S")
_COLLECTION = re.compile(r"PDX collection (\d{4})")
_GROUPS = re.compile(r"MDC (?:\d\d|Pre) DRGs? (\d{3})(?:-(\d{3}))? \S")
_ALIVE: PropertyTuple = ("ccOnlyIfDischargedAlive", "boolean", True)
_FY = re.compile(r"FY\s*(20\d\d)")
_MANUAL = re.compile(r"msdrg_?v(\d\d)\D", re.IGNORECASE)


class CcRow(NamedTuple):
    """A line with a code, and the properties that the heading above it gives the code; none in the list of levels."""

    text: str
    of_heading: Sequence[PropertyTuple] = ()


@dataclass(slots=True)
class CcLists:
    """The properties of each code, without dots, and the codes that concepts have had."""

    properties: dict[str, list[PropertyTuple]] = field(default_factory=dict)
    label: str = ""
    with_concept: set[str] = field(default_factory=set)
    error: BrokenReleaseError | None = None

    @staticmethod
    def of(files: Sequence[File], reporter: Reporter) -> CcLists:
        """Read the files; a malformed row is reported. ``finish`` raises where one breaks off."""
        lists = CcLists(label=", ".join(file.label for file in files))
        try:
            lists.read(files, reporter)
        except BrokenReleaseError as error:
            lists.error = error
        return lists

    def read(self, files: Sequence[File], reporter: Reporter) -> None:
        """Add what the files say. Raises BrokenReleaseError where one breaks off."""
        for file in files:
            for code, value in _statements(file, reporter):
                self.add(code, value, file, reporter)

    def add(self, code: str, value: PropertyTuple, file: File, reporter: Reporter) -> None:
        """Add a property of a code without a dot."""
        known = self.properties.setdefault(code, [])
        if value in known:
            return
        if value[0] == "ccMcc" and any(name == "ccMcc" for name, _, _ in known):
            reporter.problem(Problem(file.label, 0, f"{code} is CC and MCC"))
            return
        known.append(value)

    def about(self, code: str) -> list[PropertyTuple]:
        """The properties of a code with its dot."""
        plain = code.replace(".", "")
        properties = self.properties.get(plain, [])
        if properties:
            self.with_concept.add(plain)
        return properties

    def finish(self, reporter: Reporter) -> None:
        """Report each code that no concept has had, when all of them have been asked for.

        Raises BrokenReleaseError where a file breaks off: now, so that the codes are read all the same.
        """
        for code in self.properties:
            if code not in self.with_concept:
                reporter.problem(Problem(self.label, 0, f"{code} is not in the list of codes"))
        if self.error is not None:
            raise self.error


# -- files ---------------------------------------------------------------------------------------


def is_cc_list(file: File) -> bool:
    """Whether a file is Appendix C, or one of Tables 6I, 6J and 6K."""
    return file.trouble() is None and (_level_of(file) is not None or _LEVELS.encode() in file.head())


def fiscal_year(version: int) -> str:
    """The fiscal year of a version of the MS-DRGs.

    >>> fiscal_year(43)
    '2026'
    """
    return str(_YEAR_OF_VERSION_0 + version)


def year_of(file: File) -> str | None:
    """The fiscal year that the first line, the name, or the folder of the manual says."""
    in_words = _FY.search(file.first_line())
    if in_words is not None:
        return in_words[1]
    manual = _MANUAL.search(f"{file.folder}/")
    return year_in(file.name) or (fiscal_year(int(manual[1])) if manual else None)


def _level_of(file: File) -> str | None:
    """The level of the codes of Table 6I or 6J; None for another file."""
    table = _LIST.match(file.first_line())
    return None if table is None else {"I": "MCC", "J": "CC"}[table[1]]


# -- rows ----------------------------------------------------------------------------------------


def _statements(file: File, reporter: Reporter) -> Iterator[tuple[str, PropertyTuple]]:
    """Each code, without a dot, with a property."""
    level = _level_of(file)
    return _in_parts(file, reporter) if level is None else _in_list(file, level, reporter)


def _in_list(file: File, level: str, reporter: Reporter) -> Iterator[tuple[str, PropertyTuple]]:
    """The rows of Table 6I or 6J: a line without a tab after its first word is a title or a note."""
    of_heading: PropertyTuple = ("ccMcc", "code", level)
    rows = lines(file, reporter, encoding_of(file))
    codes = (row for row in rows if "\t" in row[1].strip() and not row[1].startswith("Diagnosis Code"))
    for _, row in without_faults(file, reporter, codes, _fault_of_listed):
        yield row.partition("\t")[0].replace(".", ""), of_heading


def _fault_of_listed(row: str) -> str | None:
    return None if _LISTED_ROW.match(row) else f"expected a code, a tab and a title, not {row[:60]!r}"


def _in_parts(file: File, reporter: Reporter) -> Iterator[tuple[str, PropertyTuple]]:
    """The rows of Appendix C or Table 6K. Raises BrokenReleaseError where what its list of levels names is missing."""
    collections: set[str] = set()
    headings: set[str] = set()
    last = 0
    for number, row in without_faults(file, reporter, _rows(file, reporter, headings), _fault_of_row):
        last = number
        if row.of_heading:
            code = row.text.split()[0]
            yield from ((code, value) for value in row.of_heading)
        elif levels := _LEVEL_ROW.match(row.text):
            code, level, categories, collection = levels.groups()
            yield code, ("ccMcc", "code", level)
            for category in (categories or "").split(",") if categories else ():
                yield code, ("hacCategory", "string", category)
            if collection:
                collections.add(collection)
                yield code, ("ccExclusion", "string", collection)
    if missing := sorted(collections - headings):
        raise breaks_off(file, last, f"it lacks collection {missing[0]}, which it names")
    if "Part 2" not in headings:
        raise breaks_off(file, last, "it has no Part 2")


def _rows(file: File, reporter: Reporter, headings: set[str]) -> Iterator[tuple[int, CcRow]]:
    """The lines with a code, each with what the heading above it gives; adds the headings to ``headings``."""
    part = ""
    of_heading: tuple[PropertyTuple, ...] = ()
    for number, line in lines(file, reporter, encoding_of(file)):
        text = line.strip()
        if heading := _PART.match(text):
            part, of_heading = heading[1], (_ALIVE,) if heading[1] == "2" else ()
            headings.add(f"Part {part}")
        elif heading := _COLLECTION.fullmatch(text):
            of_heading = (("principalDiagnosisCollection", "string", heading[1]),)
            headings.add(heading[1])
        elif part == "3" and (heading := _GROUPS.match(text)):
            of_heading = tuple(
                ("ccExcludedInMsDrg", "code", group) for group in groups_between(heading[1], heading[2])
            )
        elif text.startswith(_LEVELS):
            part, of_heading = "1", ()
        elif part:
            yield number, CcRow(text, of_heading)


def groups_between(first: str, last: str | None) -> list[str]:
    """The numbers of the MS-DRGs of a range.

    >>> groups_between("099", "101"), groups_between("014", None)
    (['099', '100', '101'], ['014'])
    """
    return [f"{number:03}" for number in range(int(first), int(last or first) + 1)]


def _fault_of_row(row: CcRow) -> str | None:
    if row.of_heading:
        return None if _CODE_ROW.match(row.text) else f"expected a code and a title, not {row.text[:60]!r}"
    if _LEVEL_ROW.match(row.text):
        return None
    return f"expected a code, CC or MCC, its exclusions and a title, not {row.text[:60]!r}"
