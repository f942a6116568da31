"""RxNorm as the National Library of Medicine and HL7 define it: https://terminology.hl7.org/RxNorm.html.

A relationship is read as the technical documentation of RXNREL has it: the second concept of a row has it to the first.
So ``has_ingredient = CUI:1191`` selects the drugs with that ingredient. The importer of RxNorm
(``content/importers/rxnorm.py``) stores the relationships and semantic types for it.
"""

from __future__ import annotations

from typing import Any

from terminology.core import issues
from terminology.core.errors import TerminologyError
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
from terminology.systems.filters import ignoring_case
from terminology.systems.implicit import all_of

URL = "http://www.nlm.nih.gov/research/umls/rxnorm"
VALUE_SET = f"{URL}/vs"
# The columns of RXNSTY by which semantic types are named; the first is that of a value without a column.
COLUMNS = ("TUI", "STY", "STN")
RELATIONSHIPS = ("SY", "SIB", "RN", "RB", "RO", "PAR", "CHD")
# The attributes (ATN of RXNSAT) that are properties.
ATTRIBUTES = (
    "NDC",
    "RXN_STRENGTH",
    "RXN_HUMAN_DRUG",
    "RXN_VET_DRUG",
    "RXN_AVAILABLE_STRENGTH",
    "RXTERM_FORM",
)
MERGED = "MERGED_TO_RXCUI"

COPYRIGHT = (
    "This product uses publicly available data courtesy of the U.S. National Library of Medicine (NLM), "
    "National Institutes of Health, Department of Health and Human Services; NLM is not responsible for the "
    "product and does not endorse or recommend this or any other product."
)
_CONCEPT, _ATOM = "CUI:", "AUI:"
_WHY_NO_ATOMS = (
    "Relationships of atoms are those of the sources, which have licences of their own; name the concept, as in "
    "'CUI:1191'"
)


def _items(filter_: Filter) -> list[str]:
    """The values of a filter. The name of a semantic type may have commas, so ``=`` has one value."""
    if filter_.op == "=":
        return [filter_.value.strip()]
    return [item.strip() for item in filter_.value.split(",")]


def _require(filters: Any, filter_: Filter) -> None:
    """Raise TerminologyError where the release came without the file that has the property."""
    if filters.name_of(filter_.property) not in filters.declared:
        raise TerminologyError(issues.property_without_values(filter_, filters.about))


def _compared(filters: Any, filter_: Filter) -> Any:
    """The concepts that have a value, in any case."""
    _require(filters, filter_)
    values = filters.values_in_any_case(filters.name_of(filter_.property))
    if filter_.op == "regex":
        filter_ = Filter(filter_.property, filter_.op, ignoring_case(filter_.value))
    return filters.compared(filter_, values)


def _by_semantic_type(filters: Any, filter_: Filter) -> Any:
    """A type as ``TUI:T200``, ``STY:Clinical Drug`` or ``STN:A1.3.3``; without a column, its identifier or name."""
    _require(filters, filter_)
    chosen = filters.nothing()
    for item in _items(filter_):
        column, mark, value = item.partition(":")
        columns = (column.strip().upper(),) if mark and column.strip().upper() in COLUMNS else COLUMNS[:2]
        for each in columns:
            sought = value.strip() if mark and len(columns) == 1 else item
            chosen = chosen | filters.values_in_any_case(each).having([sought])
    return chosen


def _by_relationship(filters: Any, filter_: Filter) -> Any:
    """The concepts that have a relationship to one of some concepts or, for ``not-in``, to none of them."""
    _require(filters, filter_)
    concepts = []
    for item in _items(filter_):
        if item.upper().startswith(_ATOM):
            raise TerminologyError(
                issues.with_hint(issues.bad_filter_value(filter_, "a concept"), _WHY_NO_ATOMS)
            )
        concepts.append(item[len(_CONCEPT) :] if item.upper().startswith(_CONCEPT) else item)
    related = filters.values_in_any_case(filters.name_of(filter_.property)).having(concepts)
    return filters.everything() - related if filter_.op == "not-in" else related


