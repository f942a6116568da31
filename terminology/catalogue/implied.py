"""The value sets and maps that the code systems of a catalogue imply.

A code system implies value sets by ``CodeSystem.valueSet`` and by canonicals with ``?fhir_vs``; the url before
this may be that of a version or an edition. See ``systems.implicit``.
"""

from __future__ import annotations

from terminology.catalogue.concept_map import ConceptMap
from terminology.catalogue.omop_maps import omop_map
from terminology.catalogue.protocol import Catalogue, Pinned
from terminology.core import issues, versions
from terminology.core.model import Document
from terminology.systems.described import implying
from terminology.systems.implicit import ALL_CODES, BELOW, in_version
from terminology.systems.protocol import CodeSystem

# Before the reference set in the canonical of a map that SNOMED CT implies.
IMPLIED_MAP = "?fhir_cm="


def value_set(catalogue: Catalogue, url: str, version: str | None, pinned: Pinned) -> Document | None:
    """The ValueSet that a code system of the catalogue implies; see ``Catalogue.value_set``."""
    described = implying(url)
    system = edition(catalogue, described.url if described else url.partition("?")[0])
    if system is not None and (value_set := _of(catalogue, system, url, version, pinned)) is not None:
        return value_set
    declaring = [header for header in catalogue.headers("CodeSystem") if header.get("valueSet") == url]
    declared = versions.best(declaring, version) or versions.best(declaring, None)
    if declared is None:
        return _of_builtin_systems(catalogue, url)
    system = catalogue.find_system(declared.get("url", ""))
    if version is None and (system is None or system.implied_value_set(url) is None):
        version = declared.get("version")  # later versions imply another value set, or none
        system = catalogue.find_system(declared.get("url", ""), version)
    return _of(catalogue, system, url, version, pinned) if system else None


def _of(
    catalogue: Catalogue, system: CodeSystem, url: str, version: str | None, pinned: Pinned
) -> Document | None:
    """The value set of a version of a code system, if one is asked for, or else of any version."""
    used = _version_used(catalogue, system, url, version, pinned)
    value_set = used.implied_value_set(url) if used else None
    if used and value_set and version:
        return in_version(value_set, used.about.version)
    return value_set


def _version_used(
    catalogue: Catalogue, system: CodeSystem, url: str, version: str | None, pinned: Pinned
) -> CodeSystem | None:
    """The version of a code system in which its value set will be used."""
    about = system.about
    if version is not None:
        return catalogue.find_system(about.url, version)
    is_open = not versions.is_edition(about.version, url.partition("?")[0])
    pin = pinned(about.url) if is_open else None
    # An unknown pinned version is reported when the code system is looked up.
    return (catalogue.find_system(about.url, pin) if pin else None) or system


def _of_builtin_systems(catalogue: Catalogue, url: str) -> Document | None:
    value_sets = (system.implied_value_set(url) for system in catalogue.builtin_systems())
    return next((value_set for value_set in value_sets if value_set is not None), None)


def why_not(catalogue: Catalogue, url: str, version: str | None, pinned: Pinned) -> str | None:
    """Why a canonical with ``?fhir_vs`` is not that of a value set, for the message; None for any other."""
    base, mark, rest = url.partition(ALL_CODES)
    system = edition(catalogue, base) if mark else None
    if system is None:
        return None
    used = _version_used(catalogue, system, url, version, pinned)
    if used is None:
        known = catalogue.known_versions("CodeSystem", system.about.url)
        return issues.unknown_version(system.about.url, version or "", known).text
    code = rest.removeprefix(BELOW)
    is_unknown_code = code != rest and used.locate(code) is None
    return issues.no_code_to_imply(base, code) if is_unknown_code else issues.not_implied(base)


def edition(catalogue: Catalogue, url: str) -> CodeSystem | None:
    """The code system of a url, which may also be that of a version or of an edition with versions."""
    if (system := catalogue.find_system(url)) is not None:
        return system
    abouts = [about for about in catalogue.abouts() if versions.is_edition(about.version, url)]
    if not abouts:
        return None
    newest = max(abouts, key=lambda about: versions.natural(about.version or ""))
    return catalogue.find_system(newest.url, newest.version)


def concept_map(catalogue: Catalogue, url: str, version: str | None) -> ConceptMap | None:
    """The map that an implicit canonical names: of OMOP, or of SNOMED CT (its edition, or a version of that)."""
    base, mark, refset = url.partition(IMPLIED_MAP)
    system = edition(catalogue, base) if mark else None
    if system is None:
        return omop_map(catalogue, url, version)
    document = catalogue.find("ConceptMap", f"{system.about.url}{IMPLIED_MAP}{refset}", system.about.version)
    return catalogue.compile_map(document) if document else None
