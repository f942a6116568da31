"""ISO 3166 as HL7 defines it: https://terminology.hl7.org/ISO3166.html. The codes are those of ``iso``."""

from __future__ import annotations

from terminology.core.model import Document, Filter
from terminology.systems.description import (
    COMPARING,
    CodeShape,
    DescribedProperty,
    Describing,
    FilterRule,
    ImplicitValueSet,
    NotOffered,
    SystemDescription,
)
from terminology.systems.implicit import all_of

COUNTRIES = "urn:iso:std:iso:3166"
SUBDIVISIONS = "urn:iso:std:iso:3166:-2"
FORMER_COUNTRIES = "urn:iso:std:iso:3166:-3"
CURRENCIES = "urn:iso:std:iso:4217"
FORMS = ("alpha-2", "alpha-3", "numeric")
SETS = "http://hl7.org/fhir/ValueSet"
# The value sets of FHIR that are all codes, or all of one form; that of two letters has no user-assigned codes.
VALUE_SETS: dict[str, tuple[Filter, ...]] = {
    f"{SETS}/country": (),
    f"{SETS}/iso3166-1-2": (Filter("code", "regex", "A[B-Z]|[B-PR-WY][A-Z]|Q[A-L]|Z[A-Y]"),),
    f"{SETS}/iso3166-1-3": (Filter("code", "regex", "[A-Z]{3}"),),
    f"{SETS}/iso3166-1-N": (Filter("code", "regex", "[0-9]{3}"),),
}


def _value_set(system: Describing, url: str) -> Document:
    return all_of(system.about, url, *VALUE_SETS[url])


_NO_OTHERS = NotOffered("subsumption, and inactive codes", "ISO 3166 has neither")
DESCRIPTION = SystemDescription(
    url=COUNTRIES,
    name="ISO 3166-1",
    codes=(
        "The alpha-2, alpha-3 and numeric codes of countries in one code system, in any case. User-assigned codes are "
        "codes: `AA`, `QM` to `QZ`, `XA` to `XZ`, `ZZ`, the same with a third letter, and `900` to `999`; those of "
        "three characters are not listed, so that the whole is unclosed. Part 2 (subdivisions, `US-NY`) is "
        "`urn:iso:std:iso:3166:-2`, part 3 (former countries, four letters) `urn:iso:std:iso:3166:-3`; part 1 has no "
        "`:-1`."
    ),
    displays=(
        "The short name in English; other English names and the French one are designations. User-assigned codes have "
        "`User-assigned`; any other display of them gets no more than an information, and a supplement may define one."
    ),
    versions="The year of the list.",
    inactive="None.",
    subsumption="None; some subdivisions have a parent.",
    source="https://terminology.hl7.org/ISO3166.html",
    shape=CodeShape("[A-Z]{2,3}|[0-9]{3}", "two or three letters, or three digits"),
    properties=(
        DescribedProperty("alpha-2, alpha-3, numeric", "code", "The other codes of the country."),
        DescribedProperty("type, country", "string, code", "Of a subdivision."),
        DescribedProperty("alpha-2, withdrawn", "code, dateTime", "Of a former country."),
    ),
    filters=(
        FilterRule(
            ("code", "concept"), COMPARING, "a code, a list or a pattern of a whole code: `[A-Z]{2}`", "these codes"
        ),
        FilterRule(FORMS, COMPARING, "a code: `CHE`", "the other codes of that country. Not HL7's"),
    ),
    value_sets=tuple(
        ImplicitValueSet(
            url,
            f"`code regex {filters[0].value}`" if filters else "all codes",
            _value_set,
        )
        for url, filters in VALUE_SETS.items()
    ),
    not_offered=(
        NotOffered(
            "the codes of one year of the past", "the library has the present list; part 3 has the former countries"
        ),
        _NO_OTHERS,
    ),
)  # fmt: skip
