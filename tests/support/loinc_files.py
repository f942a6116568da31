"""A made-up release of LOINC of any size, in the real formats, and its filters computed in the plainest way.

The files are those of a complete download: the tables in ``PanelsAndForms`` and ``LoincTableCore`` repeat a part of
others. The texts are of a bakery. Some axes have a part, others only the text of the table; texts differ in case. One
term has a wrong check digit, as one of the real release has.
"""

from __future__ import annotations

import csv
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
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
CORE = (
    "LOINC_NUM COMPONENT PROPERTY TIME_ASPCT SYSTEM SCALE_TYP METHOD_TYP CLASS CLASSTYPE LONG_COMMON_NAME SHORTNAME "
    "EXTERNAL_COPYRIGHT_NOTICE STATUS VersionFirstReleased VersionLastChanged"
).split()
NAMES = ("LONG_COMMON_NAME", "SHORTNAME", "DisplayName", "DefinitionDescription")
CLASSES = ("BAKE", "BAKE.OVEN", "DOC.BAKE", "PATH", "PATH.CRUMB", "CYTO")
STATUSES = ("ACTIVE", "ACTIVE", "ACTIVE", "TRIAL", "DISCOURAGED", "DEPRECATED")
CLASS_TYPES = {"1": "Laboratory", "2": "Clinical", "3": "Claims attachments", "4": "Surveys"}
# The links that a term has besides those of its axes, by the file of links: the property, and how many a term has.
PRIMARY = dict.fromkeys(
    (
        "document-kind document-role document-setting document-subject-matter-domain document-type-of-service "
        "rad-modality-type rad-modality-subtype rad-anatomic-location-region-imaged "
        "rad-anatomic-location-imaging-focus rad-anatomic-location-laterality "
        "rad-anatomic-location-laterality-presence rad-view-aggregation rad-view-view-type rad-maneuver-maneuver-type "
        "rad-timing rad-pharmaceutical-substance-given rad-pharmaceutical-route rad-reason-for-exam "
        "rad-guidance-for-presence rad-guidance-for-approach rad-guidance-for-action rad-guidance-for-object "
        "rad-subject"
    ).split(),
    0.05,
)
SUPPLEMENTARY = {
    "search": 2.6,
    "category": 2.1,
    "analyte-core": 1.0,
    "analyte": 0.9,
    "time-core": 0.9,
    "system-core": 0.7,
    "analyte-suffix": 0.24,
    "super-system": 0.22,
    "challenge": 0.07,
    "analyte-divisor": 0.06,
    "analyte-gene": 0.05,
    "analyte-numerator": 0.05,
    "analyte-divisor-suffix": 0.05,
    "adjustment": 0.05,
    "count": 0.05,
    "time-modifier": 0.05,
}
KINDS = (*PRIMARY, *SUPPLEMENTARY)
# The columns of the table that have links in the supplementary file.
AGAIN = ("CLASS", "PROPERTY", "SCALE_TYP", "METHOD_TYP")
# The linguistic variants, with the share of the terms that each has.
VARIANTS = {"frFR18": 0.6, "deDE15": 0.2, "zhCN5": 0.9}
_SYLLABLES = ("cru", "mb", "do", "ugh", "lo", "af", "bun", "ye", "ast", "rye")

_LINK = (
    "LoincNumber LongCommonName PartNumber PartName PartCodeSystem PartTypeName LinkTypeName Property".split()
)
_ANSWER = (
    "AnswerListId AnswerListName AnswerListOID ExtDefinedYN ExtDefinedAnswerListCodeSystem ExtDefinedAnswerListLink "
    "AnswerStringId LocalAnswerCode LocalAnswerCodeSystem SequenceNumber DisplayText ExtCodeId ExtCodeDisplayName "
    "ExtCodeSystem ExtCodeSystemVersion ExtCodeSystemCopyrightNotice SubsequentTextPrompt Description Score"
).split()
_ANSWER_LINK = (
    "LoincNumber LongCommonName AnswerListId AnswerListName AnswerListLinkType ApplicableContext".split()
)
_VARIANT = (
    "LOINC_NUM COMPONENT PROPERTY TIME_ASPCT SYSTEM SCALE_TYP METHOD_TYP CLASS SHORTNAME LONG_COMMON_NAME "
    "RELATEDNAMES2 LinguisticVariantDisplayName"
).split()