def _by_property(filters: Any, filter_: Filter) -> Any:
    """A filter on an attribute compares its value; on any other property it is a relationship."""
    name = filters.name_of(filter_.property)
    if name in ATTRIBUTES or filter_.op not in (*_EQUALS, "not-in"):
        return _compared(filters, filter_)
    return _by_relationship(filters, filter_)


def _all(system: Describing, url: str) -> Document:
    return all_of(system.about, url)


_EQUALS = ("=", "in")
DESCRIPTION = SystemDescription(
    url=URL,
    name="RxNorm",
    codes=(
        "A RXCUI, of the concepts that have a name by RxNorm itself (SAB=RXNORM). One that was merged or retired is a "
        "code, too: it is inactive, and `MERGED_TO_RXCUI` says which concept took its place."
    ),
    displays=(
        "The name (STR) by RxNorm whose term type is not a synonym; the other names are designations, with the term "
        "type as their use. Of an archived concept it is the last name that it had."
    ),
    versions="The date of the release, `MMDDYYYY`, as in the name of its file.",
    inactive="Concepts whose names are all obsolete (SUPPRESS=O), and those of the archive (status `archived`).",
    has_hierarchy=False,
    subsumption="None.",
    source="https://terminology.hl7.org/RxNorm.html, https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html",
    shape=CodeShape("[0-9]{1,8}", "digits only"),
    properties=(
        DescribedProperty("TTY", "code", "The term types of the names by RxNorm."),
        DescribedProperty(
            "STY, TUI, STN", "string", "The semantic types: name, identifier and place in the tree."
        ),
        DescribedProperty("SAB", "code", "The sources that have a name of the concept."),
        DescribedProperty(", ".join(ATTRIBUTES), "string", "The attributes of that name in RXNSAT."),
        DescribedProperty(
            "has_ingredient, tradename_of …",
            "code",
            "Each relationship (RELA) that the concept has: to which concept.",
        ),
        DescribedProperty(MERGED, "code", "Of a merged concept: the one that took its place."),
    ),
    filters=(
        FilterRule(
            ("TTY",),
            COMPARING,
            "a term type in any case: `SCD`",
            "concepts with a name of the type",
            _compared,
        ),
        FilterRule(
            ("STY",),
            _EQUALS,
            "`T200`, `TUI:T200`, `STY:Clinical Drug`, `STN:A1.3.3`, `Clinical Drug`",
            "concepts of the semantic type; refused where the release came without `RXNSTY.RRF`",
            _by_semantic_type,
        ),
        FilterRule(("TUI", "STN"), COMPARING, "`T200`; `A1.3.3`", "concepts of the semantic type", _compared),
        FilterRule(
            ("SAB",),
            COMPARING,
            "a source: `MTHSPL`",
            "concepts that also have a name of the source",
            _compared,
        ),
        FilterRule(
            RELATIONSHIPS,
            _EQUALS,
            "`CUI:1191`, or the RXCUI alone; a list of them",
            "concepts that have the relationship (REL) to one of these; refused without `RXNREL.RRF`",
            _by_relationship,
        ),
        FilterRule((MERGED,), COMPARING, "a RXCUI", "concepts that were merged into it", _compared),
        FilterRule(("code", "concept"), COMPARING, "a RXCUI, or a list", "these concepts"),
    ),
    others=FilterRule(
        (),
        COMPARING,
        "of a relationship `CUI:1191`, or the RXCUI alone, or a list; of an attribute its value",
        "concepts that have the relationship (RELA) to one of these: `has_ingredient = CUI:1191` are the drugs with it",
        _by_property,
        label="each relationship (RELA) and attribute of the release, in any case: `has_ingredient`, `NDC` …",
    ),
    value_sets=(ImplicitValueSet(VALUE_SET, "all concepts", _all),),
    not_offered=(
        NotOffered("`AUI:` in a filter", _WHY_NO_ATOMS),
        NotOffered(
            "relationships of other sources than RxNorm (SAB of RXNREL)",
            "they are under the licences of the sources",
        ),
        NotOffered(
            "an error for an unknown `CUI:`",
            "RxNorm knows concepts that it has no name for, and those are not here; the filter selects nothing, with a "
            "warning",
        ),
        NotOffered("maps", "neither the owner nor HL7 defines implicit maps"),
    ),
    copyright=COPYRIGHT,
    ignores_case_of_names=True,
)
