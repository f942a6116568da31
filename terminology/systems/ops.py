"""OPS, the German classification of procedures, as the BfArM publishes it: https://www.bfarm.de."""

from __future__ import annotations

from terminology.systems.description import (
    COMPARING,
    DescribedProperty,
    FilterRule,
    NotOffered,
    SystemDescription,
)

URL = "http://fhir.de/CodeSystem/bfarm/ops"

DESCRIPTION = SystemDescription(
    url=URL,
    name="OPS",
    codes=(
        "A digit, a hyphen and two or three more characters, and then perhaps a dot and one or two (`5-433.30`). "
        "Chapters (`5`) and groups (`5-65...5-71`) are concepts that may not be selected. The fifth and sixth "
        "characters that stand in lists of their own are written out, for the codes that the file allows them for."
    ),
    displays=(
        "The long title, or else the title; of a code that is written out the titles of its class and of its "
        "characters with colons between them. The other title and the inclusions of a category are designations."
    ),
    versions="The calendar year; German profiles ask for it.",
    inactive="None.",
    subsumption="By chapters, groups, categories and their subdivisions.",
    source="https://www.bfarm.de/DE/Kodiersysteme/Klassifikationen/OPS-ICHI/OPS",
    properties=(
        DescribedProperty("kind", "code", "`chapter`, `block` or `category`."),
        DescribedProperty(
            "DRG, ZusatzK, EinmalK …", "string", "What the file says of a code, under its names."
        ),
        DescribedProperty(
            "exclusion, coding-hint, note …", "string", "The texts beside the code, by their kind."
        ),
    ),
    filters=(
        FilterRule(("kind",), COMPARING, "a kind", "classes of the kind"),
        FilterRule(("code", "concept"), COMPARING, "a code, or a list", "these codes"),
    ),
    not_offered=(
        NotOffered(
            "the side of the body (`R`, `L`, `B`)",
            "it does not belong to the code: a claim has it in a field of its own",
        ),
        NotOffered(
            "the transitions between years (Überleitung)",
            "they are files of their own; a table of them can be imported as a map",
        ),
    ),
)
