"""The value sets that a release of SNOMED CT implies.

https://terminology.hl7.org/SNOMEDCT.html, "Implicit Value Sets": ``?fhir_vs`` (everything), ``=isa/[id]``,
``=refset`` (the reference sets), ``=refset/[id]`` and ``=ecl/[expression]``; before it the url of SNOMED CT,
of an edition or of a version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import unquote

from terminology.core import issues, versions
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Filter
from terminology.systems.implicit import ALL_CODES, BELOW, Locating, all_of

REFSETS, REFSET, ECL = "=refset", "=refset/", "=ecl/"


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


def _everything(system: WithReferenceSets, canonical: str, argument: str) -> Document:
    return all_of(system.about, canonical)


def _below(system: WithReferenceSets, canonical: str, code: str) -> Document:
    if system.locate(code) is None:
        why = issues.no_code_to_imply(system.about.canonical, code)
        raise TerminologyError(issues.unknown_value_set(canonical, why))
    return all_of(system.about, canonical, Filter("concept", "is-a", code))


def _reference_sets(system: WithReferenceSets, canonical: str, argument: str) -> Document:
    value_set = all_of(system.about, canonical)
    codes = system.reference_sets()
    if codes:
        value_set["compose"]["include"][0]["concept"] = [{"code": code} for code in codes]
        return value_set
    raise TerminologyError(issues.unknown_value_set(canonical, issues.not_implied_by_snomed()))


def _members(system: WithReferenceSets, canonical: str, refset: str) -> Document:
    if not system.has_reference_set(refset):
        why = issues.no_reference_set(refset, system.about).text
        raise TerminologyError(issues.unknown_value_set(canonical, why))
    return all_of(system.about, canonical, Filter("concept", "in", refset))


def _by_expression(system: WithReferenceSets, canonical: str, expression: str) -> Document:
    """An expression that is wrong is refused when it is evaluated."""
    return all_of(system.about, canonical, Filter("constraint", "=", unquote(expression)))


_WITHOUT_ARGUMENT = frozenset({"", REFSETS})
_KINDS: dict[str, Callable[[WithReferenceSets, str, str], Document]] = {
    "": _everything,
    REFSETS: _reference_sets,
    REFSET: _members,
    ECL: _by_expression,
    BELOW: _below,
}
