"""The value sets that a code system implies: all of its codes, or a code and its descendants.

https://hl7.org/fhir/R5/codesystem.html (``CodeSystem.valueSet``); for every code system as for SNOMED CT,
https://hl7.org/fhir/R4/snomedct.html#implicit: ``[url]?fhir_vs`` and ``[url]?fhir_vs=isa/[code]``, where the
url may be that of a version.
"""

from __future__ import annotations

from typing import Protocol

from terminology.core import versions
from terminology.core.model import CodeSystemInfo, Concept, Document, Filter
from terminology.systems.description import Describing, SystemDescription

ALL_CODES = "?fhir_vs"
BELOW = "=isa/"


class Locating(Protocol):
    """The part of a code system that its implicit value sets need."""

    @property
    def about(self) -> CodeSystemInfo: ...

    def locate(self, code: str) -> Concept | None: ...


def implied_value_set(
    system: Describing, canonical: str, value_set: str | None, description: SystemDescription | None = None
) -> Document | None:
    """The ValueSet that a code system implies; ``value_set`` is ``CodeSystem.valueSet``.

    None where the canonical is not one of this code system, or names a code that it does not have.
    """
    if description is None:
        return _of_any_system(system, canonical, value_set)
    implied = description.implied_value_set(system, canonical) or _of_any_system(system, canonical, value_set)
    return implied | {"copyright": description.copyright} if implied and description.copyright else implied


def _of_any_system(system: Locating, canonical: str, value_set: str | None) -> Document | None:
    about = system.about
    if canonical == value_set:
        return all_of(about, canonical)
    base, mark, rest = canonical.partition(ALL_CODES)
    if not mark or not (base == about.url or versions.is_edition(about.version, base)):
        return None
    if not rest:
        return all_of(about, canonical)
    concept = system.locate(rest.removeprefix(BELOW)) if rest.startswith(BELOW) else None
    return all_of(about, canonical, Filter("concept", "is-a", concept.code)) if concept else None


def all_of(about: CodeSystemInfo, canonical: str, *filters: Filter) -> Document:
    """The ValueSet of every code of a code system that passes the filters.

    It includes this version where the canonical names it, or its edition. Otherwise the version is open.
    """
    nodes = [{"property": f.property, "op": f.op, "value": f.value} for f in filters]
    value_set: Document = {
        "resourceType": "ValueSet",
        "url": canonical,
        "status": "active",
        "compose": {"include": [{"system": about.url} | ({"filter": nodes} if nodes else {})]},
    }
    is_named = versions.is_edition(about.version, canonical.partition("?")[0])
    return in_version(value_set, about.version) if is_named else value_set


def in_version(value_set: Document, version: str | None) -> Document:
    """An implicit ValueSet that includes one version of its code system, and has this version itself."""
    if version is None:
        return value_set
    includes = [include | {"version": version} for include in value_set["compose"]["include"]]
    return value_set | {"version": version, "compose": {"include": includes}}
