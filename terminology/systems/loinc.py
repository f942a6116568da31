"""LOINC as Regenstrief and HL7 define it: https://terminology.hl7.org/LOINC.html, https://loinc.org/kb/.

Property values of LOINC are compared without case. An axis has the code of its part, or the text of the table where
there is no part; a filter takes the code, the name of the part and the text. The importer of LOINC
(``content/importers/loinc.py``) stores the texts for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

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
from terminology.systems.implicit import all_of, in_version

URL = "http://loinc.org"
VALUE_SET = f"{URL}/vs"
CODE = re.compile(r"(LP|LL|LA|LG)?([0-9]{1,9})-([0-9])")

# The words for the numbers that the column CLASSTYPE has.
CLASS_TYPES = {"1": "Laboratory", "2": "Clinical", "3": "Claims attachments", "4": "Surveys"}
# The columns with texts that are displays, designations and definitions.
TEXTS = ("LONG_COMMON_NAME", "SHORTNAME", "DisplayName", "DefinitionDescription")

COPYRIGHT = (
    "This material contains content from LOINC (http://loinc.org). Refer to https://terminology.hl7.org/ for copyright "
    "information. LOINC® is available at no cost under the license at http://loinc.org/license. LOINC® is a registered "
    "United States trademark of Regenstrief Institute, Inc."
)

# The sum of the digits of twice a digit.
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
# Escaped characters and classes of characters, in which ^ and $ do not anchor.
_NO_ANCHORS = re.compile(r"\\.|\[\^?\]?[^\]]*\]")


def is_loinc_code(code: str) -> bool:
    """Whether a code has LOINC's shape and, if it is a term, the check digit (mod 10, every second doubled).

    >>> is_loinc_code("65753-6"), is_loinc_code("65753-5"), is_loinc_code("LP14635-4")
    (True, False, True)
    """
    shape = CODE.fullmatch(code)
    if shape is None or shape[1]:
        return shape is not None
    digits = [int(digit) for digit in shape[2]]
    return -(sum(digits[-2::-2]) + sum(_DOUBLED[digit] for digit in digits[::-2])) % 10 == int(shape[3])


# -- filters -------------------------------------------------------------------------------------


def _compared(filters: Any, filter_: Filter) -> Any:
    """The concepts that have a value, in any case; parts by code or name."""
    values = filters.values_in_any_case(filters.name_of(filter_.property))
    if filter_.op == "regex":
        filter_ = Filter(filter_.property, filter_.op, in_any_case(filter_.value))
    return filters.compared(filter_, values)


def _needs_words(filter_: Filter) -> bool:
    """Whether a filter compares the name of a part, or a text of the table, and not codes."""
    if filter_.op == "exists":
        return False
    values = filter_.value.split(",") if filter_.op in ("in", "not-in") else [filter_.value]
    return filter_.op == "regex" or not all(CODE.fullmatch(value.strip().upper()) for value in values)


def in_any_case(expression: str) -> str:
    """A regular expression that ignores case, and matches anywhere in a text if it has anchors of its own.

    >>> in_any_case("PATH.*"), in_any_case("CYTO|^PATH"), in_any_case("[^a]")
    ('(?is)(?:PATH.*)', '(?is).*(?:CYTO|^PATH).*', '(?is)(?:[^a])')
    """
    has_anchors = any(anchor in _NO_ANCHORS.sub("", expression) for anchor in "^$")
    return f"(?is).*(?:{expression}).*" if has_anchors else ignoring_case(expression)


def _codes(filter_: Filter) -> list[str]:
    """The codes in the value of a filter."""
    return [code.strip() for code in filter_.value.split(",")] if filter_.op == "in" else [filter_.value]


def _below(filters: Any, filter_: Filter) -> Any:
    """All codes below some codes, without these."""
    chosen = filters.nothing()
    for concept in _concepts(filters, _codes(filter_)):
        chosen = chosen | filters.below(concept, itself=False)
    return chosen


def _above(filters: Any, filter_: Filter) -> Any:
    """All codes above some codes, each without itself."""
    chosen = filters.nothing()
    for code in _codes(filter_):
        for concept in _concepts(filters, [code]):
            chosen = chosen | (filters.above(concept) - filters.codes().having([code]))
    return chosen


def _concepts(filters: Any, codes: Iterable[str]) -> list[Any]:
    """The concepts that have these codes."""
    return [concept for concept in map(filters.find, codes) if concept is not None]


def _answer_codes(filters: Any, filter_: Filter) -> list[str]:
    """The answers of some lists, or of the lists of some terms, in the order of the lists."""
    answers: list[str] = []
    for concept in _concepts(filters, _codes(filter_)):
        lists = [concept]
        if filter_.property == "answers-for":
            lists += _concepts(filters, filters.property_of(concept, "answer-list"))
        answers += [answer for list_ in lists for answer in filters.property_of(list_, "Answer")]
    return list(dict.fromkeys(answers))


def _answers(filters: Any, filter_: Filter) -> Any:
    return filters.codes().having(_answer_codes(filters, filter_))


# Names in HL7's definition of LOINC, and those that the releases have for the same properties.
OTHER_NAMES = {
    "rad-modality-modality-type": "rad-modality-type",
    "rad-modality-modality-subtype": "rad-modality-subtype",
    "rad-view-view-aggregation": "rad-view-aggregation",
}


def _by_other_name(filters: Any, filter_: Filter) -> Any:
    name = filter_.property if filter_.property in filters.declared else OTHER_NAMES[filter_.property]
    if name not in filters.declared:
        raise TerminologyError(issues.property_without_values(filter_, filters.about))
    return _compared(filters, Filter(name, filter_.op, filter_.value))


_EQUALS = ("=", "in")
_TEXT = (
    "a text in any case; for `in` a list, for `regex` a pattern in any case, which matches anywhere if it has `^` or "
    "`$`"
)
FILTERS = (
    FilterRule(
        ("STATUS",), COMPARING, "`ACTIVE`, `TRIAL`, `DISCOURAGED`, `DEPRECATED`", "terms and parts", _compared
    ),
    FilterRule(
        ("CLASSTYPE",),
        COMPARING,
        "`1` to `4`, or " + ", ".join(f"`{word}`" for word in CLASS_TYPES.values()),
        "terms of that type",
        _compared,
    ),
    FilterRule(
        ("ORDER_OBS",), COMPARING, "`Order`, `Observation`, `Both`, `Subset`", "terms for that use", _compared
    ),
    FilterRule(
        ("copyright",),
        COMPARING,
        "`LOINC`, `3rdParty`",
        "terms without, or with, a notice of others",
        _compared,
    ),
    FilterRule(("parent",), COMPARING, "a code, or a list", "the codes directly below"),
    FilterRule(("child",), COMPARING, "a code, or a list", "the codes directly above"),
    FilterRule(
        ("ancestor",), _EQUALS, "a code, or a list", "all codes below, without the code itself", _below
    ),
    FilterRule(
        ("descendant",), _EQUALS, "a code, or a list", "all codes above, without the code itself", _above
    ),
    FilterRule(
        ("answer-list", "LIST"),
        _EQUALS,
        "an answer list (`LL…`)",
        "its answers, in the order of the list",
        _answers,
        order=_answer_codes,
    ),
    FilterRule(
        ("answers-for",),
        _EQUALS,
        "an answer list, or a term",
        "the answers of the list, or of all lists of the term",
        _answers,
        order=_answer_codes,
    ),
    FilterRule(("code", "concept"), COMPARING, "a code in any case, or a list", "these codes"),
    FilterRule(
        tuple(OTHER_NAMES),
        COMPARING,
        "as of " + ", ".join(f"`{name}`" for name in OTHER_NAMES.values()),
        "terms with it; refused where the release does not link such parts",
        _by_other_name,
        needs_words=_needs_words,
    ),
)
OTHERS = FilterRule(
    (),
    COMPARING,
    f"{_TEXT}; where the property is a part: its code, its name or the text of the table",
    "terms with it",
    _compared,
    label="each other property: the axes, `CLASS`, `document-kind`, `PanelType` …",
    needs_words=_needs_words,
)

# -- implicit value sets -------------------------------------------------------------------------


def _all(system: Describing, url: str) -> Document:
    return _in_version(system, all_of(system.about, url)) | {"name": "LOINC Value Set - all LOINC codes"}


def _in_version(system: Describing, value_set: Document) -> Document:
    return in_version(value_set, system.about.version)


def _of_code(system: Describing, url: str) -> Document | None:
    """The value set of an answer list, or of all codes below a part."""
    concept = system.locate(unquote(url.removeprefix(f"{VALUE_SET}/")))
    if concept is None or concept.code[:2] not in ("LL", "LP"):
        return None
    if concept.code.startswith("LL"):
        return _of_list(system, url, concept.code, concept.display or concept.code)
    value_set = all_of(system.about, url, Filter("ancestor", "=", concept.code))
    return _in_version(system, value_set) | {
        "name": f"LOINC Value Set from Multi-Axial Hierarchy code {concept.code}",
        "description": f"All LOINC codes for {concept.display or concept.code}",
    }


def _of_list(system: Describing, url: str, code: str, name: str) -> Document:
    answers = [p.value for p in system.describe([code])[code].properties if p.code == "Answer"]
    concepts = [concept for concept in map(system.locate, answers) if concept is not None]
    value_set = all_of(system.about, url)
    nodes = [{"code": c.code} | ({"display": c.display} if c.display else {}) for c in concepts]
    value_set["compose"]["include"][0]["concept"] = nodes
    return _in_version(system, value_set) | {
        "name": name,
        "description": f"LOINC Answer List for {name}",
    }


# -- the description -----------------------------------------------------------------------------

DESCRIPTION = SystemDescription(
    url=URL,
    name="LOINC",
    codes=(
        "Terms are digits, a hyphen and a check digit (`65753-6`); parts begin with `LP`, answer lists with `LL`, "
        "answers with `LA`, groups with `LG`. Case does not matter."
    ),
    displays=(
        "`LONG_COMMON_NAME`; `SHORTNAME`, the name for consumers, the display name, the fully specified name and the "
        "names of the linguistic variants are designations. Parts have `PartName` and `PartDisplayName`, answers "
        "`DisplayText`."
    ),
    versions="That of the release, `2.82`; versions are compared by their numbers.",
    inactive="`STATUS` DEPRECATED, and no other status.",
    is_flat=True,
    subsumption="By the component hierarchy (`ComponentHierarchyBySystem`), in which a code may have several parents.",
    source="https://terminology.hl7.org/LOINC.html",
    shape=CodeShape(
        CODE.pattern,
        "digits, a hyphen and a check digit (mod 10); a part, list, answer or group begins with LP, LL, LA or LG",
        is_loinc_code,
    ),
    properties=(
        DescribedProperty(
            "COMPONENT PROPERTY TIME_ASPCT SYSTEM SCALE_TYP METHOD_TYP CLASS",
            "code",
            "The part of each axis and class; the text of the table (a string) where the release links none.",
        ),
        DescribedProperty(
            "document-kind, rad-timing, analyte-gene …",
            "code",
            "Each property of `LoincPartLink_Supplementary.csv`.",
        ),
        DescribedProperty(
            "STATUS CLASSTYPE ORDER_OBS STATUS_REASON …",
            "string",
            "Every other column of `Loinc.csv` that is not empty, under its name.",
        ),
        DescribedProperty(
            "copyright", "string", "`LOINC`, or `3rdParty` for a term with a notice of others."
        ),
        DescribedProperty("parent, child", "code", "The hierarchy."),
        DescribedProperty("answer-list", "code", "Of a term: its answer lists."),
        DescribedProperty("answers-for", "code", "Of a list: the terms that it answers."),
        DescribedProperty("Answer", "code", "Of a list: its answers, in their order."),
        DescribedProperty("AnswerList", "code", "Of an answer: its lists."),
        DescribedProperty("MAP_TO", "code", "The term that takes the place of a deprecated one."),
        DescribedProperty("PartTypeName", "string", "Of a part: its type."),
    ),
    filters=FILTERS,
    others=OTHERS,
    value_sets=(
        ImplicitValueSet(VALUE_SET, "all codes", _all),
        ImplicitValueSet(
            f"{VALUE_SET}/[answer list or part]",
            "of a list (`LL…`) its answers, in their order; of a part (`LP…`) all codes below it",
            _of_code,
        ),
    ),
    not_offered=(
        NotOffered(
            "filters on " + ", ".join(f"`{name}`" for name in TEXTS),
            "these texts are displays, designations and definitions: the text filter of $expand searches them, and the "
            "filters 'display' and 'definition' compare two of them",
            TEXTS,
        ),
        NotOffered(
            "the files `DocumentOntology.csv` and `LoincRsnaRadiologyPlaybook.csv`",
            "`LoincPartLink_Supplementary.csv` links the same parts, as `document-kind`, `rad-timing` and so on; the "
            "order of the parts and the identifiers of RadLex are not properties",
        ),
        NotOffered(
            "`http://loinc.org/[version]/vs`",
            "HL7 does not define it; a version is named as `http://loinc.org/vs|2.82`",
        ),
        NotOffered(
            "the questions of an answer list by `answer-list = LL…`",
            "clients send this filter for the answers, as HL7's examples do; `$lookup` of the list has `answers-for`",
        ),
        NotOffered(
            "notices of others in the copyright of a value set",
            "each member would have to be read for it; `EXTERNAL_COPYRIGHT_NOTICE` of each term has the notice, and "
            "`copyright = 3rdParty` selects those terms",
        ),
        NotOffered("check digits of parts, lists and answers", "the owner's rule for them is not published"),
        NotOffered("maps", "neither the owner nor HL7 defines implicit maps; `MAP_TO` is a property"),
    ),
    copyright=COPYRIGHT,
)
