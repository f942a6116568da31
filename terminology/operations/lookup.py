"""CodeSystem $lookup: the display, designations and properties of a code.

https://hl7.org/fhir/R5/codesystem-operation-lookup.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.budget import spend
from terminology.core.errors import TerminologyError
from terminology.core.languages import PREFERRED_FOR_LANGUAGE, Languages, best_display, matching, uses_of
from terminology.core.model import (
    CodeSystemInfo,
    Coding,
    Concept,
    ConceptDetail,
    Designation,
    Document,
    Property,
)
from terminology.operations.agreement import CODING, INSTANCE, agreed
from terminology.operations.dates import check_date
from terminology.operations.properties import Notes, mistyped_properties
from terminology.operations.spelling import code_hint, find_system
from terminology.systems.code_shapes import unknown_code
from terminology.systems.protocol import CodeSystem

EVERYTHING = "*"
_LANGUAGE = "lang."
# The steps to read one other concept.
_STEPS = 5


@dataclass(slots=True)
class LookupRequest:
    """The parameters of $lookup.

    ``properties``: the names of the properties to return; none, or ``*``, asks for all. ``supplements``:
    canonicals. ``instance``: the CodeSystem of the URL. A ``date`` in the past is refused.
    """

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
    """The answer. ``definition``, ``designations`` and ``properties`` are empty unless requested.

    ``supplements``: the canonicals (url|version) of the supplements that were used. ``notes`` returns warnings
    about the request; most requests have none, and many are not asked for them.
    """

    about: CodeSystemInfo
    concept: Concept
    display: str | None
    definition: str | None
    designations: list[Designation] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    supplements: list[str] = field(default_factory=list)
    notes: Notes = list


def lookup(catalogue: Catalogue, request: LookupRequest) -> Lookup:
    """Look one code up.

    Raises TerminologyError: the code or its system is missing, or the system, version or code is unknown.
    """
    check_date(request.date)
    coding = _coding(catalogue, request)
    system = find_system(catalogue, coding.system or "", coding.version, request.supplements)
    about = system.about
    concept = system.locate(coding.code or "")
    if concept is None:
        unknown = unknown_code(about, coding.code or "", system.remarks(coding.code or ""))
        raise TerminologyError(issues.with_hint(unknown, code_hint(system, coding.code or "")))
    detail = system.describe([concept.code])[concept.code]
    requested = RequestedProperties(request.properties)
    display = best_display(concept.display, about.language, detail.designations, request.languages)
    properties = _properties(concept, detail, about)
    chosen = [p for p in properties if p.code in requested] if request.properties else properties
    _add_displays(system, chosen)
    return Lookup(
        about=about,
        concept=concept,
        display=display,
        definition=concept.definition if "definition" in requested else None,
        designations=_designations(concept, detail, about, requested, display),
        properties=chosen,
        supplements=list(dict.fromkeys(system.supplements)),
        notes=lambda: mistyped_properties([system], request.properties, [p.code for p in properties]),
    )


def _coding(catalogue: Catalogue, request: LookupRequest) -> Coding:
    """The coding to look up, from the parameters and the CodeSystem of the URL.

    Raises TerminologyError when these contradict each other, or the code or system is missing.
    """
    system, code, version = request.system, request.code, request.version
    if request.coding is not None:
        own = _preferred(catalogue, request.coding.system)
        system = agreed("system", _preferred(catalogue, system), own, CODING)
        code = agreed("code", code, request.coding.code, CODING)
        version = agreed("version", version, request.coding.version, CODING)
    if request.instance is not None:
        url = request.instance.get("url")
        system = agreed("system", _preferred(catalogue, system), url, INSTANCE)
        version = agreed("version", version, request.instance.get("version"), INSTANCE)
    if not code or not system:
        raise TerminologyError(issues.missing_parameter("'code' with 'system', or 'coding' with both"))
    return Coding(system, code, version)


def _preferred(catalogue: Catalogue, url: str | None) -> str | None:
    return url and catalogue.preferred(url)


@dataclass(slots=True)
class RequestedProperties:
    """The ``property`` parameters. ``names`` empty, or with ``*``: all properties."""

    names: Sequence[str]

    def __contains__(self, name: str) -> bool:
        return not self.names or name in self.names or EVERYTHING in self.names

    @property
    def languages(self) -> list[str]:
        """The languages of the properties ``lang.X``: the designations to return if not all are requested."""
        return [name.removeprefix(_LANGUAGE) for name in self.names if name.startswith(_LANGUAGE)]


def _designations(
    concept: Concept,
    detail: ConceptDetail,
    about: CodeSystemInfo,
    requested: RequestedProperties,
    display: str | None,
) -> list[Designation]:
    """The designations, the default display among them where it has a language or is not ``display``."""
    designations = detail.designations
    if concept.display and (about.language or concept.display != display):
        default = Designation(concept.display, about.language, PREFERRED_FOR_LANGUAGE)
        if not any(d.value == default.value and default.use in uses_of(d) for d in designations):
            designations = [default, *designations]
    if "designation" in requested:
        return designations
    return matching(designations, requested.languages)


def _properties(concept: Concept, detail: ConceptDetail, about: CodeSystemInfo) -> list[Property]:
    """The properties of the concept, and the copyright of the code system.

    ``inactive`` comes even where it is false (tx-ecosystem, $lookup); the status comes where a date says that the
    concept is deprecated, and nothing else does.
    """
    properties = [Property("inactive", "boolean", concept.inactive)]
    if concept.status is None and concept.effective_status is not None:
        properties.append(Property("status", "code", concept.effective_status))
    properties += [p for p in detail.properties if p.code != "inactive"]
    if about.copyright:
        properties.append(Property("copyright", "string", about.copyright))
    return properties


def _add_displays(system: CodeSystem, properties: list[Property]) -> None:
    """Give each Coding of the same code system the display of its concept."""
    url = system.about.url
    places = [
        place
        for place, p in enumerate(properties)
        if p.type == "Coding" and p.value.get("system") == url and "display" not in p.value
    ]
    if not places:
        return
    spend(_STEPS * len(places))
    displays = system.displays({properties[place].value.get("code", "") for place in places})
    for place in places:
        own = properties[place]
        if display := displays.get(own.value.get("code", "")):
            coding = {**own.value, "display": display}
            properties[place] = Property(own.code, own.type, coding, own.description, own.source)
