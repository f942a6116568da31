"""CVX, the codes of vaccines administered, as the CDC and HL7 define them: https://terminology.hl7.org/CVX.html."""

from __future__ import annotations

from terminology.systems.description import (
    COMPARING,
    CodeShape,
    DescribedProperty,
    FilterRule,
    NotOffered,
    SystemDescription,
)

URL = "http://hl7.org/fhir/sid/cvx"
STATUSES = {
    "Active": "active",
    "Inactive": "inactive",
    "Pending": "pending",
    "Never Active": "never-active",
    "Non-US": "non-US",
}

DESCRIPTION = SystemDescription(
    url=URL,
    name="CVX",
    codes="Two or three digits; the zero before them belongs to the code (`03`).",
    displays="The short description; the full name of the vaccine is a designation.",
    versions="`YYYYMMDD`: the day of the last update of a code.",
    inactive=(
        "None: the status says whether a vaccine is available in the United States, not whether the code may be used."
    ),
    has_hierarchy=False,
    subsumption="None.",
    source="https://terminology.hl7.org/CVX.html",
    shape=CodeShape("[0-9]{2,3}", "two or three digits"),
    properties=(
        DescribedProperty(
            "vaccine-status", "code", ", ".join(f"`{status}`" for status in STATUSES.values()) + "."
        ),
        DescribedProperty(
            "non-vaccine", "boolean", "Whether it is something else than a vaccine, as an immune globulin."
        ),
        DescribedProperty("notes", "string", "The notes of the CDC."),
        DescribedProperty("last-updated", "dateTime", "The day of the last update."),
    ),
    filters=(
        FilterRule(("vaccine-status",), COMPARING, "a status", "vaccines with it"),
        FilterRule(
            ("non-vaccine",), COMPARING, "`true`, `false`", "codes that are not of vaccines, or that are"
        ),
        FilterRule(("code", "concept"), COMPARING, "a code, or a list", "these codes"),
    ),
    not_offered=(
        NotOffered("implicit value sets and maps", "neither the owner nor HL7 defines any"),
        NotOffered(
            "a file in UTF-16", "it is refused with the words to save it as UTF-8, as every other file is"
        ),
    ),
)
