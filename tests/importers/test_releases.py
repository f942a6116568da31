"""Each importer on a small release in its true format: what comes out, row by row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from terminology import Settings, create_app
from terminology.catalogue.concept_map import NO_MAP_PROPERTY
from terminology.catalogue.content import Content
from terminology.core.errors import BrokenReleaseError
from terminology.core.languages import PREFERRED_FOR_LANGUAGE
from terminology.opening import ServedContent, known_importers
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.store.release import CodeSystemRelease, ConceptRow, MapRelease, MapRow
from tests.support import fhir_checks, releases
from tests.support.importing import opened, read, refusal
from tests.support.releases import OLD, ROOT, SITE, TORN, WING, identifier, write
from tests.support.reporters import CollectingReporter


class Imported:
    """What an importer makes of a folder."""

    def __init__(self, kind: str, *paths: Path, number: int = 0) -> None:
        found = opened(kind, *paths)
        reporter = CollectingReporter()
        self.releases = [one.release for one in found]
        self.release: Any = self.releases[number]
        self.rows: list[Any] = list(read(found[number], reporter))
        self.problems = reporter.problems

    def __getitem__(self, code: str) -> ConceptRow:
        found: list[ConceptRow] = [row for row in self.rows if row.code == code]
        (row,) = found
        return row

    def mappings(self, source: str) -> list[MapRow]:
        return [row for row in self.rows if row.source == source]

    def stated(self, code: str, name: str) -> list[Any]:
        return [value for stated, _, value in self[code].properties if stated == name]

    def said(self, code: str) -> list[tuple[str, str | None, str | None]]:
        return [
            (value, language, (use or {}).get("code")) for value, language, use, _ in self[code].designations
        ]


@pytest.fixture
def imported(tmp_path: Path) -> Any:
    """``imported("icd10pcs")``: the small release of a kind, imported."""

    def make(kind: str, number: int = 0) -> Imported:
        releases.RELEASES[kind](tmp_path)
        result = Imported(kind, tmp_path, number=number)
        assert result.problems == []
        return result

    return make


# -- ICD-10-PCS ----------------------------------------------------------------------------------


def test_pcs_axis_values_are_properties(imported: Any) -> None:
    pcs = imported("icd10pcs")
    assert pcs.release.version == "2031"
    axes = "section bodySystem rootOperation bodyPart approach device qualifier".split()
    labels = ["Flying", "Wings", "Folding", "Left Wing", "Open", "No Device", "Diagnostic"]
    assert [pcs.stated("QAA10ZX", axis) for axis in axes] == [[label] for label in labels]


def test_pcs_hierarchy_is_section_body_system_table_body_part(imported: Any) -> None:
    pcs = imported("icd10pcs")
    assert [list(pcs[code].parents) for code in ("QAA10ZX", "QAA1", "QAA", "QA", "Q")] == [
        ["QAA1"],
        ["QAA"],
        ["QA"],
        ["Q"],
        [],
    ]
    assert [row.code for row in pcs.rows if row.abstract] == ["Q", "QA", "QAA", "QAA1", "QAA2"]
    assert pcs["QAA1"].display == "Wings, Folding, Left Wing"
    assert pcs["QAA"].definition == "Laying a wing together"


def test_pcs_a_code_that_no_table_has_is_reported(tmp_path: Path) -> None:
    releases.icd10pcs(tmp_path)
    # Each character is right somewhere in the table, but no row has them all.
    write(
        tmp_path,
        "icd10pcs_order_2031.txt",
        *releases._PCS_ORDER,
        releases._order(5, "QAA2XZX", 1, "-", "Wrong"),
    )
    pcs = Imported("icd10pcs", tmp_path)
    assert [str(problem) for problem in pcs.problems] == [
        "icd10pcs_order_2031.txt:5: QAA2XZX is in none of the tables"
    ]


def test_pcs_code_file_alone_gives_codes_and_untitled_headings(tmp_path: Path) -> None:
    pcs = Imported("icd10pcs", write(tmp_path, "icd10pcs_codes_2030.txt", "QAA10ZZ Folding of Left Wing"))
    assert (pcs.release.version, pcs["QAA1"].display, pcs["QAA10ZZ"].display) == (
        "2030",
        None,
        "Folding of Left Wing",
    )


def test_pcs_tables_of_another_year_are_refused(tmp_path: Path) -> None:
    releases.icd10pcs(tmp_path)
    (tmp_path / "icd10pcs_order_2031.txt").rename(tmp_path / "icd10pcs_order_2030.txt")
    assert refusal("icd10pcs", tmp_path).endswith("is of 2031, but icd10pcs_order_2030.txt is of 2030")


def test_pcs_tables_alone_are_refused_for_they_have_no_titles(tmp_path: Path) -> None:
    releases.icd10pcs(tmp_path)
    assert "expected icd10pcs_codes" in refusal("icd10pcs", tmp_path / "icd10pcs_tables_2031.xml")


# -- ICD-10-CM -----------------------------------------------------------------------------------


def test_cm_notes_are_properties_and_inclusion_terms_designations(imported: Any) -> None:
    cm = imported("icd10cm")
    assert cm.release.version == "2031"
    assert cm.stated("Q00", "excludes1") == ["clipped wing (Q01.-)"]
    assert cm.said("Q00.0") == [("Rip of left wing", "en", "inclusion-term")]


@pytest.mark.parametrize("name", ["icd10cm_codes_2031.txt", "icd10cm_order_2031.txt"])
def test_cm_a_category_may_have_a_letter_before_its_digit(name: str, tmp_path: Path) -> None:
    """As the codes QA0 have it, which came in 2026."""
    rows = ("A000", "Scale pox"), ("QA00101", "Fire that comes in twos")
    lines = [f"{code:7} {title}" for code, title in rows]
    if "order" in name:
        lines = [releases._order(number, code, 1, "-", title) for number, (code, title) in enumerate(rows)]
    cm = Imported("icd10cm", write(tmp_path, name, *lines))
    assert (cm["QA0.0101"].display, cm.problems) == ("Fire that comes in twos", [])


def test_cm_seventh_characters_are_written_out_and_filled_up_with_x(imported: Any) -> None:
    cm = imported("icd10cm")
    assert cm["Q01.1XXA"].display == "Clipped left wing, initial encounter"
    assert [cm.stated(code, "billable") for code in ("Q01.1", "Q01.1XXA", "Q00.0")] == [
        [False],
        [True],
        [True],
    ]


def test_cm_a_note_that_bars_a_seventh_character_holds(imported: Any) -> None:
    codes = {row.code for row in imported("icd10cm").rows}
    assert "Q01.217A" in codes and "Q01.217S" not in codes


def test_cm_chapters_and_sections_stand_under_their_ranges(imported: Any) -> None:
    cm = imported("icd10cm")
    assert [row.code for row in cm.rows if row.abstract] == ["Q00-Q99", "Q00-Q01", "Q9A-Q9A"]
    assert (cm["Q9A"].parents, cm["Q00-Q01"].parents, cm["Q00-Q99"].display) == (
        ("Q9A-Q9A",),
        ("Q00-Q99",),
        "Diseases of dragons",
    )


def test_cm_order_file_decides_which_codes_there_are_and_has_short_titles(tmp_path: Path) -> None:
    releases.icd10cm(tmp_path)
    rows = [("Q00", 0, "Torn"), ("Q000", 1, "Torn L"), ("Q011XXA", 1, "Clip L"), ("Q0199", 1, "New")]
    lines = (
        releases._order(n, code, flag, short, f"{short} title")
        for n, (code, flag, short) in enumerate(rows, 1)
    )
    write(tmp_path, "icd10cm_order_2031.txt", *lines)
    cm = Imported("icd10cm", tmp_path)
    codes = {row.code for row in cm.rows}
    assert "Q01.1XXA" in codes and "Q01.1XXS" not in codes
    assert ("Torn L", "en", "short") in cm.said("Q00.0")
    assert cm["Q01.99"].parents == ("Q01",)
    assert [str(problem) for problem in cm.problems] == [
        "icd10cm_order_2031.txt:4: Q01.99 is not in the tabular list"
    ]


def test_cm_order_file_alone_has_its_categories(tmp_path: Path) -> None:
    lines = (
        releases._order(1, "Q00", 0, "Torn", "Torn wing"),
        releases._order(2, "Q0001", 1, "Torn L", "Torn left"),
    )
    cm = Imported("icd10cm", write(tmp_path, "icd10cm_order_2031.txt", *lines))
    assert (cm["Q00.01"].parents, cm.stated("Q00", "billable")) == (("Q00",), [False])


def test_cm_a_broken_tabular_list_ends_the_import(tmp_path: Path) -> None:
    write(tmp_path, "tabular.xml", *releases._CM_TABULAR[:12])
    with pytest.raises(BrokenReleaseError, match=r"tabular.xml:\d+: is not XML"):
        Imported("icd10cm", tmp_path)


# -- ICD-9-CM and GEMs ---------------------------------------------------------------------------


def test_icd9_dots_are_inserted_and_the_volume_is_a_property(imported: Any) -> None:
    icd9 = imported("icd9cm")
    volumes = {row.code: icd9.stated(row.code, "volume")[0] for row in icd9.rows if not row.abstract}
    assert volumes == {
        "001.0": "diagnosis",
        "003.21": "diagnosis",
        "E850.1": "diagnosis",
        "00.11": "procedure",
        "67.2": "procedure",
    }
    assert (icd9.release.url, icd9.release.version) == ("http://hl7.org/fhir/sid/icd-9-cm", "77")


def test_icd9_titles_are_latin_1(imported: Any) -> None:
    icd9 = imported("icd9cm")
    assert icd9["003.21"].display == "Señor's wing"
    assert icd9.said("003.21") == [("Senor wing", "en", "short")]


def test_icd9_what_a_code_stands_below_is_there_without_a_title(imported: Any) -> None:
    icd9 = imported("icd9cm")
    assert (icd9["003.21"].parents, icd9["003.2"].parents, icd9["003"].display) == (["003.2"], ["003"], None)


def test_icd9_one_volume_alone_is_a_fragment_of_the_code_system(tmp_path: Path) -> None:
    releases.icd9cm(tmp_path)
    (tmp_path / "CMS77_DESC_LONG_SG.txt").unlink()
    assert Imported("icd9cm", tmp_path).release.content == "fragment"


def test_gem_flags_are_kept_raw_and_read(imported: Any) -> None:
    gem = imported("gem")
    assert [(row.target, row.relationship) for row in gem.mappings("00.10")] == [
        ("QAA10ZZ", "related-to"),
        ("QAA10ZX", "related-to"),
    ]
    assert gem.mappings("00.10")[0].properties == [
        ("gemFlags", "string", "10000"),
        ("approximate", "boolean", True),
        ("combination", "boolean", False),
        ("scenario", "integer", 0),
        ("choiceList", "integer", 0),
    ]


def test_gem_a_combination_is_never_offered_in_halves(imported: Any) -> None:
    gem = imported("gem")
    together = [
        (row.target, *(value["code"] for _, _, value in row.products)) for row in gem.mappings("00.11")
    ]
    assert together == [
        ("QAA10ZX", "QAA2XZZ", "QAA30ZZ"),
        ("QAA10ZX", "QAA2XZZ", "QAA40ZZ"),
        ("QAA10ZZ", "QAA2XZZ", "QAA30ZZ"),
        ("QAA10ZZ", "QAA2XZZ", "QAA40ZZ"),
    ]
    assert [v for name, _, v in gem.mappings("00.11")[0].properties if name == "gemFlags"] == [
        "10111",
        "10112",
        "10113",
    ]


def test_gem_no_map_is_said(imported: Any) -> None:
    (row,) = imported("gem").mappings("00.12")
    assert (row.no_map, row.target, row.comment) == (True, None, "The GEM has no counterpart (flags 11000).")


def test_gem_a_row_with_a_scenario_is_part_of_a_combination(tmp_path: Path) -> None:
    """A row with a scenario is part of a combination, whatever its flag says."""
    rows = ("3584  02S00ZZ 10012", "3584  02SP0ZZ 10111")
    gem = Imported("gem", write(tmp_path, "gem.txt", *rows))
    assert [(row.target, len(row.products)) for row in gem.rows] == [("02SP0ZZ", 1)]


def test_gem_combinations_of_a_code_with_an_unreadable_row_are_left_out(tmp_path: Path) -> None:
    rows = ("3584  02S00ZZ 10000", "3584  02SP0ZZ 10111", "3584  02SW0ZZ 1011x", "3585  02SP0ZZ 10000")
    gem = Imported("gem", write(tmp_path, "gem.txt", *rows))
    assert [(row.source, row.target) for row in gem.rows] == [("35.84", "02S00ZZ"), ("35.85", "02SP0ZZ")]
    assert [problem.line for problem in gem.problems] == [3, 2]


@pytest.mark.parametrize(
    ("row", "url"),
    [
        ("0010  A000    00000", "gem-icd9cm-to-icd10cm"),
        ("A000    0010  00000", "gem-icd10cm-to-icd9cm"),
        ("672   0UBC0ZZ 10000", "gem-icd9cm-procedures-to-icd10pcs"),
        ("0UBC0ZZ 672   10000", "gem-icd10pcs-to-icd9cm-procedures"),
    ],
)
def test_gem_direction_is_seen_from_the_codes(tmp_path: Path, row: str, url: str) -> None:
    gem = Imported("gem", write(tmp_path, "2018_gem.txt", row))
    assert gem.release.url.endswith(f"/ConceptMap/{url}") and gem.release.version == "2018"


def test_gem_csv_with_a_header_is_read_too(tmp_path: Path) -> None:
    rows = ('"icd9cm","icd10cm","flags","approximate"', '"0010","A000","00000",0')
    gem = Imported("gem", write(tmp_path, "gem.csv", *rows))
    assert [(row.source, row.target) for row in gem.rows] == [("001.0", "A00.0")]
    assert gem.problems == []


# -- SNOMED CT -----------------------------------------------------------------------------------


def test_rf2_version_names_the_edition_and_the_date(imported: Any) -> None:
    release = imported("snomed").release
    assert release.version == "http://snomed.info/sct/900000000000207008/version/20310101"


def test_rf2_display_is_the_preferred_term_and_dialects_keep_theirs(imported: Any) -> None:
    snomed = imported("snomed")
    assert snomed[TORN].display == "Color loss of wing"
    assert snomed.said(TORN) == [
        ("Torn wing (injury)", "en", "900000000000003001"),
        ("Color loss of wing", "en-US", "900000000000013009"),
        ("Colour loss of wing", "en-GB", "900000000000013009"),
        ("Wing rip", "en", "900000000000013009"),
    ]
    # Preferred in every dialect is preferred in the language; without a synonym the full name is shown.
    assert snomed.said(WING)[1] == ("Wing", "en", "900000000000013009")
    assert snomed[ROOT].display == "Dragon concept (dragon)"


def test_rf2_use_is_the_type_of_the_description_and_says_what_is_preferred(imported: Any) -> None:
    preferred = {
        value
        for value, _, _, rest in imported("snomed")[TORN].designations
        if rest is not None and rest["additionalUse"] == [PREFERRED_FOR_LANGUAGE]
    }
    assert preferred == {"Color loss of wing", "Colour loss of wing"}


def test_rf2_is_a_is_the_hierarchy_and_attributes_are_properties(imported: Any) -> None:
    snomed = imported("snomed")
    assert snomed[TORN].parents == [ROOT]
    assert snomed.stated(TORN, SITE) == [WING]
    assert snomed.stated(TORN, WING) == [Decimal("2.5")]
    assert snomed.stated(TORN, "sufficientlyDefined") == [True]
    assert snomed.stated(TORN, "normalFormTerse") == [f"=== {ROOT}:{{{SITE}={WING}}},{{{WING}=#2.5}}"]
    assert {p.code: p.type for p in snomed.release.properties if p.code in (SITE, WING)} == {
        SITE: "code",
        WING: "decimal",
    }


def test_rf2_text_definition_is_the_definition(imported: Any) -> None:
    assert imported("snomed")[TORN].definition == "A wing with a tear."


def test_rf2_inactive_concepts_keep_their_reason_and_successor(imported: Any) -> None:
    snomed = imported("snomed")
    assert snomed[OLD].inactive
    assert snomed.stated(OLD, "inactive") == [True]
    assert snomed.stated(OLD, "inactivationReason") == ["900000000000483008"]
    assert snomed.stated(OLD, "replacedBy") == [TORN]


def test_rf2_reference_sets_are_known_of_their_members(imported: Any) -> None:
    assert imported("snomed").stated(TORN, "memberOf") == [identifier(77)]


def test_rf2_historical_associations_are_a_concept_map(imported: Any) -> None:
    replaced = imported("snomed", number=1)
    assert replaced.release.url == "http://snomed.info/sct?fhir_cm=900000000000526001"
    assert [(row.source, row.target, row.relationship) for row in replaced.rows] == [
        (OLD, TORN, "equivalent")
    ]


def test_rf2_simple_maps_are_concept_maps(imported: Any) -> None:
    simple = imported("snomed", number=2)
    assert simple.release.groups[0].target == "http://terminology.hl7.org/CodeSystem/icd-o-3"
    assert [(row.source, row.target) for row in simple.rows] == [(WING, "C99.9")]


def test_rf2_extended_maps_keep_rules_as_conditions_and_groups_together(imported: Any) -> None:
    extended = imported("snomed", number=3)
    icd10 = "http://hl7.org/fhir/sid/icd-10"
    assert extended.release.groups[0].target == icd10
    first, second = extended.mappings(TORN)
    assert (first.target, first.depends_on) == ("Q00.0", [("mapRule", "string", "IFA 1")])
    assert (second.target, second.depends_on) == ("Q00.9", [("mapRule", "string", "OTHERWISE TRUE")])
    # The code of the second group is needed besides.
    assert first.products == second.products == [("mapGroup", "Coding", {"system": icd10, "code": "X99"})]
    (none,) = extended.mappings(WING)
    assert (none.no_map, none.comment) == (True, "CANNOT BE CLASSIFIED")


def test_rf2_an_identifier_with_a_wrong_check_digit_is_reported(tmp_path: Path) -> None:
    releases.snomed(tmp_path)
    (path,) = tmp_path.rglob("sct2_Concept_*.txt")
    wrong = WING[:-1] + str((int(WING[-1]) + 1) % 10)
    path.write_text(path.read_text().replace(WING, wrong))
    snomed = Imported("snomed", tmp_path)
    assert f"{wrong!r} is not a SNOMED CT identifier" in [problem.text for problem in snomed.problems]
    assert WING not in {row.code for row in snomed.rows}


def test_rf2_without_a_snapshot_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "sct2_Concept_Full_INT_20310101.txt", "id")
    assert "expected an RF2 release with a Snapshot folder" in refusal("snomed", tmp_path)


def test_rf2_terms_of_a_language_without_dialects_are_of_that_language(tmp_path: Path) -> None:
    releases.snomed(tmp_path)
    for path in list(tmp_path.rglob("*-en_INT_*.txt")):
        text = path.read_text().replace("\ten\t", "\tda\t")
        text = text.replace(releases._US, identifier(50)).replace(releases._GB, identifier(51))
        path.unlink()
        path.with_name(path.name.replace("-en_", "-da_")).write_text(text)
    snomed = Imported("snomed", tmp_path)
    languages = {value: language for value, language, _ in snomed.said(TORN)}
    other = identifier(51)
    assert languages["Color loss of wing"] == "da"
    assert languages["Colour loss of wing"] == f"da-x-sctlang-{other[:8]}-{other[8:]}"
    assert (snomed.release.language, snomed[TORN].display) == ("da", "Color loss of wing")


# -- CPT -----------------------------------------------------------------------------------------


def test_cpt_every_kind_of_descriptor_has_its_use(imported: Any) -> None:
    cpt = imported("cpt")
    assert cpt["99001"].display == "Made-up long text one"
    assert [use for _, _, use in cpt.said("99001")] == [
        "upper",
        "med",
        "short",
        "consumer",
        "clinician",
        "clinician",
    ]
    assert cpt["99002"].display == "Made-up long text two", "what stands before a tab is no text"


def test_cpt_modifiers_have_their_kind(imported: Any) -> None:
    cpt = imported("cpt")
    assert [(cpt.stated(code, "modifier"), cpt.stated(code, "kind")) for code in ("Z1", "P9", "99001")] == [
        ([True], ["cat-1"]),
        ([True], ["physical-status"]),
        ([False], ["code"]),
    ]


def test_cpt_copyright_names_the_year_of_the_release(imported: Any) -> None:
    cpt = imported("cpt")
    assert cpt.release.version == "2031"
    assert cpt.release.copyright.startswith("CPT © Copyright 2031 American Medical Association.")


def test_cpt_a_notice_in_the_file_gives_the_year_and_is_no_row(tmp_path: Path) -> None:
    notice = "Copyright 2030 American Medical Association. All rights reserved."
    cpt = Imported("cpt", write(tmp_path, "LONGULT.txt", notice, "99001 Made-up"))
    assert (cpt.release.version, [row.code for row in cpt.rows], cpt.problems) == ("2030", ["99001"], [])
    named = Imported("cpt", write(tmp_path / "cpt-2031", "LONGULT.txt", notice, "99001 Made-up"))
    assert named.release.version == "2031", "the notice has the year before that of use"


def test_cpt_text_is_never_quoted_in_a_problem(tmp_path: Path) -> None:
    write(tmp_path / "cpt2031", "LONGULT.txt", "99001 Made-up", "9900 Secret words", "99003")
    write(tmp_path / "cpt2031", "SHORTU.txt", "99009 Secret short words")
    cpt = Imported("cpt", tmp_path)
    assert [problem.line for problem in cpt.problems] == [2, 3, 0]
    assert not any("ecret" in str(problem) for problem in cpt.problems)


# -- LOINC, RxNorm, OMOP, HCPCS, MS-DRG ----------------------------------------------------------


def test_loinc_axes_are_parts_and_parts_are_concepts(imported: Any) -> None:
    loinc = imported("loinc")
    assert loinc.release.version == "2.99"
    assert (loinc.stated("99995-3", "COMPONENT"), loinc["LP90001-1"].display) == (["LP90001-1"], "Smoke")
    assert loinc.stated("99995-3", "CLASS") == ["LP90002-9"]
    assert (loinc["99995-3"].parents, loinc["LP90009-9"].display) == (["LP90009-9"], "{dragons}")


def test_loinc_without_parts_axes_are_texts(tmp_path: Path) -> None:
    releases.loinc(tmp_path)
    (table,) = tmp_path.rglob("Loinc.csv")
    loinc = Imported("loinc", table)
    assert loinc.stated("99995-3", "COMPONENT") == ["Smoke"]
    assert {p.code: p.type for p in loinc.release.properties}["COMPONENT"] == "string"


def test_loinc_answers_know_their_lists(imported: Any) -> None:
    loinc = imported("loinc")
    assert loinc.stated("LL9001-1", "Answer") == ["LA9001-2", "LA9002-0"]
    assert loinc.stated("LA9002-0", "AnswerList") == ["LL9001-1"]
    assert loinc.stated("99995-3", "answer-list") == ["LL9001-1"]
    assert loinc.stated("LL9001-1", "answers-for") == ["99995-3"]


def test_loinc_linguistic_variants_are_designations(imported: Any) -> None:
    loinc = imported("loinc")
    assert ("Fumée [Masse] Haleine", "fr-FR", "LONG_COMMON_NAME") in loinc.said("99995-3")
    assert ("Smoke Brth", "en", "SHORTNAME") in loinc.said("99995-3")


def test_loinc_deprecated_terms_are_inactive_and_notices_are_marked(imported: Any) -> None:
    loinc = imported("loinc")
    assert (loinc["99996-1"].inactive, loinc["99996-1"].status) == (True, "DEPRECATED")
    assert [loinc.stated(code, "copyright") for code in ("99995-3", "99996-1")] == [["LOINC"], ["3rdParty"]]


def test_rxnorm_takes_only_what_is_its_own(imported: Any) -> None:
    rxnorm = imported("rxnorm")
    assert rxnorm.release.version == "01062031"
    assert rxnorm["900001"].display == "fireproofin 10 MG Oral Tablet"
    assert rxnorm.said("900001") == [("fireproofin 10 mg tablet", "en", "PSN")]
    assert rxnorm.stated("900001", "has_ingredient") == ["900002"]
    assert (rxnorm.stated("900001", "NDC"), rxnorm.stated("900001", "STY")) == (
        ["99999000101"],
        ["Clinical Drug"],
    )
    assert rxnorm["900003"].inactive


def test_omop_quotes_are_text_and_properties_have_their_names(imported: Any) -> None:
    omop = imported("omop")
    assert (omop.release.version, omop["9000001"].display) == ("20310227", 'Torn "wing"')
    assert omop.said("9000001") == [("Ala rota", "es", None)]
    assert omop.stated("9000001", "source-concept-code") == [
        {"system": "http://snomed.info/sct", "code": TORN}
    ]
    assert omop.stated("9000002", "Maps to") == [{"system": omop.release.url, "code": "9000001"}]
    assert (omop["9000002"].inactive, omop.stated("9000002", "standard-concept")) == (True, ["NS"])


def test_hcpcs_long_texts_are_joined(imported: Any) -> None:
    hcpcs = imported("hcpcs")
    assert hcpcs.release.version == "2031-01"
    assert hcpcs["Q0001"].display == "Wing splint, short, for a dragon of the smaller kind"
    assert hcpcs.stated("Q0001", "terminated") == ["2029-12-31"] and hcpcs["Q0001"].inactive
    assert hcpcs.stated("QZ", "modifier") == [True] and not hcpcs["Q0002"].inactive


def test_msdrg_weights_are_decimals_and_titles_are_unquoted(imported: Any) -> None:
    msdrg = imported("msdrg")
    assert (msdrg.release.version, msdrg["901"].display) == ("FY2031", "WING PROCEDURES, OTHER")
    assert str(msdrg.stated("901", "weightCapped")[0]) == "2.1000"
    assert msdrg.stated("902", "weight") == []


# -- FHIR ----------------------------------------------------------------------------------------


def test_fhir_nested_concepts_and_hierarchy_by_property(imported: Any) -> None:
    dragons = imported("fhir")
    assert {row.code: row.parents for row in dragons.rows} == {
        "dragon": [],
        "wyvern": ["dragon"],
        "drake": ["dragon"],
        "hydra": ["dragon"],
    }
    assert [row.code for row in dragons.rows if row.inactive] == ["hydra"]
    assert "concept" not in dragons.release.header and dragons.release.header["status"] == "active"


def test_fhir_decimals_keep_their_digits(tmp_path: Path) -> None:
    text = json.dumps(releases.DRAGONS).replace("2.5", "2.50")
    dragons = Imported("fhir", write(tmp_path, "dragons.json", text))
    assert str(dragons.stated("wyvern", "fires")[0]) == "2.50"


def test_fhir_flat_and_nested_files_are_read_alike(tmp_path: Path) -> None:
    """A file without nesting goes another, quicker way."""
    concepts = [{"code": str(n), "display": f"No {n}"} for n in range(3)]
    flat = {"resourceType": "CodeSystem", "url": "http://example.org/flat", "concept": concepts}
    nested = flat | {"concept": [*concepts[:2], concepts[2] | {"concept": []}]}
    one = Imported("fhir", write(tmp_path, "flat.json", json.dumps(flat)))
    other = Imported("fhir", write(tmp_path, "nested.json", json.dumps(nested)))
    assert one.rows == other.rows and len(one.rows) == 3


def test_fhir_children_that_a_property_names_have_their_parent(tmp_path: Path) -> None:
    system = {
        "resourceType": "CodeSystem",
        "url": "http://example.org/down",
        "property": [{"code": "child", "type": "code"}],
        "concept": [{"code": "a", "property": [{"code": "child", "valueCode": "b"}]}, {"code": "b"}],
    }
    down = Imported("fhir", write(tmp_path, "down.json", json.dumps(system)))
    assert (down["b"].parents, down["a"].properties) == (["a"], [])


def test_fhir_r4_maps_become_r5(tmp_path: Path) -> None:
    map_ = Imported("fhir", write(tmp_path, "map.json", json.dumps(releases.R4_MAP)))
    assert isinstance(map_.release, MapRelease)
    group = map_.release.groups[0]
    assert (group.source, group.target, group.unmapped) == (
        "http://example.org/from",
        "http://example.org/to",
        {"mode": "use-source-code", "relationship": "related-to"},
    )
    assert map_.release.source_scope == "http://example.org/vs"
    wider, none, subsumes = map_.rows
    assert (wider.relationship, wider.depends_on) == (
        "source-is-narrower-than-target",
        [("http://example.org/side", "string", "left")],
    )
    assert (none.no_map, none.comment) == (True, "None.")
    assert (subsumes.relationship, subsumes.equivalence) == ("source-is-narrower-than-target", "subsumes")


def test_fhir_a_row_that_maps_to_nothing_keeps_its_properties(tmp_path: Path) -> None:
    said = {
        "url": NO_MAP_PROPERTY,
        "extension": [{"url": "code", "valueCode": "flags"}, {"url": "value", "valueString": "11000"}],
    }
    element = {"code": "a", "noMap": True, "extension": [said]}
    map_ = Imported(
        "fhir", write(tmp_path, "map.json", json.dumps(R5_MAP | {"group": [{"element": [element]}]}))
    )
    assert [(row.no_map, row.properties) for row in map_.rows] == [(True, [("flags", "string", "11000")])]


R5_MAP = {"resourceType": "ConceptMap", "url": "http://example.org/map", "version": "1"}


def test_fhir_elements_that_exclude_each_other_are_refused(tmp_path: Path) -> None:
    element = {"code": "a", "noMap": True, "target": [{"code": "b", "relationship": "equivalent"}]}
    path = write(tmp_path, "map.json", json.dumps(R5_MAP | {"group": [{"element": [element]}]}))
    map_ = Imported("fhir", path)
    assert map_.rows == []
    assert ["noMap and target" in problem.text for problem in map_.problems] == [True]
    for scopes in (
        {"sourceUri": "a", "sourceCanonical": "b"},
        {"targetScopeUri": "a", "targetScopeCanonical": "b"},
    ):
        path = write(tmp_path, "scopes.json", json.dumps(R5_MAP | scopes | {"group": []}))
        assert "one of them only" in refusal("fhir", path)


def test_fhir_groups_keep_their_rows(tmp_path: Path) -> None:
    group = {"source": "http://example.org/from", "target": "http://example.org/other"}
    second = group | {"element": [{"code": "a", "target": [{"code": "y", "equivalence": "equal"}]}]}
    two = releases.R4_MAP | {"group": [*releases.R4_MAP["group"], second]}
    map_ = Imported("fhir", write(tmp_path, "map.json", json.dumps(two)))
    assert [(row.group, row.target) for row in map_.mappings("a")] == [(0, "x"), (1, "y")]


def test_fhir_json_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "dragons.json", json.dumps(releases.DRAGONS)[:-40])
    assert "is not JSON" in refusal("fhir", path)


def test_fhir_other_resources_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "patient.json", '{"resourceType": "Patient"}')
    assert refusal("fhir", path).endswith("as JSON; patient.json is a Patient resource")


def test_fhir_a_concept_without_a_code_is_reported(tmp_path: Path) -> None:
    system = {
        "resourceType": "CodeSystem",
        "url": "http://example.org/x",
        "concept": [{"display": "?"}, 7, {"code": "a"}],
    }
    found = Imported("fhir", write(tmp_path, "x.json", json.dumps(system)))
    assert ([row.code for row in found.rows], len(found.problems)) == (["a"], 2)


# -- tables of one's own -------------------------------------------------------------------------


def test_csv_columns_are_what_the_mapping_file_says(imported: Any) -> None:
    wings = imported("csv")
    assert isinstance(wings.release, CodeSystemRelease) and wings.release.version == "2031"
    assert (wings["l"].display, wings["l"].parents) == ("Wing; left", ["w"])
    assert wings.said("w") == [("Flügel", "de", None), ("Schwinge", "de", None)]
    assert str(wings.stated("w", "span")[0]) == "2.50"


def test_xlsx_whole_numbers_are_codes_and_a_word_says_no_map(imported: Any) -> None:
    wings = imported("xlsx")
    first, second = wings.rows
    assert (first.source, first.target, first.relationship) == ("101", "A", "equivalent")
    assert first.depends_on == [("http://example.org/side", "code", "left")]
    assert (second.source, second.no_map) == ("102", True)


def sheet(folder: Path, *rows: Sequence[object]) -> None:
    """The release in XLSX with other rows."""
    releases.xlsx(folder)
    book = openpyxl.load_workbook(folder / "map.xlsx")
    for row in rows:
        book["Maps"].append(row)
    book.save(folder / "map.xlsx")


def test_a_row_without_a_target_is_not_mapped_yet(tmp_path: Path) -> None:
    sheet(tmp_path, (103, None, None, None), (104, "NOMAP", None, None))
    wings = Imported("xlsx", tmp_path)
    assert wings.problems == []
    assert [(row.source, row.no_map) for row in wings.rows] == [("101", False), ("102", True), ("104", True)]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("#N/A", "map.xlsx:4: the column To has #N/A, an error of the spreadsheet"),
        ("=A2", "map.xlsx:4: a formula has no value: open the file in a spreadsheet program and save it"),
    ],
)
def test_an_error_or_a_formula_without_value_is_no_code(target: str, said: str, tmp_path: Path) -> None:
    sheet(tmp_path, (103, target, None, None))
    wings = Imported("xlsx", tmp_path)
    assert [str(problem) for problem in wings.problems] == [said]
    assert [row.source for row in wings.rows] == ["101", "102"]


def test_csv_a_cell_of_the_wrong_type_is_reported_with_its_line(tmp_path: Path) -> None:
    releases.csv(tmp_path)
    with (tmp_path / "wings.csv").open("a") as file:
        file.write("x;Ex;;;wide\n;No code;;;1\ny;Why;;;1\n")
    wings = Imported("csv", tmp_path)
    assert [str(problem) for problem in wings.problems] == [
        "wings.csv:4: 'wide' is not a number",
        "wings.csv:5: a row without a code",
    ]
    assert [row.code for row in wings.rows] == ["w", "l", "y"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[CodeSystem]", "should have a url"),
        ('[CodeSystem]\nurl = "u"', "which column is the code"),
        ('[CodeSystem]\nurl = "u"\n[columns]\ncode = "C"\ncolour = "D"', "[columns] has no colour"),
        ('[CodeSystem]\nurl = "u"\n[colums]\ncode = "C"', "[colums] is not known"),
        (
            '[ConceptMap]\nurl = "u"\nrelationship = "same"\n[columns]\nsource = "C"',
            "a relationship is one of",
        ),
        ("[CodeSystem", "at line 1"),
        ("", "expected a table [CodeSystem] or [ConceptMap]"),
    ],
)
def test_csv_a_mapping_file_that_says_something_else_is_refused(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, "codes.csv", "C,D", "1,2")
    write(tmp_path, "mapping.toml", text)
    assert said in refusal("csv", tmp_path)


# -- all of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(releases.RELEASES))
def test_what_is_imported_is_read_as_valid_resources(tmp_path: Path, kind: str) -> None:
    """By the models, schemas and constraints of R4 and R5; its content is there."""
    files, place = tmp_path / "files", str(tmp_path / "store")
    files.mkdir()
    releases.RELEASES[kind](files)
    load_files(kind, place, files)
    settings = Settings(environment={}, data="", bundled=False, store=place)
    client = create_app(settings, catalogue=ServedContent(settings, Content()).catalogue).test_client()
    read = 0
    for root in fhir_checks.RELEASES:
        for type_, content in (("CodeSystem", "concept"), ("ConceptMap", "group"), ("ValueSet", "compose")):
            for entry in client.get(f"/fhir/{root}/{type_}?_count=100").get_json().get("entry", ()):
                resource = entry["resource"]
                assert resource[content] and "tag" not in resource["meta"]
                assert fhir_checks.against_models(root, resource) == []
                assert fhir_checks.against_schema(root, resource) == []
                assert fhir_checks.against_constraints(root, resource) == []
                read += 1
    assert read >= 2


def test_a_table_may_describe_its_map_in_the_words_of_R4(tmp_path: Path) -> None:
    """What it says is read back in R4 and R5: one source and one target, and a property with its code system."""
    files, place = tmp_path / "files", str(tmp_path / "store")
    write(
        files,
        "map.toml",
        "[ConceptMap]",
        'url = "http://example.org/fhir/ConceptMap/wings"',
        'sourceCanonical = "http://example.org/fhir/ValueSet/wings"',
        'targetUri = "http://example.org/fhir/ValueSet/sails"',
        'source = "http://example.org/from"',
        'target = "http://example.org/to"',
        "[columns]",
        'source = "From"',
        'target = "To"',
        "[[property]]",
        'column = "Kind"',
        'code = "kind"',
        'type = "code"',
        'system = "http://example.org/kinds"',
    )
    write(files, "map.csv", "From,To,Kind", "a,b,k")
    load_files("csv", place, files)
    settings = Settings(environment={}, data="", bundled=False, store=place)
    client = create_app(settings, catalogue=ServedContent(settings, Content()).catalogue).test_client()
    names = {"r4": ["sourceCanonical", "targetUri"], "r5": ["sourceScopeCanonical", "targetScopeUri"]}
    for root, ends in names.items():
        (entry,) = client.get(f"/fhir/{root}/ConceptMap").get_json()["entry"]
        resource = entry["resource"]
        assert [name for name in resource if name.startswith(("source", "target"))] == ends
        assert fhir_checks.against_models(root, resource) == []
        assert fhir_checks.against_schema(root, resource) == []
        if root == "r5":
            assert resource["property"] == [
                {"code": "kind", "type": "code", "system": "http://example.org/kinds"}
            ]


def load_files(kind: str, place: str, folder: Path) -> None:
    writer = StoreWriter(store_at(place))
    (importer,) = (each for each in known_importers() if each.kind == kind)
    writer.load(importer, [folder], CollectingReporter())
    writer.close()
