"""The importers: one module or folder for each kind of release, listed in ``IMPORTERS``.

An importer says which files are its own and which version they are, and turns their rows into the neutral
rows of ``store.release``. ``importer`` makes one of a function, ``files`` finds the files, ``rows`` reads
them, and ``buckets`` brings together the rows of several files that are about one concept.
"""

from __future__ import annotations

from terminology.content.importers.claml import CLAML
from terminology.content.importers.cpt import CPT
from terminology.content.importers.cvx import CVX
from terminology.content.importers.fhir import FHIR
from terminology.content.importers.gem import GEM
from terminology.content.importers.hcpcs import HCPCS
from terminology.content.importers.icd9cm import ICD9CM
from terminology.content.importers.icd10cm import ICD10CM
from terminology.content.importers.icd10pcs import ICD10PCS
from terminology.content.importers.loinc import LOINC
from terminology.content.importers.medicare import NCCI, OPPS, RVU
from terminology.content.importers.msdrg import MSDRG
from terminology.content.importers.ndc import NDC
from terminology.content.importers.omop import OMOP
from terminology.content.importers.rxnorm import RXNORM
from terminology.content.importers.snomed import SNOMED
from terminology.content.importers.table import CSV, XLSX
from terminology.store.release import Importer

IMPORTERS: tuple[Importer, ...] = (
    ICD10PCS,
    ICD10CM,
    ICD9CM,
    CLAML,
    GEM,
    HCPCS,
    MSDRG,
    CPT,
    OPPS,
    RVU,
    NCCI,
    SNOMED,
    LOINC,
    RXNORM,
    OMOP,
    NDC,
    CVX,
    FHIR,
    CSV,
    XLSX,
)
