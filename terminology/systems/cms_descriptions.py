"""HCPCS Level II and MS-DRG as CMS and HL7 define them."""

from __future__ import annotations

from terminology.systems.description import (
    COMPARING,
    DescribedProperty,
    FilterRule,
    NotOffered,
    SystemDescription,
)

HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
MSDRG = (
    "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/"
    "MS-DRG-Classifications-and-Software"
)
_CODES = FilterRule(("code", "concept"), COMPARING, "a code, or a list", "these codes")
_NO_SETS = NotOffered("implicit value sets and maps", "neither the owner nor HL7 defines any")

HCPCS_DESCRIPTION = SystemDescription(
    url=HCPCS,
    name="HCPCS Level II",
    codes=(
        "A letter from A to V and four digits, or a modifier: two characters, the first a letter. Level I is CPT and "
        "another code system. A map that does not have a code with a modifier (`G0101-LT`) translates the code without."
    ),
    displays="The long description, its lines joined in their order; the short one is a designation.",
    versions="Year and quarter, from the name of the file: `2026-01`.",
    inactive="Codes whose use ended on or before the first day of the version.",
    subsumption="None: the files have no hierarchy.",
    has_hierarchy=False,
    source="https://www.cms.gov/medicare/coding-billing/healthcare-common-procedure-system",
    properties=(
        DescribedProperty("modifier", "boolean", "Whether the concept is a modifier."),
        DescribedProperty("added, effective, terminated", "dateTime", "The dates of the record."),
        DescribedProperty("action", "code", "The action of the last update."),
    ),
    filters=(
        _CODES,
        FilterRule(("modifier",), COMPARING, "`true`, `false`", "modifiers; codes"),
        FilterRule(("action",), COMPARING, "an action: `A`", "codes with it"),
        FilterRule(("added", "effective", "terminated"), COMPARING, "a date: `2026-01-01`", "codes with it"),
    ),
    not_offered=(
        NotOffered(
            "codes with modifiers as one code", "HL7 defines them for CPT alone, where HCPCS modifiers may follow"
        ),
        NotOffered("the sections of the printed book", "the files do not have them"),
        NotOffered(
            "the words of D codes", "they are copyright of the American Dental Association; the file has what it has"
        ),
        _NO_SETS,
    ),
)  # fmt: skip
MSDRG_DESCRIPTION = SystemDescription(
    url=MSDRG,
    name="MS-DRG",
    codes="Three digits; zeros belong to the code (`001`).",
    displays="The title of Table 5, or of Appendix A of the Definitions Manual.",
    versions="The fiscal year that Table 5 names, or that of the version of the manual: `FY2026`.",
    inactive="None.",
    subsumption="None.",
    has_hierarchy=False,
    source="https://www.cms.gov/medicare/payment/prospective-payment-systems/acute-inpatient-pps",
    properties=(
        DescribedProperty("mdc", "string", "The major diagnostic category."),
        DescribedProperty("type", "code", "`SURG` or `MED`."),
        DescribedProperty("weight, weightCapped", "decimal", "The relative weight, before and after the cap."),
        DescribedProperty("geometricMeanStay, arithmeticMeanStay", "decimal", "The mean lengths of stay, in days."),
        DescribedProperty("postAcute, specialPay", "boolean", "Whether the rules for transfers apply."),
    ),
    filters=(
        _CODES,
        FilterRule(("mdc", "type", "postAcute", "specialPay"), COMPARING, "a value", "groups with it"),
        FilterRule(
            ("weight", "weightCapped", "geometricMeanStay", "arithmeticMeanStay"), COMPARING,
            "a number", "groups with it",
        ),
    ),
    not_offered=(
        NotOffered(
            "the number of the grouper and of the release in a version (`2026.43.R1`)",
            "Table 5 does not say them; a CodeSystem resource may have such a version",
        ),
        NotOffered("groups of CC and MCC splits as a hierarchy", "CMS names no code for a base group"),
        _NO_SETS,
    ),
)  # fmt: skip
DESCRIPTIONS = (HCPCS_DESCRIPTION, MSDRG_DESCRIPTION)
