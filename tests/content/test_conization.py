"""The crosswalk of cervical conization, as published, in R4 and R5 and in both directions."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from terminology import TerminologyError
from terminology.content.publication import FOLDER, build
from terminology.core.model import Document
from tests.support.asking import Ask, matches, properties, value, values
from tests.support.builders import body_of
from tests.support.conization import BASE, CCAM, CM, CPT, DRG, ICD9, MESH, OPCS, OPS, OURS, PCS, SCT

WORDS = {
    "=": ("equivalent", "equivalent"),
    "n": ("wider", "source-is-narrower-than-target"),
    "b": ("narrower", "source-is-broader-than-target"),
    "~": ("relatedto", "related-to"),
    "x": ("disjoint", "not-related-to"),
}


def translated(ask: Ask, release: str, system: str, code: str, target: str, **facts: Any) -> Document:
    """A translation to one code system, with what is known as R5 dependencies."""
    parts = []
    for name, fact in facts.items():
        key = "valueBoolean" if isinstance(fact, bool) else "valueCode"
        parts.append(
            {
                "name": "dependency",
                "part": [{"name": "attribute", "valueUri": name}, {"name": "value", key: fact}],
            }
        )
    body = body_of(
        {"name": "coding", "valueCoding": {"system": system, "code": code}},
        {"name": "targetSystem", "valueUri": target},
        *parts,
    )
    return ask("ConceptMap/$translate", body, release)


CROSSWALK = [
    # source, code, target system, what is known, the matches: relationship and code
    (OURS, "conization", CPT, {}, "b57520 b57522 b57461 ~58999"),
    (OURS, "conization", CPT, {"technique": "needle"}, "~58999"),
    (OURS, "conization-other-technique", CPT, {}, "n58999"),
    (OURS, "conization", CPT, {"technique": "laser"}, "b57520"),
    (OURS, "conization", CPT, {"technique": "loop"}, "b57522 b57461"),
    (OURS, "conization", CPT, {"technique": "loop", "colposcopyGuided": False}, "b57522"),
    (OURS, "conization", CPT, {"technique": "loop", "colposcopyGuided": True}, "b57461"),
    (OURS, "conization", CPT, {"setting": "inpatient-facility", "technique": "cold-knife"}, "b57520"),
    (OURS, "conization", CPT, {"setting": "inpatient-facility"}, "b57520 b57522 b57461 ~58999"),
    (OURS, "conization-cold-knife", CPT, {}, "n57520"),
    (OURS, "conization-laser", CPT, {}, "n57520"),
    (OURS, "conization-loop", CPT, {}, "b57522 b57461"),
    (OURS, "conization-loop", CPT, {"colposcopyGuided": False}, "b57522"),
    (OURS, "conization-loop-colposcopic", CPT, {}, "=57461"),
    (OURS, "colposcopy-loop-biopsy", CPT, {}, "=57460"),
    (OURS, "colposcopy", CPT, {}, "=57452"),
    (OURS, "colposcopy-biopsy-ecc", CPT, {}, "=57454"),
    (OURS, "cervical-cautery", CPT, {}, "n57510"),
    (OURS, "cervical-biopsy", CPT, {"colposcopyGuided": True}, "b57455"),
    (OURS, "endocervical-curettage", CPT, {"colposcopyGuided": True}, "b57456"),
    (OURS, "conization-electrosurgical-other", CPT, {}, "~58999"),
    (OURS, "cervical-stump-excision", CPT, {"approach": "open"}, "b57540"),
    (OURS, "cervical-stump-excision", CPT, {"approach": "via-natural-opening"}, "b57550"),
    (OURS, "cervical-cryotherapy", CPT, {}, "=57511"),
    (
        OURS,
        "conization",
        PCS,
        {"setting": "inpatient-facility", "approach": "via-natural-opening", "intent": "diagnostic"},
        "n0UBC7ZX",
    ),
    (
        OURS,
        "conization",
        PCS,
        {"setting": "inpatient-facility", "approach": "via-natural-opening", "intent": "therapeutic"},
        "n0UBC7ZZ",
    ),
    (OURS, "conization", PCS, {"setting": "outpatient-or-professional"}, ""),
    (OURS, "conization-laser", PCS, {"approach": "open", "intent": "therapeutic"}, "~0UBC0ZZ"),
    (OURS, "conization", ICD9, {"technique": "cold-knife"}, "b67.2"),
    (OURS, "conization", ICD9, {"technique": "loop"}, "~67.32"),
    (OURS, "conization-other-technique", ICD9, {}, "~67.2 ~67.33"),
    (OURS, "conization", CCAM, {}, "=JKFA031"),
    (OURS, "conization-loop", CCAM, {}, "nJKFA031"),
    (OURS, "dilation-curettage", SCT, {}, "n11401008"),
    (OURS, "trachelectomy-radical", MESH, {}, "nD000069339"),
    (OURS, "conization-cold-knife", ICD9, {}, "n67.2"),
    (OURS, "conization", SCT, {}, "=54535009 n120038005 b68143003"),
    (OURS, "conization", OPS, {"episode": "repeat"}, "n5-671 b5-671.1"),
    (OURS, "conization", OPCS, {}, "~Q03"),
    (OURS, "conization-laser", OPCS, {}, "nQ03"),
    (OURS, "conization", MESH, {}, "nD019092"),
    (CPT, "57520", OURS, {"technique": "cold-knife"}, "nconization bconization-cold-knife"),
    (CPT, "57461", OURS, {}, "=conization-loop-colposcopic"),
    (CPT, "57520", SCT, {}, "n54535009"),
    (CPT, "57522", PCS, {"setting": "inpatient-facility", "intent": "therapeutic"}, "n0UBC7ZZ"),
    (CPT, "57520", ICD9, {}, "n67.2"),
    (CPT, "57460", SCT, {}, "~23140002 x54535009"),
    (PCS, "0UBC7ZZ", CPT, {"extent": "cone", "technique": "loop", "colposcopyGuided": True}, "b57461"),
    (
        PCS,
        "0UBC7ZX",
        CPT,
        {"extent": "biopsy", "colposcopyGuided": False, "technique": "unspecified"},
        "~57500",
    ),
    (
        PCS,
        "0UBC7ZX",
        CPT,
        {"extent": "biopsy", "colposcopyGuided": True, "technique": "other"},
        "b57455",
    ),
    (
        PCS,
        "0UBC7ZX",
        CPT,
        {"extent": "endocervical-curettage", "colposcopyGuided": False},
        "b57505",
    ),
    (
        PCS,
        "0UBC7ZX",
        CPT,
        {"extent": "biopsy-and-curettage", "colposcopyGuided": True, "technique": "other"},
        "b57454",
    ),
    (
        PCS,
        "0UBC7ZZ",
        CPT,
        {"extent": "lesion", "colposcopyGuided": True, "technique": "loop"},
        "b57460",
    ),
    (CPT, "57460", PCS, {"setting": "inpatient-facility", "intent": "therapeutic"}, "n0UBC7ZZ"),
    (CPT, "57460", PCS, {"setting": "inpatient-facility", "intent": "diagnostic"}, "n0UBC7ZX"),
    (CPT, "57531", OURS, {}, "ntrachelectomy-radical xconization"),
    (OURS, "cervical-thermal-ablation", ICD9, {}, "n67.32"),
    (OURS, "cervical-biopsy", OPS, {}, "b1-571.1 b1-472"),
    (
        OURS,
        "hysterectomy",
        PCS,
        {
            "setting": "inpatient-facility",
            "approach": "via-natural-opening-with-percutaneous-endoscopic-assistance",
        },
        "b0UT9FZZ b0UT9FZL",
    ),
    (SCT, "441667007", CM, {}, "~R87.619"),
    (SCT, "429484003", CM, {}, "bZ85.41"),
    (SCT, "252991009", CM, {"cervixPart": "endocervix"}, "~D06.0"),
    (SCT, "54535009", OURS, {}, "=conization"),
    (SCT, "37610005", CM, {}, "bN72"),
    (SCT, "363354003", CM, {"cervixPart": "exocervix"}, "bC53.1"),
    (OURS, "conization-loop", OPS, {"episode": "repeat"}, "n5-671 n5-671.1"),
]


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
@pytest.mark.parametrize(
    ("system", "code", "target", "facts", "expected"), CROSSWALK, ids=lambda v: str(v)[-28:]
)
def test_the_crosswalk_answers_as_it_is_written(
    ask: Ask, release: str, system: str, code: str, target: str, facts: dict[str, Any], expected: str
) -> None:
    answer = translated(ask, release, system, code, target, **facts)
    words = [(item[1:], WORDS[item[0]][release == "r5"]) for item in expected.split()]
    assert matches(answer) == words
    assert value(answer, "result") is any(item[0] != "x" for item in expected.split())


def _listed() -> list[dict[str, str]]:
    return list(csv.DictReader((FOLDER / "translations.csv").read_text("utf-8").splitlines()))


def test_translate_leaves_what_the_list_says(ask: Ask) -> None:
    """$translate leaves the targets that translations.csv lists, for each code and each combination."""
    vocabulary = f"{BASE}/CodeSystem/conization-vocabulary#"
    asked = 0
    for line in _listed():
        known = dict(part.split("=") for part in line["conditions"].split("; ") if part)
        parts = [
            {
                "name": "dependency",
                "part": [
                    {"name": "attribute", "valueUri": vocabulary + name},
                    {"name": "value", "valueBoolean": text == "true"}
                    if text in ("true", "false")
                    else {"name": "value", "valueCode": text.replace("any other", "nothing-listed")},
                ],
            }
            for name, values_ in known.items()
            for text in [values_.split("|")[-1]]
        ]
        map_ = {"name": "url", "valueUri": f"{BASE}/ConceptMap/{line['map']}"}
        coding = {"name": "coding", "valueCoding": {"system": OURS, "code": line["code"]}}
        answer = ask("ConceptMap/$translate", body_of(map_, coding, *parts), "r5")
        found = {code for code, said in matches(answer) if code and said != "not-related-to"}
        assert found == set(filter(None, line["targets"].split("|"))), line
        asked += 1
    assert asked > 300


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_without_conditions_every_candidate_comes_with_its_own(ask: Ask, release: str) -> None:
    answer = translated(ask, release, OURS, "conization", CPT)
    conditions = [
        {
            (value(c, "attribute").rpartition("#")[2].rpartition("/")[2], value(c, "value"))
            for c in values(m, "dependsOn")
        }
        for m in values(answer, "match")
    ]
    assert conditions == [
        {("technique", "cold-knife"), ("technique", "laser")},
        {("technique", "loop"), ("colposcopyGuided", False)},
        {("technique", "loop"), ("colposcopyGuided", True)},
        {("technique", "needle"), ("technique", "other")},
    ]
    assert "technique (cold-knife | laser | loop | needle | other)" in value(answer, "message")


@pytest.mark.parametrize("approach", "03478")
@pytest.mark.parametrize(("qualifier", "groups"), [("X", ["744", "745"]), ("Z", ["746", "747"])])
def test_the_qualifier_of_a_cone_decides_its_DRG(
    ask: Ask, approach: str, qualifier: str, groups: list[str]
) -> None:
    alone = {"principalDiagnosis": "of-mdc-13", "otherProcedures": "none-that-regroups"}
    answer = translated(ask, "r5", PCS, f"0UBC{approach}Z{qualifier}", DRG, **alone)
    assert [code for code, _ in matches(answer)] == groups
    (with_complication,) = matches(
        translated(ask, "r5", PCS, f"0UBC{approach}Z{qualifier}", DRG, ccMcc="with-cc-mcc", **alone)
    )
    assert with_complication[0] == groups[0]


def test_outside_MDC_13_no_DRG_is_stated(ask: Ask) -> None:
    answer = translated(ask, "r5", PCS, "0UBC7ZZ", DRG, principalDiagnosis="outside-mdc-13")
    assert value(answer, "result") is False
    assert "principalDiagnosis (sent 'outside-mdc-13', needed of-mdc-13)" in value(answer, "message")


def test_a_curettage_beside_a_therapeutic_cone_changes_its_DRG(ask: Ask) -> None:
    known = {"principalDiagnosis": "of-mdc-13", "ccMcc": "without-cc-mcc"}
    for beside, group in (("none-that-regroups", "747"), ("biopsy-or-curettage", "745")):
        answer = translated(ask, "r5", PCS, "0UBC7ZZ", DRG, otherProcedures=beside, **known)
        assert [code for code, _ in matches(answer)] == [group]


def test_the_GEM_of_67_2_has_five_codes_and_keeps_its_flags(ask: Ask) -> None:
    """The GEM maps 67.2 to five codes, none of them diagnostic, and its flags are kept."""
    answer = ask("ConceptMap/icd9-to-pcs-gem/$translate", code="67.2")
    assert sorted(code or "" for code, _ in matches(answer)) == [f"0UBC{a}ZZ" for a in "03478"]
    assert {relationship for _, relationship in matches(answer)} == {"related-to"}
    for match in values(answer, "match"):
        flags = {value(p, "uri").rpartition("#")[2]: value(p, "value") for p in values(match, "property")}
        assert "10000" in flags.values()


def test_nothing_that_destroys_tissue_is_a_conization(ask: Ask) -> None:
    for code in ("0U5C7ZZ", "0U5C0ZZ"):
        answer = translated(ask, "r5", PCS, code, OURS)
        cones = [(found, said) for found, said in matches(answer) if found and found.startswith("conization")]
        assert cones == [("conization", "not-related-to")]


@pytest.mark.parametrize(
    "target", ["http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "http://hl7.org/fhir/sid/icd-10-cm"]
)
@pytest.mark.parametrize("release", ["r4", "r5"])
def test_where_there_is_no_code_the_reason_is_said(ask: Ask, release: str, target: str) -> None:
    answer = translated(ask, release, OURS, "conization", target)
    assert value(answer, "result") is False
    (match,) = values(answer, "match")
    assert value(match, "sourceComment") in value(answer, "message")


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_a_known_gap_is_named_and_is_no_statement_that_there_is_no_code(ask: Ask, release: str) -> None:
    answer = translated(ask, release, OURS, "conization-loop", OPCS)
    assert value(answer, "result") is False and matches(answer) == []
    assert "has a known gap for the code 'conization-loop': Large loop excision" in value(answer, "message")
    assert "known gap" not in value(translated(ask, release, OURS, "cervical-mapping", OPCS), "message")


def test_severe_dysplasia_of_who_leads_to_codes_that_a_record_can_carry(ask: Ask) -> None:
    answer = ask("ConceptMap/icd-10-to-icd-10-cm/$translate", code="N87.2")
    codes = [code for code, _ in matches(answer)]
    assert sorted(code or "" for code in codes) == ["D06.0", "D06.1", "D06.7", "D06.9"]
    for code in codes:
        assert properties(ask("CodeSystem/$lookup", system=CM, code=code))["billable"] == [True]


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_value_set_expands_to_the_identifiers_that_it_lists(ask: Ask, release: str) -> None:
    url = f"{BASE}/ValueSet/conization-procedures-snomed-identifiers"
    expansion = ask("ValueSet/$expand", release=release, url=url)["expansion"]
    found = {entry["code"]: entry.get("display") for entry in expansion["contains"]}
    assert set(found) == {"54535009", "23140002", "647000", "68143003"}
    assert [code for code, display in found.items() if display] == ["54535009"]


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize(
    ("code", "sources"),
    [
        ("57461", {"conization", "conization-loop", "conization-loop-colposcopic"}),
        ("57460", {"colposcopy-loop-biopsy"}),
    ],
)
def test_the_way_back_finds_every_source(ask: Ask, release: str, code: str, sources: set[str]) -> None:
    url = f"{BASE}/ConceptMap/conization-to-cpt"
    r4 = ask("ConceptMap/$translate", release=release, url=url, code=code, system=CPT, reverse=True)
    assert {found for found, _ in matches(r4)} == sources
    r5 = ask("ConceptMap/$translate", release=release, url=url, targetCode=code, targetSystem=CPT)
    assert {value(m, "source")["code"] for m in values(r5, "match")} == sources


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize("name", ["system", "sourceSystem"])
def test_the_codes_of_CPT_that_become_a_cone_biopsy_of_SNOMED(ask: Ask, release: str, name: str) -> None:
    answer = ask(
        "ConceptMap/$translate",
        release=release,
        targetCode="54535009",
        targetSystem=SCT,
        **{name: CPT},
    )
    assert value(answer, "result") is True
    sources = {value(m, "source")["code"] for m in values(answer, "match")}
    assert {"57520", "57522"} <= sources
    assert {value(m, "source")["system"] for m in values(answer, "match")} == {CPT}
    scope = f"{BASE}/ValueSet/conization-procedures-cpt"
    scoped = ask("ConceptMap/$translate", targetCode="54535009", targetSystem=SCT, sourceScope=scope)
    assert {value(m, "source")["code"] for m in values(scoped, "match")} == {
        "57520",
        "57522",
        "57461",
    }


def test_one_right_match_leaves_nothing_to_ask(ask: Ask) -> None:
    answer = translated(ask, "r5", OURS, "conization", CPT, technique="loop", colposcopyGuided=True)
    assert matches(answer) == [("57461", "source-is-broader-than-target")]
    assert value(answer, "message") is None


def test_a_cold_knife_cone_by_loop_is_a_contradiction(ask: Ask) -> None:
    answer = translated(ask, "r5", OURS, "conization-cold-knife", CPT, technique="loop")
    assert [code for code, _ in matches(answer)] == ["57520"]
    assert "itself has technique 'cold-knife', but the request has 'loop'" in value(answer, "message")


def test_words_that_only_conditions_have_are_not_a_contradiction(ask: Ask) -> None:
    """The words of a condition that are not those of a property are not a contradiction.

    docs/content.md: `setting` has two sorts of values.
    """
    answer = translated(ask, "r5", OURS, "conization", CPT, setting="outpatient-or-professional")
    assert "itself" not in value(answer, "message")


def test_the_map_to_ask_in_reverse_is_the_one_to_the_system_that_was_asked(ask: Ask) -> None:
    with pytest.raises(TerminologyError) as caught:
        ask("ConceptMap/$translate", system=SCT, code="54535009", targetSystem=CPT)
    said = str(caught.value)
    assert "cpt-to-snomed|" in said and "conization-to-snomed|" not in said


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_row_without_target_says_how_well_it_is_supported(ask: Ask, release: str) -> None:
    answer = translated(ask, release, OURS, "history-of-conization", PCS)
    (match,) = values(answer, "match")
    said = {value(p, "uri").rpartition("#")[2]: value(p, "value") for p in values(match, "property")}
    assert said["reviewStatus"] == "verified" and said["evidence"]


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_SNOMED_outside_the_global_patient_set_is_an_identifier_reference(ask: Ask, release: str) -> None:
    """content.md 1.2: "identifier only, display in our own words, flagged 'identifier reference'"."""
    answer = translated(ask, release, OURS, "conization", SCT)
    official, other, _ = values(answer, "match")
    assert value(official, "concept")["display"] == "Cone biopsy of cervix (procedure)"
    assert "display" not in value(other, "concept")
    said = {value(p, "uri").rpartition("#")[2]: value(p, "value") for p in values(other, "property")}
    assert said["identifierReference"] == "cutting out of the cervix or part of it"


# -- $lookup -------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_57520_answers_every_statement_about_it(ask: Ask, release: str) -> None:
    answer = ask("CodeSystem/$lookup", release=release, system=CPT, code="57520")
    assert value(answer, "name") != "CPT"
    assert value(answer, "display") == "Cervical conization (cone biopsy) by cold knife or laser"
    assert value(answer, "definition")
    found = properties(answer)
    assert found["technique"] == ["cold-knife", "laser"]
    assert found["intent"] == ["diagnostic", "therapeutic"]
    assert found["anesthesiaUsual"] == ["general", "local"]
    assert found["specimenToLaboratory"] == [True]
    integral = ["fulguration", "dilation-and-curettage", "repair", "endocervical-curettage"]
    assert found["includesIntegral"] == integral
    assert found["isConization"] == [True]
    assert found["seeAlso"] == ["57522", "57461"]
    assert len(found["codeRole"]) == 5
    assert any("knife or laser" in note.lower() for note in found["scopeNote"])
    assert any("transformation zone" in statement for statement in found["sourceStatement"])
    indications = {coding["code"] for coding in found["indication"]}
    assert {"N87.1", "D06.9", "C53.9"} <= indications and "Z12.4" not in indications
    assert "American Medical Association" in found["copyright"][0]
    uses = [value(d, "use")["code"] for d in values(answer, "designation") if value(d, "use")]
    assert "plain-language" in uses


@pytest.mark.parametrize(
    ("code", "cone"), [("57520", True), ("57522", True), ("57461", True), ("57460", False), ("57500", False)]
)
def test_isConization_guards_against_look_alikes(ask: Ask, code: str, cone: bool) -> None:
    assert properties(ask("CodeSystem/$lookup", system=CPT, code=code))["isConization"] == [cone]


def test_a_CPT_code_that_is_not_carried_is_not_called_wrong(ask: Ask) -> None:
    with pytest.raises(TerminologyError, match="labeled as a fragment, so the code may be valid"):
        ask("CodeSystem/$lookup", system=CPT, code="57521")


def test_ICD_10_PCS_is_understood_by_its_alias_and_answers_by_its_name(ask: Ask) -> None:
    answer = ask("CodeSystem/$lookup", system="http://hl7.org/fhir/sid/icd-10-pcs", code="0UBC7ZX")
    assert value(answer, "system") == PCS
    assert value(answer, "display") == "Excision of Cervix, Via Natural or Artificial Opening, Diagnostic"


@pytest.mark.parametrize("code", ["0UDC7ZZ", "0UBCXZZ"])
def test_a_well_formed_PCS_code_that_does_not_exist_is_not_found(ask: Ask, code: str) -> None:
    with pytest.raises(TerminologyError):
        ask("CodeSystem/$lookup", system=PCS, code=code)


@pytest.mark.parametrize(
    ("language", "word"),
    [
        ("de", "Konisation"),
        ("fr", "conisation"),
        ("es", "coniza"),
        ("pt", "conização"),
        ("zh-Hans", "锥形切除"),
    ],
)
def test_a_conization_is_named_in_the_verified_languages(ask: Ask, language: str, word: str) -> None:
    answer = ask("CodeSystem/$lookup", system=OURS, code="conization", displayLanguage=language)
    assert word.lower() in value(answer, "display").lower()


def test_the_tree_is_one_of_technique(ask: Ask) -> None:
    assert properties(ask("CodeSystem/$lookup", system=OURS, code="conization-loop-colposcopic"))[
        "parent"
    ] == ["conization-loop"]
    children = properties(ask("CodeSystem/$lookup", system=OURS, code="conization"))["child"]
    assert {"conization-cold-knife", "conization-laser", "conization-loop"} <= set(children)


# -- value sets ----------------------------------------------------------------------------------

PUBLISHED = build()


def _expanded(ask: Ask, release: str, url: str) -> set[tuple[str, str]]:
    entries = ask("ValueSet/$expand", release=release, url=url, count=1000)["expansion"].get("contains", [])
    return {(entry["system"], entry["code"]) for entry in entries}


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_each_map_declares_both_scopes_and_they_expand_to_its_codes(ask: Ask, release: str) -> None:
    maps = [d for d in PUBLISHED if d["resourceType"] == "ConceptMap"]
    for map_ in maps:
        source, target = (
            _expanded(ask, release, map_[f"{end}ScopeCanonical"]) for end in ("source", "target")
        )
        assert source and target
        for group in map_["group"]:
            for element in group["element"]:
                assert (group["source"], element["code"]) in source
                for row in element.get("target", ()):
                    assert (group["target"], row["code"]) in target
    assert len(maps) > 20


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_value_set_that_lists_codes_expands_to_those(ask: Ask, release: str) -> None:
    seen = 0
    for document in PUBLISHED:
        includes = document.get("compose", {}).get("include", ())
        if includes and all("concept" in include for include in includes):
            listed = {(i["system"], concept["code"]) for i in includes for concept in i["concept"]}
            assert _expanded(ask, release, document["url"]) == listed
            seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("LEEP", "conization-loop"),
        ("LLETZ", "conization-loop"),
        ("LETZ", "conization-loop"),
        ("CKC", "conization-cold-knife"),
        ("NETZ", "conization-electrosurgical-other"),
        ("SWETZ", "conization-electrosurgical-other"),
        ("conisation", "conization"),
        ("conization", "conization"),
        ("Laser conisation", "conization-laser"),
        ("D&C", "dilation-curettage"),
        ("Konisation", "conization"),
        ("konisering", "conization"),
        ("keglesnit", "conization"),
        ("円錐切除術", "conization"),
        ("cauterisation", "cervical-cautery"),
    ],
)
def test_a_word_of_daily_use_finds_the_concept(ask: Ask, word: str, code: str) -> None:
    """``filter`` of $expand finds a concept by its abbreviations, spellings and words of other languages."""
    url = f"{BASE}/ValueSet/cervical-procedures-all"
    found = ask("ValueSet/$expand", url=url, filter=word)["expansion"]["contains"]
    assert code in [entry["code"] for entry in found]
