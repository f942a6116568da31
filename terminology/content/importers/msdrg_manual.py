"""The MS-DRG Definitions Manual as text: the list of groups, and the indexes of diagnoses and procedures.

Appendix A (``appendix_A.txt``) has the groups, with M or P for medical and surgical ones::

    |     Appendix A List of MS-DRGs Version 43.1     |
    DRG MDC MS Description
    001     P  Heart Transplant or Implant of Heart Assist System with MCC
    744 13  P  D&C, Conization, Laparoscopy and Tubal Interruption with CC/MCC

Appendix B (``appendix_B.txt``) has each diagnosis with the groups in whose definition it is, as a principal or as a
secondary diagnosis; a line without a code goes on with the code above::

     I10 Dx  MDC DRG(s)      ICD-10-CM Description
     A1816   13  742-743     Tuberculosis of cervix
             25  974-976

Appendix E (``appendix_D_E.txt``, after Appendix D) has each procedure with its groups. ``*`` marks procedures that
need no operating room, ``+`` those that are in combinations (clusters), which have a list of their own below::

    Procedure Code/MS-DRG Index
        CODE    MDC MS-DRG  SURGICAL CATEGORY
      0UBC7ZZ   09  579-581 Other Skin, Subcutaneous Tissue and Breast Procedures
                13  746-747 Vagina, Cervix and Vulva Procedures
      0JD63ZZ*+             Code only used in clusters

    Procedure Cluster/MS-DRG Index

Which group a stay comes to depends on all of its codes. So the indexes become maps that say "related to", one row for
each group of a range that Appendix A or Table 5 has. The combinations are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from terminology.content.canonical import published_names
from terminology.content.importers import icd10cm, icd10pcs, notices
from terminology.content.importers.attributes import declarations
from terminology.content.importers.cc_lists import groups_between
from terminology.content.importers.files import File, sources
from terminology.content.importers.rows import breaks_off, encoding_of, lines, without_faults
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import MapGroup, MapRelease, MapRow, OpenedConceptMap, PropertyTuple
from terminology.store.reporting import Reporter

URL = (
    "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/"
    "MS-DRG-Classifications-and-Software"
)
TYPES = {"M": "MED", "P": "SURG"}
PROPERTIES = {
    "mdc": (
        "string",
        "The major diagnostic category in which the code leads to the group; Pre is before all.",
    )
}
OF_PROCEDURES = {
    "surgicalCategory": ("string", "The class of operations of the groups, in the words of the manual."),
    "operatingRoom": ("boolean", "Whether the groups count it as an operating room procedure."),
    "cluster": ("boolean", "Whether the procedure also leads to groups together with others."),
}

_VERSION = re.compile(r"Appendix A List of MS-DRGs Version (\d+)\.(\d+)")
_GROUPS_HEAD = "DRG MDC MS Description"
_GROUP = re.compile(r"(\d{3}) (\d\d|  )  ([MP ])  (\S.*)")
_DIAGNOSES_HEAD = "I10 Dx  MDC DRG(s)"
_PROCEDURES_HEAD = "CODE    MDC MS-DRG  SURGICAL CATEGORY"
_PROCEDURES_END = "Procedure Cluster/MS-DRG Index"
_RANGES = r"(?P<mdc>Pre|\d\d) +(?P<groups>\d{3}(?:[-,]\d{3})*)"
_DIAGNOSIS = re.compile(rf" (?:([A-Z][0-9A-Z]{{2,6}}) *| {{7}} ) *{_RANGES}(?: .*)?")
_PROCEDURE = re.compile(
    rf"  (?:([0-9A-HJ-NP-Z]{{7}})(?P<marks>[*+]{{0,2}})| {{7}}) *"
    rf"(?:{_RANGES} *(?P<category>.*)|Code only used in clusters)"
)
# "Ungroupable" ends the list.
_LAST_GROUP = "999"


class DrgVersion(NamedTuple):
    """A version of the groups."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


class DrgGroup(NamedTuple):
    """A row of Appendix A. ``mdc`` and ``type`` (SURG or MED) are None where the manual has none."""

    code: str
    mdc: str | None
    type: str | None
    title: str


