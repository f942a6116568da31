"""The standardized vocabularies of OHDSI (OMOP) as a code system: https://fhir-terminology.ohdsi.org.

OHDSI's own guide is not public; the rules are those that HL7's guide for OMOP and the expected answers of HL7's tests
have. The importer of OMOP (``content/importers/omop.py``) stores the properties.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

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
from terminology.systems.implicit import all_of, in_version

URL = "https://fhir-terminology.ohdsi.org"
VALUE_SET = f"{URL}/ValueSet"
# The relationships of CONCEPT_RELATIONSHIP that are properties.
RELATIONSHIPS = ("Maps to", "Mapped from", "Is a", "Subsumes")

COPYRIGHT = (
    "© Observational Health Data Sciences and Informatics (OHDSI), Apache License 2.0. The source vocabularies keep "
    "the terms of their owners. The vocabularies are meant for analyses, not for the care of patients."
)


def _standard_of_domain(filters: Any, filter_: Filter) -> Any:
    """The standard concepts of a domain, or of some."""
    domains = [item.strip() for item in filter_.value.split(",")] if filter_.op == "in" else [filter_.value]
    of_domain = filters.property_values("domain-id", is_number=False, is_code=False).having(domains)
    standard = filters.property_values("standard-concept", is_number=False, is_code=False).having(["S"])
    return of_domain - (of_domain - standard)


def _all(system: Describing, url: str) -> Document:
    return in_version(all_of(system.about, url), system.about.version)


def _of_domain(system: Describing, url: str) -> Document | None:
    domain = unquote(url.removeprefix(f"{VALUE_SET}/"))
    if not any(True for _ in system.select([Filter("domain-id", "=", domain)])):
        return None
    value_set = all_of(system.about, url, Filter("domain", "=", domain))
    return in_version(value_set, system.about.version) | {"name": f"OMOPDomain{domain}"}


DESCRIPTION = SystemDescription(
    url=URL,
    name="OMOP",
    codes="The `concept_id` of a concept.",
    displays="`concept_name`; the synonyms are designations in their languages.",
    versions=(
        "`YYYYMMDD`: the version of the vocabulary `OMOP Extension` in `VOCABULARY.csv`, or else that of the row "
        "`None`."
    ),
    inactive=(
        "Concepts with an `invalid_reason`, D or U. HL7's tests have them active; but nobody should choose one, and "
        "`invalid-reason` says why."
    ),
    subsumption="None.",
    source="https://build.fhir.org/ig/HL7/fhir-omop-ig",
    shape=CodeShape("[0-9]{1,18}", "digits only"),
    properties=(
        DescribedProperty("domain-id, concept-class-id", "code", "Their names."),
        DescribedProperty("vocabulary-id", "string", "The name of the vocabulary."),
        DescribedProperty(
            "domain-concept-id, concept-class-concept-id, vocabulary-concept-id",
            "code",
            "Their concepts, if the files of domains, classes and vocabularies are there.",
        ),
        DescribedProperty("standard-concept", "code", "`S` standard, `C` classification, `NS` neither."),
        DescribedProperty(
            "source-concept-code",
            "Coding",
            "The concept in its own code system; not there where the vocabulary has none that is known.",
        ),
        DescribedProperty("valid-start-date, valid-end-date", "dateTime", "When the concept is valid."),
        DescribedProperty(
            "invalid-reason", "string", "`D` deleted, `U` updated; not there for a valid concept."
        ),
        DescribedProperty(
            ", ".join(RELATIONSHIPS), "Coding", "The concepts to which it has the relationship."
        ),
    ),
    filters=(
        FilterRule(
            ("domain",),
            ("=", "in"),
            "a domain: `Drug`",
            "the standard concepts of the domain",
            _standard_of_domain,
        ),
        FilterRule(
            (
                "domain-id",
                "vocabulary-id",
                "concept-class-id",
                "standard-concept",
                "source-concept-code",
                "invalid-reason",
            ),
            COMPARING,
            "a value, a list or a regular expression",
            "concepts with the value; of a Coding its code counts",
        ),
        FilterRule(RELATIONSHIPS, COMPARING, "a `concept_id`", "concepts that have the relationship to it"),
        FilterRule(("code", "concept"), COMPARING, "a `concept_id`, or a list", "these concepts"),
    ),
    value_sets=(
        ImplicitValueSet(VALUE_SET, "all concepts", _all),
        ImplicitValueSet(f"{VALUE_SET}/[domain]", "the standard concepts of the domain", _of_domain),
    ),
    not_offered=(
        NotOffered(
            "the maps `ConceptMap/to-…` and `ConceptMap/from-…`",
            "each would repeat the concepts of a vocabulary: `source-concept-code` of a concept has the code there, "
            "and the filter of that name finds the concept of a code",
        ),
        NotOffered(
            "the other relationships of CONCEPT_RELATIONSHIP",
            "a download has tens of millions of them; those that lead to standard concepts and up and down are there",
        ),
        NotOffered(
            "the display of the concept in a relationship",
            "it would have to be read for each; `$lookup` of it says it",
        ),
        NotOffered(
            "subsumption by CONCEPT_ANCESTOR",
            "tx.fhir.org offers none either; `Is a` and `Subsumes` are there",
        ),
    ),
    copyright=COPYRIGHT,
)
