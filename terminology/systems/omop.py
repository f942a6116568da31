"""The standardized vocabularies of OHDSI (OMOP) as a code system: https://fhir-terminology.ohdsi.org.

OHDSI's own guide is not public; the rules are those that HL7's guide for OMOP and the expected answers of HL7's tests
have. The importer of OMOP (``content/importers/omop.py``) stores the properties.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import unquote

from terminology.core.model import Document, Filter
from terminology.systems.description import (
    COMPARING,
    CodeShape,
    DescribedProperty,
    Describing,
    FilterRule,
    ImplicitMap,
    ImplicitValueSet,
    NotOffered,
    SystemDescription,
)
from terminology.systems.implicit import all_of, in_version

URL = "https://fhir-terminology.ohdsi.org"
VALUE_SET = f"{URL}/ValueSet"
# The relationships of CONCEPT_RELATIONSHIP that are properties.
RELATIONSHIPS = ("Maps to", "Mapped from", "Is a", "Subsumes")


class Vocabulary(NamedTuple):
    """A vocabulary of OMOP whose codes are those of a code system: its name, its concept, and the code system."""

    id: str
    concept_id: str
    system: str


# The concept ids are those of VOCABULARY.csv, which do not change. https://athena.ohdsi.org
VOCABULARIES = (
    Vocabulary("SNOMED", "44819097", "http://snomed.info/sct"),
    Vocabulary("LOINC", "44819102", "http://loinc.org"),
    Vocabulary("RxNorm", "44819104", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    Vocabulary("CPT4", "44819100", "http://www.ama-assn.org/go/cpt"),
    Vocabulary("HCPCS", "44819101", "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"),
    Vocabulary("ICD10CM", "44819098", "http://hl7.org/fhir/sid/icd-10-cm"),
    Vocabulary("ICD10PCS", "44819125", "http://www.cms.gov/Medicare/Coding/ICD10"),
    Vocabulary("ICD9CM", "5046", "http://hl7.org/fhir/sid/icd-9-cm"),
    Vocabulary("ICD9Proc", "44819099", "http://hl7.org/fhir/sid/icd-9-cm"),
    Vocabulary("ICD10", "44819124", "http://hl7.org/fhir/sid/icd-10"),
    Vocabulary("CVX", "581400", "http://hl7.org/fhir/sid/cvx"),
    Vocabulary("NDC", "44819105", "http://hl7.org/fhir/sid/ndc"),
    Vocabulary("UCUM", "44819107", "http://unitsofmeasure.org"),
    Vocabulary("ATC", "44819117", "http://www.whocc.no/atc"),
    Vocabulary("NUCC", "44819137", "http://nucc.org/provider-taxonomy"),
)

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
    has_hierarchy=False,
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
            ", ".join(RELATIONSHIPS),
            "Coding",
            "The concepts to which it has the relationship; `$lookup` gives their displays.",
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
    maps=(
        ImplicitMap(
            f"{URL}/ConceptMap/to-[vocabulary]",
            "from the concepts of a vocabulary to their codes in its code system, each `equivalent`; the vocabulary is "
            "named by its concept: "
            + ", ".join(f"`{each.concept_id}` {each.id}" for each in VOCABULARIES)
            + ", of those that the release has concepts of",
        ),
        ImplicitMap(
            f"{URL}/ConceptMap/from-[vocabulary]",
            "from the codes of a vocabulary to its own concepts, which need not be standard: `Maps to` of a concept "
            "leads to the standard one",
        ),
    ),
    not_offered=(
        NotOffered(
            "value sets of a vocabulary or a class",
            "OHDSI has no url for them; the filters `vocabulary-id` and `concept-class-id` select the same",
        ),
        NotOffered(
            "maps of a vocabulary without a known code system", "a target without a system would mean nothing"
        ),
        NotOffered("the property `concept-id`", "it is the code"),
        NotOffered(
            "dates as `valueDate`",
            "FHIR's types of properties have none: `valid-start-date` and `valid-end-date` are a `dateTime`",
        ),
        NotOffered(
            "the other relationships of CONCEPT_RELATIONSHIP",
            "a download has tens of millions of them; those that lead to standard concepts and up and down are there",
        ),
        NotOffered(
            "subsumption by CONCEPT_ANCESTOR",
            "tx.fhir.org offers none either; `Is a` and `Subsumes` are there",
        ),
    ),
    copyright=COPYRIGHT,
)
