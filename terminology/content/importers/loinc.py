"""LOINC: the complete download, as a zip archive or a folder; ``Loinc.csv`` alone is enough.

CSV with a header row, everything quoted::

    LoincTable/Loinc.csv                LOINC_NUM, COMPONENT, PROPERTY, …, SHORTNAME, STATUS, …
    AccessoryFiles/PartFile/Part.csv    PartNumber, PartTypeName, PartName, PartDisplayName, Status
    …/LoincPartLink_Primary.csv         LoincNumber, …, PartNumber, …, Property
    …/LoincPartLink_Supplementary.csv   the same
    …/ComponentHierarchyBySystem.csv    PATH_TO_ROOT, SEQUENCE, IMMEDIATE_PARENT, CODE, CODE_TEXT
    …/AnswerList.csv                    AnswerListId, AnswerListName, …, AnswerStringId, …, DisplayText
    …/LoincAnswerListLink.csv           LoincNumber, …, AnswerListId, …
    …/ConsumerName.csv                  LoincNumber, ConsumerName
    …/frFR18LinguisticVariant.csv       LOINC_NUM, …, SHORTNAME, LONG_COMMON_NAME, …

Some folders of the download repeat a part of these tables, under the same names: what they have counts only where there
is no other. A term is taken as its table writes it: one that is published has a wrong check digit.

Parts (LP…), answer lists (LL…) and answers (LA…) are codes of LOINC, too. Properties are named as in
https://terminology.hl7.org/LOINC.html: an axis is the code of its part, or its text where no part is linked. Their
values are stored as the filters of ``systems.loinc`` compare them, without case; of a part the code, the name and the
text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import orjson

from terminology.content.importers.buckets import Buckets
from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import column_names, records, values
from terminology.core.model import Problem
from terminology.store.posting_terms import field_in_any_case, term_of
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    DesignationTuple,
    OpenedCodeSystem,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter
from terminology.systems.loinc import CLASS_TYPES, CODE, COPYRIGHT, TEXTS, URL, VALUE_SET

EXPECTED = "a LOINC release with LoincTable/Loinc.csv"

AXES = ("COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP", "CLASS")
_NAMES = {"LONG_COMMON_NAME": "LONG_COMMON_NAME", "SHORTNAME": "SHORTNAME", "CONSUMER_NAME": "ConsumerName"}
_NAMES |= {"DisplayName": "DisplayName"}
_VARIANT_NAMES = ("LONG_COMMON_NAME", "SHORTNAME", "LinguisticVariantDisplayName")

_FILES = {
    "loinc.csv": "loinc",
    "part.csv": "part",
    "loincpartlink_primary.csv": "partLink",
    "loincpartlink_supplementary.csv": "partLink",
    "loincpartlink.csv": "partLink",
    "componenthierarchybysystem.csv": "hierarchy",
    "multiaxialhierarchy.csv": "hierarchy",
    "answerlist.csv": "answer",
    "loincanswerlistlink.csv": "answerLink",
    "mapto.csv": "mapTo",
    "consumername.csv": "consumerName",
}
# The folders that repeat a part of tables of other folders.
_REPEATING = ("PanelsAndForms", "LoincTableCore")
_VARIANT = re.compile(r"([a-z]{2})([A-Z]{2})\d+LinguisticVariant\.csv")
_VERSION = re.compile(r"(?<![\d.])(2\.\d\d)(?!\d)")
_SPACES = {None: 0, "LP": 1, "LL": 2, "LA": 3, "LG": 4}

# The files of a release by their kind, a value of ``_FILES`` or "variant".
LoincFiles = dict[str, list[File]]


def _key(code: str) -> int | None:
    """The number by which codes are sorted: terms, then parts, lists, answers and groups. None: not a code."""
    shape = CODE.fullmatch(code)
    return _SPACES[shape[1]] * 10**9 + int(shape[2]) if shape else None


# -- which files ---------------------------------------------------------------------------------


def _open(all_files: Sequence[File]) -> list[OpenedCodeSystem]:
    files = _files_by_kind(all_files)
    if len(files["loinc"]) != 1 or "LOINC_NUM" not in column_names(files["loinc"][0], ",", True):
        return []
    declarations = _declarations(files)
    release = CodeSystemRelease(
        kind="loinc",
        url=URL,
        version=_version(files["loinc"][0]),
        name="LOINC",
        title="Logical Observation Identifiers Names and Codes",
        language="en",
        case_sensitive=False,
        copyright=COPYRIGHT,
        licence="LOINC licence",
        hierarchy_meaning="is-a" if files["hierarchy"] else None,
        value_set=VALUE_SET,
        properties=declarations,
        unindexed=[declaration.code for declaration in declarations],
        in_any_case=[declaration.code for declaration in declarations],
        files=sources(file for group in files.values() for file in group),
    )
    return [OpenedCodeSystem(release, partial(_concepts, files))]


def _files_by_kind(all_files: Sequence[File]) -> LoincFiles:
    files: LoincFiles = defaultdict(list)
    elsewhere = {file.name.lower() for file in all_files if file.folder.name not in _REPEATING}
    for file in all_files:
        name = file.name.lower()
        kind = _FILES.get(name) or ("variant" if _VARIANT.fullmatch(file.name) else None)
        if kind is not None and (file.folder.name not in _REPEATING or name not in elsewhere):
            files[kind].append(file)
    return files


def _version(table: File) -> str | None:
    """The version in the name of the archive or folder, or else the newest in a row."""
    for part in (table.inside or "", *reversed(table.path.resolve().parts)):
        if name := _VERSION.search(part):
            return name[1]
    if "VersionLastChanged" not in column_names(table, ",", True):
        return None
    changed = {version for (version,) in values(table, ("VersionLastChanged",), ",", True)}
    return max((v for v in changed if _VERSION.fullmatch(v)), default=None)


def _declarations(files: LoincFiles) -> list[PropertyDeclaration]:
    axis = "code" if files["partLink"] else "string"
    properties = {name: PropertyDeclaration(name, axis) for name in AXES}
    for file in files["partLink"]:
        for (uri,) in dict.fromkeys(values(file, ("Property",), ",", True)):
            name = uri.rpartition("/")[2]
            properties.setdefault(name, PropertyDeclaration(name, "code", uri or None))
    properties |= {name: PropertyDeclaration(name) for name in _plain(files["loinc"][0])}
    properties |= {
        name: PropertyDeclaration(name, "code")
        for name in ("answer-list", "AnswerList", "Answer", "answers-for", "MAP_TO")
    }
    properties["copyright"] = PropertyDeclaration(
        "copyright", "string", None, "LOINC, or 3rdParty with a notice."
    )
    properties["PartTypeName"] = PropertyDeclaration(
        "PartTypeName", "string", None, "The axis that a part is of."
    )
    return list(properties.values())


def _plain(table: File) -> list[str]:
    """The columns of the table that are properties as they are."""
    return [name for name in column_names(table, ",", True) if name not in ("LOINC_NUM", *AXES, *TEXTS)]


# -- rows ----------------------------------------------------------------------------------------


def _concepts(files: LoincFiles, reporter: Reporter) -> Iterator[ConceptRow]:
    """Terms, parts, answer lists and answers, each in the order of their numbers."""
    with Buckets(_keys(files)) as buckets:
        distributor = LoincDistributor(buckets, reporter)
        for kind, distribute in _DISTRIBUTION.items():
            for file in files[kind]:
                distribute(distributor, file)
        builder = LoincConceptBuilder(bool(files["partLink"]), _classes(files), _plain(files["loinc"][0]))
        for lines in buckets:
            yield from _concepts_of(lines, builder, reporter)


def _keys(files: LoincFiles) -> Iterator[int]:
    """The keys of all codes. Only the ranges of the buckets depend on them, so a malformed row does no harm."""
    for kind, column in (("loinc", "LOINC_NUM"), ("part", "PartNumber"), ("answer", "AnswerStringId")):
        for file in files[kind]:
            codes = (_key(code) for (code,) in values(file, (column,), ",", True))
            yield from (key for key in codes if key is not None)


def _classes(files: LoincFiles) -> dict[str, str]:
    """The codes of the parts of type CLASS by their names, which the column CLASS of a term has."""
    return {
        name: number
        for file in files["part"]
        for number, type_, name in values(file, ("PartNumber", "PartTypeName", "PartName"), ",", True)
        if type_ == "CLASS"
    }


class LoincDistributor:
    """Puts the rows of the files into the buckets of the codes that they are about.

    Each is a JSON array: the code, the letter of the kind of row (``RowsByLetter``), and the cells. JSON escapes
    nothing in a code.
    """

    def __init__(self, buckets: Buckets, reporter: Reporter) -> None:
        self.buckets, self.reporter = buckets, reporter
        # The code of the last row, and its key.
        self._code, self._key = "", _key("")

    def put(self, file: File, number: int, code: str, *cells: Any) -> None:
        if code != self._code:  # most rows have the code of the row before
            self._code, self._key = code, _key(code)
        key = self._key
        if key is None:
            self.reporter.problem(Problem(file.label, number, f"{code!r} is not a LOINC code"))
        else:
            self.buckets.put(key, orjson.dumps([code, *cells]))

    def rows(self, file: File, *columns: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        return records(file, self.reporter, columns, ",", True)

    def _with(self, file: File, columns: tuple[str, ...], more: str) -> tuple[str, ...]:
        """The columns, and one more if the file has it."""
        return (*columns, more) if more in column_names(file, ",", True) else columns

    def terms(self, file: File) -> None:
        columns = ["LOINC_NUM", *(c for c in column_names(file, ",", True) if c != "LOINC_NUM")]
        for number, (code, *cells) in self.rows(file, *columns):
            present = {name: cell for name, cell in zip(columns[1:], cells, strict=True) if cell}
            self.put(file, number, code, "L", present)

    def parts(self, file: File) -> None:
        columns = ("PartNumber", "PartTypeName", "PartName", "PartDisplayName", "Status")
        for number, (code, *cells) in self.rows(file, *columns):
            self.put(file, number, code, "P", *cells)

    def part_links(self, file: File) -> None:
        columns = self._with(file, ("LoincNumber", "PartNumber", "Property"), "PartName")
        for number, (code, part, uri, *name) in self.rows(file, *columns):
            self.put(file, number, code, "K", uri.rpartition("/")[2], part, *name)

    def hierarchy(self, file: File) -> None:
        for number, (parent, code, text) in self.rows(file, "IMMEDIATE_PARENT", "CODE", "CODE_TEXT"):
            self.put(file, number, code, "H", parent, text)

    def answers(self, file: File) -> None:
        columns = self._with(
            file, ("AnswerListId", "AnswerListName", "AnswerStringId", "DisplayText"), "SequenceNumber"
        )
        for number, (list_, name, answer, text, *place) in self.rows(file, *columns):
            self.put(file, number, list_, "A", name, answer, *place)
            if answer:
                self.put(file, number, answer, "W", text, list_)

    def answer_links(self, file: File) -> None:
        for number, (code, list_) in self.rows(file, "LoincNumber", "AnswerListId"):
            self.put(file, number, code, "Q", "answer-list", list_)
            self.put(file, number, list_, "Q", "answers-for", code)

    def map_to(self, file: File) -> None:
        for number, (code, other) in self.rows(file, "LOINC", "MAP_TO"):
            self.put(file, number, code, "Q", "MAP_TO", other)

    def consumer_names(self, file: File) -> None:
        for number, (code, name) in self.rows(file, "LoincNumber", "ConsumerName"):
            if name:
                self.put(file, number, code, "N", name)

    def variants(self, file: File) -> None:
        language = "-".join(_VARIANT.fullmatch(file.name).groups())  # type: ignore[union-attr]
        present = column_names(file, ",", True)
        columns = [c for c in ("LOINC_NUM", *AXES[:6], *_VARIANT_NAMES) if c in present]
        for number, row in self.rows(file, *columns):
            cells = dict(zip(columns[1:], row[1:], strict=True))
            names = {name: cells[name] for name in _VARIANT_NAMES if cells.get(name)}
            if not names and any(cells.values()):
                names = {"FullySpecifiedName": ":".join(cells.get(axis, "") for axis in AXES[:6]).strip(":")}
            if names:
                self.put(file, number, row[0], "V", language, names)


_DISTRIBUTION: dict[str, Callable[[LoincDistributor, File], None]] = {
    "loinc": LoincDistributor.terms,
    "part": LoincDistributor.parts,
    "partLink": LoincDistributor.part_links,
    "hierarchy": LoincDistributor.hierarchy,
    "answer": LoincDistributor.answers,
    "answerLink": LoincDistributor.answer_links,
    "mapTo": LoincDistributor.map_to,
    "consumerName": LoincDistributor.consumer_names,
    "variant": LoincDistributor.variants,
}


# The rows about one code, by their letter: L a term, P a part, K a part of a term, H a parent, A an answer in a
# list, W a list with an answer, Q a property that is a code, N a name for consumers, V the names in another language.
RowsByLetter = defaultdict[str, list[list[Any]]]


def _concepts_of(
    lines: list[bytes], builder: LoincConceptBuilder, reporter: Reporter
) -> Iterator[ConceptRow]:
    by_code: dict[bytes, list[bytes]] = defaultdict(list)
    for line in lines:
        by_code[line[2 : line.index(b'"', 2)]].append(line)
    for in_bytes in sorted(by_code, key=lambda code: _key(code.decode()) or 0):
        code, rows = in_bytes.decode(), RowsByLetter(list)
        for _, letter, *cells in orjson.loads(b"[%b]" % b",".join(by_code.pop(in_bytes))):
            rows[letter].append(cells)
        concept = builder.concept(code, rows)
        if concept is not None:
            yield concept
        else:
            reporter.problem(Problem("", 0, f"{code} is in other files, but not in its own"))


class LoincConceptBuilder:
    """Builds the concept of a code from the rows about it.

    ``has_parts``: the release says which parts a term has. ``classes`` are the codes of the parts of type
    CLASS, by name.
    """

    def __init__(self, has_parts: bool, classes: dict[str, str], plain: Sequence[str]) -> None:
        """``plain`` are the columns of the table that are properties as they are."""
        self.has_parts, self.classes, self.plain = has_parts, classes, plain

    def concept(self, code: str, rows: RowsByLetter) -> ConceptRow | None:
        """The concept, or None where the code is not in its own file."""
        builders = (("L", self._term), ("P", self._part), ("A", self._list), ("W", self._answer))
        for letter, build in builders:
            if rows.get(letter):
                row = build(code, rows)
                break
        else:
            if not rows.get("H"):
                return None
            row = ConceptRow(code, rows["H"][0][1])
        row.parents = list(dict.fromkeys(parent for parent, _ in rows.get("H", ()) if parent))
        row.properties = [*row.properties, *((name, "code", value) for name, value in rows.get("Q", ()))]
        row.terms = self._further_terms(rows)
        return row

    def _further_terms(self, rows: RowsByLetter) -> list[tuple[str, str]]:
        """What filters take besides the values of properties: texts and names of parts, words for numbers."""
        cells: dict[str, str] = rows["L"][0][0] if rows.get("L") else {}
        further = {(axis, cells[axis].casefold()): None for axis in AXES if axis in cells}
        for name, _, *names in rows.get("K", ()):
            for part in names:
                if part:
                    further[name, part.casefold()] = None
        if (words := CLASS_TYPES.get(cells.get("CLASSTYPE", ""))) is not None:
            further["CLASSTYPE", words.casefold()] = None
        return [(field_in_any_case(name), term_of(value)) for name, value in further]

    def _term(self, code: str, rows: RowsByLetter) -> ConceptRow:
        cells: dict[str, str] = rows["L"][0][0]
        status = cells.get("STATUS", "")
        notice = "3rdParty" if cells.get("EXTERNAL_COPYRIGHT_NOTICE") else "LOINC"
        return ConceptRow(
            code=code,
            display=cells.get("LONG_COMMON_NAME") or None,
            definition=cells.get("DefinitionDescription") or None,
            inactive=status == "DEPRECATED",
            status=_status(status),
            designations=[*_names(cells), *_consumer_names(cells, rows), *_variants(rows)],
            properties=[
                *self._axes(cells, rows),
                *((name, "string", cells[name]) for name in self.plain if name in cells),
                ("copyright", "string", notice),
            ],
        )

    def _axes(self, cells: dict[str, str], rows: RowsByLetter) -> list[PropertyTuple]:
        """The parts, and the text of each axis without a part: nothing of a term is lost."""
        properties: dict[PropertyTuple, None] = {
            (name, "code", part): None for name, part, *_ in rows.get("K", ())
        }
        linked = {name for name, _, _ in properties}
        class_ = self.classes.get(cells.get("CLASS", "")) if self.has_parts else None
        if class_ and "CLASS" not in linked:
            properties["CLASS", "code", class_] = None
            linked.add("CLASS")
        texts: list[PropertyTuple] = [
            (axis, "string", cells[axis]) for axis in AXES if axis in cells and axis not in linked
        ]
        return [*properties, *texts]

    def _part(self, code: str, rows: RowsByLetter) -> ConceptRow:
        type_, name, display, status = rows["P"][0]
        designations: list[DesignationTuple] = (
            [(display, "en", _use("DisplayName"), None)] if display and display != name else []
        )
        return ConceptRow(
            code=code,
            display=name or display or None,
            inactive=status == "DEPRECATED",
            status=_status(status),
            designations=designations,
            properties=[("STATUS", "string", status), ("PartTypeName", "string", type_)],
        )

    def _list(self, code: str, rows: RowsByLetter) -> ConceptRow:
        cells = [cells for cells in rows["A"] if cells[1]]
        cells.sort(key=lambda each: int(each[2]) if each[2:] and each[2].isdecimal() else 0)
        answers: list[PropertyTuple] = [("Answer", "code", answer) for _, answer, *_ in cells]
        return ConceptRow(code, rows["A"][0][0] or None, properties=list(dict.fromkeys(answers)))

    def _answer(self, code: str, rows: RowsByLetter) -> ConceptRow:
        texts = list(dict.fromkeys(text for text, _ in rows["W"] if text))
        lists: list[PropertyTuple] = [
            ("AnswerList", "code", list_) for list_ in dict.fromkeys(list_ for _, list_ in rows["W"])
        ]
        return ConceptRow(
            code=code,
            display=texts[0] if texts else None,
            designations=[(text, "en", None, None) for text in texts[1:]],
            properties=lists,
        )


def _status(status: str) -> str | None:
    """As HL7's own server writes it; that a code is in use is the rule, and no status."""
    return None if status in ("", "ACTIVE") else status


def _use(code: str) -> dict[str, str]:
    return {"system": URL, "code": code, "display": code}


def _names(cells: dict[str, str]) -> list[DesignationTuple]:
    names: list[DesignationTuple] = [
        (cells[column], "en", _use(use), None) for column, use in _NAMES.items() if cells.get(column)
    ]
    axes = [cells.get(axis, "") for axis in AXES[:6]]
    if any(axes):
        names.append((":".join(axes).rstrip(":"), "en", _use("FullySpecifiedName"), None))
    return names


def _consumer_names(cells: dict[str, str], rows: RowsByLetter) -> list[DesignationTuple]:
    """The names in a file of their own that the column CONSUMER_NAME does not have."""
    names = dict.fromkeys(name for (name,) in rows.get("N", ()) if name != cells.get("CONSUMER_NAME"))
    return [(name, "en", _use("ConsumerName"), None) for name in names]


def _variants(rows: RowsByLetter) -> list[DesignationTuple]:
    return [
        (text, language, _use(name), None)
        for language, names in rows.get("V", ())
        for name, text in names.items()
    ]


LOINC = importer_of("loinc", "LOINC, the complete download as zip or folder", EXPECTED, _open)
