"""CodeSystem $lookup: what is known of this code?
(https://hl7.org/fhir/R5/codesystem-operation-lookup.html)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.languages import PREFERRED_FOR_LANGUAGE, Languages, best_display, matching
from terminology.core.model import (
    CodeSystemInfo,
    Coding,
    Concept,
    ConceptDetail,
    Designation,
    Document,
    Property,
    Typed,
)
from terminology.operations.instance import CODING, INSTANCE, agreed
from terminology.operations.spelling import code_hint, system_hint
from terminology.systems.protocol import CodeSystem

EVERYTHING = "*"
_LANGUAGE = "lang."


@dataclass(slots=True)
class LookupRequest:
    """``date`` is accepted and has no effect: the content here knows versions, but no validity in time."""

    code: str | None = None
    system: str | None = None
    version: str | None = None
    coding: Coding | None = None
    date: str | None = None
    languages: Languages | None = None
    properties: Sequence[str] = ()
    supplements: Sequence[str] = ()
    instance: Document | None = None


@dataclass(slots=True)
class Lookup:
    """What was found. ``definition``, ``designations`` and ``properties`` are as far as they were asked
    for.
    """

    about: CodeSystemInfo
    concept: Concept
    display: str | None
    definition: str | None
    designations: list[Designation] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    supplements: list[str] = field(default_factory=list)


def lookup(catalogue: Catalogue, request: LookupRequest) -> Lookup:
    """Look one code up.

    Raises TerminologyError: no code or system, unknown system, unknown version, unknown code, or a code
    that is not in the fragment that is here.
    """
    coding = _coding(catalogue, request)
    system = _system(catalogue, coding, request)
    about = system.about
    concept = system.locate(coding.code or "")
    if concept is None:
        unknown = issues.unknown_code(coding.code or "", about)
        raise TerminologyError(issues.with_hint(unknown, code_hint(system, coding.code or "")))
    detail = system.describe([concept.code])[concept.code]
    wanted = _Wanted(request.properties)
    return Lookup(
        about=about,
        concept=concept,
        display=best_display(concept.display, about.language, detail.designations, request.languages),
        definition=concept.definition if wanted.named("definition") else None,
        designations=_designations(concept, detail, about, wanted),
        properties=[p for p in _properties(concept, detail, about) if wanted.holds(p.code)],
        supplements=list(dict.fromkeys(system.supplements)),
    )


def _system(catalogue: Catalogue, coding: Coding, request: LookupRequest) -> CodeSystem:
    url = coding.system or ""
    try:
        return catalogue.system(url, coding.version, request.supplements)
    except TerminologyError as missing:
        if catalogue.known_versions("CodeSystem", catalogue.preferred(url)):
            raise
        hint = system_hint(catalogue, url)
        raise TerminologyError(issues.with_hint(issue, hint) for issue in missing.issues) from None


def _coding(catalogue: Catalogue, request: LookupRequest) -> Coding:
    given = request.coding or Coding(request.system, request.code, request.version)
    known_as = catalogue.preferred
    if request.coding is not None:
        where = CODING
        asked, own = request.system, request.coding.system
        system = agreed("system", asked and known_as(asked), own and known_as(own), where)
        code = agreed("code", request.code, request.coding.code, where)
        given = Coding(system, code, agreed("version", request.version, request.coding.version, where))
    if request.instance is not None:
        system = agreed(
            "system", given.system and known_as(given.system), request.instance.get("url"), INSTANCE
        )
        version = agreed("version", given.version, request.instance.get("version"), INSTANCE)
        given = Coding(system, given.code, version)
    if not given.code or not given.system:
        raise TerminologyError(issues.missing_parameter("'code' with 'system', or 'coding' with both"))
    return given


@dataclass(slots=True)
class _Wanted:
    """The ``property`` parameters: none and ``*`` mean all there is."""

    names: Sequence[str]

    def named(self, name: str) -> bool:
        return self._all or name in self.names

    def holds(self, code: str) -> bool:
        return self._all or code in self.names

    @property
    def languages(self) -> list[str]:
        return [name.removeprefix(_LANGUAGE) for name in self.names if name.startswith(_LANGUAGE)]

    @property
    def _all(self) -> bool:
        return not self.names or EVERYTHING in self.names


def _designations(
    concept: Concept, detail: ConceptDetail, about: CodeSystemInfo, wanted: _Wanted
) -> list[Designation]:
    own = [Designation(concept.display, about.language, PREFERRED_FOR_LANGUAGE)] if concept.display else []
    known = [*own, *detail.designations] if about.language else detail.designations
    if wanted.named("designation"):
        return known
    return matching(known, wanted.languages)


def _properties(concept: Concept, detail: ConceptDetail, about: CodeSystemInfo) -> list[Property]:
    """``inactive`` is said also where it is false (tx-ecosystem, $lookup), and whose the words are; the rest
    as it is there.
    """
    properties = [Property("inactive", Typed("boolean", concept.inactive))]
    properties += [p for p in detail.properties if p.code != "inactive"]
    if about.copyright:
        properties.append(Property("copyright", Typed("string", about.copyright)))
    return properties