class DrgManual(NamedTuple):
    """The files of the manual: Appendix A, Appendix B, and the file with Appendix E."""

    groups: File | None
    diagnoses: File | None
    procedures: File | None

    @property
    def files(self) -> list[File]:
        """Those that are there."""
        return [file for file in self if file is not None]


# -- files ---------------------------------------------------------------------------------------


def manual_among(files: Sequence[File]) -> DrgManual:
    """The files of the manual among some files. Raises BrokenReleaseError where one is there twice."""
    return DrgManual(
        _only(file for file in files if _VERSION.search(_beginning(file))),
        _only(file for file in files if _DIAGNOSES_HEAD in _beginning(file)),
        _only(file for file in files if _PROCEDURES_HEAD in _beginning(file)),
    )


def _beginning(file: File) -> str:
    return "" if file.trouble() else file.head().decode("latin-1")


def _only(files: Iterable[File]) -> File | None:
    first, *others = [*files, None]
    if first is not None and others[0] is not None:
        text = f"{first.label} is another one: the manual of one version is expected"
        raise BrokenReleaseError(Problem(others[0].label, 0, text))
    return first


def version_of(manual: DrgManual) -> DrgVersion | None:
    """The version that Appendix A says."""
    version = _VERSION.search(_beginning(manual.groups)) if manual.groups else None
    return DrgVersion(int(version[1]), int(version[2])) if version else None


# -- Appendix A ----------------------------------------------------------------------------------


def groups_of(file: File, reporter: Reporter) -> dict[str, DrgGroup]:
    """The groups by their codes. Raises BrokenReleaseError where the file breaks off."""
    groups: dict[str, DrgGroup] = {}
    number = 0
    for number, row in without_faults(file, reporter, _after(file, reporter, _GROUPS_HEAD), _fault_of_group):
        code, mdc, type_, title = _GROUP.fullmatch(row).groups()  # type: ignore[union-attr]
        if code in groups:
            reporter.problem(Problem(file.label, number, f"{code} is there twice"))
        else:
            groups[code] = DrgGroup(code, mdc.strip() or None, TYPES.get(type_), title)
    if _LAST_GROUP not in groups:
        raise breaks_off(file, number, f"it has no group {_LAST_GROUP}")
    return groups


def _after(file: File, reporter: Reporter, heading: str) -> Iterator[tuple[int, str]]:
    """The lines below a heading. Raises BrokenReleaseError where it is missing."""
    numbered = lines(file, reporter, encoding_of(file), ends=True)
    for _, line in numbered:
        if line.strip().startswith(heading):
            break
    else:
        raise BrokenReleaseError(
            Problem(file.label, 0, f"expected the columns {heading}, and found no line with them")
        )
    yield from ((number, line.rstrip()) for number, line in numbered)


def _fault_of_group(row: str) -> str | None:
    return (
        None if _GROUP.fullmatch(row) else f"expected a group, its MDC, M or P and a title, not {row[:60]!r}"
    )


# -- the indexes ---------------------------------------------------------------------------------


def indexes_of(
    manual: DrgManual, version: str | None, groups: Callable[[], Collection[str]]
) -> list[OpenedConceptMap]:
    """The maps of Appendix B and Appendix E. ``groups`` gives the groups that there are."""
    maps = []
    if file := manual.diagnoses:
        release = _release(file, version, "diagnosis", icd10cm.URL, PROPERTIES)
        maps.append(OpenedConceptMap(release, partial(_diagnoses, file, groups)))
    if file := manual.procedures:
        release = _release(file, version, "procedure", icd10pcs.URL, PROPERTIES | OF_PROCEDURES)
        maps.append(OpenedConceptMap(release, partial(_procedures, file, groups)))
    return maps


