"""The classifications of the ICD family as HL7 and their owners define them: https://terminology.hl7.org/ICD.html.

Codes that are written together are in ``icd``.
"""

from __future__ import annotations

from terminology.systems.description import (
    COMPARING,
    DescribedProperty,
    FilterRule,
    NotOffered,
    SystemDescription,
)
from terminology.systems.icd import ICD10, ICD11, SHAPE10, SHAPE11

_PAGE = "https://terminology.hl7.org/ICD.html"
_GUIDELINES = f"{_PAGE}, https://www.cdc.gov/nchs/icd/icd-10-cm/files.html"
_CODES = FilterRule(("code", "concept"), COMPARING, "a code, or a list", "these codes")
_BILLABLE = FilterRule(
    ("billable",), COMPARING, "`true`, `false`", "codes that are complete enough for a claim; all others"
)
_BILLABLE_PROPERTY = DescribedProperty(
    "billable",
    "boolean",
    "Whether a claim may have the code; false for headings, which are codes all the same.",
)
_NO_SETS = NotOffered("implicit value sets and maps of their own", "neither the owner nor HL7 defines any")
_NO_DOT = NotOffered(
    "codes without their dot",
    "HL7 requires it; such a code is unknown, and the diagnostics name the one with it",
)
_NO_NATIONAL = NotOffered(
    "one system for all national variants",
    "each variant has codes of its own, so it is a code system of its own",
)
_DOWN = "By the hierarchy (`classified-with`): chapters, blocks, categories, codes."

