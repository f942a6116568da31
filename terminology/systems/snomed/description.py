"""What SNOMED International and HL7 define for SNOMED CT, and what of it is offered: see ``systems.description``."""

from __future__ import annotations

from typing import Any

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Filter
from terminology.systems.description import (
    COMPARING,
    DescribedProperty,
    Describing,
    FilterRule,
    ImplicitValueSet,
    NotOffered,
    SystemDescription,
)
from terminology.systems.snomed.ecl.expression import needs_words
from terminology.systems.snomed.ecl.parser import parse
from terminology.systems.snomed.identifiers import URL
from terminology.systems.snomed.implicit import COPYRIGHT, WithReferenceSets, implied_value_set


def _of_a_release(filters: Any, filter_: Filter) -> Any:
    """A release chooses these concepts itself (``SnomedFilters``). Raises TerminologyError: a fragment cannot."""
    issue = issues.unknown_filter(filter_, filters.about)
    raise TerminologyError(issues.with_hint(issue, "it is answered for a release that was imported from RF2"))


def _needs_words(filter_: Filter) -> bool:
    """Whether the expression constraint of a filter compares words. Raises TerminologyError for one that is wrong."""
    return filter_.op == "=" and needs_words(parse(filter_.value))


def _implied(system: Describing, url: str) -> Document | None:
    return implied_value_set(system, url) if isinstance(system, WithReferenceSets) else None


