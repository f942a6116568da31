"""The code systems of the published crosswalk of cervical conization."""

from __future__ import annotations

BASE = "http://terminology.example.org/fhir"
OURS = f"{BASE}/CodeSystem/cervical-conization"
CPT = "http://www.ama-assn.org/go/cpt"
PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
ICD9 = "http://hl7.org/fhir/sid/icd-9-cm"
SCT = "http://snomed.info/sct"
CM = "http://hl7.org/fhir/sid/icd-10-cm"
CCAM = "https://smt.esante.gouv.fr/terminologie-ccam"
OPS = "http://fhir.de/CodeSystem/bfarm/ops"
OPCS = "https://fhir.hl7.org.uk/CodeSystem/OPCS-4"
MESH = "https://www.nlm.nih.gov/mesh"
DRG = "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software"
