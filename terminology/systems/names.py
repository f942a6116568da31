"""The other names of code systems that HL7 registers, or did: OIDs, and urls that were used before.

A row has what every server may be asked with, whatever it has loaded. The NamingSystems of the content come before it.
https://terminology.hl7.org/identifiers.html, https://terminology.hl7.org/external_terminologies.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

_OID = "urn:oid:"
_HL7 = "2.16.840.1.113883"
_THO = "http://terminology.hl7.org/CodeSystem"


@dataclass(slots=True, frozen=True)
class SystemNames:
    """A code system by its url; ``oids`` and ``urls`` are its other names."""

    title: str
    url: str
    oids: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()


NAMES = (
    SystemNames("CPT", "http://www.ama-assn.org/go/cpt", (f"{_HL7}.6.12",)),
    SystemNames("SNOMED CT", "http://snomed.info/sct", (f"{_HL7}.6.96",)),
    SystemNames("LOINC", "http://loinc.org", (f"{_HL7}.6.1",)),
    SystemNames("RxNorm", "http://www.nlm.nih.gov/research/umls/rxnorm", (f"{_HL7}.6.88",)),
    SystemNames("UCUM", "http://unitsofmeasure.org", (f"{_HL7}.6.8",)),
    SystemNames("NDC", "http://hl7.org/fhir/sid/ndc", (f"{_HL7}.6.69",)),
    SystemNames("ICD-10", "http://hl7.org/fhir/sid/icd-10", (f"{_HL7}.6.3",), (f"{_THO}/icd10",)),
    SystemNames("ICD-10-CM", "http://hl7.org/fhir/sid/icd-10-cm", (f"{_HL7}.6.90",), (f"{_THO}/icd10CM",)),
    SystemNames(
        "ICD-10-PCS", "http://www.cms.gov/Medicare/Coding/ICD10", (f"{_HL7}.6.4",), (f"{_THO}/icd10PCS",)
    ),
    # One url for diagnoses (.103) and procedures (.104); .2 and the url that ends in "icd9cm" are retired.
    SystemNames(
        "ICD-9-CM",
        "http://hl7.org/fhir/sid/icd-9-cm",
        (f"{_HL7}.6.103", f"{_HL7}.6.104", f"{_HL7}.6.2"),
        (f"{_THO}/icd9cm", "http://hl7.org/fhir/sid/icd-9-proc"),
    ),
    SystemNames(
        "ICD-10-GM",
        "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
        (),
        ("http://fhir.de/CodeSystem/dimdi/icd-10-gm",),
    ),
    SystemNames("ICD-10-NL", "http://hl7.org/fhir/sid/icd-10-nl", (f"{_HL7}.6.3.2",)),
    SystemNames("CVX", "http://hl7.org/fhir/sid/cvx", (f"{_HL7}.12.292",), (f"{_THO}/CVX",)),
    SystemNames("MVX", "http://hl7.org/fhir/sid/mvx", (f"{_HL7}.12.227", f"{_HL7}.6.60"), (f"{_THO}/MVX",)),
    SystemNames(
        "HCPCS Level II",
        "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
        (f"{_HL7}.6.285", f"{_HL7}.6.14"),
        ("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", f"{_THO}/HCPCS-all-codes"),
    ),
    SystemNames("ISO 3166-1", "urn:iso:std:iso:3166", ("1.0.3166.1",), (f"{_THO}/v3-iso3166-1",)),
    SystemNames("ISO 3166-2", "urn:iso:std:iso:3166:-2", ("1.0.3166.2",)),
    SystemNames("UNII", "http://fdasis.nlm.nih.gov", (f"{_HL7}.4.9",)),
    SystemNames("HGVS", "http://varnomen.hgvs.org", (f"{_HL7}.6.282",)),
    SystemNames("BCP 47", "urn:ietf:bcp:47", (f"{_HL7}.6.121",), (f"{_THO}/ietf3066",)),
)


@cache
def _urls() -> dict[str, str]:
    """The url of a code system by its other names; an OID with and without its prefix."""
    oids = {prefix + oid: names.url for names in NAMES for oid in names.oids for prefix in (_OID, "")}
    return oids | {url: names.url for names in NAMES for url in names.urls}


def registered(uri: str) -> str:
    """The url of the code system that HL7 registers under another name; any other uri stays as it is.

    >>> registered("urn:oid:2.16.840.1.113883.6.90"), registered("http://example.org/own")
    ('http://hl7.org/fhir/sid/icd-10-cm', 'http://example.org/own')
    """
    return _urls().get(uri, uri)