DESCRIPTION_10 = SystemDescription(
    url=ICD10,
    name="ICD-10 (WHO)",
    codes=(
        "Chapters, blocks, categories and codes as the copy lists them, with the dot. Dual coding: two or more codes "
        "with one blank between them (`J21.8 B95.6`), perhaps with marks (`J21.8+ B95.6*`, also `†`), are one code; "
        "the underlying disease comes first, and no further code has its mark. All parts must be codes of this "
        "version. A mark alone does not change the code. A fragment accepts codes that it lacks if they are written "
        "right, with a warning. Expansions list codes that are written together only where a value set enumerates "
        "them, and are unclosed where others are in it."
    ),
    displays="As the copy has them. Codes that are written together have the displays of all, with `; ` between.",
    versions="The year.",
    inactive="None; a code may be missing from a later version.",
    subsumption=f"{_DOWN} Dual coding is equivalent to the same codes in the same order, whatever their marks.",
    copyright="ICD-10 © World Health Organization. Its use needs the licence of the owner.",
    source=_PAGE,
    shape=SHAPE10,
    properties=(DescribedProperty("part", "code", "Of codes that are written together: each of them."),),
    filters=(_CODES,),
    not_offered=(
        NotOffered(
            "whether a code may have † or *", "a mark is taken as it is, whatever `usage` of a copy says"
        ),
        NotOffered("dual coding by its part", "it is a member of a value set only as itself, not by its first code"),
        _NO_NATIONAL,
        _NO_DOT,
        _NO_SETS,
    ),
)  # fmt: skip
DESCRIPTION_CM = SystemDescription(
    url="http://hl7.org/fhir/sid/icd-10-cm",
    name="ICD-10-CM",
    codes=(
        "Three to seven characters in capitals, with the dot after the third: a letter, two digits or a digit and a "
        "letter, and then digits or letters. `X` fills empty places before a seventh character (`T15.02XA`); "
        "without it, or without a seventh character that the tabular list asks for, a code is a heading or unknown. "
        "The codes of seven characters are made from the tabular list where no list has them. Chapters and sections "
        "stand under their ranges (`N80-N98`). A list of billable codes alone implies their headings, without "
        "titles."
    ),
    displays="The title; the short title of an order file and inclusion terms are designations.",
    versions="The fiscal year, as the file or its name has it: `2026`.",
    inactive="None; a code may be missing from a later version.",
    subsumption=_DOWN,
    source=_GUIDELINES,
    properties=(
        _BILLABLE_PROPERTY,
        DescribedProperty(
            "includes, excludes1, excludes2, codeFirst, useAdditionalCode, codeAlso, notes, sevenChrNote, "
            "seventhCharacter",
            "string",
            "The notes of the tabular list.",
        ),
    ),
    filters=(_CODES, _BILLABLE),
    not_offered=(
        NotOffered("dual coding", "ICD-10-CM has none: several diagnoses are several Codings"),
        NotOffered(
            "headings as `notSelectable`",
            "chapters, sections and the headings of a list of codes alone are; a category may be all that is known",
        ),
        NotOffered(
            "the updates of April as versions", "the name of a file has the year alone; `--version` says another"
        ),
        _NO_NATIONAL,
        _NO_DOT,
        _NO_SETS,
    ),
)  # fmt: skip
DESCRIPTION_PCS = SystemDescription(
    url="http://www.cms.gov/Medicare/Coding/ICD10",
    name="ICD-10-PCS",
    codes=(
        "Seven characters, each a digit or a capital letter other than I and O, without a dot. The beginnings with one "
        "to four characters are headings: section, body system, table, body part."
    ),
    displays="The long title; the short title of an order file is a designation.",
    versions="The fiscal year: `2026`.",
    inactive="None.",
    subsumption="By the beginnings of codes, which CMS does not name as a hierarchy.",
    source=f"{_PAGE}, https://www.cms.gov/medicare/coding-billing/icd-10-codes",
    properties=(
        _BILLABLE_PROPERTY,
        DescribedProperty(
            "section, bodySystem, rootOperation, bodyPart, approach, device, qualifier",
            "string",
            "The meaning of each character, if the tables are imported.",
        ),
    ),
    filters=(
        _CODES,
        _BILLABLE,
        FilterRule(
            ("section", "bodySystem", "rootOperation", "bodyPart", "approach", "device", "qualifier"),
            COMPARING,
            "the label of the tables: `Open`",
            "codes with it. Refused where the tables are not imported",
        ),
    ),
    not_offered=(
        NotOffered(
            "codes in small letters",
            "CMS takes them at a keyboard, and stores capitals; such a code is unknown, and the diagnostics name the "
            "right one",
        ),
        NotOffered("the additions of April as versions", "the name of a file has the year alone"),
        _NO_SETS,
    ),
)  # fmt: skip
DESCRIPTION_9CM = SystemDescription(
    url="http://hl7.org/fhir/sid/icd-9-cm",
    name="ICD-9-CM",
    codes=(
        "Diagnoses: three digits, `V` and two or `E` and three, and then perhaps a dot and one or two digits (after "
        "`E` one). Procedures: two digits, and then perhaps a dot and one or two. Zeros belong to the code, and the "
        "dot tells `01.0` from `010`. One url for both; the property `volume` tells them apart. Headings have no "
        "titles."
    ),
    displays="The long title; the short title is a designation.",
    versions="That of the files: `32`.",
    inactive="None.",
    subsumption="By the beginnings of codes (`classified-with`).",
    source=_PAGE,
    properties=(
        DescribedProperty("volume", "code", "`diagnosis` (volumes 1 and 2) or `procedure` (volume 3)."),
        _BILLABLE_PROPERTY,
    ),
    filters=(
        _CODES,
        _BILLABLE,
        FilterRule(("volume",), COMPARING, "`diagnosis`, `procedure`", "codes of these volumes"),
    ),
    not_offered=(
        NotOffered(
            "that an OID selects the diagnoses (.103) or the procedures (.104)",
            "both are other names of the one url; the filter `volume` selects",
        ),
        NotOffered("the ICD-9 of the WHO", "it has no url"),
        _NO_DOT,
        _NO_SETS,
    ),
)  # fmt: skip
DESCRIPTION_11 = SystemDescription(
    url=ICD11,
    name="ICD-11 (MMS)",
    codes=(
        "Stem codes: four characters and perhaps a dot and one or two more (`1A00`, `NC72.Z`, `2B80.00`), capitals "
        "and digits without I and O. Extension codes begin with `X`; one that stands alone gets a warning. A cluster "
        "is one code: stem codes joined by `/`, extension codes after `&` (`NC72.Z&XK8G&XJ7ZH`). All parts must be "
        "codes of this version."
    ),
    displays="The title. A cluster has the displays of all its codes, with `; ` between.",
    versions="That of the copy, such as `2025-01`.",
    inactive="None.",
    subsumption="By the hierarchy (is-a). A cluster is equivalent to itself alone.",
    copyright="ICD-11 © World Health Organization, licensed under CC BY-ND 3.0 IGO.",
    source="https://icdcdn.who.int/icd11referenceguide/en/html/index.html",
    shape=SHAPE11,
    properties=(DescribedProperty("part", "code", "Of a cluster: each of its codes."),),
    filters=(_CODES,),
    not_offered=(
        NotOffered(
            "an import of the WHO's files",
            "its licence allows no derivative, and its API gives FHIR resources only as a preview; a CodeSystem "
            "resource can be loaded, that of the foundation and of ICF as well",
        ),
        NotOffered(
            "sanctioning rules of clusters, and brackets in them", "the WHO does not publish them for machines"
        ),
        NotOffered(
            "residual codes (`.Y`, `.Z`) that no list has", "which categories have them is not published as a rule"
        ),
        _NO_SETS,
    ),
)  # fmt: skip
DESCRIPTIONS = (
    DESCRIPTION_10,
    DESCRIPTION_CM,
    DESCRIPTION_PCS,
    DESCRIPTION_9CM,
    DESCRIPTION_11,
)