DESCRIPTION = SystemDescription(
    url=URL,
    name="SNOMED CT",
    codes=(
        "Identifiers of concepts, active or not, with the check digit of Verhoeff; and every expression of the "
        "compositional grammar 2.4 whose concepts are there and whose attributes are below 410662002 or 106237007. "
        "Terms are not codes; identifiers of descriptions, relationships and members and those of other schemes are "
        "not, either. Expressions that differ in terms, blanks, order and repetitions only are one."
    ),
    displays=(
        "Preferred is what the American English language reference set prefers, else the British, else any; every "
        "active synonym and fully specified name is right, a definition is not. A term of an inactive description is "
        "right with a warning. An expression has itself for a display, with a term for each concept, unless a "
        "supplement has another."
    ),
    versions=(
        "`http://snomed.info/sct/[module]/version/[date]`; without the date the newest of the edition, without both "
        "the newest of all. `http://snomed.info/xsct/…` is unpublished and answers only for itself. A date alone, or "
        "any other form, is an unknown version: the message lists those that there are."
    ),
    inactive="The status of the concept in the snapshot. An expression is active.",
    subsumption=(
        "The active inferred `Is a` relationships; expressions by focus concepts and groups, without a classifier "
        "([snomed.md](snomed.md)). An inactive concept has no relation but to itself."
    ),
    source="https://terminology.hl7.org/SNOMEDCT.html; the specifications of SNOMED International",
    properties=(
        DescribedProperty("inactive", "boolean", "Whether the concept is inactive."),
        DescribedProperty("sufficientlyDefined", "boolean", "Whether its definition is sufficient."),
        DescribedProperty("moduleId", "code", "The module of the row of the concept."),
        DescribedProperty("effectiveTime", "dateTime", "`2005-01-31`, the day of the row of the concept."),
        DescribedProperty(
            "semanticTag", "code", "The text in the last brackets of the fully specified name."
        ),
        DescribedProperty(
            "normalForm, normalFormTerse",
            "string",
            "The nearest primitive concepts above, and the inferred role groups; with terms, and without.",
        ),
        DescribedProperty("parent, child", "code", "The concepts directly above and below."),
        DescribedProperty(
            "[attribute]",
            "code, decimal, string, boolean",
            "Every active attribute by its identifier, each value once.",
        ),
        DescribedProperty("memberOf", "code", "The simple reference sets. Not HL7's."),
        DescribedProperty("inactivationReason", "code", "Why it is inactive. Not HL7's."),
        DescribedProperty(
            "sameAs, replacedBy, possiblyEquivalentTo …", "code", "The historical associations. Not HL7's."
        ),
    ),
    filters=(
        FilterRule(
            ("constraint", "expression"),
            ("=",),
            "an expression constraint (ECL 2.2)",
            "the concepts that satisfy it, and the expressions",
            _of_a_release,
            needs_words=_needs_words,
        ),
        FilterRule(
            ("expressions",),
            ("=",),
            "`true`, `false`",
            "everything; everything but expressions",
            _of_a_release,
        ),
        FilterRule(
            ("concept",),
            ("is-a", "descendent-of", "is-not-a", "child-of", "generalizes", "=", "in", "not-in"),
            "a concept; for `in` and `not-in` a reference set, or a list of reference sets and concepts",
            "by the hierarchy; the members by active rows, perhaps inactive, and other concepts of a list themselves",
        ),
        FilterRule(("parent", "child"), ("=",), "a concept", "its children; its parents"),
        FilterRule(
            ("inactive", "sufficientlyDefined", "moduleId", "semanticTag", "effectiveTime"),
            COMPARING,
            "a value; days also as `20050131`",
            "the concepts with this value of the property",
        ),
    ),
    others=FilterRule(
        ("[attribute]",),
        COMPARING,
        "a concept, a list of concepts, or a concrete value as in RF2 without `#` and quotes",
        "the concepts, and expressions, with exactly this value. Those below it are asked for by `constraint`",
        label="any attribute by its identifier, `memberOf` and the associations",
    ),
    value_sets=(
        ImplicitValueSet(f"{URL}?fhir_vs", "all concepts, active or not", _implied),
        ImplicitValueSet(f"{URL}?fhir_vs=isa/[concept]", "the concept and those below it", _implied),
        ImplicitValueSet(
            f"{URL}?fhir_vs=refset", "the concepts of the reference sets that have members", _implied
        ),
        ImplicitValueSet(f"{URL}?fhir_vs=refset/[reference set]", "its members", _implied),
        ImplicitValueSet(f"{URL}?fhir_vs=ecl/[expression constraint]", "what satisfies it", _implied),
    ),
    not_offered=(
        NotOffered(
            "filters on `normalForm` and `normalFormTerse`",
            "a normal form is one text; its parts are asked for by attributes and by `constraint`",
            ("normalForm", "normalFormTerse"),
        ),
        NotOffered(
            "the concept model (MRCM) in expressions",
            "HL7 does not ask for it; `CodeSystem/$validate-code` says that it was not checked",
        ),
        NotOffered(
            "expressions among children, ancestors, top and bottom, dotted and reversed attributes, reference sets, "
            "`{{ D … }}`, `{{ M … }}` and the columns of concepts",
            "a release has no row for an expression; to find its neighbours takes a classifier",
        ),
        NotOffered(
            "what only general axioms and the concept model imply for expressions",
            "role chains, transitive and reflexive attributes, disjointness and merged groups need a classifier",
        ),
        NotOffered(
            "URIs of versions in another case or with percent-encoding",
            "FHIR compares canonicals as they are written, and a URI that is not found names the valid ones",
        ),
        NotOffered(
            "displays of expressions by templates", "no format is published in which a server could read them"
        ),
        NotOffered(
            "`module` as the name of a property",
            "HL7's page names it `moduleId`; other servers have both",
        ),
        NotOffered(
            "`code-display` in `$lookup`",
            "FHIR defines no such part; the name of an attribute is its identifier, which can be looked up",
        ),
        NotOffered(
            "the extension `coding-sctdescid`",
            "the code decides; a description is found by `{{ D id = … }}`",
        ),
        NotOffered(
            "identifiers of expressions (partition 16)", "HL7 does not name them as codes of SNOMED CT"
        ),
        NotOffered(
            "`^ [a, b] …` and `^ [*] …`, and columns and dotted attributes without concepts",
            "a value set has concepts; the message names the column or attribute",
        ),
        NotOffered(
            "reversed and other attributes in one pair of braces, and a reversed attribute with a concrete value",
            "a role group belongs to one concept, and no relationship leads from a value",
        ),
        NotOffered(
            "collation by language in text filters",
            "the index of words has no case and no accents, so that a marked letter finds the unmarked one, too; "
            '`exact:"…"` minds both',
        ),
        NotOffered(
            "concrete texts that are compared whole, as in ECL 2.3",
            'in 2.2 they are search texts; `exact:"…"` and `wild:"…"` compare the whole',
        ),
        NotOffered(
            "maps of reference sets other than associations, simple maps and extended maps",
            "their columns are reached by `{{ M … }}`, but HL7 defines no map for them",
        ),
        NotOffered(
            "releases without a snapshot",
            "the present state is what HL7's rules are about; the full history is not kept",
        ),
    ),
    copyright=COPYRIGHT,
)
