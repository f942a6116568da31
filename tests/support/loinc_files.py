"""A made-up release of LOINC of any size, in the real formats, and its filters computed in the plainest way.

The texts are of a bakery. Some axes have a part, others only the text of the table; texts differ in case.
"""

from __future__ import annotations

import csv
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path

AXES = ("COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP")
TABLE = (
    "LOINC_NUM COMPONENT PROPERTY TIME_ASPCT SYSTEM SCALE_TYP METHOD_TYP CLASS VersionLastChanged CHNG_TYPE "
    "DefinitionDescription STATUS CONSUMER_NAME CLASSTYPE FORMULA EXMPL_ANSWERS SURVEY_QUEST_TEXT SURVEY_QUEST_SRC "
    "UNITSREQUIRED RELATEDNAMES2 SHORTNAME ORDER_OBS HL7_FIELD_SUBFIELD_ID EXTERNAL_COPYRIGHT_NOTICE EXAMPLE_UNITS "
    "LONG_COMMON_NAME EXAMPLE_UCUM_UNITS STATUS_REASON STATUS_TEXT CHANGE_REASON_PUBLIC COMMON_TEST_RANK "
    "COMMON_ORDER_RANK HL7_ATTACHMENT_STRUCTURE EXTERNAL_COPYRIGHT_LINK PanelType AskAtOrderEntry "
    "AssociatedObservations VersionFirstReleased ValidHL7AttachmentRequest DisplayName"
).split()
NAMES = ("LONG_COMMON_NAME", "SHORTNAME", "DisplayName", "DefinitionDescription")
CLASSES = ("BAKE", "BAKE.OVEN", "DOC.BAKE", "PATH", "PATH.CRUMB", "CYTO")
STATUSES = ("ACTIVE", "ACTIVE", "ACTIVE", "TRIAL", "DISCOURAGED", "DEPRECATED")
CLASS_TYPES = {"1": "Laboratory", "2": "Clinical", "3": "Claims attachments", "4": "Surveys"}
KINDS = (
    "document-kind",
    "rad-timing",
    "analyte-gene",
    "rad-modality-type",
    "rad-modality-subtype",
    "rad-view-aggregation",
)
_SYLLABLES = ("cru", "mb", "do", "ugh", "lo", "af", "bun", "ye", "ast", "rye")


def checked(number: int) -> str:
    """A term with its check digit."""
    doubled = (int(d) * (2 - place % 2) for place, d in enumerate(reversed(str(number))))
    return f"{number}-{-sum(d // 10 + d % 10 for d in doubled) % 10}"


def write(folder: Path, terms: int, seed: int = 1, version: str = "2.97") -> Path:
    """Write a release with so many terms; returns its folder."""
    base = folder / f"Loinc_{version}"
    made = _Maker(terms, seed)
    parts = base / "AccessoryFiles" / "PartFile"
    answers = base / "AccessoryFiles" / "AnswerFile"
    _write(base / "LoincTable" / "Loinc.csv", TABLE, made.table())
    _write(
        parts / "Part.csv", "PartNumber PartTypeName PartName PartDisplayName Status".split(), made.parts()
    )
    link = "LoincNumber LongCommonName PartNumber PartName PartCodeSystem PartTypeName LinkTypeName Property".split()
    _write(parts / "LoincPartLink_Primary.csv", link, made.links(AXES))
    _write(parts / "LoincPartLink_Supplementary.csv", link, made.links(KINDS))
    tree = base / "AccessoryFiles" / "ComponentHierarchyBySystem" / "ComponentHierarchyBySystem.csv"
    _write(tree, "PATH_TO_ROOT SEQUENCE IMMEDIATE_PARENT CODE CODE_TEXT".split(), made.hierarchy())
    columns = (
        "AnswerListId AnswerListName AnswerStringId LocalAnswerCode SequenceNumber DisplayText Score".split()
    )
    _write(answers / "AnswerList.csv", columns, made.answers())
    columns = (
        "LoincNumber LongCommonName AnswerListId AnswerListName AnswerListLinkType ApplicableContext".split()
    )
    _write(answers / "LoincAnswerListLink.csv", columns, made.answer_links())
    _write(base / "LoincTable" / "MapTo.csv", "LOINC MAP_TO COMMENT".split(), made.replacements())
    return base


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows(rows)


