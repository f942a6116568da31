"""What no fragment of a code system can hold, by the rules of the owners and by what a fragment says of itself."""

from __future__ import annotations

import pytest

from terminology.core.errors import TerminologyError
from terminology.core.model import CodeSystemInfo
from terminology.systems.code_shapes import COMPLETE_CODES, impossibility, may_be_elsewhere, unknown_code

SNOMED, LOINC, CPT = "http://snomed.info/sct", "http://loinc.org", "http://www.ama-assn.org/go/cpt"
PCS, CM = "http://www.cms.gov/Medicare/Coding/ICD10", "http://hl7.org/fhir/sid/icd-10-cm"
ICD10, ICD9 = "http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-9-cm"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
GM, OPS = "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "http://fhir.de/CodeSystem/bfarm/ops"
OPCS, CCAM = "https://fhir.hl7.org.uk/CodeSystem/OPCS-4", "https://smt.esante.gouv.fr/terminologie-ccam"
RXNORM, NDC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/ndc"
DRG = (
    "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/"
    "MS-DRG-Classifications-and-Software"
)

POSSIBLE = {
    # A concept, one of an extension, and expressions.
    SNOMED: ["54535009", "108941000119102", "54535009:363704007=71252005", "=== 54535009 |Loop| + 71252005"],
    LOINC: ["65753-6", "LP14635-4", "LA6576-8", "LL715-4", "10524-7"],
    CPT: ["57520", "0001F", "0075T", "0001U", "22", "P1", "57461:59", "57461:59:51"],
    PCS: ["0UBC7ZZ", "0UDB7ZX", "XW033E5"],
    CM: ["N87", "N87.2", "C7A.0", "T15.02XA", "U07.1", "QA0.0101", "N80-N98", "14"],
    ICD10: ["N87", "N87.2", "J21.8 B95.6", "J21.8+ B95.6*", "A00-A09", "XIV"],
    GM: ["S62.32 Z33!", "N87.2", "C53.-"],
    ICD9: ["622.1", "233.1", "67.2", "67", "V72.32", "E850.0", "001-139"],
    HCPCS: ["G0101", "V5364", "LT", "A1"],
    OPS: ["5-671", "5-671.y", "5-67", "1-471.2", "5-65...5-71", "5"],
    OPCS: ["Q03", "Q03.4", "Q034", "Q"],
    CCAM: ["JKHA002", "JK", "08.06"],
    RXNORM: ["1191", "2200644"],
    NDC: ["0777-3105-02", "50242-040-62", "0777-3105", "00777310502"],
    DRG: ["744", "001"],
}
IMPOSSIBLE = {
    # A wrong check digit, an id that lost a digit, a description, a relationship, a term, and their expressions.
    SNOMED: [
        "54535090",
        "5288900",
        "54535008",
        "680946014",
        "100022",
        "Cone biopsy",
        "54535008+71252005",
        "",
    ],
    LOINC: ["65753-5", "657536", "LX1-1", "Cytology"],
    CPT: ["ABC", "5752", "57520-51", "57520:57520", "57520:22A", "57520:", "575200"],
    PCS: ["0UBC7ZO", "0UBC7ZI", "0UBC7Z", "0UBC.7ZZ", "0ubc7zz", "0UB"],
    CM: ["ZZZ", "ZZ0Z", "N872", "N87.", "n87.2", "T15.02XABC", "N87.1!"],
    ICD10: ["N872", "NN7", "N87.123", "N87.2 B95.6 x"],
    GM: ["N872", "S62.32!!"],
    ICD9: ["6221", "E85.00", "V7", "67.233"],
    HCPCS: ["W0101", "G101", "1A", "57520"],
    OPS: ["5671", "5-6711", "5-671.123"],
    OPCS: ["Q3", "03Q", "Q03.45"],
    CCAM: ["JKHA02", "JKHA0022"],
    RXNORM: ["C0030193", "11.91"],
    NDC: ["0777310502", "0777-31-0502"],
    DRG: ["44", "0744", "DRG744"],
}


def fragment(url: str, *complete: str, case_sensitive: bool | None = True) -> CodeSystemInfo:
    extension = [{"url": f"http://example.org{COMPLETE_CODES}", "valueString": each} for each in complete]
    return CodeSystemInfo(
        url, "1", content="fragment", case_sensitive=case_sensitive, document={"extension": extension}
    )


@pytest.mark.parametrize(("url", "code"), [(url, code) for url, codes in POSSIBLE.items() for code in codes])
def test_a_code_of_the_right_shape_may_be_in_another_part(url: str, code: str) -> None:
    assert may_be_elsewhere(fragment(url), code)


@pytest.mark.parametrize(
    ("url", "code"), [(url, code) for url, codes in IMPOSSIBLE.items() for code in codes]
)
def test_a_code_of_a_wrong_shape_is_in_no_part(url: str, code: str) -> None:
    assert not may_be_elsewhere(fragment(url), code)
    assert f"'{code}' cannot be a code of '{url}': a code has " in unknown_code(fragment(url), code).text


def test_the_shape_is_judged_in_any_case_unless_case_matters() -> None:
    for case_sensitive in (False, None):
        assert may_be_elsewhere(fragment(PCS, case_sensitive=case_sensitive), "0ubc7zz")
        assert not may_be_elsewhere(fragment(PCS, case_sensitive=case_sensitive), "0ubc7zo")
        assert may_be_elsewhere(fragment(OPS, case_sensitive=case_sensitive), "5-671.Y")


def test_a_code_of_a_complete_part_is_in_no_other_part() -> None:
    part = fragment("http://example.org/own", "a.*", "b[0-9]")
    assert [may_be_elsewhere(part, code) for code in ("a1", "b1", "b12", "c")] == [False, False, True, True]
    assert unknown_code(part, "a1").text == (
        "Unknown code 'a1' in the CodeSystem 'http://example.org/own' version '1'. 'a1' cannot be a code of "
        "'http://example.org/own|1': all of its codes that match the regular expression 'a.*' are on this server"
    )


def test_a_complete_part_is_written_as_a_regular_expression() -> None:
    with pytest.raises(TerminologyError):
        impossibility(fragment("http://example.org/own", "("), "a")


def test_nothing_is_said_of_other_code_systems() -> None:
    assert may_be_elsewhere(fragment("http://example.org/own"), "anything at all")
    assert not may_be_elsewhere(CodeSystemInfo(SNOMED, "1"), "54535009")