def checked(number: int) -> str:
    """A term with its check digit."""
    doubled = (int(d) * (2 - place % 2) for place, d in enumerate(reversed(str(number))))
    return f"{number}-{-sum(d // 10 + d % 10 for d in doubled) % 10}"


def write(folder: Path, terms: int, seed: int = 1, version: str = "2.97") -> Path:
    """Write a release with so many terms; returns its folder."""
    base = folder / f"Loinc_{version}"
    accessory = base / "AccessoryFiles"
    made = _Maker(terms, seed)
    _write(base / "LoincTable" / "Loinc.csv", TABLE, made.table())
    core = [TABLE.index(column) for column in CORE]
    core_rows = ([row[place] for place in core] for row in made.table())
    _write(base / "LoincTableCore" / "LoincTableCore.csv", CORE, core_rows)
    for name in ("LoincTable", "LoincTableCore"):
        _write(base / name / "MapTo.csv", ("LOINC", "MAP_TO", "COMMENT"), made.replacements())
    parts = accessory / "PartFile"
    _write(
        parts / "Part.csv", "PartNumber PartTypeName PartName PartDisplayName Status".split(), made.parts()
    )
    _write(parts / "LoincPartLink_Primary.csv", _LINK, made.links(AXES, PRIMARY))
    _write(parts / "LoincPartLink_Supplementary.csv", _LINK, made.links(AGAIN, SUPPLEMENTARY))
    tree = accessory / "ComponentHierarchyBySystem" / "ComponentHierarchyBySystem.csv"
    _write(tree, "PATH_TO_ROOT SEQUENCE IMMEDIATE_PARENT CODE CODE_TEXT".split(), made.hierarchy())
    for place, share in (("AnswerFile", 1), ("PanelsAndForms", 2)):
        rows = (row for number, row in enumerate(made.answers()) if not number % share)
        _write(accessory / place / "AnswerList.csv", _ANSWER, rows)
        rows = (row for number, row in enumerate(made.answer_links()) if not number % share)
        _write(accessory / place / "LoincAnswerListLink.csv", _ANSWER_LINK, rows)
    _write_more(accessory, made)
    return base


