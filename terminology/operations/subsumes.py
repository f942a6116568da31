"""CodeSystem $subsumes: the relationship of two codes in the hierarchy.

https://hl7.org/fhir/R5/codesystem-operation-subsumes.html

There are four outcomes. A relationship that cannot be determined is none of them: it is an error, and so is a
hierarchy with a circle.
"""

from __future__ import annotations

from dataclasses import dataclass

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Coding, Concept, Document
from terminology.operations.agreement import CODING, INSTANCE, agreed
from terminology.operations.spelling import code_hint, find_system
from terminology.systems.code_shapes import unknown_code
from terminology.systems.filters import SUBSUMING
from terminology.systems.protocol import CodeSystem

EQUIVALENT, SUBSUMES, SUBSUMED_BY, NOT_SUBSUMED = "equivalent", "subsumes", "subsumed-by", "not-subsumed"

# (A subsumes B, B subsumes A) -> the outcome.
OUTCOMES = {
    (True, False): SUBSUMES,
    (False, True): SUBSUMED_BY,
    (False, False): NOT_SUBSUMED,
}


@dataclass(slots=True)
class SubsumesRequest:
    """The parameters of $subsumes.

    ``system`` and ``version`` are for codes without their own. ``languages`` has no effect. ``instance`` is the
    CodeSystem of the URL.
    """

    code_a: str | None = None
    code_b: str | None = None
    system: str | None = None
    version: str | None = None
    coding_a: Coding | None = None
    coding_b: Coding | None = None
    languages: Languages | None = None
    instance: Document | None = None


def subsumes(catalogue: Catalogue, request: SubsumesRequest) -> str:
    """The outcome for A and B: equivalent, subsumes, subsumed-by or not-subsumed.

    Raises TerminologyError: a code or system is missing or unknown, the codes are of different systems or
    versions, the hierarchy does not mean subsumption, or the codes are unrelated but only a part of the code
    system, or only its grammar, is known.
    """
    first = _coding(request.code_a, request.coding_a, "A")
    second = _coding(request.code_b, request.coding_b, "B")
    system = _common_system(catalogue, request, first, second)
    a, b = require_concept(system, first.code or ""), require_concept(system, second.code or "")
    outcome = relation(system, a.code, b.code)
    if outcome == NOT_SUBSUMED and not system.about.is_related:
        raise TerminologyError(issues.subsumption_unknown(a.code, b.code, system.about))
    is_beyond = system.about.content != "complete" and system.about.has_hierarchy
    if outcome == NOT_SUBSUMED and is_beyond:
        raise TerminologyError(issues.subsumption_beyond_fragment(a.code, b.code, system.about))
    return outcome


def relation(system: CodeSystem, first: str, second: str) -> str:
    """The outcome for two codes of the system.

    Raises TerminologyError when the hierarchy does not mean subsumption, or contradicts itself.
    """
    if first == second:
        return EQUIVALENT
    require_subsumption(system.about)
    directions = (system.subsumes(first, second), system.subsumes(second, first))
    if directions == (True, True) and (system.is_expression(first) or system.is_expression(second)):
        return EQUIVALENT
    if directions not in OUTCOMES:
        raise TerminologyError(issues.subsumption_in_a_circle(first, second, system.about))
    return OUTCOMES[directions]


def require_subsumption(info: CodeSystemInfo) -> None:
    """Raises TerminologyError when "below" does not mean "is a kind of" in this code system."""
    meaning = (info.document or {}).get("hierarchyMeaning")
    if meaning not in SUBSUMING:
        raise TerminologyError(issues.hierarchy_without_subsumption(info, str(meaning)))


def require_concept(system: CodeSystem, code: str) -> Concept:
    """The concept of a code. Raises TerminologyError when the system does not have it."""
    concept = system.locate(code)
    if concept is None:
        unknown = unknown_code(system.about, code, system.remarks(code))
        raise TerminologyError(issues.with_hint(unknown, code_hint(system, code)))
    return concept


def _coding(code: str | None, coding: Coding | None, letter: str) -> Coding:
    if coding is not None:
        agreed(f"code{letter}", code, coding.code, CODING)
    coding = coding or Coding(None, code)
    if not coding.code:
        raise TerminologyError(issues.missing_parameter(f"'code{letter}' with 'system', or 'coding{letter}'"))
    return coding


def _common_system(
    catalogue: Catalogue, request: SubsumesRequest, first: Coding, second: Coding
) -> CodeSystem:
    """The one code system, in the one version, that everything in the request names."""
    instance = request.instance or {}
    if instance:
        agreed("system", request.system, instance.get("url"), INSTANCE)
        agreed("version", request.version, instance.get("version"), INSTANCE)
    names = (instance.get("url"), request.system, first.system, second.system)
    urls = list({catalogue.preferred(url): None for url in names if url})
    if not urls:
        raise TerminologyError(issues.missing_parameter("'system', or a system in 'codingA' and 'codingB'"))
    if len(urls) > 1:
        raise TerminologyError(issues.subsumption_across_systems(*urls[:2]))
    requested = (instance.get("version"), request.version, first.version, second.version)
    if not any(requested):
        return find_system(catalogue, urls[0])
    systems = [find_system(catalogue, urls[0], version) for version in dict.fromkeys(requested) if version]
    versions = list(dict.fromkeys(str(system.about.version) for system in systems))
    if len(versions) > 1:
        raise TerminologyError(issues.subsumption_across_versions(urls[0], *versions[:2]))
    return systems[0]
