"""LOINC: the complete download, as a zip archive or the folder that it unpacks to; ``Loinc.csv`` alone will
do.

CSV with a header row, everything quoted::

    LoincTable/Loinc.csv                LOINC_NUM, COMPONENT, PROPERTY, …, LONG_COMMON_NAME, SHORTNAME, STATU…
    AccessoryFiles/PartFile/Part.csv    PartNumber, PartTypeName, PartName, PartDisplayName, Status
    …/LoincPartLink_Primary.csv         LoincNumber, …, PartNumber, …, Property (…_Supplementary.csv is the s…
    …/ComponentHierarchyBySystem.csv    PATH_TO_ROOT, SEQUENCE, IMMEDIATE_PARENT, CODE, CODE_TEXT
    …/AnswerList.csv                    AnswerListId, AnswerListName, …, AnswerStringId, …, DisplayText
    …/LoincAnswerListLink.csv           LoincNumber, …, AnswerListId, …
    …/frFR18LinguisticVariant.csv       LOINC_NUM, …, SHORTNAME, LONG_COMMON_NAME, …

Parts (LP…), answer lists (LL…) and answers (LA…) are codes of LOINC, too. Properties are named as in
https://terminology.hl7.org/LOINC.html: an axis is the code of its part, or its text where there is no part
file.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from terminology.content.importers import notices
from terminology.content.importers.buckets import Buckets
from terminology.content.importers.files import File, columns_of, found, records, refused, refusing, sources
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import (
    AnyRelease,
    CodeSystemRelease,
    ConceptRow,
    Importer,
    PropertyDeclaration,
    Report,
    Said,
    Stated,
)

URL = "http://loinc.org"
EXPECTED = "a LOINC release with LoincTable/Loinc.csv"

AXES = ("COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP", "CLASS")
# Columns that become properties as they are.
PLAIN = (
    "STATUS",
    "CLASSTYPE",
    "ORDER_OBS",
    "CHNG_TYPE",
    "VersionLastChanged",
    "VersionFirstReleased",
    "EXAMPLE_UNITS",
    "EXAMPLE_UCUM_UNITS",
    "PanelType",
    "SURVEY_QUEST_TEXT",
    "RELATEDNAMES2",
)
_NAMES = {"LONG_COMMON_NAME": "LONG_COMMON_NAME", "SHORTNAME": "SHORTNAME", "CONSUMER_NAME": "ConsumerName"}
_NAMES |= {"DisplayName": "DisplayName"}
_OTHER = ("DefinitionDescription", "EXTERNAL_COPYRIGHT_NOTICE")
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
}
_VARIANT = re.compile(r"([a-z]{2})([A-Z]{2})\d+LinguisticVariant\.csv")
_VERSION = re.compile(r"(?<![\d.])(2\.\d\d)(?!\d)")
_CODE = re.compile(r"(LP|LL|LA|LG)?(\d{1,9})-(\d)")
_SPACES = {None: 0, "LP": 1, "LL": 2, "LA": 3, "LG": 4}

Files = dict[str, list[File]]


def is_code(code: str) -> bool:
    """Whether a code has LOINC's shape and, if it is a term, the check digit (mod 10, every second doubled).

    >>> is_code("65753-6"), is_code("65753-5"), is_code("LP14635-4")
    (True, False, True)
    """
    shape = _CODE.fullmatch(code)
    if shape is None or shape[1]:
        return shape is not None
    doubled = (int(d) * (2 - place % 2) for place, d in enumerate(reversed(shape[2])))
    return (10 - sum(d // 10 + d % 10 for d in doubled) % 10) % 10 == int(shape[3])


def _key(code: str) -> int | None:
    """Where a code is dealt to: terms, parts, lists and answers after one another."""
    shape = _CODE.fullmatch(code)
    return _SPACES[shape[1]] * 10**9 + int(shape[2]) if shape else None


# -- which files ---------------------------------------------------------------------------------


@refusing
def recognises(paths: Sequence[Path]) -> Sequence[AnyRelease] | Problem:
    """The release, or what was expected."""
    files = _files(paths)
    if len(files["loinc"]) != 1 or "LOINC_NUM" not in columns_of(files["loinc"][0], ",", True):
        return refused(paths, EXPECTED)
    with_parts = bool(files["partLink"])
    return [
        CodeSystemRelease(
            kind="loinc",
            url=URL,
            version=_version(files["loinc"][0]),
            name="LOINC",
            title="Logical Observation Identifiers Names and Codes",
            language="en",
            case_sensitive=False,
            copyright=notices.LOINC,
            licence="LOINC licence",
            hierarchy_meaning="is-a" if files["hierarchy"] else None,
            value_set=f"{URL}/vs",
            properties=_declarations(files, with_parts),
            files=sources(file for group in files.values() for file in group),
        )
    ]


def _files(paths: Sequence[Path]) -> Files:
    files: Files = defaultdict(list)
    for file in found(paths):
        kind = _FILES.get(file.name.lower()) or ("variant" if _VARIANT.fullmatch(file.name) else None)
        if kind is not None:
            files[kind].append(file)
    return files


def _version(table: File) -> str | None:
    """From the name of the archive or folder, else the newest that a row names."""
    for part in (table.inside or "", *reversed(table.path.resolve().parts)):
        if named := _VERSION.search(part):
            return named[1]
    if "VersionLastChanged" not in columns_of(table, ",", True):
        return None
    changed = {row[0] for _, row in records(table, _unheard, ("VersionLastChanged",), ",", True)}
    return max((v for v in changed if _VERSION.fullmatch(v)), default=None)


def _unheard(problem: Problem) -> None:
    """What is wrong in a row is said when the rows are read."""


def _declarations(files: Files, with_parts: bool) -> list[PropertyDeclaration]:
    axis = "code" if with_parts else "string"
    declared = {name: PropertyDeclaration(name, axis) for name in AXES}
    for file in files["partLink"]:
        for _, (property_,) in records(file, _unheard, ("Property",), ",", True):
            name = property_.rpartition("/")[2]
            declared.setdefault(name, PropertyDeclaration(name, "code", property_ or None))
    declared |= {name: PropertyDeclaration(name) for name in PLAIN}
    declared |= {
        name: PropertyDeclaration(name, "code")
        for name in ("answer-list", "AnswerList", "Answer", "answers-for", "MAP_TO")
    }
    declared["copyright"] = PropertyDeclaration(
        "copyright", "string", None, "LOINC, or 3rdParty with a notice."
    )
    declared["PartTypeName"] = PropertyDeclaration(
        "PartTypeName", "string", None, "The axis that a part is of."
    )
    return list(declared.values())


# -- rows ----------------------------------------------------------------------------------------


def read(release: AnyRelease, paths: Sequence[Path], report: Report) -> Iterator[ConceptRow]:
    """Terms, parts, answer lists and answers, each in the order of their numbers."""
    files = _files(paths)
    if len(files["loinc"]) != 1:
        raise BrokenReleaseError(refused(paths, EXPECTED))
    with Buckets(_keys(files)) as buckets:
        dealer = _Dealer(buckets, report)
        for kind, deal in _DEALING.items():
            for file in files[kind]:
                deal(dealer, file)
        make = _Maker(bool(files["partLink"]), _classes(files))
        for lines in buckets:
            yield from _rows(lines, make, report)


def _keys(files: Files) -> array[int]:
    """Only where the ranges are cut depends on these, so a row that cannot be read does no harm."""
    keys = array("Q")
    for kind, column in (("loinc", "LOINC_NUM"), ("part", "PartNumber"), ("answer", "AnswerStringId")):
        for file in files[kind]:
            found_ = (_key(row[0]) for _, row in records(file, _unheard, (column,), ",", True))
            keys.extend(key for key in found_ if key is not None)
    return keys


def _classes(files: Files) -> dict[str, str]:
    """The parts that the column CLASS names by their text."""
    return {
        name: number
        for file in files["part"]
        for _, (number, type_, name) in records(
            file, _unheard, ("PartNumber", "PartTypeName", "PartName"), ",", True
        )
        if type_ == "CLASS"
    }


class _Dealer:
    """Deals the rows of the files out to the codes that they are about, as JSON after a letter."""

    def __init__(self, buckets: Buckets, report: Report) -> None:
        self.buckets, self.report = buckets, report

    def put(self, file: File, number: int, code: str, *cells: Any) -> None:
        key = _key(code)
        if key is None or not is_code(code):
            self.report(Problem(file.label, number, f"{code!r} is no LOINC code"))
        else:
            self.buckets.put(key, orjson.dumps([code, *cells]))

    def rows(self, file: File, *columns: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        return records(file, self.report, columns, ",", True)

    def terms(self, file: File) -> None:
        present = columns_of(file, ",", True)
        columns = [c for c in ("LOINC_NUM", *AXES, *PLAIN, *_NAMES, *_OTHER) if c in present]
        for number, row in self.rows(file, *columns):
            self.put(file, number, row[0], "L", dict(zip(columns[1:], row[1:], strict=True)))

    def parts(self, file: File) -> None:
        columns = ("PartNumber", "PartTypeName", "PartName", "PartDisplayName", "Status")
        for number, (code, *cells) in self.rows(file, *columns):
            self.put(file, number, code, "P", *cells)

    def part_links(self, file: File) -> None:
        for number, (code, part, property_) in self.rows(file, "LoincNumber", "PartNumber", "Property"):
            self.put(file, number, code, "K", property_.rpartition("/")[2], part)

    def hierarchy(self, file: File) -> None:
        for number, (parent, code, text) in self.rows(file, "IMMEDIATE_PARENT", "CODE", "CODE_TEXT"):
            self.put(file, number, code, "H", parent, text)

    def answers(self, file: File) -> None:
        columns = ("AnswerListId", "AnswerListName", "AnswerStringId", "DisplayText")
        for number, (list_, name, answer, text) in self.rows(file, *columns):
            self.put(file, number, list_, "A", name, answer)
            if answer:
                self.put(file, number, answer, "W", text, list_)

    def answer_links(self, file: File) -> None:
        for number, (code, list_) in self.rows(file, "LoincNumber", "AnswerListId"):
            self.put(file, number, code, "Q", "answer-list", list_)
            self.put(file, number, list_, "Q", "answers-for", code)

    def map_to(self, file: File) -> None:
        for number, (code, other) in self.rows(file, "LOINC", "MAP_TO"):
            self.put(file, number, code, "Q", "MAP_TO", other)

    def variants(self, file: File) -> None:
        language = "-".join(_VARIANT.fullmatch(file.name).groups())  # type: ignore[union-attr]
        present = columns_of(file, ",", True)
        columns = [c for c in ("LOINC_NUM", *AXES[:6], *_VARIANT_NAMES) if c in present]
        for number, row in self.rows(file, *columns):
            cells = dict(zip(columns[1:], row[1:], strict=True))
            names = {name: cells[name] for name in _VARIANT_NAMES if cells.get(name)}
            if not names and any(cells.values()):
                names = {"FullySpecifiedName": ":".join(cells.get(axis, "") for axis in AXES[:6]).strip(":")}
            if names:
                self.put(file, number, row[0], "V", language, names)


_DEALING: dict[str, Callable[[_Dealer, File], None]] = {
    "loinc": _Dealer.terms,
    "part": _Dealer.parts,
    "partLink": _Dealer.part_links,
    "hierarchy": _Dealer.hierarchy,
    "answer": _Dealer.answers,
    "answerLink": _Dealer.answer_links,
    "mapTo": _Dealer.map_to,
    "variant": _Dealer.variants,
}


@dataclass(slots=True)
class _Gathered:
    """What the files say of one code, by letter."""

    by_letter: dict[str, list[list[Any]]] = field(default_factory=lambda: defaultdict(list))


def _rows(lines: list[bytes], make: _Maker, report: Report) -> Iterator[ConceptRow]:
    gathered: dict[str, _Gathered] = defaultdict(_Gathered)
    for line in lines:
        code, letter, *cells = orjson.loads(line)
        gathered[code].by_letter[letter].append(cells)
    for code in sorted(gathered, key=lambda code: _key(code) or 0):
        row = make.row(code, gathered[code].by_letter)
        if row is not None:
            yield row
        else:
            report(Problem("", 0, f"{code} is named, but not in its own file"))


class _Maker:
    """Makes the row of a code."""

    def __init__(self, with_parts: bool, classes: dict[str, str]) -> None:
        self.with_parts, self.classes = with_parts, classes

    def row(self, code: str, said: dict[str, list[list[Any]]]) -> ConceptRow | None:
        for letter, make in (("L", self._term), ("P", self._part), ("A", self._list), ("W", self._answer)):
            if said.get(letter):
                row = make(code, said)
                break
        else:
            if not said.get("H"):
                return None
            row = ConceptRow(code, said["H"][0][1])
        row.parents = list(dict.fromkeys(parent for parent, _ in said.get("H", ()) if parent))
        row.properties = [*row.properties, *((name, "code", value) for name, value in said.get("Q", ()))]
        return row

    def _term(self, code: str, said: dict[str, list[list[Any]]]) -> ConceptRow:
        cells: dict[str, str] = said["L"][0][0]
        status = cells.get("STATUS", "")
        notice = "3rdParty" if cells.get("EXTERNAL_COPYRIGHT_NOTICE") else "LOINC"
        return ConceptRow(
            code=code,
            display=cells.get("LONG_COMMON_NAME") or None,
            definition=cells.get("DefinitionDescription") or None,
            inactive=status == "DEPRECATED",
            status=status.lower() or None,
            designations=[*_names(cells), *_variants(said)],
            properties=[
                *self._axes(cells, said),
                *((name, "string", cells[name]) for name in PLAIN if cells.get(name)),
                ("copyright", "string", notice),
            ],
        )

    def _axes(self, cells: dict[str, str], said: dict[str, list[list[Any]]]) -> list[Stated]:
        if not self.with_parts:
            return [(name, "string", cells[name]) for name in AXES if cells.get(name)]
        linked: list[Stated] = [(name, "code", part) for name, part in said.get("K", ())]
        class_ = self.classes.get(cells.get("CLASS", ""))
        if class_ and not any(name == "CLASS" for name, _, _ in linked):
            linked.append(("CLASS", "code", class_))
        return list(dict.fromkeys(linked))

    def _part(self, code: str, said: dict[str, list[list[Any]]]) -> ConceptRow:
        type_, name, display, status = said["P"][0]
        designations: list[Said] = (
            [(display, "en", _use("DisplayName"), None)] if display and display != name else []
        )
        return ConceptRow(
            code=code,
            display=name or display or None,
            inactive=status == "DEPRECATED",
            status=status.lower() or None,
            designations=designations,
            properties=[("STATUS", "string", status), ("PartTypeName", "string", type_)],
        )

    def _list(self, code: str, said: dict[str, list[list[Any]]]) -> ConceptRow:
        answers: list[Stated] = [("Answer", "code", answer) for _, answer in said["A"] if answer]
        return ConceptRow(code, said["A"][0][0] or None, properties=answers)

    def _answer(self, code: str, said: dict[str, list[list[Any]]]) -> ConceptRow:
        texts = list(dict.fromkeys(text for text, _ in said["W"] if text))
        lists: list[Stated] = [
            ("AnswerList", "code", list_) for list_ in dict.fromkeys(list_ for _, list_ in said["W"])
        ]
        return ConceptRow(
            code=code,
            display=texts[0] if texts else None,
            designations=[(text, "en", None, None) for text in texts[1:]],
            properties=lists,
        )


def _use(code: str) -> dict[str, str]:
    return {"system": URL, "code": code, "display": code}


def _names(cells: dict[str, str]) -> list[Said]:
    said: list[Said] = [
        (cells[column], "en", _use(use), None) for column, use in _NAMES.items() if cells.get(column)
    ]
    axes = [cells.get(axis, "") for axis in AXES[:6]]
    if any(axes):
        said.append((":".join(axes).rstrip(":"), "en", _use("FullySpecifiedName"), None))
    return said


def _variants(said: dict[str, list[list[Any]]]) -> list[Said]:
    return [
        (text, language, _use(name), None)
        for language, names in said.get("V", ())
        for name, text in names.items()
    ]


LOINC = Importer("loinc", "LOINC, the complete download as zip or folder", recognises, read)