def _write_more(accessory: Path, made: _Maker) -> None:
    """The files whose content is in others as well, and those that have none for a code system."""
    panel, number, name = map(TABLE.index, ("PanelType", "LOINC_NUM", "CONSUMER_NAME"))
    panels = accessory / "PanelsAndForms"
    _write(panels / "Loinc.csv", TABLE, (row for row in made.table() if row[panel]))
    columns = "ParentId ParentLoinc ParentName ID SEQUENCE Loinc LoincName DisplayNameForForm".split()
    codes = made.codes
    rows: Iterable[Sequence[str]]
    rows = (
        [str(n // 9), codes[n // 9 * 9], "", str(n), str(n % 9), code, "", ""] for n, code in enumerate(codes)
    )
    _write(panels / "PanelsAndForms.csv", columns, rows)
    rows = ([row[number], row[name]] for row in made.table() if row[name])
    _write(accessory / "ConsumerName" / "ConsumerName.csv", ("LoincNumber", "ConsumerName"), rows)
    links = (row for row in made.links((), PRIMARY) if row[5].startswith("document"))
    rows = ([row[0], row[2], row[5], "1", row[3]] for row in links)
    columns = "LoincNumber PartNumber PartTypeName PartSequenceOrder PartName".split()
    _write(accessory / "DocumentOntology" / "DocumentOntology.csv", columns, rows)
    groups = accessory / "GroupFile"
    _write(
        groups / "ParentGroup.csv",
        ("ParentGroupId", "ParentGroup", "Status"),
        [["LG97-1", "All loaves", "ACTIVE"]],
    )
    columns = "ParentGroupId GroupId Group Archetype Status VersionFirstReleased".split()
    _write(groups / "Group.csv", columns, [["LG97-1", "LG98-9", "Loaves", "", "ACTIVE", "2.64"]])
    columns = "Category GroupId Archetype LoincNumber LongCommonName".split()
    _write(groups / "GroupLoincTerms.csv", columns, (["Bread", "LG98-9", "", c, ""] for c in codes[::5]))
    variants = accessory / "LinguisticVariants"
    rows = ([id_[4:], id_[:2], id_[2:4], id_, "The Baker's Guild"] for id_ in VARIANTS)
    columns = "ID ISO_LANGUAGE ISO_COUNTRY LANGUAGE_NAME PRODUCER".split()
    _write(variants / "LinguisticVariants.csv", columns, rows)
    for id_ in VARIANTS:
        _write(variants / f"{id_}LinguisticVariant.csv", _VARIANT, made.variants(id_))


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows(rows)


class _Maker:
    """The rows of the files. The same number gives the same rows, each time that they are asked for."""

    def __init__(self, terms: int, seed: int) -> None:
        self.seed = seed
        chance = self.chance("names")
        self.codes = [checked(900_000 + 7 * number) for number in range(terms)]
        number, _, digit = self.codes[-1].partition("-")
        self.codes[-1] = f"{number}-{(int(digit) + 1) % 10}"
        few = max(3, terms // 40)
        sizes = dict.fromkeys((*AXES, *KINDS), min(few, 200)) | {"COMPONENT": max(few, terms // 3)}
        sizes |= dict.fromkeys(("search", "analyte", "analyte-core", "SYSTEM", "METHOD_TYP"), few)
        self.names = {
            axis: [f"{_word(number).title()} {axis[:2]}" for number in chance.sample(range(100_000), size)]
            for axis, size in sizes.items()
        }
        self.names["SCALE_TYP"] = ["Qn", "Ord", "Nom", "Doc", "-"]
        self.names["CLASS"] = list(CLASSES)
        # Every fourth name has no part.
        numbered = [
            (axis, name)
            for axis, names in self.names.items()
            for place, name in enumerate(names)
            if place % 4 != 1
        ]
        self.part_of = {pair: f"LP{970_000 + number}-{number % 10}" for number, pair in enumerate(numbered)}
        self.inner = [f"LP{1_970_000 + number}-{number % 10}" for number in range(max(4, terms // 5))]
        self.lists = [f"LL{97_000 + number}-{number % 10}" for number in range(max(3, terms // 24))]
        self.axes = {
            code: {
                axis: chance.choice(["", *names] if axis == "METHOD_TYP" else names)
                for axis, names in self.names.items()
                if axis in (*AXES, "CLASS")
            }
            for code in self.codes
        }

    def chance(self, of_what: str) -> random.Random:
        return random.Random(f"{self.seed} {of_what}")

    def table(self) -> Iterator[list[str]]:
        chance = self.chance("table")
        choice = chance.choice
        for place, code in enumerate(self.codes):
            row = dict.fromkeys(TABLE, "") | {
                "LOINC_NUM": code,
                **self.axes[code],
                "VersionLastChanged": choice(("2.9", "2.61", "2.97")),
                "DefinitionDescription": choice(("", "", "", f"Loaf {place} is baked, and it is eaten.")),
                "STATUS": choice(STATUSES),
                "CONSUMER_NAME": choice(("", f"Loaf {place}")),
                "CLASSTYPE": choice("1234"),
                "ORDER_OBS": choice(("Order", "Observation", "Both", "Subset", "")),
                "UNITSREQUIRED": choice("YN"),
                "RELATEDNAMES2": "; ".join(chance.choices(_SYLLABLES, k=choice((0, 3, 70)))),
                "SHORTNAME": f"Short {place}",
                "EXTERNAL_COPYRIGHT_NOTICE": choice(("", "", "", "© The Baker's Guild")),
                "EXAMPLE_UCUM_UNITS": choice(("", "g", "mg/dL")),
                "LONG_COMMON_NAME": f"{self.axes[code]['COMPONENT']} number {place}",
                "STATUS_REASON": choice(("", "DUPLICATE", "AMBIGUOUS")),
                "COMMON_TEST_RANK": str(place % 7),
                "PanelType": choice(("", "", "Panel", "Organizer")),
                "VersionFirstReleased": choice(("1.0", "2.44")),
            }
            yield [row[column] for column in TABLE]

    def parts(self) -> Iterator[list[str]]:
        for (axis, name), code in self.part_of.items():
            yield [code, axis, name, f"{name} (shown)", "ACTIVE"]
        for code in self.inner:
            yield [code, "COMPONENT", f"Group {code}", f"Group {code}", "ACTIVE"]

    def links(self, columns: Sequence[str], kinds: dict[str, float]) -> Iterator[list[str]]:
        """The links of these columns of the table, and others of these kinds; the first term has each kind."""
        chance = self.chance("links")
        for place, code in enumerate(self.codes):
            names = [(column, self.axes[code][column]) for column in columns]
            for kind, share in kinds.items():
                count = int(share) + (chance.random() < share % 1)
                names += [(kind, name) for name in chance.choices(self.names[kind], k=count)]
                names += [(kind, self.names[kind][0])] * (not place)
            for kind, name in names:
                part = self.part_of.get((kind, name))
                if part is not None:
                    uri = f"http://loinc.org/property/{kind}"
                    yield [code, "", part, name, "http://loinc.org", kind, "Primary", uri]

    def hierarchy(self) -> Iterator[list[str]]:
        """A tree of parts; a term has one or two parents."""
        chance = self.chance("hierarchy")
        above: dict[str, str] = {}
        for place, code in enumerate(self.inner):
            parent = self.inner[chance.randrange(place)] if place else ""
            above[code] = f"{above[parent]}.{parent}".strip(".") if parent else ""
            yield [above[code], str(place), parent, code, f"Group {code}"]
        for place, code in enumerate(self.codes[: len(self.codes) * 3 // 4]):
            for parent in chance.sample(self.inner, chance.choice((1, 1, 2))):
                yield [f"{above[parent]}.{parent}".strip("."), str(place), parent, code, "a term"]

    def answers(self) -> Iterator[list[str]]:
        """Answers are listed in another order than that of their codes; some are in several lists.

        Another code system defines the answers of a list that has none here.
        """
        chance = self.chance("answers")
        for number, list_ in enumerate(self.lists):
            places = list(range(1, chance.randint(2, 12)))
            answers = chance.sample(range(max(60, len(self.codes) // 4)), len(places))
            rows = list(zip(places, answers, strict=True))
            chance.shuffle(rows)
            for place, answer in rows:
                yield _answer(list_, number, f"LA{97_000 + answer}-{answer % 10}", str(place))
        yield _answer("LL96999-0", len(self.lists), "", "")

    def answer_links(self) -> Iterator[list[str]]:
        chance = self.chance("answer links")
        for code in self.codes[::3]:
            for list_ in chance.sample(self.lists, chance.choice((1, 1, 2))):
                yield [code, "", list_, "", "NORMATIVE", ""]

    def replacements(self) -> Iterator[list[str]]:
        for code in self.codes[:: max(1, len(self.codes) // 10)]:
            yield [code, self.codes[-1], ""]

    def variants(self, id_: str) -> Iterator[list[str]]:
        chance = self.chance(id_)
        for place, code in enumerate(self.codes):
            if chance.random() < VARIANTS[id_]:
                row = dict.fromkeys(_VARIANT, "") | {"LOINC_NUM": code}
                row["LONG_COMMON_NAME"] = chance.choice(("", f"{id_} {_word(place % 100_000)} é {place}"))
                row["COMPONENT"] = f"{_word(place * 7 % 100_000)} {id_}"
                yield [row[column] for column in _VARIANT]


def _word(number: int) -> str:
    """One of 100,000 words."""
    return "".join(_SYLLABLES[int(digit)] for digit in f"{number:05}")


def _answer(list_: str, number: int, code: str, place: str) -> list[str]:
    row = dict.fromkeys(_ANSWER, "") | {
        "AnswerListId": list_,
        "AnswerListName": f"List {number}",
        "AnswerListOID": f"1.3.6.1.4.1.12009.10.1.{number}",
        "ExtDefinedYN": "N" if code else "Y",
        "AnswerStringId": code,
        "SequenceNumber": place,
        "DisplayText": f"Answer {code[2:]}" if code else "",
    }
    return [row[column] for column in _ANSWER]


# -- the filters, computed plainly ---------------------------------------------------------------


class PlainLoinc:
    """The files of a release as sets of codes. ``values`` has the values of each property in small letters, by code."""

    def __init__(self, base: Path) -> None:
        accessory = base / "AccessoryFiles"
        self.values: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.parents: dict[str, set[str]] = defaultdict(set)
        self.children: dict[str, set[str]] = defaultdict(set)
        self.answers: dict[str, list[str]] = {}
        self.lists: dict[str, list[str]] = defaultdict(list)
        self.terms = list(_rows(base / "LoincTable" / "Loinc.csv"))
        self.codes = {row["LOINC_NUM"] for row in self.terms}
        for row in self.terms:
            for column in TABLE:
                if row[column] and column not in (*NAMES, "LOINC_NUM"):
                    self._add(column, row["LOINC_NUM"], row[column])
            self._add("CLASSTYPE", row["LOINC_NUM"], CLASS_TYPES[row["CLASSTYPE"]])
            self._add(
                "copyright", row["LOINC_NUM"], "3rdParty" if row["EXTERNAL_COPYRIGHT_NOTICE"] else "LOINC"
            )
        for row in _rows(accessory / "PartFile" / "Part.csv"):
            self.codes.add(row["PartNumber"])
            self._add("STATUS", row["PartNumber"], row["Status"])
            self._add("PartTypeName", row["PartNumber"], row["PartTypeName"])
        for name in ("Primary", "Supplementary"):
            for row in _rows(accessory / "PartFile" / f"LoincPartLink_{name}.csv"):
                for value in (row["PartNumber"], row["PartName"]):
                    self._add(row["Property"].rpartition("/")[2], row["LoincNumber"], value)
        self._read_hierarchy(accessory / "ComponentHierarchyBySystem" / "ComponentHierarchyBySystem.csv")
        self._read_answers(accessory / "AnswerFile")
        for row in _rows(base / "LoincTable" / "MapTo.csv"):
            self._add("MAP_TO", row["LOINC"], row["MAP_TO"])

    def _read_hierarchy(self, path: Path) -> None:
        for row in _rows(path):
            self.codes.add(row["CODE"])
            if row["IMMEDIATE_PARENT"]:
                self.parents[row["CODE"]].add(row["IMMEDIATE_PARENT"])
                self.children[row["IMMEDIATE_PARENT"]].add(row["CODE"])

    def _read_answers(self, folder: Path) -> None:
        answers = list(_rows(folder / "AnswerList.csv"))
        for row in sorted(answers, key=lambda row: int(row["SequenceNumber"] or 0)):
            list_, answer = row["AnswerListId"], row["AnswerStringId"]
            self.codes |= {list_, answer} - {""}
            self.answers.setdefault(list_, []).extend([answer] * bool(answer))
            if answer:
                self._add("Answer", list_, answer)
                self._add("AnswerList", answer, list_)
        for row in _rows(folder / "LoincAnswerListLink.csv"):
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
        return _reached(code, self.children)

    def above(self, code: str) -> set[str]:
        return _reached(code, self.parents)


def _reached(code: str, steps: dict[str, set[str]]) -> set[str]:
    """The codes that one step or several lead to."""
    reached: set[str] = set()
    last = {code}
    while last := {other for each in last for other in steps.get(each, ())} - reached:
        reached |= last
    return reached


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
