"""Copyright notices of the publishers, for the ``copyright`` of an imported resource."""

from __future__ import annotations

CMS = (
    "Work of the United States government (Centers for Medicare & Medicaid Services, National Center for "
    "Health Statistics), in the public domain."
)
HCPCS = (
    f"{CMS} Dental codes (D…) are copyright of the American Dental Association, and not in the public domain."
)
ICD10CM = (
    "ICD-10-CM is published by the National Center for Health Statistics for free use in the United States; "
    "the World Health Organization retains its rights in ICD-10."
)
SNOMED = (
    "This material includes SNOMED Clinical Terms® (SNOMED CT®), which is copyright © 2002+ International "
    "Health Terminology Standards Development Organisation (SNOMED International). It may be used under the "
    "licence of the operator who imported it."
)
# The sentence that the German owners prescribe, word for word, by the name that they have in their files.
MACHINE_READABLE = {
    "BfArM": (
        "Die Erstellung erfolgt unter Verwendung der maschinenlesbaren Fassung des Bundesinstituts für "
        "Arzneimittel und Medizinprodukte (BfArM)."
    ),
    "DIMDI": (
        "Die Erstellung erfolgt unter Verwendung der maschinenlesbaren Fassung des Deutschen Instituts für "
        "Medizinische Dokumentation und Information (DIMDI)."
    ),
}
WHO = "© World Health Organization. It may be used under the licence of the operator who imported it."