class _Maker:
    """The rows of the files. The same number gives the same rows."""

    def __init__(self, terms: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.codes = [checked(900_000 + 7 * number) for number in range(terms)]
        words = ["".join(letters) for letters in product(_SYLLABLES, repeat=3)]
        few = max(3, terms // 40)
        self.names = {
            axis: [f"{word.title()} {axis[:2]}" for word in self.chance.sample(words, min(few, len(words)))]
            for axis in (*AXES, *KINDS)
        }
        self.names["SCALE_TYP"] = ["Qn", "Ord", "Nom", "Doc", "-"]
        # Every second name has a part.
        numbered = [(axis, name) for axis, names in self.names.items() for name in names[::2]]
        self.part_of = {pair: f"LP{970_000 + number}-{number % 10}" for number, pair in enumerate(numbered)}
        self.inner = [f"LP{1_970_000 + number}-{number % 10}" for number in range(max(4, few // 2))]
        self.lists = [f"LL{97_000 + number}-{number % 10}" for number in range(max(3, few // 3))]
        self.axes = {
            code: {axis: self.chance.choice(["", *self.names[axis]] if axis == "METHOD_TYP" else self.names[axis])
                   for axis in AXES}
            for code in self.codes
        }  # fmt: skip

    def table(self) -> Iterator[list[str]]:
        for place, code in enumerate(self.codes):
            choice = self.chance.choice
            row = dict.fromkeys(TABLE, "") | {
                "LOINC_NUM": code,
                **self.axes[code],
                "CLASS": choice(CLASSES),
                "VersionLastChanged": choice(("2.9", "2.61", "2.97")),
                "STATUS": choice(STATUSES),
                "CONSUMER_NAME": choice(("", f"Loaf {place}")),
                "CLASSTYPE": choice("1234"),
                "ORDER_OBS": choice(("Order", "Observation", "Both", "Subset", "")),
                "UNITSREQUIRED": choice("YN"),
                "RELATEDNAMES2": "; ".join(self.chance.choices(_SYLLABLES, k=choice((0, 3, 70)))),
                "SHORTNAME": f"Short {place}",
                "EXTERNAL_COPYRIGHT_NOTICE": choice(("", "", "", "© The Baker's Guild")),
                "EXAMPLE_UCUM_UNITS": choice(("", "g", "mg/dL")),
                "LONG_COMMON_NAME": f"{self.axes[code]['COMPONENT']} number {place}",
                "STATUS_REASON": choice(("", "DUPLICATE", "AMBIGUOUS")),
                "COMMON_TEST_RANK": str(place % 7),
                "PanelType": choice(("", "", "Panel", "Organizer")),
            }
            yield [row[column] for column in TABLE]

    def parts(self) -> Iterator[list[str]]:
        for (axis, name), code in self.part_of.items():
            yield [code, axis, name, f"{name} (shown)", "ACTIVE"]
        for code in self.inner:
            yield [code, "COMPONENT", f"Group {code}", f"Group {code}", "ACTIVE"]

    def links(self, properties: Sequence[str]) -> Iterator[list[str]]:
        for code in self.codes:
            for property_ in properties:
                is_axis = property_ in AXES
                name = (
                    self.axes[code][property_]
                    if is_axis
                    else self.chance.choice(["", *self.names[property_]])
                )
                part = self.part_of.get((property_, name))
                if part is not None:
                    uri = f"http://loinc.org/property/{property_}"
                    yield [code, "", part, name, "http://loinc.org", property_, "Primary", uri]

    def hierarchy(self) -> Iterator[list[str]]:
        """A tree of parts; a term has one or two parents."""
        above: dict[str, str] = {}
        for place, code in enumerate(self.inner):
            parent = self.inner[self.chance.randrange(place)] if place else ""
            above[code] = f"{above[parent]}.{parent}".strip(".") if parent else ""
            yield [above[code], str(place), parent, code, f"Group {code}"]
        for place, code in enumerate(self.codes[: len(self.codes) * 3 // 4]):
            for parent in self.chance.sample(self.inner, self.chance.choice((1, 1, 2))):
                yield [f"{above[parent]}.{parent}".strip("."), str(place), parent, code, "a term"]

    def answers(self) -> Iterator[list[str]]:
        """Answers are listed in another order than that of their codes; some are in several lists."""
        for number, list_ in enumerate(self.lists):
            places = list(range(1, self.chance.randint(2, 12)))
            answers = self.chance.sample(range(60), len(places))
            rows = list(zip(places, answers, strict=True))
            self.chance.shuffle(rows)
            for place, answer in rows:
                code = f"LA{97_000 + answer}-{answer % 10}"
                yield [list_, f"List {number}", code, "", str(place), f"Answer {answer}", ""]

    def answer_links(self) -> Iterator[list[str]]:
        for code in self.codes[::3]:
            for list_ in self.chance.sample(self.lists, self.chance.choice((1, 1, 2))):
                yield [code, "", list_, "", "NORMATIVE", ""]

    def replacements(self) -> Iterator[list[str]]:
        for code in self.codes[:: max(1, len(self.codes) // 10)]:
            yield [code, self.codes[-1], ""]


# -- the filters, computed plainly ---------------------------------------------------------------


class PlainLoinc:
    """The files of a release as sets of codes. ``values`` has the values of each property in small letters, by code."""

    def __init__(self, base: Path) -> None:
        accessory = base / "AccessoryFiles"
        self.values: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.parents: dict[str, set[str]] = defaultdict(set)
        self.answers: dict[str, list[str]] = {}
        self.lists: dict[str, list[str]] = defaultdict(list)
        self.terms = list(_rows(base / "LoincTable" / "Loinc.csv"))
        for row in self.terms:
            for column in TABLE:
                if row[column] and column not in (*NAMES, "LOINC_NUM"):
                    self._add(column, row["LOINC_NUM"], row[column])
            self._add("CLASSTYPE", row["LOINC_NUM"], CLASS_TYPES[row["CLASSTYPE"]])
            self._add(
                "copyright", row["LOINC_NUM"], "3rdParty" if row["EXTERNAL_COPYRIGHT_NOTICE"] else "LOINC"
            )
        for row in _rows(accessory / "PartFile" / "Part.csv"):
            self._add("STATUS", row["PartNumber"], row["Status"])
        for name in ("Primary", "Supplementary"):
            for row in _rows(accessory / "PartFile" / f"LoincPartLink_{name}.csv"):
                for value in (row["PartNumber"], row["PartName"]):
                    self._add(row["Property"].rpartition("/")[2], row["LoincNumber"], value)
        (tree,) = accessory.rglob("ComponentHierarchyBySystem.csv")
        for row in _rows(tree):
            if row["IMMEDIATE_PARENT"]:
                self.parents[row["CODE"]].add(row["IMMEDIATE_PARENT"])
        answers = list(_rows(accessory / "AnswerFile" / "AnswerList.csv"))
        for row in sorted(answers, key=lambda row: int(row["SequenceNumber"])):
            self.answers.setdefault(row["AnswerListId"], []).append(row["AnswerStringId"])
        for row in _rows(accessory / "AnswerFile" / "LoincAnswerListLink.csv"):
            self.lists[row["LoincNumber"]].append(row["AnswerListId"])

    def _add(self, property_: str, code: str, value: str) -> None:
        self.values[property_][code].add(value.lower())

    def having(self, property_: str, *values: str) -> set[str]:
        """The codes with one of these values."""
        sought = {value.lower() for value in values}
        return {code for code, own in self.values[property_].items() if own & sought}

    def matching(self, property_: str, expression: str, anywhere: bool) -> set[str]:
        pattern = re.compile(expression, re.IGNORECASE)
        matches = pattern.search if anywhere else pattern.fullmatch
        return {code for code, own in self.values[property_].items() if any(map(matches, own))}

    def below(self, code: str) -> set[str]:
        below: set[str] = set()
        while more := {c for c, parents in self.parents.items() if parents & {code, *below}} - below:
            below |= more
        return below

    def above(self, code: str) -> set[str]:
        above = set(self.parents[code])
        while more := {p for c in above for p in self.parents.get(c, ())} - above:
            above |= more
        return above


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


# -- a release for rows of rules -----------------------------------------------------------------

_FEW_TERMS = (
    "99990-4|Crumb|MCnc|Pt|Bread|Qn||BAKE|ACTIVE|1|Crumb Brd|Both|Crumb [Mass] in Bread|Crumbs in bread|||2.9",
    "99991-2|Recipe|Find|Pt|Bread|Doc||DOC.BAKE|ACTIVE|2|Recipe Brd|Observation|Recipe of Bread||||2.99",
    "99992-0|Recipe|Find|Pt|Cake|DOC||DOC.BAKE|ACTIVE|2|Recipe Cake|Order|Recipe of Cake||||2.61",
    "99993-8|Crumb|MCnc|Pt|Cake|Qn||BAKE|DEPRECATED|1|Crumb Cake|Both|Crumb [Mass] in Cake||||2.9",
    "99994-6|Crust|Find|Pt|Bread|Ord|Tasting|PATH.BAKE|DISCOURAGED|3|Crust Brd|Subset|Crust||© The Baker's Guild||2.9",
    "99995-3|Taste|Find|Pt|^Baker|Nom||CYTO|TRIAL|4|Taste Bkr|Observation|How does it taste?|||Panel|2.9",
)
_FEW_COLUMNS = (
    "LOINC_NUM COMPONENT PROPERTY TIME_ASPCT SYSTEM SCALE_TYP METHOD_TYP CLASS STATUS CLASSTYPE SHORTNAME ORDER_OBS "
    "LONG_COMMON_NAME CONSUMER_NAME EXTERNAL_COPYRIGHT_NOTICE PanelType VersionLastChanged"
)


def write_few(folder: Path, version: str = "2.99") -> Path:
    """Write a release of six terms, each with something that a rule is about; returns its folder."""
    base = folder / f"Loinc_{version}"
    accessory = base / "AccessoryFiles"
    uri = "http://loinc.org/property"
    tables = {
        base / "LoincTable" / "Loinc.csv": (_FEW_COLUMNS, *_FEW_TERMS),
        base / "LoincTable" / "MapTo.csv": ("LOINC MAP_TO COMMENT", "99993-8|99990-4|"),
        accessory / "PartFile" / "Part.csv": (
            "PartNumber PartTypeName PartName PartDisplayName Status",
            "LP99001-1|SCALE|Doc|Document|ACTIVE",
            "LP99002-2|COMPONENT|Crumb|Crumbs of bakery|ACTIVE",
            "LP99003-3|Document.Kind|Recipe|Recipes|ACTIVE",
            "LP99009-9|COMPONENT|Stale|Stale|DEPRECATED",
        ),
        accessory / "PartFile" / "LoincPartLink_Primary.csv": (
            "LoincNumber LongCommonName PartNumber PartName PartTypeName LinkTypeName Property",
            f"99991-2||LP99001-1|Doc|SCALE|Primary|{uri}/SCALE_TYP",
            f"99992-0||LP99001-1|Doc|SCALE|Primary|{uri}/SCALE_TYP",
            f"99990-4||LP99002-2|Crumb|COMPONENT|Primary|{uri}/COMPONENT",
        ),
        accessory / "PartFile" / "LoincPartLink_Supplementary.csv": (
            "LoincNumber LongCommonName PartNumber PartName PartTypeName LinkTypeName Property",
            f"99991-2||LP99003-3|Recipe|Document.Kind|DocumentOntology|{uri}/document-kind",
            f"99994-6||LP99004-4|Photograph|Rad.Modality.Modality Type|Radiology|{uri}/rad-modality-type",
        ),
        accessory / "ComponentHierarchyBySystem" / "ComponentHierarchyBySystem.csv": (
            "PATH_TO_ROOT SEQUENCE IMMEDIATE_PARENT CODE CODE_TEXT",
            "|1||LP99010-0|Bakery",
            "LP99010-0|1|LP99010-0|LP99011-1|Bread",
            "LP99010-0|2|LP99010-0|LP99012-2|Crumbs",
            "LP99010-0.LP99011-1|1|LP99011-1|99990-4|Crumb",
            "LP99010-0.LP99012-2|1|LP99012-2|99990-4|Crumb",
            "LP99010-0.LP99012-2|2|LP99012-2|99993-8|Crumb",
        ),
        accessory / "AnswerFile" / "AnswerList.csv": (
            "AnswerListId AnswerListName AnswerStringId LocalAnswerCode SequenceNumber DisplayText Score "
            "ExtCodeSystem ExtCodeId",
            "LL9901-1|Tastes|LA9902-2||2|Sweet|1|http://snomed.info/sct|1",
            "LL9901-1|Tastes|LA9903-3||1|Sour|0||",
        ),
        accessory / "AnswerFile" / "LoincAnswerListLink.csv": (
            "LoincNumber LongCommonName AnswerListId AnswerListName AnswerListLinkType ApplicableContext",
            "99995-3||LL9901-1|Tastes|NORMATIVE|",
        ),
        accessory / "ConsumerName" / "ConsumerName.csv": (
            "LoincNumber ConsumerName",
            "99990-4|Crumbs in bread",
            "99991-2|How bread is made",
        ),
        accessory / "LinguisticVariants" / "deDE15LinguisticVariant.csv": (
            "LOINC_NUM LONG_COMMON_NAME SHORTNAME LinguisticVariantDisplayName",
            "99990-4|Krume [Masse] in Brot|Krume Brt|Krümel im Brot",
        ),
    }
    for path, (columns, *rows) in tables.items():
        _write(path, columns.split(), [row.split("|") for row in rows])
    return base
