"""Which value sets does a release of SNOMED CT imply?

https://terminology.hl7.org/SNOMEDCT.html, "Implicit Value Sets": ``?fhir_vs`` (everything), ``=isa/[id]``,
``=refset`` (the reference sets), ``=refset/[id]`` and ``=ecl/[expression]``; before it the url of SNOMED CT,
of an edition or of a version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from terminology.core import issues, versions
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Filter
from terminology.systems.document import ALL_CODES, BELOW, all_of

if TYPE_CHECKING:
    from terminology.systems.snomed.system import SnomedSystem

REFSETS, REFSET, ECL = "=refset", "=refset/", "=ecl/"


def implied(system: SnomedSystem, canonical: str) -> Document | None:
    """The ValueSet of a canonical; None when it is not one of this version.

    Raises TerminologyError when it is, and there is no such concept, reference set or kind.
    """
    base, mark, asked = canonical.partition(ALL_CODES)
    if not mark or not (base == system.about.url or versions.is_edition(system.about.version, base)):
        return None
    for beginning, make in _KINDS.items():
        if asked.startswith(beginning) and (asked == beginning) == (beginning in _WHOLE):
            return make(system, canonical, asked.removeprefix(beginning))
    raise TerminologyError(issues.unknown_value_set(canonical, issues.not_implied_by_snomed()))


def _everything(system: SnomedSystem, canonical: str, asked: str) -> Document:
    return all_of(system.about, canonical)


def _below(system: SnomedSystem, canonical: str, code: str) -> Document:
    if system.locate(code) is None:
        why = issues.no_code_to_imply(system.about.canonical, code)
        raise TerminologyError(issues.unknown_value_set(canonical, why))
    return all_of(system.about, canonical, Filter("concept", "is-a", code))


def _refsets(system: SnomedSystem, canonical: str, asked: str) -> Document:
    found = all_of(system.about, canonical)
    codes = system.reference_sets()
    if codes:
        found["compose"]["include"][0]["concept"] = [{"code": code} for code in codes]
        return found
    raise TerminologyError(issues.unknown_value_set(canonical, issues.not_implied_by_snomed()))


def _members(system: SnomedSystem, canonical: str, refset: str) -> Document:
    if not system.has_reference_set(refset):
        why = issues.no_reference_set(refset, system.about).text
        raise TerminologyError(issues.unknown_value_set(canonical, why))
    return all_of(system.about, canonical, Filter("concept", "in", refset))


def _chosen(system: SnomedSystem, canonical: str, expression: str) -> Document:
    """What is wrong in an expression is said when it is evaluated."""
    return all_of(system.about, canonical, Filter("constraint", "=", unquote(expression)))


_WHOLE = frozenset({"", REFSETS})
_KINDS: dict[str, Callable[[SnomedSystem, str, str], Document]] = {
    "": _everything,
    REFSETS: _refsets,
    REFSET: _members,
    ECL: _chosen,
    BELOW: _below,
}
