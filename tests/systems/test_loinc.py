"""LOINC on the store: each filter selects what a plain reading of the files selects.

https://terminology.hl7.org/LOINC.html. The release is made up (``tests/support/loinc_files.py``).
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from terminology import Terminology
from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.systems.loinc import COPYRIGHT, URL, is_loinc_code
from terminology.systems.protocol import CodeSystem
from tests.support import loinc_files
from tests.support.asking import value
from tests.support.loinc_files import AXES, KINDS, PlainLoinc
from tests.support.served import served


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loinc_files.write(tmp_path_factory.mktemp("files"), 400)


@pytest.fixture(scope="module")
def plain(base: Path) -> PlainLoinc:
    return PlainLoinc(base)


@pytest.fixture(scope="module")
def terminology(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    return served("loinc", base, tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def loinc(terminology: Terminology) -> CodeSystem:
    return terminology.catalogue.system(URL)


def chosen(loinc: CodeSystem, *filter_: str) -> list[str]:
    return [concept.code for concept in loinc.select([Filter(*filter_)])]


# -- properties ----------------------------------------------------------------------------------

PLAIN = (
    "CLASS STATUS CLASSTYPE ORDER_OBS copyright VersionLastChanged PanelType RELATEDNAMES2 CONSUMER_NAME STATUS_REASON "
    "EXAMPLE_UCUM_UNITS COMMON_TEST_RANK EXTERNAL_COPYRIGHT_NOTICE"
).split()
PROPERTIES = (*AXES, *KINDS, *PLAIN)


@pytest.mark.parametrize("property_", PROPERTIES)
def test_a_property_is_compared_in_any_case(loinc: CodeSystem, plain: PlainLoinc, property_: str) -> None:
    """Property values are not case-sensitive; a part is named by its code, its name or the text of the table."""
    values = sorted({text for own in plain.values[property_].values() for text in own})
    chance = random.Random(3)
    for text in chance.sample(values, min(len(values), 12)):
        written = chance.choice((str.lower, str.upper, str.title))(text)
        assert set(chosen(loinc, property_, "=", written)) == plain.having(property_, written), written
    some = [text for text in values if "," not in text][:3]
    assert set(chosen(loinc, property_, "in", " , ".join(some).upper())) == plain.having(property_, *some)
    everything = {concept.code for concept in loinc.select()}
    left = everything - plain.having(property_, *some)
    assert set(chosen(loinc, property_, "not-in", ",".join(some))) == left


@pytest.mark.parametrize("property_", PROPERTIES)
def test_a_property_exists_or_does_not(loinc: CodeSystem, plain: PlainLoinc, property_: str) -> None:
    having = {code for code, own in plain.values[property_].items() if own}
    assert set(chosen(loinc, property_, "exists", "true")) == having
    everything = {concept.code for concept in loinc.select()}
    assert set(chosen(loinc, property_, "exists", "false")) == everything - having


PATTERNS = {
    ("CLASS", "PATH"): False,
    ("CLASS", "path.*"): False,
    ("CLASS", r"CYTO|^PATH(\..*)?"): True,
    ("COMPONENT", "c.*"): False,
    ("COMPONENT", "mb"): False,
    ("COMPONENT", "mb.*$"): True,
    ("document-kind", ".*ye.*"): False,
    ("RELATEDNAMES2", ".*rye; cru.*"): False,
    ("STATUS", "d.*ed"): False,
}


@pytest.mark.parametrize(("property_", "expression"), PATTERNS)
def test_a_pattern_ignores_case_too(
    loinc: CodeSystem, plain: PlainLoinc, property_: str, expression: str
) -> None:
    """A pattern matches the whole text, or anywhere if it has anchors of its own."""
    wanted = plain.matching(property_, expression, PATTERNS[property_, expression])
    assert set(chosen(loinc, property_, "regex", expression)) == wanted


def test_every_column_of_the_table_is_a_property(terminology: Terminology, plain: PlainLoinc) -> None:
    for row in plain.terms[:20]:
        answer = terminology.ask("CodeSystem/$lookup", system=URL, code=row["LOINC_NUM"], property=["*"])
        nodes = [node["part"] for node in answer["parameter"] if node["name"] == "property"]
        told = {part[0]["valueCode"] for part in nodes}
        columns = {
            name for name, cell in row.items() if cell and name not in (*loinc_files.NAMES, "LOINC_NUM")
        }
        assert columns <= told


def test_an_axis_without_a_part_has_the_text_of_the_table(loinc: CodeSystem, plain: PlainLoinc) -> None:
    for row in plain.terms[:50]:
        properties = loinc.describe([row["LOINC_NUM"]])[row["LOINC_NUM"]].properties
        for axis in AXES:
            values = [p.value for p in properties if p.code == axis]
            assert bool(values) is bool(row[axis])
            assert all(value == row[axis] or value.startswith("LP") for value in values)


@pytest.mark.parametrize("name", loinc_files.NAMES)
def test_a_filter_that_is_not_offered_is_refused_with_the_reason(loinc: CodeSystem, name: str) -> None:
    with pytest.raises(TerminologyError) as refusal:
        loinc.select([Filter(name, "=", "Crumb")])
    assert refusal.value.issues[0].message_id == "FILTER_NOT_UNDERSTOOD"
    assert "these texts are displays" in refusal.value.issues[0].text


def test_an_operator_that_is_not_offered_is_refused_with_those_that_are(loinc: CodeSystem) -> None:
    with pytest.raises(TerminologyError) as refusal:
        loinc.select([Filter("ancestor", "regex", "LP.*")])
    assert "'=', 'in'" in refusal.value.issues[0].text


def test_a_value_that_no_term_has_is_told(loinc: CodeSystem) -> None:
    filters = [Filter("SCALE_TYP", "=", "Document"), Filter("STATUS", "in", "active,RETIRED")]
    filters += [
        Filter("ancestor", "=", "LP1-1"),
        Filter("CLASS", "regex", "bread.*"),
        Filter("LIST", "=", "LL1-1"),
    ]
    told = [issue.text.partition("'")[2].partition("'")[0] for issue in loinc.doubts(filters)]
    expected = [
        "SCALE_TYP = Document",
        "STATUS = RETIRED",
        "ancestor = LP1-1",
        "CLASS regex bread.*",
        "LIST = LL1-1",
    ]
    assert told == expected
    assert not loinc.doubts([Filter("SCALE_TYP", "=", "DOC"), Filter("STATUS", "in", "active,TRIAL")])


# -- files ---------------------------------------------------------------------------------------


def test_tables_that_folders_repeat_are_read_once(loinc: CodeSystem, plain: PlainLoinc) -> None:
    """The folder of panels has a part of Loinc.csv, AnswerList.csv and LoincAnswerListLink.csv again."""
    for term, lists in [*plain.lists.items()][:20]:
        properties = loinc.describe([term])[term].properties
        assert sorted(p.value for p in properties if p.code == "answer-list") == sorted(lists)
    replaced = next(iter(plain.values["MAP_TO"]))
    properties = loinc.describe([replaced])[replaced].properties
    assert len([p for p in properties if p.code == "MAP_TO"]) == 1


def test_a_published_term_with_a_wrong_check_digit_is_a_code(
    terminology: Terminology, plain: PlainLoinc
) -> None:
    """The table of LOINC has such a term; a term that the table lacks is not right for it."""
    code = plain.terms[-1]["LOINC_NUM"]
    assert not is_loinc_code(code)
    assert value(terminology.ask("CodeSystem/$validate-code", url=URL, code=code), "result") is True
    assert terminology.ask("CodeSystem/$lookup", system=URL, code=code)
    answer = terminology.ask("CodeSystem/$validate-code", url=URL, code="100000-1")
    assert value(answer, "result") is False


# -- the hierarchy -------------------------------------------------------------------------------


def test_relatives_are_those_of_the_hierarchy_file(loinc: CodeSystem, plain: PlainLoinc) -> None:
    """parent, child, ancestor and descendant, each of one code or of a list; not the code itself."""
    inner = sorted({parent for parents in plain.parents.values() for parent in parents})
    leaves = sorted(plain.parents)[:20]
    for code in (*inner, *leaves):
        children = {c for c, parents in plain.parents.items() if code in parents}
        assert set(chosen(loinc, "parent", "=", code.lower())) == children
        assert set(chosen(loinc, "child", "=", code)) == plain.parents.get(code, set())
        assert set(chosen(loinc, "ancestor", "=", code.lower())) == plain.below(code)
        assert set(chosen(loinc, "descendant", "=", code)) == plain.above(code)
    two = inner[-2:]
    both = plain.below(two[0]) | plain.below(two[1])
    assert set(chosen(loinc, "ancestor", "in", " , ".join(two))) == both
    assert set(chosen(loinc, "concept", "is-a", two[0])) == plain.below(two[0]) | {two[0]}


def test_codes_can_be_listed(loinc: CodeSystem, plain: PlainLoinc) -> None:
    codes = [row["LOINC_NUM"] for row in plain.terms[:3]]
    assert set(chosen(loinc, "code", "in", ", ".join(codes))) == set(codes)


# -- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("property_", ["LIST", "answer-list", "answers-for"])
def test_the_answers_of_a_list_come_in_its_order(
    loinc: CodeSystem, plain: PlainLoinc, property_: str
) -> None:
    for list_, answers in plain.answers.items():
        assert chosen(loinc, property_, "=", list_.lower()) == answers


def test_the_answers_for_a_term_are_those_of_all_its_lists(loinc: CodeSystem, plain: PlainLoinc) -> None:
    for term, lists in [*plain.lists.items()][:30]:
        assert set(chosen(loinc, "answers-for", "=", term)) == {
            a for list_ in lists for a in plain.answers[list_]
        }
    assert chosen(loinc, "answers-for", "=", "nothing") == []


# -- implicit value sets -------------------------------------------------------------------------


def expanded(terminology: Terminology, url: str, **more: Any) -> Any:
    return terminology.ask("ValueSet/$expand", url=url, **more)


def codes_of(value_set: Any) -> list[str]:
    return [node["code"] for node in value_set["expansion"].get("contains", ())]


def test_an_answer_list_is_a_value_set(terminology: Terminology, plain: PlainLoinc) -> None:
    """https://terminology.hl7.org/LOINC.html, answer lists: the answers with displays, in order."""
    for list_, answers in plain.answers.items():
        value_set = expanded(terminology, f"{URL}/vs/{list_}")
        assert codes_of(value_set) == answers
        assert (value_set["version"], value_set["copyright"]) == ("2.97", COPYRIGHT)
        definition = terminology.catalogue.value_set(f"{URL}/vs/{list_}")
        assert definition["description"] == f"LOINC Answer List for {definition['name']}"
        nodes = value_set["expansion"].get("contains", ())
        assert all(node["display"].startswith("Answer") for node in nodes)


def test_what_is_below_a_part_is_a_value_set(terminology: Terminology, plain: PlainLoinc) -> None:
    """The name and the description are those of https://terminology.hl7.org/LOINC.html."""
    part = next(iter({parent for parents in plain.parents.values() for parent in parents}))
    value_set = expanded(terminology, f"{URL}/vs/{part.lower()}", count=1000)
    assert set(codes_of(value_set)) == plain.below(part)
    assert value_set["name"] == f"LOINC Value Set from Multi-Axial Hierarchy code {part}"
    assert (value_set["version"], value_set["copyright"]) == ("2.97", COPYRIGHT)


def test_all_codes_are_a_value_set(terminology: Terminology, loinc: CodeSystem) -> None:
    value_set = expanded(terminology, f"{URL}/vs", count=1)
    assert value_set["expansion"]["total"] == len(list(loinc.select()))
    assert value_set["copyright"] == COPYRIGHT


@pytest.mark.parametrize("code", ["LL1-1", "LP1-1", "LA97001-1", "900000-1", "", "LL97000-0/x"])
def test_any_other_code_has_no_value_set(terminology: Terminology, code: str) -> None:
    with pytest.raises(TerminologyError):
        expanded(terminology, f"{URL}/vs/{code}")