def _release(
    file: File, version: str | None, of: str, source: str, properties: Mapping[str, tuple[str, ...]]
) -> MapRelease:
    return MapRelease(
        kind="msdrg",
        url=published_names().resource("ConceptMap", f"msdrg-{of}-index"),
        version=version,
        name=f"Msdrg{of.capitalize()}Index",
        title=f"{of.capitalize()} Code/MS-DRG Index of the MS-DRG Definitions Manual",
        copyright=notices.CMS,
        licence="public domain",
        groups=[MapGroup(source, URL)],
        files=sources([file]),
        header={
            "description": "The groups in whose definition a code is. Which of them a stay comes to, if any, "
            "depends on its principal diagnosis and on all other codes.",
            "property": declarations(properties),
        },
    )


class CodeBlocks:
    """Finds the fault of each line in turn, and knows whether the code that a line goes on with could be read."""

    def __init__(self, pattern: re.Pattern[str], expected: str) -> None:
        self._pattern = pattern
        self._expected = expected
        self._has_code = False

    def fault_of(self, row: str) -> str | None:
        """The fault of the next line; None if it has none."""
        cells = self._pattern.fullmatch(row)
        if cells is None:
            self._has_code = False
            return f"expected {self._expected}, not {row[:60]!r}"
        self._has_code = self._has_code or cells[1] is not None
        return None if self._has_code else f"goes on with a code that cannot be read: {row[:60].strip()!r}"

    def codes(
        self, file: File, reporter: Reporter, rows: Iterable[tuple[int, str]]
    ) -> Iterator[list[re.Match[str]]]:
        """The lines of each code, as the pattern reads them."""
        block: list[re.Match[str]] = []
        for _, row in without_faults(file, reporter, rows, self.fault_of):
            cells = self._pattern.fullmatch(row)
            assert cells is not None
            if cells[1] is not None and block:
                yield block
                block = []
            block.append(cells)
        if block:
            yield block


def _diagnoses(file: File, groups: Callable[[], Collection[str]], reporter: Reporter) -> Iterator[MapRow]:
    known = groups()
    reader = CodeBlocks(_DIAGNOSIS, "a diagnosis, its MDC and its MS-DRGs")
    for block in reader.codes(file, reporter, _after(file, reporter, _DIAGNOSES_HEAD)):
        targets: dict[str, list[PropertyTuple]] = {}
        for cells in block:
            _add(targets, cells["groups"], known, [("mdc", "string", cells["mdc"])])
        yield from _rows(icd10cm.dotted(block[0][1]), targets, [])


def _procedures(file: File, groups: Callable[[], Collection[str]], reporter: Reporter) -> Iterator[MapRow]:
    known = groups()
    reader = CodeBlocks(_PROCEDURE, "a procedure, its MDC, its MS-DRGs and a category")
    for block in reader.codes(file, reporter, _first_section(file, reporter)):
        targets: dict[str, list[PropertyTuple]] = {}
        for cells in block:
            category = [("surgicalCategory", "string", cells["category"])] if cells["category"] else []
            if cells["groups"]:
                _add(targets, cells["groups"], known, [("mdc", "string", cells["mdc"]), *category])
        marks = block[0]["marks"]
        flags = [("operatingRoom", "boolean", "*" not in marks), ("cluster", "boolean", "+" in marks)]
        yield from _rows(block[0][1], targets, flags)


def _first_section(file: File, reporter: Reporter) -> Iterator[tuple[int, str]]:
    """The lines of the index, up to that of combinations."""
    number = 0
    for number, row in _after(file, reporter, _PROCEDURES_HEAD):
        if row.startswith(_PROCEDURES_END):
            return
        yield number, row
    raise breaks_off(file, number, f"it has no {_PROCEDURES_END}")


def _add(
    targets: dict[str, list[PropertyTuple]],
    ranges: str,
    known: Collection[str],
    properties: list[PropertyTuple],
) -> None:
    """Add the groups of ``744-745,747`` that there are."""
    for first, _, last in (range_.partition("-") for range_ in ranges.split(",")):
        for group in groups_between(first, last or None):
            if group in known:
                values = targets.setdefault(group, [])
                values += [each for each in properties if each not in values]


def _rows(
    source: str, targets: Mapping[str, list[PropertyTuple]], flags: list[PropertyTuple]
) -> Iterator[MapRow]:
    for group, properties in targets.items():
        yield MapRow(source, group, "related-to", properties=[*properties, *flags])
