"""The value sets that a release of SNOMED CT implies.

https://terminology.hl7.org/SNOMEDCT.html, "Implicit Value Sets": ``?fhir_vs`` (everything), ``=isa/[id]``,
``=refset`` (the reference sets), ``=refset/[id]`` and ``=ecl/[expression]``; before it the url of SNOMED CT,
of an edition or of a version. That page has the words of their names, descriptions and copyright, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable
from urllib.parse import unquote

from terminology.core import issues, versions
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Filter
from terminology.systems.implicit import ALL_CODES, BELOW, Locating, all_of

REFSETS, REFSET, ECL = "=refset", "=refset/", "=ecl/"
# The agreement of SNOMED International with HL7 prescribes these words.
COPYRIGHT = (
    "This value set includes content from SNOMED CT, which is copyright © 2002+ International Health Terminology "
    "Standards Development Organisation (SNOMED International), and distributed by agreement between SNOMED "
    "International and HL7. Implementer use of SNOMED CT is not covered by this agreement"
)


@runtime_checkable
class WithReferenceSets(Locating, Protocol):
    """The part of a release that its implicit value sets need."""

    def has_reference_set(self, refset: str) -> bool: ...

    def reference_sets(self) -> list[str]: ...


def implied_value_set(system: WithReferenceSets, canonical: str) -> Document | None:
    """The ValueSet of a canonical; None when it is not one of this version.

    Raises TerminologyError when it is, and there is no such concept, reference set or kind.
    """
    base, mark, rest = canonical.partition(ALL_CODES)
    if not mark or not (base == system.about.url or versions.is_edition(system.about.version, base)):
        return None
    for beginning, make in _KINDS.items():
        if rest.startswith(beginning) and (rest == beginning) == (beginning in _WITHOUT_ARGUMENT):
            return make(system, canonical, rest.removeprefix(beginning))
    raise TerminologyError(issues.unknown_value_set(canonical, issues.not_implied_by_snomed()))


def _value_set(
    system: WithReferenceSets, canonical: str, name: str, description: str, *filters: Filter
) -> Document:
    document = all_of(system.about, canonical, *filters)
    compose = document.pop("compose")
    texts = {"name": name, "description": f"All SNOMED CT {description}", "copyright": COPYRIGHT}
    version = {"version": system.about.version} if system.about.version else {}
    return document | version | texts | {"compose": compose}


def _named(system: WithReferenceSets, code: str) -> str:
    """The preferred description of a concept, or else its identifier."""
    concept = system.locate(code)
    return (concept and concept.display) or code


def _everything(system: WithReferenceSets, canonical: str, argument: str) -> Document:
    return _value_set(system, canonical, "ALLSNOMEDCT", "concepts")


def _below(system: WithReferenceSets, canonical: str, code: str) -> Document:
    if system.locate(code) is None:
        why = issues.no_code_to_imply(system.about.canonical, code)
        raise TerminologyError(issues.unknown_value_set(canonical, why))
    name, description = f"SNOMED CT Concept {code} and descendants", f"concepts for {_named(system, code)}"
    return _value_set(system, canonical, name, description, Filter("concept", "is-a", code))


def _reference_sets(system: WithReferenceSets, canonical: str, argument: str) -> Document:
    description = "concepts associated with a reference set"
    value_set = _value_set(system, canonical, "SNOMED CT Reference Sets", description)
    codes = system.reference_sets()
    if codes:
        value_set["compose"]["include"][0]["concept"] = [{"code": code} for code in codes]
        return value_set
    raise TerminologyError(issues.unknown_value_set(canonical, issues.not_implied_by_snomed()))


def _members(system: WithReferenceSets, canonical: str, refset: str) -> Document:
    if not system.has_reference_set(refset):
        why = issues.no_reference_set(refset, system.about).text
        raise TerminologyError(issues.unknown_value_set(canonical, why))
    name, description = (
        f"SNOMED CT Reference Set {refset}",
        f"concepts in the reference set {_named(system, refset)}",
    )
    return _value_set(system, canonical, name, description, Filter("concept", "in", refset))


def _by_expression(system: WithReferenceSets, canonical: str, expression: str) -> Document:
    """An expression that is wrong is refused when it is evaluated."""
    ecl = unquote(expression)
    name, description = (
        f"SNOMED CT Concepts matching {ecl}",
        f"concepts that match the expression constraint {ecl}",
    )
    return _value_set(system, canonical, name, description, Filter("constraint", "=", ecl))


_WITHOUT_ARGUMENT = frozenset({"", REFSETS})
_KINDS: dict[str, Callable[[WithReferenceSets, str, str], Document]] = {
    "": _everything,
    REFSETS: _reference_sets,
    REFSET: _members,
    ECL: _by_expression,
    BELOW: _below,
}
