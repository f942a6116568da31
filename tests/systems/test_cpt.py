"""CPT as https://terminology.hl7.org/CPT.html defines it: modifiers, ranges, value sets, notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.library import Terminology
from terminology.opening import catalogue_of
from terminology.systems import cpt
from terminology.systems.described import with_own_rules
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.protocol import CodeSystem
from tests.support.asking import properties, value, values
from tests.support.builders import code_system, value_set
from tests.support.compiled import shelved
from tests.support.cpt_release import cpt_release

pytest.importorskip("pyroaring")

CPT = cpt.URL


@pytest.fixture(params=["memory", "store"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> CodeSystem:
    """A made-up release."""
    document = cpt_release()
    kept = DocumentCodeSystem(document) if request.param == "memory" else shelved(document, tmp_path).system()
    return with_own_rules(kept)


def fragment(*codes: str) -> Terminology:
    return served(code_system(CPT, *codes, content="fragment", version="2031", caseSensitive=True))


def served(*resources: Any) -> Terminology:
    return Terminology(catalogue=catalogue_of(resources, with_definitions=False))


def chosen(system: CodeSystem, *filters: tuple[str, str, str]) -> list[str]:
    return [concept.code for concept in system.select([Filter(*each) for each in filters])]


# -- codes with modifiers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", ["57520:51", "57520:51:25", "57520:25:51", "00100:P1", "0001F:1P", "57520:59:LT"]
)
def test_a_base_code_with_modifiers_is_a_code(system: CodeSystem, code: str) -> None:
    """Expressions: a base code, and modifiers each after a colon, in any order."""
    concept = system.locate(code)
    assert concept is not None and concept.code == code and concept.display is None
    assert system.is_expression(code) and system.remarks(code) == []


BROKEN = [
    ("57520:QQ", "has no modifier 'QQ'"),
    ("99999:51", "has no code '99999'"),
    ("57520:57461", "modifiers of two characters"),
    ("51:25", "modifiers of two characters"),
    ("57520:", "modifiers of two characters"),
    (":51", "modifiers of two characters"),
    ("57520:51A", "modifiers of two characters"),
    ("57520:1P", "'1P' may follow only a Category II code"),
    ("57520:P1", "'P1' may follow only 00100-01999"),
    ("0001F:51", "'51' may not follow a Category II code"),
    ("57520:92", "'92' may follow only 86701"),
    ("57520:LT", "'LT' may only stand beside the modifier 59"),
    ("57520:25:59", "the modifiers 25 and 59 exclude one another"),
    ("57520" + 21 * ":51", "modifiers of two characters"),
]


@pytest.mark.parametrize(("code", "reason"), BROKEN)
def test_a_broken_rule_of_the_modifiers_is_told(system: CodeSystem, code: str, reason: str) -> None:
    """An invalid expression is an unknown code, with the reason as information."""
    assert system.locate(code) is None
    (remark,) = system.remarks(code)
    assert remark.severity == "information" and reason in remark.text


def test_modifier_95_follows_a_code_with_telemedicine_if_that_is_known() -> None:
    told = cpt_release()
    told["property"].append({"code": "telemedicine", "type": "boolean"})
    told["concept"][3]["property"].append({"code": "telemedicine", "valueBoolean": True})
    system = with_own_rules(DocumentCodeSystem(told))
    assert system.locate("99001:95") and not system.locate("57520:95")
    assert chosen(system, ("telemedicine", "=", "true")) == ["99001"]
    assert "57520" in chosen(system, ("telemedicine", "=", "false"))
    assert with_own_rules(DocumentCodeSystem(cpt_release())).locate("57520:95")


def test_the_rules_of_the_modifiers_name_codes_and_ranges() -> None:
    infants = cpt.RULES[3]
    for code in ("20100", "69990", "92920", "93312", "93318", "93616"):
        assert infants.allows(cpt.CptPart(code, ("code",)))
    for code in ("20099", "69991", "92921", "93319", "00100"):
        assert not infants.allows(cpt.CptPart(code, ("code",)))
    for code in ("86701", "86702", "86703", "87389"):
        assert cpt.broken_rule("", cpt.CptPart(code, ("code",)), [cpt.CptPart("92", ("cat-1",))]) is None
    for several in (["25", "57"], ["52", "53"], ["73", "74"], ["76", "79"], ["93", "95"]):
        parts = [cpt.CptPart(code, ("cat-1",)) for code in several]
        assert "exclude one another" in str(cpt.broken_rule("", cpt.CptPart("57520", ("code",)), parts))


def test_without_the_file_of_modifiers_their_shapes_are_accepted() -> None:
    system = with_own_rules(DocumentCodeSystem(code_system(CPT, "57520", version="2031")))
    assert system.locate("57520:51") and not system.locate("57520:P1") and not system.locate("57461:51")
    (remark,) = system.remarks("57520:51")
    assert remark.severity == "warning" and "does not have all modifiers" in remark.text


@pytest.mark.parametrize("code", ["57520:57520", "57520:ZZ", "57520-22", "57520:22A", "57520:P1"])
def test_a_code_that_no_part_of_CPT_can_have_is_false_on_a_fragment(code: str) -> None:
    answer = fragment("57520").ask("CodeSystem/$validate-code", url=CPT, code=code)
    assert value(answer, "result") is False
    assert "error" in severities(answer) and "information" in severities(answer)


@pytest.mark.parametrize(
    ("code", "about"), [("57520:51", "modifier '51'"), ("57461:51", "Unknown Code '57461:51'")]
)
def test_a_fragment_warns_of_the_part_that_it_lacks(code: str, about: str) -> None:
    answer = fragment("57520").ask("CodeSystem/$validate-code", url=CPT, code=code)
    assert value(answer, "result") is True and severities(answer) == ["warning"]
    assert about in texts(answer)[0]


def severities(answer: Any) -> list[str]:
    return [
        issue["severity"] for outcome in values(answer, "issues") for issue in outcome["resource"]["issue"]
    ]


def texts(answer: Any) -> list[str]:
    issues = [issue for outcome in values(answer, "issues") for issue in outcome["resource"]["issue"]]
    return [issue["details"]["text"] for issue in issues]


@pytest.mark.parametrize("mark", ["-", ".", " ", ", ", ""])
def test_another_mark_than_a_colon_gets_a_hint(mark: str) -> None:
    """Using CPT: other separators are not conformant."""
    terminology = served(cpt_release())
    code = f"57520{mark}LT{mark or ' '}59"
    answer = terminology.ask("CodeSystem/$validate-code", url=CPT, code=code)
    assert value(answer, "result") is False
    if mark:
        assert "Did you mean '57520:LT:59'?" in str(answer)


# -- $lookup, displays, $subsumes ----------------------------------------------------------------


def test_a_lookup_of_a_code_with_modifiers_has_its_parts() -> None:
    """$lookup of an expression: no display of its own, the base code and the modifiers as parts."""
    release = cpt_release()
    release["property"].append({"code": "technique", "type": "code"})
    release["concept"][2]["property"].append({"code": "technique", "valueCode": "cold-knife"})
    answer = served(release).ask("CodeSystem/$lookup", system=CPT, code="57520:51:25")
    assert value(answer, "display") == "57520:51:25"
    told = properties(answer)
    assert told["modified"] == [True] and told["modifier"] == [False] and "kind" not in told
    assert told["baseCode"] == ["57520"] and told["modifierCode"] == ["51", "25"]
    assert told["technique"] == ["cold-knife"]
    described = {value(p, "value"): value(p, "description") for p in values(answer, "property")}
    assert described["57520"] == "Made-up words for 57520" and described["51"] == "Made-up words for 51"
    assert properties(served(release).ask("CodeSystem/$lookup", system=CPT, code="57520"))["modified"] == [
        False
    ]


def test_no_display_of_a_code_with_modifiers_can_be_wrong() -> None:
    answer = served(cpt_release()).ask(
        "CodeSystem/$validate-code", url=CPT, code="57520:51", display="Any words"
    )
    assert value(answer, "result") is True and severities(answer) == ["warning"]
    assert value(answer, "display") is None


def test_the_order_of_modifiers_does_not_matter(system: CodeSystem) -> None:
    """$subsumes: equivalent for the same code, else not subsumed."""
    assert system.subsumes("57520:51:25", "57520:25:51")
    assert not system.subsumes("57520", "57520:51") and not system.subsumes("57520:51", "57520")
    assert system.subsumes("57520", "57520")


@pytest.mark.parametrize("listed", ["57520:51:25", "57520:25:51"])
def test_a_value_set_has_a_code_whatever_the_order_of_its_modifiers(listed: str) -> None:
    small = value_set("small", {"system": CPT, "concept": [{"code": listed}]})
    terminology = served(cpt_release(), small)
    for code, is_there in (("57520:51:25", True), ("57520:25:51", True), ("57520:51", False)):
        answer = terminology.ask("ValueSet/$validate-code", url=small["url"], system=CPT, code=code)
        assert value(answer, "result") is is_there


def test_exclude_post_coordinated_closes_what_modifiers_leave_open() -> None:
    terminology = served(cpt_release())
    url = "http://hl7.org/fhir/ValueSet/cpt-all"
    for excludes, is_open in ((False, True), (True, False)):
        expansion = terminology.ask("ValueSet/$expand", url=url, excludePostCoordinated=excludes)["expansion"]
        assert ("valueset-unclosed" in str(expansion.get("extension"))) is is_open


def test_an_inactive_part_makes_the_code_inactive() -> None:
    release = cpt_release()
    release["concept"][2]["property"].append({"code": "inactive", "valueBoolean": True})
    concept = with_own_rules(DocumentCodeSystem(release)).locate("57520:51")
    assert concept is not None and concept.inactive


# -- filters -------------------------------------------------------------------------------------

BASES = ["00100", "57461", "57520", "99001", "0001F", "0001T"]
MODIFIERS = ["51", "25", "59", "92", "95", "LT", "P1", "1P"]


FILTERS: list[tuple[list[tuple[str, str, str]], list[str], bool]] = [
    ([("modifier", "=", "true")], MODIFIERS, False),
    ([("modifier", "=", "false")], BASES, True),
    ([("modified", "=", "true")], [], True),
    ([("modified", "=", "false")], BASES + MODIFIERS, False),
    ([("modified", "=", "false"), ("modifier", "=", "false")], BASES, False),
    ([("kind", "=", "code")], ["00100", "57461", "57520", "99001", "0001T"], False),
    ([("kind", "in", "code, cat-2")], [*BASES, "1P"], False),
    ([("kind", "=", "physical-status")], ["P1"], False),
    ([("code", "in", "57000-57499, 57520")], ["57461", "57520"], False),
    ([("code", "in", " 00100 - 57461 ,99001")], ["00100", "57461", "99001"], False),
    ([("code", "in", "0001T-0009T")], ["0001T"], False),
    ([("code", "in", "57520, 57520:51")], ["57520"], True),
    ([("code", "in", "57461, 57461:51")], ["57461"], False),
    ([("baseCode", "=", "57520")], [], True),
    ([("baseCode", "in", "57500-57599")], [], True),
    ([("baseCode", "in", "57000-57499")], [], False),
    ([("modified", "=", "true"), ("baseCode", "in", "57500-57599")], [], True),
    ([("modified", "=", "true"), ("kind", "=", "code")], [], False),
    ([], BASES + MODIFIERS, True),
]


@pytest.mark.parametrize(("filters", "codes", "has_modified"), FILTERS)
def test_a_filter_selects_listed_codes_and_codes_with_modifiers(
    system: CodeSystem, filters: list[tuple[str, str, str]], codes: list[str], has_modified: bool
) -> None:
    selection = system.select([Filter(*each) for each in filters])
    assert [concept.code for concept in selection] == codes
    assert ("57520:51" in selection) is has_modified
    assert "57520:QQ" not in selection and "57520:P1" not in selection


def test_a_selection_is_unclosed_only_if_codes_with_modifiers_are_in_it(system: CodeSystem) -> None:
    assert system.select([Filter("modified", "=", "false")]).unclosed is None
    assert system.select([Filter("code", "in", "57000-57999")]).unclosed is None
    for filters in ([], [Filter("modified", "=", "true")], [Filter("modifier", "=", "false")]):
        assert "codes with modifiers" in str(system.select(filters).unclosed)


def test_a_property_that_somebody_adds_chooses_by_the_base_code() -> None:
    release = cpt_release()
    release["property"].append({"code": "technique", "type": "code"})
    release["concept"][2]["property"].append({"code": "technique", "valueCode": "cold-knife"})
    selection = with_own_rules(DocumentCodeSystem(release)).select([Filter("technique", "=", "cold-knife")])
    assert [concept.code for concept in selection] == ["57520"]
    assert "57520:51" in selection and "57461:51" not in selection


def test_a_release_that_says_nothing_is_filtered_by_the_shapes() -> None:
    plain = with_own_rules(DocumentCodeSystem(code_system(CPT, *BASES, *MODIFIERS)))
    assert chosen(plain, ("modifier", "=", "true")) == MODIFIERS
    assert chosen(plain, ("kind", "in", "cat-2,hcpcs")) == ["0001F", "LT", "1P"]
    for name in ("telemedicine", "orthopox"):
        with pytest.raises(TerminologyError, match="does not say of any code"):
            plain.select([Filter(name, "=", "true")])


# -- value sets ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codes", "has_modified"),
    [
        ("cpt-all", [*BASES, *MODIFIERS], True),
        ("cpt-base", BASES, False),
        ("cpt-modifiers", MODIFIERS, False),
        ("cpt-usable", BASES, True),
    ],
)
def test_the_value_sets_of_HL7_have_their_codes(name: str, codes: list[str], has_modified: bool) -> None:
    terminology, url = served(cpt_release()), f"http://hl7.org/fhir/ValueSet/{name}"
    expansion = terminology.ask("ValueSet/$expand", url=url)["expansion"]
    assert [entry["code"] for entry in expansion["contains"]] == codes
    assert ("valueset-unclosed" in str(expansion.get("extension"))) is has_modified
    for code in codes:
        assert value(terminology.ask("ValueSet/$validate-code", url=url, system=CPT, code=code), "result")
    answer = terminology.ask("ValueSet/$validate-code", url=url, system=CPT, code="57520:51")
    assert value(answer, "result") is has_modified


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_the_value_sets_of_HL7_have_the_notice_with_the_year(release: str) -> None:
    """CPT © Copyright [year] American Medical Association: word for word, in each include since R5."""
    url = "http://hl7.org/fhir/ValueSet/cpt-usable"
    answer = served(cpt_release()).ask("ValueSet/$expand", release=release, url=url, includeDefinition=True)
    notice = (
        "CPT © Copyright 2031 American Medical Association. All rights reserved. AMA and CPT are registered "
        "trademarks of the American Medical Association."
    )
    assert answer["copyright"] == notice
    includes = answer["compose"]["include"]
    assert [include.get("copyright") for include in includes] == [notice if release == "r5" else None] * 2
    answer = served(cpt_release()).ask("ValueSet/$expand", release=release, url=f"{CPT}?fhir_vs", count=0)
    assert answer["copyright"] == notice


@pytest.mark.parametrize("where", ["memory", "store"])
def test_an_enumerated_code_with_modifiers_is_listed(where: str, tmp_path: Path) -> None:
    listed = value_set(
        "listed", {"system": CPT, "concept": [{"code": c} for c in ("57520:51", "57520", "57520:QQ")]}
    )
    both = value_set("both", {"valueSet": [listed["url"], "http://hl7.org/fhir/ValueSet/cpt-usable"]})
    less = value_set(
        "less", {"valueSet": [listed["url"]]}, exclude=[{"system": CPT, "concept": [{"code": "57520:51"}]}]
    )
    terminology = served(cpt_release(), listed, both, less)
    if where == "store":
        from terminology.catalogue.content import Content

        stored = [shelved(cpt_release(), tmp_path)]
        terminology = Terminology(catalogue=Content([listed, both, less], stored=stored))
    plain = terminology.ask("ValueSet/$expand", url=listed["url"], excludePostCoordinated=True)["expansion"]
    assert [entry["code"] for entry in plain["contains"]] == ["57520"]
    for resource, codes in (
        (listed, ["57520:51", "57520"]),
        (both, ["57520:51", "57520"]),
        (less, ["57520"]),
    ):
        expansion = terminology.ask("ValueSet/$expand", url=resource["url"])["expansion"]
        assert [entry["code"] for entry in expansion["contains"]] == codes
        for code in ("57520:51", "57520"):
            answer = terminology.ask("ValueSet/$validate-code", url=resource["url"], system=CPT, code=code)
            assert value(answer, "result") is (code in codes)


def test_every_filter_and_value_set_of_the_page_is_tried_here() -> None:
    """docs/systems.md is written from the description: what it offers is in these tests."""
    tried = {(name, op) for filters, _, _ in FILTERS for name, op, _ in filters}
    stated = {(name, "=") for name in ("telemedicine", "orthopox")}
    usual = {("code", op) for op in ("=", "not-in", "regex", "exists")}
    offered = {
        (name, op) for rule in cpt.DESCRIPTION.filters for name in rule.properties for op in rule.operators
    }
    assert offered == tried | stated | usual
    names = [each.canonical.rpartition("/")[2] for each in cpt.DESCRIPTION.value_sets]
    assert names == ["cpt-all", "cpt-base", "cpt-modifiers", "cpt-usable"]


def test_another_operator_is_refused_with_those_that_there_are(system: CodeSystem) -> None:
    with pytest.raises(TerminologyError, match="compared with '='"):
        system.select([Filter("modifier", "in", "true")])
    for value_ in ("57499-57000", "5700-5749", "0001F-0009T", "1-2-3"):
        with pytest.raises(TerminologyError, match="codes and ranges of codes of one category"):
            system.select([Filter("code", "in", value_)])
    with pytest.raises(TerminologyError, match="true or false"):
        system.select([Filter("modified", "=", "1")])
    assert chosen(system, ("code", "=", "57520")) == ["57520"]
    assert chosen(system, ("code", "regex", "574.*")) == ["57461"]


def test_a_range_gives_no_doubt_and_an_unknown_kind_does(system: CodeSystem) -> None:
    quiet = [
        Filter("code", "in", "57000-57499"),
        Filter("modified", "=", "true"),
        Filter("baseCode", "=", "57520"),
    ]
    assert system.doubts(quiet) == []
    assert [issue.severity for issue in system.doubts([Filter("kind", "=", "metadata")])] == ["warning"]


def test_a_copy_that_lacks_properties_of_HL7_has_them_by_its_shapes() -> None:
    plain = code_system(CPT, "57520", "0001F", "51", version="2031")
    for code, kind, is_modifier in (
        ("57520", "code", False),
        ("0001F", "cat-2", False),
        ("51", "cat-1", True),
    ):
        told = properties(served(plain).ask("CodeSystem/$lookup", system=CPT, code=code))
        assert (told["kind"], told["modifier"], told["modified"]) == ([kind], [is_modifier], [False])
