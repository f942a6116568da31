"""Code systems by the names that HL7 registers for them: an alias is understood, and the answer has the url."""

from __future__ import annotations

import pytest

from terminology import Terminology
from terminology.core.errors import TerminologyError
from tests.support.asking import value
from tests.support.builders import code_system, value_set
from tests.support.engine import catalogue_of

HL7, THO = "urn:oid:2.16.840.1.113883", "http://terminology.hl7.org/CodeSystem"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"

# Each code system with its other names.
NAMES = {
    "http://www.ama-assn.org/go/cpt": [f"{HL7}.6.12"],
    "http://snomed.info/sct": [f"{HL7}.6.96"],
    "http://loinc.org": [f"{HL7}.6.1"],
    "http://www.nlm.nih.gov/research/umls/rxnorm": [f"{HL7}.6.88"],
    "http://unitsofmeasure.org": [f"{HL7}.6.8"],
    "http://hl7.org/fhir/sid/ndc": [f"{HL7}.6.69"],
    "http://hl7.org/fhir/sid/icd-10": [f"{HL7}.6.3", f"{THO}/icd10"],
    "http://hl7.org/fhir/sid/icd-10-cm": [f"{HL7}.6.90", f"{THO}/icd10CM"],
    "http://www.cms.gov/Medicare/Coding/ICD10": [f"{HL7}.6.4", f"{THO}/icd10PCS"],
    # Diagnoses, procedures, the retired one, and the url that HL7's own server has for procedures.
    "http://hl7.org/fhir/sid/icd-9-cm": [
        f"{HL7}.6.103",
        f"{HL7}.6.104",
        f"{HL7}.6.2",
        f"{THO}/icd9cm",
        "http://hl7.org/fhir/sid/icd-9-proc",
    ],
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm": ["http://fhir.de/CodeSystem/dimdi/icd-10-gm"],
    "http://hl7.org/fhir/sid/icd-10-nl": [f"{HL7}.6.3.2"],
    "http://hl7.org/fhir/sid/cvx": [f"{HL7}.12.292", f"{THO}/CVX"],
    "http://hl7.org/fhir/sid/mvx": [f"{HL7}.12.227", f"{HL7}.6.60", f"{THO}/MVX"],
    HCPCS: [f"{HL7}.6.285", f"{HL7}.6.14", HCPCS.replace("http", "https"), f"{THO}/HCPCS-all-codes"],
    "urn:iso:std:iso:3166": ["urn:oid:1.0.3166.1", f"{THO}/v3-iso3166-1"],
    "urn:iso:std:iso:3166:-2": ["urn:oid:1.0.3166.2"],
    "http://fdasis.nlm.nih.gov": [f"{HL7}.4.9"],
    "http://varnomen.hgvs.org": [f"{HL7}.6.282"],
    "urn:ietf:bcp:47": [f"{HL7}.6.121", f"{THO}/ietf3066"],
}
PAIRS = [(url, other) for url, others in NAMES.items() for other in others]
# Systems of their own, although their names are like those of others.
OTHERS = [
    "http://hl7.org/fhir/sid/icd-9",
    "http://snomed.info/xsct",
    "urn:iso:std:iso:3166:-1",
    f"{HL7}.6.260",
]


@pytest.mark.parametrize(("url", "name"), PAIRS, ids=[name for _, name in PAIRS])
def test_another_name_of_a_code_system_is_answered_with_its_url(url: str, name: str) -> None:
    """In every release and operation, also where no NamingSystem says so."""
    ask = Terminology(catalogue=catalogue_of([code_system(url, "57520", version="1")])).ask
    for release in ("r4", "r4b", "r5"):
        found = ask("CodeSystem/$lookup", release=release, system=name, code="57520")
        assert value(found, "system") == url
        answer = ask("CodeSystem/$validate-code", release=release, url=name, code="57520")
        assert (value(answer, "result"), value(answer, "system")) == (True, url)
        of_coding = ask(
            "CodeSystem/$validate-code", release=release, coding={"system": name, "code": "57520"}
        )
        assert (value(of_coding, "result"), value(of_coding, "system")) == (True, url)
        whole = value_set("whole", {"system": name, "concept": [{"code": "57520"}]})
        expansion = ask("ValueSet/$expand", release=release, value_set=whole)["expansion"]
        assert [(node["system"], node["code"]) for node in expansion["contains"]] == [(url, "57520")]
        member = ask(
            "ValueSet/$validate-code",
            release=release,
            value_set=whole,
            coding={"system": name, "code": "57520"},
        )
        assert (value(member, "result"), value(member, "system")) == (True, url)


@pytest.mark.parametrize("name", OTHERS)
def test_a_name_that_nobody_registered_is_no_alias(name: str) -> None:
    catalogue = catalogue_of([code_system(url, "1") for url in NAMES])
    assert catalogue.preferred(name) == name and catalogue.find_system(name) is None


def test_a_bare_OID_is_looked_up_and_is_no_system_of_a_coding() -> None:
    """Coding.system is an absolute uri; $lookup is kinder."""
    ask = Terminology(catalogue=catalogue_of([code_system("http://loinc.org", "1-8")])).ask
    assert value(ask("CodeSystem/$lookup", system="2.16.840.1.113883.6.1", code="1-8"), "code") == "1-8"
    answer = ask("CodeSystem/$validate-code", coding={"system": "2.16.840.1.113883.6.1", "code": "1-8"})
    assert value(answer, "result") is False and "absolute reference" in value(answer, "message")


NEIGHBOURS = [
    ("http://fdasis.nlm.nih.gov", "R16CO5Y76E", "ASPIRIN"),
    ("urn:iso:std:iso:11073:10101", "150456", "MDC_PULS_OXIM_SAT_O2"),
    ("http://varnomen.hgvs.org", "NM_1:c.1A>G", "a variant"),
    ("http://ncimeta.nci.nih.gov", "C1", "a concept"),
    ("http://hl7.org/fhir/sid/mvx", "DRG", "Dragon Works"),
]


@pytest.mark.parametrize(("url", "code", "display"), NEIGHBOURS, ids=[row[0] for row in NEIGHBOURS])
def test_a_neighbour_is_what_is_loaded_of_it(url: str, code: str, display: str) -> None:
    """Without a copy it is unknown, and an expansion is refused."""
    copy = code_system(url, {"code": code, "display": display}, version="1")
    whole = value_set("whole", {"system": url})
    ask = Terminology(catalogue=catalogue_of([copy])).ask
    assert value(ask("CodeSystem/$lookup", system=url, code=code), "display") == display
    assert ask("ValueSet/$expand", value_set=whole)["expansion"]["total"] == 1
    without = Terminology(catalogue=catalogue_of([])).ask
    for operation, parameters in (
        ("CodeSystem/$lookup", {"system": url, "code": code}),
        ("ValueSet/$expand", {"value_set": whole}),
    ):
        with pytest.raises(TerminologyError) as refusal:
            without(operation, **parameters)
        assert refusal.value.issues[0].code == "not-found"


def test_a_resource_with_the_other_name_as_its_url_keeps_it() -> None:
    old = code_system(f"{THO}/icd10", "N87", version="1")
    answer = Terminology(catalogue=catalogue_of([old])).ask(
        "CodeSystem/$validate-code", url=f"{THO}/icd10", code="N87"
    )
    assert (value(answer, "result"), value(answer, "system")) == (True, f"{THO}/icd10")
