"""The ICD family, rule by rule: https://terminology.hl7.org/ICD.html and the owners of the classifications."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from terminology import Terminology
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Filter
from terminology.systems.described import DESCRIPTIONS
from terminology.systems.icd import ICD10, ICD10GM, ICD11, OLD_ICD10GM
from tests.support import releases
from tests.support.asking import Ask, properties, value
from tests.support.builders import code_system, concept, value_set
from tests.support.engine import catalogue_of
from tests.support.releases import write
from tests.support.served import served

RELEASES = ("r4", "r4b", "r5")
CM, PCS = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.cms.gov/Medicare/Coding/ICD10"
ICD9 = "http://hl7.org/fhir/sid/icd-9-cm"


# -- codes that are written together -------------------------------------------------------------


def dragons(url: str, **elements: Any) -> Document:
    """A classification of dragons with one chapter."""
    torn = concept(
        "J21", "Torn wing", concept("J21.8", "Torn left wing"), concept("J21.9", "Torn wing, some")
    )
    smoke = concept("B95", "Smoke", concept("B95.6", "Black smoke", property=[RETIRED]))
    return code_system(
        url,
        concept("J00-J99", "Wings", torn),
        smoke,
        hierarchyMeaning="classified-with",
        version="2016",
        **elements,
    )


RETIRED = {"code": "inactive", "valueBoolean": True}
STEMS = code_system(
    ICD11,
    concept("NC72", "Broken wing", concept("NC72.Z", "Broken wing, unspecified")),
    concept("1A00", "Dragon pox"),
    concept("XK8G", "Left"),
    concept("XJ7ZH", "Open"),
    version="2025-01",
    hierarchyMeaning="is-a",
    caseSensitive=True,
)
CLASSIFICATIONS = {
    ICD10: dragons(ICD10),
    ICD10GM: dragons(ICD10GM),
    OLD_ICD10GM: dragons(OLD_ICD10GM),
    ICD11: STEMS,
}

# The beginning of an expectation that a text is no code.
REASON = "reason: "
# title, code system, code, and the display, or a part of the reason why it is no code
COMBINED = [
    ("two codes with a blank between", ICD10, "J21.8 B95.6", "Torn left wing; Black smoke"),
    ("with the marks of both", ICD10, "J21.8+ B95.6*", "Torn left wing; Black smoke"),
    ("the dagger itself", ICD10, "J21.8† B95.6*", "Torn left wing; Black smoke"),
    ("a mark of one part", ICD10, "J21.8 B95.6*", "Torn left wing; Black smoke"),
    ("a mark alone does not change the code", ICD10, "J21.8+", "Torn left wing"),
    ("headings are codes", ICD10, "J21 B95", "Torn wing; Smoke"),
    (
        "Germany marks secondary diagnoses",
        ICD10GM,
        "J21.8 B95.6! J21.9",
        "Torn left wing; Black smoke; Torn wing, some",
    ),
    ("also under the older url", OLD_ICD10GM, "J21.8 B95.6!", "Torn left wing; Black smoke"),
    (
        "the underlying disease comes first",
        ICD10,
        "B95.6* J21.8+",
        "reason: the underlying disease comes first",
    ),
    (
        "a secondary diagnosis does not come first",
        ICD10GM,
        "B95.6! J21.8",
        "reason: the underlying disease comes first",
    ),
    (
        "there is one underlying disease",
        ICD10,
        "J21.8+ J21.9+",
        "reason: has the mark of the underlying disease",
    ),
    ("each part is a code", ICD10, "J21.8 B95.7", "reason: has no code 'B95.7'"),
    ("with its dot", ICD10, "J218 B95.6", "reason: has no code 'J218'"),
    ("one blank, not two", ICD10, "J21.8  B95.6", "reason: codes have one blank between them"),
    ("a blank, not a comma", ICD10, "J21.8,B95.6", REASON),
    ("one mark for a code", ICD10, "J21.8++ B95.6", "reason: codes have one blank between them"),
    (
        "no more than anybody writes",
        ICD10,
        " ".join(["J21.8"] * 60),
        "reason: codes have one blank between them",
    ),
    (
        "a cluster of a stem code and extensions",
        ICD11,
        "NC72.Z&XK8G&XJ7ZH",
        "Broken wing, unspecified; Left; Open",
    ),
    ("a cluster of an extension", ICD11, "NC72.Z&XK8G", "Broken wing, unspecified; Left"),
    ("a cluster of stem codes", ICD11, "NC72.Z/1A00", "Broken wing, unspecified; Dragon pox"),
    (
        "extensions of the second stem code",
        ICD11,
        "1A00/NC72.Z&XK8G",
        "Dragon pox; Broken wing, unspecified; Left",
    ),
    ("a stem code comes first", ICD11, "XK8G&NC72.Z", "reason: a stem code comes first"),
    ("an extension needs its mark", ICD11, "NC72.Z/XK8G", "reason: a stem code follows after '/'"),
    ("a stem code is no extension", ICD11, "NC72.Z&1A00", "reason: an extension code follows after '&'"),
    ("each part of a cluster is a code", ICD11, "NC72.Z&XK9G", "reason: has no code 'XK9G'"),
    ("nothing between the marks", ICD11, "NC72.Z&&XK8G", "reason: stem codes are joined by '/'"),
    ("no mark first", ICD11, "&XK8G", "reason: stem codes are joined by '/'"),
    ("no mark last", ICD11, "NC72.Z&", "reason: stem codes are joined by '/'"),
    ("no blank", ICD11, "NC72.Z & XK8G", "reason: stem codes are joined by '/'"),
    ("ICD-10-CM has no dual coding", CM, "J21.8 B95.6", REASON),
]


# The codes in an expression, between the marks.
PARTS = re.compile(r"[^ /&+*!†]+")


def ask_of(url: str, *more: Document) -> Ask:
    document = CLASSIFICATIONS.get(url) or dragons(url)
    return Terminology(catalogue=catalogue_of([document, *more])).ask


@pytest.mark.parametrize(("rule", "url", "code", "expected"), COMBINED, ids=[row[0] for row in COMBINED])
def test_codes_that_are_written_together_are_one_code(rule: str, url: str, code: str, expected: str) -> None:
    ask = ask_of(url)
    is_code = bool(expected) and not expected.startswith(REASON)
    whole = value_set("whole", {"system": url})
    for release in RELEASES:
        answer = ask("CodeSystem/$validate-code", release=release, url=url, code=code)
        assert value(answer, "result") is is_code
        of_coding = {"system": url, "code": code}
        member = ask("ValueSet/$validate-code", release=release, value_set=whole, coding=of_coding)
        assert value(member, "result") is is_code
        if is_code:
            found = ask("CodeSystem/$lookup", release=release, system=url, code=code)
            assert value(found, "display") == value(answer, "display") == expected
            assert properties(found)["part"] == PARTS.findall(code)
        else:
            assert expected.removeprefix(REASON) in str(answer)
            with pytest.raises(TerminologyError) as unknown:
                ask("CodeSystem/$lookup", release=release, system=url, code=code)
            assert expected.removeprefix(REASON) in unknown.value.issues[0].text


def test_an_inactive_part_makes_the_whole_inactive() -> None:
    answer = ask_of(ICD10)("CodeSystem/$validate-code", url=ICD10, code="J21.8 B95.6")
    assert value(answer, "inactive") is True


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        ("J21.8+ B95.6*", "J21.8 B95.6", "equivalent"),
        ("J21.8† B95.6*", "J21.8+ B95.6*", "equivalent"),
        ("J21.8+", "J21.8", "equivalent"),
        ("B95.6 J21.8", "J21.8 B95.6", "not-subsumed"),
        ("J21", "J21.8 B95.6", "not-subsumed"),
        ("J21", "J21.8", "subsumes"),
        ("J00-J99", "J21.8", "subsumes"),
    ],
)
def test_codes_that_are_written_together_are_equal_in_their_order(one: str, other: str, outcome: str) -> None:
    answer = ask_of(ICD10)("CodeSystem/$subsumes", system=ICD10, code_a=one, code_b=other)
    assert value(answer, "outcome") == outcome


@pytest.mark.parametrize(
    ("rule", "include", "result"),
    [
        ("a filter takes it by no part", {"filter": [("concept", "is-a", "J21")]}, False),
        ("a list takes it by no part", {"concept": ["J21.8", "B95.6"]}, False),
        ("a list names it", {"concept": ["J21.8 B95.6"]}, True),
        ("a filter names it", {"filter": [("code", "=", "J21.8 B95.6")]}, True),
        ("a filter names it among others", {"filter": [("code", "in", "J21, J21.8 B95.6")]}, True),
        ("a filter names another", {"filter": [("code", "=", "J21.9 B95.6")]}, False),
        ("a regular expression is of the list", {"filter": [("code", "regex", "J.*")]}, False),
    ],
)
def test_codes_that_are_written_together_are_members_as_themselves(
    rule: str, include: dict[str, Any], result: bool
) -> None:
    node: Document = {"system": ICD10}
    if "concept" in include:
        node["concept"] = [{"code": code} for code in include["concept"]]
    else:
        node["filter"] = [
            dict(zip(("property", "op", "value"), each, strict=True)) for each in include["filter"]
        ]
    ask = ask_of(ICD10)
    asked = value_set("asked", node)
    answer = ask("ValueSet/$validate-code", value_set=asked, coding={"system": ICD10, "code": "J21.8 B95.6"})
    assert value(answer, "result") is result
    if "concept" in include and result:
        (entry,) = ask("ValueSet/$expand", value_set=asked)["expansion"]["contains"]
        assert (entry["code"], entry["display"]) == ("J21.8 B95.6", "Torn left wing; Black smoke")


@pytest.mark.parametrize(
    ("url", "example"), [(ICD10, "J21.8+ B95.6*"), (ICD10GM, "J21.8+ B95.6*"), (ICD11, "NC72.Z&XK8G")]
)
def test_a_whole_classification_lists_no_codes_written_together(url: str, example: str) -> None:
    ask = ask_of(url)
    expansion = ask("ValueSet/$expand", release="r5", url=f"{url}?fhir_vs", exclude_nested=True)["expansion"]
    assert not [node for node in expansion["contains"] if PARTS.findall(node["code"]) != [node["code"]]]
    said = {each["url"].rpartition("/")[2]: each for each in expansion["extension"]}
    assert said["valueset-unclosed"]["valueBoolean"] is True
    assert example in said["valueset-unclosed-reason"]["valueString"]


def test_a_fragment_may_lack_a_part_but_no_fragment_breaks_a_rule() -> None:
    ask = Terminology(catalogue=catalogue_of([{**dragons(ICD10), "content": "fragment"}])).ask
    for code, result in [("J21.8 A01.1", True), ("A01.1* J21.8+", False), ("J21.8 A011", False)]:
        answer = ask("CodeSystem/$validate-code", url=ICD10, code=code)
        assert value(answer, "result") is result, code


def test_an_extension_code_alone_gets_a_warning() -> None:
    answer = ask_of(ICD11)("CodeSystem/$validate-code", url=ICD11, code="XK8G")
    assert value(answer, "result") is True and "says nothing alone" in str(answer)
    assert "says nothing alone" not in str(ask_of(ICD11)("CodeSystem/$validate-code", url=ICD11, code="1A00"))


STEM_SHAPES = ["1A00", "NC72.Z", "2B80.00", "XK8G", "XS25", "XJ7ZH", "NC72.Z&XK8G&XJ7ZH", "1A00/2B80.00"]
NO_STEMS = ["IA00", "1O00", "1A0", "1a00", "11A0", "0A00", "1A00.", "1A00.000", "1A00&2B80", "XK8G/1A00"]


@pytest.mark.parametrize("code", [*STEM_SHAPES, *NO_STEMS])
def test_a_fragment_of_ICD_11_takes_what_is_written_as_its_codes_are(code: str) -> None:
    answer = Terminology(catalogue=catalogue_of([{**STEMS, "content": "fragment", "concept": []}])).ask(
        "CodeSystem/$validate-code", url=ICD11, code=code
    )
    assert value(answer, "result") is (code in STEM_SHAPES)


# -- separate systems, dots, versions ------------------------------------------------------------

SYSTEMS = [ICD10, CM, PCS, ICD9, ICD10GM, "http://hl7.org/fhir/sid/icd-10-nl", ICD11]


@pytest.mark.parametrize("url", SYSTEMS)
def test_each_variant_is_a_code_system_of_its_own(url: str) -> None:
    """With its own url, and never a version of another one."""
    catalogue = catalogue_of([code_system(url, "J21.8", version="2016")])
    found = [each for each in SYSTEMS if catalogue.find_system(each) is not None]
    assert found == [url] and catalogue.find_system("http://hl7.org/fhir/sid/icd-9") is None


@pytest.mark.parametrize(
    ("url", "code", "right"), [(ICD10, "J218", "J21.8"), (CM, "J218", "J21.8"), (ICD9, "0100", "010.0")]
)
def test_a_code_without_its_dot_is_unknown_with_a_hint(url: str, code: str, right: str) -> None:
    ask = Terminology(catalogue=catalogue_of([code_system(url, right, version="1")])).ask
    for release in RELEASES:
        answer = ask("CodeSystem/$validate-code", release=release, url=url, code=code)
        assert value(answer, "result") is False and f"'{right}'" in str(answer)
        with pytest.raises(TerminologyError, match=f"'{right}'"):
            ask("CodeSystem/$lookup", release=release, system=url, code=code)


def test_a_code_may_vanish_between_versions() -> None:
    old, new = (
        code_system(ICD10, *codes, version=year) for year, codes in (("2010", ["A1", "A2"]), ("2016", ["A1"]))
    )
    ask = Terminology(catalogue=catalogue_of([old, new])).ask
    found = [
        value(ask("CodeSystem/$validate-code", url=ICD10, code="A2", version=year), "result")
        for year in ("2010", "2016")
    ]
    assert found == [True, False]
    assert value(ask("CodeSystem/$lookup", system=ICD10, code="A1"), "version") == "2016"


@pytest.mark.parametrize(
    "description",
    [each for each in DESCRIPTIONS if each.url in SYSTEMS and each.url != ICD11],
    ids=lambda each: each.name,
)
def test_no_filter_and_no_value_set_is_defined_and_the_base_filters_apply(description: Any) -> None:
    ask = ask_of(description.url)
    rows = {
        ("concept", "is-a", "J21"): ["J21", "J21.8", "J21.9"],
        ("concept", "descendent-of", "J21"): ["J21.8", "J21.9"],
        ("parent", "=", "J21"): ["J21.8", "J21.9"],
        ("child", "=", "J21.8"): ["J21"],
        ("code", "regex", "J21[.].*"): ["J21.8", "J21.9"],
    }
    for filter_, codes in rows.items():
        node = dict(zip(("property", "op", "value"), filter_, strict=True))
        asked = value_set("asked", {"system": description.url, "filter": [node]})
        expansion = ask("ValueSet/$expand", value_set=asked, exclude_nested=True)["expansion"]
        assert [each["code"] for each in expansion["contains"]] == codes, filter_
    with pytest.raises(TerminologyError, match="could not be found"):
        ask("ValueSet/$expand", url=f"{description.url}/vs")
    whole = ask("ValueSet/$expand", url=f"{description.url}?fhir_vs")
    assert whole.get("copyright") == description.copyright


# -- ICD-10-CM -----------------------------------------------------------------------------------

LIST = (
    "O3440   Care for scar of wing, unspecified",
    "O3441   Care for scar of wing, first",
    "S0291XA Torn wing, initial encounter",
    "T360X1A Poisoning by dragon fire, accidental, initial encounter",
    "C7A00   Tumor of smoke",
    "U071    Dragon fever",
)
HEADINGS = [
    "C7A",
    "C7A.0",
    "O34",
    "O34.4",
    "S02",
    "S02.9",
    "S02.91",
    "T36",
    "T36.0",
    "T36.0X",
    "T36.0X1",
    "U07",
]


@pytest.fixture(scope="module")
def list_alone(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    folder = tmp_path_factory.mktemp("files")
    write(folder, "icd10cm-codes-2031.txt", *sorted(LIST))
    return served("icd10cm", folder, tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def tabular(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    folder = tmp_path_factory.mktemp("files")
    releases.icd10cm(folder)
    return served("icd10cm", folder, tmp_path_factory.mktemp("store"))


def is_code(terminology: Terminology, url: str, code: str) -> Any:
    return value(terminology.ask("CodeSystem/$validate-code", url=url, code=code), "result")


@pytest.mark.parametrize("code", HEADINGS)
def test_a_list_of_billable_codes_implies_their_headings(list_alone: Terminology, code: str) -> None:
    found = list_alone.ask("CodeSystem/$lookup", system=CM, code=code)
    assert properties(found)["billable"] == [False] and value(found, "abstract") is True


def test_an_implied_heading_subsumes_its_codes(list_alone: Terminology) -> None:
    for heading, code in [
        ("O34.4", "O34.41"),
        ("O34", "O34.41"),
        ("S02.91", "S02.91XA"),
        ("T36.0X", "T36.0X1A"),
    ]:
        answer = list_alone.ask("CodeSystem/$subsumes", system=CM, code_a=heading, code_b=code)
        assert value(answer, "outcome") == "subsumes", heading
    codes = {row[:7].strip() for row in LIST}
    whole = list_alone.ask("ValueSet/$expand", url=f"{CM}?fhir_vs", exclude_nested=True)["expansion"][
        "contains"
    ]
    assert sorted(each["code"].replace(".", "") for each in whole if not each.get("abstract")) == sorted(
        codes
    )


CM_CODES = [
    ("a letter and a digit come first", "U07.1", True),
    ("the third may be a letter", "C7A.00", True),
    ("the dot stands after the third", "C7A0.0", False),
    ("X fills the empty place", "S02.91XA", True),
    ("without X the seventh character is at the sixth place", "S02.91A", False),
    ("X may keep a place for later", "T36.0X1A", True),
    ("without the seventh character it is a heading", "T36.0X1", True),
    ("X alone makes no heading", "S02.91X", False),
    ("capitals", "u07.1", False),
    ("no mark of dual coding", "U07.1*", False),
]


@pytest.mark.parametrize(("rule", "code", "result"), CM_CODES, ids=[row[0] for row in CM_CODES])
def test_codes_of_ICD_10_CM(list_alone: Terminology, rule: str, code: str, result: bool) -> None:
    assert is_code(list_alone, CM, code) is result


def test_the_tabular_list_has_headings_notes_and_seventh_characters(tabular: Terminology) -> None:
    found = tabular.ask("CodeSystem/$lookup", system=CM, code="Q01.1")
    assert properties(found)["billable"] == [False] and value(found, "abstract") is False
    billable = tabular.ask("CodeSystem/$lookup", system=CM, code="Q01.1XXA")
    assert properties(billable)["billable"] == [True]
    assert value(billable, "display") == "Clipped left wing, initial encounter"
    assert is_code(tabular, CM, "Q01.1A") is False
    notes = properties(tabular.ask("CodeSystem/$lookup", system=CM, code="Q00"))
    assert notes["excludes1"] == ["clipped wing (Q01.-)"]
    assert value(found, "version") == "2031"


# -- ICD-10-PCS and ICD-9-CM ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def pcs(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    folder = tmp_path_factory.mktemp("files")
    releases.icd10pcs(folder)
    return served("icd10pcs", folder, tmp_path_factory.mktemp("store"))


PCS_CODES = [
    ("seven characters", "QAA10ZZ", True),
    ("no dot", "QAA.10ZZ", False),
    ("a beginning of three is a heading", "QAA", True),
    ("so is one of four, for a body part", "QAA1", True),
    ("six characters are none", "QAA10Z", False),
    ("capitals are stored", "qaa10zz", False),
    ("a code that is in no row", "QAA20ZZ", False),
]


@pytest.mark.parametrize(("rule", "code", "result"), PCS_CODES, ids=[row[0] for row in PCS_CODES])
def test_codes_of_ICD_10_PCS(pcs: Terminology, rule: str, code: str, result: bool) -> None:
    assert is_code(pcs, PCS, code) is result


def test_PCS_has_axes_headings_and_the_year(pcs: Terminology) -> None:
    found = pcs.ask("CodeSystem/$lookup", system=PCS, code="QAA10ZX")
    assert properties(found)["bodyPart"] == ["Left Wing"] and properties(found)["billable"] == [True]
    assert value(found, "version") == "2031"
    heading = pcs.ask("CodeSystem/$lookup", system=PCS, code="QAA")
    assert (value(heading, "abstract"), properties(heading)["billable"]) == (True, [False])
    answer = pcs.ask("CodeSystem/$subsumes", system=PCS, code_a="QAA", code_b="QAA10ZX")
    assert value(answer, "outcome") == "subsumes"
    lower = pcs.ask("CodeSystem/$validate-code", url=PCS, code="qaa10zx")
    assert value(lower, "result") is False and "'QAA10ZX'" in str(lower)


@pytest.fixture(scope="module")
def icd9(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    folder, latin = tmp_path_factory.mktemp("files"), {"encoding": "latin-1"}
    diagnoses = ("0100  Wing pox", "V7231 Dragon seen", "E8501 Burnt by dragon", "0010  Wyvern pox")
    write(folder, "CMS77_DESC_LONG_DX.txt", *diagnoses, **latin)
    write(folder, "CMS77_DESC_LONG_SG.txt", "0100 Wing cut", "0011 Folding of wing", "672  Clipping", **latin)
    return served("icd9cm", folder, tmp_path_factory.mktemp("store"))


ICD9_CODES = [
    ("a diagnosis has its dot after the third", "010.0", "diagnosis"),
    ("a procedure has it after the second: the dot tells the two apart", "01.00", "procedure"),
    ("zeros belong to the code", "00.11", "procedure"),
    ("V has the dot after the third", "V72.31", "diagnosis"),
    ("E has it after the fourth", "E850.1", "diagnosis"),
    ("one digit after the dot", "67.2", "procedure"),
    ("without the dot", "0100", None),
    ("without a zero", "0.11", None),
    ("with the dot elsewhere", "E85.01", None),
]


@pytest.mark.parametrize(("rule", "code", "volume"), ICD9_CODES, ids=[row[0] for row in ICD9_CODES])
def test_codes_of_ICD_9_CM(icd9: Terminology, rule: str, code: str, volume: str | None) -> None:
    assert is_code(icd9, ICD9, code) is (volume is not None)
    for oid in ("urn:oid:2.16.840.1.113883.6.103", "urn:oid:2.16.840.1.113883.6.104"):
        assert is_code(icd9, oid, code) is (volume is not None)
    if volume is not None:
        found = icd9.ask("CodeSystem/$lookup", system=ICD9, code=code)
        assert properties(found)["volume"] == [volume] and value(found, "version") == "77"


def test_every_filter_of_the_page_is_understood(
    tabular: Terminology, pcs: Terminology, icd9: Terminology
) -> None:
    for terminology, url in ((tabular, CM), (pcs, PCS), (icd9, ICD9)):
        (description,) = [each for each in DESCRIPTIONS if each.url == url]
        system = terminology.catalogue.system(url)
        for rule in description.filters:
            for name, op in [(name, op) for name in rule.properties for op in rule.operators]:
                system.select([Filter(name, op, "true")])
    chosen = pcs.catalogue.system(PCS).select([Filter("approach", "=", "Open")])
    assert [each.code for each in chosen] == ["QAA10ZX", "QAA10ZZ"]
    procedures = icd9.catalogue.system(ICD9).select(
        [Filter("volume", "=", "procedure"), Filter("billable", "=", "true")]
    )
    assert [each.code for each in procedures] == ["01.00", "00.11", "67.2"]


def test_an_import_is_a_classification_with_a_notice_and_no_inactive_code(tmp_path: Path) -> None:
    notices = {
        "icd10cm": "the World Health Organization retains its rights in ICD-10",
        "icd10pcs": "in the public domain",
        "icd9cm": "in the public domain",
    }
    for kind, url in (("icd10cm", CM), ("icd10pcs", PCS), ("icd9cm", ICD9)):
        folder = tmp_path / kind
        folder.mkdir()
        getattr(releases, kind)(folder)
        terminology = served(kind, folder, tmp_path / f"{kind} store")
        system = terminology.catalogue.system(url)
        assert (system.about.document or {})["hierarchyMeaning"] == "classified-with"
        assert notices[kind] in (system.about.copyright or "")
        assert not any(each.inactive for each in system.select())
