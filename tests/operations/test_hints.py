"""What a user may have meant: the same hints in every operation, from one place (``operations/spelling.py``)."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from terminology import Settings, Terminology, TerminologyError, create_app
from tests.support.builders import body_of, code_system, concept, concept_map, value_set
from tests.support.engine import catalogue_of
from tests.support.pets import Json, read

CPT = "http://www.ama-assn.org/go/cpt"
PROCEDURES = "http://www.cms.gov/Medicare/Coding/ICD10"
HIPPS = "http://example.org/fhir/hipps"
MAP = "http://example.org/ConceptMap/cpt-to-pcs"
MS_DRG = (
    "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/"
    "MS-DRG-Classifications-and-Software"
)
LOAVES = "http://example.org/loaf-stages"
NAMING = {
    "resourceType": "NamingSystem",
    "name": "LoafStagesNamingSystem",
    "title": "Stages of loaves",
    "status": "active",
    "kind": "codesystem",
    "uniqueId": [{"type": "uri", "value": LOAVES}, {"type": "v2csmnemonic", "value": "LF"}],
}
BOTH_RELEASES = pytest.mark.parametrize("release", ["r4", "r5"])
ROW = {"code": "57520", "target": [{"code": "0UBC7ZZ", "relationship": "equivalent"}]}
# A map without a url is no answer to what may have been meant.
NAMELESS = {**concept_map("x", CPT, HIPPS, []), "id": "cpt-to-pcs"}
del NAMELESS["url"]
LIBRARY = Terminology(
    catalogue=catalogue_of(
        [
            code_system(CPT, "57520", "00520", concept("57522", property=[{"code": "technique", "valueString": "x"}]),
                        property=[{"code": "technique", "type": "string"}], caseSensitive=True),
            code_system(PROCEDURES, "0UBC7ZZ", "007", name="Procedures", caseSensitive=True),
            value_set("cpt", {"system": CPT}),
            value_set("procedures", {"system": PROCEDURES}),
            concept_map(MAP, CPT, PROCEDURES, [ROW], id="c-p"),
            concept_map("cpt-to-hipps", CPT, HIPPS, [ROW]),
            NAMELESS,
            NAMING,
        ]
    )
)  # fmt: skip
CODES = [
    (PROCEDURES, "procedures", "OUBC7ZZ", "0UBC7ZZ"),
    (PROCEDURES, "procedures", "oubc7zz", "0UBC7ZZ"),
    (PROCEDURES, "procedures", "UBC7ZZ", "0UBC7ZZ"),
    (PROCEDURES, "procedures", "0UB.C7ZZ", "0UBC7ZZ"),
    (PROCEDURES, "procedures", "7", "007"),
    (CPT, "cpt", "57520:LT", "57520"),
    (CPT, "cpt", "57520-51-LT", "57520"),
    (CPT, "cpt", "57520-51", "57520:51"),
    (CPT, "cpt", "57520 LT", "57520"),
    (CPT, "cpt", "57520 LT 59", "57520:LT:59"),
    (CPT, "cpt", "57520 51", "57520:51"),
    (CPT, "cpt", "520", "00520"),
]
SYSTEMS = [
    ("CPT", CPT),
    ("cpt-4", CPT),
    ("ICD-10-PCS", PROCEDURES),
    ("Procedures", PROCEDURES),
    ("https://www.ama-assn.org/go/cpt", CPT),
    ("http://ama-assn.org/go/cpt/", CPT),
    ("SNOMED", "http://snomed.info/sct"),
    ("C4", CPT),
    ("HCPCS Level II", "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"),
    ("MS-DRG", MS_DRG),
    ("MSDRG", MS_DRG),
    ("DRG", MS_DRG),
    ("OPCS-4", "https://fhir.hl7.org.uk/CodeSystem/OPCS-4"),
    ("CCAM", "https://smt.esante.gouv.fr/terminologie-ccam"),
    ("OPS", "http://fhir.de/CodeSystem/bfarm/ops"),
    ("BCP47", "urn:ietf:bcp:47"),
    ("http://hl7.org/fhir/sid/icd10cm", "http://hl7.org/fhir/sid/icd-10-cm"),
    # A NamingSystem that is here has names, and a mnemonic.
    ("Stages of Loaves", LOAVES),
    ("LoafStages", LOAVES),
    ("LoafStagesNamingSystem", LOAVES),
    ("LF", LOAVES),
    ("https://example.org/loaf_stages", LOAVES),
]


def diagnostics(answer: Json) -> list[str]:
    outcomes = [part["resource"] for part in answer["parameter"] if part["name"] == "issues"]
    return [issue["diagnostics"] for o in outcomes for issue in o["issue"] if "diagnostics" in issue]


def validated(
    release: str, kind: str, system: str, code: str, set_: str = "cpt", as_coding: bool = False
) -> Json:
    nodes: list[Json] = [{"name": "code", "valueCode": code}]
    if as_coding:
        nodes = [{"name": "coding", "valueCoding": {"system": system, "code": code}}]
    if kind == "ValueSet":
        nodes.append({"name": "url", "valueUri": f"http://example.org/vs/{set_}"})
        nodes += [] if as_coding else [{"name": "system", "valueUri": system}]
    else:
        nodes.append({"name": "url", "valueUri": system})
    return LIBRARY.ask(f"{kind}/$validate-code", body_of(*nodes), release)


def refused(operation: str, release: str, **values: Any) -> str:
    with pytest.raises(TerminologyError) as caught:
        LIBRARY.ask(operation, release=release, **values)
    return str(caught.value)


@BOTH_RELEASES
@pytest.mark.parametrize(("system", "set_", "code", "meant"), CODES)
def test_a_mistyped_code_is_pointed_out_in_every_operation(
    release: str, system: str, set_: str, code: str, meant: str
) -> None:
    hint = f"Did you mean '{meant}'?"
    assert hint in refused("CodeSystem/$lookup", release, system=system, code=code)
    assert hint in refused("CodeSystem/$subsumes", release, system=system, codeA=meant, codeB=code)
    for kind in ("CodeSystem", "ValueSet"):
        for as_coding in (False, True):
            answer = validated(release, kind, system, code, set_, as_coding)
            assert diagnostics(answer) == [hint]
            assert read(answer)["result"] is False
            assert "Did you mean" not in read(answer)["message"], "the text is HL7's own"


@BOTH_RELEASES
@pytest.mark.parametrize(("name", "meant"), SYSTEMS)
def test_a_system_that_is_nearly_named_is_pointed_out_in_every_operation(
    release: str, name: str, meant: str
) -> None:
    hint = f"Did you mean '{meant}'?"
    assert hint in refused("CodeSystem/$lookup", release, system=name, code="57520")
    assert hint in refused("ConceptMap/$translate", release, system=name, code="57520")
    assert hint in refused("CodeSystem/$subsumes", release, system=name, codeA="57520", codeB="57520")
    for parameter in ("targetSystem", "target"):
        asked = {"system": CPT, "code": "57520", parameter: name}
        assert hint in refused("ConceptMap/$translate", release, **asked)
    for kind in ("CodeSystem", "ValueSet"):
        for as_coding in (False, True):
            answer = validated(release, kind, name, "57520", as_coding=as_coding)
            assert read(answer)["result"] is False and diagnostics(answer) == [hint]


@BOTH_RELEASES
@pytest.mark.parametrize(
    ("name", "meant"), [("icd10pcs", PROCEDURES), (f"{PROCEDURES}/", PROCEDURES), (f"{HIPPS}/", HIPPS)]
)
def test_a_target_that_is_nearly_named_is_pointed_out(release: str, name: str, meant: str) -> None:
    hint = f"Did you mean '{meant}'?"
    codes: dict[str, Any] = {"system": CPT, "code": "57520"}
    assert hint in refused("ConceptMap/$translate", release, **codes, targetSystem=name)
    answer = LIBRARY.ask("ConceptMap/$translate", release=release, url=MAP, **codes, targetSystem=name)
    if meant == PROCEDURES:
        assert hint in read_message(answer)
        assert hint in refused("ConceptMap/$translate", release, **codes, target=name)


def read_message(answer: Json) -> str:
    return str(next(p["valueString"] for p in answer["parameter"] if p["name"] == "message"))


@BOTH_RELEASES
@pytest.mark.parametrize(
    "url",
    [
        "c-p",
        "cpt-to-pcs",
        "cpt-to-psc",
        MAP.upper(),
        f"{MAP}/",
        MAP.replace("http:", "https:"),
        MAP.replace("cpt-to", "ctp-to"),
    ],
)
def test_a_map_that_is_nearly_named_is_pointed_out(release: str, url: str) -> None:
    text = refused("ConceptMap/$translate", release, url=url, system=CPT, code="57520")
    assert f"Did you mean '{MAP}'?" in text


def test_the_library_logs_what_a_request_may_have_meant(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="terminology"):
        LIBRARY.lookup(CPT, "57522", property=["techniqe"])
    assert caplog.messages == ["There is no property 'techniqe'. Did you mean 'technique'?"]


@BOTH_RELEASES
def test_the_text_of_an_error_names_the_parameter_that_was_meant(release: str) -> None:
    body = body_of(sytem={"valueUri": CPT}, code={"valueCode": "57520"})
    with pytest.raises(TerminologyError, match="Did you mean 'system'"):
        LIBRARY.ask("CodeSystem/$lookup", body, release)


@BOTH_RELEASES
@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("ConceptMap/cpt-to-pcz/$translate", "cpt-to-pcs"),
        ("ConceptMap/CptToPcs/$translate", "cpt-to-pcs"),
        ("ConceptMap/cpt-to-pcz", "cpt-to-pcs"),
        ("ConceptMap/cpt-to-pcz/_history", "cpt-to-pcs"),
        ("ValueSet/loaf-stagez/$expand", "loaf-stages"),
        ("ValueSet/stages/$expand", None),
    ],
)
def test_a_resource_whose_id_is_nearly_named_is_pointed_out(
    release: str, path: str, meant: str | None
) -> None:
    content = [NAMELESS, value_set("loaf-stages", {"system": CPT}, id="loaf-stages")]
    client = create_app(Settings(environment={}, data=""), catalogue=catalogue_of(content)).test_client()
    answer = client.get(f"/fhir/{release}/{path}", query_string={"system": CPT, "code": "57520"})
    assert answer.status_code == 404
    text = answer.get_json()["issue"][0]["details"]["text"]
    assert (f"Did you mean '{meant}'?" in text) is (meant is not None)
