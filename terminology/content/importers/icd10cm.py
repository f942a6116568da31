"""ICD-10-CM: the tabular list with its notes, and the lists of codes and titles.

Tabular list (``icd10cm_tabular_2026.xml``), codes with the dot::

    <chapter><name>14</name><desc>Diseases of the genitourinary system (N00-N99)</desc>
      <section id="N80-N98"><desc>Noninflammatory disorders of female genital tract (N80-N98)</desc>
        <diag><name>N87</name><desc>Dysplasia of cervix uteri</desc><excludes1><note>…</note></excludes1>
          <diag><name>N87.0</name><desc>Mild cervical dysplasia</desc> …

Code file (``icd10cm_codes_2026.txt``), codes for a claim only: code in columns 1-7 without the dot, title
from column 9. Order file (``icd10cm_order_2026.txt``), fixed width: number 1-5, code 7-13, flag 15 (1 for a
code that a claim may have), short title 17-76, long title from 78::

    00001 A00     0 Cholera                                                      Cholera
    00002 A000    1 Cholera due to Vibrio cholerae 01, biovar cholerae           Cholera due to Vibrio …

The tabular list does not write out the codes of seven characters: a ``sevenChrDef`` says which characters
the codes below it take, and shorter codes are filled up with X. With an order or code file beside it, only
the codes in that file become concepts.

The indexes (of diseases and of external causes) and the tables of neoplasms and drugs (``icd10cm_index_2026.xml`` and
the files beside it, see ``alphabetic_index``) have terms, which are designations of the codes that they lead to.

The lists of complications and comorbidities (``appendix_C.txt`` and Tables 6I, 6J and 6K, see ``cc_lists``) give
properties.

Chapters and sections are abstract concepts under their range ("N00-N99"): no chapter's number can be taken
for a code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from terminology.content.importers import cc_lists, notices
from terminology.content.importers.alphabetic_index import CodePattern, IndexTerms
from terminology.content.importers.files import File, sources
from terminology.content.importers.icd10_files import by_content, year_of
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import lines, text_of, xml_events
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    DesignationTuple,
    OpenedCodeSystem,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter

URL = "http://hl7.org/fhir/sid/icd-10-cm"
EXPECTED = (
    "icd10cm_tabular_YYYY.xml, icd10cm_order_YYYY.txt or icd10cm_codes_YYYY.txt (best the first and one of the "
    "others; and, for the terms of the indexes, icd10cm_index_YYYY.xml, icd10cm_eindex_YYYY.xml, "
    "icd10cm_neoplasm_YYYY.xml and icd10cm_drug_YYYY.xml; and, for CC and MCC, appendix_C.txt of the MS-DRG manual or "
    "Tables 6I, 6J and 6K of an inpatient rule as text)"
)
SHORT = {"system": URL, "code": "short", "display": "Short title"}
INCLUSION_TERM = {"system": URL, "code": "inclusion-term", "display": "Inclusion term"}
NOTES = {
    "includes": "Conditions that the code and those below it cover.",
    "excludes1": "Conditions never coded together with this one.",
    "excludes2": "Conditions not covered here, which may be coded together with this one.",
    "codeFirst": "A code to use before this one.",
    "useAdditionalCode": "A code to use after this one.",
    "codeAlso": "A further code to use, before or after this one.",
    "notes": "Other notes.",
    "sevenChrNote": "A note on the seventh character.",
    "seventhCharacter": "A seventh character and its meaning.",
}

# "A00", "C7A" and, from 2026 on, "QA0".
_CATEGORY = "[A-Z](?:[0-9][0-9A-Z]|[A-Z][0-9])"
_LIST_LINE = re.compile(rf"{_CATEGORY}[0-9A-Z ]{{4}} \S")
_ORDER_LINE = re.compile(rf"\d{{5}} {_CATEGORY}[0-9A-Z ]{{4}} [01] \S")
# A hyphen says that more characters follow.
_INDEX = CodePattern(URL, re.compile(rf"({_CATEGORY}(?:\.[0-9A-Z]{{1,4}})?)\.?-?"), 3)
# "7th characters D and S do not apply to codes in category S06 with 6th character 7 - death …, or 8 - …"
_EXCLUSION = re.compile(
    r"7th characters (.+?) do not apply to codes in category (\w+) with 6th character (.+)"
)
_RANGE = re.compile(r"\(([A-Z]\w\w(?:-[A-Z]\w\w)?)\)\s*$")


class CmLine(NamedTuple):
    """A line of an order or code file."""

    line: int
    code: str
    billable: bool
    short: str | None
    title: str


class CmFiles(NamedTuple):
    """The tabular list and the list of codes (an order or a code file), at least one of the two; and the indexes."""

    tabular: File | None
    list_: File | None
    is_order: bool
    indexes: list[File]
    cc_lists: list[File]

    @property
    def years(self) -> dict[str, str | None]:
        """Every file that is read, with its year."""
        files = {
            file.label: year_of(file)
            for file in (self.tabular, self.list_, *self.indexes)
            if file is not None
        }
        return files | {file.label: cc_lists.year_of(file) for file in self.cc_lists}

    @property
    def all(self) -> list[File]:
        """Every file that is read."""
        files = (self.tabular, self.list_, *self.indexes, *self.cc_lists)
        return [file for file in files if file is not None]


def dotted(code: str) -> str:
    """The code as FHIR has it.

    >>> dotted("N871"), dotted("N87")
    ('N87.1', 'N87')
    """
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code


# -- which files ---------------------------------------------------------------------------------


def _open(all_files: Sequence[File]) -> list[OpenedCodeSystem]:
    files = _cm_files(all_files)
    if files is None:
        return []
    years = files.years
    if len({year for year in years.values() if year}) > 1:
        differences = " and ".join(f"{label} is of {year}" for label, year in years.items())
        text = f"expected files of one year, but {differences}"
        raise BrokenReleaseError(Problem(", ".join(years), 0, text))
    release = CodeSystemRelease(
        kind="icd10cm",
        url=URL,
        version=next((year for year in years.values() if year), None),
        name="ICD10CM",
        title="International Classification of Diseases, 10th Revision, Clinical Modification",
        language="en",
        copyright=notices.ICD10CM,
        licence="free use in the United States; WHO retains its rights in ICD-10",
        hierarchy_meaning="classified-with",
        properties=_declarations(files),
        files=sources(files.all),
    )
    return [OpenedCodeSystem(release, partial(_concepts, files))]


def _cm_files(all_files: Sequence[File]) -> CmFiles | None:
    files = by_content(all_files, _ORDER_LINE, _LIST_LINE, b"<ICD10CM.tabular", b"<ICD10CM.index")
    tabular, lists = files.xml, files.lists
    if len(tabular) > 1 or len(lists) > 1 or not (tabular or lists):
        return None
    list_ = lists[0] if lists else None
    cc = [file for file in all_files if cc_lists.is_cc_list(file)]
    return CmFiles(tabular[0] if tabular else None, list_, bool(files.orders), files.indexes, cc)


def _declarations(files: CmFiles) -> list[PropertyDeclaration]:
    properties = [
        PropertyDeclaration("billable", "boolean", None, "Whether the code is complete enough for a claim.")
    ]
    if files.tabular is not None:
        properties += [PropertyDeclaration(name, "string", None, text) for name, text in NOTES.items()]
    return [*properties, *cc_lists.DECLARATIONS] if files.cc_lists else properties


# -- rows ----------------------------------------------------------------------------------------


def _concepts(files: CmFiles, reporter: Reporter) -> Iterator[ConceptRow]:
    """The rows of the lists, with what the indexes and the lists of CC and MCC say of their codes."""
    index = IndexTerms.of(files.indexes, _INDEX, reporter)
    complications = cc_lists.CcLists.of(files.cc_lists, reporter)
    for row in _rows(files, reporter):
        if not _is_range(row):
            row.designations = [*row.designations, *index.designations(row.code)]
            row.properties = [*row.properties, *complications.about(row.code)]
        yield row
    index.finish(reporter)
    complications.finish(reporter)


def _is_range(row: ConceptRow) -> bool:
    """Whether a concept is a chapter or a section."""
    return "-" in row.code


def _rows(files: CmFiles, reporter: Reporter) -> Iterator[ConceptRow]:
    """Chapters, sections, categories and codes, each after its parent."""
    entries = _list_lines(files.list_, files.is_order, reporter) if files.list_ else iter(())
    if files.tabular is None:
        yield from _listed_concepts(entries, files.is_order)
        return
    listed = {dotted(entry.code): entry for entry in entries}
    tabular = TabularList(listed, complete=files.list_ is not None)
    yield from tabular.rows(files.tabular, reporter)
    for code, entry in listed.items():
        if code not in tabular.known:
            reporter.problem(
                Problem(
                    files.list_.label if files.list_ else "", entry.line, f"{code} is not in the tabular list"
                )
            )
            yield _listed_concept(entry, _nearest(entry.code, tabular.known))


def _list_lines(file: File, is_order: bool, reporter: Reporter) -> Iterator[CmLine]:
    for number, line in lines(file, reporter, "cp1252", ends=True):
        entry = _parsed_order_line(number, line) if is_order else _parsed_code_line(number, line)
        if entry is None or not entry.title:
            expected = "number, code, flag and titles" if is_order else "a code and a title"
            reporter.problem(Problem(file.label, number, f"expected {expected}, not {line[:60]!r}"))
            continue
        yield entry


def _parsed_order_line(number: int, line: str) -> CmLine | None:
    if not _ORDER_LINE.match(line):
        return None
    return CmLine(number, line[6:13].strip(), line[14] == "1", line[16:76].strip(), line[77:].strip())


def _parsed_code_line(number: int, line: str) -> CmLine | None:
    return CmLine(number, line[:7].strip(), True, None, line[8:].strip()) if _LIST_LINE.match(line) else None


def _listed_concepts(entries: Iterator[CmLine], is_order: bool) -> Iterator[ConceptRow]:
    """Without the tabular list: an order file has the headings, too; a code file only implies them."""
    known: set[str] = set()
    for entry in entries:
        for heading in () if is_order else headings_of(entry.code):
            if heading not in known:
                yield _heading(heading, _nearest(heading.replace(".", ""), known))
                known.add(heading)
        yield _listed_concept(entry, _nearest(entry.code, known))
        known.add(dotted(entry.code))


def headings_of(code: str) -> list[str]:
    """The headings above a billable code, the category first.

    Each beginning is one, except those that end in an X which only fills the places before a seventh character.

    >>> headings_of("O3441"), headings_of("T781XXA"), headings_of("T360X1A")
    (['O34', 'O34.4'], ['T78', 'T78.1'], ['T36', 'T36.0', 'T36.0X', 'T36.0X1'])
    """
    longest = len(code[:6].rstrip("X")) if len(code) == 7 else len(code) - 1
    return [dotted(code[:length]) for length in range(3, longest + 1)]


def _heading(code: str, parent: str | None) -> ConceptRow:
    """The list says neither its title nor that it may be chosen."""
    parents = (parent,) if parent else ()
    return ConceptRow(code, abstract=True, parents=parents, properties=[("billable", "boolean", False)])


def _nearest(code: str, known: set[str]) -> str | None:
    above = (dotted(code[:length]) for length in range(len(code) - 1, 2, -1))
    return next((candidate for candidate in above if candidate in known), None)


def _listed_concept(entry: CmLine, parent: str | None) -> ConceptRow:
    return ConceptRow(
        code=dotted(entry.code),
        display=entry.title,
        abstract=False,
        parents=(parent,) if parent else (),
        designations=_short(entry),
        properties=[("billable", "boolean", entry.billable)],
    )


def _short(entry: CmLine | None) -> list[DesignationTuple]:
    return [(entry.short, "en", SHORT, None)] if entry is not None and entry.short else []


# -- the tabular list ----------------------------------------------------------------------------


class TabularList:
    """The tabular list being read.

    ``listed`` are the lines of the list of codes, by code with the dot. ``known`` are the codes read so far.
    """

    def __init__(self, listed: dict[str, CmLine], complete: bool) -> None:
        self.listed = listed
        self.complete = complete
        self.known: set[str] = set()
        self.excluded: set[tuple[str, str, str]] = set()

    def rows(self, file: File, reporter: Reporter) -> Iterator[ConceptRow]:
        chapter: Any = None
        chapter_code: str | None = None
        for event, element in xml_events(file, reporter):
            if event == "start" and element.tag == "chapter":
                chapter, chapter_code = element, None
            elif event == "end" and element.tag == "section" and chapter is not None:
                if chapter_code is None:
                    chapter_code = _range(chapter)
                    yield from self._group(chapter, chapter_code, None, file, reporter)
                yield from self._section(element, chapter_code, file, reporter)
                element.clear()
            elif event == "end" and element.tag == "chapter":
                element.clear()

    def _group(
        self, element: Any, code: str | None, parent: str | None, file: File, reporter: Reporter
    ) -> Iterator[ConceptRow]:
        title = text_of(element.find("desc")) if element.find("desc") is not None else ""
        if code is None:
            reporter.problem(Problem(file.label, 0, f"{element.tag} without a range: {title!r}"))
        elif code not in self.known:
            self.known.add(code)
            yield ConceptRow(
                code=code,
                display=_RANGE.sub("", title).strip() or None,
                abstract=True,
                parents=(parent,) if parent else (),
                designations=_inclusion_terms(element),
                properties=[("billable", "boolean", False), *_notes(element)],
            )

    def _section(
        self, section: Any, chapter: str | None, file: File, reporter: Reporter
    ) -> Iterator[ConceptRow]:
        id_ = section.get("id", "")
        # A section of one category is named like the category ("C7A"), and is another concept.
        code = id_ if "-" in id_ else f"{id_}-{id_}" if id_ else None
        yield from self._group(section, code, chapter if chapter != code else None, file, reporter)
        for diag in section.findall("diag"):
            yield from self._diag(diag, code or chapter, {}, file, reporter)

    def _diag(
        self, diag: Any, parent: str | None, seventh: dict[str, str], file: File, reporter: Reporter
    ) -> Iterator[ConceptRow]:
        code, title = (
            diag.findtext("name", "").strip(),
            text_of(diag.find("desc")) if diag.find("desc") is not None else "",
        )
        if not code or not title or code in self.known:
            why = f"{code} is there twice" if code in self.known else "expected name and desc"
            reporter.problem(Problem(file.label, 0, f"diag below {parent}: {why}"))
            return
        self.known.add(code)
        seventh = _seventh_characters(diag) or seventh
        self.excluded |= _excluded(diag)
        below = diag.findall("diag")
        extended = [] if below else list(self._extended_codes(code, title, seventh))
        billable = not below and not extended
        yield ConceptRow(
            code=code,
            display=title,
            parents=(parent,) if parent else (),
            designations=[*_short(self.listed.get(code)), *_inclusion_terms(diag)],
            properties=[("billable", "boolean", billable), *_notes(diag)],
        )
        yield from extended
        for child in below:
            yield from self._diag(child, code, seventh, file, reporter)

    def _extended_codes(self, code: str, title: str, seventh: dict[str, str]) -> Iterator[ConceptRow]:
        """The codes of seven characters, with X in the empty places."""
        plain = code.replace(".", "")
        if len(plain) > 6:
            return
        for character, meaning in seventh.items():
            longer = dotted(plain.ljust(6, "X") + character)
            absent = self.complete and longer not in self.listed
            if absent or (plain[:3], plain[5:6], character) in self.excluded:
                continue
            self.known.add(longer)
            yield ConceptRow(
                code=longer,
                display=f"{title}, {meaning}",
                parents=(code,),
                designations=_short(self.listed.get(longer)),
                properties=[("billable", "boolean", True)],
            )


def _excluded(element: Any) -> set[tuple[str, str, str]]:
    """Category, sixth and seventh character that a note excludes together."""
    excluded: set[tuple[str, str, str]] = set()
    for note in element.findall("*/note"):
        if match := _EXCLUSION.search(text_of(note)):
            seventh, sixth = re.findall(r"\b\w\b", match[1]), re.findall(r"\b(\w) -", match[3])
            excluded |= {(match[2], six, seven) for six in sixth for seven in seventh}
    return excluded


def _range(chapter: Any) -> str | None:
    range_ = _RANGE.search(chapter.findtext("desc", ""))
    return range_[1] if range_ else None


def _inclusion_terms(element: Any) -> list[DesignationTuple]:
    terms = (text_of(note) for note in element.findall("inclusionTerm/note"))
    return [(term, "en", INCLUSION_TERM, None) for term in terms if term]


def _notes(element: Any) -> list[PropertyTuple]:
    properties: list[PropertyTuple] = []
    for name in NOTES:
        texts = (text_of(note) for note in element.findall(f"{name}/note"))
        properties += [(name, "string", text) for text in texts if text]
    return properties + [
        ("seventhCharacter", "string", f"{character}: {meaning}")
        for character, meaning in _seventh_characters(element).items()
    ]


def _seventh_characters(element: Any) -> dict[str, str]:
    return {
        extension.get("char", ""): text_of(extension)
        for extension in element.findall("sevenChrDef/extension")
        if extension.get("char") and text_of(extension)
    }


ICD10CM = importer_of(
    "icd10cm", "ICD-10-CM tabular XML, order or code file; indexes, CC and MCC", EXPECTED, _open
)
