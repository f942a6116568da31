"""The rules of the published content: those of docs/content.md, and those of each code system's codes."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import terminology
from terminology.content.publication import (
    FOLDER,
    PublicationError,
    build,
    check,
    render,
    working_folder,
    write,
)

Document = dict[str, Any]

BASE = "http://terminology.example.org/fhir"
OWN = f"{BASE}/CodeSystem/cervical-conization"
WORDS = f"{BASE}/CodeSystem/conization-vocabulary"
CPT = "http://www.ama-assn.org/go/cpt"
PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
CM = "http://hl7.org/fhir/sid/icd-10-cm"
I9 = "http://hl7.org/fhir/sid/icd-9-cm"
SCT = "http://snomed.info/sct"
LOINC = "http://loinc.org"
MESH = "https://www.nlm.nih.gov/mesh"
AMA = (
    "CPT © Copyright 2026 American Medical Association. All rights reserved. "
    "AMA and CPT are registered trademarks of the American Medical Association."
)
NO_DESCRIPTORS = (
    "This resource contains no CPT descriptors. The texts are independent plain-language notes "
    "and may not be used for claim submission."
)
COMMENT = "http://hl7.org/fhir/4.0/StructureDefinition/extension-ConceptMap.group.element.target.comment"

DOCUMENTS = build()


def of_type(type_: str) -> list[Document]:
    return [d for d in DOCUMENTS if d["resourceType"] == type_]


def named(type_: str, id_: str) -> Document:
    return next(d for d in of_type(type_) if d["id"] == id_)


def concepts(nodes: list[Document]) -> Iterator[Document]:
    for node in nodes:
        yield node
        yield from concepts(node.get("concept", []))


def codes(id_: str) -> dict[str, Document]:
    """The concepts of a code system, with what its supplement adds to them."""
    own = {c["code"]: c for c in concepts(named("CodeSystem", id_)["concept"])}
    supplements = [d for d in of_type("CodeSystem") if d["id"] == f"{id_}-supplement"]
    added = {c["code"]: c for supplement in supplements for c in supplement["concept"]}
    assert added.keys() <= own.keys()
    return {code: united(concept, added.get(code, {})) for code, concept in own.items()}


def united(concept: Document, added: Document) -> Document:
    properties = [*concept.get("property", ()), *added.get("property", ())]
    return {**concept, **added} | ({"property": properties} if properties else {})


def values(concept: Document, code: str) -> list[Any]:
    pairs = ((p["code"], next(v for k, v in p.items() if k != "code")) for p in concept.get("property", []))
    return [value for name, value in pairs if name == code]


def rows(map_: Document) -> Iterator[tuple[str, str, Document, Document]]:
    """System and code of the source, the element, the target (empty for no map)."""
    for group in map_["group"]:
        for element in group["element"]:
            for target in element.get("target", [{}]):
                yield group["source"], group["target"], element, target


def coded(value: Any) -> Iterator[tuple[str, str]]:
    """Every (system, code) that a document names, wherever."""
    if isinstance(value, list):
        for inner in value:
            yield from coded(inner)
    elif isinstance(value, dict):
        if "system" in value and "code" in value and isinstance(value["code"], str):
            yield value["system"], value["code"]
        if "system" in value:
            yield from ((value["system"], c["code"]) for c in value.get("concept", []))
        for inner in value.values():
            yield from coded(inner)


def all_codes() -> set[tuple[str, str]]:
    found = {pair for document in DOCUMENTS for pair in coded(document)}
    for system in of_type("CodeSystem"):
        url = str(system.get("supplements", system["url"]))
        found |= {(url, c["code"]) for c in concepts(system["concept"])}
    for map_ in of_type("ConceptMap"):
        for source, target, element, mapped in rows(map_):
            found.add((source, element["code"]))
            if mapped:
                found.add((target, mapped["code"]))
    return found


def codes_of(system: str) -> set[str]:
    found = {code for url, code in all_codes() if url == system}
    assert found, f"no code of {system}: the test would hold of nothing"
    return found


# -- files and tables ----------------------------------------------------------------------------


def test_the_kept_bundles_are_the_built_ones() -> None:
    assert check() == [], "run: terminology build-bundles"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "fhir_bundles"))


def test_check_names_the_resource_that_was_edited_by_hand(copy: Path) -> None:
    file = copy / "r5" / "value-sets.json"
    file.write_text(file.read_text("utf-8").replace("All conizations", "Some conizations"), "utf-8")
    assert check(copy) == [
        f"r5/value-sets.json: {BASE}/ValueSet/conization-procedures: the file and the tables differ"
    ]


def test_check_names_what_is_missing_and_what_is_too_many(copy: Path) -> None:
    (copy / "r4" / "concept-maps.json").unlink()
    (copy / "r4" / "old.json").write_text("{}", "utf-8")
    assert check(copy) == [
        "r4/old.json: the tables no longer make this file",
        "r4/concept-maps.json: the file is missing",
    ]


def test_check_names_a_resource_that_a_table_no_longer_makes(copy: Path) -> None:
    file = copy / "r5" / "naming-systems.json"
    kept = json.loads(file.read_text("utf-8"))
    gone = kept["entry"].pop()["fullUrl"]
    file.write_text(json.dumps(kept), "utf-8")
    assert f"r5/naming-systems.json: {gone}: in the tables, but not in the file" in check(copy)


def test_the_list_of_what_the_maps_leave_shows_a_changed_condition(copy: Path) -> None:
    table = copy / "source/maps/conization-to-cpt.csv"
    table.write_text(table.read_text("utf-8").replace("technique=cold-knife; ", "", 1), "utf-8")
    said = "translations.csv: conization-to-cpt,conization,technique=laser,one: in the tables, but not in the file"
    assert said in check(copy)
    (copy / "translations.csv").unlink()
    assert "translations.csv: the file is missing" in check(copy)


def test_no_cone_by_the_knife_is_billed_as_one_by_the_loop() -> None:
    """Each line of the list that holds for the knife leaves 57520, or nothing, whatever else is known."""
    lines = list(csv.DictReader((FOLDER / "translations.csv").read_text("utf-8").splitlines()))
    knife = [
        line
        for line in lines
        if line["map"] == "conization-to-cpt"
        and (
            line["code"] == "conization-cold-knife"
            or (line["code"] == "conization" and "cold-knife" in line["conditions"])
        )
    ]
    assert len(knife) == 2 and {line["targets"] for line in knife} == {"57520"}


def test_writing_again_mends_every_difference(copy: Path) -> None:
    shutil.rmtree(copy / "r4")
    assert check(copy)
    assert len(write(copy)) == 9  # two releases of four bundles, and the list
    assert check(copy) == []


def test_building_twice_gives_the_same_bytes() -> None:
    assert render() == render()


def test_every_release_has_every_resource() -> None:
    files = render()
    for release in ("r4", "r5"):
        entries = [
            e for name, text in files.items() if name.startswith(release) for e in json.loads(text)["entry"]
        ]
        assert len(entries) == len(DOCUMENTS)


def test_a_decimal_keeps_its_digits() -> None:
    weight = values(codes("ms-drg")["744"], "weight")
    assert weight == [Decimal("2.0491")]
    assert b'"valueDecimal": 2.0491' in render()["r4/code-systems.json"]


# -- identity ------------------------------------------------------------------------------------


def test_ids_canonicals_and_identifiers_are_unique() -> None:
    ids = Counter((d["resourceType"], d["id"]) for d in DOCUMENTS)
    urls = Counter((d["url"], d.get("version")) for d in DOCUMENTS)
    identifiers = Counter(d["identifier"][0]["value"] for d in DOCUMENTS)
    names = Counter(d["name"] for d in DOCUMENTS)
    assert {max(c.values()) for c in (ids, urls, identifiers, names)} == {1}


def test_only_code_systems_of_others_have_a_canonical_outside_the_base() -> None:
    """A canonical URL begins with the base, unless the code system belongs to someone else."""
    for document in DOCUMENTS:
        if not document["url"].startswith(f"{BASE}/"):
            assert document["resourceType"] == "CodeSystem"
            assert document["content"] == "fragment"


def test_identifiers_are_uuid_oids_and_stable_whatever_the_base() -> None:
    other = build(base="https://tx.hospital.example/r5/")
    assert [d["identifier"] for d in other] == [d["identifier"] for d in DOCUMENTS]
    for document in DOCUMENTS:
        number = re.fullmatch(r"urn:oid:2\.25\.([1-9]\d*)", document["identifier"][0]["value"])
        assert number and int(number[1]) < 2**128


def test_another_base_leaves_no_trace_of_the_usual_one() -> None:
    text = "".join(t.decode() for t in render(base="https://tx.hospital.example/r5/").values())
    assert "terminology.example.org" not in text
    assert "https://tx.hospital.example/r5/CodeSystem/cervical-conization" in text


@pytest.mark.parametrize(
    "element",
    "url version identifier name title status experimental date publisher contact description "
    "copyright".split(),
)
def test_every_resource_says_who_what_and_when(element: str) -> None:
    without = {d["id"] for d in DOCUMENTS if d.get(element) in (None, "", [])}
    # Of these code systems of others our sources name no version.
    assert without == ({"loinc", "opcs-4"} if element == "version" else set())


def test_every_code_system_states_case_content_and_composition() -> None:
    for system in of_type("CodeSystem"):
        if system["content"] == "supplement":
            assert not system.keys() & {"caseSensitive", "compositional", "filter", "hierarchyMeaning"}
            continue
        assert system["caseSensitive"] is True
        assert system["compositional"] is False
        assert system["content"] in ("complete", "fragment")


SUPPLEMENTED = ("cpt", "icd-10-pcs", "icd-10-cm", "icd-9-cm", "snomed-gps", "ms-drg")


def test_the_knowledge_of_others_codes_is_a_supplement_to_any_version() -> None:
    """What we add to a code system of another owner is in a supplement, and not in the fragment."""
    for id_ in SUPPLEMENTED:
        fragment, supplement = named("CodeSystem", id_), named("CodeSystem", f"{id_}-supplement")
        assert supplement["content"] == "supplement" and supplement["supplements"] == fragment["url"]
        assert [
            e["valueBoolean"] for e in supplement["extension"] if e["url"].endswith("-applies-always")
        ] == [True]
        ours, owners = ({p["code"] for p in d.get("property", ())} for d in (supplement, fragment))
        assert {"reviewStatus", "evidence"} <= ours and not ours & owners
        assert not any("display" in c or "concept" in c for c in supplement["concept"])
        assert not any(c.keys() & {"definition", "designation"} for c in concepts(fragment["concept"]))
    assert {d["id"] for d in of_type("CodeSystem") if d["content"] == "supplement"} == {
        f"{id_}-supplement" for id_ in SUPPLEMENTED
    }


def test_a_complete_code_system_counts_its_concepts() -> None:
    for id_ in ("cervical-conization", "conization-vocabulary"):
        assert named("CodeSystem", id_)["count"] == len(codes(id_))


def test_every_system_that_is_used_has_a_naming_system() -> None:
    known = {u["value"] for n in of_type("NamingSystem") for u in n["uniqueId"] if u["preferred"]}
    used = {system for system, _ in all_codes()}
    outside = {
        u for u in used if u.startswith(("urn:", "http://terminology.hl7.org/", "http://hl7.org/fhir/C"))
    }
    assert used - outside <= known
    assert {CPT, PCS, CM, I9, SCT, LOINC, MESH, OWN, WORDS} <= used


def test_an_unregistered_uri_is_an_alias_that_is_accepted_and_never_sent() -> None:
    alias = next(
        u for u in named("NamingSystem", "icd-10-pcs")["uniqueId"] if u["value"].endswith("icd-10-pcs")
    )
    assert alias["preferred"] is False
    assert alias["value"] not in {system for system, _ in all_codes()}


# -- codes ---------------------------------------------------------------------------------------

_D: tuple[str, ...] = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678")
_D += ("5987604321", "6598710432", "7659821043", "8765932104", "9876543210")
_P = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def verhoeff(number: str) -> bool:
    check_ = 0
    for place, digit in enumerate(reversed(number)):
        check_ = int(_D[check_][int(_P[place % 8][int(digit)])])
    return check_ == 0


def mod10(code: str) -> bool:
    number, _, digit = code.partition("-")
    odd = str(2 * int(number[::-1][::2][::-1]))
    total = sum(map(int, odd)) + sum(map(int, number[::-1][1::2]))
    return (10 - total % 10) % 10 == int(digit)


def test_snomed_ids_pass_the_verhoeff_check_digit() -> None:
    assert [code for code in codes_of(SCT) if not verhoeff(code)] == []


@pytest.mark.parametrize("wrong", ["5288900", "54535008"])
def test_the_verhoeff_check_finds_the_two_known_typing_errors(wrong: str) -> None:
    assert not verhoeff(wrong)
    assert wrong not in codes_of(SCT)


def test_loinc_codes_pass_the_mod_10_check_digit() -> None:
    assert [code for code in codes_of(LOINC) if not mod10(code)] == []
    assert not mod10("65753-7") and mod10("2951-2")


def test_icd_10_pcs_codes_are_well_formed_and_in_the_table() -> None:
    """ICD-10-PCS codes have seven characters without I and O, and are in the table."""
    found = codes_of(PCS)
    assert [code for code in found if not re.fullmatch("[0-9A-HJ-NP-Z]{7}", code)] == []
    assert found <= set(codes("icd-10-pcs"))


@pytest.mark.parametrize(("table", "count"), [("0UBC", 10), ("0U5C", 5), ("0UTC", 4), ("0UDC", 0)])
def test_icd_10_pcs_tables_of_the_cervix_are_whole_and_0udc_does_not_exist(table: str, count: int) -> None:
    assert sum(code.startswith(table) for code in codes("icd-10-pcs")) == count


def test_the_labels_of_an_icd_10_pcs_code_agree_with_its_characters() -> None:
    labels: dict[tuple[str, str], set[str]] = {}
    for code, concept in codes("icd-10-pcs").items():
        for place, axis in ((2, "rootOperation"), (4, "approach"), (6, "qualifier")):
            labels.setdefault((axis, code[place]), set()).update(values(concept, axis))
        assert all(
            word in concept["display"] for word in values(concept, "bodyPart") + values(concept, "approach")
        )
    assert all(len(found) == 1 for found in labels.values())
    assert labels["qualifier", "X"] == {"Diagnostic"}
    assert labels["rootOperation", "B"] == {"Excision"}


@pytest.mark.parametrize(
    ("system", "shape"),
    [
        (CM, r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?"),
        (CPT, r"\d{4}[\dA-Z]"),
        (MESH, r"D\d{6}(\d{3})?"),
        ("http://fhir.de/CodeSystem/bfarm/ops", r"\d-\d{3}(\.[\da-z]{1,2})?"),
        ("https://fhir.hl7.org.uk/CodeSystem/OPCS-4", r"[A-Z]\d{2}(\.\d)?"),
    ],
)
def test_codes_have_the_shape_of_their_system(system: str, shape: str) -> None:
    assert [code for code in codes_of(system) if not re.fullmatch(shape, code)] == []


def test_icd_9_cm_codes_carry_the_dot_and_their_shape_tells_the_volume() -> None:
    shapes = {"procedure": r"\d\d\.\d{1,2}", "diagnosis": r"(\d{3}|V\d\d)\.\d{1,2}"}
    for code, concept in codes("icd-9-cm").items():
        (volume,) = values(concept, "volume")
        assert re.fullmatch(shapes[volume], code), code
    assert codes_of(I9) <= set(codes("icd-9-cm"))


def test_d019089_which_looks_like_conization_is_nowhere() -> None:
    assert "D019092" in codes_of(MESH)
    assert "D019089" not in codes_of(MESH)


# -- code systems --------------------------------------------------------------------------------

TYPES = {"valueCode": "code", "valueCoding": "Coding", "valueString": "string", "valueBoolean": "boolean"}
TYPES |= {"valueInteger": "integer", "valueDecimal": "decimal"}


def test_every_property_is_declared_and_of_its_type() -> None:
    for system in of_type("CodeSystem"):
        declared = {p["code"]: p["type"] for p in system.get("property", ())}
        for concept in concepts(system["concept"]):
            for property_ in concept.get("property", []):
                key = next(k for k in property_ if k != "code")
                assert declared[property_["code"]] == TYPES[key]


def test_a_property_of_type_code_takes_codes_of_its_value_set_or_system() -> None:
    """A property of type code takes values of its value set, or codes of the code system."""
    for system in of_type("CodeSystem"):
        for declared in (p for p in system.get("property", ()) if p["type"] == "code"):
            allowed = set(codes(system["id"].removesuffix("-supplement")))
            for extension in declared.get("extension", []):
                value_set = next(v for v in of_type("ValueSet") if v["url"] == extension["valueCanonical"])
                allowed = {c["code"] for c in value_set["compose"]["include"][0]["concept"]}
            used = {v for c in concepts(system["concept"]) for v in values(c, declared["code"])}
            assert used <= allowed, declared["code"]


def test_the_words_of_properties_and_conditions_are_in_the_vocabulary() -> None:
    """Every word that a property or a condition names is in the vocabulary."""
    known = set(codes("conization-vocabulary"))
    uris = [p["uri"] for d in DOCUMENTS for p in [*d.get("property", []), *d.get("additionalAttribute", [])]]
    ours = [uri for uri in uris if uri.startswith(BASE)]
    assert ours and {uri.partition("#")[2] for uri in ours} <= known


def test_the_guard_tells_conizations_from_look_alikes() -> None:
    """The guard, isConization, is false for every look-alike and true for every conization."""
    top = named("CodeSystem", "cervical-conization")["concept"][0]
    branches = {
        c["code"]: [v for n in concepts([c]) for v in values(n, "isConization")] for c in top["concept"]
    }
    assert set(branches["conization"]) == {True}
    assert set(branches["related-cervical-procedure"]) == {False}
    for branch in top["concept"]:
        assert all(len(values(c, "isConization")) == 1 for c in concepts(branch["concept"]))


def test_abstract_concepts_are_not_selectable() -> None:
    marked = {
        code for code, c in codes("cervical-conization").items() if values(c, "notSelectable") == [True]
    }
    assert marked == {"cervical-procedure", "related-cervical-procedure"}


def test_what_nobody_has_verified_does_not_ship() -> None:
    assert "conization-needle" not in codes("cervical-conization")
    assert not {
        d["value"] for c in codes("cervical-conization").values() for d in c.get("designation", [])
    } & {
        "konisation",
        "cone bx",
        "宫颈锥切术",
    }


def test_a_provisional_designation_is_never_the_preferred_one() -> None:
    preferred = {
        (d["language"], d["value"])
        for c in codes("cervical-conization").values()
        for d in c.get("designation", [])
        if d.get("use", {}).get("code") == "preferredForLanguage"
    }
    assert ("de", "Konisation") in preferred
    assert not {language for language, _ in preferred} & {"ja", "it", "ro", "ru", "pt-PT"}


def test_a_concept_says_how_well_it_is_supported_and_by_what() -> None:
    for system in of_type("CodeSystem"):
        if system["id"] != "conization-vocabulary" and system["content"] != "supplement":
            for concept in codes(system["id"]).values():
                assert values(concept, "reviewStatus")[0] in ("verified", "provisional")
                assert values(concept, "evidence")


# -- CPT -----------------------------------------------------------------------------------------


def test_every_resource_with_a_cpt_code_carries_the_notice_of_the_ama() -> None:
    named_ = [
        d for d in DOCUMENTS if d["resourceType"] != "NamingSystem" and CPT in json.dumps(d, default=str)
    ]
    assert len(named_) >= 5
    for document in named_:
        assert AMA in document["copyright"]
        assert NO_DESCRIPTORS in document["copyright"]


def test_a_cpt_text_is_our_own_and_marked_as_plain_language() -> None:
    table = (FOLDER / "source/code-systems/cpt/concepts.csv").read_text("utf-8")
    for concept in codes("cpt").values():
        assert concept["display"] in table
        (designation,) = concept["designation"]
        assert designation["use"]["system"] == WORDS and designation["use"]["code"] == "plain-language"
        assert designation["value"] == concept["display"]


def test_the_display_of_a_cpt_code_is_the_same_wherever_it_stands() -> None:
    ours = {code: c["display"] for code, c in codes("cpt").items()}
    for map_ in of_type("ConceptMap"):
        for source, target, element, mapped in rows(map_):
            if source == CPT:
                assert element["display"] == ours[element["code"]]
            if mapped and target == CPT:
                assert mapped["display"] == ours[mapped["code"]]
    for concept in named("ValueSet", "conization-procedures-cpt")["compose"]["include"][0]["concept"]:
        assert concept["display"] == ours[concept["code"]]


def test_no_cpt_text_reads_like_a_descriptor() -> None:
    for concept in codes("cpt").values():
        words = f"{concept['display']} {concept['definition']}".lower()
        assert not re.search(r"with or without|separate procedure|single or multiple|\(s\)", words)
        assert ";" not in concept["display"]


def test_the_name_of_the_resource_is_ours_not_cpt() -> None:
    assert named("CodeSystem", "cpt")["name"] == "CptConizationPlainLanguage"


INTEGRAL = ["fulguration", "dilation-and-curettage", "repair", "endocervical-curettage"]


def test_what_cpt_includes_is_stated_of_cpt_alone() -> None:
    """A rule of CPT stands at codes of CPT: on an inpatient bill a curettage has a code of its own."""
    cones = [concept for concept in codes("cpt").values() if values(concept, "isConization") == [True]]
    assert len(cones) == 3
    assert all(set(INTEGRAL) <= set(values(cone, "includesIntegral")) for cone in cones)
    assert not any(values(concept, "includesIntegral") for concept in codes("cervical-conization").values())


def test_57520_answers_every_statement_of_the_source_article() -> None:
    concept = codes("cpt")["57520"]
    assert concept["display"] == "Cervical conization (cone biopsy) by cold knife or laser"
    assert values(concept, "technique") == ["cold-knife", "laser"]
    assert values(concept, "intent") == ["diagnostic", "therapeutic"]
    assert values(concept, "anesthesiaUsual") == ["general", "local"]
    assert values(concept, "specimenToLaboratory") == [True]
    assert values(concept, "includesIntegral") == INTEGRAL
    assert values(concept, "codeRole") == [
        "documentation",
        "billing",
        "reimbursement",
        "coverage-determination",
        "research",
    ]
    assert values(concept, "isConization") == [True]
    assert {"57522", "57461"} <= set(values(concept, "seeAlso"))
    indications = {(v["system"], v["code"]) for v in values(concept, "indication")}
    assert {(CM, "N87.1"), (CM, "D06.9"), (CM, "C53.9"), (SCT, "92564006")} <= indications
    assert "transformation zone" in next(
        s for s in values(concept, "sourceStatement") if "[disputed]" in s and "zone" in s
    )
    assert "transformation zone" not in concept["definition"]


@pytest.mark.parametrize("code", ["57520", "57522", "57461", "57460"])
def test_the_conization_codes_of_cpt_answer_in_the_same_shape(code: str) -> None:
    concept = codes("cpt")[code]
    assert values(concept, "isConization") == [code != "57460"]
    for property_ in (
        "technique",
        "codeRole",
        "seeAlso",
        "scopeNote",
        "sourceStatement",
        "specimenToLaboratory",
    ):
        assert values(concept, property_), property_


# -- other owners' texts -------------------------------------------------------------------------

OUTSIDE_GPS = (
    "23140002 120038005 68143003 647000 52889002 50796003 51675008 78203001 176786003 116140006".split()
)


def test_the_snomed_fragment_has_only_full_names_of_the_global_set() -> None:
    """The SNOMED CT fragment holds only fully specified names of the Global Patient Set."""
    found = codes("snomed-gps")
    outside = {*OUTSIDE_GPS, "254890008", "447760009", "108941000119102"}
    assert outside <= set(found)
    for code, concept in found.items():
        if values(concept, "identifierReference"):
            assert not concept.keys() & {"display", "definition", "designation"}
            continue
        assert code not in outside
        assert re.search(
            r" \((procedure|disorder|finding|situation|specimen|body structure|qualifier value)\)$",
            concept["display"],
        )
    assert not any("concept" in concept for concept in found.values())  # the set is flat


def test_our_own_words_for_an_identifier_are_a_property_not_a_display() -> None:
    """Our own words for an identifier are a property, and never a display."""
    references, seen = reference_codes(), 0
    for map_ in of_type("ConceptMap"):
        for source, target, element, mapped in rows(map_):
            assert ("display" in element) is ((source, element["code"]) not in references)
            if mapped:
                is_reference = (target, mapped["code"]) in references
                seen += is_reference
                assert ("display" in mapped) is not is_reference
                assert bool(values(mapped, "identifierReference")) is is_reference
                codings = [p["valueCoding"] for p in mapped.get("product", []) if "valueCoding" in p]
                for coding in codings:
                    is_reference = (coding["system"], coding["code"]) in references
                    assert ("display" in coding) is not is_reference
    for value_set in of_type("ValueSet"):
        for include in value_set["compose"]["include"]:
            for concept in include.get("concept", []):
                is_reference = (include["system"], concept["code"]) in references
                assert ("display" in concept) is not is_reference
                assert not is_reference or concept["extension"][0]["valueString"]
    assert seen > 20


def test_a_snomed_concept_outside_that_set_has_words_of_our_own() -> None:
    for map_ in of_type("ConceptMap"):
        for _, target, _, mapped in rows(map_):
            if target == SCT and mapped and mapped["code"] not in codes("snomed-gps"):
                (words,) = values(mapped, "identifierReference")
                assert not re.search(r"\([a-z ]+\)$", words)


def test_every_resource_with_a_snomed_code_states_the_licence() -> None:
    for document in DOCUMENTS:
        if document["resourceType"] != "NamingSystem" and f'"{SCT}"' in json.dumps(document, default=str):
            assert "Creative Commons Attribution 4.0" in document["copyright"]


def test_a_who_title_is_never_shown() -> None:
    for map_ in of_type("ConceptMap"):
        for _, target, _, mapped in rows(map_):
            if target == "http://hl7.org/fhir/sid/icd-10":
                official = codes("icd-10-cm").get(mapped["code"])
                assert "display" not in mapped
                assert official is None or official["display"] not in values(mapped, "identifierReference")


# -- maps ----------------------------------------------------------------------------------------


def reference_codes() -> set[tuple[str, str]]:
    keys = {n["id"]: n["uniqueId"][0]["value"] for n in of_type("NamingSystem")}
    lines = (FOLDER / "source/references.csv").read_text("utf-8").splitlines()[1:]
    return {(keys[line.split(",")[0]], line.split(",")[1]) for line in lines}


def test_every_source_and_target_is_in_a_fragment_or_declared_external() -> None:
    known = {
        (s["url"], c["code"]) for s in of_type("CodeSystem") for c in concepts(s["concept"])
    } | reference_codes()
    for map_ in of_type("ConceptMap"):
        for source, target, element, mapped in rows(map_):
            assert (source, element["code"]) in known
            assert not mapped or (target, mapped["code"]) in known


def test_a_provisional_row_is_never_equivalent() -> None:
    found: Counter[tuple[tuple[str, ...], str | None]] = Counter()
    for map_ in of_type("ConceptMap"):
        for _, _, _, mapped in rows(map_):
            found[tuple(values(mapped, "reviewStatus")), mapped.get("relationship")] += 1
    assert found[("provisional",), "equivalent"] == 0
    assert found[("provisional",), "related-to"] > 0 and found[("verified",), "equivalent"] > 0


def test_a_row_that_is_not_equivalent_says_why() -> None:
    for map_ in of_type("ConceptMap"):
        for _, _, element, mapped in rows(map_):
            if element.get("noMap"):
                assert not mapped
                reason, *known = element["extension"]
                assert reason["url"] == COMMENT and reason["valueString"]
                assert [said["extension"][0]["valueCode"] for said in known] == ["reviewStatus", "evidence"]
            elif mapped["relationship"] != "equivalent":
                assert mapped["comment"]


def test_every_condition_is_declared_with_its_type_and_explained() -> None:
    for map_ in of_type("ConceptMap"):
        declared = {a["code"]: a["type"] for a in map_.get("additionalAttribute", [])}
        used = set()
        for _, _, _, mapped in rows(map_):
            for attribute in [*mapped.get("dependsOn", []), *mapped.get("product", [])]:
                key = next(k for k in attribute if k.startswith("value"))
                assert declared[attribute["attribute"]] == TYPES[key]
                used.add(attribute["attribute"])
        assert used == set(declared)
        if any(m.get("dependsOn") for _, _, _, m in rows(map_)):
            assert "same attribute are alternatives" in map_["description"]


def matches(map_id: str, code: str) -> dict[str, tuple[str, dict[str, set[Any]]]]:
    """For a source code: target code, relationship, and the condition with alternatives together."""
    found = {}
    for _, _, element, mapped in rows(named("ConceptMap", map_id)):
        if element["code"] == code and mapped:
            condition: dict[str, set[Any]] = {}
            for d in mapped.get("dependsOn", []):
                value = d.get("valueCode", d.get("valueBoolean"))
                condition.setdefault(d["attribute"], set()).add(value)
            found[mapped["code"]] = (mapped["relationship"], condition)
    return found


N, B = "source-is-narrower-than-target", "source-is-broader-than-target"


def test_conization_is_57520_57522_or_57461_by_technique_and_colposcopy() -> None:
    found = matches("conization-to-cpt", "conization")
    assert found["57520"] == (
        B,
        {"technique": {"cold-knife", "laser"}},
    )
    assert found["57522"] == (B, {"technique": {"loop"}, "colposcopyGuided": {False}})
    assert found["57461"] == (B, {"technique": {"loop"}, "colposcopyGuided": {True}})
    assert matches("conization-to-cpt", "conization-cold-knife") == {"57520": (N, {})}
    assert matches("conization-to-cpt", "conization-loop-colposcopic") == {"57461": ("equivalent", {})}


def test_icd_10_pcs_needs_setting_approach_and_intent() -> None:
    found = matches("conization-to-icd-10-pcs", "conization-loop")
    assert len(found) == 10
    typical = {"setting": {"inpatient-facility"}, "approach": {"via-natural-opening"}}
    assert found["0UBC7ZZ"] == (N, typical | {"intent": {"therapeutic"}})
    assert found["0UBC7ZX"] == (N, typical | {"intent": {"diagnostic"}})
    assert found["0UBC3ZZ"][0] == "related-to"


def test_57460_is_not_a_conization_and_the_comment_says_why() -> None:
    """57460 is not a conization, and the comment says which tissue would make it one."""
    assert matches("cpt-to-conization", "57460")["conization"] == ("not-related-to", {})
    for _, _, element, mapped in rows(named("ConceptMap", "cpt-to-conization")):
        if (element["code"], mapped["code"]) == ("57460", "conization"):
            assert "canal tissue" in mapped["comment"]


# A code for what has no code: it may be anything.
UNLISTED = ("58999",)


def test_no_look_alike_is_translated_as_a_conization() -> None:
    cones = {code for code, c in codes("cervical-conization").items() if values(c, "isConization") == [True]}
    other = {code for code, c in codes("cpt").items() if values(c, "isConization") == [False]}
    checked = 0
    for map_id, rule in (("cpt-to-conization", other), ("icd-10-pcs-to-conization", None)):
        for _, _, element, mapped in rows(named("ConceptMap", map_id)):
            chosen = element["code"] in rule if rule is not None else not element["code"].startswith("0UBC")
            if chosen and element["code"] not in UNLISTED and mapped["code"] in cones:
                assert mapped["relationship"] == "not-related-to"
                checked += 1
    assert checked >= 10


def test_ablation_in_icd_10_pcs_is_no_conization_of_cpt() -> None:
    for code in (c for c in codes("icd-10-pcs") if c.startswith("0U5C")):
        assert matches("icd-10-pcs-to-cpt", code) == {
            **{cpt: (B if code[4] in "78" else "related-to", {}) for cpt in ("57510", "57511", "57513")},
            **{cpt: ("not-related-to", {}) for cpt in ("57520", "57522", "57461")},
        }


def test_the_last_character_decides_the_ms_drg() -> None:
    """With nothing else coded; a biopsy or a curettage beside it leads to 744 or 745 in any case."""
    alone = {"X": {"744", "745"}, "Z": {"746", "747"}}
    for code in (c for c in codes("icd-10-pcs") if c.startswith("0UBC")):
        found = matches("icd-10-pcs-to-ms-drg", code)
        for beside, groups in (("none-that-regroups", alone[code[-1]]), ("biopsy-or-curettage", alone["X"])):
            left = {group for group, (_, known) in found.items() if beside in known["otherProcedures"]}
            assert left == groups
        for group, (_, known) in found.items():
            assert known["principalDiagnosis"] == {"of-mdc-13"}
            assert known["ccMcc"] == {"with-cc-mcc" if int(group) % 2 == 0 else "without-cc-mcc"}


def test_a_gem_is_in_a_map_of_its_own_with_its_flags() -> None:
    pairs: Counter[tuple[str, str, bool]] = Counter()
    for map_ in of_type("ConceptMap"):
        gem = map_["id"].endswith("-gem")
        for _, _, _, mapped in rows(map_):
            assert bool(values(mapped, "gemFlags")) is gem
            assert not gem or mapped["relationship"] == "related-to"
        pairs[map_["group"][0]["source"], map_["group"][0]["target"], gem] += 1
    gems = {(source, target) for source, target, gem in pairs if gem}
    assert gems == {(I9, PCS), (PCS, I9), (I9, CM), (CM, I9)}
    assert not gems & {(source, target) for source, target, gem in pairs if not gem}


def test_67_2_has_the_five_rows_of_the_official_file_with_flags_10000() -> None:
    found = [t for _, _, e, t in rows(named("ConceptMap", "icd9-to-pcs-gem")) if e["code"] == "67.2"]
    assert [t["code"] for t in found] == ["0UBC0ZZ", "0UBC3ZZ", "0UBC4ZZ", "0UBC7ZZ", "0UBC8ZZ"]
    assert {values(t, "gemFlags")[0] for t in found} == {"10000"}
    assert {values(t, "approximate")[0] for t in found} == {True}
    assert {values(t, "combination")[0] for t in found} == {False}


def test_the_backward_gem_is_the_official_file_not_the_forward_one() -> None:
    """0UBC7ZZ has two rows, and the pairs of a combination of the forward file are not turned round."""
    found = [t for _, _, e, t in rows(named("ConceptMap", "pcs-to-icd9-gem")) if e["code"] == "0UBC7ZZ"]
    assert [t["code"] for t in found] == ["67.2", "67.39"]
    back = {(e["code"], t["code"]) for _, _, e, t in rows(named("ConceptMap", "pcs-to-icd9-gem"))}
    forward = {(t["code"], e["code"]) for _, _, e, t in rows(named("ConceptMap", "icd9-to-pcs-gem"))}
    assert ("0UTC0ZZ", "68.49") in forward - back


def test_severe_dysplasia_of_who_goes_to_d06() -> None:
    found = matches("icd-10-to-icd-10-cm", "N87.2")
    assert found["D06.9"] == (N, {"cervixPart": {"part-not-stated"}})
    assert set(found) == {"D06.0", "D06.1", "D06.7", "D06.9"}
    assert "N87.2" not in codes("icd-10-cm")


def test_a_pair_of_codes_is_a_product() -> None:
    for _, _, element, mapped in rows(named("ConceptMap", "cpt-to-snomed")):
        if (element["code"], mapped["code"]) == ("57461", "23140002"):
            (product,) = mapped["product"]
            assert product["valueCoding"]["code"] == "176786003"


def test_repeated_conization_has_an_ops_code_of_its_own() -> None:
    found = matches("conization-to-ops", "conization")
    assert found["5-671.0"] == (B, {"episode": {"initial"}})
    assert found["5-671.1"] == (B, {"episode": {"repeat"}})


# -- value sets ----------------------------------------------------------------------------------


def test_value_sets_name_codes_that_are_known() -> None:
    known = {
        (s["url"], c["code"]) for s in of_type("CodeSystem") for c in concepts(s["concept"])
    } | reference_codes()
    for value_set in of_type("ValueSet"):
        for include in value_set["compose"]["include"]:
            assert {(include["system"], c["code"]) for c in include.get("concept", [])} <= known


def test_the_cpt_value_set_is_what_the_guard_says() -> None:
    (include,) = named("ValueSet", "conization-procedures-cpt")["compose"]["include"]
    guarded = {code for code, c in codes("cpt").items() if values(c, "isConization") == [True]}
    assert {c["code"] for c in include["concept"]} == guarded == {"57520", "57522", "57461"}


def test_histology_and_cytology_are_apart_as_excludes1_demands() -> None:
    """Excludes1 of ICD-10-CM is respected: histology and cytology are apart."""
    sets = [
        named("ValueSet", i)["compose"]["include"][0]
        for i in ("conization-indications", "conization-indications-cytology")
    ]
    histology, cytology = ({c["code"] for c in s["concept"]} for s in sets)
    assert not any(code.startswith("R87") for code in histology)
    assert all(code.startswith("R87.61") for code in cytology)
    assert "N87.0" not in histology


# -- the tables ----------------------------------------------------------------------------------

MISTAKES = [
    ("maps/cpt-to-conization.csv", "57420,colposcopy,related-to", "57420,colposcopy,equivalent", None, None),
    (
        "maps/cpt-to-conization.csv",
        "58999,conization-electrosurgical-other,related-to",
        "58999,conization-electrosurgical-other,equivalent",
        24,
        "a row with status S should never be equivalent",
    ),
    (
        "maps/cpt-to-conization.csv",
        "57460,conization,not-related-to",
        "57460,cone,not-related-to",
        8,
        "the code cone of",
    ),
    (
        "maps/cpt-to-conization.csv",
        "technique=laser",
        "technique=knife",
        4,
        "technique should be one of cold-knife",
    ),
    ("maps/cpt-to-conization.csv", "technique=laser", "technique", 4, "should read attribute=value"),
    ("maps/cpt-to-conization.csv", "technique=laser", "tool=laser", 4, "'tool' should be a code of"),
    (
        "maps/cpt-to-conization.csv",
        "57452,colposcopy,equivalent",
        "57452,colposcopy,same",
        9,
        "relationship should be",
    ),
    (
        "maps/cpt-to-conization.csv",
        "57452,colposcopy,equivalent",
        "57452,,equivalent",
        9,
        "a target should be given",
    ),
    (
        "maps/cpt-to-conization.csv",
        "57452,colposcopy,equivalent",
        "57452,colposcopy,related-to",
        9,
        "have a comment",
    ),
    ("maps/cpt-to-conization.csv", ",MDS|CMSW,V", ",MDS|CMSW,U", 23, "status 'U' is not published"),
    (
        "maps/cpt-to-conization.csv",
        ",MDS|CMSW,V",
        ",MDS|HEARSAY,V",
        23,
        "the evidence 'HEARSAY' should be a key",
    ),
    ("maps/cpt-to-conization.csv", ",MDS|CMSW,V", ",MDS|CMSW", 23, "should have 9 cells"),
    ("maps/cpt-to-conization.csv", ",MDS|CMSW,V", ",MDS|SEEN,V", 23, "on two named sources; else it is S"),
    ("maps/cpt-to-conization.csv", ",MDS|CMSW,V", ",MDS|JUDGE,V", 23, "on two named sources; else it is S"),
    (
        "maps/icd-10-cm-to-icd-10.csv",
        "N86,N86,equivalent,,,",
        "N86,N86,source-is-broader-than-target,,,Wider.",
        9,
        "but maps/icd-10-to-icd-10-cm.csv, line 17 says equivalent of the way back",
    ),
    ("maps/cpt-to-conization.csv", ",MDS|CMSW,V", ",MDS|OPPS,V", 23, "on two named sources; else it is S"),
    (
        "code-systems/cpt/statements.csv",
        "verified,ARTICLE|MIGYN|STATP|ITK",
        "verified,ARTICLE|SEEN",
        3,
        "on two named sources; else it is S",
    ),
    (
        "code-systems/cpt/statements.csv",
        "verified,ARTICLE|MIGYN|STATP|ITK",
        "verified,ARTICLE|MIGYN",
        3,
        "on two named sources; else it is S",
    ),
    (
        "code-systems/cervical-conization/concepts.csv",
        "the uterus stays.,V,CA|GH",
        "the uterus stays.,V,PCSX|MESH",
        22,
        "status V of a definition should rest on more than a file of names",
    ),
    (
        "sources.csv",
        "SEEN,unnamed,",
        "SEEN,secret,",
        44,
        "kind should be one of owner, names, public, payment, unnamed, judgement",
    ),
    (
        "sources.csv",
        "\nPCSX,names,",
        "\nPCS,names,",
        3,
        "the key PCS should be listed once",
    ),
    (
        "sources.csv",
        "\nPCSX,names,",
        "\nHEARSAY,public,Nobody cites it\nPCSX,names,",
        3,
        "the source HEARSAY should be cited by a row",
    ),
    (
        "maps/icd-10-cm-to-snomed.csv",
        "one of the things the code holds.,CM26|CDS,S",
        "one of the things the code holds.,CM26|CDS,V",
        9,
        "254890008 has status S in its own table, so this row should not have V",
    ),
    (
        "maps/icd-10-cm-to-snomed.csv",
        "ICD-10-CM counts an adenomatous one elsewhere.,CM26|GPS,V",
        "ICD-10-CM counts an adenomatous one elsewhere.,CM26|GPS,S",
        34,
        "N84.1 to 65576009 is S, but maps/snomed-to-icd-10-cm.csv, line 43 says V of the way back",
    ),
    (
        "code-systems/cpt/concepts.csv",
        "NSV|CMSW|OPPS",
        "NSV|CMSW",
        10,
        "oppsStatusIndicator comes from OPPS, which the evidence should name",
    ),
    (
        "code-systems/cervical-conization/concepts.csv",
        "colposcopyGuided,anesthesiaUsual",
        "colposcopyGuided,includesIntegral",
        3,
        "includesIntegral should be declared for cervical-conization",
    ),
    (
        "maps/conization-to-cpt.csv",
        "technique=cold-knife; technique=laser,",
        "technique=cold-knife; technique=laser; setting=outpatient-or-professional,",
        3,
        "setting conditions other rows of conization, but not this one",
    ),
    (
        "maps/conization-to-cpt.csv",
        ",colposcopyGuided,,57520 covers",
        ",,,57520 covers",
        2,
        "colposcopyGuided conditions other rows of conization",
    ),
    (
        "maps/conization-to-cpt.csv",
        ",colposcopyGuided,,57520 covers",
        ",colposcopyGuided|approach,,57520 covers",
        2,
        "regardlessOf names approach, which conditions no other row",
    ),
    (
        "maps/conization-to-hcpcs.csv",
        ",ANWEB,V",
        ",ANWEB,S",
        2,
        "no-map with status S should be a gap",
    ),
    ("maps/conization-to-opcs-4.csv", ",,gap,", ",Q03,gap,", 4, "a target should be given, or else"),
    ("maps/conization-to-opcs-4.csv", ",NHSQL,\n", ",NHSQL,S\n", 4, "a gap should have no status"),
    (
        "maps/conization-to-icd-10-pcs.csv",
        "history-of-conization,,",
        "conization,,",
        22,
        "should have either targets or no-map",
    ),
    (
        "maps/icd9-to-pcs-gem.csv",
        "67.2,0UBC0ZZ,related-to,10000",
        "67.2,0UBC0ZZ,related-to,1000",
        12,
        "five digits",
    ),
    ("code-systems/cpt/concepts.csv", "57420,", "57421,", 3, "the code 57421 should be listed once"),
    ("code-systems/cpt/concepts.csv", "technique,intent", "tool,intent", 8, "tool should be declared"),
    (
        "code-systems/cervical-conization/concepts.csv",
        "colposcopy,related-cervical-procedure",
        "colposcopy,other",
        11,
        "the parent other",
    ),
    (
        "code-systems/cervical-conization/designations.csv",
        "ro,,",
        "ro,preferred,",
        49,
        "should not have the use 'preferred'",
    ),
    ("properties.csv", "code,systems", "code,system", 1, "the header row should name the column systems"),
    (
        "value-sets.csv",
        "conization-related-billing,ms-drg,744",
        "conization-related-billing,ms-drg,743",
        40,
        "the code 743",
    ),
    ("systems.csv", ",cms,Has no code", ",nobody,Has no code", 5, "the notice 'nobody' should be"),
]


@pytest.mark.parametrize(("file", "right", "wrong", "line", "problem"), MISTAKES)
def test_a_mistake_in_a_table_is_named_with_its_place_and_its_remedy(
    copy: Path, file: str, right: str, wrong: str, line: int | None, problem: str | None
) -> None:
    """A mistake in a table is named with its file, its line and the remedy."""
    path = copy / "source" / file
    text = path.read_text("utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), "utf-8")
    if problem is None:
        assert check(copy)  # allowed, and seen as a difference
        return
    with pytest.raises(PublicationError) as caught:
        build(copy / "source")
    assert (caught.value.file, caught.value.line) == (file, line)
    assert problem in caught.value.problem


def test_a_table_that_is_missing_or_not_utf_8_is_named(copy: Path) -> None:
    path = copy / "source/maps/conization-to-mesh.csv"
    path.write_bytes(path.read_bytes() + b"\xff")
    with pytest.raises(PublicationError, match="conization-to-mesh.csv: should be CSV in UTF-8"):
        build(copy / "source")
    path.unlink()
    with pytest.raises(PublicationError, match="conization-to-mesh.csv: there is no such table"):
        build(copy / "source")


def test_publication_toml_is_named_when_it_is_missing_or_incomplete(copy: Path) -> None:
    path = copy / "source/publication.toml"
    path.write_text("[publication]\nbase = ", "utf-8")
    with pytest.raises(PublicationError, match="should be TOML"):
        build(copy / "source")
    path.unlink()
    with pytest.raises(PublicationError, match="there is no such file"):
        build(copy / "source")


def test_the_tables_of_the_page_are_made_from_the_content(copy: Path) -> None:
    page = copy.parent / "docs/content.md"
    page.parent.mkdir()
    page.write_text("Gaps:\n<!-- table: gaps -->\nnone\n<!-- end of table -->\nThe end.\n", "utf-8")
    assert check(copy) == ["docs/content.md: its tables and those of fhir_bundles/source differ"]
    write(copy)
    text = page.read_text("utf-8")
    assert text.startswith("Gaps:") and text.endswith("-->\nThe end.\n")
    assert "| `conization-to-opcs-4` | `conization-loop`, `conization-loop-colposcopic` | Large loop" in text
    assert check(copy) == []
    page.write_text(text.replace("table: gaps", "table: holes"), "utf-8")
    with pytest.raises(PublicationError, match="there is no table 'holes': codes, coverage, gaps, sources"):
        check(copy)


def test_a_reader_finds_the_code_of_each_technique_in_the_page() -> None:
    page = FOLDER.parent / "docs" / "content.md"
    if not page.exists():
        pytest.skip("the documentation is not beside an installed package")
    lines = [
        line for line in page.read_text("utf-8").splitlines() if line.startswith("| `conization-cold-knife`")
    ]
    outpatient, diagnostic, therapeutic = (line.split(" | ") for line in lines)
    assert outpatient[1:5] == ["physician, or facility for an outpatient", "either", outpatient[3], "–"]
    assert outpatient[3].startswith("57520 (CA, ")
    assert diagnostic[2:4] == ["diagnostic", "–"] and diagnostic[4].startswith("0UBC7ZX (PCS, PCSX)")
    assert therapeutic[2:4] == ["therapeutic", "–"] and therapeutic[4].startswith("0UBC7ZZ (PCS, PCSX)")
    assert "67.2 (I9, I9X)" in therapeutic[5] and "JKFA031 (CCAM)" in therapeutic[6]


def test_the_content_is_found_beside_the_package() -> None:
    assert Path(terminology.__file__).parent.parent == FOLDER.parent
    assert (FOLDER / "source" / "publication.toml").is_file()


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("maps/new.csv", r"maps/new.csv: should have an entry in publication.toml: \[\[ConceptMap\]\]"),
        (
            "code-systems/new/concepts.csv",
            r"code-systems/new: should have an entry in publication.toml: \[\[CodeSystem\]\]",
        ),
    ],
)
def test_a_table_that_would_not_be_published_is_refused(copy: Path, kept: str, said: str) -> None:
    path = copy / "source" / kept
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("source,target\n", "utf-8")
    with pytest.raises(PublicationError, match=said):
        build(copy / "source")


def test_bundles_are_built_in_the_checkout_that_one_stands_in(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    shutil.copytree(copy, checkout / "fhir_bundles")
    monkeypatch.chdir(checkout)
    assert working_folder() == Path("fhir_bundles")
    assert working_folder(copy) == copy  # stated by --folder
    with pytest.raises(PublicationError, match="--folder"):
        working_folder(tmp_path)


def test_what_is_installed_is_not_edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("terminology.content.publication.FOLDER", tmp_path / "site-packages" / "fhir_bundles")
    with pytest.raises(PublicationError, match="run this in a checkout"):
        working_folder()
