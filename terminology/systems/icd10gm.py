"""ICD-10-GM, the German modification of ICD-10, as the BfArM publishes it: https://www.bfarm.de."""

from __future__ import annotations

from dataclasses import replace

from terminology.systems.description import (
    COMPARING,
    DescribedProperty,
    FilterRule,
    NotOffered,
)
from terminology.systems.icd import ICD10GM
from terminology.systems.icd_descriptions import DESCRIPTION_10

URL = ICD10GM

DESCRIPTION = replace(
    DESCRIPTION_10,
    url=URL,
    name="ICD-10-GM",
    codes=(
        "As ICD-10; `!` marks a further code: `S62.32 Z33! O09.1! Z34`. Chapters (`IV`) and groups (`E10-E14`) are "
        "concepts that may not be selected. The fourth and fifth characters that stand in lists of their own are "
        "written out. The older url `http://fhir.de/CodeSystem/dimdi/icd-10-gm` is a copy of its own where one is "
        "loaded under it, and otherwise another name."
    ),
    displays=(
        "The long title, or else the title; of a code that is written out the titles of its class and of its "
        "characters with colons between them. The other title and the inclusions of a category are designations. "
        "Codes that are written together have the displays of all, with `; ` between."
    ),
    copyright="ICD-10-GM © Bundesinstitut für Arzneimittel und Medizinprodukte.",
    source="https://www.bfarm.de/DE/Kodiersysteme/Klassifikationen/ICD/ICD-10-GM",
    properties=(
        *DESCRIPTION_10.properties,
        DescribedProperty("kind", "code", "`chapter`, `block` or `category`."),
        DescribedProperty("usage", "code", "`dagger` (†), `aster` (*) or `optional` (!)."),
        DescribedProperty(
            "dagger, aster, optional", "code", "A code with that mark that belongs to the code."
        ),
        DescribedProperty(
            "Para295, Para301",
            "string",
            "How the code may be coded for outpatients (section 295) and in hospitals (301): `P` alone, `O` with its † "
            "code, `Z` only beside another one, `V` not at all.",
        ),
        DescribedProperty(
            "SexCode, AgeLow, AgeHigh, MortL1Code …",
            "string",
            "What else the file says of a code, under its names.",
        ),
        DescribedProperty(
            "exclusion, coding-hint, note …", "string", "The texts beside the code, by their kind."
        ),
    ),
    filters=(
        FilterRule(
            ("kind", "usage"), COMPARING, "a kind; a usage", "classes of the kind; codes with the mark"
        ),
        FilterRule(("aster", "dagger"), COMPARING, "a code", "the codes that it belongs to"),
        FilterRule(
            ("Para295", "Para301"), COMPARING, "`P`, `O`, `Z`, `V`", "the codes that may be coded so, or not"
        ),
        *DESCRIPTION_10.filters,
    ),
    not_offered=(
        *DESCRIPTION_10.not_offered,
        NotOffered(
            "the alphabetical index (Alpha-ID) and the transitions between years (Überleitung)",
            "they are files of their own; a table of them can be imported as a map",
        ),
    ),
)
