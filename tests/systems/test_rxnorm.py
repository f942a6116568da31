"""RxNorm on the store: each filter selects what a plain reading of the files selects.

https://terminology.hl7.org/RxNorm.html. The release is made up (``tests/support/rxnorm_files.py``).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology import Terminology
from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.systems.protocol import CodeSystem
from terminology.systems.rxnorm import COPYRIGHT, URL
from tests.support import rxnorm_files
from tests.support.asking import properties, value
from tests.support.rxnorm_files import PlainRxNorm
from tests.support.served import served


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rxnorm_files.write(tmp_path_factory.mktemp("files"), 300)


@pytest.fixture(scope="module")
def plain(base: Path) -> PlainRxNorm:
    return PlainRxNorm(base)


@pytest.fixture(scope="module")
def terminology(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    return served("rxnorm", base, tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def rxnorm(terminology: Terminology) -> CodeSystem:
    return terminology.catalogue.system(URL)


def chosen(rxnorm: CodeSystem, *filter_: str) -> set[str]:
    return {concept.code for concept in rxnorm.select([Filter(*filter_)])}


ATTRIBUTES = ("TTY", "SAB", "TUI", "STN", "STY", "NDC")


@pytest.mark.parametrize("property_", ATTRIBUTES)
def test_values_are_compared_in_any_case(rxnorm: CodeSystem, plain: PlainRxNorm, property_: str) -> None:
    for text, codes in list(plain.values[property_].items())[:20]:
        assert chosen(rxnorm, property_, "=", text) == codes
        assert chosen(rxnorm, property_.lower(), "=", text.lower()) == codes
    some = [text for text in plain.values[property_] if "," not in text][:2]
    union = {code for text in some for code in plain.values[property_][text]}
    assert chosen(rxnorm, property_, "in", ", ".join(some)) == union


@pytest.mark.parametrize("property_", ATTRIBUTES)
def test_a_pattern_ignores_case_too(rxnorm: CodeSystem, plain: PlainRxNorm, property_: str) -> None:
    everything = {concept.code for concept in rxnorm.select()}
    for text in [*plain.values[property_]][:5]:
        codes = plain.values[property_][text]
        if property_ != "STY":
            assert chosen(rxnorm, property_, "regex", f"{text[:-1]}[{text[-1]}]") == codes
            assert chosen(rxnorm, property_, "not-in", text.swapcase()) == everything - codes


def test_a_semantic_type_is_named_by_its_column(rxnorm: CodeSystem, plain: PlainRxNorm) -> None:
    """https://terminology.hl7.org/RxNorm.html, STY: the default column is TUI."""
    for tui, (stn, sty) in rxnorm_files.SEMANTIC_TYPES.items():
        codes = plain.values["TUI"][tui]
        for text in (tui, f"TUI:{tui}", f"STY:{sty}", f"STN:{stn}", f"sty: {sty.lower()}", sty):
            assert chosen(rxnorm, "STY", "=", text) == codes
    both = plain.values["TUI"]["T200"] | plain.values["TUI"]["T109"]
    assert chosen(rxnorm, "STY", "in", "TUI:T200, Organic Chemical") == both


RELATIONSHIPS = sorted({name for row in rxnorm_files.RELATIONSHIPS for name in row if name})


GENERAL = {name for row in rxnorm_files.RELATIONSHIPS for name in row[2:]}


@pytest.mark.parametrize("name", RELATIONSHIPS)
def test_a_relationship_is_that_of_the_concepts_to_the_value(
    rxnorm: CodeSystem, plain: PlainRxNorm, name: str
) -> None:
    """RXNREL: the second concept has the relationship to the first, so has_ingredient selects drugs."""
    pairs = list(plain.values[name].items())[:40]
    assert pairs
    for other, codes in pairs:
        for text in (f"CUI:{other}", other, f"cui:{other}"):
            assert chosen(rxnorm, name, "=", text) == codes
    assert chosen(rxnorm, name.swapcase(), "=", f"CUI:{pairs[0][0]}") == pairs[0][1]
    union = {code for _, codes in pairs[:3] for code in codes}
    listed = " , ".join(f"CUI:{other}" for other, _ in pairs[:3])
    assert chosen(rxnorm, name, "in", listed) == union
    if name not in GENERAL:
        everything = {concept.code for concept in rxnorm.select()}
        assert chosen(rxnorm, name, "not-in", listed) == everything - union


def test_an_atom_in_a_filter_is_refused_with_the_reason(rxnorm: CodeSystem) -> None:
    with pytest.raises(TerminologyError) as refusal:
        rxnorm.select([Filter("has_ingredient", "=", "AUI:1")])
    assert "licences of their own" in refusal.value.issues[0].text


def test_relationships_of_other_sources_are_not_there(rxnorm: CodeSystem) -> None:
    with pytest.raises(TerminologyError) as refusal:
        rxnorm.select([Filter("of_another_source", "=", "CUI:9000000")])
    assert refusal.value.issues[0].message_id == "FILTER_NOT_UNDERSTOOD"


def test_a_value_that_no_concept_has_is_told(rxnorm: CodeSystem) -> None:
    filters = [Filter("TTY", "in", "SCD,XYZ"), Filter("isa", "=", "CUI:1"), Filter("SIB", "=", "CUI:9000000")]
    assert [issue.text.split("'")[1] for issue in rxnorm.doubts(filters)] == [
        "TTY = XYZ",
        "isa = CUI:1",
        "SIB = CUI:9000000",
    ]


def test_a_merged_concept_names_its_successor(terminology: Terminology, plain: PlainRxNorm) -> None:
    """A concept that only the archive, or RXNCUI, has is a code: inactive, with the one that took its place."""
    codes = sorted(plain.codes)
    for code, successors in (("9000001", [codes[1]]), ("9000004", []), ("9000002", [codes[0]])):
        answer = terminology.ask("CodeSystem/$lookup", system=URL, code=code)
        assert properties(answer).get("MERGED_TO_RXCUI", []) == successors
        assert properties(answer)["inactive"] == [True]
        validation = terminology.ask("CodeSystem/$validate-code", url=URL, code=code)
        assert (value(validation, "result"), value(validation, "inactive")) == (True, True)
    assert (
        value(terminology.ask("CodeSystem/$lookup", system=URL, code="9000001"), "display")
        == "former 9000001"
    )
    for code in ("9000005", "9999999"):
        assert value(terminology.ask("CodeSystem/$validate-code", url=URL, code=code), "result") is False
    merged = chosen(terminology.catalogue.system(URL), "merged_to_rxcui", "=", codes[1])
    assert "9000001" in merged and merged == plain.values["MERGED_TO_RXCUI"][codes[1]]


def test_all_concepts_are_a_value_set(terminology: Terminology, plain: PlainRxNorm) -> None:
    """[RxNorm]/vs; the merged and retired concepts are in it, as inactive ones."""
    value_set = terminology.ask("ValueSet/$expand", url=f"{URL}/vs", activeOnly=False)
    listed = {node["code"]: node.get("inactive", False) for node in value_set["expansion"]["contains"]}
    assert {"9000001", "9000002", "9000004"} <= plain.former
    assert set(listed) == plain.codes | plain.former
    assert [code for code in listed if code not in plain.codes and not listed[code]] == []
    assert value_set["copyright"] == COPYRIGHT
