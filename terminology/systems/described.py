"""The descriptions of code systems: see ``description``."""

from __future__ import annotations

from dataclasses import replace

from terminology.core.model import CodeSystemInfo, Document
from terminology.systems import (
    bcp47,
    cms_descriptions,
    cpt,
    cvx,
    icd10gm,
    icd_descriptions,
    iso_description,
    loinc,
    ndc,
    omop,
    ops,
    rxnorm,
    ucum,
)
from terminology.systems.description import SystemDescription
from terminology.systems.icd import COMBINING, CombinedCodeSystem
from terminology.systems.metadata import info_of
from terminology.systems.protocol import CodeSystem
from terminology.systems.snomed import description as snomed

DESCRIPTIONS: tuple[SystemDescription, ...] = (
    cpt.DESCRIPTION,
    snomed.DESCRIPTION,
    loinc.DESCRIPTION,
    rxnorm.DESCRIPTION,
    ucum.DESCRIPTION,
    omop.DESCRIPTION,
    ndc.DESCRIPTION,
    cvx.DESCRIPTION,
    *icd_descriptions.DESCRIPTIONS,
    *cms_descriptions.DESCRIPTIONS,
    iso_description.DESCRIPTION,
    bcp47.DESCRIPTION,
    icd10gm.DESCRIPTION,
    ops.DESCRIPTION,
)

_BY_URL = {description.url: description for description in DESCRIPTIONS}


def description_of(url: str) -> SystemDescription | None:
    """The description of the code system with this url, if there is one."""
    return _BY_URL.get(url)


def described_info(document: Document) -> CodeSystemInfo:
    """The metadata of a CodeSystem resource, with those that only the description of its owner has."""
    about = info_of(document)
    description = description_of(about.url)
    if description is None:
        return about
    return replace(about, is_flat=description.is_flat, has_hierarchy=description.has_hierarchy)


def implying(url: str) -> SystemDescription | None:
    """The description of the code system that may imply a value set with this url."""
    sets = ((each, value_set) for each in DESCRIPTIONS for value_set in each.value_sets)
    return next((each for each, value_set in sets if value_set.may_be(url)), None)


def with_own_rules(system: CodeSystem) -> CodeSystem:
    """The code system with the codes that its owner has beyond those of a list, by a grammar."""
    url = system.about.url
    if url == cpt.URL:
        return cpt.CptCodeSystem(system)
    return CombinedCodeSystem(system, COMBINING[url]) if url in COMBINING else system
