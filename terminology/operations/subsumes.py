"""CodeSystem $subsumes: is one code above the other?
(https://hl7.org/fhir/R5/codesystem-operation-subsumes.html)

There are four answers. What cannot be determined is none of them: it is an error; and so is a hierarchy that
goes round in a circle.
"""

from __future__ import annotations

from dataclasses import dataclass

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Coding, Concept, Document
from terminology.operations.instance import CODING, INSTANCE, agreed
from terminology.systems.filters import SUBSUMING
from terminology.systems.protocol import CodeSystem

EQUIVALENT, SUBSUMES, SUBSUMED_BY, NOT_SUBSUMED = "equivalent", "subsumes", "subsumed-by", "not-subsumed"

# Is A above B, is B above A -> the outcome.
OUTCOMES = {
    (True, False): SUBSUMES,
    (False, True): SUBSUMED_BY,
    (False, False): NOT_SUBSUMED,
}


@dataclass(slots=True)
class SubsumesRequest:
    """``system`` and ``version`` are for codes that do not say their own. ``languages`` has no effect."""

    code_a: str | None = None
    code_b: str | None = None
    system: str | None = None
    version: str | None = None
    coding_a: Coding | None = None
    coding_b: Coding | None = None
    languages: Languages | None = None
    instance: Document | None = None


def subsumes(catalogue: Catalogue, request: SubsumesRequest) -> str:
    """The outcome for A and B.

    Raises TerminologyError: a code or system missing or unknown, codes of different systems or versions, a
    hierarchy that does not mean subsumption, and codes that nothing here relates where only a part of the
    system is here, or its grammar.
    """
    first = _coding(request.code_a, request.coding_a, "A")
    second = _coding(request.code_b, request.coding_b, "B")
    system = _common_system(catalogue, request, first, second)
    a, b = located(system, first.code or ""), located(system, second.code or "")
    outcome = relation(system, a.code, b.code)
    if outcome == NOT_SUBSUMED and not system.about.is_related:
        raise TerminologyError(issues.subsumption_unknown(a.code, b.code, system.about))
    if outcome == NOT_SUBSUMED and system.about.content != "complete":
        raise TerminologyError(issues.subsumption_beyond_fragment(a.code, b.code, system.about))
    return outcome


def relation(system: CodeSystem, first: str, second: str) -> str:
    """How two codes that the system has are related. Raises TerminologyError: no such hierarchy, or
    one that contradicts itself.
    """
    if first == second:
        return EQUIVALENT
    require_subsumption(system.about)
    found = (system.subsumes(first, second), system.subsumes(second, first))
    if found not in OUTCOMES:
        raise TerminologyError(issues.subsumption_in_a_circle(first, second, system.about))
    return OUTCOMES[found]


def require_subsumption(about: CodeSystemInfo) -> None:
    """Raises TerminologyError when "below" does not mean "is a kind of" in this code system."""
    meaning = (about.document or {}).get("hierarchyMeaning")
    if meaning not in SUBSUMING:
        raise TerminologyError(issues.hierarchy_without_subsumption(about, str(meaning)))


def located(system: CodeSystem, code: str) -> Concept:
    """The concept of a code. Raises TerminologyError when the system does not have it."""
    concept = system.locate(code)
    if concept is None:
        raise TerminologyError(issues.unknown_code(code, system.about))
    return concept


def _coding(code: str | None, coding: Coding | None, letter: str) -> Coding:
    if coding is not None:
        agreed(f"code{letter}", code, coding.code, CODING)
    found = coding or Coding(code=code)
    if not found.code:
        raise TerminologyError(issues.missing_parameter(f"'code{letter}' with 'system', or 'coding{letter}'"))
    return found


def _common_system(
    catalogue: Catalogue, request: SubsumesRequest, first: Coding, second: Coding
) -> CodeSystem:
    """The one code system, in the one version, that everything in the request names."""
    instance = request.instance or {}
    agreed("system", request.system, instance.get("url"), INSTANCE)
    agreed("version", request.version, instance.get("version"), INSTANCE)
    named = (instance.get("url"), request.system, first.system, second.system)
    urls = list(dict.fromkeys(catalogue.preferred(url) for url in named if url))
    if not urls:
        raise TerminologyError(issues.missing_parameter("'system', or a system in 'codingA' and 'codingB'"))
    if len(urls) > 1:
        raise TerminologyError(issues.subsumption_across_systems(*urls[:2]))
    asked = (instance.get("version"), request.version, first.version, second.version)
    systems = [catalogue.system(urls[0], version) for version in dict.fromkeys(asked) if version]
    versions = list(dict.fromkeys(str(system.about.version) for system in systems))
    if len(versions) > 1:
        raise TerminologyError(issues.subsumption_across_versions(urls[0], *versions[:2]))
    return systems[0] if systems else catalogue.system(urls[0])
