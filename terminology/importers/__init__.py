"""Which releases can be imported? An importer is one file beside this one, and a line in ``IMPORTERS``.

It says which files are its own and of which version, and turns them into the neutral rows of ``release``;
how files, archives and tables are read is in ``files``, how rows of several files come together in
``buckets``.
"""

from __future__ import annotations

from terminology.importers.cpt import CPT
from terminology.importers.fhir import FHIR
from terminology.importers.gem import GEM
from terminology.importers.hcpcs import HCPCS
from terminology.importers.icd9cm import ICD9CM
from terminology.importers.icd10cm import ICD10CM
from terminology.importers.icd10pcs import ICD10PCS
from terminology.importers.loinc import LOINC
from terminology.importers.msdrg import MSDRG
from terminology.importers.omop import OMOP
from terminology.importers.rxnorm import RXNORM
from terminology.importers.snomed import SNOMED
from terminology.importers.table import CSV, XLSX
from terminology.release import Importer

IMPORTERS: tuple[Importer, ...] = (
    ICD10PCS,
    ICD10CM,
    ICD9CM,
    GEM,
    HCPCS,
    MSDRG,
    CPT,
    SNOMED,
    LOINC,
    RXNORM,
    OMOP,
    FHIR,
    CSV,
    XLSX,
)
